/* SPDX-License-Identifier: Apache-2.0 */
/* The memory budget, Options.ram: choice among plans, and the error when none fits. */
#ifndef GRADC_BUDGET_H
#define GRADC_BUDGET_H
#include "ir/ir.h"

/* A plan for the module: Module.total_bytes after layout, fuse, order and memory, and the time that it adds to a step,
 * in any unit. */
typedef struct Plan {
  int64_t bytes;
  double seconds;
} Plan;

/* While a plan is evaluated: those known before it, to which a plan that is neither smaller nor faster need not be
 * compared exactly, and the offsets assigned so far. */
typedef struct PlanTrial {
  int graph;
  const Plan *known;
  int n;
  struct OffsetMemo *memo;
} PlanTrial;
bool trial_is_dominated(const PlanTrial *t, Plan least); /* a known plan needs at most these bytes and seconds */

/* The fastest plan of at most `ram` bytes (0: no limit), the first of equals; if none fits, the smallest. So the
 * planned bytes of the choice show whether the budget is met, and if not, the smallest budget that works. */
int budget_choose(const Plan *v, int n, int64_t ram);

/* False: the planned module exceeds its budget, and that is reported with the largest tensors alive at the peak, the
 * largest weights, what would help, and the smallest budget that works. */
bool budget_met(Module *m);
#endif
