/* SPDX-License-Identifier: Apache-2.0 */
/* The processes of a sweep: each trial is a `gradc run` into a folder of its own, which keeps what it printed. */
#ifndef GRADC_SWEEP_TRIAL_H
#define GRADC_SWEEP_TRIAL_H
#include "driver/run_rank.h"
#include "driver/sweep_plan.h"
#include <sys/types.h>

typedef enum TrialState { TRIAL_WAITS, TRIAL_RUNS, TRIAL_DONE, TRIAL_FAILED, TRIAL_STOPPED } TrialState;
typedef struct Trial {
  const SweepTrial *plan;
  const char *folder;
  TrialState state;
  pid_t pid;
  int status;        /* FAILED: of the process, 128 + the number of a signal */
  const char *error; /* FAILED: the first line of its message */
  RunFolder run;     /* DONE, or what a failed one left; path NULL: nothing */
  double best, best_step;
} Trial;

/* What is there already: a finished trial is DONE, and one that another process runs FAILED. False: reported. */
bool trial_look(Ctx *c, Trial *t);
/* Begins it, or continues it where its folder has a checkpoint. force: anew. threads 0: those that gradc chooses.
 * False: reported. */
bool trial_start(Args *a, const SweepPlan *p, Trial *t, bool force, int threads);
/* After the process ended with this status of waitpid. */
void trial_end(Ctx *c, Trial *t, int status);
#endif
