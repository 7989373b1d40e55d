/* Parts of checkpoint: the model of a step (checkpoint_model.c), plans along a chain of blocks (checkpoint_chain.c), and
 * the pass, which judges them (checkpoint.c).
 *
 * The model is drawn from a trial plan in the rows of memory: the kernels in their order, the forward buffers and what
 * each is computed from. Blocks part the forward kernels where few buffers lead from one side to the other. A buffer
 * that leads out of a block is at home in the next one, its reader: that one keeps it, and needs it to run again. */
#ifndef GRADC_CHECKPOINT_H
#define GRADC_CHECKPOINT_H
#include "passes/budget.h"
#include "passes/flops.h"
#include "passes/sched.h"

/* A forward buffer; or (bytes 0) a scan, from which its elements come. */
typedef struct Buf {
  Id node;
  int64_t bytes;
  int home;              /* block, from 0 */
  bool small;            /* of no account, wherever it leads */
  bool entry;            /* leads into its home from the block before */
  bool wanted;           /* the backward part loads it */
  bool digest;           /* tiny beside what it is computed from: no plan drops it */
  bool elem;             /* computed element by element: may take over an operand */
  bool melts;            /* goes into its readers' kernels, unless it is kept: only for that is it stored */
  int birth, last;       /* turns: stored; last loaded by the forward part (birth: never) */
  const int *from; int nfrom; /* buffers that it is computed from */
  double seconds;        /* to compute it again from those */
} Buf;

typedef struct Event { int turn, buf; } Event; /* a kernel; or (turn -1) a buffer computed again */

typedef struct Model {
  Ctx *c;
  Graph *g;              /* planned; its first nodes are those of the graph that the pass works on */
  const Groups *gs;
  Sched *sched;
  const bool *late;      /* per turn: a kernel of the backward part */
  Buf *buf; int nbuf;    /* by turn and node */
  const int *number;     /* per node: 1 + its forward buffer; 0: none */
  int nblock;
  const int *block;      /* per turn: of a forward kernel, its block; of a backward kernel, the one it has come back to */
  const int64_t *others; /* per turn: bytes of backward buffers alive before it */
  const int *death;      /* per node: the last turn that loads it */
  /* of model_run: */
  bool *there;           /* per buffer: the backward part has it: kept, or computed again so far */
  int *last;             /* per buffer: 1 + the last event that loads it; forwards, the turn */
  Event *event; int capevent;
  int *todo, captodo;
} Model;

/* NULL: the graph is none of a training step. */
Model *model_make(Graph *planned, const bool *late_nodes);

/* What blocks from .. to do when the backward part finds `kept` (per buffer) of the buffers at home there. Adds to them
 * what leads into the first block, where it takes part in computing again. */
typedef struct Outcome {
  double added;          /* seconds of computing again */
  int64_t held;          /* bytes that the blocks hold between their forward and their backward turns */
  int64_t peak;          /* most bytes alive while they run, but for what earlier blocks hold */
} Outcome;
Outcome model_run(Model *m, int from, int to, bool *kept);

/* Plans, from the smallest to the fastest, at most `most`: as the model sees it none is both slower and larger than
 * another. kept: per buffer. */
typedef struct Chosen { double added; int64_t peak; const bool *kept; } Chosen;
Chosen *chain_plans(Model *m, int most, int *n);

/* What the module would take were only this graph in it, and the seconds of a call, after a trial of what is left of the
 * pipeline with the nodes in `drop` (NULL: none) computed again in the backward part. */
Candidate checkpoint_judge(Module *m, int graph, const bool *drop);

/* A training graph's fixed list of plans, whatever the budget, and what memory plans for each. drop: as above; the first
 * is NULL. */
typedef struct Plans { const bool **drop; Candidate *v; int n; } Plans;
Plans checkpoint_plans(Module *m, int graph);
#endif
