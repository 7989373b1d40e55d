/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in double; the strict sum's bits. */
#ifndef KERNELS
#define KERNELS "kernels/row.cu"
#endif
#include KERNELS
#include "check/check.h"

static float *x, *y;
static int rows, cols;
static void call_softmax(void *const *a) { k_softmax(*(const float **)a[0], *(float **)a[1], *(int *)a[2]); }
static void call_sum(void *const *a) { k_sum(*(const float **)a[0], *(float **)a[1], *(int *)a[2]); }

static int run_softmax(void) {
  void *args[] = {&x, &y, &rows};
  return gc_host_launch("softmax", call_softmax, args, (GcLaunchDims){{(rows + 3) / 4, 1, 1}, SOFTMAX_THREADS, 0});
}
static double softmax_error(const void *out) {
  double worst = 0;
  for (int r = 0; r < rows; r++) {
    const float *v = x + r * COLS;
    double top = -1e300, sum = 0;
    for (int i = 0; i < COLS; i++) top = fmax(top, v[i]);
    for (int i = 0; i < COLS; i++) sum += exp(v[i] - top);
    for (int i = 0; i < COLS; i++) {
      double want = exp(v[i] - top) / sum, e = fabs(((const float *)out)[r * COLS + i] - want) / (want * 3e-6);
      if (!(e <= worst)) worst = e;
    }
  }
  return worst;
}
static int run_sum(void) {
  void *args[] = {&x, &y, &cols};
  return gc_host_launch("sum", call_sum, args, (GcLaunchDims){{rows, 1, 1}, SUM_THREADS, HALF_WARPS * 4});
}
static double sum_error(const void *out) {
  for (int r = 0; r < rows; r++) {
    float total = 0;
    for (int c = 0; c < cols; c += 1024) {
      float l[16] = {0};
      for (int i = c; i < cols && i < c + 1024; i++) l[(i - c) % 16] += x[r * cols + i];
      for (int h = 8; h; h /= 2)
        for (int i = 0; i < h; i++) l[i] += l[i + h];
      total = c ? total + l[0] : l[0];
    }
    if (memcmp(&total, (const float *)out + r, 4)) return 2;
  }
  return 0;
}
static void softmax(const char *name, int n, int measured) {
  rows = n;
  x = floats((size_t)rows * COLS, 3), y = gc_host_alloc((size_t)rows * COLS * 4);
  check(&(Check){name, run_softmax, y, (size_t)rows * COLS * 4, softmax_error, measured});
}
static void sum(const char *name, int n, int m, int measured) {
  rows = n, cols = m;
  x = floats((size_t)rows * cols, 1), y = gc_host_alloc((size_t)rows * 4);
  check(&(Check){name, run_sum, y, (size_t)rows * 4, sum_error, measured});
}
int main(void) {
  softmax("softmax", 8, 1);
  softmax("softmax of 9 rows", 9, 0);
  sum("sum", 2, 20032, 1);
  sum("sum of 20037", 2, 20037, 0);
  sum("sum of 7", 3, 7, 0);
  return finish();
}
