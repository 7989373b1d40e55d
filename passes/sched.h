/* Shared by order.c and order_state.c: the graph of kernels and what must come before what. */
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
#endif
