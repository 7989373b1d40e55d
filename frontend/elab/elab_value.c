/* SPDX-License-Identifier: Apache-2.0 */
/* Values: construction, comparison, text, and conversion to nodes of the graph being built. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include <string.h>

Value v_list(Elab *e, int n, const Value *v) {
  List *l = ctx_alloc(e->c, sizeof *l);
  l->n = n;
  l->v = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *v);
  if (n && v) memcpy(l->v, v, (size_t)n * sizeof *v);
  e->steps += n;
  return (Value){.kind = V_LIST, .list = l};
}

/* ---- extents: a value may contain another many times, so each list is measured once ---- */

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

Value el_check_extent(Elab *e, Value v, Loc at, int len) {
  Extent x = extent_of(v);
  if (x.depth > EL_MAX_CALLS)
    return el_fatal(e, E_NESTING, at, len, "lists and functions nest more than %d deep", EL_MAX_CALLS);
  if (x.count > EL_MAX_ELEMENTS)
    return el_fatal(e, E_TOO_MANY_ELEMENTS, at, len, "%s of more than %d values", v_kind(v), EL_MAX_ELEMENTS);
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

/* A polynomial may be constant and negative, which a Dim cannot represent. */
Value v_dim(Elab *e, Dim d) {
  if (dim_is_const(d)) return v_int(d);
  int n;
  const DimTerm *t = dim_terms(e->m, d, &n);
  bool constant = n == 1;
  for (int i = 0; i < 8 && constant; i++) constant = !t[0].exp[i];
  return constant ? v_int(t[0].coef) : (Value){.kind = V_SIZE, .i = d};
}

Value v_tensor(Elab *e, Id id) { return id ? (Value){.kind = V_TENSOR, .id = id, .g = e->cur.b.g} : v_error(); }

bool v_number(Value v, double *f) {
  if (v.kind == V_INT) {
    *f = (double)v.i;
    return true;
  }
  if (v.kind == V_FLOAT) {
    *f = v.f;
    return true;
  }
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
    if (x->def != y->def || x->intrinsic != y->intrinsic || x->op != y->op || x->instance != y->instance) return false;
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
    [V_ERROR] = "an error", [V_NONE] = "nothing",  [V_INT] = "an int",     [V_SIZE] = "a run-time size",
    [V_FLOAT] = "a float",  [V_BOOL] = "a bool",   [V_STR] = "a str",      [V_LIST] = "a list",
    [V_FN] = "a function",  [V_STATE] = "a state", [V_TENSOR] = "a tensor"};
  return names[v.kind];
}

static const char *fn_name(const Fn *f) {
  if (f->instance) return f->instance->name;
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

TypeId el_type_id(Elab *e, Id id) { return e->cur.b.g->node[id].type; }

bool el_same_type(Elab *e, TypeId a, TypeId b) {
  const Type *x = type_get(e->m, a), *y = type_get(e->m, b);
  bool same = a == b || (e->m->open_sizes && x->dtype == y->dtype && x->rank == y->rank);
  for (int i = 0; a != b && same && i < x->rank; i++) same = dim_equal(e->m, x->dim[i], y->dim[i]);
  return same;
}

const Type *el_type(Elab *e, Id id) { return type_get(e->m, e->cur.b.g->node[id].type); }
TypeId el_scalar(Elab *e, DType t) { return type_make(e->m, t, 0, NULL); }

/* ---- into the graph ---- */

/* A value of an outer graph becomes an input of a scan's body. Constants too, since they may be differentiated by. */
static Id body_capture(Elab *e, Body *b, Graph *from, Id id) {
  if (b->outer.g != from) id = b->up ? body_capture(e, b->up, from, id) : 0;
  if (!id) return 0;
  for (int i = 0; i < b->n; i++)
    if (b->from[i] == id) return b->to[i];
  const Node *n = node_get(b->outer.g, id);
  Id in = graph_input(b->g, ctx_strf(e->c, "c%d", b->n), n->type, n->loc);
  *VEC_PUSH(e->c, b->from, b->n, b->cap) = id;
  b->n--;
  *VEC_PUSH(e->c, b->to, b->n, b->cap2) = in;
  return in;
}

Id el_local_node(Elab *e, Value v) {
  if (v.kind == V_STATE) v = (Value){.kind = V_TENSOR, .id = el_read_var(e, (int)v.i, e->cur.b.loc), .g = e->cur.root};
  if (v.kind != V_TENSOR) return 0;
  if (v.g == e->cur.b.g) return v.id;
  return e->cur.body ? body_capture(e, e->cur.body, v.g, v.id) : 0;
}

/* The shape of a nested list of numbers; false if it is ragged or contains anything else. */
static bool list_shape(Value v, int depth, int *rank, Dim *dim, bool *ints, bool *bools) {
  if (v.kind != V_LIST) {
    *ints &= v.kind == V_INT;
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
    if (!list_shape(v.list->v[i], depth + 1, &r, below, ints, bools)) return false;
    if (i && (r != first || !dims_same(below + depth + 1, dim + depth + 1, r - depth - 1))) return false;
    first = r;
    memcpy(dim, below, sizeof below);
  }
  *rank = first;
  return true;
}

static int list_fill(Value v, double *out) {
  if (v.kind != V_LIST) {
    *out = v.kind == V_FLOAT ? v.f : (double)v.i;
    return 1;
  }
  int n = 0;
  for (int i = 0; i < v.list->n; i++) n += list_fill(v.list->v[i], out + n);
  return n;
}

static int list_ints(Value v, int64_t *out) {
  if (v.kind != V_LIST) return *out = v.i, 1;
  int n = 0;
  for (int i = 0; i < v.list->n; i++) n += list_ints(v.list->v[i], out + n);
  return n;
}

/* A list with tensors in it: stacked along a new first axis. */
static Id list_stack(Elab *e, Value v, DType want, const Ast *at) {
  int n = v.list->n;
  Id *item = ctx_alloc(e->c, (size_t)n * sizeof *item);
  for (int i = 0; i < n; i++)
    if (v.list->v[i].kind == V_TENSOR && want >= DT_COUNT)
      want = (DType)type_get(e->m, v.list->v[i].g->node[v.list->v[i].id].type)->dtype;
  for (int i = 0; i < n; i++) {
    if (!(item[i] = el_tensor(e, v.list->v[i], want, at))) return 0;
    if (el_type(e, item[i])->rank == MAX_RANK) {
      el_fail(e, E_SHAPE_MISMATCH, at, "a list of tensors has one axis more than they, and at most %d", MAX_RANK);
      return 0;
    }
    if (el_same_type(e, el_type_id(e, item[i]), el_type_id(e, item[0]))) continue;
    el_fail(e, E_SHAPE_MISMATCH, at, "the tensors of a list that is used as one have different shapes (%s vs %s)",
            el_type_text(e, el_type_id(e, item[0])), el_type_text(e, el_type_id(e, item[i])));
    return 0;
  }
  for (int i = 0; i < n; i++) {
    const Type *t = el_type(e, item[i]);
    Dim dim[MAX_RANK + 1] = {1};
    dims_copy(dim + 1, t->dim, t->rank);
    item[i] = b_reshape(&e->cur.b, item[i], t->rank + 1, dim);
  }
  return n == 1 ? item[0] : b_concat(&e->cur.b, item, n, 0);
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

Id el_make_unique(Elab *e, Graph *g, Id id, int before) {
  if (!id || e->cur.root->kind != GK_TEST || !node_is_const(g, id)) return id;
  bool scalar = !node_type(g, id)->rank; /* a number in an expression may become the same node later */
  return (int)id < before || scalar ? constant_like(e, g, id, ++e->nunique) : id;
}

Id el_shared(Elab *e, Id id) { return node_is_const(e->cur.b.g, id) ? constant_like(e, e->cur.b.g, id, 0) : id; }

/* In a test a list is the same tensor at every use, also inside the step of a scan. */
static Id numbers_tensor(Elab *e, List *l, TypeId type, const double *x, int n) {
  Value *v = &l->tensor;
  if (e->cur.root->kind != GK_TEST) return b_tensor(&e->cur.b, type, x, n);
  if (v->kind != V_TENSOR || v->g != e->cur.root || node_get(v->g, v->id)->type != type) {
    int before = e->cur.root->n;
    Id id = b_tensor(&(Builder){.g = e->cur.root, .loc = e->cur.b.loc}, type, x, n);
    *v = (Value){.kind = V_TENSOR, .g = e->cur.root, .id = el_make_unique(e, e->cur.root, id, before)};
  }
  return v->id ? el_local_node(e, *v) : 0;
}

static Id list_tensor(Elab *e, Value v, DType want, const Ast *at) {
  e->steps += v_count(v);
  if (v.list->n && holds_tensor(v)) return list_stack(e, v, want, at);
  int rank = 0;
  Dim dim[MAX_RANK + 1], count = 1;
  bool ints = true, bools = true;
  if (!list_shape(v, 0, &rank, dim, &ints, &bools)) {
    el_fail(e, E_ARG_KIND, at, "%s is not a tensor: its rows differ, or it contains something other than numbers",
            v_text(e, v));
    el_poison_name(e, at);
    return 0;
  }
  for (int i = 0; i < rank; i++) count = dim_mul(e->m, count, dim[i]);
  if (count > EL_MAX_ELEMENTS) {
    el_fail(e, E_TOO_MANY_ELEMENTS, at, "a list of %lld numbers is too long", (long long)count);
    return 0;
  }
  DType t = bools ? DT_BOOL : want < DT_COUNT ? want : ints ? DT_I32 : DT_F32;
  if (t == DT_I64 && ints) {
    int64_t *whole = ctx_alloc(e->c, (size_t)count * sizeof *whole);
    list_ints(v, whole);
    if (!ints_are_exact(whole, (int)count)) return b_ints(&e->cur.b, type_make(e->m, t, rank, dim), whole, (int)count);
  }
  double *x = ctx_alloc(e->c, (size_t)count * sizeof *x);
  list_fill(v, x);
  for (Dim i = 0; i < count; i++)
    if (!dtype_holds(t, x[i])) {
      el_fail(e, E_DTYPE_MISMATCH, at, "%s is not a value of %s", dtype_number_text(e->c, DT_F64, x[i]),
              dtype_info[t].name);
      return 0;
    }
  return numbers_tensor(e, v.list, type_make(e->m, t, rank, dim), x, (int)count);
}

static Id number_tensor(Elab *e, Value v, double x, DType t, const Ast *at) {
  if (t == DT_I64 && v.kind == V_INT) return b_ints(&e->cur.b, type_make(e->m, t, 0, NULL), &v.i, 1);
  if (dtype_holds(t, x)) return b_const(&e->cur.b, t, x);
  el_fail(e, E_DTYPE_MISMATCH, at, "%s is not a value of %s", v_text(e, v), dtype_info[t].name);
  return 0;
}

/* A choice among static ints in type t. Its numbers are doubles, which hold ints up to 2^53. */
static Id choice_tensor(Elab *e, Id id, DType t, const Ast *at) {
  double x;
  const Node *d = node_get(e->cur.b.g, id);
  if (node_is_splat(e->cur.b.g, id, &x)) {
    if (x > -0x1p53 && x < 0x1p53) return number_tensor(e, v_int((int64_t)x), x, t, at);
    el_fail(e, E_DTYPE_MISMATCH, at,
            "a choice among ints beyond 2^53 has no element type: convert each, as in `i64(n)`");
    return 0;
  }
  if (!(op_info[d->op].flags & OPF_SELECT)) return id;
  Op op = (Op)d->op;
  AttrId attr = d->attr;
  Id in[3];
  for (int i = 0; i < 3; i++) in[i] = node_in(e->cur.b.g, id, i);
  if (!(in[1] = choice_tensor(e, in[1], t, at)) || !(in[2] = choice_tensor(e, in[2], t, at))) return 0;
  return b_node(&e->cur.b, op, in, 3, attr);
}

Id el_tensor(Elab *e, Value v, DType want, const Ast *at) {
  switch (v.kind) {
  case V_TENSOR:
  case V_STATE: {
    Id id = el_local_node(e, v);
    if (!id) el_fail(e, E_NOT_STATIC, at, "this tensor belongs to another graph");
    if (id && v.int_choice && want < DT_COUNT && want != DT_BOOL && want != DT_F32)
      return choice_tensor(e, id, want, at);
    return id;
  }
  case V_LIST: return list_tensor(e, v, want, at);
  case V_BOOL: return b_const(&e->cur.b, DT_BOOL, (double)v.i);
  case V_SIZE: return b_size(&e->cur.b, want < DT_COUNT ? want : DT_F32, v.i);
  case V_INT:
  case V_FLOAT: {
    return number_tensor(e, v, v.kind == V_INT ? (double)v.i : v.f, want < DT_COUNT ? want : DT_F32, at);
  }
  case V_ERROR: return 0;
  case V_FN:
    diag_help(e->c, el_error(e, E_FN_VALUE, at, "%s is not a tensor", v_text(e, v)), "it is called, as in `f(x)`");
    el_poison_name(e, at);
    return 0;
  default: break;
  }
  Diag *d = el_error(e, E_ARG_KIND, at, "a tensor is needed here, not %s", v_kind(v));
  if (v.kind == V_STR) diag_help(e->c, d, "a function is called on its arguments, as in `mse(p, t)`");
  return 0;
}
