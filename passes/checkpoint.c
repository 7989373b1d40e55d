/* checkpoint: activations are computed again in the backward part of a training step, to save memory.
 *
 * needs:  autodiff; runs behind cse and dce, before layout
 * keeps:  every value, bit for bit; ports, outputs, the forward part
 * breaks: nothing; adds clones (Attr.clone), which simplify, fold and cse leave alone
 *
 * What a statement under @checkpoint computes (a region: HINT_REGION) is always computed again; what is read from
 * outside of it, its result, is kept. */
#include "passes/budget.h"
#include "passes/checkpoint.h"
#include "passes/joint.h"
#include "passes/pass.h"

static uint32_t region(const Graph *g, Id n) { return attr_get(g->m, node_get(g, n)->attr)->hints / HINT_REGION; }

/* Forward nodes of regions that nothing outside reads. What a view of a result shows is kept with it. */
static const bool *inside_regions(const Graph *g, const bool *late) {
  bool *drop = ctx_alloc(g->m->c, (size_t)g->n), any = false;
  for (Id n = 1; n < (Id)g->n; n++) any |= drop[n] = !late[n] && region(g, n);
  if (!any) return NULL;
  for (int i = 0; i < g->nout; i++) drop[g->out[i].value] = false;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; !late[n] && i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      bool shown = node_info(g, n)->cls == CL_VIEW && !drop[n];
      if (joint_is_random(g, x)) drop[x] |= drop[n];
      else if (region(g, n) != region(g, x) || shown) drop[x] = false;
    }
  return drop;
}

static void force_regions(Graph *g) {
  const bool *late = joint_late(g), *drop = late ? inside_regions(g, late) : NULL;
  if (drop) joint_recompute(g, late, drop);
}

/* ---- for a budget ---- */

/* The module's bytes were only this graph in it, after a trial of what is left of the pipeline with the nodes in `drop`
 * (NULL: none) computed again. */
static Candidate judge(Module *m, int graph, const bool *drop) {
  Ctx *c = ctx_fork(m->c);
  Module *t = module_copy(c, m);
  Graph *g = t->graph[graph];
  if (drop) joint_recompute(g, joint_late(g), drop);
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

typedef struct Plans { const bool **drop; Candidate *v; int n; } Plans;

/* The graph's fixed list of plans, whatever the budget; the first one computes nothing again. */
static Plans list_plans(Module *m, int graph, const bool *late) {
  Graph *g = m->graph[graph];
  Ctx *c = ctx_fork(m->c);
  int n;
  Model *model = model_of(c, m, graph);
  const Chosen *chosen = chain_plans(model, &n);
  Plans p = {ctx_alloc(m->c, sizeof *p.drop * (size_t)(n + 1)), ctx_alloc(m->c, sizeof *p.v * (size_t)(n + 1)), n + 1};
  p.v[0] = judge(m, graph, NULL);
  for (int i = 0; i < n; i++) {
    p.drop[i + 1] = nodes_dropped(g, late, model, chosen[i].kept);
    p.v[i + 1] = judge(m, graph, p.drop[i + 1]);
  }
  ctx_free(c);
  return p;
}

static void meet_budget(Module *m, int graph) {
  Graph *g = m->graph[graph];
  const bool *late = joint_late(g);
  if (!late || judge(m, graph, NULL).bytes <= m->opt.ram) return;
  Plans p = list_plans(m, graph, late);
  int best = budget_choose(p.v, p.n, m->opt.ram);
  if (p.drop[best]) joint_recompute(g, late, p.drop[best]);
}

void pass_checkpoint(Module *m) {
  for (int i = 0; i < m->ngraph; i++) force_regions(m->graph[i]);
  for (int i = 0; i < m->ngraph && m->opt.ram; i++) meet_budget(m, i);
}
