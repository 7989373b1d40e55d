/* SPDX-License-Identifier: Apache-2.0 */
/* gradc diff, gradc ir --diff: two modules in terms of values. */
#include "driver/driver.h"
#include "ir/graph_text.h"
#include "passes/pass.h"
#include <stdio.h>

static Module *load(Args *a, const char *path, bool passes) {
  Module *m = load_module(a, path);
  if (!m || !passes) return m;
  return passes_run(m, &(PassRun){.stop_after = a->value[OPT_stop_after]}) ? m : NULL;
}

int diff_files(Args *a, bool passes) {
  Module *x = load(a, a->operand[0], passes), *y = x ? load(a, a->operand[1], passes) : NULL;
  if (!y) return EXIT_USAGE;
  Str s = {.c = a->c};
  int n = ir_diff(&s, x, y);
  if (n) fwrite(s.s, 1, s.n, stdout);
  return n ? EXIT_MODEL : EXIT_OK;
}

int cmd_diff(Args *a) { return diff_files(a, false); }
