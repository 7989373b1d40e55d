/* SPDX-License-Identifier: Apache-2.0 */
/* The form of contractions with few rows or few columns, at most 8, which the loads of the other operand, the long one,
 * bound. Where the long one is contiguous along k, a warp has one of its rows, and adds up what its lanes have: fast
 * mode. Where its rows are adjacent in memory, a thread has one of them, with k rising: the bits of the interpreter. */
#include "codegen/cuda/gemm_text.h"

enum { SMALL = 8, BLOCK = 128, WARPS = BLOCK / 32, DEEP = 4, MIN_LONG = 64 };

static int small_rows(const Kernel *k, const GemmPlan *p) {
  Module *m = k->gs->g->m;
  return (int)dim_bound(m, gemm_extent(m, p->g, p->long_a ? &p->g->n : &p->g->m));
}

/* along_k: by warps, else by threads. */
static bool fits(const Kernel *k, const NestSchedule *s, FormShape *f, bool along_k) {
  GemmPlan *p = gemm_plan(k, s);
  if (!p || p->g->taps.n || p->g->nresidue) return false;
  GemmSize size = gemm_size(k, p->g);
  bool long_a = size.rows >= size.cols;
  double few = long_a ? size.cols : size.rows, many = long_a ? size.rows : size.cols;
  if (few > SMALL || many * size.terms * size.batch < MIN_LONG) return false;
  if (!gemm_is_contiguous(p->g, long_a, along_k)) return false;
  int each = along_k ? WARPS : BLOCK;
  p->tile = (GemmTile){long_a ? each : SMALL, long_a ? SMALL : each, along_k ? 32 * DEEP : DEEP, BLOCK};
  p->long_a = long_a;
  p->splits = k->gs->g->m->opt.strict ? 1 : gemv_splits(&size, each);
  bool fits = gemm_shape(k, p, f);
  f->launch[0].shared_bytes = each * (SMALL + 1) * 4;
  return fits;
}

static bool suits_warp(const Kernel *k, const NestSchedule *s, FormShape *f) {
  return !k->gs->g->m->opt.strict && fits(k, s, f, true);
}

static bool suits_thread(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, false); }

/* Sums of the small rows, in acc[], over the block's part of k. */
static void print_sums(GemmText *c, bool along_k, int few) {
  NestText *n = &c->n;
  bool long_a = c->plan->long_a;
  const char *term = along_k ? "u * 32 + lane" : "u", *row = along_k ? "warp" : "thread";
  GemmLoader x = {.is_a = long_a, .name = long_a ? "a" : "b", .along_k = true, .chunk = 1, .row = row, .term = term};
  GemmLoader y = x;
  x.nrow = 1, x.row_of = "0";
  y.is_a = !long_a, y.name = long_a ? "b" : "a", y.nrow = few, y.row = "e", y.row_of = "i";
  gemm_rows(c, &x);
  gemm_rows(c, &y);
  nest_line(n, "float acc[%d];", few);
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++) acc[i] = 0;", few);
  nest_open_block(n, "for (%s k0 = %s; k0 < terms; k0 += %d)", c->type, c->from, c->plan->tile.depth);
  nest_line(n, "float v%s[%d];", x.name, DEEP);
  nest_open_block(n, "GC_UNROLL for (int u = 0; u < %d; u++)", DEEP);
  nest_line(n, "v%s[u] = %s;", x.name, gemm_load(c, &x));
  nest_close_block(n);
  nest_open_block(n, "GC_UNROLL for (int u = 0; u < %d; u++)", DEEP);
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < %d; i++)", few);
  nest_line(n, "const float v%s = %s;", y.name, gemm_load(c, &y));
  nest_line(n, long_a ? "acc[i] += va[u] * vb;" : "acc[i] += va * vb[u];");
  nest_close_block(n);
  nest_close_block(n);
  nest_close_block(n);
}

/* Through shared memory, to the threads of the epilogue. Behind a row of 8 sums there is one more element. */
static void print_results(GemmText *c, bool along_k, int few) {
  NestText *n = &c->n;
  const GemmTile *t = &c->plan->tile;
  bool long_a = c->plan->long_a;
  int pitch = long_a ? SMALL + 1 : t->cols;
  const char *of = along_k ? "warp" : "thread";
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < %d; i++)", few);
  if (along_k) nest_line(n, "GC_UNROLL for (int h = 16; h; h /= 2) acc[i] += gc_shfl_xor(acc[i], h);");
  nest_line(n, "%sgc_sts(gc_shared() + (gc_saddr)((%s * %d + %s) * 4), acc[i]);", along_k ? "if (lane == 0) " : "",
            long_a ? of : "i", pitch, long_a ? "i" : of);
  nest_close_block(n);
  nest_line(n, "gc_sync();");
  gemm_results(c, "m0", t->rows, pitch);
}

static void print(Emitter *p, const Launch *l, Str *body) {
  GemmText c = gemm_text(p, l->step->kernel, l->plan, body);
  bool along_k = l->form == &form_gemv_warp;
  if (l->part) {
    gemm_add_parts(&c);
    return;
  }
  int few = small_rows(l->step->kernel, c.plan);
  gemm_begin(&c);
  if (along_k) nest_line(&c.n, "const int lane = thread %% 32, warp = thread / 32;");
  print_sums(&c, along_k, few);
  print_results(&c, along_k, few);
}

const Form form_gemv_warp = {"gemv_warp", suits_warp, print};
const Form form_gemv_thread = {"gemv_thread", suits_thread, print};
