/* SPDX-License-Identifier: Apache-2.0 */
/* memory: locations of all buffers: Annotation.space, index, offset, alias; Graph.arena; the persistent region.
 *
 * needs:  order (Annotation.pos)
 * keeps:  everything else
 * breaks: nothing
 *
 * Inputs and results are in the caller's memory, weights in the persistent region, loss and metrics of training graphs
 * in the head. Every other buffer has an offset in the graph's arena for its live range, from the first store to the
 * last load. A kernel's result reuses the buffer of an operand that dies in it, where the kernel allows. A body is
 * planned before the scans that run it: its arena is part of their scratch. Off: a buffer per value, no reuse.
 * codegen/check_plan.c proves the result. */
#include "passes/algo/offsets.h"
#include "passes/analysis/budget.h"
#include "passes/analysis/cost_model.h"
#include "passes/analysis/liveness.h"
#include "passes/pass.h"
#include "passes/analysis/model_memory.h"
#include "ir/remark.h"
#include <string.h>

typedef struct ArenaPlan {
  Module *m;
  Graph *g;
  Groups *gs;
  int steps;
  int *last_use;    /* per node: last step that loads the buffer; its own if none does */
  int *interval_of; /* per node: 1 + its interval; 0: not in the arena */
  int *scratch_of;  /* per kernel: the same of its scratch */
  bool *reused;     /* per node: a later value reuses its buffer */
  Interval *interval;
  int nintervals, capintervals;
} ArenaPlan;

/* ---- fixed locations ---- */

static void place_leaves(Graph *g) {
  for (Id n = 1; n < (Id)g->n; n++) {
    g->anno[n].space = SP_NONE;
    g->anno[n].index = g->anno[n].alias = 0;
    g->anno[n].offset = g->anno[n].scratch = 0;
    int v = node_var(g, n);
    if (v < 0) continue;
    g->anno[n].space = SP_VAR;
    g->anno[n].index = (uint32_t)v;
  }
  for (int i = 0; i < g->nport; i++) {
    g->anno[g->port[i]].space = SP_IN;
    g->anno[g->port[i]].index = (uint32_t)i;
  }
}

static void place_outputs(Graph *g) {
  uint32_t result = 0;
  for (int i = 0; i < g->nout; i++) {
    Annotation *a = &g->anno[g->out[i].value];
    if (g->out[i].var >= 0) {
      a->space = SP_VAR;
      a->index = (uint32_t)g->out[i].var;
    } else {
      a->space = graph_trains(g) ? SP_HEAD : SP_OUT;
      a->index = result++;
      a->offset = graph_trains(g) ? head_offset(g->m, g->out[i].name, (int)a->index) : 0;
    }
  }
}

/* ---- the arena ---- */

static void find_deaths(ArenaPlan *p) {
  for (int k = 0; k < p->gs->n; k++) {
    const Group *q = &p->gs->group[k];
    for (int i = 0; i < q->nwrite; i++) p->last_use[q->write[i]] = k;
    for (int i = 0; i < q->nread; i++) p->last_use[q->read[i]] = k;
  }
}

static int interval_new(ArenaPlan *p, int64_t bytes, int start, int end) {
  *VEC_PUSH(p->m->c, p->interval, p->nintervals, p->capintervals) = (Interval){plan_round(p->m, bytes), start, end, 0};
  return p->nintervals;
}

/* The operand of kernel k that dies there and whose buffer n may reuse; 0: none. */
static Id find_inplace(const ArenaPlan *p, int k, Id n) {
  const Group *q = &p->gs->group[k];
  for (int i = 0; i < q->nread; i++) {
    Id r = q->read[i];
    if (p->interval_of[r] && p->last_use[r] == k && !p->reused[r] && group_inplace(p->gs, q, r, n)) return r;
  }
  return 0;
}

static void say_place(const ArenaPlan *p, const Group *q, Id n, Id reused) {
  Graph *g = p->g;
  Loc at = node_get(g, n)->loc;
  if (reused) {
    remark(p->m, REMARK_MEMORY, at, "%s is stored in place of %s%s, which is not read later", remark_node(g, n),
           remark_node(g, reused), remark_line(g, reused));
    return;
  }
  for (int i = 0; i < q->nread; i++) {
    Id r = q->read[i];
    if (!p->interval_of[r] || node_bytes(g, r) != node_bytes(g, n)) continue;
    int k = (int)(q - p->gs->group);
    const char *why = p->last_use[r] != k ? "which is read later"
                      : p->reused[r]      ? "where another value is stored"
                                          : "whose elements the kernel reads after others of the result are stored";
    remark(p->m, REMARK_MEMORY, at, "%s has a buffer of %lld bytes, not that of %s%s, %s", remark_node(g, n),
           (long long)node_bytes(g, n), remark_node(g, r), remark_line(g, r), why);
    return;
  }
  remark(p->m, REMARK_MEMORY, at, "%s has a buffer of %lld bytes: its kernel reads none of that size from the arena",
         remark_node(g, n), (long long)node_bytes(g, n));
}

static void place_kernel(ArenaPlan *p, int k, bool plain) {
  const Group *q = &p->gs->group[k];
  Annotation *anno = p->g->anno;
  for (int i = 0; i < q->nwrite; i++) {
    Id n = q->write[i];
    int64_t bytes = node_bytes(p->g, n);
    if (anno[n].space != SP_NONE) continue;
    anno[n].space = SP_ARENA;
    if (!bytes) continue;
    Id reused_id = plain ? 0 : find_inplace(p, k, n);
    if (remarks_on(p->m, REMARK_MEMORY)) say_place(p, q, n, reused_id);
    if (reused_id) {
      anno[n].alias = reused_id;
      p->reused[reused_id] = true;
      p->interval_of[n] = p->interval_of[reused_id];
      p->interval[p->interval_of[n] - 1].end = p->last_use[n];
    } else {
      p->interval_of[n] = interval_new(p, bytes, k, p->last_use[n]);
    }
  }
  if (q->scratch > 0) {
    if (q->cls == KC_SCAN) anno[q->root].space = SP_ARENA;
    p->scratch_of[k] = interval_new(p, q->scratch, k, k);
  }
}

static int64_t stack_intervals(ArenaPlan *p) {
  int64_t at = 0;
  for (int i = 0; i < p->nintervals; at += p->interval[i++].size) p->interval[i].offset = at;
  return at;
}

/* Of a trial: the lower bound instead, without offsets, where a plan known before is not worse even so. */
static int64_t assign_in_trial(ArenaPlan *p, const PlanTrial *t) {
  const Module *m = p->m;
  if (p->g == m->graph[t->graph]) {
    int64_t least = peak_lower_bound(m->c, p->interval, p->nintervals, p->steps);
    Plan plan = {m->head_bytes + m->persistent_bytes + least, graph_seconds(p->g, &common_rates)};
    if (trial_is_dominated(t, plan)) return least;
  }
  return offset_memo_assign(t->memo, p->interval, p->nintervals, p->steps);
}

static int64_t assign_intervals(ArenaPlan *p, bool plain) {
  const PlanTrial *trial = p->m->trial;
  if (plain) return stack_intervals(p);
  return trial ? assign_in_trial(p, trial) : assign_offsets(p->m->c, p->interval, p->nintervals, p->steps);
}

/* Every output has a kernel, and every kernel a position. */
static bool is_ordered(const Groups *gs) {
  for (int i = 0; i < gs->g->nout; i++)
    if (gs->writer[gs->g->out[i].value] < 0) return false;
  for (int k = 0; k < gs->n; k++)
    if (!gs->group[k].pos) return false;
  return true;
}

static void plan_arena(Graph *g, bool plain) {
  Module *m = g->m;
  size_t n = (size_t)g->n;
  graph_annotate(g);
  ArenaPlan p = {.m = m,
                 .g = g,
                 .gs = groups_make(g),
                 .last_use = ctx_alloc(m->c, n * sizeof(int)),
                 .interval_of = ctx_alloc(m->c, n * sizeof(int)),
                 .reused = ctx_alloc(m->c, n)};
  p.steps = p.gs->n;
  p.scratch_of = ctx_alloc(m->c, (size_t)(p.steps + 1) * sizeof(int));
  if (!is_ordered(p.gs)) {
    diag_error(m->c, E_PASS_ORDER, g->loc, 1, "pass `memory` needs `fuse` and `order` before it (graph `%s`)", g->name);
    return;
  }
  place_leaves(g);
  place_outputs(g);
  find_deaths(&p);
  for (int k = 0; k < p.steps; k++) place_kernel(&p, k, plain);
  g->arena = assign_intervals(&p, plain);
  for (Id i = 1; i < (Id)g->n; i++)
    if (p.interval_of[i]) g->anno[i].offset = p.interval[p.interval_of[i] - 1].offset;
  for (int k = 0; k < p.steps; k++)
    if (p.scratch_of[k]) *group_scratch_at(g, &p.gs->group[k]) = p.interval[p.scratch_of[k] - 1].offset;
}

/* ---- the module ---- */

enum { UNPLANNED = -1, BUSY = -2 };

/* Bodies first. Scans nest only as deep as calls, so recursion is safe. */
static void plan_graph(Graph *g, bool plain) {
  if (g->arena != UNPLANNED) return;
  g->arena = BUSY;
  for (Id n = 1; n < (Id)g->n; n++) {
    const OpInfo *info = node_info(g, n);
    for (int f = 0; f < info->nfields; f++)
      if (info->field[f].kind == AK_GRAPH) plan_graph(g->m->graph[node_attr(g, n, f)->i], plain);
  }
  g->arena = 0;
  plan_arena(g, plain);
}

void pass_memory(Module *m) {
  bool plain = pass_off(m, PASS_memory);
  plan_model_memory(m);
  for (int i = 0; i < m->ngraph; i++) m->graph[i]->arena = UNPLANNED;
  for (int i = 0; i < m->ngraph; i++) plan_graph(m->graph[i], plain);
  const Graph *largest = largest_plan(m);
  m->arena_bytes = largest ? largest->arena : 0;
  m->total_bytes = m->head_bytes + m->persistent_bytes + m->arena_bytes;
}
