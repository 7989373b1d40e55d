/* SPDX-License-Identifier: Apache-2.0 */
/* Each misuse of the driver is an error that says what is wrong. Two devices: GC_DRIVER_DEVICES=2; one megabyte each:
 * GC_DRIVER_BYTES=1048576. */
#include "tests/cuda/driver/test.h"
#include <unistd.h>

/* The call has this error, and its message on stderr contains the text. */
#define REFUSED(call, error, text) \
  do { \
    begin_message(); \
    CUresult got = call; \
    const char *message = end_message(); \
    if (!check(got == error && strstr(message, text) != NULL, #call, __LINE__)) \
      printf("  %d: %s\n", (int)got, message); \
  } while (0)
static void begin_message(void) {
  fflush(stderr);
  if (ftruncate(2, 0) || lseek(2, 0, SEEK_SET)) exit(2);
}
static const char *end_message(void) {
  static char text[500];
  fflush(stderr);
  lseek(2, 0, SEEK_SET);
  ssize_t n = read(2, text, sizeof text - 1);
  text[n > 0 ? n : 0] = 0;
  return text;
}

#define INVALID CUDA_ERROR_INVALID_VALUE
#define HANDLE CUDA_ERROR_INVALID_HANDLE

static void before_start(void) {
  int n;
  CUdeviceptr p;
  REFUSED(cuDeviceGetCount(&n), CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
  REFUSED(cuMemAlloc_v2(&p, 4), CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
  REFUSED(cuInit(1), INVALID, "flags");
  OK(cuInit(0));
  REFUSED(cuMemAlloc_v2(&p, 4), CUDA_ERROR_INVALID_CONTEXT, "this thread has no context");
  REFUSED(cuDeviceGet(&n, 5), CUDA_ERROR_INVALID_DEVICE, "no device 5");
  REFUSED(cuDeviceGetAttribute(&n, (CUdevice_attribute)999, 0), INVALID, "attribute 999");
  REFUSED(cuDevicePrimaryCtxRelease_v2(0), CUDA_ERROR_INVALID_CONTEXT, "not retained");
  REFUSED(cuCtxSetCurrent((CUcontext)(uintptr_t)0x1230), CUDA_ERROR_INVALID_CONTEXT, "not the handle of a context");
}

static CUdeviceptr at(const void *p) { return (CUdeviceptr)(uintptr_t)p; }
static void memory(void) {
  float v[N];
  void *device_as_host = (void *)(uintptr_t)x;
  CUdeviceptr p;
  void *q;
  REFUSED(cuMemcpyHtoD_v2(at(v), v, 4), INVALID, "is not memory of the device");
  REFUSED(cuMemcpyDtoH_v2(v, at(v), 4), INVALID, "is not memory of the device");
  REFUSED(cuMemcpyDtoD_v2(x, at(v), 4), INVALID, "the source");
  REFUSED(cuMemcpyHtoD_v2(x, NULL, 4), INVALID, "NULL");
  REFUSED(cuMemsetD8_v2(at(v), 0, 4), INVALID, "is not memory of the device");
  REFUSED(cuMemcpyHtoD_v2(y, device_as_host, 4), INVALID, "memory of the device, not of the host");
  REFUSED(cuMemcpyDtoH_v2(device_as_host, y, 4), INVALID, "memory of the device, not of the host");
  REFUSED(cuMemcpyHtoD_v2(x, v, N * 4 + 1), INVALID, "4097 bytes at offset 0 of 4096");
  REFUSED(cuMemcpyDtoH_v2(v, x + N * 4 - 4, 8), INVALID, "8 bytes at offset 4092 of 4096");
  REFUSED(cuMemcpyDtoHAsync_v2(pinned + N - 1, x, 8, s1), INVALID, "memory of the host: 8 bytes at offset 4092");
  REFUSED(cuMemsetD32_v2(x + 4, 0, N), INVALID, "4096 bytes at offset 4");
  REFUSED(cuMemsetD32_v2(x + 2, 0, 1), INVALID, "not aligned");
  REFUSED(cuMemcpyDtoD_v2(x, x + 4, 8), INVALID, "overlap");
  REFUSED(cuMemAlloc_v2(&p, 0), INVALID, "0 bytes");
  REFUSED(cuMemAlloc_v2(&p, 1 << 20), CUDA_ERROR_OUT_OF_MEMORY, "");
  REFUSED(cuMemHostAlloc(&q, 4, 0x100), INVALID, "flags 0x100");
  REFUSED(cuMemFree_v2(x + 4), INVALID, "not the beginning");
  REFUSED(cuMemFree_v2(at(pinned)), INVALID, "not the beginning of memory of the device");
  REFUSED(cuMemFreeHost(device_as_host), INVALID, "not the beginning of pinned memory");
  OK(cuMemAlloc_v2(&p, 64));
  OK(cuMemFree_v2(p));
  REFUSED(cuMemFree_v2(p), INVALID, getenv("GC_DRIVER_LAZY") ? "has been freed before" : "not the beginning");
  REFUSED(cuMemcpyDtoH_v2(v, p, 4), INVALID, getenv("GC_DRIVER_LAZY") ? "freed memory" : "is not memory");
  OK(cuMemFree_v2(0));
}

static void handles(void) {
  CUstream stream;
  CUevent timed, untimed;
  CUmodule other;
  CUfunction f;
  float ms;
  OK(cuStreamCreate(&stream, 0));
  OK(cuStreamDestroy_v2(stream));
  REFUSED(cuStreamSynchronize(stream), HANDLE, "the handle of a stream that was destroyed");
  REFUSED(cuStreamDestroy_v2(NULL), HANDLE, "the null stream");
  REFUSED(cuStreamSynchronize((CUstream)(uintptr_t)2), HANDLE, "no stream for each thread");
  REFUSED(cuStreamSynchronize((CUstream)event), HANDLE, "an event in the place of a stream");
  REFUSED(cuEventRecord((CUevent)&ms, s1), HANDLE, "not the handle of an event");
  OK(cuEventCreate(&timed, 0));
  OK(cuEventCreate(&untimed, CU_EVENT_DISABLE_TIMING));
  REFUSED(cuEventElapsedTime(&ms, timed, timed), HANDLE, "never recorded");
  REFUSED(cuEventElapsedTime(&ms, timed, untimed), HANDLE, "without timing");
  REFUSED(cuStreamWaitEvent(s1, timed, 7), INVALID, "flags");
  OK(cuEventDestroy_v2(timed));
  OK(cuEventDestroy_v2(untimed));
  REFUSED(cuEventQuery(timed), HANDLE, "the handle of an event that was destroyed");
  REFUSED(cuModuleLoadData(&other, "ELF"), CUDA_ERROR_INVALID_IMAGE, "not a table of kernels");
  REFUSED(cuModuleLoadData(&other, &no_params_image), CUDA_ERROR_INVALID_IMAGE, "k has no table of parameters");
  REFUSED(cuModuleGetFunction(&f, module, "k_none"), CUDA_ERROR_NOT_FOUND, "no kernel k_none");
  OK(cuModuleLoadDataEx(&other, &module_image, 0, NULL, NULL));
  OK(cuModuleGetFunction(&f, other, "k_sum"));
  OK(cuModuleUnload(other));
  REFUSED(cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, NULL, NULL, NULL), HANDLE,
          "the handle of a function that was destroyed");
  REFUSED(cuModuleUnload(other), HANDLE, "the handle of a module that was destroyed");
}

static CUresult launch_of(unsigned gx, unsigned gy, unsigned bx, unsigned by, unsigned shared_bytes) {
  return cuLaunchKernel(f_sum, gx, gy, 1, bx, by, 1, shared_bytes, s1, (void *[]){&z, &x}, NULL);
}
static void launches(void) {
  CUlaunchConfig config = {.gridDimX = 1, .numAttrs = 1};
  REFUSED(launch_of(0, 1, 256, 1, 1024), INVALID, "k_sum: a grid of 0 x 1 x 1 blocks");
  REFUSED(launch_of(1, 65536, 256, 1, 1024), INVALID, "a grid of 1 x 65536 x 1");
  REFUSED(launch_of(1, 1, 0, 1, 1024), INVALID, "blocks of 0 x 1 x 1 threads");
  REFUSED(launch_of(1, 1, 1025, 1, 1024), INVALID, "blocks of 1025 x 1 x 1 threads");
  REFUSED(launch_of(1, 1, 16, 16, 1024), CUDA_ERROR_NOT_SUPPORTED, "one axis");
  REFUSED(launch_of(1, 1, 256, 1, 49153), INVALID, "49153 bytes of shared memory; the kernel may have 49152");
  REFUSED(cuFuncSetAttribute(f_sum, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, 232449), INVALID,
          "at most 232448");
  REFUSED(cuFuncSetAttribute(f_sum, CU_FUNC_ATTRIBUTE_NUM_REGS, 1), INVALID, "cannot be set");
  REFUSED(cuLaunchKernel(f_sum, 1, 1, 1, 256, 1, 1, 0, s1, NULL, NULL), INVALID, "k_sum: no argument 0");
  REFUSED(cuLaunchKernel(f_sum, 1, 1, 1, 256, 1, 1, 0, s1, (void *[]){&z, NULL}, NULL), INVALID, "no argument 1");
  REFUSED(cuLaunchKernel(f_sum, 1, 1, 1, 256, 1, 1, 0, s1, (void *[]){&z, &x}, (void *[]){NULL}),
          CUDA_ERROR_NOT_SUPPORTED, "`extra`");
  REFUSED(cuLaunchKernelEx(&config, f_sum, (void *[]){&z, &x}, NULL), CUDA_ERROR_NOT_SUPPORTED, "attributes");
}

static void graphs(void) {
  CUgraph g, h;
  CUgraphNode a, b;
  CUgraphExec exec;
  CUDA_MEMSET_NODE_PARAMS set = {.dst = x, .elementSize = 3, .width = 1, .height = 1};
  CUDA_MEMCPY3D copy = {.srcMemoryType = CU_MEMORYTYPE_DEVICE, .srcDevice = x, .dstMemoryType = CU_MEMORYTYPE_DEVICE};
  CUDA_KERNEL_NODE_PARAMS launch = {.func = f_sum, .gridDimX = 1, .gridDimY = 1, .gridDimZ = 1, .blockDimX = 2000};
  OK(cuGraphCreate(&g, 0));
  OK(cuGraphCreate(&h, 0));
  OK(cuGraphAddEmptyNode(&a, g, NULL, 0));
  REFUSED(cuGraphAddEmptyNode(&b, h, &a, 1), INVALID, "an edge from a node of another graph");
  REFUSED(cuGraphAddMemsetNode(&b, g, &a, 1, &set, context), INVALID, "elements of 3 bytes");
  set.elementSize = 4, set.width = N + 1;
  REFUSED(cuGraphAddMemsetNode(&b, g, &a, 1, &set, context), INVALID, "4100 bytes at offset 0 of 4096");
  set.width = 1;
  REFUSED(cuGraphAddMemsetNode(&b, g, &a, 1, &set, NULL), CUDA_ERROR_INVALID_CONTEXT, "context");
  REFUSED(cuGraphAddMemcpyNode(&b, g, &a, 1, &copy, context), INVALID, "a copy of 0 bytes");
  copy.WidthInBytes = 8, copy.Height = 1, copy.Depth = 2;
  REFUSED(cuGraphAddMemcpyNode(&b, g, &a, 1, &copy, context), CUDA_ERROR_NOT_SUPPORTED, "two axes");
  copy.Depth = 1;
  REFUSED(cuGraphAddMemcpyNode(&b, g, &a, 1, &copy, context), INVALID, "the destination (nil) is not memory");
  copy.dstDevice = y, copy.srcXInBytes = N * 4;
  REFUSED(cuGraphAddMemcpyNode(&b, g, &a, 1, &copy, context), INVALID, "the source");
  copy.srcMemoryType = CU_MEMORYTYPE_ARRAY;
  REFUSED(cuGraphAddMemcpyNode(&b, g, &a, 1, &copy, context), CUDA_ERROR_NOT_SUPPORTED, "an array");
  launch.blockDimY = launch.blockDimZ = 1, launch.kernelParams = (void *[]){&z, &x};
  REFUSED(cuGraphAddKernelNode_v2(&b, g, &a, 1, &launch), INVALID, "blocks of 2000 x 1 x 1 threads");
  REFUSED(cuGraphInstantiateWithFlags(&exec, g, 8), CUDA_ERROR_NOT_SUPPORTED, "flags");
  OK(cuGraphInstantiateWithFlags(&exec, g, 0));
  OK(cuGraphDestroy(g));
  OK(cuGraphDestroy(h));
  REFUSED(cuGraphAddEmptyNode(&b, g, NULL, 0), HANDLE, "the handle of a graph that was destroyed");
  OK(cuGraphExecDestroy(exec));
  REFUSED(cuGraphLaunch(exec, s1), HANDLE, "the handle of an executable graph that was destroyed");
}

static void tensors(void) {
  _Alignas(128) CUtensorMap map;
  cuuint64_t size[2] = {64, 8}, stride[1] = {120};
  cuuint32_t box[2] = {64, 8}, step[2] = {1, 1};
#define ENCODE(type, rank, p, swizzle) \
  cuTensorMapEncodeTiled(&map, type, rank, p, size, stride, box, step, 0, swizzle, 0, 0)
  void *p = (void *)(uintptr_t)x;
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, p, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_ERROR_NOT_SUPPORTED, "16 bits");
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, p, CU_TENSOR_MAP_SWIZZLE_128B), CUDA_ERROR_NOT_SUPPORTED, "axes");
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, p, CU_TENSOR_MAP_SWIZZLE_NONE), CUDA_ERROR_NOT_SUPPORTED, "rows");
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, (char *)p + 2, CU_TENSOR_MAP_SWIZZLE_128B), INVALID,
          "not aligned");
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, p, CU_TENSOR_MAP_SWIZZLE_128B), INVALID, "stride 0 is 120");
  stride[0] = 128, box[1] = 257;
  REFUSED(ENCODE(CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 2, p, CU_TENSOR_MAP_SWIZZLE_128B), INVALID,
          "axis 1: size 8, box 257");
}

static void contexts(void) {
  CUcontext other;
  CUstream stream;
  CUdeviceptr p;
  float v = 0;
  OK(cuDevicePrimaryCtxRetain(&other, 1));
  OK(cuCtxSetCurrent(other));
  OK(cuStreamCreate(&stream, 0));
  OK(cuMemAlloc_v2(&p, 4));
  REFUSED(cuStreamSynchronize(s1), HANDLE, "a stream of another context");
  REFUSED(cuEventRecord(event, NULL), HANDLE, "an event of another context");
  REFUSED(line(p, p, 1, 1, stream), HANDLE, "a function of another context");
  REFUSED(cuModuleUnload(module), HANDLE, "a module of another context");
  REFUSED(cuMemcpyHtoD_v2(x, &v, 4), INVALID, "memory of device 0");
  OK(cuMemFree_v2(p));
  OK(cuStreamDestroy_v2(stream));
  OK(cuDevicePrimaryCtxRelease_v2(1));
  REFUSED(cuStreamSynchronize(NULL), CUDA_ERROR_INVALID_CONTEXT, "no context");
  REFUSED(cuCtxSetCurrent(other), CUDA_ERROR_INVALID_CONTEXT, "the handle of a context that was destroyed");
  OK(cuCtxSetCurrent(context));
}

/* Work that fails: the context has its error from then on. */
static void failed_work(void) {
  CUmodule wrong;
  CUfunction f;
  OK(cuModuleLoadData(&wrong, &wrong_image));
  OK(cuModuleGetFunction(&f, wrong, "k_sum"));
  put(x, 0);
  begin_message();
  OK(cuLaunchKernel(f, 1, 1, 1, 256, 1, 1, 1024, s1, (void *[]){&z, &x}, NULL));
  CHECK(cuStreamSynchronize(s1) == CUDA_ERROR_LAUNCH_FAILED);
  CHECK(strstr(end_message(), "k_sum: threads of a kernel that was said not to wait do so") != NULL);
  CHECK(cuStreamSynchronize(s2) == CUDA_ERROR_LAUNCH_FAILED && cuMemFree_v2(x) == CUDA_ERROR_LAUNCH_FAILED);
}

int main(void) {
  if (!freopen("misuse.log", "w+", stderr)) return 2;
  before_start();
  start();
  memory();
  handles();
  launches();
  graphs();
  tensors();
  contexts();
  failed_work();
  return counts();
}
