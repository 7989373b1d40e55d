/* order: the kernels' order of execution, Anno.pos.
 *
 * needs:  fuse (Anno.kernel)
 * keeps:  the graph's meaning; adds `copy` nodes where a weight's new value cannot take the old one's place
 * breaks: memory (places)
 *
 * Of three orders (construction; what frees bytes as soon as it can; least growth first) the one with the lowest peak
 * of live bytes is taken, the first of equals. All are linear, but for a heap's logarithm. Off: construction order. */
#include "passes/pass.h"
#include "passes/sched.h"
#include <string.h>

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

/* ---- list scheduling ---- */

typedef struct Sched {
  const Groups *gs;
  Ctx *c;
  int64_t *bytes;       /* per node: what it takes in the arena */
  const int *npred0;
  Adjacent succ;
  /* of one run: */
  int *npred;
  int *left, *last;     /* per buffer: loads to come; their groups combined by exclusive or, so the last one's number */
  int64_t *growth;      /* per group: bytes after it less bytes before it, as far as known */
  bool *done;
  int *seq;
} Sched;
typedef enum Rule { BY_CONSTRUCTION, FREE_EARLY, LEAST_GROWTH, NRULES } Rule;

static Sched sched_new(const Groups *gs) {
  const Graph *g = gs->g;
  Sched s = {.gs = gs, .c = g->m->c};
  size_t n = (size_t)gs->n + 1;
  EdgeList e = sched_flow(gs);
  sched_wait_edges(gs, &e);
  s.succ = adjacent(s.c, gs->n, &e);
  int *npred = ctx_alloc(s.c, n * sizeof(int));
  for (int i = 0; i < e.n; i++) npred[e.v[i].to]++;
  s.npred0 = npred;
  s.bytes = ctx_alloc(s.c, sizeof(int64_t) * (size_t)g->n);
  for (Id b = 1; b < (Id)g->n; b++)
    if (gs->buffer[b] && gs->writer[b] >= 0) s.bytes[b] = type_bytes(g->m, node_get(g, b)->type);
  for (int i = 0; i < g->nout; i++) s.bytes[g->out[i].value] = 0; /* these live with the caller */
  s.npred = ctx_alloc(s.c, n * sizeof(int));
  s.left = ctx_alloc(s.c, sizeof(int) * (size_t)g->n);
  s.last = ctx_alloc(s.c, sizeof(int) * (size_t)g->n);
  s.growth = ctx_alloc(s.c, n * sizeof(int64_t));
  s.done = ctx_alloc(s.c, n * sizeof(bool));
  return s;
}

static void sched_reset(Sched *s) {
  const Groups *gs = s->gs;
  memcpy(s->npred, s->npred0, sizeof(int) * (size_t)gs->n);
  memset(s->left, 0, sizeof(int) * (size_t)gs->g->n);
  memset(s->last, 0, sizeof(int) * (size_t)gs->g->n);
  memset(s->done, 0, sizeof(bool) * (size_t)gs->n);
  s->seq = ctx_alloc(s->c, sizeof(int) * (size_t)(gs->n + 1));
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    s->growth[k] = 0;
    for (int i = 0; i < p->nwrite; i++) s->growth[k] += s->bytes[p->write[i]];
    for (int i = 0; i < p->nread; i++) {
      s->left[p->read[i]]++;
      s->last[p->read[i]] ^= k;
    }
  }
  for (Id b = 1; b < (Id)gs->g->n; b++)
    if (s->left[b] == 1) s->growth[s->last[b]] -= s->bytes[b];
    else if (!s->left[b] && gs->writer[b] >= 0) s->growth[gs->writer[b]] -= s->bytes[b]; /* nobody loads it */
}

static void offer(Sched *s, Heap *h, Rule rule, int k) {
  heap_push(s->c, h, rule == BY_CONSTRUCTION ? 0 : rule == FREE_EARLY ? s->growth[k] > 0 : s->growth[k], k);
}

/* The order by one rule into s->seq; returns the peak of live bytes. A group may stand in the heap several times, since
 * its growth falls when it becomes the last to load a buffer; later entries are skipped. */
static int64_t sched_run(Sched *s, Rule rule) {
  const Groups *gs = s->gs;
  Heap h = {0};
  int64_t live = 0, peak = 0;
  int n = 0;
  sched_reset(s);
  for (int k = 0; k < gs->n; k++)
    if (!s->npred[k]) offer(s, &h, rule, k);
  while (h.n) {
    int k = heap_pop(&h).item;
    const Group *p = &gs->group[k];
    if (s->done[k]) continue;
    s->done[k] = true;
    s->seq[n++] = k;
    int64_t made = p->scratch;
    for (int i = 0; i < p->nwrite; i++) made += s->bytes[p->write[i]];
    if (live + made > peak) peak = live + made;
    live += s->growth[k];
    for (int i = 0; i < p->nread; i++) {
      Id b = p->read[i];
      s->last[b] ^= k;
      if (--s->left[b] != 1) continue;
      int other = s->last[b];
      s->growth[other] -= s->bytes[b];
      if (!s->npred[other]) offer(s, &h, rule, other);
    }
    for (int i = s->succ.first[k]; i < s->succ.first[k + 1]; i++)
      if (!--s->npred[s->succ.to[i]]) offer(s, &h, rule, s->succ.to[i]);
  }
  return peak;
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
    diag_error(g->m->c, 413, g->loc, 1, "pass `order` needs `fuse` before it (graph `%s`)", g->name);
    return;
  }
  if (sched_copy_circles(g, gs)) gs = groups_make(g);
  Sched s = sched_new(gs);
  int64_t best = 0;
  int *seq = NULL;
  for (int rule = 0; rule < (plain ? 1 : NRULES); rule++) {
    int64_t peak = sched_run(&s, (Rule)rule);
    if (seq && peak >= best) continue;
    best = peak;
    seq = s.seq;
  }
  for (int i = 0; i < gs->n; i++) {
    const Group *p = &gs->group[seq[i]];
    for (int k = 0; k < p->nnode; k++) g->anno[p->node[k]].pos = (uint32_t)i + 1;
  }
}

void pass_order(Module *m) {
  for (int i = 0; i < m->ngraph; i++) order_graph(m->graph[i], pass_off(m, PASS_order));
}
