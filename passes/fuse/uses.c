/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups read a node, and which nodes do. */
#include "passes/fuse/fuse.h"
#include "ir/view.h"
#include <string.h>

const ReadSet READ_ONCE = {.n = 1};

static void read_add(ReadSet *to, uint32_t at) {
  for (int i = 0; i < to->n && i < MAX_READS; i++)
    if (to->at[i] == at) return;
  if (to->n < MAX_READS) to->at[to->n] = at;
  if (to->n <= MAX_READS) to->n++;
}

/* Both together; most are READ_ONCE. */
static const ReadSet *reads_joined(Ctx *c, const ReadSet *a, const ReadSet *b) {
  ReadSet both = *a;
  if (a == b) return a;
  if (b->n > MAX_READS) return b;
  for (int i = 0; i < b->n; i++) read_add(&both, b->at[i]);
  if (both.n == a->n) return a;
  ReadSet *s = ctx_alloc(c, sizeof *s);
  *s = both;
  return s;
}

/* What reads a view reads its operand at other indices. */
static const ReadSet *reads_through(const Graph *g, Id view, const ReadSet *a) {
  const Node *d = node_get(g, view);
  if (a->n > MAX_READS) return a;
  ReadSet *s = ctx_alloc(g->m->c, sizeof *s);
  for (int i = 0; i < a->n; i++) {
    uint32_t h = (a->at[i] ^ d->op) * 0x9e3779b1u;
    h = (h ^ d->attr) * 0x85ebca6bu;
    read_add(s, (h ^ h >> 15 ^ node_get(g, node_in(g, view, 0))->type) * 0xc2b2ae35u);
  }
  return s;
}

static void use_add(FuseState *s, Id n, Use u, int cost) {
  if (!s->uses[n]) s->uses[n] = ctx_alloc(s->g->m->c, sizeof *s->uses[n]);
  NodeUse *k = s->uses[n];
  if (cost > k->inlined_cost) k->inlined_cost = cost;
  for (int i = 0; i < k->n; i++)
    if (k->use[i].group == u.group) {
      k->use[i].operand |= u.operand;
      k->use[i].window |= u.window;
      if (u.depth > k->use[i].depth) k->use[i].depth = u.depth;
      k->use[i].reads = reads_joined(s->g->m->c, k->use[i].reads, u.reads);
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
      if (view) u.reads = reads_through(g, n, u.reads);
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
    Use u = {.group = s->group[n], .operand = j < operands, .depth = depth, .reads = s->reads[n]};
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
