/* SPDX-License-Identifier: Apache-2.0 */
/* The kernels of a step with their costs, for `report`. */
#include "codegen/kernel_cost.h"
#include "codegen/step.h"
#include "ir/remark.h"
#include "ir/scan.h"

typedef struct Costing {
  Steps steps;
  const Rates *rates;
  StepCosts all;
  Ctx *c;
} Costing;

static void add_graph(Costing *x, Graph *g, double times) {
  const StepList *list = graph_steps(&x->steps, g);
  for (int i = 0; i < list->n; i++) {
    const Step *s = &list->step[i];
    if (s->kind == STEP_CALL) {
      const GemmDesc *gemm = s->schedule.gemm;
      StepCost row = {.kernel = s->kernel,
                      .form = kernel_form(s->kernel, &s->schedule),
                      .gemm = gemm ? gemm_key(g->m, gemm, gemm_type(s->kernel)) : NULL,
                      .times = times,
                      .cost = kernel_cost(s->kernel, &s->schedule, x->rates)};
      *VEC_PUSH(x->c, x->all.v, x->all.n, x->all.cap) = row;
      x->all.seconds += times * row.cost.seconds;
    } else if (s->kind == STEP_SCAN) {
      Scan scan = scan_of(g, s->group->root);
      add_graph(x, scan.body, times * (double)dim_bound(g->m, scan.length));
    }
  }
}

StepCosts step_costs(Module *m, const ScheduleOptions *o, const Rates *r) {
  Costing x = {.steps = {.options = *o}, .rates = r, .c = m->c};
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    if (t->step) add_graph(&x, t->step, 1);
    if (t->pass) add_graph(&x, t->pass, (double)(t->accumulate > 0 ? t->accumulate : 1));
    if (t->update) add_graph(&x, t->update, 1);
  }
  for (int i = 0; i < m->ngraph && !m->ntrain && !x.all.n; i++)
    if (m->graph[i]->kind == GK_EXPORT) add_graph(&x, m->graph[i], 1);
  for (int i = 0; i < m->ngraph && remarks_on(m, REMARK_GEMM); i++) /* what is said of the other graphs */
    if (m->graph[i]->kind != GK_BODY) graph_steps(&x.steps, m->graph[i]);
  return x.all;
}
