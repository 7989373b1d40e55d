/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a training: the number of steps, in all and per epoch; and the step that given weights were saved at. */
#include "checkpoint.h"
#include "data.h"
#include "run.h"

static uint64_t per_step(const GcTrain *t) { return (uint64_t)t->batch * (uint64_t)t->accumulate; }

uint64_t plan_records_per_step(const Session *sess) { return per_step(sess->t); }

static uint64_t steps_per_epoch(const Data *d, const GcTrain *t) {
  if (!d || d->d->stream) return 0;
  uint64_t n = d->ntrain / per_step(t);
  if (n == 0)
    rt_die(E_NO_STEPS, "an epoch has no steps: %llu record%s to train on, a step takes %llu\nmake `batch` smaller",
           (unsigned long long)d->ntrain, d->ntrain == 1 ? "" : "s", (unsigned long long)per_step(t));
  return n;
}

static _Noreturn void too_many(void) { rt_die(E_NO_STEPS, "more than %u steps", UINT32_MAX); }

static _Noreturn void no_epochs(const Data *d) {
  if (d)
    rt_die(E_NO_STEPS, "data %s is a stream, which has no epochs: give `steps` in the file or --steps", d->d->name);
  rt_die(E_NO_STEPS, "without data there are no epochs: give `steps` in the file or --steps");
}

/* The steps that the file or --epochs gives a section; 0: none. */
static uint64_t own_steps(const Opts *o, const GcTrain *t, uint64_t spe) {
  uint64_t steps = 0;
  if (o->steps >= 0) return 0;
  if (o->epochs < 0 && t->steps > 0) return (uint64_t)t->steps;
  if (__builtin_mul_overflow(spe, (uint64_t)(o->epochs >= 0 ? o->epochs : t->epochs), &steps)) too_many();
  return steps;
}

/* The run ends when each section has done its steps; one without a plan has a step in every `every` rounds. Under
 * --steps and --epochs all have. */
static void plan_sections(Session *sess) {
  const Opts *o = &sess->o;
  uint64_t rounds = o->steps >= 0 ? (uint64_t)o->steps : 0, last;
  for (int i = 0; i < sess->nsections; i++) {
    SectionRun *u = &sess->section[i];
    uint64_t spe = steps_per_epoch(u->data, u->t), own = own_steps(o, u->t, spe);
    if (__builtin_mul_overflow(own, (uint64_t)u->t->every, &last) || last > UINT32_MAX || spe > UINT32_MAX) too_many();
    if (last > rounds) rounds = last;
    u->steps_per_epoch = (uint32_t)spe;
    u->steps = (uint32_t)own;
  }
  if (!rounds && o->steps < 0 && o->epochs != 0) no_epochs(NULL);
  for (int i = 0; i < sess->nsections; i++) {
    SectionRun *u = &sess->section[i];
    if (!u->steps || o->epochs >= 0) u->steps = (uint32_t)(rounds / (uint64_t)u->t->every);
  }
  sess->run->steps = (uint32_t)rounds;
  sess->run->steps_per_epoch = 0;
}

void plan_set(Session *sess) {
  const Opts *o = &sess->o;
  if (sess->nsections > 1) {
    plan_sections(sess);
    return;
  }
  uint64_t spe = steps_per_epoch(sess->data, sess->t), steps = 0;
  uint64_t epochs = (uint64_t)(o->epochs >= 0 ? o->epochs : sess->t->epochs);
  bool by_epochs = o->epochs >= 0 || (o->steps < 0 && sess->t->steps == 0);
  if (o->steps >= 0) steps = (uint64_t)o->steps;
  else if (!by_epochs) steps = (uint64_t)sess->t->steps;
  else if (!spe) no_epochs(sess->data);
  else if (__builtin_mul_overflow(spe, epochs, &steps)) steps = UINT64_MAX;
  if (steps > UINT32_MAX || spe > UINT32_MAX) too_many();
  sess->run->steps = (uint32_t)steps;
  sess->run->steps_per_epoch = (uint32_t)spe;
}

/* Weights without a checkpoint are taken for those of a finished training. If the data is too small for a step there is
 * no plan; a model that needs one reports it then. */
void plan_load(Session *sess, const char *path) {
  if (!path || !checkpoint_plan(sess, path)) {
    for (int i = 0; i < sess->nsections; i++) {
      const SectionRun *u = &sess->section[i];
      const Data *d = sess->nsections > 1 ? u->data : sess->data;
      if (d && !d->d->stream && d->ntrain < per_step(u->t)) return;
    }
    plan_set(sess);
    sess->run->step = sess->run->steps;
    for (int i = 0; i < sess->nsections; i++) sess->section[i].step = sess->section[i].steps;
  }
  plan_at_least_one_step(sess);
}

/* After --steps 0 `step / steps` is to be 0, as at the beginning of any plan. */
void plan_at_least_one_step(Session *sess) {
  if (!sess->run->steps) sess->run->steps = 1;
}
