/* SPDX-License-Identifier: Apache-2.0 */
/* The form `scan` of cumulative sums, in fast mode: a block for each row, CUDA_BLOCK terms at a time. Sums within a
 * warp are made by shuffles, then those of the warps before it are added in order, then those of the terms before. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/reduce.h"

enum { WARPS = CUDA_BLOCK / 32, LEAST_TERMS = 64 };

typedef struct ScanPlan {
  NestSchedule s;
} ScanPlan;

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  (void)k;
  if (m->opt.strict || n->nacc != 1 || n->nphase != 1 || n->phase[0].naxis != 1 || n->phase[0].skip) return false;
  const KAcc *a = &n->acc[0];
  int axis = n->phase[0].axis[0];
  int64_t step;
  if (!acc_is_sum(a) || a->type != DT_F32) return false;
  for (int i = 0; i < n->nstore; i++) {
    if (n->store[i].level != KS_INNER || !dim_number(m, n->store[i].at.coef[axis], &step)) return false;
    if (step != 1 && step != -1) return false;
  }
  Dim rows = index_product(n, n->outer, n->nouter), terms = n->axes.axis[axis].extent;
  if (dim_bound(m, terms) < LEAST_TERMS || dim_bound(m, rows) > 0x7fffffff) return false;
  ScanPlan *p = ctx_alloc(m->c, sizeof *p);
  p->s = schedule_scalar(n);
  p->s.narrow = s->narrow;
  p->s.grid = true;
  for (int i = 0; i < n->nouter; i++) p->s.point[p->s.npoint++] = n->outer[i];
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0] = (LaunchShape){.grid[0] = {rows, 1}, .block = CUDA_BLOCK, .shared_bytes = WARPS * 4};
  return true;
}

static void print_begin(NestText *c) {
  const char *type = nest_index_type(c);
  nest_line(c, "const int lane = gc_thread() %% 32, warp = gc_thread() / 32;");
  nest_line(c, "const %s row = %sgc_block();", type, c->s->narrow ? "" : "(gc_i64)");
  index_declare(c, c->n->outer, c->n->nouter, "row");
}

/* The sum of this thread's term and of those before it in its warp, then in the row; `carry`: of all steps so far. */
static void print_sum(NestText *c) {
  const KAcc *a = &c->n->acc[0];
  const char *type = dtype_info[a->type].c;
  nest_open_block(c, "GC_UNROLL for (int h = 1; h < 32; h *= 2)");
  nest_line(c, "const %s o = %s;", type, reduce_shuffle(c, a->type, "up", "s0", "h"));
  nest_line(c, "if (lane >= h) s0 = %s;", acc_combine(c, a, "o", "s0", false));
  nest_close_block(c);
  nest_line(c, "if (lane == 31) %s;", reduce_put(c, a->type, "gc_shared() + warp * 4", "s0"));
  nest_line(c, "gc_sync();");
  nest_line(c, "%s before = carry;", type);
  nest_open_block(c, "GC_UNROLL for (int w = 0; w < %d; w++)", WARPS);
  nest_line(c, "const %s o = %s;", type, reduce_get(c, a->type, "gc_shared() + w * 4"));
  nest_line(c, "if (w < warp) before = %s;", acc_combine(c, a, "before", "o", false));
  nest_line(c, "carry = %s;", acc_combine(c, a, "carry", "o", false));
  nest_close_block(c);
  nest_line(c, "s0 = %s;", acc_combine(c, a, "before", "s0", false));
}

static void inner_loops(NestText *c, int phase, StrictOrder r) {
  const KAcc *a = &c->n->acc[0];
  int axis = c->n->phase[phase].axis[0];
  const char *type = dtype_info[a->type].c, *n = index_operand(c, c->n->axes.axis[axis].extent);
  (void)r;
  nest_line(c, "%s carry = %s;", type, acc_identity(c, a, false));
  nest_open_block(c, "for (%s base = 0; base < %s; base += %d)", nest_index_type(c), n, CUDA_BLOCK);
  nest_line(c, "const %s at = base + gc_thread();", nest_index_type(c));
  nest_line(c, "%s s0 = %s;", type, acc_identity(c, a, false));
  nest_open_block(c, "if (at < %s)", n);
  nest_line(c, "const %s i%d = at;", nest_index_type(c), axis);
  NestText scope = nest_inner_scope(c);
  nest_values(&scope, phase, c->n->nouter + 1);
  acc_take(&scope, 0, "s0");
  nest_close_block(c);
  print_sum(c);
  nest_open_block(c, "if (at < %s)", n);
  nest_line(c, "const %s i%d = at;", nest_index_type(c), axis);
  nest_values(c, phase, c->n->nouter + 1);
  nest_stores(c, phase, KS_INNER);
  nest_close_block(c);
  nest_line(c, "gc_sync();");
  nest_close_block(c);
}

static void print(Emitter *e, const Launch *l, Str *body) {
  static const ParallelText text = {.begin = print_begin, .inner_loops = inner_loops};
  const ScanPlan *p = l->plan;
  NestText c = nest_text(e, l->step->kernel, &p->s, body);
  c.parallel = &text;
  c.form = p;
  nest_print_text(&c);
}

const Form form_cumulative = {"scan", suits, print};
