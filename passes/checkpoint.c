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
  if (drop) joint_recompute(g, late, drop, CLONE_BUDGET);
}

/* ---- for a budget ---- */

static void meet_budget(Module *m, int graph) {
  Graph *g = m->graph[graph];
  const bool *late = joint_late(g);
  if (!late || checkpoint_judge(m, graph, NULL).bytes <= m->opt.ram) return;
  Plans p = checkpoint_plans(m, graph);
  int best = budget_choose(p.v, p.n, m->opt.ram);
  if (p.drop[best]) joint_recompute(g, late, p.drop[best], CLONE_BUDGET);
}

void pass_checkpoint(Module *m) {
  for (int i = 0; i < m->ngraph; i++) force_regions(m->graph[i]);
  for (int i = 0; i < m->ngraph && m->opt.ram; i++) meet_budget(m, i);
}
