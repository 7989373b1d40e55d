/* SPDX-License-Identifier: Apache-2.0 */
/* The entry point: one compilation per process, diagnostics printed at its end. `run` then runs the model. */
#include "codegen/jit/jit.h"
#include "driver/driver.h"
#include "ir/remark.h"
#include "runtime/model.h"
#include "runtime/rt.h"
#include "runtime/terminal.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct Job {
  int argc;
  char **argv;
  int status;
  Program then;
  const char *repro; /* a folder that reproduces an internal error */
} Job;

static void run_job(Ctx *c, void *arg) {
  Job *j = arg;
  Args a = {.c = c};
  j->status = args_parse(&a, j->argc, j->argv);
  if (j->status < 0) j->status = command_info[a.cmd].run(&a);
  if (a.remarks) fputs(remarks_text(a.remarks), stderr);
  j->then = a.then;
  j->repro = j->status ? repro_write(&a, j->argc, j->argv) : NULL;
}

/* False: not all results could be written. Results up to the size of this buffer are written only here, where the
 * reason is known. */
static char results[1 << 20];
static bool send_results(Ctx *c) {
  errno = 0;
  if (fflush(stdout) == 0 && !ferror(stdout)) return true;
  diag_error(c, E_FILE_WRITE, 0, 1, "standard output: %s", errno ? strerror(errno) : "a write failed");
  return false;
}

/* The last line: how many errors a text has, and where more is said; NULL: it has none. Codes from E_USAGE on are
 * those of commands. */
static const char *totals(Ctx *c) {
  DiagView v;
  const Diag *d;
  int warnings = 0, first = 0, errors = diag_unseen(c); /* an error that several graphs found is one */
  for (int i = 0; diag_view(c, i, &v, &d); i++) {
    warnings += v.warn;
    errors += !v.warn;
    if (!v.warn && !first) first = v.code;
  }
  if (!first || first >= E_USAGE) return NULL;
  const char *also = warnings ? ctx_strf(c, ", %d warning%s", warnings, warnings > 1 ? "s" : "") : "";
  return ctx_strf(c, "%d error%s%s: `gradc explain E%04d` says more\n", errors, errors > 1 ? "s" : "", also, first);
}

int main(int argc, char **argv) {
  rt_standard_files();
  rt_host = &rt_program; /* of what the commands use of the runtime */
  Ctx *c = ctx_new();
  Job job = {.argc = argc, .argv = argv};
  if (!isatty(1)) setvbuf(stdout, results, _IOFBF, sizeof results);
  if (!c || !ctx_try(c, run_job, &job)) {
    fputs("error: out of memory\n", stderr);
    return EXIT_RESOURCES;
  }
  if (!send_results(c)) job.status = EXIT_RESOURCES;
  const char *last = totals(c); /* before printing, which forgets what was printed */
  diag_print(c, stderr, terminal_color(2));
  if (last) fputs(last, stderr);
  if (job.repro) fprintf(stderr, "%s has the sources, the command and the message: please report them\n", job.repro);
  ctx_free(c);
  if (job.status || !job.then.jit) return job.status;
  return gc_main(jit_symbol(job.then.jit, "gc_model"), job.then.argc, job.then.argv);
}
