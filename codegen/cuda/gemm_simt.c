/* SPDX-License-Identifier: Apache-2.0 */
/* The SIMT form of contractions: tiles of both operands in shared memory, and each sum in one accumulator, with k
 * rising. Without FMA the sums are those of the interpreter. */
#include "codegen/cuda/gemm_text.h"

enum { PAD = 4 }; /* elements between rows of a tile, so that columns are stored into different banks */

static int stage_bytes(const GemmTile *t) { return t->depth * (t->rows + t->cols + 2 * PAD) * 4; }

/* The epilogue takes groups of four rows of each thread at a time. */
static int epilogue_rows(const GemmPlan *p) { return p->tile.rows / (p->row / 4); }

static bool fits(const Kernel *k, const NestSchedule *s, FormShape *f, int most) {
  GemmPlan *plan = gemm_plan(k, s);
  if (!plan) return false;
  GemmSize size = gemm_size(k, plan->g);
  plan->splits = most;
  const TileSize *t = simt_tile(&size, &plan->splits);
  if (most > 1 && (plan->splits == 1 || plan->g->nresidue)) return false;
  plan->tile = (GemmTile){t->rows, t->cols, SIMT_DEPTH, t->rows / t->row * (t->cols / t->col)};
  plan->row = t->row, plan->col = t->col;
  int epilogue = epilogue_rows(plan) * t->cols * 4, stages = 2 * stage_bytes(&plan->tile);
  bool fits = gemm_shape(k, plan, f);
  bool more = plan->g->taps.n || f->launches > 1; /* images, and parts of k, need more registers */
  f->launch[0].resident = (more ? 256 : 512) / plan->tile.threads;
  f->launch[0].shared_bytes = epilogue > stages ? epilogue : stages;
  return fits;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, 1); }

static bool suits_split(const Kernel *k, const NestSchedule *s, FormShape *f) {
  return !k->gs->g->m->opt.strict && fits(k, s, f, GEMM_SPLITS);
}

static void print_load(GemmText *c, const GemmLoader *l) {
  nest_open_block(&c->n, "GC_UNROLL for (int e = 0; e < %d; e++)", l->count);
  nest_line(&c->n, "v%s[e] = %s;", l->name, gemm_load(c, l));
  nest_close_block(&c->n);
}

static void print_put(GemmText *c, const GemmLoader *l, int at) {
  const char *to = ctx_strf(c->n.p->c, "((%s) * %d + %s)", l->term, l->rows + PAD, l->row);
  nest_line(&c->n, "GC_UNROLL for (int e = 0; e < %d; e++) gc_sts(stage + %s(gc_saddr)(%s * 4), v%s[e]);", l->count,
            at ? ctx_strf(c->n.p->c, "%d + ", at) : "", to, l->name);
}

static void print_multiply(GemmText *c) {
  const GemmPlan *p = c->plan;
  const GemmTile *t = &p->tile;
  NestText *n = &c->n;
  int a = (t->rows + PAD) * 4, b = (t->cols + PAD) * 4;
  nest_open_block(n, "GC_UNROLL for (int k = 0; k < %d; k++)", t->depth);
  nest_line(n, "float x[%d], y[%d];", p->row, p->col);
  for (int i = 0; i < p->row; i += 4)
    nest_line(n, "gc_lds4(x%s, other + (gc_saddr)(k * %d + (tm + %d) * 4));", i ? " + 4" : "", a,
              i / 4 * t->rows / (p->row / 4));
  for (int i = 0; i < p->col; i += 4)
    nest_line(n, "gc_lds4(y%s, other + %d + (gc_saddr)(k * %d + (tn + %d) * 4));", i ? " + 4" : "", t->depth * a, b,
              i / 4 * t->cols / (p->col / 4));
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++)", p->row);
  nest_line(n, "  %sGC_UNROLL for (int j = 0; j < %d; j++) acc[i][j] += x[i] * y[j];",
            c->skips ? "if (!gc_is_skipped(x[i])) " : "", p->col);
  nest_close_block(n);
}

/* One loop loads the tiles of a step and multiplies those of the step before, which are in the other stage. */
static void print_steps(GemmText *c) {
  const GemmTile *t = &c->plan->tile;
  GemmLoader a = gemm_loader(c, true, 1), b = gemm_loader(c, false, 1);
  NestText *n = &c->n;
  int bytes = stage_bytes(t);
  gemm_rows(c, &a);
  gemm_rows(c, &b);
  nest_line(n, "float acc[%d][%d], va[%d], vb[%d];", c->plan->row, c->plan->col, a.count, b.count);
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++)", c->plan->row);
  nest_line(n, "  GC_UNROLL for (int j = 0; j < %d; j++) acc[i][j] = 0;", c->plan->col);
  nest_line(n, "gc_saddr stage = gc_shared(), other = stage + %d;", bytes);
  nest_open_block(n, "for (%s k0 = %s;; k0 += %d)", c->type, c->from, t->depth);
  nest_open_block(n, "if (k0 < terms)");
  print_load(c, &a);
  print_load(c, &b);
  nest_close_block(n);
  nest_open_block(n, "if (k0 > %s)", c->from);
  print_multiply(c);
  nest_close_block(n);
  nest_line(n, "if (k0 >= terms) break;");
  print_put(c, &a, 0);
  print_put(c, &b, t->depth * (t->rows + PAD) * 4);
  nest_line(n, "gc_sync();");
  nest_line(n, "const gc_saddr put = stage;");
  nest_line(n, "stage = other, other = put;");
  nest_close_block(n);
}

/* The sums pass through shared memory, so that threads run along columns, and the text of the epilogue is there
 * once. */
static void print_results(GemmText *c) {
  const GemmPlan *p = c->plan;
  const GemmTile *t = &p->tile;
  NestText *n = &c->n;
  int groups = p->row / 4, rows = epilogue_rows(p);
  nest_open_block(n, "%sfor (int h = 0; h < %d; h++)", p->splits > 1 ? "" : "GC_ROLLED ", groups);
  nest_line(n, "gc_sync();");
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < %d; i++)", p->row);
  nest_line(n, "if (i / 4 != h) continue;");
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j += 4)", p->col);
  nest_line(n, "gc_sts4(gc_shared() + (gc_saddr)(((tm + i %% 4) * %d + tn + j * %d) * 4), acc[i] + j);", t->cols,
            t->cols / p->col);
  nest_close_block(n);
  nest_close_block(n);
  nest_line(n, "gc_sync();");
  gemm_results(c, ctx_strf(n->p->c, "m0 + h * %d", rows), rows, t->cols);
  nest_close_block(n);
}

static void print_tile(GemmText *c) {
  const GemmPlan *p = c->plan;
  int across = p->tile.cols / p->col; /* threads along a row */
  nest_line(&c->n, "const int tm = thread / %d * 4, tn = thread %% %d * 4;", across, across);
  print_steps(c);
  print_results(c);
}

/* A part of k has no epilogue, so kernels of all parts may call the same function. */
static void print(Emitter *p, const Launch *l, Str *body) {
  GemmText c = gemm_text(p, l->step->kernel, l->plan, body);
  if (l->part) {
    gemm_add_parts(&c);
    return;
  }
  gemm_begin(&c);
  GemmLoader x = gemm_loader(&c, true, 1), y = gemm_loader(&c, false, 1);
  if (c.plan->splits > 1 && gemm_is_called(&c, &x, &y)) gemm_put_call(&c, "simt", "f32", &x, &y, print_tile);
  else print_tile(&c);
}

const Form form_gemm_simt = {"simt", suits, print};
const Form form_gemm_simt_split = {"simt_split", suits_split, print};
