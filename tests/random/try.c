/* SPDX-License-Identifier: Apache-2.0 */
/* One random graph or program in a separate process: running it, reducing a failure and reporting it. */
#include "nn/nn.h"
#include "random.h"
#include "try.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Of processor time, for what takes 10 at most as a rule; of the clock. */
enum { CPU_SECONDS = 240, SECONDS = 600, BUDGET = 400, BUDGET_C = 80 };

char *make_text(int dialect, uint64_t seed) {
  return dialect == MUTATED ? nn_mutate(seed) : dialect == PROGRAM ? nn_generate(seed) : generate(seed);
}

const char *dialect_word(int dialect) {
  return (const char *const[]){"mutated", "nn", "jit", "check"}[dialect - MUTATED];
}

bool check(const char *text, const Task *t, Why *why) {
  return t->dialect == PROGRAM     ? nn_check(text, t->seed, why)
         : t->dialect == MUTATED   ? nn_mutated(text, why)
         : t->dialect == BY_INTERP ? check_interp(text, t->seed, why)
         : t->dialect == BY_JIT    ? check_jit(text, t->seed, why)
                                   : check_c(text, t->seed, t->dialect, t->cc, t->one, why);
}

bool emit(const char *text, const Task *t, Why *why) {
  return emit_module(text, t->seed, t->number, t->dialect, t->dir, why);
}

/* RANDOM_CLOCK: milliseconds instead, for a test of this limit. */
static void limit_clock(void) {
  const char *set = getenv("RANDOM_CLOCK");
  long ms = set ? atol(set) : 1000L * SECONDS;
  setitimer(ITIMER_REAL, &(struct itimerval){.it_value = {ms / 1000, ms % 1000 * 1000}}, NULL);
}

/* In a separate process, so that a crash or an endless loop is a failure like any other. */
bool in_child(Doing *doing, const char *text, const Task *t) {
  int pipes[2], status;
  if (getenv("RANDOM_HERE")) return doing(text, t, t->why); /* for a debugger */
  if (pipe(pipes)) exit(2);
  fflush(stdout);
  pid_t pid = fork();
  if (pid < 0) exit(2);
  if (!pid) {
    Why why = {.text = ""};
    setrlimit(RLIMIT_CPU, &(struct rlimit){CPU_SECONDS, CPU_SECONDS});
    limit_clock();
    bool ok = doing(text, t, &why);
    if (!ok && write(pipes[1], why.text, strlen(why.text)) < 0) _exit(3);
    _exit(!ok);
  }
  close(pipes[1]);
  ssize_t n = read(pipes[0], t->why->text, sizeof t->why->text - 1);
  t->why->text[n > 0 ? n : 0] = 0;
  close(pipes[0]);
  waitpid(pid, &status, 0);
  t->why->late = WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM;
  if (WIFSIGNALED(status)) snprintf(t->why->text, sizeof t->why->text, "ended by signal %d", WTERMSIG(status));
  bool ok = WIFEXITED(status) && !WEXITSTATUS(status);
  if (!ok && !t->why->text[0])
    snprintf(t->why->text, sizeof t->why->text, "failed without a reason, status %d", WEXITSTATUS(status));
  return ok;
}

static bool fails(const char *text, void *arg) {
  Task *t = arg;
  if (t->until && time(NULL) > t->until) return false;
  return !in_child(check, text, t) && !strncmp(t->why->text, t->kind, strlen(t->kind));
}

void name_kind(Task *t) {
  snprintf(t->kind, sizeof t->kind, "%.*s", (int)strcspn(t->why->text, "0123456789[") + 6, t->why->text);
}

static void save(const char *text, const Task *t) {
  char path[1200];
  snprintf(path, sizeof path, "%s/%llu.%s", t->save, (unsigned long long)t->seed, t->dialect <= PROGRAM ? "nn" : "ir");
  FILE *f = fopen(path, "w");
  if (f) fputs(text, f), fclose(f);
  static const char *const more[] = {" mutated", "", " jit", ""};
  printf("--- saved: %s; random file %s %llu%s\n", path, path, (unsigned long long)t->seed, more[t->dialect - MUTATED]);
}

void report(const char *text, Task *t, const char *how) {
  printf("FAIL  seed %llu: %s\n", (unsigned long long)t->seed, t->why->text);
  fflush(stdout);
  name_kind(t);
  char *smallest = t->dialect <= PROGRAM ? nn_shrink(text, fails, t, BUDGET)
                                         : shrink(text, fails, t, t->dialect < DIALECT_PORTABLE ? BUDGET : BUDGET_C);
  bool still = !in_child(check, smallest, t);
  printf("%s--- shrunken%s: %s\n", smallest, still ? "" : " (does not fail again)", t->why->text);
  printf("--- again: %s\n", how);
  if (t->save) save(smallest, t);
  fflush(stdout);
  free(smallest);
}
