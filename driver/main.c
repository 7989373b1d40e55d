/* The entry point: one compilation per process, its diagnostics printed at the end; `run` goes on from there. */
#include "codegen/jit/jit.h"
#include "driver/driver.h"
#include "runtime/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Job {
  int argc;
  char **argv;
  int status;
  Program then;
} Job;

static void run_job(Ctx *c, void *arg) {
  Job *j = arg;
  Args a = {.c = c};
  j->status = args_parse(&a, j->argc, j->argv);
  if (j->status < 0) j->status = command_info[a.cmd].run(&a);
  j->then = a.then;
}

int main(int argc, char **argv) {
  Ctx *c = ctx_new();
  Job job = {.argc = argc, .argv = argv};
  if (!c || !ctx_try(c, run_job, &job)) {
    fputs("error: out of memory\n", stderr);
    return EXIT_RESOURCES;
  }
  bool lost = fflush(stdout) || ferror(stdout);
  const char *no_color = getenv("NO_COLOR");
  diag_print(c, stderr, isatty(2) && !(no_color && *no_color));
  ctx_free(c);
  if (lost) {
    fputs("error: standard output could not be written\n", stderr);
    return EXIT_RESOURCES;
  }
  if (job.status || !job.then.jit) return job.status;
  return gc_main(jit_symbol(job.then.jit, "gc_model"), job.then.argc, job.then.argv);
}
