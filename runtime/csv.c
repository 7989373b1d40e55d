/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of comma-separated text (RFC 4180): CRLF or LF, quoted fields with doubled quotes, blank lines skipped, an
 * initial byte order mark ignored. Fields are slices of the text; quotes are removed in place. */
#include "data.h"
#include <stdlib.h>
#include <string.h>

void csv_begin(Csv *c, Bytes *b) {
  memset(c, 0, sizeof *c);
  c->p = (char *)b->p;
  c->end = c->p + b->n;
  c->next_line = 1;
  if (b->n >= 3 && !memcmp(b->p, "\xEF\xBB\xBF", 3)) c->p += 3;
}

static bool skip_blank_lines(Csv *c) { /* false: end of the text */
  while (c->p < c->end) {
    char *s = c->p;
    while (s < c->end && (*s == ' ' || *s == '\t' || *s == '\r')) s++;
    if (s < c->end && *s != '\n') return true;
    if (s == c->end) return false;
    c->p = s + 1;
    c->next_line++;
  }
  return false;
}

/* Reads a quoted field from its opening quote. False: it is not closed, or text follows the closing quote. */
static bool quoted(Csv *c, CsvField *f) {
  char *o = ++c->p;
  f->s = o;
  for (; c->p < c->end; c->p++) {
    if (*c->p == '"') {
      if (c->p + 1 == c->end || c->p[1] != '"') break;
      c->p++;
    }
    c->next_line += *c->p == '\n';
    *o++ = *c->p;
  }
  f->n = (size_t)(o - f->s);
  if (c->p == c->end) return false;
  c->p++;
  while (c->p < c->end && (*c->p == ' ' || *c->p == '\t')) c->p++;
  return c->p == c->end || *c->p == ',' || *c->p == '\n' || *c->p == '\r';
}

int csv_next(Csv *c) {
  if (!skip_blank_lines(c)) return 0;
  c->line = c->next_line;
  int n = 0;
  while (true) {
    if (n == c->cap) {
      c->cap = c->cap ? c->cap * 2 : 64;
      c->f = rt_realloc(c->f, rt_mul((size_t)c->cap, sizeof *c->f));
    }
    CsvField *f = &c->f[n++];
    char *s = c->p;
    while (s < c->end && (*s == ' ' || *s == '\t')) s++;
    if (s < c->end && *s == '"') {
      c->p = s;
      if (!quoted(c, f)) return -1;
    } else {
      f->s = c->p;
      while (c->p < c->end && *c->p != ',' && *c->p != '\n' && *c->p != '\r') c->p++;
      f->n = (size_t)(c->p - f->s);
    }
    if (c->p < c->end && *c->p == ',') {
      c->p++;
      continue;
    }
    if (c->p < c->end && *c->p == '\r') c->p++;
    if (c->p < c->end && *c->p == '\n') {
      c->p++;
      c->next_line++;
    }
    return n;
  }
}

char *csv_shown(const CsvField *f) {
  enum { SHOWN = 40 };
  size_t n = f->n < SHOWN ? f->n : SHOWN;
  char *s = rt_alloc(n + 1);
  for (size_t i = 0; i < n; i++) s[i] = (unsigned char)f->s[i] < 32 || f->s[i] == 127 ? '?' : f->s[i];
  return s;
}

int csv_names(const CsvField *f, int n) {
  int names = 0;
  for (int i = 0; i < n; i++) {
    const char *s = f[i].s, *end = s + f[i].n;
    while (s < end && (*s == ' ' || *s == '\t')) s++;
    if (s == end) continue;
    char *stop;
    strtod(s, &stop); /* stops at the end of the field at the latest: a separator or the final NUL follows */
    while (stop < end && (*stop == ' ' || *stop == '\t')) stop++;
    if (stop >= end) return -1;
    names++;
  }
  return names;
}
