/* SPDX-License-Identifier: Apache-2.0 */
/* The interpreter: running a graph, and its values. */
#include "interp.h"
#include "sizes.h"
#include <setjmp.h>
#include <string.h>

/* ---- values ---- */

static Val *val_link(Interp *in, Val *v) {
  v->refs = 1;
  v->prev = in->live.prev;
  v->next = &in->live;
  return v->prev->next = in->live.prev = v;
}

/* NULL when memory ran out or the size overflows. */
static Val *val_alloc(Interp *in, DType storage, int rank, const int64_t *dim) {
  int64_t count = 1, bytes;
  for (int i = 0; i < rank; i++)
    if (dim[i] < 0 || __builtin_mul_overflow(count, dim[i], &count)) return NULL;
  bool large = __builtin_mul_overflow(count, (int64_t)dtype_info[storage].bytes, &bytes);
  if (large || bytes > (int64_t)1 << 47) return NULL;
  Val *v = ctx_heap_alloc(in->m->c, sizeof *v);
  if (!v) return NULL;
  v->data = ctx_heap_alloc(in->m->c, (size_t)bytes);
  if (!v->data) return ctx_heap_free(v), NULL;
  v->type = storage;
  v->rank = rank;
  v->count = count;
  if (rank) memcpy(v->dim, dim, (size_t)rank * sizeof *dim);
  return val_link(in, v);
}

/* Unlinks and frees v and releases what it refers to. References point to older values only. */
static void val_free(Val *v) {
  v->prev->next = v->next;
  v->next->prev = v->prev;
  for (int i = 0; i < v->nelem; i++) val_release(v->elem[i]);
  if (v->owner) val_release(v->owner);
  else ctx_heap_free(v->data);
  ctx_heap_free(v->elem);
  ctx_heap_free(v);
}

void val_release(Val *v) {
  if (v && --v->refs == 0) val_free(v);
}

Val *val_retain(Val *v) {
  v->refs++;
  return v;
}

/* After a failure: frees all values made since `mark` was the newest, newest first, whoever holds them. */
static void val_free_since(Interp *in, Val *mark) {
  while (in->live.prev != mark) {
    Val *v = in->live.prev;
    v->refs = 0;
    val_free(v);
  }
}

static DType storage_of(const Interp *in, DType t) { return in->f64 && dtype_is_float(t) ? DT_F64 : dtype_computed(t); }

static void concrete_shape(const Interp *in, const Type *t, int64_t *dim) {
  for (int i = 0; i < t->rank; i++) dim[i] = dim_value(in->m, t->dim[i], in->size);
}

Val *interp_value(Interp *in, TypeId type) {
  const Type *t = type_get(in->m, type);
  int64_t dim[MAX_RANK];
  concrete_shape(in, t, dim);
  return val_alloc(in, storage_of(in, (DType)t->dtype), t->rank, dim);
}

/* ---- the interface of the rules ---- */

static _Noreturn void unwind(Interp *in, Loc loc, const char *text) {
  in->error = text;
  in->error_loc = loc;
  longjmp(*(jmp_buf *)in->unwind, 1);
}

void eval_fail(Eval *e, Id n, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *text = ctx_vstrf(e->in->m->c, fmt, ap);
  va_end(ap);
  unwind(e->in, n ? node_get(e->g, n)->loc : 0, text);
}

static Val *must(Eval *e, Val *v) {
  if (!v) unwind(e->in, 0, "out of memory, or a tensor of negative size");
  return v;
}

int64_t eval_dim(const Eval *e, Dim d) { return dim_value(e->in->m, d, e->in->size); }
int64_t eval_dim_attr(const Eval *e, Id n, int field, int k) {
  return dim_value(e->in->m, node_attr(e->g, n, field)->v[k], e->in->size);
}
DType eval_dtype(const Eval *e, DType t) { return storage_of(e->in, t); }
Val *eval_new(Eval *e, TypeId type) { return must(e, interp_value(e->in, type)); }
Val *eval_new_shape(Eval *e, DType storage, int rank, const int64_t *dim) {
  return must(e, val_alloc(e->in, storage, rank, dim));
}

void *eval_scratch(Eval *e, size_t bytes, Val **holder) {
  *holder = eval_new_shape(e, DT_U8, 1, &(int64_t){(int64_t)bytes});
  return (*holder)->data;
}

void eval_set(Eval *e, Id n, Val *v) {
  val_release(e->val[n]);
  e->val[n] = v;
}

Val *eval_out(Eval *e, Id n) {
  eval_set(e, n, eval_new(e, node_get(e->g, n)->type));
  return e->val[n];
}

Val *eval_share(Eval *e, Val *v, int rank, const int64_t *dim) {
  Val *s = must(e, ctx_heap_alloc(e->in->m->c, sizeof *s));
  s->type = v->type;
  s->rank = rank;
  s->count = v->count;
  if (rank) memcpy(s->dim, dim, (size_t)rank * sizeof *dim);
  s->data = v->data;
  s->owner = val_retain(v->owner ? v->owner : v);
  return val_link(e->in, s);
}

Val *eval_tuple(Eval *e, int n, Val *const *elem) {
  Val *t = must(e, ctx_heap_alloc(e->in->m->c, sizeof *t));
  t->elem = ctx_heap_alloc(e->in->m->c, (size_t)(n + 1) * sizeof *elem);
  if (!t->elem) ctx_heap_free(t), must(e, NULL);
  t->type = DT_TUPLE;
  t->nelem = n;
  memcpy(t->elem, elem, (size_t)n * sizeof *elem);
  return val_link(e->in, t);
}

/* ---- running ---- */

/* Uses of each node by what the results need, the results included; 0: not needed. */
static void count_uses(const Graph *g, uint32_t *uses) {
  for (int i = 0; i < g->nout; i++) uses[g->out[i].value]++;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; uses[n] && i < node_get(g, n)->nin; i++) uses[node_in(g, n, (int)i)]++;
}

/* A value from outside becomes the node's: shared, or rounded where its type has 16 bits and it comes as any f32. */
static void bind(Eval *e, Id n, Val *v) {
  DType t = (DType)node_type(e->g, n)->dtype;
  if (!dtype_is_half(t)) {
    eval_set(e, n, eval_share(e, v, v->rank, v->dim));
    return;
  }
  val_fill(eval_out(e, n), v->type, v->data);
  val_round(e->val[n], t);
}

static void bind_port(Eval *e, Id n, Val *v) {
  const Type *t = node_type(e->g, n);
  int64_t dim[MAX_RANK];
  const char *name = node_name(e->g, n);
  if (!v) eval_fail(e, n, "input `%s` has no value", name);
  concrete_shape(e->in, t, dim);
  bool same = v->type == eval_dtype(e, (DType)t->dtype) && v->rank == t->rank;
  for (int i = 0; same && i < t->rank; i++) same = v->dim[i] == dim[i];
  if (!same)
    eval_fail(e, n, "the value of `%s` does not have the type %s", name, type_text(e->in->m, node_get(e->g, n)->type));
  bind(e, n, v);
}

static void eval_node(Eval *e, Id n) {
  const Node *d = node_get(e->g, n);
  if (d->op == OP_param || d->op == OP_state) {
    const char *name = node_name(e->g, n);
    int var = var_find(e->in->m, name);
    Val *v = var < 0 ? NULL : e->in->var[var];
    if (!v) eval_fail(e, n, "`%s` was not set before it was read", name);
    bind(e, n, v);
  } else if (op_info[d->op].cls == CL_META) {
    eval_fail(e, n, "`%s` must be expanded by autodiff before the graph is run", op_info[d->op].name);
  } else if (d->op == OP_input) {
    if (!e->val[n]) eval_fail(e, n, "input `%s` is not a port of the graph", node_name(e->g, n));
  } else {
    op_info[d->op].eval(e, n);
    val_round(e->val[n], (DType)node_type(e->g, n)->dtype);
    if (e->in->computed && op_info[d->op].cls != CL_LEAF && e->val[n]->data && !e->val[n]->owner)
      e->in->computed(e->in->computed_arg, e->g, n, e->val[n]);
  }
}

/* Computes all outputs of the graph: out[i] of g->out[i] receives one reference. */
static void eval_graph(Eval *e, Val *const *ports, Val **out) {
  const Graph *g = e->g;
  Val *tables[2];
  e->val = eval_scratch(e, (size_t)g->n * sizeof *e->val, &tables[0]);
  uint32_t *uses = eval_scratch(e, (size_t)g->n * sizeof *uses, &tables[1]);
  count_uses(g, uses);
  for (int i = 0; i < g->nport; i++)
    if (uses[g->port[i]]) bind_port(e, g->port[i], ports[i]);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!uses[n]) continue;
    eval_node(e, n);
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      if (!--uses[x]) eval_set(e, x, NULL);
    }
  }
  for (int i = 0; i < g->nout; i++) out[i] = val_retain(e->val[g->out[i].value]);
  for (Id n = 1; n < (Id)g->n; n++) val_release(e->val[n]);
  val_release(tables[0]);
  val_release(tables[1]);
}

void eval_body(Eval *up, const Graph *body, uint32_t iteration, uint32_t length, Val *const *ports, Val **results) {
  Eval e = {.in = up->in, .g = body, .iteration = up->iteration * length + iteration, .up = up};
  eval_graph(&e, ports, results);
}

static bool loss_is_finite(const Graph *g, Val *const *out) {
  int i = graph_checked(g);
  double loss = i < 0 || out[i]->count != 1 ? 0 : val_get(out[i], 0);
  return loss - loss == 0;
}

/* Refuses sizes that the graph cannot have, as generated C does. */
static void check_sizes(Eval *e) {
  Module *m = e->in->m;
  SizeConstraints list = graph_constraints((Graph *)e->g);
  for (int i = 0; i < list.n; i++) {
    if (eval_dim(e, list.v[i].dim) >= 0) continue;
    int s = 31 - __builtin_clz(dim_sizes(m, list.v[i].dim));
    eval_fail(e, list.v[i].node, "%s: impossible where %s is %lld: %s is negative",
              node_info(e->g, list.v[i].node)->name, m->size[s].name, (long long)e->in->size[s],
              dim_text(m, list.v[i].dim));
  }
}

static void run(Interp *in, const Graph *g, Val *const *ports, Val **results) {
  Eval e = {.in = in, .g = g};
  bool counts = g->kind == GK_EXPORT && g->draws;
  uint32_t pass = in->pass;
  check_sizes(&e);
  Val *holder, **out = eval_scratch(&e, (size_t)g->nout * sizeof *out + 1, &holder);
  if (counts) in->pass = in->calls;
  eval_graph(&e, ports, out);
  in->pass = pass;
  in->calls += counts;
  in->finite = loss_is_finite(g, out);
  for (int i = 0, k = 0; i < g->nout; i++) {
    int var = g->out[i].var;
    if (var >= 0 && in->finite) interp_set_var(in, var, out[i]);
    else if (var < 0 && results) results[k++] = out[i];
    else val_release(out[i]);
  }
  val_release(holder);
}

bool interp_run(Interp *in, const Graph *g, Val *const *ports, Val **results) {
  jmp_buf here;
  Val *mark = in->live.prev;
  in->unwind = &here;
  in->error = NULL;
  if (setjmp(here)) {
    val_free_since(in, mark);
    return false;
  }
  run(in, g, ports, results);
  for (int again = graph_again(g); again >= 0 && in->finite && val_get(in->var[again], 0) != 0;) {
    for (int i = 0; results && i < interp_nresults(g); i++) val_release(results[i]);
    run(in, g, ports, results);
  }
  return true;
}

int interp_nresults(const Graph *g) {
  int n = 0;
  for (int i = 0; i < g->nout; i++) n += g->out[i].var < 0;
  return n;
}

/* ---- an interpreter ---- */

Interp *interp_new(Module *m, bool f64) {
  Interp *in = ctx_heap_alloc(m->c, sizeof *in);
  if (!in) return NULL;
  in->size = ctx_heap_alloc(m->c, ((size_t)m->nsize + 1) * sizeof *in->size);
  in->var = ctx_heap_alloc(m->c, ((size_t)m->nvar + 1) * sizeof(Val *));
  if (!in->size || !in->var) return ctx_heap_free(in->size), ctx_heap_free(in->var), ctx_heap_free(in), NULL;
  in->m = m;
  in->f64 = f64;
  in->seed = 1;
  in->finite = true;
  in->live.prev = in->live.next = &in->live;
  for (int i = 0; i < m->nsize; i++) in->size[i] = m->size[i].bound;
  return in;
}

void interp_free(Interp *in) {
  if (!in) return;
  val_free_since(in, &in->live);
  ctx_heap_free(in->size);
  ctx_heap_free(in->var);
  ctx_heap_free(in);
}

bool interp_size(Interp *in, const char *name, int64_t value) {
  for (int i = 0; i < in->m->nsize; i++)
    if (!strcmp(in->m->size[i].name, name)) {
      if (value < 0 || value > in->m->size[i].bound) return false;
      in->size[i] = value;
      return true;
    }
  return false;
}

void interp_set_var(Interp *in, int var, Val *v) {
  val_release(in->var[var]);
  if (v) val_round(v, (DType)type_get(in->m, in->m->var[var].type)->dtype);
  in->var[var] = v;
}
