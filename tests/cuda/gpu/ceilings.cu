/* SPDX-License-Identifier: Apache-2.0 */
/* What a GPU reaches at most, as one line of JSON: bytes a second of a copy that is larger than its caches; operations
 * a second of FMA in f32, and of mma and wgmma in bf16. Medians of five. Over the host form (ceilings SCALE, 1 / SCALE
 * of the work) it shows only that the kernels run. */
#include "codegen/cuda/device.inc"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAINS = 8, MMA_K = 16, WGMMA_N = 256 };

/* 16 bytes a thread and turn. */
GC_KERNEL(256, 1) k_copy(float *to, const float *from, int n) {
  for (int i = gc_block() * 256 + gc_thread(); i < n; i += gc_grid() * 256) {
    float v[4];
    gc_ldg4(v, from + 4 * (gc_i64)i);
    gc_stg4(to + 4 * (gc_i64)i, v);
  }
}
/* Chains of dependent operations, enough to hide their latency. The results are stored, so that they are computed. */
GC_KERNEL(256, 1) k_fma(float *to, float a, int turns) {
  float v[CHAINS], sum = 0;
  for (int k = 0; k < CHAINS; k++) v[k] = (float)(gc_thread() + k);
  for (int t = 0; t < turns; t++) GC_UNROLL for (int k = 0; k < CHAINS; k++) v[k] = v[k] * a + 0.5f;
  for (int k = 0; k < CHAINS; k++) sum += v[k];
  to[gc_block() * 256 + gc_thread()] = sum;
}
GC_KERNEL(256, 1) k_mma(float *to, float x, int turns) {
  float d[CHAINS][4], sum = 0;
  uint32_t a[4], b[2];
  for (int i = 0; i < 4; i++) a[i] = gc_pack_bf16(x, x);
  for (int i = 0; i < 2; i++) b[i] = gc_pack_bf16(x, x);
  GC_UNROLL for (int k = 0; k < CHAINS; k++) GC_UNROLL for (int i = 0; i < 4; i++) d[k][i] = 0;
  for (int t = 0; t < turns; t++) GC_UNROLL for (int k = 0; k < CHAINS; k++) gc_mma_bf16(d[k], a, b);
  GC_UNROLL for (int k = 0; k < CHAINS; k++) GC_UNROLL for (int i = 0; i < 4; i++) sum += d[k][i];
  to[gc_block() * 256 + gc_thread()] = sum;
}
/* Each of two warp groups multiplies the same tiles, of zeros, four times 64 x 256 x 16 a turn. */
GC_KERNEL(256, 1) k_wgmma(float *to, float x, int turns) {
#ifdef GC_WGMMA
  const gc_saddr a = (gc_shared() + 1023) & ~1023u, b = a + 64 * 128;
  float d[WGMMA_N / 2];
  for (int i = gc_thread(); i < (64 + WGMMA_N) * 32; i += 256) gc_sts_u32(a + 4 * (gc_saddr)i, 0);
  gc_fence_proxy_async();
  gc_sync();
  GC_UNROLL for (int i = 0; i < WGMMA_N / 2; i++) d[i] = x;
  for (int t = 0; t < turns; t++) {
    gc_wgmma_fence();
    for (int k = 0; k < 4; k++) {
      const gc_saddr at = 32 * (gc_saddr)k;
      gc_wgmma_n256(d, gc_wgmma_desc(a + at, 0, 1024), gc_wgmma_desc(b + at, 0, 1024), 1, 0, 0);
    }
    gc_wgmma_commit();
    gc_wgmma_wait(0);
  }
  to[gc_block() * 256 + gc_thread()] = d[0];
#else
  if (turns < 0) to[0] = x;
#endif
}

enum { SHARED = 1024 + (64 + WGMMA_N) * 128 };

/* ---- the device ---- */

#ifdef __CUDACC__
static void must(cudaError_t e) {
  if (e == cudaSuccess) return;
  printf("%s\n", cudaGetErrorString(e));
  exit(1);
}
static int processors(int *has_wgmma) {
  cudaDeviceProp prop;
  must(cudaGetDeviceProperties(&prop, 0));
  *has_wgmma = prop.major == 9;
  return prop.multiProcessorCount;
}
static float *memory(size_t bytes) {
  void *p;
  must(cudaMalloc(&p, bytes));
  must(cudaMemset(p, 0, bytes));
  return (float *)p;
}
#define LAUNCH(kernel, blocks, shared, ...) \
  do { \
    if (shared) must(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared)); \
    kernel<<<(unsigned)(blocks), 256, shared>>>(__VA_ARGS__); \
    must(cudaGetLastError()); \
  } while (0)
static cudaEvent_t begun, ended;
static void clock_start(void) {
  if (!begun) must(cudaEventCreate(&begun)), must(cudaEventCreate(&ended));
  must(cudaEventRecord(begun));
}
static double clock_seconds(void) {
  float ms;
  must(cudaEventRecord(ended));
  must(cudaEventSynchronize(ended));
  must(cudaEventElapsedTime(&ms, begun, ended));
  return ms / 1e3;
}
#else
#include <time.h>
static int processors(int *has_wgmma) {
  *has_wgmma = 1;
  return 1;
}
static float *memory(size_t bytes) {
  void *p = gc_host_alloc(bytes);
  gc_host_wrote(memset(p, 0, bytes), bytes);
  return (float *)p;
}
#define LAUNCH(kernel, blocks, shared, ...) \
  do { \
    auto void thunk(void *const *); \
    void thunk(void *const *args) { \
      (void)args; \
      kernel(__VA_ARGS__); \
    } \
    if (!gc_host_launch(#kernel, thunk, NULL, (GcLaunchDims){{blocks, 1, 1}, 256, shared})) exit(1); \
  } while (0)
static clock_t begun;
static void clock_start(void) { begun = clock(); }
static double clock_seconds(void) { return (double)(clock() - begun + 1) / CLOCKS_PER_SEC; }
#endif

/* ---- measuring ---- */

static int by_size(const void *x, const void *y) {
  double a = *(const double *)x, b = *(const double *)y;
  return (a > b) - (a < b);
}
/* The statement's median time; it has run once before. */
#define MEDIAN(seconds, statement) \
  do { \
    double time[6]; \
    for (int r = 0; r < 6; r++) { \
      clock_start(); \
      statement; \
      time[r] = clock_seconds(); \
    } \
    qsort(time + 1, 5, sizeof *time, by_size); \
    seconds = time[3]; \
  } while (0)

int main(int argc, char **argv) {
  int scale = argc > 1 ? atoi(argv[1]) : 1, has_wgmma, sms = processors(&has_wgmma), blocks = 8 * sms;
  int turns = 16384 / scale + 1, n = (1 << 27) / scale; /* n: of 16 bytes */
  float *from = memory(16 * (size_t)n), *to = memory(16 * (size_t)n);
  double copy, fma, mma, wgmma = 0;
  MEDIAN(copy, LAUNCH(k_copy, blocks, 0, to, from, n));
  MEDIAN(fma, LAUNCH(k_fma, blocks, 0, to, 0.5f, turns));
  MEDIAN(mma, LAUNCH(k_mma, blocks, 0, to, 0.5f, turns));
  if (has_wgmma) MEDIAN(wgmma, LAUNCH(k_wgmma, 2 * sms, SHARED, to, 0.5f, turns / 4 + 1));
  printf("{\"copy_gbs\":%.1f,\"f32_tflops\":%.2f,\"bf16_mma_tflops\":%.1f", 32.0 * n / copy / 1e9,
         2.0 * blocks * 256 * CHAINS * turns / fma / 1e12,
         2.0 * blocks * 8 * 16 * 8 * MMA_K * CHAINS * turns / mma / 1e12);
  if (has_wgmma)
    printf(",\"bf16_wgmma_tflops\":%.1f", 2.0 * 2 * sms * 2 * 64 * WGMMA_N * 64 * (turns / 4 + 1) / wgmma / 1e12);
  printf("}\n");
  return 0;
}
