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
#include "passes/thin.h"

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
  if (drop) joint_recompute(g, late, drop, CLONE_BUDGET);
}

/* ---- for a budget ---- */

/* The list has the plans of the graph as it is and, where scans can be made thinner at the price of time, those of the
 * graph with such scans. */
static void meet_budget(Module *m, int graph) {
  Graph *g = m->graph[graph];
  if (!joint_late(g) || checkpoint_judge(m, graph, NULL).bytes <= m->opt.ram) return;
  Ctx *c = ctx_fork(m->c);
  Module *thin = module_copy(c, m);
  bool thins = thin_scans(thin->graph[graph], THIN_ALL, CLONE_BUDGET);
  Plans p[2] = {checkpoint_plans(m, graph)};
  if (thins) p[1] = checkpoint_plans(thin, graph);
  Candidate best[2];
  int at[2];
  for (int k = 0; k <= thins; k++) at[k] = budget_choose(p[k].v, p[k].n, m->opt.ram), best[k] = p[k].v[at[k]];
  int k = budget_choose(best, 1 + thins, m->opt.ram);
  if (k) thin_scans(g, THIN_ALL, CLONE_BUDGET);
  if (p[k].drop[at[k]]) joint_recompute(g, joint_late(g), p[k].drop[at[k]], CLONE_BUDGET);
  ctx_free(c);
}

void pass_checkpoint(Module *m) {
  int n = m->ngraph; /* bodies are added meanwhile */
  for (int i = 0; i < n; i++) {
    thin_scans(m->graph[i], THIN_REGIONS, CLONE_BUDGET);
    force_regions(m->graph[i]);
  }
  for (int i = 0; i < n && m->opt.ram; i++) meet_budget(m, i);
}
