/* gradc build, gradc run: a program from a model. */
#include "driver/toolchain.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

extern char **environ;

static int cannot(Ctx *c, const char *path) {
  diag_error(c, 502, 0, 1, "%s: %s", path, errno ? strerror(errno) : "could not be written");
  return EXIT_RESOURCES;
}

/* Moves the program to where it belongs, so that an old one is replaced at once or stays: copied beside it, renamed. */
static int install(Ctx *c, const char *from, const char *to) {
  char *beside = ctx_strf(c, "%s.XXXXXX", to), buf[65536];
  errno = 0;
  int in = open(from, O_RDONLY | O_CLOEXEC);
  if (in < 0) return cannot(c, from);
  int out = mkstemp(beside);
  if (out < 0) {
    close(in);
    return cannot(c, to);
  }
  bool well = true;
  for (ssize_t n; well && (n = read(in, buf, sizeof buf)) != 0;) well = n > 0 && write(out, buf, (size_t)n) == n;
  mode_t mask = umask(0);
  umask(mask);
  well = well && !fchmod(out, 0777 & ~mask);
  well = !close(out) && well;
  close(in);
  if (well && !rename(beside, to)) return EXIT_WELL;
  int err = errno;
  unlink(beside);
  errno = err;
  return cannot(c, to);
}

int cmd_build(Args *a) {
  Temp t;
  if (!args_has(a, OPT_output) || !a->value[OPT_output][0]) {
    Diag *d = diag_error(a->c, 500, 0, 1, "`gradc build` needs `-o PATH`");
    diag_help(a->c, d, "gradc build %s -o model", a->operand[0]);
    return EXIT_USAGE;
  }
  if (!temp_make(a->c, &t)) return EXIT_RESOURCES;
  const char *program = temp_path(&t, "program");
  int status = toolchain_build(a, &t, program);
  if (status == EXIT_WELL) status = install(a->c, program, a->value[OPT_output]);
  temp_remove(&t);
  return status;
}

/* The program is opened, its folder removed, and then it takes the place of this process: nothing is left behind,
 * whatever ends it, and signals and the exit status need no passing on. */
int cmd_run(Args *a) {
  Temp t;
  if (!temp_make(a->c, &t)) return EXIT_RESOURCES;
  const char *program = temp_path(&t, "program");
  int status = toolchain_build(a, &t, program);
  int fd = status == EXIT_WELL ? open(program, O_RDONLY | O_CLOEXEC) : -1;
  if (status == EXIT_WELL && fd < 0) status = cannot(a->c, program);
  temp_remove(&t);
  if (status != EXIT_WELL) return status;
  char **argv = ctx_alloc(a->c, sizeof *argv * (size_t)(a->npassed + 3));
  argv[0] = ctx_strf(a->c, "gradc run %s", a->operand[0]);
  argv[1] = ctx_strf(a->c, "train");
  for (int i = 0; i < a->npassed; i++) argv[2 + i] = ctx_strf(a->c, "%s", a->passed[i]);
  setenv("GRADC_RUN_AS", argv[0], 1); /* how its messages say to go on: the program itself is gone */
  fflush(stdout);
  fexecve(fd, argv, environ);
  diag_error(a->c, 503, 0, 1, "the program cannot be started: %s", strerror(errno));
  return EXIT_RESOURCES;
}
