/* SPDX-License-Identifier: Apache-2.0 */
/* gradc ir, gradc opt: the module as text, after passes. */
#include "codegen/check.h"
#include "driver/driver.h"
#include "driver/pass_watch.h"
#include "ir/graph_text.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

typedef struct Dumps {
  Args *a;
  bool failed;
} Dumps; /* failed: one could not be written */

/* Without a folder, dumps go to standard output instead of the result, each after a comment that names the pass. */
static void dump(void *arg, int number, const char *pass, const char *text, size_t n) {
  Dumps *d = arg;
  Args *a = d->a;
  if (!args_has(a, OPT_dump_dir)) {
    printf("# after pass %d, %s\n", number, pass);
    fwrite(text, 1, n, stdout);
    return;
  }
  const char *path = ctx_strf(a->c, "%s/%02d-%s.ir", a->value[OPT_dump_dir], number, pass);
  if (!d->failed) d->failed = !save_file(a->c, path, text, n, 0);
}

static int print_after(Args *a, const char *list) {
  if (args_has(a, OPT_dump_dir) && !make_folders(a->c, a->value[OPT_dump_dir])) return EXIT_RESOURCES;
  Module *m = load_module(a, a->operand[0]);
  if (!m) return EXIT_MODEL;
  const char *after = a->value[OPT_dump_after];
  Dumps d = {.a = a};
  PassRun r = {.list = list,
               .dump_after = !after && args_has(a, OPT_dump_dir) ? "all" : after,
               .stop_after = a->value[OPT_stop_after],
               .dump = dump,
               .dump_arg = &d};
  PassWatch w = {.c = a->c};
  bool times = args_has(a, OPT_time_passes), stats = args_has(a, OPT_stats);
  if (times || stats) r.watch = pass_watch, r.watch_arg = &w;
  if (!passes_run(m, &r) || d.failed) return d.failed ? EXIT_RESOURCES : EXIT_MODEL;
  if (times || stats) pass_watch_print(&w, times, stats);
  if (m->total_bytes >= 0 && plan_check(m)) return EXIT_MODEL; /* after `memory`: checks the plan, as codegen does */
  remarks_of_codegen(m);
  if (after && !args_has(a, OPT_dump_dir)) return EXIT_OK; /* the last dump was the result */
  Str s = {.c = a->c};
  args_has(a, OPT_dot) ? ir_dot(&s, m) : ir_print(&s, m);
  fwrite(s.s, 1, s.n, stdout);
  return EXIT_OK;
}

int cmd_ir(Args *a) {
  bool two = a->noperand == 2;
  if (two && args_has(a, OPT_diff)) return diff_files(a, true);
  if (!two && !args_has(a, OPT_diff)) return print_after(a, NULL);
  diag_error(a->c, E_USAGE, 0, 1, two ? "`gradc ir` takes two files with --diff only" : "`--diff` takes two files");
  return EXIT_USAGE;
}

int cmd_opt(Args *a) { return print_after(a, args_has(a, OPT_passes) ? a->value[OPT_passes] : NULL); }
