/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of a program's loss against difference quotients, both in float64. Where the one-sided quotients differ
 * there is a kink, and any value between them is right; where they are equal there is none, even if one of the
 * program's operations has one. */
#include "tests/random/nn/nn.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEIGHTS = 4, ELEMENTS = 2 };

#define SINGLE "\"t.npy\"" /* the data of a program of a single function */

/* The program trained by plain gradient descent at rate 1: then a step's change is the gradient. */
static char *plain(const char *text) {
  static const char *const drop[] = {"    clip =", "    accumulate =", "    precision =", "    grad_noise =",
                                     "    ema =",  "    n :=",         "    t :=",        "@lr("};
  Text t = {0};
  put(&t, "%s", "");
  for (const char *p = text; *p;) {
    const char *end = strchr(p, '\n');
    int n = end ? (int)(end - p) + 1 : (int)strlen(p);
    bool out = false;
    for (size_t i = 0; i < sizeof drop / sizeof *drop; i++) out |= !strncmp(p, drop[i], strlen(drop[i]));
    if (!strncmp(p, "    optim =", 11)) put(&t, "    optim = sgd(lr = 1.0)\n");
    else if (!out) put(&t, "%.*s", n, p);
    p += n;
  }
  return t.s;
}

typedef struct Job {
  const char *text;
  uint64_t seed;
  Why *why;
  bool ok;
} Job;

static void restore(Interp *in, Val **kept) {
  for (int v = 0; v < in->m->nvar; v++)
    if (kept[v]) interp_set_var(in, v, val_retain(kept[v]));
}

static bool loss_at(Interp *in, Val **kept, int v, int64_t e, double by, const Job *j, double *loss) {
  restore(in, kept);
  Val *x = interp_value(in, in->m->var[v].type);
  for (int64_t i = 0; i < x->count; i++) val_set(x, i, val_get(kept[v], i) + (i == e ? by : 0));
  interp_set_var(in, v, x);
  return trace_loss(in, j->seed, loss, j->why);
}

/* The derivative by central quotients at h and h / 2 (Richardson): an odd function has equal one-sided quotients that
 * are still off by h^2. */
static bool extrapolated(Interp *in, Val **kept, int v, int64_t e, double h, double mid, const Job *j, double *d) {
  double a, b;
  if (!loss_at(in, kept, v, e, h / 2, j, &a) || !loss_at(in, kept, v, e, -h / 2, j, &b)) return false;
  *d = (4 * (a - b) / h - mid) / 3;
  return true;
}

static bool element(Interp *in, Val **kept, double f0, double g, int v, int64_t e, const Job *j) {
  double x = val_get(kept[v], e), h = 1e-5 * fmax(1, fabs(x)), a, b, d;
  if (!loss_at(in, kept, v, e, h, j, &a) || !loss_at(in, kept, v, e, -h, j, &b)) return false;
  double right = (a - f0) / h, left = (f0 - b) / h, mid = (right + left) / 2;
  double slack = 1e-4 * (fabs(g) + fabs(mid)) + 1e-9 * fabs(f0) / h + 1e-7;
  if (!isfinite(right) || !isfinite(left) || !isfinite(g)) return true;
  if (fabs(g - mid) <= slack) return true;
  if (g >= fmin(left, right) - slack && g <= fmax(left, right) + slack) return true;
  if (!extrapolated(in, kept, v, e, h, mid, j, &d)) return false;
  if (fabs(g - d) <= slack) return true;
  snprintf(j->why->text, sizeof j->why->text, "gradient of %s[%lld] is %.9g; the quotients are %.9g and %.9g",
           in->m->var[v].name, (long long)e, g, left, right);
  return false;
}

/* Initial values that equal one another, or are zero, are kinks of max, min, sort and relu, and at two kinks at once
 * any value is possible: off them. In programs of a single function they are what is tested. */
static void off_kinks(Interp *in, Gen *r) {
  for (int v = 0; v < in->m->nvar; v++) {
    if (!in->var[v] || in->m->var[v].kind != VK_PARAM) continue;
    Val *x = interp_value(in, in->m->var[v].type);
    for (int64_t i = 0; i < x->count; i++) val_set(x, i, val_get(in->var[v], i) + 1e-6 * rnd(r, 100000));
    interp_set_var(in, v, x);
  }
}

static void gradients(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = nn_module(c, j->text, &(Options){.strict = true}, j->why);
  if (m && !passes_run(m, &(PassRun){.list = "autodiff,precision"})) nn_refused(c, "trained plainly", j->why), m = NULL;
  if (!m) return;
  Interp *in = interp_new(m, true);
  Val **kept = ctx_alloc(c, (size_t)(m->nvar + 1) * sizeof *kept);
  double f0;
  in->seed = m->train[0].seed;
  in->steps = 10;
  in->steps_per_epoch = 2;
  if (!interp_run(in, graph_find(m, "init"), NULL, NULL)) return;
  Gen r = gen_of(j->seed, 9);
  if (!strstr(j->text, SINGLE)) off_kinks(in, &r);
  for (int v = 0; v < m->nvar; v++) kept[v] = in->var[v] ? val_retain(in->var[v]) : NULL;
  j->ok = trace_loss(in, j->seed, &f0, j->why);
  if (!j->ok || !isfinite(f0)) return;
  double **grad = ctx_alloc(c, (size_t)(m->nvar + 1) * sizeof *grad);
  for (int v = 0; v < m->nvar; v++) {
    if (!kept[v] || m->var[v].kind != VK_PARAM || m->var[v].hints & HINT_FREEZE) continue;
    grad[v] = ctx_alloc(c, (size_t)(kept[v]->count + 1) * sizeof(double));
    for (int64_t e = 0; e < kept[v]->count; e++) grad[v][e] = val_get(kept[v], e) - val_get(in->var[v], e);
  }
  for (int k = 0; k < WEIGHTS && m->nvar; k++) {
    int v = (int)rnd(&r, (uint32_t)m->nvar);
    for (int n = 0; n < ELEMENTS && grad[v] && kept[v]->count; n++) {
      int64_t e = rnd(&r, (uint32_t)kept[v]->count);
      if (!(j->ok = element(in, kept, f0, grad[v][e], v, e, j))) return;
    }
  }
}

/* By definition the gradient is not that of the value: something that depends on the weights counts as constant, as the
 * singular vectors of spectral_norm do. The golden programs compare such gradients with PyTorch's. */
static bool held_fixed(const char *text) {
  static const char *const by[] = {"stop_gradient", "spectral_norm", "hard = true"};
  for (size_t i = 0; i < sizeof by / sizeof *by; i++)
    if (strstr(text, by[i])) return true;
  return false;
}

bool nn_gradients(const char *text, uint64_t seed, Why *why) {
  bool one = strstr(text, SINGLE) != NULL;
  if (!strstr(text, "\ntrain {") || held_fixed(text) || (nn_jumps(text) && !one)) return true;
  Job j = {.text = plain(text), .seed = seed, .why = why};
  Ctx *c = ctx_new();
  ctx_try(c, gradients, &j);
  ctx_free(c);
  free((char *)j.text);
  return j.ok;
}
