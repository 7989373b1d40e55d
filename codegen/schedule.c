/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/target.h"

static double extents(const KNest *n, const int *axis, int count) {
  double e = 1;
  for (int i = 0; i < count; i++) e *= (double)dim_bound(n->axes.m, n->axes.axis[axis[i]].extent);
  return e;
}

static double value_cycles(const Graph *g, const KVal *v) {
  if (v->kind == KV_OP) return op_info[v->op].cost;
  return v->kind == KV_RANDOM ? node_info(g, v->node)->cost : 1;
}

/* An estimate of the cycles of a nest: one for each load, store and multiplication, divided by the lanes. */
static double nest_cycles(const Graph *g, const KNest *n, int lanes) {
  double outer = extents(n, n->outer, n->nouter), total = 0;
  for (int i = 0; i < n->nphase; i++) {
    const KPhase *ph = &n->phase[i];
    double each = 1, points = outer * extents(n, ph->axis, ph->naxis);
    for (int k = 1; k < n->nval; k++)
      if (n->val[k].phase == i) each += value_cycles(g, &n->val[k]);
    for (int k = 0; k < n->nstore; k++) each += n->store[k].phase == i;
    total += points * each;
  }
  return total / lanes;
}

NestSchedule schedule_scalar(const KNest *n) {
  int *branch = ctx_alloc(n->axes.m->c, (size_t)(n->nval + 1) * sizeof *branch);
  return (NestSchedule){
    .nest = n, .use = nest_use(n), .lane = -1, .vec = 1, .block = 1, .par_axis = -1, .grain = 1, .branch = branch};
}

bool schedule_is_point(const NestSchedule *s, int axis) {
  for (int i = 0; i < s->npoint; i++)
    if (s->point[i] == axis) return true;
  return false;
}

bool schedule_splits(const KernelSchedule *s) { return s->gemm ? s->split : !s->attend && s->nest[0].chunks; }

bool schedule_passes(const KernelSchedule *s, const KArg *a) {
  if (a->kind == KA_SCRATCH || a->kind == KA_CALL) return schedule_splits(s);
  return a->kind != KA_THREAD || !s->serial;
}

static void schedule_columns(const Kernel *k, const ScheduleOptions *o, KernelSchedule *s) {
  s->columns = schedule_scalar(&s->epilogue->nest);
  s->columns.panels_resolved = true;
  if (o->target->schedule_columns) o->target->schedule_columns(k, o, &s->columns);
  if (s->columns.lane >= 0 && s->gemm->n.n && s->columns.lane == s->gemm->n.axis[s->gemm->n.n - 1]) return;
  s->columns.lane = -1;
}

static void schedule_gemm(const Kernel *k, const ScheduleOptions *o, KernelSchedule *s) {
  const GemmDesc *groups = gemm_join_groups(k, s->gemm);
  s->epilogue = gemm_epilogue(k, s->gemm);
  schedule_columns(k, o, s);
  if (!groups) return;
  KernelSchedule *joined = ctx_alloc(k->gs->g->m->c, sizeof *joined);
  *joined = *s;
  joined->gemm = groups;
  joined->epilogue = gemm_epilogue(k, groups);
  if (!epilogue_join(joined->epilogue, k->gs->g->m, s->gemm->batch.axis[0], groups->n.axis[0])) return;
  schedule_columns(k, o, joined);
  s->joined = joined;
}

KernelSchedule schedule_kernel(const Kernel *k, const ScheduleOptions *o) {
  const Target *t = o->target;
  KernelSchedule s = {.serial = !t->threads, .gemm = t->print_gemm ? gemm_match(k, o->gemm_type) : NULL};
  double cycles = 0;
  s.nest = ctx_alloc(k->gs->g->m->c, (size_t)(k->nnest + 1) * sizeof *s.nest);
  for (int i = 0; i < k->nnest; i++) {
    NestSchedule *n = &s.nest[i];
    *n = schedule_scalar(k->nest[i]);
    if (t->schedule_nest) t->schedule_nest(k, o, n);
    cycles += nest_cycles(k->gs->g, k->nest[i], n->lane >= 0 ? n->vec : 1);
    s.serial |= n->par_axis < 0 && !n->chunks;
  }
  s.serial |= cycles < o->serial_cycles;
  for (int i = 0; i < k->nnest && s.serial; i++) s.nest[i].par_axis = -1, s.nest[i].chunks = false;
  s.attend = t->takes_attention && t->takes_attention(k, o->gemm_type);
  if (s.attend) s.serial = false;
  if (!s.gemm) return s;
  s.serial = false;
  s.split = k->group->scratch > 0;
  schedule_gemm(k, o, &s);
  return s;
}
