/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/liveness.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>

/* What the loss depends on; in a graph that does not train, what any result depends on. */
static const bool *find_forward(const Graph *g) {
  bool *fwd = ctx_alloc(g->m->c, (size_t)g->n);
  int loss = graph_loss(g);
  if (loss >= 0) fwd[g->out[loss].value] = true;
  for (int i = 0; i < g->nout && !graph_trains(g); i++) fwd[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; fwd[n] && i < node_get(g, n)->nin; i++) fwd[node_in(g, n, (int)i)] = true;
  return fwd;
}

/* A kernel is forward if the loss depends on something that it stores. */
static bool is_forward(const Group *p, const bool *fwd) {
  for (int i = 0; i < p->nwrite; i++)
    if (fwd[p->write[i]]) return true;
  return false;
}

static void find_ranges(Liveness *l) {
  Graph *g = l->g;
  const Groups *gs = l->gs;
  const bool *fwd = l->forward = find_forward(g);
  int *number = ctx_alloc(g->m->c, sizeof *number * (size_t)g->n), n = 0;
  LiveRange *v = l->v = ctx_alloc(g->m->c, sizeof *v * (size_t)(g->n + gs->n));
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    bool forward = is_forward(p, fwd);
    if (p->scratch > 0) v[n++] = (LiveRange){p->root, p->scratch, *group_scratch_at(g, p), k, k, forward, false, true};
    for (int i = 0; i < p->nread; i++) {
      LiveRange *x = number[p->read[i]] ? &v[number[p->read[i]] - 1] : NULL;
      if (!x) continue;
      x->end = k;
      x->kept |= !forward && x->forward;
    }
    for (int i = 0; i < p->nwrite; i++) {
      Id b = p->write[i], over = g->anno[b].alias;
      if (g->anno[b].space != SP_ARENA) continue;
      if (over && number[over] && v[number[over] - 1].start < k) v[number[over] - 1].end = k - 1;
      v[n++] = (LiveRange){b, node_bytes(g, b), g->anno[b].offset, k, k, forward, false, false};
      number[b] = n;
    }
  }
  l->n = n;
}

/* The step with the most bytes alive: of all values with alignment, or of those kept for the backward pass without. */
static int peak_step(const Liveness *l, bool kept, int64_t *peak) {
  int steps = l->gs->n, at = 0;
  int64_t *change = ctx_alloc(l->g->m->c, sizeof *change * (size_t)(steps + 2)), live = 0;
  for (int i = 0; i < l->n; i++) {
    if (kept && !l->v[i].kept) continue;
    int64_t bytes = kept ? l->v[i].bytes : plan_round(l->g->m, l->v[i].bytes);
    change[l->v[i].start] += bytes;
    change[l->v[i].end + 1] -= bytes;
  }
  *peak = 0;
  for (int t = 0; t < steps; t++) {
    live += change[t];
    if (live <= *peak) continue;
    *peak = live;
    at = t;
  }
  return at;
}

Liveness *liveness_make(Graph *g) {
  Liveness *l = ctx_alloc(g->m->c, sizeof *l);
  *l = (Liveness){.g = g, .gs = groups_make(g)};
  find_ranges(l);
  l->peak_step = peak_step(l, false, &l->peak);
  peak_step(l, true, &l->kept);
  return l;
}

static int by_bytes(const void *a, const void *b) {
  const LiveRange *x = a, *y = b;
  return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : (x->node > y->node) - (x->node < y->node);
}

const LiveRange *live_at_peak(const Liveness *l, int *n) {
  LiveRange *v = ctx_alloc(l->g->m->c, sizeof *v * (size_t)(l->n + 1));
  *n = 0;
  for (int i = 0; i < l->n; i++)
    if (l->v[i].start <= l->peak_step && l->peak_step <= l->v[i].end) v[(*n)++] = l->v[i];
  qsort(v, (size_t)*n, sizeof *v, by_bytes);
  return v;
}

Graph *largest_plan(const Module *m) {
  Graph *peak = NULL;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (g->kind != GK_BODY && g->kind != GK_TEST && (!peak || g->arena > peak->arena)) peak = g;
  }
  return peak;
}
