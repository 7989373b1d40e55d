/* SPDX-License-Identifier: Apache-2.0 */
/* The internals of fuse: normalisation and the plain form (fuse.c), the fused form (greedy.c), which groups read a
 * node (uses.c) and where (legal.c). */
#ifndef GRADC_FUSE_H
#define GRADC_FUSE_H
#include "ir/ir.h"
#include "passes/analysis/index_map.h"
#include "passes/analysis/group.h"
#include "passes/costs.h"

/* The different indices at which a point of a group reads a node, each as a hash of the views on the way; 0: none. At
 * more than MAX_READS the node is stored, as each of them computes it again, and what it reads. */
enum { MAX_READS = 8 };
typedef struct ReadSet {
  int n; /* MAX_READS + 1: too many */
  uint32_t at[MAX_READS];
} ReadSet;

/* A group that reads a node, through views and inlined nodes. */
typedef struct Use {
  Id group;     /* by its root */
  bool operand; /* reads it from memory: contractions, tables of gathers, scans */
  bool window;  /* reads elements several times (unfold) */
  int depth;    /* reductions in sequence from the readers down */
  const ReadSet *reads;
} Use;
extern const ReadSet READ_ONCE;

typedef struct NodeUse {
  Use use[MAX_USES];
  int n;
  bool many;        /* more than MAX_USES groups; the smallest roots are kept */
  int inlined_cost; /* cost of the inlined nodes between n and its readers */
} NodeUse;

/* A group under construction, at the index of its root, its last node. */
typedef struct GroupDraft {
  KernelClass cls;
  Id space;    /* loop, contract, conv, window: node of the index space; row: the reduction that defines it */
  int n;       /* nodes */
  int derived; /* derived axes: of pads and gathers */
  bool folds;  /* has a short fold, which uses most derived axes */
} GroupDraft;

typedef struct FuseState {
  Graph *g;
  bool plain;
  const char *why;  /* the last node that was not fused was not for this reason */
  const bool *live; /* per node: a result or written value depends on it */
  bool *owns;       /* per node: owns storage, whatever is fused */
  /* fused form: */
  Id *group;                /* per node: root of its group; 0: none yet, or inlined */
  bool *inlined;            /* per node: computed in each reader */
  int *depth;               /* per node: reductions between it and its group's root */
  const ReadSet **reads;    /* per node of a group: the indices at which a point of the group computes it */
  Id *aligned;              /* per node: 1 + the `red` for which reads_are_aligned was true */
  NodeUse **uses;           /* per node, allocated at its first use */
  GroupDraft *draft;        /* per node that is a root */
  uint32_t *first, *reader; /* readers of n in the graph: reader[first[n]] .. reader[first[n + 1]] */
} FuseState;
void fuse_greedy(FuseState *s);
/* Number of operands, from the first, that a node reads from memory: of contractions, convolutions and scans; the table
 * of a gather. */
uint32_t memory_operands(const Graph *g, Id n);

/* ---- uses.c ---- */
void fuse_find_readers(FuseState *s);       /* sets first and reader */
void fuse_use_inputs(FuseState *s, Id n);   /* the group of n reads its operands */
void fuse_forward_uses(FuseState *s, Id n); /* the readers of n, a view or an inlined node, read its operands */

/* ---- legal.c ---- */
/* True: if n were in a row shaped by `red` (red = 0: in a loop over n's own index space), every read of n by members of
 * `group` would be at the index that the kernel has just computed. The same must hold for those members: one that is
 * read elsewhere, through a view, is computed there too and would need n there. */
bool reads_are_aligned(const FuseState *s, Id n, Id group, Id red);
#endif
