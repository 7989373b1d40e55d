/* Circles: the order between weights' readers and writers.
 *
 * A weight is updated in place, so whatever reads its old value runs before the kernel that writes the new one, and so
 * does the kernel of the loss in a training graph: nothing is written when the loss is not finite. These waits can
 * close a circle (the new value is needed by a reader of the old one); then the new value keeps a buffer of its own,
 * and a copy kernel moves it at the end. */
#include "passes/sched.h"
#include <string.h>

/* Waits: edges from a group to the number of the output that has to come after it. */

static bool is_var_leaf(const Graph *g, Id n) {
  return node_get(g, n)->op == OP_param || node_get(g, n)->op == OP_state;
}

/* Per node: 1 + the output that writes the var of this leaf; 0 for all others. */
static int *writes_of_leaves(const Graph *g) {
  Ctx *c = g->m->c;
  int *of_var = ctx_alloc(c, sizeof(int) * (size_t)(g->m->nvar + 1));
  int *of_leaf = ctx_alloc(c, sizeof(int) * (size_t)g->n);
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var >= 0) of_var[g->out[i].var] = i + 1;
  for (Id n = 1; n < (Id)g->n; n++) {
    int v = is_var_leaf(g, n) ? var_find(g->m, node_attr(g, n, 0)->s) : -1;
    if (v >= 0) of_leaf[n] = of_var[v];
  }
  return of_leaf;
}

/* The group that makes the loss, or what else is checked; -1: none. */
static int loss_group(const Groups *gs) {
  int checked = graph_checked(gs->g);
  return checked < 0 ? -1 : gs->writer[gs->g->out[checked].value];
}

static EdgeList waits_make(const Groups *gs) {
  const Graph *g = gs->g;
  Ctx *c = g->m->c;
  EdgeList w = {0};
  int *write_of = writes_of_leaves(g), loss = loss_group(gs);
  for (int k = 0; k < gs->n; k++)
    for (int i = 0; i < gs->group[k].nread; i++) {
      int o = write_of[gs->group[k].read[i]];
      if (o) edge_add(c, &w, k, o - 1);
    }
  for (int i = 0; loss >= 0 && i < g->nout; i++)
    if (g->out[i].var >= 0) edge_add(c, &w, loss, i);
  return w;
}

static int writer_of(const Groups *gs, int out) { return gs->writer[gs->g->out[out].value]; }

/* The writer reads the old value too: well when it may work in place, and is not the kernel of the loss itself. */
static bool own_wait_well(const Groups *gs, int loss, Edge wait) {
  const Graph *g = gs->g;
  const Out *o = &g->out[wait.to];
  const Group *k = &gs->group[wait.from];
  if (wait.from == loss) return false;
  for (int i = 0; i < k->nread; i++)
    if (is_var_leaf(g, k->read[i]) && node_attr(g, k->read[i], 0)->s == g->m->var[o->var].name)
      return group_inplace(gs, k, k->read[i], o->value);
  return false;
}

typedef struct Circles {
  const Groups *gs;
  Ctx *c;
  bool *copied;       /* per output */
  int *unmet;         /* per output: waits not yet met */
  int *hard, *soft;   /* per group: inputs not yet made; waits of its outputs not yet met */
  bool *done;
  Adjacent succ, waits, writes; /* groups after a group; outputs that wait for it; outputs that it writes */
  Heap ready, blocked;
} Circles;

static void *zeros(Ctx *c, int n, size_t size) { return ctx_alloc(c, size * (size_t)(n + 1)); }

static void circles_start(Circles *s) {
  const Graph *g = s->gs->g;
  int n = s->gs->n, loss = loss_group(s->gs);
  EdgeList flow = sched_flow(s->gs), waits = waits_make(s->gs), others = {0}, writes = {0};
  s->copied = zeros(s->c, g->nout, sizeof(bool));
  s->done = zeros(s->c, n, sizeof(bool));
  s->unmet = zeros(s->c, g->nout, sizeof(int));
  s->hard = zeros(s->c, n, sizeof(int));
  s->soft = zeros(s->c, n, sizeof(int));
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    edge_add(s->c, &writes, writer_of(s->gs, i), i);
    s->copied[i] = g->anno[g->out[i].value].stored != g->m->var[g->out[i].var].stored;
  }
  for (int i = 0; i < waits.n; i++)
    if (writer_of(s->gs, waits.v[i].to) == waits.v[i].from && !own_wait_well(s->gs, loss, waits.v[i]))
      s->copied[waits.v[i].to] = true;
  for (int i = 0; i < waits.n; i++) {
    Edge w = waits.v[i];
    if (s->copied[w.to] || writer_of(s->gs, w.to) == w.from) continue;
    edge_add(s->c, &others, w.from, w.to);
    s->unmet[w.to]++;
    s->soft[writer_of(s->gs, w.to)]++;
  }
  for (int i = 0; i < flow.n; i++) s->hard[flow.v[i].to]++;
  s->succ = adjacent(s->c, n, &flow);
  s->waits = adjacent(s->c, n, &others);
  s->writes = adjacent(s->c, n, &writes);
  for (int k = 0; k < n; k++)
    if (!s->hard[k]) heap_push(s->c, s->soft[k] ? &s->blocked : &s->ready, k, k);
}

static void circles_run(Circles *s, int k) {
  s->done[k] = true;
  for (int i = s->succ.first[k]; i < s->succ.first[k + 1]; i++) {
    int next = s->succ.to[i];
    if (!--s->hard[next]) heap_push(s->c, s->soft[next] ? &s->blocked : &s->ready, next, next);
  }
  for (int i = s->waits.first[k]; i < s->waits.first[k + 1]; i++) {
    int out = s->waits.to[i], next = writer_of(s->gs, out);
    s->unmet[out]--;
    if (!--s->soft[next] && !s->hard[next]) heap_push(s->c, &s->ready, next, next);
  }
}

/* Runs the kernels in construction order as far as waits let it; when none can run, the first that only waits for
 * readers goes ahead, and those of its writes that still wait are copied. */
static const bool *circles_find(Circles *s) {
  circles_start(s);
  while (s->ready.n || s->blocked.n) {
    bool free = s->ready.n > 0;
    int k = heap_pop(free ? &s->ready : &s->blocked).item;
    if (s->done[k]) continue;
    for (int i = s->writes.first[k]; !free && i < s->writes.first[k + 1]; i++)
      if (s->unmet[s->writes.to[i]] > 0) s->copied[s->writes.to[i]] = true;
    circles_run(s, k);
  }
  return s->copied;
}

bool sched_copy_circles(Graph *g, const Groups *gs) {
  Circles s = {.gs = gs, .c = g->m->c};
  const bool *copied = circles_find(&s);
  uint32_t kernel = 0, clone = 0;
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++)
    if (g->anno[n].kernel > kernel) kernel = g->anno[n].kernel;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0 || !copied[i]) continue;
    Id value = g->out[i].value, n, before = (Id)g->n;
    do { /* a new node, whatever other copies of the value there are */
      n = graph_node(g, OP_copy, &value, 1, clone ? attr_with(g->m, OP_copy, 0, clone, 0) : 0, g->out[i].loc);
    } while (n < before && ++clone);
    graph_annotate(g);
    g->anno[n] = (Anno){.kernel = ++kernel, .stored = g->m->var[g->out[i].var].stored};
    g->out[i].value = n;
    any = true;
  }
  return any;
}

void sched_wait_edges(const Groups *gs, EdgeList *e) {
  EdgeList w = waits_make(gs);
  for (int i = 0; i < w.n; i++)
    if (writer_of(gs, w.v[i].to) != w.v[i].from) edge_add(gs->g->m->c, e, w.v[i].from, writer_of(gs, w.v[i].to));
}
