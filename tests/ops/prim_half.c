/* SPDX-License-Identifier: Apache-2.0 */
/* The 16-bit floats of prim.h against an oracle of their values: all 65,536 of each widened; and f32 rounded around
 * every number of 16 bits, around every midpoint of two of them, at the edges, and over all floats with a stride
 * (argument 1, default 1009; 1 is exhaustive). Scalars, and vectors of 16, which must give the same bits. */
#include "prim.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Format {
  const char *name;
  int digits, min_exponent, max_exponent; /* bits of the significand; of the smallest normal, the largest number */
  uint32_t inf;
  float (*widen)(uint32_t);
  uint32_t (*narrow)(float);
  f16 (*widen16)(u16);
  u16 (*narrow16)(f16);
} Format;
static const Format format[] = {
  {"bf16", 8, -126, 127, 0x7f80, prim_from_bf16, prim_to_bf16, v16_from_bf16, v16_to_bf16},
  {"f16", 11, -14, 15, 0x7c00, prim_from_f16, prim_to_f16, v16_from_f16, v16_to_f16},
};

static long failures, checks;
static void differ(const Format *f, const char *what, double at, uint32_t got, uint32_t want) {
  if (failures++ < 20) printf("%s %s %a: %x, not %x\n", f->name, what, at, got, want);
}

static float of_bits(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}
static uint32_t bits_of(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}

/* The number that the bits encode: (-1)^s 2^e 1.m, below the smallest exponent 2^e 0.m. */
static double value_of(const Format *f, uint32_t h) {
  int frac = f->digits - 1, e = (int)((h & 0x7fff) >> frac);
  double m = h & ((1u << frac) - 1);
  double v = e ? ldexp(m + (1 << frac), f->min_exponent + e - 1 - frac) : ldexp(m, f->min_exponent - frac);
  return h & 0x8000 ? -v : v;
}

/* The bits of the nearest number, found in double: x in units of its last place, rounded to an integer. */
static uint32_t nearest(const Format *f, float x) {
  uint32_t sign = bits_of(x) >> 16 & 0x8000;
  int e = 0, frac = f->digits - 1;
  if (isnan(x)) return sign | f->inf | 1u << (frac - 1) | (bits_of(x) & 0x7fffff) >> (23 - frac);
  double a = fabs((double)x);
  if (isinf(x)) return sign | f->inf;
  frexp(a, &e);
  int ulp = (a == 0 || e - 1 < f->min_exponent ? f->min_exponent : e - 1) - frac;
  double n = rint(ldexp(a, -ulp));
  if (ldexp(n, ulp) >= ldexp(1, f->max_exponent + 1)) return sign | f->inf;
  int64_t base = (int64_t)(ulp + frac - f->min_exponent) << frac;
  return sign | (uint32_t)(base + (int64_t)n); /* a carry increments the exponent */
}

/* The scalar on sixteen floats from x on, one ulp apart, and the vector. */
static void narrow_from(const Format *f, uint32_t from) {
  f16 v;
  for (int l = 0; l < 16; l++) v[l] = of_bits(from + (uint32_t)l);
  u16 w = f->narrow16(v);
  for (int l = 0; l < 16; l++, checks++) {
    float x = of_bits(from + (uint32_t)l);
    uint32_t want = nearest(f, x), got = f->narrow(x);
    if (got != want) differ(f, "from", (double)x, got, want);
    if (w[l] != want) differ(f, "lanes from", (double)x, w[l], want);
#ifdef __FLT16_MAX__
    _Float16 h = (_Float16)x; /* the compiler's opinion */
    uint16_t u;
    memcpy(&u, &h, 2);
    if (f->digits == 11 && u != want) differ(f, "compiler from", (double)x, u, want);
#endif
  }
}

static void check_widen(const Format *f) {
  for (uint32_t h = 0; h < 65536; h++, checks++) {
    float y = f->widen(h), lane = f->widen16((u16){0} + h)[h % 16];
    bool nan = (h & 0x7fff) > f->inf, inf = (h & 0x7fff) == f->inf;
    uint32_t quiet = nan ? h | 1u << (f->digits - 2) : h;
    bool right = nan ? isnan(y) : (inf ? isinf(y) : (double)y == value_of(f, h)) && !signbit(y) == !(h >> 15);
    if (!right) differ(f, "widened", h, bits_of(y), 0);
    if (bits_of(lane) != bits_of(y)) differ(f, "lanes widened", h, bits_of(lane), bits_of(y));
    if (f->narrow(y) != quiet) differ(f, "there and back", h, f->narrow(y), quiet);
  }
}

/* Around every finite number and the midpoint above it, of both signs. */
static void check_middles(const Format *f) {
  for (uint32_t h = 0; h < f->inf; h++) {
    double a = value_of(f, h), b = h + 1 < f->inf ? value_of(f, h + 1) : ldexp(1, f->max_exponent + 1);
    double middle = (a + b) / 2;
    for (uint32_t sign = 0; sign < 2; sign++) {
      narrow_from(f, (bits_of((float)a) | sign << 31) - (h ? 8 : 0));
      narrow_from(f, (bits_of((float)middle) | sign << 31) - 8);
    }
  }
}

int main(int argc, char **argv) {
  uint64_t stride = argc > 1 ? strtoull(argv[1], NULL, 10) : 1009;
  static const uint32_t edge[] = {0,          0x80000000, 0x007ffff8, 0x7f7ffff0, 0x7f800000, 0x7f800001, 0x7fbffff0,
                                  0x7fc00000, 0x7ffffff0, 0xff7ffff0, 0xff800000, 0xff800001, 0xfffffff0};
  for (int k = 0; k < 2; k++) {
    const Format *f = &format[k];
    check_widen(f);
    check_middles(f);
    for (size_t i = 0; i < sizeof edge / sizeof *edge; i++) narrow_from(f, edge[i]);
    for (uint64_t u = 0; u < (uint64_t)1 << 32; u += stride ? 16 * stride : 16) narrow_from(f, (uint32_t)u);
  }
  printf("%ld conversions of 16 bits, %ld wrong\n", checks, failures);
  return failures != 0;
}
