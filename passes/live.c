#include "passes/live.h"
#include "passes/persist.h"
#include <stdlib.h>

/* What the loss depends on; of a graph that does not train, what anything that leaves it does. */
static const bool *forward_nodes(const Graph *g) {
  bool *fwd = ctx_alloc(g->m->c, (size_t)g->n);
  int loss = graph_loss(g);
  if (loss >= 0) fwd[g->out[loss].value] = true;
  for (int i = 0; i < g->nout && !graph_trains(g); i++) fwd[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; fwd[n] && i < node_get(g, n)->nin; i++) fwd[node_in(g, n, (int)i)] = true;
  return fwd;
}

/* A kernel belongs to the forward pass when the loss needs something that it stores. */
static bool is_forward(const Group *p, const bool *fwd) {
  for (int i = 0; i < p->nwrite; i++)
    if (fwd[p->write[i]]) return true;
  return false;
}

static void find_values(Lives *l) {
  Graph *g = l->g;
  const Groups *gs = l->gs;
  const bool *fwd = l->forward = forward_nodes(g);
  int *number = ctx_alloc(g->m->c, sizeof *number * (size_t)g->n), n = 0;
  Live *v = l->v = ctx_alloc(g->m->c, sizeof *v * (size_t)(g->n + gs->n));
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    bool forward = is_forward(p, fwd);
    if (p->scratch > 0) v[n++] = (Live){p->root, p->scratch, g->anno[p->root].offset, k, k, forward, false, true};
    for (int i = 0; i < p->nread; i++) {
      Live *x = number[p->read[i]] ? &v[number[p->read[i]] - 1] : NULL;
      if (!x) continue;
      x->death = k;
      x->kept |= !forward && x->forward;
    }
    for (int i = 0; i < p->nwrite; i++) {
      Id b = p->write[i], over = g->anno[b].alias;
      if (g->anno[b].space != SP_ARENA) continue;
      if (over && number[over] && v[number[over] - 1].birth < k) v[number[over] - 1].death = k - 1; /* not both */
      v[n++] = (Live){b, type_bytes(g->m, node_get(g, b)->type), g->anno[b].offset, k, k, forward, false, false};
      number[b] = n;
    }
  }
  l->n = n;
}

/* The turn with the most bytes alive: of all values, each up to the next place where one may begin, or of those kept
 * for the backward pass, as they are. */
static int peak_turn(const Lives *l, bool kept, int64_t *peak) {
  int turns = l->gs->n, at = 0;
  int64_t *change = ctx_alloc(l->g->m->c, sizeof *change * (size_t)(turns + 2)), live = 0;
  for (int i = 0; i < l->n; i++) {
    if (kept && !l->v[i].kept) continue;
    int64_t bytes = kept ? l->v[i].bytes : plan_round(l->g->m, l->v[i].bytes);
    change[l->v[i].birth] += bytes;
    change[l->v[i].death + 1] -= bytes;
  }
  *peak = 0;
  for (int t = 0; t < turns; t++) {
    live += change[t];
    if (live <= *peak) continue;
    *peak = live;
    at = t;
  }
  return at;
}

Lives *lives_make(Graph *g) {
  Lives *l = ctx_alloc(g->m->c, sizeof *l);
  *l = (Lives){.g = g, .gs = groups_make(g)};
  find_values(l);
  l->peak_turn = peak_turn(l, false, &l->peak);
  peak_turn(l, true, &l->kept);
  return l;
}

static int by_bytes(const void *a, const void *b) {
  const Live *x = a, *y = b;
  return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : (x->node > y->node) - (x->node < y->node);
}

const Live *lives_at_peak(const Lives *l, int *n) {
  Live *v = ctx_alloc(l->g->m->c, sizeof *v * (size_t)(l->n + 1));
  *n = 0;
  for (int i = 0; i < l->n; i++)
    if (l->v[i].birth <= l->peak_turn && l->peak_turn <= l->v[i].death) v[(*n)++] = l->v[i];
  qsort(v, (size_t)*n, sizeof *v, by_bytes);
  return v;
}

Graph *largest_plan(const Module *m) {
  Graph *most = NULL;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (g->kind != GK_BODY && g->kind != GK_TEST && (!most || g->arena > most->arena)) most = g;
  }
  return most;
}
