/* Multiply-accumulate kernels of the interpreter: contractions and convolutions reduce to sums of scaled rows. */
#ifndef GRADC_MAC_H
#define GRADC_MAC_H
#include "ir.h"

/* y[j] = sum over i < k of x[i] * rows[at[i] + j], j < n; every sum starts from +0 and runs in rising i. t: F32 or F64,
 * the type of y, x and rows. */
void mac_rows(DType t, void *y, int64_t n, const void *x, const void *rows, const int64_t *at, int64_t k);
/* to[i] = from[off[i]], i < n */
void mac_gather(DType t, void *to, const void *from, const int64_t *off, int64_t n);
/* to[off[i]] = from[i], i < n */
void mac_scatter(DType t, void *to, const void *from, const int64_t *off, int64_t n);
#endif
