/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution, windows, padding, and what the built-in files need of types and axes. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

typedef struct ConvArgs {
  Id x, w;
  int n; /* spatial axes */
  int64_t stride[MAX_RANK], pad[2 * MAX_RANK], dilation[MAX_RANK], groups;
} ConvArgs;

static bool ints_or(Elab *e, Call *k, int arg, int n, int64_t fallback, int64_t min, int64_t *v) {
  for (int i = 0; i < n; i++) v[i] = fallback;
  return !k->arg[arg].set || el_want_ints(e, k, arg, n, min, v);
}

/* Output ceil(size / stride), the odd one at the end. */
static bool pad_same(Elab *e, Call *k, int arg, ConvArgs *a, const Dim *size, const Dim *window) {
  for (int i = 0; i < a->n; i++) {
    int64_t reach = a->dilation[i] * (window[i] - 1) + 1, all = reach - 1, s = a->stride[i];
    if (s > 1 && !dim_is_const(size[i]))
      return el_arg_reject(e, E_NOT_STATIC, k, arg, "\"same\" with a stride takes sizes known at compile time");
    if (s > 1) all = ((size[i] + s - 1) / s - 1) * s + reach - size[i];
    if (all < 0) all = 0;
    a->pad[2 * i] = all / 2;
    a->pad[2 * i + 1] = all - all / 2;
  }
  return true;
}

/* A number, one for each axis, or two (before and after) for each axis; "same" if `window` is not NULL. */
static bool conv_pad(Elab *e, Call *k, int arg, ConvArgs *a, const Dim *size, const Dim *window) {
  Value v = k->arg[arg].set ? k->arg[arg].v : v_int(0);
  if (v.kind == V_STR && window && !strcmp(v.s, "same")) return pad_same(e, k, arg, a, size, window);
  if (v.kind == V_STR)
    return el_arg_reject(e, E_ARG_KIND, k, arg, "padding is given in numbers%s", window ? ", or is \"same\"" : "");
  if (v.kind == V_LIST && v.list->n == 2 * a->n && a->n) return el_want_ints(e, k, arg, 2 * a->n, 0, a->pad);
  if (!ints_or(e, k, arg, a->n, 0, 0, a->pad)) return false;
  for (int i = a->n; i-- > 0;) a->pad[2 * i] = a->pad[2 * i + 1] = a->pad[i];
  return true;
}

static bool conv_args(Elab *e, Call *k, ConvArgs *a) {
  a->x = el_want_tensor(e, k, 0);
  a->w = a->x ? el_want_tensor(e, k, 1) : 0;
  if (!a->w) return false;
  a->n = el_type(e, a->x)->rank - 2;
  a->groups = 1;
  if (a->n < 1) return el_arg_reject(e, E_SHAPE_MISMATCH, k, 0, "a convolution takes [batch, channels, size...]");
  if (el_type(e, a->w)->rank != a->n + 2)
    return el_arg_reject(e, E_SHAPE_MISMATCH, k, 1, "the weight of this convolution has %d axes, not %d", a->n + 2,
                         el_type(e, a->w)->rank);
  return ints_or(e, k, 2, a->n, 1, 1, a->stride);
}

/* conv(x, w, stride = 1, pad = 0, dilation = 1, groups = 1), of rank 1 to 3; w: [out, C/groups, k...] */
static Value fn_conv(Elab *e, Call *k) {
  ConvArgs a;
  if (!conv_args(e, k, &a) || !ints_or(e, k, 4, a.n, 1, 1, a.dilation)) return v_error();
  if (!conv_pad(e, k, 3, &a, el_type(e, a.x)->dim + 2, el_type(e, a.w)->dim + 2)) return v_error();
  if (k->arg[5].set && !el_want_int(e, k, 5, 1, &a.groups)) return v_error();
  Builder b = el_builder(e, k->caret);
  return v_tensor(e, b_conv(&b, a.x, a.w, a.n, a.stride, a.pad, a.dilation, a.groups));
}

/* The shape of a transposed convolution with output_pad `more`, from axis 2 on. Elements from an output_pad of a full
 * stride on would make one more window: they take the place of padding at the end, and what is left, `*zeros`, follows
 * as zeros. */
static bool transposed_shape(Elab *e, Call *k, ConvArgs *a, const int64_t *more, Dim *shape, int64_t *zeros) {
  const Type *x = el_type(e, a->x), *w = el_type(e, a->w);
  for (int i = 0; i < a->n; i++) {
    int64_t *pad = a->pad + 2 * i;
    if (more[i] && more[i] >= a->stride[i] && more[i] >= a->dilation[i])
      return el_arg_reject(e, E_STATIC_RANGE, k, 4, "output_pad is less than the stride or the dilation, not %lld",
                           (long long)more[i]);
    bool beyond = more[i] >= a->stride[i];
    int64_t taken = beyond ? more[i] < pad[1] ? more[i] : pad[1] : 0;
    zeros[i] = beyond ? more[i] - taken : 0;
    Dim reach = dim_mul(e->m, dim_sub(e->m, w->dim[i + 2], 1), a->dilation[i]);
    Dim all = dim_add(e->m, dim_mul(e->m, dim_sub(e->m, x->dim[i + 2], 1), a->stride[i]),
                      dim_add(e->m, reach, more[i] - zeros[i] + 1));
    if (dim_is_const(all) && all < pad[0] + pad[1] + 1)
      return el_arg_reject(e, E_NEGATIVE_SIZE, k, 3, "the padding removes all of the result of %lld", (long long)all);
    shape[i] = dim_sub(e->m, all, pad[0] + pad[1]);
    pad[1] -= taken;
  }
  return true;
}

/* conv_transpose(x, w, stride = 1, pad = 0, output_pad = 0, dilation = 1, groups = 1): the adjoint of conv by its
 * input; w: [C, out/groups, k...] */
static Value fn_conv_transpose(Elab *e, Call *k) {
  ConvArgs a;
  int64_t more[MAX_RANK], zeros[MAX_RANK];
  Dim shape[MAX_RANK], start[MAX_RANK] = {0};
  if (!conv_args(e, k, &a) || !ints_or(e, k, 5, a.n, 1, 1, a.dilation) || !ints_or(e, k, 4, a.n, 0, 0, more) ||
      !conv_pad(e, k, 3, &a, NULL, NULL) || (k->arg[6].set && !el_want_int(e, k, 6, 1, &a.groups)) ||
      !transposed_shape(e, k, &a, more, shape + 2, zeros))
    return v_error();
  shape[0] = el_type(e, a.x)->dim[0];
  shape[1] = dim_mul(e->m, el_type(e, a.w)->dim[1], a.groups);
  Builder b = el_builder(e, k->caret);
  Id y = b_conv_dx(&b, a.x, a.w, a.n, a.stride, a.pad, a.dilation, a.groups, shape);
  bool any = false;
  for (int i = 0; i < a.n; i++) {
    any |= zeros[i] > 0;
    shape[i + 2] = dim_add(e->m, shape[i + 2], zeros[i]);
  }
  return v_tensor(e, any ? b_pad(&b, y, shape, start, NULL, 0) : y);
}

/* unfold(x, axes, size, stride = 1, dilation = 1): windows along the axes; the window axes come last */
static Value fn_unfold(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK], size[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK];
  int n;
  if (!x || !el_want_axes(e, k, 1, el_type(e, x)->rank, false, axes, &n)) return v_error();
  if (!el_want_ints(e, k, 2, n, 1, size) || !ints_or(e, k, 3, n, 1, 1, stride) || !ints_or(e, k, 4, n, 1, 1, dilation))
    return v_error();
  for (int i = 0; i < n; i++) {
    Dim have = el_type(e, x)->dim[axes[i]];
    if (!dim_is_const(have) || have >= dilation[i] * (size[i] - 1) + 1) continue;
    return el_arg_fail(e, E_NEGATIVE_SIZE, k, 2, "a window of %lld does not fit an axis of %s",
                       (long long)(dilation[i] * (size[i] - 1) + 1), dim_text(e->m, have));
  }
  Builder b = el_builder(e, k->caret);
  return v_tensor(e, b_unfold(&b, x, n, axes, size, stride, dilation));
}

/* fold(y, axes, shape, stride = 1, dilation = 1): the adjoint of unfold, which sums what overlaps. y has the windows'
 * own axes at its end; `shape` is that of the result along the axes. */
static Value fn_fold(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK], size[MAX_RANK], stride[MAX_RANK], dilation[MAX_RANK], to[MAX_RANK];
  int n = 0, given = k->arg[1].v.kind == V_LIST ? k->arg[1].v.list->n : 1;
  if (!y) return v_error();
  Type t = *el_type(e, y);
  if (t.rank < 2 * given)
    return el_arg_fail(e, E_AXIS_RANGE, k, 1, "a fold along %d axes takes as many windows' axes at the end", given);
  if (!el_want_axes(e, k, 1, t.rank - given, false, axes, &n) || !el_want_ints(e, k, 2, n, 1, to) ||
      !ints_or(e, k, 3, n, 1, 1, stride) || !ints_or(e, k, 4, n, 1, 1, dilation))
    return v_error();
  Dim shape[MAX_RANK];
  dims_copy(shape, t.dim, t.rank - n);
  for (int i = 0; i < n; i++) {
    size[i] = t.dim[t.rank - n + i];
    shape[axes[i]] = to[i];
    int64_t room = to[i] - dilation[i] * (size[i] - 1) - 1;
    if (!dim_is_const(size[i]) || room < 0 || t.dim[axes[i]] != room / stride[i] + 1)
      return el_arg_fail(e, E_SHAPE_MISMATCH, k, 2, "an axis of %lld has not %s windows of %s", (long long)to[i],
                         dim_text(e->m, t.dim[axes[i]]), dim_text(e->m, size[i]));
  }
  Builder b = el_builder(e, k->caret);
  return v_tensor(e, b_fold(&b, y, t.rank - n, shape, n, axes, size, stride, dilation));
}

/* pad_with(x, axes, before, after, value) */
static Value fn_pad(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK], lo[MAX_RANK], hi[MAX_RANK];
  int n;
  double value;
  if (!x || !el_want_axes(e, k, 1, el_type(e, x)->rank, false, axes, &n)) return v_error();
  if (!el_want_ints(e, k, 2, n, 0, lo) || !el_want_ints(e, k, 3, n, 0, hi)) return v_error();
  const Value *v = &k->arg[4].v;
  if (!v_number(*v, &value) || (v->kind == V_INT && !ints_are_exact(&v->i, 1)))
    return el_arg_fail(e, E_ARG_KIND, k, 4, "the value is a number that a float64 holds");
  const Type *t = el_type(e, x);
  Dim shape[MAX_RANK], start[MAX_RANK] = {0};
  bool any = false;
  dims_copy(shape, t->dim, t->rank);
  for (int i = 0; i < n; i++) {
    shape[axes[i]] = dim_add(e->m, shape[axes[i]], lo[i] + hi[i]);
    start[axes[i]] = lo[i];
    any |= lo[i] || hi[i];
  }
  return v_tensor(e, any ? b_pad(&e->cur.b, x, shape, start, NULL, value) : x);
}

/* lowest(): where a maximum starts */
static Value fn_lowest(Elab *e, Call *k) {
  (void)e, (void)k;
  return v_float(-__builtin_inf());
}

/* ---- not expressible in .nn ---- */

/* pair(k): [k, k] of a number, a list of two as it is */
static Value fn_pair(Elab *e, Call *k) {
  int64_t v[2];
  if (!el_want_ints(e, k, 0, 2, 0, v)) return v_error();
  return v_list(e, 2, (Value[]){v_int(v[0]), v_int(v[1])});
}

/* sizes(k, n, least = 0): n times k of a number, a list of n as it is; they are at least `least` */
static Value fn_sizes(Elab *e, Call *k) {
  int64_t v[MAX_RANK], n, least = 0;
  Value l[MAX_RANK];
  if (!el_want_int(e, k, 1, 0, &n)) return v_error();
  if (k->arg[2].set && !el_want_int(e, k, 2, INT32_MIN, &least)) return v_error();
  if (n > MAX_RANK) return el_arg_fail(e, E_STATIC_RANGE, k, 1, "a tensor has at most %d axes", MAX_RANK);
  if (!el_want_ints(e, k, 0, (int)n, least, v)) return v_error();
  for (int i = 0; i < n; i++) l[i] = v_int(v[i]);
  return v_list(e, (int)n, l);
}

/* last_axis(x): x with a further axis of size 1 at the end */
static Value fn_last_axis(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  Dim dim[MAX_RANK];
  if (!x) return v_error();
  const Type *t = el_type(e, x);
  if (t->rank == MAX_RANK) return el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "a tensor has at most %d axes", MAX_RANK);
  dims_copy(dim, t->dim, t->rank);
  dim[t->rank] = 1;
  return v_tensor(e, b_reshape(&e->cur.b, x, t->rank + 1, dim));
}

/* to_float(x): bools and integers as f32 */
static Value fn_to_float(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return v_tensor(e, x && !dtype_is_float(el_type(e, x)->dtype) ? b_cast(&e->cur.b, x, DT_F32) : x);
}

/* widened(x): 16-bit floats as f32, for functions of several steps that round only their result */
static Value fn_widened(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  return v_tensor(e, x && dtype_is_half(el_type(e, x)->dtype) ? b_cast(&e->cur.b, x, DT_F32) : x);
}

/* in_type_of(y, x): y in the element type of x */
static Value fn_in_type_of(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  return v_tensor(e, x ? b_cast(&e->cur.b, y, (DType)el_type(e, x)->dtype) : 0);
}

/* axes_size(x, axes): number of elements along the axes */
static Value fn_axes_size(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n;
  Dim count = 1;
  if (!x || !el_want_axes(e, k, 1, el_type(e, x)->rank, true, axes, &n)) return v_error();
  for (int i = 0; i < n; i++) count = dim_mul(e->m, count, el_type(e, x)->dim[axes[i]]);
  return v_dim(e, count);
}

/* other_axes(x, axes): those of x that are not in the list */
static Value fn_other_axes(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n, m = 0, next = 0;
  Value other[MAX_RANK];
  if (!x || !el_want_axes(e, k, 1, el_type(e, x)->rank, false, axes, &n)) return v_error();
  for (int i = 0; i < el_type(e, x)->rank; i++)
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

const Intrinsic el_window_intrinsics[] = {
  {"conv", "x w stride? pad? dilation? groups?", fn_conv},
  {"conv_transpose", "x w stride? pad? output_pad? dilation? groups?", fn_conv_transpose},
  {"unfold", "x axes size stride? dilation?", fn_unfold},
  {"fold", "y axes shape stride? dilation?", fn_fold},
  {"pad_with", "x axes before after value", fn_pad},
  {"lowest", "", fn_lowest},
  {"pair", "k", fn_pair},
  {"sizes", "k n least?", fn_sizes},
  {"last_axis", "x", fn_last_axis},
  {"to_float", "x", fn_to_float},
  {"widened", "x", fn_widened},
  {"in_type_of", "y x", fn_in_type_of},
  {"axes_size", "x axes", fn_axes_size},
  {"other_axes", "x axes", fn_other_axes},
  {"is_zero", "x", fn_is_zero},
  {0},
};
