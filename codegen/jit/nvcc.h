/* SPDX-License-Identifier: Apache-2.0 */
/* nvcc, NVIDIA's compiler as a program. */
#ifndef GRADC_NVCC_H
#define GRADC_NVCC_H
#include "codegen/jit/backend.h"
#include "ir/ctx.h"

/* Its path: in $PATH, $CUDA_HOME/bin or /usr/local/cuda/bin. NULL: none. */
const char *nvcc_find(Ctx *c);
#endif
