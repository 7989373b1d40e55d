/* The entry point: one compilation per process, its diagnostics printed at the end; `run` goes on from there. */
#include "codegen/jit/jit.h"
#include "driver/driver.h"
#include "runtime/model.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
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

static void write_nothing(void) {
  if (write(1, "", 0) < 0) return; /* errno is what is asked for */
}

/* 0, or why what was printed did not arrive: errno, -1 where it is not known any more. */
static int output_lost(void) {
  errno = 0;
  if (!fflush(stdout) && !ferror(stdout)) return 0;
  if (!errno) write_nothing(); /* an earlier write failed: what fails for good tells again */
  return errno ? errno : -1;
}

int main(int argc, char **argv) {
  Ctx *c = ctx_new();
  Job job = {.argc = argc, .argv = argv};
  if (!c || !ctx_try(c, run_job, &job)) {
    fputs("error: out of memory\n", stderr);
    return EXIT_RESOURCES;
  }
  int lost = output_lost();
  if (lost) diag_error(c, 502, 0, 1, "standard output: %s", lost > 0 ? strerror(lost) : "a write failed");
  diag_print(c, stderr, terminal_color(2));
  ctx_free(c);
  if (lost) return EXIT_RESOURCES;
  if (job.status || !job.then.jit) return job.status;
  return gc_main(jit_symbol(job.then.jit, "gc_model"), job.then.argc, job.then.argv);
}
