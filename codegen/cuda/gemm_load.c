/* SPDX-License-Identifier: Apache-2.0 */
/* How the threads of a block load the tile of an operand. */
#include "codegen/cuda/gemm_text.h"

static const GemmAxes *rows_of(const GemmDesc *g, bool is_a) { return is_a ? &g->m : &g->n; }

/* Adds the terms of x to an address; second: by the strides in b. */
static void add_axes(Affine *at, const GemmAxes *x, bool second) {
  for (int i = 0; i < x->n; i++)
    if (x->axis[i] >= 0) at->coef[x->axis[i]] = second ? x->s1[i] : x->s0[i];
}

static bool is_contiguous(const GemmAxes *x, bool second) {
  return x->n && x->axis[x->n - 1] >= 0 && (second ? x->s1 : x->s0)[x->n - 1] == 1;
}

bool gemm_is_contiguous(const GemmDesc *g, bool is_a, bool along_k) {
  return along_k ? is_contiguous(&g->k, !is_a) : is_contiguous(rows_of(g, is_a), false);
}

bool gemm_one_axis(Module *m, const GemmAxes *x, bool second, Dim *size, Dim *stride) {
  const Dim *s = second ? x->s1 : x->s0;
  *size = 1, *stride = 0;
  for (int i = x->n - 1; i >= 0; i--) {
    if (x->residue[i]) return false;
    if (x->axis[i] < 0) continue;
    if (*size == 1) *stride = s[i];
    else if (dim_mul(m, *size, *stride) != s[i]) return false;
    *size = dim_mul(m, *size, x->dim[i]);
  }
  return true;
}

/* ---- chunks ---- */

static bool divides(Module *m, Dim d, int by) { return dim_divisor(m, d) % by == 0; }

/* All strides but that of the last axis. */
static bool strides_divide(Module *m, const GemmAxes *x, bool second, bool last, int by) {
  for (int i = 0; i < x->n - last; i++)
    if (!divides(m, (second ? x->s1 : x->s0)[i], by)) return false;
  return true;
}

/* `chunk` elements along the last axis of x lie side by side, at an address that vectors may have. */
static bool is_chunk(const Kernel *k, const GemmDesc *g, bool is_a, const GemmAxes *x, int chunk) {
  Module *m = k->gs->g->m;
  const GemmOperand *o = is_a ? &g->a : &g->b;
  const GemmAxes *rows = rows_of(g, is_a), *terms = &g->k;
  const KBuf *b = &k->buf[o->load->buf];
  if (!is_contiguous(x, x == terms && !is_a) || x->residue[x->n - 1] || !divides(m, x->dim[x->n - 1], chunk))
    return false;
  if (b->table || tile_alignment(k->gs->g, b->node) < 16 || !divides(m, o->offset, chunk)) return false;
  for (int i = 0; i < g->nresidue; i++)
    if ((is_a ? g->residue[i].a_stride : g->residue[i].b_stride) % chunk) return false;
  return strides_divide(m, rows, false, x == rows, chunk) && strides_divide(m, terms, !is_a, x == terms, chunk) &&
         strides_divide(m, &g->batch, !is_a, false, chunk);
}

static bool is_half_in_memory(const GemmOperand *o) { return o->storage == OS_BF16 || o->storage == OS_F16; }

/* The largest chunk of vectors along x: 16 bytes of memory. 1: there is none. */
static int chunk_along(const Kernel *k, const GemmDesc *g, bool is_a, const GemmAxes *x) {
  int chunk = is_half_in_memory(is_a ? &g->a : &g->b) ? 8 : 4;
  return is_chunk(k, g, is_a, x, chunk) ? chunk : 1;
}

GemmLoader gemm_loader(GemmText *c, bool is_a, int chunk) {
  const GemmTile *t = &c->plan->tile;
  const GemmDesc *g = c->g;
  Ctx *ctx = c->n.p->c;
  GemmLoader l = {.is_a = is_a, .name = is_a ? "a" : "b", .chunk = chunk, .rows = is_a ? t->rows : t->cols};
  const GemmAxes *x = rows_of(g, is_a);
  int rows = chunk > 1 ? chunk_along(c->n.k, g, is_a, x) : 1, k = chunk > 1 ? chunk_along(c->n.k, g, is_a, &g->k) : 1;
  l.along_k = rows > 1 ? false : k > 1 || !is_contiguous(x, false);
  l.vector = rows > 1 || k > 1;
  if (l.vector) l.chunk = l.along_k ? k : rows;
  l.async = l.vector && is_half_in_memory(is_a ? &g->a : &g->b);
  l.count = l.rows * t->depth / l.chunk / t->threads;
  int wide = (l.along_k ? t->depth : l.rows) / l.chunk, apart = t->threads / wide;
  const char *fast = ctx_strf(ctx, "thread %% %d", wide), *slow = ctx_strf(ctx, "thread / %d + e * %d", wide, apart);
  if (l.chunk > 1) fast = ctx_strf(ctx, "%s * %d", fast, l.chunk);
  l.row = l.along_k ? slow : fast;
  l.term = l.along_k ? fast : slow;
  bool each = l.chunk > 1 && !l.vector; /* element by element */
  l.nrow = l.along_k ? l.count : each ? l.chunk : 1;
  l.row_of = l.along_k ? "e" : each ? "u" : "0";
  return l;
}

/* If not along k, a warp loads 8 rows of 4 terms: sectors of global memory, and different banks of shared memory. */
GemmLoader gemm_word_loader(GemmText *c, bool is_a, int chunk) {
  enum { ROWS = 8, TERMS = 4 };
  GemmLoader l = gemm_loader(c, is_a, chunk);
  const GemmTile *t = &c->plan->tile;
  int warps = t->threads / (ROWS * TERMS), across = l.rows / ROWS;
  if (l.along_k) return l;
  l.along_k = true, l.vector = false, l.chunk = 1;
  l.count = l.nrow = l.rows * t->depth / t->threads, l.row_of = "e";
  const char *cell = ctx_strf(c->n.p->c, "(thread / %d + e * %d)", ROWS * TERMS, warps);
  l.row = ctx_strf(c->n.p->c, "thread %% %d + %s %% %d * %d", ROWS, cell, across, ROWS);
  l.term = ctx_strf(c->n.p->c, "thread / %d %% %d + %s / %d * %d", ROWS, TERMS, cell, across, TERMS);
  return l;
}

/* ---- as text ---- */

/* The rows of a function's operand, whose distance is `sa` or `sb`. */
static void rows_of_called(GemmText *c, const GemmLoader *l) {
  NestText *n = &c->n;
  const char *each = !l->along_k && l->nrow > 1 ? " + e" : "", *to = l->is_a ? "rows" : "cols";
  nest_line(n, "%s p%s[%d];", c->type, l->name, l->nrow);
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", l->nrow);
  nest_line(n, "const %s j = %s + %s%s;", c->type, l->is_a ? "m0" : "n0", l->row, each);
  if (l->along_k) nest_line(n, "p%s[e] = j < %s ? j * s%s : 0;", l->name, to, l->name);
  else nest_line(n, "p%s[e] = j < %s ? j : 0;", l->name, to);
  nest_close_block(n);
}

/* Rows outside of the operand are read as row 0, since their results are not stored. */
void gemm_rows(GemmText *c, const GemmLoader *l) {
  if (c->called) {
    rows_of_called(c, l);
    return;
  }
  NestText *n = &c->n;
  const GemmAxes *x = rows_of(c->g, l->is_a);
  const GemmTaps *t = &c->g->taps;
  const char *from = l->is_a ? "m0" : "n0", *to = l->is_a ? "rows" : "cols";
  int taps = l->is_a ? t->n : 0;
  Affine at = affine_const((l->is_a ? &c->g->a : &c->g->b)->offset);
  add_axes(&at, x, false);
  add_axes(&at, &c->g->batch, !l->is_a);
  nest_line(n, "%s p%s[%d];", c->type, l->name, l->nrow);
  for (int d = 0; d < taps; d++) nest_line(n, "%s tap%d[%d];", c->type, d, l->nrow);
  nest_open_block(n, "GC_UNROLL for (int e = 0; e < %d; e++)", l->nrow);
  nest_line(n, "const %s j = %s + %s%s, j0 = j < %s ? j : 0;", c->type, from, l->row,
            !l->along_k && l->nrow > 1 ? " + e" : "", to);
  gemm_split(c, x, "j0", false);
  const char *address = text_affine(n->p, &at);
  for (int i = 0; i < c->g->nresidue; i++) {
    const GemmResidue *r = &c->g->residue[i];
    address = ctx_strf(n->p->c, "%s + %s%d * %lld", address, l->is_a ? "at" : "t", r->axis,
                       (long long)(l->is_a ? r->a_stride : r->b_stride));
  }
  nest_line(n, "p%s[e] = %s;", l->name, address);
  for (int d = 0; d < taps; d++) {
    Affine e = affine_const(0);
    if (t->ms[d]) e.coef[x->axis[t->m[d]]] = t->ms[d];
    const char *index = t->ms[d] ? text_affine(n->p, &e) : "0";
    nest_line(n, "tap%d[e] = %s + %s;", d, index, gemm_operand(c, gemm_taps_start(c, d)));
  }
  nest_close_block(n);
}

/* Declares the positions of taps. Where they are within the image; NULL: everywhere. */
static const char *inside(GemmText *c, const GemmLoader *l) {
  Emitter *p = c->n.p;
  const GemmTaps *t = &c->g->taps;
  Str s = {.c = p->c};
  for (int d = 0; l->is_a && d < t->n; d++) {
    Affine e = affine_const(0);
    if (t->ks[d]) e.coef[c->g->k.axis[t->k[d]]] = t->ks[d];
    nest_line(&c->n, "const %s q%d = tap%d[%s] + %s;", c->type, d, d, l->row_of, gemm_operand(c, text_affine(p, &e)));
    str_printf(&s, "%sq%d >= 0 && q%d < %s", s.n ? " && " : "", d, d, gemm_operand(c, text_dim(p, t->size[d])));
  }
  return s.s;
}

GemmElement gemm_element(GemmText *c, const GemmLoader *l) {
  Emitter *p = c->n.p;
  Affine at = affine_const(0);
  add_axes(&at, &c->g->k, !l->is_a);
  bool each = l->chunk > 1 && !l->vector && l->along_k;
  nest_line(&c->n, "const %s k = k0 + %s%s;", c->type, l->term, each ? " + u" : "");
  if (c->called)
    return (GemmElement){
      .buf = l->name,
      .at = ctx_strf(p->c, l->along_k ? "p%s[%s] + k" : "p%s[%s] + k * s%s", l->name, l->row_of, l->name)};
  gemm_split(c, &c->g->k, "k", false);
  GemmElement e = {.taps = inside(c, l)};
  const KVal *load = (l->is_a ? &c->g->a : &c->g->b)->load;
  e.buf = nest_buf_name(&c->n, load->buf);
  e.at = ctx_strf(p->c, "p%s[%s] + %s", l->name, l->row_of, gemm_operand(c, text_affine(p, &at)));
  return e;
}

/* The element in f32, rounded to the operand's type. */
static const char *value(GemmText *c, const GemmLoader *l, const GemmElement *e) {
  Emitter *p = c->n.p;
  const GemmOperand *o = l->is_a ? &c->g->a : &c->g->b;
  const char *x = text_after_load(p, (DType)c->n.k->buf[o->load->buf].type, ctx_strf(p->c, "%s[%s]", e->buf, e->at));
  if (o->storage == OS_ROUND_BF16) return text_cast(p, DT_BF16, DT_F32, x);
  if (o->storage == OS_ROUND_F16) return text_cast(p, DT_F16, DT_F32, x);
  return x;
}

const char *gemm_load(GemmText *c, const GemmLoader *l) {
  Emitter *p = c->n.p;
  GemmElement e = gemm_element(c, l);
  const char *x = value(c, l, &e), *zero = c->skips && l->is_a ? "gc_skipped()" : "0.0f";
  if (e.taps && c->skips) x = ctx_strf(p->c, "gc_term(%s)", x);
  if (e.taps) x = ctx_strf(p->c, "(%s ? %s : %s)", e.taps, x, zero);
  return ctx_strf(p->c, "k < terms ? %s : 0.0f", x);
}
