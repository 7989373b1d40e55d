/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/step.h"
#include "codegen/check.h"
#include "codegen/hazard.h"
#include "codegen/target.h"
#include "ir/remark.h"
#include "ir/scan.h"

typedef struct StepBuild {
  Steps *all;
  StepList *list;
  bool threads, checks; /* checks: the target has a check mode */
  Hazards hazards;
  CheckPartition *running;
  int nrunning, caprunning; /* kernels since the last barrier */
} StepBuild;

static Step *add_step(StepBuild *b, StepKind kind, const Group *group) {
  Step *s = VEC_PUSH(b->list->graph->m->c, b->list->step, b->list->n, b->list->cap);
  *s = (Step){.kind = kind, .group = group};
  return s;
}

static void add_barrier(StepBuild *b) {
  if (b->threads) add_step(b, STEP_BARRIER, NULL);
  b->nrunning = 0;
}

/* The barriers are proved from the kernels alone, independently of hazard.c. */
static void check_barriers(StepBuild *b, const Kernel *k, const KernelSchedule *s) {
  const Graph *g = b->list->graph;
  Ctx *c = g->m->c;
  size_t bytes = sizeof(int) * (size_t)(k->nnest + 1);
  int *par_axis = ctx_alloc(c, bytes), *grain = ctx_alloc(c, bytes);
  for (int i = 0; i < k->nnest; i++) {
    par_axis[i] = s->nest[i].par_axis;
    grain[i] = s->nest[i].grain;
  }
  CheckPartition now = {k,
                        check_locations(k),
                        s->serial,
                        s->gemm != NULL || s->attend,
                        par_axis,
                        grain,
                        schedule_splits(s) ? check_scratch_of(g, k->group) : (CheckLocation){0}};
  for (int i = 0; i < b->nrunning; i++) {
    Id n;
    const char *why = threads_check(&b->running[i], &now, &n);
    if (why) diag_error(c, E_PLAN_REFUSED, node_get(g, n)->loc, 1, "barriers of `%s`, node %u: %s", g->name, n, why);
  }
  *VEC_PUSH(c, b->running, b->nrunning, b->caprunning) = now;
}

static void say_gemm(const Kernel *k, const KernelSchedule *s, const ScheduleOptions *o) {
  Graph *g = k->gs->g;
  Loc at = node_get(g, k->group->root)->loc;
  const char *text = remark_node(g, k->group->root);
  if (!s->gemm) {
    remark(g->m, REMARK_GEMM, at, "%s is loops: %s", text, gemm_why_not(k, o->gemm_type));
    return;
  }
  const GemmDesc *x = s->gemm;
  const Target *target = o->target;
  const char *tile = target->gemm_tile && o->machine ? target->gemm_tile(g->m, x, gemm_type(k), o->machine) : NULL;
  remark(g->m, REMARK_GEMM, at, "%s is %s of %.0f x %.0f by %.0f%s%s%s%s", text,
         x->depthwise ? "a convolution by channels"
         : x->taps.n  ? "a convolution as a matrix product"
                      : "a matrix product",
         gemm_count(&x->m), gemm_count(&x->n), gemm_count(&x->k),
         x->batch.n ? ctx_strf(g->m->c, ", %.0f times", gemm_count(&x->batch)) : "",
         x->panels ? ", its right operand stored in panels" : "", tile ? ", in " : "", tile ? tile : "");
}

static void add_call(StepBuild *b, const Group *group, const Kernel *k) {
  KernelSchedule s = schedule_kernel(k, &b->all->options);
  bool product = group->cls == KC_CONTRACT || group->cls == KC_CONV;
  if (product && remarks_on(k->gs->g->m, REMARK_GEMM) && b->all->options.target->print_gemm)
    say_gemm(k, &s, &b->all->options);
  if (s.gemm || s.attend) b->all->options.gemm_type = s.gemm ? gemm_type(k) : DT_F32;
  if (b->threads) {
    if (hazard_add(&b->hazards, k, &s)) add_barrier(b);
    check_barriers(b, k, &s);
  }
  b->list->parallel |= !s.serial;
  Step *step = add_step(b, STEP_CALL, group);
  step->kernel = k;
  step->schedule = s;
}

static void add_scan(StepBuild *b, const Group *group) {
  const Graph *g = b->list->graph;
  const StepList *body = graph_steps(b->all, (Graph *)scan_of(g, group->root).body);
  b->list->parallel |= body->parallel || (b->threads && g->kind == GK_BODY);
  add_barrier(b);
  add_step(b, STEP_SCAN, group);
  add_barrier(b);
  b->hazards.n = 0;
}

static void add_loss_test(StepBuild *b, Id value) {
  add_barrier(b);
  b->hazards.n = 0;
  add_step(b, STEP_LOSS_TEST, NULL)->value = value;
}

static void build(StepBuild *b, Kernel *const *kernel) {
  const Graph *g = b->list->graph;
  const Groups *gs = b->list->gs;
  int tested = graph_checked(g);
  for (int i = 0; i < gs->n; i++) {
    const Group *group = &gs->group[i];
    if (group->cls == KC_SCAN) add_scan(b, group);
    else add_call(b, group, kernel[i]);
    if (b->checks && graph_trains(g)) add_step(b, STEP_CHECK_STORES, group);
    if (tested >= 0 && gs->writer[g->out[tested].value] == i) add_loss_test(b, g->out[tested].value);
  }
}

const StepList *graph_steps(Steps *s, Graph *g) {
  for (int i = 0; i < s->n; i++)
    if (s->list[i]->graph == g) return s->list[i];
  Ctx *c = g->m->c;
  StepList *list = ctx_alloc(c, sizeof *list);
  *list = (StepList){.graph = g, .gs = groups_make(g)};
  *VEC_PUSH(c, s->list, s->n, s->cap) = list;
  int errors = diag_errors(c);
  Kernel **kernel = kernels_build(list->gs);
  if (diag_errors(c) > errors || plan_check_graph(list->gs, kernel)) return list;
  StepBuild b = {.all = s, .list = list, .threads = s->options.target->threads, .checks = s->options.target->checks};
  build(&b, kernel);
  return list;
}
