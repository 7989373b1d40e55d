/* SPDX-License-Identifier: Apache-2.0 */
/* Accuracy of prim.h against libm's functions of the next wider format: over all floats with a stride (argument 1,
 * default 4099; 1 is exhaustive), at random doubles, and at special values. Prints the worst error of each function in
 * units in the last place. */
#include "prim.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static float from_bits(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}

/* Error of `got` in ulps of a format of `digits` bits and smallest exponent `min_exponent` at `want`; 0 where both are
 * NaN or the same infinity. `rounded` is `want` in that format. */
static double error_of(double got, double rounded, long double want, int digits, int min_exponent) {
  if (isnan(rounded) || isnan(got)) return isnan(rounded) && isnan(got) ? 0 : 1e9;
  if (isinf(rounded) || isinf(got)) return rounded == got ? 0 : 1e9;
  int e;
  frexpl(want, &e);
  return (double)(fabsl(got - want) / ldexpl(1, (e < min_exponent ? min_exponent : e) - digits));
}

static double ulps(float got, double want) { return error_of(got, (float)want, want, 24, -125); }

static double ulps_f64(double got, long double want, int least) {
  return error_of(got, (double)want, want, 53, least ? least : -1021);
}

/* erfinv by Newton steps, whose slope is that of erfc: no digits are lost near 1. */
static long double l_erfinv(long double x) {
  long double a = fabsl(x), y = a < 0.9L ? a : sqrtl(-logl(1 - a));
  if (!(a < 1)) return a == 1 ? copysignl(INFINITY, x) : NAN;
  for (int i = 0; i < 60; i++) {
    long double off = a < 0.5L ? erfl(y) - a : (1 - a) - erfcl(y);
    y -= off * 0.886226925452758013649L * expl(y * y);
  }
  return copysignl(y, x);
}
/* By the asymptotic series from 30 on. */
static long double l_digamma(long double x) {
  const long double pi = 3.14159265358979323846L;
  long double y = 0, a = fabsl(x), r = a - rintl(a);
  if (x == 0) return copysignl(INFINITY, -x);
  if (x < 0 && (r == 0 || isinf(a))) return NAN;
  if (x < 0) y = 1 / a + pi / tanl(pi * r);
  for (; a < 30; a++) y -= 1 / a;
  long double z = 1 / (a * a);
  return y + logl(a) - 0.5L / a - z * (1 / 12.0L - z * (1 / 120.0L - z * (1 / 252.0L - z * (1 / 240.0L - z / 132))));
}
static double d_erfinv(double x) { return (double)l_erfinv(x); }
static double d_digamma(double x) { return (double)l_digamma(x); }
static double d_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double d_rsqrt(double x) { return 1 / sqrt(x); }
static double d_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

typedef struct Unary {
  const char *name;
  float (*f)(float);
  double (*d)(double);
  double limit;
} Unary;
static const Unary unary[] = {
  {"exp", prim_exp, exp, 1},
  {"expm1", prim_expm1, expm1, 2},
  {"log", prim_log, log, 1},
  {"log1p", prim_log1p, log1p, 1.5},
  {"sqrt", prim_sqrt, sqrt, 0.5},
  {"rsqrt", prim_rsqrt, d_rsqrt, 1.5},
  {"tanh", prim_tanh, tanh, 1.5},
  {"sigmoid", prim_sigmoid, d_sigmoid, 2},
  {"erf", prim_erf, erf, 1.5},
  {"sin", prim_sin, sin, 1.6},
  {"cos", prim_cos, cos, 1.6},
  {"floor", prim_floor, floor, 0},
  {"ceil", prim_ceil, ceil, 0},
  {"round", prim_round, rint, 0},
  {"abs", prim_abs, fabs, 0},
  {"sign", prim_sign, d_sign, 0},
  {"tan", prim_tan, tan, 3},
  {"atan", prim_atan, atan, 3},
  {"asin", prim_asin, asin, 3},
  {"acos", prim_acos, acos, 3},
  {"sinh", prim_sinh, sinh, 3},
  {"cosh", prim_cosh, cosh, 3},
  {"asinh", prim_asinh, asinh, 3},
  {"acosh", prim_acosh, acosh, 3},
  {"atanh", prim_atanh, atanh, 3},
  {"erfc", prim_erfc, erfc, 0.51},
  {"erfinv", prim_erfinv, d_erfinv, 0.51},
  {"lgamma", prim_lgamma, lgamma, 0.51},
  {"digamma", prim_digamma, d_digamma, 0.51},
};

static void check_unary(const Unary *t, uint64_t stride) {
  double worst = 0;
  float at = 0;
  int signs = 0;
  for (uint64_t u = 0; u < (uint64_t)1 << 32; u += stride) {
    float x = from_bits((uint32_t)u), y = t->f(x);
    double e = ulps(y, t->d(x));
    if (!(e <= worst)) worst = e, at = x;
    if (!isnan(x) && y == 0 && signbit(y) != signbit((float)t->d(x))) signs++, at = x;
  }
  static const uint32_t special[] = {0,          0x80000000, 1,          0x80000001, 0x7fffff,   0x807fffff,
                                     0x800000,   0x80800000, 0x3f800000, 0xbf800000, 0x7f7fffff, 0xff7fffff,
                                     0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x4b000000, 0xcb000000,
                                     0x4affffff, 0x3f000000, 0xbf000000, 0x3effffff, 0x45490fdb};
  for (size_t i = 0; i < sizeof special / sizeof *special; i++) {
    float x = from_bits(special[i]), y = t->f(x);
    double e = ulps(y, t->d(x));
    if (!(e <= worst)) worst = e, at = x;
    if (!isnan(x) && y == 0 && signbit(y) != signbit((float)t->d(x))) signs++, at = x;
  }
  bool bad = worst > t->limit || signs;
  printf("%-8s %.3f ulp at %a%s\n", t->name, worst, at, bad ? "  FAILED" : "");
  if (signs) printf("  %d wrong signs of zero\n", signs);
  failures += bad;
}

static uint64_t random_state = 1;
static uint32_t random_bits(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 32);
}

static double d_mod(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}

static void check_pow(long n) {
  static const float special[] = {0,        -0.0f,    1,         -1,       0.5f,      -0.5f,  2,    -2,
                                  3,        -3,       1e-40f,    -1e-40f,  1e38f,     -1e38f, 2.5f, -2.5f,
                                  16777216, 16777215, -16777215, INFINITY, -INFINITY, NAN};
  double worst = 0;
  float wa = 0, wb = 0;
  int count = sizeof special / sizeof *special;
  for (long i = 0; i < n + count * count; i++) {
    float a = from_bits(random_bits()), b = from_bits(random_bits());
    if (i % 2) {
      a = ldexpf((float)(random_bits() >> 8), -(int)(random_bits() % 40));
      b = (float)(int)random_bits() / 2e8f;
    }
    if (i % 4 == 1) b = (float)((int)(random_bits() % 21) - 10), a = random_bits() & 1 ? -a : a;
    if (i < count * count) a = special[i / count], b = special[i % count];
    float y = prim_pow(a, b);
    double want = pow(a, b), e = ulps(y, want);
    if (y == 0 && want == 0 && !signbit(y) != !signbit(want)) e = 1e9;
    if (!(e <= worst)) worst = e, wa = a, wb = b;
  }
  printf("pow      %.3f ulp at %a, %a%s\n", worst, wa, wb, worst > 0.51 ? "  FAILED" : "");
  failures += worst > 0.51;
}

static void check_divmod(long n) {
  double worst = 0;
  long wrong = 0;
  float wa = 0, wb = 0;
  for (long i = 0; i < n; i++) {
    float a = (float)((int)random_bits() % 2000001) / 1000, b = (float)((int)random_bits() % 2001) / 100;
    if (b == 0 || fabsf(a / b) > 4e6f) continue;
    double r = d_mod(a, b), q = floor(a / (double)b), e = ulps(prim_mod(a, b), r);
    if (fabs((a - r) / b - q) < 0.5 && prim_idiv(a, b) != (float)q) wrong++, wa = a, wb = b;
    if (!(e <= worst)) worst = e, wa = a, wb = b;
  }
  bool bad = worst > 1 || wrong;
  printf("mod      %.3f ulp, idiv %ld wrong (at %a, %a)%s\n", worst, wrong, wa, wb, bad ? "  FAILED" : "");
  failures += bad;
}

/* Operands of all signs and sizes, and special ones. */
static void check_atan2(long n) {
  static const float special[] = {0, -0.0f, 1, -1, 1e-42f, -3e38f, INFINITY, -INFINITY, NAN};
  double worst = 0, worst_f64 = 0, wa = 0, wb = 0;
  int count = sizeof special / sizeof *special;
  for (long i = 0; i < n; i++) {
    float a = from_bits(random_bits()), b = from_bits(random_bits());
    if (i % 2) a = (float)(int)random_bits(), b = (float)(int)random_bits();
    if (i < count * count) a = special[i / count], b = special[i % count];
    float y = prim_atan2(a, b);
    double z = prim_atan2_f64(a, b), e = ulps(y, atan2(a, b)), f = error_of(z, atan2(a, b), atan2l(a, b), 53, -1021);
    if (!signbit(y) != !signbit(atan2f(a, b)) && !isnan(y)) e = 1e9;
    if (!(e <= worst)) worst = e, wa = a, wb = b;
    if (!(f <= worst_f64)) worst_f64 = f;
  }
  bool bad = worst > 3 || worst_f64 > 3;
  printf("atan2    %.3f ulp at %a, %a, f64 %.3f ulp%s\n", worst, wa, wb, worst_f64, bad ? "  FAILED" : "");
  failures += bad;
}

/* ---- doubles, against libm's long doubles ---- */

static uint64_t random_word(void) {
  uint64_t high = random_bits();
  return high << 32 | random_bits();
}

static double double_of(uint64_t u) {
  double x;
  memcpy(&x, &u, 8);
  return x;
}

static const double special_f64[] = {0,
                                     -0.0,
                                     1,
                                     -1,
                                     0.5,
                                     -0.5,
                                     1.5,
                                     2.5,
                                     -2.5,
                                     3,
                                     -3,
                                     4.9e-324,
                                     -4.9e-324,
                                     2.2250738585072014e-308,
                                     1.7976931348623157e308,
                                     -1.7976931348623157e308,
                                     INFINITY,
                                     -INFINITY,
                                     NAN,
                                     4503599627370495.5,
                                     -4503599627370495.5,
                                     9007199254740993.0,
                                     -745.2,
                                     -708.5,
                                     709.8,
                                     33554431.999999996,
                                     33554432,
                                     5.319372648326541e255 /* nearest to a multiple of pi/2 */};
enum { SPECIAL_F64 = sizeof special_f64 / sizeof *special_f64 };

/* Any bits, wide, near 0, and of all sizes below 2^20. */
static double sample_f64(long i) {
  double unit = (double)(int64_t)random_word() / 9223372036854775808.0;
  if (i < SPECIAL_F64) return special_f64[i];
  return i % 4 == 0   ? double_of(random_word())
         : i % 4 == 1 ? 40 * unit
         : i % 4 == 2 ? 2 * unit
                      : ldexp(unit, 20 - (int)(random_bits() % 80));
}

static long double l_sqrt(long double x) { return sqrt((double)x); } /* correctly rounded, as IEEE 754 requires */
static long double l_sigmoid(long double x) { return 1 / (1 + expl(-x)); }
static long double l_rsqrt(long double x) { return 1 / sqrtl(x); }
static long double l_sign(long double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

typedef struct UnaryF64 {
  const char *name;
  double (*f)(double);
  long double (*d)(long double);
  double limit;
  int least; /* exponent of the least result whose relative error counts, below it that of 2^least; 0: any */
} UnaryF64;
static const UnaryF64 unary_f64[] = {
  {"exp", prim_exp_f64, expl, 1, 0},
  {"expm1", prim_expm1_f64, expm1l, 2, 0},
  {"log", prim_log_f64, logl, 1, 0},
  {"log1p", prim_log1p_f64, log1pl, 1, 0},
  {"sqrt", prim_sqrt_f64, l_sqrt, 0, 0},
  {"rsqrt", prim_rsqrt_f64, l_rsqrt, 1.51, 0},
  {"tanh", prim_tanh_f64, tanhl, 2.6, 0},
  {"sigmoid", prim_sigmoid_f64, l_sigmoid, 2, 0},
  {"erf", prim_erf_f64, erfl, 1.3, 0},
  {"sin", prim_sin_f64, sinl, 2.7, 0},
  {"cos", prim_cos_f64, cosl, 2.7, 0},
  {"floor", prim_floor_f64, floorl, 0, 0},
  {"ceil", prim_ceil_f64, ceill, 0, 0},
  {"round", prim_round_f64, rintl, 0, 0},
  {"abs", prim_abs_f64, fabsl, 0, 0},
  {"sign", prim_sign_f64, l_sign, 0, 0},
  {"tan", prim_tan_f64, tanl, 5, 0},
  {"atan", prim_atan_f64, atanl, 2, 0},
  {"asin", prim_asin_f64, asinl, 3, 0},
  {"acos", prim_acos_f64, acosl, 3, 0},
  {"sinh", prim_sinh_f64, sinhl, 3, 0},
  {"cosh", prim_cosh_f64, coshl, 3, 0},
  {"asinh", prim_asinh_f64, asinhl, 3, 0},
  {"acosh", prim_acosh_f64, acoshl, 3, 0},
  {"atanh", prim_atanh_f64, atanhl, 3, 0},
  {"erfc", prim_erfc_f64, erfcl, 5, 0},
  {"erfinv", prim_erfinv_f64, l_erfinv, 5, 0},
  {"lgamma", prim_lgamma_f64, lgammal, 6, 1},
  {"digamma", prim_digamma_f64, l_digamma, 5, 4},
};

static void check_unary_f64(const UnaryF64 *t, long n) {
  double worst = 0, at = 0;
  for (long i = 0; i < n; i++) {
    double x = sample_f64(i), y = t->f(x);
    long double want = t->d(x);
    double e = y == 0 && !isnan(x) && !signbit(y) != !signbit((double)want) ? 1e9 : ulps_f64(y, want, t->least);
    if (!(e <= worst)) worst = e, at = x;
  }
  printf("%-8s f64 %.3f ulp at %a%s\n", t->name, worst, at, worst > t->limit ? "  FAILED" : "");
  failures += worst > t->limit;
}

static void check_pow_f64(long n) {
  double worst = 0, wa = 0, wb = 0;
  for (long i = 0; i < n; i++) {
    double a = sample_f64(SPECIAL_F64 + i), b = sample_f64(SPECIAL_F64 + i / 4);
    if (i % 5 == 1) b = (double)((int)(random_bits() % 41) - 20);
    if (i % 5 == 2) a = 1 + a * ldexp(1, -20), b *= 4096; /* near 1, where the exponent is large */
    if (i < SPECIAL_F64 * SPECIAL_F64) a = special_f64[i / SPECIAL_F64], b = special_f64[i % SPECIAL_F64];
    double y = prim_pow_f64(a, b);
    long double want = powl(a, b);
    double e = y == 0 && want == 0 && !signbit(y) != !signbit(want) ? 1e9 : ulps_f64(y, want, 0);
    if (!(e <= worst)) worst = e, wa = a, wb = b;
  }
  printf("pow      f64 %.3f ulp at %a, %a%s\n", worst, wa, wb, worst > 1.4 ? "  FAILED" : "");
  failures += worst > 1.4;
}

static void check_divmod_f64(long n) {
  long wrong = 0;
  double wa = 0, wb = 0;
  for (long i = 0; i < n; i++) {
    double a = ldexp((double)(int64_t)random_word(), -(int)(random_bits() % 70));
    double b = ldexp(a, -(int)(random_bits() % 40)) * (double)(int32_t)random_bits() / 1073741824.0;
    if (b == 0 || fabs(a / b) > 4e15) continue;
    double r = fmod(a, b);
    if (r != 0 && (r < 0) != (b < 0)) r += b; /* rounds, as prim_mod_f64 does then */
    long double q = rintl(((long double)a - r) / b);
    if (prim_mod_f64(a, b) != r || prim_idiv_f64(a, b) != (double)q) wrong++, wa = a, wb = b;
  }
  printf("mod      f64 %ld wrong (at %a, %a)%s\n", wrong, wa, wb, wrong ? "  FAILED" : "");
  failures += wrong != 0;
}

static void expect(const char *what, bool ok) {
  if (!ok) printf("%s FAILED\n", what), failures++;
}

static void check_integers(void) {
  static const int32_t v[] = {0, 1, -1, 2, -2, 7, -7, 3, -3, INT32_MAX, INT32_MIN};
  for (size_t i = 0; i < sizeof v / sizeof *v; i++)
    for (size_t k = 0; k < sizeof v / sizeof *v; k++) {
      int64_t a = v[i], b = v[k], q = 0, r = 0;
      if (b) q = a / b - (a % b != 0 && (a < 0) != (b < 0)), r = a - q * b;
      expect("idiv_i32", prim_idiv_i32(v[i], v[k]) == (int32_t)q);
      expect("mod_i32", prim_mod_i32(v[i], v[k]) == (int32_t)r);
      uint32_t ua = (uint32_t)a, ub = (uint32_t)b;
      expect("idiv_u32", prim_idiv_u32(ua, ub) == (ub ? ua / ub : 0));
      expect("mod_u32", prim_mod_u32(ua, ub) == (ub ? ua % ub : 0));
    }
  expect("to_i32", prim_to_i32(3e9f) == INT32_MAX && prim_to_i32(-3e9f) == INT32_MIN && prim_to_i32(NAN) == 0 &&
                     prim_to_i32(-2.9f) == -2 && prim_to_i32(2147483520.0f) == 2147483520);
  expect("to_u32", prim_to_u32(5e9f) == UINT32_MAX && prim_to_u32(-1) == 0 && prim_to_u32(NAN) == 0 &&
                     prim_to_u32(3e9f) == 3000000000u && prim_to_u32(2.9f) == 2 && prim_to_u32(INFINITY) == UINT32_MAX);
  expect("to_int", prim_to_int(300, 0, 255) == 255 && prim_to_int(-3, 0, 255) == 0 &&
                     prim_to_int(NAN, -128, 127) == 0 && prim_to_int(-128.7f, -128, 127) == -128);
}

/* Known answers of Philox4x32-10 (Random123), and the numbering of the elements. */
static void check_random(void) {
  uint32_t c[3][4] = {{0, 0, 0, 0}, {~0u, ~0u, ~0u, ~0u}, {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
  static const uint32_t key[3][2] = {{0, 0}, {~0u, ~0u}, {0xa4093822, 0x299f31d0}};
  static const uint32_t want[3][4] = {
    {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
    {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
  };
  for (int i = 0; i < 3; i++) {
    prim_philox(c[i], key[i][0], key[i][1]);
    expect("philox", !memcmp(c[i], want[i], 16));
  }
  uint64_t k = prim_random_key(7, 123456789);
  for (uint32_t j = 0; j < 3; j++)
    for (uint32_t l = 0; l < 16; l++) {
      float out[4];
      prim_random4(16 * j + l, 0, (uint32_t)k, (uint32_t)(k >> 32), 5, 2, 3, out);
      for (uint32_t w = 0; w < 4; w++)
        expect("random", out[w] == prim_random(64 * j + 16 * w + l, 0, (uint32_t)k, (uint32_t)(k >> 32), 5, 2, 3));
    }
  double sum = 0;
  for (uint32_t i = 0; i < 100000; i++) {
    float u = prim_random(i, 0, (uint32_t)k, (uint32_t)(k >> 32), 0, 0, 0);
    expect("range of random", u >= 0 && u < 1);
    sum += u;
  }
  expect("mean of random", fabs(sum / 100000 - 0.5) < 0.004);
}

int main(int argc, char **argv) {
  uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 10) : 4099;
  const char *only = argc > 2 ? argv[2] : NULL;
  for (size_t i = 0; i < sizeof unary / sizeof *unary; i++)
    if (!only || !strcmp(only, unary[i].name)) check_unary(&unary[i], stride ? stride : 1);
  check_pow(400000);
  check_divmod(400000);
  check_atan2(400000);
  for (size_t i = 0; i < sizeof unary_f64 / sizeof *unary_f64; i++) check_unary_f64(&unary_f64[i], 400000);
  check_pow_f64(400000);
  check_divmod_f64(400000);
  check_integers();
  check_random();
  printf(failures ? "%d FAILED\n" : "prim accuracy: ok\n", failures);
  return failures != 0;
}
