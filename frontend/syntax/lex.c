/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer's first half: characters to tokens. */
#include "frontend/syntax/lex.h"
#include "frontend/syntax/foreign.h"
#include "ir/diag.h"
#include "ir/utf8.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LEX_MAX_BYTES = 8 << 20 };

typedef struct Lex {
  Ctx *c;
  Tokens *ts;
  const char *s;
  size_t i, n;
  bool first; /* the next token is the first of its line */
} Lex;

typedef struct Spelling {
  const char *text;
  uint8_t kind;
} Spelling;

static const Spelling WORDS[] = {
  {"and", TK_AND},     {"assert", TK_ASSERT}, {"const", TK_CONST},   {"data", TK_DATA},   {"def", TK_DEF},
  {"dim", TK_DIM},     {"else", TK_ELSE},     {"export", TK_EXPORT}, {"false", TK_FALSE}, {"for", TK_FOR},
  {"if", TK_IF},       {"import", TK_IMPORT}, {"in", TK_IN},         {"not", TK_NOT},     {"or", TK_OR},
  {"param", TK_PARAM}, {"state", TK_STATE},   {"target", TK_TARGET}, {"test", TK_TEST},   {"train", TK_TRAIN},
  {"true", TK_TRUE},   {"use", TK_USE},
};

/* Longest first where one begins another. */
static const Spelling SYMBOLS[] = {
  {"...", TK_DOTS}, {"..", TK_RANGE}, {".", TK_DOT},  {"|>", TK_PIPE},  {":=", TK_ASSIGN}, {":", TK_COLON},
  {"->", TK_ARROW}, {"-", TK_MINUS},  {"**", TK_POW}, {"*", TK_STAR},   {"//", TK_DSLASH}, {"/", TK_SLASH},
  {"==", TK_EQEQ},  {"=", TK_EQ},     {"!=", TK_NE},  {"<=", TK_LE},    {"<", TK_LT},      {">=", TK_GE},
  {">", TK_GT},     {"+", TK_PLUS},   {"@", TK_AT},   {"'", TK_QUOTE},  {",", TK_COMMA},   {"(", TK_LP},
  {")", TK_RP},     {"[", TK_LB},     {"]", TK_RB},   {"{", TK_LBRACE}, {"}", TK_RBRACE},
};

#define COUNT(a) (sizeof(a) / sizeof *(a))

const char *lex_keyword(int i) { return i < (int)COUNT(WORDS) ? WORDS[i].text : NULL; }

static bool is_letter(int ch) { return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_'; }
static bool is_digit(int ch) { return ch >= '0' && ch <= '9'; }
static bool is_word(int ch) { return is_letter(ch) || is_digit(ch); }

static int peek(const Lex *x, size_t ahead) { return x->i + ahead < x->n ? (unsigned char)x->s[x->i + ahead] : 0; }

static bool at(const Lex *x, const char *text) {
  size_t n = strlen(text);
  return x->n - x->i >= n && !memcmp(x->s + x->i, text, n);
}

static Loc here(const Lex *x) { return x->ts->start + (Loc)x->i; }

/* A token over the next `len` bytes. */
static Token *take(Lex *x, int kind, size_t len) {
  Token *t = VEC_PUSH(x->c, x->ts->t, x->ts->n, x->ts->cap);
  t->kind = (uint8_t)kind;
  t->at = here(x);
  t->len = (int)len;
  t->first = x->first;
  x->first = false;
  x->i += len;
  return t;
}

/* Newlines and the blank space between them; `;` is a separate token. */
static void lex_newlines(Lex *x) {
  size_t from = x->i, end = x->i;
  for (size_t i = x->i; i < x->n && strchr("\n\r\t ", x->s[i]) && x->s[i]; i++)
    if (x->s[i] == '\n') end = i + 1;
  take(x, TK_NEWLINE, end - from);
  x->first = true;
}

static void lex_comment(Lex *x) {
  const char *end = memchr(x->s + x->i, '\n', x->n - x->i);
  size_t len = end ? (size_t)(end - x->s) - x->i : x->n - x->i;
  while (len > 1 && strchr(" \t\r", x->s[x->i + len - 1]) && x->s[x->i + len - 1]) len--;
  const char *nul = memchr(x->s + x->i, 0, len); /* strings end at a NUL: fmt would truncate the file */
  if (nul)
    diag_error(x->c, E_CHARACTER, here(x) + (Loc)(nul - x->s - x->i), 1, "byte 0x00 is not allowed in a comment");
  take(x, TK_COMMENT, len);
}

static void lex_name(Lex *x) {
  size_t len = 1;
  while (is_word(peek(x, len))) len++;
  const char *s = ctx_intern(x->c, x->s + x->i, len);
  int kind = TK_NAME;
  for (size_t k = 0; k < COUNT(WORDS); k++)
    if (!strcmp(WORDS[k].text, s)) kind = WORDS[k].kind;
  take(x, kind, len)->text = s;
}

static size_t digits(const Lex *x, size_t from) {
  size_t k = from;
  while (is_digit(peek(x, k)) || (peek(x, k) == '_' && k > from)) k++;
  return k;
}

/* `s` is a valid number without underscores: an integer if it has no point and no exponent. */
static void number_value(Lex *x, Token *t, const char *s) {
  size_t n = strlen(s);
  bool big = false;
  if (strpbrk(s, ".eE")) {
    t->f = strtod(s, NULL);
    big = isinf(t->f);
  } else {
    t->kind = TK_INT;
    uint64_t v = 0, unit = s[n - 1] == 'K' ? 1u << 10 : s[n - 1] == 'M' ? 1u << 20 : s[n - 1] == 'G' ? 1u << 30 : 1;
    for (size_t k = 0; k < n - (unit > 1); k++) {
      uint64_t d = (uint64_t)(s[k] - '0');
      if (v > (INT64_MAX - d) / 10) big = true;
      v = big ? 0 : v * 10 + d;
    }
    if (v > INT64_MAX / unit) big = true;
    t->i = big ? 0 : (int64_t)(v * unit);
  }
  if (!big) return;
  diag_error(x->c, E_NUMBER_RANGE, t->at, t->len, "this number is too large");
  t->kind = TK_BAD;
}

/* A statement of a line gives one error for what is no token: the others follow from it. */
static bool line_is_bad(const Lex *x) {
  for (int k = x->ts->n - 1; k >= 0 && x->ts->t[k].kind != TK_NEWLINE; k--)
    if (x->ts->t[k].kind == TK_BAD) return true;
  return false;
}

static void lex_number(Lex *x) {
  const char *help = NULL;
  size_t len = digits(x, 0);
  bool integer = true;
  if (peek(x, len) == '.' && is_digit(peek(x, len + 1))) {
    integer = false;
    len = digits(x, len + 1);
  } else if (peek(x, len) == '.' && peek(x, len + 1) != '.') {
    help = "write digits on both sides of the point";
    len++;
  }
  if (peek(x, len) == 'e' || peek(x, len) == 'E') {
    size_t k = len + 1 + (peek(x, len + 1) == '+' || peek(x, len + 1) == '-');
    if (is_digit(peek(x, k))) {
      integer = false;
      len = digits(x, k);
    }
  }
  if (integer && !help && peek(x, len) && strchr("KMG", peek(x, len))) len++;
  size_t end = len;
  while (is_word(peek(x, end))) end++;
  const char *raw = x->s + x->i;
  for (size_t k = 0; k < len; k++)
    if (raw[k] == '_' && (k + 1 >= len || !is_digit(raw[k + 1]))) help = "`_` must be between two digits";
  bool suffix = end == len + 1 && strchr("fFdDlLuU", peek(x, len)),
       hex = len == 1 && *raw == '0' && strchr("xXbBoO", peek(x, 1));
  if (end > len && !help)
    help = hex      ? "numbers are decimal"
           : suffix ? "numbers have no suffix"
           : end == len + 1 && peek(x, len) == 'B' && strchr("KMG", peek(x, len - 1))
             ? "bytes are written without `B`: 256K; K, M and G are powers of 1024"
             : "a name does not begin with a digit; put `*` between a number and a name";
  Token *t = take(x, TK_FLOAT, end);
  if (help && line_is_bad(x)) {
    t->kind = TK_BAD;
    return;
  }
  if (help) {
    Diag *d = diag_error(x->c, E_BAD_NUMBER, t->at, t->len, "malformed number `%.*s`", t->len > 40 ? 40 : t->len, raw);
    diag_help(x->c, d, "%s", help);
    t->kind = TK_BAD;
    return;
  }
  Str b = {.c = x->c};
  for (size_t k = 0; k < end; k++)
    if (raw[k] != '_') str_put(&b, raw + k, 1);
  t->text = ctx_intern(x->c, raw, end);
  number_value(x, t, b.s);
}

static void lex_string(Lex *x) {
  Str b = {.c = x->c};
  Loc from = here(x);
  size_t k = 1;
  bool bad = false;
  str_puts(&b, "");
  for (; peek(x, k) != '"';) {
    int ch = peek(x, k), used = 1, width;
    if (x->i + k >= x->n || ch == '\n' || ch == '\r') {
      diag_error(x->c, E_UNTERMINATED_STRING, from, (int)k, "this string has no closing quote");
      while (k > 1 && strchr(" \t\r", x->s[x->i + k - 1])) k--;
      take(x, TK_BAD, k - (k > 1 && x->s[x->i + k - 1] == '{')); /* not the brace that opens a block */
      return;
    }
    if (ch == '\\') {
      static const char FROM[] = "\"\\ntr", TO[] = "\"\\\n\t\r";
      const char *e = peek(x, k + 1) ? strchr(FROM, peek(x, k + 1)) : NULL;
      if (e) str_put(&b, &TO[e - FROM], 1);
      else if (!bad) {
        Diag *d = diag_error(x->c, E_UNTERMINATED_STRING, from + (Loc)k, 2, "unknown escape in a string");
        diag_help(x->c, d, "known are \\\" \\\\ \\n \\t \\r");
        bad = true;
      }
      used = e ? 2 : 1;
    } else if (ch != '\t' && !utf8_step(x->s + x->i + k, x->n - x->i - k, &used, &width)) {
      if (!bad) diag_error(x->c, E_CHARACTER, from + (Loc)k, 1, "byte 0x%02X is not allowed in a string", ch);
      bad = true;
      used = 1;
    } else {
      str_put(&b, x->s + x->i + k, (size_t)used);
    }
    k += (size_t)used;
  }
  Token *t = take(x, bad ? TK_BAD : TK_STR, k + 1);
  t->text = ctx_intern(x->c, b.s, b.n);
}

static bool is_plain(int ch) {
  return is_word(ch) || (ch > 0 && ch < 0x80 && strchr(" \t\r\n\"#;.|:-*/=<>+@',()[]{}", ch));
}

/* Help that depends on what is before the symbol; NULL: that of the table. */
static const char *symbol_help(const Lex *x) {
  const char *s = x->s + x->i, *from = s;
  while (from > x->s && strchr(" \t", from[-1])) from--;
  int before = from > x->s ? from[-1] : '\n', after = s[1 + strspn(s + 1, " \t")];
  if (*s == '!' && s > x->s && is_word((unsigned char)s[-1]))
    return strchr("[", s[1]) ? "a call has no `!`; a list is written [a, b]"
                             : "a call has no `!`; a def cannot print: leave it out, `metric.m = ...` logs a number";
  if (*s == '%' && before >= '0' && before <= '9' && (!after || strchr("\n\r;,)}#", after)))
    return "a part is a number: 20 % is 0.2";
  if (*s == '?' && before != '[' && before != ',')
    return "a choice is `where(c, a, b)`, by a static condition `if c { a } else { b }`";
  if (*s == '&' && s[1] == ']') return foreign_help(FOREIGN_WORD, "lambda");
  if (*s == '&' && s[1] != '&' && strchr(":(,", before))
    return "there are no references: an argument is written `x: f32[B, 16]`";
  return NULL;
}

static void lex_foreign(Lex *x) {
  size_t len = 1;
  const char *help = foreign_symbol(x->s + x->i, x->n - x->i, &len);
  while (!help && x->i + len < x->n && len < 64 && !is_plain(peek(x, len))) len++; /* a run of them is one fault */
  if (line_is_bad(x)) {
    take(x, TK_BAD, len);
    return;
  }
  if (symbol_help(x)) help = symbol_help(x);
  int used, width, ch = peek(x, 0);
  bool shown = utf8_step(x->s + x->i, x->n - x->i, &used, &width) && ch != ' ';
  Diag *d = shown ? diag_error(x->c, E_CHARACTER, here(x), (int)len, "`%.*s` is not allowed here", used, x->s + x->i)
                  : diag_error(x->c, E_CHARACTER, here(x), (int)len, "byte 0x%02X is not allowed here", ch);
  if (help) diag_help(x->c, d, "%s", help);
  take(x, TK_BAD, len);
}

static void lex_symbol(Lex *x) {
  for (size_t k = 0; k < COUNT(SYMBOLS); k++)
    if (at(x, SYMBOLS[k].text)) {
      take(x, SYMBOLS[k].kind, strlen(SYMBOLS[k].text));
      return;
    }
  lex_foreign(x);
}

static Tokens *lex(Ctx *c, Loc start, const char *text, size_t n, bool stop) {
  Tokens *ts = ctx_alloc(c, sizeof *ts);
  Lex x = {.c = c, .ts = ts, .s = text, .n = stop ? 0 : n, .first = true};
  *ts = (Tokens){.src = text, .size = n, .start = start, .stop = stop};
  if (at(&x, "\xEF\xBB\xBF")) x.i = 3; /* a byte order mark */
  while (x.i < x.n) {
    int ch = peek(&x, 0);
    if (ch == ' ' || ch == '\t' || ch == '\r') x.i++;
    else if (ch == '\n') lex_newlines(&x);
    else if (ch == ';') take(&x, TK_NEWLINE, 1);
    else if (ch == '#') lex_comment(&x);
    else if (is_letter(ch)) lex_name(&x);
    else if (is_digit(ch)) lex_number(&x);
    else if (ch == '"') lex_string(&x);
    else lex_symbol(&x);
  }
  take(&x, TK_EOF, 0)->len = 1;
  if (!stop) lex_lines(c, ts);
  return ts;
}

Tokens *lex_source(Ctx *c, Loc start) {
  size_t n;
  const char *text = source_text(c, start, &n);
  bool large = n > LEX_MAX_BYTES;
  if (large) diag_error(c, E_FILE_SIZE, start, 1, "the file is %zu bytes long; at most %d are read", n, LEX_MAX_BYTES);
  return lex(c, start, text, n, large || !source_is_text(c, start));
}

Tokens *lex_part(Ctx *c, Loc start, const char *text, size_t n) { return lex(c, start, text, n, false); }
