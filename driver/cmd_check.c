/* SPDX-License-Identifier: Apache-2.0 */
/* gradc check: everything but code generation. */
#include "driver/driver.h"
#include "passes/pass.h"
#include <stdio.h>

int cmd_check(Args *a) {
  for (int i = 0; i < a->noperand; i++) {
    Module *m = load_module(a, a->operand[i]);
    if (m && !ir_verify(m)) passes_run(m, &(PassRun){.stop_after = "precision"});
  }
  return diag_errors(a->c) ? EXIT_MODEL : EXIT_OK;
}
