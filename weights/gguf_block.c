// SPDX-License-Identifier: Apache-2.0
/* The blocks of GGUF's quantised types, as ggml stores them (ggml-common.h, ggml-quants.c of llama.cpp): a block of 32,
 * or of 256 elements for the types K, has its scales, then the integers. Products are in f32, in the order of ggml. */
#include "runtime/num.h"
#include "weights/weights.h"
#include <string.h>

static float half(const unsigned char *p) {
  uint16_t h = (uint16_t)(p[0] | p[1] << 8);
  return (float)num_load(GC_F16, &h, 0);
}

static void load_f16(const unsigned char *p, float *y) { *y = half(p); }

static void load_bf16(const unsigned char *p, float *y) {
  uint32_t w = (uint32_t)(p[0] | p[1] << 8) << 16;
  memcpy(y, &w, 4);
}

static void load_q8_0(const unsigned char *p, float *y) {
  float d = half(p);
  for (int i = 0; i < 32; i++) y[i] = (float)(int8_t)p[2 + i] * d;
}

static void load_q4_0(const unsigned char *p, float *y) {
  float d = half(p);
  for (int i = 0; i < 16; i++) {
    y[i] = (float)((p[2 + i] & 15) - 8) * d;
    y[i + 16] = (float)((p[2 + i] >> 4) - 8) * d;
  }
}

/* Scale and minimum j of 8, of 6 bits each, in 12 bytes. */
static void scale_min(const unsigned char *q, int j, int *scale, int *min) {
  *scale = j < 4 ? q[j] & 63 : (q[j + 4] & 15) | (q[j - 4] >> 6) << 4;
  *min = j < 4 ? q[j + 4] & 63 : q[j + 4] >> 4 | (q[j] >> 6) << 4;
}

static void load_q4_k(const unsigned char *p, float *y) {
  float d = half(p), least = half(p + 2);
  const unsigned char *q = p + 16;
  for (int j = 0; j < 8; j++) {
    int scale, min;
    scale_min(p + 4, j, &scale, &min);
    float a = d * (float)scale, b = least * (float)min;
    for (int i = 0; i < 32; i++) y[32 * j + i] = a * (float)(j % 2 ? q[i] >> 4 : q[i] & 15) - b;
    q += j % 2 ? 32 : 0;
  }
}

static void load_q6_k(const unsigned char *p, float *y) {
  const unsigned char *low = p, *high = p + 128;
  const signed char *scale = (const signed char *)p + 192;
  float d = half(p + 208);
  for (int i = 0; i < 256; i++) {
    int at = i % 128, part = i / 128, quarter = at / 32, l = at % 32;
    int q = low[64 * part + at % 64] >> (quarter < 2 ? 0 : 4) & 15;
    q |= (high[32 * part + l] >> 2 * quarter & 3) << 4;
    y[i] = d * (float)scale[i / 16] * (float)(q - 32);
  }
}

static const GgufType types[] = {
  {0, "F32", "F32", 1, 4, NULL},         {1, "F16", "F32", 1, 2, load_f16},
  {2, "Q4_0", "F32", 32, 18, load_q4_0}, {3, "Q4_1", NULL, 32, 20, NULL},
  {6, "Q5_0", NULL, 32, 22, NULL},       {7, "Q5_1", NULL, 32, 24, NULL},
  {8, "Q8_0", "F32", 32, 34, load_q8_0}, {10, "Q2_K", NULL, 256, 84, NULL},
  {11, "Q3_K", NULL, 256, 110, NULL},    {12, "Q4_K", "F32", 256, 144, load_q4_k},
  {13, "Q5_K", NULL, 256, 176, NULL},    {14, "Q6_K", "F32", 256, 210, load_q6_k},
  {24, "I8", "I8", 1, 1, NULL},          {25, "I16", "I16", 1, 2, NULL},
  {26, "I32", "I32", 1, 4, NULL},        {27, "I64", "I64", 1, 8, NULL},
  {28, "F64", "F64", 1, 8, NULL},        {30, "BF16", "F32", 1, 2, load_bf16},
};

const GgufType *gguf_type(uint32_t id) {
  for (int i = 0; i < COUNT(types); i++)
    if ((uint32_t)types[i].id == id) return &types[i];
  return NULL;
}
