/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/index.h"

Dim index_product(const KNest *n, const int *axis, int count) {
  Dim d = 1;
  for (int i = 0; i < count; i++) d = dim_mul(n->axes.m, d, n->axes.axis[axis[i]].extent);
  return d;
}

const char *index_operand(NestText *c, Dim d) {
  const char *e = text_dim(c->p, d);
  return text_is_atomic(e) ? e : ctx_strf(c->p->c, "(%s)", e);
}

const char *index_divisor(NestText *c, Dim d) { return index_operand(c, d ? d : 1); }

void index_declare(NestText *c, const int *axis, int n, const char *all) {
  Dim inner = 1;
  for (int i = n - 1; i >= 0; i--) {
    Dim extent = c->n->axes.axis[axis[i]].extent;
    const char *by = inner == 1 ? "" : ctx_strf(c->p->c, " / %s", index_divisor(c, inner));
    const char *of = i ? ctx_strf(c->p->c, " %% %s", index_divisor(c, extent)) : "";
    nest_line(c, "const %s i%d = %s%s%s;", nest_index_type(c), axis[i], all, by, of);
    inner = dim_mul(c->p->m, inner, extent);
  }
}
