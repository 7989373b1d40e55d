/* SPDX-License-Identifier: Apache-2.0 */
/* order: the schedule of kernels: Annotation.pos.
 *
 * needs:  fuse (Annotation.kernel)
 * keeps:  the graph's meaning; adds `copy` nodes where a weight cannot be updated in place
 * breaks: memory
 *
 * List scheduling by three rules (free buffers as soon as possible; least growth first; construction order), each
 * improved by local search. The schedule with the lowest peak of live bytes wins, the first of equals; so a weight's
 * gradient is mostly consumed right after it is computed. Off: construction order. */
#include "passes/pass.h"
#include "passes/order/order.h"
#include <string.h>

/* ---- list scheduling ---- */

typedef enum SchedRule { FREE_FIRST, MIN_GROWTH, BY_CONSTRUCTION, RULE_COUNT } SchedRule;

typedef struct ListSched {
  const Sched *s;
  SchedRule rule;
  int *npred;
  int *left, *last; /* per buffer: loads to come; XOR of the groups that load it: in the end, the last one */
  int64_t *growth;  /* per group: bytes alive after it minus before it, as far as known */
  bool *done;
  int64_t small_growth; /* negligible growth: a thousandth of the largest buffer */
  Heap ready;
} ListSched;

static ListSched list_init(const Sched *s, SchedRule rule) {
  const Groups *gs = s->gs;
  size_t n = (size_t)s->n + 1, nodes = (size_t)gs->g->n;
  ListSched l = {.s = s,
                 .rule = rule,
                 .npred = ctx_alloc(s->c, n * sizeof(int)),
                 .done = ctx_alloc(s->c, n),
                 .growth = ctx_alloc(s->c, n * sizeof(int64_t)),
                 .left = ctx_alloc(s->c, nodes * sizeof(int)),
                 .last = ctx_alloc(s->c, nodes * sizeof(int))};
  for (int k = 0; k < s->n; k++) {
    const Group *p = &gs->group[k];
    l.npred[k] = s->pred.first[k + 1] - s->pred.first[k];
    for (int i = 0; i < p->nwrite; i++) l.growth[k] += s->bytes[p->write[i]];
    for (int i = 0; i < p->nread; i++) {
      l.left[p->read[i]]++;
      l.last[p->read[i]] ^= k;
    }
  }
  for (Id b = 1; b < (Id)gs->g->n; b++) {
    if (s->bytes[b] / 1000 > l.small_growth) l.small_growth = s->bytes[b] / 1000;
    if (l.left[b] == 1) l.growth[l.last[b]] -= s->bytes[b];
    else if (!l.left[b] && gs->writer[b] >= 0) l.growth[gs->writer[b]] -= s->bytes[b]; /* never loaded */
  }
  return l;
}

static void push_ready(ListSched *l, int k) {
  int64_t g = l->growth[k];
  int64_t cost = l->rule == MIN_GROWTH ? g : l->rule == FREE_FIRST ? (g > 0) + (g > l->small_growth) : 0;
  heap_push(l->s->c, &l->ready, cost, k);
}

/* The schedule by one rule. A group may be in the heap several times, since its growth falls when it becomes the last
 * to load a buffer; later entries are skipped. */
static int *list_run(const Sched *s, SchedRule rule) {
  ListSched l = list_init(s, rule);
  int *seq = ctx_alloc(s->c, sizeof *seq * (size_t)(s->n + 1)), n = 0;
  for (int k = 0; k < s->n; k++)
    if (!l.npred[k]) push_ready(&l, k);
  while (l.ready.n) {
    int k = heap_pop(&l.ready).item;
    const Group *p = &s->gs->group[k];
    if (l.done[k]) continue;
    l.done[k] = true;
    seq[n++] = k;
    for (int i = 0; i < p->nread; i++) {
      Id b = p->read[i];
      l.last[b] ^= k;
      if (--l.left[b] != 1) continue;
      int other = l.last[b];
      l.growth[other] -= s->bytes[b];
      if (!l.npred[other]) push_ready(&l, other);
    }
    for (int i = s->succ.first[k]; i < s->succ.first[k + 1]; i++)
      if (!--l.npred[s->succ.to[i]]) push_ready(&l, s->succ.to[i]);
  }
  return seq;
}

static bool has_kernels(const Graph *g, const Groups *gs) {
  for (int i = 0; i < g->nout; i++)
    if (gs->writer[g->out[i].value] < 0) return false;
  return true;
}

static void order_graph(Graph *g, bool plain) {
  graph_annotate(g);
  Groups *gs = groups_make(g);
  if (!has_kernels(g, gs)) {
    diag_error(g->m->c, E_PASS_ORDER, g->loc, 1, "pass `order` needs `fuse` before it (graph `%s`)", g->name);
    return;
  }
  if (order_break_cycles(g, gs)) gs = groups_make(g);
  Sched *s = sched_make(gs);
  int64_t lowest = INT64_MAX;
  const int *seq = NULL;
  for (SchedRule rule = plain ? BY_CONSTRUCTION : 0; rule < RULE_COUNT; rule++) {
    int *by_rule = list_run(s, rule);
    int64_t peak = plain ? 0 : order_local_search(s, by_rule);
    if (peak >= lowest) continue;
    lowest = peak;
    seq = by_rule;
  }
  for (int i = 0; i < gs->n; i++) {
    const Group *p = &gs->group[seq[i]];
    for (int k = 0; k < p->nnode; k++) g->anno[p->node[k]].pos = (uint32_t)i + 1;
  }
}

void pass_order(Module *m) {
  for (int i = 0; i < m->ngraph; i++) order_graph(m->graph[i], pass_off(m, PASS_order));
}
