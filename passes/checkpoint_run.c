/* A run of some blocks under a plan: what lives when, and what is computed again. */
#include "passes/checkpoint.h"
#include "passes/persist.h"
#include <stdlib.h>
#include <string.h>

typedef struct Run {
  Model *m;
  int from, to;
  bool *kept;
  int ntodo, nevent;
  int64_t live, peak;
  Outcome out;
} Run;

static bool inside(const Run *r, int b) { return r->m->buf[b].home >= r->from && r->m->buf[b].home <= r->to; }

/* ---- computing again ---- */

static bool melts(const Run *r, int b) { return r->m->buf[b].melts && !r->kept[b] && inside(r, b); }

static void use(Run *r, int b, int event) {
  const Buf *x = &r->m->buf[b];
  for (int i = 0; melts(r, b) && i < x->nfrom; i++) use(r, x->from[i], event);
  if (!melts(r, b)) r->m->last[b] = event + 1;
}

/* Puts b, if it is not there, among what is to be computed again. What leads into the first block cannot be: it is kept
 * when it is needed. */
static void want(Run *r, int b) {
  const Buf *x = &r->m->buf[b];
  for (int i = 0; melts(r, b) && i < x->nfrom; i++) want(r, x->from[i]);
  if (r->m->there[b] || melts(r, b) || !inside(r, b)) return;
  r->m->there[b] = true;
  if (x->entry && x->home == r->from) r->kept[b] = true;
  else *VEC_PUSH(r->m->c, r->m->todo, r->ntodo, r->m->captodo) = b;
}

static int by_number(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

/* Everything that is missing for b, operands first: their numbers are smaller. */
static void again(Run *r, int b) {
  r->ntodo = 0;
  want(r, b);
  for (int k = 0; k < r->ntodo; k++)
    for (int i = 0; i < r->m->buf[r->m->todo[k]].nfrom; i++) want(r, r->m->buf[r->m->todo[k]].from[i]);
  if (r->ntodo > 1) qsort(r->m->todo, (size_t)r->ntodo, sizeof *r->m->todo, by_number);
  for (int k = 0; k < r->ntodo; k++) {
    const Buf *x = &r->m->buf[r->m->todo[k]];
    *VEC_PUSH(r->m->c, r->m->event, r->nevent, r->m->capevent) = (Event){-1, r->m->todo[k]};
    for (int i = 0; i < x->nfrom; i++) use(r, x->from[i], r->nevent - 1);
    r->out.added += x->seconds;
  }
}

/* The backward turns of the blocks, and before each what must be computed again for it. */
static void list_events(Run *r) {
  Model *m = r->m;
  for (int b = 0; b < m->nbuf; b++) r->m->there[b] = inside(r, b) && r->kept[b];
  for (int t = 0; t < m->gs->n; t++) {
    if (!m->late[t] || m->block[t] < r->from || m->block[t] > r->to) continue;
    const Group *p = &m->gs->group[t];
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) again(r, m->number[p->read[i]] - 1);
    *VEC_PUSH(m->c, r->m->event, r->nevent, r->m->capevent) = (Event){t, -1};
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) use(r, m->number[p->read[i]] - 1, r->nevent - 1);
  }
}

/* ---- the backward turns ---- */

static void top(Run *r, int64_t live) {
  if (live > r->peak) r->peak = live;
}

/* The bytes that a load of b frees at `end`, 1 + an event (forwards: a turn): its own, or those of what it is made of. */
static int64_t freed_by(Run *r, int b, int end) {
  const Buf *x = &r->m->buf[b];
  int64_t freed = 0;
  for (int i = 0; melts(r, b) && i < x->nfrom; i++) freed += freed_by(r, x->from[i], end);
  if (melts(r, b) || r->m->last[b] != end || !inside(r, b)) return freed;
  r->m->last[b] = -1;
  return x->bytes;
}

/* Computes a buffer again; it takes over an operand that dies, element by element, of its size. */
static void run_again(Run *r, int e) {
  const Model *m = r->m;
  const Buf *x = &m->buf[r->m->event[e].buf];
  int64_t freed = 0;
  bool taken = false;
  for (int i = 0; i < x->nfrom; i++) {
    int64_t bytes = freed_by(r, x->from[i], e + 1);
    taken |= x->elem && bytes == x->bytes;
    freed += bytes;
  }
  top(r, r->live + (taken ? 0 : x->bytes));
  r->live += x->bytes - freed;
}

/* Whether the last load of n is the event's. */
static bool dies(const Run *r, Id n, int e) {
  int b = r->m->number[n];
  if (b) return inside(r, b - 1) && r->m->last[b - 1] == e + 1;
  return r->m->sched->bytes[n] && r->m->death[n] == r->m->event[e].turn;
}

static void run_turn(Run *r, int e) {
  const Model *m = r->m;
  const int64_t *bytes = m->sched->bytes;
  int t = r->m->event[e].turn, k = t;
  const Group *p = &m->gs->group[t];
  int64_t made = p->scratch > 0 ? plan_round(m->g->m, p->scratch) : 0, freed = 0;
  Id done = 0, used = 0;
  for (int i = 0; i < p->nwrite; i++) made += bytes[p->write[i]];
  for (int i = m->sched->take_first[k]; i < m->sched->take_first[k + 1]; i++) {
    Take x = m->sched->take[i];
    if (x.write == done || x.read == used || !dies(r, x.read, e)) continue;
    done = x.write, used = x.read;
    made -= bytes[x.write];
  }
  for (int i = 0; i < p->nread; i++)
    if (m->number[p->read[i]]) freed += freed_by(r, m->number[p->read[i]] - 1, e + 1);
  top(r, r->live + m->others[t] + made);
  r->live -= freed;
}

static void run_backward(Run *r) {
  const Model *m = r->m;
  r->live = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (inside(r, b) && r->kept[b]) r->live += m->buf[b].bytes;
  for (int e = 0; e < r->nevent; e++) {
    if (r->m->event[e].turn >= 0) run_turn(r, e);
    else run_again(r, e);
  }
}

/* ---- the forward turns ---- */

static void run_forward(Run *r) {
  const Model *m = r->m;
  const int64_t *bytes = m->sched->bytes;
  r->live = 0;
  for (int b = 0; b < m->nbuf; b++)
    if (m->buf[b].entry && m->buf[b].home == r->from) r->live += m->buf[b].bytes;
  for (int b = 0; b < m->nbuf; b++) m->last[b] = r->kept[b] ? -1 : m->buf[b].last;
  for (int t = 0; t < m->gs->n; t++) {
    const Group *p = &m->gs->group[t];
    if (m->late[t] || m->block[t] < r->from || m->block[t] > r->to) continue;
    int64_t made = p->scratch > 0 ? plan_round(m->g->m, p->scratch) : 0, freed = 0;
    Id done = 0;
    for (int i = 0; i < p->nwrite; i++) made += melts(r, m->number[p->write[i]] - 1) ? 0 : bytes[p->write[i]];
    for (int i = m->sched->take_first[t]; i < m->sched->take_first[t + 1]; i++) {
      Take x = m->sched->take[i];
      int b = m->number[x.read];
      if (x.write == done || !b || m->last[b - 1] != t || melts(r, m->number[x.write] - 1)) continue;
      done = x.write;
      made -= bytes[x.write];
    }
    top(r, r->live + made);
    for (int i = 0; i < p->nwrite; i++) {
      int b = m->number[p->write[i]] - 1;
      if (!melts(r, b) && (m->last[b] > t || r->kept[b])) r->live += bytes[p->write[i]];
    }
    for (int i = 0; i < p->nread; i++)
      if (m->number[p->read[i]]) freed += freed_by(r, m->number[p->read[i]] - 1, t);
    r->live -= freed;
  }
}

Outcome model_run(Model *m, int from, int to, bool *kept) {
  Run r = {.m = m, .from = from, .to = to, .kept = kept};
  memset(m->last, 0, sizeof *m->last * (size_t)m->nbuf);
  list_events(&r);
  run_backward(&r);
  run_forward(&r);
  for (int b = 0; b < m->nbuf; b++)
    if (inside(&r, b) && kept[b]) r.out.held += m->buf[b].bytes;
  r.out.peak = r.peak;
  return r.out;
}
