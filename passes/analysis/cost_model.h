/* SPDX-License-Identifier: Apache-2.0 */
/* Cost of running a graph. */
#ifndef GRADC_COST_MODEL_H
#define GRADC_COST_MODEL_H
#include "ir/ir.h"

struct Group;

/* Floating-point operations of one call, with run-time sizes at their bounds: a multiply-add of a contraction or
 * convolution counts 2; each element of an element-wise op, and each element reduced, compared or scattered counts 1;
 * indices, views and integers count 0. */
double graph_flops(const Graph *g);
double node_flops(const Graph *g, Id n);
double graph_macs(const Graph *g);
double node_macs(const Graph *g, Id n); /* of these, the multiply-adds of contractions, convolutions and attention */
/* The share of recomputed clones (Attr.clone) in these. */
double graph_recomputed(const Graph *g);

/* Throughput per second: floating-point operations of contractions, multiplications of element-wise loops (the unit of
 * the op table's costs), bytes to or from memory. The rest is 0 in common_rates. */
typedef struct Rates {
  double contract, element, bytes;
  double half;               /* contractions of bf16; 0: as fast as those of f32 */
  double l2, l3;             /* bytes to or from these caches */
  double l2_bytes, l3_bytes; /* their sizes: what one core keeps there */
  double vec;                /* floats in a vector: element-wise loops without vectors are that much slower */
} Rates;
extern const Rates common_rates; /* of no particular machine: for choices that must be the same everywhere */

double node_seconds(const Graph *g, Id n, const Rates *r); /* compute time alone */
double graph_work(const Graph *g); /* besides graph_macs, in multiplications: the unit of the op table's costs */
/* One execution of a kernel that is no scan: what it computes and moves, and the seconds of each. */
typedef struct GroupCost {
  double flops, bytes, compute, memory;
} GroupCost;
GroupCost group_cost(const Graph *g, const struct Group *k, const Rates *r);
/* The scope (Module.scope) that has the most work of a kernel; 0: none. */
int group_scope(const Graph *g, const struct Group *k);
/* One call of a graph after fuse, by the roofline model: each kernel takes the longer of its compute and its memory
 * time; a scan takes the time of its body for every iteration. */
double graph_seconds(Graph *g, const Rates *r);
#endif
