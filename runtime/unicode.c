/* SPDX-License-Identifier: Apache-2.0 */
#include "unicode.h"
#include "rt.h"
#include <string.h>

/* ---- ranges of letters, numbers and white space ---- */

typedef struct Range {
  uint32_t first, last;
} Range;
#define SPACE(a, b)
#define NUMBER(a, b)
#define LETTER(a, b) {a, b},
static const Range letters[] = {
#include "unicode.def"
};
#undef LETTER
#undef NUMBER
#define LETTER(a, b)
#define NUMBER(a, b) {a, b},
static const Range numbers[] = {
#include "unicode.def"
};
#undef NUMBER
#undef SPACE
#define NUMBER(a, b)
#define SPACE(a, b) {a, b},
static const Range spaces[] = {
#include "unicode.def"
};

static bool within(const Range *r, int n, uint32_t c) {
  int low = 0, high = n;
  while (low < high) {
    int mid = (low + high) / 2;
    if (r[mid].last < c) low = mid + 1;
    else high = mid;
  }
  return low < n && r[low].first <= c;
}

/* ---- tables of text: rows that are ascending by their first number (tests/weights/unicode_text.py) ---- */

#define TABLE(name, text) static const char name[] = text;
#include "unicode_text.def"
#undef TABLE

static uint32_t number(const char **p) {
  uint32_t v = 0;
  for (;; ++*p) {
    char c = **p;
    if (c >= '0' && c <= '9') v = v * 16 + (uint32_t)(c - '0');
    else if (c >= 'A' && c <= 'F') v = v * 16 + (uint32_t)(c - 'A' + 10);
    else return v;
  }
}

/* The last row whose first number is at most c; NULL: none. */
static const char *row_of(const char *table, size_t n, uint32_t c) {
  size_t low = 0, high = n; /* the beginnings of rows, or the end */
  const char *found = NULL;
  while (low < high) {
    size_t mid = (low + high) / 2;
    while (mid > low && table[mid - 1] != '|') mid--;
    const char *p = table + mid, *next = memchr(p, '|', n - mid);
    if (number(&p) <= c) {
      found = table + mid;
      low = (size_t)(next + 1 - table);
    } else high = mid;
  }
  return found;
}
#define ROW(table, c) row_of(table, sizeof table - 1, c)

typedef struct Row { /* of a character that is within it */
  char mark;         /* after its range: a blank, `~` or `|` */
  uint32_t from;     /* the first of the range */
  const char *rest;  /* what follows the mark */
} Row;

static bool read_row(const char *p, uint32_t c, Row *to) {
  uint32_t step = 1, last;
  if (!p) return false;
  to->from = last = number(&p);
  if (*p == '-') p++, last = number(&p);
  if (*p == '/') p++, step = number(&p);
  to->mark = *p;
  to->rest = p + 1;
  return c <= last && (c - to->from) % step == 0;
}

bool unicode_is(UnicodeClass k, uint32_t c) {
  Row r;
  switch (k) {
  case UNICODE_LETTER: return within(letters, COUNT(letters), c);
  case UNICODE_NUMBER: return within(numbers, COUNT(numbers), c);
  case UNICODE_SPACE: return within(spaces, COUNT(spaces), c);
  case UNICODE_PUNCTUATION: return read_row(ROW(PUNCTUATION, c), c, &r);
  case UNICODE_MARK: return read_row(ROW(MARK, c), c, &r);
  case UNICODE_NONSPACING: return read_row(ROW(NONSPACING, c), c, &r);
  default: return read_row(ROW(CONTROL, c), c, &r);
  }
}

/* The characters that a row gives for c. */
static int mapped(const Row *r, uint32_t c, uint32_t *to, int most) {
  const char *p = r->rest;
  int n = 0;
  while (n < most) {
    to[n++] = number(&p);
    if (*p != ' ') break;
    p++;
  }
  if (n == 1) to[0] += c - r->from;
  return n;
}

int unicode_lower(uint32_t c, uint32_t to[3]) {
  Row r;
  if (read_row(ROW(LOWER, c), c, &r)) return mapped(&r, c, to, 3);
  to[0] = c;
  return 1;
}

/* ---- UTF-8 ---- */

size_t utf8_next(const char *s, size_t n, uint32_t *c) {
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  unsigned char a = (unsigned char)s[0];
  size_t bytes = a < 0x80 ? 1 : a >= 0xC2 && a < 0xE0 ? 2 : a >= 0xE0 && a < 0xF0 ? 3 : a >= 0xF0 && a < 0xF5 ? 4 : 0;
  uint32_t v = bytes == 1 ? a : a & (0x7Fu >> bytes);
  for (size_t i = 1; i < bytes; i++) {
    if (i >= n || ((unsigned char)s[i] & 0xC0) != 0x80) bytes = 0;
    else v = v << 6 | ((unsigned char)s[i] & 0x3F);
  }
  bool valid = bytes && v >= least[bytes] && v < 0x110000 && (v < 0xD800 || v >= 0xE000);
  *c = valid ? v : 0xFFFD;
  return valid ? bytes : 1;
}

int utf8_put(uint32_t c, char to[4]) {
  int n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  static const uint32_t lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
  for (int i = n - 1; i > 0; i--, c >>= 6) to[i] = (char)(0x80 | (c & 0x3F));
  to[0] = (char)(lead[n] | c);
  return n;
}

/* ---- normal forms ---- */

enum { L = 0x1100, V = 0x1161, T = 0x11A7, S = 0xAC00, NV = 21, NT = 28, NS = 11172 }; /* Hangul */

typedef struct Chars {
  uint32_t *c;
  size_t n, cap;
} Chars;

static void put(Chars *t, uint32_t c) {
  if (t->n == t->cap) t->c = rt_realloc(t->c, rt_mul(t->cap = t->cap * 2 + 64, sizeof *t->c));
  t->c[t->n++] = c;
}

static void decompose(Chars *t, uint32_t c, bool compatible) {
  enum { MOST = 18 };
  uint32_t to[MOST];
  Row r;
  if (c >= S && c < S + NS) {
    put(t, L + (c - S) / (NV * NT));
    put(t, V + (c - S) % (NV * NT) / NT);
    if ((c - S) % NT) put(t, T + (c - S) % NT);
    return;
  }
  bool found = c >= 0xA0 && read_row(ROW(DECOMPOSED, c), c, &r) && (r.mark == ' ' || compatible);
  int n = found ? mapped(&r, c, to, MOST) : 0;
  for (int i = 0; i < n; i++) decompose(t, to[i], compatible);
  if (!n) put(t, c);
}

static uint32_t combining(uint32_t c) {
  Row r;
  return c >= 0x300 && read_row(ROW(COMBINING, c), c, &r) ? number(&r.rest) : 0;
}

/* Marks after a character are ordered by their classes; those of equal classes stay in order. */
static void order_marks(Chars *t) {
  for (size_t i = 1; i < t->n; i++) {
    uint32_t c = t->c[i], k = combining(c);
    size_t at = i;
    for (; k && at && combining(t->c[at - 1]) > k; at--) t->c[at] = t->c[at - 1];
    t->c[at] = c;
  }
}

/* The one character of two; 0: there is none. */
static uint32_t pair(uint32_t a, uint32_t b) {
  if (a >= L && a < L + 19 && b >= V && b < V + NV) return S + ((a - L) * NV + (b - V)) * NT;
  if (a >= S && a < S + NS && (a - S) % NT == 0 && b > T && b < T + NT) return a + (b - T);
  for (const char *p = ROW(COMPOSED, a - 1), *begin = COMPOSED; a;) { /* the rows of a follow those before it */
    p = p ? strchr(p, '|') + 1 : begin;
    const char *q = p;
    if (!*q || number(&q) != a) return 0;
    q++;
    if (number(&q) == b) return q++, number(&q);
  }
  return 0;
}

static void compose(Chars *t) {
  size_t n = 0, starter = 0;
  bool begun = false;
  uint32_t last = 0; /* the class of the character before */
  for (size_t i = 0; i < t->n; i++) {
    uint32_t c = t->c[i], k = combining(c);
    bool blocked = n > starter + 1 && (last == 0 || last >= k);
    uint32_t both = begun && !blocked ? pair(t->c[starter], c) : 0;
    if (both) {
      t->c[starter] = both;
      continue;
    }
    if (!k) starter = n, begun = true;
    last = k;
    t->c[n++] = c;
  }
  t->n = n;
}

char *unicode_normal(UnicodeForm form, const char *s, size_t n, size_t *to_n) {
  Chars t = {0};
  uint32_t c;
  for (size_t at = 0; at < n;) {
    at += utf8_next(s + at, n - at, &c);
    decompose(&t, c, form == UNICODE_NFKC || form == UNICODE_NFKD);
  }
  order_marks(&t);
  if (form == UNICODE_NFC || form == UNICODE_NFKC) compose(&t);
  char *to = rt_alloc(t.n * 4 + 1);
  *to_n = 0;
  for (size_t i = 0; i < t.n; i++) *to_n += (size_t)utf8_put(t.c[i], to + *to_n);
  rt_free(t.c);
  return to;
}
