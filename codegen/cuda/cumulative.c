/* SPDX-License-Identifier: Apache-2.0 */
/* The form `scan` of cumulative sums, in fast mode: a block for each row, CUDA_BLOCK terms at a time. Sums within a
 * warp are made by shuffles, then those of the warps before it are added in order, then those of the terms before.
 * Where rows are few and long, a block has a part of a row: the first launch puts the sums of parts into scratch
 * memory, each block of the second one begins with those of the parts before its own, in order. The form `warp`, in
 * both modes: a warp for each row. Each lane loads its terms, and all lanes add all of them in their order, so that
 * results are those of the interpreter. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/machine.h"
#include "codegen/cuda/reduce.h"

enum { WARPS = CUDA_BLOCK / 32, LEAST_TERMS = 64, LEAST_PART = 16 * CUDA_BLOCK, FEW_ROWS = 2 * GPU_MULTIPROCESSORS };

typedef struct ScanPlan {
  NestSchedule s, first; /* first: of the sums of parts, without stores */
  int64_t part, parts;   /* terms of a part; their number, at most: 1: rows are not split */
} ScanPlan;

static NestSchedule scheduled(const KNest *n, const NestSchedule *s) {
  NestSchedule r = schedule_scalar(n);
  r.narrow = s->narrow;
  r.grid = true;
  for (int i = 0; i < n->nouter; i++) r.point[r.npoint++] = n->outer[i];
  return r;
}

/* About as many parts as a part has terms, at most. */
static void split_rows(ScanPlan *p, int64_t rows, int64_t terms) {
  if (rows >= FEW_ROWS || terms <= LEAST_PART) return;
  p->part = LEAST_PART;
  while (p->part * p->part < terms) p->part *= 2;
  p->parts = (terms + p->part - 1) / p->part;
}

/* Sums along one axis, which is the fastest of all results, of at least LEAST_TERMS terms; *rows: how many. */
static bool is_along_fastest(const KNest *n, Dim *rows) {
  Module *m = n->axes.m;
  int64_t step;
  if (n->nacc != 1 || n->nphase != 1 || n->phase[0].naxis != 1 || n->phase[0].skip || !acc_is_sum(&n->acc[0]))
    return false;
  int axis = n->phase[0].axis[0];
  for (int i = 0; i < n->nstore; i++) {
    if (n->store[i].level != KS_INNER || !dim_number(m, n->store[i].at.coef[axis], &step)) return false;
    if (step != 1 && step != -1) return false;
  }
  *rows = index_product(n, n->outer, n->nouter);
  return dim_bound(m, n->axes.axis[axis].extent) >= LEAST_TERMS && dim_bound(m, *rows) <= 0x7fffffff;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  Dim rows;
  (void)k;
  if (m->opt.strict || !is_along_fastest(n, &rows) || n->acc[0].type != DT_F32) return false;
  Dim terms = n->axes.axis[n->phase[0].axis[0]].extent;
  ScanPlan *p = ctx_alloc(m->c, sizeof *p);
  KNest *sums = ctx_alloc(m->c, sizeof *sums);
  *sums = *n;
  sums->nstore = 0;
  *p = (ScanPlan){scheduled(n, s), scheduled(sums, s), 0, 1};
  split_rows(p, dim_bound(m, rows), dim_bound(m, terms));
  *f = (FormShape){.launches = p->parts > 1 ? 2 : 1, .plan = p};
  for (int i = 0; i < f->launches; i++) {
    f->launch[i] = (LaunchShape){.grid[0] = {rows, 1}, .block = CUDA_BLOCK, .shared_bytes = WARPS * 4};
    if (p->parts > 1) f->launch[i].grid[1] = (GridAxis){terms, p->part};
  }
  if (p->parts > 1) f->scratch = dim_bound(m, rows) * p->parts * (int64_t)sizeof(float);
  return true;
}

/* The kernel has the sums of parts. */
static bool is_first(const NestText *c) { return c->s == &((const ScanPlan *)c->form)->first; }

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
  if (!is_first(c)) nest_line(c, "%s before = carry;", type);
  nest_open_block(c, "GC_UNROLL for (int w = 0; w < %d; w++)", WARPS);
  nest_line(c, "const %s o = %s;", type, reduce_get(c, a->type, "gc_shared() + w * 4"));
  if (!is_first(c)) nest_line(c, "if (w < warp) before = %s;", acc_combine(c, a, "before", "o", false));
  nest_line(c, "carry = %s;", acc_combine(c, a, "carry", "o", false));
  nest_close_block(c);
  if (!is_first(c)) nest_line(c, "s0 = %s;", acc_combine(c, a, "before", "s0", false));
}

/* The sum of part `part` of this row. */
static const char *part_sum(NestText *c, const char *part) {
  const ScanPlan *p = c->form;
  return ctx_strf(c->p->c, "((%s *)scratch)[row * %lld + %s]", dtype_info[c->n->acc[0].type].c, (long long)p->parts,
                  part);
}

/* Declares carry, the sum of the terms before this block's; where rows are split, `from` and `to`, its terms. */
static void print_range(NestText *c, const char *n) {
  const ScanPlan *p = c->form;
  const KAcc *a = &c->n->acc[0];
  const char *index = nest_index_type(c);
  nest_line(c, "%s carry = %s;", dtype_info[a->type].c, acc_identity(c, a, false));
  if (p->parts == 1) return;
  nest_line(c, "const %s from = %sgc_block_y() * %lld;", index, c->s->narrow ? "" : "(gc_i64)", (long long)p->part);
  nest_line(c, "const %s to = %s - from < %lld ? %s : from + %lld;", index, n, (long long)p->part, n,
            (long long)p->part);
  if (is_first(c)) return;
  nest_line(c, "GC_ROLLED for (int part = 0; part < gc_block_y(); part++) carry = %s;",
            acc_combine(c, a, "carry", part_sum(c, "part"), false));
}

static void inner_loops(NestText *c, int phase, StrictOrder r) {
  const KAcc *a = &c->n->acc[0];
  int axis = c->n->phase[phase].axis[0];
  const char *type = dtype_info[a->type].c;
  (void)r;
  const char *terms = index_operand(c, c->n->axes.axis[axis].extent);
  bool split = ((const ScanPlan *)c->form)->parts > 1;
  print_range(c, terms);
  const char *from = split ? "from" : "0", *to = split ? "to" : terms;
  nest_open_block(c, "for (%s base = %s; base < %s; base += %d)", nest_index_type(c), from, to, CUDA_BLOCK);
  nest_line(c, "const %s at = base + gc_thread();", nest_index_type(c));
  nest_line(c, "%s s0 = %s;", type, acc_identity(c, a, false));
  nest_open_block(c, "if (at < %s)", to);
  nest_line(c, "const %s i%d = at;", nest_index_type(c), axis);
  NestText scope = nest_inner_scope(c);
  nest_values(&scope, phase, c->n->nouter + 1);
  acc_take(&scope, 0, "s0");
  nest_close_block(c);
  print_sum(c);
  if (!is_first(c)) {
    nest_open_block(c, "if (at < %s)", to);
    nest_line(c, "const %s i%d = at;", nest_index_type(c), axis);
    nest_values(c, phase, c->n->nouter + 1);
    nest_stores(c, phase, KS_INNER);
    nest_close_block(c);
  }
  nest_line(c, "gc_sync();");
  nest_close_block(c);
  if (is_first(c)) nest_line(c, "if (gc_thread() == 0) %s = carry;", part_sum(c, "gc_block_y()"));
}

static void print(Emitter *e, const Launch *l, Str *body) {
  static const ParallelText text = {.begin = print_begin, .inner_loops = inner_loops};
  const ScanPlan *p = l->plan;
  bool first = p->parts > 1 && !l->part;
  NestText c = nest_text(e, l->step->kernel, first ? &p->first : &p->s, body);
  c.parallel = &text;
  c.form = p;
  nest_print_text(&c);
}

const Form form_cumulative = {"scan", suits, print};

/* ---- in the order of terms ---- */

enum { ROWS = 4, STEPS = 4, UNROLLED = 8 }; /* warps of a block; terms of a lane; sums in a text */

static bool suits_in_order(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Dim rows;
  (void)k;
  if (!is_along_fastest(n, &rows) || dtype_info[n->acc[0].type].bytes != 4) return false;
  NestSchedule *p = ctx_alloc(n->axes.m->c, sizeof *p);
  *p = scheduled(n, s);
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0] = (LaunchShape){.grid[0] = {rows, ROWS}, .block = 32 * ROWS};
  return true;
}

static void print_begin_in_order(NestText *c) {
  const char *type = nest_index_type(c), *rows = text_dim(c->p, index_product(c->n, c->n->outer, c->n->nouter));
  nest_line(c, "const int lane = gc_thread() %% 32;");
  nest_line(c, "const %s row = %sgc_block() * %d + gc_thread() / 32;", type, c->s->narrow ? "" : "(gc_i64)", ROWS);
  nest_line(c, "if (row >= %s) return;", rows);
  index_declare(c, c->n->outer, c->n->nouter, "row");
}

/* Opens the block of the lane's term u, if there is one. */
static void open_term(NestText *c, int axis) {
  const char *type = nest_index_type(c);
  nest_line(c, "const %s at = base + u * 32 + lane;", type);
  nest_open_block(c, "if (at < %s)", index_operand(c, c->n->axes.axis[axis].extent));
  nest_line(c, "const %s i%d = at;", type, axis);
}

static void inner_loops_in_order(NestText *c, int phase, StrictOrder r) {
  const KAcc *a = &c->n->acc[0];
  int axis = c->n->phase[phase].axis[0];
  const char *type = dtype_info[a->type].c, *identity = acc_identity(c, a, false);
  (void)r;
  nest_line(c, "%s carry = %s;", type, identity);
  nest_open_block(c, "for (%s base = 0; base < %s; base += %d)", nest_index_type(c),
                  index_operand(c, c->n->axes.axis[axis].extent), 32 * STEPS);
  nest_line(c, "%s t[%d];", type, STEPS);
  nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u++)", STEPS);
  nest_line(c, "t[u] = %s;", identity);
  open_term(c, axis);
  NestText scope = nest_inner_scope(c);
  nest_values(&scope, phase, c->n->nouter + 1);
  acc_take(&scope, 0, "t[u]");
  nest_close_block(c);
  nest_close_block(c);
  nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u++)", STEPS);
  nest_line(c, "%s s0 = %s;", type, identity);
  nest_open_block(c, "GC_ROLLED for (int h = 0; h < 32; h += %d)", UNROLLED);
  nest_open_block(c, "GC_UNROLL for (int l = h; l < h + %d; l++)", UNROLLED);
  nest_line(c, "const %s o = %s;", type, reduce_shuffle(c, a->type, "", "t[u]", "l"));
  nest_line(c, "carry = %s;", acc_combine(c, a, "carry", "o", false));
  nest_line(c, "if (lane == l) s0 = carry;");
  nest_close_block(c);
  nest_close_block(c);
  open_term(c, axis);
  nest_values(c, phase, c->n->nouter + 1);
  nest_stores(c, phase, KS_INNER);
  nest_close_block(c);
  nest_close_block(c);
  nest_close_block(c);
}

static void print_in_order(Emitter *e, const Launch *l, Str *body) {
  static const ParallelText text = {.begin = print_begin_in_order, .inner_loops = inner_loops_in_order};
  NestText c = nest_text(e, l->step->kernel, l->plan, body);
  c.parallel = &text;
  nest_print_text(&c);
}

const Form form_cumulative_in_order = {"warp", suits_in_order, print_in_order};
