/* Accuracy of prim.h against libm's double functions: over all floats with a stride (argument 1, default 4099; 1 is
 * exhaustive), and at special values. Prints the worst error of each function in units in the last place. */
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

/* Error of `got` in ulps of the float format at `want`; 0 where both are NaN or the same infinity. */
static double ulps(float got, double want) {
  float rounded = (float)want;
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got) ? 0 : 1e9;
  if (isinf(rounded) || isinf(got)) return rounded == got ? 0 : 1e9;
  int e;
  frexp(want, &e);
  double ulp = ldexp(1, (e < -125 ? -125 : e) - 24);
  return fabs(got - want) / ulp;
}

static double d_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double d_rsqrt(double x) { return 1 / sqrt(x); }
static double d_sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : x; }

typedef struct Unary { const char *name; float (*f)(float); double (*d)(double); double limit; } Unary;
static const Unary unary[] = {
  {"exp", prim_exp, exp, 1}, {"expm1", prim_expm1, expm1, 2}, {"log", prim_log, log, 1},
  {"log1p", prim_log1p, log1p, 1.5},
  {"sqrt", prim_sqrt, sqrt, 0.5}, {"rsqrt", prim_rsqrt, d_rsqrt, 1.5}, {"tanh", prim_tanh, tanh, 1.5},
  {"sigmoid", prim_sigmoid, d_sigmoid, 2}, {"erf", prim_erf, erf, 1.5}, {"sin", prim_sin, sin, 1.6},
  {"cos", prim_cos, cos, 1.6},
  {"floor", prim_floor, floor, 0}, {"ceil", prim_ceil, ceil, 0}, {"round", prim_round, rint, 0},
  {"abs", prim_abs, fabs, 0},
  {"sign", prim_sign, d_sign, 0},
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
  static const uint32_t special[] = {0, 0x80000000, 1, 0x80000001, 0x7fffff, 0x807fffff, 0x800000, 0x80800000,
                                     0x3f800000, 0xbf800000, 0x7f7fffff, 0xff7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000,
                                     0x4b000000, 0xcb000000, 0x4affffff, 0x3f000000, 0xbf000000, 0x3effffff,
                                     0x45490fdb};
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
  static const float special[] = {0, -0.0f, 1, -1, 0.5f, -0.5f, 2, -2, 3, -3, 1e-40f, -1e-40f, 1e38f, -1e38f, 2.5f,
                                  -2.5f,
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
  static const uint32_t want[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                      {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                      {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
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
  check_integers();
  check_random();
  printf(failures ? "%d FAILED\n" : "prim accuracy: ok\n", failures);
  return failures != 0;
}
