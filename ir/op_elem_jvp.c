/* SPDX-License-Identifier: Apache-2.0 */
/* Forward mode of the element-wise ops, and of every linear op.
 *
 * It checks reverse mode, so each derivative is written independently of it, in another form where there is one (tanh:
 * 4 s(2x) s(-2x), s the logistic function). t, ta, tb are tangents of operands; 0 means a zero one. The rows of ops.def
 * name these functions, so an op without one does not link. */
#include "grad.h"
#include "rule.h"

static Id times(const Grad *s, Id t, Id slope) { return t ? b_op2(s->b, OP_mul, t, slope) : 0; }
static Id over(const Grad *s, Id t, Id by) { return t ? b_op2(s->b, OP_div, t, by) : 0; }
static Id minus(const Grad *s, Id t) { return t ? b_op1(s->b, OP_neg, t) : 0; }
static Id plus(const Grad *s, Id ta, Id tb) { return !ta ? tb : !tb ? ta : b_op2(s->b, OP_add, ta, tb); }
static Id pick(const Grad *s, Id c, Id ta, Id tb) {
  if (!ta && !tb) return 0;
  Id zero = b_like(s->b, ta ? ta : tb, 0);
  return b_op3(s->b, OP_where, c, ta ? ta : zero, tb ? tb : zero);
}

/* That of the operand taken, max(a, b) or min(b, a); at a tie the mean of both. */
static Id choose(const Grad *s, Id a, Id b, Id ta, Id tb) {
  Id mean = times(s, plus(s, ta, tb), b_like(s->b, a, 0.5));
  return pick(s, b_op2(s->b, OP_eq, a, b), mean, pick(s, b_op2(s->b, OP_lt, b, a), ta, tb));
}

static Id square(const Grad *s, Id x) { return b_op2(s->b, OP_mul, x, x); }

/* s(x) s(-x) is the derivative of the logistic function s. */
static Id logistic_slope(const Grad *s, Id x) {
  return b_op2(s->b, OP_mul, b_op1(s->b, OP_sigmoid, x), b_op1(s->b, OP_sigmoid, b_op1(s->b, OP_neg, x)));
}

/* a^b: ta * b a^(b-1) + tb * a^b log(a), each term 0 where its limit is (b = 0; a = 0). */
static Id pow_tangent(const Grad *s, Id a, Id b, Id y, Id ta, Id tb) {
  Id zero = b_like(s->b, a, 0), one = b_like(s->b, a, 1);
  if (ta) {
    Id p = b_op2(s->b, OP_mul, b_op2(s->b, OP_pow, a, b_op2(s->b, OP_sub, b, one)), b);
    ta = pick(s, b_op2(s->b, OP_ne, b, zero), times(s, ta, p), 0);
  }
  if (tb) {
    Id flat = b_op2(s->b, OP_and, b_op2(s->b, OP_eq, a, zero), b_op2(s->b, OP_le, zero, b));
    Id log = b_op1(s->b, OP_log, b_op3(s->b, OP_where, flat, one, a));
    tb = pick(s, flat, 0, times(s, tb, b_op2(s->b, OP_mul, y, log)));
  }
  return plus(s, ta, tb);
}

/* ---- rules: x, or a and b, are the operands, y is the result ---- */

/* Tangents have the shape of their value. */
static Id shaped(const Grad *s, Id n, Id t) {
  const Type *type = node_type(s->b->g, n);
  return t ? b_broadcast(s->b, t, type->rank, type->dim) : 0;
}

static Id operand(const Grad *s, Id n, int i) { return node_in(s->b->g, n, i); }

/* The tangent of the only operand times the slope. */
static Id scaled(const Grad *s, Id n, const Id *tangent, Id slope) { return shaped(s, n, times(s, tangent[0], slope)); }

Id jvp_neg(Grad *s, Id n, const Id *tangent) { return shaped(s, n, minus(s, tangent[0])); }

Id jvp_copy(Grad *s, Id n, const Id *tangent) { return shaped(s, n, tangent[0]); }

Id jvp_abs(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), t = tangent[0], same = times(s, t, b_op1(s->b, OP_sign, n));
  return shaped(s, n, pick(s, b_op2(s->b, OP_lt, x, b_like(s->b, x, 0)), minus(s, t), same));
}

Id jvp_exp(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, b_op1(s->b, OP_exp, operand(s, n, 0))); }

Id jvp_expm1(Grad *s, Id n, const Id *tangent) { return jvp_exp(s, n, tangent); }

Id jvp_log(Grad *s, Id n, const Id *tangent) { return shaped(s, n, over(s, tangent[0], operand(s, n, 0))); }

Id jvp_log1p(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0);
  return shaped(s, n, over(s, tangent[0], b_op2(s->b, OP_add, b_like(s->b, x, 1), x)));
}

Id jvp_sqrt(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0);
  return scaled(s, n, tangent, b_op2(s->b, OP_mul, b_like(s->b, x, 0.5), b_op1(s->b, OP_rsqrt, x)));
}

Id jvp_rsqrt(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), slope = b_op2(s->b, OP_mul, b_like(s->b, x, -0.5), n);
  return shaped(s, n, over(s, times(s, tangent[0], slope), x));
}

Id jvp_sin(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, b_op1(s->b, OP_cos, operand(s, n, 0))); }

Id jvp_cos(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, minus(s, times(s, tangent[0], b_op1(s->b, OP_sin, operand(s, n, 0)))));
}

Id jvp_tanh(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), slope = logistic_slope(s, b_op2(s->b, OP_add, x, x));
  return scaled(s, n, tangent, b_op2(s->b, OP_mul, b_like(s->b, x, 4), slope));
}

Id jvp_sigmoid(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, logistic_slope(s, operand(s, n, 0))); }

Id jvp_erf(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), t = over(s, tangent[0], b_op1(s->b, OP_exp, square(s, x)));
  return shaped(s, n, times(s, t, b_like(s->b, x, 1.1283791670955126)));
}

Id jvp_add(Grad *s, Id n, const Id *tangent) { return shaped(s, n, plus(s, tangent[0], tangent[1])); }

Id jvp_sub(Grad *s, Id n, const Id *tangent) { return shaped(s, n, plus(s, tangent[0], minus(s, tangent[1]))); }

Id jvp_mul(Grad *s, Id n, const Id *tangent) {
  Id a = operand(s, n, 0), b = operand(s, n, 1);
  return shaped(s, n, plus(s, times(s, tangent[0], b), times(s, tangent[1], a)));
}

Id jvp_div(Grad *s, Id n, const Id *tangent) {
  Id a = operand(s, n, 0), b = operand(s, n, 1);
  Id tb = minus(s, times(s, tangent[1], b_op2(s->b, OP_div, a, square(s, b))));
  return shaped(s, n, plus(s, over(s, tangent[0], b), tb));
}

Id jvp_mod(Grad *s, Id n, const Id *tangent) {
  Id quotient = b_op2(s->b, OP_div, operand(s, n, 0), operand(s, n, 1));
  return shaped(s, n, plus(s, tangent[0], minus(s, times(s, tangent[1], b_op1(s->b, OP_floor, quotient)))));
}

Id jvp_pow(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, pow_tangent(s, operand(s, n, 0), operand(s, n, 1), n, tangent[0], tangent[1]));
}

Id jvp_max(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, choose(s, operand(s, n, 0), operand(s, n, 1), tangent[0], tangent[1]));
}

Id jvp_min(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, choose(s, operand(s, n, 1), operand(s, n, 0), tangent[0], tangent[1]));
}

Id jvp_where(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, pick(s, operand(s, n, 0), tangent[1], tangent[2]));
}

Id jvp_cast(Grad *s, Id n, const Id *tangent) {
  DType to = node_type(s->b->g, n)->dtype;
  return tangent[0] && dtype_is_float(to) ? b_cast(s->b, tangent[0], to) : 0;
}

/* An op linear in its only operand, applied to the tangent. */
Id jvp_linear(Grad *s, Id n, const Id *tangent) {
  const Node *d = node_get(s->b->g, n);
  return tangent[0] ? b_node(s->b, (Op)d->op, tangent, 1, d->attr) : 0;
}

/* ---- the inverse trigonometric, hyperbolic, error and gamma functions: mostly by the result ---- */

Id jvp_tan(Grad *s, Id n, const Id *tangent) {
  return shaped(s, n, over(s, tangent[0], square(s, b_op1(s->b, OP_cos, operand(s, n, 0)))));
}

Id jvp_asin(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), rest = b_op2(s->b, OP_sub, b_like(s->b, x, 1), square(s, x));
  return shaped(s, n, over(s, tangent[0], b_op1(s->b, OP_sqrt, rest)));
}

Id jvp_acos(Grad *s, Id n, const Id *tangent) { return minus(s, jvp_asin(s, n, tangent)); }

Id jvp_atan(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, square(s, b_op1(s->b, OP_cos, n))); }

Id jvp_sinh(Grad *s, Id n, const Id *tangent) {
  Id x = operand(s, n, 0), half = b_like(s->b, x, 0.5);
  Id sum = b_op2(s->b, OP_add, b_op1(s->b, OP_exp, x), b_op1(s->b, OP_exp, b_op1(s->b, OP_neg, x)));
  return scaled(s, n, tangent, b_op2(s->b, OP_mul, half, sum));
}

Id jvp_cosh(Grad *s, Id n, const Id *tangent) {
  return scaled(s, n, tangent, b_op2(s->b, OP_mul, b_op1(s->b, OP_tanh, operand(s, n, 0)), n));
}

Id jvp_asinh(Grad *s, Id n, const Id *tangent) { return shaped(s, n, over(s, tangent[0], b_op1(s->b, OP_cosh, n))); }

Id jvp_acosh(Grad *s, Id n, const Id *tangent) { return shaped(s, n, over(s, tangent[0], b_op1(s->b, OP_sinh, n))); }

Id jvp_atanh(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, square(s, b_op1(s->b, OP_cosh, n))); }

Id jvp_erfc(Grad *s, Id n, const Id *tangent) { return minus(s, jvp_erf(s, n, tangent)); }

Id jvp_erfinv(Grad *s, Id n, const Id *tangent) {
  Id bell = b_op1(s->b, OP_exp, b_op1(s->b, OP_neg, square(s, n)));
  return shaped(s, n, times(s, over(s, tangent[0], bell), b_like(s->b, n, 0.886226925452758)));
}

Id jvp_atan2(Grad *s, Id n, const Id *tangent) {
  Id a = operand(s, n, 0), b = operand(s, n, 1);
  Id angle = plus(s, times(s, tangent[0], b), minus(s, times(s, tangent[1], a)));
  return shaped(s, n, over(s, angle, b_op2(s->b, OP_add, square(s, b), square(s, a))));
}

Id jvp_lgamma(Grad *s, Id n, const Id *tangent) {
  return scaled(s, n, tangent, b_op1(s->b, OP_digamma, operand(s, n, 0)));
}

Id jvp_digamma(Grad *s, Id n, const Id *tangent) { return scaled(s, n, tangent, grad_trigamma(s, operand(s, n, 0))); }
