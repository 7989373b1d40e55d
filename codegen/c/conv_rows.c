/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/conv_rows.h"
#include "codegen/target.h"

/* Limits of conv_rows.inc: packed weights, segments, pixels of a tile. */
enum {
  MAX_WEIGHTS = 1 << 18,
  MAX_SEGMENTS = 64,
  MAX_PIXELS = 28,
  MAX_STRIDE = 4,
  MIN_ACCUMULATORS = 8,
  MIN_SHUFFLED = 4
};

/* A first cache of usual size; bytes a cycle from the second one, beside other loads (measured on Zen 4: 12). */
enum { FIRST_CACHE = 32768, STREAM = 12 };

/* From so many packed weights on, packing pays only for so many results. */
enum { MANY_WEIGHTS = 1 << 17, MANY_RESULTS = 256 };

static int64_t gcd(int64_t a, int64_t b) { return b ? gcd(b, a % b) : a < 0 ? -a : a; }

static bool take_check(Module *m, GemmTaps *t, int d, RowCheck *c) {
  if (!dim_number(m, t->ms[d], &c->step) || !dim_number(m, t->ks[d], &c->tap)) return false;
  if (!dim_number(m, t->at[d], &c->at) || !dim_number(m, t->size[d], &c->size)) return false;
  gemm_remove_check(t, d);
  return c->step > 0 && c->tap;
}

/* The axis of k that has the taps along the row: the one with its check, else the one whose windows overlap most, else
 * one of a single tap. */
static int tap_axis(Module *m, const GemmDesc *g, int64_t step) {
  int row = g->m.n - 1, best = -1, single = -1;
  int64_t least = MAX_STRIDE + 1;
  for (int d = 0; d < g->taps.n; d++)
    if (g->taps.m[d] == row) return g->taps.k[d];
  for (int i = 0; i < g->k.n; i++) {
    int64_t dim, s;
    if (!dim_number(m, g->k.dim[i], &dim) || !dim_number(m, g->k.s0[i], &s) || !s) continue;
    if (dim == 1) single = i;
    if (dim < 2) continue;
    if (step / gcd(step, s) < least) least = step / gcd(step, s), best = i;
  }
  return best < 0 ? single : best;
}

/* Taps and channels that have been joined into one axis of k. */
static bool split_axis(Module *m, ConvRows *x, int64_t step) {
  GemmAxes *k = &x->g.k;
  int64_t dim, s0, s1;
  if (!k->n || !dim_number(m, k->dim[k->n - 1], &dim) || !dim_number(m, k->s0[k->n - 1], &s0)) return false;
  if (!dim_number(m, k->s1[k->n - 1], &s1) || s0 != 1 || dim % step || dim / step < 2) return false;
  x->taps = dim / step, x->channels = step, x->tap = step * s1, x->channel = s1;
  x->pixel = step, x->channel_a = x->stride = x->dilation = 1;
  gemm_remove_axis(k, k->n - 1);
  return true;
}

/* Finds taps and channels. Taps that run against the row (gradients) are taken from the last one on. */
static bool find_axes(Module *m, ConvRows *x, int64_t step, RowCheck *check) {
  GemmDesc *g = &x->g;
  int row = g->m.n - 1, t = tap_axis(m, g, step), c = g->k.n - 1;
  int64_t s;
  bool checked = false;
  for (int d = g->taps.n - 1; d >= 0; d--) {
    if (g->taps.m[d] != row) continue;
    if (checked || !take_check(m, &g->taps, d, check)) return false;
    checked = true;
  }
  if (!checked && split_axis(m, x, step)) return true;
  if (t < 0 || t == c || !dim_number(m, g->k.dim[t], &x->taps) || !dim_number(m, g->k.dim[c], &x->channels))
    return false;
  if (!dim_number(m, g->k.s0[t], &s) || !dim_number(m, g->k.s1[t], &x->tap) || !s) return false;
  if (!dim_number(m, g->k.s0[c], &x->channel_a) || !dim_number(m, g->k.s1[c], &x->channel)) return false;
  for (int d = 0; d < g->taps.n; d++) {
    if (g->taps.k[d] == t || g->taps.k[d] == c) return false;
    g->taps.k[d] -= g->taps.k[d] > t;
  }
  if (s < 0) {
    int64_t last = x->taps - 1;
    g->a.offset = dim_add(m, g->a.offset, dim_of(m, last * s));
    g->b.offset = dim_add(m, g->b.offset, dim_of(m, last * x->tap));
    check->at += last * check->tap;
    s = -s, x->tap = -x->tap, check->tap = -check->tap;
  }
  x->pixel = gcd(step, s);
  x->stride = step / x->pixel, x->dilation = s / x->pixel;
  gemm_remove_axis(&g->k, c);
  gemm_remove_axis(&g->k, t);
  return x->taps > 0 && x->stride <= MAX_STRIDE && x->dilation <= MAX_STRIDE && check->tap * step == check->step * s;
}

/* Results of a row, columns, segments of k. */
typedef struct RowShape {
  int64_t width, columns, segments;
} RowShape;

int64_t conv_rows_elements(const ConvRows *x) { return (x->pixels - 1) * x->stride + (x->taps - 1) * x->dilation + 1; }

static bool is_used(const ConvRows *x, int64_t i, int64_t tap) {
  int64_t at = i - tap * x->dilation;
  return at >= 0 && at % x->stride == 0 && at / x->stride < x->pixels;
}

bool conv_rows_reads(const ConvRows *x, int64_t i) {
  for (int64_t t = 0; t < x->taps; t++)
    if (is_used(x, i, t)) return true;
  return false;
}

static int min_accumulators(const ConvRows *x) { return x->group ? MIN_SHUFFLED : MIN_ACCUMULATORS; }

/* Cycles per row and channel: the longest of multiply-adds and loads, two a cycle, and the weights' way from the second
 * cache where those of a tile do not fit the first one. Vectors of 512 bits load slower. */
static double row_cycles(ConvRows *x, const RowShape *s, int registers) {
  int64_t most = (registers - 2 - x->taps * x->vecs) / x->vecs, tiles, loads = 0;
  if (most > MAX_PIXELS) most = MAX_PIXELS;
  if (most < 1) return -1;
  tiles = (s->width + most - 1) / most;
  x->pixels = (int)((s->width + tiles - 1) / tiles);
  if (x->pixels * x->vecs < min_accumulators(x)) return -1;
  for (int64_t i = 0; i < conv_rows_elements(x); i++) loads += conv_rows_reads(x, i);
  int64_t cols = x->vecs * x->lanes, groups = (s->columns + cols - 1) / cols, terms = x->pixels * x->taps * x->vecs;
  int64_t weights = x->taps * cols * (int64_t)sizeof(float); /* bytes of a segment's channel */
  double each = (double)(loads + x->taps * x->vecs) / 1.3, least = 4.0 * (double)x->taps; /* latency of the sums */
  if (each < (double)terms / 2) each = (double)terms / 2;
  if (s->segments * (x->channels >> x->pairs) * weights > FIRST_CACHE && each < (double)weights / STREAM)
    each = (double)weights / STREAM;
  return (double)(groups * tiles) * (each > least ? each : least);
}

static bool choose_tile(ConvRows *x, const Machine *mc, const RowShape *s) {
  int registers = mc->mr * mc->nv > 16 ? 32 : 16, vecs = 0;
  double best = -1;
  for (x->vecs = 1; x->vecs <= (x->group ? 1 : mc->nv); x->vecs++) {
    double cycles = row_cycles(x, s, registers);
    if (cycles < 0 || (vecs && cycles >= best)) continue;
    best = cycles, vecs = x->vecs;
  }
  x->vecs = vecs;
  return vecs && row_cycles(x, s, registers) > 0;
}

/* Finds the elements of tiles that may be outside of the image. False: also in tiles that are not at the edges. */
static bool find_edges(ConvRows *x, int64_t width, const RowCheck *c) {
  int64_t n = conv_rows_elements(x), unit = c->step / x->stride, last = width - x->pixels,
          tiles = (width - 1) / x->pixels + 1;
  if (!c->size) return true;
  while (x->left < n && c->at + unit * x->left < 0) x->left++;
  while (x->right < n && c->at + last * c->step + unit * (n - 1 - x->right) >= c->size) x->right++;
  if (tiles == 1) return true;
  int64_t second = x->pixels < last ? x->pixels : last, before = (tiles - 2) * x->pixels;
  return c->at + second * c->step >= 0 && c->at + before * c->step + unit * (n - 1) < c->size;
}

bool conv_rows_choose(ConvRows *x, const Machine *mc, int64_t width, int64_t columns, int64_t segments) {
  x->lanes = mc->vec;
  return choose_tile(x, mc, &(RowShape){width, columns, segments});
}

bool conv_rows_axes(const Kernel *k, const GemmDesc *g, ConvRows *x, RowCheck *check) {
  Module *m = k->gs->g->m;
  int64_t step;
  if (k->group->cls != KC_CONV || g->weights || g->nresidue || g->panels) return false;
  if (gemm_type(k) != DT_F32 || g->n.n != 1 || !g->m.n || !g->k.n) return false;
  return dim_number(m, g->m.s0[g->m.n - 1], &step) && step >= 1 && find_axes(m, x, step, check);
}

/* The widest panel whose weights are packed together. */
static bool choose_panel(Module *m, ConvRows *x, const RowShape *s) {
  int64_t cols = x->vecs * x->lanes, depth = s->segments * x->taps * x->channels, results = 1, dim;
  for (int i = 0; i < x->g.m.n; i++) results *= dim_number(m, x->g.m.dim[i], &dim) ? dim : MANY_RESULTS;
  x->panel = PANEL_WIDTH / cols * cols;
  while (x->panel > cols && depth * x->panel > MAX_WEIGHTS) x->panel -= cols;
  int64_t wide = s->columns < x->panel ? (s->columns + cols - 1) / cols * cols : x->panel;
  return depth * wide <= (results < MANY_RESULTS ? MANY_WEIGHTS : MAX_WEIGHTS);
}

bool conv_rows_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvRows *x) {
  Module *m = k->gs->g->m;
  RowShape s = {.segments = 1};
  RowCheck check = {0};
  *x = (ConvRows){.g = *g, .lanes = mc->vec, .group = g->group};
  if (g->a.storage || g->b.storage || !conv_rows_axes(k, g, x, &check)) return false;
  if (!dim_number(m, g->m.dim[g->m.n - 1], &s.width) || !dim_number(m, g->n.dim[0], &s.columns)) return false;
  if (x->group && (!dim_number(m, g->group_b, &x->group_b) || x->lanes % x->group || s.columns % x->lanes ||
                   x->channels != x->group || x->channel_a != 1))
    return false;
  for (int i = 0; i < x->g.k.n; i++) {
    int64_t dim;
    s.segments *= dim_number(m, x->g.k.dim[i], &dim) ? dim : MAX_SEGMENTS + 1;
  }
  if (s.segments > MAX_SEGMENTS) return false;
  if (!choose_tile(x, mc, &s) || !find_edges(x, s.width, &check)) return false;
  return choose_panel(m, x, &s);
}

/* ---- text ---- */

/* Element i of the image's row, for all columns; of groups: for each the channel `channel` of its group. */
static void print_load(Str *o, const ConvRows *x, int64_t i, int64_t channel) {
  int64_t n = conv_rows_elements(x);
  bool left = i < x->left, right = !left && i >= n - x->right;
  const char *at = left || right ? ctx_strf(o->c, "%c%lld", left ? 'l' : 'r', (long long)i)
                                 : ctx_strf(o->c, "(a + %lld)", (long long)(i * x->pixel));
  if (!x->group) {
    str_printf(o, "      t = %s[%s] - (gc_vec){0};", at, left ? "ol" : right ? "or" : "0");
    return;
  }
  str_printf(o, "      t = *(const gc_vecu *)%s; t = GC_SHUFFLE(t, t", at);
  for (int64_t lane = 0; lane < x->lanes; lane++)
    str_printf(o, ", %lld", (long long)(lane - lane % x->group + channel));
  str_puts(o, ");");
}

void conv_rows_terms(Str *o, const ConvRows *x, int64_t i) {
  const char *form = x->pairs ? " GC_ADD_PAIR(c%lld_%d, t, w%lld_%d);" : " c%lld_%d += t * w%lld_%d;";
  for (int64_t t = 0; t < x->taps; t++)
    for (int j = 0; j < x->vecs && is_used(x, i, t); j++)
      str_printf(o, form, (long long)((i - t * x->dilation) / x->stride), j, (long long)t, j);
  str_puts(o, "\n");
}

/* The multiply-adds of element i of the image's row. */
static void print_element(Str *o, const ConvRows *x, int64_t i, int64_t channel) {
  if (!conv_rows_reads(x, i)) return;
  print_load(o, x, i, channel);
  conv_rows_terms(o, x, i);
}

static void print_edges(Str *o, const ConvRows *x) {
  for (int64_t i = 0, n = conv_rows_elements(x); i < n; i++) {
    bool left = i < x->left, right = !left && i >= n - x->right;
    if (left || right)
      str_printf(o, "    const gc_real *%c%lld = edges & %d ? zero : a + %lld;\n", left ? 'l' : 'r', (long long)i,
                 left ? 1 : 2, (long long)(i * x->pixel));
  }
}

static void print_weights(Str *o, const ConvRows *x, int64_t channel) {
  int cols = x->vecs * x->lanes;
  str_puts(o, "      gc_vec t");
  for (int64_t t = 0; t < x->taps; t++)
    for (int j = 0; j < x->vecs; j++)
      str_printf(o, ", w%lld_%d = *(const gc_vecu *)(b + %lld)", (long long)t, j,
                 (long long)((channel * x->taps + t) * cols + j * x->lanes));
  str_puts(o, ";\n");
}

static void print_channels(Str *o, const ConvRows *x) {
  str_printf(o, "    for (long k = 0, ol = 0, or = 0; k < %lld; k++) {\n", (long long)x->channels);
  print_weights(o, x, 0);
  for (int64_t i = 0; i < conv_rows_elements(x); i++) print_element(o, x, i, 0);
  str_printf(o, "      a += %lld, b += %lld, ol += edges & 1 ? 0 : %lld, or += edges & 2 ? 0 : %lld;\n    }\n",
             (long long)x->channel_a, (long long)(x->taps * x->vecs * x->lanes), (long long)x->channel_a,
             (long long)x->channel_a);
}

/* Columns and channels of a vector are of the same groups. */
static void print_groups(Str *o, const ConvRows *x) {
  for (int64_t c = 0; c < x->channels; c++) {
    str_puts(o, "    {\n");
    print_weights(o, x, c);
    for (int64_t i = 0; i < conv_rows_elements(x); i++) print_element(o, x, i, c);
    str_puts(o, "    }\n");
  }
}

void conv_rows_tile(Str *o, const ConvRows *x) {
  int cols = x->vecs * x->lanes;
  str_puts(o,
           "(const gc_real *const *ap, const int *seg, long ns, long at, const gc_real *w, gc_real *c, int edges) {\n"
           "  GC_CONTRACTED_BLOCK\n");
  str_puts(o, x->group ? "  static const gc_real zero[GC_VEC] = {0};\n" : "  static const gc_real zero[1] = {0};\n");
  for (int p = 0; p < x->pixels; p++)
    for (int j = 0; j < x->vecs; j++) str_printf(o, "  gc_vec c%d_%d = {0};\n", p, j);
  str_puts(o, "  for (long s = 0; s < ns; s++) {\n    const gc_real *a = ap[s] + at;\n");
  str_printf(o, "    const gc_real *b = w + seg[s] * %lldL;\n", (long long)(x->channels * x->taps * cols));
  print_edges(o, x);
  if (x->group) print_groups(o, x);
  else print_channels(o, x);
  str_puts(o, "  }\n");
  for (int p = 0; p < x->pixels; p++)
    for (int j = 0; j < x->vecs; j++)
      str_printf(o, "  *(gc_vecu *)(c + %d) = c%d_%d;\n", p * PANEL_WIDTH + j * x->lanes, p, j);
  str_puts(o, "}\n");
}
