/* SPDX-License-Identifier: Apache-2.0 */
/* Views and constants: reshape, permute, zeros, size and the like. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"

/* Sizes given one by one or as a list, from argument `from` on. */
static bool sizes(Elab *e, Call *k, int from, int *rank, Value *out) {
  bool list = k->n == from + 1 && k->arg[from].v.kind == V_LIST;
  int n = list ? k->arg[from].v.list->n : k->n - from;
  if (n > MAX_RANK) return el_arg_reject(e, E_SHAPE_MISMATCH, k, from, "a tensor has at most %d axes", MAX_RANK);
  for (int i = 0; i < n; i++) {
    out[i] = list ? k->arg[from].v.list->v[i] : k->arg[from + i].v;
    if (out[i].kind != V_INT && out[i].kind != V_SIZE) {
      el_arg_fail(e, E_ARG_KIND, k, list ? from : from + i, "a size is an integer, not %s", v_text(e, out[i]));
      return false;
    }
  }
  *rank = n;
  return true;
}

static bool shape_arg(Elab *e, Call *k, int from, int *rank, Dim *dim) {
  Value v[MAX_RANK];
  if (!sizes(e, k, from, rank, v)) return false;
  for (int i = 0; i < *rank; i++)
    if (!v_is_dim(v[i], &dim[i]) || dim[i] > INT32_MAX)
      return el_arg_reject(e, v[i].i < 0 ? E_NEGATIVE_SIZE : E_TENSOR_TOO_LARGE, k, from, "%s is not a valid axis size",
                           v_text(e, v[i]));
  return true;
}

static Value reshape_differs(Elab *e, Call *k, Id x, Dim count, Dim known, bool open) {
  /* Symbolic counts may be equal for some sizes. */
  if (e->m->open_sizes && !(dim_is_const(count) && dim_is_const(known))) return v_error();
  Diag *d = el_error_at(e, E_RESHAPE_COUNT, k->caret, k->caret_len,
                        "the new shape has another number of elements than %s", el_type_text(e, el_type_id(e, x)));
  el_label_operand(e, d, el_arg_ast(k, 0), k->arg[0].v);
  if (!dim_is_const(count) || !dim_is_const(known)) return v_error();
  const char *has = dim_text(e->m, count), *gives = dim_text(e->m, known);
  if (open) diag_help(e->c, d, "the other sizes give %s elements, which do not divide %s", gives, has);
  else diag_help(e->c, d, "it gives %s elements, not %s; a size that is -1 follows from the others", gives, has);
  return v_error();
}

/* Sets *open, the size given as -1. An axis of 0 counts as a run-time size does: it stands for itself, and what is left
 * follows from the other axes. */
static bool open_size(Elab *e, const Type *x, int rank, const Dim *dim, Dim *open) {
  Dim count = 1, known = 1;
  int zeros = 0;
  for (int i = 0; i < x->rank; i++) {
    if (x->dim[i] == 0) zeros++;
    else count = dim_mul(e->m, count, x->dim[i]);
  }
  for (int i = 0; i < rank; i++) {
    if (&dim[i] == open) continue;
    if (dim[i] == 0) zeros--;
    else known = dim_mul(e->m, known, dim[i]);
  }
  if (zeros > 0) return *open = 0, true;
  return zeros == 0 && dim_div(e->m, count, known, open);
}

static Value fn_reshape(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Value v[MAX_RANK];
  Dim dim[MAX_RANK], known = 1;
  int rank, open = -1;
  if (!x || !sizes(e, k, 1, &rank, v)) return v_error();
  for (int i = 0; i < rank; i++) {
    if (v[i].kind == V_INT && v[i].i == -1) {
      if (open >= 0)
        return el_arg_fail(e, E_RESHAPE_COUNT, k, 1, "only one size can be -1, which then follows from the others");
      open = i;
    } else if (!v_is_dim(v[i], &dim[i])) {
      return el_arg_fail(e, E_NEGATIVE_SIZE, k, 1, "%s is not a valid axis size", v_text(e, v[i]));
    } else {
      known = dim_mul(e->m, known, dim[i]);
    }
  }
  Dim count = type_count(e->m, el_type_id(e, x));
  if (open >= 0 && !open_size(e, el_type(e, x), rank, dim, &dim[open]))
    return reshape_differs(e, k, x, count, known, true);
  if (open < 0 && known != count) return reshape_differs(e, k, x, count, known, false);
  return v_tensor(e, b_reshape(&e->cur.b, x, rank, dim));
}

static Value permute_counts(Elab *e, Call *k, int n, int rank) {
  Str axes = {.c = e->c};
  for (int i = rank; i-- > 0;) str_printf(&axes, ", %d", i);
  return el_arg_fail(e, E_AXIS_RANGE, k, 1, "`permute` names each axis once, as in permute(x%s); this is %d of %d",
                     rank ? axes.s : "", n, rank);
}

static Value fn_permute(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  if (!x) return v_error();
  int rank = el_type(e, x)->rank;
  bool list = k->n == 2 && k->arg[1].v.kind == V_LIST, seen[MAX_RANK] = {0};
  int n = list ? k->arg[1].v.list->n : k->n - 1;
  int64_t perm[MAX_RANK];
  if (n != rank) return permute_counts(e, k, n, rank);
  for (int i = 0; i < n; i++) {
    Value v = list ? k->arg[1].v.list->v[i] : k->arg[1 + i].v;
    perm[i] = v.kind == V_INT ? v.i < 0 ? v.i + rank : v.i : -1;
    if (perm[i] < 0 || perm[i] >= rank || seen[perm[i]])
      return el_arg_fail(e, E_AXIS_RANGE, k, list ? 1 : 1 + i,
                         "`permute` names each axis once, by a number below %d, not %s", rank, v_text(e, v));
    seen[perm[i]] = true;
  }
  return v_tensor(e, b_transpose(&e->cur.b, x, perm));
}

static Value filled(Elab *e, Call *k, double x) {
  int rank;
  Dim dim[MAX_RANK];
  if (!shape_arg(e, k, 0, &rank, dim)) return v_error();
  TypeId t = type_make(e->m, DT_F32, rank, dim);
  if (type_bytes(e->m, t) < 0)
    return el_arg_fail(e, E_TENSOR_TOO_LARGE, k, 0, "this tensor takes more than 2^47 bytes");
  int before = e->cur.b.g->n;
  return v_tensor(e, el_make_unique(e, e->cur.b.g, b_full(&e->cur.b, t, x), before));
}

static Value fn_zeros(Elab *e, Call *k) { return filled(e, k, 0); }
static Value fn_ones(Elab *e, Call *k) { return filled(e, k, 1); }

static Value fn_size(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis;
  if (!x) return v_error();
  if (!k->arg[1].set) return v_dim(e, type_count(e->m, el_type_id(e, x)));
  if (!el_want_axis(e, k, 1, el_type(e, x)->rank, 0, &axis)) return v_error();
  return v_dim(e, el_type(e, x)->dim[axis]);
}

static Value fn_shape(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  if (!x) return v_error();
  const Type *t = el_type(e, x);
  Value v = v_list(e, t->rank, NULL);
  for (int i = 0; i < t->rank; i++) v.list->v[i] = v_dim(e, t->dim[i]);
  return v;
}

static Value fn_len(Elab *e, Call *k) {
  if (k->arg[0].v.kind == V_LIST) return v_int(k->arg[0].v.list->n);
  return el_arg_fail(e, E_ARG_KIND, k, 0, "`len` takes a list, not %s; size(x, 0) is a first axis, size(x) counts all",
                     v_kind(k->arg[0].v));
}

/* append(list, x): the list with x as a further element; `+` of two lists of numbers or tensors adds these */
static Value fn_append(Elab *e, Call *k) {
  Value l = k->arg[0].v;
  if (v_bad(l) || v_bad(k->arg[1].v)) return v_error();
  if (l.kind != V_LIST) return el_arg_fail(e, E_ARG_KIND, k, 0, "`append` takes a list, not %s", v_kind(l));
  Value longer = v_list(e, l.list->n + 1, NULL);
  for (int i = 0; i < l.list->n; i++) longer.list->v[i] = l.list->v[i];
  longer.list->v[l.list->n] = k->arg[1].v;
  return el_check_extent(e, longer, k->caret, k->caret_len);
}

/* A vector along one axis of x: its other axes have size 1. Several axes for a tensor of that many. */
static Value fn_along(Elab *e, Call *k) {
  Id v = el_want_tensor(e, k, 0), x = v ? el_want_tensor(e, k, 1) : 0;
  int64_t axes[MAX_RANK];
  int n;
  Dim dim[MAX_RANK];
  if (!x || !el_want_axes(e, k, 2, el_type(e, x)->rank, false, axes, &n)) return v_error();
  const Type *tv = el_type(e, v), *tx = el_type(e, x);
  bool fits = tv->rank == n;
  for (int i = 0; i < tx->rank; i++) dim[i] = 1;
  for (int i = 0; i < n && fits; i++) {
    dim[axes[i]] = tv->dim[i];
    fits = dim_equal(e->m, tv->dim[i], tx->dim[axes[i]]) || dim_equal(e->m, tv->dim[i], 1);
  }
  if (fits) return v_tensor(e, b_reshape(&e->cur.b, v, tx->rank, dim));
  Diag *d =
    el_error_at(e, E_BROADCAST, k->caret, k->caret_len, "%s does not fit along axis %lld of %s",
                el_type_text(e, el_type_id(e, v)), (long long)(n ? axes[0] : 0), el_type_text(e, el_type_id(e, x)));
  el_label_call(e, d, k);
  return v_error();
}

static Value fn_concat(Elab *e, Call *k) {
  const List *l = el_want_list(e, k, 0);
  int64_t axis;
  if (!l) return v_error();
  Id *in = ctx_alloc(e->c, (size_t)l->n * sizeof *in);
  for (int i = 0; i < l->n; i++)
    if (!(in[i] = el_tensor(e, l->v[i], DT_F32, k->arg[0].ast))) return v_error();
  if (!el_want_axis(e, k, 1, el_type(e, in[0])->rank, 0, &axis)) return v_error();
  if (l->n == 1) return v_tensor(e, in[0]);
  e->m->last = NULL;
  Id r = b_concat(&e->cur.b, in, l->n, (int)axis);
  const Ast *a = k->arg[0].ast;
  for (int i = 0; !r && e->m->last && a && a->kind == AST_LIST && i < a->n; i++)
    el_label_operand(e, e->m->last, a->kid[i], v_tensor(e, in[i]));
  e->m->last = NULL;
  return v_tensor(e, r);
}

/* ---- random numbers, indices, sizes of weights ---- */

/* A shape given as its sizes, as a list, or by a tensor that has it. */
static bool shape_like(Elab *e, Call *k, int *rank, Dim *dim) {
  if (k->n != 1 || k->arg[0].v.kind != V_TENSOR) return shape_arg(e, k, 0, rank, dim);
  Id x = el_want_tensor(e, k, 0);
  if (!x) return false;
  *rank = el_type(e, x)->rank;
  dims_copy(dim, el_type(e, x)->dim, *rank);
  return true;
}

/* random(shape): uniform numbers in [0, 1) */
static Value fn_random(Elab *e, Call *k) {
  int rank;
  Dim dim[MAX_RANK];
  if (!shape_like(e, k, &rank, dim)) return v_error();
  TypeId t = type_make(e->m, DT_F32, rank, dim);
  Builder b = el_builder(e, k->caret);
  return v_tensor(e, b_random(&b, t, el_random_stream(e)));
}

/* iota(n): 0 .. n - 1 as i32[n] */
static Value fn_iota(Elab *e, Call *k) {
  int rank;
  Dim dim[MAX_RANK];
  if (!shape_arg(e, k, 0, &rank, dim)) return v_error();
  return v_tensor(e, b_iota(&e->cur.b, DT_I32, rank, dim, rank - 1));
}

/* fan_in(w), fan_out(w): the axes of a matrix; otherwise the product of all axes except the first, or the second */
static Value fan(Elab *e, Call *k, bool out) {
  int rank;
  Dim dim[MAX_RANK], n = 1;
  if (!shape_like(e, k, &rank, dim)) return v_error();
  if (rank < 2) return v_dim(e, rank ? dim[0] : 1);
  if (rank == 2) return v_dim(e, dim[out]);
  for (int i = 0; i < rank; i++)
    if (i != (out ? 1 : 0)) n = dim_mul(e->m, n, dim[i]);
  return v_dim(e, n);
}

static Value fn_fan_in(Elab *e, Call *k) { return fan(e, k, false); }
static Value fn_fan_out(Elab *e, Call *k) { return fan(e, k, true); }

/* index_in(t, n): t, whose values index an axis of n */
static Value fn_index_in(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t n = -1; /* of an axis whose size is known at run time only: no range */
  if (!x || (k->arg[1].v.kind != V_SIZE && !el_want_int(e, k, 1, 0, &n))) return v_error();
  el_set_index_range(e, x, n);
  return v_tensor(e, x);
}

/* is_input(t): t is an input or data, or moved from there: its values can be checked (index_in) before the graph
 * runs */
static Value fn_is_input(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return x ? v_bool(!e->cur.body && node_is_input(e->cur.b.g, node_skip_moves(e->cur.b.g, x))) : v_error();
}

/* is_bool(x): x is a tensor of bools */
static Value fn_is_bool(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return x ? v_bool(el_type(e, x)->dtype == DT_BOOL) : v_error();
}

/* is_known(n): n is a number at compile time, not a size of run time */
static Value fn_is_known(Elab *e, Call *k) {
  double x;
  (void)e;
  return k->arg[0].v.kind == V_ERROR ? v_error() : v_bool(v_number(k->arg[0].v, &x));
}

/* size_bound(n): the largest value of n, a size of run time, or n itself */
static Value fn_size_bound(Elab *e, Call *k) {
  Value v = k->arg[0].v;
  int64_t n;
  if (v.kind == V_SIZE) return v_int(dim_bound(e->m, v.i));
  return el_want_int(e, k, 0, 0, &n) ? v_int(n) : v_error();
}

const Intrinsic el_tensor_intrinsics[] = {
  {"reshape", "x *", fn_reshape},
  {"permute", "x *", fn_permute},
  {"rearrange", "x pattern **", el_rearrange},
  {"zeros", "*", fn_zeros},
  {"ones", "*", fn_ones},
  {"size", "x axis?", fn_size},
  {"shape", "x", fn_shape},
  {"len", "list", fn_len},
  {"append", "list x", fn_append},
  {"along", "v x axis", fn_along},
  {"concat", "list axis?", fn_concat},
  {"scan", "x axis step carry reverse? states?", el_scan},
  {"attend", "q k v lengths? causal? scale?", el_attend},
  {"random", "*", fn_random},
  {"iota", "*", fn_iota},
  {"fan_in", "w", fn_fan_in},
  {"fan_out", "w", fn_fan_out},
  {"index_in", "t n", fn_index_in},
  {"is_input", "t", fn_is_input},
  {"is_bool", "x", fn_is_bool},
  {"is_known", "n", fn_is_known},
  {"size_bound", "n", fn_size_bound},
  {0},
};
