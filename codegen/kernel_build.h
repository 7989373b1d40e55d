/* SPDX-License-Identifier: Apache-2.0 */
/* State of the kernel builder, shared by kernel.c (nests of each class), kernel_contract.c, kernel_move.c and
 * kernel_value.c (values at indices). */
#ifndef GRADC_KERNEL_BUILD_H
#define GRADC_KERNEL_BUILD_H
#include "codegen/kernel.h"
#include "ir/contract.h"

/* The value of a node at certain indices, in a phase of a nest. */
typedef struct KMemo {
  uint64_t hash;
  Id node;
  int phase, nest, value, next;
  Affine *idx;
} KMemo;
enum { KMEMO = 64 };

/* A nest that iterates over a matrix panel by panel: its row and column, and their address in panels. */
typedef struct KPanel {
  Panels p;
  Affine row, col, at;
} KPanel;

typedef struct KBuild {
  Kernel *k;
  KNest *nest;
  const Graph *g;
  const Groups *gs;
  const Group *group;
  Module *m;
  int phase;      /* the phase for which values are being built */
  uint32_t inner; /* loop axes of the present phase */
  bool failed;
  const KPanel *panel; /* the nest iterates over panels; NULL: it does not */
  KMemo *memo;
  int nmemo, capmemo;
  int memo_of[KMEMO]; /* heads of lists */
} KBuild;

static inline bool kernel_has(const KBuild *b, Id n) { return b->g->anno[n].kernel == b->group->kernel; }
void kernel_fail(KBuild *b, Id n, const char *why);
int kernel_buf(KBuild *b, Id node); /* its number, made if new */
/* The value of n at these indices, one for each of its axes, as an index into KNest.val; 0: failed. */
int kernel_value(KBuild *b, Id n, const Affine *idx);
int kernel_value_op(KBuild *b, Op op, DType t, Id node, const int *arg, int nargs);
int kernel_number(KBuild *b, DType t, double c);
Affine kernel_indirect_axis(KBuild *b, int value, Dim extent); /* an axis whose index is a value, clamped */
int kernel_acc_value(KBuild *b, int acc);
void kernel_store(KBuild *b, Id n, const Affine *idx, int value, KStoreAt at, bool add);
void kernel_sizes(KBuild *b, Dim d); /* notes the run-time sizes in it */

/* kernel.c: nests, phases and axes. An axis of extent 1 is left out: its index is 0. */
void kernel_nest(KBuild *b);
KPhase *kernel_phase(KBuild *b);
int kernel_axis(KBuild *b, Dim extent, Affine *idx); /* -1: of extent 1 */
Affine kernel_outer(KBuild *b, Dim extent);
Affine kernel_inner(KBuild *b, KPhase *p, Dim extent);
int kernel_acc(KBuild *b, Id node, Op op, KOrder order, int value);
int kernel_sum(KBuild *b, Id node, int value); /* from +0, term by term */

/* kernel_contract.c and kernel_move.c: the nests of these classes. */
void kernel_contract(KBuild *b);
void kernel_conv(KBuild *b);
void kernel_fold(KBuild *b);
void kernel_cumsum(KBuild *b);
void kernel_scatter(KBuild *b);
void kernel_concat(KBuild *b);
void kernel_attend(KBuild *b); /* kernel_attend.c */
void kernel_sort(KBuild *b);   /* kernel_sort.c */
#endif
