/* SPDX-License-Identifier: Apache-2.0 */
/* Devices and their primary contexts. A device has the limits of an H100, but for its memory and multiprocessors. */
#include "codegen/cuda/host/driver_state.h"
#include <stdlib.h>

static Context *primary[MAX_DEVICES];
static _Thread_local CUcontext current;

static CUresult check_device(CUdevice device) {
  if (!driver_ready) return call_refuse(CUDA_ERROR_NOT_INITIALIZED, "cuInit has not been called");
  if (device >= 0 && device < driver_mode.devices) return CUDA_SUCCESS;
  return call_refuse(CUDA_ERROR_INVALID_DEVICE, "there is no device %d", device);
}

static CUresult device_get_count(int *count) {
  TRY(check_device(0));
  *count = driver_mode.devices;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetCount(int *count) { return CALL_FREE(device_get_count(count)); }
static CUresult device_get(CUdevice *device, int ordinal) {
  TRY(check_device(ordinal));
  *device = ordinal;
  return CUDA_SUCCESS;
}
CUresult cuDeviceGet(CUdevice *device, int ordinal) { return CALL_FREE(device_get(device, ordinal)); }
static CUresult device_get_name(char *name, int length, CUdevice device) {
  TRY(check_device(device));
  const char *given = getenv("GC_DRIVER_NAME");
  snprintf(name, (size_t)length, "%s", given ? given : "CPU, as a CUDA device");
  return CUDA_SUCCESS;
}
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  return CALL_FREE(device_get_name(name, length, device));
}
static CUresult device_total_mem(size_t *bytes, CUdevice device) {
  TRY(check_device(device));
  *bytes = driver_mode.bytes;
  return CUDA_SUCCESS;
}
CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) { return CALL_FREE(device_total_mem(bytes, device)); }

static const struct {
  CUdevice_attribute attribute;
  int value;
} ATTRIBUTE[] = {
  {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
  {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
  {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 0x7fffffff},
  {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
  {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
  {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, DYNAMIC_SHARED},
  {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
  {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
  {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
  {CU_DEVICE_ATTRIBUTE_INTEGRATED, 0},
  {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
  {CU_DEVICE_ATTRIBUTE_ECC_ENABLED, 0},
  {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
  {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 128},
  {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 50 << 20},
  {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
  {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 1},
  {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
  {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, 9},
  {CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR, 0},
  {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR, 228 << 10},
  {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
  {CU_DEVICE_ATTRIBUTE_MANAGED_MEMORY, 0},
  {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, SHARED_OPTIN},
  {CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED, 1},
};
static CUresult device_get_attribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  TRY(check_device(device));
  if (attribute == CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT) {
    *value = gc_host.workers;
    return CUDA_SUCCESS;
  }
  for (size_t i = 0; i < sizeof ATTRIBUTE / sizeof *ATTRIBUTE; i++) {
    if (ATTRIBUTE[i].attribute != attribute) continue;
    *value = ATTRIBUTE[i].value;
    return CUDA_SUCCESS;
  }
  return call_refuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not known here", (int)attribute);
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  return CALL_FREE(device_get_attribute(value, attribute, device));
}

/* ---- contexts ---- */

Context *context_current(void) { return current ? handle_find(H_CONTEXT, current) : NULL; }

static CUresult device_primary_ctx_retain(CUcontext *context, CUdevice device) {
  TRY(check_device(device));
  Context **c = &primary[device];
  if (!*c) {
    *c = calloc(1, sizeof **c);
    (*c)->device = device;
    (*c)->null = (Stream){.context = *c, .blocking = true};
    (*c)->handle = handle_new(H_CONTEXT, *c);
  }
  (*c)->retained++;
  *context = (*c)->handle;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
  return CALL_FREE(device_primary_ctx_retain(context, device));
}

/* The last release ends all work, and what the context has: memory, streams, modules. */
static CUresult device_primary_ctx_release(CUdevice device) {
  TRY(check_device(device));
  Context *c = primary[device];
  if (!c) return call_refuse(CUDA_ERROR_INVALID_CONTEXT, "the context is not retained");
  if (--c->retained) return CUDA_SUCCESS;
  work_wait_all(c);
  handle_drop(c->handle); /* it stays in memory: what belonged to it is compared with later contexts */
  primary[device] = NULL;
  return CUDA_SUCCESS;
}
CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { return CALL_FREE(device_primary_ctx_release(device)); }

static CUresult ctx_set_current(CUcontext context) {
  if (context && !handle_get(H_CONTEXT, context)) return CUDA_ERROR_INVALID_CONTEXT;
  current = context;
  return CUDA_SUCCESS;
}
CUresult cuCtxSetCurrent(CUcontext context) { return CALL_FREE(ctx_set_current(context)); }
static CUresult ctx_get_current(CUcontext *context) {
  *context = context_current() ? current : NULL;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetCurrent(CUcontext *context) { return CALL_FREE(ctx_get_current(context)); }
static CUresult ctx_get_device(CUdevice *device) {
  *device = context_current()->device;
  return CUDA_SUCCESS;
}
CUresult cuCtxGetDevice(CUdevice *device) { return CALL(ctx_get_device(device)); }
CUresult cuCtxSynchronize(void) { return CALL(work_wait_all(context_current())); }
