/* SPDX-License-Identifier: Apache-2.0 */
/* The host form's CUDA driver: the part of the driver API that a runtime needs, over a CPU. docs/cuda_host.md describes
 * its modes and checks. build/libgradc_cuda_driver.so is the same with the functions of the API as its symbols. */
#ifndef GC_HOST_DRIVER_H
#define GC_HOST_DRIVER_H
#include <stdio.h>

/* The function of the driver API with this symbol ("cuMemAlloc_v2") or name ("cuMemAlloc": its newest form); NULL: it
 * is not there. Its signature is that of cuda.h, for CUDA 12. */
void *gc_host_driver(const char *function);

/* What cuModuleLoadData takes instead of a cubin: a table of kernels, which must outlive the module. */
typedef struct GcHostKernel {
  const char *name;
  void (*run)(void *const *args); /* calls the kernel for one thread; args as of cuLaunchKernel's kernelParams */
  const unsigned short *param;    /* sizeof of each parameter, then 0: a launch copies them */
  int waits;                      /* 0: its threads never wait for each other (no barriers, warp or matrix operations,
                                   * asynchronous copies), so that they can run one after another as plain calls */
  const char *source;             /* for reports: "mlp.nn:12: loop: add, max", or NULL */
} GcHostKernel;
#define GC_HOST_MODULE_MAGIC "gchost1"
typedef struct GcHostModule {
  char magic[8]; /* GC_HOST_MODULE_MAGIC */
  int n;
  const GcHostKernel *kernel;
} GcHostModule;

/* A line for each kernel that was launched: launches and time; with the hooks sectors of global memory and wavefronts
 * of shared memory beside the least possible. */
void gc_host_driver_report(FILE *out);
#endif
