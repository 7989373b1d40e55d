/* Between fuse.c (normalising, plain form), fuse_join.c (the fused form) and fuse_edge.c (what a group reads of a
 * node). */
#ifndef GRADC_FUSE_H
#define GRADC_FUSE_H
#include "ir/build.h"
#include "passes/access.h"
#include "passes/group.h"

enum { MAX_USES = 8, MAX_GROUP = 128, MAX_DEPTH = 4 };

/* A group that reads a node, through views and inlined nodes. */
typedef struct Use {
  Id group;         /* by its root */
  bool operand;     /* reads it from memory: contractions, tables of gathers, scans */
  bool window;      /* reads its elements several times (unfold) */
  int depth;        /* reductions that lie one behind the other from the readers on */
} Use;

typedef struct NodeUse {
  Use use[MAX_USES];
  int n;
  bool many;        /* more than MAX_USES groups; the smallest roots are kept */
  int inlined_cost; /* of the inlined nodes on the way to its readers */
} NodeUse;

/* A group in the making, at the index of its root, its highest node. */
typedef struct Join {
  KernelClass cls;
  Id space;         /* loop, contract, conv, window: node of the index space; row: the reduction that shapes it */
  int n;            /* nodes */
  int derived;      /* axes besides loops: of pads and gathers */
  bool folds;       /* has a short fold, which takes many of these */
} Join;

typedef struct FuseState {
  Graph *g;
  bool plain;
  const bool *live; /* per node: some result or written value depends on it */
  bool *own;        /* per node: owns storage, whatever is fused */
  /* the fused form */
  Id *group;        /* per node: root of its group; 0: none (yet), or inlined */
  bool *inlined;    /* per node: computed in each reader */
  int *depth;       /* per node: reductions behind it in its group */
  Id *aligned;      /* per node: 1 + the `red` for which reads_are_aligned has held */
  NodeUse **uses;   /* per node, made at the first use */
  Join *join;       /* per node that is a root */
  uint32_t *first, *reader; /* readers of n in the graph: reader[first[n]] .. reader[first[n + 1]] */
} FuseState;
void fuse_join(FuseState *s);
/* Number of operands, from the first, that a node reads from memory: of contractions, convolutions and scans, and the
 * table of a gather. */
uint32_t memory_operands(const Graph *g, Id n);

/* ---- fuse_edge.c ---- */
bool row_is_full(const Graph *g, Id reduction, Id n);   /* n has the shape of what is reduced */
bool row_is_outer(const Graph *g, Id reduction, Id n);  /* ... of the result, its axes kept or not */
/* Whether every read of n by members of `group`, were it in a row shaped by `red` (or, red = 0, in a loop over n's own
 * index space), is at the index where the kernel has just computed it. So it must be for the members that read n, too:
 * one that is read elsewhere, through a view, is computed there and would want n there. */
bool reads_are_aligned(const FuseState *s, Id n, Id group, Id red);
#endif
