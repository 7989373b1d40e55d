/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a point of attention: the call of a row's function, whose text is that of prim/prim_attend.h. */
#include "codegen/text/rows.h"

/* ---- arguments ---- */

/* An operand as arguments: its address, and the strides that the function takes: h of heads, r of rows, c of columns.
 */
static void put_operand(NestText *c, Str *s, AttendOperand role, const char *strides) {
  const KRowOperand *x = &c->n->attend->load[role];
  const KVal *v = &c->n->val[x->at];
  str_printf(s, "%s%s", s->n ? ", " : "", rows_address(c, v->buf, &v->at, x));
  for (; *strides; strides++)
    str_printf(s, ", %s", rows_step(c, &v->at, *strides == 'h' ? x->head : *strides == 'r' ? x->row : x->col));
}

static void put_result(NestText *c, Str *s, int number, bool strided) {
  const KRowOperand *x = &c->n->attend->store[number];
  const KStore *y = &c->n->store[x->at];
  str_printf(s, ", %s", rows_address(c, y->buf, &y->at, x));
  if (strided) str_printf(s, ", %s", rows_step(c, &y->at, x->col));
}

static void put_number(NestText *c, Str *s, AttendOperand role) {
  str_printf(s, ", %s", c->text[c->n->attend->load[role].at]);
}

/* keys(query, t, s, causal, length), first_query(key, t, …) */
static const char *range_text(NestText *c, const char *function, int axis) {
  const KAttend *k = c->n->attend;
  const char *s = text_dim(c->p, k->a.s), *length = k->a.in[AT_LENGTHS] ? c->text[k->load[AT_LENGTHS].at] : s;
  return ctx_strf(c->p->c, "gc_%s_%s(%s, %s, %s, %d, %s)", function, dtype_info[k->a.type].name,
                  axis < 0 ? "0" : ctx_strf(c->p->c, "i%d", axis), text_dim(c->p, k->a.t), s, k->a.causal, length);
}

static void put_sizes(NestText *c, Str *s) {
  const Attend *a = &c->n->attend->a;
  str_printf(s, ", %lld, %lld, %s", (long long)a->d, (long long)a->e,
             text_number(c->p, dtype_computed(a->type), a->scale));
}

/* ---- calls ---- */

static void print_forward(NestText *c, Str *s) {
  put_operand(c, s, AT_Q, "c");
  put_operand(c, s, AT_K, "rc");
  put_operand(c, s, AT_V, "rc");
  str_printf(s, ", %s", range_text(c, "keys", c->n->attend->query));
  put_sizes(c, s);
  put_result(c, s, 0, true);
  put_result(c, s, 1, false);
}

static void print_queries(NestText *c, Str *s) {
  put_operand(c, s, AT_Q, "c");
  put_operand(c, s, AT_K, "rc");
  put_operand(c, s, AT_V, "rc");
  put_number(c, s, AT_LSE);
  put_operand(c, s, AT_G, "c");
  put_number(c, s, AT_DELTA);
  str_printf(s, ", %s", range_text(c, "keys", c->n->attend->query));
  put_sizes(c, s);
  put_result(c, s, 0, true);
}

static void print_keys(NestText *c, Str *s) {
  const Attend *a = &c->n->attend->a;
  put_operand(c, s, AT_Q, "hrc");
  put_operand(c, s, AT_K, "c");
  put_operand(c, s, AT_V, "c");
  put_operand(c, s, AT_LSE, "hr");
  put_operand(c, s, AT_G, "hrc");
  put_operand(c, s, AT_DELTA, "hr");
  str_printf(s, ", %s, %s, %s", text_dim(c->p, a->shared), range_text(c, "first_query", c->n->attend->key),
             text_dim(c->p, a->t));
  put_sizes(c, s);
  put_result(c, s, 0, true);
  put_result(c, s, 1, true);
}

void nest_attend(NestText *c) {
  static void (*const print[])(NestText *, Str *) = {
    [KR_FORWARD] = print_forward, [KR_QUERIES] = print_queries, [KR_KEYS] = print_keys};
  static const char *const function[] = {
    [KR_FORWARD] = "attend", [KR_QUERIES] = "attend_queries", [KR_KEYS] = "attend_keys"};
  const KAttend *k = c->n->attend;
  Str s = {.c = c->p->c};
  rows_section(c->p, "prim/prim_attend.h", "common", k->a.type);
  if (!c->p->target->print_row_products || !c->p->target->print_row_products(c->p, k->a.type))
    rows_section(c->p, "prim/prim_attend.h", "products", k->a.type);
  rows_section(c->p, "prim/prim_attend.h", k->a.back ? "back" : "attend", k->a.type);
  nest_values(c, -1, c->n->nouter);
  print[k->rows](c, &s);
  nest_line(c, "gc_%s_%s(%s);", function[k->rows], dtype_info[k->a.type].name, s.s);
}
