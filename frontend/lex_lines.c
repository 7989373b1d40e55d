/* The lexer's second half: which `@` is a hint, which bracket has which partner, which newline ends a statement. */
#include "frontend/lex.h"
#include "ir/diag.h"
#include <string.h>

enum { MAX_TORN = 64, MAX_LINES = 1000 /* that a block without its head is looked for */ };
enum { OPENS = 1, CLOSES = 2, BINARY = 4, WORD = 8 };

static const uint8_t CLASS[256] = {
  [TK_LP] = OPENS, [TK_LB] = OPENS, [TK_LBRACE] = OPENS, [TK_HINTCALL] = OPENS,
  [TK_RP] = CLOSES, [TK_RB] = CLOSES, [TK_RBRACE] = CLOSES,
  [TK_PLUS] = BINARY, [TK_MINUS] = BINARY, [TK_STAR] = BINARY, [TK_SLASH] = BINARY, [TK_DSLASH] = BINARY,
  [TK_POW] = BINARY, [TK_AT] = BINARY, [TK_PIPE] = BINARY, [TK_RANGE] = BINARY, [TK_EQEQ] = BINARY, [TK_NE] = BINARY,
  [TK_LT] = BINARY, [TK_LE] = BINARY, [TK_GT] = BINARY, [TK_GE] = BINARY, [TK_EQ] = BINARY, [TK_ASSIGN] = BINARY,
  [TK_ARROW] = BINARY, [TK_COMMA] = BINARY,
  [TK_AND] = BINARY | WORD, [TK_OR] = BINARY | WORD, [TK_NOT] = BINARY | WORD, [TK_ASSERT] = WORD, [TK_CONST] = WORD,
  [TK_DEF] = WORD, [TK_ELSE] = WORD, [TK_FALSE] = WORD, [TK_FOR] = WORD, [TK_IF] = WORD, [TK_IN] = WORD,
  [TK_PARAM] = WORD, [TK_STATE] = WORD, [TK_TRUE] = WORD, [TK_USE] = WORD};

bool lex_opens(int kind) { return CLASS[kind] & OPENS; }
bool lex_closes(int kind) { return CLASS[kind] & CLOSES; }
bool lex_binary(int kind) { return CLASS[kind] & BINARY; }
bool lex_word(int kind) { return CLASS[kind] & WORD; }

typedef struct Open {
  Ctx *c;
  Tokens *ts;
  int *v, n, cap; /* indices of the brackets that are open */
} Open;

static int top_kind(const Open *o) {
  return o->n ? o->ts->t[o->v[o->n - 1]].kind : TK_EOF;
}

static bool partners(int open, int close) {
  return close == (open == TK_LB ? TK_RB : open == TK_LBRACE ? TK_RBRACE : TK_RP);
}

static Diag *bracket_error(Open *o, int k, const char *what) {
  Token *t = &o->ts->t[k];
  int len = t->kind == TK_HINTCALL ? t->len - 1 : 0; /* of `@name(` only the bracket is meant */
  Loc at = t->at + (Loc)len;
  char ch = o->ts->src[at - o->ts->start];
  t->kind = TK_BAD;
  return diag_error(o->c, 103, at, 1, what, ch);
}

/* A string without an end hides the brackets behind it: one fault is enough. */
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
static bool torn_before(const Open *o, int k) {
  for (int i = 0; i < o->ts->ntorn; i++)
    if (o->ts->t[k].at >= o->ts->torn[i].from && o->ts->t[k].at < o->ts->torn[i].to) return true;
  return false;
}

/* From token `from` to the end of the line of token `to`. */
static void tear(Open *o, int from, int to) {
  const Token *t = o->ts->t;
  if (o->ts->ntorn == MAX_TORN) return;
  while (t[to].kind != TK_NEWLINE && t[to].kind != TK_EOF) to++;
  VEC_PUSH(o->c, o->ts->torn, o->ts->ntorn, o->ts->captorn);
  o->ts->torn[o->ts->ntorn - 1].from = t[from].at;
  o->ts->torn[o->ts->ntorn - 1].to = t[to].at;
}

/* The first token of a line. */
static int line_of(const Open *o, int k) {
  while (k > 0 && o->ts->t[k - 1].kind != TK_NEWLINE) k--;
  return k;
}

/* The same of lines of which each goes on with the next, by its operator or comma. */
static int lines_of(const Open *o, int k) {
  const Token *t = o->ts->t;
  do k = line_of(o, k);
  while (k > 1 && lex_binary(t[k - 2].kind) && (k -= 2) > 0);
  return k;
}

/* From a bracket that is never closed to the end of the next line, which goes on inside it. */
static void tear_open(Open *o, int k) {
  const Token *t = o->ts->t;
  int to = k;
  if (o->ts->ntorn == MAX_TORN || torn_before(o, k)) return;
  while (t[to].kind != TK_NEWLINE && t[to].kind != TK_EOF) to++;
  tear(o, k, t[to].kind == TK_EOF ? to : to + 1);
}

/* `}` at token k closes nothing. A head without its `{` in the same item is the cause, and what stands between is no
 * statement of anything; else only the line of k is. */
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

/* The bracket on top is not closed before token `k`. The message format has one %c, the bracket. */
static void unclosed(Open *o, int k) {
  int open = o->v[--o->n];
  if (line_is_faulty(o, open)) {
    o->ts->t[open].kind = TK_BAD;
    return;
  }
  Diag *d = bracket_error(o, open, "`%c` is never closed");
  tear_open(o, open);
  const Token *t = &o->ts->t[k];
  diag_label(o->c, d, t->at, t->len, "not closed before this `%.*s`", t->len, o->ts->src + (t->at - o->ts->start));
}

/* Token `k` can only begin an item of the file, so whatever is open should have been closed before. */
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
  if (o->n) tear_open(o, o->v[0]);
  o->n = 0;
}

static void closer(Open *o, int k) {
  Token *t = o->ts->t;
  int kind = t[k].kind, j = o->n - 1;
  /* `)` and `]` do not close beyond a block. */
  while (j >= 0 && !partners(t[o->v[j]].kind, kind) && (kind == TK_RBRACE || t[o->v[j]].kind != TK_LBRACE)) j--;
  if (j < 0 || !partners(t[o->v[j]].kind, kind)) {
    bool again = torn_before(o, k);
    if (again || line_is_faulty(o, k)) t[k].kind = TK_BAD;
    else bracket_error(o, k, "`%c` closes nothing");
    if (!again) tear(o, kind == TK_RBRACE ? headless_line(o, k) : lines_of(o, k), k);
    return;
  }
  while (o->n - 1 > j) unclosed(o, k);
  o->n--;
  t[o->v[j]].match = k;
  t[k].match = o->v[j];
}

/* Tokens t[k], t[k+1]...: do they begin an item that stands at top level only? `before` is the token before them. What
 * is indented may be a def inside a def, a fault of its own kind. */
static bool begins_item(const Open *o, const Token *t, const Token *before) {
  int top = top_kind(o);
  if (!at_margin(o, t) || (before && lex_binary(before->kind))) return false;
  switch (t->kind) {
  case TK_DEF: case TK_CONST: return true;
  case TK_EXPORT: return t[1].kind == TK_DEF;
  case TK_DATA: case TK_TARGET: return t[1].kind == TK_NAME && t[2].kind == TK_LBRACE;
  case TK_TRAIN: return top == TK_LBRACE && t[1 + (t[1].kind == TK_NAME)].kind == TK_LBRACE;
  case TK_TEST: return t[1].kind == TK_STR && t[2].kind == TK_LBRACE;
  case TK_IMPORT: return t[1].kind == TK_STR;
  case TK_DIM: return t[1].kind == TK_NAME && (t[2].kind == TK_EQ || t[2].kind == TK_LE);
  default: return false;
  }
}

static bool touch(const Token *a, const Token *b) {
  return a->at + (Loc)a->len == b->at;
}

static bool is_name(const Token *t) {
  return t->text && t->kind != TK_STR && t->kind != TK_INT && t->kind != TK_FLOAT && t->kind != TK_BAD;
}

/* `@` where a statement begins, or behind another hint, joins the name behind it, and the `(` behind that. Returns the
 * number of tokens used up. */
static int join_hint(Open *o, const Token *t, const Token *before, Token *out) {
  Tokens *ts = o->ts;
  bool start = !before || before->kind == TK_NEWLINE || before->kind == TK_LBRACE || before->kind == TK_HINT ||
               before->kind == TK_COMMENT || (before->kind == TK_RP && ts->t[before->match].kind == TK_HINTCALL);
  *out = t[0];
  if (!start || top_kind(o) == TK_LP || top_kind(o) == TK_LB || top_kind(o) == TK_HINTCALL) return 1;
  if (!touch(&t[0], &t[1]) || !is_name(&t[1])) {
    Diag *d = diag_error(o->c, 107, t->at, t->len, "`@` at the start of a statement needs a name: `@nodecay`");
    diag_help(o->c, d, "a matrix product that goes on from the line above has its `@` at the end of that line");
    out->kind = TK_BAD;
    return 1;
  }
  bool call = t[2].kind == TK_LP && touch(&t[1], &t[2]);
  out->kind = call ? TK_HINTCALL : TK_HINT;
  out->text = t[1].text;
  out->len = 1 + t[1].len + call;
  return 2 + call;
}

/* Joins hints and pairs brackets, packing the array as it goes. */
static void pair_brackets(Open *o) {
  Tokens *ts = o->ts;
  int n = 0;
  for (int k = 0, used; k < ts->n; k += used, n++) {
    Token t = ts->t[k];
    const Token *before = n ? &ts->t[n - 1] : NULL;
    bool item = o->n && begins_item(o, &ts->t[k], n > 1 ? &ts->t[n - 2] : NULL);
    used = t.kind == TK_AT ? join_hint(o, &ts->t[k], before, &t) : 1;
    ts->t[n] = t;
    if (item) unclosed_all(o, n, "still open here, where an item of the file begins");
    if (t.kind == TK_EOF && o->n) unclosed_all(o, n, "still open at the end of the file");
    if (lex_closes(t.kind)) closer(o, n);
    if (!lex_opens(t.kind)) continue;
    *VEC_PUSH(o->c, o->v, o->n, o->cap) = n;
    if (o->n > LEX_MAX_NESTING) {
      diag_error(o->c, 105, t.at, t.len, "brackets nest more than %d deep", LEX_MAX_NESTING);
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

/* Newlines count unless a round or square bracket is open, an operand is still to come, a hint waits for its
 * statement, or the next line goes on with |> or else. Linear: `next` moves forward only. */
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
