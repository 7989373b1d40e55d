/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of prim.h gives the same bits as a scalar and as a vector of 4, 8 and 16 lanes; max and min are what
 * they are defined to be. */
#include "prim.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct Unary {
  const char *name;
  float (*f)(float);
  f4 (*f4)(f4);
  f8 (*f8)(f8);
  f16 (*f16)(f16);
} Unary;
#define U(name) {#name, prim_##name, v4_##name, v8_##name, v16_##name},
static const Unary unary[] = {U(abs) U(sign) U(floor) U(ceil) U(round) U(exp) U(expm1) U(log) U(log1p) U(sqrt) U(rsqrt)
                                U(sin) U(cos) U(tanh) U(sigmoid) U(erf) U(tan) U(atan) U(asin) U(acos) U(sinh) U(cosh)
                                  U(asinh) U(acosh) U(atanh)};
typedef struct Binary {
  const char *name;
  float (*f)(float, float);
  f4 (*f4)(f4, f4);
  f8 (*f8)(f8, f8);
  f16 (*f16)(f16, f16);
} Binary;
static const Binary binary[] = {U(max) U(min) U(idiv) U(mod) U(pow) U(atan2)};
typedef struct BinaryInt {
  const char *name;
  int32_t (*f)(int32_t, int32_t);
  i4 (*f4)(i4, i4);
  i8 (*f8)(i8, i8);
  i16 (*f16)(i16, i16);
} BinaryInt;
static const BinaryInt binary_int[] = {U(idiv_i32) U(mod_i32) U(shl_i32) U(shr_i32)};

static int failures;
static uint32_t state = 1;
static uint32_t next(void) {
  state ^= state << 13;
  state ^= state >> 17;
  return state ^= state << 5;
}

/* NaN equals NaN: its sign and payload differ by machine. */
static int same(float a, float b) { return (a != a && b != b) || !memcmp(&a, &b, 4); }

static void differ(const char *name, int lanes, double a, double b) {
  if (failures++ < 20) printf("%s: %d lanes differ from the scalar at %a, %a\n", name, lanes, a, b);
}

/* Bits of all kinds, numbers of usual size, and special values. */
static float sample(int i) {
  static const uint32_t special[] = {0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000,
                                     1, 0x807fffff, 0x00800000, 0x4b000000};
  uint32_t u = i % 3 ? next() : special[next() % 9];
  if (i % 3 == 2) u = (u & 0x83ffffff) | 0x3c000000;
  float x;
  memcpy(&x, &u, 4);
  return x;
}

#define LANES(n, call, expected) \
  for (int k = 0; k < 16; k += n) { \
    f##n u, v, w; \
    memcpy(&u, a + k, sizeof u), memcpy(&v, b + k, sizeof v); \
    (void)v; \
    w = call; \
    for (int l = 0; l < n; l++) \
      if (!same(w[l], expected)) differ(t->name, n, a[k + l], b[k + l]); \
  }

static void check_unary(const Unary *t, const float *a, const float *b) {
  LANES(4, t->f4(u), t->f(a[k + l]))
  LANES(8, t->f8(u), t->f(a[k + l]))
  LANES(16, t->f16(u), t->f(a[k + l]))
}

static void check_binary(const Binary *t, const float *a, const float *b) {
  LANES(4, t->f4(u, v), t->f(a[k + l], b[k + l]))
  LANES(8, t->f8(u, v), t->f(a[k + l], b[k + l]))
  LANES(16, t->f16(u, v), t->f(a[k + l], b[k + l]))
}

#define BINARY_INT(n) \
  for (int k = 0; k < 16; k += n) { \
    i##n u, v, w; \
    memcpy(&u, a + k, sizeof u), memcpy(&v, b + k, sizeof v); \
    w = t->f##n(u, v); \
    for (int l = 0; l < n; l++) \
      if (w[l] != t->f(a[k + l], b[k + l])) differ(t->name, n, a[k + l], b[k + l]); \
  }

static void check_binary_int(const BinaryInt *t) {
  int32_t a[16], b[16];
  for (int i = 0; i < 16; i++) {
    a[i] = (int32_t)next();
    b[i] = next() % 2 ? (int32_t)next() >> 20 : (int32_t)(next() % 3) - 1;
    if (next() % 16 == 0) a[i] = INT32_MIN;
  }
  BINARY_INT(4)
  BINARY_INT(8)
  BINARY_INT(16)
}

#define RANDOM(n) \
  { \
    u##n index; \
    for (int l = 0; l < n; l++) index[l] = first + (uint32_t)l; \
    f##n r = v##n##_random(index, high, 11, 22, 33, 44, 55); \
    for (int l = 0; l < n; l++) \
      if (r[l] != prim_random(index[l], high, 11, 22, 33, 44, 55)) differ("random", n, first, high); \
  }

static void check_conversions(const float *a) {
  f16 x;
  memcpy(&x, a, sizeof x);
  i16 i = v16_to_i32(x), b = v16_to_int(x, -128, 127);
  u16 u = v16_to_u32(x);
  for (int l = 0; l < 16; l++)
    if (i[l] != prim_to_i32(a[l]) || u[l] != prim_to_u32(a[l]) || b[l] != prim_to_int(a[l], -128, 127))
      differ("conversion", 16, a[l], 0);
}

/* NaN if either is, the second where they are equal. */
static void check_extremes(float a, float b) {
  int nan = a != a || b != b;
  if (!same(prim_max(a, b), nan ? (float)NAN : a > b ? a : b)) differ("max", 1, a, b);
  if (!same(prim_min(a, b), nan ? (float)NAN : a < b ? a : b)) differ("min", 1, a, b);
}

int main(void) {
  for (int i = 0; i < 20000; i++) {
    float a[16], b[16];
    for (int l = 0; l < 16; l++) {
      a[l] = sample(i), b[l] = sample(i);
      if (i % 5 == 0) b[l] = (float)((int)(next() % 13) - 6);
    }
    for (size_t k = 0; k < sizeof unary / sizeof *unary; k++) check_unary(&unary[k], a, b);
    for (size_t k = 0; k < sizeof binary / sizeof *binary; k++) check_binary(&binary[k], a, b);
    for (size_t k = 0; k < sizeof binary_int / sizeof *binary_int; k++) check_binary_int(&binary_int[k]);
    check_conversions(a);
    for (int l = 0; l < 16; l++) check_extremes(a[l], b[l]);
    uint32_t first = next(), high = next() >> 20;
    if (first > 0xffffffe0u) continue;
    RANDOM(4)
    RANDOM(8)
    RANDOM(16)
  }
  printf(failures ? "%d FAILED\n" : "prim vector: ok\n", failures);
  return failures != 0;
}
