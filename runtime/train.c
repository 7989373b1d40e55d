/* `train`: the plan, the step loop, saving, and stopping well: at the end, at --stop-at, at a signal, at NaN. */
#include "rt.h"
#include <string.h>

enum { SAVE_SECONDS = 30 };

typedef struct Trainer {
  App *app;
  Run run;
  Report report;
  Progress progress;
  unsigned char **batch;
  uint64_t take;      /* records of a pass; accumulate passes make a step */
  uint32_t end;       /* stop after this many steps */
  uint32_t saved;     /* step of the newest checkpoint */
  double saved_at;
} Trainer;

static uint64_t per_step(const Trainer *t) {
  return plan_per_step(t->app);
}

static void resume(Trainer *t) {
  App *a = t->app;
  uint32_t seen, spe = a->run->steps_per_epoch, steps = a->run->steps;
  char *path = checkpoint_newest(t->run.folder, &seen);
  Progress *p = &t->progress;
  checkpoint_load(a, path, p);
  uint64_t records = a->data ? a->data->n : 0;
  if (p->records != records)
    rt_die(643, "%s: the run had %llu records, now there are %llu", path, (unsigned long long)p->records,
           (unsigned long long)records);
  if (p->batch != (uint64_t)a->t->batch || p->accumulate != (uint64_t)a->t->accumulate ||
      a->run->steps_per_epoch != spe)
    rt_die(643, "%s: the run took %llu x %llu records a step, the model takes %lld x %lld", path,
           (unsigned long long)p->batch, (unsigned long long)p->accumulate, (long long)a->t->batch,
           (long long)a->t->accumulate);
  if (a->run->seed != app_seed(a))
    rt_die(643, "%s: made with seed %llu, run.json says %llu", path, (unsigned long long)a->run->seed,
           (unsigned long long)app_seed(a));
  if (a->o.steps >= 0 || a->o.epochs >= 0) a->run->steps = steps; /* a new plan was asked for */
  rt_free(path);
}

static void save(Trainer *t) {
  run_sync(&t->run); /* first, so that every step before a checkpoint has its line */
  checkpoint_save(t->app, t->run.folder, &t->progress);
  t->saved = t->app->run->step;
  t->saved_at = rt_now();
}

static void open_all(Trainer *t) {
  App *a = t->app;
  run_choose(a, &t->run);
  if (a->o.resume) run_adopt(a, t->run.folder);
  app_memory(a);
  if (a->t->data >= 0) a->data = data_open(a, &a->m->data[a->t->data], app_seed(a));
  app_init(a);
  plan_make(a);
  if (a->o.resume) resume(t);
  else if (a->o.init) weights_load(a, a->o.init);
  t->take = (uint64_t)a->t->batch;
  int fields = a->data ? a->data->d->nfields : 0;
  t->batch = rt_array((size_t)fields + 1, sizeof *t->batch);
  for (int f = 0; f < fields; f++) t->batch[f] = rt_mem(rt_mul(t->take, a->data->bytes[f]));
  t->end = a->run->steps;
  if (a->o.stop_at >= 0 && a->o.stop_at < t->end) t->end = (uint32_t)a->o.stop_at;
  gc_training = 1;
  if (!a->o.resume) {
    t->progress = (Progress){a->data ? a->data->n : 0, t->take, (uint64_t)a->t->accumulate, 0, 0};
    run_begin(a, &t->run);
    /* at step 0 already: a full disk shows now, and --resume always finds something */
    checkpoint_save(a, t->run.folder, &t->progress);
  }
  run_metrics(a, &t->run, a->run->step);
  /* after a resume the end saves in any case: a crash may have come between checkpoint and weights */
  t->saved = a->o.resume ? UINT32_MAX : 0;
  t->saved_at = rt_now();
}

static const void *const *fields(void *arg, uint64_t at, uint64_t n) {
  Trainer *t = arg;
  App *a = t->app;
  uint32_t step = a->run->step, spe = a->run->steps_per_epoch;
  if (a->data) data_batch(a->data, step / spe, step % spe * per_step(t) + at, n, false, t->batch);
  return (const void *const *)t->batch;
}

/* Nothing was updated, so the step can be run again, now looking at every node. */
static _Noreturn void not_finite(Trainer *t, uint32_t step) {
  App *a = t->app;
  int32_t bad = 0;
  step_run(a, fields, t, &bad);
  run_sync(&t->run);
  char *batch = rt_strdup("");
  if (a->data) {
    uint32_t spe = a->run->steps_per_epoch;
    uint64_t at = step % spe * per_step(t), first = data_train_record(a->data, step / spe, at) + 1;
    rt_free(batch);
    batch = rt_printf(" (batch %u of epoch %u, its first record is %llu)", step % spe + 1, step / spe + 1,
                      (unsigned long long)first);
  }
  uint32_t saved;
  char *path = checkpoint_newest(t->run.folder, &saved);
  if (a->t->scale)
    batch = rt_printf("%s, however small the loss is scaled: the scale is %g", batch,
                      (double)*app_scalar(a, a->t->scale));
  if (bad > 0 && bad <= a->m->nnodes) {
    const GcNode *n = &a->m->nodes[bad - 1];
    rt_die(670, "%s:%d: the result of `%s` is not finite in step %u%s\nthe last checkpoint is %s, after step %u",
           n->file, n->line, n->op, step + 1, batch, path ? path : "", saved);
  }
  rt_die(670, "the %s not finite in step %u%s\nthe last checkpoint is %s, after step %u",
         a->t->scale ? "gradients are" : "loss is", step + 1, batch, path ? path : "", saved);
}

static void one_step(Trainer *t) {
  App *a = t->app;
  GcRun *run = a->run;
  uint32_t step = run->step;
  int status = step_run(a, fields, t, NULL);
  if (status == -1) not_finite(t, step);
  step_check(a, status);
  run->step = step + 1; /* whether or not the graph has counted */
  if (step == 0 || t->progress.best != t->progress.best || run->loss < t->progress.best) {
    t->progress.best = run->loss;
    t->progress.best_step = step + 1;
  }
  uint32_t every = a->o.log_every > 0 ? (uint32_t)a->o.log_every : 1;
  bool logged = run->step % every == 0 || run->step == run->steps; /* --stop-at leaves no line of its own */
  report_step(&t->report, run->step, logged ? run_log(a, &t->run) : NULL);
}

static bool due(const Trainer *t) {
  int64_t every = t->app->t->save_every;
  if (every > 0) return t->app->run->step % every == 0;
  return rt_now() - t->saved_at >= SAVE_SECONDS;
}

static bool loop(Trainer *t) { /* false: standard output can no longer be written */
  App *a = t->app;
  while (a->run->step < t->end && !gc_signal) {
    one_step(t);
    if (a->o.json && !rt_out_send()) return false;
    if (due(t) && a->run->step < t->end) save(t);
  }
  return true;
}

static void say_how_to_resume(const Trainer *t) {
  const App *a = t->app;
  rt_note("saved after step %u of %u; to go on: %s --resume --run-dir %s", a->run->step, a->run->steps,
          a->train_command, t->run.folder);
}

static void finish(Trainer *t) {
  App *a = t->app;
  Scores s, *held = NULL;
  if (a->data && a->data->nhold && a->t->eval && a->t->eval->fn) {
    uint32_t steps = a->run->steps;
    plan_begun(a);
    eval_scores(a, false, &s);
    a->run->steps = steps;
    held = &s;
  }
  report_done(&t->report, &t->run, held);
  char *totals = report_totals(a, held), *line = rt_printf("{\"event\":\"done\",%s}\n", totals);
  io_put(&t->run.jsonl, line, strlen(line));
  rt_free(line);
  rt_free(totals);
  run_sync(&t->run);
  rt_out_flush();
  if (a->run->step < a->run->steps) say_how_to_resume(t);
  if (held && s.loss - s.loss != 0) rt_die(670, "the loss on the hold-out is not finite");
}

int gc_train(App *a) {
  Trainer t = {.app = a};
  app_needs_train(a);
  open_all(&t);
  report_begin(&t.report, a, &t.run);
  bool out = loop(&t);
  if (a->run->step != t.saved) save(&t);
  else run_sync(&t.run); /* the head of the metrics, when a signal came before the first step */
  if (!out) rt_out_flush();
  int signal = gc_signal;
  gc_training = 0;
  if (signal && a->run->step < t.end) {
    rt_live(NULL);
    say_how_to_resume(&t);
    lock_release();
    return 128 + signal;
  }
  finish(&t);
  io_close(&t.run.csv);
  io_close(&t.run.jsonl);
  lock_release();
  return 0;
}
