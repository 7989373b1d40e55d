/* SPDX-License-Identifier: Apache-2.0 */
#include "interp_gemm.h"
#include <string.h>

/* Lanes are outputs, so vectors change no order; 64 bytes of accumulators stay in registers. */
typedef float F32V __attribute__((vector_size(16)));
typedef double F64V __attribute__((vector_size(16)));
enum { VECS = 4, F32_LANES = 16 * VECS / 4, F64_LANES = 16 * VECS / 8 };

static void gemm_row_f32(float *y, int64_t n, const float *x, const float *rows, const int64_t *at, int64_t k) {
  int64_t j = 0;
  for (; j + F32_LANES <= n; j += F32_LANES) {
    F32V a = {0}, b = {0}, c = {0}, d = {0}, r[VECS];
    for (int64_t i = 0; i < k; i++) {
      memcpy(r, rows + at[i] + j, sizeof r);
      a += x[i] * r[0], b += x[i] * r[1], c += x[i] * r[2], d += x[i] * r[3];
    }
    memcpy(y + j, (F32V[VECS]){a, b, c, d}, sizeof r);
  }
  for (; j + 4 <= n; j += 4) {
    F32V a = {0}, r;
    for (int64_t i = 0; i < k; i++) {
      memcpy(&r, rows + at[i] + j, sizeof r);
      a += x[i] * r;
    }
    memcpy(y + j, &a, sizeof a);
  }
  for (; j < n; j++) {
    float a = 0;
    for (int64_t i = 0; i < k; i++) a += x[i] * rows[at[i] + j];
    y[j] = a;
  }
}

static void gemm_row_f64(double *y, int64_t n, const double *x, const double *rows, const int64_t *at, int64_t k) {
  int64_t j = 0;
  for (; j + F64_LANES <= n; j += F64_LANES) {
    F64V a = {0}, b = {0}, c = {0}, d = {0}, r[VECS];
    for (int64_t i = 0; i < k; i++) {
      memcpy(r, rows + at[i] + j, sizeof r);
      a += x[i] * r[0], b += x[i] * r[1], c += x[i] * r[2], d += x[i] * r[3];
    }
    memcpy(y + j, (F64V[VECS]){a, b, c, d}, sizeof r);
  }
  for (; j < n; j++) {
    double a = 0;
    for (int64_t i = 0; i < k; i++) a += x[i] * rows[at[i] + j];
    y[j] = a;
  }
}

void gemm_row(DType t, void *y, int64_t n, const void *x, const void *rows, const int64_t *at, int64_t k) {
  if (t == DT_F64) gemm_row_f64(y, n, x, rows, at, k);
  else gemm_row_f32(y, n, x, rows, at, k);
}

void gemm_gather(DType t, void *to, const void *from, const int64_t *off, int64_t n) {
  if (t == DT_F64)
    for (int64_t i = 0; i < n; i++) ((double *)to)[i] = ((const double *)from)[off[i]];
  else
    for (int64_t i = 0; i < n; i++) ((float *)to)[i] = ((const float *)from)[off[i]];
}

void gemm_scatter(DType t, void *to, const void *from, const int64_t *off, int64_t n) {
  if (t == DT_F64)
    for (int64_t i = 0; i < n; i++) ((double *)to)[off[i]] = ((const double *)from)[i];
  else
    for (int64_t i = 0; i < n; i++) ((float *)to)[off[i]] = ((const float *)from)[i];
}
