/* Values: making, comparing, showing them, and turning them into nodes of the graph being built. */
#include "frontend/elab_priv.h"
#include <math.h>
#include <string.h>

Value v_list(Elab *e, int n, const Value *v) {
  List *l = ctx_alloc(e->c, sizeof *l);
  l->n = n;
  l->v = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *v);
  if (n && v) memcpy(l->v, v, (size_t)n * sizeof *v);
  e->turns += n;
  return (Value){.kind = V_LIST, .list = l};
}

/* ---- extents: a value may hold another one many times, so they are measured once a list ---- */

static Extent extent_of(Value v);

static void extent_add(Extent *x, Value v) {
  Extent k = extent_of(v);
  if (k.depth >= x->depth) x->depth = k.depth + 1;
  x->count += k.count;
  x->numbers &= k.numbers;
}

static Extent extent_of(Value v) {
  bool number = v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_BOOL;
  if (v.kind == V_FN) return v.fn->extent;
  if (v.kind != V_LIST) return (Extent){0, 1, number || v.kind == V_TENSOR || v.kind == V_STATE};
  Extent *x = &v.list->extent;
  if (x->count) return *x;
  *x = (Extent){1, 1, v.list->n > 0};
  for (int i = 0; i < v.list->n; i++) extent_add(x, v.list->v[i]);
  return *x;
}

int64_t v_count(Value v) { return extent_of(v).count; }

Value el_limited(Elab *e, Value v, Loc at, int len) {
  Extent x = extent_of(v);
  if (x.depth > EL_MAX_CALLS)
    return el_fatal(e, 105, at, len, "lists and functions nest more than %d deep", EL_MAX_CALLS);
  if (x.count > EL_MAX_TURNS) return el_fatal(e, 219, at, len, "%s of more than %d values", v_kind(v), EL_MAX_TURNS);
  return v;
}

bool v_tensorlike(Value v) {
  return (v.kind == V_LIST || v.kind == V_TENSOR || v.kind == V_STATE) && extent_of(v).numbers;
}

Value v_fn(Elab *e, Fn fn) {
  Fn *p = ctx_alloc(e->c, sizeof *p);
  fn.extent = (Extent){1, 1, false};
  for (int i = 0; i < fn.nbound; i++) extent_add(&fn.extent, fn.bound[i].v);
  fn.extent.numbers = false;
  *p = fn;
  return (Value){.kind = V_FN, .fn = p};
}

/* A polynomial may come out constant and negative, which a Dim cannot say by itself. */
Value v_dim(Elab *e, Dim d) {
  if (dim_is_const(d)) return v_int(d);
  int n;
  const DimTerm *t = dim_terms(e->m, d, &n);
  bool constant = n == 1;
  for (int i = 0; i < 8 && constant; i++) constant = !t[0].exp[i];
  return constant ? v_int(t[0].coef) : (Value){.kind = V_SIZE, .i = d};
}

Value v_tensor(Elab *e, Id id) {
  return id ? (Value){.kind = V_TENSOR, .id = id, .g = e->g} : v_error();
}

bool v_number(Value v, double *f) {
  if (v.kind == V_INT) return *f = (double)v.i, true;
  if (v.kind == V_FLOAT) return *f = v.f, true;
  return false;
}

bool v_same(Value a, Value b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
  case V_FLOAT: return !memcmp(&a.f, &b.f, sizeof a.f);
  case V_STR: return a.s == b.s;
  case V_TENSOR: return a.id == b.id && a.g == b.g;
  case V_LIST:
    if (a.list->n != b.list->n) return false;
    for (int i = 0; i < a.list->n; i++)
      if (!v_same(a.list->v[i], b.list->v[i])) return false;
    return true;
  case V_FN: {
    const Fn *x = a.fn, *y = b.fn;
    if (x->def != y->def || x->intrinsic != y->intrinsic || x->op != y->op || x->inst != y->inst) return false;
    if (x->nbound != y->nbound) return false;
    for (int i = 0; i < x->nbound; i++)
      if (x->bound[i].name != y->bound[i].name || !v_same(x->bound[i].v, y->bound[i].v)) return false;
    return true;
  }
  default: return a.i == b.i;
  }
}

bool v_is_dim(Value v, Dim *d) {
  *d = v.i;
  return v.kind == V_SIZE || (v.kind == V_INT && v.i >= 0);
}

const char *el_type_text(Elab *e, TypeId id) {
  const Type *t = type_get(e->m, id);
  if (t->dtype == DT_TUPLE) return type_text(e->m, id);
  Str s = {.c = e->c};
  str_puts(&s, dtype_info[t->dtype].name);
  for (int i = 0; i < t->rank; i++) str_printf(&s, "%s%s", i ? ", " : "[", dim_text(e->m, t->dim[i]));
  if (t->rank) str_puts(&s, "]");
  return s.s;
}

const char *v_kind(Value v) {
  static const char *const names[] = {
    [V_ERROR] = "an error", [V_NONE] = "nothing", [V_INT] = "an int", [V_SIZE] = "a run-time size",
    [V_FLOAT] = "a float", [V_BOOL] = "a bool", [V_STR] = "a str", [V_LIST] = "a list", [V_FN] = "a function",
    [V_STATE] = "a state", [V_TENSOR] = "a tensor"};
  return names[v.kind];
}

static const char *fn_name(const Fn *f) {
  if (f->inst) return f->inst->name;
  return f->def ? f->def->name : f->intrinsic ? f->intrinsic->name : op_info[f->op].name;
}

const char *v_text(Elab *e, Value v) {
  switch (v.kind) {
  case V_INT: return ctx_strf(e->c, "%lld", (long long)v.i);
  case V_SIZE: return dim_text(e->m, v.i);
  case V_FLOAT: return dtype_number_text(e->c, DT_F64, v.f);
  case V_BOOL: return v.i ? "true" : "false";
  case V_STR: return ctx_strf(e->c, "\"%s\"", v.s);
  case V_FN: return ctx_strf(e->c, "the function `%s`", fn_name(v.fn));
  case V_TENSOR: return el_type_text(e, v.g->node[v.id].type);
  case V_STATE: return el_type_text(e, e->m->var[v.i].type);
  case V_LIST: {
    Str s = {.c = e->c};
    if (extent_of(v).depth > 3) return "a list of lists";
    for (int i = 0; i < v.list->n && i < 4; i++) str_printf(&s, "%s%s", i ? ", " : "[", v_text(e, v.list->v[i]));
    str_puts(&s, !v.list->n ? "[]" : v.list->n > 4 ? ", ...]" : "]");
    return s.s;
  }
  default: return v_kind(v);
  }
}

TypeId el_type(Elab *e, Id id) { return e->g->node[id].type; }

bool el_same_type(Elab *e, TypeId a, TypeId b) {
  const Type *x = type_get(e->m, a), *y = type_get(e->m, b);
  bool same = a == b || (e->m->open_sizes && x->dtype == y->dtype && x->rank == y->rank);
  for (int i = 0; a != b && same && i < x->rank; i++) same = dim_equal(e->m, x->dim[i], y->dim[i]);
  return same;
}

const Type *el_ty(Elab *e, Id id) { return type_get(e->m, e->g->node[id].type); }
TypeId el_scalar(Elab *e, DType t) { return type_make(e->m, t, 0, NULL); }

/* ---- into the graph ---- */

/* A value of an outer graph becomes an input of a scan's body, constants too: one may differentiate by them. */
static Id body_capture(Elab *e, Body *b, Graph *from, Id id) {
  if (b->outer != from) id = b->up ? body_capture(e, b->up, from, id) : 0;
  if (!id) return 0;
  for (int i = 0; i < b->n; i++)
    if (b->from[i] == id) return b->to[i];
  const Node *n = node_get(b->outer, id);
  Id in = graph_input(b->g, ctx_strf(e->c, "c%d", b->n), n->type, n->loc);
  *VEC_PUSH(e->c, b->from, b->n, b->cap) = id;
  b->n--;
  *VEC_PUSH(e->c, b->to, b->n, b->cap2) = in;
  return in;
}

Id el_here(Elab *e, Value v) {
  if (v.kind == V_STATE) v = (Value){.kind = V_TENSOR, .id = el_read_var(e, (int)v.i, e->g->loc), .g = e->root};
  if (v.kind != V_TENSOR) return 0;
  if (v.g == e->g) return v.id;
  return e->body ? body_capture(e, e->body, v.g, v.id) : 0;
}

/* Shape of a list of numbers, nested to any depth; false where it is ragged or holds something else. */
static bool list_shape(Value v, int depth, int *rank, Dim *dim, bool *whole, bool *bools) {
  if (v.kind != V_LIST) {
    *whole &= v.kind == V_INT;
    *bools &= v.kind == V_BOOL;
    *rank = depth;
    return v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_BOOL;
  }
  if (depth >= MAX_RANK || !v.list->n) return false;
  dim[depth] = v.list->n;
  int first = 0;
  for (int i = 0; i < v.list->n; i++) {
    Dim below[MAX_RANK];
    int r;
    memcpy(below, dim, sizeof below);
    if (!list_shape(v.list->v[i], depth + 1, &r, below, whole, bools)) return false;
    if (i && (r != first || !dims_same(below + depth + 1, dim + depth + 1, r - depth - 1)))
      return false;
    first = r;
    memcpy(dim, below, sizeof below);
  }
  *rank = first;
  return true;
}

static int list_fill(Value v, double *out) {
  if (v.kind != V_LIST) return *out = v.kind == V_FLOAT ? v.f : (double)v.i, 1;
  int n = 0;
  for (int i = 0; i < v.list->n; i++) n += list_fill(v.list->v[i], out + n);
  return n;
}

/* A list with tensors in it: stacked along a new first axis. */
static Id list_stack(Elab *e, Value v, DType want, const Ast *at) {
  int n = v.list->n;
  Id *part = ctx_alloc(e->c, (size_t)n * sizeof *part);
  for (int i = 0; i < n; i++)
    if (v.list->v[i].kind == V_TENSOR && want >= DT_COUNT)
      want = (DType)type_get(e->m, v.list->v[i].g->node[v.list->v[i].id].type)->dtype;
  for (int i = 0; i < n; i++) {
    if (!(part[i] = el_tensor(e, v.list->v[i], want, at))) return 0;
    if (el_ty(e, part[i])->rank == MAX_RANK)
      return el_fail(e, 205, at, "a list of tensors has one axis more than they, and at most %d", MAX_RANK), 0;
    if (el_same_type(e, el_type(e, part[i]), el_type(e, part[0]))) continue;
    return el_fail(e, 205, at, "the tensors of a list that is used as one have different shapes (%s vs %s)",
                   el_type_text(e, el_type(e, part[0])), el_type_text(e, el_type(e, part[i]))), 0;
  }
  for (int i = 0; i < n; i++) {
    const Type *t = el_ty(e, part[i]);
    Dim dim[MAX_RANK + 1] = {1};
    dims_copy(dim + 1, t->dim, t->rank);
    part[i] = b_reshape(e->g, part[i], t->rank + 1, dim);
  }
  return n == 1 ? part[0] : b_concat(e->g, part, n, 0);
}

static bool holds_tensor(Value v) {
  if (v.kind != V_LIST) return v.kind == V_TENSOR || v.kind == V_STATE || v.kind == V_SIZE;
  for (int i = 0; i < v.list->n; i++)
    if (holds_tensor(v.list->v[i])) return true;
  return false;
}

/* ---- constants ---- */

static Id constant_like(Elab *e, Graph *g, Id id, uint32_t clone) {
  const Node d = *node_get(g, id);
  return graph_leaf(g, (Op)d.op, d.type, attr_with(e->m, (Op)d.op, d.attr, clone, 0), d.loc);
}

Id el_own(Elab *e, Graph *g, Id id, int before) {
  if (!id || e->root->kind != GK_TEST || !node_is_const(g, id)) return id;
  bool scalar = !node_type(g, id)->rank; /* a number in an expression may become the same node later */
  return (int)id < before || scalar ? constant_like(e, g, id, ++e->nowned) : id;
}

Id el_disown(Elab *e, Id id) {
  return node_is_const(e->g, id) ? constant_like(e, e->g, id, 0) : id;
}

/* In a test a list is one tensor wherever it is used, within a scan's step too. */
static Id numbers_tensor(Elab *e, List *l, TypeId type, const double *x, int n) {
  Value *v = &l->tensor;
  if (e->root->kind != GK_TEST) return b_tensor(e->g, type, x, n);
  if (v->kind != V_TENSOR || v->g != e->root || node_get(v->g, v->id)->type != type) {
    int before = e->root->n;
    *v = (Value){.kind = V_TENSOR, .g = e->root, .id = el_own(e, e->root, b_tensor(e->root, type, x, n), before)};
  }
  return v->id ? el_here(e, *v) : 0;
}

static Id list_tensor(Elab *e, Value v, DType want, const Ast *at) {
  e->turns += v_count(v);
  if (v.list->n && holds_tensor(v)) return list_stack(e, v, want, at);
  int rank = 0;
  Dim dim[MAX_RANK + 1], count = 1;
  bool whole = true, bools = true;
  if (!list_shape(v, 0, &rank, dim, &whole, &bools))
    return el_fail(e, 204, at, "%s is not a tensor: its rows differ, or it holds something else than numbers",
                   v_text(e, v)), el_not_a_tensor(e, at), 0;
  for (int i = 0; i < rank; i++) count = dim_mul(e->m, count, dim[i]);
  if (count > EL_MAX_TURNS) return el_fail(e, 219, at, "a list of %lld numbers is too long", (long long)count), 0;
  double *x = ctx_alloc(e->c, (size_t)count * sizeof *x);
  list_fill(v, x);
  DType t = bools ? DT_BOOL : want < DT_COUNT ? want : whole ? DT_I32 : DT_F32;
  for (Dim i = 0; i < count; i++)
    if (!dtype_holds(t, x[i]))
      return el_fail(e, 211, at, "%s is not a value of %s", dtype_number_text(e->c, DT_F64, x[i]), dtype_info[t].name), 0;
  return numbers_tensor(e, v.list, type_make(e->m, t, rank, dim), x, (int)count);
}

Id el_tensor(Elab *e, Value v, DType want, const Ast *at) {
  switch (v.kind) {
  case V_TENSOR: case V_STATE: {
    Id id = el_here(e, v);
    if (!id) el_fail(e, 215, at, "this tensor belongs to another graph");
    return id;
  }
  case V_LIST: return list_tensor(e, v, want, at);
  case V_BOOL: return b_const(e->g, DT_BOOL, (double)v.i);
  case V_SIZE: return b_size(e->g, want < DT_COUNT ? want : DT_F32, v.i);
  case V_INT: case V_FLOAT: {
    double x = v.kind == V_INT ? (double)v.i : v.f;
    DType t = want < DT_COUNT ? want : DT_F32;
    if (!dtype_holds(t, x))
      return el_fail(e, 211, at, "%s is not a value of %s", v_text(e, v), dtype_info[t].name), 0;
    return b_const(e->g, t, x);
  }
  case V_ERROR: return 0;
  case V_FN: return el_fail(e, 238, at, "%s is no tensor", v_text(e, v)), el_not_a_tensor(e, at), 0;
  default: return el_fail(e, 204, at, "a tensor is needed here, not %s", v_kind(v)), 0;
  }
}
