/* What lives in a graph's arena, turn by turn, as memory placed it: for reports and messages. */
#ifndef GRADC_LIVE_H
#define GRADC_LIVE_H
#include "passes/group.h"

typedef struct Live {
  Id node;             /* the value; of a scan's scratch the scan */
  int64_t bytes, offset;
  int birth, death;    /* first and last turn, both included; a value that another takes over in place ends before it */
  bool forward, kept;  /* made by the forward pass; and loaded by the backward pass */
  bool scratch;
} Live;

typedef struct Lives {
  Graph *g;
  const Groups *gs;
  const bool *forward; /* per node: the loss, or without one any result, depends on it */
  Live *v; int n;      /* by birth */
  int64_t peak;        /* most bytes alive at once, alignment included: no placing of these values needs less */
  int peak_turn;       /* the first turn with so many */
  int64_t kept;        /* most bytes of kept values alive at once */
} Lives;

/* Needs the places of memory. */
Lives *lives_make(Graph *g);

/* The values alive at the peak, the largest first; *n of them. */
const Live *lives_at_peak(const Lives *l, int *n);

/* The graph whose plan is the largest, of those that run in the model: tests run in the interpreter only, and a body's
 * arena is part of its scans' scratch. NULL: there is none. */
Graph *largest_plan(const Module *m);
#endif
