/* SPDX-License-Identifier: Apache-2.0 */
/* Attention in double, forward and backward; bounds by the distance of all values together. */
#ifndef KERNELS
#define KERNELS "kernels/attend.cu"
#endif
#include KERNELS
#include "check/check.h"

static int heads, T;
static size_t n;              /* elements of a tensor */
static uint16_t *in[4], *out; /* q, k, v and the gradient of o; dq, dk, dv, o */
static float *lse, *dot, scale = 0.125f, scale2 = 0.125f * 1.44269504f;
static double *want[4];

#define U16(i) *(uint16_t **)a[i]
#define F32(i) *(float **)a[i]
#define INT(i) *(int *)a[i]
#define NUM(i) *(float *)a[i]
static void call_forward(void *const *a) { k_attend(U16(0), U16(1), U16(2), U16(3), F32(4), INT(5), NUM(6)); }
static void call_kv(void *const *a) {
  k_attend_kv(U16(0), U16(1), U16(2), U16(3), F32(4), F32(5), U16(6), U16(7), INT(8), NUM(9), NUM(10));
}
static void call_q(void *const *a) {
  k_attend_q(U16(0), U16(1), U16(2), U16(3), F32(4), F32(5), U16(6), INT(7), NUM(8), NUM(9));
}
static int run(void) {
  uint16_t *dq = out, *dk = out + n, *dv = out + 2 * n, *o = out + 3 * n;
  void *forward[] = {&in[0], &in[1], &in[2], &o, &lse, &T, &scale2};
  void *kv[] = {&in[0], &in[1], &in[2], &in[3], &lse, &dot, &dk, &dv, &T, &scale2, &scale};
  void *q[] = {&in[0], &in[1], &in[2], &in[3], &lse, &dot, &dq, &T, &scale2, &scale};
  GcLaunchDims f = {{(T + BR - 1) / BR, heads, 1}, ATTEND_THREADS, FORWARD_SHARED}, b = f;
  b.shared_bytes = BACKWARD_SHARED;
  return gc_host_launch("attend", call_forward, forward, f) && gc_host_launch("attend_kv", call_kv, kv, b) &&
         gc_host_launch("attend_q", call_q, q, b);
}
/* Row i of head h: probabilities p, then all that comes of them. */
static void reference_row(int h, int i, double *p) {
  size_t row = (size_t)(h * T + i) * D;
  double top = -1e300, sum = 0, dd = 0;
  int keys = CAUSAL ? i + 1 : T;
  for (int j = 0; j < keys; j++) {
    size_t col = (size_t)(h * T + j) * D;
    p[j] = 0;
    for (int d = 0; d < D; d++) p[j] += from_bf16(in[0][row + d]) * from_bf16(in[1][col + d]) * scale;
    top = fmax(top, p[j]);
  }
  for (int j = 0; j < keys; j++) p[j] = exp(p[j] - top), sum += p[j];
  for (int j = 0; j < keys; j++) p[j] /= sum;
  for (int j = 0; j < keys; j++)
    for (int d = 0; d < D; d++) want[3][row + d] += p[j] * from_bf16(in[2][(size_t)(h * T + j) * D + d]);
  for (int d = 0; d < D; d++) dd += want[3][row + d] * from_bf16(in[3][row + d]);
  dot[h * T + i] = (float)dd;
  for (int j = 0; j < keys; j++) {
    size_t col = (size_t)(h * T + j) * D;
    double dp = 0;
    for (int d = 0; d < D; d++) dp += from_bf16(in[3][row + d]) * from_bf16(in[2][col + d]);
    for (int d = 0; d < D; d++) {
      want[0][row + d] += p[j] * (dp - dd) * scale * from_bf16(in[1][col + d]);
      want[1][col + d] += p[j] * (dp - dd) * scale * from_bf16(in[0][row + d]);
      want[2][col + d] += p[j] * from_bf16(in[3][row + d]);
    }
  }
}
static double error(const void *result) {
  double worst = 0;
  for (int i = 0; i < 4; i++) {
    double d = 0, r = 0, e;
    for (size_t k = 0; k < n; k++) {
      double x = from_bf16(((const uint16_t *)result)[(size_t)i * n + k]) - want[i][k];
      d += x * x, r += want[i][k] * want[i][k];
    }
    e = sqrt(d / r) / (i == 3 ? 4e-3 : 5e-3);
    if (!(e <= worst)) worst = e;
  }
  return worst;
}
static void attend(const char *name, int h, int t, int measured) {
  heads = h, T = t, n = (size_t)(h * t * D);
  lse = gc_host_alloc((size_t)(h * t) * 4), dot = gc_host_alloc((size_t)(h * t) * 4), out = gc_host_alloc(4 * n * 2);
  for (int i = 0; i < 4; i++) in[i] = halves(n), want[i] = calloc(n, sizeof(double));
  double *p = calloc((size_t)T, sizeof *p);
  for (int i = 0; i < h * t; i++) reference_row(i / t, i % t, p);
  free(p);
  gc_host_wrote(dot, (size_t)(h * t) * 4);
  check(&(Check){name, run, out, 4 * n * 2, error, measured});
}
int main(void) {
  attend(CAUSAL ? "attend, causal" : "attend", 1, 128, 1);
  attend("attend of 150", 1, 150, 0);
  attend("attend of 9", 2, 9, 0);
  return finish();
}
