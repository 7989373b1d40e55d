/* SPDX-License-Identifier: Apache-2.0 */
/* In the place of CUDA's header, for emitted .cu files that a C compiler reads as C: their kernels run over the host
 * form (codegen/cuda/device_host.h), one launch after another, in the order of blocks and threads that GC_ORDER
 * names. */
#ifndef TESTS_CUDA_RUNTIME_API_H
#define TESTS_CUDA_RUNTIME_API_H
#include "codegen/cuda/device_host.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1 } cudaError_t;
typedef struct CUstream_st *cudaStream_t;
enum { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost, cudaStreamNonBlocking = 1, cudaStreamCaptureModeRelaxed };
static inline cudaError_t cudaGetLastError(void) { return gc_host.errors ? (cudaError_t)999 : cudaSuccess; }

static inline cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t n, int kind, cudaStream_t stream) {
  return (void)kind, (void)stream, memcpy(to, from, n), cudaSuccess;
}

/* Appends the memory transactions of a launch to the file that GC_TRAFFIC names: function, kernel, sectors and the
 * minimum, wavefronts and the minimum. */
static inline void gc_test_traffic(const char *function, const char *name, const GcTraffic *before) {
  FILE *f = getenv("GC_TRAFFIC") ? fopen(getenv("GC_TRAFFIC"), "a") : NULL;
  const GcTraffic *t = &gc_host.traffic;
  if (!f) return;
  fprintf(f, "%s\t%s\t%llu\t%llu\t%llu\t%llu\n", function, name, t->sectors - before->sectors,
          t->sectors_min - before->sectors_min, t->wavefronts - before->wavefronts,
          t->wavefronts_min - before->wavefronts_min);
  fclose(f);
}

#define GC_TABLE static const
static inline void gc_test_launch(const char *function, const char *name, GcThunk *kernel, void *const *args,
                                  GcLaunchDims dims) {
  const GcTraffic before = gc_host.traffic;
  const char *order = getenv("GC_ORDER");
  gc_host.order = !order ? GC_ORDER_RISING : *order == 'f' ? GC_ORDER_FALLING : GC_ORDER_RANDOM;
  gc_host.late = !order || *order == 'r' ? 0 : GC_LATE_COPY | GC_LATE_MMA;
  gc_host.any_memory = 1;
  if (dims.grid[0] > 0 && dims.grid[1] > 0 && dims.grid[2] > 0) gc_host_launch(name, kernel, args, dims);
  gc_test_traffic(function, name, &before);
}
static inline GcTensorMap gc_map(cudaStream_t stream, const void *x, gc_i64 size0, gc_i64 size1, gc_i64 size2,
                                 gc_i64 stride1, gc_i64 stride2, int rows) {
  (void)stream;
  return (GcTensorMap){(char *)(uintptr_t)x, {size0, size1, size2}, {2 * stride1, 2 * stride2}, {64, rows, 1}};
}
/* A nested function of GNU C calls the kernel with the arguments of the launch. */
#define GC_LAUNCH(kernel, points, stream, ...) \
  GC_LAUNCH_GRID(kernel, ((points) + 255) / 256, 1, 1, 256, 0, stream, __VA_ARGS__)
#define GC_LAUNCH_GRID(kernel, gx, gy, gz, block, shared_bytes, stream, ...) \
  do { \
    (void)(stream); \
    auto void gc_thunk(void *const *); \
    void gc_thunk(void *const *args_) { \
      (void)args_; \
      kernel(__VA_ARGS__); \
    } \
    gc_test_launch(__func__, #kernel, gc_thunk, NULL, \
                   (GcLaunchDims){{(int)(gx), (int)(gy), (int)(gz)}, block, shared_bytes}); \
  } while (0)

#ifdef GC_TEST_GRAPHS
#include "tests/cuda/runtime/graph.h"
#else /* programs that make no graphs */
typedef struct CUgraph_st *cudaGraph_t;
typedef struct CUgraphExec_st *cudaGraphExec_t;
#define cudaStreamCreateWithFlags(s, flags) (*(s) = 0, cudaErrorInvalidValue)
#define cudaStreamBeginCapture(s, mode) cudaErrorInvalidValue
#define cudaStreamEndCapture(s, g) cudaErrorInvalidValue
#define cudaGraphInstantiateWithFlags(e, g, flags) cudaErrorInvalidValue
#define cudaGraphDestroy(g) ((void)(g))
#define cudaStreamDestroy(s) ((void)(s))
#endif
#endif
