/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse mode of tan, of the inverse trigonometric, hyperbolic, error and gamma functions. */
#include "grad.h"
#include "rule.h"

static Id mul(Grad *s, Id a, Id b) { return b_op2(s->b, OP_mul, a, b); }
static Id add(Grad *s, Id a, Id b) { return b_op2(s->b, OP_add, a, b); }
static Id sub(Grad *s, Id a, Id b) { return b_op2(s->b, OP_sub, a, b); }
static Id over(Grad *s, Id a, Id b) { return b_op2(s->b, OP_div, a, b); }
static Id num(Grad *s, Id like, double v) { return b_like(s->b, like, v); }
static Id operand(Grad *s, Id n) { return node_in(s->b->g, n, 0); }

void vjp_tan(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, add(s, num(s, n, 1), mul(s, n, n)))); }

/* 1 - x^2 as a product, which keeps its digits near 1. */
static Id from_circle(Grad *s, Id x) { return mul(s, sub(s, num(s, x, 1), x), add(s, num(s, x, 1), x)); }

void vjp_asin(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_rsqrt, from_circle(s, operand(s, n))))); }

void vjp_acos(Grad *s, Id n, Id dy) {
  grad_to(s, 0, b_op1(s->b, OP_neg, mul(s, dy, b_op1(s->b, OP_rsqrt, from_circle(s, operand(s, n))))));
}

void vjp_atan(Grad *s, Id n, Id dy) {
  Id x = operand(s, n);
  grad_to(s, 0, over(s, dy, add(s, mul(s, x, x), num(s, x, 1))));
}

void vjp_atanh(Grad *s, Id n, Id dy) { grad_to(s, 0, over(s, dy, from_circle(s, operand(s, n)))); }

void vjp_sinh(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_cosh, operand(s, n)))); }
void vjp_cosh(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_sinh, operand(s, n)))); }

void vjp_asinh(Grad *s, Id n, Id dy) {
  Id x = operand(s, n);
  grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_rsqrt, add(s, mul(s, x, x), num(s, x, 1)))));
}

void vjp_acosh(Grad *s, Id n, Id dy) {
  Id x = operand(s, n), one = num(s, x, 1);
  grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_rsqrt, mul(s, sub(s, x, one), add(s, x, one)))));
}

/* erfc' = -2/sqrt(pi) exp(-x^2), and that of the inverse of erf the reciprocal of erf' at the result. */
void vjp_erfc(Grad *s, Id n, Id dy) {
  Id x = operand(s, n), bell = b_op1(s->b, OP_exp, b_op1(s->b, OP_neg, mul(s, x, x)));
  grad_to(s, 0, mul(s, dy, mul(s, num(s, x, -1.1283791670955126), bell)));
}

void vjp_erfinv(Grad *s, Id n, Id dy) {
  grad_to(s, 0, mul(s, dy, mul(s, num(s, n, 0.886226925452758), b_op1(s->b, OP_exp, mul(s, n, n)))));
}

void vjp_atan2(Grad *s, Id n, Id dy) {
  Id a = operand(s, n), b = node_in(s->b->g, n, 1), size = add(s, mul(s, a, a), mul(s, b, b));
  if (grad_wants(s, 0)) grad_to(s, 0, mul(s, dy, over(s, b, size)));
  if (grad_wants(s, 1)) grad_to(s, 1, mul(s, dy, over(s, b_op1(s->b, OP_neg, a), size)));
}

void vjp_lgamma(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_digamma, operand(s, n)))); }

/* The sum of 1 / (x + i)^2 for i < 10, and trigamma's asymptotic series from there on. */
static Id trigamma_positive(Grad *s, Id x) {
  static const double c[] = {-691 / 2730.0, 5 / 66.0, -1 / 30.0, 1 / 42.0, -1 / 30.0, 1 / 6.0};
  Id y = add(s, x, num(s, x, 10)), r = over(s, num(s, x, 1), y), z = mul(s, r, r), p = num(s, x, 7 / 6.0), sum = 0;
  for (int i = 0; i < 6; i++) p = add(s, mul(s, p, z), num(s, x, c[i]));
  sum = add(s, mul(s, r, add(s, mul(s, p, z), num(s, x, 1))), mul(s, num(s, x, 0.5), z));
  for (int i = 9; i >= 0; i--) {
    Id t = over(s, num(s, x, 1), add(s, x, num(s, x, i)));
    sum = add(s, sum, mul(s, t, t));
  }
  return sum;
}

/* The derivative of digamma; below 0 by reflection: trigamma(x) + trigamma(1 - x) = pi^2 / sin(pi x)^2. Made of ops, so
 * that it has derivatives of all orders. */
Id grad_trigamma(Grad *s, Id x) {
  DType type = node_type(s->b->g, x)->dtype;
  x = b_cast(s->b, x, dtype_computed(type));
  Id below = b_op2(s->b, OP_lt, x, num(s, x, 0)), one = num(s, x, 1), pi = num(s, x, 3.141592653589793);
  Id rest = trigamma_positive(s, b_op3(s->b, OP_where, below, sub(s, one, x), x));
  Id part = b_op3(s->b, OP_where, below, sub(s, x, b_op1(s->b, OP_round, x)), num(s, x, 0.5));
  Id q = over(s, pi, b_op1(s->b, OP_sin, mul(s, pi, part)));
  return b_cast(s->b, b_op3(s->b, OP_where, below, sub(s, mul(s, q, q), rest), rest), type);
}

void vjp_digamma(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, grad_trigamma(s, operand(s, n)))); }
