/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/strict_order.h"

bool acc_is_arg(const KAcc *a) { return op_info[a->op].flags & OPF_ARG_REDUCE; }

bool acc_is_sum(const KAcc *a) { return !(op_info[a->op].flags & (OPF_INIT_LOWEST | OPF_INIT_HIGHEST)); }

bool acc_has_lanes(const KAcc *a) { return a->order == KO_LANES && !acc_is_arg(a); }

bool acc_has_chunks(const KAcc *a, StrictOrder o) { return a->order != KO_SEQ && !acc_is_arg(a) && o.how != ONE_CHUNK; }

/* The terms of the phase, with run-time sizes at their bounds; -1: more than an int64_t has. known: without those. */
static int64_t terms_of(const KNest *n, const KPhase *p, bool *known) {
  int64_t terms = 1;
  *known = true;
  for (int i = 0; i < p->naxis; i++) {
    int64_t size;
    *known &= dim_number(n->axes.m, n->axes.axis[p->axis[i]].extent, &size);
    int64_t e = dim_bound(n->axes.m, n->axes.axis[p->axis[i]].extent);
    if (__builtin_mul_overflow(terms, e, &terms)) return -1;
  }
  return terms;
}

StrictOrder strict_order(const KNest *n, int phase) {
  const KPhase *p = &n->phase[phase];
  StrictOrder r = {.width = STRICT_LANES};
  bool known;
  int64_t terms = terms_of(n, p, &known);
  for (int i = 0; i < n->nacc; i++) {
    const KAcc *a = &n->acc[i];
    if (a->phase != phase) continue;
    r.any = true;
    if (a->order == KO_SEQ || acc_is_arg(a)) continue;
    r.lanes |= a->order == KO_LANES;
    if (terms < 0 || terms > STRICT_CHUNK) r.how = p->naxis == 1 ? CHUNK_LOOP : CHUNK_COUNT;
  }
  while (r.width > 1 && terms >= 0 && r.width / 2 >= terms) r.width /= 2;
  r.counts = r.how == CHUNK_COUNT || (r.lanes && p->naxis > 1);
  r.few = r.counts && known && terms >= 0 && terms <= STRICT_LANES;
  return r;
}
