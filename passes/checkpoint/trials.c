/* SPDX-License-Identifier: Apache-2.0 */
/* The list of plans for a budget: those of the chain model, and while trials last their neighbours, with one buffer
 * more or less kept: the planner may find schedules that the model does not know. */
#include "passes/checkpoint/checkpoint.h"
#include "passes/algo/offsets.h"
#include "passes/analysis/joint.h"
#include "passes/pass.h"
#include "passes/costs.h"
#include <string.h>

Plan checkpoint_evaluate(Module *m, const PlanTrial *trial, int graph, const bool *drop) {
  Ctx *c = ctx_fork(m->c);
  Module *t = module_copy(c, m);
  t->trial = trial;
  Graph *g = t->graph[graph];
  if (drop) joint_recompute(g, joint_backward(g), drop, CLONE_BUDGET);
  passes_after(t, PASS_checkpoint);
  Plan v = {t->head_bytes + t->persistent_bytes + g->arena, graph_seconds(g, &common_rates)};
  if (diag_errors(c)) v.bytes = INT64_MAX;
  ctx_free(c);
  return v;
}

/* The forward nodes that a plan recomputes: all that are not in kept buffers. A view follows its operand; results are
 * in the caller's memory. */
static const bool *nodes_dropped(const Graph *g, const bool *is_backward, const StepModel *model, const bool *kept) {
  bool *drop = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    int b = model->number[n];
    bool view = node_info(g, n)->cls == CL_VIEW && !b;
    if (is_backward[n] || joint_is_leaf(g, n)) continue;
    drop[n] = b ? model->buf[b - 1].bytes > 0 && !kept[b - 1] : !view;
    for (uint32_t i = 0; view && i < node_get(g, n)->nin; i++) drop[n] |= drop[node_in(g, n, (int)i)];
  }
  for (int i = 0; i < g->nout; i++) drop[g->out[i].value] = false;
  for (Id n = 1; n < (Id)g->n; n++) /* a scan, for any of its elements */
    if (node_info(g, n)->cls == CL_TUPLE && drop[n]) drop[node_in(g, n, 0)] = true;
  return drop;
}

/* A model of a trial plan with all values row-major; its first nodes are those of the graph. */
static StepModel *model_of(Ctx *c, const Module *m, int graph) {
  Module *t = module_copy(c, m);
  t->opt.off |= (uint64_t)1 << PASS_layout;
  pass_fuse(t);
  pass_order(t);
  pass_memory(t);
  return step_model_make(t->graph[graph], joint_backward(t->graph[graph]));
}

/* Number of plans to try: many for a small graph, so that the list is complete for a short chain. */
static int trials_for(const Graph *g) {
  int n = (int)(TRIAL_WORK / ((int64_t)g->n * g->n));
  return n < MIN_TRIALS ? MIN_TRIALS : n > MAX_TRIALS ? MAX_TRIALS : n;
}

typedef struct Search {
  Module *m;
  int graph, trials;
  const bool *is_backward;
  StepModel *model;
  PlanList p;
  int cap, capv;
  const bool **kept;
  int nkept, capkept; /* per plan: kept, per buffer of the model */
  bool *grown;        /* per plan: its neighbours were tried */
  OffsetMemo *memo;
} Search;

static bool is_known(const Search *s, const bool *kept) {
  for (int i = 1; i < s->nkept; i++)
    if (!memcmp(s->kept[i], kept, (size_t)s->model->nbuf)) return true;
  return false;
}

/* Evaluates a plan and lists it. kept NULL: nothing is recomputed. */
static void try_plan(Search *s, const bool *kept) {
  Ctx *c = s->m->c;
  int n = s->p.n;
  const bool *drop = kept ? nodes_dropped(s->m->graph[s->graph], s->is_backward, s->model, kept) : NULL;
  PlanTrial trial = {s->graph, s->p.v, n, s->memo};
  Plan v = checkpoint_evaluate(s->m, &trial, s->graph, drop);
  *VEC_PUSH(c, s->p.drop, s->p.n, s->cap) = drop;
  *VEC_PUSH(c, s->p.v, n, s->capv) = v;
  *VEC_PUSH(s->model->c, s->kept, s->nkept, s->capkept) = kept;
  s->trials--;
}

static bool is_dominated(const Search *s, int plan) {
  const Plan *v = s->p.v, *x = &v[plan];
  for (int i = 1; i < s->p.n; i++) {
    bool same = v[i].bytes == x->bytes && v[i].seconds == x->seconds;
    if (v[i].bytes <= x->bytes && v[i].seconds <= x->seconds && (!same || i < plan)) return true;
  }
  return false;
}

/* The first plan that is not dominated and whose neighbours were not tried, else the first such plan; 0: none. */
static int next_to_grow(const Search *s) {
  int first = 0;
  for (int i = 1; i < s->p.n; i++) {
    if (s->grown[i]) continue;
    if (!is_dominated(s, i)) return i;
    if (!first) first = i;
  }
  return first;
}

static void try_neighbours(Search *s, int plan) {
  const StepModel *m = s->model;
  for (int b = 0; b < m->nbuf && s->trials > 0; b++) {
    if (m->buf[b].small || !(m->buf[b].needed_by_backward || s->kept[plan][b])) continue;
    bool *kept = ctx_alloc(m->c, (size_t)m->nbuf);
    memcpy(kept, s->kept[plan], (size_t)m->nbuf);
    kept[b] = !kept[b];
    if (!is_known(s, kept)) try_plan(s, kept);
  }
}

PlanList checkpoint_plans(Module *m, int graph) {
  Ctx *c = ctx_fork(m->c);
  Graph *g = m->graph[graph];
  Search s = {.m = m, .graph = graph, .trials = trials_for(g), .is_backward = joint_backward(g)};
  s.memo = offset_memo_new(c);
  s.model = model_of(c, m, graph);
  s.grown = ctx_alloc(c, (size_t)s.trials + 2);
  int n;
  const ChainPlan *chosen = chain_plans(s.model, s.trials, &n);
  try_plan(&s, NULL);
  for (int i = 0; i < n; i++) try_plan(&s, chosen[i].kept);
  for (int next; s.trials > 0 && (next = next_to_grow(&s)); s.grown[next] = true) try_neighbours(&s, next);
  ctx_free(c);
  return s.p;
}
