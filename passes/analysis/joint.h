/* SPDX-License-Identifier: Apache-2.0 */
/* The joint graph of a training step (AOTAutograd's term): its forward and backward pass, and recomputation of forward
 * values in the backward pass. */
#ifndef GRADC_JOINT_H
#define GRADC_JOINT_H
#include "ir/ir.h"
#include "passes/costs.h"

/* Per node: it belongs to the backward pass: an update of a weight needs it and the loss does not, or it depends on
 * such a node. All else is forward, including metrics and new values of states. NULL: not a training graph with a loss.
 * Linear. */
const bool *joint_backward(const Graph *g);

static inline bool joint_is_random(const Graph *g, Id n) { return node_info(g, n)->flags & OPF_RANDOM; }
/* Available in the forward and the backward pass at no cost. Random numbers are leaves, but are computed, so they can
 * be recomputed. */
static inline bool joint_is_leaf(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_LEAF && !joint_is_random(g, n);
}

/* A view that every reader composes, at no more points than its input has elements. */
bool joint_is_free_view(const Graph *g, Id n);
/* Element-wise ops, free views, random numbers: can be fused into the kernels that read them. */
bool joint_is_fusible(const Graph *g, Id n);
/* Per node: multiplications per element to recompute it from values that are not fusible, are in `given` (NULL: none),
 * or cost more than MAX_RECOMPUTE_COST, and so are kept. */
const uint8_t *joint_costs(const Graph *g, const bool *given);

/* Clone numbers. Clones of one compiler pass are not operands of the other's kernels: a shared one would have to be
 * stored. */
enum { CLONE_FREE = 1, CLONE_BUDGET = 2 };

/* Gives the backward pass clones of the forward nodes in `drop` that it needs: a clone reads clones of nodes in `drop`
 * and the originals of others. A clone is constructed just before its first reader. `drop` has no leaves. Values are
 * the same, bit for bit. */
void joint_recompute(Graph *g, const bool *is_backward, const bool *drop, uint32_t clone);
#endif
