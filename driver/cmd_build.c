/* gradc build, gradc run: a program from a model. */
#include "driver/toolchain.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

static int cannot(Ctx *c, const char *path) {
  diag_error(c, 502, 0, 1, "%s: %s", path, strerror(errno));
  return EXIT_RESOURCES;
}

/* Takes the program to where it belongs. */
static int install(Ctx *c, const char *from, const char *to) {
  Str s = {.c = c};
  char buf[65536];
  FILE *f = fopen(from, "rb");
  if (!f) return cannot(c, from);
  for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;) str_put(&s, buf, n);
  bool well = !ferror(f);
  fclose(f);
  if (!well) return cannot(c, from);
  return save_file(c, to, s.s ? s.s : "", s.n, 0777) ? EXIT_WELL : EXIT_RESOURCES;
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
