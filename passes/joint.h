/* The joint graph of a training step: its forward part, its backward part, and recomputing the one in the other. */
#ifndef GRADC_JOINT_H
#define GRADC_JOINT_H
#include "ir/ir.h"

/* Per node: whether it belongs to the backward part: some update of a weight needs it and the loss does not, or it
 * depends on such a node. All else is forward, metrics and the new values of states included. NULL: the graph is none
 * of a training step with a loss. Linear. */
const bool *joint_late(const Graph *g);

static inline bool joint_is_random(const Graph *g, Id n) { return node_info(g, n)->flags & RNG; }
/* Leaves are there in both parts; but random numbers are made, and so can be made again. */
static inline bool joint_is_free(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_LEAF && !joint_is_random(g, n);
}

/* A view that every reader composes, at no more places than its input has elements. */
bool joint_is_transparent(const Graph *g, Id n);
/* Element-wise ops, such views, random numbers: what can go into the kernels that read it. */
bool joint_is_cheap(const Graph *g, Id n);
/* Multiplications for an element of each node, from what is not cheap, is in `given` (NULL: nothing is), or takes more
 * than MAX_COST itself and so is kept anyhow: a load and a store take no less time than MAX_COST of them. */
enum { MAX_COST = 48 };
const uint8_t *joint_costs(const Graph *g, const bool *given);

/* Clone numbers. Those of the one pass are no operands of the other's kernels: what is shared would have to be stored. */
enum { CLONE_FREE = 1, CLONE_BUDGET = 2 };

/* Gives the backward part clones of the forward nodes in `drop` that it needs, and of nothing else: what a clone reads
 * is a clone where it is in `drop`, else the original. A clone stands before its first reader in the order of
 * construction. `drop` holds no free nodes. Values stay the same, bit for bit. */
void joint_recompute(Graph *g, const bool *late, const bool *drop, uint32_t clone);
#endif
