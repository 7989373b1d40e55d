/* SPDX-License-Identifier: Apache-2.0 */
/* Run folders: the plan, the lock, the metrics. */
#ifndef GRADC_RUN_H
#define GRADC_RUN_H
#include "io.h"
#include "session.h"

/* plan.c. They set steps and steps_per_epoch in sess->run; a data section is open by then. */
uint64_t plan_records_per_step(const Session *sess);
void plan_set(Session *sess);               /* from --steps or --epochs, else from the file */
void plan_at_least_one_step(Session *sess); /* for an evaluation: `step / steps` needs steps > 0 */
/* For an evaluation: plan and step that the weights were saved at; path NULL: the initial weights. */
void plan_load(Session *sess, const char *path);

/* run.c */
typedef struct Run {
  char *folder;
  IoFile csv, jsonl;
  char *csv_line, *json_line, **key, *blank; /* of the step being logged; its empty columns in metrics.csv */
  char *validation;                          /* the JSON line of the newest one; NULL: none */
} Run;
char *run_file(const char *folder, const char *name); /* its path */
char *run_newest(const Session *sess);  /* the newest folder under runs/ with a run of this model; NULL: none */
bool run_exists(const char *folder);    /* the folder holds a run */
void run_select(Session *sess, Run *r); /* from --run-dir, --resume, --force; dies if they do not fit */
void run_load_options(Session *sess, const char *folder); /* seed, plan, data and log_every from run.json */
void run_say_skipped(const struct Data *d);               /* a note of records that were left out; d NULL: none */
void run_begin(Session *sess, Run *r);                    /* creates the folder, writes the .nn and run.json */
char *run_weights(Session *sess); /* --weights, or those of the newest run; dies if there are none. NULL:
                                                   the model has no weights */

/* metrics.c */
void run_metrics(Session *sess, Run *r, uint32_t step); /* opens the metrics files, truncated after `step` */
const char *run_log(Session *sess, Run *r); /* appends the step's line to both; returns the JSON line, valid until
                                                   the next call */
struct Scores;
const char *run_log_validation(Session *sess, Run *r, const struct Scores *s); /* likewise, of a validation */
void run_sync(Run *r);

/* lock.c */
void lock_acquire(const char *folder); /* for this process until it ends; dies if another process holds the lock */
void lock_release(void);
#endif
