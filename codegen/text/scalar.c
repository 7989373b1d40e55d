/* SPDX-License-Identifier: Apache-2.0 */
/* Scalar bodies of ops as C. A body in ops.def is an operator expression over a, b and c, a call of a function of
 * prim/, or a token, whose text for each kind of element is in the table. */
#include "codegen/text/text.h"
#include "prim/decimal.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const TokenText TOKEN[] = {
  {"ABS", "fd", "p_abs$s($a)", "abs"},
  {"ABS", "i", "($a < 0 ? ($t)(0u - (uint32_t)$a) : $a)", NULL},
  {"ABS", "l", "($a < 0 ? ($t)(0u - (uint64_t)$a) : $a)", NULL},
  {"ABS", "u", "$a", NULL},
  {"SIGN", "fd", "p_sign$s($a)", "sign"},
  {"SIGN", "il", "(($a > 0) - ($a < 0))", NULL},
  {"SIGN", "u", "($a > 0)", NULL},
  {"FLOOR", "fd", "p_floor$s($a)", "floor"},
  {"FLOOR", "iul", "$a", NULL},
  {"CEIL", "fd", "p_ceil$s($a)", "ceil"},
  {"CEIL", "iul", "$a", NULL},
  {"ROUND", "fd", "p_round$s($a)", "round"},
  {"ROUND", "iul", "$a", NULL},
  {"IDIV", "fd", "p_idiv$s($a, $b)", "idiv"},
  {"IDIV", "i", "p_idiv_i32($a, $b)", "idiv_i32"},
  {"IDIV", "l", "p_idiv_i64($a, $b)", "idiv_i64"},
  {"IDIV", "ub", "p_idiv_u32($a, $b)", "idiv_u32"},
  {"MOD", "fd", "p_mod$s($a, $b)", "mod"},
  {"MOD", "i", "p_mod_i32($a, $b)", "mod_i32"},
  {"MOD", "l", "p_mod_i64($a, $b)", "mod_i64"},
  {"MOD", "ub", "p_mod_u32($a, $b)", "mod_u32"},
  {"MAX", "fd", "p_max$s($a, $b)", "max"},
  {"MAX", "iul", "($a > $b ? $a : $b)", NULL},
  {"MIN", "fd", "p_min$s($a, $b)", "min"},
  {"MIN", "iul", "($a < $b ? $a : $b)", NULL},
  {"EQ", "fdiubl", "($a == $b)", NULL},
  {"NE", "fdiubl", "($a != $b)", NULL},
  {"LT", "fdiul", "($a < $b)", NULL},
  {"LE", "fdiul", "($a <= $b)", NULL},
  {"OVER", "fd", "($a == $a && !($b <= $a))", NULL},
  {"OVER", "iul", "($b > $a)", NULL},
  {"UNDER", "fd", "($a == $a && !($a <= $b))", NULL},
  {"UNDER", "iul", "($b < $a)", NULL},
  /* Compilers warn of a condition that is compared with a constant. */
  {"MAX", "b", "($a | $b)", NULL},
  {"MIN", "b", "($a & $b)", NULL},
  {"LT", "b", "($b & !$a)", NULL},
  {"LE", "b", "($b | !$a)", NULL},
  {"OVER", "b", "($b & !$a)", NULL},
  {"UNDER", "b", "($a & !$b)", NULL},
  {"AND", "b", "($a & $b)", NULL},
  {"OR", "b", "($a | $b)", NULL},
  {"NOT", "b", "!$a", NULL},
  {"BITAND", "iul", "($a & $b)", NULL},
  {"BITOR", "iul", "($a | $b)", NULL},
  {"BITXOR", "iul", "($a ^ $b)", NULL},
  {"BITNOT", "iul", "(~$a)", NULL},
  {"SHL", "i", "p_shl_i32($a, $b)", "shift"},
  {"SHL", "l", "p_shl_i64($a, $b)", "shift_i64"},
  {"SHL", "u", "p_shl_u32($a, $b)", "shift"},
  {"SHR", "i", "p_shr_i32($a, $b)", "shift"},
  {"SHR", "l", "p_shr_i64($a, $b)", "shift_i64"},
  {"SHR", "u", "p_shr_u32($a, $b)", "shift"},
  {"SEL", "fdiubl", "($a ? $b : $c)", NULL},
  {NULL, NULL, NULL, NULL},
};

bool text_is_atomic(const char *s) {
  int depth = 0;
  if (*s == '-' || *s == '!') return false;
  for (; *s; s++) {
    if (*s == '(' || *s == '[') depth++;
    else if (*s == ')' || *s == ']') depth--;
    else if (depth == 0 && (*s == ' ' || *s == '?')) return false;
  }
  return true;
}

static const char *operand(Emitter *p, const char *x) { return text_is_atomic(x) ? x : ctx_strf(p->c, "(%s)", x); }

BodyCall body_call(const char *body) {
  BodyCall c = {.name = body, .n = strcspn(body, "("), .is_scalar = !strncmp(body, "SCALAR(", 7)};
  const char *args = body + c.n;
  c.is_prim = c.is_scalar || !strncmp(body, "CALL(", 5);
  if (c.is_prim) {
    c.name = args + 1;
    c.n = strcspn(c.name, ",");
    args = c.name + c.n;
  }
  for (; *args; args++)
    if (islower((unsigned char)*args) && c.nargs < 3) c.arg[c.nargs++] = *args - 'a';
  return c;
}

const TokenText *token_find(const TokenText *table, const BodyCall *b, DType t) {
  char kind = dtype_info[t].form;
  for (; table->name; table++)
    if (strlen(table->name) == b->n && !memcmp(table->name, b->name, b->n) && strchr(table->kinds, kind)) return table;
  return NULL;
}

/* CALL(fn, a): p_fn of floats, p_fn_f64 of doubles. */
static const char *prim_call(Emitter *p, const BodyCall *b, const char *suffix, const char *const *arg) {
  const char *fn = ctx_strf(p->c, "%.*s%s", (int)b->n, b->name, suffix);
  prim_use(p, fn);
  return b->nargs == 1 ? ctx_strf(p->c, "p_%s(%s)", fn, arg[b->arg[0]])
                       : ctx_strf(p->c, "p_%s(%s, %s)", fn, arg[b->arg[0]], arg[b->arg[1]]);
}

static const char *token_text(Emitter *p, const TokenText *tok, const BodyCall *b, DType t, const char *suffix,
                              const char *const *arg) {
  bool nested = (strchr(tok->text, ' ') && tok->text[0] == '(') || tok->text[0] == '!';
  Str s = {.c = p->c};
  for (const char *x = tok->text; *x; x++) {
    if (*x != '$') str_put(&s, x, 1);
    else if (*++x == 't') str_puts(&s, dtype_info[t].c);
    else if (*x == 's') str_puts(&s, suffix);
    else str_puts(&s, nested ? operand(p, arg[b->arg[*x - 'a']]) : arg[b->arg[*x - 'a']]);
  }
  return s.s;
}

static const char *call_text(Emitter *p, Op op, DType t, DType from, const char *const *arg) {
  BodyCall b = body_call(op_info[op].body);
  if (op_info[op].flags & OPF_CAST) return text_cast(p, t, from, arg[0]);
  DType kind_of = op_info[op].flags & OPF_SELECT ? t : from;
  const char *suffix = kind_of == DT_F64 ? "_f64" : "";
  if (b.is_prim) return prim_call(p, &b, suffix, arg);
  const TokenText *tok = token_find(TOKEN, &b, kind_of);
  if (!tok) {
    diag_error(p->c, E_INTERNAL, p->at ? node_get(p->graph, p->at)->loc : 0, 1, "internal: %.*s of %s has no C",
               (int)b.n, b.name, dtype_info[kind_of].name);
    return "0";
  }
  if (tok->section) prim_use(p, ctx_strf(p->c, "%s%s", tok->section, suffix));
  const char *s = token_text(p, tok, &b, t, suffix, arg);
  bool narrow = dtype_info[t].kind != 'f' && t != DT_BOOL && dtype_info[t].bytes < 4; /* C promotes it to int */
  return narrow ? ctx_strf(p->c, "(%s)%s", dtype_info[t].c, operand(p, s)) : s;
}

/* An f32 rounded to a 16-bit type, as an f32. */
static const char *rounded(Emitter *p, DType t, const char *x) {
  const char *name = dtype_info[t].name;
  prim_use(p, name);
  return ctx_strf(p->c, "p_from_%s(p_to_%s(%s))", name, name, x);
}

const char *text_after_load(Emitter *p, DType t, const char *bits) {
  if (!dtype_is_half(t)) return bits;
  prim_use(p, dtype_info[t].name);
  return ctx_strf(p->c, "p_from_%s(%s)", dtype_info[t].name, bits);
}

const char *text_before_store(Emitter *p, DType t, const char *x) {
  if (!dtype_is_half(t)) return x;
  prim_use(p, dtype_info[t].name);
  return ctx_strf(p->c, "(uint16_t)p_to_%s(%s)", dtype_info[t].name, x);
}

const char *text_op(Emitter *p, Op op, DType t, DType from, const char *const *arg) {
  const char *body = op_info[op].body;
  if (dtype_is_half(t) && !(op_info[op].flags & OPF_CAST)) {
    const char *x = text_op(p, op, DT_F32, dtype_computed(from), arg);
    return op_info[op].flags & OPF_PICKS_OPERAND ? x : rounded(p, t, x);
  }
  if (isupper((unsigned char)body[0])) return call_text(p, op, t, dtype_computed(from), arg);
  bool wraps = dtype_info[t].kind != 'f' && body[1]; /* integers wrap, so they are computed unsigned */
  Str s = {.c = p->c};
  if (wraps) str_printf(&s, "(%s)(", dtype_info[t].c);
  for (const char *x = body; *x; x++) {
    if (!islower((unsigned char)*x)) {
      if (wraps && *x == '-' && x == body) str_puts(&s, "0u - ");
      else str_put(&s, x, 1);
      continue;
    }
    const char *a = body[1] ? operand(p, arg[*x - 'a']) : arg[*x - 'a'];
    if (wraps) str_puts(&s, dtype_info[t].bytes == 8 ? "(uint64_t)" : "(uint32_t)");
    if (*body == '-' && *a == '-') str_puts(&s, " ");
    str_puts(&s, a);
  }
  if (wraps) str_puts(&s, ")");
  return s.s;
}

/* ---- numbers ---- */

/* The bounds of integer types as doubles: that above i64 is 2^63. */
static double int_low(DType t) { return (double)dtype_lowest(t); }
static double int_high(DType t) { return (double)dtype_highest(t); }

/* An integer, as a constant of a type that holds it. */
static const char *text_integer(Emitter *p, DType t, int64_t v) {
  if (t == DT_I32 && v == INT32_MIN) return "(-2147483647 - 1)";
  if (t == DT_I64 && v == INT64_MIN) return "(-9223372036854775807LL - 1)";
  bool wide = t == DT_I64 && (v > INT32_MAX || v < INT32_MIN);
  return ctx_strf(p->c, "%lld%s", (long long)v, t == DT_U32 ? "u" : wide ? "LL" : "");
}

const char *text_number(Emitter *p, DType t, double v) {
  char text[64];
  if (!dtype_is_float(t)) return text_integer(p, t, dtype_to_int(t, t == DT_BOOL ? v > 0 : v));
  if (dtype_is_half(t)) v = dtype_round_half(t, v, NULL), t = DT_F32;
  if (t == DT_F32) v = (double)(float)v;
  if (isnan(v)) return t == DT_F32 ? "(0.0f / 0.0f)" : "(0.0 / 0.0)";
  if (isinf(v)) return ctx_strf(p->c, t == DT_F32 ? "(%s1.0f / 0.0f)" : "(%s1.0 / 0.0)", v < 0 ? "-" : "");
  decimal_print(t == DT_F32 ? decimal_f32 : decimal_f64, v, text);
  if (!strpbrk(text, ".e")) strcat(text, ".0");
  return ctx_strf(p->c, t == DT_F32 ? "%sf" : "%s", text);
}

const char *text_table_number(Emitter *p, DType t, double v) {
  uint16_t bits;
  if (!dtype_is_half(t)) return text_number(p, t, v);
  dtype_round_half(t, v, &bits);
  return ctx_strf(p->c, "%u", bits);
}

const char *text_stored_number(Emitter *p, DType t, const void *values, int64_t i) {
  if (dtype_is_half(t)) t = DT_U16; /* its bits */
  if (t == DT_I64) return text_integer(p, t, ((const int64_t *)values)[i]);
  switch (t) {
#define X(e, name, bytes, c, kind, form) \
  case DT_##e: return text_number(p, t, (double)((const c *)values)[i]);
    DTYPES(X)
#undef X
  default: return "0";
  }
}

const char *text_cast(Emitter *p, DType to, DType from, const char *x) {
  if (to == from) return x;
  from = dtype_computed(from);
  if (dtype_is_half(to)) return rounded(p, to, text_cast(p, DT_F32, from, x));
  const DTypeInfo *a = &dtype_info[from], *b = &dtype_info[to];
  if (to == from) return x;
  if (to == DT_BOOL) return ctx_strf(p->c, "(%s != 0)", operand(p, x));
  if (b->kind == 'f') return ctx_strf(p->c, "(%s)%s", b->c, operand(p, x));
  if (a->kind == 'f') {
    if (from == DT_F64) {
      x = operand(p, x);
      return ctx_strf(p->c, "(%s != %s ? 0 : %s <= %.1f ? %s : %s >= %.1f ? %s : (%s)%s)", x, x, x, int_low(to),
                      text_number(p, to, int_low(to)), x, int_high(to), text_number(p, to, int_high(to)), b->c, x);
    }
    if (b->bytes >= 4) {
      prim_use(p, ctx_strf(p->c, "to_%s", b->name));
      return ctx_strf(p->c, "p_to_%s(%s)", b->name, x);
    }
    prim_use(p, "to_int");
    return ctx_strf(p->c, "(%s)p_to_int(%s, %.1ff, %.1ff)", b->c, x, int_low(to), int_high(to));
  }
  double lo = int_low(to), hi = int_high(to);
  bool low = int_low(from)<lo, high = int_high(from)> hi;
  x = operand(p, x);
  const char *in = ctx_strf(p->c, "(%s)%s", b->c, x);
  if (high) in = ctx_strf(p->c, "%s > %s ? %s : %s", x, text_number(p, from, hi), text_number(p, to, hi), in);
  if (low) in = ctx_strf(p->c, "%s < %s ? %s : %s", x, text_number(p, from, lo), text_number(p, to, lo), in);
  return low || high ? ctx_strf(p->c, "(%s)", in) : in;
}
