/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint: recomputes activations in the backward pass of a training step, to save memory.
 *
 * needs:  autodiff, cse, dce; before layout
 * keeps:  every value, bit for bit; ports, outputs, the forward pass
 * breaks: nothing; adds clones (Attr.clone), which simplify, fold and cse leave alone
 *
 * What a statement under @checkpoint computes (a region: HINT_REGION) is always recomputed; what it reads from outside,
 * and its result, is kept. */
#include "passes/analysis/budget.h"
#include "passes/checkpoint/checkpoint.h"
#include "passes/analysis/joint.h"
#include "passes/analysis/model_memory.h"
#include "passes/pass.h"
#include "ir/remark.h"
#include "passes/transform/live_split.h"
#include "passes/transform/scan_remat.h"

/* Forward nodes of regions that nothing outside reads. The operand of a view of a result is kept with it. */
static const bool *inside_regions(const Graph *g, const bool *is_backward) {
  bool *drop = ctx_alloc(g->m->c, (size_t)g->n), any = false;
  for (Id n = 1; n < (Id)g->n; n++) any |= drop[n] = !is_backward[n] && node_region(g, n);
  if (!any) return NULL;
  for (int i = 0; i < g->nout; i++) drop[g->out[i].value] = false;
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; !is_backward[n] && i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      bool shown = node_info(g, n)->cls == CL_VIEW && !drop[n];
      if (joint_is_random(g, x)) drop[x] |= drop[n];
      else if (node_region(g, n) != node_region(g, x) || shown) drop[x] = false;
    }
  return drop;
}

static void say_dropped(Graph *g, const bool *drop, const char *why) {
  for (Id n = 1; n < (Id)g->n && remarks_on(g->m, REMARK_RECOMPUTE); n++)
    if (drop[n] && node_info(g, n)->cls != CL_LEAF)
      remark(g->m, REMARK_RECOMPUTE, node_get(g, n)->loc, "%s, %lld bytes, is computed again in the backward pass: %s",
             remark_node(g, n), (long long)node_bytes(g, n), why);
}

static void force_regions(Graph *g) {
  const bool *is_backward = joint_backward(g), *drop = is_backward ? inside_regions(g, is_backward) : NULL;
  if (drop) say_dropped(g, drop, "@checkpoint");
  if (drop) joint_recompute(g, is_backward, drop, CLONE_BUDGET);
}

/* ---- meeting a budget ---- */

/* Variants of the graph that trade time for memory, in any combination: rematerialised scans; live ranges split, in two
 * degrees. */
enum { AS_IS, REMAT_SCANS = 1, SPLIT = 2, VARIANTS = SPLIT * (SPLIT_ALL + 1) };

/* False: some of the changes did nothing. */
static bool make_variant(Graph *g, int variant) {
  SplitMode mode = variant / SPLIT;
  return (!(variant & REMAT_SCANS) || remat_scans(g, REMAT_ALL, CLONE_BUDGET)) &&
         (!mode || split_live_ranges(g, mode, CLONE_BUDGET + 1));
}

/* Chooses among the plans of the graph as it is and of all its variants. */
static void meet_budget(Module *m, int graph) {
  Graph *g = m->graph[graph];
  if (!joint_backward(g) || checkpoint_evaluate(m, NULL, graph, NULL).bytes <= plan_budget(m)) return;
  Ctx *c = ctx_fork(m->c);
  PlanList p[VARIANTS];
  Plan best[VARIANTS];
  int at[VARIANTS], variant[VARIANTS], n = 0;
  for (int v = AS_IS; v < VARIANTS; v++) {
    Module *t = module_copy(c, m);
    if (!make_variant(t->graph[graph], v)) continue;
    if (diag_errors(c)) { /* an internal error: reported for the graph itself, which is not compiled then */
      make_variant(g, v);
      return ctx_free(c);
    }
    p[n] = checkpoint_plans(t, graph);
    at[n] = budget_choose(p[n].v, p[n].n, plan_budget(m));
    best[n] = p[n].v[at[n]];
    variant[n++] = v;
  }
  int k = budget_choose(best, n, plan_budget(m));
  make_variant(g, variant[k]);
  if (remarks_on(m, REMARK_RECOMPUTE))
    remark(m, REMARK_RECOMPUTE, m->opt.ram_at, "%lld bytes by the plan chosen for the budget of %lld",
           (long long)best[k].bytes, (long long)plan_budget(m));
  if (p[k].drop[at[k]]) say_dropped(g, p[k].drop[at[k]], "the memory budget");
  if (p[k].drop[at[k]]) joint_recompute(g, joint_backward(g), p[k].drop[at[k]], CLONE_BUDGET);
  ctx_free(c);
}

void pass_checkpoint(Module *m) {
  int n = m->ngraph; /* bodies are added below */
  for (int i = 0; i < n; i++) {
    remat_scans(m->graph[i], REMAT_REGIONS, CLONE_BUDGET);
    force_regions(m->graph[i]);
  }
  for (int i = 0; i < n && m->opt.ram; i++) meet_budget(m, i);
}
