/* SPDX-License-Identifier: Apache-2.0 */
/* Words of the IR text: names, numbers, dimensions, types, attributes. */
#include "ir_reader.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static Loc here(const Reader *r) { return r->start + (Loc)(r->p - r->text); }

bool rd_fail(Reader *r, const char *fmt, ...) {
  if (r->failed) return false;
  r->failed = true;
  va_list ap;
  va_start(ap, fmt);
  diag_error(r->c, E_IR_MALFORMED, here(r), 1, "%s", ctx_vstrf(r->c, fmt, ap));
  va_end(ap);
  return false;
}

void rd_blanks(Reader *r) {
  while (r->p < r->end && (*r->p == ' ' || *r->p == '\t' || *r->p == '\r')) r->p++;
}

bool rd_peek(Reader *r, const char *s) {
  rd_blanks(r);
  size_t n = strlen(s);
  return (size_t)(r->end - r->p) >= n && !memcmp(r->p, s, n);
}

bool rd_take(Reader *r, const char *s) {
  if (r->failed || !rd_peek(r, s)) return false;
  r->p += strlen(s);
  return true;
}

bool rd_expect(Reader *r, const char *s) { return rd_take(r, s) || rd_fail(r, "`%s` expected here", s); }

static bool word_char(char ch) { return isalnum((unsigned char)ch) || ch == '_' || ch == '.'; }

const char *rd_word(Reader *r) {
  rd_blanks(r);
  const char *s = r->p;
  while (r->p < r->end && word_char(*r->p)) r->p++;
  if (r->p == s) rd_fail(r, "a name is expected here");
  return ctx_intern(r->c, s, (size_t)(r->p - s));
}

static int64_t integer(Reader *r) {
  rd_blanks(r);
  bool minus = rd_take(r, "-");
  uint64_t v = 0;
  const char *s = r->p;
  for (; r->p < r->end && isdigit((unsigned char)*r->p); r->p++)
    if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(*r->p - '0'), &v))
      return rd_fail(r, "this number does not fit in 64 bits");
  if (r->p == s) return rd_fail(r, "an integer is expected here");
  if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0)) return rd_fail(r, "this number does not fit in 64 bits");
  return minus ? (int64_t)(0 - v) : (int64_t)v;
}

int64_t rd_natural(Reader *r, int64_t max) {
  int64_t v = integer(r);
  if (!r->failed && (v < 0 || v > max)) return rd_fail(r, "a number from 0 to %lld is expected here", (long long)max);
  return r->failed ? 0 : v;
}

double rd_number(Reader *r) {
  char buf[64];
  int n = 0;
  rd_blanks(r);
  while (r->p + n < r->end && n < 63 && (word_char(r->p[n]) || r->p[n] == '+' || r->p[n] == '-')) n++;
  memcpy(buf, r->p, (size_t)n);
  buf[n] = 0;
  char *rest = buf;
  double v = n && !strpbrk(buf, "xXpP") ? strtod(buf, &rest) : 0;
  if (!n || *rest) return rd_fail(r, "a number is expected here");
  if (fabs(v) >= 0x1p53 && !buf[strspn(buf, "+-0123456789")])
    r->inexact |= v >= 0x1p63 || v < -0x1p63 || strtoll(buf, NULL, 10) != (int64_t)v;
  r->p += n;
  return v;
}

const char *rd_quoted(Reader *r) {
  Str s = {.c = r->c};
  str_puts(&s, "");
  if (!rd_expect(r, "\"")) return "";
  for (; r->p < r->end && *r->p != '"' && *r->p != '\n'; r->p++) {
    char ch = *r->p;
    if (ch == '\\' && r->p + 1 < r->end) {
      ch = *++r->p;
      if (ch == 'x' && r->end - r->p > 2) {
        char hex[3] = {r->p[1], r->p[2], 0};
        ch = (char)strtol(hex, NULL, 16);
        r->p += 2;
      }
    }
    if (!ch) rd_fail(r, "a name cannot hold a zero byte");
    str_put(&s, &ch, 1);
  }
  if (r->p >= r->end || *r->p != '"') rd_fail(r, "this string has no end");
  else r->p++;
  return ctx_intern(r->c, s.s, s.n);
}

/* sum of products of integers and sizes: 2*B*T+1 */
static Dim dim(Reader *r) {
  Dim sum = 0;
  for (bool first = true; !r->failed; first = false) {
    bool minus = rd_take(r, "-");
    if (!minus && !first && !rd_take(r, "+")) break;
    if (minus && !first && r->failed) break;
    Dim term = 1;
    do {
      rd_blanks(r);
      if (r->p < r->end && isdigit((unsigned char)*r->p)) {
        term = dim_mul(r->m, term, rd_natural(r, INT64_MAX));
        continue;
      }
      const char *w = rd_word(r);
      int i = 0;
      while (i < r->m->nsize && r->m->size[i].name != w) i++;
      if (i == r->m->nsize) return rd_fail(r, "`%s` is not a declared size", w);
      term = dim_mul(r->m, term, dim_size(r->m, w, 0, 0));
    } while (rd_take(r, "*"));
    sum = minus ? dim_sub(r->m, sum, term) : dim_add(r->m, sum, term);
  }
  return r->failed ? 0 : sum;
}

TypeId rd_type(Reader *r) {
  if (rd_take(r, "(")) {
    TypeId *e = NULL;
    int n = 0, cap = 0;
    if (!rd_peek(r, ")")) do
        *VEC_PUSH(r->c, e, n, cap) = rd_type(r);
      while (rd_take(r, ","));
    rd_expect(r, ")");
    return r->failed ? 0 : type_tuple(r->m, n, e);
  }
  const char *w = rd_word(r);
  int t = dtype_find(w), rank = 0;
  Dim d[MAX_RANK];
  if (t < 0) return rd_fail(r, "`%s` is not an element type", w);
  if (rd_take(r, "[")) {
    do {
      if (rank == MAX_RANK) return rd_fail(r, "more than %d dimensions", MAX_RANK);
      d[rank++] = dim(r);
    } while (rd_take(r, ","));
    rd_expect(r, "]");
  }
  return r->failed ? 0 : type_make(r->m, (DType)t, rank, d);
}

static void attr_list(Reader *r, AttrKind kind, AttrVal *v) {
  int64_t *iv = NULL;
  double *fv = NULL;
  int n = 0, cap = 0;
  if (!rd_expect(r, "[")) return;
  while (!r->failed && !rd_peek(r, "]")) {
    if (kind == AK_FLOATS) *VEC_PUSH(r->c, fv, n, cap) = rd_number(r);
    else *VEC_PUSH(r->c, iv, n, cap) = kind == AK_DIMS ? dim(r) : integer(r);
    if (!rd_take(r, ",")) break;
  }
  rd_expect(r, "]");
  *v = (AttrVal){.v = iv, .fv = fv, .n = n};
}

static void attr_value(Reader *r, AttrKind kind, AttrVal *v) {
  switch (kind) {
  case AK_INT: v->i = integer(r); break;
  case AK_BOOL: v->i = rd_take(r, "true") ? 1 : (rd_expect(r, "false"), 0); break;
  case AK_FLOAT: v->f = rd_number(r); break;
  case AK_STR: v->s = rd_quoted(r); break;
  case AK_DIM: v->i = dim(r); break;
  case AK_DTYPE: {
    int t = dtype_find(rd_word(r));
    if (t < 0) rd_fail(r, "not an element type");
    v->i = t;
    break;
  }
  case AK_GRAPH: {
    rd_expect(r, "@");
    Graph *g = graph_find(r->m, rd_word(r));
    if (!g || g == r->g) rd_fail(r, "no such graph above");
    else v->i = g->index;
    break;
  }
  case AK_INTS:
  case AK_DIMS:
  case AK_FLOATS: attr_list(r, kind, v); break;
  }
}

AttrId rd_attrs(Reader *r, Op op) {
  const OpInfo *info = &op_info[op];
  AttrVal v[8] = {0};
  uint32_t clone = 0, hints = 0, seen = 0;
  int from = 0;
  if (info->cls == CL_LEAF && info->nfields && info->field[0].kind == AK_STR) {
    v[0].s = rd_quoted(r);
    seen = 1, from = 1;
  }
  if (rd_take(r, "{")) {
    do {
      const char *w = rd_word(r);
      int i = from;
      while (i < info->nfields && strcmp(info->field[i].name, w)) i++;
      rd_expect(r, "=");
      if (i < info->nfields) attr_value(r, info->field[i].kind, &v[i]), seen |= 1u << i;
      else if (!strcmp(w, "clone")) clone = (uint32_t)rd_natural(r, UINT32_MAX);
      else if (!strcmp(w, "hints")) hints = (uint32_t)rd_natural(r, UINT32_MAX);
      else rd_fail(r, "`%s` has no attribute `%s`", info->name, w);
    } while (rd_take(r, ","));
    rd_expect(r, "}");
  }
  if (!r->failed && seen != (1u << info->nfields) - 1) rd_fail(r, "an attribute of `%s` is missing", info->name);
  if (r->failed) return 0;
  AttrId a = attr_make(r->m, op, v);
  if (!clone && !hints) return a;
  if (!info->nfields) return attr_with(r->m, op, 0, clone, hints);
  return attr_with(r->m, op, a, clone, hints);
}
