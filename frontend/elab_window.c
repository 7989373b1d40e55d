/* Primitives of the carried files: convolution, windows, padding. */
#include "frontend/elab_priv.h"
#include <string.h>

/* conv(x, w, stride, pad, dilation, groups); pad: two numbers (before, after) per spatial axis */
static Value fn_conv(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0), w = x ? el_want_tensor(e, k, 1) : 0;
  int64_t stride[MAX_RANK], pad[2 * MAX_RANK], dilation[MAX_RANK], groups;
  if (!w) return v_error();
  int n = el_ty(e, x)->rank - 2;
  if (n < 1) return el_arg_fail(e, 205, k, 0, "a convolution takes [batch, channels, size...]");
  if (!el_want_ints(e, k, 2, n, 1, stride) || !el_want_ints(e, k, 3, 2 * n, 0, pad) ||
      !el_want_ints(e, k, 4, n, 1, dilation) || !el_want_int(e, k, 5, 1, &groups))
    return v_error();
  Loc old = el_stand(e, k->mark);
  Id y = b_conv(e->g, x, w, n, stride, pad, dilation, groups);
  e->g->loc = old;
  return v_tensor(e, y);
}

/* unfold(x, axes, size, stride, dilation): windows along the axes, their own axes at the end */
static Value fn_unfold(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK], size[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK];
  int n;
  if (!x || !el_want_axes(e, k, 1, el_ty(e, x)->rank, false, axes, &n)) return v_error();
  if (!el_want_ints(e, k, 2, n, 1, size) || !el_want_ints(e, k, 3, n, 1, stride) || !el_want_ints(e, k, 4, n, 1,
                                                                                                  dilation))
    return v_error();
  for (int i = 0; i < n; i++) {
    Dim have = el_ty(e, x)->dim[axes[i]];
    if (!dim_is_const(have) || have >= dilation[i] * (size[i] - 1) + 1) continue;
    return el_arg_fail(e, 221, k, 2, "a window of %lld does not fit an axis of %s",
                       (long long)(dilation[i] * (size[i] - 1) + 1),
                       dim_text(e->m, have));
  }
  Loc old = el_stand(e, k->mark);
  x = b_unfold(e->g, x, n, axes, size, stride, dilation);
  e->g->loc = old;
  return v_tensor(e, x);
}

/* pad_with(x, axes, before, after, value) */
static Value fn_pad(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK], lo[MAX_RANK], hi[MAX_RANK];
  int n;
  double value;
  if (!x || !el_want_axes(e, k, 1, el_ty(e, x)->rank, false, axes, &n)) return v_error();
  if (!el_want_ints(e, k, 2, n, 0, lo) || !el_want_ints(e, k, 3, n, 0, hi)) return v_error();
  if (!v_number(k->arg[4].v, &value)) return el_arg_fail(e, 204, k, 4, "the value is a number");
  const Type *t = el_ty(e, x);
  Dim shape[MAX_RANK], start[MAX_RANK] = {0};
  bool any = false;
  dims_copy(shape, t->dim, t->rank);
  for (int i = 0; i < n; i++) {
    shape[axes[i]] = dim_add(e->m, shape[axes[i]], lo[i] + hi[i]);
    start[axes[i]] = lo[i];
    any |= lo[i] || hi[i];
  }
  return v_tensor(e, any ? b_pad(e->g, x, shape, start, NULL, value) : x);
}

/* lowest(): where a maximum starts */
static Value fn_lowest(Elab *e, Call *k) {
  (void)e, (void)k;
  return v_float(-__builtin_inf());
}

/* ---- what .nn cannot say by itself ---- */

/* pair(k): [k, k] of a number, a list of two as it is */
static Value fn_pair(Elab *e, Call *k) {
  int64_t v[2];
  if (!el_want_ints(e, k, 0, 2, 0, v)) return v_error();
  return v_list(e, 2, (Value[]){v_int(v[0]), v_int(v[1])});
}

/* last_axis(x): x with a further axis of size 1 at the end */
static Value fn_last_axis(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Dim dim[MAX_RANK];
  if (!x) return v_error();
  const Type *t = el_ty(e, x);
  if (t->rank == MAX_RANK) return el_arg_fail(e, 205, k, 0, "a tensor has at most %d axes", MAX_RANK);
  dims_copy(dim, t->dim, t->rank);
  dim[t->rank] = 1;
  return v_tensor(e, b_reshape(e->g, x, t->rank + 1, dim));
}

/* to_float(x): bools and whole numbers as f32 */
static Value fn_to_float(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return v_tensor(e, x && !dtype_is_float(el_ty(e, x)->dtype) ? b_cast(e->g, x, DT_F32) : x);
}

/* widened(x): 16-bit floats as f32, for functions of several steps that round their result alone */
static Value fn_widened(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return v_tensor(e, x && dtype_is_half(el_ty(e, x)->dtype) ? b_cast(e->g, x, DT_F32) : x);
}

/* in_type_of(y, x): y in the element type of x */
static Value fn_in_type_of(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  return v_tensor(e, x ? b_cast(e->g, y, (DType)el_ty(e, x)->dtype) : 0);
}

/* axes_size(x, axes): number of elements along the axes */
static Value fn_axes_size(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n;
  Dim count = 1;
  if (!x || !el_want_axes(e, k, 1, el_ty(e, x)->rank, true, axes, &n)) return v_error();
  for (int i = 0; i < n; i++) count = dim_mul(e->m, count, el_ty(e, x)->dim[axes[i]]);
  return v_dim(e, count);
}

/* other_axes(x, axes): those of x that are not in the list */
static Value fn_other_axes(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n, m = 0, next = 0;
  Value other[MAX_RANK];
  if (!x || !el_want_axes(e, k, 1, el_ty(e, x)->rank, false, axes, &n)) return v_error();
  for (int i = 0; i < el_ty(e, x)->rank; i++)
    if (next < n && axes[next] == i) next++;
    else other[m++] = v_int(i);
  return v_list(e, m, other);
}

/* is_zero(x): x is 0 at compile time; a rate that is computed at run time is not */
static Value fn_is_zero(Elab *e, Call *k) {
  double x;
  (void)e;
  return v_bool(v_number(k->arg[0].v, &x) && x == 0);
}

const Intrinsic el_window_intrinsics[] = {{"conv", "x w stride pad dilation groups", fn_conv, true},
                                          {"unfold", "x axes size stride dilation", fn_unfold, true},
                                          {"pad_with", "x axes before after value", fn_pad, true},
                                          {"lowest", "", fn_lowest, true},
                                          {"pair", "k", fn_pair, true},
                                          {"last_axis", "x", fn_last_axis, true},
                                          {"to_float", "x", fn_to_float, true},
                                          {"widened", "x", fn_widened, true},
                                          {"in_type_of", "y x", fn_in_type_of, true},
                                          {"axes_size", "x axes", fn_axes_size, true},
                                          {"other_axes", "x axes", fn_other_axes, true},
                                          {"is_zero", "x", fn_is_zero, true},
                                          {0}};
