/* SPDX-License-Identifier: Apache-2.0 */
/* Contraction c[M,N] = a b for sm_90a: TMA, mbarriers, wgmma. One warp group loads, two multiply; a block takes every
 * gc_grid()-th tile. The result leaves through shared memory and TMA, or, where that has no room, from registers. */
#include "codegen/cuda/device.inc"
#include "tile.inc"

#ifndef A_ALONG_K
#define A_ALONG_K 1
#endif
#ifndef B_ALONG_K
#define B_ALONG_K 0
#endif
#ifndef BN
#define BN 128 /* or 256 */
#endif
enum { BM = 128, STAGES = BN == 256 ? 4 : 5, A_BYTES = BM * 128, B_BYTES = BN * 128, STAGE_BYTES = A_BYTES + B_BYTES,
       WGMMA_THREADS = 384, OUT_BYTES = BN == 256 ? 0 : 64 * BN * 2, BARRIERS = STAGES * STAGE_BYTES + 2 * OUT_BYTES,
       WGMMA_SHARED = BARRIERS + 2 * STAGES * 8 };

#ifdef GC_WGMMA
/* The producer: one thread fills stage after stage. */
GC_DEVICE void load_tiles(const GcTensorMap *ma, const GcTensorMap *mb, int tiles, int nb, int steps) {
  gc_saddr s = gc_shared(), full = s + BARRIERS, empty = full + STAGES * 8;
  int q = 0, parity = 1; /* the first wait for each stage finds it empty */
  for (int tile = gc_block(); tile < tiles; tile += gc_grid()) {
    int m0 = tile / nb * BM, n0 = tile % nb * BN;
    for (int t = 0; t < steps; t++) {
      gc_saddr to = s + q * STAGE_BYTES, bar = full + q * 8;
      gc_mbar_wait(empty + q * 8, parity);
      gc_mbar_expect(bar, STAGE_BYTES);
      if (A_ALONG_K) gc_tma_load(to, ma, t * 64, m0, bar);
      else for (int i = 0; i < BM; i += 64) gc_tma_load(to + i * 128, ma, m0 + i, t * 64, bar);
      if (B_ALONG_K) gc_tma_load(to + A_BYTES, mb, t * 64, n0, bar);
      else for (int i = 0; i < BN; i += 64) gc_tma_load(to + A_BYTES + i * 128, mb, n0 + i, t * 64, bar);
      if (++q == STAGES) q = 0, parity ^= 1;
    }
  }
}
/* The accumulators of a group: 64 rows from `row`, BN columns from n0. */
GC_DEVICE void store_tile(uint16_t *c, const GcTensorMap *mc, float *d, int row, int n0, int M, int N) {
  int warp = gc_thread() / 32 % 4, lane = gc_thread() % 32;
#if BN == 256
  (void)mc, (void)lane;
  GC_UNROLL for (int j = 0; j < BN / 8; j += 4)
    GC_UNROLL for (int h = 0; h < 2; h++) {
      uint32_t w[4];
      GC_UNROLL for (int i = 0; i < 4; i++) w[i] = gc_pack_bf16(d[(j + i) * 4 + h * 2], d[(j + i) * 4 + h * 2 + 1]);
      store_words(c, w, row + warp * 16 + h * 8, n0 + j * 8, M, N);
    }
#else
  int group = gc_thread() / 128, leader = gc_thread() % 128 == 0;
  gc_saddr out = gc_shared() + STAGES * STAGE_BYTES + (group - 1) * OUT_BYTES;
  (void)c, (void)M, (void)N;
  if (leader) gc_tma_store_wait();
  gc_sync_named(group, 128); /* the tile before has left */
  GC_UNROLL for (int j = 0; j < BN / 8; j++)
    GC_UNROLL for (int h = 0; h < 2; h++)
      gc_sts_u32(out + tile_at(warp * 16 + lane / 4 + h * 8, j * 8 + lane % 4 * 2, 64),
                 gc_pack_bf16(d[j * 4 + h * 2], d[j * 4 + h * 2 + 1]));
  gc_fence_proxy_async();
  gc_sync_named(group, 128); /* the tile is there */
  if (leader) {
    for (int i = 0; i < BN; i += 64) gc_tma_store(mc, n0 + i, row, out + i * 128);
    gc_tma_store_commit();
  }
#endif
}
/* A consumer: products of its 64 rows of each tile. */
GC_DEVICE void multiply_tiles(uint16_t *c, const GcTensorMap *mc, int tiles, int nb, int steps, int M, int N) {
  gc_saddr s = gc_shared(), full = s + BARRIERS, empty = full + STAGES * 8;
  int q = 0, parity = 0, wm = (gc_thread() / 128 - 1) * 64, leader = gc_thread() % 128 == 0;
  float d[BN / 2];
  GC_UNROLL for (int i = 0; i < BN / 2; i++) d[i] = 0;
  for (int tile = gc_block(); tile < tiles; tile += gc_grid()) {
    for (int t = 0; t < steps; t++) {
      gc_saddr sa = s + q * STAGE_BYTES + wm * 128, sb = s + q * STAGE_BYTES + A_BYTES;
      gc_mbar_wait(full + q * 8, parity);
      gc_wgmma_fence();
      GC_UNROLL for (int k = 0; k < 4; k++) {
        gc_u64 da = A_ALONG_K ? gc_wgmma_desc(sa + k * 32, 16, 1024) : gc_wgmma_desc(sa + k * 2048, 8192, 1024);
        gc_u64 db = B_ALONG_K ? gc_wgmma_desc(sb + k * 32, 16, 1024) : gc_wgmma_desc(sb + k * 2048, 8192, 1024);
#if BN == 256
        gc_wgmma_n256(d, da, db, t + k > 0, !A_ALONG_K, !B_ALONG_K);
#else
        gc_wgmma_n128(d, da, db, t + k > 0, !A_ALONG_K, !B_ALONG_K);
#endif
      }
      gc_wgmma_commit();
      gc_wgmma_wait(1); /* the stage before has been read */
      if (t && leader) gc_mbar_arrive(empty + (q ? q - 1 : STAGES - 1) * 8);
      if (++q == STAGES) q = 0, parity ^= 1;
    }
    gc_wgmma_wait(0);
    if (leader) gc_mbar_arrive(empty + (q ? q - 1 : STAGES - 1) * 8);
    store_tile(c, mc, d, tile / nb * BM + wm, tile % nb * BN, M, N);
  }
#if BN != 256
  if (leader) gc_tma_store_wait();
#endif
}
#endif

GC_KERNEL(WGMMA_THREADS, 1) k_wgmma(GC_PARAM GcTensorMap ma, GC_PARAM GcTensorMap mb, GC_PARAM GcTensorMap mc,
                                    uint16_t *c, int M, int N, int K) {
#ifdef GC_WGMMA
  gc_saddr full = gc_shared() + BARRIERS, empty = full + STAGES * 8;
  int nb = (N + BN - 1) / BN, tiles = (M + BM - 1) / BM * nb, steps = (K + 63) / 64;
  if (gc_thread() == 0) {
    for (int i = 0; i < STAGES; i++) {
      gc_mbar_init(full + i * 8, 1);
      gc_mbar_init(empty + i * 8, 2);
    }
    gc_fence_mbar_init();
  }
  gc_sync();
  if (gc_thread() < 128) {
    gc_registers_dec(24);
    if (gc_thread() == 0) load_tiles(&ma, &mb, tiles, nb, steps);
  } else {
    gc_registers_inc(240);
    multiply_tiles(c, &mc, tiles, nb, steps, M, N);
  }
#endif
}
