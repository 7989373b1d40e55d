/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels cost, for reports and profiles of every target. */
#ifndef GRADC_KERNEL_COST_H
#define GRADC_KERNEL_COST_H
#include "codegen/schedule.h"
#include "passes/analysis/cost_model.h"

/* One execution of a kernel, with run-time sizes at their bounds. The last three are of one core. */
typedef struct KernelCost {
  double flops;           /* as in cost_model.h */
  double bytes;           /* of the elements that it loads and stores, each once */
  double compute, memory; /* seconds at the machine's peaks; the roofline is the larger */
  double seconds;         /* predicted */
} KernelCost;

double kernel_flops(const Kernel *k);
/* Bytes that a nest loads (write: stores) of a buffer. */
double nest_buffer_bytes(const Kernel *k, const NestSchedule *s, int buf, bool write);
KernelCost kernel_cost(const Kernel *k, const KernelSchedule *s, const Rates *r);
const char *kernel_ops(Ctx *c, const Kernel *k);                   /* "row: reduce_max, sub, exp, sum, div" */
const char *kernel_form(const Kernel *k, const KernelSchedule *s); /* gemm, vector or scalar */

/* A kernel of a step. */
typedef struct StepCost {
  const Kernel *kernel;
  const char *form;
  const char *gemm; /* its gemm_key; NULL: it is none */
  double times;     /* it is executed in a step: more than 1 in scans and by `accumulate` */
  KernelCost cost;
} StepCost;

typedef struct StepCosts { /* of the training step; of the first export if the model does not train */
  StepCost *v;
  int n, cap;
  double seconds;
} StepCosts;

StepCosts step_costs(Module *m, const ScheduleOptions *o, const Rates *r);
#endif
