/* The plan checker. From the loop nests of the kernels, the order of execution and the places of the buffers alone it
 * proves that every load finds the value it is meant for: that no point of a kernel, no nest, no thread's part and no
 * other kernel has written over it. It knows no rule of layout, fuse, order or memory. What it cannot prove is a
 * fault. */
#ifndef GRADC_CHECK_H
#define GRADC_CHECK_H
#include "codegen/kernel.h"

/* The kernel of each group; NULL for a scan. */
Kernel **kernels_build(const Groups *gs);

/* Each fault is reported as an internal error (0412). They return the number of faults. */
int plan_check(Module *m);            /* every graph that has a plan, and the module's memory */
int plan_check_graph(const Groups *gs, Kernel *const *kernel); /* one graph, with its kernels */
int plan_check_persistent(Module *m); /* weights, states, and the parts of the memory */

/* ---- check_sum.c: whether a sum of terms can be 0 ---- */

/* k + sum of coef * x, where x is any integer lo .. hi, and another one in each term. Run-time sizes are 1 or
 * more: a tensor of no elements is neither loaded nor stored. */
typedef struct SumTerm { Dim coef, lo, hi; } SumTerm;
typedef struct CheckSum {
  Module *m;
  Dim k;
  int n;
  SumTerm t[2 * MAX_AXES];
  bool empty;   /* there is no such sum */
} CheckSum;
void sum_add(CheckSum *s, Dim coef, Dim lo, Dim hi);
bool sum_never_zero(CheckSum *s);                   /* proved; changes s */
bool dim_is_positive(Module *m, Dim d);             /* proved to be 1 or more */

/* ---- check_kernel.c ---- */

typedef struct Access {
  const KNest *nest;
  const Affine *at;
  int buf, phase;
  bool store, add, inner; /* inner: in the inner loops of its phase */
} Access;
Access *kernel_accesses(const Kernel *k, int *n); /* all loads and stores that ever run, tables left out */

/* Adds at * p - with * q, of indices p and q of an axis that are to each other as `how` says. */
typedef enum Between { ANY, SAME, ABOVE, BELOW } Between;
void sum_add_axis(CheckSum *s, Dim at, Dim with, Dim extent, Between how);

/* Where a buffer lies: bytes of a space of its own. A table: space SP_NONE. */
typedef struct CheckPlace { int space; int64_t from, to; } CheckPlace;
CheckPlace check_place(const Graph *g, Id n);
CheckPlace *check_places(const Kernel *k); /* one per KBuf */
static inline bool places_meet(const CheckPlace *a, const CheckPlace *b) {
  return a->space && a->space == b->space && a->from < b->to && b->from < a->to;
}

/* Proves one kernel: loads and stores lie in their buffers; every element of a result is stored once (scatter: set
 * once, then added to by one part in order); what a point loads no other point, no earlier phase and no other nest has
 * written over. place: one per KBuf. NULL: proved; else what is wrong, at *node. */
const char *kernel_check(const Kernel *k, const CheckPlace *place, Id *node);

/* ---- check_parts.c: kernels that several parts (threads) run one after the other, without a barrier ---- */

/* How parts share out a kernel: part 0 alone (serial); in each nest by equal runs of an axis, in multiples of a grain;
 * or by tasks of which nothing is known. */
typedef struct CheckPart {
  const Kernel *k;
  const CheckPlace *place;
  bool serial, tasks;
  const int *split, *grain; /* per nest */
} CheckPart;
/* Proves that what one of the two stores and the other one touches is touched by the same part, so that no barrier is
 * needed. NULL: proved; else what is wrong, at *node. */
const char *parts_check(const CheckPart *first, const CheckPart *second, Id *node);
#endif
