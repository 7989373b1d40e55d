/* SPDX-License-Identifier: Apache-2.0 */
/* What the launches of a step cost on a GPU, for `report` and profiles. */
#ifndef GRADC_LAUNCH_COST_H
#define GRADC_LAUNCH_COST_H
#include "ir/ir.h"

/* What multiplies: the cores for f32, or tensor cores with operands of 32 or 16 bits. */
typedef enum GpuUnit { UNIT_F32, UNIT_TF32, UNIT_16, UNIT_COUNT } GpuUnit;

typedef struct LaunchCost {
  const char *kernel, *form; /* names; form "": one thread */
  Loc loc;
  double times;        /* it is launched in a step: more than 1 in scans and by `accumulate` */
  double flops, bytes; /* of one launch, with run-time sizes at their bounds. flops: as in cost_model.h */
  GpuUnit unit;
  int threads, shared_bytes; /* of a block */
} LaunchCost;

typedef struct LaunchCosts { /* of the training step; of the first export if the model does not train */
  LaunchCost *v;
  int n, cap;
  int64_t scratch_bytes; /* of all graphs, with what aligns it */
} LaunchCosts;
#endif
