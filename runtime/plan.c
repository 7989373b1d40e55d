/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of a training: the number of steps, in all and per epoch; and the step that given weights were saved at. */
#include "checkpoint.h"
#include "data.h"
#include "run.h"

uint64_t plan_records_per_step(const Session *sess) { return (uint64_t)sess->t->batch * (uint64_t)sess->t->accumulate; }

void plan_set(Session *sess) {
  const Opts *o = &sess->o;
  uint64_t spe = sess->data ? sess->data->ntrain / plan_records_per_step(sess) : 0, steps = 0;
  if (sess->data && spe == 0)
    rt_die(E_NO_STEPS, "an epoch has no steps: %llu records to train on, a step takes %llu\nmake `batch` smaller",
           (unsigned long long)sess->data->ntrain, (unsigned long long)plan_records_per_step(sess));
  uint64_t epochs = (uint64_t)(o->epochs >= 0 ? o->epochs : sess->t->epochs);
  bool by_epochs = o->epochs >= 0 || (o->steps < 0 && sess->t->steps == 0);
  if (o->steps >= 0) steps = (uint64_t)o->steps;
  else if (!by_epochs) steps = (uint64_t)sess->t->steps;
  else if (!sess->data) rt_die(E_NO_STEPS, "without data there are no epochs: give `steps` in the file or --steps");
  else if (__builtin_mul_overflow(spe, epochs, &steps)) steps = UINT64_MAX;
  if (steps > UINT32_MAX || spe > UINT32_MAX) rt_die(E_NO_STEPS, "more than %u steps", UINT32_MAX);
  sess->run->steps = (uint32_t)steps;
  sess->run->steps_per_epoch = (uint32_t)spe;
}

/* Weights without a checkpoint are taken for those of a finished training. If the data is too small for a step there is
 * no plan; a model that needs one reports it then. */
void plan_load(Session *sess, const char *path) {
  if (!path || !checkpoint_plan(sess, path)) {
    if (sess->data && sess->data->ntrain < plan_records_per_step(sess)) return;
    plan_set(sess);
    sess->run->step = sess->run->steps;
  }
  plan_at_least_one_step(sess);
}

/* After --steps 0 `step / steps` is to be 0, as at the beginning of any plan. */
void plan_at_least_one_step(Session *sess) {
  if (!sess->run->steps) sess->run->steps = 1;
}
