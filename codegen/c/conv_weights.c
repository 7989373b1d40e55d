/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/conv_weights.h"

/* Limits of conv_rows.inc: sums of a thread, rows at a time, channels of a tile. */
enum { MAX_SUMS = 1 << 16, MAX_ROWS = 64, MAX_BLOCK = 64 };
/* What a few tiles and rows have together fits the first cache, a band the second. Of one tap the columns do, and the
 * loads of sums pay. */
enum { NEAR_BYTES = 28 << 10, BAND_BYTES = 384 << 10, BAND_PIXELS = 128, MIN_PIXELS = 32 };
enum { LINE_BYTES = 64, L2_BYTES = 24 }; /* L2_BYTES: of a cycle */
enum { MOST_SUMS = 1 << 20 };            /* above, a thread goes through the images too often */

/* The check of the row's pixels, of dilation 1. */
static bool take_check(Module *m, ConvWeights *x, int *tap) {
  GemmTaps *t = &x->g.taps;
  for (int d = 0; d < t->n; d++) {
    int64_t ms, ks, at;
    if (t->k[d] != x->g.k.n - 1 || !t->ks[d]) continue;
    if (*tap >= 0 || !dim_number(m, t->ms[d], &ms) || !dim_number(m, t->ks[d], &ks) || ms != 1 || ks < 1) return false;
    if (!dim_number(m, t->at[d], &at) || !dim_number(m, t->size[d], &x->size) || at > 0 || x->pixel % ks) return false;
    x->stride = ks, x->pixel /= ks;
    *tap = t->m[d], x->before = -at;
    gemm_remove_check(t, d--);
  }
  return true;
}

/* Without a check: the axis of m whose elements are one pixel apart. */
static int unchecked_tap(Module *m, const ConvWeights *x) {
  for (int i = 0; i < x->g.m.n; i++) {
    int64_t s, dim;
    if (dim_number(m, x->g.m.dim[i], &dim) && dim > 1 && dim_number(m, x->g.m.s0[i], &s) && s == x->pixel) return i;
  }
  return -1;
}

/* The flattened index of m as strides of its axes. */
static bool flatten_rows(Module *m, GemmAxes *x) {
  int64_t step = 1;
  x->flattened = true;
  for (int i = x->n - 1; i >= 0; i--) {
    int64_t dim;
    x->s1[i] = dim_of(m, step);
    if (!dim_number(m, x->dim[i], &dim)) return false;
    step *= dim;
  }
  return true;
}

/* A convolution of 1x1: one axis of channels. */
static bool find_channels(Module *m, ConvWeights *x) {
  GemmAxes *rows = &x->g.m;
  if (rows->n != 1 || x->g.taps.n || !dim_number(m, rows->dim[0], &x->channels)) return false;
  if (!dim_number(m, rows->s0[0], &x->channel_a)) return false;
  if (x->channel_a == 1 ? x->pixel == 1 || x->channels > x->pixel : x->channel_a <= x->pixel) return false; /* taps */
  flatten_rows(m, rows);
  rows->n = 0;
  x->taps = 1, x->tap = 0, x->before = 0, x->size = x->width;
  return true;
}

/* The pixels of a convolution of 1x1, all of which may be one axis, as rows that are not too long. Of many sums a
 * product needs less memory traffic. */
static bool cut_rows(Module *m, ConvWeights *x, int64_t columns) {
  GemmAxes *k = &x->g.k;
  int last = k->n - 1;
  int64_t width = x->width < BAND_PIXELS ? x->width : BAND_PIXELS, rows;
  while (x->width % width) width--;
  if ((width < MIN_PIXELS && width < x->width) || x->channels * columns > 2 * MAX_SUMS) return false;
  k->dim[last] = dim_of(m, x->width / width);
  k->s0[last] = dim_of(m, width * x->pixel), k->s1[last] = dim_of(m, width * x->columns);
  x->width = x->size = width;
  rows = BAND_PIXELS / width;
  x->rows = x->few = rows > MAX_ROWS ? MAX_ROWS : (int)rows;
  x->together = MOST_SUMS;
  return true;
}

/* Channels are the last axis of m; taps and channels may have been joined into that. */
static bool find_axes(Module *m, ConvWeights *x) {
  GemmAxes *rows = &x->g.m;
  int tap = -1, last = rows->n - 1;
  int64_t dim, s0;
  if (!flatten_rows(m, rows) || !take_check(m, x, &tap)) return false;
  bool checked = tap >= 0;
  if (!dim_number(m, rows->dim[last], &dim) || !dim_number(m, rows->s0[last], &s0)) return false;
  if (!checked && s0 == 1 && dim > x->pixel && dim % x->pixel == 0) {
    x->taps = dim / x->pixel, x->channels = x->tap = x->pixel, x->channel_a = 1;
    rows->n--;
  } else {
    if (!checked) tap = unchecked_tap(m, x);
    if (tap < 0 || !dim_number(m, rows->dim[tap], &x->taps) || !dim_number(m, rows->s1[tap], &x->tap)) return false;
    if (!dim_number(m, rows->s0[tap], &s0) || s0 != x->pixel) return false;
    x->channels = tap == last ? 1 : dim;
    if (tap != last && !dim_number(m, rows->s0[last], &x->channel_a)) return false;
    if (tap != last) rows->n--;
    gemm_remove_axis(rows, tap);
  }
  for (int d = 0; d < x->g.taps.n; d++) {
    if (x->g.taps.m[d] == tap || (tap != last && x->g.taps.m[d] == last)) return false;
    if (tap >= 0) x->g.taps.m[d] -= x->g.taps.m[d] > tap;
  }
  if (!checked) x->before = 0, x->size = x->width + x->taps - 1;
  return x->taps > 1;
}

/* Results that an element is multiplied with; elements that a result is the first of. */
static int64_t readers(const ConvWeights *x) { return (x->taps + x->stride - 1) / x->stride; }
static int64_t elements(const ConvWeights *x) { return x->stride < x->taps ? x->stride : x->taps; }

/* Cycles per result of a row: the longest of multiply-adds and loads, two a cycle, and the latency of a sum. */
static double result_cycles(ConvWeights *x, int64_t columns, int registers) {
  int64_t most = (registers - 1 - readers(x) * x->vecs) / (x->taps * x->vecs), blocks;
  if (most < 1) return -1;
  if (most > MAX_BLOCK) most = MAX_BLOCK;
  blocks = (x->channels + most - 1) / most;
  x->block = (int)((x->channels + blocks - 1) / blocks);
  int64_t groups = (columns + x->vecs * x->lanes - 1) / (x->vecs * x->lanes);
  double each = (double)(elements(x) * x->block + x->vecs) / 1.3, terms = (double)(x->block * x->taps * x->vecs) / 2;
  if (each < terms) each = terms;
  return (double)(groups * blocks) * (each > 4 ? each : 4);
}

static bool choose_tile(ConvWeights *x, const Machine *mc, int64_t columns) {
  int registers = mc->mr * mc->nv > 16 ? 32 : 16, vecs = 0;
  double best = -1;
  for (x->vecs = 1; x->vecs <= mc->nv; x->vecs++) {
    if (columns < x->vecs * x->lanes) continue; /* tiles read full vectors of columns */
    double cycles = result_cycles(x, columns, registers);
    if (cycles < 0 || (vecs && cycles >= best)) continue;
    best = cycles, vecs = x->vecs;
  }
  x->vecs = vecs;
  return vecs && result_cycles(x, columns, registers) > 0;
}

/* Cycles that memory takes of a tile and row, where `few` rows of `tiles` tiles, `bytes` in all, are in the first
 * cache. */
static double memory_cycles(const ConvWeights *x, int64_t tiles, int64_t few, int64_t *bytes) {
  int64_t channels = 4 * tiles * x->block, wide = 4 * x->vecs * x->lanes, sum = x->taps * x->block * wide;
  int64_t lines = (channels + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
  if (x->channel_a == 1) channels = lines < 4 * x->pixel ? lines : 4 * x->pixel;
  int64_t row = x->size * channels + x->width * wide;
  *bytes = tiles * sum + few * row;
  return (double)(2 * sum / LINE_BYTES) / (double)few + (double)row / (double)tiles / L2_BYTES;
}

/* Which tiles and rows are in the first cache, and how many rows in the second one. */
static void choose_band(ConvWeights *x) {
  int64_t blocks = (x->channels + x->block - 1) / x->block, bytes;
  double best = -1;
  x->few = x->together = 1;
  for (int tiles = 1; tiles <= blocks; tiles++)
    for (int few = 1; few <= MAX_ROWS; few++) {
      double cycles = memory_cycles(x, tiles, few, &bytes);
      if (bytes > NEAR_BYTES) break;
      if (best < 0 || cycles < best) best = cycles, x->few = few, x->together = tiles;
    }
  int64_t row = 4 * (x->size * x->channels + x->width * x->columns), rows = BAND_BYTES / row;
  rows = rows > MAX_ROWS ? MAX_ROWS : rows - rows % x->few;
  x->rows = rows < x->few ? x->few : (int)rows;
}

bool conv_weights_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x) {
  Module *m = k->gs->g->m;
  int64_t columns, stride;
  *x = (ConvWeights){.g = *g, .lanes = mc->vec, .stride = 1};
  if (!g->weights || g->a.storage || g->b.storage || g->panels || gemm_type(k) != DT_F32) return false;
  int last = g->k.n - 1;
  if (g->n.n != 1 || !g->m.n || last < 0 || !dim_number(m, g->n.s0[0], &stride) || stride != 1) return false;
  if (!dim_number(m, g->k.dim[last], &x->width) || !dim_number(m, g->k.s0[last], &x->pixel) || x->pixel < 1)
    return false;
  if (!dim_number(m, g->k.s1[last], &x->columns) || !dim_number(m, g->n.dim[0], &columns)) return false;
  if ((!find_channels(m, x) && !find_axes(m, x)) || x->width <= x->before + x->taps) return false;
  if (x->size < x->taps + x->stride - 1) return false;
  if (!choose_tile(x, mc, columns)) return false;
  if (x->taps == 1) return cut_rows(m, x, columns);
  int64_t sums = x->taps * x->channels * columns, dim;
  for (int i = 0; i < x->g.m.n; i++) sums *= dim_number(m, x->g.m.dim[i], &dim) ? dim : MOST_SUMS;
  if (sums > MOST_SUMS) return false;
  x->g.k.n--;
  choose_band(x);
  return x->taps * x->block * x->vecs * x->lanes <= MAX_SUMS;
}

/* ---- text ---- */

/* The columns move on by one result, and are added up with the channels of elements [from, to) of its step. */
static void print_step(Str *o, const ConvWeights *x, int64_t from, int64_t to) {
  for (int64_t q = readers(x) - 1; q > 0; q--) {
    str_puts(o, "       ");
    for (int j = 0; j < x->vecs; j++) str_printf(o, " w%lld_%d = w%lld_%d;", (long long)q, j, (long long)(q - 1), j);
    str_puts(o, "\n");
  }
  str_puts(o, "       ");
  for (int j = 0; j < x->vecs; j++) str_printf(o, " w0_%d = *(const gc_vecu *)(b + %d);", j, j * x->lanes);
  str_puts(o, "\n");
  for (int64_t e = from; e < to; e++)
    for (int c = 0; c < x->block; c++) {
      str_printf(o, "        t = a[%lld] - (gc_vec){0};", (long long)(e * x->pixel + c * x->channel_a));
      for (int64_t t = e; t < x->taps; t += x->stride)
        for (int j = 0; j < x->vecs; j++)
          str_printf(o, " c%lld_%d_%d += t * w%lld_%d;", (long long)t, c, j, (long long)(t / x->stride), j);
      str_puts(o, "\n");
    }
}

static void print_sums(Str *o, const ConvWeights *x, bool store) {
  for (int64_t t = 0; t < x->taps; t++)
    for (int c = 0; c < x->block; c++)
      for (int j = 0; j < x->vecs; j++) {
        const char *name = ctx_strf(o->c, "c%lld_%d_%d", (long long)t, c, j);
        long long at = ((t * x->block + c) * x->vecs + j) * x->lanes;
        if (store) str_printf(o, "  *(gc_vecu *)(sum + %lld) = %s;\n", at, name);
        else str_printf(o, "  gc_vec %s = *(const gc_vecu *)(sum + %lld);\n", name, at);
      }
}

/* The addresses of the step of result i, which may lie after the row. */
static void print_place(Str *o, const ConvWeights *x, int64_t i) {
  str_printf(o, "    a = ap[r] + %lld, b = ", (long long)(i * x->stride * x->pixel));
  if (i < x->width) str_printf(o, "bp[r] + %lld;\n", (long long)(i * x->columns));
  else str_puts(o, "zero;\n");
}

/* The step of result i without its elements that are outside of the image. */
static void print_edge(Str *o, const ConvWeights *x, int64_t i) {
  int64_t first = i * x->stride - x->before, from = first < 0 ? -first : 0, to = x->size - first;
  if (to > elements(x)) to = elements(x);
  if (from >= to) return;
  print_place(o, x, i);
  print_step(o, x, from, to);
}

/* The results before the first step, as the columns of its readers. */
static void print_readers(Str *o, const ConvWeights *x, int64_t first) {
  str_puts(o, "    const gc_real *a, *b;\n    gc_vec t");
  for (int64_t q = 0; q < readers(x); q++)
    for (int j = 0; j < x->vecs; j++) {
      int64_t at = first - 1 - q;
      str_printf(o, ", w%lld_%d = ", (long long)q, j);
      if (at < 0 || q == readers(x) - 1) str_puts(o, "{0}");
      else str_printf(o, "*(const gc_vecu *)(bp[r] + %lld)", (long long)(at * x->columns + j * x->lanes));
    }
  str_puts(o, ";\n");
}

/* A row, step by step: that of result i has the elements from i * stride - before on. Steps [full, end) have all of
 * their elements in the image. */
static void print_row(Str *o, const ConvWeights *x) {
  int64_t full = (x->before + x->stride - 1) / x->stride, end = (x->size + x->before - elements(x)) / x->stride + 1;
  int64_t some = x->before / x->stride, last = x->width + readers(x) - 1;
  if (end > last) end = last;
  print_readers(o, x, some);
  if (some < full) print_edge(o, x, some);
  print_place(o, x, full);
  str_printf(o, "    for (long i = %lld, to = %lld, step = %lld; to; to = to < %lld ? %lld : 0, b = zero, step = 0)\n",
             (long long)full, (long long)(end < x->width ? end : x->width), (long long)x->columns, (long long)end,
             (long long)end);
  str_printf(o, "      for (; i < to; i++, a += %lld, b += step) {\n", (long long)(x->stride * x->pixel));
  print_step(o, x, 0, elements(x));
  str_puts(o, "      }\n");
  if (end < last) print_edge(o, x, end);
}

void conv_weights_tile(Str *o, const ConvWeights *x) {
  str_puts(o,
           "(const gc_real *const *ap, const gc_real *const *bp, long rows, gc_real *sum) {\n  GC_CONTRACTED_BLOCK\n");
  str_printf(o, "  const gc_real zero[%d] = {0};\n", x->vecs * x->lanes);
  print_sums(o, x, false);
  str_puts(o, "  for (long r = 0; r < rows; r++) {\n");
  print_row(o, x);
  str_puts(o, "  }\n");
  print_sums(o, x, true);
  str_puts(o, "}\n");
}
