/* SPDX-License-Identifier: Apache-2.0 */
/* The records that validations, `eval` and the end of a run evaluate on, and their scores. */
#include "data.h"
#include "rt.h"
#include "step.h"
#include <string.h>

typedef struct Batch {
  ScoreSet set;
  const volatile int *stop;
  unsigned char **read, **field; /* the fields of the section, and those of the model, which are among them */
} Batch;

ScoreSet score_set(const Session *sess, bool final) {
  Data *own = sess->data, *other = sess->other;
  if (other && !(final && own->nhold)) return (ScoreSet){other, true};
  return (ScoreSet){own, final && own && !own->nhold};
}

uint64_t score_records(ScoreSet set) { return !set.data ? 0 : set.all ? set.data->n : set.data->nhold; }

static const void *const *next(void *arg, uint64_t at, uint64_t n) {
  Batch *b = arg;
  Data *d = b->set.data;
  if (b->stop && *b->stop) return NULL;
  if (!b->set.all) data_batch(d, 0, at, n, true, b->read);
  for (uint64_t i = 0; i < n && b->set.all; i++) {
    for (int f = 0; f < d->d->nfields; f++) d->binder->to[f] = b->read[f] + i * d->bytes[f];
    data_bind(d, d->binder, at + i, -1, d->binder->to);
  }
  return (const void *const *)b->field;
}

static int field_at(const GcData *d, const char *name) {
  int i = 0;
  while (i + 1 < d->nfields && strcmp(d->fields[i].name, name)) i++;
  return i;
}

int eval_scores(Session *sess, ScoreSet set, Scores *s) {
  const GcData *of = set.data->d, *model = &sess->m->data[sess->t->data];
  Batch b = {set, sess->stop, rt_array((size_t)of->nfields, sizeof *b.read),
             rt_array((size_t)model->nfields, sizeof *b.field)};
  for (int f = 0; f < of->nfields; f++) b.read[f] = rt_alloc(rt_mul((size_t)sess->t->batch, set.data->bytes[f]));
  for (int f = 0; f < model->nfields; f++) b.field[f] = b.read[field_at(of, model->fields[f].name)];
  int status = score_run(sess, next, &b, score_records(set), s);
  for (int f = 0; f < of->nfields; f++) rt_free(b.read[f]);
  rt_free(b.read);
  rt_free(b.field);
  return status;
}
