/* The entry point: one compilation per process, its diagnostics printed at the end. */
#include "driver/driver.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

typedef struct Job {
  int argc;
  char **argv;
  int status;
} Job;

static void run_job(Ctx *c, void *arg) {
  Job *j = arg;
  Args a = {.c = c};
  j->status = args_parse(&a, j->argc, j->argv);
  if (j->status < 0) j->status = command_info[a.cmd].run(&a);
}

int main(int argc, char **argv) {
  Ctx *c = ctx_new();
  Job job = {argc, argv, EXIT_WELL};
  if (!c || !ctx_try(c, run_job, &job)) {
    fputs("error: out of memory\n", stderr);
    return EXIT_RESOURCES;
  }
  bool lost = fflush(stdout) || ferror(stdout);
  const char *no_color = getenv("NO_COLOR");
  diag_print(c, stderr, isatty(2) && !(no_color && *no_color));
  ctx_free(c);
  if (!lost) return job.status;
  fputs("error: standard output could not be written\n", stderr);
  return EXIT_RESOURCES;
}
