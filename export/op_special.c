// SPDX-License-Identifier: Apache-2.0
/* Functions that ONNX lacks, from those that it has, in DOUBLE: Stirling's series, and the polynomials of
 * M. Giles, "Approximating the erfinv function", which are those of floats of 32 bits. */
#include "export/export.h"
#include <math.h>

enum { STEPS = 10 }; /* from 10 on the series have all bits of f32, and 13 digits */

static const char *number(Export *x, double v) { return export_number(x, ONNX_DOUBLE, v); }

static const char *add(Export *x, const char *a, const char *b) { return NODE(x, "Add", a, b); }
static const char *mul(Export *x, const char *a, const char *b) { return NODE(x, "Mul", a, b); }

/* c[0] z^(n - 1) + ... + c[n - 1]. */
static const char *polynomial(Export *x, const char *z, const double *c, int n) {
  const char *y = number(x, c[0]);
  for (int i = 1; i < n; i++) y = add(x, mul(x, y, z), number(x, c[i]));
  return y;
}

static const char *operand(Export *x) { return export_in_as(x, 0, ONNX_DOUBLE); }

/* The operand, or 1 less it where that is below 0.5. */
static const char *reflected(Export *x, const char *v, const char **below) {
  *below = NODE(x, "Less", v, number(x, 0.5));
  return NODE(x, "Where", *below, NODE(x, "Sub", number(x, 1), v), v);
}

/* y + STEPS where y is small. */
static const char *shifted(Export *x, const char *y, const char **small) {
  *small = NODE(x, "Less", y, number(x, STEPS));
  return NODE(x, "Where", *small, add(x, y, number(x, STEPS)), y);
}

/* pi times the fraction of v. */
static const char *angle(Export *x, const char *v) {
  return mul(x, NODE(x, "Sub", v, NODE(x, "Floor", v)), number(x, 3.141592653589793));
}

void write_lgamma(Export *x, Id n) {
  static const double series[] = {-1.0 / 1680, 1.0 / 1260, -1.0 / 360, 1.0 / 12};
  (void)n;
  const char *v = operand(x), *below, *small, *y = reflected(x, v, &below), *z = shifted(x, y, &small), *p = y;
  for (int i = 1; i < STEPS; i++) p = mul(x, p, add(x, y, number(x, i)));
  const char *r = NODE(x, "Reciprocal", z), *log = NODE(x, "Log", z);
  const char *sum = mul(x, polynomial(x, mul(x, r, r), series, 4), r);
  sum = add(x, add(x, sum, number(x, 0.91893853320467274)), mul(x, log, number(x, -0.5)));
  sum = add(x, mul(x, z, NODE(x, "Sub", log, number(x, 1))), sum);
  sum = NODE(x, "Sub", sum, NODE(x, "Log", NODE(x, "Where", small, p, number(x, 1))));
  sum = NODE(x, "Where", NODE(x, "IsInf", y), number(x, INFINITY), sum);
  const char *sine = NODE(x, "Abs", NODE(x, "Sin", angle(x, v)));
  const char *other = NODE(x, "Sub", NODE(x, "Log", NODE(x, "Div", number(x, 3.141592653589793), sine)), sum);
  other = NODE(x, "Where", NODE(x, "IsInf", v), number(x, INFINITY), other);
  export_give(x, NODE(x, "Where", below, other, sum), ONNX_DOUBLE);
}

/* NaN at the negative integers, an infinity of the sign of -x at 0. */
void write_digamma(Export *x, Id n) {
  static const double series[] = {1.0 / 240, -1.0 / 252, 1.0 / 120, -1.0 / 12};
  (void)n;
  const char *v = operand(x), *below, *small, *y = reflected(x, v, &below), *z = shifted(x, y, &small);
  const char *steps = NODE(x, "Reciprocal", y), *r = NODE(x, "Reciprocal", z), *zero = number(x, 0);
  for (int i = 1; i < STEPS; i++) steps = add(x, steps, NODE(x, "Reciprocal", add(x, y, number(x, i))));
  const char *square = mul(x, r, r), *sum = mul(x, polynomial(x, square, series, 4), square);
  sum = add(x, sum, add(x, NODE(x, "Log", z), mul(x, r, number(x, -0.5))));
  sum = NODE(x, "Sub", sum, NODE(x, "Where", small, steps, zero));
  const char *a = angle(x, v), *sine = NODE(x, "Sin", a);
  const char *cosine = NODE(x, "Sin", NODE(x, "Sub", number(x, 1.5707963267948966), a));
  const char *other = NODE(x, "Sub", sum, mul(x, number(x, 3.141592653589793), NODE(x, "Div", cosine, sine)));
  const char *pole = NODE(x, "And", below, NODE(x, "Equal", a, zero));
  const char *at = NODE(x, "Where", NODE(x, "Equal", v, zero), NODE(x, "Div", number(x, -1), v), number(x, NAN));
  other = NODE(x, "Where", pole, at, other);
  export_give(x, NODE(x, "Where", below, other, sum), ONNX_DOUBLE);
}

void write_erfinv(Export *x, Id n) {
  static const double near[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
  static const double far[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                               -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
  (void)n;
  if (export_in_type(x, 0)->dtype == DT_F64) {
    export_refuse(x, "`erfinv` of f64", "ONNX has no such function: compute it in f32");
    return;
  }
  const char *v = operand(x), *one = number(x, 1);
  const char *w = NODE(x, "Neg", NODE(x, "Log", mul(x, NODE(x, "Sub", one, v), add(x, one, v))));
  const char *a = polynomial(x, NODE(x, "Sub", w, number(x, 2.5)), near, 9);
  const char *b = polynomial(x, NODE(x, "Sub", NODE(x, "Sqrt", w), number(x, 3)), far, 9);
  const char *y = mul(x, NODE(x, "Where", NODE(x, "Less", w, number(x, 5)), a, b), v);
  const char *end = NODE(x, "Equal", NODE(x, "Abs", v), one);
  export_give(x, NODE(x, "Where", end, mul(x, v, number(x, INFINITY)), y), ONNX_DOUBLE);
}
