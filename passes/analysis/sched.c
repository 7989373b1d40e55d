/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/sched.h"
#include "passes/analysis/model_memory.h"

/* ---- dependences ---- */

EdgeList sched_flow(const Groups *gs) {
  EdgeList e = {0};
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++) {
      int w = gs->writer[gs->group[k].read[i]];
      if (w >= 0 && w != k) edge_add(gs->g->m->c, &e, w, k);
    }
  return e;
}

/* Per node: 1 + the output that writes the var of this leaf; 0: none. */
static int *writes_of_leaves(const Graph *g) {
  Ctx *c = g->m->c;
  int *of_var = ctx_alloc(c, sizeof(int) * (size_t)(g->m->nvar + 1));
  int *of_leaf = ctx_alloc(c, sizeof(int) * (size_t)g->n);
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var >= 0) of_var[g->out[i].var] = i + 1;
  for (Id n = 1; n < (Id)g->n; n++) {
    int v = node_var(g, n);
    if (v >= 0) of_leaf[n] = of_var[v];
  }
  return of_leaf;
}

int sched_loss_group(const Groups *gs) {
  int checked = graph_checked(gs->g);
  return checked < 0 ? -1 : gs->writer[gs->g->out[checked].value];
}

EdgeList sched_anti_dependences(const Groups *gs) {
  const Graph *g = gs->g;
  Ctx *c = g->m->c;
  EdgeList w = {0};
  int *write_of = writes_of_leaves(g), loss = sched_loss_group(gs);
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++) {
      int o = write_of[gs->group[k].read[i]];
      if (o) edge_add(c, &w, k, o - 1);
    }
  for (int i = 0; loss >= 0 && i < g->nout; i++)
    if (g->out[i].var >= 0) edge_add(c, &w, loss, i);
  return w;
}

int sched_writer(const Groups *gs, int out) { return gs->writer[gs->g->out[out].value]; }

static void add_anti_edges(const Groups *gs, EdgeList *e) {
  EdgeList w = sched_anti_dependences(gs);
  for (int i = 0; i < w.n; i++)
    if (sched_writer(gs, w.v[i].to) != w.v[i].from) edge_add(gs->g->m->c, e, w.v[i].from, sched_writer(gs, w.v[i].to));
}

/* ---- kernels and buffers ---- */

static const int64_t *arena_bytes(const Groups *gs) {
  const Graph *g = gs->g;
  int64_t *bytes = ctx_alloc(g->m->c, sizeof *bytes * (size_t)g->n);
  for (Id b = 1; b < (Id)g->n; b++)
    if (gs->buffer[b] && gs->writer[b] >= 0) bytes[b] = plan_round(g->m, node_bytes(g, b));
  for (int i = 0; i < g->nout; i++) bytes[g->out[i].value] = 0; /* results are in the caller's memory */
  return bytes;
}

static void find_inplace_pairs(Sched *s) {
  const Groups *gs = s->gs;
  int *first = ctx_alloc(s->c, sizeof *first * (size_t)(s->n + 1)), n = 0, cap = 0;
  InplacePair *v = NULL;
  for (int k = 0; k < s->n; first[++k] = n) {
    const Group *p = &gs->group[k];
    for (int i = 0; i < p->nwrite; i++)
      for (int j = 0; j < p->nread; j++) {
        InplacePair t = {p->write[i], p->read[j]};
        if (s->bytes[t.write] && s->bytes[t.write] == s->bytes[t.read] && group_inplace(gs, p, t.read, t.write))
          *VEC_PUSH(s->c, v, n, cap) = t;
      }
  }
  s->inplace_first = first;
  s->inplace = v;
}

Sched *sched_make(const Groups *gs) {
  Ctx *c = gs->g->m->c;
  Sched *s = ctx_alloc(c, sizeof *s);
  *s = (Sched){
    .gs = gs, .c = c, .n = gs->n, .bytes = arena_bytes(gs), .stamp = ctx_alloc(c, sizeof(int) * (size_t)gs->g->n)};
  EdgeList e = sched_flow(gs), back = {0}, loads = {0};
  add_anti_edges(gs, &e);
  for (int i = 0; i < e.n; i++) edge_add(c, &back, e.v[i].to, e.v[i].from);
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++)
      if (s->bytes[gs->group[k].read[i]]) edge_add(c, &loads, (int)gs->group[k].read[i], k);
  s->succ = adjacent(c, gs->n, &e);
  s->pred = adjacent(c, gs->n, &back);
  s->readers = adjacent(c, gs->g->n, &loads);
  find_inplace_pairs(s);
  return s;
}

/* ---- live bytes ---- */

static bool dies_in(const Sched *s, const int *pos, Id b, int k) {
  for (int i = s->readers.first[b]; i < s->readers.first[b + 1]; i++)
    if (pos[s->readers.to[i]] > pos[k]) return false;
  return true;
}

int64_t sched_step(Sched *s, const int *pos, int k, int64_t *live) {
  const Group *p = &s->gs->group[k];
  int64_t made = 0, freed = 0, reused = 0;
  s->now++; /* stamped: dies here and is not reused */
  for (int i = 0; i < p->nwrite; i++) {
    Id b = p->write[i];
    made += s->bytes[b];
    if (s->readers.first[b] == s->readers.first[b + 1]) freed += s->bytes[b];
  }
  for (int i = 0; i < p->nread; i++) {
    Id b = p->read[i];
    if (!s->bytes[b] || !dies_in(s, pos, b, k)) continue;
    freed += s->bytes[b];
    s->stamp[b] = s->now;
  }
  Id done = 0;
  for (int i = s->inplace_first[k]; i < s->inplace_first[k + 1]; i++) {
    InplacePair t = s->inplace[i];
    if (t.write == done || s->stamp[t.read] != s->now) continue;
    done = t.write;
    s->stamp[t.read] = 0;
    reused += s->bytes[t.write];
  }
  int64_t during = *live + made + (p->scratch > 0 ? plan_round(s->gs->g->m, p->scratch) : 0) - reused;
  *live += made - freed;
  return during;
}
