/* Shared by the files of order: the kernels of a graph as tasks that make, load and free buffers of the arena, and what
 * must come before what. */
#ifndef GRADC_SCHED_H
#define GRADC_SCHED_H
#include "passes/group.h"

typedef struct Edge { int from, to; } Edge;
typedef struct EdgeList { Edge *v; int n, cap; } EdgeList;
typedef struct Adjacent { int *first, *to; } Adjacent; /* of i: to[first[i] .. first[i + 1]) */
Adjacent adjacent(Ctx *c, int n, const EdgeList *e);
void edge_add(Ctx *c, EdgeList *e, int from, int to);

/* A heap of (cost, item): the least cost first, of equal costs the least item. */
typedef struct HeapKey { int64_t cost; int item; } HeapKey;
typedef struct Heap { HeapKey *v; int n, cap; } Heap;
void heap_push(Ctx *c, Heap *h, int64_t cost, int item);
HeapKey heap_pop(Heap *h);

/* Edges group -> group: who loads a buffer after who stores it. */
EdgeList sched_flow(const Groups *gs);

/* Adds `copy` nodes, each a kernel of its own, where a new value cannot be written over the old one; the groups must be
 * made anew when it returns true. */
bool sched_copy_circles(Graph *g, const Groups *gs);

/* Adds to `e` the edges that let every write go in place: readers of old values and the loss before the writers. */
void sched_wait_edges(const Groups *gs, EdgeList *e);

typedef struct Take { Id write, read; } Take; /* the result may take over the operand's buffer, if that dies here */
typedef struct Sched {
  const Groups *gs;
  Ctx *c;
  int n;                  /* groups */
  const int64_t *bytes;   /* per node: what its buffer takes in the arena; 0: it has none there */
  Adjacent pred, succ;    /* groups before and after a group */
  Adjacent readers;       /* per node with bytes: the groups that load it */
  const int *take_first;  /* of group k: take[take_first[k] .. take_first[k + 1]), as memory tries them */
  const Take *take;
  int *stamp, now;        /* per node, of sched_turn */
} Sched;
Sched *sched_make(const Groups *gs);

/* One turn of an order: pos[k] is the place of group k. Returns the bytes alive while k runs, given those before it in
 * *live, which becomes those after it. Exactly what memory will need, buffers taken over in place included. */
int64_t sched_turn(Sched *s, const int *pos, int k, int64_t *live);

/* Changes a valid order, step by step, so that its peak falls, as long as a fixed number of trials lasts. Returns the
 * most bytes alive in a turn. */
int64_t sched_improve(Sched *s, int *seq);
#endif
