/* SPDX-License-Identifier: Apache-2.0 */
/* gradc sweep: trains a model with many settings, some at a time, and compares the results. DIR/NAME is the run of a
 * trial, DIR/trials.jsonl has a line for each that has ended, DIR/sweep.json what all have in common. The same command
 * continues: trials that are done, or whose loss was not finite, stay; the others are begun or resumed. */
#define _GNU_SOURCE
#include "driver/sweep_trial.h"
#include "driver/table.h"
#include "runtime/io.h"
#include "runtime/json.h"
#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_FINITE = 6, SCORES = 6, NUMBER = 10 };

typedef struct Sweep {
  Args *a;
  Ctx *c;
  SweepPlan plan;
  Trial *trial;
  int n, running, done, failed, stopped;
  const char *out;
  FILE *log;
  bool json, head, bad; /* head: the table's columns are known; bad: --by names no score */
  Table table;
  RunNames score;
  RunRank rank;
} Sweep;

static volatile sig_atomic_t interrupted;
static void on_signal(int number) { interrupted = number; }

/* ---- options ---- */

static int cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) ? 1 : CPU_COUNT(&set);
}

/* ---- what there is ---- */

/* sweep.json: of one text, so that the trials of a sweep are comparable. */
static const char *common(const Sweep *s, const Module *m) {
  Str t = {.c = s->c};
  str_puts(&t, "{\"file\":");
  str_json(&t, s->a->operand[0]);
  str_printf(&t, ",\"source\":\"%016llx\",\"options\":[",
             (unsigned long long)hash_bytes(m->source, strlen(m->source), 0));
  for (int i = 0; i < s->a->npassed; i++) {
    str_puts(&t, i ? "," : "");
    str_json(&t, s->a->passed[i]);
  }
  str_puts(&t, "]}\n");
  return t.s;
}

static bool same_sweep(Sweep *s, const Module *m) {
  const char *path = ctx_strf(s->c, "%s/sweep.json", s->out), *text = common(s, m);
  char err[ERR_TEXT];
  Bytes b;
  if (!make_folders(s->c, s->out)) return false;
  if (io_exists(path) && !args_has(s->a, OPT_again)) {
    if (!io_read_all(path, &b, err)) {
      diag_error(s->c, E_FILE_READ, 0, 1, "%s", err);
      return false;
    }
    bool same = !strcmp((char *)b.p, text);
    free(b.p);
    if (same) return true;
    Diag *d =
      diag_error(s->c, E_SWEEP, 0, 1, "%s has a sweep of another text of the model, or with other options", s->out);
    diag_help(s->c, d, "--out DIR puts this one elsewhere, --force trains all trials anew");
    return false;
  }
  return save_file(s->c, path, text, strlen(text), 0);
}

static Trial *find_trial(Sweep *s, const char *name) {
  for (int i = 0; i < s->n; i++)
    if (!strcmp(s->trial[i].plan->name, name)) return &s->trial[i];
  return NULL;
}

/* A line {"event":"trial","trial":NAME,"status":N,...}: a loss that was not finite would not be so the next time. */
static void read_line(Sweep *s, const char *p, const char *end) {
  char err[ERR_TEXT], *name = NULL;
  uint64_t status = 0;
  Json j = {p, end, err};
  bool ok = json_expect(&j, '{');
  while (ok) {
    char *key = json_string(&j);
    ok = key && json_expect(&j, ':');
    if (ok && !strcmp(key, "trial")) ok = (name = json_string(&j)) != NULL;
    else if (ok && !strcmp(key, "status")) ok = json_u64(&j, &status);
    else if (ok) ok = json_skip(&j, 0);
    free(key);
    if (!json_accept(&j, ',')) break;
  }
  Trial *t = ok && name && status == NOT_FINITE ? find_trial(s, name) : NULL;
  free(name);
  if (!t || t->state != TRIAL_WAITS) return;
  t->state = TRIAL_FAILED;
  t->status = NOT_FINITE;
  t->error = "the loss was not finite; --force trains it anew";
}

static bool read_trials(Sweep *s) {
  const char *path = ctx_strf(s->c, "%s/trials.jsonl", s->out);
  bool anew = args_has(s->a, OPT_again);
  char err[ERR_TEXT];
  Bytes b;
  for (int i = 0; i < s->n && !anew; i++)
    if (!trial_look(s->c, &s->trial[i])) return false;
  if (!anew && io_exists(path)) {
    if (!io_read_all(path, &b, err)) {
      diag_error(s->c, E_FILE_READ, 0, 1, "%s", err);
      return false;
    }
    const char *p = (char *)b.p, *end = p + b.n;
    for (const char *nl; p < end && (nl = memchr(p, '\n', (size_t)(end - p))); p = nl + 1) read_line(s, p, nl);
    free(b.p);
  }
  s->log = fopen(path, anew ? "w" : "a");
  if (s->log) return true;
  diag_error(s->c, E_FILE_WRITE, 0, 1, "%s: %s", path, strerror(errno));
  return false;
}

/* ---- results ---- */

/* The columns follow from the first trial that has scores. */
static void make_table(Sweep *s, const RunFolder *r) {
  Table *t = &s->table;
  s->score = run_scores(s->c, r, 1);
  if (!run_rank(s->a, r, 1, &s->score, &s->rank)) {
    s->bad = true;
    return;
  }
  *t = table_new(s->c, s->n);
  table_column(t, "trial", 9, true);
  for (int k = 0; k < s->plan.naxis; k++) table_column(t, s->plan.axis[k].name, 7, false);
  table_column(t, s->rank.by ? ctx_strf(s->c, "best %s", s->rank.by) : "best", 8, true);
  table_column(t, "at", 2, true);
  for (int k = 0; k < s->score.n && k < SCORES; k++) table_column(t, s->score.v[k], 3, true);
  table_column(t, "steps", 2, true);
  table_column(t, "time", 1, true);
  table_column(t, "state", 6, false);
  for (int k = 0; k < t->n; k++)
    if (t->column[k].right && k) t->column[k].width = NUMBER;
  for (int i = 0; i < s->n; i++) {
    table_set_cell(t, 0, i, ctx_strf(s->c, "%d/%d", i + 1, s->n));
    for (int k = 0; k < s->plan.naxis; k++) table_set_cell(t, 1 + k, i, s->trial[i].plan->value[k]);
  }
  table_fit(t, terminal_width(1));
  if (!s->json) table_print_row(t, -1);
  s->head = true;
}

static void show(Sweep *s, Trial *t) {
  static const char *const names[] = {[TRIAL_DONE] = "done", [TRIAL_FAILED] = "failed", [TRIAL_STOPPED] = "stopped"};
  const RunFolder *r = &t->run;
  Table *k = &s->table;
  int row = (int)(t - s->trial), at = 1 + s->plan.naxis;
  table_set_cell(k, at, row, run_number(s->c, t->best));
  table_set_cell(k, at + 1, row, isnan(t->best) ? "" : ctx_strf(s->c, "%.0f", t->best_step));
  for (int i = 0; i < s->score.n && i < SCORES; i++) {
    const RunCurve *u = r->path ? run_curve(r, s->score.v[i]) : NULL;
    table_set_cell(k, at + 2 + i, row, u ? run_number(s->c, u->last) : "");
  }
  table_set_cell(k, k->n - 3, row, r->path ? ctx_strf(s->c, "%.0f", r->steps) : "");
  table_set_cell(k, k->n - 2, row, r->path ? run_took(s->c, r->seconds) : "");
  table_set_cell(k, k->n - 1, row, names[t->state]);
  table_print_row(k, row);
}

static const char *json_of(const Sweep *s, const Trial *t) {
  Str o = {.c = s->c};
  str_puts(&o, "{\"event\":\"trial\",\"trial\":");
  str_json(&o, t->plan->name);
  str_printf(&o, ",\"status\":%d,\"error\":", t->status);
  if (t->error) str_json(&o, t->error);
  else str_puts(&o, "null");
  str_printf(&o, ",\"result\":%s}\n", t->run.path ? run_json_text(s->c, &t->run) : "null");
  return o.s;
}

/* A trial that has ended, now or before. */
static void report(Sweep *s, Trial *t, bool now) {
  t->best = t->best_step = NAN;
  if (t->run.path && t->run.ncurve && !s->head && !s->bad) make_table(s, &t->run);
  if (t->run.path && s->head) t->best = run_best(&t->run, &s->rank, &t->best_step);
  if (t->state == TRIAL_DONE) s->done++;
  if (t->state == TRIAL_FAILED) s->failed++;
  const char *line = json_of(s, t);
  if (s->json) fputs(line, stdout);
  else if (s->head) show(s, t);
  if (t->run.path) run_folder_free(&t->run);
  fflush(stdout);
  if (t->state == TRIAL_FAILED) fprintf(stderr, "%s: %s\n", t->plan->name, t->error);
  if (!now || t->state == TRIAL_STOPPED) return;
  fputs(line, s->log);
  fflush(s->log);
}

/* ---- the processes ---- */

static void tell_all(Sweep *s) {
  for (int i = 0; i < s->n; i++)
    if (s->trial[i].state == TRIAL_RUNS) kill(s->trial[i].pid, SIGTERM);
}

/* Waits for one of the trials to end; on a signal all get that signal, save and stop. */
static void wait_for_one(Sweep *s, bool *sent) {
  int status;
  pid_t pid = waitpid(-1, &status, 0);
  if (interrupted && !*sent) {
    *sent = true;
    tell_all(s);
  }
  for (int i = 0; i < s->n && pid > 0; i++) {
    Trial *t = &s->trial[i];
    if (t->state != TRIAL_RUNS || t->pid != pid) continue;
    s->running--;
    trial_end(s->c, t, status);
    report(s, t, true);
  }
}

static bool run_all(Sweep *s, int jobs) {
  int next = 0, threads = jobs > 1 ? cores() / jobs : 0;
  bool sent = false, ok = true, force = args_has(s->a, OPT_again);
  if (jobs > 1 && threads < 1) threads = 1;
  while (true) {
    while (next < s->n && s->trial[next].state != TRIAL_WAITS) next++;
    bool more = ok && !interrupted && !s->bad && next < s->n;
    if (!more && !s->running) break;
    if (more && s->running < jobs) {
      fflush(stdout);
      ok = trial_start(s->a, &s->plan, &s->trial[next], force, threads);
      s->running += ok;
    } else {
      wait_for_one(s, &sent);
    }
  }
  return ok;
}

static const Trial *best_trial(const Sweep *s) {
  const Trial *best = NULL;
  for (int i = 0; i < s->n && s->head && s->rank.by; i++) {
    const Trial *t = &s->trial[i];
    if (t->state == TRIAL_DONE && !isnan(t->best) && (!best || s->rank.rises * (t->best - best->best) > 0)) best = t;
  }
  return best;
}

static void summary(const Sweep *s) {
  const Trial *b = best_trial(s);
  int left = s->n - s->done - s->failed;
  if (s->json) {
    Str o = {.c = s->c};
    str_printf(&o, "{\"event\":\"done\",\"trials\":%d,\"done\":%d,\"failed\":%d,\"best\":", s->n, s->done, s->failed);
    if (b) str_json(&o, b->folder);
    else str_puts(&o, "null");
    printf("%s}\n", o.s);
    return;
  }
  printf("%d trial%s: %d done, %d failed", s->n, s->n == 1 ? "" : "s", s->done, s->failed);
  if (left) printf(", %d left: the same command continues", left);
  putchar('\n');
  if (b) printf("best: %s  %s %.6g at step %.0f\n", b->folder, s->rank.by, b->best, b->best_step);
}

static void catch_signals(void) {
  struct sigaction act = {.sa_handler = on_signal};
  sigaction(SIGINT, &act, NULL); /* without SA_RESTART: it interrupts waitpid */
  sigaction(SIGTERM, &act, NULL);
}

int cmd_sweep(Args *a) {
  Sweep s = {.a = a, .c = a->c, .json = args_has(a, OPT_json)};
  int64_t random, seed, jobs;
  if (!a->nset) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`gradc sweep` needs the values to try");
    diag_help(a->c, d, "gradc sweep %s --set LR=1e-4..1e-1:log8 --set HIDDEN=64,128", a->operand[0]);
    return EXIT_USAGE;
  }
  if (!args_number(a, OPT_random, 0, 1, SWEEP_MOST, &random) || !args_number(a, OPT_jobs, 1, 1, 256, &jobs) ||
      !args_number(a, OPT_random_seed, 1, 0, INT64_MAX, &seed))
    return EXIT_USAGE;
  int nset = a->nset;
  a->nset = 0; /* the file as it is: its constants and their kinds */
  Module *m = load_module(a, a->operand[0]);
  a->nset = nset;
  if (!m) return EXIT_MODEL;
  s.out = args_has(a, OPT_out) ? a->value[OPT_out] : ctx_strf(a->c, "sweeps/%s", m->name);
  if (!sweep_plan(a, m, random, (uint64_t)seed, &s.plan)) return s.plan.unknown ? EXIT_MODEL : EXIT_USAGE;
  s.n = s.plan.n;
  s.trial = ctx_alloc(a->c, sizeof *s.trial * (size_t)(s.n + 1));
  for (int i = 0; i < s.n; i++)
    s.trial[i] = (Trial){.plan = &s.plan.trial[i], .folder = ctx_strf(a->c, "%s/%s", s.out, s.plan.trial[i].name)};
  if (!same_sweep(&s, m) || !read_trials(&s)) return EXIT_MODEL;
  catch_signals();
  for (int i = 0; i < s.n; i++)
    if (s.trial[i].state != TRIAL_WAITS) report(&s, &s.trial[i], false);
  bool ok = run_all(&s, (int)jobs);
  fclose(s.log);
  if (s.bad) return EXIT_USAGE;
  summary(&s);
  if (interrupted) return 128 + interrupted;
  return !ok ? EXIT_RESOURCES : s.failed ? EXIT_MODEL : EXIT_OK;
}
