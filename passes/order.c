/* order: the kernels' order of execution, Anno.pos.
 *
 * needs:  fuse (Anno.kernel)
 * keeps:  the graph's meaning; adds `copy` nodes where a weight's new value cannot take the old one's place
 * breaks: memory (places)
 *
 * Three orders (what frees bytes as soon as it can; least growth first; construction) are made, all linear but for a
 * heap's logarithm, and improved (order_improve.c). The one with the lowest peak of live bytes is taken, the first of
 * equals, so that mostly a weight's gradient is used up right after it was made. Off: construction order. */
#include "passes/pass.h"
#include "passes/sched.h"
#include <string.h>

/* ---- list scheduling ---- */

typedef enum Rule { FREE_EARLY, LEAST_GROWTH, BY_CONSTRUCTION, NRULES } Rule;

typedef struct List {
  const Sched *s;
  Rule rule;
  int *npred;
  int *left, *last;     /* per buffer: loads to come; their groups combined by exclusive or, so the last one's number */
  int64_t *growth;      /* per group: bytes after it less bytes before it, as far as known */
  bool *done;
  int64_t crumb;        /* growth that hardly counts: a thousandth of the largest buffer */
  Heap ready;
} List;

static List list_start(const Sched *s, Rule rule) {
  const Groups *gs = s->gs;
  size_t n = (size_t)s->n + 1, nodes = (size_t)gs->g->n;
  List l = {.s = s, .rule = rule, .npred = ctx_alloc(s->c, n * sizeof(int)), .done = ctx_alloc(s->c, n),
            .growth = ctx_alloc(s->c, n * sizeof(int64_t)), .left = ctx_alloc(s->c, nodes * sizeof(int)),
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
    if (s->bytes[b] / 1000 > l.crumb) l.crumb = s->bytes[b] / 1000;
    if (l.left[b] == 1) l.growth[l.last[b]] -= s->bytes[b];
    else if (!l.left[b] && gs->writer[b] >= 0) l.growth[gs->writer[b]] -= s->bytes[b]; /* nobody loads it */
  }
  return l;
}

static void offer(List *l, int k) {
  int64_t g = l->growth[k];
  int64_t cost = l->rule == LEAST_GROWTH ? g : l->rule == FREE_EARLY ? (g > 0) + (g > l->crumb) : 0;
  heap_push(l->s->c, &l->ready, cost, k);
}

/* The order by one rule. A group may stand in the heap several times, since its growth falls when it becomes the last
 * to load a buffer; later entries are skipped. */
static int *list_run(const Sched *s, Rule rule) {
  List l = list_start(s, rule);
  int *seq = ctx_alloc(s->c, sizeof *seq * (size_t)(s->n + 1)), n = 0;
  for (int k = 0; k < s->n; k++)
    if (!l.npred[k]) offer(&l, k);
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
      if (!l.npred[other]) offer(&l, other);
    }
    for (int i = s->succ.first[k]; i < s->succ.first[k + 1]; i++)
      if (!--l.npred[s->succ.to[i]]) offer(&l, s->succ.to[i]);
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
    diag_error(g->m->c, 413, g->loc, 1, "pass `order` needs `fuse` before it (graph `%s`)", g->name);
    return;
  }
  if (sched_copy_circles(g, gs)) gs = groups_make(g);
  Sched *s = sched_make(gs);
  int64_t least = INT64_MAX;
  const int *seq = NULL;
  for (Rule rule = plain ? BY_CONSTRUCTION : 0; rule < NRULES; rule++) {
    int *by_rule = list_run(s, rule);
    int64_t peak = plain ? 0 : sched_improve(s, by_rule);
    if (peak >= least) continue;
    least = peak;
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
