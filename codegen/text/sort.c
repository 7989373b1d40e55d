/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a row of argsort: the call of its function, whose text is that of prim/prim_sort.h. */
#include "codegen/text/rows.h"
#include "codegen/text/sort.h"

const char *sort_key_text(Ctx *c, DType t, const char *word) {
  const char *type = dtype_info[dtype_computed(t)].c;
  const char *top = ctx_strf(c, "  const %s top = (%s)1 << %d;\n", word, word, dtype_info[t].bytes == 8 ? 63 : 31);
  if (dtype_is_float(t)) /* all bits of negative numbers are inverted, of others the first, without a branch */
    return ctx_strf(c,
                    "%s  union { %s f; %s i; } u;\n  u.f = x;\n"
                    "  %s key = u.i ^ ((0 - (u.i >> %d)) | top);\n"
                    "  key = x == 0 ? top : key;\n  key = x != x ? ~(%s)0 : key;\n",
                    top, type, word, word, dtype_info[t].bytes == 8 ? 63 : 31, word);
  if (dtype_info[t].kind == 'i') return ctx_strf(c, "%s  %s key = (%s)x ^ top;\n", top, word, word);
  return ctx_strf(c, "  %s key = x;\n", word);
}

static void put_order(Emitter *p, DType t) {
  bool made;
  const char *name = dtype_info[t].name;
  const char *key = ctx_strf(p->c,
                             "static inline uint32_t gc_key_%s(%s x, int descending) {\n%s"
                             "  return descending ? ~key : key;\n}\n\n",
                             name, dtype_info[dtype_computed(t)].c, sort_key_text(p->c, t, "uint32_t"));
  text_intern(p, key, &made);
  if (made) str_puts(&p->helpers, key);
  rows_section(p, "prim/prim_sort.h", "order_words", t);
  rows_section(p, "prim/prim_sort.h", "order", t);
}

void nest_sort(NestText *c) {
  const KSort *s = c->n->sort;
  const KVal *v = &c->n->val[s->load.at];
  const KStore *y = &c->n->store[s->store.at];
  bool order = c->p->target->sorts_on_stack && dtype_info[s->type].bytes <= 4;
  rows_section(c->p, "prim/prim_sort.h", "sort", s->type);
  if (order) put_order(c->p, s->type);
  nest_line(c, "gc_%s_%s(%s, %s, %s, %s, %d, %s, %s);", order ? "order" : "sort", dtype_info[s->type].name,
            rows_address(c, v->buf, &v->at, &s->load), rows_step(c, &v->at, s->load.col), text_dim(c->p, s->terms),
            text_dim(c->p, s->count), s->descending, rows_address(c, y->buf, &y->at, &s->store),
            rows_step(c, &y->at, s->store.col));
}
