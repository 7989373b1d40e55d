/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "driver/sweep_trial.h"
#include "runtime/io.h"
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *log_of(Ctx *c, const Trial *t) { return ctx_strf(c, "%s/log.txt", t->folder); }

static bool has_checkpoint(const char *folder) {
  int n;
  bool found = false;
  char **name = io_list(folder, &n);
  for (int i = 0; i < n; i++) {
    found |= !strncmp(name[i], "checkpoint-", 11);
    free(name[i]);
  }
  free(name);
  return found;
}

bool trial_look(Ctx *c, Trial *t) {
  if (!run_folder_is(c, t->folder)) return true;
  if (!run_folder_read(c, t->folder, &t->run)) return false;
  if (t->run.state == RUN_DONE) t->state = TRIAL_DONE;
  if (t->run.state == RUN_ACTIVE) {
    t->state = TRIAL_FAILED;
    t->status = EXIT_USAGE;
    t->error = ctx_strf(c, "%s is in use by another process", t->folder);
  }
  return true;
}

/* The command: gradc run FILE --set ... --run-dir FOLDER and the options for the training. */
static char **command(Args *a, const SweepPlan *p, const Trial *t, bool force, int threads) {
  Ctx *c = a->c;
  const char **v = ctx_alloc(c, sizeof *v * (size_t)(2 * p->naxis + a->npassed + 10));
  int n = 0;
  v[n++] = "gradc";
  v[n++] = "run";
  for (int i = 0; i < p->naxis; i++) {
    v[n++] = "--set";
    v[n++] = ctx_strf(c, "%s=%s", p->axis[i].name, t->plan->value[i]);
  }
  for (int i = 0; i < a->npassed; i++) v[n++] = a->passed[i];
  if (threads && !args_has(a, OPT_p_threads)) v[n++] = ctx_strf(c, "--threads=%d", threads);
  v[n++] = "--run-dir";
  v[n++] = t->folder;
  v[n++] = !force && has_checkpoint(t->folder) ? "--resume" : "--force";
  v[n++] = "--";
  v[n++] = a->operand[0];
  return (char **)v;
}

/* In the child. It has a process group of its own: Ctrl-C reaches the sweep, which tells the trials once. */
static _Noreturn void become(char **argv, int log) {
  int none = open("/dev/null", O_RDWR);
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  if (none < 0 || dup2(none, 0) < 0 || dup2(none, 1) < 0 || dup2(log, 2) < 0) _exit(EXIT_RESOURCES);
  execv("/proc/self/exe", argv);
  _exit(EXIT_RESOURCES);
}

bool trial_start(Args *a, const SweepPlan *p, Trial *t, bool force, int threads) {
  Ctx *c = a->c;
  char **argv = command(a, p, t, force, threads);
  int log = -1;
  if (io_make_folder(t->folder, false)) log = open(log_of(c, t), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  t->pid = log < 0 ? -1 : fork();
  if (t->pid == 0) become(argv, log);
  if (t->pid < 0) diag_error(c, E_FILE_WRITE, 0, 1, "%s: %s", t->folder, strerror(errno));
  if (log >= 0) close(log);
  t->state = t->pid < 0 ? TRIAL_FAILED : TRIAL_RUNS;
  return t->pid > 0;
}

/* The first line of what it printed that is an error. */
static const char *first_error(Ctx *c, const Trial *t) {
  char line[512];
  const char *found = NULL;
  FILE *f = fopen(log_of(c, t), "r");
  while (f && !found && fgets(line, sizeof line, f))
    if (!strncmp(line, "error", 5)) found = ctx_strf(c, "%.*s", (int)strcspn(line, "\n"), line);
  if (f) fclose(f);
  return found;
}

void trial_end(Ctx *c, Trial *t, int status) {
  t->status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  DiagMark mark = diag_mark(c);
  if (run_folder_is(c, t->folder) && !run_folder_read(c, t->folder, &t->run)) {
    diag_drop(c, &mark); /* a process that was killed may leave half a line */
    t->run = (RunFolder){0};
  }
  bool stopped = t->status == 128 + SIGINT || t->status == 128 + SIGTERM;
  t->state = stopped ? TRIAL_STOPPED : t->status || t->run.state != RUN_DONE ? TRIAL_FAILED : TRIAL_DONE;
  if (t->state != TRIAL_FAILED) return;
  t->error = first_error(c, t);
  if (!t->error) t->error = ctx_strf(c, "it ended with status %d: %s", t->status, log_of(c, t));
}
