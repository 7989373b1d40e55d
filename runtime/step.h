/* SPDX-License-Identifier: Apache-2.0 */
/* A training step, and the evaluation of records. The caller provides the fields. */
#ifndef GRADC_STEP_H
#define GRADC_STEP_H
#include "session.h"

/* The fields of records at .. at + n, row-major, valid until the next call. For records after those of a training
 * step: those of the next step, or NULL. */
typedef const void *const *FieldsFn(void *arg, uint64_t at, uint64_t n);
/* Runs the microbatches of a step, `batch` records each, and the update. Loss and metrics in sess->run are then the
 * means over the microbatches. Returns the graph's status. bad: check mode, see GcCall. */
int step_run(Session *sess, FieldsFn *fields, void *arg, int32_t *bad);
void step_clear_gradients(Session *sess);                       /* those that were accumulated so far */
unsigned char *states_copy(Session *sess, unsigned char *copy); /* NULL: returns a copy of all states; else restores */
void step_check(Session *sess, int status);                     /* dies of a status other than 0 and -1 */

typedef struct Scores {
  float loss;
  float *metric;  /* after the loss, in one allocation */
  float **tensor; /* per metric that is a tensor: its elements, row-major */
  uint64_t records;
} Scores;
const GcPort *score_tensor(const GcTrain *t, int i); /* name and shape of such a metric */
/* Leaves all states as they were. Returns 0; -2 if the model needs a plan and there is none; SCORE_ENDED if `fields`
 * returned NULL, which ends it. Dies of any other failure. */
enum { SCORE_ENDED = -3 };
void scores_free(const Session *sess, Scores *s);        /* of score_run */
void score_check(const Session *sess, uint64_t records); /* dies if the evaluation cannot take so many */
int score_run(Session *sess, FieldsFn *fields, void *arg, uint64_t records, Scores *s);

/* score.c. Records to evaluate on: of `data`, all or the hold-out. */
typedef struct ScoreSet {
  struct Data *data; /* NULL: there are none */
  bool all;
} ScoreSet;
ScoreSet score_set(const Session *sess, bool final); /* of validations, or `final`: of `eval` and the end of a run */
uint64_t score_records(ScoreSet set);
int eval_scores(Session *sess, ScoreSet set, Scores *s); /* as score_run; Session.stop ends it */

/* validate.c: `validate`, `early_stop` and `save = best(...)` of a train section */
void validate_open(Session *sess);                     /* the section of `validate.data` */
bool validate_due(const Session *sess, uint32_t step); /* a validation follows this step */
bool validate_pending(const Session *sess);            /* that after the steps so far has not been done */
bool validate_run(Session *sess, Scores *s);           /* does it; false: a signal came, it is still pending */
void validate_count(Session *sess, const Scores *s);   /* these are scores of a validation after the steps so far */
bool validate_ends(const Session *sess);               /* the training stops early */
bool validate_keeps_best(const Session *sess);         /* weights.safetensors is of the step sess->seen.best.step */
const char *validate_name(const Session *sess, const GcWatch *w); /* of the score: "loss", or a metric's */
#endif
