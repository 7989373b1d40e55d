/* SPDX-License-Identifier: Apache-2.0 */
/* Transposed maps, sums over columns and cumulative sums: of small integers, so that all of it is exact. */
#ifndef KERNELS
#define KERNELS "kernels/move.cu"
#endif
#include KERNELS
#include "check/check.h"

static float *x, *y, *scratch;
static int rows, cols, chunks;
#define NUM(i) *(float **)a[i]
#define INT(i) *(int *)a[i]
static void call_transpose(void *const *a) { k_transpose(NUM(0), NUM(1), INT(2), INT(3)); }
static void call_columns(void *const *a) { k_columns(NUM(0), NUM(1), INT(2), INT(3)); }
static void call_add(void *const *a) { k_columns_add(NUM(0), NUM(1), INT(2), INT(3)); }
static void call_cumsum(void *const *a) { k_cumsum(NUM(0), NUM(1), INT(2)); }

static int run_transpose(void) {
  void *args[] = {&x, &y, &rows, &cols};
  GcLaunchDims dims = {{(cols + TILE - 1) / TILE, (rows + TILE - 1) / TILE, 1}, TRANSPOSE_THREADS, TILE * PITCH * 4};
  return gc_host_launch("transpose", call_transpose, args, dims);
}
static double transpose_error(const void *out) {
  for (int r = 0; r < rows; r++)
    for (int c = 0; c < cols; c++)
      if (((const float *)out)[c * rows + r] != x[r * cols + c]) return 2;
  return 0;
}
static int run_columns(void) {
  void *args[] = {&x, &scratch, &rows, &cols}, *add[] = {&scratch, &y, &chunks, &cols};
  int blocks = (cols + COLUMNS_THREADS - 1) / COLUMNS_THREADS;
  memset(scratch, 0xff, (size_t)chunks * (size_t)cols * 4);
  return gc_host_launch("columns", call_columns, args, (GcLaunchDims){{blocks, chunks, 1}, COLUMNS_THREADS, 0}) &&
         gc_host_launch("columns_add", call_add, add, (GcLaunchDims){{blocks, 1, 1}, COLUMNS_THREADS, 0});
}
static double columns_error(const void *out) {
  for (int c = 0; c < cols; c++) {
    double s = 0;
    for (int r = 0; r < rows; r++) s += x[r * cols + c];
    if (((const float *)out)[c] != s) return 2;
  }
  return 0;
}
static int run_cumsum(void) {
  void *args[] = {&x, &y, &cols};
  return gc_host_launch("cumsum", call_cumsum, args, (GcLaunchDims){{rows, 1, 1}, CUMSUM_THREADS, WARPS * 4});
}
static double cumsum_error(const void *out) {
  for (int r = 0; r < rows; r++) {
    double s = 0;
    for (int c = 0; c < cols; c++) {
      s += x[r * cols + c];
      if (((const float *)out)[r * cols + c] != s) return 2;
    }
  }
  return 0;
}
static void make(int n, int m) {
  rows = n, cols = m, chunks = (n + CHUNK_ROWS - 1) / CHUNK_ROWS;
  x = gc_host_alloc((size_t)n * (size_t)m * 4), y = gc_host_alloc((size_t)n * (size_t)m * 4);
  scratch = gc_host_alloc((size_t)chunks * (size_t)m * 4);
  for (int i = 0; i < n * m; i++) x[i] = (float)(int)(bits() % 64) - 20;
  gc_host_wrote(x, (size_t)n * (size_t)m * 4);
}
static void all(int n, int m, int measured) {
  make(n, m);
  check(&(Check){"transpose", run_transpose, y, (size_t)(n * m) * 4, transpose_error, measured});
  check(&(Check){"columns", run_columns, y, (size_t)m * 4, columns_error, measured});
  check(&(Check){"cumsum", run_cumsum, y, (size_t)(n * m) * 4, cumsum_error, measured});
}
int main(void) {
  all(96, 288, 1);
  all(67, 301, 0);
  all(1, 1, 0);
  return finish();
}
