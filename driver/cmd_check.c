/* SPDX-License-Identifier: Apache-2.0 */
/* gradc check: everything but code generation. */
#include "driver/driver.h"
#include "ir/remark.h"
#include "lib/pipeline.h"
#include "passes/transform/strip.h"
#include <stdio.h>

/* Prints what was reported since the mark on standard output, and nothing on standard error. */
static void print_json(Ctx *c, const DiagMark *m) {
  const char *line;
  for (int i = 0; (line = diag_json(c, i)); i++) puts(line);
  diag_drop(c, m);
}

int cmd_check(Args *a) {
  DiagMark mark = diag_mark(a->c);
  for (int i = 0; i < a->noperand; i++) {
    Module *m = load_module(a, a->operand[i]);
    bool all = args_has(a, OPT_remarks);
    if (m && all) module_drop_tests(m); /* nothing compiles them together with the rest */
    if (m && pipeline_check(m, all) && all) remarks_of_codegen(m);
    if (m) fputs(remarks_text(m), stderr);
    a->remarks = NULL;
  }
  int status = diag_errors(a->c) ? EXIT_MODEL : EXIT_OK;
  if (args_has(a, OPT_json)) print_json(a->c, &mark);
  return status;
}
