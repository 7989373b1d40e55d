/* SPDX-License-Identifier: Apache-2.0 */
/* CUDA schedules of the plain forms: each point of a nest's outer axes is a thread. */
#include "codegen/cuda/cuda.h"

static bool is_outer(const KNest *n, int axis) {
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] == axis) return true;
  return false;
}

/* Outer axes are independent of each other. So is the one inner axis that threads may partition: a scatter owns its
 * columns, and each thread goes through all indices. */
static void choose_points(NestSchedule *s) {
  const KNest *n = s->nest;
  for (int i = 0; i < n->nouter; i++) s->point[s->npoint++] = n->outer[i];
  if (n->par_axis >= 0 && !is_outer(n, n->par_axis)) s->point[s->npoint++] = n->par_axis;
}

/* Consecutive threads store consecutive elements where an axis allows it. */
static void order_points(NestSchedule *s) {
  const KNest *n = s->nest;
  int64_t stride;
  for (int i = 0; i < s->npoint && n->nstore; i++) {
    int axis = s->point[i];
    if (!dim_number(n->axes.m, n->store[0].at.coef[axis], &stride) || stride != 1) continue;
    for (; i + 1 < s->npoint; i++) s->point[i] = s->point[i + 1];
    s->point[i] = axis;
  }
}

/* ---- the type of indices ---- */

/* A bound of |d|, also of the sums of its first terms. */
static double dim_magnitude(Module *m, Dim d) {
  int n;
  const DimTerm *t = dim_terms(m, d, &n);
  double sum = 0;
  for (int i = 0; i < n; i++) {
    double v = t[i].coef < 0 ? -(double)t[i].coef : (double)t[i].coef;
    for (int k = 0; k < m->nsize; k++)
      for (int e = 0; e < t[i].exp[k]; e++) v *= (double)m->size[k].bound;
    sum += v;
  }
  return sum;
}

static double affine_magnitude(const Axes *x, const Affine *a) {
  double sum = dim_magnitude(x->m, a->k);
  for (int i = 0; i < x->n; i++) sum += dim_magnitude(x->m, a->coef[i]) * dim_magnitude(x->m, x->axis[i].extent);
  return sum;
}

static bool is_narrow(const NestSchedule *s) {
  const KNest *n = s->nest;
  const Axes *x = &n->axes;
  double most = 1;
  for (int i = 0; i < s->npoint; i++) most *= dim_magnitude(x->m, x->axis[s->point[i]].extent);
  for (int i = 0; i < x->n; i++) {
    bool quotient = x->axis[i].kind == AX_QUOTIENT;
    double e = quotient ? affine_magnitude(x, &x->axis[i].e) : 0;
    double last = dim_magnitude(x->m, x->axis[i].extent) * (quotient ? (double)x->axis[i].div : 1);
    most = e > most ? e : most;
    most = last > most ? last : most;
  }
  for (int i = 1; i < n->nval + n->nstore + n->nacc; i++) {
    const Affine *at = i < n->nval               ? &n->val[i].at
                       : i < n->nval + n->nstore ? &n->store[i - n->nval].at
                                                 : &n->acc[i - n->nval - n->nstore].index;
    double v = affine_magnitude(x, at);
    most = v > most ? v : most;
  }
  return most < 0x1p30;
}

void cuda_schedule_nest(const Kernel *k, const ScheduleOptions *o, NestSchedule *s) {
  (void)k, (void)o;
  s->grid = true;
  choose_points(s);
  order_points(s);
  s->narrow = is_narrow(s);
}

/* ---- as text ---- */

/* The product of the extents of the points inside point i, as an operand; NULL: it is the last. */
static const char *inner_extent(NestText *c, int i) {
  Module *m = c->p->m;
  Dim d = 1;
  for (int k = i + 1; k < c->s->npoint; k++) d = dim_mul(m, d, c->n->axes.axis[c->s->point[k]].extent);
  if (i + 1 >= c->s->npoint) return NULL;
  const char *text = text_dim(c->p, d);
  return text_is_atomic(text) ? text : ctx_strf(c->p->c, "(%s)", text);
}

static void declare_points(NestText *c) {
  const NestSchedule *s = c->s;
  Module *m = c->p->m;
  const char *type = nest_index_type(c);
  Dim all = 1;
  for (int i = 0; i < s->npoint; i++) all = dim_mul(m, all, c->n->axes.axis[s->point[i]].extent);
  nest_line(c, "const %s point = %sgc_block() * %d + gc_thread();", type, s->narrow ? "" : "(gc_i64)", CUDA_BLOCK);
  nest_line(c, "if (point >= %s) return;", text_dim(c->p, all));
  for (int i = 0; i < s->npoint; i++) {
    int a = s->point[i];
    const char *extent = text_dim(c->p, c->n->axes.axis[a].extent), *step = inner_extent(c, i);
    if (!text_is_atomic(extent)) extent = ctx_strf(c->p->c, "(%s)", extent);
    nest_line(c, "const %s i%d = point%s%s%s%s;", type, a, step ? " / " : "", step ? step : "", i ? " % " : "",
              i ? extent : "");
  }
}

const ParallelText cuda_parallel = {.begin = declare_points};
