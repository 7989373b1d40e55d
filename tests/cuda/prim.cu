/* SPDX-License-Identifier: Apache-2.0 */
/* Each device primitive alone, over fixed inputs. prim_ref.h has what each kernel must give; prim_main.h runs the table
 * at the end, on a CPU over the host form, or on a GPU: nvcc -I. -arch=sm_90a -o prim tests/cuda/prim.cu. Both print a
 * hash of each result.
 * Products are of small integers, so that their sums are exact in any order. */
#include "codegen/cuda/device.inc"
#include "prim_ref.h"

#define PRIM(name, threads) \
  GC_KERNEL(threads, 1) k_##name(const uint32_t *in, uint32_t *out, GC_PARAM GcTensorMap map2, \
                                 GC_PARAM GcTensorMap map3, GC_PARAM GcTensorMap map_out)
#define UNUSED (void)in, (void)out, (void)map2, (void)map3, (void)map_out

GC_DEVICE float as_float(uint32_t u) {
  union { uint32_t u; float f; } x;
  x.u = u;
  return x.f;
}
GC_DEVICE uint32_t as_bits(float f) {
  union { uint32_t u; float f; } x;
  x.f = f;
  return x.u;
}
PRIM(index, 96) {
  int at = ((gc_block_z() * 2 + gc_block_y()) * 3 + gc_block()) * 96 + gc_thread();
  UNUSED;
  out[at] = (uint32_t)(gc_thread() | gc_block() << 8 | gc_block_y() << 12 | gc_block_z() << 16 | gc_grid() << 20);
}

PRIM(sync, 256) {
  int t = gc_thread();
  UNUSED;
  gc_sts_u32(gc_shared() + t * 4, in[t]);
  gc_sync();
  out[t] = gc_lds_u32(gc_shared() + (t + 77) % 256 * 4);
}
PRIM(sync_warp, 64) {
  int t = gc_thread();
  UNUSED;
  gc_sts_u32(gc_shared() + t * 4, in[t]);
  gc_sync_warp();
  out[t] = gc_lds_u32(gc_shared() + (t ^ 13) * 4);
}
/* Two halves swap words, each at a barrier of its own; then the second half reads what the first wrote. */
PRIM(sync_named, 128) {
  int t = gc_thread(), half = t / 64;
  UNUSED;
  gc_sts_u32(gc_shared() + t * 4, in[t]);
  gc_sync_named(1 + half, 64);
  out[t] = gc_lds_u32(gc_shared() + (half * 64 + (t + 9) % 64) * 4);
  if (half == 0) {
    gc_sts_u32(gc_shared() + 512 + t * 4, in[128 + t]);
    gc_arrive_named(3, 128);
    out[128 + t] = 0;
  } else {
    gc_sync_named(3, 128);
    out[128 + t] = gc_lds_u32(gc_shared() + 512 + (t - 64) * 4);
  }
}

PRIM(shfl, 32) {
  int t = gc_thread();
  float v = as_float(in[t]);
  UNUSED;
  out[t] = as_bits(gc_shfl(v, (t * 7 + 3) % 32));
  out[32 + t] = as_bits(gc_shfl_xor(v, 21));
  out[64 + t] = as_bits(gc_shfl_up(v, 5));
  out[96 + t] = as_bits(gc_shfl_down(v, 5));
  out[128 + t] = gc_shfl_u32(in[t], 31 - t);
  out[160 + t] = gc_shfl_xor_u32(in[t], 2);
  out[192 + t] = gc_ballot((int)(in[t] & 1));
  out[224 + t] = (uint32_t)gc_popc(in[t]);
}

PRIM(memory, 64) {
  int t = gc_thread();
  gc_saddr s = gc_shared();
  float v[4];
  uint32_t w[4];
  UNUSED;
  gc_ldg4(v, (const float *)in + t * 4);
  gc_sts4(s + t * 16, v);
  gc_sync();
  gc_lds4(v, s + (63 - t) * 16);
  gc_stg4((float *)out + t * 4, v);
  for (int i = 0; i < 4; i++) w[i] = gc_lds_u32(s + (i * 64 + t) * 4);
  gc_stg4_u32(out + 256 + t * 4, w);
  gc_sync();
  gc_sts(s + t * 4, v[0]);
  gc_sync();
  out[512 + t] = as_bits(gc_lds(s + (t ^ 1) * 4));
  gc_sync();
  gc_sts4_u32(s + (63 - t) * 16, w);
  gc_sync();
  for (int i = 0; i < 4; i++) out[576 + t * 4 + i] = gc_lds_u32(s + t * 16 + i * 4);
  gc_sync();
  gc_sts2(s + t * 8, v);
  gc_sync();
  for (int i = 0; i < 2; i++) out[832 + t * 2 + i] = as_bits(gc_lds(s + (t ^ 1) * 8 + i * 4));
  gc_sync();
  gc_sts2_u32(s + t * 8, w + 2);
  gc_sync();
  for (int i = 0; i < 2; i++) out[960 + t * 2 + i] = gc_lds_u32(s + (t ^ 3) * 8 + i * 4);
}

/* 16, 8 and 4 bytes, to and from elements of 16 bits. */
PRIM(vector, 64) {
  int t = gc_thread();
  uint16_t v[8];
  UNUSED;
  gc_ldg_16(v, in + t * 4);
  gc_stg_16(out + (63 - t) * 4, v);
  gc_ldg_8(v, in + 256 + t * 2);
  gc_stg_8(out + 256 + (63 - t) * 2, v);
  gc_ldg_4(v, in + 384 + t);
  gc_stg_4(out + 384 + (63 - t), v);
}

PRIM(convert, 128) {
  UNUSED;
  for (int i = gc_thread(); i < CONVERTED; i += 128) {
    float x = as_float(in[CONVERT + i]), y = as_float(in[CONVERT + CONVERTED - 1 - i]);
    out[i] = gc_pack_bf16(x, y);
    out[CONVERTED + i] = gc_pack_f16(x, y);
    out[2 * CONVERTED + i] = gc_tf32(x);
  }
}
PRIM(approximate, 128) {
  UNUSED;
  for (int i = gc_thread(); i < APPROXIMATED; i += 128) {
    float x = approximate_input(i);
    out[i] = as_bits(gc_ex2(x));
    out[APPROXIMATED + i] = as_bits(gc_lg2(x < 0 ? -x : x));
    out[2 * APPROXIMATED + i] = as_bits(gc_rcp(x));
  }
}

/* Two groups of copies; every third chunk is filled with zeros. */
PRIM(cp_async, 64) {
  int t = gc_thread();
  gc_saddr s = gc_shared();
  float v[4];
  UNUSED;
  gc_cp_async(s + t * 16, in + t * 4, t % 3 != 1);
  gc_cp_async_commit();
  gc_cp_async(s + 1024 + t * 16, in + 256 + t * 4, 1);
  gc_cp_async_commit();
  gc_cp_async_wait(1);
  gc_sync();
  gc_lds4(v, s + (63 - t) * 16);
  gc_stg4((float *)out + t * 4, v);
  gc_cp_async_wait(0);
  gc_sync();
  gc_lds4(v, s + 1024 + (t ^ 5) * 16);
  gc_stg4((float *)out + 256 + t * 4, v);
}

PRIM(ldmatrix, 32) {
  int t = gc_thread();
  uint32_t r[4];
  UNUSED;
  for (int i = 0; i < 8; i++) gc_sts_u32(gc_shared() + (i * 32 + t) * 4, in[i * 32 + t]);
  gc_sync_warp();
  gc_ldmatrix(r, gc_shared() + (t * 5 % 32) * 16);
  for (int i = 0; i < 4; i++) out[i * 32 + t] = r[i];
  gc_ldmatrix_trans(r, gc_shared() + (t * 5 % 32) * 16);
  for (int i = 0; i < 4; i++) out[128 + i * 32 + t] = r[i];
}

/* a[16][k] and b[8][k] lie by rows in `in`; register i of a has row l / 4 + i % 2 * 8, and of its k the 4 bytes of word
 * l % 4 + i / 2 * 4. */
GC_DEVICE void mma_operands(uint32_t *a, uint32_t *b, const uint32_t *in, int l) {
  for (int i = 0; i < 4; i++) a[i] = in[(l / 4 + i % 2 * 8) * 8 + l % 4 + i / 2 * 4];
  for (int i = 0; i < 2; i++) b[i] = in[128 + l / 4 * 8 + l % 4 + i * 4];
}
PRIM(mma, 32) {
  int l = gc_thread();
  uint32_t a[4], b[4];
  float d[3][4];
  int32_t n[4];
  UNUSED;
  for (int i = 0; i < 4; i++) d[0][i] = d[1][i] = d[2][i] = (float)(i - l), n[i] = i - l;
  mma_operands(a, b, in + BF16, l);
  gc_mma_bf16(d[0], a, b);
  mma_operands(a, b, in + F16, l);
  gc_mma_f16(d[1], a, b);
  mma_operands(a, b, in + F32, l);
  gc_mma_tf32(d[2], a, b);
  mma_operands(a, b, in + S8, l);
  gc_mma_s8(n, a, b);
  for (int i = 0; i < 4; i++) {
    int at = (l / 4 + i / 2 * 8) * 8 + l % 4 * 2 + i % 2;
    for (int k = 0; k < 3; k++) out[k * 128 + at] = as_bits(d[k][i]);
    out[384 + at] = (uint32_t)n[i];
  }
}

/* A warp fills a word 20 times, another one reads it each time. */
PRIM(mbarrier, 64) {
  UNUSED;
#ifdef GC_TMA
  int t = gc_thread(), l = t % 32;
  gc_saddr s = gc_shared(), full = s + 256, empty = s + 264;
  uint32_t sum = 0;
  if (t == 0) {
    gc_mbar_init(full, 32);
    gc_mbar_init(empty, 32);
    gc_fence_mbar_init();
  }
  gc_sync();
  for (int i = 0; i < 20; i++) {
    if (t < 32) {
      gc_mbar_wait(empty, i % 2 ^ 1);
      gc_sts_u32(s + l * 4, in[i * 32 + l]);
      gc_mbar_arrive(full);
    } else {
      gc_mbar_wait(full, i % 2);
      sum = sum * 31 + gc_lds_u32(s + (31 - l) * 4);
      gc_mbar_arrive(empty);
    }
  }
  out[t] = sum;
#endif
}

/* Boxes at a corner, across each edge and outside; then one of three dimensions. The bytes as they lie in memory. */
PRIM(tma_load, 128) {
  UNUSED;
#ifdef GC_TMA
  int t = gc_thread();
  gc_saddr s = gc_shared(), b = s + 3 * BOX_BYTES;
  if (t == 0) {
    gc_mbar_init(b, 1);
    gc_fence_mbar_init();
    gc_mbar_expect(b, 3 * BOX_BYTES);
    gc_tma_load(s, &map2, 0, 0, b);
    gc_tma_load(s + BOX_BYTES, &map2, 40, 90, b);
    gc_tma_load(s + 2 * BOX_BYTES, &map2, -8, -3, b);
  }
  gc_sync();
  gc_mbar_wait(b, 0);
  for (int i = t; i < 3 * BOX_BYTES / 4; i += 128) out[i] = gc_lds_u32(s + i * 4);
#endif
}
PRIM(tma_load3, 128) {
  UNUSED;
#ifdef GC_TMA
  int t = gc_thread();
  gc_saddr s = gc_shared(), b = s + 2 * BOX3_BYTES;
  if (t == 0) {
    gc_mbar_init(b, 1);
    gc_fence_mbar_init();
    gc_mbar_expect(b, 2 * BOX3_BYTES);
    gc_tma_load3(s, &map3, 0, 1, 1, b);
    gc_tma_load3(s + BOX3_BYTES, &map3, 24, -2, 5, b);
  }
  gc_sync();
  gc_mbar_wait(b, 0);
  for (int i = t; i < 2 * BOX3_BYTES / 4; i += 128) out[i] = gc_lds_u32(s + i * 4);
#endif
}
PRIM(tma_store, 128) {
  UNUSED;
#ifdef GC_TMA
  int t = gc_thread();
  gc_saddr s = gc_shared();
  for (int i = t; i < OUT_ROWS * OUT_COLS / 2; i += 128) out[i] = 0x12345678;
  for (int i = t; i < BOX_BYTES / 4; i += 128) gc_sts_u32(s + i * 4, in[i]);
  gc_fence_proxy_async();
  gc_sync();
  if (t == 0) {
    gc_tma_store(&map_out, 8, 20, s);
    gc_tma_store_commit();
    gc_tma_store_wait();
  }
#endif
}

#ifdef GC_WGMMA
/* Byte of 16-bit element (row, column) in a tile with rows of 128 bytes. */
GC_DEVICE gc_saddr swizzled(int row, int col) {
  return (gc_saddr)(row * 128 + ((col / 8) ^ (row % 8)) * 16 + col % 8 * 2);
}
/* d[64][n] of operands along k or along m, n; the second product adds to the first. */
GC_DEVICE void wgmma_tile(gc_saddr s, const uint32_t *in, int n, int along_k) { /* element (i, k), k < 64 */
  const uint16_t *e = (const uint16_t *)(const void *)in;
  int words = n * 32; /* two elements a word */
  for (int i = gc_thread(); i < words; i += 128) {
    int row = along_k ? i / 32 : i / (n / 2), col = along_k ? i % 32 * 2 : i % (n / 2) * 2;
    int e0 = along_k ? row * 64 + col : col * 64 + row, e1 = along_k ? e0 + 1 : e0 + 64;
    gc_saddr at = along_k ? swizzled(row, col) : (gc_saddr)(col / 64 * 64 * 128) + swizzled(row, col % 64);
    gc_sts_u32(s + at, (uint32_t)e[e0 % 4096] | (uint32_t)e[e1 % 4096] << 16);
  }
}
#define WGMMA(multiply, type, n, ta, tb) do { \
    float d[n / 2]; \
    gc_saddr sa = gc_shared(), sb = sa + 8192; \
    int warp = gc_thread() / 32, l = gc_thread() % 32; \
    for (int i = 0; i < n / 2; i++) d[i] = 7; \
    wgmma_tile(sa, in + type, 64, !ta); \
    wgmma_tile(sb, in + type + 32, n, !tb); \
    gc_fence_proxy_async(); \
    gc_sync(); \
    gc_wgmma_fence(); \
    for (int k = 0; k < 2; k++) { \
      gc_u64 a = ta ? gc_wgmma_desc(sa + k * 2048, 8192, 1024) : gc_wgmma_desc(sa + k * 32, 16, 1024); \
      gc_u64 b = tb ? gc_wgmma_desc(sb + k * 2048, 8192, 1024) : gc_wgmma_desc(sb + k * 32, 16, 1024); \
      multiply(d, a, b, k, ta, tb); \
    } \
    gc_wgmma_commit(); \
    gc_wgmma_wait(0); \
    for (int i = 0; i < n / 2; i++) { \
      int r = warp * 16 + l / 4 + i / 2 % 2 * 8, c = i / 4 * 8 + l % 4 * 2 + i % 2; \
      out[r * n + c] = as_bits(d[i]); \
    } \
  } while (0)
#define WGMMA_KERNEL(name, ...) PRIM(name, 128) { UNUSED; WGMMA(__VA_ARGS__); }
#else
#define WGMMA_KERNEL(name, ...) PRIM(name, 128) { UNUSED; }
#endif
WGMMA_KERNEL(wgmma_kk, gc_wgmma_n128, BF16, 128, 0, 0)
WGMMA_KERNEL(wgmma_km, gc_wgmma_n128, BF16, 128, 0, 1)
WGMMA_KERNEL(wgmma_mk, gc_wgmma_n128, BF16, 128, 1, 0)
WGMMA_KERNEL(wgmma_mm, gc_wgmma_n256, BF16, 256, 1, 1)
WGMMA_KERNEL(wgmma_f16_km, gc_wgmma_f16_n128, TILES_F16, 128, 0, 1)
WGMMA_KERNEL(wgmma_f16_mk, gc_wgmma_f16_n256, TILES_F16, 256, 1, 0)

PRIM(registers, 384) {
  UNUSED;
#ifdef GC_WGMMA
  if (gc_thread() < 128) gc_registers_dec(24);
  else gc_registers_inc(240);
#endif
  out[gc_thread()] = in[gc_thread()];
}

/* Name, threads, bytes of shared memory, words of the result, least architecture (91: sm_90a). */
#define PRIMS(P) \
  P(index, 96, 0, 1152, 80) P(sync, 256, 1024, 256, 80) P(sync_warp, 64, 256, 64, 80) \
  P(sync_named, 128, 1024, 256, 80) P(shfl, 32, 0, 256, 80) P(memory, 64, 1024, 1088, 80) \
  P(vector, 64, 0, 448, 80) P(convert, 128, 0, 3 * CONVERTED, 80) P(approximate, 128, 0, 3 * APPROXIMATED, 80) \
  P(cp_async, 64, 2048, 512, 80) P(ldmatrix, 32, 1024, 256, 80) P(mma, 32, 0, 512, 80) P(mbarrier, 64, 272, 64, 90) \
  P(tma_load, 128, 3 * BOX_BYTES + 8, 3 * BOX_BYTES / 4, 90) \
  P(tma_load3, 128, 2 * BOX3_BYTES + 8, 2 * BOX3_BYTES / 4, 90) \
  P(tma_store, 128, BOX_BYTES, OUT_ROWS * OUT_COLS / 2, 90) P(wgmma_kk, 128, 8192 + 16384, 64 * 128, 91) \
  P(wgmma_km, 128, 8192 + 16384, 64 * 128, 91) P(wgmma_mk, 128, 8192 + 16384, 64 * 128, 91) \
  P(wgmma_mm, 128, 8192 + 32768, 64 * 256, 91) P(wgmma_f16_km, 128, 8192 + 16384, 64 * 128, 91) \
  P(wgmma_f16_mk, 128, 8192 + 32768, 64 * 256, 91) P(registers, 384, 0, 384, 91)
#ifndef __CUDACC_RTC__
#include "prim_main.h"
#endif
