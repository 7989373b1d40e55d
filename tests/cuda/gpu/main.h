/* SPDX-License-Identifier: Apache-2.0 */
/* For test programs in C that call an emitted model on a GPU: memory that host and device share. */
#include <cuda_runtime_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *gc_host_alloc(size_t n) {
  void *p = NULL;
  cudaError_t e = cudaMallocManaged(&p, n ? n : 1, cudaMemAttachGlobal);
  if (e == cudaSuccess) return memset(p, 0xff, n);
  fprintf(stderr, "%s\n", cudaGetErrorString(e));
  exit(1);
}
static inline void gc_host_wrote(const void *p, size_t n) { (void)p, (void)n; }
/* The error of a call, or of what it has launched. */
static inline int gc_wait(cudaError_t e) {
  if (e == cudaSuccess) e = cudaDeviceSynchronize();
  if (e != cudaSuccess && e != cudaErrorInvalidValue) {
    fprintf(stderr, "%s\n", cudaGetErrorString(e));
    exit(1);
  }
  return (int)e;
}
