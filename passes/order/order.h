/* SPDX-License-Identifier: Apache-2.0 */
/* The internals of order. */
#ifndef GRADC_ORDER_H
#define GRADC_ORDER_H
#include "passes/algo/heap.h"
#include "passes/analysis/sched.h"

/* Adds `copy` nodes, each a kernel of its own, where a new value cannot be written over the old one. True: the groups
 * must be made again. */
bool order_break_cycles(Graph *g, const Groups *gs);

/* Improves a valid schedule by local search within a fixed budget of trials, so that its peak falls. Returns the peak
 * of bytes alive. */
int64_t order_local_search(Sched *s, int *seq);
#endif
