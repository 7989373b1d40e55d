/* SPDX-License-Identifier: Apache-2.0 */
/* Validation while training: when it is due, and what follows from its scores: weights that are kept, an early end. */
#include "data.h"
#include "device.h"
#include "run.h"
#include "step.h"
#include <math.h>
#include <string.h>

void validate_open(Session *sess) {
  int i = sess->t->validate_data;
  Fold fold = sess->o.fold;
  if (!i || sess->other) return;
  sess->o.fold = (Fold){0}; /* it is not split */
  sess->other = data_open(sess, &sess->m->data[i - 1], session_seed(sess));
  sess->o.fold = fold;
}

static bool validates(const Session *sess) {
  return sess->t->validate && sess->t->eval && sess->t->eval->fn && score_records(score_set(sess, false)) > 0;
}

/* Steps, with several sections rounds, in an epoch of the first one. */
static uint64_t epoch_of(const Session *sess) {
  if (sess->nsections < 2) return sess->run->steps_per_epoch;
  return (uint64_t)sess->section[0].steps_per_epoch * (uint64_t)sess->section[0].t->every;
}

bool validate_due(const Session *sess, uint32_t step) {
  const GcTrain *t = sess->t;
  uint64_t every = t->validate > 0 ? (uint64_t)t->validate : epoch_of(sess);
  if (!every && sess->data) every = sess->data->ntrain / plan_records_per_step(sess); /* a caller without a plan */
  if (!step || !validates(sess)) return false;
  return (every && step % every == 0) || step == sess->run->steps;
}

bool validate_pending(const Session *sess) {
  return sess->seen.step != sess->run->step && validate_due(sess, sess->run->step);
}

/* A score that is not a number is not better than any other, and no later one is compared with it. */
static void watch(Watched *w, const GcWatch *g, const Scores *s, uint32_t step) {
  if (!g->score) return;
  float v = g->score == 1 ? s->loss : s->metric[g->score - 2];
  double gain = g->is_max ? (double)v - (double)w->best : (double)w->best - (double)v;
  bool better = v == v && (!w->step || gain > g->min_delta);
  w->bad = better ? 0 : w->bad + 1;
  if (!better) return;
  w->best = v;
  w->step = step;
}

/* Gives the scores to the next training step, which sets them to NaN when it has taken them. */
static void set_observed(Session *sess, const Scores *s) {
  for (int i = 0; sess->t->observed && i <= sess->t->nmetrics; i++) {
    if (!sess->t->observed[i]) continue;
    const GcVar *to = &sess->m->vars[sess->t->observed[i] - 1];
    float v = i ? s->metric[i - 1] : s->loss;
    if (v != v) v = INFINITY;
    memcpy((char *)sess->mem + to->offset, &v, sizeof v);
    mirror_up(sess, to->offset, sizeof v);
  }
}

void validate_count(Session *sess, const Scores *s) {
  sess->seen.step = sess->run->step;
  set_observed(sess, s);
  watch(&sess->seen.best, &sess->t->best, s, sess->run->step);
  watch(&sess->seen.stop, &sess->t->stop, s, sess->run->step);
}

bool validate_run(Session *sess, Scores *s) {
  section_enter(sess, 0);
  int status = eval_scores(sess, score_set(sess, false), s);
  section_leave(sess);
  if (status == SCORE_ENDED) return false;
  session_check(sess->t->eval, status);
  validate_count(sess, s);
  return true;
}

bool validate_ends(const Session *sess) {
  const GcWatch *w = &sess->t->stop;
  return w->score && sess->seen.stop.bad >= w->patience;
}

bool validate_keeps_best(const Session *sess) { return sess->t->best.score && sess->seen.best.step; }

const char *validate_name(const Session *sess, const GcWatch *w) {
  return w->score > 1 ? sess->t->metrics[w->score - 2] : "loss";
}
