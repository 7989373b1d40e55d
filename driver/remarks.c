/* SPDX-License-Identifier: Apache-2.0 */
/* --remarks: what of ir/remark.h a command asks for. */
#include "codegen/kernel_cost.h"
#include "codegen/target.h"
#include "driver/driver.h"
#include "ir/remark.h"
#include <string.h>

static bool unknown_kind(Args *a, const char *word) {
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "there are no remarks of the kind `%s`", word);
  const char *near = diag_suggest(a->c, word, remark_kind, REMARK_COUNT);
  if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  else diag_help(a->c, d, "known are fuse, memory, precision, recompute, gemm");
  return false;
}

bool remarks_wanted(Args *a) {
  unsigned *kinds = &a->remark_kinds;
  const char *p = a->value[OPT_remarks];
  *kinds = !p ? 0 : !*p ? (1u << REMARK_COUNT) - 1 : 0;
  while (p && *p) {
    size_t n = strcspn(p, ",");
    int k = 0;
    while (k < REMARK_COUNT && (strlen(remark_kind[k]) != n || strncmp(remark_kind[k], p, n) != 0)) k++;
    if (n && k == REMARK_COUNT) return unknown_kind(a, ctx_intern(a->c, p, n));
    if (n) *kinds |= 1u << k;
    p += n + (p[n] == ',');
  }
  return true;
}

void remarks_of_codegen(Module *m) {
  StepCosts costs;
  if (remarks_on(m, REMARK_GEMM) && m->total_bytes >= 0) target_native.step_costs(m, "native", &costs);
}
