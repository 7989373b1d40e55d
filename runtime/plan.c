/* The plan of a training: its steps and those of an epoch; and at which step of it weights were written. */
#include "rt.h"

uint64_t plan_per_step(const App *a) {
  return (uint64_t)a->t->batch * (uint64_t)a->t->accumulate;
}

void plan_make(App *a) {
  const Opts *o = &a->o;
  uint64_t spe = a->data ? a->data->ntrain / plan_per_step(a) : 0, steps = 0;
  if (a->data && spe == 0)
    rt_die(684, "an epoch has no steps: %llu records to train on, a step takes %llu\nmake `batch` smaller",
           (unsigned long long)a->data->ntrain, (unsigned long long)plan_per_step(a));
  bool by_epochs = o->epochs >= 0 || (o->steps < 0 && a->t->steps == 0);
  if (o->steps >= 0) steps = (uint64_t)o->steps;
  else if (!by_epochs) steps = (uint64_t)a->t->steps;
  else if (!a->data) rt_die(684, "without data there are no epochs: give `steps` in the file or --steps");
  else if (__builtin_mul_overflow(spe, (uint64_t)(o->epochs >= 0 ? o->epochs : a->t->epochs), &steps)) steps = UINT64_MAX;
  if (steps > UINT32_MAX || spe > UINT32_MAX) rt_die(684, "more than %u steps", UINT32_MAX);
  a->run->steps = (uint32_t)steps;
  a->run->steps_per_epoch = (uint32_t)spe;
}

/* Those of a checkpoint, or else of a finished training: the plan that run.json or the file has, at its end. Of data too
 * small for a step there is none, which matters only to a model that asks for it. */
void plan_of_weights(App *a, const char *path) {
  if (!path || !checkpoint_plan(a, path)) {
    if (a->data && a->data->ntrain < plan_per_step(a)) return;
    plan_make(a);
    a->run->step = a->run->steps;
  }
  plan_begun(a);
}

/* Initial weights, of --steps 0, are evaluated as those at the beginning of a plan: `step / steps` is 0 there. */
void plan_begun(App *a) {
  if (!a->run->steps) a->run->steps = 1;
}
