/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON that safetensors headers and run.json need. The text is not trusted: escapes, surrogates, control characters
 * and depth are checked. */
#include "json.h"
#include "rt.h"
#include <string.h>

static void blanks(Json *j) {
  while (j->p < j->end && (*j->p == ' ' || *j->p == '\t' || *j->p == '\n' || *j->p == '\r')) j->p++;
}

bool json_accept(Json *j, char c) {
  blanks(j);
  if (j->p >= j->end || *j->p != c) return false;
  j->p++;
  return true;
}

bool json_expect(Json *j, char c) { return json_accept(j, c) || rt_fail(j->err, "expected `%c`", c); }

bool json_end(Json *j) {
  blanks(j);
  return j->p == j->end || rt_fail(j->err, "text after the end of the object");
}

static bool hex4(Json *j, unsigned *u) {
  *u = 0;
  for (int i = 0; i < 4; i++, j->p++) {
    if (j->p >= j->end) return false;
    char c = *j->p;
    unsigned d = c >= '0' && c <= '9'   ? c - '0'
                 : c >= 'a' && c <= 'f' ? c - 'a' + 10
                 : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                        : 16;
    if (d > 15) return false;
    *u = *u * 16 + d;
  }
  return true;
}

static char *put_utf8(char *o, unsigned u) {
  if (u < 0x80) *o++ = (char)u;
  else if (u < 0x800) {
    *o++ = (char)(0xC0 | u >> 6);
    *o++ = (char)(0x80 | (u & 63));
  } else if (u < 0x10000) {
    *o++ = (char)(0xE0 | u >> 12);
    *o++ = (char)(0x80 | (u >> 6 & 63));
    *o++ = (char)(0x80 | (u & 63));
  } else {
    *o++ = (char)(0xF0 | u >> 18);
    *o++ = (char)(0x80 | (u >> 12 & 63));
    *o++ = (char)(0x80 | (u >> 6 & 63));
    *o++ = (char)(0x80 | (u & 63));
  }
  return o;
}

static bool escape(Json *j, char **o) {
  static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
  if (j->p >= j->end) return false;
  char c = *j->p++;
  if (c != 'u') {
    const char *at = c ? strchr(from, c) : NULL;
    if (at) *(*o)++ = to[at - from];
    return at != NULL;
  }
  unsigned u, low;
  if (!hex4(j, &u) || u == 0 || (u >= 0xDC00 && u < 0xE000)) return false;
  if (u >= 0xD800 && u < 0xDC00) {
    if (j->end - j->p < 6 || j->p[0] != '\\' || j->p[1] != 'u') return false;
    j->p += 2;
    if (!hex4(j, &low) || low < 0xDC00 || low >= 0xE000) return false;
    u = 0x10000 + ((u - 0xD800) << 10) + (low - 0xDC00);
  }
  *o = put_utf8(*o, u);
  return true;
}

char *json_string(Json *j) {
  if (!json_accept(j, '"')) {
    rt_fail(j->err, "expected a string");
    return NULL;
  }
  const char *close = j->p; /* unescaping never makes a string longer */
  while (close < j->end && *close != '"') close += *close == '\\' && close + 1 < j->end ? 2 : 1;
  char *s = rt_alloc((size_t)(close - j->p) + 5), *o = s;
  bool ok = true;
  while (ok && j->p < j->end && *j->p != '"') {
    if (*j->p == '\\') {
      j->p++;
      ok = escape(j, &o);
    } else {
      ok = (unsigned char)*j->p >= 32;
      *o++ = *j->p++;
    }
  }
  if (ok && j->p < j->end) {
    j->p++;
    return s;
  }
  rt_free(s);
  rt_fail(j->err, "a malformed string");
  return NULL;
}

bool json_u64(Json *j, uint64_t *v) {
  blanks(j);
  const char *first = j->p;
  *v = 0;
  while (j->p < j->end && *j->p >= '0' && *j->p <= '9') {
    if (__builtin_mul_overflow(*v, 10u, v) || __builtin_add_overflow(*v, (uint64_t)(*j->p - '0'), v))
      return rt_fail(j->err, "a number is too large");
    j->p++;
  }
  bool more = j->p < j->end && strchr(".eE+-", *j->p) && *j->p;
  if (j->p == first || more || (*first == '0' && j->p - first > 1))
    return rt_fail(j->err, "expected a non-negative integer");
  return true;
}

static bool skip_word(Json *j) { /* numbers, true, false, null */
  const char *first = j->p;
  while (j->p < j->end && *j->p && strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *j->p)) j->p++;
  return j->p > first || rt_fail(j->err, "expected a value");
}

bool json_skip(Json *j, int depth) {
  if (depth > JSON_DEPTH) return rt_fail(j->err, "nested too deeply");
  blanks(j);
  if (j->p < j->end && *j->p == '"') {
    char *s = json_string(j);
    rt_free(s);
    return s != NULL;
  }
  bool object = json_accept(j, '{');
  if (!object && !json_accept(j, '[')) return skip_word(j);
  char close = object ? '}' : ']';
  if (json_accept(j, close)) return true;
  do {
    if (object) {
      char *key = json_string(j);
      rt_free(key);
      if (!key || !json_expect(j, ':')) return false;
    }
    if (!json_skip(j, depth + 1)) return false;
  } while (json_accept(j, ','));
  return json_expect(j, close);
}

char *json_quote(const char *s) {
  char *q = rt_alloc(strlen(s) * 6 + 3), *o = q;
  *o++ = '"';
  for (; *s; s++) {
    if (*s == '"' || *s == '\\') *o++ = '\\';
    if ((unsigned char)*s < 32) o += sprintf(o, "\\u%04x", *s);
    else *o++ = *s;
  }
  *o++ = '"';
  return q;
}
