/* SPDX-License-Identifier: Apache-2.0 */
/* Rows: softmax with a warp for each row, and sums in the order of strict mode. */
#include "codegen/cuda/device.inc"

enum { COLS = 1024, PER_LANE = COLS / 32, SOFTMAX_THREADS = 128 };

GC_DEVICE float warp_max(float v) {
  GC_UNROLL for (int m = 16; m; m /= 2) {
    float o = gc_shfl_xor(v, m);
    v = o > v ? o : v;
  }
  return v;
}
GC_DEVICE float warp_sum(float v) {
  GC_UNROLL for (int m = 16; m; m /= 2) v += gc_shfl_xor(v, m);
  return v;
}
/* y = softmax(x) over rows of COLS, in registers. */
GC_KERNEL(SOFTMAX_THREADS, 4) k_softmax(const float *x, float *y, int rows) {
  int row = gc_block() * 4 + gc_thread() / 32, lane = gc_thread() % 32;
  float v[PER_LANE], top = -3.4e38f, sum = 0;
  if (row >= rows) return; /* whole warps */
  GC_UNROLL for (int i = 0; i < PER_LANE; i += 4) gc_ldg4(v + i, x + (gc_i64)row * COLS + i * 32 + lane * 4);
  GC_UNROLL for (int i = 0; i < PER_LANE; i++) top = v[i] > top ? v[i] : top;
  top = warp_max(top);
  GC_UNROLL for (int i = 0; i < PER_LANE; i++) {
    v[i] = gc_ex2((v[i] - top) * 1.44269504f);
    sum += v[i];
  }
  sum = 1.0f / warp_sum(sum);
  GC_UNROLL for (int i = 0; i < PER_LANE; i++) v[i] *= sum;
  GC_UNROLL for (int i = 0; i < PER_LANE; i += 4) gc_stg4(y + (gc_i64)row * COLS + i * 32 + lane * 4, v + i);
}

/* y = sum of each row in the order of --fp=strict: chunks of 1024, in each 16 lanes that are folded by halves, chunks
 * in order. A half warp takes a chunk, a block a row. */
enum { SUM_THREADS = 256, HALF_WARPS = SUM_THREADS / 16 };
GC_KERNEL(SUM_THREADS, 2) k_sum(const float *x, float *y, int cols) {
  const float *p = x + (gc_i64)gc_block() * cols;
  int half = gc_thread() / 16, l = gc_thread() % 16, chunks = (cols + 1023) / 1024;
  float total = 0;
  for (int c0 = 0; c0 < chunks; c0 += HALF_WARPS) {
    float s = 0;
    int from = (c0 + half) * 1024, to = from + 1024 < cols ? from + 1024 : cols;
    for (int i = from + l; i < to; i += 16) s += p[i];
    GC_UNROLL for (int m = 8; m; m /= 2) s += gc_shfl_xor(s, m);
    if (!l) gc_sts(gc_shared() + half * 4, s);
    gc_sync(); /* sums are there */
    for (int h = 0; h < HALF_WARPS && c0 + h < chunks; h++) {
      float v = gc_lds(gc_shared() + h * 4);
      total = c0 + h ? total + v : v;
    }
    gc_sync(); /* sums were read */
  }
  if (!gc_thread()) y[gc_block()] = total;
}
