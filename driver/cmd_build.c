/* gradc build, gradc run: a program from a model. */
#define _GNU_SOURCE
#include "driver/toolchain.h"
#include "lib/unit.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  if (!output_fits(a, OPT_output, ".c .h .o .a .so .nn .ir", "a program", "`gradc emit --c` writes C"))
    return EXIT_USAGE;
  if (!temp_make(a->c, &t)) return EXIT_RESOURCES;
  const char *program = temp_path(&t, "program");
  int status = toolchain_build(a, &t, program);
  if (status == EXIT_WELL) status = install(a->c, program, a->value[OPT_output]);
  temp_remove(&t);
  return status;
}

/* The model's code is loaded into this process, and the runtime's own command line takes over once the compilation is
 * over and its memory free. */
int cmd_run(Args *a) {
  int status;
  toolchain_prepare(a);
  Module *m = load_planned(a, a->operand[0]);
  if (!m || !unit_one_train(m) || !unit_has_plan(m)) return EXIT_MODEL;
  a->then.jit = toolchain_load(a, m, &status);
  if (!a->then.jit) return status;
  char **argv = calloc((size_t)a->npassed + 3, sizeof *argv), *as = NULL;
  if (!argv || asprintf(&as, "gradc run %s", a->operand[0]) < 0) ctx_abort(a->c);
  argv[0] = as;
  argv[1] = "train";
  for (int i = 0; i < a->npassed; i++) argv[2 + i] = (char *)a->passed[i];
  a->then.argc = a->npassed + 2;
  a->then.argv = argv;
  setenv("GRADC_RUN_AS", as, 1); /* how its messages say to go on */
  return EXIT_WELL;
}
