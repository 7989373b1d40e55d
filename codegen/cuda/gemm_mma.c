/* SPDX-License-Identifier: Apache-2.0 */
/* The forms of contractions on tensor cores, with f32 sums: 16-bit operands, by mma.sync m16n8k16, and f32 operands
 * rounded to tf32, where that is asked for, by m16n8k8. Tiles of both operands are swizzled rows of 128 bytes in shared
 * memory, in a ring of stages. Where memory holds 16 bits side by side, they are copied there in the background; else
 * threads load, round and store them. The order of a sum is not that of strict mode. */
#include "codegen/cuda/gemm_text.h"

enum { ROW = 128, CHUNK_BYTES = 16, STAGES = 3, MIN_ROWS = 9, MIN_TERMS = 16 };

static DType operand_type(const GemmOperand *o) {
  switch (o->storage) {
  case OS_BF16:
  case OS_ROUND_BF16: return DT_BF16;
  case OS_F16:
  case OS_ROUND_F16: return DT_F16;
  case OS_F32: break;
  }
  return DT_F32;
}

/* As in shared memory. */
static int element_bytes(const GemmDesc *g) { return operand_type(&g->a) == DT_F32 ? 4 : 2; }
static const char *type_name(const GemmDesc *g) {
  DType t = operand_type(&g->a);
  return t == DT_F32 ? "tf32" : dtype_info[t].name;
}
static int chunk_of(const GemmDesc *g) { return CHUNK_BYTES / element_bytes(g); }

static GemmLoader loader(GemmText *c, bool is_a) {
  if (element_bytes(c->g) == 4) return gemm_word_loader(c, is_a, chunk_of(c->g));
  return gemm_loader(c, is_a, chunk_of(c->g));
}

static int operand_bytes(int rows) { return rows * ROW; }
static int stage_bytes(const GemmTile *t) { return operand_bytes(t->rows) + operand_bytes(t->cols); }

static bool fits(const Kernel *k, const NestSchedule *s, FormShape *f, bool tf32, int most) {
  GemmPlan *plan = k->gs->g->m->opt.strict ? NULL : gemm_plan(k, s);
  if (!plan) return false;
  const GemmDesc *g = plan->g;
  DType type = operand_type(&g->a);
  GemmSize size = gemm_size(k, g);
  if ((type == DT_F32) != tf32 || type != operand_type(&g->b) || (tf32 && !gemm_takes_tf32(k))) return false;
  if (size.rows < MIN_ROWS || size.cols < MIN_ROWS || size.terms < MIN_TERMS) return false;
  plan->splits = most;
  const TileSize *t = mma_tile(&size, &plan->splits);
  if (most > 1 && (plan->splits == 1 || g->nresidue)) return false;
  plan->tile = (GemmTile){t->rows, t->cols, ROW / element_bytes(g), 32 * (t->rows / t->row) * (t->cols / t->col)};
  plan->row = t->row, plan->col = t->col;
  bool fits = gemm_shape(k, plan, f);
  f->launch[0].shared_bytes = STAGES * stage_bytes(&plan->tile);
  return fits;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, false, 1); }
static bool suits_split(const Kernel *k, const NestSchedule *s, FormShape *f) {
  return fits(k, s, f, false, GEMM_SPLITS);
}
static bool suits_tf32(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, true, 1); }
static bool suits_tf32_split(const Kernel *k, const NestSchedule *s, FormShape *f) {
  return fits(k, s, f, true, GEMM_SPLITS);
}

/* ---- loads ---- */

static const char *tile_at(GemmText *c, const char *row, const char *col, int rows) {
  return ctx_strf(c->n.p->c, "gc_tile_at(%s, %s, %d)", row, col, rows);
}

/* Where chunk e of a thread is stored. */
static const char *chunk_at(GemmText *c, const GemmLoader *l) {
  if (element_bytes(c->g) == 4) return tile_at(c, l->row, ctx_strf(c->n.p->c, "(%s) * 2", l->term), l->rows);
  return l->along_k ? tile_at(c, l->row, l->term, l->rows) : tile_at(c, l->term, l->row, c->plan->tile.depth);
}

/* Begins to load the next tile of an operand: into shared memory, or into registers. */
static void print_load(GemmText *c, const GemmLoader *l, int at) {
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", l->count);
  if (!l->vector) {
    nest_open_block(n, "GC_UNROLL for (int u = 0; u < %d; u++)", l->chunk);
    nest_line(n, "v%s[e][u] = %s;", l->name, gemm_load(c, l));
    nest_close_block(n);
  } else {
    GemmElement x = gemm_element(c, l);
    const char *ok = x.taps ? ctx_strf(n->p->c, "k < terms && %s", x.taps) : "k < terms";
    if (l->async) {
      nest_line(n, "gc_cp_async(in + %d + %s, %s + %s, %s);", at, chunk_at(c, l), x.buf, x.at, ok);
    } else {
      nest_line(n, "GC_UNROLL for (int u = 0; u < %d; u++) v%s[e][u] = 0;", l->chunk, l->name);
      nest_line(n, "if (%s) gc_ldg4(v%s[e], %s + %s);", ok, l->name, x.buf, x.at);
    }
  }
  nest_close_block(n);
}

/* What print_load left in registers. */
static void print_put(GemmText *c, const GemmLoader *l, int at) {
  NestText *n = &c->n;
  if (l->async) return;
  int words = l->chunk * element_bytes(c->g) / 4;
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", l->count);
  nest_line(n, "uint32_t w[%d];", words);
  if (words == l->chunk)
    nest_line(n, "GC_UNROLL for (int u = 0; u < %d; u++) w[u] = gc_tf32(v%s[e][u]);", words, l->name);
  else
    nest_line(n, "GC_UNROLL for (int u = 0; u < %d; u++) w[u] = gc_pack_%s(v%s[e][2 * u], v%s[e][2 * u + 1]);", words,
              type_name(c->g), l->name, l->name);
  if (words == 1) nest_line(n, "gc_sts_u32(in + %d + %s, w[0]);", at, chunk_at(c, l));
  else nest_line(n, "gc_sts%d_u32(in + %d + %s, w);", words, at, chunk_at(c, l));
  nest_close_block(n);
}

/* ---- products ---- */

/* Where the fragments of a warp lie in a stage, for the first 32 bytes of terms. A row of 8 elements of 16 bits is
 * one of 4 words, so words along k are read as 16-bit elements along k. */
static void print_fragments(GemmText *c, const GemmLoader *a, const GemmLoader *b) {
  NestText *n = &c->n;
  const char *rows = "wm + lane % 16", *terms = "lane / 16 * 8";
  if (!a->along_k) rows = "wm + lane / 8 % 2 * 8", terms = "lane % 8 + lane / 16 * 8";
  nest_line(n, "const gc_saddr fa = %s;",
            a->along_k ? tile_at(c, rows, terms, a->rows) : tile_at(c, terms, rows, c->plan->tile.depth));
  rows = "wn + lane % 8 + lane / 16 * 8", terms = "lane / 8 % 2 * 8";
  if (!b->along_k) rows = "wn + lane / 16 * 8", terms = "lane % 16";
  nest_line(n, "const gc_saddr fb = %s;",
            b->along_k ? tile_at(c, rows, terms, b->rows) : tile_at(c, terms, rows, c->plan->tile.depth));
}

/* Along k the next 32 bytes are two chunks on, else 16 rows of the tile; the next 16 rows of the operand the
 * reverse. */
static void print_fragment_loads(GemmText *c, const GemmLoader *l, int at, int count) {
  const char *x = l->name;
  NestText *n = &c->n;
  nest_line(n, "const gc_saddr at_%s = %s;", x,
            ctx_strf(n->p->c,
                     l->along_k ? "(out + %d + f%s) ^ (gc_saddr)(k * 32)" : "out + %d + f%s + (gc_saddr)(k * 2048)", at,
                     x));
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++) gc_ldmatrix%s(r%s[i], at_%s %s);", count,
            l->along_k ? "" : "_trans", x, x, l->along_k ? "+ (gc_saddr)(i * 2048)" : "^ (gc_saddr)(i * 32)");
}

static void print_multiply(GemmText *c, const GemmLoader *a, const GemmLoader *b) {
  const GemmPlan *p = c->plan;
  NestText *n = &c->n;
  nest_open_block(n, "GC_UNROLL for (int k = 0; k < %d; k++)", ROW / 32);
  nest_line(n, "uint32_t ra[%d][4], rb[%d][4];", p->row / 16, p->col / 16);
  print_fragment_loads(c, a, 0, p->row / 16);
  print_fragment_loads(c, b, operand_bytes(p->tile.rows), p->col / 16);
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++)", p->row / 16);
  nest_line(n, "  GC_UNROLL for (int j = 0; j < %d; j++) gc_mma_%s(acc[i][j], ra[i], rb[j / 2] + j %% 2 * 2);",
            p->col / 8, type_name(c->g));
  nest_close_block(n);
}

static void print_next_stage(GemmText *c, const char *stage) {
  int bytes = stage_bytes(&c->plan->tile);
  nest_line(&c->n, "%s = %s == gc_shared() + %d ? gc_shared() : %s + %d;", stage, stage, (STAGES - 1) * bytes, stage,
            bytes);
}

/* One loop loads tile t and multiplies tile t - 2. A barrier lies between the products of a stage and its next
 * loads. */
static void print_steps(GemmText *c) {
  const GemmPlan *p = c->plan;
  NestText *n = &c->n;
  GemmLoader a = loader(c, true), b = loader(c, false);
  int at = operand_bytes(p->tile.rows), depth = p->tile.depth;
  gemm_rows(c, &a);
  gemm_rows(c, &b);
  print_fragments(c, &a, &b);
  nest_line(n, "float acc[%d][%d][4];", p->row / 16, p->col / 8);
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++)", p->row / 16);
  nest_line(n, "  GC_UNROLL for (int j = 0; j < %d; j++) GC_UNROLL for (int e = 0; e < 4; e++) acc[i][j][e] = 0;",
            p->col / 8);
  nest_line(n, "gc_saddr in = gc_shared(), out = in;");
  nest_line(n, "const %s last = %s + (terms - %s + %d) / %d * %d;", c->type, c->from, c->from, depth - 1, depth, depth);
  nest_open_block(n, "for (%s k0 = %s; k0 < last + %d; k0 += %d)", c->type, c->from, (STAGES - 1) * depth, depth);
  if (!a.async) nest_line(n, "float va[%d][%d];", a.count, a.chunk);
  if (!b.async) nest_line(n, "float vb[%d][%d];", b.count, b.chunk);
  nest_open_block(n, "if (k0 >= %s + %d)", c->from, (STAGES - 1) * depth);
  nest_line(n, "gc_cp_async_wait(%d);", STAGES - 2);
  nest_line(n, "gc_sync();");
  nest_close_block(n);
  nest_open_block(n, "if (k0 < last)");
  print_load(c, &a, 0);
  print_load(c, &b, at);
  nest_close_block(n);
  nest_line(n, "gc_cp_async_commit();");
  nest_open_block(n, "if (k0 >= %s + %d)", c->from, (STAGES - 1) * depth);
  print_multiply(c, &a, &b);
  print_next_stage(c, "out");
  nest_close_block(n);
  if (!a.async || !b.async) {
    nest_open_block(n, "if (k0 < last)");
    print_put(c, &a, 0);
    print_put(c, &b, at);
    nest_close_block(n);
  }
  print_next_stage(c, "in");
  nest_close_block(n);
}

static int sums_pitch(const GemmTile *t) { return t->cols + 8; }

/* The sums pass through shared memory. With 8 elements between rows, 16 lanes store 8 bytes each into different
 * banks. */
static void print_put_sums(GemmText *c) {
  const GemmPlan *p = c->plan;
  NestText *n = &c->n;
  int pitch = sums_pitch(&p->tile);
  nest_line(n, "gc_sync();");
  nest_open_block(n, "GC_UNROLL for (int i = 0; i < %d; i++)", p->row / 16);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", p->col / 8);
  nest_line(
    n,
    "const gc_saddr at = gc_shared() + (gc_saddr)(((wm + i * 16 + lane / 4) * %d + wn + j * 8 + lane %% 4 * 2) * 4);",
    pitch);
  nest_line(n, "gc_sts2(at, acc[i][j]);");
  nest_line(n, "gc_sts2(at + %d, acc[i][j] + 2);", 8 * pitch * 4);
  nest_close_block(n);
  nest_close_block(n);
  nest_line(n, "gc_sync();");
}

/* Where the rows and columns of a warp begin, and the loop. */
static void print_sums(GemmText *c) {
  const GemmPlan *p = c->plan;
  int across = p->tile.cols / p->col; /* warps along a row */
  nest_line(&c->n, "const int lane = thread %% 32, wm = thread / 32 / %d * %d, wn = thread / 32 %% %d * %d;", across,
            p->row, across, p->col);
  print_steps(c);
  print_put_sums(c);
}

static void print(Emitter *p, const Launch *l, Str *body) {
  GemmText c = gemm_text(p, l->step->kernel, l->plan, body);
  const GemmTile *t = &c.plan->tile;
  if (l->part) {
    gemm_add_parts(&c);
    return;
  }
  gemm_begin(&c);
  GemmLoader a = loader(&c, true), b = loader(&c, false);
  if (a.async && b.async && gemm_is_called(&c, &a, &b)) gemm_put_call(&c, "mma", type_name(c.g), &a, &b, print_sums);
  else print_sums(&c);
  gemm_results(&c, "m0", t->rows, sums_pitch(t));
}

const Form form_gemm_mma = {"mma", suits, print};
const Form form_gemm_mma_split = {"mma_split", suits_split, print};
const Form form_gemm_tf32 = {"tf32", suits_tf32, print};
const Form form_gemm_tf32_split = {"tf32_split", suits_tf32_split, print};
