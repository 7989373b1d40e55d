/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/algo/digraph.h"

void edge_add(Ctx *c, EdgeList *e, int from, int to) { *VEC_PUSH(c, e->v, e->n, e->cap) = (Edge){from, to}; }

Adjacency adjacent(Ctx *c, int n, const EdgeList *e) {
  Adjacency a = {ctx_alloc(c, sizeof(int) * (size_t)(n + 2)), ctx_alloc(c, sizeof(int) * (size_t)(e->n + 1))};
  for (int i = 0; i < e->n; i++) a.first[e->v[i].from + 2]++;
  for (int i = 2; i <= n + 1; i++) a.first[i] += a.first[i - 1];
  for (int i = 0; i < e->n; i++) a.to[a.first[e->v[i].from + 1]++] = e->v[i].to;
  return a;
}
