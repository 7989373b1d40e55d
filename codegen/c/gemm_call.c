/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a GEMM: the call of gc_contract or gc_contract_half, and the function of its epilogue. */
#include "codegen/c/gemm_call.h"
#include "codegen/c/conv_pairs.h"
#include "codegen/c/conv_weights.h"
#include "codegen/c/native_text.h"
#include "codegen/c/vector.h"
#include "codegen/c/microkernel.h"
#include "codegen/c/weights_pairs.h"
#include <string.h>

#define GEMM_BODY "/*@ body"

/* ---- names and extents ---- */

/* Names of residue i, of its first tap, and of its first pixel in the output's gradient. */
static const char *residue_name(Emitter *p, const GemmDesc *g, int i) {
  return ctx_strf(p->c, "r%d", g->residue[i].axis);
}
static const char *tap_name(Emitter *p, const GemmDesc *g, int i) { return ctx_strf(p->c, "t%d", g->residue[i].axis); }
static const char *pixel_name(Emitter *p, const GemmDesc *g, int i) {
  return ctx_strf(p->c, "at%d", g->residue[i].axis);
}

static const char *extent_text(Emitter *p, const GemmDesc *g, const GemmAxes *x, int d) {
  int i = x->residue[d] - 1;
  if (i < 0) return text_dim(p, x->dim[d]);
  const GemmResidue *r = &g->residue[i];
  int64_t n = x == &g->k ? r->taps : r->extent, step = x == &g->k ? r->tap_step : r->modulus;
  return ctx_strf(p->c, "(%lld - %s) / %lld", (long long)(n + step - 1),
                  x == &g->k ? tap_name(p, g, i) : residue_name(p, g, i), (long long)step);
}

/* ---- arguments of the epilogue: pointers to those of the kernel ---- */

static void put_packed(Str *s, const Epilogue *e) {
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
  return ctx_strf(c->p->c, "(%s) * %lld + %s", i, (long long)g->residue[r].modulus, residue_name(c->p, g, r));
}

/* Unflattens an index. `last`: the name for the index of the last axis; NULL: i and its number. */
static void split_index(NestText *c, const GemmDesc *g, const GemmAxes *x, const char *flat, const char *last) {
  const char *rest = flat;
  for (int d = x->n - 1; d >= 0; d--, last = NULL) {
    int a = x->axis[d];
    const char *dim = extent_text(c->p, g, x, d);
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
    nest_line(c, "wide = gc_min(cols - j0, %s - start);", extent_text(c->p, g, x, x->n - 1));
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

static const char *epilogue_function(Emitter *p, const Kernel *k, const KernelSchedule *schedule) {
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

/* ---- the call ---- */

static void put_dims(Emitter *p, Str *s, const char *before, int n, const Dim *d, const char *after) {
  str_puts(s, before);
  for (int i = 0; i < n; i++) str_printf(s, "%s%s", i ? ", " : "", text_dim(p, d[i]));
  str_puts(s, after);
}

static void put_numbers(Str *s, const char *before, int n, const int *v, const char *after) {
  str_puts(s, before);
  for (int i = 0; i < n; i++) str_printf(s, "%s%d", i ? ", " : "", v[i]);
  str_puts(s, after);
}

static void put_axes(Emitter *p, Str *s, const char *name, const GemmDesc *g, const GemmAxes *x, bool both) {
  if (!x->n) return;
  str_printf(s, "    .%s = {%d, {", name, x->n);
  for (int i = 0; i < x->n; i++) str_printf(s, "%s%s", i ? ", " : "", extent_text(p, g, x, i));
  put_dims(p, s, "}, {", x->n, x->s0, "}");
  if (both) put_dims(p, s, ", {", x->n, x->s1, "}");
  str_puts(s, "},\n");
}

/* The start index of tap check d; far out of bounds for residues that have no tap. */
static const char *taps_start(Emitter *p, const GemmDesc *g, int d) {
  int i = g->taps.residue[d] - 1;
  if (i < 0) return text_dim(p, g->taps.at[d]);
  if (g->residue[i].tap >= 0) return pixel_name(p, g, i);
  return ctx_strf(p->c, "%s ? -%lld : %s", tap_name(p, g, i), (long long)1 << 40, pixel_name(p, g, i));
}

static void put_taps(Emitter *p, Str *s, const GemmDesc *g) {
  const GemmTaps *t = &g->taps;
  if (!t->n) return;
  str_printf(s, "    .image = {%d, %d, ", t->n, t->last);
  put_numbers(s, "{", t->n, t->m, "}, ");
  put_numbers(s, "{", t->n, t->k, "}, ");
  put_dims(p, s, "{", t->n, t->ms, "}, ");
  put_dims(p, s, "{", t->n, t->ks, "}, {");
  for (int d = 0; d < t->n; d++) str_printf(s, "%s%s", d ? ", " : "", taps_start(p, g, d));
  put_dims(p, s, "}, {", t->n, t->size, "}},\n");
}

/* The pointer to the element m = 0, k = 0 of an operand; is_a: the left one. */
static const char *operand_text(Emitter *p, const Kernel *k, const GemmDesc *g, bool is_a) {
  const GemmOperand *x = is_a ? &g->a : &g->b;
  const char *name = k->arg[x->load->buf].name, *at = text_dim(p, x->offset);
  p->named[x->load->buf] = true;
  for (int i = 0; i < g->nresidue; i++) {
    const GemmResidue *r = &g->residue[i];
    at = ctx_strf(p->c, "%s + %s * %lld", at, is_a ? pixel_name(p, g, i) : tap_name(p, g, i),
                  (long long)(is_a ? r->a_stride : r->b_stride));
  }
  return strcmp(at, "0") ? ctx_strf(p->c, "(%s + (%s))", name, at) : name;
}

/* Opens the loop over residue i, and computes its first tap and pixel. */
static void open_residue(Emitter *p, Str *s, const GemmDesc *g, int i) {
  const GemmResidue *x = &g->residue[i];
  const char *r = residue_name(p, g, i), *t = tap_name(p, g, i);
  const char *pixel = ctx_strf(p->c, "(%s + %lld - %s * %lld)", r, (long long)x->lo, t, (long long)x->dilation);
  str_printf(s, "  for (long %s = 0; %s < %lld; %s++) {\n", r, r, (long long)x->modulus, r);
  str_printf(s, "  long %s = 0;\n  while (%s < %lld && %s %% %lld) %s++;\n", t, t, (long long)x->taps, pixel,
             (long long)x->modulus, t);
  str_printf(s, "  const long %s = %s / %lld;\n", pixel_name(p, g, i), pixel, (long long)x->modulus);
}

static GemmChoice choice_of(const Emitter *p, const Kernel *k, const GemmDesc *g) {
  const GemmTuning *t = p->native->o.tuning;
  return gemm_choice(t, t ? gemm_key(p->m, g, gemm_type(k)) : NULL);
}

static int least(int a, int b) { return a < b ? a : b; }

/* Within the bounds of gemm.inc, whatever the file of choices has. */
static void put_choice(Str *s, GemmChoice x, DType t, const Machine *mc) {
  int part = t == DT_F64 ? 2 : 1, widest = 4 * PANEL_WIDTH;
  if (x.form > GF_AUTO && x.form <= GF_DOTS) str_printf(s, "    .form = %d,\n", x.form);
  if (x.kc) str_printf(s, "    .kc = %d,\n", least(x.kc, mc->kc / part));
  if (x.rows && x.cols && x.cols <= widest && x.cols % PANEL_WIDTH == 0)
    str_printf(s, "    .rows = %d, .cols = %d,\n", least(x.rows, mc->mc / part), x.cols);
}

/* `const gc_gemm g`. */
static void put_gemm(Emitter *p, const Kernel *k, const KernelSchedule *schedule, const GemmDesc *g, Str *s) {
  const char *cast = g->a.storage || g->b.storage ? "(const void *)" : "";
  const char *epilogue = epilogue_function(p, k, schedule);
  str_puts(s, "  void *const args[] = {");
  put_packed(s, schedule->epilogue);
  str_printf(s, "};\n  const gc_gemm g = {\n    .a = %s%s, .b = %s%s,\n", cast, operand_text(p, k, g, true), cast,
             operand_text(p, k, g, false));
  put_axes(p, s, "batch", g, &g->batch, true);
  put_axes(p, s, "m", g, &g->m, g->m.flattened);
  put_axes(p, s, "n", g, &g->n, false);
  put_axes(p, s, "k", g, &g->k, true);
  put_taps(p, s, g);
  if (g->panels) str_printf(s, "    .panels = %d, .prows = %lld,\n", g->panels, (long long)g->panel_rows);
  put_choice(s, choice_of(p, k, g), gemm_type(k), p->native->o.machine);
  str_printf(s, "    .epilogue = %s, .args = args,\n  };\n", epilogue);
}

static const char *tile_function(Emitter *p, const Kernel *k, const char *qualifiers, const Str *text) {
  bool made;
  Interned *f = text_intern(p, text->s, &made);
  if (made) {
    f->name = ctx_strf(p->c, "k%d_%s_tile", p->nkernel - 1, kernel_label(p, k));
    kernel_put(p, "", qualifiers, f->name, text->s);
  }
  return f->name;
}

#define CONTRACTED "GC_CONTRACTED GC_KERNEL"

/* A convolution in tiles of rows. False: it has none. */
static bool rows_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, const GemmDesc *g, Str *s) {
  Str tile = {.c = p->c};
  ConvRows x;
  if (!conv_rows_find(k, g, p->native->o.machine, &x)) return false;
  conv_rows_tile(&tile, &x);
  put_gemm(p, k, schedule, &x.g, s);
  str_printf(s,
             "  gc_convolve_rows(&(gc_row_conv){&g, %s, %d, %d, %lld, %lld, %lld, %lld, %lld, %lld, %lld}, tid, "
             "nthreads);\n",
             tile_function(p, k, CONTRACTED, &tile), x.pixels, x.vecs * x.lanes, (long long)x.panel, (long long)x.taps,
             (long long)x.channels, (long long)x.tap, (long long)x.channel, (long long)x.group, (long long)x.group_b);
  return true;
}

static int operand_bytes(const GemmOperand *x) { return operand_is_half(x) ? 2 : 4; }

/* A gradient by weights in tiles of all taps along a row. False: it has none. */
static bool weights_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  const GemmDesc *g = schedule->gemm;
  const Machine *mc = p->native->o.machine;
  Str tile = {.c = p->c};
  ConvWeights x;
  bool columns = g->depthwise || g->group; /* channels are columns */
  if (g->depthwise) {
    conv_depthwise_find(k, g, mc, &x);
    conv_depthwise_tile(&tile, &x);
  } else if (g->group) {
    if (!g->weights || !conv_groups_find(k, g, mc, &x)) return false;
    conv_depthwise_tile(&tile, &x);
  } else {
    if (!p->native->o.contract || !conv_weights_find(k, g, mc, &x)) return false;
    conv_weights_tile(&tile, &x);
  }
  put_gemm(p, k, schedule, &x.g, s);
  str_printf(s, "  const gc_weight_conv w = {&g, %s, %d, %d, %lld, %lld, %lld, %lld, %d, %d, %d, %d, %d, %d",
             tile_function(p, k, g->depthwise ? "GC_TILE GC_KERNEL" : CONTRACTED, &tile), x.block, x.vecs * x.lanes,
             (long long)x.taps, (long long)x.channels, (long long)x.tap, (long long)x.channel_a, columns,
             operand_bytes(&g->a), operand_bytes(&g->b), x.rows, x.few, x.together);
  if (!schedule->split) {
    str_puts(s, "};\n  gc_convolve_weights(&w, tid, nthreads);\n");
    return true;
  }
  helper_use(p, "gc_barrier");
  str_printf(s, ", %d, (gc_real *)(void *)part};\n", WEIGHT_CHUNKS);
  str_puts(s, "  gc_convolve_chunks(&w, tid, nthreads);\n  gc_barrier(call);\n  gc_add_chunks(&w, tid, nthreads);\n");
  return true;
}

/* A gradient by weights in tiles of AMX, or as a product where the processor has none. False: it has none. */
static bool weights_pairs_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  const GemmDesc *g = schedule->gemm;
  int chunks = schedule->split ? WEIGHT_CHUNKS : 0;
  WeightsPairs x;
  if (!p->native->o.contract || !weights_pairs_find(k, g, p->native->o.machine, chunks, &x)) return false;
  p->native->bf16_convs = true;
  put_gemm(p, k, schedule, g, s);
  str_printf(s, "  const gc_half h = {g, %d, %d};\n  const gc_weights_pairs w = ", g->a.storage, g->b.storage);
  weights_pairs_print(s, &x, chunks);
  str_puts(s, ";\n  if (!gc_sum_weights_pairs(&w, tid, nthreads)) {\n    gc_contract_half(&h, tid, nthreads);\n    "
              "return;\n  }\n");
  if (!chunks) return true;
  helper_use(p, "gc_barrier");
  str_printf(s, "  const gc_weight_conv all = {.g = &g, .taps = 1, .channels = 1, .chunks = %d, .part = w.part};\n",
             chunks);
  str_puts(s, "  gc_barrier(call);\n  gc_add_chunks(&all, tid, nthreads);\n");
  return true;
}

static bool tiles_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  bool fast = p->native->o.contract;
  const KernelSchedule *joined = fast ? schedule->joined : NULL;
  if (weights_pairs_call(p, k, schedule, s)) return true;
  if (joined && (weights_call(p, k, joined, s) || rows_call(p, k, joined, joined->gemm, s))) return true;
  return weights_call(p, k, schedule, s) || (fast && rows_call(p, k, schedule, schedule->gemm, s));
}

/* A convolution of bf16 pairs, as `done`: false where the processor has none. False: it has no such form. */
static bool pairs_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, const GemmDesc *g, Str *s) {
  Str tile = {.c = p->c};
  ConvPairs x;
  const ConvRows *r = &x.rows;
  if (!p->native->o.contract || !conv_pairs_find(k, g, p->native->o.machine, &x)) return false;
  p->native->bf16_convs = true;
  str_puts(s, "  int done;\n  {\n");
  put_gemm(p, k, schedule, &r->g, s);
  str_printf(s, "  const gc_half h = {g, %d, %d};\n", r->g.a.storage, r->g.b.storage);
  str_printf(s, "  done = gc_convolve_pairs(&(gc_pair_conv){&h, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld",
             (long long)r->taps, (long long)r->channels, (long long)r->tap, (long long)r->channel, (long long)r->pixel,
             (long long)r->stride, (long long)r->dilation, (long long)x.first, (long long)x.last);
  if (x.tile) {
    conv_pairs_tile(&tile, &x);
    str_printf(s, ", %s, %d, %d", tile_function(p, k, CONTRACTED, &tile), r->pixels, r->vecs * r->lanes);
  }
  str_puts(s, "}, tid, nthreads);\n  }\n");
  return true;
}

/* A product, whose residues are in loops. */
static void product_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, const GemmDesc *g, Str *s) {
  bool half = g->a.storage || g->b.storage, pairs = half && pairs_call(p, k, schedule, g, s);
  for (int i = 0; i < g->nresidue; i++) open_residue(p, s, g, i);
  put_gemm(p, k, schedule, g, s);
  if (pairs) str_puts(s, "  if (!done)");
  if (half) str_printf(s, "  gc_contract_half(&(gc_half){g, %d, %d}, tid, nthreads);\n", g->a.storage, g->b.storage);
  else str_puts(s, "  gc_contract(&g, tid, nthreads);\n");
  for (int i = 0; i < g->nresidue; i++) str_puts(s, "  }\n");
}

/* The products of all residues, each in the form that is best for its shape. */
static void residue_calls(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  const GemmDesc *g = schedule->gemm;
  for (int64_t n = 0; n < gemm_residues(g); n++) {
    GemmDesc x = gemm_of_residue(p->m, g, n);
    str_puts(s, "  {\n");
    for (int i = 0; i < g->nresidue; i++)
      str_printf(s, "  const long %s = %lld;\n", residue_name(p, g, i), (long long)gemm_residue_value(g, n, i));
    if (!p->native->o.contract || !rows_call(p, k, schedule, &x, s)) product_call(p, k, schedule, &x, s);
    str_puts(s, "  }\n");
  }
}

void gemm_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s) {
  enum { FEW_RESIDUES = 9 };
  const GemmDesc *g = schedule->gemm;
  GemmChoice choice = choice_of(p, k, g);
  gemm_use(p, gemm_type(k), g->a.storage || g->b.storage);
  if (choice.form != GF_GEMM && tiles_call(p, k, schedule, s)) return;
  if (g->nresidue && !schedule->joined && gemm_residues(g) <= FEW_RESIDUES && choice.form == GF_AUTO && !choice.kc)
    residue_calls(p, k, schedule, s);
  else product_call(p, k, schedule, g, s);
}

/* ---- gemm.inc, conv_rows.inc, gemm_half.inc, gemm_amx.inc, conv_pairs.inc, weights_pairs.inc ---- */

/* conv_rows.inc has f32 alone. */
static const char *rows_text(const Emitter *p) {
  size_t n;
  return p->native->gemm_type == DT_F32 ? p->o->builtin("codegen/c/conv_rows.inc", &n) : NULL;
}

static const char *bf16_text(const Emitter *p, const char *file) {
  const NativeText *x = p->native;
  size_t n;
  return x->bf16_convs ? p->o->builtin(file, &n) : NULL;
}

void gemm_use(Emitter *p, DType t, bool half) {
  NativeText *x = p->native;
  size_t n;
  x->gemm_type = t;
  x->gemm = p->o->builtin("codegen/c/gemm.inc", &n);
  if (!half) return;
  x->gemm_half = p->o->builtin("codegen/c/gemm_half.inc", &n);
  x->vectors = true;
  for (int t = 0; t < DT_COUNT; t++)
    if (dtype_is_half(t)) vec_use_half(p, t);
}

/* Prints a file up to GEMM_BODY, or from there on. */
static void put_file(Str *out, const char *text, bool from_body) {
  const char *body = text ? strstr(text, GEMM_BODY) : NULL;
  if (!body) return;
  if (from_body) str_puts(out, body);
  else str_put(out, text, (size_t)(body - text));
  str_puts(out, "\n");
}

void gemm_prelude_print(Emitter *p, Str *out) {
  const NativeText *x = p->native;
  if (!x->gemm) return;
  microkernel_types(out, x->o.machine, x->gemm_type);
  str_printf(out, "enum { GC_EXACT = %d };\n", !x->o.contract);
  str_puts(out, "#ifdef __clang__\n#define GC_INDEPENDENT _Pragma(\"clang loop vectorize(assume_safety)\")\n#else\n"
                "#define GC_INDEPENDENT _Pragma(\"GCC ivdep\")\n#endif\n");
  /* The text of tiles is unrolled, as that of microkernels is. */
  str_puts(out, "/* Tiles of convolutions; GC_CONTRACTED: their products are contracted into sums. */\n"
                "#ifdef __clang__\n#define GC_TILE\n#define GC_CONTRACTED\n"
                "#define GC_CONTRACTED_BLOCK _Pragma(\"clang fp contract(fast)\")\n"
                "#else\n#define GC_TILE __attribute__((optimize(\"O1\", \"expensive-optimizations\")))\n"
                "#define GC_CONTRACTED __attribute__((optimize(\"O1\", \"expensive-optimizations\", "
                "\"fp-contract=fast\")))\n"
                "#define GC_CONTRACTED_BLOCK\n#endif\n");
  put_file(out, x->gemm, false);
  put_file(out, rows_text(p), false);
  put_file(out, x->gemm_half, false);
  if (x->gemm_half) microkernel_pair_types(out);
  put_file(out, bf16_text(p, "codegen/c/conv_pairs.inc"), false);
  put_file(out, bf16_text(p, "codegen/c/weights_pairs.inc"), false);
}

void gemm_body_print(Emitter *p, Str *out) {
  const NativeText *x = p->native;
  if (!x->gemm) return;
  microkernel_print(out, x->o.machine, x->gemm_type, x->o.contract);
  put_file(out, x->gemm, true);
  put_file(out, rows_text(p), true);
  if (!x->gemm_half) return;
  size_t n;
  microkernel_print_pairs(out, x->o.machine);
  str_puts(out, p->o->builtin("codegen/c/gemm_amx.inc", &n));
  put_file(out, x->gemm_half, true);
  put_file(out, bf16_text(p, "codegen/c/conv_pairs.inc"), true);
  put_file(out, bf16_text(p, "codegen/c/weights_pairs.inc"), true);
}
