/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions by tensor cores, in double: half an ulp of the bf16 result, and the roundings of the f32 sums. */
#ifdef WGMMA
#define FORM "wgmma"
#define FILE_OF_FORM "kernels/wgmma.cu"
#else
#define FORM "mma"
#define FILE_OF_FORM "kernels/mma.cu"
#endif
#ifndef KERNELS
#define KERNELS FILE_OF_FORM
#endif
#include KERNELS
#include "check/check.h"

static uint16_t *a, *b, *c;
static double *want, *size; /* the sums, and those of absolute values */
static int M, N, K;
#ifdef WGMMA
static GcTensorMap ma, mb, mc;
static void call(void *const *p) {
  const GcTensorMap *const *m = (const GcTensorMap *const *)p;
  k_wgmma(*m[0], *m[1], *m[2], *(uint16_t **)p[3], *(int *)p[4], *(int *)p[5], *(int *)p[6]);
}
static GcTensorMap matrix(uint16_t *p, int rows, int cols, int box_rows) {
  return (GcTensorMap){(char *)p, {cols, rows, 1}, {cols * 2, 0}, {64, box_rows, 1}};
}
static int run(void) {
  void *args[] = {&ma, &mb, &mc, &c, &M, &N, &K};
  ma = A_ALONG_K ? matrix(a, M, K, BM) : matrix(a, K, M, 64);
  mb = B_ALONG_K ? matrix(b, N, K, BN) : matrix(b, K, N, 64);
  mc = matrix(c, M, N, 64);
  return gc_host_launch(FORM, call, args, (GcLaunchDims){{2, 1, 1}, WGMMA_THREADS, WGMMA_SHARED});
}
#else
static void call(void *const *p) {
  k_mma(*(uint16_t **)p[0], *(uint16_t **)p[1], *(uint16_t **)p[2], *(int *)p[3], *(int *)p[4], *(int *)p[5]);
}
static int run(void) {
  void *args[] = {&a, &b, &c, &M, &N, &K};
  int blocks = ((M + BM - 1) / BM) * ((N + BN - 1) / BN);
  return gc_host_launch(FORM, call, args, (GcLaunchDims){{blocks, 1, 1}, MMA_THREADS, STAGES * STAGE_BYTES});
}
#endif
static double error(const void *out) {
  double worst = 0;
  for (int i = 0; i < M * N; i++) {
    double e = fabs(from_bf16(((const uint16_t *)out)[i]) - want[i]) / (fabs(want[i]) / 256 + size[i] * K * 6e-8);
    if (!(e <= worst)) worst = e;
  }
  return worst;
}
static void reference(void) {
  want = calloc((size_t)(M * N), sizeof *want), size = calloc((size_t)(M * N), sizeof *size);
  for (int i = 0; i < M; i++)
    for (int k = 0; k < K; k++) {
      double u = from_bf16(a[A_ALONG_K ? i * K + k : k * M + i]);
      for (int j = 0; j < N; j++) {
        double p = u * from_bf16(b[B_ALONG_K ? j * K + k : k * N + j]);
        want[i * N + j] += p, size[i * N + j] += fabs(p);
      }
    }
}
static void contract(const char *name, int m, int n, int k, int measured) {
  M = m, N = n, K = k;
  a = halves((size_t)(M * K)), b = halves((size_t)(K * N)), c = gc_host_alloc((size_t)(M * N) * 2);
  reference();
  check(&(Check){name, run, c, (size_t)(M * N) * 2, error, measured});
}
int main(void) {
  char name[64];
  snprintf(name, sizeof name, FORM " %c%c n%d", A_ALONG_K ? 'k' : 'm', B_ALONG_K ? 'k' : 'n', BN);
  contract(name, 128, 128, 128, 1);
  contract(FORM ", tails", A_ALONG_K ? 133 : 136, 264, A_ALONG_K || B_ALONG_K ? 328 : 325, 0);
  return finish();
}
