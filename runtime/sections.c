/* SPDX-License-Identifier: Apache-2.0 */
/* Several train sections, one after the other in each round. Each has its own counters and plan, which are in the run
 * header while its step runs; else the header counts rounds. With one section there is nothing to exchange. */
#include "num.h"
#include "rt.h"
#include "session.h"
#include <string.h>

void sections_make(Session *sess) {
  sess->nsections = sess->m->ntrain;
  sess->section = rt_array((size_t)sess->nsections + 1, sizeof *sess->section);
  for (int i = 0; i < sess->nsections; i++) {
    SectionRun *u = &sess->section[i];
    u->t = &sess->m->train[i];
    u->sum = rt_array((size_t)u->t->nmetrics + 1, sizeof *u->sum);
    u->score = rt_array((size_t)u->t->nmetrics + 1, sizeof *u->score);
  }
  sess->sum = sess->section[0].sum;
}

void sections_plan(Session *sess) {
  uint64_t rounds = 0;
  bool epochs = false;
  for (int i = 0; i < sess->nsections; i++) {
    const GcTrain *t = sess->section[i].t;
    if ((uint64_t)t->steps * (uint64_t)t->every > rounds) rounds = (uint64_t)t->steps * (uint64_t)t->every;
    epochs |= t->epochs > 0;
  }
  for (int i = 0; i < sess->nsections; i++) {
    const GcTrain *t = sess->section[i].t;
    sess->section[i].steps = (uint32_t)(t->steps || epochs ? (uint64_t)t->steps : rounds / (uint64_t)t->every);
    sess->section[i].step = 0;
  }
}

static void choose(Session *sess, int i) {
  sess->t = sess->section[i].t;
  sess->data = sess->section[i].data;
  sess->sum = sess->section[i].sum;
}

void section_enter(Session *sess, int i) {
  const SectionRun *u = &sess->section[i];
  if (sess->nsections < 2) return;
  sess->rounds = *sess->run;
  sess->run->step = u->step;
  sess->run->steps = u->steps;
  sess->run->steps_per_epoch = u->steps_per_epoch;
  choose(sess, i);
  sess->current = i;
}

void section_leave(Session *sess) {
  if (sess->nsections < 2) return;
  SectionRun *u = &sess->section[sess->current];
  u->step = sess->run->step;
  u->steps = sess->run->steps;
  u->steps_per_epoch = sess->run->steps_per_epoch;
  *sess->run = sess->rounds;
  choose(sess, 0);
}

bool section_is_due(const Session *sess, int i) {
  const SectionRun *u = &sess->section[i];
  return sess->nsections < 2 || ((sess->run->step + 1) % (uint64_t)u->t->every == 0 && u->step < u->steps);
}

uint32_t section_steps_after(const Session *sess, int i, uint32_t rounds) {
  const SectionRun *u = &sess->section[i];
  uint32_t steps = rounds / (uint32_t)u->t->every;
  return sess->nsections > 1 && steps > u->steps ? u->steps : steps;
}

float *session_score(const Session *sess, int i) {
  return &sess->run->loss + (i && sess->t->at ? 1 + sess->t->at[i - 1] : i);
}

void section_keep_scores(Session *sess, int i) {
  sess->section[i].scored = true;
  for (int k = 0; k <= sess->t->nmetrics; k++) sess->section[i].score[k] = *session_score(sess, k);
}

const char *section_name(const SectionRun *u) { return u->t->name[0] ? u->t->name : "train"; }
