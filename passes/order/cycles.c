/* SPDX-License-Identifier: Apache-2.0 */
/* In-place weight updates add anti-dependences (reader before writer); in a training graph the kernel of the loss is
 * such a reader too, since nothing is written if the loss is not finite. They can close a cycle: a reader of the old
 * value may need the new one. Then the new value gets a buffer of its own, and a copy kernel writes it at the end. */
#include "passes/order/order.h"
#include <string.h>

/* The writer reads the old value itself: fine if it may work in place and does not compute the loss. */
static bool may_update_inplace(const Groups *gs, int loss, Edge dep) {
  const Graph *g = gs->g;
  const Out *o = &g->out[dep.to];
  const Group *k = &gs->group[dep.from];
  if (dep.from == loss) return false;
  for (int i = 0; i < k->nread; i++)
    if (node_var(g, k->read[i]) == o->var) return group_inplace(gs, k, k->read[i], o->value);
  return false;
}

typedef struct CycleBreaker {
  const Groups *gs;
  Ctx *c;
  bool *copied;       /* per output */
  int *pending;       /* per output: anti-dependences not yet met */
  int *npred, *nanti; /* per group: operands not yet computed; anti-dependences of its outputs not yet met */
  bool *done;
  Adjacency succ, anti, writes; /* of a group: successors; outputs written after it; outputs it writes */
  Heap ready, blocked;
} CycleBreaker;

static void cycles_start(CycleBreaker *s) {
  const Graph *g = s->gs->g;
  int n = s->gs->n, loss = sched_loss_group(s->gs);
  EdgeList flow = sched_flow(s->gs), anti = sched_anti_dependences(s->gs), edges = {0}, writes = {0};
  s->copied = ctx_array(s->c, g->nout, sizeof(bool));
  s->done = ctx_array(s->c, n, sizeof(bool));
  s->pending = ctx_array(s->c, g->nout, sizeof(int));
  s->npred = ctx_array(s->c, n, sizeof(int));
  s->nanti = ctx_array(s->c, n, sizeof(int));
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    edge_add(s->c, &writes, sched_writer(s->gs, i), i);
    s->copied[i] = g->anno[g->out[i].value].stored != g->m->var[g->out[i].var].stored;
  }
  for (int i = 0; i < anti.n; i++)
    if (sched_writer(s->gs, anti.v[i].to) == anti.v[i].from && !may_update_inplace(s->gs, loss, anti.v[i]))
      s->copied[anti.v[i].to] = true;
  for (int i = 0; i < anti.n; i++) {
    Edge w = anti.v[i];
    if (s->copied[w.to] || sched_writer(s->gs, w.to) == w.from) continue;
    edge_add(s->c, &edges, w.from, w.to);
    s->pending[w.to]++;
    s->nanti[sched_writer(s->gs, w.to)]++;
  }
  for (int i = 0; i < flow.n; i++) s->npred[flow.v[i].to]++;
  s->succ = adjacent(s->c, n, &flow);
  s->anti = adjacent(s->c, n, &edges);
  s->writes = adjacent(s->c, n, &writes);
  for (int k = 0; k < n; k++)
    if (!s->npred[k]) heap_push(s->c, s->nanti[k] ? &s->blocked : &s->ready, k, k);
}

static void cycles_run(CycleBreaker *s, int k) {
  s->done[k] = true;
  for (int i = s->succ.first[k]; i < s->succ.first[k + 1]; i++) {
    int next = s->succ.to[i];
    if (!--s->npred[next]) heap_push(s->c, s->nanti[next] ? &s->blocked : &s->ready, next, next);
  }
  for (int i = s->anti.first[k]; i < s->anti.first[k + 1]; i++) {
    int out = s->anti.to[i], next = sched_writer(s->gs, out);
    s->pending[out]--;
    if (!--s->nanti[next] && !s->npred[next]) heap_push(s->c, &s->ready, next, next);
  }
}

/* Runs the kernels in construction order as far as anti-dependences allow. If none can run, the first that waits only
 * for anti-dependences runs, and its outputs with unmet ones are copied. */
static const bool *cycles_find(CycleBreaker *s) {
  cycles_start(s);
  while (s->ready.n || s->blocked.n) {
    bool free = s->ready.n > 0;
    int k = heap_pop(free ? &s->ready : &s->blocked).item;
    if (s->done[k]) continue;
    for (int i = s->writes.first[k]; !free && i < s->writes.first[k + 1]; i++)
      if (s->pending[s->writes.to[i]] > 0) s->copied[s->writes.to[i]] = true;
    cycles_run(s, k);
  }
  return s->copied;
}

bool order_break_cycles(Graph *g, const Groups *gs) {
  CycleBreaker s = {.gs = gs, .c = g->m->c};
  const bool *copied = cycles_find(&s);
  uint32_t kernel = 0, clone = 0;
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++)
    if (g->anno[n].kernel > kernel) kernel = g->anno[n].kernel;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0 || !copied[i]) continue;
    Id value = g->out[i].value, n, before = (Id)g->n;
    do { /* a new node even if the value has other copies */
      n = graph_node(g, OP_copy, &value, 1, clone ? attr_with(g->m, OP_copy, 0, clone, 0) : 0, g->out[i].loc);
    } while (n < before && ++clone);
    graph_annotate(g);
    g->anno[n] = (Annotation){.kernel = ++kernel, .stored = g->m->var[g->out[i].var].stored};
    g->out[i].value = n;
    any = true;
  }
  return any;
}
