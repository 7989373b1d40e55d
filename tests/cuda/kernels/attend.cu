/* SPDX-License-Identifier: Apache-2.0 */
/* Streaming attention, forward and backward, by mma.sync: one accumulator tile a warp, no atomics, nothing exchanged
 * between blocks. q, k, v, o and their gradients are [heads, T, D] in bf16; lse is log2 of the sum of exp2 of the
 * scaled scores. A tile of 64 rows of 128 bytes is one atom of tile.inc. */
#include "codegen/cuda/device.inc"
#include "tile.inc"

#ifndef CAUSAL
#define CAUSAL 1
#endif
enum { D = 64, BR = 64, BC = 64, ATTEND_THREADS = 128, TILE = 64 * 128, KS = D / 16, FORWARD_SHARED = 5 * TILE,
       BACKWARD_SHARED = 6 * TILE + 1024 };

GC_DEVICE void fetch(gc_saddr to, const uint16_t *p, int r0, int T) { /* rows r0 .. r0 + 63 of a head */
  GC_UNROLL for (int i = 0; i < 64 * 8; i += ATTEND_THREADS) {
    int q = i + gc_thread(), r = q / 8, c = q % 8 * 8, ok = r0 + r < T;
    gc_cp_async(to + tile_at(r, c, 64), ok ? p + (gc_i64)(r0 + r) * D + c : p, ok);
  }
}
/* Fragments: 16 rows from `row` as operand a, all of D. */
GC_DEVICE void fragments_a(uint32_t f[KS][4], gc_saddr s, int row) {
  int l = gc_thread() % 32;
  GC_UNROLL for (int k = 0; k < KS; k++) gc_ldmatrix(f[k], s + tile_at(row + l % 16, k * 16 + l / 16 * 8, 64));
}
GC_DEVICE void clear(float x[8][4]) {
  GC_UNROLL for (int i = 0; i < 8; i++) GC_UNROLL for (int e = 0; e < 4; e++) x[i][e] = 0;
}
/* x[16][64] += a s^T: the rows of the tile are operand b's columns. */
GC_DEVICE void mul_transposed(float x[8][4], uint32_t a[KS][4], gc_saddr s) {
  int l = gc_thread() % 32;
  GC_UNROLL for (int j = 0; j < 8; j += 2)
    GC_UNROLL for (int k = 0; k < KS; k++) {
      uint32_t b[4];
      gc_ldmatrix(b, s + tile_at(j * 8 + l % 8 + l / 16 * 8, k * 16 + l / 8 % 2 * 8, 64));
      gc_mma_bf16(x[j], a[k], b);
      gc_mma_bf16(x[j + 1], a[k], b + 2);
    }
}
/* x[16][D] += p[16][64] s, p rounded to bf16: the accumulators of one product are the operands of the next. */
GC_DEVICE void mul_rounded(float x[8][4], float p[8][4], gc_saddr s) {
  int l = gc_thread() % 32;
  GC_UNROLL for (int k = 0; k < 4; k++) {
    uint32_t a[4];
    GC_UNROLL for (int i = 0; i < 4; i++)
      a[i] = gc_pack_bf16(p[k * 2 + i / 2][i % 2 * 2], p[k * 2 + i / 2][i % 2 * 2 + 1]);
    GC_UNROLL for (int d = 0; d < 8; d += 2) {
      uint32_t b[4];
      gc_ldmatrix_trans(b, s + tile_at(k * 16 + l % 16, d * 8 + l / 16 * 8, 64));
      gc_mma_bf16(x[d], a, b);
      gc_mma_bf16(x[d + 1], a, b + 2);
    }
  }
}
/* 16 rows from `row`, those of each half of the lanes' rows multiplied by f[h]. */
GC_DEVICE void store_rows(uint16_t *to, float x[8][4], float f0, float f1, int row, int T) {
  GC_UNROLL for (int j = 0; j < 8; j += 4)
    GC_UNROLL for (int h = 0; h < 2; h++) {
      uint32_t w[4];
      float f = h ? f1 : f0;
      GC_UNROLL for (int i = 0; i < 4; i++) w[i] = gc_pack_bf16(x[j + i][h * 2] * f, x[j + i][h * 2 + 1] * f);
      store_words(to, w, row + h * 8, j * 8, T, D);
    }
}

/* Masks and exponentiates a tile of scores, whose columns begin at col0; rescales what was summed before. */
GC_DEVICE void online_softmax(float p[8][4], float out[8][4], float *top, float *sum, int row, int col0, int T,
                              float scale2) {
  int l = gc_thread() % 32;
  GC_UNROLL for (int h = 0; h < 2; h++) {
    float m = top[h], part = 0;
    GC_UNROLL for (int j = 0; j < 8; j++) GC_UNROLL for (int e = 0; e < 2; e++) {
      int col = col0 + j * 8 + l % 4 * 2 + e;
      float x = col < T && (!CAUSAL || col <= row + h * 8) ? p[j][h * 2 + e] * scale2 : -1e30f;
      p[j][h * 2 + e] = x;
      m = x > m ? x : m;
    }
    GC_UNROLL for (int i = 1; i < 4; i *= 2) {
      float o = gc_shfl_xor(m, i);
      m = o > m ? o : m;
    }
    float f = gc_ex2(top[h] - m);
    top[h] = m;
    GC_UNROLL for (int j = 0; j < 8; j++) GC_UNROLL for (int e = 0; e < 2; e++) {
      p[j][h * 2 + e] = gc_ex2(p[j][h * 2 + e] - m);
      part += p[j][h * 2 + e];
      out[j][h * 2 + e] *= f;
    }
    sum[h] = sum[h] * f + part; /* of this lane's columns */
  }
}
GC_KERNEL(ATTEND_THREADS, 2) k_attend(const uint16_t *q, const uint16_t *k, const uint16_t *v, uint16_t *o, float *lse,
                                      int T, float scale2) {
  int head = gc_block_y(), r0 = gc_block() * BR, warp = gc_thread() / 32, l = gc_thread() % 32;
  int row = r0 + warp * 16 + l / 4;
  gc_i64 at = (gc_i64)head * T * D;
  gc_saddr s = gc_shared(), sk = s + TILE, sv = s + 3 * TILE;
  int tiles = CAUSAL && r0 + BR < T ? (r0 + BR + BC - 1) / BC : (T + BC - 1) / BC;
  uint32_t fq[KS][4];
  float out[8][4], top[2] = {-1e30f, -1e30f}, sum[2] = {0, 0};
  clear(out);
  fetch(s, q + at, r0, T);
  fetch(sk, k + at, 0, T);
  fetch(sv, v + at, 0, T);
  gc_cp_async_commit();
  for (int t = 0; t < tiles; t++) {
    if (t + 1 < tiles) {
      fetch(sk + (t + 1) % 2 * TILE, k + at, (t + 1) * BC, T);
      fetch(sv + (t + 1) % 2 * TILE, v + at, (t + 1) * BC, T);
    }
    gc_cp_async_commit();
    gc_cp_async_wait(1);
    gc_sync(); /* the tile is there */
    if (!t) fragments_a(fq, s, warp * 16);
    float p[8][4];
    clear(p);
    mul_transposed(p, fq, sk + t % 2 * TILE);
    online_softmax(p, out, top, sum, row, t * BC, T, scale2);
    mul_rounded(out, p, sv + t % 2 * TILE);
    gc_sync(); /* the tile was read */
  }
  GC_UNROLL for (int h = 0; h < 2; h++) {
    GC_UNROLL for (int i = 1; i < 4; i *= 2) sum[h] += gc_shfl_xor(sum[h], i);
    if (l % 4 == 0 && row + h * 8 < T) lse[(gc_i64)head * T + row + h * 8] = top[h] + gc_lg2(sum[h]);
  }
  store_rows(o + at, out, 1 / sum[0], 1 / sum[1], r0 + warp * 16, T);
}

/* The lse of 64 queries, then the row sums of do * o, into shared memory. */
GC_DEVICE void put_stats(gc_saddr to, const float *lse, const float *dot, int q0, int T) {
  int i = gc_thread() % 64;
  gc_sts(to + gc_thread() * 4, q0 + i < T ? (gc_thread() < 64 ? lse : dot)[q0 + i] : 0);
}
/* Probabilities p and their gradients dp over a tile: 16 rows from `row`, 64 columns from `col`. by_col: the queries
 * are its columns, else its rows; their statistics lie at s from query q0 on. */
GC_DEVICE void gradient_tile(float p[8][4], float dp[8][4], gc_saddr s, int q0, int row, int col, int by_col, int T,
                             float scale2) {
  int l = gc_thread() % 32;
  GC_UNROLL for (int j = 0; j < 8; j++) GC_UNROLL for (int e = 0; e < 4; e++) {
    int r = row + l / 4 + e / 2 * 8, c = col + j * 8 + l % 4 * 2 + e % 2, query = by_col ? c : r, key = by_col ? r : c;
    int ok = query < T && key < T && (!CAUSAL || key <= query);
    float x = ok ? gc_ex2(p[j][e] * scale2 - gc_lds(s + (query - q0) * 4)) : 0;
    p[j][e] = x;
    dp[j][e] = x * (dp[j][e] - gc_lds(s + (64 + query - q0) * 4));
  }
}
/* dk, dv: a block has 64 keys and walks queries. */
GC_KERNEL(ATTEND_THREADS, 2) k_attend_kv(const uint16_t *q, const uint16_t *k, const uint16_t *v, const uint16_t *go,
                                         const float *lse, const float *dot, uint16_t *dk, uint16_t *dv, int T,
                                         float scale2, float scale) {
  int head = gc_block_y(), r0 = gc_block() * BC, warp = gc_thread() / 32;
  gc_i64 at = (gc_i64)head * T * D, stats = (gc_i64)head * T;
  gc_saddr s = gc_shared(), sq = s + 2 * TILE, sg = s + 4 * TILE;
  int first = CAUSAL ? r0 / BR : 0, tiles = (T + BR - 1) / BR;
  uint32_t fk[KS][4], fv[KS][4];
  float xk[8][4], xv[8][4];
  clear(xk);
  clear(xv);
  fetch(s, k + at, r0, T);
  fetch(s + TILE, v + at, r0, T);
  fetch(sq + first % 2 * TILE, q + at, first * BR, T);
  fetch(sg + first % 2 * TILE, go + at, first * BR, T);
  gc_cp_async_commit();
  for (int t = first; t < tiles; t++) {
    gc_saddr tq = sq + t % 2 * TILE, tg = sg + t % 2 * TILE, st = s + 6 * TILE + t % 2 * 512;
    if (t + 1 < tiles) {
      fetch(sq + (t + 1) % 2 * TILE, q + at, (t + 1) * BR, T);
      fetch(sg + (t + 1) % 2 * TILE, go + at, (t + 1) * BR, T);
    }
    gc_cp_async_commit();
    put_stats(st, lse + stats, dot + stats, t * BR, T);
    gc_cp_async_wait(1);
    gc_sync(); /* tiles and statistics are there */
    if (t == first) fragments_a(fk, s, warp * 16);
    float p[8][4], dp[8][4];
    clear(p);
    clear(dp);
    mul_transposed(p, fk, tq); /* keys by queries */
    fragments_a(fv, s + TILE, warp * 16); /* each time: registers are short */
    mul_transposed(dp, fv, tg);
    gradient_tile(p, dp, st, t * BR, r0 + warp * 16, t * BR, 1, T, scale2);
    mul_rounded(xv, p, tg);
    mul_rounded(xk, dp, tq);
    gc_sync(); /* tiles were read */
  }
  store_rows(dk + at, xk, scale, scale, r0 + warp * 16, T);
  store_rows(dv + at, xv, 1, 1, r0 + warp * 16, T);
}
/* dq: a block has 64 queries and walks keys. */
GC_KERNEL(ATTEND_THREADS, 2) k_attend_q(const uint16_t *q, const uint16_t *k, const uint16_t *v, const uint16_t *go,
                                        const float *lse, const float *dot, uint16_t *dq, int T, float scale2,
                                        float scale) {
  int head = gc_block_y(), r0 = gc_block() * BR, warp = gc_thread() / 32;
  gc_i64 at = (gc_i64)head * T * D, stats = (gc_i64)head * T;
  gc_saddr s = gc_shared(), sk = s + 2 * TILE, sv = s + 4 * TILE;
  int tiles = CAUSAL && r0 + BR < T ? (r0 + BR + BC - 1) / BC : (T + BC - 1) / BC;
  uint32_t fq[KS][4], fg[KS][4];
  float x[8][4];
  clear(x);
  fetch(s, q + at, r0, T);
  fetch(s + TILE, go + at, r0, T);
  put_stats(s + 6 * TILE, lse + stats, dot + stats, r0, T);
  fetch(sk, k + at, 0, T);
  fetch(sv, v + at, 0, T);
  gc_cp_async_commit();
  for (int t = 0; t < tiles; t++) {
    gc_saddr tk = sk + t % 2 * TILE, tv = sv + t % 2 * TILE;
    if (t + 1 < tiles) {
      fetch(sk + (t + 1) % 2 * TILE, k + at, (t + 1) * BC, T);
      fetch(sv + (t + 1) % 2 * TILE, v + at, (t + 1) * BC, T);
    }
    gc_cp_async_commit();
    gc_cp_async_wait(1);
    gc_sync(); /* the tile is there */
    if (!t) {
      fragments_a(fq, s, warp * 16);
      fragments_a(fg, s + TILE, warp * 16);
    }
    float p[8][4], dp[8][4];
    clear(p);
    clear(dp);
    mul_transposed(p, fq, tk);
    mul_transposed(dp, fg, tv);
    gradient_tile(p, dp, s + 6 * TILE, r0, r0 + warp * 16, t * BC, 0, T, scale2);
    mul_rounded(x, dp, tk);
    gc_sync(); /* the tile was read */
  }
  store_rows(dq + at, x, scale, scale, r0 + warp * 16, T);
}
