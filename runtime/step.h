/* SPDX-License-Identifier: Apache-2.0 */
/* A training step, and the evaluation of records. The caller provides the fields. */
#ifndef GRADC_STEP_H
#define GRADC_STEP_H
#include "session.h"

/* The fields of records at .. at + n, row-major, valid until the next call. For records behind those of a training
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
  float *metric;
  float **tensor; /* per metric that is a tensor: its elements, row-major */
  uint64_t records;
} Scores;
const GcPort *score_tensor(const GcTrain *t, int i); /* name and shape of such a metric */
/* Leaves all states as they were. Returns 0, or -2 if the model needs a plan and there is none; dies of any other
 * failure. */
int score_run(Session *sess, FieldsFn *fields, void *arg, uint64_t records, Scores *s);
void eval_scores(Session *sess, bool all, Scores *s); /* eval.c: of the hold-out, or of all records */
#endif
