/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernels of prim.cu must give, by the definition of each primitive in the PTX manual, in plain C. */
#ifndef __CUDACC_RTC__
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#endif

/* The words of the input: random bits, then small integers of several types, then numbers for conversions. */
enum {
  BF16 = 4096,
  F16 = 8192,
  F32 = 8448,
  S8 = 8704,
  CONVERT = 8960,
  CONVERTED = 1024,
  TILES_F16 = CONVERT + CONVERTED, /* of wgmma; those of bf16 are at BF16 */
  INPUTS = TILES_F16 + 4096,
  APPROXIMATED = 512,
  MAX_OUT = 64 * 256
};
/* Tensors of 16-bit elements for TMA, over the random bits: [96][80], [6][16][40]; the output [40][56]. */
enum {
  ROWS = 96,
  COLS = 80,
  PLANES3 = 6,
  ROWS3 = 16,
  COLS3 = 40,
  OUT_ROWS = 40,
  OUT_COLS = 56,
  BOX_ROWS = 32,
  BOX_BYTES = BOX_ROWS * 128,
  BOX3_ROWS = 8,
  BOX3_PLANES = 2,
  BOX3_BYTES = BOX3_ROWS * BOX3_PLANES * 128
};

#ifdef __CUDACC__
__host__ __device__
#endif
  static inline float
  approximate_input(int i) {
  return (float)(i - 256) * 0.37f + 0.01f;
}

#ifndef __CUDACC_RTC__
static uint32_t ref_bits(float x) {
  uint32_t u;
  memcpy(&u, &x, 4);
  return u;
}
static float ref_float(uint32_t u) {
  float x;
  memcpy(&x, &u, 4);
  return x;
}

static void make_inputs(uint32_t *in) {
  static const uint32_t special[] = {0,          0x80000000, 1,          0x007fffff, 0x7f7fffff, 0xff7fffff,
                                     0x7f800000, 0xff800000, 0x477fefff, 0x477ff000, 0x477fe000, 0x33000000,
                                     0x33000001, 0x33800000, 0x38800000, 0x387fc000, 0x387fffff, 0x3f808000,
                                     0x3f818000, 0x3f801000, 0x3f803000, 0x3f800fff, 0x3f801001, 0x7f7f8000,
                                     0x7f7f7fff, 0x00008000, 0x00018000, 0x7f7ff000};
  uint32_t r = 12345;
  for (int i = 0; i < INPUTS; i++) {
    r = r * 1664525u + 1013904223u;
    in[i] = r ^ r >> 15;
  }
  for (int i = 0; i < 4096; i++) { /* -8 .. 7 */
    uint32_t u = in[BF16 + i], lo = ref_bits((float)(u % 16) - 8), hi = ref_bits((float)(u / 16 % 16) - 8);
    in[BF16 + i] = lo >> 16 | (hi & 0xffff0000);
  }
  static const uint16_t half[] = {0xc800, 0xc700, 0xc600, 0xc500, 0xc400, 0xc200, 0xc000, 0xbc00,
                                  0,      0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700};
  for (int i = 0; i < 4096; i++)
    in[TILES_F16 + i] = half[in[TILES_F16 + i] % 16] | (uint32_t)half[in[TILES_F16 + i] / 16 % 16] << 16;
  for (int i = 0; i < 256; i++) {
    in[F16 + i] = half[in[F16 + i] % 16] | (uint32_t)half[in[F16 + i] / 16 % 16] << 16;
    in[F32 + i] = ref_bits((float)(int)(in[F32 + i] % 16) - 8);
  }
  for (int i = 0; i < CONVERTED; i++) {
    uint32_t *u = &in[CONVERT + i];
    if (i < (int)(sizeof special / sizeof *special)) *u = special[i];
    else if (i % 2) *u = (*u & 0x8fffffff) | 0x30000000; /* exponents that f16 has */
    if ((*u & 0x7f800000) == 0x7f800000 && *u & 0x7fffff) *u &= 0x7f7fffff;
  }
}

/* x rounded to a format with `digits` bits of significand and this smallest exponent, in double. */
static double ref_round(double x, int digits, int min_exponent, int ties_away) {
  int e;
  frexp(x, &e);
  int unit = e - digits > min_exponent ? e - digits : min_exponent;
  double scaled = ldexp(x, -unit), down = floor(scaled), rest = scaled - down;
  if (ties_away) return ldexp(copysign(floor(fabs(scaled) + 0.5), x), unit);
  if (rest > 0.5 || (rest == 0.5 && fmod(down, 2) != 0)) down++;
  return copysign(ldexp(down, unit), x);
}
static uint32_t ref_bf16(float x) {
  if (isinf(x)) return ref_bits(x) >> 16;
  return ref_bits((float)ref_round(x, 8, -133, 0)) >> 16; /* to infinity by the conversion */
}
static uint32_t ref_f16(float x) {
  uint32_t sign = signbit(x) ? 0x8000 : 0;
  double y = fabs(ref_round(x, 11, -24, 0));
  int e;
  if (y > 65504) return sign | 0x7c00;
  if (y < ldexp(1, -14)) return sign | (uint32_t)ldexp(y, 24);
  double m = frexp(y, &e);
  return sign | (uint32_t)(e + 14) << 10 | ((uint32_t)ldexp(m, 11) & 0x3ff);
}
static uint32_t ref_tf32(float x) { return isinf(x) ? ref_bits(x) : ref_bits((float)ref_round(x, 11, -136, 1)); }

static double ref_half(const uint32_t *in, int i, int type) { /* element i of 16 bits */
  uint32_t h = in[i / 2] >> (i % 2 * 16) & 0xffff;
  if (type == BF16) return ref_float(h << 16);
  return (h & 0x8000 ? -1 : 1) * (h & 0x7fff ? ldexp(1024 + (h & 0x3ff), (int)(h >> 10 & 31) - 25) : 0);
}
static double ref_operand(const uint32_t *in, int i, int type) {
  if (type == F32) return ref_float(in[i]);
  if (type == S8) return (double)(int8_t)(in[i / 4] >> (i % 4 * 8));
  return ref_half(in, i, type);
}
static void ref_mma(const uint32_t *in, uint32_t *out, int type, int k) {
  for (int r = 0; r < 16; r++)
    for (int c = 0; c < 8; c++) {
      int lane = r % 8 * 4 + c / 2, reg = r / 8 * 2 + c % 2;
      double s = reg - lane;
      for (int i = 0; i < k; i++)
        s += ref_operand(in + type, r * k + i, type) * ref_operand(in + type, (16 + c) * k + i, type);
      out[r * 8 + c] = type == S8 ? (uint32_t)(int32_t)s : ref_bits((float)s);
    }
}
static void ref_wgmma(const uint32_t *a, uint32_t *out, int type, int n) {
  const uint32_t *b = a + 32;
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < n; c++) {
      double s = 0;
      for (int k = 0; k < 32; k++) s += ref_half(a, r * 64 + k, type) * ref_half(b, (c * 64 + k) % 4096, type);
      out[r * n + c] = ref_bits((float)s);
    }
}

/* A box of the tensor [planes][rows][cols] in `in`, at (z, y, x), as it lies in shared memory. */
static int ref_xor(int a, int b) { return a + (b & ~a) - (b & a); }
static void ref_box(const uint32_t *in, uint32_t *out, const int *size, int x, int y, int z, int rows, int planes) {
  const uint16_t *e = (const uint16_t *)(const void *)in;
  uint16_t *o = (uint16_t *)(void *)out;
  for (int p = 0; p < planes; p++)
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < 64; c++) {
        int at[] = {x + c, y + r, z + p}, inside = 1, row = p * rows + r;
        for (int i = 0; i < 3; i++) inside &= at[i] >= 0 && at[i] < size[i];
        o[row * 64 + ref_xor(row % 8, c / 8) * 8 + c % 8] = inside ? e[(at[2] * size[1] + at[1]) * size[0] + at[0]] : 0;
      }
}
static void ref_tma_store(const uint32_t *in, uint32_t *out) {
  const uint16_t *e = (const uint16_t *)(const void *)in;
  uint16_t *o = (uint16_t *)(void *)out;
  for (int i = 0; i < OUT_ROWS * OUT_COLS / 2; i++) out[i] = 0x12345678;
  for (int r = 0; r < BOX_ROWS; r++)
    for (int b = 0; b < 8; b++)
      for (int i = 0; i < 8; i++) {
        int chunk = b ^ (r % 8), x = 8 + chunk * 8 + i, y = 20 + r;
        if (x < OUT_COLS && y < OUT_ROWS) o[y * OUT_COLS + x] = e[r * 64 + b * 8 + i];
      }
}
static void ref_shfl(const uint32_t *in, uint32_t *out) {
  uint32_t bits = 0;
  for (int t = 0; t < 32; t++) {
    out[t] = in[(t * 7 + 3) % 32], out[32 + t] = in[t ^ 21];
    out[64 + t] = in[t < 5 ? t : t - 5], out[96 + t] = in[t > 26 ? t : t + 5];
    out[128 + t] = in[31 - t], out[160 + t] = in[t ^ 2];
    if (in[t] & 1) bits |= 1u << t;
  }
  for (int t = 0; t < 32; t++) {
    out[192 + t] = bits, out[224 + t] = 0;
    for (int b = 0; b < 32; b++) out[224 + t] += in[t] >> b & 1;
  }
}
static void ref_memory(const uint32_t *in, uint32_t *out) {
  for (int t = 0; t < 64; t++)
    for (int i = 0; i < 4; i++) {
      out[t * 4 + i] = in[(63 - t) * 4 + i], out[256 + t * 4 + i] = in[i * 64 + t];
      out[512 + t] = in[(63 - (t ^ 1)) * 4];
      out[576 + t * 4 + i] = in[i * 64 + 63 - t], out[832 + t * 2 + i % 2] = in[(63 - (t ^ 1)) * 4 + i % 2];
      out[960 + t * 2 + i % 2] = in[(2 + i % 2) * 64 + (t ^ 3)];
    }
}
static void ref_vector(const uint32_t *in, uint32_t *out) {
  static const int words[] = {4, 2, 1}, at[] = {0, 256, 384};
  for (int k = 0; k < 3; k++)
    for (int t = 0; t < 64; t++)
      for (int i = 0; i < words[k]; i++) out[at[k] + (63 - t) * words[k] + i] = in[at[k] + t * words[k] + i];
}
static void ref_ldmatrix(const uint32_t *in, uint32_t *out) {
  const uint16_t *e = (const uint16_t *)(const void *)in;
  for (int i = 0; i < 4; i++)
    for (int l = 0; l < 32; l++)
      for (int h = 0; h < 2; h++) { /* element h of register i of lane l: row l / 4, column l % 4 * 2 + h */
        int r = l / 4, c = l % 4 * 2 + h, lane = i * 8 + r, other = i * 8 + c;
        ((uint16_t *)(void *)out)[(i * 32 + l) * 2 + h] = e[lane * 5 % 32 * 8 + c];
        ((uint16_t *)(void *)out)[(128 + i * 32 + l) * 2 + h] = e[other * 5 % 32 * 8 + r];
      }
}
static void ref_small(const char *name, const uint32_t *in, uint32_t *out) {
  if (!strcmp(name, "index"))
    for (int i = 0; i < 1152; i++)
      out[i] = (uint32_t)(i % 96 + i / 96 % 3 * 256 + i / 288 % 2 * 4096 + i / 576 * 65536 + 3 * 1048576);
  if (!strcmp(name, "sync"))
    for (int t = 0; t < 256; t++) out[t] = in[(t + 77) % 256];
  if (!strcmp(name, "sync_warp"))
    for (int t = 0; t < 64; t++) out[t] = in[t ^ 13];
  if (!strcmp(name, "registers")) memcpy(out, in, 384 * 4);
  if (!strcmp(name, "sync_named"))
    for (int t = 0; t < 128; t++) out[t] = in[t / 64 * 64 + (t + 9) % 64], out[128 + t] = t < 64 ? 0 : in[64 + t];
  if (!strcmp(name, "cp_async"))
    for (int i = 0; i < 256; i++) {
      out[i] = (63 - i / 4) % 3 == 1 ? 0 : in[(63 - i / 4) * 4 + i % 4];
      out[256 + i] = in[256 + (i / 4 ^ 5) * 4 + i % 4];
    }
  if (!strcmp(name, "mbarrier"))
    for (int t = 32; t < 64; t++)
      for (int i = 0; i < 20; i++) out[t] = out[t] * 31 + in[i * 32 + 63 - t];
}
static void reference(const char *name, const uint32_t *in, uint32_t *out) {
  static const int size2[] = {COLS, ROWS, 1}, size3[] = {COLS3, ROWS3, PLANES3};
  memset(out, 0, MAX_OUT * 4);
  ref_small(name, in, out);
  if (!strcmp(name, "shfl")) ref_shfl(in, out);
  if (!strcmp(name, "memory")) ref_memory(in, out);
  if (!strcmp(name, "vector")) ref_vector(in, out);
  if (!strcmp(name, "ldmatrix")) ref_ldmatrix(in, out);
  if (!strcmp(name, "convert"))
    for (int i = 0; i < CONVERTED; i++) {
      float x = ref_float(in[CONVERT + i]), y = ref_float(in[CONVERT + CONVERTED - 1 - i]);
      out[i] = ref_bf16(x) | ref_bf16(y) << 16, out[CONVERTED + i] = ref_f16(x) | ref_f16(y) << 16;
      out[2 * CONVERTED + i] = ref_tf32(x);
    }
  if (!strcmp(name, "mma")) {
    ref_mma(in, out, BF16, 16);
    ref_mma(in, out + 128, F16, 16);
    ref_mma(in, out + 256, F32, 8);
    ref_mma(in, out + 384, S8, 32);
  }
  if (!strcmp(name, "tma_load")) {
    ref_box(in, out, size2, 0, 0, 0, BOX_ROWS, 1);
    ref_box(in, out + BOX_BYTES / 4, size2, 40, 90, 0, BOX_ROWS, 1);
    ref_box(in, out + BOX_BYTES / 2, size2, -8, -3, 0, BOX_ROWS, 1);
  }
  if (!strcmp(name, "tma_load3")) {
    ref_box(in, out, size3, 0, 1, 1, BOX3_ROWS, BOX3_PLANES);
    ref_box(in, out + BOX3_BYTES / 4, size3, 24, -2, 5, BOX3_ROWS, BOX3_PLANES);
  }
  if (!strcmp(name, "tma_store")) ref_tma_store(in, out);
  if (!strncmp(name, "wgmma", 5))
    ref_wgmma(in + (strstr(name, "f16") ? TILES_F16 : BF16), out, strstr(name, "f16") ? F16 : BF16,
              !strcmp(name, "wgmma_mm") || !strcmp(name, "wgmma_f16_mk") ? 256 : 128);
}
/* The largest error of the approximations, in units of 2^-23 of the result. */
static double approximation_error(const uint32_t *out) {
  double worst = 0;
  for (int i = 0; i < 3 * APPROXIMATED; i++) {
    int f = i / APPROXIMATED;
    double x = approximate_input(i % APPROXIMATED), y = f == 0 ? exp2(x) : f == 1 ? log2(fabs(x)) : 1 / x;
    double unit = ldexp(f == 1 && fabs(y) < 1 ? 1 : fabs(y), -23), e = fabs(ref_float(out[i]) - y) / unit;
    if (!(e <= worst)) worst = e;
  }
  return worst;
}
#endif
