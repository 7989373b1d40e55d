/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, graphs, hash-consed nodes, rebuilding. */
#include "rule.h"
#include "scan.h"
#include "tables.h"
#include <math.h>
#include <string.h>

Module *module_new(Ctx *c, const char *name) {
  Module *m = ctx_alloc(c, sizeof *m);
  m->c = c;
  m->name = ctx_name(c, name);
  m->file = "";
  m->head_bytes = m->persistent_bytes = m->arena_bytes = m->total_bytes = -1;
  m->tab = ctx_alloc(c, sizeof *m->tab);
  return m;
}

static Graph *graph_blank(Module *m) {
  Graph *g = ctx_alloc(m->c, sizeof *g);
  g->m = m;
  g->arena = -1;
  g->precision = DT_F32;
  VEC_PUSH(m->c, g->node, g->n, g->capn); /* node 0 does not exist */
  return g;
}

Graph *graph_new(Module *m, const char *name, GraphKind kind, Loc loc) {
  Graph *g = graph_blank(m);
  g->name = ctx_name(m->c, name);
  g->kind = kind;
  g->loc = loc;
  g->index = m->ngraph;
  *VEC_PUSH(m->c, m->graph, m->ngraph, m->capgraph) = g;
  return g;
}

Graph *graph_find(Module *m, const char *name) {
  for (int i = 0; i < m->ngraph; i++)
    if (!strcmp(m->graph[i]->name, name)) return m->graph[i];
  return NULL;
}

Graph *graph_new_body(const Graph *like, const char *stem, const char *sep) {
  Module *m = like->m;
  const char *name = stem;
  for (int i = 2; graph_find(m, name); i++) name = ctx_strf(m->c, "%s%s%d", stem, sep, i);
  Graph *g = graph_new(m, name, GK_BODY, like->loc);
  g->training = like->training;
  return g;
}

bool graph_on_device(const Graph *g) {
  return g->kind != GK_TEST && g->kind != GK_BODY && g->kind != GK_BIND && g->kind != GK_EVAL_DONE;
}

bool graph_trains(const Graph *g) {
  return g->kind == GK_TRAIN_STEP || g->kind == GK_TRAIN_PASS || g->kind == GK_TRAIN_UPDATE;
}

static int find_role(const Graph *g, OutRole role) {
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].role == role) return i;
  return -1;
}

int graph_loss(const Graph *g) { return find_role(g, OUT_LOSS); }

int graph_checked(const Graph *g) {
  int scale = find_role(g, OUT_LOSS_SCALE);
  return scale >= 0 ? scale : graph_loss(g);
}

int graph_again(const Graph *g) {
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var >= 0 && g->m->var[g->out[i].var].role == VAR_AGAIN) return g->out[i].var;
  return -1;
}

static bool storage_order_same(const StorageOrder *a, const StorageOrder *b) {
  return a->rank == b->rank && a->panel == b->panel && a->panel_axis == b->panel_axis &&
         !memcmp(a->perm, b->perm, a->rank);
}

uint32_t storage_order_make(Module *m, const StorageOrder *s) {
  bool plain = !s->panel;
  for (int i = 0; i < s->rank; i++) plain &= s->perm[i] == i;
  if (plain) return 0;
  for (int i = 0; i < m->nstored; i++)
    if (storage_order_same(&m->stored[i], s)) return (uint32_t)i + 1;
  *VEC_PUSH(m->c, m->stored, m->nstored, m->capstored) = *s;
  return (uint32_t)m->nstored;
}

/* ---- nodes ---- */

const AttrVal *node_attr(const Graph *g, Id n, int field) { return &attr_get(g->m, g->node[n].attr)->v[field]; }

const char *node_name(const Graph *g, Id n) { return node_attr(g, n, ATTR(input, name))->s; }
_Static_assert(ATTR(param, name) == ATTR(input, name) && ATTR(state, name) == ATTR(input, name) &&
                 ATTR(run, name) == ATTR(input, name),
               "one field of named leaves");

static uint64_t node_hash(Op op, const Id *in, int nin, AttrId attr, TypeId type) {
  return hash_bytes(in, (size_t)nin * sizeof *in, (uint64_t)attr << 32 | (uint64_t)type << 10 | op);
}

/* Leaves are keyed by their type too; every other node's type follows from the rest of its key. */
static TypeId key_type(const Graph *g, Id n) { return op_info[g->node[n].op].cls == CL_LEAF ? g->node[n].type : 0; }

static void cons_insert(Graph *g, Id n) {
  const Node *d = &g->node[n];
  uint32_t k = (uint32_t)node_hash((Op)d->op, g->in + d->in, (int)d->nin, attr_key(g->m, d->attr), key_type(g, n)) &
               (g->capcons - 1);
  while (g->cons[k]) k = (k + 1) & (g->capcons - 1);
  g->cons[k] = n;
}

static void cons_grow(Graph *g) {
  g->capcons = g->capcons ? 4 * g->capcons : 256;
  g->cons = ctx_alloc(g->m->c, g->capcons * sizeof *g->cons);
  for (Id n = 1; n < (Id)g->n; n++) cons_insert(g, n);
}

static Id cons_find(const Graph *g, Op op, const Id *in, int nin, AttrId attr, TypeId type) {
  if (!g->capcons) return 0;
  attr = attr_key(g->m, attr);
  uint32_t k = (uint32_t)node_hash(op, in, nin, attr, type) & (g->capcons - 1);
  for (; g->cons[k]; k = (k + 1) & (g->capcons - 1)) {
    const Node *d = &g->node[g->cons[k]];
    if (d->op == op && (int)d->nin == nin && attr_key(g->m, d->attr) == attr && key_type(g, g->cons[k]) == type &&
        (!nin || !memcmp(g->in + d->in, in, (size_t)nin * sizeof *in)))
      return g->cons[k];
  }
  return 0;
}

static bool node_same(const Graph *a, const Graph *b, Id n) {
  const Node *x = &a->node[n], *y = &b->node[n];
  return x->op == y->op && x->nin == y->nin && x->type == y->type &&
         attr_key(a->m, x->attr) == attr_key(a->m, y->attr) &&
         (!x->nin || !memcmp(a->in + x->in, b->in + y->in, x->nin * sizeof(Id)));
}

bool graph_same(const Graph *a, const Graph *b) {
  bool same =
    a->kind == b->kind && a->training == b->training && a->n == b->n && a->nport == b->nport && a->nout == b->nout;
  for (int i = 0; same && i < a->nport; i++) same = a->port[i] == b->port[i];
  for (int i = 0; same && i < a->nout; i++)
    same =
      a->out[i].value == b->out[i].value && a->out[i].var == b->out[i].var && !strcmp(a->out[i].name, b->out[i].name);
  for (Id n = 1; same && n < (Id)a->n; n++) same = node_same(a, b, n);
  return same;
}

static Id node_append(Graph *g, Op op, const Id *in, int nin, AttrId attr, TypeId type, Loc loc) {
  Module *m = g->m;
  uint32_t first = (uint32_t)g->nins;
  for (int i = 0; i < nin; i++) {
    Id x = in[i]; /* `in` may point into g->in */
    *VEC_PUSH(m->c, g->in, g->nins, g->capins) = x;
  }
  *VEC_PUSH(m->c, g->node, g->n, g->capn) =
    (Node){.op = (uint16_t)op, .nin = (uint32_t)nin, .in = first, .type = type, .attr = attr, .loc = loc};
  const OpInfo *info = &op_info[op];
  g->draws |= info->flags & OPF_RANDOM || (info->cls == CL_SCAN && scan_of(g, (Id)g->n - 1).body->draws);
  if (4 * (uint32_t)g->n > 3 * g->capcons) cons_grow(g);
  else cons_insert(g, (Id)g->n - 1);
  return (Id)g->n - 1;
}

/* A `get` has the tuple's clone number and hints, so that all readers of an element share one node. */
static AttrId attr_of_result(const Graph *g, const OpCall *k) {
  const Attr *of = attr_get(g->m, g->node[k->in[0]].attr);
  return attr_with(g->m, k->op, k->attr, of->clone, of->hints);
}

static Id node_make(Graph *g, const OpCall *call) {
  OpCall k[1] = {*call};
  for (int i = 0; i < k->nin; i++)
    if (!k->in[i]) return 0; /* an operand was refused before: no second message */
  if (op_info[k->op].cls == CL_TUPLE && k->nin == 1) k->attr = attr_of_result(g, k);
  TypeId keyed = op_info[k->op].cls == CL_LEAF ? k->given : 0;
  Id same = cons_find(g, k->op, k->in, k->nin, k->attr, keyed);
  if (same) return same;
  if (g->n > MAX_NODES) {
    if (!g->full) shape_fail(g, k, E_TOO_MANY_ELEMENTS, "the graph `%s` has more than %d nodes", g->name, MAX_NODES);
    g->full = true;
    return 0;
  }
  TypeId t = op_info[k->op].shape(g, k);
  if (!t) return 0;
  if (type_bytes(g->m, t) < 0) {
    shape_fail(g, k, E_TENSOR_TOO_LARGE, "a tensor of type %s is larger than 2^47 bytes", type_text(g->m, t));
    return 0;
  }
  return node_append(g, k->op, k->in, k->nin, k->attr, t, k->loc);
}

Id graph_node(Graph *g, Op op, const Id *in, int nin, AttrId attr, Loc loc) {
  return node_make(g, &(OpCall){.op = op, .in = in, .nin = nin, .attr = attr, .loc = loc});
}

/* The value of a constant without -0 where the type is not a float: text has 0 for it, and equal constants are one
 * node. */
static AttrId no_minus_zero(Graph *g, TypeId type, AttrId attr) {
  Module *m = g->m;
  const AttrVal *v = call_attr(g, &(OpCall){.attr = attr}, ATTR(const, value));
  uint8_t t = type_get(m, type)->dtype;
  int zeros = 0;
  for (int i = 0; i < v->n; i++) zeros += v->fv[i] == 0 && signbit(v->fv[i]);
  if (!zeros || t >= DT_COUNT || dtype_info[t].kind == 'f') return attr;
  double *fv = ctx_alloc(m->c, sizeof *fv * (size_t)v->n);
  for (int i = 0; i < v->n; i++) fv[i] = v->fv[i] == 0 ? 0 : v->fv[i];
  return attr_make(m, OP_const, &(AttrVal){.fv = fv, .n = v->n});
}

Id graph_leaf(Graph *g, Op op, TypeId type, AttrId attr, Loc loc) {
  if (op == OP_const && type) attr = no_minus_zero(g, type, attr);
  return node_make(g, &(OpCall){.op = op, .attr = attr, .loc = loc, .given = type});
}

Id graph_input(Graph *g, const char *name, TypeId type, Loc loc) {
  Id n = graph_leaf(g, OP_input, type, attr_make(g->m, OP_input, &(AttrVal){.s = name}), loc);
  for (int i = 0; i < g->nport; i++)
    if (g->port[i] == n) return n;
  if (n) *VEC_PUSH(g->m->c, g->port, g->nport, g->capport) = n;
  return n;
}

static bool has_port(const Graph *g, const char *name) {
  for (int i = 0; g && i < g->nport; i++)
    if (!strcmp(node_name(g, g->port[i]), name)) return true;
  return false;
}

const char *graph_new_port(const Graph *g, const Graph *other, const char *name) {
  while (has_port(g, name) || has_port(other, name)) name = ctx_strf(g->m->c, "%s_", name);
  return name;
}

Id graph_var(Graph *g, int var, Loc loc) {
  const Var *v = &g->m->var[var];
  Op op = v->kind == VK_PARAM ? OP_param : OP_state;
  return graph_leaf(g, op, v->type, attr_make(g->m, op, &(AttrVal){.s = v->name}), loc);
}

Id node_skip_moves(const Graph *g, Id n) {
  while (node_info(g, n)->flags & OPF_DATA_MOVEMENT) n = node_in(g, n, 0);
  return n;
}

bool module_has_gradients(const Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    for (Id n = 1; n < (Id)m->graph[i]->n; n++)
      if (node_info(m->graph[i], n)->cls == CL_META) return true;
  return false;
}

uint32_t node_region(const Graph *g, Id n) { return attr_get(g->m, g->node[n].attr)->hints / HINT_REGION; }

int id_compare(const void *a, const void *b) {
  Id x = *(const Id *)a, y = *(const Id *)b;
  return (x > y) - (x < y);
}

int node_var(const Graph *g, Id n) {
  Op op = (Op)g->node[n].op;
  return op == OP_param || op == OP_state ? var_find(g->m, node_name(g, n)) : -1;
}

TypeId node_shape(Graph *g, Id n) {
  const Node *d = node_get(g, n);
  const OpInfo *info = &op_info[d->op];
  OpCall k = {.op = (Op)d->op,
              .in = g->in + d->in,
              .nin = (int)d->nin,
              .attr = d->attr,
              .loc = d->loc,
              .given = info->cls == CL_LEAF ? d->type : 0};
  return info->shape(g, &k);
}

bool node_is_splat(const Graph *g, Id n, double *v) {
  while (node_get(g, n)->op == OP_broadcast || node_get(g, n)->op == OP_reshape) n = node_in(g, n, 0);
  if (!node_is_const(g, n)) return false;
  const AttrVal *a = node_attr(g, n, ATTR(const, value));
  for (int i = 1; i < a->n; i++)
    if (memcmp(&a->fv[i], &a->fv[0], sizeof *a->fv)) return false;
  if (!a->n) return false;
  *v = a->fv[0];
  return true;
}

int node_port(const Graph *g, Id n) {
  for (int i = 0; i < g->nport; i++)
    if (g->port[i] == n) return i;
  return -1;
}

void graph_result(Graph *g, const char *name, Id value, Loc loc) { graph_result_as(g, OUT_PLAIN, name, value, loc); }

void graph_result_as(Graph *g, OutRole role, const char *name, Id value, Loc loc) {
  *VEC_PUSH(g->m->c, g->out, g->nout, g->capout) =
    (Out){.name = ctx_name(g->m->c, name), .value = value, .var = -1, .loc = loc, .role = role};
}

bool module_scales(const Module *m) {
  for (int t = 0; t < m->ntrain; t++)
    if (m->train[t].precision == DT_F16) return true;
  return false;
}

Id graph_written(const Graph *g, int var) {
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var == var) return g->out[i].value;
  return 0;
}

void graph_write(Graph *g, int var, Id value, Loc loc) {
  Module *m = g->m;
  if (var >= g->nout_of) { /* also after a rebuild, which starts without the index */
    int n = 2 * m->nvar;
    g->out_of = ctx_alloc(m->c, (size_t)n * sizeof *g->out_of);
    g->nout_of = n;
    for (int i = 0; i < g->nout; i++)
      if (g->out[i].var >= 0) g->out_of[g->out[i].var] = i + 1;
  }
  Out o = {.name = m->var[var].name, .value = value, .var = var, .loc = loc};
  if (g->out_of[var]) {
    g->out[g->out_of[var] - 1] = o;
    return;
  }
  *VEC_PUSH(m->c, g->out, g->nout, g->capout) = o;
  g->out_of[var] = g->nout;
}

Annotation *graph_annotate(Graph *g) {
  if (g->capanno < g->n) {
    g->anno = ctx_grow(g->m->c, g->anno, (size_t)g->nanno * sizeof *g->anno, (size_t)g->capn * sizeof *g->anno);
    g->capanno = g->capn;
  }
  g->nanno = g->n;
  return g->anno;
}

/* With open sizes, other sizes may fit: rules that do not test this by dim_equal refuse without a message. */
TypeId shape_fail(Graph *g, const OpCall *k, int code, const char *fmt, ...) {
  g->m->last = NULL;
  if (g->m->open_sizes && (code == E_SHAPE_MISMATCH || code == E_INDEX_RANGE || code == E_RESHAPE_COUNT)) return 0;
  va_list ap;
  va_start(ap, fmt);
  const char *text = ctx_vstrf(g->m->c, fmt, ap);
  va_end(ap);
  g->m->last = diag_error(g->m->c, code, k->loc, 1, "%s", text);
  return 0;
}

/* ---- rebuilding ---- */

Rebuild graph_rebuild_begin(Graph *g) {
  Rebuild r = {g, graph_blank(g->m), ctx_alloc(g->m->c, (size_t)g->n * sizeof(Id))};
  r.new->name = g->name;
  r.new->kind = g->kind;
  r.new->index = g->index;
  r.new->training = g->training;
  r.new->draws = g->draws;
  r.new->precision = g->precision;
  r.new->tf32 = g->tf32;
  r.new->loc = g->loc;
  for (int i = 0; i < g->nport; i++) {
    graph_copy_node(&r, g->port[i]);
    *VEC_PUSH(g->m->c, r.new->port, r.new->nport, r.new->capport) = r.map[g->port[i]];
  }
  return r;
}

Id graph_copy_node(Rebuild *r, Id n) { return graph_copy_as(r, n, r->old->node[n].attr); }

Id graph_copy_as(Rebuild *r, Id n, AttrId attr) {
  const Node *d = &r->old->node[n];
  Id few[8], *in = d->nin > 8 ? ctx_alloc(r->old->m->c, d->nin * sizeof(Id)) : few;
  for (uint32_t i = 0; i < d->nin; i++) in[i] = r->map[r->old->in[d->in + i]];
  return r->map[n] = node_make(
           r->new,
           &(OpCall){.op = (Op)d->op, .in = in, .nin = (int)d->nin, .attr = attr, .loc = d->loc, .given = d->type});
}

void graph_rebuild_end(Rebuild *r) {
  Graph *g = r->old, *w = r->new;
  if (g->nanno) {
    graph_annotate(w);
    for (Id n = 1; n < (Id)g->nanno; n++)
      if (r->map[n]) w->anno[r->map[n]] = g->anno[n];
  }
  for (int i = 0; i < g->nout; i++) {
    Out o = g->out[i];
    o.value = r->map[o.value];
    *VEC_PUSH(g->m->c, w->out, w->nout, w->capout) = o;
  }
  *g = *w;
}
