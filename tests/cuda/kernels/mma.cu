/* SPDX-License-Identifier: Apache-2.0 */
/* Contraction c[M,N] = a b by mma.sync: bf16 operands through cp.async and ldmatrix, f32 sums, bf16 result. Each
 * operand is contiguous along k, or along m or n; N and the contiguous axis of each operand are multiples of 8. */
#include "codegen/cuda/device.inc"
#include "tile.inc"

#ifndef A_ALONG_K
#define A_ALONG_K 1
#endif
#ifndef B_ALONG_K
#define B_ALONG_K 0
#endif
enum { BM = 128, BN = 128, BK = 64, STAGES = 3, MMA_THREADS = 256, A_BYTES = BM * BK * 2, B_BYTES = BN * BK * 2,
       STAGE_BYTES = A_BYTES + B_BYTES };

/* The 16-byte chunks that this thread copies of each tile of an operand: their rows are a multiple of 8 apart, so that
 * their swizzle is the same. All that does not change from tile to tile is computed once. */
typedef struct Chunks { const uint16_t *p; gc_i64 step, jump; gc_saddr to; int row, col; } Chunks;
GC_DEVICE Chunks chunks(const uint16_t *p, int ld, int r0, int c0, int rows, int cols, int along_k) {
  int c = gc_thread() % (cols / 8) * 8, r = gc_thread() / (cols / 8);
  Chunks x;
  x.p = p + (gc_i64)(r0 + r) * ld + c0 + c;
  x.step = along_k ? BK : (gc_i64)BK * ld;
  x.jump = (gc_i64)(MMA_THREADS * 8 / cols) * ld;
  x.to = tile_at(r, c, rows);
  x.row = r0 + r;
  x.col = c0 + c;
  return x;
}
/* Copies the next tile; zeros outside of rn rows and cn columns, where nothing is read. */
GC_DEVICE void load_tile(Chunks *x, gc_saddr to, int rn, int cn, int rows, int cols, int along_k) {
  GC_UNROLL for (int i = 0; i < rows * cols / 8 / MMA_THREADS; i++) {
    int apart = MMA_THREADS * 8 / cols, ok = x->row + i * apart < rn && x->col < cn;
    gc_cp_async(to + x->to + (gc_saddr)(i * apart * 128), x->p + i * x->jump, ok);
  }
  x->p += x->step;
  if (along_k) x->col += BK;
  else x->row += BK;
}
GC_KERNEL(MMA_THREADS, 1) k_mma(const uint16_t *a, const uint16_t *b, uint16_t *c, int M, int N, int K) {
  gc_saddr s = gc_shared(), in = s, out = s;
  int lane = gc_thread() % 32, warp = gc_thread() / 32, wm = warp / 4 * 64, wn = warp % 4 * 32;
  int nb = (N + BN - 1) / BN, m0 = gc_block() / nb * BM, n0 = gc_block() % nb * BN, steps = (K + BK - 1) / BK;
  Chunks pa = A_ALONG_K ? chunks(a, K, m0, 0, BM, BK, 1) : chunks(a, M, 0, m0, BK, BM, 0);
  Chunks pb = B_ALONG_K ? chunks(b, K, n0, 0, BN, BK, 1) : chunks(b, N, 0, n0, BK, BN, 0);
  /* where a fragment of k = 0 lies; along k, the next 16 have bits 1 and 2 of their chunk's number changed */
  gc_saddr oa = A_ALONG_K ? tile_at(wm + lane % 16, lane / 16 * 8, BM)
                          : tile_at(lane % 8 + lane / 16 * 8, wm + lane / 8 % 2 * 8, BK);
  gc_saddr ob = B_ALONG_K ? tile_at(wn + lane % 8 + lane / 16 * 8, lane / 8 % 2 * 8, BN)
                          : tile_at(lane % 16, wn + lane / 16 * 8, BK);
  float acc[4][4][4];
  GC_UNROLL for (int i = 0; i < 4; i++)
    GC_UNROLL for (int j = 0; j < 4; j++) GC_UNROLL for (int e = 0; e < 4; e++) acc[i][j][e] = 0;
#define LOAD() do { \
    load_tile(&pa, in, A_ALONG_K ? M : K, A_ALONG_K ? K : M, A_ALONG_K ? BM : BK, A_ALONG_K ? BK : BM, A_ALONG_K); \
    load_tile(&pb, in + A_BYTES, B_ALONG_K ? N : K, B_ALONG_K ? K : N, B_ALONG_K ? BN : BK, B_ALONG_K ? BK : BN, \
              B_ALONG_K); \
    in = in == s + (STAGES - 1) * STAGE_BYTES ? s : in + STAGE_BYTES; \
  } while (0)
  GC_UNROLL for (int t = 0; t < STAGES - 1; t++) {
    if (t < steps) LOAD();
    gc_cp_async_commit();
  }
  for (int t = 0; t < steps; t++) {
    gc_cp_async_wait(STAGES - 2);
    gc_sync(); /* stage t is there, and stage t - 1 was read by all */
    if (t + STAGES - 1 < steps) LOAD();
    gc_cp_async_commit();
    GC_UNROLL for (int k = 0; k < BK / 16; k++) {
      uint32_t fa[4][4], fb[2][4];
      gc_saddr ka = A_ALONG_K ? (out + oa) ^ (gc_saddr)(k * 32) : out + oa + (gc_saddr)(k * 2048);
      gc_saddr kb = out + A_BYTES + ob;
      kb = B_ALONG_K ? kb ^ (gc_saddr)(k * 32) : kb + (gc_saddr)(k * 2048);
      GC_UNROLL for (int i = 0; i < 4; i++) {
        if (A_ALONG_K) gc_ldmatrix(fa[i], ka + (gc_saddr)(i * 2048));
        else gc_ldmatrix_trans(fa[i], ka ^ (gc_saddr)(i * 32));
      }
      GC_UNROLL for (int j = 0; j < 2; j++) {
        if (B_ALONG_K) gc_ldmatrix(fb[j], kb + (gc_saddr)(j * 2048));
        else gc_ldmatrix_trans(fb[j], kb ^ (gc_saddr)(j * 32));
      }
      GC_UNROLL for (int i = 0; i < 4; i++)
        GC_UNROLL for (int j = 0; j < 4; j++) gc_mma_bf16(acc[i][j], fa[i], fb[j / 2] + j % 2 * 2);
    }
    out = out == s + (STAGES - 1) * STAGE_BYTES ? s : out + STAGE_BYTES;
  }
  GC_UNROLL for (int i = 0; i < 4; i++)
    GC_UNROLL for (int h = 0; h < 2; h++) {
      uint32_t w[4];
      GC_UNROLL for (int j = 0; j < 4; j++) w[j] = gc_pack_bf16(acc[i][j][h * 2], acc[i][j][h * 2 + 1]);
      store_words(c, w, m0 + wm + i * 16 + h * 8, n0 + wn, M, N);
    }
}
