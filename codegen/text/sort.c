/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a row of argsort: the call of its function, whose text is that of prim/prim_sort.h. */
#include "codegen/text/rows.h"

void nest_sort(NestText *c) {
  const KSort *s = c->n->sort;
  const KVal *v = &c->n->val[s->load.at];
  const KStore *y = &c->n->store[s->store.at];
  rows_section(c->p, "prim/prim_sort.h", "sort", s->type);
  nest_line(c, "gc_sort_%s(%s, %s, %s, %s, %d, %s, %s);", dtype_info[s->type].name,
            rows_address(c, v->buf, &v->at, &s->load), rows_step(c, &v->at, s->load.col), text_dim(c->p, s->terms),
            text_dim(c->p, s->count), s->descending, rows_address(c, y->buf, &y->at, &s->store),
            rows_step(c, &y->at, s->store.col));
}
