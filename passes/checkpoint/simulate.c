/* SPDX-License-Identifier: Apache-2.0 */
/* Simulates the forward and backward steps of some blocks under a plan: live bytes and recomputation. */
#include "passes/checkpoint/checkpoint.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>
#include <string.h>

typedef struct Simulation {
  StepModel *m;
  int from, to;
  bool *kept;
  int ntodo, nevent;
  int64_t live, peak;
  Outcome out;
} Simulation;

static bool inside(const Simulation *r, int b) { return r->m->buf[b].block >= r->from && r->m->buf[b].block <= r->to; }

/* ---- recomputation ---- */

static bool fuses_away(const Simulation *r, int b) { return r->m->buf[b].fuses_away && !r->kept[b] && inside(r, b); }

static void use(Simulation *r, int b, int event) {
  const Buf *x = &r->m->buf[b];
  for (int i = 0; fuses_away(r, b) && i < x->nfrom; i++) use(r, x->from[i], event);
  if (!fuses_away(r, b)) r->m->last[b] = event + 1;
}

/* Schedules b for recomputation unless it is available. Inputs of the first block cannot be recomputed: they are kept
 * if needed. */
static void require(Simulation *r, int b) {
  const Buf *x = &r->m->buf[b];
  for (int i = 0; fuses_away(r, b) && i < x->nfrom; i++) require(r, x->from[i]);
  if (r->m->available[b] || fuses_away(r, b) || !inside(r, b)) return;
  r->m->available[b] = true;
  if (x->block_input && x->block == r->from) r->kept[b] = true;
  else *VEC_PUSH(r->m->c, r->m->todo, r->ntodo, r->m->captodo) = b;
}

static int compare_ints(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Recomputes everything that b needs, operands first: they have lower numbers. */
static void recompute(Simulation *r, int b) {
  r->ntodo = 0;
  require(r, b);
  for (int k = 0; k < r->ntodo; k++)
    for (int i = 0; i < r->m->buf[r->m->todo[k]].nfrom; i++) require(r, r->m->buf[r->m->todo[k]].from[i]);
  if (r->ntodo > 1) qsort(r->m->todo, (size_t)r->ntodo, sizeof *r->m->todo, compare_ints);
  for (int k = 0; k < r->ntodo; k++) {
    const Buf *x = &r->m->buf[r->m->todo[k]];
    *VEC_PUSH(r->m->c, r->m->event, r->nevent, r->m->capevent) = (Event){-1, r->m->todo[k]};
    for (int i = 0; i < x->nfrom; i++) use(r, x->from[i], r->nevent - 1);
    r->out.recompute_seconds += x->seconds;
  }
}

/* Lists the backward steps of the blocks, each after the recomputations that it needs. */
static void list_events(Simulation *r) {
  StepModel *m = r->m;
  for (int b = 0; b < m->nbuf; b++) r->m->available[b] = inside(r, b) && r->kept[b];
  for (int t = 0; t < m->gs->n; t++) {
    if (!m->is_backward[t] || m->block[t] < r->from || m->block[t] > r->to) continue;
    const Group *p = &m->gs->group[t];
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) recompute(r, m->number[p->read[i]] - 1);
    *VEC_PUSH(m->c, r->m->event, r->nevent, r->m->capevent) = (Event){t, -1};
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) use(r, m->number[p->read[i]] - 1, r->nevent - 1);
  }
}

/* ---- backward steps ---- */

static void raise_peak(Simulation *r, int64_t live) {
  if (live > r->peak) r->peak = live;
}

/* Bytes that die with a load of b at `end` (1 + an event; in the forward pass, a step): its own, or those of its
 * operands if it is fused away. */
static int64_t freed_by(Simulation *r, int b, int end) {
  const Buf *x = &r->m->buf[b];
  int64_t freed = 0;
  for (int i = 0; fuses_away(r, b) && i < x->nfrom; i++) freed += freed_by(r, x->from[i], end);
  if (fuses_away(r, b) || r->m->last[b] != end || !inside(r, b)) return freed;
  r->m->last[b] = -1;
  return x->bytes;
}

/* Recomputes a buffer; if element-wise it reuses a dying operand of its size. */
static void run_recompute(Simulation *r, int e) {
  const StepModel *m = r->m;
  const Buf *x = &m->buf[r->m->event[e].buf];
  int64_t freed = 0;
  bool taken = false;
  for (int i = 0; i < x->nfrom; i++) {
    int64_t bytes = freed_by(r, x->from[i], e + 1);
    taken |= x->elem && bytes == x->bytes;
    freed += bytes;
  }
  raise_peak(r, r->live + (taken ? 0 : x->bytes));
  r->live += x->bytes - freed;
}

/* True: event e is the last load of n. */
static bool dies(const Simulation *r, Id n, int e) {
  int b = r->m->number[n];
  if (b) return inside(r, b - 1) && r->m->last[b - 1] == e + 1;
  return r->m->sched->bytes[n] && r->m->last_use[n] == r->m->event[e].step;
}

static void run_step(Simulation *r, int e) {
  const StepModel *m = r->m;
  const int64_t *bytes = m->sched->bytes;
  int t = r->m->event[e].step, k = t;
  const Group *p = &m->gs->group[t];
  int64_t made = p->scratch > 0 ? plan_round(m->g->m, p->scratch) : 0, freed = 0;
  Id done = 0, used = 0;
  for (int i = 0; i < p->nwrite; i++) made += bytes[p->write[i]];
  for (int i = m->sched->inplace_first[k]; i < m->sched->inplace_first[k + 1]; i++) {
    InplacePair x = m->sched->inplace[i];
    if (x.write == done || x.read == used || !dies(r, x.read, e)) continue;
    done = x.write;
    used = x.read;
    made -= bytes[x.write];
  }
  for (int i = 0; i < p->nread; i++)
    if (m->number[p->read[i]]) freed += freed_by(r, m->number[p->read[i]] - 1, e + 1);
  raise_peak(r, r->live + m->backward_live[t] + made);
  r->live -= freed;
}

static void run_backward(Simulation *r) {
  const StepModel *m = r->m;
  r->live = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (inside(r, b) && r->kept[b]) r->live += m->buf[b].bytes;
  for (int e = 0; e < r->nevent; e++) {
    if (r->m->event[e].step >= 0) run_step(r, e);
    else run_recompute(r, e);
  }
}

/* ---- forward steps ---- */

static void run_forward(Simulation *r) {
  const StepModel *m = r->m;
  const int64_t *bytes = m->sched->bytes;
  r->live = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (m->buf[b].block_input && m->buf[b].block == r->from) r->live += m->buf[b].bytes;
  for (int b = 0; b < m->nbuf; b++) m->last[b] = r->kept[b] ? -1 : m->buf[b].last;
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    if (m->is_backward[t] || m->block[t] < r->from || m->block[t] > r->to) continue;
    int64_t made = p->scratch > 0 ? plan_round(m->g->m, p->scratch) : 0, freed = 0;
    Id done = 0;
    for (int i = 0; i < p->nwrite; i++) made += fuses_away(r, m->number[p->write[i]] - 1) ? 0 : bytes[p->write[i]];
    for (int i = m->sched->inplace_first[t]; i < m->sched->inplace_first[t + 1]; i++) {
      InplacePair x = m->sched->inplace[i];
      int b = m->number[x.read];
      if (x.write == done || !b || m->last[b - 1] != t || fuses_away(r, m->number[x.write] - 1)) continue;
      done = x.write;
      made -= bytes[x.write];
    }
    raise_peak(r, r->live + made);
    for (int i = 0; i < p->nwrite; i++) {
      int b = m->number[p->write[i]] - 1;
      if (!fuses_away(r, b) && (m->last[b] > t || r->kept[b])) r->live += bytes[p->write[i]];
    }
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) freed += freed_by(r, m->number[p->read[i]] - 1, t);
    r->live -= freed;
  }
}

Outcome simulate_blocks(StepModel *m, int from, int to, bool *kept) {
  Simulation r = {.m = m, .from = from, .to = to, .kept = kept};
  memset(m->last, 0, sizeof *m->last * (size_t)m->nbuf);
  list_events(&r);
  run_backward(&r);
  run_forward(&r);
  for (int b = 0; b < m->nbuf; b++)
    if (inside(&r, b) && kept[b]) r.out.kept_bytes += m->buf[b].bytes;
  r.out.peak = r.peak;
  return r.out;
}
