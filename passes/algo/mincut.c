/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/algo/mincut.h"
#include <string.h>

/* Edges come in pairs: 2k as given, 2k + 1 its reverse. `left`: residual capacity. */
typedef struct Edge {
  int to, next;
  int64_t left;
} Edge;
struct Net {
  Ctx *c;
  int n;
  Edge *edge;
  int nedge, capedge;
  int *first; /* per vertex: 1 + its last edge; 0: none */
  int *level; /* per vertex: distance from the source, from 1; 0: not reached */
  int *at;    /* per vertex: 1 + the next edge to try; 0: none */
  int *queue; /* of vertices; then the edges of the current path */
};

Net *net_new(Ctx *c, int vertices) {
  Net *n = ctx_alloc(c, sizeof *n);
  size_t bytes = sizeof(int) * (size_t)(vertices + 1);
  *n = (Net){.c = c,
             .n = vertices,
             .first = ctx_alloc(c, bytes),
             .level = ctx_alloc(c, bytes),
             .at = ctx_alloc(c, bytes),
             .queue = ctx_alloc(c, bytes)};
  return n;
}

void net_edge(Net *n, int from, int to, int64_t capacity) {
  *VEC_PUSH(n->c, n->edge, n->nedge, n->capedge) = (Edge){to, n->first[from], capacity};
  n->first[from] = n->nedge;
  *VEC_PUSH(n->c, n->edge, n->nedge, n->capedge) = (Edge){from, n->first[to], 0};
  n->first[to] = n->nedge;
}

/* Distances from the source in the residual graph; false: the sink is out of reach. */
static bool find_levels(Net *n, int source, int sink) {
  memset(n->level, 0, sizeof(int) * (size_t)n->n);
  n->level[source] = 1;
  n->queue[0] = source;
  for (int head = 0, tail = 1; head < tail; head++)
    for (int e = n->first[n->queue[head]]; e; e = n->edge[e - 1].next) {
      const Edge *d = &n->edge[e - 1];
      if (!d->left || n->level[d->to]) continue;
      n->level[d->to] = n->level[n->queue[head]] + 1;
      n->queue[tail++] = d->to;
    }
  return n->level[sink] != 0;
}

/* Augments along the path in the queue; returns the length of its prefix that still has capacity. */
static int send(Net *n, int length) {
  int64_t room = INT64_MAX;
  int keep = length;
  for (int i = 0; i < length; i++) room = n->edge[n->queue[i]].left < room ? n->edge[n->queue[i]].left : room;
  for (int i = length - 1; i >= 0; i--) {
    n->edge[n->queue[i]].left -= room;
    n->edge[n->queue[i] ^ 1].left += room;
    if (!n->edge[n->queue[i]].left) keep = i;
  }
  return keep;
}

/* Finds a blocking flow of the level graph by one depth-first walk with retreats. */
static void block_levels(Net *n, int source, int sink) {
  memcpy(n->at, n->first, sizeof(int) * (size_t)n->n);
  int length = 0, v = source;
  while (v != source || n->at[v]) {
    if (v == sink) {
      length = send(n, length);
      v = n->edge[n->queue[length] ^ 1].to;
      continue;
    }
    int e = n->at[v];
    if (!e) { /* dead end: retreat, and skip the edge that led here */
      v = n->edge[n->queue[--length] ^ 1].to;
      n->at[v] = n->edge[n->at[v] - 1].next;
    } else if (n->edge[e - 1].left && n->level[n->edge[e - 1].to] == n->level[v] + 1) {
      n->queue[length++] = e - 1;
      v = n->edge[e - 1].to;
    } else {
      n->at[v] = n->edge[e - 1].next;
    }
  }
}

/* The vertices that still reach the sink in the residual graph. */
static const bool *sink_side(Net *n, int sink) {
  bool *side = ctx_alloc(n->c, (size_t)n->n + 1);
  side[sink] = true;
  n->queue[0] = sink;
  for (int head = 0, tail = 1; head < tail; head++)
    for (int e = n->first[n->queue[head]]; e; e = n->edge[e - 1].next) {
      int from = n->edge[e - 1].to;
      if (side[from] || !n->edge[(e - 1) ^ 1].left) continue;
      side[from] = true;
      n->queue[tail++] = from;
    }
  return side;
}

const bool *net_cut(Net *n, int source, int sink) {
  while (find_levels(n, source, sink)) block_levels(n, source, sink);
  return sink_side(n, sink);
}
