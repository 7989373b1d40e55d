/* SPDX-License-Identifier: Apache-2.0 */
/* Floating-point numbers as decimal text. The compiler and the runtime print only by these functions, so that a value
 * has one text everywhere: the shortest that reads back as the same value, by strtod and then rounded once to the type.
 * Not a number is `nan` whatever its sign bit, infinities are `inf` and `-inf`, and -0 is `-0`. */
#ifndef GRADC_DECIMAL_H
#define GRADC_DECIMAL_H
#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* A binary format: significant bits, the exponent of its smallest subnormal, and the number of decimal digits that
 * always survive a conversion to it and back (as FLT_DIG). */
typedef struct DecimalFormat {
  int bits, min_exponent, digits;
} DecimalFormat;
static const DecimalFormat decimal_f64 = {53, -1074, DBL_DIG}, decimal_f32 = {24, -149, FLT_DIG},
                           decimal_f16 = {11, -24, 3}, decimal_bf16 = {8, -133, 2};
enum { DECIMAL_TEXT = 32 }; /* bytes that hold any text of these functions */

/* v rounded once to the format, to nearest, ties to even. The caller must check for overflow: the result may be one ulp
 * above the largest number of the format. */
static inline double decimal_round(DecimalFormat f, double v) {
  int exponent;
  if (v - v != 0 || v == 0) return v;
  int64_t m = (int64_t)ldexp(frexp(v, &exponent), 53); /* v = m * 2 ** (exponent - 53) */
  int drop = exponent - f.bits > f.min_exponent ? 53 - f.bits : f.min_exponent - exponent + 53;
  if (drop <= 0) return v;
  if (drop > 54) return __builtin_copysign(0, v);
  int64_t unit = (int64_t)1 << drop, rest = m & (unit - 1);
  m -= rest; /* towards minus infinity */
  if (rest > unit / 2 || (rest == unit / 2 && m & unit)) m += unit;
  return __builtin_copysign(ldexp((double)m, exponent - 53), v);
}

/* Writes v, which is a number of the format, with the fewest digits that read back as v, and returns `to`. */
static inline char *decimal_print(DecimalFormat f, double v, char to[DECIMAL_TEXT]) {
  bool normal = __builtin_fabs(v) >= ldexp(1, f.min_exponent + f.bits - 1);
  if (v - v != 0) {
    snprintf(to, DECIMAL_TEXT, "%s", v != v ? "nan" : v < 0 ? "-inf" : "inf");
    return to;
  }
  int digits = !normal ? 1 : f.digits < FLT_DIG ? f.digits : FLT_DIG;
  while (true) {
    snprintf(to, DECIMAL_TEXT, "%.*g", digits, v);
    if (digits >= DBL_DECIMAL_DIG || decimal_round(f, strtod(to, NULL)) == v) return to;
    /* f.digits covers every text of fewer digits, because %g drops trailing zeros. */
    digits = normal && digits < f.digits ? f.digits : digits + 1;
  }
}

/* The same of an element: as an integer where f32, or the format, holds all integers up to it (5000, not 5e+03). */
static inline char *decimal_element(DecimalFormat f, double v, char to[DECIMAL_TEXT]) {
  int bits = f.bits > FLT_MANT_DIG ? f.bits : FLT_MANT_DIG;
  bool small = v != 0 && __builtin_fabs(v) <= ldexp(1, bits);
  if (!small || (double)(int64_t)v != v) return decimal_print(f, v, to);
  snprintf(to, DECIMAL_TEXT, "%lld", (long long)v);
  return to;
}
#endif
