/* SPDX-License-Identifier: Apache-2.0 */
/* Live ranges of a graph's arena values per step of the schedule, as memory placed them: for reports and messages. */
#ifndef GRADC_LIVENESS_H
#define GRADC_LIVENESS_H
#include "passes/analysis/group.h"

typedef struct LiveRange {
  Id node; /* the value; for scratch, the scan */
  int64_t bytes, offset;
  int start, end;     /* first and last step, inclusive; ends before a value that reuses its buffer in place starts */
  bool forward, kept; /* computed by a forward kernel; and loaded by a backward one */
  bool scratch;
} LiveRange;

typedef struct Liveness {
  Graph *g;
  const Groups *gs;
  const bool *forward; /* per node: the loss depends on it (without a loss, any result does) */
  LiveRange *v;
  int n;         /* by start */
  int64_t peak;  /* peak of bytes alive with alignment: a lower bound of the arena */
  int peak_step; /* the first step that reaches it */
  int64_t kept;  /* peak of bytes kept for the backward pass */
} Liveness;

/* Needs offsets (memory). */
Liveness *liveness_make(Graph *g);

/* The *n ranges alive at the peak, largest first. */
const LiveRange *live_at_peak(const Liveness *l, int *n);

/* The graph with the largest arena, among those that run in the model: tests run in the interpreter only, and a body's
 * arena is part of its scans' scratch. NULL: none. */
Graph *largest_plan(const Module *m);
#endif
