/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles the modules of a CUDA program to what a driver loads. */
#ifndef GRADC_CUDA_COMPILE_H
#define GRADC_CUDA_COMPILE_H
#include "codegen/codegen.h"
#include "codegen/jit/backend.h"

typedef struct CudaCompileOptions {
  const char *arch;  /* of the GPU: "sm_90a"; "compute_90": PTX for it and all later ones */
  bool strict;       /* products are not contracted into sums; that of Module.opt */
  const char *nvcc;  /* the program that compiles; NULL: NVRTC does */
  const char *cache; /* as in JitJob */
} CudaCompileOptions;

/* image: one for each module, malloced: code of the GPU (an ELF file), or PTX, which ends with a NUL, for one that the
 * compiler does not know. False: reported. */
bool cuda_compile(Ctx *c, const Artifacts *a, const CudaCompileOptions *o, JitBlob *image);
#endif
