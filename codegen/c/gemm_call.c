/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a GEMM: the call of gc_contract or gc_contract_half, or of the form that is better for its shape. */
#include "codegen/c/gemm_call.h"
#include "codegen/c/conv_pairs.h"
#include "codegen/c/conv_weights.h"
#include "codegen/c/gemm_epilogue.h"
#include "codegen/c/native_text.h"
#include "codegen/c/vector.h"
#include "codegen/c/microkernel.h"
#include "codegen/c/weights_pairs.h"
#include <string.h>

#define GEMM_BODY "/*@ body"

/* ---- the call ---- */

/* The name of the first pixel of residue i in the output's gradient. */
static const char *pixel_name(Emitter *p, const GemmDesc *g, int i) {
  return ctx_strf(p->c, "at%d", g->residue[i].axis);
}

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
  for (int i = 0; i < x->n; i++) str_printf(s, "%s%s", i ? ", " : "", gemm_extent_text(p, g, x, i));
  put_dims(p, s, "}, {", x->n, x->s0, "}");
  if (both) put_dims(p, s, ", {", x->n, x->s1, "}");
  str_puts(s, "},\n");
}

/* The start index of tap check d; far out of bounds for residues that have no tap. */
static const char *taps_start(Emitter *p, const GemmDesc *g, int d) {
  int i = g->taps.residue[d] - 1;
  if (i < 0) return text_dim(p, g->taps.at[d]);
  if (g->residue[i].tap >= 0) return pixel_name(p, g, i);
  return ctx_strf(p->c, "%s ? -%lld : %s", gemm_tap_name(p, g, i), (long long)1 << 40, pixel_name(p, g, i));
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
    at = ctx_strf(p->c, "%s + %s * %lld", at, is_a ? pixel_name(p, g, i) : gemm_tap_name(p, g, i),
                  (long long)(is_a ? r->a_stride : r->b_stride));
  }
  return strcmp(at, "0") ? ctx_strf(p->c, "(%s + (%s))", name, at) : name;
}

/* Opens the loop over residue i, and computes its first tap and pixel. */
static void open_residue(Emitter *p, Str *s, const GemmDesc *g, int i) {
  const GemmResidue *x = &g->residue[i];
  const char *r = gemm_residue_name(p, g, i), *t = gemm_tap_name(p, g, i);
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
  const char *epilogue = gemm_epilogue_function(p, k, schedule);
  str_puts(s, "  void *const args[] = {");
  gemm_put_args(s, schedule->epilogue);
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
      str_printf(s, "  const long %s = %lld;\n", gemm_residue_name(p, g, i), (long long)gemm_residue_value(g, n, i));
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
