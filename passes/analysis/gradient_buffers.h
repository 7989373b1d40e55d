/* SPDX-License-Identifier: Apache-2.0 */
/* Weight gradients in a planned training graph: which of them are stored in the arena, and their peak. */
#ifndef GRADC_GRADIENT_BUFFERS_H
#define GRADC_GRADIENT_BUFFERS_H
#include "passes/analysis/liveness.h"

typedef struct GradientBuffers {
  const int *weight; /* per node: 1 + the weight (a var) on whose path from gradient to update it is; 0: none */
  int weights;       /* weights that the graph updates, or accumulates a gradient for */
  int unbuffered;    /* of them: the gradient is consumed by the kernel that computes it */
  int64_t bytes;     /* peak bytes of the buffered gradients and what is computed element-wise from them */
} GradientBuffers;

/* Needs offsets (memory). */
GradientBuffers gradient_buffers_find(const Liveness *l);
#endif
