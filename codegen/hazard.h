/* SPDX-License-Identifier: Apache-2.0 */
/* Data hazards between kernels, which barriers prevent.
 *
 * All threads run the same list of steps. A kernel with little work is run by thread 0 alone; the iterations of a loop
 * axis, or the tasks, of any other kernel are partitioned over threads. Two kernels conflict if one stores what the
 * other one accesses, unless thread 0 makes both accesses, or each thread accesses only its own rows in both. */
#ifndef GRADC_HAZARD_H
#define GRADC_HAZARD_H
#include "codegen/schedule.h"

typedef struct MemoryAccess {
  int space;      /* 0: the caller's memory, 1: the arena, others: an input or result */
  int64_t lo, hi; /* bytes */
  bool write, serial, rows;
  Dim extent, row; /* rows: threads partition `extent` rows of `row` bytes each */
  int grain;
} MemoryAccess;

/* One access of the buffer of node n. */
MemoryAccess hazard_access(const Graph *g, Id n, bool write);
bool hazard_conflict(const MemoryAccess *a, const MemoryAccess *b);

typedef struct Hazards {
  MemoryAccess *access;
  int n, cap;
} Hazards; /* accesses since the last barrier */

/* Adds the accesses of a kernel. True: it needs a barrier before it, so accesses before that are forgotten. */
bool hazard_add(Hazards *h, const Kernel *k, const KernelSchedule *s);
#endif
