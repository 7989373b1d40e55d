/* SPDX-License-Identifier: Apache-2.0 */
/* The plain-core contraction: the bits of a loop over k. */
#ifndef KERNELS
#define KERNELS "kernels/simt.cu"
#endif
#include KERNELS
#include "check/check.h"

static float *a, *b, *c;
static int M, N, K;
static void call(void *const *p) {
  k_simt(*(const float **)p[0], *(const float **)p[1], *(float **)p[2], *(int *)p[3], *(int *)p[4], *(int *)p[5]);
}
static int run(void) {
  void *args[] = {&a, &b, &c, &M, &N, &K};
  int blocks = ((M + BM - 1) / BM) * ((N + BN - 1) / BN);
  return gc_host_launch("simt", call, args, (GcLaunchDims){{blocks, 1, 1}, SIMT_THREADS, 2 * STAGE_BYTES});
}
static double error(const void *out) {
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      float s = 0;
      for (int k = 0; k < K; k++) s += a[i * K + k] * b[k * N + j];
      if (memcmp(&s, (const float *)out + i * N + j, 4)) return 2;
    }
  return 0;
}
static void contract(const char *name, int m, int n, int k, int measured) {
  M = m, N = n, K = k;
  a = floats((size_t)(M * K), 1), b = floats((size_t)(K * N), 1), c = gc_host_alloc((size_t)(M * N) * 4);
  check(&(Check){name, run, c, (size_t)(M * N) * 4, error, measured});
}
int main(void) {
#if ALIGNED
  contract("simt", 128, 128, 32, 1);
  contract("simt, tails", 133, 140, 20, 0);
#else
  contract("simt, any size", 67, 131, 13, 0);
#endif
  return finish();
}
