/* SPDX-License-Identifier: Apache-2.0 */
/* What of cuBLASLt the host form's driver has: products in f32 of f32, f16 or bf16 operands, in the order of a stream.
 * The values and signatures are those of cublasLt.h. */
#ifndef GC_HOST_CUBLASLT_H
#define GC_HOST_CUBLASLT_H
#include <stddef.h>
#include <stdint.h>

enum { /* cublasStatus_t */
       CUBLAS_STATUS_SUCCESS = 0,
       CUBLAS_STATUS_NOT_INITIALIZED = 1,
       CUBLAS_STATUS_INVALID_VALUE = 7,
       CUBLAS_STATUS_NOT_SUPPORTED = 15
};
enum { CUDA_R_32F = 0, CUDA_R_16F = 2, CUDA_R_16BF = 14, CUBLAS_COMPUTE_32F = 68, CUBLAS_COMPUTE_32F_FAST_TF32 = 77 };
enum { CUBLASLT_MATMUL_DESC_TRANSA = 3, CUBLASLT_MATMUL_DESC_TRANSB = 4 };
enum { CUBLASLT_MATRIX_LAYOUT_BATCH_COUNT = 5, CUBLASLT_MATRIX_LAYOUT_STRIDED_BATCH_OFFSET = 6 };
enum {
  CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES = 1,
  CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK = 3,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_A_BYTES = 5,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_B_BYTES = 6,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_C_BYTES = 7,
  CUBLASLT_MATMUL_PREF_MIN_ALIGNMENT_D_BYTES = 8
};
enum { CUBLASLT_REDUCTION_SCHEME_COMPUTE_TYPE = 2 };

typedef struct LtAlgorithm { /* cublasLtMatmulAlgo_t */
  uint64_t data[8];
} LtAlgorithm;
typedef struct LtHeuristic { /* cublasLtMatmulHeuristicResult_t */
  LtAlgorithm algo;
  size_t workspaceSize;
  int state;
  float wavesCount;
  int reserved[4];
} LtHeuristic;

#pragma GCC visibility push(default)
const char *cublasLtGetStatusName(int status);
size_t cublasLtGetVersion(void);
int cublasLtCreate(void **handle);
int cublasLtDestroy(void *handle);
int cublasLtMatmulDescCreate(void **desc, int compute, int scale);
int cublasLtMatmulDescSetAttribute(void *desc, int attribute, const void *value, size_t n);
int cublasLtMatmulDescDestroy(void *desc);
int cublasLtMatrixLayoutCreate(void **layout, int type, uint64_t rows, uint64_t cols, int64_t ld);
int cublasLtMatrixLayoutSetAttribute(void *layout, int attribute, const void *value, size_t n);
int cublasLtMatrixLayoutDestroy(void *layout);
int cublasLtMatmulPreferenceCreate(void **preference);
int cublasLtMatmulPreferenceSetAttribute(void *preference, int attribute, const void *value, size_t n);
int cublasLtMatmulPreferenceDestroy(void *preference);
int cublasLtMatmulAlgoGetHeuristic(void *handle, void *desc, void *a, void *b, void *c, void *d, void *preference,
                                   int most, LtHeuristic *result, int *n);
int cublasLtMatmul(void *handle, void *desc, const void *alpha, const void *a, void *layout_a, const void *b,
                   void *layout_b, const void *beta, const void *c, void *layout_c, void *d, void *layout_d,
                   const LtAlgorithm *algorithm, void *workspace, size_t n, void *stream);
#pragma GCC visibility pop
#endif
