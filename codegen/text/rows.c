/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/text/rows.h"
#include <string.h>

static const char *find_section(Emitter *p, const char *file, const char *name) {
  size_t size;
  const char *s = p->o->builtin(file, &size);
  s = s ? strstr(s, ctx_strf(p->c, "/*@ %s */\n", name)) : NULL;
  if (s) return strchr(s, '\n') + 1;
  diag_error(p->c, E_INTERNAL, 0, 1, "internal: %s has no section `%s`", file, name);
  return "";
}

/* What stands between the parenthesis at *s and the one that closes it; *s is then after that. */
static const char *argument(Emitter *p, const char **s) {
  const char *from = *s + 1, *end = from;
  for (int depth = 1; depth; end++) depth += (*end == '(') - (*end == ')');
  *s = end;
  return ctx_strf(p->c, "%.*s", (int)(end - 1 - from), from);
}

static const char *is_nan(Emitter *p, DType t, const char *name) {
  return dtype_is_float(t) ? ctx_strf(p->c, "(%s != %s)", name, name) : "0";
}

/* The text of the file's vocabulary at *s, which is then after it; NULL: there is none. */
static const char *word_text(Emitter *p, DType t, const char **s) {
  static const char *const word[] = {"AT(",      "AT_GET(", "AT_PUT(", "AT_T ",   "AT_F ",     "AT_F)",
                                     "AT_MOST]", "AT_EXP(", "AT_LOG(", "AT_NAN(", "AT_ROLLED "};
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
    case 9: return is_nan(p, t, argument(p, s));
    default: return ++*s, p->target->rolled_loop;
    }
  }
  return NULL;
}

void rows_section(Emitter *p, const char *file, const char *name, DType t) {
  Str o = {.c = p->c};
  bool made;
  for (const char *s = find_section(p, file, name); *s && strncmp(s, "/*@ ", 4);) {
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

const char *rows_address(NestText *c, int buf, const Affine *at, const KRowOperand *x) {
  Affine first = *at;
  if (x->head >= 0) first.coef[x->head] = 0;
  if (x->row >= 0) first.coef[x->row] = 0;
  if (x->col >= 0) first.coef[x->col] = 0;
  const char *e = text_affine(c->p, &first), *name = nest_buf_name(c, buf);
  return strcmp(e, "0") ? ctx_strf(c->p->c, "%s + %s", name, e) : name;
}

const char *rows_step(NestText *c, const Affine *at, int axis) {
  return axis < 0 ? "1" : text_dim(c->p, at->coef[axis]);
}
