/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding: results in f32 or 16 bits must be as near to those in float64 as the condition of the program allows. The
 * bound is measured: inputs are perturbed by some roundings, and the results move accordingly. Where they move by as
 * much as the value itself, there is no bound. Inputs alone do not show all: near the maximum of sin no input moves
 * sin(x), but its rounding moves acos(sin(x)); so where a result is too far, every computed value is perturbed, too.
 * A long sum of equal terms drifts: while it stays in one binade, all of them are rounded alike. */
#include "tests/random/nn/nn.h"
#include "passes/analysis/cost_model.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS = 3, ROUNDED = 2, MORE = 5, ALL = RUNS + ROUNDED + MORE };
struct Bounds {
  Ctx *c;
  const char *text;
  uint64_t seed;
  double unit;            /* the unit roundoff of the least exact type in the program */
  bool adaptive;          /* steps of the optimizer are about as large for a gradient of nothing */
  bool jumps;             /* rounding may decide a comparison, or there are difference quotients */
  bool clipped;           /* the size of a step is independent of the gradient's */
  bool range;             /* values that are finite in float64 must be finite here */
  Trace base, moved[ALL]; /* by inputs; by all values, as little; by inputs, more and more */
  int nmoved;
  Why *why;
};

typedef struct Rounding {
  Gen g;
  double unit;
} Rounding;

/* By some roundings, in proportion to each element, and by a 32nd of what a sum in f32 may drift, which is an eighth of
 * a rounding for each term: near() accepts 32 times what it sees. Whole numbers are exact: counts and choices. */
static void round_more(void *arg, const Graph *g, Id n, Val *v) {
  Rounding *r = arg;
  double terms = v->count ? node_flops(g, n) / (double)v->count : 0, drift = terms * 0x1p-24 / 8 / 32;
  for (int64_t i = 0; dtype_is_float(v->type) && i < v->count; i++) {
    double x = val_get(v, i), by = (double)rnd(&r->g, 2001) / 1000 - 1;
    if (x != rint(x)) val_set(v, i, x * (1 + r->unit * by + (by < 0 ? -drift : drift)));
  }
}

static double noise_of(const Bounds *b) {
  if (b->nmoved < 0) return 0;
  if (b->nmoved < RUNS + ROUNDED) return b->unit * (4 + b->nmoved);
  return b->unit * exp2(3 * (b->nmoved - RUNS - ROUNDED) + 4);
}

static void run_double(Ctx *c, void *arg) {
  Bounds *b = arg;
  Trace *t = b->nmoved < 0 ? &b->base : &b->moved[b->nmoved];
  double noise = noise_of(b);
  t->c = b->c;
  Module *m = nn_module(c, b->text, &(Options){.strict = true}, b->why);
  for (int i = 0; m && i < m->ngraph; i++) m->graph[i]->precision = DT_F32;
  if (m && !passes_run(m, &(PassRun){.list = "autodiff,precision"})) nn_refused(c, "float64", b->why), m = NULL;
  if (!m) return;
  Trace own = {.c = b->c};
  Interp *in = interp_new(m, true);
  Rounding rounding = {gen_of(b->seed, 55000 + (uint64_t)b->nmoved), 4 * b->unit};
  if (b->nmoved >= RUNS && b->nmoved < RUNS + ROUNDED) in->computed = round_more, in->computed_arg = &rounding;
  if (trace_program(in, NULL, 1, noise, b->seed, &own, b->why)) {
    *t = own;
    b->nmoved++;
  }
}

static bool more_run(Bounds *b) {
  int before = b->nmoved;
  Ctx *c = ctx_new();
  ctx_try(c, run_double, b);
  ctx_free(c);
  return b->nmoved > before;
}

bool nn_jumps(const char *text) {
  bool jumps = false;
  static const char *const jump[] = {"gradcheck(", "fd_hvp(", "argmax(", "argmin(", "floor(",   "ceil(",
                                     "round(",     "sign(",   "mod(",    "i32(v",   "i32(abs(", "i32(cumsum(",
                                     " // ",       " <= ",    " == ",    " > "};
  const char *body = strncmp(text, "dim ", 4) ? text : strchr(text, '\n'); /* the size's bound is no comparison */
  for (size_t i = 0; i < sizeof jump / sizeof *jump && body; i++) jumps |= strstr(body, jump[i]) != NULL;
  return jumps;
}

static bool adapts(const char *text) {
  static const char *const by[] = {"adam",  "rmsprop(", "adagrad(", "adadelta(",  "rprop(",  "lion(",
                                   "lamb(", "lars(",    "muon(",    "adafactor(", "sophia(", "lbfgs("};
  for (size_t i = 0; i < sizeof by / sizeof *by; i++)
    if (strstr(text, by[i])) return true;
  return false;
}

Bounds *bounds_make(const char *text, uint64_t seed, Why *why) {
  Bounds *b = calloc(1, sizeof *b);
  *b = (Bounds){.c = ctx_new(), .text = text, .seed = seed, .unit = 0x1p-24, .nmoved = -1, .why = why};
  if (strstr(text, "f16")) b->unit = strstr(text, "bf16") ? 0x1p-8 : 0x1p-11;
  b->adaptive = adapts(text);
  b->jumps = nn_jumps(text);
  b->clipped = strstr(text, "value(0.01)") != NULL;
  b->range = strstr(text, "big") != NULL;
  while (b->nmoved < RUNS && more_run(b)) {}
  if (b->nmoved == RUNS) return b;
  bounds_free(b);
  return NULL;
}

void bounds_free(Bounds *b) {
  if (!b) return;
  ctx_free(b->c);
  free(b);
}

static double largest_of(DType t) { return t == DT_F16 ? 65504 : t == DT_F64 ? 1e300 : dtype_is_float(t) ? 3e38 : 2e9; }

/* How far the item moved in runs from..to; NaN: in one of them it, or a loss before it, was not finite. */
static double moved(const Bounds *b, int item, int from, int to) {
  double max = 0;
  const Item *w = &b->base.item[item];
  for (int k = from; k < to; k++) {
    const Item *at = item < b->moved[k].n ? &b->moved[k].item[item] : NULL;
    if (!at || at->n != w->n || strcmp(at->name, w->name)) return NAN;
    for (int64_t e = 0; e < w->n; e++) {
      double d = fabs(at->v[e] - w->v[e]);
      if (!(d <= max)) max = d;
      if (isnan(max)) return max;
    }
  }
  return max;
}

/* The first element that is too far; -1: none. */
static int64_t too_far(const Item *w, const Item *g, double max, bool range) {
  for (int64_t e = 0; e < w->n; e++) {
    if (!isfinite(w->v[e])) continue;
    if (!isfinite(g->v[e]) && !range) continue;
    if (!(fabs(g->v[e] - w->v[e]) <= max)) return e;
  }
  return -1;
}

static double scale_of(const Item *w) {
  double scale = 0;
  for (int64_t e = 0; e < w->n; e++)
    if (isfinite(w->v[e])) scale = fmax(scale, fabs(w->v[e]));
  return scale;
}

/* The common scale of all items of a run, "step 1 changes: ..": a value that cancels keeps the rounding errors of its
 * terms. */
static double scale_beside(const Bounds *b, int item) {
  const char *name = b->base.item[item].name;
  size_t n = strcspn(name, ":");
  /* Even where nothing else is left: of a loss of about 1. */
  double scale = strstr(b->text, "= 1e21 * ") ? 0.125e21 : 0.125;
  for (int i = 0; i < b->base.n; i++)
    if (!strncmp(b->base.item[i].name, name, n)) scale = fmax(scale, scale_of(&b->base.item[i]));
  return scale;
}

static bool near(Bounds *b, int item, const Item *g, const char *how, Why *why) {
  const Item *w = &b->base.item[item];
  double scale = scale_of(w), dev = moved(b, item, 0, RUNS);
  if (scale > (b->range ? 0.95 : 0.4) * largest_of(g->t) || isnan(dev) || dev > 0.02 * scale) return true;
  double max = 32 * dev + 64 * b->unit * scale + 16 * b->unit * scale_beside(b, item) + g->slack + 1e-37;
  int64_t e = too_far(w, g, max, b->range);
  if (e < 0) return true;
  while (b->nmoved < RUNS + ROUNDED && more_run(b)) {}
  dev = moved(b, item, RUNS, b->nmoved < RUNS + ROUNDED ? b->nmoved : RUNS + ROUNDED);
  if (isnan(dev) || dev > 0.02 * scale || too_far(w, g, fmax(max, 32 * dev), b->range) < 0) {
    if (isfinite(g->v[e]) || !b->range) return true;
  }
  /* A comparison or a jump may be near: with more noise it shows. */
  while (b->nmoved < ALL && more_run(b)) {}
  dev = moved(b, item, RUNS + ROUNDED, b->nmoved);
  if (isnan(dev) || dev > 0.02 * scale || too_far(w, g, fmax(max, 2 * dev), b->range) < 0) {
    if (isfinite(g->v[e]) || !b->range) return true;
  }
  snprintf(why->text, sizeof why->text, "far from float64, %s: %s[%lld] is %.9g, not %.9g +- %.2g", how, g->name,
           (long long)e, g->v[e], w->v[e], max);
  return false;
}

bool bounds_keep(Bounds *b, const Trace *got, const char *how, Why *why) {
  bool stepped = false;
  if (b->jumps && !b->range) return true;
  for (int i = 0; i < got->n; i++) {
    const Item *g = &got->item[i];
    int k = 0;
    while (k < b->base.n && strcmp(b->base.item[k].name, g->name)) k++;
    if (k == b->base.n) continue;
    if (strstr(g->name, ": finite")) {
      stepped = true;
      if (g->v[0] == 0) return true; /* it stopped here and reported it */
      continue;
    }
    /* A gradient that overflows f16 skips the step and lowers the scale, as float64 does not. */
    if (strstr(g->name, ": loss_scale") && g->n == 1 && g->v[0] < b->base.item[k].v[0]) return true;
    if (stepped && b->adaptive) return true;
    if (b->clipped && strstr(g->name, " changes: ")) continue;
    if (b->base.item[k].n == g->n && !near(b, k, g, how, why)) return false;
  }
  return true;
}
