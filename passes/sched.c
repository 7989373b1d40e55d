#include "passes/sched.h"
#include "passes/persist.h"

/* ---- heap and edges ---- */

static bool key_less(HeapKey a, HeapKey b) { return a.cost != b.cost ? a.cost < b.cost : a.item < b.item; }

void heap_push(Ctx *c, Heap *h, int64_t cost, int item) {
  (void)VEC_PUSH(c, h->v, h->n, h->cap);
  int i = h->n - 1;
  HeapKey k = {cost, item};
  for (; i > 0 && key_less(k, h->v[(i - 1) / 2]); i = (i - 1) / 2) h->v[i] = h->v[(i - 1) / 2];
  h->v[i] = k;
}

HeapKey heap_pop(Heap *h) {
  HeapKey top = h->v[0], k = h->v[--h->n];
  int i = 0;
  for (int kid; (kid = 2 * i + 1) < h->n; i = kid) {
    if (kid + 1 < h->n && key_less(h->v[kid + 1], h->v[kid])) kid++;
    if (!key_less(h->v[kid], k)) break;
    h->v[i] = h->v[kid];
  }
  h->v[i] = k;
  return top;
}

void edge_add(Ctx *c, EdgeList *e, int from, int to) { *VEC_PUSH(c, e->v, e->n, e->cap) = (Edge){from, to}; }

Adjacent adjacent(Ctx *c, int n, const EdgeList *e) {
  Adjacent a = {ctx_alloc(c, sizeof(int) * (size_t)(n + 2)), ctx_alloc(c, sizeof(int) * (size_t)(e->n + 1))};
  for (int i = 0; i < e->n; i++) a.first[e->v[i].from + 2]++;
  for (int i = 2; i <= n + 1; i++) a.first[i] += a.first[i - 1];
  for (int i = 0; i < e->n; i++) a.to[a.first[e->v[i].from + 1]++] = e->v[i].to;
  return a;
}

EdgeList sched_flow(const Groups *gs) {
  EdgeList e = {0};
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++) {
      int w = gs->writer[gs->group[k].read[i]];
      if (w >= 0 && w != k) edge_add(gs->g->m->c, &e, w, k);
    }
  return e;
}

/* ---- tasks ---- */

static const int64_t *arena_bytes(const Groups *gs) {
  const Graph *g = gs->g;
  int64_t *bytes = ctx_alloc(g->m->c, sizeof *bytes * (size_t)g->n);
  for (Id b = 1; b < (Id)g->n; b++)
    if (gs->buffer[b] && gs->writer[b] >= 0) bytes[b] = plan_round(g->m, type_bytes(g->m, node_get(g, b)->type));
  for (int i = 0; i < g->nout; i++) bytes[g->out[i].value] = 0; /* these live with the caller */
  return bytes;
}

static void find_takes(Sched *s) {
  const Groups *gs = s->gs;
  int *first = ctx_alloc(s->c, sizeof *first * (size_t)(s->n + 1)), n = 0, cap = 0;
  Take *v = NULL;
  for (int k = 0; k < s->n; first[++k] = n) {
    const Group *p = &gs->group[k];
    for (int i = 0; i < p->nwrite; i++)
      for (int j = 0; j < p->nread; j++) {
        Take t = {p->write[i], p->read[j]};
        if (s->bytes[t.write] && s->bytes[t.write] == s->bytes[t.read] && group_inplace(gs, p, t.read, t.write))
          *VEC_PUSH(s->c, v, n, cap) = t;
      }
  }
  s->take_first = first;
  s->take = v;
}

Sched *sched_make(const Groups *gs) {
  Ctx *c = gs->g->m->c;
  Sched *s = ctx_alloc(c, sizeof *s);
  *s = (Sched){.gs = gs, .c = c, .n = gs->n, .bytes = arena_bytes(gs),
               .stamp = ctx_alloc(c, sizeof(int) * (size_t)gs->g->n)};
  EdgeList e = sched_flow(gs), back = {0}, loads = {0};
  sched_wait_edges(gs, &e);
  for (int i = 0; i < e.n; i++) edge_add(c, &back, e.v[i].to, e.v[i].from);
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++)
      if (s->bytes[gs->group[k].read[i]]) edge_add(c, &loads, (int)gs->group[k].read[i], k);
  s->succ = adjacent(c, gs->n, &e);
  s->pred = adjacent(c, gs->n, &back);
  s->readers = adjacent(c, gs->g->n, &loads);
  find_takes(s);
  return s;
}

/* ---- what lives ---- */

static bool dies_in(const Sched *s, const int *pos, Id b, int k) {
  for (int i = s->readers.first[b]; i < s->readers.first[b + 1]; i++)
    if (pos[s->readers.to[i]] > pos[k]) return false;
  return true;
}

int64_t sched_turn(Sched *s, const int *pos, int k, int64_t *live) {
  const Group *p = &s->gs->group[k];
  int64_t made = 0, freed = 0, taken = 0;
  s->now++; /* stamped: dies here and was not taken over */
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
  for (int i = s->take_first[k]; i < s->take_first[k + 1]; i++) {
    Take t = s->take[i];
    if (t.write == done || s->stamp[t.read] != s->now) continue;
    done = t.write;
    s->stamp[t.read] = 0;
    taken += s->bytes[t.write];
  }
  int64_t during = *live + made + (p->scratch > 0 ? plan_round(s->gs->g->m, p->scratch) : 0) - taken;
  *live += made - freed;
  return during;
}
