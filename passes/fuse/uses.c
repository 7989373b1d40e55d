/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups read a node, and which nodes do. */
#include "passes/fuse/fuse.h"
#include "ir/view.h"
#include <string.h>

static void use_add(FuseState *s, Id n, Use u, int cost) {
  if (!s->uses[n]) s->uses[n] = ctx_alloc(s->g->m->c, sizeof *s->uses[n]);
  NodeUse *k = s->uses[n];
  if (cost > k->inlined_cost) k->inlined_cost = cost;
  for (int i = 0; i < k->n; i++)
    if (k->use[i].group == u.group) {
      k->use[i].operand |= u.operand;
      k->use[i].window |= u.window;
      if (u.depth > k->use[i].depth) k->use[i].depth = u.depth;
      if (u.direct > k->use[i].direct) k->use[i].direct = u.direct;
      k->use[i].moved += u.moved;
      return;
    }
  if (k->n < MAX_USES) {
    k->use[k->n++] = u;
    return;
  }
  k->many = true;
  int top = 0;
  for (int i = 1; i < k->n; i++) top = k->use[i].group > k->use[top].group ? i : top;
  if (u.group < k->use[top].group) k->use[top] = u;
}

void fuse_forward_uses(FuseState *s, Id n) {
  const Graph *g = s->g;
  if (!s->uses[n]) return;
  NodeUse k = *s->uses[n];
  bool view = node_info(g, n)->cls == CL_VIEW, window = view && view_overlaps(g, n);
  int cost = k.inlined_cost + (s->inlined[n] ? node_info(g, n)->cost : 0);
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++) {
    Id x = node_in(g, n, (int)j);
    for (int i = 0; i < k.n; i++) {
      Use u = k.use[i];
      u.window |= window;
      u.moved = view ? use_reads(&u) : 0;
      u.direct = view ? 0 : use_reads(&k.use[i]);
      use_add(s, x, u, cost);
    }
    if (k.many && s->uses[x]) s->uses[x]->many = true;
  }
}

void fuse_use_inputs(FuseState *s, Id n) {
  const Graph *g = s->g;
  uint32_t operands = memory_operands(g, n);
  int depth = s->depth[n] + (node_info(g, n)->cls == CL_REDUCE);
  for (uint32_t j = 0; j < node_get(g, n)->nin; j++) {
    Use u = {.group = s->group[n], .operand = j < operands, .depth = depth, .direct = s->reads[n]};
    use_add(s, node_in(g, n, (int)j), u, 0);
  }
}

void fuse_find_readers(FuseState *s) {
  const Graph *g = s->g;
  Ctx *c = g->m->c;
  s->first = ctx_alloc(c, ((size_t)g->n + 2) * sizeof *s->first);
  s->reader = ctx_alloc(c, ((size_t)g->nins + 1) * sizeof *s->reader);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t j = 0; j < node_get(g, n)->nin; j++) s->first[node_in(g, n, (int)j) + 1]++;
  for (int i = 0; i <= g->n; i++) s->first[i + 1] += s->first[i];
  uint32_t *next = ctx_alloc(c, ((size_t)g->n + 2) * sizeof *next);
  memcpy(next, s->first, ((size_t)g->n + 1) * sizeof *next);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t j = 0; j < node_get(g, n)->nin; j++) s->reader[next[node_in(g, n, (int)j)]++] = n;
}
