/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of a graph as scheduling units that define, load and free buffers of the arena, with their
 * dependences. */
#ifndef GRADC_SCHED_H
#define GRADC_SCHED_H
#include "passes/algo/digraph.h"
#include "passes/analysis/group.h"

/* Flow dependences: edges from the group that stores a buffer to the groups that load it. */
EdgeList sched_flow(const Groups *gs);

/* Anti-dependences of in-place updates: edges from the groups that read an old value, and from the one that computes
 * the loss, to the number of the output that must be written after them. */
EdgeList sched_anti_dependences(const Groups *gs);
int sched_writer(const Groups *gs, int out); /* the group that writes an output */
int sched_loss_group(const Groups *gs);      /* computes the loss, or the checked value; -1: none */

/* The result may reuse the operand's buffer if the operand dies in their kernel. */
typedef struct InplacePair {
  Id write, read;
} InplacePair;

typedef struct Sched {
  const Groups *gs;
  Ctx *c;
  int n;                    /* number of groups */
  const int64_t *bytes;     /* per node: bytes of its buffer in the arena; 0: none */
  Adjacency pred, succ;     /* dependences */
  Adjacency readers;        /* per node with bytes: the groups that load it */
  const int *inplace_first; /* of group k, as memory tries them: inplace[inplace_first[k] .. inplace_first[k + 1]) */
  const InplacePair *inplace;
  int *stamp, now; /* per node, for sched_step */
} Sched;
Sched *sched_make(const Groups *gs);

/* One step of a schedule; pos[k] is the step of group k. Returns the bytes alive while k runs, given those before it in
 * *live, which is updated to those after it. Exactly what memory will need, in-place reuse included. */
int64_t sched_step(Sched *s, const int *pos, int k, int64_t *live);
#endif
