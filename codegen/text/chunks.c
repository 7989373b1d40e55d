/* SPDX-License-Identifier: Apache-2.0 */
/* Nests whose rows threads partition by chunks of the strict order. In each phase a thread reduces its chunks, and
 * stores their results; after a barrier the next phase combines those of all chunks in order. So the order does not
 * depend on the number of threads. */
#include "codegen/text/nest.h"
#include <string.h>

static Dim columns_of(const KNest *n) {
  Dim columns = 1;
  for (int i = 0; i < n->nouter; i++) columns = dim_mul(n->axes.m, columns, n->axes.axis[n->outer[i]].extent);
  return columns;
}

/* The row-major index of a column: the lanes are last. */
static Affine column_of(const KNest *n) {
  Affine at = affine_const(0);
  Dim stride = 1;
  for (int i = n->nouter - 1; i >= 0; i--) {
    Affine index = affine_axis(n->outer[i]), term = affine_scale(n->axes.m, &index, stride);
    at = affine_add(n->axes.m, &at, &term);
    stride = dim_mul(n->axes.m, stride, n->axes.axis[n->outer[i]].extent);
  }
  return at;
}

const char *chunk_element(NestText *c, int acc) {
  const KNest *n = c->n;
  Ctx *x = c->p->c;
  Dim columns = columns_of(n);
  const char *row = ctx_strf(x, "b0 / %d", STRICT_CHUNK), *width = text_dim(c->p, columns);
  if (n->nacc > 1) row = ctx_strf(x, "(%s * %d + %d)", row, n->nacc, acc);
  if (columns == 1) return ctx_strf(x, "sums + %s", row);
  if (!text_is_atomic(width)) width = ctx_strf(x, "(%s)", width);
  return ctx_strf(x, "sums + %s * %s + %s", row, width, text_affine(c->p, &n->store[n->nstore - 1].at));
}

/* The nest with the accumulations and stores of one phase, those of earlier phases as NO_PHASE; and at the end, as a
 * store of NO_PHASE, the index of the column. */
static KNest *nest_of_phase(const KNest *n, int phase) {
  Ctx *c = n->axes.m->c;
  KNest *x = ctx_alloc(c, sizeof *x);
  *x = *n;
  x->acc = ctx_alloc(c, (size_t)(n->nacc + 1) * sizeof *x->acc);
  x->store = ctx_alloc(c, (size_t)(n->nstore + 1) * sizeof *x->store);
  x->nstore = 0;
  memcpy(x->acc, n->acc, (size_t)n->nacc * sizeof *x->acc);
  for (int i = 0; i < n->nacc; i++)
    if (n->acc[i].phase != phase) x->acc[i].phase = NO_PHASE;
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].phase == phase) x->store[x->nstore++] = n->store[i];
  return x;
}

static NestText text_of_phase(const NestText *c, int phase, NestSchedule *s) {
  NestText x = *c;
  KNest *n = nest_of_phase(c->n, phase);
  *s = *c->s;
  s->nest = n;
  s->use = nest_use(n);
  n->store[n->nstore++] = (KStore){.phase = NO_PHASE, .at = column_of(n)};
  x.n = n, x.s = s, x.phase = phase;
  x.text = ctx_alloc(c->p->c, (size_t)(n->nval + 1) * sizeof *x.text);
  return x;
}

void nest_chunks(NestText *c) {
  int last = c->n->nphase - 1;
  for (int i = 0; i <= last; i++) {
    NestSchedule s;
    NestText x = text_of_phase(c, i, &s);
    if (i < last) nest_open_block(&x, " ");
    else nest_open_block(&x, "if (%s)", nest_parallel(c)->is_first);
    nest_loops(&x);
    nest_close_block(&x);
    if (i < last) nest_parallel(c)->barrier(&x);
  }
}

static bool is_total(const NestText *c, int acc) {
  for (int i = 1; i < c->n->nval; i++)
    if (c->n->val[i].kind == KV_ACC && c->n->val[i].arg[0] == acc && c->s->use.uses[i]) return true;
  return false;
}

void chunk_totals_declare(NestText *c) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (is_total(c, i)) nest_line(c, "%s %s = %s;", acc_type(c, a), nest_acc_name(c, i), acc_start(c, a));
  }
}

void chunk_totals_combine(NestText *c) {
  for (int i = 0; i < c->n->nacc; i++) {
    const KAcc *a = &c->n->acc[i];
    if (!is_total(c, i)) continue;
    const char *chunk = ctx_strf(c->p->c, "c%d%s", i, c->suffix), *s = nest_acc_name(c, i);
    nest_line(c, "const %s %s = %s;", acc_type(c, a), chunk, nest_parallel(c)->chunk_load(c, i));
    nest_line(c, "%s = b0 == 0 ? %s : %s;", s, chunk, acc_step(c, a, s, chunk));
  }
}

bool chunk_has_totals(const NestText *c) {
  for (int i = 0; i < c->n->nacc; i++)
    if (is_total(c, i)) return true;
  return false;
}
