/* SPDX-License-Identifier: Apache-2.0 */
/* What every call of the driver goes through, and the table of functions. */
#define _GNU_SOURCE
#include "codegen/cuda/host/cublaslt.h"
#include "codegen/cuda/host/driver_state.h"
#include "codegen/cuda/host/host.h"
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

Modes driver_mode;
bool driver_ready;
static pthread_mutex_t lock;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const char *function_name = "";
static uint64_t calls, fail_at;
static CUresult fail_code = CUDA_ERROR_UNKNOWN;
static FILE *log_file;
static char note[256];

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool is_set(const char *name) {
  const char *s = getenv(name);
  return s && *s && strcmp(s, "0") != 0;
}
static long number(const char *name, long otherwise) {
  const char *s = getenv(name);
  return s && *s ? strtol(s, NULL, 10) : otherwise;
}

static int processors(void) {
  cpu_set_t set;
  int n = sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
  return (int)number("GC_HOST_WORKERS", n < 64 ? n : 64);
}

/* What is left at exit is printed, and makes it fail. */
static void report_leaks(void) {
  int n = 0;
  handle_leaks(stderr, &n);
  memory_leaks(stderr, &n);
  if (n) _exit(99);
}

/* At exit; the name of a file, or 1. */
static void report_kernels(void) {
  const char *path = getenv("GC_DRIVER_REPORT");
  FILE *f = path && strcmp(path, "1") != 0 ? fopen(path, "w") : stderr;
  if (!f) return;
  gc_host_driver_report(f);
  if (f != stderr) fclose(f);
}

static void read_environment(void) {
  const char *order = getenv("GC_ORDER"), *fail = getenv("GC_DRIVER_FAIL"), *path = getenv("GC_DRIVER_LOG");
  pthread_mutexattr_t recursive;
  pthread_mutexattr_init(&recursive);
  pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
  pthread_mutex_init(&lock, &recursive);
  driver_mode =
    (Modes){is_set("GC_DRIVER_LAZY"), getenv("GC_HOOKS") ? is_set("GC_HOOKS") : hooked, is_set("GC_DRIVER_LEAKS"),
            (int)number("GC_DRIVER_DEVICES", 1), (size_t)number("GC_DRIVER_BYTES", 0)};
  if (driver_mode.devices > MAX_DEVICES) driver_mode.devices = MAX_DEVICES;
  if (!driver_mode.bytes) driver_mode.bytes = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE);
  gc_host.order = !order || *order != 'f' ? GC_ORDER_RISING : GC_ORDER_FALLING;
  if (order && *order == 'r' && order[1] == 'a') gc_host.order = GC_ORDER_RANDOM;
  gc_host.seed = (uint32_t)number("GC_SEED", 1);
  gc_host.workers = processors();
  gc_host.no_checks = !driver_mode.hooks;
  hooked |= driver_mode.hooks;
  if (fail) fail_at = strtoull(fail, NULL, 10);
  if (fail && strchr(fail, ':')) fail_code = (CUresult)atoi(strchr(fail, ':') + 1);
  if (path) log_file = fopen(path, "a");
  if (log_file) setvbuf(log_file, NULL, _IOLBF, 0);
  if (driver_mode.leaks) atexit(report_leaks);
  if (driver_mode.hooks || is_set("GC_DRIVER_REPORT")) atexit(report_kernels);
}

/* 0: the call may go on. */
static CUresult check_call(bool in_context) {
  calls++;
  if (calls == fail_at) return call_refuse(fail_code, "fails, as GC_DRIVER_FAIL asks for");
  if (!in_context) return CUDA_SUCCESS;
  if (!driver_ready) return call_refuse(CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
  const Context *context = context_current();
  if (!context) return call_refuse(CUDA_ERROR_INVALID_CONTEXT, "this thread has no context");
  return context->error;
}
CUresult call_begin(const char *function, bool in_context) {
  pthread_once(&once, read_environment);
  pthread_mutex_lock(&lock);
  function_name = function;
  note[0] = 0;
  CUresult error = check_call(in_context);
  if (!error) work_drift();
  return error;
}
CUresult call_end(CUresult result) {
  if (log_file) fprintf(log_file, "%llu %s%s = %d\n", (unsigned long long)calls, function_name, note, (int)result);
  pthread_mutex_unlock(&lock);
  return result;
}
void call_note(const char *format, ...) {
  va_list list;
  size_t n = strlen(note);
  if (!log_file) return;
  va_start(list, format);
  vsnprintf(note + n, sizeof note - n, format, list);
  va_end(list);
}
const char *call_name(void) { return function_name; }

CUresult call_refuse(CUresult error, const char *format, ...) {
  va_list list;
  fprintf(stderr, "%s: ", function_name);
  va_start(list, format);
  vfprintf(stderr, format, list);
  va_end(list);
  fputc('\n', stderr);
  return error;
}

/* ---- functions by their names ---- */

typedef void AnyFunction(void);
static const struct {
  const char *name;
  AnyFunction *function;
} FUNCTION[] = {
#define F(name) \
  { #name, (AnyFunction *)(name) }
  F(cuInit),
  F(cuDriverGetVersion),
  F(cuGetProcAddress_v2),
  F(cuGetErrorName),
  F(cuGetErrorString),
  F(cuDeviceGetCount),
  F(cuDeviceGet),
  F(cuDeviceGetName),
  F(cuDeviceGetAttribute),
  F(cuDeviceTotalMem_v2),
  F(cuDevicePrimaryCtxRetain),
  F(cuDevicePrimaryCtxRelease_v2),
  F(cuCtxSetCurrent),
  F(cuCtxGetCurrent),
  F(cuCtxGetDevice),
  F(cuCtxSynchronize),
  F(cuMemGetInfo_v2),
  F(cuMemAlloc_v2),
  F(cuMemFree_v2),
  F(cuMemHostAlloc),
  F(cuMemFreeHost),
  F(cuPointerGetAttribute),
  F(cuMemcpyHtoD_v2),
  F(cuMemcpyDtoH_v2),
  F(cuMemcpyDtoD_v2),
  F(cuMemcpyHtoDAsync_v2),
  F(cuMemcpyDtoHAsync_v2),
  F(cuMemcpyDtoDAsync_v2),
  F(cuMemsetD8_v2),
  F(cuMemsetD32_v2),
  F(cuMemsetD8Async),
  F(cuMemsetD32Async),
  F(cuStreamCreate),
  F(cuStreamDestroy_v2),
  F(cuStreamSynchronize),
  F(cuStreamQuery),
  F(cuStreamWaitEvent),
  F(cuEventCreate),
  F(cuEventDestroy_v2),
  F(cuEventRecord),
  F(cuEventSynchronize),
  F(cuEventQuery),
  F(cuEventElapsedTime),
  F(cuModuleLoadData),
  F(cuModuleLoadDataEx),
  F(cuModuleUnload),
  F(cuModuleGetFunction),
  F(cuFuncSetAttribute),
  F(cuFuncGetAttribute),
  F(cuLaunchKernel),
  F(cuLaunchKernelEx),
  F(cuGraphCreate),
  F(cuGraphDestroy),
  F(cuGraphAddKernelNode_v2),
  F(cuGraphAddMemcpyNode),
  F(cuGraphAddMemsetNode),
  F(cuGraphAddEmptyNode),
  F(cuGraphInstantiateWithFlags),
  F(cuGraphLaunch),
  F(cuGraphExecDestroy),
  F(cuTensorMapEncodeTiled),
  F(cublasLtGetStatusName),
  F(cublasLtGetVersion),
  F(cublasLtCreate),
  F(cublasLtDestroy),
  F(cublasLtMatmulDescCreate),
  F(cublasLtMatmulDescSetAttribute),
  F(cublasLtMatmulDescDestroy),
  F(cublasLtMatrixLayoutCreate),
  F(cublasLtMatrixLayoutSetAttribute),
  F(cublasLtMatrixLayoutDestroy),
  F(cublasLtMatmulPreferenceCreate),
  F(cublasLtMatmulPreferenceSetAttribute),
  F(cublasLtMatmulPreferenceDestroy),
  F(cublasLtMatmulAlgoGetHeuristic),
  F(cublasLtMatmul),
#undef F
};

void *gc_host_driver(const char *function) {
  static const char *const suffix[] = {"", "_v2", "WithFlags"};
  for (size_t s = 0; s < sizeof suffix / sizeof *suffix; s++)
    for (size_t i = 0; i < sizeof FUNCTION / sizeof *FUNCTION; i++) {
      size_t n = strlen(function);
      const char *name = FUNCTION[i].name;
      if (!strncmp(name, function, n) && !strcmp(name + n, suffix[s])) return (void *)FUNCTION[i].function;
    }
  return NULL;
}

static CUresult init(unsigned flags) {
  if (flags) return call_refuse(CUDA_ERROR_INVALID_VALUE, "flags must be 0");
  if (!driver_mode.devices) return CUDA_ERROR_NO_DEVICE;
  driver_ready = true;
  return CUDA_SUCCESS;
}
CUresult cuInit(unsigned flags) { return CALL_FREE(init(flags)); }
static CUresult driver_get_version(int *version) {
  *version = 12040;
  return CUDA_SUCCESS;
}
CUresult cuDriverGetVersion(int *version) { return CALL_FREE(driver_get_version(version)); }
static CUresult get_proc_address(const char *symbol, void **function, int version, cuuint64_t flags,
                                 CUdriverProcAddressQueryResult *status) {
  (void)version, (void)flags;
  *function = gc_host_driver(symbol);
  if (status) *status = *function ? CU_GET_PROC_ADDRESS_SUCCESS : CU_GET_PROC_ADDRESS_SYMBOL_NOT_FOUND;
  return *function ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}
CUresult cuGetProcAddress_v2(const char *symbol, void **function, int version, cuuint64_t flags,
                             CUdriverProcAddressQueryResult *status) {
  return CALL_FREE(get_proc_address(symbol, function, version, flags, status));
}

static const struct {
  CUresult error;
  const char *name, *text;
} ERROR[] = {
#define E(name, text) \
  { name, #name, text }
  E(CUDA_SUCCESS, "no error"),
  E(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
  E(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
  E(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
  E(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
  E(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
  E(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
  E(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
  E(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
  E(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
  E(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
  E(CUDA_ERROR_NOT_READY, "device not ready"),
  E(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
  E(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
  E(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
  E(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
  E(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
  E(CUDA_ERROR_UNKNOWN, "unknown error"),
#undef E
};
static CUresult error_text(CUresult error, const char **text, bool name) {
  *text = NULL;
  for (size_t i = 0; i < sizeof ERROR / sizeof *ERROR; i++)
    if (ERROR[i].error == error) *text = name ? ERROR[i].name : ERROR[i].text;
  return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}
CUresult cuGetErrorName(CUresult error, const char **text) { return error_text(error, text, true); }
CUresult cuGetErrorString(CUresult error, const char **text) { return error_text(error, text, false); }
