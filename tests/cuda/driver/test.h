/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the driver: a device, memory and kernels at hand; results are counted. */
#include "tests/cuda/driver/kernels.h"
#include <stdlib.h>
#include <string.h>

static int passed, failed;
#define CHECK(condition) check(condition, #condition, __LINE__)
static int check(int ok, const char *text, int line) {
  if (ok) passed++;
  else failed++, printf("FAIL  line %d: %s\n", line, text);
  return ok;
}
#define OK(call) ok(call, #call, __LINE__)
static void ok(CUresult e, const char *text, int line) {
  if (!e) return;
  failed++;
  printf("FAIL  line %d: %s is %d\n", line, text, (int)e);
}
static int counts(void) {
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}

enum { N = 1024 };
static CUcontext context;
static CUmodule module;
static CUfunction f_line, f_add, f_sum, f_box;
static CUdeviceptr x, y, z; /* N floats each */
static float *pinned;
static CUstream s1, s2;
static CUevent event;

static void start(void) {
  CUdevice device;
  OK(cuInit(0));
  OK(cuDeviceGet(&device, 0));
  OK(cuDevicePrimaryCtxRetain(&context, device));
  OK(cuCtxSetCurrent(context));
  OK(cuModuleLoadData(&module, &module_image));
  OK(cuModuleGetFunction(&f_line, module, "k_line"));
  OK(cuModuleGetFunction(&f_add, module, "k_add"));
  OK(cuModuleGetFunction(&f_sum, module, "k_sum"));
  OK(cuModuleGetFunction(&f_box, module, "k_box"));
  OK(cuMemAlloc_v2(&x, N * 4));
  OK(cuMemAlloc_v2(&y, N * 4));
  OK(cuMemAlloc_v2(&z, N * 4));
  OK(cuMemHostAlloc((void **)&pinned, N * 4, 0));
  OK(cuStreamCreate(&s1, CU_STREAM_NON_BLOCKING));
  OK(cuStreamCreate(&s2, CU_STREAM_NON_BLOCKING));
  OK(cuEventCreate(&event, CU_EVENT_DISABLE_TIMING));
}
static void finish(void) {
  OK(cuEventDestroy_v2(event));
  OK(cuStreamDestroy_v2(s1));
  OK(cuStreamDestroy_v2(s2));
  OK(cuMemFreeHost(pinned));
  OK(cuMemFree_v2(x));
  OK(cuMemFree_v2(y));
  OK(cuMemFree_v2(z));
  OK(cuModuleUnload(module));
  OK(cuDevicePrimaryCtxRelease_v2(0));
}

static CUresult line(CUdeviceptr to, CUdeviceptr from, float a, float b, CUstream stream) {
  int n = N;
  return cuLaunchKernel(f_line, N / 256, 1, 1, 256, 1, 1, 0, stream, (void *[]){&to, &from, &a, &b, &n}, NULL);
}
static CUresult add(CUdeviceptr to, CUdeviceptr a, CUdeviceptr b, CUstream stream) {
  int n = N;
  return cuLaunchKernel(f_add, N / 256, 1, 1, 256, 1, 1, 0, stream, (void *[]){&to, &a, &b, &n}, NULL);
}
/* Fills with first, first + 1, … */
static void put(CUdeviceptr to, float first) {
  float v[N];
  for (int i = 0; i < N; i++) v[i] = first + (float)i;
  OK(cuMemcpyHtoD_v2(to, v, sizeof v));
  OK(cuCtxSynchronize());
}
/* Whether it holds first + step i. */
static int holds(CUdeviceptr from, float first, float step) {
  float v[N];
  OK(cuMemcpyDtoH_v2(v, from, sizeof v));
  for (int i = 0; i < N; i++)
    if (v[i] != first + step * (float)i) return 0;
  return 1;
}
