/* SPDX-License-Identifier: Apache-2.0 */
/* Parts and axes of a tensor: narrow, squeeze, movedim, stack, split, repeat and the like. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"

static Id part(Elab *e, Id x, int64_t axis, Dim from, Dim to) {
  const Type *t = el_type(e, x);
  Dim start[MAX_RANK] = {0}, stop[MAX_RANK];
  dims_copy(stop, t->dim, t->rank);
  start[axis] = from;
  stop[axis] = to;
  return b_slice(&e->cur.b, x, start, stop, NULL);
}

/* narrow(x, axis, start, length): the elements from start on along an axis */
static Value fn_narrow(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis, start, n;
  if (!x || !el_want_axis(e, k, 1, el_type(e, x)->rank, 0, &axis) || !el_want_int(e, k, 2, 0, &start) ||
      !el_want_int(e, k, 3, 0, &n))
    return v_error();
  Dim size = el_type(e, x)->dim[axis];
  if (dim_is_const(size) && start + n > size)
    return el_arg_fail(e, E_AXIS_RANGE, k, 3, "%lld elements from %lld on are more than the axis has: %s", (long long)n,
                       (long long)start, dim_text(e->m, size));
  return v_tensor(e, part(e, x, axis, start, start + n));
}

/* unsqueeze(x, axis): with a further axis of size 1 before that one; -1: at the end */
static Id unsqueezed(Elab *e, Id x, int64_t axis) {
  const Type *t = el_type(e, x);
  Dim dim[MAX_RANK];
  dims_copy(dim, t->dim, (int)axis);
  dim[axis] = 1;
  dims_copy(dim + axis + 1, t->dim + axis, t->rank - (int)axis);
  return b_reshape(&e->cur.b, x, t->rank + 1, dim);
}

static bool new_axis(Elab *e, Call *k, int arg, Id x, int64_t *axis) {
  int rank = el_type(e, x)->rank;
  if (rank == MAX_RANK) return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "a tensor has at most %d axes", MAX_RANK);
  return el_want_axis(e, k, arg, rank + 1, 0, axis);
}

static Value fn_unsqueeze(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis;
  return x && new_axis(e, k, 1, x, &axis) ? v_tensor(e, unsqueezed(e, x, axis)) : v_error();
}

/* squeeze(x, axes = "all"): without the axes, those of size 1 among them */
static Value fn_squeeze(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n, rank = 0;
  Dim dim[MAX_RANK];
  if (!x || !el_want_axes(e, k, 1, el_type(e, x)->rank, true, axes, &n)) return v_error();
  const Type *t = el_type(e, x);
  for (int i = 0, next = 0; i < t->rank; i++) {
    bool named = next < n && axes[next] == i;
    next += named;
    if (!named || t->dim[i] != 1) dim[rank++] = t->dim[i];
  }
  return v_tensor(e, b_reshape(&e->cur.b, x, rank, dim));
}

/* movedim(x, from, to): the axis `from` in the place `to`, the others in their order */
static Value fn_movedim(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t from, to, perm[MAX_RANK];
  if (!x) return v_error();
  int rank = el_type(e, x)->rank;
  if (!el_want_axis(e, k, 1, rank, 0, &from) || !el_want_axis(e, k, 2, rank, 0, &to)) return v_error();
  for (int i = 0, next = 0; i < rank; i++) {
    if (next == from) next++;
    perm[i] = i == to ? from : next++;
  }
  return v_tensor(e, b_transpose(&e->cur.b, x, perm));
}

/* swapaxes(x, a, b) */
static Value fn_swapaxes(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t a, b, perm[MAX_RANK];
  if (!x) return v_error();
  int rank = el_type(e, x)->rank;
  if (!el_want_axis(e, k, 1, rank, 0, &a) || !el_want_axis(e, k, 2, rank, 0, &b)) return v_error();
  for (int i = 0; i < rank; i++) perm[i] = i == a ? b : i == b ? a : i;
  return v_tensor(e, b_transpose(&e->cur.b, x, perm));
}

/* broadcast_to(x, shape) */
static Value fn_broadcast_to(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Value l = k->arg[1].v;
  Dim dim[MAX_RANK];
  if (!x) return v_error();
  if (l.kind != V_LIST || l.list->n > MAX_RANK)
    return el_arg_fail(e, E_ARG_KIND, k, 1, "a shape is a list of at most %d sizes, not %s", MAX_RANK, v_text(e, l));
  for (int i = 0; i < l.list->n; i++)
    if (!v_is_dim(l.list->v[i], &dim[i]))
      return el_arg_fail(e, E_ARG_KIND, k, 1, "%s is not a size", v_text(e, l.list->v[i]));
  const Type *t = el_type(e, x);
  bool fits = t->rank <= l.list->n;
  for (int i = 1; i <= t->rank && fits; i++)
    fits = t->dim[t->rank - i] == 1 || dim_equal(e->m, t->dim[t->rank - i], dim[l.list->n - i]);
  if (!fits)
    return el_arg_fail(e, E_BROADCAST, k, 0, "%s does not broadcast to that shape", el_type_text(e, el_type_id(e, x)));
  return v_tensor(e, b_broadcast(&e->cur.b, x, l.list->n, dim));
}

/* stack(list, axis = 0): along a new axis */
static Value fn_stack(Elab *e, Call *k) {
  const List *l = el_want_list(e, k, 0);
  int64_t axis;
  if (!l) return v_error();
  Id *in = ctx_alloc(e->c, (size_t)l->n * sizeof *in);
  for (int i = 0; i < l->n; i++) {
    if (!(in[i] = el_tensor(e, l->v[i], DT_F32, k->arg[0].ast)) || !new_axis(e, k, 1, in[0], &axis)) return v_error();
    if (el_type(e, in[i])->rank < axis)
      return el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "the tensors of a stack have one shape");
    in[i] = i ? unsqueezed(e, in[i], axis) : in[i];
  }
  in[0] = unsqueezed(e, in[0], axis);
  return v_tensor(e, l->n == 1 ? in[0] : b_concat(&e->cur.b, in, l->n, (int)axis));
}

/* repeat_interleave(x, n, axis = 0): each element n times along an axis */
static Value fn_repeat_interleave(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis, n;
  Dim dim[MAX_RANK];
  if (!x || !el_want_int(e, k, 1, 0, &n) || !el_want_axis(e, k, 2, el_type(e, x)->rank, 0, &axis)) return v_error();
  Type t = *el_type(e, x);
  if (t.rank == MAX_RANK) return el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "a tensor has at most %d axes", MAX_RANK);
  x = unsqueezed(e, x, axis + 1);
  dims_copy(dim, el_type(e, x)->dim, t.rank + 1);
  dim[axis + 1] = n;
  x = b_broadcast(&e->cur.b, x, t.rank + 1, dim);
  dims_copy(dim, t.dim, t.rank);
  dim[axis] = dim_mul(e->m, dim[axis], n);
  return v_tensor(e, b_reshape(&e->cur.b, x, t.rank, dim));
}

/* ---- lists of parts ---- */

static bool known_axis(Elab *e, Call *k, int arg, Id *x, int64_t *axis, Dim *n) {
  *x = el_want_tensor(e, k, 0);
  if (!*x || !el_want_axis(e, k, arg, el_type(e, *x)->rank, 0, axis)) return false;
  *n = el_type(e, *x)->dim[*axis];
  if (dim_is_const(*n) && *n < 1000000) return true;
  return el_arg_reject(e, E_NOT_STATIC, k, 0, "an axis of %s elements is not taken apart", dim_text(e->m, *n));
}

static Value parts_of(Elab *e, Id x, int64_t axis, Dim n, int64_t each) {
  int count = (int)(n ? (n + each - 1) / each : 1);
  Value l = v_list(e, count, NULL);
  for (int i = 0; i < count; i++) {
    Dim to = (i + 1) * each;
    l.list->v[i] = v_tensor(e, part(e, x, axis, i * each, to < n ? to : n));
  }
  return l;
}

/* split(x, size, axis = 0): parts of that size, the last one may be smaller; or of the sizes of a list */
static Value fn_split(Elab *e, Call *k) {
  Id x;
  Dim n, at = 0;
  int64_t axis, each;
  Value size = k->arg[1].v;
  if (!known_axis(e, k, 2, &x, &axis, &n)) return v_error();
  if (size.kind != V_LIST) return el_want_int(e, k, 1, 1, &each) ? parts_of(e, x, axis, n, each) : v_error();
  Value l = v_list(e, size.list->n, NULL);
  for (int i = 0; i < size.list->n; i++) {
    Value s = size.list->v[i];
    if (s.kind != V_INT || s.i < 0 || s.i > n - at)
      return el_arg_fail(e, E_AXIS_RANGE, k, 1, "the sizes of the parts are those of the axis together: %s",
                         dim_text(e->m, n));
    l.list->v[i] = v_tensor(e, part(e, x, axis, at, at + s.i));
    at += s.i;
  }
  if (at == n) return l;
  return el_arg_fail(e, E_AXIS_RANGE, k, 1, "the parts have %lld elements together, the axis %s", (long long)at,
                     dim_text(e->m, n));
}

/* chunk(x, n, axis = 0): at most n parts of equal size, the last one may be smaller */
static Value fn_chunk(Elab *e, Call *k) {
  Id x;
  Dim size;
  int64_t axis, n;
  if (!known_axis(e, k, 2, &x, &axis, &size) || !el_want_int(e, k, 1, 1, &n)) return v_error();
  return parts_of(e, x, axis, size, size > n ? (size + n - 1) / n : 1);
}

/* unbind(x, axis = 0): the slices along an axis, without it */
static Value fn_unbind(Elab *e, Call *k) {
  Id x;
  Dim n, dim[MAX_RANK];
  int64_t axis;
  if (!known_axis(e, k, 1, &x, &axis, &n)) return v_error();
  Value l = n ? parts_of(e, x, axis, n, 1) : v_list(e, 0, NULL);
  Type t = *el_type(e, x);
  for (int i = 0; i + 1 < t.rank; i++) dim[i] = t.dim[i < axis ? i : i + 1];
  for (int i = 0; i < l.list->n; i++)
    l.list->v[i] = v_tensor(e, b_reshape(&e->cur.b, l.list->v[i].id, t.rank - 1, dim));
  return l;
}

/* repeat(x, counts): x as often along each axis; counts may name further axes in front */
static Value fn_repeat(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Value one = k->arg[1].v;
  List self = {.n = 1, .v = &one};
  const List *l = one.kind == V_LIST ? one.list : &self;
  if (!x) return v_error();
  Type t = *el_type(e, x);
  if (l->n < t.rank || 2 * l->n > MAX_RANK)
    return el_arg_fail(e, E_SHAPE_MISMATCH, k, 1,
                       "`repeat` takes a count for each axis, of which there are %d, at most %d", t.rank, MAX_RANK / 2);
  Dim apart[MAX_RANK], wide[MAX_RANK], to[MAX_RANK];
  for (int i = 0; i < l->n; i++) {
    int old = i - (l->n - t.rank);
    Dim n = old < 0 ? 1 : t.dim[old], count;
    if (!v_is_dim(l->v[i], &count)) return el_arg_fail(e, E_ARG_KIND, k, 1, "%s is not a count", v_text(e, l->v[i]));
    apart[2 * i] = 1;
    wide[2 * i] = count;
    apart[2 * i + 1] = wide[2 * i + 1] = n;
    to[i] = dim_mul(e->m, n, count);
  }
  Id r = b_reshape(&e->cur.b, x, 2 * l->n, apart);
  return v_tensor(e, b_reshape(&e->cur.b, b_broadcast(&e->cur.b, r, 2 * l->n, wide), l->n, to));
}

const Intrinsic el_axes_intrinsics[] = {
  {"narrow", "x axis start length", fn_narrow},
  {"unsqueeze", "x axis", fn_unsqueeze},
  {"squeeze", "x axes?", fn_squeeze},
  {"movedim", "x from to", fn_movedim},
  {"swapaxes", "x a b", fn_swapaxes},
  {"broadcast_to", "x shape", fn_broadcast_to},
  {"repeat_interleave", "x n axis?", fn_repeat_interleave},
  {"stack", "list axis?", fn_stack},
  {"split", "x size axis?", fn_split},
  {"chunk", "x n axis?", fn_chunk},
  {"unbind", "x axis?", fn_unbind},
  {"repeat", "x counts", fn_repeat},
  {0},
};
