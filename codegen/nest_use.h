/* SPDX-License-Identifier: Apache-2.0 */
/* Uses of the values and axes of a nest, and the loops in which they are. */
#ifndef GRADC_NEST_USE_H
#define GRADC_NEST_USE_H
#include "codegen/kernel.h"

typedef struct NestUse {
  int *uses;        /* per value: uses in live values, axes, stores and accumulations */
  bool *same_loop;  /* per value: all uses are in the loop of the value, so that it may be inlined into one */
  uint32_t indexed; /* axes in addresses */
  uint32_t select;  /* quotient axes that get index 0 where they are not valid */
  uint32_t skip;    /* quotient axes whose loop skips iterations where they are not valid */
  uint32_t *axes;   /* [0]: derived axes that are used; [p + 1]: used in phase p */
} NestUse;

NestUse nest_use(const KNest *n);
/* The loop level, which is the number of loops around it, of what depends on the axes `needs`. phase -1: in the outer
 * loops; MAX_AXES if it depends on an inner axis. */
int nest_loop_level(const KNest *n, int phase, uint32_t needs);
#endif
