/* SPDX-License-Identifier: Apache-2.0 */
/* Prints a point of attention: the call of a row's function, whose text is that of prim/prim_attend.h. */
#include "codegen/text/nest.h"
#include <string.h>

/* ---- the functions ---- */

static const char *find_section(Emitter *p, const char *name) {
  size_t size;
  const char *s = p->o->builtin("prim/prim_attend.h", &size);
  s = s ? strstr(s, ctx_strf(p->c, "/*@ %s */\n", name)) : NULL;
  if (s) return strchr(s, '\n') + 1;
  diag_error(p->c, E_INTERNAL, 0, 1, "internal: prim_attend.h has no section `%s`", name);
  return "";
}

/* What stands between the parenthesis at *s and the one that closes it; *s is then after that. */
static const char *argument(Emitter *p, const char **s) {
  const char *from = *s + 1, *end = from;
  for (int depth = 1; depth; end++) depth += (*end == '(') - (*end == ')');
  *s = end;
  return ctx_strf(p->c, "%.*s", (int)(end - 1 - from), from);
}

/* The text of the file's vocabulary at *s, which is then after it; NULL: there is none. */
static const char *word_text(Emitter *p, DType t, const char **s) {
  static const char *const word[] = {"AT(",   "AT_GET(",  "AT_PUT(", "AT_T ",   "AT_F ",
                                     "AT_F)", "AT_MOST]", "AT_EXP(", "AT_LOG(", "AT_ROLLED "};
  const char *f64 = t == DT_F64 ? "_f64" : "";
  for (int i = 0; **s == 'A' && i < (int)(sizeof word / sizeof *word); i++) {
    if (strncmp(*s, word[i], strlen(word[i]))) continue;
    *s += strlen(word[i]) - 1;
    switch (i) {
    case 0: return ctx_strf(p->c, "gc_%s_%s", argument(p, s), dtype_info[t].name);
    case 1: return text_after_load(p, t, argument(p, s));
    case 2: return text_before_store(p, t, argument(p, s));
    case 3: return dtype_info[t].c;
    case 4:
    case 5: return dtype_info[dtype_computed(t)].c;
    case 6: return ctx_strf(p->c, "%d", ATTEND_HEAD);
    case 7: return prim_use(p, ctx_strf(p->c, "exp%s", f64)), ctx_strf(p->c, "p_exp%s", f64);
    case 8: return prim_use(p, ctx_strf(p->c, "log%s", f64)), ctx_strf(p->c, "p_log%s", f64);
    default: return ++*s, p->target->rolled_loop;
    }
  }
  return NULL;
}

/* The section for elements of type t; printed once. */
static void use_section(Emitter *p, const char *name, DType t) {
  Str o = {.c = p->c};
  bool made;
  for (const char *s = find_section(p, name); *s && strncmp(s, "/*@ ", 4);) {
    size_t plain = strcspn(s, "A/"); /* no word and no section starts there */
    const char *text = plain ? NULL : word_text(p, t, &s);
    size_t n = text ? 0 : plain ? plain : 1;
    if (text) str_puts(&o, text);
    str_put(&o, s, n);
    s += n;
  }
  text_intern(p, o.s, &made);
  if (made) str_put(&p->helpers, o.s, o.n);
}

/* ---- arguments ---- */

/* The address of the row of this point: that of the access where the function's own axes are at 0. */
static const char *address(NestText *c, int buf, const Affine *at, const KRowOperand *x) {
  Affine first = *at;
  if (x->head >= 0) first.coef[x->head] = 0;
  if (x->row >= 0) first.coef[x->row] = 0;
  if (x->col >= 0) first.coef[x->col] = 0;
  const char *e = text_affine(c->p, &first), *name = nest_buf_name(c, buf);
  return strcmp(e, "0") ? ctx_strf(c->p->c, "%s + %s", name, e) : name;
}

static const char *step(NestText *c, const Affine *at, int axis) {
  return axis < 0 ? "1" : text_dim(c->p, at->coef[axis]);
}

/* An operand as arguments: its address, and the strides that the function takes: h of heads, r of rows, c of columns.
 */
static void put_operand(NestText *c, Str *s, AttendOperand role, const char *strides) {
  const KRowOperand *x = &c->n->attend->load[role];
  const KVal *v = &c->n->val[x->at];
  str_printf(s, "%s%s", s->n ? ", " : "", address(c, v->buf, &v->at, x));
  for (; *strides; strides++)
    str_printf(s, ", %s", step(c, &v->at, *strides == 'h' ? x->head : *strides == 'r' ? x->row : x->col));
}

static void put_result(NestText *c, Str *s, int number, bool strided) {
  const KRowOperand *x = &c->n->attend->store[number];
  const KStore *y = &c->n->store[x->at];
  str_printf(s, ", %s", address(c, y->buf, &y->at, x));
  if (strided) str_printf(s, ", %s", step(c, &y->at, x->col));
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
  use_section(c->p, "common", k->a.type);
  if (!c->p->target->print_row_products || !c->p->target->print_row_products(c->p, k->a.type))
    use_section(c->p, "products", k->a.type);
  use_section(c->p, k->a.back ? "back" : "attend", k->a.type);
  nest_values(c, -1, c->n->nouter);
  print[k->rows](c, &s);
  nest_line(c, "gc_%s_%s(%s);", function[k->rows], dtype_info[k->a.type].name, s.s);
}
