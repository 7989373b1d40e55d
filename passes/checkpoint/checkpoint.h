/* SPDX-License-Identifier: Apache-2.0 */
/* The internals of checkpoint: a model of a training step (step_model.c) and its simulation (simulate.c), plans along a
 * chain of blocks (chain.c), and trials of plans (trials.c).
 *
 * The model comes from a trial schedule with all values row-major: kernels in order, forward buffers, and what each is
 * computed from. Forward kernels are divided into blocks where few buffers cross. A buffer that crosses belongs to the
 * block that reads it, as its input: that block keeps it, and needs it to be recomputed itself. */
#ifndef GRADC_CHECKPOINT_H
#define GRADC_CHECKPOINT_H
#include "passes/analysis/budget.h"
#include "passes/analysis/cost_model.h"
#include "passes/analysis/sched.h"

/* A forward buffer; or (bytes 0) a scan, of which its elements are computed. */
typedef struct Buf {
  Id node;
  int64_t bytes;
  int block;               /* from 0 */
  bool small;              /* negligible, wherever it is read */
  bool block_input;        /* crosses into its block from the one before */
  bool needed_by_backward; /* the backward pass loads it */
  bool tiny;               /* tiny beside its operands: every plan keeps it */
  bool elem;               /* element-wise: may reuse an operand's buffer */
  bool fuses_away;         /* fused into its readers' kernels; stored only if kept */
  int start, last;         /* step that stores it; last step of the forward pass that loads it (none: start) */
  const int *from;
  int nfrom;      /* buffers it is computed from */
  double seconds; /* to recompute it from those */
} Buf;

typedef struct Event {
  int step, buf;
} Event; /* a kernel; or (step -1) a recomputed buffer */

typedef struct StepModel {
  Ctx *c;
  Graph *g; /* planned; its first nodes are those of the pass's graph */
  const Groups *gs;
  Sched *sched;
  const bool *is_backward; /* per step: a backward kernel */
  Buf *buf;
  int nbuf;          /* by step and node */
  const int *number; /* per node: 1 + its forward buffer; 0: none */
  int nblock;
  const int *block;             /* per step: the block of a forward kernel; of a backward kernel, the block it reads */
  const int64_t *backward_live; /* per step: bytes of backward buffers alive before it */
  const int *last_use;          /* per node: the last step that loads it */
  /* state of simulate_blocks: */
  bool *available; /* per buffer: kept, or recomputed so far */
  int *last;       /* per buffer: 1 + the last event that loads it; in the forward pass, the step */
  Event *event;
  int capevent;
  int *todo, captodo;
} StepModel;

/* NULL: not a training step. */
StepModel *step_model_make(Graph *planned, const bool *backward_nodes);

/* Simulates blocks from .. to with `kept` (per buffer) of their buffers kept. Adds the inputs of the first block to
 * `kept` if recomputation needs them. */
typedef struct Outcome {
  double recompute_seconds; /* of recomputation */
  int64_t kept_bytes;       /* held by the blocks from their forward to their backward steps */
  int64_t peak;             /* peak while they run, without what earlier blocks hold */
} Outcome;
Outcome simulate_blocks(StepModel *m, int from, int to, bool *kept);

/* At most `max` plans, from smallest to fastest; in the model none is both slower and larger than another. kept: per
 * buffer. */
typedef struct ChainPlan {
  double recompute_seconds;
  int64_t peak;
  const bool *kept;
} ChainPlan;
ChainPlan *chain_plans(StepModel *m, int max, int *n);

/* Runs the rest of the pipeline on a copy, with the nodes in `drop` (NULL: none) recomputed in the backward pass.
 * Returns the bytes of the module if it had only this graph, and the seconds of a call; of a plan that is dominated by
 * one that `trial` (or NULL) knows, a lower bound of the bytes that is dominated too. */
Plan checkpoint_evaluate(Module *m, const PlanTrial *trial, int graph, const bool *drop);

/* A training graph's list of plans, independent of the budget, with what memory plans for each. drop: as above; the
 * first is NULL. */
typedef struct PlanList {
  const bool **drop;
  Plan *v;
  int n;
} PlanList;
PlanList checkpoint_plans(Module *m, int graph);
#endif
