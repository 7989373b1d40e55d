/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of comma-separated text (RFC 4180), or with another separator: CRLF or LF, quoted fields with doubled
 * quotes, blank lines skipped, an initial byte order mark ignored. Fields are slices of the text; quotes are removed
 * in place. */
#include "data.h"
#include <string.h>

static bool is_blank(const Csv *c, char ch) { return (ch == ' ' || ch == '\t') && ch != c->sep; }

/* How often `ch` separates in the record at `s`; *end: where it ends. */
static int separators(const Csv *c, const char *s, char ch, const char **end) {
  int n = 0;
  for (bool quote = false; s < c->end && (quote || *s != '\n'); s++) {
    quote ^= *s == '"';
    n += !quote && *s == ch;
  }
  *end = s;
  return n;
}

/* How often `ch` separates in the first two records; 0: not equally often. */
static int regular(Csv *c, char ch) {
  const char *next, *end;
  int n = separators(c, c->p, ch, &next);
  while (next < c->end && strchr("\r\n \t", *next)) next++;
  return next == c->end || separators(c, next, ch, &end) == n ? n : 0;
}

/* A tab or semicolon that both of the first records have as often, if commas are fewer. */
static char find_separator(Csv *c) {
  static const char other[] = "\t;";
  int commas = c->decimal == ',' ? 0 : regular(c, ',');
  for (int i = 0; i < 2; i++)
    if (regular(c, other[i]) > commas) return other[i];
  return c->decimal == ',' ? ';' : ',';
}

void csv_begin(Csv *c, Bytes *b, char sep, char decimal) {
  memset(c, 0, sizeof *c);
  c->p = (char *)b->p;
  c->end = c->p + b->n;
  c->next_line = 1;
  c->decimal = decimal ? decimal : '.';
  c->p += io_mark(b);
  c->sep = sep ? sep : find_separator(c);
}

static bool skip_blank_lines(Csv *c) { /* false: end of the text */
  while (c->p < c->end) {
    char *s = c->p;
    while (s < c->end && (is_blank(c, *s) || *s == '\r')) s++;
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
  while (c->p < c->end && is_blank(c, *c->p)) c->p++;
  return c->p == c->end || *c->p == c->sep || *c->p == '\n' || *c->p == '\r';
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
    while (s < c->end && is_blank(c, *s)) s++;
    if (s < c->end && *s == '"') {
      c->p = s;
      if (!quoted(c, f)) return -1;
    } else {
      f->s = c->p;
      while (c->p < c->end && *c->p != c->sep && *c->p != '\n' && *c->p != '\r') c->p++;
      f->n = (size_t)(c->p - f->s);
    }
    if (c->p < c->end && *c->p == c->sep) {
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

CsvField csv_trim(CsvField f) {
  while (f.n && strchr(" \t\r", *f.s)) f.s++, f.n--;
  while (f.n && strchr(" \t\r", f.s[f.n - 1])) f.n--;
  return f;
}

NumRead csv_number(GcDType t, void *dst, size_t i, const CsvField *f, char decimal) {
  enum { LONGEST = 400 };
  char text[LONGEST];
  if (decimal != ',') return num_read(t, dst, i, f->s, f->n);
  if (f->n >= LONGEST || memchr(f->s, '.', f->n)) return NUM_NO_NUMBER;
  for (size_t k = 0; k < f->n; k++) text[k] = f->s[k] == ',' ? '.' : f->s[k];
  return num_read(t, dst, i, text, f->n);
}

int csv_names(const CsvField *f, int n, char decimal) {
  int names = 0;
  for (int i = 0; i < n; i++) {
    double v;
    if (!csv_trim(f[i]).n) continue;
    if (csv_number(GC_F64, &v, 0, &f[i], decimal) != NUM_NO_NUMBER) return -1;
    names++;
  }
  return names;
}

static int csv_head_of(Bytes *b, char sep, char decimal, char ***name) {
  Csv c;
  csv_begin(&c, b, sep, decimal);
  int n = csv_next(&c);
  bool whole = c.p < c.end || n < 0;
  *name = rt_array((size_t)(n > 0 ? n : 0) + 1, sizeof **name);
  for (int i = 0; i < n; i++) {
    CsvField f = csv_trim(c.f[i]);
    (*name)[i] = rt_printf("%.*s", (int)f.n, f.s);
  }
  rt_free(c.f);
  return n > 0 && whole ? n : -1;
}

int csv_head(const char *path, char sep, char decimal, char ***name) {
  enum { HEAD = 1 << 20 };
  FILE *f = fopen(path, "rb");
  if (!f) return -1;
  Bytes b = {rt_alloc(HEAD + 1), 0}, text;
  b.n = fread(b.p, 1, HEAD, f);
  fclose(f);
  text = b;
  int n = !gz_is(&b) || gz_head(&b, &text) ? csv_head_of(&text, sep, decimal, name) : -1;
  if (text.p != b.p) rt_free(text.p);
  rt_free(b.p);
  return n;
}
