/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/lsp/value.h"
#include "ir/utf8.h"
#include "runtime/json.h"
#include "runtime/rt.h"
#include <string.h>

typedef struct Read {
  Ctx *c;
  Json j;
} Read;

static const char REPLACEMENT[] = "\xEF\xBF\xBD";

/* The four digits at the cursor, or 0x110000. */
static uint32_t hex4(Json *j) {
  uint32_t u = 0;
  if (j->end - j->p < 4) return 0x110000;
  for (int i = 0; i < 4; i++) {
    const char *digits = "0123456789abcdef", *d = memchr(digits, j->p[i] | (j->p[i] >= 'A' ? 32 : 0), 16);
    if (!d) return 0x110000;
    u = u * 16 + (uint32_t)(d - digits);
  }
  j->p += 4;
  return u;
}

static void put_code_point(Str *s, uint32_t u) {
  char b[4];
  if (u >= 0xD800 && u < 0xE000) str_puts(s, REPLACEMENT);
  else if (u < 0x80) str_put(s, (char[]){(char)u}, 1);
  else {
    int n = u < 0x800 ? 2 : u < 0x10000 ? 3 : 4;
    for (int i = n - 1; i > 0; i--, u >>= 6) b[i] = (char)(0x80 | (u & 63));
    b[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | u);
    str_put(s, b, (size_t)n);
  }
}

/* The cursor is after the backslash. */
static bool escape(Json *j, Str *s) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (j->p >= j->end) return false;
  char ch = *j->p++;
  const char *at = ch ? strchr(from, ch) : NULL;
  if (at) {
    str_put(s, &to[at - from], 1);
    return true;
  }
  uint32_t u = ch == 'u' ? hex4(j) : 0x110000;
  if (u > 0xFFFF) return false;
  if (u >= 0xD800 && u < 0xDC00 && j->end - j->p >= 6 && j->p[0] == '\\' && j->p[1] == 'u') {
    Json ahead = {j->p + 2, j->end, j->err};
    uint32_t low = hex4(&ahead);
    if (low >= 0xDC00 && low < 0xE000) {
      j->p = ahead.p;
      u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
    }
  }
  put_code_point(s, u);
  return true;
}

/* The cursor is after the opening quote. */
static bool string(Read *r, JsonValue *v) {
  Json *j = &r->j;
  Str s = {.c = r->c};
  int used, width;
  str_put(&s, "", 0);
  while (j->p < j->end && *j->p != '"') {
    const char *from = j->p;
    while (j->p < j->end && (unsigned char)*j->p >= 32 && (unsigned char)*j->p < 0x80 && !strchr("\"\\", *j->p)) j->p++;
    str_put(&s, from, (size_t)(j->p - from));
    if (j->p >= j->end || *j->p == '"') break;
    if ((unsigned char)*j->p < 32) return rt_fail(j->err, "a control character in a string");
    if (*j->p == '\\') {
      j->p++;
      if (!escape(j, &s)) return rt_fail(j->err, "a malformed escape in a string");
      continue;
    }
    bool valid = utf8_step(j->p, (size_t)(j->end - j->p), &used, &width) || used > 1;
    str_put(&s, valid ? j->p : REPLACEMENT, valid ? (size_t)used : 3);
    j->p += used;
  }
  if (j->p >= j->end) return rt_fail(j->err, "a string without its end");
  j->p++;
  v->text = s.s;
  v->n = s.n;
  return true;
}

static const char *digits(const char *p, const char *end) {
  while (p < end && *p >= '0' && *p <= '9') p++;
  return p;
}

/* Numbers as JSON has them: no leading zeros, digits on both sides of a point. */
static bool number(Read *r, JsonValue *v) {
  const char *p = r->j.p, *end = r->j.end, *first = p + (p < end && *p == '-'), *q = digits(first, end);
  bool ok = q > first && (*first != '0' || q == first + 1);
  v->integral = true;
  if (ok && q < end && *q == '.') {
    const char *from = ++q;
    q = digits(from, end);
    ok = q > from;
    v->integral = false;
  }
  if (ok && q < end && (*q == 'e' || *q == 'E')) {
    const char *from = q + 1 + (q + 1 < end && (q[1] == '+' || q[1] == '-'));
    q = digits(from, end);
    ok = q > from;
    v->integral = false;
  }
  if (!ok) return rt_fail(r->j.err, "a malformed number");
  for (const char *d = first; v->integral && d < q; d++)
    v->integral = !__builtin_mul_overflow(v->i, 10, &v->i) && !__builtin_sub_overflow(v->i, *d - '0', &v->i);
  if (v->integral && first == p && __builtin_sub_overflow((int64_t)0, v->i, &v->i)) v->integral = false;
  if (!v->integral) v->i = 0;
  v->text = ctx_strf(r->c, "%.*s", (int)(q - p), p);
  v->n = (size_t)(q - p);
  r->j.p = q;
  return true;
}

static bool word(Read *r, JsonValue *v) {
  static const char *const words[] = {"null", "false", "true"};
  for (int i = 0; i < 3; i++) {
    size_t n = strlen(words[i]);
    if ((size_t)(r->j.end - r->j.p) < n || memcmp(r->j.p, words[i], n)) continue;
    *v = (JsonValue){.kind = i ? J_BOOL : J_NULL, .key = v->key, .text = words[i], .n = n, .i = i == 2};
    r->j.p += n;
    return true;
  }
  return rt_fail(r->j.err, "expected a value");
}

static JsonValue *value(Read *r, int depth);

static bool members(Read *r, JsonValue *v, int depth) {
  char close = v->kind == J_OBJECT ? '}' : ']';
  JsonValue **last = &v->first;
  if (json_accept(&r->j, close)) return true;
  do {
    JsonValue key = {0};
    if (v->kind == J_OBJECT) {
      if (!json_expect(&r->j, '"') || !string(r, &key) || !json_expect(&r->j, ':')) return false;
    }
    JsonValue *x = value(r, depth + 1);
    if (!x) return false;
    x->key = key.text;
    *last = x;
    last = &x->next;
  } while (json_accept(&r->j, ','));
  return json_expect(&r->j, close);
}

static JsonValue *value(Read *r, int depth) {
  JsonValue *v = ctx_alloc(r->c, sizeof *v);
  bool ok;
  if (depth > JSON_DEPTH) ok = rt_fail(r->j.err, "values nest too deeply");
  else if (json_accept(&r->j, '{') || json_accept(&r->j, '[')) {
    v->kind = r->j.p[-1] == '{' ? J_OBJECT : J_ARRAY;
    ok = members(r, v, depth);
  } else if (json_accept(&r->j, '"')) {
    v->kind = J_STRING;
    ok = string(r, v);
  } else if (r->j.p < r->j.end && (*r->j.p == '-' || (*r->j.p >= '0' && *r->j.p <= '9'))) {
    v->kind = J_NUMBER;
    ok = number(r, v);
  } else {
    ok = word(r, v);
  }
  return ok ? v : NULL;
}

JsonValue *value_parse(Ctx *c, const char *s, size_t n, const char **why) {
  char *err = ctx_alloc(c, ERR_TEXT);
  Read r = {c, {s, s + n, err}};
  JsonValue *v = value(&r, 0);
  *why = "";
  if (v && json_end(&r.j)) return v;
  *why = ctx_strf(c, "at byte %zu: %s", (size_t)(r.j.p - s), err);
  return NULL;
}

const JsonValue *value_at(const JsonValue *v, const char *path) {
  while (v && *path) {
    size_t n = strcspn(path, ".");
    const JsonValue *x = v->kind == J_OBJECT ? v->first : NULL;
    while (x && (strncmp(x->key, path, n) || x->key[n])) x = x->next;
    v = x;
    path += n + (path[n] == '.');
  }
  return v;
}

const char *value_text(const JsonValue *v, const char *path) {
  const JsonValue *x = value_at(v, path);
  return x && x->kind == J_STRING ? x->text : NULL;
}

int64_t value_int(const JsonValue *v, const char *path, int64_t fallback) {
  const JsonValue *x = value_at(v, path);
  return x && x->kind == J_NUMBER && x->integral ? x->i : fallback;
}
