/* SPDX-License-Identifier: Apache-2.0 */
/* Reduces a failing program: leaves out blocks, lines and arguments, replaces a call by an operand, and makes numbers
 * smaller, as long as it still fails in the same way, which an invalid program does not. */
#include "tests/random/nn/nn.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Shrink {
  char *text;
  Fails *fails;
  void *arg;
  int budget;
} Shrink;

/* Replaces text[from, to) by `by` if that still fails; whether it does. */
static bool swap(Shrink *s, size_t from, size_t to, const char *by) {
  size_t n = strlen(s->text), k = strlen(by);
  if (s->budget <= 0 || (to - from == k && !strncmp(s->text + from, by, k))) return false;
  char *t = malloc(n - (to - from) + k + 1);
  memcpy(t, s->text, from);
  memcpy(t + from, by, k);
  memcpy(t + from + k, s->text + to, n - to + 1);
  s->budget--;
  if (!s->fails(t, s->arg)) return free(t), false;
  free(s->text);
  s->text = t;
  return true;
}

static size_t line_end(const char *t, size_t at) {
  const char *end = strchr(t + at, '\n');
  return end ? (size_t)(end - t) + 1 : strlen(t);
}

/* Runs of lines, from long ones to single ones; a line that opens a block goes together with it. */
static bool drop_lines(Shrink *s) {
  bool any = false;
  for (int run = 16; run > 0; run /= 2)
    for (size_t at = 0; s->text[at] && s->budget > 0;) {
      size_t end = at;
      for (int i = 0; i < run && s->text[end]; i++) end = line_end(s->text, end);
      if (end > at + 1 && s->text[end - 2] == '{')
        for (int depth = 1; s->text[end] && depth; end = line_end(s->text, end)) {
          size_t next = line_end(s->text, end);
          depth += (next > end + 1 && s->text[next - 2] == '{') - (s->text[end + strspn(s->text + end, " ")] == '}');
        }
      if (swap(s, at, end, "")) any = true;
      else at = line_end(s->text, at);
    }
  return any;
}

/* v7 = f(v3, v4): v3 or v4 in all places of v7. */
static bool drop_values(Shrink *s) {
  bool any = false;
  for (size_t at = 0; s->text[at] && s->budget > 0; at = line_end(s->text, at)) {
    char name[20], other[20];
    int n = 0;
    if (sscanf(s->text + at, " %15[v0-9] =%n", name, &n) != 1 || !n) continue;
    for (size_t p = at + (size_t)n; s->text[p] && s->text[p] != '\n' && s->budget > 0; p++) {
      if (s->text[p] != 'v' || isalnum((unsigned char)s->text[p - 1]) || sscanf(s->text + p, "%15[v0-9]", other) != 1)
        continue;
      Text t = {0};
      put(&t, "%s", "");
      size_t end = line_end(s->text, at), k = strlen(name);
      put(&t, "%.*s", (int)at, s->text);
      for (const char *q = s->text + end; *q;) {
        bool here = !strncmp(q, name, k) && !isalnum((unsigned char)q[k]) && !isalnum((unsigned char)q[-1]);
        put(&t, "%.*s", here ? (int)strlen(other) : 1, here ? other : q);
        q += here ? k : 1;
      }
      s->budget--;
      if (s->fails(t.s, s->arg)) {
        free(s->text);
        s->text = t.s;
        any = true;
        break;
      }
      free(t.s);
    }
  }
  return any;
}

/* The end of the argument that begins at p: a comma or bracket at the same depth. */
static size_t argument_end(const char *t, size_t p) {
  for (int depth = 0; t[p] && t[p] != '\n'; p++) {
    if (strchr("([", t[p])) depth++;
    if (strchr(")]", t[p]) && depth-- == 0) break;
    if (t[p] == ',' && depth == 0) break;
  }
  return p;
}

static bool drop_arguments(Shrink *s) {
  bool any = false;
  for (size_t p = 0; s->text[p] && s->budget > 0; p++) {
    if (s->text[p] == ',') {
      if (swap(s, p, argument_end(s->text, p + 1), "")) any = true;
    } else if (s->text[p] == '(' && p && (isalnum((unsigned char)s->text[p - 1]) || s->text[p - 1] == '_')) {
      size_t from = p, end = argument_end(s->text, p + 1), close = p;
      while (from && (isalnum((unsigned char)s->text[from - 1]) || s->text[from - 1] == '_')) from--;
      for (int depth = 0; s->text[close] && s->text[close] != '\n'; close++) {
        depth += s->text[close] == '(';
        if (s->text[close] == ')' && --depth == 0) break;
      }
      if (s->text[close] != ')') continue;
      char by[300];
      snprintf(by, sizeof by, "%.*s", (int)(end - p - 1), s->text + p + 1);
      if (swap(s, from, close + 1, by)) any = true, p = from;
    }
  }
  return any;
}

/* A term less: " + v3", " * 0.25". */
static bool drop_terms(Shrink *s) {
  bool any = false;
  for (size_t p = 1; s->text[p] && s->budget > 0; p++) {
    if (s->text[p] != ' ' || !strchr("+-*/", s->text[p + 1]) || !s->text[p + 1]) continue;
    size_t q = p + 2 + strspn(s->text + p + 2, "+-*/ ");
    for (int depth = 0; s->text[q] && s->text[q] != '\n'; q++) {
      if (strchr("([", s->text[q])) depth++;
      if (strchr(")]", s->text[q]) && depth-- == 0) break;
      if (strchr(" ,", s->text[q]) && depth == 0) break;
    }
    if (swap(s, p, q, "")) any = true;
  }
  return any;
}

static bool smaller_numbers(Shrink *s) {
  bool any = false;
  for (size_t p = 1; s->text[p] && s->budget > 0; p++) {
    if (!isdigit((unsigned char)s->text[p]) || isalnum((unsigned char)s->text[p - 1]) || strchr("._", s->text[p - 1]))
      continue;
    char *end;
    long n = strtol(s->text + p, &end, 10);
    if (*end == '.' || n < 2) continue;
    long try[] = {1, 2, n / 2, n - 1};
    for (int i = 0; i < 4; i++) {
      char by[24];
      snprintf(by, sizeof by, "%ld", try[i]);
      if (try[i] < n && swap(s, p, (size_t)(end - s->text), by)) {
        any = true;
        break;
      }
    }
    while (isdigit((unsigned char)s->text[p + 1])) p++;
  }
  return any;
}

char *nn_shrink(const char *text, Fails *fails, void *arg, int budget) {
  Shrink s = {strdup(text), fails, arg, budget};
  for (bool more = true; more && s.budget > 0;) {
    more = drop_lines(&s);
    more |= drop_values(&s);
    more |= drop_arguments(&s);
    more |= drop_terms(&s);
    more |= smaller_numbers(&s);
  }
  return s.text;
}
