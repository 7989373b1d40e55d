/* The list of plans for a budget: those along the chain, as the model sees them, and while trials last what comes of them
 * when one buffer more or less is kept: the planner may find an order of which the model knows nothing. */
#include "passes/checkpoint.h"
#include "passes/joint.h"
#include "passes/pass.h"
#include <string.h>

Candidate checkpoint_judge(Module *m, int graph, const bool *drop) {
  Ctx *c = ctx_fork(m->c);
  Module *t = module_copy(c, m);
  Graph *g = t->graph[graph];
  if (drop) joint_recompute(g, joint_late(g), drop, CLONE_BUDGET);
  passes_behind(t, PASS_checkpoint);
  Candidate v = {t->head_bytes + t->persistent_bytes + g->arena, graph_seconds(g, &common_rates)};
  if (diag_errors(c)) v.bytes = INT64_MAX;
  ctx_free(c);
  return v;
}

/* The forward nodes that a plan computes again: all that do not lie in the buffers that it keeps. A view goes with what
 * it shows; the caller's results are at hand. */
static const bool *nodes_dropped(const Graph *g, const bool *late, const Model *model, const bool *kept) {
  bool *drop = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    int b = model->number[n];
    bool view = node_info(g, n)->cls == CL_VIEW && !b;
    if (late[n] || joint_is_free(g, n)) continue;
    drop[n] = b ? model->buf[b - 1].bytes > 0 && !kept[b - 1] : !view;
    for (uint32_t i = 0; view && i < node_get(g, n)->nin; i++) drop[n] |= drop[node_in(g, n, (int)i)];
  }
  for (int i = 0; i < g->nout; i++) drop[g->out[i].value] = false;
  for (Id n = 1; n < (Id)g->n; n++) /* a scan for any of its elements */
    if (node_info(g, n)->cls == CL_TUPLE && drop[n]) drop[node_in(g, n, 0)] = true;
  return drop;
}

/* A trial plan in the rows of memory, whose first nodes are the graph's own. */
static Model *model_of(Ctx *c, const Module *m, int graph) {
  Module *t = module_copy(c, m);
  t->opt.off |= (uint64_t)1 << PASS_layout;
  pass_fuse(t);
  pass_order(t);
  pass_memory(t);
  return model_make(t->graph[graph], joint_late(t->graph[graph]));
}

/* How many plans a graph is tried with: many for a small one, so that the list has every plan that a short chain needs. */
static int trials_for(const Graph *g) {
  enum { FEWEST = 40, MOST = 3000, PAIRS = 40000000 };
  int n = (int)(PAIRS / ((int64_t)g->n * g->n));
  return n < FEWEST ? FEWEST : n > MOST ? MOST : n;
}

typedef struct Search {
  Module *m;
  int graph, trials;
  const bool *late;
  Model *model;
  Plans p;
  int cap, capv;
  const bool **kept; int nkept, capkept; /* per plan: what it keeps, per buffer of the model */
  bool *grown;           /* per plan: its neighbours were tried */
} Search;

static bool is_known(const Search *s, const bool *kept) {
  for (int i = 1; i < s->nkept; i++)
    if (!memcmp(s->kept[i], kept, (size_t)s->model->nbuf)) return true;
  return false;
}

/* Judges a plan and lists it. kept NULL: nothing is computed again. */
static void try_plan(Search *s, const bool *kept) {
  Ctx *c = s->m->c;
  int n = s->p.n;
  const bool *drop = kept ? nodes_dropped(s->m->graph[s->graph], s->late, s->model, kept) : NULL;
  *VEC_PUSH(c, s->p.drop, s->p.n, s->cap) = drop;
  *VEC_PUSH(c, s->p.v, n, s->capv) = checkpoint_judge(s->m, s->graph, drop);
  *VEC_PUSH(s->model->c, s->kept, s->nkept, s->capkept) = kept;
  s->trials--;
}

static bool is_beaten(const Search *s, int plan) {
  const Candidate *v = s->p.v, *x = &v[plan];
  for (int i = 1; i < s->p.n; i++) {
    bool same = v[i].bytes == x->bytes && v[i].added == x->added;
    if (v[i].bytes <= x->bytes && v[i].added <= x->added && (!same || i < plan)) return true;
  }
  return false;
}

/* The first plan that none beats, else the first; 0: the neighbours of all were tried. */
static int next_to_grow(const Search *s) {
  int first = 0;
  for (int i = 1; i < s->p.n; i++) {
    if (s->grown[i]) continue;
    if (!is_beaten(s, i)) return i;
    if (!first) first = i;
  }
  return first;
}

static void try_neighbours(Search *s, int plan) {
  const Model *m = s->model;
  for (int b = 0; b < m->nbuf && s->trials > 0; b++) {
    if (m->buf[b].small || !(m->buf[b].wanted || s->kept[plan][b])) continue;
    bool *kept = ctx_alloc(m->c, (size_t)m->nbuf);
    memcpy(kept, s->kept[plan], (size_t)m->nbuf);
    kept[b] = !kept[b];
    if (!is_known(s, kept)) try_plan(s, kept);
  }
}

Plans checkpoint_plans(Module *m, int graph) {
  Ctx *c = ctx_fork(m->c);
  Search s = {.m = m, .graph = graph, .trials = trials_for(m->graph[graph]), .late = joint_late(m->graph[graph])};
  s.model = model_of(c, m, graph);
  s.grown = ctx_alloc(c, (size_t)s.trials + 2);
  int n;
  const Chosen *chosen = chain_plans(s.model, s.trials, &n);
  try_plan(&s, NULL);
  for (int i = 0; i < n; i++) try_plan(&s, chosen[i].kept);
  for (int next; s.trials > 0 && (next = next_to_grow(&s)); s.grown[next] = true) try_neighbours(&s, next);
  ctx_free(c);
  return s.p;
}
