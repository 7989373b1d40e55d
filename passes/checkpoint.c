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
#include "passes/split.h"
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

/* What else can be had at the price of time, in any combination: thinner scans; values that readers in the backward part
 * have for themselves, in two degrees. */
enum { AS_IS, THIN = 1, SPLIT = 2, VARIANTS = SPLIT * (SPLIT_ALL + 1) };

/* Whether each of them has changed something. */
static bool make_variant(Graph *g, int variant) {
  SplitHow how = variant / SPLIT;
  return (!(variant & THIN) || thin_scans(g, THIN_ALL, CLONE_BUDGET)) &&
         (!how || split_values(g, how, CLONE_BUDGET + 1));
}

/* The list has the plans of the graph as it is and of all its variants. */
static void meet_budget(Module *m, int graph) {
  Graph *g = m->graph[graph];
  if (!joint_late(g) || checkpoint_judge(m, graph, NULL).bytes <= m->opt.ram) return;
  Ctx *c = ctx_fork(m->c);
  Plans p[VARIANTS];
  Candidate best[VARIANTS];
  int at[VARIANTS], variant[VARIANTS], n = 0;
  for (int v = AS_IS; v < VARIANTS; v++) {
    Module *t = module_copy(c, m);
    if (!make_variant(t->graph[graph], v)) continue;
    p[n] = checkpoint_plans(t, graph);
    at[n] = budget_choose(p[n].v, p[n].n, m->opt.ram);
    best[n] = p[n].v[at[n]];
    variant[n++] = v;
  }
  int k = budget_choose(best, n, m->opt.ram);
  make_variant(g, variant[k]);
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
