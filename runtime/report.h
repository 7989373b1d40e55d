/* SPDX-License-Identifier: Apache-2.0 */
/* What a run shows: progress, scores, totals, as text or as JSON. */
#ifndef GRADC_RUNTIME_REPORT_H
#define GRADC_RUNTIME_REPORT_H
#include "run.h"
#include "step.h"

typedef struct Report {
  Session *sess;
  double start, shown;
  uint32_t first;      /* the step that this process began at */
  bool live;           /* a progress line on a terminal */
  char *validated;     /* the newest validation, for that line; NULL: none yet */
  double validated_at; /* when one was printed */
} Report;
void report_begin(Report *r, Session *sess, const Run *run);
void report_step(Report *r, uint32_t step, const char *json_line); /* json_line NULL: the step is not logged */
void report_validation(Report *r, const Scores *s, const char *json_line);
char *report_scores(const Session *sess, const Scores *s);  /* "loss":…,"acc":… */
char *report_tensors(const Session *sess, const Scores *s); /* ,"confusion":[[…],…]…: those of the scores */
/* "steps":…,"loss":… of a finished run. s: of each section; records 0: no hold-out. */
char *report_totals(Session *sess, const Scores *s);
void report_done(Report *r, const Run *run, const Scores *s);
void report_scores_text(const Session *sess, const Scores *s, const char *prefix);
char *report_float(float v); /* a JSON number, or null */
uint64_t rt_peak_rss(void);
#endif
