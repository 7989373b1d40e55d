/* SPDX-License-Identifier: Apache-2.0 */
/* Run-time sizes of graphs: which of them a graph knows, and the constraints on their values. */
#ifndef GRADC_SIZES_H
#define GRADC_SIZES_H
#include "ir.h"

/* Sets of run-time sizes: bit i = Module.size[i]. */
uint32_t dim_sizes(Module *m, Dim d);      /* those that d depends on */
uint32_t graph_sizes(const Graph *g);      /* those that the ports' shapes name: whoever calls the graph gives them */
uint32_t node_sizes(const Graph *g, Id n); /* those of the node's type and attributes, of a scan's body too */

/* A dimension that the run-time sizes must not make negative, beyond lying in 0 .. bound: a slice T - 1 : T needs
 * T - 1 >= 0. Constraints come from the shape rules, each once, in the order of the nodes. */
typedef struct SizeConstraint {
  Dim dim;
  Id node;
} SizeConstraint; /* node: in the graph itself, also where the
                                                                       constraint comes from a scan's body */
typedef struct SizeConstraints {
  SizeConstraint *v;
  int n, cap;
  Id node;
} SizeConstraints;
SizeConstraints graph_constraints(Graph *g);
/* The least value of a run-time size that the constraints of that size alone admit, at least 1. */
int64_t size_least(Module *m, const SizeConstraints *s, int size);
void constraint_add(Module *m, Dim d); /* for rule.c: of the node whose rule is running */
#endif
