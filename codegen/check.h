/* SPDX-License-Identifier: Apache-2.0 */
/* The plan checker. It proves, from loop nests, execution order and buffer locations alone, that every load reads the
 * value of its node: no iteration, nest, thread or kernel has overwritten it. It shares no rule with the passes that
 * make the plan (layout, fuse, order, memory). What it cannot prove is a fault. */
#ifndef GRADC_CHECK_H
#define GRADC_CHECK_H
#include "codegen/kernel.h"

/* The kernel of each group; NULL for a scan. */
Kernel **kernels_build(const Groups *gs);

/* These report each fault as an internal error (0412) and return the number of faults. */
int plan_check(Module *m); /* every graph that has a plan, and the module's memory */
int plan_check_graph(const Groups *gs, Kernel *const *kernel); /* one graph, with its kernels */
int plan_check_persistent(Module *m);                          /* weights, states, and the sections of the memory */

/* ---- check_linear.c: can a linear form be 0 ---- */

/* k + sum of coef * x over independent integers x of lo .. hi. Run-time sizes are 1 or more: a tensor without elements
 * is neither loaded nor stored. */
typedef struct LinearTerm {
  Dim coef, lo, hi;
} LinearTerm;
typedef struct LinearForm {
  Module *m;
  Dim k;
  int n;
  LinearTerm t[2 * MAX_AXES];
  bool empty; /* an axis has no indices: the form has no values */
} LinearForm;
void linear_add(LinearForm *s, Dim coef, Dim lo, Dim hi);
bool linear_never_zero(LinearForm *s);  /* proved; changes s */
bool dim_is_positive(Module *m, Dim d); /* proved to be 1 or more */

/* ---- check_kernel.c ---- */

typedef struct Access {
  const KNest *nest;
  const Affine *at;
  int buf, phase;
  bool store, add, inner; /* inner: in the inner loops of its phase */
} Access;
Access *kernel_accesses(const Kernel *k, int *n); /* all loads and stores that can run, except loads of tables */

/* Adds at * p - with * q for two indices of an axis: any two, p = q, p > q, or p < q. */
typedef enum Between { ANY, SAME, ABOVE, BELOW } Between;
void linear_add_axis(LinearForm *s, Dim at, Dim with, Dim extent, Between how);

/* The location of a buffer: a range of bytes in a space. A table: space SP_NONE. */
typedef struct CheckLocation {
  int space;
  int64_t from, to;
} CheckLocation;
CheckLocation check_location(const Graph *g, Id n);
CheckLocation check_scratch_of(const Graph *g, const Group *k); /* SP_NONE: it has none */
CheckLocation *check_locations(const Kernel *k);                /* one per KBuf */
static inline bool locations_overlap(const CheckLocation *a, const CheckLocation *b) {
  return a->space && a->space == b->space && a->from < b->to && b->from < a->to;
}

/* Proves one kernel: accesses are in bounds; every element of a result is stored once (scatter: set once, then added to
 * by one thread in order); an element is not overwritten before its last load. location: one per KBuf. NULL: proved;
 * else the fault, at *node. */
const char *kernel_check(const Kernel *k, const CheckLocation *location, Id *node);

/* ---- check_threads.c: two kernels without a barrier between them ---- */

/* How threads partition a kernel. serial: thread 0 runs all of it. tasks: nothing is known of who runs what. Else each
 * nest is partitioned along an axis, in multiples of a grain. */
typedef struct CheckPartition {
  const Kernel *k;
  const CheckLocation *location;
  bool serial, tasks;
  const int *par_axis, *grain; /* per nest */
  CheckLocation scratch;       /* which all threads access; SP_NONE: there is none */
} CheckPartition;
/* Proves that no barrier is needed: what one of the two kernels stores and the other one accesses, the same thread
 * accesses in both. NULL: proved; else the fault, at *node. */
const char *threads_check(const CheckPartition *first, const CheckPartition *second, Id *node);
#endif
