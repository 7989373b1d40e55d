/* SPDX-License-Identifier: Apache-2.0 */
/* The form of contractions for sm_90a: 16-bit operands, f32 sums. One warp group loads the tiles of both operands by
 * TMA into a ring of stages, two multiply them by wgmma; mbarriers say which stages are full and which are empty. TMA
 * reads zeros outside of an operand. Operands are tensors of at most three axes: k, rows, batch. */
#include "codegen/cuda/gemm_text.h"

enum {
  GROUP = 128, /* threads of a warp group */
  ROWS = 64,   /* of a warp group that multiplies */
  GROUPS = 2,  /* that multiply */
  ATOM = 64,   /* elements of a row of a tile: 128 bytes */
  RING_BYTES = 192 << 10,
  LOADING_REGISTERS = 24,
  MULTIPLYING_REGISTERS = 240,
  MIN_ROWS = 9,
  MIN_TERMS = 16
};

static int operand_bytes(int rows) { return rows * WGMMA_DEPTH * 2; }
static int stage_bytes(const GemmTile *t) { return operand_bytes(t->rows) + operand_bytes(t->cols); }
static int stages(const GemmTile *t) { return RING_BYTES / stage_bytes(t); }
static bool is_half(const GemmOperand *o) { return o->storage == OS_BF16 || o->storage == OS_F16; }

/* ---- operands as tensors ---- */

static bool is_vector(Module *m, Dim elements) { return dim_divisor(m, elements) % 8 == 0; } /* 16 bytes */

/* The operand in boxes of 64 elements by 64 or, along k, by the rows of a tile. */
static bool find_box(const Kernel *k, const GemmDesc *g, bool is_a, int rows, TensorBox *x) {
  Module *m = k->gs->g->m;
  const GemmOperand *o = is_a ? &g->a : &g->b;
  const KBuf *b = &k->buf[o->load->buf];
  Dim size[3], stride[3];
  int64_t one;
  if (!gemm_one_axis(m, &g->k, !is_a, &size[0], &stride[0]) ||
      !gemm_one_axis(m, is_a ? &g->m : &g->n, false, &size[1], &stride[1]) ||
      !gemm_one_axis(m, &g->batch, !is_a, &size[2], &stride[2]))
    return false;
  bool along_k = dim_number(m, stride[0], &one) && one == 1;
  int fast = along_k ? 0 : 1;
  if (!dim_number(m, stride[fast], &one) || one != 1 || b->table || tile_alignment(k->gs->g, b->node) < 16)
    return false;
  if (!stride[!fast] || !is_vector(m, stride[!fast]) || !is_vector(m, stride[2]) || !is_vector(m, o->offset))
    return false;
  if (!stride[2]) size[2] = 1;
  *x = (TensorBox){.name = is_a ? "ma" : "mb", .buf = o->load->buf, .offset = o->offset, .rows = along_k ? rows : ATOM};
  x->size[0] = size[fast], x->size[1] = size[!fast], x->size[2] = size[2];
  x->stride[0] = stride[!fast], x->stride[1] = stride[2];
  return true;
}

static bool is_along_k(const GemmPlan *p, bool is_a) { return gemm_is_contiguous(p->g, is_a, true); }

static bool fits(const Kernel *k, const NestSchedule *s, FormShape *f, int most) {
  const Options *o = &k->gs->g->m->opt;
  GemmPlan *plan = o->strict || o->sm != 90 ? NULL : gemm_plan(k, s);
  if (!plan) return false;
  const GemmDesc *g = plan->g;
  GemmSize size = gemm_size(k, g);
  if (!is_half(&g->a) || g->a.storage != g->b.storage || g->taps.n || g->nresidue) return false;
  if (size.rows < MIN_ROWS || size.cols < MIN_ROWS || size.terms < MIN_TERMS) return false;
  plan->splits = most;
  const TileSize *t = wgmma_tile(&size, &plan->splits, o->any_size);
  if (!t || (most > 1 && plan->splits == 1)) return false;
  plan->tile = (GemmTile){t->rows, t->cols, WGMMA_DEPTH, (1 + GROUPS) * GROUP};
  bool fits = gemm_shape(k, plan, f);
  f->launch[0].boxes = 2;
  f->launch[0].shared_bytes = RING_BYTES + 2 * stages(&plan->tile) * 8;
  return fits && find_box(k, g, true, t->rows, &f->launch[0].box[0]) &&
         find_box(k, g, false, t->cols, &f->launch[0].box[1]);
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, 1); }
static bool suits_split(const Kernel *k, const NestSchedule *s, FormShape *f) { return fits(k, s, f, GEMM_SPLITS); }

/* ---- as text ---- */

/* Which stage is the next one, and the parity of the phase to wait for. */
static void print_next_stage(GemmText *c) {
  nest_line(&c->n, "if (++stage == %d) stage = 0, parity ^= 1;", stages(&c->plan->tile));
}

static void print_load(GemmText *c, const TensorBox *x, bool is_a, int at) {
  const GemmTile *t = &c->plan->tile;
  Ctx *ctx = c->n.p->c;
  int rows = is_a ? t->rows : t->cols;
  const char *first = is_a ? "m0" : "n0", *three = x->size[2] != 1 ? "3" : "", *z = "";
  if (*three) z = c->plan->splits > 1 ? ctx_strf(ctx, ", gc_block_z() / %d", c->plan->splits) : ", gc_block_z()";
  if (is_along_k(c->plan, is_a))
    nest_line(&c->n, "gc_tma_load%s(to + %d, &%s, k0, %s%s, full + stage * 8);", three, at, x->name, first, z);
  else
    nest_line(&c->n,
              "GC_UNROLL for (int i = 0; i < %d; i += %d) gc_tma_load%s(to + %d + i * %d, &%s, %s + i, k0%s, full + "
              "stage * 8);",
              rows, ATOM, three, at, WGMMA_DEPTH * 2, x->name, first, z);
}

/* One thread fills stage after stage. The first wait for each stage finds it empty. */
static void print_loads(GemmText *c, const LaunchShape *s) {
  const GemmTile *t = &c->plan->tile;
  NestText *n = &c->n;
  nest_line(n, "gc_registers_dec(%d);", LOADING_REGISTERS);
  nest_line(n, "int stage = 0, parity = 1;");
  nest_open_block(n, "for (%s k0 = %s; k0 < terms && thread == 0; k0 += %d)", c->type, c->from, WGMMA_DEPTH);
  nest_line(n, "const gc_saddr to = gc_shared() + stage * %d;", stage_bytes(t));
  nest_line(n, "gc_mbar_wait(empty + stage * 8, parity);");
  nest_line(n, "gc_mbar_expect(full + stage * 8, %d);", stage_bytes(t));
  print_load(c, &s->box[0], true, 0);
  print_load(c, &s->box[1], false, operand_bytes(t->rows));
  print_next_stage(c);
  nest_close_block(n);
}

static const char *descriptor(GemmText *c, bool is_a, const char *at) {
  bool along_k = is_along_k(c->plan, is_a);
  return ctx_strf(c->n.p->c, "gc_wgmma_desc(%s + k * %d, %d, 1024)", at, along_k ? 32 : 16 * 128,
                  along_k ? 16 : ATOM * 128);
}

/* The products of a warp group. After those of a stage have begun, those of the stage before are over. */
static void print_products(GemmText *c) {
  const GemmTile *t = &c->plan->tile;
  NestText *n = &c->n;
  bool f16 = c->g->a.storage == OS_F16;
  const char *before = "gc_mbar_arrive(empty + (stage ? stage - 1 : %d) * 8);";
  before = ctx_strf(n->p->c, before, stages(t) - 1);
  nest_line(n, "float d[%d];", t->cols / 2);
  nest_line(n, "GC_UNROLL for (int i = 0; i < %d; i++) d[i] = 0;", t->cols / 2);
  nest_line(n, "int stage = 0, parity = 0;");
  nest_open_block(n, "for (%s k0 = %s; k0 < terms; k0 += %d)", c->type, c->from, WGMMA_DEPTH);
  nest_line(n, "const gc_saddr at = gc_shared() + stage * %d, at_a = at + wm * %d, at_b = at + %d;", stage_bytes(t),
            ATOM * 2, operand_bytes(t->rows));
  nest_line(n, "gc_mbar_wait(full + stage * 8, parity);");
  nest_line(n, "gc_wgmma_fence();");
  nest_line(n, "GC_UNROLL for (int k = 0; k < %d; k++)", WGMMA_DEPTH / 16);
  nest_line(n, "  gc_wgmma%s_n%d(d, %s, %s, 1, %d, %d);", f16 ? "_f16" : "", t->cols, descriptor(c, true, "at_a"),
            descriptor(c, false, "at_b"), !is_along_k(c->plan, true), !is_along_k(c->plan, false));
  nest_line(n, "gc_wgmma_commit();");
  nest_line(n, "gc_wgmma_wait(1);");
  nest_line(n, "if (k0 > %s && worker %% %d == 0) %s", c->from, GROUP, before);
  print_next_stage(c);
  nest_close_block(n);
  nest_line(n, "gc_wgmma_wait(0);");
}

/* The sums pass through the ring, which no group reads any more, as those of mma do. */
static void print_results(GemmText *c) {
  const GemmTile *t = &c->plan->tile;
  NestText *n = &c->n;
  int pitch = t->cols + 8;
  const char *barrier = ctx_strf(n->p->c, "gc_sync_named(1, %d);", GROUPS * GROUP);
  nest_line(n, "%s", barrier);
  nest_open_block(n, "GC_UNROLL for (int j = 0; j < %d; j++)", t->cols / 8);
  nest_line(
    n,
    "const gc_saddr at = gc_shared() + (gc_saddr)(((wm + worker / 32 %% 4 * 16 + worker %% 32 / 4) * %d + j * 8 + "
    "worker %% 4 * 2) * 4);",
    pitch);
  nest_line(n, "gc_sts2(at, d + j * 4);");
  nest_line(n, "gc_sts2(at + %d, d + j * 4 + 2);", 8 * pitch * 4);
  nest_close_block(n);
  nest_line(n, "%s", barrier);
  gemm_results(c, "m0", t->rows, pitch);
}

static void print_barriers(GemmText *c) {
  int n = stages(&c->plan->tile);
  nest_line(&c->n, "const gc_saddr full = gc_shared() + %d, empty = full + %d;", RING_BYTES, n * 8);
  nest_open_block(&c->n, "if (thread == 0)");
  nest_open_block(&c->n, "GC_UNROLL for (int i = 0; i < %d; i++)", n);
  nest_line(&c->n, "gc_mbar_init(full + i * 8, 1);");
  nest_line(&c->n, "gc_mbar_init(empty + i * 8, %d);", GROUPS);
  nest_close_block(&c->n);
  nest_line(&c->n, "gc_fence_mbar_init();");
  nest_close_block(&c->n);
  nest_line(&c->n, "gc_sync();");
}

static void print(Emitter *p, const Launch *l, Str *body) {
  GemmText c = gemm_text(p, l->step->kernel, l->plan, body);
  if (l->part) {
    gemm_add_parts(&c);
    return;
  }
  nest_line(&c.n, "#ifdef GC_WGMMA");
  gemm_begin(&c);
  print_barriers(&c);
  nest_open_block(&c.n, "if (thread < %d)", GROUP);
  print_loads(&c, &l->shape);
  nest_close_block(&c.n);
  nest_open_block(&c.n, "else");
  nest_line(&c.n, "gc_registers_inc(%d);", MULTIPLYING_REGISTERS);
  nest_line(&c.n, "const int worker = thread - %d, wm = worker / %d * %d;", GROUP, GROUP, ROWS);
  c.thread = "worker", c.threads = GROUPS * GROUP;
  print_products(&c);
  print_results(&c);
  nest_close_block(&c.n);
  nest_line(&c.n, "#endif");
}

const Form form_gemm_wgmma = {"wgmma", suits, print};
const Form form_gemm_wgmma_split = {"wgmma_split", suits_split, print};
