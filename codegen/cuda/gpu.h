/* SPDX-License-Identifier: Apache-2.0 */
/* Peaks of GPUs, to predict times. Of what is generated only Options.sm depends on them. */
#ifndef GRADC_CUDA_GPU_H
#define GRADC_CUDA_GPU_H
#include "codegen/launch_cost.h"

typedef struct Gpu {
  const char *name;
  int sm;                   /* Options.sm of kernels for it */
  double flops[UNIT_COUNT]; /* a second, dense: f32, tf32, bf16 and f16 with f32 sums */
  double bytes;             /* of memory, a second */
  int multiprocessors;
  double l2_bytes;
} Gpu;

const Gpu *gpu_find(const char *name); /* NULL: not known */
bool gpu_known(const char *name);
int gpu_sm(const char *name);
const char *gpu_list(Ctx *c); /* all names, for a message */
void gpu_rows(Str *o);        /* rows of GcDevice.gpu */
double gpu_seconds(const char *name, const LaunchCost *l, bool *compute);
#endif
