/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loop of the interpreter's contractions and convolutions: one row of a matrix product. */
#ifndef GRADC_INTERP_GEMM_H
#define GRADC_INTERP_GEMM_H
#include "ir.h"

/* y[j] = sum over i < k of x[i] * rows[at[i] + j], j < n; each accumulator starts from +0 and adds in rising i.
 * t: F32 or F64, the type of y, x and rows. */
void gemm_row(DType t, void *y, int64_t n, const void *x, const void *rows, const int64_t *at, int64_t k);
/* to[i] = from[off[i]], i < n */
void gemm_gather(DType t, void *to, const void *from, const int64_t *off, int64_t n);
/* to[off[i]] = from[i], i < n */
void gemm_scatter(DType t, void *to, const void *from, const int64_t *off, int64_t n);
#endif
