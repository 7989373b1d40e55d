/* SPDX-License-Identifier: Apache-2.0 */
/* gradc build, gradc run. */
#define _GNU_SOURCE
#include "driver/toolchain.h"
#include "frontend/elab.h"
#include "lib/pipeline.h"
#include "runtime/model.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int cannot(Ctx *c, const char *path) {
  diag_error(c, E_FILE_WRITE, 0, 1, "%s: %s", path, strerror(errno));
  return EXIT_RESOURCES;
}

/* Copies the program to the output path. */
static int install(Ctx *c, const char *from, const char *to) {
  Str s = {.c = c};
  char buf[65536];
  FILE *f = fopen(from, "rb");
  if (!f) return cannot(c, from);
  for (size_t n; (n = fread(buf, 1, sizeof buf, f)) > 0;) str_put(&s, buf, n);
  bool ok = !ferror(f);
  fclose(f);
  if (!ok) return cannot(c, from);
  return save_file(c, to, s.s ? s.s : "", s.n, 0777) ? EXIT_OK : EXIT_RESOURCES;
}

int cmd_build(Args *a) {
  WorkFolder f;
  if (!args_has(a, OPT_output) || !a->value[OPT_output][0]) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`gradc build` needs `-o PATH`");
    diag_help(a->c, d, "gradc build %s -o model", a->operand[0]);
    return EXIT_USAGE;
  }
  if (!output_check(a, OPT_output, ".c .h .o .a .so .nn .ir", "a program", "`gradc emit --c` writes C"))
    return EXIT_USAGE;
  if (!temp_make(a->c, &f)) return EXIT_RESOURCES;
  const char *program = work_folder_path(&f, "program");
  int status = toolchain_build(a, &f, "program");
  if (status == EXIT_OK) status = install(a->c, program, a->value[OPT_output]);
  temp_remove(&f);
  return status;
}

/* Those of the run to be resumed are compiled in, but for constants that the command line sets: the runtime compares
 * these with the run's. */
static void settings_of_resumed(Args *a) {
  int n;
  char **set = gc_settings_of_run(elab_stem(a->c, a->operand[0]), a->value[OPT_p_run_dir], &n);
  const char **all = ctx_alloc(a->c, sizeof *all * (size_t)(a->nset + n + 1));
  for (int i = 0; i < a->nset; i++) all[i] = a->set[i];
  for (int i = 0, given = a->nset; i < n; i++) {
    int k = 0;
    while (k < given && strncmp(all[k], set[i], setting_name(set[i]) + 1) != 0) k++;
    if (k == given) all[a->nset++] = ctx_strf(a->c, "%s", set[i]);
  }
  a->set = all;
}

/* `run`, `serve` and `generate` compile the model in this process. main() calls the runtime's command line once the
 * memory of the compilation is freed. */
static int run_in_process(Args *a, char *command) {
  int status;
  toolchain_prepare(a);
  if (args_has(a, OPT_p_resume)) settings_of_resumed(a);
  Module *m = load_planned(a, a->operand[0]);
  if (!m || !pipeline_check_runnable(m)) return EXIT_MODEL;
  a->then.jit = toolchain_load(a, m, &status);
  if (!a->then.jit) return status;
  char **argv = calloc((size_t)a->npassed + 4, sizeof *argv), *as = NULL, *gpu = NULL;
  if (!argv || asprintf(&as, "gradc %s %s", a->cmd == CMD_run ? "run" : command, a->operand[0]) < 0) ctx_abort(a->c);
  if (args_gpu(a) >= 0 && asprintf(&gpu, "--device=%lld", (long long)args_gpu(a)) < 0) ctx_abort(a->c);
  argv[0] = as;
  argv[1] = command;
  for (int i = 0; i < a->npassed; i++) argv[2 + i] = (char *)a->passed[i];
  a->then.argc = a->npassed + 2;
  if (gpu) argv[a->then.argc++] = gpu;
  a->then.argv = argv;
  setenv("GRADC_RUN_AS", as, 1); /* the command that messages name for resuming */
  return EXIT_OK;
}

int cmd_run(Args *a) { return run_in_process(a, "train"); }

int cmd_serve(Args *a) { return run_in_process(a, "serve"); }

int cmd_generate(Args *a) { return run_in_process(a, "generate"); }
