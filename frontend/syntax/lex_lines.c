/* SPDX-License-Identifier: Apache-2.0 */
/* The lexer's second half: which `@` is a hint, which bracket has which partner, which newline ends a statement. */
#include "frontend/syntax/lex.h"
#include "ir/diag.h"
#include <string.h>

enum {
  MAX_BROKEN = 64,
  MAX_LINES = 1000 /* that a block without its head is looked for */,
  MAX_OPEN = 64,
  LOOKAHEAD = 500 /* tokens of a line */
};
enum { OPENS = 1, CLOSES = 2, BINARY = 4, WORD = 8 };

static const uint8_t CLASS[256] = {
  [TK_LP] = OPENS,     [TK_LB] = OPENS,          [TK_LBRACE] = OPENS,     [TK_HINTCALL] = OPENS,    [TK_RP] = CLOSES,
  [TK_RB] = CLOSES,    [TK_RBRACE] = CLOSES,     [TK_PLUS] = BINARY,      [TK_MINUS] = BINARY,      [TK_STAR] = BINARY,
  [TK_SLASH] = BINARY, [TK_DSLASH] = BINARY,     [TK_POW] = BINARY,       [TK_AT] = BINARY,         [TK_PIPE] = BINARY,
  [TK_RANGE] = BINARY, [TK_EQEQ] = BINARY,       [TK_NE] = BINARY,        [TK_LT] = BINARY,         [TK_LE] = BINARY,
  [TK_GT] = BINARY,    [TK_GE] = BINARY,         [TK_EQ] = BINARY,        [TK_ASSIGN] = BINARY,     [TK_ARROW] = BINARY,
  [TK_COMMA] = BINARY, [TK_AND] = BINARY | WORD, [TK_OR] = BINARY | WORD, [TK_NOT] = BINARY | WORD, [TK_ASSERT] = WORD,
  [TK_CONST] = WORD,   [TK_DEF] = WORD,          [TK_ELSE] = WORD,        [TK_FALSE] = WORD,        [TK_FOR] = WORD,
  [TK_IF] = WORD,      [TK_IN] = WORD,           [TK_PARAM] = WORD,       [TK_STATE] = WORD,        [TK_TRUE] = WORD,
  [TK_USE] = WORD};

bool lex_opens(int kind) { return CLASS[kind] & OPENS; }
bool lex_closes(int kind) { return CLASS[kind] & CLOSES; }
bool lex_binary(int kind) { return CLASS[kind] & BINARY; }
bool lex_word(int kind) { return CLASS[kind] & WORD; }

typedef struct Open {
  Ctx *c;
  Tokens *ts;
  int *v, n, cap; /* indices of the brackets that are open */
  int next;       /* the first token that was not looked at; those before are compacted */
  int line;       /* the first token of the current line */
} Open;

static int top_kind(const Open *o) { return o->n ? o->ts->t[o->v[o->n - 1]].kind : TK_EOF; }

static bool partners(int open, int close) {
  return close == (open == TK_LB ? TK_RB : open == TK_LBRACE ? TK_RBRACE : TK_RP);
}

static Diag *bracket_error(Open *o, int k, const char *what) {
  Token *t = &o->ts->t[k];
  int len = t->kind == TK_HINTCALL ? t->len - 1 : 0; /* of `@name(` only the bracket is meant */
  Loc at = t->at + (Loc)len;
  char ch = o->ts->src[at - o->ts->start];
  t->kind = TK_BAD;
  return diag_error(o->c, E_UNBALANCED_BRACKET, at, 1, what, ch);
}

/* An unterminated string hides the brackets after it: report one error only. */
static bool line_is_faulty(const Open *o, int k) {
  const Token *t = o->ts->t;
  for (int end = k + 200; k < end && t[k].kind != TK_NEWLINE && t[k].kind != TK_EOF; k++)
    if (t[k].kind == TK_BAD) return true;
  return false;
}

static bool at_margin(const Open *o, const Token *t) {
  return t->at == o->ts->start || o->ts->src[t->at - o->ts->start - 1] == '\n';
}

static bool item_word(int kind) {
  return kind == TK_DEF || kind == TK_USE || kind == TK_CONST || (kind >= TK_DATA && kind <= TK_EXPORT);
}

/* Whether a bracket of this line was reported already, or a string swallowed the partner. */
static bool in_broken(const Open *o, int k) {
  for (int i = 0; i < o->ts->nbroken; i++)
    if (o->ts->t[k].at >= o->ts->broken[i].from && o->ts->t[k].at < o->ts->broken[i].to) return true;
  return false;
}

/* From token `from` to the end of the line of token `to`. */
static void mark_broken(Open *o, int from, int to) {
  const Token *t = o->ts->t;
  if (o->ts->nbroken == MAX_BROKEN) return;
  while (t[to].kind != TK_NEWLINE && t[to].kind != TK_EOF) to++;
  VEC_PUSH(o->c, o->ts->broken, o->ts->nbroken, o->ts->capbroken);
  o->ts->broken[o->ts->nbroken - 1].from = t[from].at;
  o->ts->broken[o->ts->nbroken - 1].to = t[to].at;
}

/* The first token of a line. */
static int line_of(const Open *o, int k) {
  while (k > 0 && o->ts->t[k - 1].kind != TK_NEWLINE) k--;
  return k;
}

/* The first line of a run of lines that continue by an operator or a comma. */
static int lines_of(const Open *o, int k) {
  const Token *t = o->ts->t;
  do k = line_of(o, k);
  while (k > 1 && lex_binary(t[k - 2].kind) && (k -= 2) > 0);
  return k;
}

/* From an unclosed bracket to the end of the next line, which is inside it. */
static void mark_unclosed(Open *o, int k) {
  const Token *t = o->ts->t;
  int to = k;
  if (o->ts->nbroken == MAX_BROKEN || in_broken(o, k)) return;
  while (t[to].kind != TK_NEWLINE && t[to].kind != TK_EOF) to++;
  mark_broken(o, k, t[to].kind == TK_EOF ? to : to + 1);
}

/* `}` at token k closes nothing. The cause may be a head without its `{` in the same item; then everything from
 * there on is broken. Otherwise only the line of k is. */
static int headless_line(const Open *o, int k) {
  const Token *t = o->ts->t;
  for (int line = line_of(o, k), n = 0;; line = line_of(o, line - 1), n++) {
    bool margin = item_word(t[line].kind) && at_margin(o, &t[line]);
    int heads = margin && t[line].kind != TK_USE && t[line].kind != TK_CONST, braces = 0;
    for (int i = line; t[i].kind != TK_NEWLINE && t[i].kind != TK_EOF && i <= k; i++) {
      braces += t[i].kind == TK_LBRACE;
      heads += t[i].kind == TK_IF || t[i].kind == TK_FOR || (t[i].kind == TK_ELSE && t[i + 1].kind != TK_IF);
    }
    if (heads > braces) return line;
    if (margin || !line || n == MAX_LINES) return line_of(o, k);
  }
}

/* The innermost bracket is not closed before token `k`. The message format has one %c, the bracket. */
static void unclosed(Open *o, int k) {
  int open = o->v[--o->n];
  if (line_is_faulty(o, open)) {
    o->ts->t[open].kind = TK_BAD;
    return;
  }
  Diag *d = bracket_error(o, open, "`%c` is never closed");
  mark_unclosed(o, open);
  const Token *t = &o->ts->t[k];
  diag_label(o->c, d, t->at, t->len, "not closed before this `%.*s`", t->len, o->ts->src + (t->at - o->ts->start));
}

/* Token `k` begins an item of the file, so all open brackets should have been closed before. */
static void unclosed_all(Open *o, int k, const char *where) {
  Token *t = o->ts->t;
  Diag *d = NULL;
  int resume = k && t[k - 1].kind == TK_NEWLINE ? k - 1 : k;
  for (int i = o->n - 1; i >= 0; i--) {
    int open = o->v[i];
    t[open].match = resume;
    if (line_is_faulty(o, open)) t[open].kind = TK_BAD;
    else if (!d) {
      d = bracket_error(o, open, "`%c` is never closed");
      diag_label(o->c, d, t[k].at, t[k].len, "%s", where);
    } else {
      diag_label(o->c, d, t[open].at, t[open].len, "this one neither");
      t[open].kind = TK_BAD;
    }
  }
  if (o->n) mark_unclosed(o, o->v[0]);
  o->n = 0;
}

/* The brackets of the current line that get no partner if the first n open ones stay open here. */
static int without_partner(const Open *o, int n) {
  int open[MAX_OPEN], m = 0, lost = 0, first = n;
  while (first > 0 && first > n - MAX_OPEN && o->v[first - 1] >= o->line) first--;
  for (; first < n; first++) open[m++] = o->ts->t[o->v[first]].kind;
  const Token *t = &o->ts->t[o->next], *end = t + LOOKAHEAD;
  for (; t < end && t->kind != TK_NEWLINE && t->kind != TK_EOF; t++) {
    int j = m;
    if (lex_opens(t->kind) && m < MAX_OPEN) open[m++] = t->kind;
    if (!lex_closes(t->kind)) continue;
    while (j > 0 && !partners(open[j - 1], t->kind)) j--;
    lost += j ? m - j : 1;
    if (j) m = j - 1;
  }
  return lost + m;
}

/* The open bracket that token k closes, as an index of o->v; -1: none. `)` and `]` do not close beyond a block of other
 * lines. Where brackets of the same line are open inside of the pair, either they or k have no partner: what leaves
 * fewer in this line without one. */
static int partner_of(const Open *o, int k) {
  const Token *t = o->ts->t;
  int kind = t[k].kind, j = o->n - 1;
  while (j >= 0 && !partners(t[o->v[j]].kind, kind) &&
         (kind == TK_RBRACE || t[o->v[j]].kind != TK_LBRACE || o->v[j] >= o->line))
    j--;
  if (j < 0 || !partners(t[o->v[j]].kind, kind)) return -1;
  int inside = o->n - 1 - j;
  if (!inside || o->v[o->n - 1] < o->line) return j;
  return 1 + without_partner(o, o->n) < inside + without_partner(o, j) ? -1 : j;
}

static void closer(Open *o, int k) {
  Token *t = o->ts->t;
  int kind = t[k].kind, j = partner_of(o, k);
  if (j < 0) {
    bool again = in_broken(o, k);
    if (again || line_is_faulty(o, k)) t[k].kind = TK_BAD;
    else {
      Diag *d = bracket_error(o, k, "`%c` closes nothing");
      diag_help(o->c, d, "leave it out, or open it above");
    }
    if (!again) mark_broken(o, kind == TK_RBRACE ? headless_line(o, k) : lines_of(o, k), k);
    return;
  }
  while (o->n - 1 > j) unclosed(o, k);
  o->n--;
  t[o->v[j]].match = k;
  t[k].match = o->v[j];
}

/* Token k ends a line. If a string of it has no end, some of its brackets are inside of strings: as many of those that
 * it opened stay open as its characters leave without a partner. */
static void end_of_line(Open *o, int k) {
  const Token *t = o->ts->t;
  int line = o->line, bad = line, open = 0, opened = 0;
  const char *src = o->ts->src - o->ts->start;
  o->line = k + 1;
  while (bad < k && !(t[bad].kind == TK_BAD && src[t[bad].at] == '"')) bad++;
  if (bad == k) return;
  for (Loc at = t[line].at; at < t[k].at; at++) {
    open += src[at] && strchr("([{", src[at]);
    open -= open && src[at] && strchr(")]}", src[at]);
  }
  for (int i = 0; i < o->n; i++) opened += o->v[i] >= line;
  for (; opened > open; opened--) o->ts->t[o->v[--o->n]].kind = TK_BAD;
}

/* Whether tokens t[k], t[k+1]... begin a top-level item. `before` is the token before them. If they are indented,
 * they may be a def inside a def, which is another error. */
static bool begins_item(const Open *o, const Token *t, const Token *before) {
  int top = top_kind(o);
  if (!at_margin(o, t) || (before && lex_binary(before->kind))) return false;
  switch (t->kind) {
  case TK_DEF:
  case TK_CONST: return true;
  case TK_EXPORT: return t[1].kind == TK_DEF;
  case TK_DATA:
  case TK_TARGET: return t[1].kind == TK_NAME && t[2].kind == TK_LBRACE;
  case TK_TRAIN: return top == TK_LBRACE && t[1 + (t[1].kind == TK_NAME)].kind == TK_LBRACE;
  case TK_TEST: return t[1].kind == TK_STR && t[2].kind == TK_LBRACE;
  case TK_IMPORT: return t[1].kind == TK_STR;
  case TK_DIM: return t[1].kind == TK_NAME && (t[2].kind == TK_EQ || t[2].kind == TK_LE);
  default: return false;
  }
}

static bool touch(const Token *a, const Token *b) { return a->at + (Loc)a->len == b->at; }

static bool is_name(const Token *t) {
  return t->text && t->kind != TK_STR && t->kind != TK_INT && t->kind != TK_FLOAT && t->kind != TK_BAD;
}

/* `@` at the start of a statement, or after another hint, joins the name after it, and the `(` after that. Returns
 * the number of tokens consumed. */
static int join_hint(Open *o, const Token *t, const Token *before, Token *out) {
  Tokens *ts = o->ts;
  bool start = !before || before->kind == TK_NEWLINE || before->kind == TK_LBRACE || before->kind == TK_HINT ||
               before->kind == TK_COMMENT || (before->kind == TK_RP && ts->t[before->match].kind == TK_HINTCALL);
  *out = t[0];
  if (!start || top_kind(o) == TK_LP || top_kind(o) == TK_LB || top_kind(o) == TK_HINTCALL) return 1;
  if (!touch(&t[0], &t[1]) || !is_name(&t[1])) {
    Diag *d = diag_error(o->c, E_SYNTAX, t->at, t->len, "`@` at the start of a statement needs a name: `@nodecay`");
    diag_help(o->c, d, "a matrix product that continues the line above has its `@` at the end of that line");
    out->kind = TK_BAD;
    return 1;
  }
  bool call = t[2].kind == TK_LP && touch(&t[1], &t[2]);
  out->kind = call ? TK_HINTCALL : TK_HINT;
  out->text = t[1].text;
  out->len = 1 + t[1].len + call;
  return 2 + call;
}

/* Joins hints and pairs brackets, compacting the array. */
static void pair_brackets(Open *o) {
  Tokens *ts = o->ts;
  int n = 0;
  for (int k = 0, used; k < ts->n; k += used, n++) {
    Token t = ts->t[k];
    const Token *before = n ? &ts->t[n - 1] : NULL;
    bool item = o->n && begins_item(o, &ts->t[k], n > 1 ? &ts->t[n - 2] : NULL);
    used = t.kind == TK_AT ? join_hint(o, &ts->t[k], before, &t) : 1;
    ts->t[n] = t;
    o->next = k + used;
    if (item) unclosed_all(o, n, "still open here, where an item of the file begins");
    if (t.kind == TK_EOF && o->n) unclosed_all(o, n, "still open at the end of the file");
    if (lex_closes(t.kind)) closer(o, n);
    if (t.kind == TK_NEWLINE) end_of_line(o, n);
    if (!lex_opens(t.kind)) continue;
    *VEC_PUSH(o->c, o->v, o->n, o->cap) = n;
    if (o->n > LEX_MAX_NESTING) {
      diag_error(o->c, E_NESTING, t.at, t.len, "brackets nest more than %d deep", LEX_MAX_NESTING);
      ts->stop = true;
      return;
    }
  }
  ts->n = n;
}

static const Token *next_real(const Token *t) {
  while (t->kind == TK_COMMENT || t->kind == TK_NEWLINE) t++;
  return t;
}

/* Newlines count unless a round or square bracket is open, an operand is missing, a hint needs its statement, or the
 * next line begins with
 *
 * > or else. Linear: `next` only moves forward. */
static void soften_newlines(Open *o) {
  Token *t = o->ts->t, *before = NULL;
  const Token *next = t;
  o->n = 0;
  for (int k = 0; k < o->ts->n; k++) {
    if (t[k].kind == TK_COMMENT) continue;
    if (t[k].kind != TK_NEWLINE) {
      if (lex_opens(t[k].kind)) *VEC_PUSH(o->c, o->v, o->n, o->cap) = k;
      if (lex_closes(t[k].kind)) o->n--;
      before = &t[k];
      continue;
    }
    if (o->ts->src[t[k].at - o->ts->start] == ';') {
      before = &t[k];
      continue;
    }
    if (next < &t[k]) next = next_real(&t[k]);
    int top = top_kind(o);
    bool hint = before && (before->kind == TK_HINT || (before->kind == TK_RP && t[before->match].kind == TK_HINTCALL));
    t[k].soft = (o->n && top != TK_LBRACE) || (before && lex_binary(before->kind)) || hint ||
                (before && next->kind == TK_PIPE) || (before && before->kind == TK_RBRACE && next->kind == TK_ELSE);
    if (!t[k].soft) before = &t[k];
  }
}

void lex_lines(Ctx *c, Tokens *ts) {
  Open o = {.c = c, .ts = ts};
  pair_brackets(&o);
  if (!ts->stop) soften_newlines(&o);
}
