/* SPDX-License-Identifier: Apache-2.0 */
/* The images of a program's kernels, for the GPUs that it is built for, as C text: gc_images of its GcDevice. */
#ifndef GRADC_CUDA_IMAGES_H
#define GRADC_CUDA_IMAGES_H
#include "codegen/jit/cuda_compile.h"

typedef struct CudaImages {
  const char *gpus;           /* "sm_80,sm_90a"; "": none, of a program that will only report that there is no GPU */
  CudaCompileOptions compile; /* its `arch` is ignored */
} CudaImages;

/* options: a CudaImages. False: reported. */
bool cuda_images(Ctx *c, const Artifacts *a, const void *options, Str *text);
#endif
