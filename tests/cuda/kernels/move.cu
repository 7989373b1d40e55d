/* SPDX-License-Identifier: Apache-2.0 */
/* Transposed maps, sums over columns, cumulative sums. */
#include "codegen/cuda/device.inc"

/* y[cols][rows] = x[rows][cols]. A tile has a column too many, so that its columns lie in different banks. */
enum { TILE = 32, PITCH = TILE + 1, TRANSPOSE_THREADS = 256, TILE_ROWS = TRANSPOSE_THREADS / TILE };
GC_KERNEL(TRANSPOSE_THREADS, 4) k_transpose(const float *x, float *y, int rows, int cols) {
  int t = gc_thread() % TILE, s = gc_thread() / TILE, r0 = gc_block_y() * TILE, c0 = gc_block() * TILE;
  GC_UNROLL for (int i = 0; i < TILE; i += TILE_ROWS)
    if (r0 + s + i < rows && c0 + t < cols)
      gc_sts(gc_shared() + ((s + i) * PITCH + t) * 4, x[(gc_i64)(r0 + s + i) * cols + c0 + t]);
  gc_sync();
  GC_UNROLL for (int i = 0; i < TILE; i += TILE_ROWS)
    if (c0 + s + i < cols && r0 + t < rows)
      y[(gc_i64)(c0 + s + i) * rows + r0 + t] = gc_lds(gc_shared() + (t * PITCH + s + i) * 4);
}

/* Sums over rows: each thread a column of a chunk of rows, to scratch; a second launch adds the chunks in order. */
enum { COLUMNS_THREADS = 64, CHUNK_ROWS = 64 };
GC_KERNEL(COLUMNS_THREADS, 8) k_columns(const float *x, float *scratch, int rows, int cols) {
  int c = gc_block() * COLUMNS_THREADS + gc_thread(), r0 = gc_block_y() * CHUNK_ROWS;
  float s = 0;
  if (c >= cols) return;
  for (int r = r0; r < r0 + CHUNK_ROWS && r < rows; r++) s += x[(gc_i64)r * cols + c];
  scratch[(gc_i64)gc_block_y() * cols + c] = s;
}
GC_KERNEL(COLUMNS_THREADS, 8) k_columns_add(const float *scratch, float *y, int chunks, int cols) {
  int c = gc_block() * COLUMNS_THREADS + gc_thread();
  float s = 0;
  if (c >= cols) return;
  for (int i = 0; i < chunks; i++) s = i ? s + scratch[(gc_i64)i * cols + c] : scratch[c];
  y[c] = s;
}

/* y = cumulative sums of each row, 256 elements at a time: within warps, then over the warps' totals. */
enum { CUMSUM_THREADS = 256, WARPS = CUMSUM_THREADS / 32 };
GC_KERNEL(CUMSUM_THREADS, 4) k_cumsum(const float *x, float *y, int cols) {
  int t = gc_thread(), lane = t % 32, warp = t / 32;
  gc_i64 row = (gc_i64)gc_block() * cols;
  float carry = 0;
  for (int c0 = 0; c0 < cols; c0 += CUMSUM_THREADS) {
    float v = c0 + t < cols ? x[row + c0 + t] : 0, before = carry;
    GC_UNROLL for (int m = 1; m < 32; m *= 2) {
      float o = gc_shfl_up(v, m);
      if (lane >= m) v += o;
    }
    if (lane == 31) gc_sts(gc_shared() + warp * 4, v);
    gc_sync(); /* totals are there */
    GC_UNROLL for (int w = 0; w < WARPS; w++) {
      float total = gc_lds(gc_shared() + w * 4);
      if (w < warp) before += total;
      carry += total;
    }
    if (c0 + t < cols) y[row + c0 + t] = before + v;
    gc_sync(); /* totals were read */
  }
}
