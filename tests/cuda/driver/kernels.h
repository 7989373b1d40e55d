/* SPDX-License-Identifier: Apache-2.0 */
/* Kernels of the driver's tests, and the module that has them. */
#include "codegen/cuda/device.inc"
#include "codegen/cuda/host/cu.h"
#include "codegen/cuda/host/driver.h"

/* y = a x + b */
GC_KERNEL(256, 1) k_line(float *y, const float *x, float a, float b, int n) {
  const int i = gc_block() * 256 + gc_thread();
  if (i < n) y[i] = a * x[i] + b;
}
GC_KERNEL(256, 1) k_add(float *z, const float *x, const float *y, int n) {
  const int i = gc_block() * 256 + gc_thread();
  if (i < n) z[i] = x[i] + y[i];
}
/* The sum of a block's values, by shared memory: n is a multiple of the block. */
GC_KERNEL(256, 1) k_sum(float *y, const float *x) {
  const int t = gc_thread();
  gc_sts(gc_shared() + 4 * (gc_saddr)t, x[gc_block() * 256 + t]);
  for (int half = 128; half; half /= 2) {
    gc_sync();
    if (t < half)
      gc_sts(gc_shared() + 4 * (gc_saddr)t,
             gc_lds(gc_shared() + 4 * (gc_saddr)t) + gc_lds(gc_shared() + 4 * (gc_saddr)(t + half)));
  }
  if (!t) y[gc_block()] = gc_lds(gc_shared());
}
/* A box of rows of 64 16-bit elements, by TMA. */
GC_KERNEL(32, 1) k_box(uint16_t *y, GC_PARAM GcTensorMap map) {
  const gc_saddr bar = gc_shared() + 8 * 128;
  if (!gc_thread()) {
    gc_mbar_init(bar, 1);
    gc_fence_mbar_init();
  }
  gc_sync();
  if (!gc_thread()) {
    gc_mbar_expect(bar, 8 * 128);
    gc_tma_load(gc_shared(), &map, 0, 0, bar);
  }
  gc_mbar_wait(bar, 0);
  for (int i = gc_thread(); i < 8 * 32; i += 32) {
    const int row = i / 32, chunk = i / 4 % 8;
    const uint32_t v = gc_lds_u32(gc_shared() + (gc_saddr)(row * 128 + (chunk ^ row) * 16 + i % 4 * 4));
    y[2 * i] = (uint16_t)v, y[2 * i + 1] = (uint16_t)(v >> 16);
  }
}

static void run_line(void *const *a) {
  k_line(*(float **)a[0], *(const float **)a[1], *(float *)a[2], *(float *)a[3], *(int *)a[4]);
}
static void run_add(void *const *a) {
  k_add(*(float **)a[0], *(const float **)a[1], *(const float **)a[2], *(int *)a[3]);
}
static void run_sum(void *const *a) { k_sum(*(float **)a[0], *(const float **)a[1]); }
static void run_box(void *const *a) { k_box(*(uint16_t **)a[0], *(GcTensorMap *)a[1]); }
static const GcHostKernel kernels[] = {
  {"k_line", run_line, (const unsigned short[]){8, 8, 4, 4, 4, 0}, 0, "test.nn:1: loop: add, mul"},
  {"k_add", run_add, (const unsigned short[]){8, 8, 8, 4, 0}, 0, NULL},
  {"k_sum", run_sum, (const unsigned short[]){8, 8, 0}, 1, NULL},
  {"k_box", run_box, (const unsigned short[]){8, sizeof(GcTensorMap), 0}, 1, NULL},
};
/* Beside them: a kernel that waits though it is said not to, and one without its parameters. */
static const GcHostKernel wrong_kernels[] = {{"k_sum", run_sum, (const unsigned short[]){8, 8, 0}, 0, NULL}};
static const GcHostModule wrong_image __attribute__((unused)) = {GC_HOST_MODULE_MAGIC, 1, wrong_kernels};
static const GcHostModule no_params_image
  __attribute__((unused)) = {GC_HOST_MODULE_MAGIC, 1, (const GcHostKernel[]){{.name = "k", .run = run_sum}}};
static const GcHostModule module_image = {GC_HOST_MODULE_MAGIC, sizeof kernels / sizeof *kernels, kernels};
