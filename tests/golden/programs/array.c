/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays of any element type as bytes and back, without the conversions of what is tested. */
#include "golden.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const kind_name[] = {"bool", "u8", "i8", "u16", "i16", "u32", "i32", "f32", "f64", "f16", "bf16"};
const char *const kind_c[] = {"uint8_t", "uint8_t", "int8_t", "uint16_t", "int16_t", "uint32_t",
                              "int32_t", "float",   "double", "uint16_t", "uint16_t"};
size_t kind_bytes(Kind k) { return (const size_t[]){1, 1, 1, 2, 2, 4, 4, 4, 8, 2, 2}[k]; }

/* The 16 bits of a value that has an exact one. */
static uint16_t half_bits(double x) {
  uint16_t sign = signbit(x) ? 0x8000 : 0;
  int e;
  if (isnan(x)) return 0x7e00;
  if (isinf(x)) return sign | 0x7c00;
  double m = frexp(fabs(x), &e); /* m in [0.5, 1): 1.f is 2 m, its exponent e - 1 */
  if (x == 0) return sign;
  if (e - 1 < -14) return (uint16_t)(sign | (uint16_t)ldexp(fabs(x), 24));
  return (uint16_t)(sign | ((e - 1 + 15) << 10) | (uint16_t)(ldexp(m, 11) - 1024));
}

static double half_value(uint16_t w) {
  double sign = w & 0x8000 ? -1 : 1;
  if ((w & 0x7c00) == 0x7c00) return w & 0x3ff ? NAN : sign * INFINITY;
  return sign * ldexp((w & 0x3ff) + (w & 0x7c00 ? 1024 : 0), (w & 0x7c00 ? w >> 10 & 31 : 1) - 25);
}

static void put(Kind k, void *at, double x) {
  float f = (float)x;
  int64_t i = k < K_F32 ? (int64_t)x : 0;
  uint32_t u;
  uint16_t h;
  memcpy(&u, &f, 4);
  h = k == K_F16 ? half_bits(x) : (uint16_t)(u >> 16);
  const void *from = k == K_F32 ? (void *)&f : k == K_F64 ? (void *)&x : k >= K_F16 ? (void *)&h : (void *)&i;
  memcpy(at, from, kind_bytes(k)); /* integers: little-endian */
}

static double take(Kind k, const void *at) {
  size_t n = kind_bytes(k);
  uint16_t h;
  uint32_t u;
  float f;
  double d;
  int64_t i = 0;
  memcpy(&i, at, n);
  switch (k) {
  case K_F32: memcpy(&f, at, 4); return f;
  case K_F64: memcpy(&d, at, 8); return d;
  case K_F16: return half_value((uint16_t)i);
  case K_BF16: h = (uint16_t)i, u = (uint32_t)h << 16, memcpy(&f, &u, 4); return f;
  case K_I8: return (int8_t)i;
  case K_I16: return (int16_t)i;
  case K_I32: return (int32_t)i;
  default: return (double)i;
  }
}

void *array_bytes(const Array *a) {
  size_t n = kind_bytes(a->kind);
  unsigned char *p = NULL;
  if (posix_memalign((void **)&p, 64, (size_t)a->count * n + 64)) abort();
  memset(p, 0, (size_t)a->count * n + 64);
  for (int64_t i = 0; i < a->count && a->v; i++) put(a->kind, p + (size_t)i * n, a->v[i]);
  return p;
}

void array_take(Array *a, const void *bytes) {
  size_t n = kind_bytes(a->kind);
  if (!a->v) a->v = calloc((size_t)a->count + 1, sizeof *a->v);
  for (int64_t i = 0; i < a->count; i++) a->v[i] = take(a->kind, (const unsigned char *)bytes + (size_t)i * n);
}
