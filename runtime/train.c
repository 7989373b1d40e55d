/* SPDX-License-Identifier: Apache-2.0 */
/* `train`: the step loop, saving, and stopping: at the end, at --stop-at, at a signal, at a loss that is not finite. */
#include "checkpoint.h"
#include "data.h"
#include "device.h"
#include "learned.h"
#include "prefetch.h"
#include "report.h"
#include "stream.h"
#include <string.h>

enum { SAVE_SECONDS = 30 };

typedef struct Trainer {
  Session *sess;
  Run run;
  Report report;
  Progress progress;
  unsigned char ***batch; /* of each section: the fields of a microbatch */
  unsigned char **fields; /* those of the section that steps */
  Prefetch **ahead;       /* of each section: its batches that are prepared while steps run, or NULL */
  uint32_t end;           /* stop after this many steps */
  uint32_t saved;         /* step of the newest checkpoint */
  double saved_at;
  Scores *held; /* of each section: of the newest validation, then of its hold-out; records 0: none in this process */
} Trainer;

static uint64_t per_step(const Trainer *t) { return plan_records_per_step(t->sess); }

/* What a resumed run must find again: with several sections, their sums. */
static Progress data_progress(const Session *sess) {
  Progress p = {0};
  for (int i = 0; i < sess->nsections; i++) {
    const SectionRun *u = &sess->section[i];
    p.records += u->data ? u->data->n : 0;
    p.batch += (uint64_t)u->t->batch;
    p.accumulate += (uint64_t)u->t->accumulate;
  }
  return p;
}

/* A new plan was asked for, of so many steps or rounds. */
static void replan(Session *sess, uint32_t steps) {
  uint32_t round = sess->run->step;
  for (int i = 0; i < sess->nsections && sess->nsections > 1; i++)
    sess->section[i].steps = (uint32_t)(steps / (uint64_t)sess->section[i].t->every);
  sess->run->step = round;
  sess->run->steps = steps;
}

static void resume(Trainer *t) {
  Session *sess = t->sess;
  uint32_t seen, spe = sess->run->steps_per_epoch, steps = sess->run->steps;
  char *path = checkpoint_newest(t->run.folder, &seen);
  Progress *p = &t->progress;
  checkpoint_load(sess, path, p);
  Progress now = data_progress(sess);
  if (p->records != now.records)
    rt_die(E_CHECKPOINT_MISMATCH, "%s: the run had %llu records, now there are %llu", path,
           (unsigned long long)p->records, (unsigned long long)now.records);
  if (p->batch != now.batch || p->accumulate != now.accumulate || sess->run->steps_per_epoch != spe)
    rt_die(E_CHECKPOINT_MISMATCH, "%s: the run took %llu x %llu records a step, the model takes %llu x %llu", path,
           (unsigned long long)p->batch, (unsigned long long)p->accumulate, (unsigned long long)now.batch,
           (unsigned long long)now.accumulate);
  if (sess->run->seed != session_seed(sess))
    rt_die(E_CHECKPOINT_MISMATCH, "%s: made with seed %llu, run.json says %llu", path,
           (unsigned long long)sess->run->seed, (unsigned long long)session_seed(sess));
  if (sess->o.steps >= 0 || sess->o.epochs >= 0) replan(sess, steps);
  rt_free(path);
}

static void save(Trainer *t) {
  run_sync(&t->run); /* first, so that every step before a checkpoint has its line */
  checkpoint_save(t->sess, t->run.folder, &t->progress);
  t->saved = t->sess->run->step;
  t->saved_at = rt_now();
}

/* --init; what is not read is listed. */
static void init_from_file(Session *sess) {
  const Opts *o = &sess->o;
  WeightsTaken w;
  weights_load_part(sess, o->init, o->init_map.v, o->init_map.n, o->partial, &w);
  if (!o->partial && !o->init_map.n) return;
  rt_note("%s: %d tensor%s read, %d weight%s and states keep their initial values, %d tensor%s left over", o->init,
          w.read, w.read == 1 ? "" : "s", w.ninitial, w.ninitial == 1 ? "" : "s", w.nleft,
          w.nleft == 1 ? " is" : "s are");
  for (int i = 0; i < w.ninitial; i++) rt_note("  initial: %s", w.initial[i]);
  for (int i = 0; i < w.nleft; i++) rt_note("  left over: %s", w.left[i]);
  if (o->json) rt_out("{\"event\":\"init\",%s}\n", weights_taken_json(&w));
}

static void check_fold(const Session *sess) {
  bool data = false;
  for (int i = 0; i < sess->m->ntrain; i++) data |= sess->m->train[i].data >= 0;
  if (sess->o.fold.n && !data) rt_die(E_OPTION_VALUE, "--fold: %s trains without data", sess->m->name);
  for (int i = 0; i < sess->m->ndata; i++)
    if (sess->o.fold.n && sess->m->data[i].stream)
      rt_die(E_OPTION_VALUE, "--fold: data %s is a stream, which has no folds", sess->m->data[i].name);
}

static void make_batches(Trainer *t) {
  Session *sess = t->sess;
  t->batch = rt_array((size_t)sess->nsections, sizeof *t->batch);
  for (int i = 0; i < sess->nsections; i++) {
    const Data *d = sess->section[i].data;
    int n = d ? d->d->nfields : 0;
    t->batch[i] = rt_array((size_t)n + 1, sizeof **t->batch);
    for (int f = 0; f < n; f++)
      t->batch[i][f] = rt_alloc_block(rt_mul((uint64_t)sess->section[i].t->batch, d->bytes[f]));
  }
}

/* Called when the plan is known. */
static void make_ahead(Trainer *t) {
  Session *sess = t->sess;
  t->ahead = rt_array((size_t)sess->nsections, sizeof *t->ahead);
  for (int i = 0; i < sess->nsections; i++) {
    section_enter(sess, i);
    uint64_t calls = (uint64_t)sess->t->accumulate;
    BatchPlan p = {.n = (uint64_t)sess->t->batch, .batches = sess->run->steps_per_epoch * calls};
    p.end = sess->run->steps * calls;
    if (sess->data) t->ahead[i] = prefetch_new(sess->data, &p);
    section_leave(sess);
  }
}

/* Whether a section is evaluated at the end: not on records that it was trained on. */
static bool ends_with_scores(const Session *sess, ScoreSet set) {
  return score_records(set) && sess->t->eval && sess->t->eval->fn && !(set.data == sess->data && set.all);
}

/* What an evaluation would refuse is refused before the first step. */
static void check_scores(Session *sess) {
  for (int i = 0; i < sess->nsections; i++) {
    section_enter(sess, i);
    ScoreSet end = score_set(sess, true);
    if (ends_with_scores(sess, end)) score_check(sess, score_records(end));
    if (validate_due(sess, sess->run->steps)) score_check(sess, score_records(score_set(sess, false)));
    section_leave(sess);
  }
}

static void open_all(Trainer *t) {
  Session *sess = t->sess;
  check_fold(sess);
  run_select(sess, &t->run);
  if (sess->o.resume) run_load_options(sess, t->run.folder);
  session_memory(sess);
  if (sess->o.resume) learned_read(sess, checkpoint_newest(t->run.folder, NULL));
  else learned_read(sess, sess->o.init);
  if (sess->o.partial && sess->learned) sess->learned->path = NULL; /* what the file lacks comes from the data */
  data_open_all(sess);
  validate_open(sess);
  for (int i = 0; i < sess->nsections; i++) run_say_skipped(sess->section[i].data);
  run_say_skipped(sess->other);
  session_init(sess);
  plan_set(sess);
  if (sess->o.resume) resume(t);
  else if (sess->o.init) init_from_file(sess);
  check_scores(sess);
  make_batches(t);
  make_ahead(t);
  t->held = rt_array((size_t)sess->nsections, sizeof *t->held);
  t->end = sess->run->steps;
  if (sess->o.stop_at >= 0 && sess->o.stop_at < t->end) t->end = (uint32_t)sess->o.stop_at;
  gc_training = 1;
  sess->stop = &gc_signal;
  if (!sess->o.resume) {
    t->progress = data_progress(sess);
    run_begin(sess, &t->run);
    /* at step 0: a full disk is noticed now, and --resume always finds a checkpoint */
    checkpoint_save(sess, t->run.folder, &t->progress);
  }
  if (validate_ends(sess)) t->end = sess->run->step;
  if (sess->o.resume && validate_keeps_best(sess) && sess->seen.best.step == sess->run->step)
    checkpoint_weights(sess, t->run.folder, &t->progress); /* a crash may have come between the two files */
  run_metrics(sess, &t->run, sess->run->step);
  /* after a resume the end always saves: a crash may have come between the checkpoint and the weights file */
  t->saved = sess->o.resume ? UINT32_MAX : 0;
  t->saved_at = rt_now();
}

static bool due(const Trainer *t, uint32_t step) {
  int64_t every = t->sess->t->save_every;
  if (every > 0) return step % every == 0;
  return rt_now() - t->saved_at >= SAVE_SECONDS;
}

/* Whether after the step that runs another one follows at once. */
static bool goes_on(const Trainer *t) {
  if (t->sess->nsections > 1) return false; /* of this section */
  uint32_t step = t->sess->run->step + 1;
  return step < t->end && !gc_signal && !rt_out_failed() && !due(t, step) && !validate_due(t->sess, step);
}

/* Whether the records of a step are there; those of a stream are waited for. */
static bool has_records(const Trainer *t, uint32_t step) {
  Data *d = t->sess->data;
  return !d || !d->d->stream || stream_has(d, step * per_step(t), per_step(t));
}

static const void *const *fields(void *arg, uint64_t at, uint64_t n) {
  Trainer *t = arg;
  Session *sess = t->sess;
  if (!sess->data) return at < per_step(t) || goes_on(t) ? (const void *const *)t->fields : NULL;
  uint32_t step = sess->run->step + (uint32_t)(at / per_step(t)), spe = sess->run->steps_per_epoch;
  at %= per_step(t);
  if (step > sess->run->step && (!goes_on(t) || !has_records(t, step))) return NULL;
  Prefetch *ahead = t->ahead[sess->current];
  unsigned char **made = ahead ? prefetch_take(ahead, (step * per_step(t) + at) / n) : NULL;
  if (made) return (const void *const *)made;
  if (!spe) data_batch(sess->data, 0, step * per_step(t) + at, n, false, t->fields);
  else data_batch(sess->data, step / spe, step % spe * per_step(t) + at, n, false, t->fields);
  return (const void *const *)t->fields;
}

/* Nothing was updated: runs the step again in check mode, to find the first node that is not finite. */
static _Noreturn void not_finite(Trainer *t, uint32_t step) {
  Session *sess = t->sess;
  int32_t bad = 0;
  step_run(sess, fields, t, &bad);
  run_sync(&t->run);
  char *batch = rt_strdup("");
  uint32_t spe = sess->run->steps_per_epoch;
  if (sess->data && spe) {
    uint64_t at = step % spe * per_step(t), first = data_train_record(sess->data, step / spe, at) + 1;
    rt_free(batch);
    batch = rt_printf(" (batch %u of epoch %u, its first record is %llu)", step % spe + 1, step / spe + 1,
                      (unsigned long long)first);
  }
  uint32_t saved;
  if (sess->nsections > 1) batch = rt_printf(" of %s%s", section_name(&sess->section[sess->current]), batch);
  char *path = checkpoint_newest(t->run.folder, &saved);
  if (sess->t->scale)
    batch = rt_printf("%s, however small the loss is scaled: the scale is %g", batch,
                      (double)*session_scalar(sess, sess->t->scale));
  if (bad > 0 && bad <= sess->m->nnodes) {
    const GcNode *n = &sess->m->nodes[bad - 1];
    rt_die(E_LOSS_NOT_FINITE,
           "%s:%d: the result of `%s` is not finite in step %u%s\nthe last checkpoint is %s, after step %u", n->file,
           n->line, n->op, step + 1, batch, path ? path : "", saved);
  }
  rt_die(E_LOSS_NOT_FINITE, "the %s not finite in step %u%s\nthe last checkpoint is %s, after step %u",
         sess->t->scale ? "gradients are" : "loss is", step + 1, batch, path ? path : "", saved);
}

static void section_step(Trainer *t, int i) {
  Session *sess = t->sess;
  section_enter(sess, i);
  t->fields = t->batch[i];
  uint32_t step = sess->run->step;
  int status = step_run(sess, fields, t, NULL);
  if (status == -1) not_finite(t, step);
  step_check(sess, status);
  sess->run->step = step + 1; /* the graph may have counted already */
  section_keep_scores(sess, i);
  section_leave(sess);
}

/* A step; with several sections a round, in which each has one that is due. */
static void one_step(Trainer *t) {
  Session *sess = t->sess;
  GcRun *run = sess->run;
  uint32_t step = run->step;
  for (int i = 0; i < sess->nsections; i++) {
    sess->section[i].ran = section_is_due(sess, i);
    if (sess->section[i].ran) section_step(t, i);
  }
  run->step = step + 1;
  float loss = sess->section[0].score[0];
  if (sess->section[0].ran &&
      (!t->progress.best_step || t->progress.best != t->progress.best || loss < t->progress.best)) {
    t->progress.best = loss;
    t->progress.best_step = step + 1;
  }
  uint32_t every = sess->o.log_every > 0 ? (uint32_t)sess->o.log_every : 1;
  bool logged = run->step % every == 0 || run->step == run->steps; /* the same lines with and without --stop-at */
  report_step(&t->report, run->step, logged ? run_log(sess, &t->run) : NULL);
}

/* The validation that the steps so far ask for; a signal leaves it to --resume. */
static void validate(Trainer *t) {
  Session *sess = t->sess;
  Scores s;
  if (gc_signal || !validate_pending(sess) || !validate_run(sess, &s)) return;
  scores_free(sess, t->held);
  t->held[0] = s;
  report_validation(&t->report, &s, run_log_validation(sess, &t->run, &s));
  if (validate_ends(sess)) t->end = sess->run->step;
  if (validate_keeps_best(sess) && sess->seen.best.step == sess->run->step) save(t);
}

/* Hands the lines of --json to their reader; false: writing to standard output failed. */
static bool events_sent(const Trainer *t) { return !t->sess->o.json || rt_out_send(); }

/* A stream that ends, or a signal while it is waited for, ends the run. */
static bool goes_dry(Trainer *t) {
  Session *sess = t->sess;
  if (device_ahead(sess) || has_records(t, sess->run->step)) return false;
  if (gc_signal) return true;
  rt_note("data %s: the stream has ended after %llu records, which are %u of %u steps", sess->data->d->name,
          (unsigned long long)sess->data->n, sess->run->step, t->end);
  t->end = sess->run->step;
  return true;
}

static bool loop(Trainer *t) { /* false: writing to standard output failed */
  Session *sess = t->sess;
  bool out = true;
  validate(t);
  while (sess->run->step < t->end && (device_ahead(sess) || (out && !gc_signal))) {
    if (goes_dry(t)) break;
    one_step(t);
    out &= events_sent(t); /* before the time that a validation takes */
    if (!device_ahead(sess)) validate(t);
    out &= events_sent(t);
    uint32_t step = sess->run->step;
    if (!device_ahead(sess) && out && step < t->end && step != t->saved && due(t, step)) save(t);
  }
  return out;
}

static void say_how_to_resume(const Trainer *t) {
  const Session *sess = t->sess;
  rt_note("saved after step %u of %u; to continue: %s --resume --run-dir %s", sess->run->step, sess->run->steps,
          sess->train_command, t->run.folder);
}

/* The scores that section i ends with: those of weights.safetensors; records 0: there is nothing to evaluate on. */
static void final_scores(Trainer *t, int i) {
  Session *sess = t->sess;
  Scores *s = &t->held[i];
  ScoreSet set = score_set(sess, true), validated = score_set(sess, false);
  uint32_t steps = sess->run->steps, step = sess->run->step, round = sess->nsections > 1 ? sess->rounds.step : step;
  if (!ends_with_scores(sess, set)) return;
  bool best = validate_keeps_best(sess) && sess->seen.best.step != round;
  if (!best && s->records && sess->seen.step == round && set.data == validated.data) return;
  if (best) {
    char *path = rt_printf("%s/weights.safetensors", t->run.folder);
    weights_load(sess, path);
    rt_free(path);
    sess->run->step = section_steps_after(sess, i, sess->seen.best.step);
  }
  scores_free(sess, s);
  plan_at_least_one_step(sess);
  session_check(sess->t->eval, eval_scores(sess, set, s));
  sess->run->steps = steps;
  sess->run->step = step;
}

/* False: a loss is not finite. */
static bool evaluate(Trainer *t) {
  Session *sess = t->sess;
  bool finite = true;
  for (int i = 0; i < sess->nsections; i++) {
    section_enter(sess, i);
    final_scores(t, i);
    section_leave(sess);
    finite &= t->held[i].loss - t->held[i].loss == 0;
  }
  return finite;
}

static void finish(Trainer *t) {
  Session *sess = t->sess;
  bool finite = evaluate(t);
  if (sess->data && sess->data->d->stream) run_say_skipped(sess->data);
  report_done(&t->report, &t->run, t->held);
  char *totals = report_totals(sess, t->held), *line = rt_printf("{\"event\":\"done\",%s}\n", totals);
  io_write(&t->run.jsonl, line, strlen(line));
  rt_free(line);
  rt_free(totals);
  run_sync(&t->run);
  rt_out_flush();
  if (sess->run->step < sess->run->steps && !validate_ends(sess)) say_how_to_resume(t);
  if (!finite) rt_die(E_LOSS_NOT_FINITE, "the loss on the hold-out is not finite");
}

int gc_train(Session *sess) {
  Trainer t = {.sess = sess};
  session_needs_train(sess);
  open_all(&t);
  report_begin(&t.report, sess, &t.run);
  bool out = loop(&t);
  for (int i = 0; i < sess->nsections; i++) prefetch_end(t.ahead[i]);
  if (sess->run->step != t.saved) save(&t);
  else run_sync(&t.run); /* the header of the metrics, if a signal came before the first step */
  if (!out) rt_out_flush();
  int signal = gc_signal;
  gc_training = 0;
  sess->stop = NULL;
  if (signal && (sess->run->step < t.end || validate_pending(sess))) {
    rt_progress(NULL);
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
