/* SPDX-License-Identifier: Apache-2.0 */
/* Contraction c[M,N] = a[M,K] b[K,N] in f32 without tensor cores: each sum has one accumulator and runs over k in
 * order, so that without FMA its bits are those of the interpreter. Tiles of 128 x 128, 8 x 8 of them a thread. */
#include "codegen/cuda/device.inc"

#ifndef ALIGNED
#define ALIGNED 1 /* K and N are multiples of 4 */
#endif
enum { BM = 128, BN = 128, BK = 8, LDA = BM + 4, STAGE_BYTES = (BK * LDA + BK * BN) * 4, SIMT_THREADS = 256 };

/* Four elements of row `row` from column `col` of p[rows][cols]; 0 outside. */
GC_DEVICE void load4(float *v, const float *p, int row, int col, int rows, int cols) {
  const float *at = p + (gc_i64)row * cols + col;
#if ALIGNED
  GC_UNROLL for (int e = 0; e < 4; e++) v[e] = 0;
  if (row < rows && col < cols) gc_ldg4(v, at);
#else
  GC_UNROLL for (int e = 0; e < 4; e++) v[e] = row < rows && col + e < cols ? at[e] : 0;
#endif
}
GC_DEVICE void store4(float *p, const float *v, int row, int col, int rows, int cols) {
  float *at = p + (gc_i64)row * cols + col;
#if ALIGNED
  if (row < rows && col < cols) gc_stg4(at, v);
#else
  GC_UNROLL for (int e = 0; e < 4; e++) if (row < rows && col + e < cols) at[e] = v[e];
#endif
}
/* a by columns, b by rows. */
GC_DEVICE void put_tiles(gc_saddr s, const float *va, const float *vb) {
  int t = gc_thread();
  GC_UNROLL for (int e = 0; e < 4; e++) gc_sts(s + ((t % 2 * 4 + e) * LDA + t / 2) * 4, va[e]);
  gc_sts4(s + (BK * LDA + t / 32 * BN + t % 32 * 4) * 4, vb);
}

GC_KERNEL(SIMT_THREADS, 1) k_simt(const float *a, const float *b, float *c, int M, int N, int K) {
  int nb = (N + BN - 1) / BN, m0 = gc_block() / nb * BM, n0 = gc_block() % nb * BN, t = gc_thread();
  int steps = (K + BK - 1) / BK;
  int tm = t / 16 * 4, tn = t % 16 * 4; /* rows tm .. tm + 3 and 64 + tm .. 67 + tm, columns likewise */
  float acc[8][8], va[4], vb[4];
  GC_UNROLL for (int i = 0; i < 8; i++) GC_UNROLL for (int j = 0; j < 8; j++) acc[i][j] = 0;
  load4(va, a, m0 + t / 2, t % 2 * 4, M, K);
  load4(vb, b, t / 32, n0 + t % 32 * 4, K, N);
  put_tiles(gc_shared(), va, vb);
  gc_sync();
  for (int q = 0; q < steps; q++) {
    gc_saddr s = gc_shared() + q % 2 * STAGE_BYTES;
    int end = K - q * BK < BK ? K - q * BK : BK; /* adding a zero would make +0 of -0 */
    if (q + 1 < steps) {
      load4(va, a, m0 + t / 2, (q + 1) * BK + t % 2 * 4, M, K);
      load4(vb, b, (q + 1) * BK + t / 32, n0 + t % 32 * 4, K, N);
    }
    GC_UNROLL for (int k = 0; k < BK; k++) {
      if (k >= end) break;
      float x[8], y[8];
      gc_lds4(x, s + (k * LDA + tm) * 4);
      gc_lds4(x + 4, s + (k * LDA + 64 + tm) * 4);
      gc_lds4(y, s + (BK * LDA + k * BN + tn) * 4);
      gc_lds4(y + 4, s + (BK * LDA + k * BN + 64 + tn) * 4);
      GC_UNROLL for (int i = 0; i < 8; i++) GC_UNROLL for (int j = 0; j < 8; j++) acc[i][j] += x[i] * y[j];
    }
    if (q + 1 < steps) put_tiles(gc_shared() + (q + 1) % 2 * STAGE_BYTES, va, vb);
    gc_sync();
  }
  GC_UNROLL for (int i = 0; i < 8; i++)
    GC_UNROLL for (int j = 0; j < 8; j += 4)
      store4(c, acc[i] + j, m0 + tm + i % 4 + i / 4 * 64, n0 + tn + j * 16, M, N);
}
