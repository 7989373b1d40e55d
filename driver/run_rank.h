/* SPDX-License-Identifier: Apache-2.0 */
/* What runs are compared by. */
#ifndef GRADC_RUN_RANK_H
#define GRADC_RUN_RANK_H
#include "driver/driver.h"
#include "driver/run_folder.h"

typedef struct RunNames {
  const char **v;
  int n, cap;
} RunNames;
typedef struct RunRank {
  const char *by; /* a score; NULL: no run has one */
  int rises;
} RunRank;

RunNames run_scores(Ctx *c, const RunFolder *r, int n); /* of all runs: those of validations first */
/* --by NAME, NAME:min or NAME:max; by default the first score that has a direction. False: reported. */
bool run_rank(Args *a, const RunFolder *r, int n, const RunNames *s, RunRank *k);
/* The best value and its step; NaN: the run has none. A direction other than the score's own needs its points. */
double run_best(const RunFolder *r, const RunRank *k, double *step);

extern const char *const run_state_name[];
const char *run_number(Ctx *c, double v);              /* for people; NaN: empty */
const char *run_took(Ctx *c, double seconds);          /* likewise */
const char *run_json_text(Ctx *c, const RunFolder *r); /* an object, a line of --json */
#endif
