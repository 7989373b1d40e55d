/* SPDX-License-Identifier: Apache-2.0 */
/* gradc runs: run folders side by side: settings that differ, last and best scores. */
#include "driver/driver.h"
#include "driver/run_rank.h"
#include "driver/table.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Runs without the score come last; equal ones keep their order. */
static void order(RunFolder *r, int n, const RunRank *k) {
  double step;
  for (int i = 1; i < n; i++) {
    RunFolder x = r[i];
    double v = run_best(&x, k, &step), w;
    int at = i;
    while (at > 0 && !isnan(v) && (isnan(w = run_best(&r[at - 1], k, &step)) || k->rises * (v - w) > 0)) {
      r[at] = r[at - 1];
      at--;
    }
    r[at] = x;
  }
}

/* ---- output ---- */

/* The columns that a narrow terminal drops first have the lowest weight. */
enum { ALWAYS = 9, SETTING = 5, BEST = 8, SCORE = 4, TRAIN_SCORE = 3, STEPS = 2, TIME = 1, STATE = 2 };

static void print_table(Args *a, const RunFolder *r, int n, const RunNames *s, const RunRank *k) {
  Ctx *c = a->c;
  int nset;
  const char **set = run_differences(c, r, n, &nset);
  Table t = table_new(c, n);
  bool names = true;
  for (int i = 0; i < n; i++)
    for (int m = 0; m < i; m++) names &= strcmp(r[i].name, r[m].name) != 0;
  int at = table_column(&t, "run", ALWAYS, false);
  for (int i = 0; i < n; i++) table_set_cell(&t, at, i, names ? r[i].name : r[i].path);
  for (int m = 0; m < nset; m++) {
    at = table_column(&t, set[m], SETTING, false);
    for (int i = 0; i < n; i++) table_set_cell(&t, at, i, run_member(&r[i], set[m]));
  }
  if (k->by) {
    int best = table_column(&t, ctx_strf(c, "best %s", k->by), BEST, true), where = table_column(&t, "at", STEPS, true);
    for (int i = 0; i < n; i++) {
      double step, v = run_best(&r[i], k, &step);
      table_set_cell(&t, best, i, run_number(c, v));
      table_set_cell(&t, where, i, isnan(v) ? "" : ctx_strf(c, "%.0f", step));
    }
  }
  for (int m = 0; m < s->n; m++) {
    at = table_column(&t, s->v[m], strncmp(s->v[m], "val_", 4) ? TRAIN_SCORE : SCORE, true);
    for (int i = 0; i < n; i++) {
      const RunCurve *u = run_curve(&r[i], s->v[m]);
      table_set_cell(&t, at, i, u ? run_number(c, u->last) : "");
    }
  }
  int steps = table_column(&t, "steps", STEPS, true), time = table_column(&t, "time", TIME, true);
  at = table_column(&t, "state", STATE, false);
  for (int i = 0; i < n; i++) {
    table_set_cell(&t, steps, i, ctx_strf(c, "%.0f", r[i].steps));
    table_set_cell(&t, time, i, run_took(c, r[i].seconds));
    table_set_cell(&t, at, i, run_state_name[r[i].state]);
  }
  int hidden = table_print(&t, terminal_width(1));
  if (hidden) printf("%d columns do not fit; --json has all\n", hidden);
}

int cmd_runs(Args *a) {
  static const char *const here[] = {"runs"};
  int n;
  bool any = a->noperand > 0;
  RunFolder *r = run_folders(a->c, any ? a->operand : here, any ? a->noperand : 1, args_has(a, OPT_by), &n);
  if (!r) return EXIT_MODEL;
  RunNames s = run_scores(a->c, r, n);
  RunRank k;
  if (!run_rank(a, r, n, &s, &k)) return EXIT_USAGE;
  if (args_has(a, OPT_by)) order(r, n, &k);
  for (int i = 0; args_has(a, OPT_json) && i < n; i++) puts(run_json_text(a->c, &r[i]));
  if (!args_has(a, OPT_json)) print_table(a, r, n, &s, &k);
  for (int i = 0; i < n; i++) run_folder_free(&r[i]);
  return EXIT_OK;
}
