/* SPDX-License-Identifier: Apache-2.0 */
/* Several train sections in turn. Each has its own counters and plan, which are in the run header while its step runs;
 * else the header counts rounds. With one section there is nothing to exchange. */
#include "num.h"
#include "rt.h"
#include "session.h"
#include <string.h>

void turns_make(Session *sess) {
  sess->nturns = sess->m->ntrain;
  sess->turn = rt_array((size_t)sess->nturns + 1, sizeof *sess->turn);
  for (int i = 0; i < sess->nturns; i++) {
    Turn *u = &sess->turn[i];
    u->t = &sess->m->train[i];
    u->sum = rt_array((size_t)u->t->nmetrics + 1, sizeof *u->sum);
    u->score = rt_array((size_t)u->t->nmetrics + 1, sizeof *u->score);
  }
  sess->sum = sess->turn[0].sum;
}

void turns_plan(Session *sess) {
  uint64_t rounds = 0;
  bool epochs = false;
  for (int i = 0; i < sess->nturns; i++) {
    const GcTrain *t = sess->turn[i].t;
    if ((uint64_t)t->steps * (uint64_t)t->every > rounds) rounds = (uint64_t)t->steps * (uint64_t)t->every;
    epochs |= t->epochs > 0;
  }
  for (int i = 0; i < sess->nturns; i++) {
    const GcTrain *t = sess->turn[i].t;
    sess->turn[i].steps = (uint32_t)(t->steps || epochs ? (uint64_t)t->steps : rounds / (uint64_t)t->every);
    sess->turn[i].step = 0;
  }
}

static void choose(Session *sess, int i) {
  sess->t = sess->turn[i].t;
  sess->data = sess->turn[i].data;
  sess->sum = sess->turn[i].sum;
}

void turn_enter(Session *sess, int i) {
  const Turn *u = &sess->turn[i];
  if (sess->nturns < 2) return;
  sess->rounds = *sess->run;
  sess->run->step = u->step;
  sess->run->steps = u->steps;
  sess->run->steps_per_epoch = u->steps_per_epoch;
  choose(sess, i);
  sess->current = i;
}

void turn_leave(Session *sess) {
  if (sess->nturns < 2) return;
  Turn *u = &sess->turn[sess->current];
  u->step = sess->run->step;
  u->steps = sess->run->steps;
  u->steps_per_epoch = sess->run->steps_per_epoch;
  *sess->run = sess->rounds;
  choose(sess, 0);
}

bool turn_is_due(const Session *sess, int i) {
  const Turn *u = &sess->turn[i];
  return sess->nturns < 2 || ((sess->run->step + 1) % (uint64_t)u->t->every == 0 && u->step < u->steps);
}

float *session_score(const Session *sess, int i) {
  return &sess->run->loss + (i && sess->t->at ? 1 + sess->t->at[i - 1] : i);
}

void turn_keep_scores(Session *sess, int i) {
  sess->turn[i].scored = true;
  for (int k = 0; k <= sess->t->nmetrics; k++) sess->turn[i].score[k] = *session_score(sess, k);
}

const char *turn_name(const Turn *u) { return u->t->name[0] ? u->t->name : "train"; }
