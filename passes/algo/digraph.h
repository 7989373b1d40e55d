/* SPDX-License-Identifier: Apache-2.0 */
/* Directed graphs as lists of edges, and as successor lists. */
#ifndef GRADC_DIGRAPH_H
#define GRADC_DIGRAPH_H
#include "ir/ctx.h"

typedef struct Edge {
  int from, to;
} Edge;
typedef struct EdgeList {
  Edge *v;
  int n, cap;
} EdgeList;
typedef struct Adjacency {
  int *first, *to;
} Adjacency; /* edges of i: to[first[i] .. first[i + 1]) */
Adjacency adjacent(Ctx *c, int n, const EdgeList *e);
void edge_add(Ctx *c, EdgeList *e, int from, int to);
#endif
