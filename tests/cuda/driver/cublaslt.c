/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the values and sizes of cublaslt.h; with -DCUDA those of cublasLt.h. VALUES: a file of V(NAME) for each
 * constant. With an argument, a library of cuBLASLt: it takes the descriptors, layouts and preferences that the runtime
 * makes, of which none needs a GPU. */
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#ifdef CUDA
#include <cublasLt.h>
#define ALGORITHM cublasLtMatmulAlgo_t
#define HEURISTIC cublasLtMatmulHeuristicResult_t
#else
#include "codegen/cuda/host/cublaslt.h"
#define ALGORITHM LtAlgorithm
#define HEURISTIC LtHeuristic
#endif

#define V(name) printf("%s %d\n", #name, (int)name);
static void print_values(void) {
#include VALUES
  printf("%zu %zu %zu %zu\n", sizeof(ALGORITHM), sizeof(HEURISTIC), offsetof(HEURISTIC, workspaceSize),
         offsetof(HEURISTIC, state));
}

#ifndef CUDA
static void *library;
static int failed;
static void expect(const char *name, int status) {
  if (status) printf("%s: status %d\n", name, status), failed = 1;
}
#define P(name) ((__typeof__(&name))dlsym(library, #name))
#define SET(name, x, attribute, type, value) expect(#attribute, P(name)(x, attribute, &(type){value}, sizeof(type)))

static void make(void) {
  void *desc, *layout, *preference;
  expect("desc", P(cublasLtMatmulDescCreate)(&desc, CUBLAS_COMPUTE_32F, CUDA_R_32F));
  SET(cublasLtMatmulDescSetAttribute, desc, CUBLASLT_MATMUL_DESC_TRANSA, int32_t, 1);
  SET(cublasLtMatmulDescSetAttribute, desc, CUBLASLT_MATMUL_DESC_TRANSB, int32_t, 1);
  expect("desc", P(cublasLtMatmulDescDestroy)(desc));
  expect("layout", P(cublasLtMatrixLayoutCreate)(&layout, CUDA_R_16BF, 33, 57, 40));
  SET(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT, int32_t, 5);
  SET(cublasLtMatrixLayoutSetAttribute, layout, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET, int64_t, 2280);
  expect("layout", P(cublasLtMatrixLayoutDestroy)(layout));
  expect("preference", P(cublasLtMatmulPreferenceCreate)(&preference));
  SET(cublasLtMatmulPreferenceSetAttribute, preference, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, uint64_t, 1 << 25);
  SET(cublasLtMatmulPreferenceSetAttribute, preference, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, uint32_t, 2);
  for (int i = 0; i < 4; i++)
    SET(cublasLtMatmulPreferenceSetAttribute, preference, CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES + i, uint32_t, 16);
  expect("preference", P(cublasLtMatmulPreferenceDestroy)(preference));
}
#endif

int main(int argc, char **argv) {
#ifndef CUDA
  if (argc > 1) {
    library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (!library) return puts(dlerror()), 1;
    make();
    return failed;
  }
#endif
  (void)argc, (void)argv;
  return print_values(), 0;
}
