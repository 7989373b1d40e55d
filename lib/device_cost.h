/* SPDX-License-Identifier: Apache-2.0 */
/* The cost of a model on a GPU: its memory, and the launches of a step. */
#ifndef GRADC_DEVICE_COST_H
#define GRADC_DEVICE_COST_H
#include "codegen/codegen.h"

typedef struct DeviceCost {
  Ctx *c;
  Module *m;
  const char *gpu;
  LaunchCosts step;
  int64_t weights, slots, all; /* bytes: weights, states and run header; slots of inputs and results; everything */
  double seconds, launches;    /* of a step */
} DeviceCost;

/* Of a planned module, on a GPU that target_cuda knows; false: reported. */
bool device_cost(Module *m, const char *gpu, DeviceCost *to);
/* The predicted time of a launch in all its executions; *limit: flop or bytes. */
double device_cost_seconds(const DeviceCost *k, const LaunchCost *l, const char **limit);
void device_cost_json(Str *s, const DeviceCost *k); /* a line for the model, then one for each launch */
#endif
