/* SPDX-License-Identifier: Apache-2.0 */
/* Prints the epilogue of a GEMM: a function that receives a block of the product, row by row. */
#include "codegen/c/gemm_epilogue.h"
#include "codegen/c/native_text.h"
#include "codegen/c/vector.h"

/* ---- names and extents ---- */

const char *gemm_residue_name(Emitter *p, const GemmDesc *g, int i) {
  return ctx_strf(p->c, "r%d", g->residue[i].axis);
}
const char *gemm_tap_name(Emitter *p, const GemmDesc *g, int i) { return ctx_strf(p->c, "t%d", g->residue[i].axis); }

const char *gemm_extent_text(Emitter *p, const GemmDesc *g, const GemmAxes *x, int d) {
  int i = x->residue[d] - 1;
  if (i < 0) return text_dim(p, x->dim[d]);
  const GemmResidue *r = &g->residue[i];
  int64_t n = x == &g->k ? r->taps : r->extent, step = x == &g->k ? r->tap_step : r->modulus;
  return ctx_strf(p->c, "(%lld - %s) / %lld", (long long)(n + step - 1),
                  x == &g->k ? gemm_tap_name(p, g, i) : gemm_residue_name(p, g, i), (long long)step);
}

/* ---- arguments of the epilogue: pointers to those of the kernel ---- */

void gemm_put_args(Str *s, const Epilogue *e) {
  for (int i = 0; i < e->narg; i++)
    str_printf(s, "%s(void *)%s%s", i ? ", " : "", karg_is_pointer(&e->arg[i]) ? "" : "&", e->arg[i].name);
  if (!e->narg) str_puts(s, "0");
}

static void put_unpacked(const Emitter *p, const Kernel *k, const Epilogue *e, Str *s) {
  for (int i = 0; i < e->narg; i++) {
    const KArg *a = &e->arg[i];
    const char *type = karg_type(p, k, a);
    bool panels = a->kind == KA_BUF && k->buf[a->index].cols;
    if (karg_is_pointer(a)) str_printf(s, "  %s *const %s%s = args[%d];\n", type, a->name, panels ? "_all" : "", i);
    else str_printf(s, "  const %s %s = *(const %s *)args[%d];\n", type, a->name, type, i);
  }
}

/* ---- the epilogue ---- */

/* The index of the nest's axis, from index i of axis d. */
static const char *nest_index(NestText *c, const GemmDesc *g, const GemmAxes *x, int d, const char *i) {
  int r = x->residue[d] - 1;
  if (r < 0) return i;
  return ctx_strf(c->p->c, "(%s) * %lld + %s", i, (long long)g->residue[r].modulus, gemm_residue_name(c->p, g, r));
}

/* Unflattens an index. `last`: the name for the index of the last axis; NULL: i and its number. */
static void split_index(NestText *c, const GemmDesc *g, const GemmAxes *x, const char *flat, const char *last) {
  const char *rest = flat;
  for (int d = x->n - 1; d >= 0; d--, last = NULL) {
    int a = x->axis[d];
    const char *dim = gemm_extent_text(c->p, g, x, d);
    if (!text_is_atomic(dim)) dim = ctx_strf(c->p->c, "(%s)", dim);
    const char *i = nest_index(c, g, x, d, d ? ctx_strf(c->p->c, "(%s) %% %s", rest, dim) : rest);
    if (!last) last = ctx_strf(c->p->c, "i%d", a);
    if (d) nest_line(c, "const ptrdiff_t %s = %s, q%d = (%s) / %s;", last, i, a, rest, dim);
    else nest_line(c, "const ptrdiff_t %s = %s;", last, i);
    rest = ctx_strf(c->p->c, "q%d", a);
  }
}

static void levels(NestText *c, const GemmAxes *x, int *level) {
  for (int i = 0; i < x->n; i++) nest_values(c, -1, ++*level);
}

/* One column of the product, i - first, or a vector of columns if there is a lane. */
static void print_columns(NestText *c, int axis) {
  DType t = gemm_type(c->k);
  if (c->s->lane >= 0)
    nest_line(c, "const %s s0 = gc_load_%s(c + (i%d - first));", vec_type(t), t == DT_F64 ? "d" : "f", axis);
  for (int i = 0; i < c->n->nphase; i++) nest_values(c, i, c->n->nouter);
  for (int i = 0; i < c->n->nphase; i++) nest_stores(c, i, KS_OUTER);
}

/* The loop over columns. With several axes of columns, an outer loop over runs along the last axis saves the division
 * of each column's index. */
static void column_loop(NestText *c, const GemmDesc *g, int *level) {
  const GemmAxes *x = &g->n;
  int last = x->axis[x->n - 1];
  const char *from = "n0", *to = "n0 + cols";
  int64_t extent;
  bool no_tail = dim_number(c->p->m, c->n->axes.axis[last].extent, &extent) && extent % c->s->vec == 0;
  if (x->n > 1) {
    nest_open_block(c, "for (long j0 = 0, wide; j0 < cols; j0 += wide)");
    split_index(c, g, x, "n0 + j0", "start");
    for (int i = 1; i < x->n; i++) nest_values(c, -1, ++*level);
    nest_line(c, "const ptrdiff_t first = start - j0;");
    nest_line(c, "wide = gc_min(cols - j0, %s - start);", gemm_extent_text(c->p, g, x, x->n - 1));
    from = "first + j0", to = "first + j0 + wide";
  } else {
    nest_line(c, "const ptrdiff_t first = n0;");
  }
  if (c->s->lane >= 0) {
    c->p->native->vectors = true;
    c->p->native->doubles |= gemm_type(c->k) == DT_F64;
    emit_main_and_tail(c, last, from, to, c->s->vec, no_tail, print_columns, last);
    return;
  }
  nest_line(c, "GC_INDEPENDENT");
  nest_open_block(c, "for (ptrdiff_t i%d = %s; i%d < %s; i%d++)", last, from, last, to, last);
  nest_line(c, "const gc_real s0 = c[i%d - first];", last);
  print_columns(c, last);
}

/* For matrices in panels, declares a pointer to the current row of the panel, so that column i is element i. */
static void panel_rows(NestText *c, KNest *n, const GemmDesc *g) {
  bool done[64] = {false};
  for (int i = 1; i < n->nval + n->nstore; i++) {
    KVal *v = i < n->nval ? &n->val[i] : NULL;
    KStore *s = v ? NULL : &n->store[i - n->nval];
    if (v && (v->kind != KV_LOAD || !c->s->use.uses[i])) continue;
    int buf = v ? v->buf : s->buf;
    const KBuf *b = &c->k->buf[buf];
    Affine *at = v ? &v->at : &s->at, row = affine_const(0);
    if (!b->cols) continue;
    for (int a = 0; a < n->axes.n; a++)
      if (a != g->n.axis[0] && at->coef[a]) row.coef[a] = 1;
    const char *name = nest_buf_name(c, buf);
    if (buf < 64 && !done[buf])
      nest_line(c, "%s%s *const %s = %s_all + n0 * %lld + (%s) * cols - n0;", b->written ? "" : "const ",
                dtype_info[b->type].c, name, name, (long long)b->rows, text_affine(c->p, &row));
    if (buf < 64) done[buf] = true;
    *at = affine_axis(g->n.axis[0]);
    if (v) v->needs = 1u << g->n.axis[0] | v->needs;
  }
}

enum { AHEAD = 4 }; /* rows: GELU's gradient of a GPT took half the time; 8 and 16 rows are not better */

/* The address in the row that is AHEAD of this one, at the first column; NULL: prefetching is no gain. */
static const char *row_ahead(NestText *c, const GemmDesc *g, const KVal *v) {
  int row = g->m.axis[0], column = g->n.axis[0];
  int64_t stride;
  if (c->k->buf[v->buf].cols) return ctx_strf(c->p->c, "%s + %d * cols + n0", nest_buf_name(c, v->buf), AHEAD);
  if (v->at.coef[column] != 1 || !dim_number(c->p->m, v->at.coef[row], &stride) || stride <= PANEL_WIDTH) return NULL;
  Affine at = v->at;
  at.coef[column] = 0;
  at.k = dim_add(c->p->m, at.k, (Dim)(AHEAD * stride));
  return ctx_strf(c->p->c, "%s + %s + n0", nest_buf_name(c, v->buf), text_affine(c->p, &at));
}

/* Prefetches what later rows read. A row is short and the next one a large stride away, where no hardware prefetcher
 * follows. */
static void prefetch_rows(NestText *c, const KNest *n, const GemmDesc *g) {
  bool done[64] = {false};
  if (g->m.n != 1 || g->n.n != 1 || c->s->lane < 0) return;
  int row = g->m.axis[0];
  for (int i = 1; i < n->nval; i++) {
    const KVal *v = &n->val[i];
    if (v->kind != KV_LOAD || !c->s->use.uses[i] || v->guards || v->buf >= 64 || done[v->buf]) continue;
    const char *at = row_ahead(c, g, v);
    if (!at) continue;
    nest_line(c, "for (long j = 0; i%d + %d < %s && j < cols; j += %d) __builtin_prefetch(%s + j);", row, AHEAD,
              text_dim(c->p, n->axes.axis[row].extent), 64 / dtype_info[c->k->buf[v->buf].type].bytes, at);
    done[v->buf] = true;
  }
}

static void print_loops(NestText *c, KNest *n, const GemmDesc *g) {
  int level = 0, last = g->n.n ? g->n.axis[g->n.n - 1] : -1;
  nest_values(c, -1, 0);
  split_index(c, g, &g->batch, "b", NULL);
  levels(c, &g->batch, &level);
  nest_open_block(c, "for (long r = 0; r < rows; r++, c += GC_PANEL)");
  if (!g->n.n) nest_line(c, "const gc_real s0 = c[0];"); /* one column: its values belong to the row's level */
  split_index(c, g, &g->m, "m0 + r", NULL);
  panel_rows(c, n, g);
  levels(c, &g->m, &level);
  prefetch_rows(c, n, g);
  if (g->n.n) column_loop(c, g, &level);
  else print_columns(c, last);
  while (c->indent > 1) nest_close_block(c);
}

const char *gemm_epilogue_function(Emitter *p, const Kernel *k, const KernelSchedule *schedule) {
  Epilogue *e = schedule->epilogue;
  Str s = {.c = p->c};
  bool made;
  str_puts(&s, "(void *const *args, const gc_real *c, long b, long m0, long rows, long n0, long cols) {\n");
  put_unpacked(p, k, e, &s);
  NestText c = nest_text(p, k, &schedule->columns, &s);
  print_loops(&c, &e->nest, schedule->gemm);
  str_puts(&s, "}\n");
  Interned *f = text_intern(p, s.s, &made);
  if (made) {
    f->name = ctx_strf(p->c, "k%d_%s_epilogue", p->nkernel - 1, kernel_label(p, k));
    kernel_put(p, "", p->target->kernel_qualifiers, f->name, s.s);
  }
  return f->name;
}
