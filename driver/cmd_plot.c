/* SPDX-License-Identifier: Apache-2.0 */
/* gradc plot: the curves of runs, over one another, a chart for each score. */
#include "driver/driver.h"
#include "driver/plot.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Job {
  Args *a;
  RunFolder *r;
  int n;
  const char **set; /* the settings that differ */
  int nset;
  int64_t smooth;
} Job;

/* An exponential average with the weight of n steps, corrected for its beginning; a curve of validations stays. */
static const double *smoothed(Ctx *c, const RunCurve *u, int64_t n) {
  if (n <= 1 || u->val) return u->v;
  double *y = ctx_alloc(c, sizeof *y * (size_t)(u->n + 1)), keep = 1 - 2.0 / (double)(n + 1), sum = 0, weight = 0;
  for (int i = 0; i < u->n; i++) {
    if (isfinite(u->v[i])) {
      sum = keep * sum + (1 - keep) * u->v[i];
      weight = keep * weight + 1 - keep;
    }
    y[i] = isfinite(u->v[i]) ? sum / weight : NAN;
  }
  return y;
}

/* The score; with several runs its name and the settings that differ. */
static const char *label_of(const Job *j, const RunFolder *r, const RunCurve *u, bool full_path) {
  Ctx *c = j->a->c;
  Str s = {.c = c};
  if (j->n > 1) str_printf(&s, "%s", full_path ? r->path : r->name);
  for (int i = 0; i < j->nset && j->n > 1; i++) {
    const char *v = run_member(r, j->set[i]);
    if (v) str_printf(&s, " %s=%s", j->set[i], v);
  }
  str_printf(&s, "%s%s", j->n > 1 ? " " : "", u->name);
  return s.s;
}

static bool same_names(const Job *j) {
  for (int i = 0; i < j->n; i++)
    for (int k = 0; k < i; k++)
      if (!strcmp(j->r[i].name, j->r[k].name)) return true;
  return false;
}

/* False: no run has the score. */
static bool make_chart(const Job *j, const char *score, Chart *k) {
  Ctx *c = j->a->c;
  bool full_path = same_names(j);
  *k = (Chart){.title = score, .log = args_has(j->a, OPT_log)};
  for (int i = 0; i < j->n; i++)
    for (int m = 0; m < j->r[i].ncurve; m++) {
      const RunCurve *u = &j->r[i].curve[m];
      if ((strcmp(u->base, score) != 0 && strcmp(u->name, score) != 0) || !u->n) continue;
      *VEC_PUSH(c, k->curve, k->n, k->cap) = (PlotCurve){.label = label_of(j, &j->r[i], u, full_path),
                                                         .colour = j->n > 1 ? i : k->n - 1,
                                                         .dashed = u->val,
                                                         .n = u->n,
                                                         .x = u->step,
                                                         .y = smoothed(c, u, j->smooth)};
    }
  return k->n > 0;
}

static int no_score(const Job *j, const char *score) {
  Ctx *c = j->a->c;
  const char *words[64];
  int n = 0;
  Str all = {.c = c};
  for (int i = 0; i < j->n; i++)
    for (int k = 0; k < j->r[i].ncurve && n < 64; k++) {
      bool known = false;
      for (int w = 0; w < n; w++) known |= !strcmp(words[w], j->r[i].curve[k].base);
      if (known) continue;
      str_printf(&all, "%s%s", n ? ", " : "", j->r[i].curve[k].base);
      words[n++] = j->r[i].curve[k].base;
    }
  Diag *d = diag_error(c, E_USAGE, 0, 1, "no run has values of `%s`", score);
  const char *near = diag_suggest(c, score, words, n);
  if (near) diag_help(c, d, "did you mean `%s`?", near);
  else if (n) diag_help(c, d, "there are %s", all.s);
  return EXIT_USAGE;
}

static bool text_options(Args *a, PlotText *t) {
  int64_t width, height;
  int terminal = terminal_width(1);
  if (!args_number(a, OPT_width, terminal ? terminal : 80, 12, 1000, &width)) return false;
  if (!args_number(a, OPT_height, 16, 1, 500, &height)) return false;
  const char *chars = args_has(a, OPT_chars) ? a->value[OPT_chars] : "auto";
  bool able = terminal_utf8() && terminal_color(1);
  *t = (PlotText){(int)width, (int)height, !strcmp(chars, "braille") || (able && !strcmp(chars, "auto")), false};
  t->colour = t->braille && terminal_color(1);
  return true;
}

/* The default: the loss; of several sections those of each. */
static const char *default_scores(Ctx *c, const RunFolder *r) {
  Str s = {.c = c};
  for (int i = 0; i < r->ncurve; i++) {
    const char *base = r->curve[i].base;
    size_t n = strlen(base);
    if (!r->curve[i].val && n >= 5 && !strcmp(base + n - 5, ".loss")) str_printf(&s, "%s%s", s.n ? "," : "", base);
  }
  return s.n ? s.s : "loss";
}

int cmd_plot(Args *a) {
  PlotText t;
  Job j = {.a = a};
  if (!output_check(a, OPT_output, ".c .h .nn .ir .png .pdf", "an SVG image", "name it .svg")) return EXIT_USAGE;
  if (!text_options(a, &t) || !args_number(a, OPT_smooth, 1, 1, INT32_MAX, &j.smooth)) return EXIT_USAGE;
  if (!(j.r = run_folders(a->c, a->operand, a->noperand, true, &j.n))) return EXIT_MODEL;
  j.set = run_differences(a->c, j.r, j.n, &j.nset);
  Chart *chart = NULL;
  int n = 0, cap = 0;
  const char *y = args_has(a, OPT_y) ? a->value[OPT_y] : default_scores(a->c, j.r);
  if (!*y) return no_score(&j, y);
  for (size_t len; *y; y += len + (y[len] == ',')) {
    len = strcspn(y, ",");
    const char *score = ctx_intern(a->c, y, len);
    Chart *k = VEC_PUSH(a->c, chart, n, cap);
    if (!make_chart(&j, score, k) || !chart_range(k)) return no_score(&j, score);
  }
  if (args_has(a, OPT_output)) {
    Str s = plot_svg(a->c, chart, n);
    return save_file(a->c, a->value[OPT_output], s.s, s.n, 0) ? EXIT_OK : EXIT_RESOURCES;
  }
  for (int i = 0; i < n; i++) plot_text(a->c, &chart[i], &t);
  return EXIT_OK;
}
