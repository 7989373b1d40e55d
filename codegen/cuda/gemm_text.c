/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/gemm_text.h"
#include <string.h>

/* ---- the plan ---- */

enum { MIN_TERMS = 4, MAX_GRID_YZ = 65535 };

GemmPlan *gemm_plan(const Kernel *k, const NestSchedule *s) {
  const GemmDesc *g = gemm_find(k, DT_BOOL);
  if (!g || g->panels || gemm_type(k) != DT_F32 || gemm_count(&g->k) < MIN_TERMS) return NULL;
  GemmPlan *plan = ctx_alloc(k->gs->g->m->c, sizeof *plan);
  *plan = (GemmPlan){.g = g, .epilogue = schedule_scalar(&gemm_epilogue(k, g)->nest)};
  plan->epilogue.narrow = s->narrow;
  return plan;
}

bool gemm_takes_tf32(const Kernel *k) {
  const Graph *g = k->gs->g;
  for (int i = 0; i < k->group->nnode; i++)
    if (attr_get(g->m, node_get(g, k->group->node[i])->attr)->hints & HINT_TF32) return true;
  return false;
}

/* The elements of axis d, the largest of all residues. */
static Dim axis_extent(Module *m, const GemmDesc *g, const GemmAxes *x, int d) {
  if (!x->residue[d]) return x->dim[d];
  const GemmResidue *r = &g->residue[x->residue[d] - 1];
  int64_t n = x == &g->k ? r->taps : r->extent, step = x == &g->k ? r->tap_step : r->modulus;
  return dim_of(m, (n + step - 1) / step);
}

Dim gemm_extent(Module *m, const GemmDesc *g, const GemmAxes *x) {
  Dim d = 1;
  for (int i = 0; i < x->n; i++) d = dim_mul(m, d, axis_extent(m, g, x, i));
  return d;
}

GemmSize gemm_size(const Kernel *k, const GemmDesc *g) {
  Module *m = k->gs->g->m;
  return (GemmSize){(double)dim_bound(m, gemm_extent(m, g, &g->m)), (double)dim_bound(m, gemm_extent(m, g, &g->n)),
                    gemm_count(&g->k), gemm_count(&g->batch)};
}

static Dim blocks_deep(Module *m, const GemmDesc *g) {
  Dim z = gemm_extent(m, g, &g->batch);
  for (int i = 0; i < g->nresidue; i++) z = dim_mul(m, z, dim_of(m, g->residue[i].modulus));
  return z;
}

LaunchShape gemm_second_launch(const Kernel *k, const GemmPlan *plan) {
  Module *m = k->gs->g->m;
  const GemmDesc *g = plan->g;
  Dim sums = dim_mul(m, gemm_extent(m, g, &g->m), gemm_extent(m, g, &g->n));
  return (LaunchShape){.grid = {{sums, CUDA_BLOCK}, {0}, {blocks_deep(m, g), 1}}, .block = CUDA_BLOCK};
}

bool gemm_shape(const Kernel *k, const GemmPlan *plan, FormShape *f) {
  Module *m = k->gs->g->m;
  const GemmDesc *g = plan->g;
  Dim rows = gemm_extent(m, g, &g->m), cols = gemm_extent(m, g, &g->n);
  Dim sums = dim_mul(m, rows, cols), parts = dim_mul(m, blocks_deep(m, g), dim_of(m, plan->splits));
  f->plan = plan;
  f->launches = plan->splits > 1 ? 2 : 1;
  f->launch[0].grid[0] = (GridAxis){rows, plan->tile.rows};
  f->launch[0].grid[1] = (GridAxis){cols, plan->tile.cols};
  f->launch[0].grid[2] = (GridAxis){parts, 1};
  f->launch[0].block = plan->tile.threads;
  f->launch[1] = gemm_second_launch(k, plan);
  if (plan->splits > 1) f->scratch = dim_bound(m, dim_mul(m, parts, sums)) * (int64_t)sizeof(float);
  return dim_bound(m, cols) / plan->tile.cols < MAX_GRID_YZ && dim_bound(m, parts) <= MAX_GRID_YZ;
}

GemmText gemm_text(Emitter *p, const Kernel *k, const GemmPlan *plan, Str *o) {
  GemmText c = {.n = nest_text(p, k, &plan->epilogue, o), .plan = plan, .g = plan->g};
  c.type = nest_index_type(&c.n);
  c.from = plan->splits > 1 ? "from" : "0";
  c.thread = "thread", c.threads = plan->tile.threads;
  c.skips = p->m->opt.strict && plan->g->taps.n;
  if (c.skips) helper_use(p, "gc_skipped");
  return c;
}

/* ---- axes ---- */

const char *gemm_operand(GemmText *c, const char *text) {
  return text_is_atomic(text) ? text : ctx_strf(c->n.p->c, "(%s)", text);
}

/* The elements of axis d of the block's residue. */
static const char *extent_text(GemmText *c, const GemmAxes *x, int d) {
  int i = x->residue[d] - 1;
  if (i < 0) return text_dim(c->n.p, x->dim[d]);
  const GemmResidue *r = &c->g->residue[i];
  bool tap = x == &c->g->k;
  int64_t n = tap ? r->taps : r->extent, step = tap ? r->tap_step : r->modulus;
  return ctx_strf(c->n.p->c, "(%lld - %s%d) / %lld", (long long)(n + step - 1), tap ? "t" : "r", r->axis,
                  (long long)step);
}

static const char *product_text(GemmText *c, const GemmAxes *x) {
  bool residue = false;
  Dim d = 1;
  for (int i = 0; i < x->n; i++) residue |= x->residue[i] > 0, d = dim_mul(c->n.p->m, d, x->dim[i]);
  if (!residue) return text_dim(c->n.p, d);
  const char *all = NULL;
  for (int i = 0; i < x->n; i++) {
    const char *e = ctx_strf(c->n.p->c, "(%s)", extent_text(c, x, i));
    all = all ? ctx_strf(c->n.p->c, "%s * %s", all, e) : e;
  }
  return all;
}

void gemm_split(GemmText *c, const GemmAxes *x, const char *flat, bool nest) {
  Ctx *ctx = c->n.p->c;
  const char *rest = flat;
  for (int d = x->n - 1; d >= 0; d--) {
    int a = x->axis[d], r = x->residue[d] - 1;
    if (a < 0) continue;
    const char *extent = gemm_operand(c, extent_text(c, x, d)), *i = d ? ctx_strf(ctx, "%s %% %s", rest, extent) : rest;
    if (nest && r >= 0)
      i = ctx_strf(ctx, "(%s) * %lld + r%d", i, (long long)c->g->residue[r].modulus, c->g->residue[r].axis);
    nest_line(&c->n, "const %s i%d = %s;", c->type, a, i);
    if (d) rest = ctx_strf(ctx, "%s / %s", rest, extent);
  }
}

const char *gemm_taps_start(GemmText *c, int d) {
  int i = c->g->taps.residue[d] - 1;
  if (i < 0) return text_dim(c->n.p, c->g->taps.at[d]);
  const GemmResidue *r = &c->g->residue[i];
  return ctx_strf(c->n.p->c, r->tap >= 0 ? "at%d" : "(t%d ? -(1 << 30) : at%d)", r->axis, r->axis);
}

static void declare_residue(GemmText *c, const GemmResidue *r, const char *number) {
  int a = r->axis;
  NestText *n = &c->n;
  const char *pixel = ctx_strf(n->p->c, "(r%d + %lld - t%d * %lld)", a, (long long)r->lo, a, (long long)r->dilation);
  nest_line(n, "const int r%d = %s;", a, number);
  nest_line(n, "int t%d = 0;", a);
  nest_line(n, "while (t%d < %lld && %s %% %lld) t%d++;", a, (long long)r->taps, pixel, (long long)r->modulus, a);
  nest_line(n, "const int at%d = %s / %lld;", a, pixel, (long long)r->modulus);
}

/* The block's part of k, of about equal parts. */
static void declare_part(GemmText *c, const char *all) {
  int depth = c->plan->tile.depth, splits = c->plan->splits;
  NestText *n = &c->n;
  nest_line(n, "const int part = gc_block_z() %% %d;", splits);
  nest_line(n, "const %s all = %s, each = (all + %d) / %d * %d;", c->type, all, depth * splits - 1, depth * splits,
            depth);
  nest_line(n, "const %s from = part * each, terms = from + each < all ? from + each : all;", c->type);
}

void gemm_begin(GemmText *c) {
  NestText *n = &c->n;
  const GemmDesc *g = c->g;
  int splits = c->plan->splits;
  const char *z = splits > 1 ? ctx_strf(n->p->c, "gc_block_z() / %d", splits) : "gc_block_z()";
  for (int i = 0; i < g->nresidue; i++) {
    const char *modulus = ctx_strf(n->p->c, "%lld", (long long)g->residue[i].modulus);
    declare_residue(c, &g->residue[i], ctx_strf(n->p->c, "%s %% %s", z, modulus));
    z = ctx_strf(n->p->c, "%s / %s", z, modulus);
  }
  nest_line(n, "const %s rows = %s, cols = %s;", c->type, product_text(c, &g->m), product_text(c, &g->n));
  if (splits > 1) declare_part(c, product_text(c, &g->k));
  else nest_line(n, "const %s terms = %s;", c->type, product_text(c, &g->k));
  const char *wide = c->plan->epilogue.narrow ? "" : "(gc_i64)";
  nest_line(n, "const %s m0 = %sgc_block() * %d, n0 = %sgc_block_y() * %d;", c->type, wide, c->plan->tile.rows, wide,
            c->plan->tile.cols);
  if (g->nresidue) nest_line(n, "if (m0 >= rows) return;");
  gemm_split(c, &g->batch, z, true);
  nest_line(n, "const int thread = gc_thread();");
}

/* ---- the epilogue ---- */

/* The values and stores of element (m, n), whose sum is s0. */
static void print_element(GemmText *c) {
  NestText *n = &c->n;
  gemm_split(c, &c->g->m, "m", true);
  gemm_split(c, &c->g->n, "n", true);
  for (int d = 0; d < n->n->nouter; d++) nest_values(n, -1, d);
  for (int i = 0; i < n->n->nphase; i++) nest_values(n, i, n->n->nouter);
  for (int i = 0; i < n->n->nphase; i++) nest_stores(n, i, KS_OUTER);
}

void gemm_results(GemmText *c, const char *first, int rows, int pitch) {
  const GemmTile *t = &c->plan->tile;
  NestText *n = &c->n;
  const char *at = pitch == t->cols ? "e" : ctx_strf(n->p->c, "(e / %d * %d + e %% %d)", t->cols, pitch, t->cols);
  nest_open_block(n, "GC_ROLLED for (int e = %s; e < %d; e += %d)", c->thread, rows * t->cols, c->threads);
  nest_line(n, "const %s m = %s + e / %d, n = n0 + e %% %d;", c->type, first, t->cols, t->cols);
  nest_line(n, "if (m >= rows || n >= cols) continue;");
  nest_line(n, "const float s0 = gc_lds(gc_shared() + (gc_saddr)(%s * 4));", at);
  if (c->plan->splits > 1) nest_line(n, "((float *)scratch)[((gc_i64)gc_block_z() * rows + m) * cols + n] = s0;");
  else print_element(c);
  nest_close_block(n);
}

void gemm_add_parts(GemmText *c) {
  const GemmDesc *g = c->g;
  NestText *n = &c->n;
  int splits = c->plan->splits;
  nest_line(n, "const %s rows = %s, cols = %s;", c->type, product_text(c, &g->m), product_text(c, &g->n));
  nest_line(n, "const %s at = %sgc_block() * %d + gc_thread(), m = at / cols, n = at %% cols;", c->type,
            c->plan->epilogue.narrow ? "" : "(gc_i64)", CUDA_BLOCK);
  nest_line(n, "if (m >= rows) return;");
  gemm_split(c, &g->batch, "gc_block_z()", true);
  nest_line(n, "const float *const sums = (const float *)scratch + (gc_i64)gc_block_z() * %d * rows * cols + at;",
            splits);
  nest_line(n, "float s0 = sums[0];");
  nest_line(n, "for (int part = 1; part < %d; part++) s0 += sums[(gc_i64)part * rows * cols];", splits);
  print_element(c);
}
