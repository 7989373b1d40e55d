/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical layout. It works on tokens, not on the tree, so nothing is lost: line breaks are kept; indentation, the
 * spaces between tokens and blank lines are canonical. Alignment in consecutive lines (of `=` and comments) is kept.
 *
 * Columns depend on padding and padding on columns, so the layout runs three times: plain, with the `=` padded, and
 * with the comments padded too. */
#include "frontend/syntax/lex.h"
#include "frontend/parse.h"
#include "ir/diag.h"
#include "ir/utf8.h"
#include <string.h>

enum { INDENT = 4 };

typedef struct Bracket {
  int token;
  int inside, outside; /* columns of lines that begin inside, and of the closing bracket if it begins a line */
} Bracket;

typedef struct Place {
  int line, col;
  bool blank;
} Place; /* where a token was put; blank: after an empty line */

typedef struct Fmt {
  Ctx *c;
  const Tokens *ts;
  bool *multi;  /* by token: `{` of a block over several lines */
  bool *colon;  /* by token: `[` with a slice in it */
  int *before;  /* by token: the one before it that is neither comment nor newline, or -1 */
  int *pad;     /* by token: extra spaces before it */
  Place *place; /* by token, of the last run */
  Str out;
  Bracket *open;
  int nopen, open_cap;
  int line, col, indent; /* of the line being written */
} Fmt;

static bool is_semicolon(const Fmt *f, const Token *t) {
  return t->kind == TK_NEWLINE && f->ts->src[t->at - f->ts->start] == ';';
}

static bool is_square(const Token *t) { return t->kind == TK_LB; }

/* ---- analysis before the first run ---- */

static void survey(Fmt *f) {
  const Token *t = f->ts->t;
  int *open = NULL, n = 0, cap = 0;
  for (int k = 0, before = -1; k < f->ts->n; k++) {
    int top = n ? open[n - 1] : -1;
    f->before[k] = before;
    if (t[k].kind != TK_NEWLINE && t[k].kind != TK_COMMENT) before = k;
    if (lex_opens(t[k].kind)) *VEC_PUSH(f->c, open, n, cap) = k;
    if (lex_closes(t[k].kind)) n--;
    if (top < 0) continue;
    if (t[k].kind == TK_COLON && is_square(&t[top])) f->colon[top] = true;
    bool empty = t[k].kind == TK_NEWLINE && k == top + 1 && t[top].match == k + 1;
    if (t[k].kind == TK_NEWLINE && !is_semicolon(f, &t[k]) && t[top].kind == TK_LBRACE && !empty) f->multi[top] = true;
  }
}

/* ---- spaces between two tokens of a line ---- */

static bool ends_operand(int kind) {
  return kind == TK_NAME || (kind >= TK_DATA && kind <= TK_EXPORT) || kind == TK_INT || kind == TK_FLOAT ||
         kind == TK_STR || kind == TK_TRUE || kind == TK_FALSE || kind == TK_RP || kind == TK_RB || kind == TK_RBRACE ||
         kind == TK_QUOTE || kind == TK_DOTS;
}

static bool is_arithmetic(int kind) {
  return kind == TK_PLUS || kind == TK_MINUS || kind == TK_STAR || kind == TK_SLASH || kind == TK_DSLASH ||
         kind == TK_POW;
}

static bool touch(const Token *a, const Token *b) { return a->at + (Loc)a->len == b->at; }

static bool is_unary(const Fmt *f, int k) {
  int b = f->before[k];
  return f->ts->t[k].kind == TK_MINUS && (b < 0 || !ends_operand(f->ts->t[b].kind));
}

/* Operators have no spaces where the author wrote none (`3*D`), and in slices (`1:T+1`). */
static bool is_close(const Fmt *f, int k) {
  const Token *t = f->ts->t;
  if (t[k].kind == TK_RANGE || t[k].kind == TK_DOT) return true;
  if (!is_arithmetic(t[k].kind)) return false;
  int top = f->nopen ? f->open[f->nopen - 1].token : -1;
  if (k == 0 || t[k - 1].kind == TK_NEWLINE || t[k + 1].kind == TK_NEWLINE) return false;
  return (top >= 0 && f->colon[top]) || (touch(&t[k - 1], &t[k]) && touch(&t[k], &t[k + 1]));
}

/* Whether a colon belongs to a slice rather than to a type. */
static bool is_slice(const Fmt *f) {
  if (!f->nopen) return false;
  int top = f->open[f->nopen - 1].token, kind = f->ts->t[top].kind;
  bool signature = kind == TK_LP && top > 1 && f->ts->t[top - 2].kind == TK_DEF;
  return kind != TK_LBRACE && !signature;
}

static bool ends_hint(const Fmt *f, const Token *t) {
  return t->kind == TK_HINT || (t->kind == TK_RP && f->ts->t[t->match].kind == TK_HINTCALL);
}

/* Between tokens a and b > a, neither of them a newline. */
static int spaces_between(const Fmt *f, int a, int b) {
  const Token *x = &f->ts->t[a], *y = &f->ts->t[b];
  if (y->kind == TK_COMMENT) return 2;
  if (x->kind == TK_LBRACE) return y->kind != TK_RBRACE;
  if (lex_opens(x->kind) || y->kind == TK_RP || y->kind == TK_RB) return 0;
  if (y->kind == TK_COMMA || y->kind == TK_QUOTE) return 0;
  if (x->kind == TK_COMMA || ends_hint(f, x)) return 1;
  if (x->kind == TK_COLON) return !is_slice(f);
  if (y->kind == TK_COLON) return 0;
  if (y->kind == TK_LP || y->kind == TK_LB) return !(ends_operand(x->kind) || is_unary(f, a) || is_close(f, a));
  if (is_unary(f, a)) return 0;
  if (is_unary(f, b)) return !is_close(f, a);
  return !is_close(f, a) && !is_close(f, b);
}

/* ---- one run ---- */

static void put(Fmt *f, const char *s, size_t n) {
  str_put(&f->out, s, n);
  for (size_t i = 0; i < n;) {
    int used, width;
    utf8_step(s + i, n - i, &used, &width);
    f->col += width;
    i += (size_t)used;
  }
}

static void put_spaces(Fmt *f, int n) {
  for (; n > 0; n--) put(f, " ", 1);
}

/* The indentation of a line whose first token is k; `soft`: the newline before it does not end a statement. */
static int indent_of(const Fmt *f, int k, int before, bool soft) {
  const Token *t = f->ts->t;
  const Bracket *top = f->nopen ? &f->open[f->nopen - 1] : NULL;
  if (top && lex_closes(t[k].kind)) return top->outside;
  int inside = top ? top->inside : 0;
  if (top && t[top->token].kind != TK_LBRACE) return inside;
  bool goes_on = soft && before >= 0 && !ends_hint(f, &t[before]) && t[k].kind != TK_ELSE;
  return inside + (goes_on ? INDENT : 0);
}

static void push_bracket(Fmt *f, int k) {
  const Token *t = f->ts->t;
  const Bracket *top = f->nopen ? &f->open[f->nopen - 1] : NULL;
  Bracket b = {k, f->col, f->col - 1};
  bool hangs = t[k + 1].kind == TK_COMMENT || t[k + 1].kind == TK_NEWLINE;
  if (t[k].kind == TK_LBRACE) {
    /* A block is indented from its statement, inside other brackets from its line. */
    b.outside = top && t[top->token].kind != TK_LBRACE ? f->indent : top ? top->inside : 0;
    b.inside = b.outside + INDENT;
  } else if (hangs) {
    b.outside = f->indent;
    b.inside = f->indent + INDENT;
  }
  *VEC_PUSH(f->c, f->open, f->nopen, f->open_cap) = b;
}

static void put_break(Fmt *f, int lines, int indent) {
  for (int i = 0; i < lines; i++) str_puts(&f->out, "\n");
  f->line += lines;
  f->col = 0;
  f->indent = indent;
  put_spaces(f, indent);
}

/* How many of the `asked` newlines are printed before token k; `prev` is the token before it. */
static int breaks(const Fmt *f, int k, int prev, int asked) {
  const Token *t = f->ts->t;
  if (prev < 0) return 0;
  bool opened = t[prev].kind == TK_LBRACE, closes = t[k].kind == TK_RBRACE;
  if (opened && closes) return 0;
  if ((opened && f->multi[prev] && t[k].kind != TK_COMMENT) || (closes && f->multi[t[k].match])) return 1;
  if (t[k].kind == TK_ELSE && t[prev].kind == TK_RBRACE) return 0;
  bool in_block = !f->nopen || t[f->open[f->nopen - 1].token].kind == TK_LBRACE;
  if (opened || !in_block || ends_hint(f, &t[prev])) return asked > 1 ? 1 : asked;
  return asked;
}

/* Whether the `;` at k, after `prev`, separates two statements of one line. */
static bool parts_statements(const Fmt *f, int k, int prev, int asked) {
  const Token *t = f->ts->t;
  int next = t[k + 1].kind;
  return prev >= 0 && !asked && t[prev].kind != TK_LBRACE && next != TK_NEWLINE && next != TK_RBRACE &&
         next != TK_EOF && next != TK_COMMENT;
}

static void run(Fmt *f) {
  const Token *t = f->ts->t;
  int prev = -1, asked = 0; /* the token written last; newlines since */
  bool soft = false, semicolon = false;
  f->out = (Str){.c = f->c};
  f->nopen = f->line = f->col = f->indent = 0;
  for (int k = 0; t[k].kind != TK_EOF; k++) {
    if (is_semicolon(f, &t[k])) {
      semicolon = parts_statements(f, k, prev, asked);
      continue;
    }
    if (t[k].kind == TK_NEWLINE) {
      const char *s = f->ts->src + (t[k].at - f->ts->start);
      asked = memchr(s + 1, '\n', (size_t)t[k].len - 1) && !t[k].soft ? 2 : 1;
      soft = t[k].soft;
      continue;
    }
    int lines = breaks(f, k, prev, asked);
    if (semicolon) put(f, ";", 1);
    if (lines) put_break(f, lines, indent_of(f, k, f->before[k], soft && asked));
    else if (prev >= 0) put_spaces(f, semicolon ? 1 : spaces_between(f, prev, k));
    if (lex_closes(t[k].kind)) f->nopen--;
    put_spaces(f, f->pad[k]);
    f->place[k] = (Place){f->line, f->col - f->pad[k], lines > 1};
    put(f, f->ts->src + (t[k].at - f->ts->start), (size_t)t[k].len);
    if (lex_opens(t[k].kind)) push_bracket(f, k);
    prev = k;
    asked = 0;
    soft = semicolon = false;
  }
  if (prev >= 0) str_puts(&f->out, "\n");
}

/* ---- alignment ---- */

/* Aligns tokens v[0..n), one per line, which were aligned in the source. */
static void align(Fmt *f, const int *v, int n) {
  int far = 0;
  for (int i = 0; i < n; i++)
    if (f->place[v[i]].col > far) far = f->place[v[i]].col;
  for (int i = 0; i < n; i++) f->pad[v[i]] = far - f->place[v[i]].col;
}

typedef struct Run {
  int *v, n, cap, column;
} Run; /* a run of aligned tokens, its column in the source */

static void run_end(Fmt *f, Run *r) {
  if (r->n > 1) align(f, r->v, r->n);
  r->n = 0;
}

static void run_add(Fmt *f, Run *r, int k, bool adjacent) {
  int column = source_pos(f->c, f->ts->t[k].at).col;
  if (r->n && (!adjacent || column != r->column)) run_end(f, r);
  *VEC_PUSH(f->c, r->v, r->n, r->cap) = k;
  r->column = column;
}

static bool first_of_line(const Fmt *f, int k) {
  int b = k - 1;
  while (b >= 0 && f->ts->t[b].kind == TK_NEWLINE) b--;
  return b < 0 || f->place[b].line != f->place[k].line;
}

/* The `=` of the statement that begins at k, if it is on the same line and outside brackets; else -1. */
static int equals_of(const Fmt *f, int k) {
  const Token *t = f->ts->t;
  for (int line = f->place[k].line; t[k].kind != TK_NEWLINE && t[k].kind != TK_EOF && f->place[k].line == line; k++) {
    if (t[k].kind == TK_EQ || t[k].kind == TK_ASSIGN) return k;
    if (t[k].kind == TK_LP || t[k].kind == TK_LB || t[k].kind == TK_HINTCALL) k = t[k].match;
    else if (lex_opens(t[k].kind) || lex_closes(t[k].kind)) return -1;
  }
  return -1;
}

static void align_equals(Fmt *f) {
  const Token *t = f->ts->t;
  Run r = {0};
  for (int k = 0, begins = 1; t[k].kind != TK_EOF; k++) {
    bool starts = begins && t[k].kind != TK_NEWLINE && t[k].kind != TK_COMMENT;
    if (t[k].kind == TK_NEWLINE) begins |= !t[k].soft;
    else if (t[k].kind != TK_COMMENT) begins = t[k].kind == TK_LBRACE;
    if (t[k].kind == TK_RBRACE && first_of_line(f, k)) run_end(f, &r);
    if (!starts || !first_of_line(f, k)) continue;
    int e = equals_of(f, k), last = r.n ? r.v[r.n - 1] : -1;
    if (e < 0) {
      run_end(f, &r);
      continue;
    }
    bool same = last >= 0 && t[last].kind == t[e].kind && !f->place[k].blank;
    run_add(f, &r, e, same);
  }
  run_end(f, &r);
}

static void align_comments(Fmt *f) {
  const Token *t = f->ts->t;
  Run r = {0};
  for (int k = 0; t[k].kind != TK_EOF; k++) {
    if (t[k].kind != TK_COMMENT || first_of_line(f, k)) continue;
    run_add(f, &r, k, r.n && f->place[r.v[r.n - 1]].line + 1 == f->place[k].line);
  }
  run_end(f, &r);
}

char *fmt_source(Ctx *c, Loc start) {
  int before = diag_errors(c);
  parse_source(c, start);
  if (diag_errors(c) > before) return NULL;
  const Tokens *ts = lex_source(c, start);
  size_t n = (size_t)ts->n;
  Fmt f = {.c = c, .ts = ts};
  f.multi = ctx_alloc(c, n * sizeof *f.multi);
  f.colon = ctx_alloc(c, n * sizeof *f.colon);
  f.before = ctx_alloc(c, n * sizeof *f.before);
  f.pad = ctx_alloc(c, n * sizeof *f.pad);
  f.place = ctx_alloc(c, n * sizeof *f.place);
  survey(&f);
  run(&f);
  align_equals(&f);
  run(&f);
  align_comments(&f);
  run(&f);
  return f.out.s ? f.out.s : ctx_strf(c, "%s", "");
}
