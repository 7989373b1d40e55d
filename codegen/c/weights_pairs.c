/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/c/weights_pairs.h"
#include <stdlib.h>

/* Limits of weights_pairs.inc. */
enum { IMAGE_FLOATS = 1 << 17, RIGHT_FLOATS = 1 << 16, MOST_TILES = 512, MOST_TAPS = 128, MOST_PHASES = 16 };
enum { MOST_LINES = 1 << 13 };
/* Tiles of vectors take time for gaps; a product takes longer the fewer columns there are (measured on Zen 4). */
enum { MAX_GAPS = 8 };
enum { TILE = 16, STEP = 32, TILE_FLOATS = 256, FEW_BYTES = 400 << 10 };

static int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }
static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
/* ---- axes ---- */

/* The distance of axis i in the flattened index. */
static bool find_distance(Module *m, const GemmAxes *rows, int i, int64_t *apart) {
  *apart = 1;
  for (int d = rows->n - 1; d > i; d--) {
    int64_t dim;
    if (!dim_number(m, rows->dim[d], &dim)) return false;
    *apart *= dim;
  }
  return true;
}

/* Axis i of m are the taps of an axis of results. */
static bool add_tap(Module *m, const GemmAxes *rows, int i, WeightsPairs *x, int axis) {
  PairsAxis *d = &x->axis[axis];
  int n = x->ntaps++;
  x->tap[n] = axis;
  return d->taps == 1 && dim_number(m, rows->dim[i], &d->taps) && find_distance(m, rows, i, &x->apart[n]);
}

static PairsAxis *add_axis(WeightsPairs *x) {
  if (x->naxes == GEMM_AXES) return NULL;
  PairsAxis *d = &x->axis[x->naxes++];
  *d = (PairsAxis){.dim = 1, .stride = 1, .taps = 1, .dilation = 1};
  return d;
}

/* The axes of k, without taps. */
static bool find_results(Module *m, const GemmAxes *k, WeightsPairs *x) {
  for (int i = 0; i < k->n; i++) {
    PairsAxis *d = add_axis(x);
    if (!d || !dim_number(m, k->dim[i], &d->dim) || !dim_number(m, k->s0[i], &d->a)) return false;
    if (!dim_number(m, k->s1[i], &d->b) || d->dim < 1 || d->a < 1 || d->b < 1) return false;
  }
  return true;
}

/* Check number i: padding, with the taps of an axis of m or only one. */
static bool take_check(Module *m, const GemmDesc *g, int i, bool *checked, WeightsPairs *x) {
  const GemmTaps *t = &g->taps;
  int64_t ms, ks, at, size, s0;
  if (!dim_number(m, t->ms[i], &ms) || !dim_number(m, t->ks[i], &ks) || !dim_number(m, t->at[i], &at)) return false;
  if (!dim_number(m, t->size[i], &size) || ms < 0 || ks < 0 || (!ms && !ks)) return false;
  if (!ks && !add_axis(x)) return false;
  int axis = ks ? t->k[i] : x->naxes - 1;
  PairsAxis *d = &x->axis[axis];
  if (checked[axis] || (ks && d->a % ks)) return false;
  checked[axis] = true;
  if (ks) d->a /= ks, d->stride = ks;
  d->at = at, d->size = size;
  if (!ms) return true;
  if (!dim_number(m, g->m.s0[t->m[i]], &s0) || s0 % ms || (ks && s0 / ms != d->a)) return false;
  d->a = s0 / ms, d->dilation = ms;
  return add_tap(m, &g->m, t->m[i], x, axis);
}

static int64_t common(int64_t a, int64_t b) { return b ? common(b, a % b) : a; }

/* Taps without padding: along the axis of the smallest strides that go together. */
static bool take_free_tap(Module *m, const GemmDesc *g, int i, const bool *checked, WeightsPairs *x) {
  int64_t s0, best = 5, step = 0;
  int axis = -1;
  if (!dim_number(m, g->m.s0[i], &s0) || s0 < 1) return false;
  for (int d = 0; d < x->naxes; d++) {
    int64_t e = common(x->axis[d].a, s0), stride = x->axis[d].a / e;
    if (checked[d] || x->axis[d].taps > 1 || stride >= best || s0 / e > x->axis[d].dim) continue;
    best = stride, axis = d, step = e;
  }
  if (axis < 0 || !add_tap(m, &g->m, i, x, axis)) return false;
  PairsAxis *d = &x->axis[axis];
  d->stride = d->a / step, d->dilation = s0 / step, d->a = step;
  return true;
}

/* Channels are contiguous and without padding: taps along a row may have been joined into them. -1: there is one. */
static int channels_axis(Module *m, const GemmDesc *g, const bool *is_tap) {
  int64_t s0;
  for (int i = g->m.n - 1; i >= 0; i--)
    if (!is_tap[i] && dim_number(m, g->m.s0[i], &s0) && s0 == 1) return i;
  return -1;
}

static bool find_axes(Module *m, const GemmDesc *g, WeightsPairs *x) {
  bool checked[GEMM_AXES] = {false}, is_tap[GEMM_AXES] = {false};
  int64_t ms;
  for (int i = 0; i < g->taps.n; i++)
    if (!dim_number(m, g->taps.ms[i], &ms) || ms) is_tap[g->taps.m[i]] = true;
  int channels = channels_axis(m, g, is_tap);
  x->channels = x->channel = 1;
  if (channels >= 0 && !dim_number(m, g->m.dim[channels], &x->channels)) return false;
  if (channels >= 0 && !find_distance(m, &g->m, channels, &x->channel)) return false;
  if (!find_results(m, &g->k, x)) return false;
  for (int i = 0; i < g->taps.n; i++)
    if (!take_check(m, g, i, checked, x)) return false;
  for (int i = 0; i < g->m.n; i++)
    if (i != channels && !is_tap[i] && !take_free_tap(m, g, i, checked, x)) return false;
  for (int i = 0; i < x->naxes; i++) {
    PairsAxis *d = &x->axis[i];
    if (!checked[i]) d->size = (d->dim - 1) * d->stride + (d->taps - 1) * d->dilation + 1;
  }
  return x->channels > 0;
}

/* ---- bands ---- */

static int64_t residue(int64_t i, int64_t n) { return (i % n + n) % n; }

/* Offsets of an axis' taps in results, and the number of its phases. */
typedef struct Reach {
  int64_t low, high;
  int phases;
} Reach;

static Reach reach_of(const PairsAxis *d) {
  Reach r = {INT64_MAX, INT64_MIN, 0};
  for (int64_t t = 0; t < d->taps; t++) {
    int64_t at = t * d->dilation + d->at, phase = residue(at, d->stride), i = (at - phase) / d->stride;
    bool seen = false;
    r.low = least(r.low, i), r.high = most(r.high, i);
    for (int64_t u = 0; u < t && !seen; u++) seen = residue(u * d->dilation + d->at, d->stride) == phase;
    r.phases += !seen;
  }
  return r;
}

/* Gaps: elements before and after a row are zeros, which neighbouring rows share. False: too many taps or phases. */
static bool find_gaps(WeightsPairs *x, int64_t *taps, int *phases, double *full) {
  *taps = 1, *phases = 1, *full = 1, x->band = 0;
  for (int i = x->naxes - 1; i >= 0; i--) {
    PairsAxis *d = &x->axis[i];
    if (d->taps > MOST_TAPS || d->stride > MOST_PHASES) return false;
    Reach r = reach_of(d);
    *taps *= d->taps, *phases *= r.phases;
    if (*taps > MOST_TAPS || *phases > MOST_PHASES) return false;
    d->padded = most(d->dim + most(r.high, 0), divide_up(d->size, d->stride) + most(-r.low, 0));
    if (i) *full *= (double)d->padded / (double)d->dim;
    if (d->taps > 1) x->band = i;
  }
  return *full < 3;
}

/* Elements of a band's rows before, in and after k. */
static int64_t lines_of(const WeightsPairs *x, int64_t rows, int64_t *steps) {
  int64_t pitch = 1, before = 0, after = 0;
  for (int i = x->naxes - 1; i >= x->band; i--) {
    Reach r = reach_of(&x->axis[i]);
    before -= r.low * pitch, after += r.high * pitch;
    if (i > x->band) pitch *= x->axis[i].padded;
  }
  *steps = divide_up(rows * pitch, STEP);
  return most(before, 0) + STEP * *steps + most(after, 0) + 4;
}

/* Whether a band of so many rows has room; few: without need, only if its image stays in the second cache. */
static bool fits(const WeightsPairs *x, int phases, int64_t rows, bool few) {
  int64_t steps, lines = lines_of(x, rows, &steps), image = phases * x->blocks * lines * TILE;
  int64_t right = x->groups * steps * TILE_FLOATS;
  if (few && 4 * (image + right) > FEW_BYTES) return false;
  return lines < MOST_LINES && image <= IMAGE_FLOATS && right <= RIGHT_FLOATS;
}

/* Bands are images, or rows of one where an image is large; with chunks so many that these are even. */
static bool find_band(WeightsPairs *x, int phases, int chunks) {
  if (x->band) {
    int rows = x->band;
    x->band = 0;
    if (!fits(x, phases, 1, false)) x->band = rows;
  }
  int64_t dim = x->axis[x->band].dim, outer = 1, bands;
  for (int i = 0; i < x->band; i++) outer *= x->axis[i].dim;
  if (!fits(x, phases, 1, false)) return false;
  x->rows = 1;
  while (x->rows < dim && fits(x, phases, x->rows + 1, true)) x->rows++;
  if (chunks && outer * divide_up(dim, x->rows) < 2 * chunks) x->rows = divide_up(dim, divide_up(2 * chunks, outer));
  bands = divide_up(dim, x->rows);
  x->rows = divide_up(dim, bands);
  return true;
}

bool weights_pairs_find(const Kernel *k, const GemmDesc *g, const Machine *mc, int chunks, WeightsPairs *x) {
  Module *m = k->gs->g->m;
  int64_t stride, taps;
  int phases;
  double full;
  *x = (WeightsPairs){0};
  if (!g->weights || g->depthwise || g->group || g->batch.n || g->nresidue || g->panels || mc->vec != TILE)
    return false;
  if (!operand_is_bf16(&g->a) || !operand_is_bf16(&g->b) || gemm_type(k) != DT_F32 || g->n.n != 1) return false;
  if (!dim_number(m, g->n.s0[0], &stride) || stride != 1 || !dim_number(m, g->n.dim[0], &x->columns)) return false;
  if (x->columns < 1 || !find_axes(m, g, x) || !find_gaps(x, &taps, &phases, &full)) return false;
  x->vectors = (full - 1) * (double)x->columns < MAX_GAPS;
  int64_t nc = divide_up(x->channels, TILE), no = divide_up(x->columns, TILE);
  for (int64_t tiles = MOST_TILES / taps; tiles; tiles /= 2) {
    x->groups = least(no, most(tiles / least(nc, 8), 1));
    x->blocks = least(nc, tiles / x->groups);
    if (find_band(x, phases, chunks)) return true;
  }
  return false;
}

/* ---- text ---- */

void weights_pairs_print(Str *o, const WeightsPairs *x, int chunks) {
  str_printf(o, "{\n    .h = &h, .naxes = %d, .band = %d, .ntaps = %d, ", x->naxes, x->band, x->ntaps);
  for (int i = 0; i < x->ntaps; i++)
    str_printf(o, ".tap[%d] = %d, .apart[%d] = %lld, ", i, x->tap[i], i, (long long)x->apart[i]);
  str_printf(o, "\n    .rows = %lld, .channels = %lld, .channel = %lld, .columns = %lld, ", (long long)x->rows,
             (long long)x->channels, (long long)x->channel, (long long)x->columns);
  str_printf(o, ".blocks = %lld, .groups = %lld, .vectors = %d,\n", (long long)x->blocks, (long long)x->groups,
             x->vectors);
  if (chunks) str_printf(o, "    .chunks = %d, .part = (float *)(void *)part,\n", chunks);
  str_puts(o, "    .axis = {");
  for (int i = 0; i < x->naxes; i++) {
    const PairsAxis *d = &x->axis[i];
    str_printf(o, "%s{%lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld, %lld}", i ? ", " : "", (long long)d->dim,
               (long long)d->a, (long long)d->b, (long long)d->stride, (long long)d->taps, (long long)d->dilation,
               (long long)d->at, (long long)d->size, (long long)d->padded);
  }
  str_puts(o, "},\n  }");
}
