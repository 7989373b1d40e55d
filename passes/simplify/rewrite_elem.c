/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on element-wise ops. x, y, z: operands; c: a constant. */
#include "passes/simplify/rewrite.h"
#include <math.h>

/* ---- units and zeros ---- */

static Id x_if_right_is(const Builder *b, Id n, double unit) {
  return rw_is_const(b, rw_in(b, n, 1), unit) ? rw_fit(b, rw_in(b, n, 0), n) : 0;
}
static Id right_is_one(const Builder *b, Id n) { return x_if_right_is(b, n, 1); }
static Id right_is_zero(const Builder *b, Id n) { return x_if_right_is(b, n, 0); }
static Id right_is_minus_zero(const Builder *b, Id n) { return x_if_right_is(b, n, -0.0); }
static Id right_is_minus_inf(const Builder *b, Id n) { return x_if_right_is(b, n, -INFINITY); }
static Id right_is_inf(const Builder *b, Id n) { return x_if_right_is(b, n, INFINITY); }
static Id int_zero(const Builder *b, Id n) { return rw_float(b, n) ? 0 : x_if_right_is(b, n, 0); }
static Id int_times_zero(const Builder *b, Id n) {
  return !rw_float(b, n) && rw_is_const(b, rw_in(b, n, 1), 0) ? rw_fit(b, rw_in(b, n, 1), n) : 0;
}
static Id int_minus_itself(const Builder *b, Id n) {
  return !rw_float(b, n) && rw_in(b, n, 0) == rw_in(b, n, 1) ? b_full(b, node_get(b->g, n)->type, 0) : 0;
}
/* NaN alone differs from itself. */
static Id compared_with_itself(const Builder *b, Id n, bool result) {
  const Id x = rw_in(b, n, 0);
  return x == rw_in(b, n, 1) && !rw_float(b, x) ? b_full(b, node_get(b->g, n)->type, result) : 0;
}
static Id int_equals_itself(const Builder *b, Id n) { return compared_with_itself(b, n, true); }
static Id int_differs_from_itself(const Builder *b, Id n) { return compared_with_itself(b, n, false); }
static bool is_limit(const Builder *b, Id x, bool highest) {
  const DType t = (DType)node_type(b->g, x)->dtype;
  if (dtype_is_float(t) || dtype_info[t].bytes > 4) return false; /* a double holds no limit of 64 bits */
  return rw_is_const(b, x, (double)(highest ? dtype_highest(t) : dtype_lowest(t)));
}
static Id beyond_limit(const Builder *b, Id n) {
  const bool never = is_limit(b, rw_in(b, n, 1), false) || is_limit(b, rw_in(b, n, 0), true);
  return never ? b_full(b, node_get(b->g, n)->type, 0) : 0;
}
static Id within_limit(const Builder *b, Id n) {
  const bool always = is_limit(b, rw_in(b, n, 0), false) || is_limit(b, rw_in(b, n, 1), true);
  return always ? b_full(b, node_get(b->g, n)->type, 1) : 0;
}
/* Moves a constant to the right of a commutative op, where the other rules look for it. */
static Id const_to_right(const Builder *b, Id n) {
  double v;
  if (!(node_info(b->g, n)->flags & OPF_COMMUTATIVE)) return 0;
  if (!node_is_splat(b->g, rw_in(b, n, 0), &v) || node_is_splat(b->g, rw_in(b, n, 1), &v)) return 0;
  return b_op2(b, (Op)node_get(b->g, n)->op, rw_in(b, n, 1), rw_in(b, n, 0));
}

/* ---- signs ---- */

static Id double_neg(const Builder *b, Id n) {
  return rw_is(b, rw_in(b, n, 0), OP_neg) ? rw_in(b, rw_in(b, n, 0), 0) : 0;
}
static Id add_neg(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0), y = rw_in(b, n, 1);
  if (rw_is(b, y, OP_neg)) return b_op2(b, OP_sub, x, rw_in(b, y, 0));
  return rw_is(b, x, OP_neg) ? b_op2(b, OP_sub, y, rw_in(b, x, 0)) : 0;
}
static Id sub_neg(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0), y = rw_in(b, n, 1);
  return rw_is(b, y, OP_neg) ? b_op2(b, OP_add, x, rw_in(b, y, 0)) : 0;
}
/* Rounding is symmetric, so signs commute with products and quotients. */
static Id signs_cancel(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0), y = rw_in(b, n, 1);
  if (!rw_float(b, n) || !rw_is(b, x, OP_neg) || !rw_is(b, y, OP_neg)) return 0;
  return b_op2(b, (Op)node_get(b->g, n)->op, rw_in(b, x, 0), rw_in(b, y, 0));
}
static Id sign_into_const(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0), y = rw_in(b, n, 1);
  double v;
  if (!rw_float(b, n) || !rw_is(b, x, OP_neg) || !node_is_splat(b->g, y, &v) || isnan(v)) return 0;
  return b_op2(b, (Op)node_get(b->g, n)->op, rw_in(b, x, 0), b_full(b, node_get(b->g, y)->type, -v));
}
static Id neg_of_scaled(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0);
  double v;
  if (!rw_float(b, n) || !(rw_is(b, x, OP_mul) || rw_is(b, x, OP_div))) return 0;
  if (!node_is_splat(b->g, rw_in(b, x, 1), &v) || isnan(v)) return 0;
  return b_op2(b, (Op)node_get(b->g, x)->op, rw_in(b, x, 0), b_full(b, node_get(b->g, rw_in(b, x, 1))->type, -v));
}
static Id abs_of_sign(const Builder *b, Id n) { /* unsigned integers wrap: -1 is large */
  Id x = rw_in(b, n, 0);
  bool is_unsigned = dtype_info[node_type(b->g, n)->dtype].kind == 'u';
  return rw_is(b, x, OP_neg) && !is_unsigned ? b_op1(b, OP_abs, rw_in(b, x, 0)) : 0;
}

/* ---- idempotent ops ---- */

static Id same_again(const Builder *b, Id n) { /* f(f(x)) = f(x) */
  return node_get(b->g, rw_in(b, n, 0))->op == node_get(b->g, n)->op ? rw_in(b, n, 0) : 0;
}
static Id of_itself(const Builder *b, Id n) { return rw_in(b, n, 0) == rw_in(b, n, 1) ? rw_in(b, n, 0) : 0; }
static Id bound_again(const Builder *b, Id n) { /* max(max(x, c), c) */
  Id x = rw_in(b, n, 0);
  return node_get(b->g, x)->op == node_get(b->g, n)->op && rw_in(b, x, 1) == rw_in(b, n, 1) ? x : 0;
}
static Id double_not(const Builder *b, Id n) {
  return rw_is(b, rw_in(b, n, 0), OP_not) ? rw_in(b, rw_in(b, n, 0), 0) : 0;
}

/* ---- selection ---- */

static Id where_const(const Builder *b, Id n) {
  double v;
  if (!node_is_splat(b->g, rw_in(b, n, 0), &v)) return 0;
  return rw_fit(b, rw_in(b, n, v != 0 ? 1 : 2), n);
}
static Id where_same(const Builder *b, Id n) {
  return rw_in(b, n, 1) == rw_in(b, n, 2) ? rw_fit(b, rw_in(b, n, 1), n) : 0;
}
static Id where_not(const Builder *b, Id n) {
  Id c = rw_in(b, n, 0);
  return rw_is(b, c, OP_not) ? b_op3(b, OP_where, rw_in(b, c, 0), rw_in(b, n, 2), rw_in(b, n, 1)) : 0;
}

/* ---- casts ---- */

static Id cast_to_same(const Builder *b, Id n) { return rw_in(b, n, 0); } /* the driver compares the types */

/* Every value of one element type is representable in the other. */
static bool widens(DType from, DType to) {
  const DTypeInfo *a = &dtype_info[from], *b = &dtype_info[to];
  int bits = 8 * a->bytes, digits = to == DT_BF16 ? 8 : to == DT_F16 ? 11 : to == DT_F32 ? 24 : 53;
  if (from == to || a->kind == 'b') return true;
  if (a->kind == 'f') return b->kind == 'f' && b->bytes > a->bytes;
  if (b->kind == 'f') return bits <= digits;
  return a->kind == b->kind ? b->bytes >= a->bytes : a->kind == 'u' && b->kind == 'i' && b->bytes > a->bytes;
}
static Id cast_of_cast(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0);
  if (!rw_is(b, x, OP_cast)) return 0;
  Id y = rw_in(b, x, 0);
  if (!widens((DType)node_type(b->g, y)->dtype, (DType)node_type(b->g, x)->dtype)) return 0;
  return b_cast(b, y, (DType)node_type(b->g, n)->dtype);
}

/* ---- strength reduction ---- */

/* x / 2^k = x * 2^-k: both round the same exact number once. */
static Id div_by_power(const Builder *b, Id n) {
  double v;
  int e;
  if (!rw_wide(b, n) || !node_is_splat(b->g, rw_in(b, n, 1), &v)) return 0;
  if (fabs(frexp(v, &e)) != 0.5 || e < -120 || e > 120) return 0;
  return b_op2(b, OP_mul, rw_in(b, n, 0), b_full(b, node_get(b->g, rw_in(b, n, 1))->type, 1 / v));
}
/* ---- leaves ---- */

static Id size_of_number(const Builder *b, Id n) {
  Dim d = node_attr(b->g, n, ATTR(size, dim))->i;
  return dim_is_const(d) ? b_full(b, node_get(b->g, n)->type, (double)d) : 0;
}
static Id iota_of_one(const Builder *b, Id n) {
  Dim length = node_type(b->g, n)->dim[node_attr(b->g, n, ATTR(iota, axis))->i];
  return length == 1 ? b_full(b, node_get(b->g, n)->type, 0) : 0;
}

/* A hint for autodiff, without effect once all gradients are expanded. */
static Id stop_nothing(const Builder *b, Id n) { return rw_in(b, n, 0); }
const Rewrite rewrite_lowered[] = {
  {OP_stop_gradient, 0, EXACT, stop_nothing, "stop_gradient, after autodiff"},
  {0, 0, 0, NULL, NULL},
};

static Id add_itself(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0);
  return x == rw_in(b, n, 1) && rw_float(b, n) ? b_op2(b, OP_mul, x, b_like(b, x, 2)) : 0;
}

const Rewrite rewrite_elem[] = {
  {OP_NONE, CL_ELEM, EXACT, const_to_right, "c + x = x + c"},
  {OP_mul, 0, EXACT, right_is_one, "x * 1 = x"},
  {OP_div, 0, EXACT, right_is_one, "x / 1 = x"},
  {OP_sub, 0, EXACT, right_is_zero, "x - 0 = x"},
  {OP_add, 0, EXACT, right_is_minus_zero, "x + -0 = x"},
  {OP_add, 0, EXACT, int_zero, "x + 0 = x, integers"},
  {OP_mul, 0, EXACT, int_times_zero, "x * 0 = 0, integers"},
  {OP_sub, 0, EXACT, int_minus_itself, "x - x = 0, integers"},
  {OP_eq, 0, EXACT, int_equals_itself, "x == x = true, integers"},
  {OP_le, 0, EXACT, int_equals_itself, "x <= x = true, integers"},
  {OP_ne, 0, EXACT, int_differs_from_itself, "x != x = false, integers"},
  {OP_lt, 0, EXACT, int_differs_from_itself, "x < x = false, integers"},
  {OP_lt, 0, EXACT, beyond_limit, "x < c = false, c the least of its type; c < x, the largest"},
  {OP_le, 0, EXACT, within_limit, "c <= x = true, c the least of its type; x <= c, the largest"},
  {OP_max, 0, EXACT, right_is_minus_inf, "max(x, -inf) = x"},
  {OP_min, 0, EXACT, right_is_inf, "min(x, inf) = x"},
  {OP_max, 0, EXACT, of_itself, "max(x, x) = x"},
  {OP_min, 0, EXACT, of_itself, "min(x, x) = x"},
  {OP_max, 0, EXACT, bound_again, "max(max(x, c), c) = max(x, c)"},
  {OP_min, 0, EXACT, bound_again, "min(min(x, c), c) = min(x, c)"},
  {OP_and, 0, EXACT, of_itself, "x and x = x"},
  {OP_or, 0, EXACT, of_itself, "x or x = x"},
  {OP_neg, 0, EXACT, double_neg, "-(-x) = x"},
  {OP_add, 0, EXACT, add_neg, "x + -y = x - y"},
  {OP_add, 0, EXACT, add_itself, "x + x = x * 2"},
  {OP_sub, 0, EXACT, sub_neg, "x - -y = x + y"},
  {OP_mul, 0, EXACT, signs_cancel, "-x * -y = x * y"},
  {OP_div, 0, EXACT, signs_cancel, "-x / -y = x / y"},
  {OP_mul, 0, EXACT, sign_into_const, "-x * c = x * -c"},
  {OP_div, 0, EXACT, sign_into_const, "-x / c = x / -c"},
  {OP_neg, 0, EXACT, neg_of_scaled, "-(x * c) = x * -c"},
  {OP_abs, 0, EXACT, abs_of_sign, "abs(-x) = abs(x)"},
  {OP_abs, 0, EXACT, same_again, "abs(abs(x)) = abs(x)"},
  {OP_sign, 0, EXACT, same_again, "sign(sign(x)) = sign(x)"},
  {OP_floor, 0, EXACT, same_again, "floor(floor(x)) = floor(x)"},
  {OP_ceil, 0, EXACT, same_again, "ceil(ceil(x)) = ceil(x)"},
  {OP_round, 0, EXACT, same_again, "round(round(x)) = round(x)"},
  {OP_not, 0, EXACT, double_not, "not not x = x"},
  {OP_where, 0, EXACT, where_const, "where(true, x, y) = x"},
  {OP_where, 0, EXACT, where_same, "where(c, x, x) = x"},
  {OP_where, 0, EXACT, where_not, "where(not c, x, y) = where(c, y, x)"},
  {OP_cast, 0, EXACT, cast_to_same, "a cast to the type that x has"},
  {OP_cast, 0, EXACT, cast_of_cast, "a cast of a cast that lost nothing"},
  {OP_div, 0, EXACT, div_by_power, "x / 2^k = x * 2^-k"},
  {OP_size, 0, EXACT, size_of_number, "a size that is a number"},
  {OP_iota, 0, EXACT, iota_of_one, "an index ramp of one element"},
  {0, 0, 0, NULL, NULL},
};
