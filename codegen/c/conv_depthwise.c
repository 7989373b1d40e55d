/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/conv_weights.h"

enum { MAX_ROWS = 64, BAND_BYTES = 24 << 10 };

static int64_t number(Module *m, Dim d) {
  int64_t x = 0;
  dim_number(m, d, &x);
  return x;
}

/* Takes the check of the row's pixels from the others. */
static void take_check(Module *m, ConvWeights *x) {
  GemmTaps *t = &x->g.taps;
  int n = 0;
  x->size = INT64_MAX;
  for (int d = 0; d < t->n; d++) {
    if (t->k[d] == x->g.k.n) {
      x->at = number(m, t->at[d]), x->step = number(m, t->ms[d]), x->stride = number(m, t->ks[d]);
      x->size = number(m, t->size[d]);
      continue;
    }
    t->m[n] = t->m[d], t->k[n] = t->k[d], t->ms[n] = t->ms[d], t->ks[n] = t->ks[d];
    t->at[n] = t->at[d], t->size[n++] = t->size[d];
  }
  t->n = n;
}

/* block: channels of a group, the last axis of m; of a depthwise convolution 1, without an axis. */
static void find_tile(Module *m, const GemmDesc *g, const Machine *mc, int block, ConvWeights *x) {
  *x = (ConvWeights){.g = *g, .channels = block, .block = block, .lanes = mc->vec};
  GemmAxes *rows = &x->g.m, *pixels = &x->g.k;
  int64_t step = 1, columns = number(m, g->n.dim[0]);
  rows->flattened = true;
  for (int i = rows->n - 1; i >= 0; step *= number(m, rows->dim[i--])) rows->s1[i] = dim_of(m, step);
  rows->n -= block > 1 ? 2 : 1, pixels->n--;
  x->tap = number(m, rows->s1[rows->n]);
  x->taps = number(m, rows->dim[rows->n]), x->tap_a = number(m, rows->s0[rows->n]);
  x->width = number(m, pixels->dim[pixels->n]);
  x->pixel = number(m, pixels->s0[pixels->n]), x->columns = number(m, pixels->s1[pixels->n]);
  take_check(m, x);
  int most = mc->mr * mc->nv / (int)x->taps / block;
  int64_t vectors = (columns + x->lanes - 1) / x->lanes;
  x->vecs = 1; /* twice as many where no tile then has more columns again */
  while (x->vecs * 2 <= most && x->vecs < mc->nv && vectors % (x->vecs * 2) == 0 && columns >= x->vecs * 2 * x->lanes)
    x->vecs *= 2;
  int64_t fit = BAND_BYTES / (8 * x->width * x->vecs * x->lanes);
  x->even = block == 1 && g->a.storage == OS_BF16 && g->b.storage == OS_BF16 && x->vecs % 2 == 0 && x->lanes >= 8;
  x->rows = x->few = fit < 1 ? 1 : fit > MAX_ROWS ? MAX_ROWS : (int)fit;
  x->together = 1;
}

void conv_depthwise_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x) {
  find_tile(k->gs->g->m, g, mc, 1, x);
}

bool conv_groups_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x) {
  Module *m = k->gs->g->m;
  int64_t taps = number(m, g->m.dim[g->m.n - 2]);
  if (g->group < 2 || mc->vec % g->group || number(m, g->n.dim[0]) < mc->vec) return false;
  if (taps * g->group > mc->mr * mc->nv) return false;
  if (g->a.storage && g->group * 2 > mc->vec) return false; /* a product of pairs is as fast */
  find_tile(m, g, mc, (int)g->group, x);
  return true;
}

/* ---- text ---- */

static bool is_valid(const ConvWeights *x, int64_t pixel, int64_t tap) {
  int64_t at = x->at + x->step * tap + x->stride * pixel;
  return x->size == INT64_MAX || (at >= 0 && at < x->size);
}

static bool is_inside(const ConvWeights *x, int64_t pixel) {
  return is_valid(x, pixel, 0) && is_valid(x, pixel, x->taps - 1);
}

/* The vector in f32 at element `at` of the operand `name`. */
static const char *vector_text(Str *o, const GemmOperand *x, char name, int64_t at) {
  static const char *const load[] = {"*(const gc_vecu *)", "gc_load_bh", "gc_load_h"};
  return ctx_strf(o->c, "%s(%c + %lld)", load[x->storage], name, (long long)at);
}

/* The sums of one tap; of groups, for each channel of them. */
static void print_tap(Str *o, const ConvWeights *x, int64_t tap, int vec, int64_t a) {
  if (x->even) {
    str_printf(o, "\n        u = *(const gc_uu *)(a + %lld); c%lld_%d += GC_EVEN(u) * t;", (long long)a, (long long)tap,
               vec);
    str_printf(o, " c%lld_%d += GC_ODD(u) * odd;", (long long)tap, vec + 1);
    return;
  }
  const char *load = vector_text(o, &x->g.a, 'a', a);
  if (x->block == 1) {
    str_printf(o, " c%lld_%d += %s * t;", (long long)tap, vec, load);
    return;
  }
  str_printf(o, "\n        { const gc_vec x = %s;", load);
  for (int c = 0; c < x->block; c++) {
    str_printf(o, " c%lld_%d += GC_SHUFFLE(x, x", (long long)(tap * x->block + c), vec);
    for (int lane = 0; lane < x->lanes; lane++) str_printf(o, ", %d", lane - lane % x->block + c);
    str_puts(o, ") * t;");
  }
  str_puts(o, " }");
}

/* The sums of one pixel, whose addresses are a + `a`, b + `b`; pixel -1: all taps are valid. */
static void print_pixel(Str *o, const ConvWeights *x, int64_t pixel, int64_t a, int64_t b) {
  for (int j = 0; j < x->vecs; j += x->even ? 2 : 1) {
    int64_t at = b + j * x->lanes;
    if (x->even)
      str_printf(o, "      { gc_vu u = *(const gc_uu *)(b + %lld); const gc_vec t = GC_EVEN(u), odd = GC_ODD(u);",
                 (long long)at);
    else str_printf(o, "      { const gc_vec t = %s;", vector_text(o, &x->g.b, 'b', at));
    for (int64_t t = 0; t < x->taps; t++)
      if (pixel < 0 || is_valid(x, pixel, t)) print_tap(o, x, t, j, a + t * x->tap_a + j * x->lanes);
    str_puts(o, " }\n");
  }
}

static void print_row(Str *o, const ConvWeights *x) {
  int64_t from = 0, to = x->width;
  while (from < x->width && !is_inside(x, from)) from++;
  while (to > from && !is_inside(x, to - 1)) to--;
  for (int64_t p = 0; p < from; p++) print_pixel(o, x, p, p * x->pixel, p * x->columns);
  str_printf(o, "    a += %lld, b += %lld;\n", (long long)(from * x->pixel), (long long)(from * x->columns));
  str_printf(o, "    for (long p = 0; p < %lld; p++, a += %lld, b += %lld) {\n", (long long)(to - from),
             (long long)x->pixel, (long long)x->columns);
  print_pixel(o, x, -1, 0, 0);
  str_puts(o, "    }\n");
  for (int64_t p = to; p < x->width; p++) print_pixel(o, x, p, (p - to) * x->pixel, (p - to) * x->columns);
}

/* The lanes of a shuffle of two vectors of sums that are vector `half` in the order of columns or of `even` ones. */
static const char *lanes_text(Str *o, const ConvWeights *x, bool even, int half) {
  Str s = {.c = o->c};
  for (int i = 0, n = x->lanes; i < n; i++)
    str_printf(&s, ", %d", even ? 2 * i + half : (half * n + i) / 2 + i % 2 * n);
  return s.s;
}

/* The same where vectors of even and odd columns are beside each other; in memory sums have the order of columns. */
static void print_even_sums(Str *o, const ConvWeights *x, bool store) {
  for (int64_t t = 0; t < x->taps; t++)
    for (int j = 0; j < x->vecs; j++) {
      int even = j - j % 2;
      long long at = (t * x->vecs + j) * x->lanes;
      const char *pair = ctx_strf(o->c, "s%lld_%d, s%lld_%d", (long long)t, even, (long long)t, even + 1);
      if (store) {
        str_printf(o, "  *(gc_vecu *)(sum + %lld) = GC_SHUFFLE(c%lld_%d, c%lld_%d%s);\n", at, (long long)t, even,
                   (long long)t, even + 1, lanes_text(o, x, false, j % 2));
        continue;
      }
      str_printf(o, "  const gc_vec s%lld_%d = *(const gc_vecu *)(sum + %lld);\n", (long long)t, j, at);
      if (j % 2)
        str_printf(o, "  gc_vec c%lld_%d = GC_SHUFFLE(%s%s), c%lld_%d = GC_SHUFFLE(%s%s);\n", (long long)t, even, pair,
                   lanes_text(o, x, true, 0), (long long)t, j, pair, lanes_text(o, x, true, 1));
    }
}

static void print_sums(Str *o, const ConvWeights *x, bool store) {
  if (x->even) {
    print_even_sums(o, x, store);
    return;
  }
  for (int64_t t = 0; t < x->taps * x->block; t++)
    for (int j = 0; j < x->vecs; j++) {
      const char *name = ctx_strf(o->c, "c%lld_%d", (long long)t, j);
      long long at = (t * x->vecs + j) * x->lanes;
      if (store) str_printf(o, "  *(gc_vecu *)(sum + %lld) = %s;\n", at, name);
      else str_printf(o, "  gc_vec %s = *(const gc_vecu *)(sum + %lld);\n", name, at);
    }
}

static const char *stored_type(const GemmOperand *x) { return operand_is_half(x) ? "uint16_t" : "gc_real"; }

void conv_depthwise_tile(Str *o, const ConvWeights *x) {
  str_puts(o, "(const gc_real *const *ap, const gc_real *const *bp, long rows, gc_real *sum) {\n");
  print_sums(o, x, false);
  str_puts(o, "  for (long r = 0; r < rows; r++) {\n");
  str_printf(o, "    const %s *a = (const void *)ap[r];\n", stored_type(&x->g.a));
  str_printf(o, "    const %s *b = (const void *)bp[r];\n", stored_type(&x->g.b));
  print_row(o, x);
  str_puts(o, "  }\n");
  print_sums(o, x, true);
  str_puts(o, "}\n");
}
