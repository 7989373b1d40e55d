/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of the driver does what it says, in any mode. */
#include "tests/cuda/driver/test.h"

static void devices(void) {
  int n = 0, value = 0, version = 0;
  size_t total = 0, available = 0, before;
  char name[64] = "";
  CUdevice device = -1;
  CUcontext current = NULL;
  CHECK(!cuDeviceGetCount(&n) && n == 1);
  CHECK(!cuDriverGetVersion(&version) && version >= 12000);
  CHECK(!cuDeviceGetName(name, sizeof name, 0) && name[0]);
  CHECK(!cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 0) && value == 9);
  CHECK(!cuDeviceGetAttribute(&value, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 0) && value >= 1);
  CHECK(!cuDeviceTotalMem_v2(&total, 0) && total);
  CHECK(!cuMemGetInfo_v2(&before, &total));
  CHECK(!cuMemFree_v2(x) && !cuMemGetInfo_v2(&available, &total) && available == before + N * 4);
  CHECK(!cuMemAlloc_v2(&x, N * 4));
  CHECK(!cuCtxGetCurrent(&current) && current == context);
  CHECK(!cuCtxGetDevice(&device) && device == 0);
}

static void names(void) {
  void *f = NULL;
  const char *text = NULL;
  CUdriverProcAddressQueryResult status;
  CHECK(!cuGetProcAddress_v2("cuMemAlloc", &f, 12000, 0, &status) && f == (void *)cuMemAlloc_v2 && !status);
  CHECK(!cuGetProcAddress_v2("cuGraphInstantiate", &f, 12000, 0, NULL) && f == (void *)cuGraphInstantiateWithFlags);
  CHECK(cuGetProcAddress_v2("cuNothing", &f, 12000, 0, &status) && !f && status);
  CHECK(gc_host_driver("cuMemFree_v2") == (void *)cuMemFree_v2);
  CHECK(!gc_host_driver("cuMem") && !gc_host_driver("") && !gc_host_driver("cuMemFree_v3"));
  CHECK(!cuGetErrorName(CUDA_ERROR_LAUNCH_FAILED, &text) && !strcmp(text, "CUDA_ERROR_LAUNCH_FAILED"));
  CHECK(!cuGetErrorString(CUDA_ERROR_OUT_OF_MEMORY, &text) && !strcmp(text, "out of memory"));
  CHECK(cuGetErrorName((CUresult)12345, &text) == CUDA_ERROR_INVALID_VALUE && !text);
}

static void copies(void) {
  float v[N], w[N];
  for (int i = 0; i < N; i++) pinned[i] = (float)i, v[i] = (float)i;
  OK(cuMemcpyHtoD_v2(x, pinned, N * 4));
  CHECK(holds(x, 0, 1));
  OK(cuMemcpyHtoDAsync_v2(y, v, N * 4, s1));
  memset(v, 0, sizeof v); /* not pinned: its bytes have been taken */
  OK(cuMemcpyDtoDAsync_v2(z, y, N * 4, s1));
  OK(cuMemcpyDtoHAsync_v2(w, z, N * 4, s1));
  CHECK(w[N - 1] == N - 1); /* not pinned: its bytes are there */
  memset(pinned, 0, N * 4);
  OK(cuMemcpyDtoHAsync_v2(pinned, z, N * 4, s1));
  OK(cuStreamSynchronize(s1));
  CHECK(pinned[N - 1] == N - 1);
  OK(cuMemcpyDtoD_v2(z, x, N * 2));
  OK(cuMemsetD8_v2(z + N * 2, 0, N * 2));
  OK(cuMemcpyDtoH_v2(w, z, N * 4));
  CHECK(w[N / 2 - 1] == N / 2 - 1 && w[N / 2] == 0 && w[N - 1] == 0);
  OK(cuMemsetD32_v2(z, 0x3f800000, N));
  CHECK(holds(z, 1, 0));
  OK(cuMemsetD8Async(z, 0, N * 4, s1));
  OK(cuMemsetD32Async(z + 4, 0x40000000, 1, s1));
  OK(cuMemcpyDtoHAsync_v2(w, z, N * 4, s1));
  CHECK(w[0] == 0 && w[1] == 2 && w[2] == 0);
  CHECK(!cuMemcpyHtoD_v2(x, v, 0));
}

static void pointers(void) {
  unsigned type = 0;
  int ordinal = -1;
  CUdeviceptr begin = 0;
  size_t bytes = 0;
  float here;
  CHECK(!cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, x + 8) && type == CU_MEMORYTYPE_DEVICE);
  CHECK(!cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)(uintptr_t)pinned) &&
        type == CU_MEMORYTYPE_HOST);
  CHECK(!cuPointerGetAttribute(&ordinal, CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL, x) && ordinal == 0);
  CHECK(!cuPointerGetAttribute(&begin, CU_POINTER_ATTRIBUTE_RANGE_START_ADDR, x + 8) && begin == x);
  CHECK(!cuPointerGetAttribute(&bytes, CU_POINTER_ATTRIBUTE_RANGE_SIZE, x + 8) && bytes == N * 4);
  CHECK(cuPointerGetAttribute(&type, CU_POINTER_ATTRIBUTE_MEMORY_TYPE, (CUdeviceptr)(uintptr_t)&here) ==
        CUDA_ERROR_INVALID_VALUE);
  CHECK(x % 256 == 0 && y % 256 == 0 && (uintptr_t)pinned % 256 == 0);
}

static void launches(void) {
  float sum[N / 256];
  put(x, 0);
  OK(line(y, x, 2, 1, s1));
  OK(line(y, y, 2, 0, s1));
  OK(cuStreamSynchronize(s1));
  CHECK(holds(y, 2, 4));
  OK(cuFuncSetAttribute(f_sum, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 100 << 10));
  int bytes = 0;
  CHECK(!cuFuncGetAttribute(&bytes, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, f_sum) && bytes == 100 << 10);
  CUlaunchConfig config = {.gridDimX = N / 256, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 256, .blockDimY = 1};
  config.blockDimZ = 1, config.sharedMemBytes = 60 << 10, config.hStream = s1;
  OK(cuLaunchKernelEx(&config, f_sum, (void *[]){&z, &x}, NULL));
  OK(cuMemcpyDtoHAsync_v2(sum, z, sizeof sum, s1));
  for (int b = 0; b < N / 256; b++) CHECK(sum[b] == 256 * 256 * (float)b + 255 * 128);
}

static void streams(void) {
  float ms = -1;
  CUevent a, b;
  CUstream blocking;
  CUresult e;
  put(x, 0);
  OK(line(y, x, 1, 1, s1));
  OK(cuEventRecord(event, s1));
  OK(cuStreamWaitEvent(s2, event, 0));
  OK(line(z, y, 1, 1, s2));
  while ((e = cuStreamQuery(s2)) == CUDA_ERROR_NOT_READY) {}
  CHECK(!e && !cuEventQuery(event));
  CHECK(holds(z, 2, 1));
  OK(cuEventCreate(&a, 0));
  OK(cuEventCreate(&b, 0));
  OK(cuEventRecord(a, s1));
  OK(line(y, x, 1, 1, s1));
  OK(cuEventRecord(b, s1));
  OK(cuEventSynchronize(b));
  CHECK(!cuEventElapsedTime(&ms, a, b) && ms >= 0 && ms < 10000);
  OK(cuEventDestroy_v2(a));
  OK(cuEventDestroy_v2(b));
  OK(cuStreamCreate(&blocking, CU_STREAM_DEFAULT)); /* the null stream and this one follow each other */
  OK(line(y, x, 1, 5, blocking));
  OK(line(z, y, 1, 5, NULL));
  OK(line(y, z, 1, 5, blocking));
  OK(cuStreamSynchronize(blocking));
  CHECK(holds(y, 15, 1));
  OK(line(y, x, 1, 5, blocking));
  OK(cuStreamDestroy_v2(blocking)); /* its work is done nevertheless */
  CHECK(holds(y, 5, 1));
}

static CUgraphNode line_node(CUgraph g, CUgraphNode *after, CUdeviceptr to, CUdeviceptr from, float a, float b) {
  int n = N;
  CUgraphNode node = NULL;
  CUDA_KERNEL_NODE_PARAMS p = {.func = f_line, .gridDimX = N / 256, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 256};
  p.blockDimY = p.blockDimZ = 1, p.kernelParams = (void *[]){&to, &from, &a, &b, &n};
  OK(cuGraphAddKernelNode_v2(&node, g, after, after != NULL, &p));
  return node;
}
/* x = 1; y = x + 1 and z = x + 2 beside each other; x = y + z; half of x to pinned memory, as rows of 8 bytes of 16 */
static void graphs(void) {
  CUgraph g;
  CUgraphExec exec;
  CUgraphNode node[5], add_after[2];
  int n = N;
  CUDA_MEMSET_NODE_PARAMS one = {.dst = x, .value = 0x3f800000, .elementSize = 4, .width = N, .height = 1};
  CUDA_KERNEL_NODE_PARAMS sum = {.func = f_add, .gridDimX = N / 256, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 256};
  CUDA_MEMCPY3D rows = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = x, .srcXInBytes = 8, .srcPitch = 16};
  OK(cuGraphCreate(&g, 0));
  OK(cuGraphAddMemsetNode(&node[0], g, NULL, 0, &one, context));
  add_after[0] = line_node(g, node, y, x, 1, 1);
  add_after[1] = line_node(g, node, z, x, 1, 2);
  sum.blockDimY = sum.blockDimZ = 1, sum.kernelParams = (void *[]){&x, &y, &z, &n};
  OK(cuGraphAddKernelNode_v2(&node[1], g, add_after, 2, &sum));
  OK(cuGraphAddEmptyNode(&node[2], g, &node[1], 1));
  rows.dstMemoryType = CU_MEMORYTYPE_HOST, rows.dstHost = pinned, rows.dstPitch = 8;
  rows.WidthInBytes = 8, rows.Height = N / 4, rows.Depth = 1;
  OK(cuGraphAddMemcpyNode(&node[3], g, &node[2], 1, &rows, context));
  OK(cuGraphInstantiateWithFlags(&exec, g, 0));
  OK(cuGraphDestroy(g));
  for (int i = 0; i < 3; i++) {
    memset(pinned, 0, N * 4);
    OK(cuGraphLaunch(exec, i % 2 ? s1 : s2));
    OK(cuStreamSynchronize(i % 2 ? s1 : s2));
    CHECK(holds(x, 5, 0) && pinned[0] == 5 && pinned[N / 2 - 1] == 5 && pinned[N / 2] == 0);
  }
  OK(cuGraphExecDestroy(exec));
}

static void tensors(void) {
  _Alignas(128) CUtensorMap map;
  cuuint64_t size[2] = {64, 8}, stride[1] = {128};
  cuuint32_t box[2] = {64, 8}, step[2] = {1, 1};
  uint16_t v[512];
  for (int i = 0; i < 512; i++) v[i] = (uint16_t)i;
  OK(cuMemcpyHtoD_v2(x, v, sizeof v));
  OK(cuTensorMapEncodeTiled(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, 2, (void *)(uintptr_t)x, size, stride, box, step,
                            CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_NONE,
                            CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
  OK(cuLaunchKernel(f_box, 1, 1, 1, 32, 1, 1, 8 * 128 + 16, NULL, (void *[]){&y, &map}, NULL));
  memset(v, 0, sizeof v);
  OK(cuMemcpyDtoH_v2(v, y, sizeof v));
  int same = 0;
  for (int i = 0; i < 512; i++) same += v[i] == i;
  CHECK(same == 512);
}

int main(void) {
  start();
  devices();
  names();
  copies();
  pointers();
  launches();
  streams();
  graphs();
  tensors();
  gc_host_driver_report(stdout);
  finish();
  return counts();
}
