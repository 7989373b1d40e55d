/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/codegen.h"
#include "codegen/check.h"

bool emit_program(Module *m, const Target *t, const EmitOptions *o, Artifacts *a) {
  int errors = diag_errors(m->c);
  *a = (Artifacts){.code = {.c = m->c},
                   .header = {.c = m->c},
                   .weights = {.c = m->c},
                   .gemm_unit = {.c = m->c},
                   .device = {.c = m->c},
                   .kernels = {.c = m->c}};
  plan_check_persistent(m);
  t->emit(m, o, a);
  return diag_errors(m->c) == errors;
}
