/* SPDX-License-Identifier: Apache-2.0 */
#include "json_array.h"
#include "rt.h"
#include <math.h>
#include <string.h>

/* ---- reading ---- */

/* The words that are no decimal numbers, with what stands for them in num_read; any: also those for floats alone.
 * NULL: none of them. */
static const char *constant(const char *s, size_t n, bool any) {
  static const char *const word[][2] = {{"true", "1"},  {"false", "0"},      {"null", "nan"},
                                        {"NaN", "nan"}, {"Infinity", "inf"}, {"-Infinity", "-inf"}};
  for (int i = 0; i < COUNT(word); i++)
    if (strlen(word[i][0]) == n && !memcmp(word[i][0], s, n)) return i < 2 || any ? word[i][1] : NULL;
  return NULL;
}

/* JSON allows neither a sign + nor a leading zero, dot or blank. */
static bool is_decimal(const char *s, size_t n) {
  if (n && *s == '-') s++, n--;
  return n && *s >= '0' && *s <= '9' && (n == 1 || *s != '0' || s[1] < '0' || s[1] > '9') && s[n - 1] != '.';
}

static bool element(Json *j, JsonArray *a) {
  const char *first = j->p;
  while (j->p < j->end && *j->p && strchr("+-.0123456789aefilnrstuyINE", *j->p)) j->p++;
  size_t n = (size_t)(j->p - first);
  if (n == 0)
    return j->p < j->end && *j->p == '"' ? rt_fail(j->err, "a string is not a number")
                                         : rt_fail(j->err, "expected a number");
  a->over = a->n == a->room;
  if (a->over) return rt_fail(j->err, "more than %llu numbers", (unsigned long long)a->room);
  bool is_float = gc_is_float(a->type);
  const char *word = constant(first, n, is_float || a->gaps);
  bool missing = word && !strcmp(word, "nan");
  if (missing && !is_float) word = "0";
  a->missing += missing;
  int shown = n > 40 ? 40 : (int)n;
  NumRead r = word                   ? num_read(a->type, a->to, a->n, word, strlen(word))
              : is_decimal(first, n) ? num_read(a->type, a->to, a->n, first, n)
                                     : NUM_NO_NUMBER;
  a->n++;
  if (r == NUM_OK) return true;
  return rt_fail(j->err, "`%.*s` is not %s", shown, first, r == NUM_NO_NUMBER ? "a number" : gc_dtype_name[a->type]);
}

static bool ragged(Json *j) { return rt_fail(j->err, "lists of different lengths or depths"); }

static bool value(Json *j, JsonArray *a, int depth) {
  if (!json_accept(j, '[')) {
    if (a->rank < 0) a->rank = depth;
    return a->rank == depth ? element(j, a) : ragged(j);
  }
  if (depth == GC_MAX_RANK) return rt_fail(j->err, "lists more than %d deep", GC_MAX_RANK);
  if (a->rank >= 0 && depth >= a->rank) return ragged(j);
  int64_t n = 0;
  bool empty = json_accept(j, ']');
  if (empty && a->rank < 0) a->rank = depth + 1;
  if (empty && a->rank != depth + 1) return ragged(j);
  if (!empty) {
    do {
      if (!value(j, a, depth + 1)) return false;
      n++;
    } while (json_accept(j, ','));
    if (!json_expect(j, ']')) return false;
  }
  if (a->dim[depth] < 0) a->dim[depth] = n;
  return a->dim[depth] == n || ragged(j);
}

bool json_array(Json *j, JsonArray *a) {
  a->n = a->missing = 0;
  a->over = false;
  a->rank = -1;
  for (int i = 0; i < GC_MAX_RANK; i++) a->dim[i] = -1;
  return value(j, a, 0);
}

/* ---- writing ---- */

void json_put(JsonText *t, const char *s, size_t n) {
  if (t->n + n + 1 > t->cap) t->p = rt_realloc(t->p, t->cap = (t->n + n + 1) * 2);
  memcpy(t->p + t->n, s, n);
  t->n += n;
  t->p[t->n] = 0;
}

void json_puts(JsonText *t, const char *s) { json_put(t, s, strlen(s)); }

static void put_number(JsonText *t, GcDType type, const void *p, uint64_t i) {
  char text[NUM_TEXT];
  if (type == GC_BOOL) json_puts(t, num_load(type, p, i) != 0 ? "true" : "false");
  else if (gc_is_float(type) && !isfinite(num_load(type, p, i))) json_puts(t, "null");
  else json_puts(t, num_text(type, p, i, text));
}

static uint64_t put_list(JsonText *t, GcDType type, const void *p, int rank, const int64_t *dim, uint64_t at) {
  if (rank == 0) {
    put_number(t, type, p, at);
    return at + 1;
  }
  json_put(t, "[", 1);
  for (int64_t i = 0; i < dim[0]; i++) {
    if (i) json_put(t, ",", 1);
    at = put_list(t, type, p, rank - 1, dim + 1, at);
  }
  json_put(t, "]", 1);
  return at;
}

void json_put_array(JsonText *t, GcDType type, const void *p, int rank, const int64_t *dim, bool flat) {
  int64_t n = 1;
  for (int i = 0; i < rank; i++) n *= dim[i];
  if (flat) put_list(t, type, p, 1, &n, 0);
  else put_list(t, type, p, rank, dim, 0);
}
