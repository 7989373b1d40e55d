/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the grammar: feeds tokens, reports syntax errors, resumes after statements with errors. */
#include "frontend/parse.h"
#include "frontend/syntax/ast_build.h"
#include "ir/diag.h"
#include <string.h>

/* The parser that lemon generates from nn.y. */
void NnInit(void *parser);
void Nn(void *parser, int kind, const Token *t, Parse *p);
void nn_resume(void *parser);
size_t nn_size(void);

const Token *parse_token_before(const Parse *p, int k) {
  for (k--; k >= 0; k--)
    if (parse_token(p, k)->kind != TK_COMMENT && !parse_token(p, k)->soft) return parse_token(p, k);
  return NULL;
}

void parse_file(Parse *p, Nodes *items) {
  Ast *a = ctx_alloc(p->c, sizeof *a);
  a->kind = AST_FILE;
  a->depth = 1;
  a->at = a->caret = p->ts->start;
  a->len = a->caret_len = p->ts->size ? (int)p->ts->size : 1;
  a->n = items->n;
  a->kid = items->v;
  p->file = a;
}

void parse_too_deep(Parse *p) {
  const Token *t = parse_token(p, p->cur);
  if (!p->stop) diag_error(p->c, E_NESTING, t->at, t->len, "this is nested too deeply");
  p->stop = true;
}

/* ---- feeding ---- */

/* A `{` on a line of its own belongs to the head above it, which was rejected: skip its block too. */
static int after_block(const Parse *p, int k) {
  int j = k;
  while (parse_token(p, j)->kind == TK_NEWLINE || parse_token(p, j)->kind == TK_COMMENT) j++;
  return parse_token(p, j)->kind == TK_LBRACE ? parse_token(p, j)->match + 1 : k;
}

static int column(const Parse *p, int k) { return source_pos(p->c, parse_token(p, k)->at).col; }

/* A rejected line that ends with `:` heads a block of Python: the index after its further indented lines, and after
 * those of `else:` and the like. k: of the newline at the end of the rejected line. */
static int after_indented(const Parse *p, int k) {
  int line = k;
  while (line > 0 && !parse_token(p, line)->first) line--;
  const Token *last = parse_token_before(p, k);
  if (!last || last->kind != TK_COLON) return k;
  for (int next = k; parse_token(p, next)->kind != TK_EOF;) {
    while (parse_token(p, next)->kind == TK_NEWLINE || parse_token(p, next)->kind == TK_COMMENT) next++;
    const Token *t = parse_token(p, next);
    bool again = t->kind == TK_ELSE || (t->kind == TK_NAME && !strcmp(t->text, "elif"));
    bool same = again && column(p, next) == column(p, line);
    if (t->kind == TK_EOF || t->kind == TK_RBRACE || (!same && column(p, next) <= column(p, line))) break;
    while (parse_token(p, next)->kind != TK_NEWLINE && parse_token(p, next)->kind != TK_EOF) {
      if (parse_token(p, next)->match > next) next = parse_token(p, next)->match;
      next++;
    }
    k = next;
  }
  return k;
}

/* Where to resume after the token at p->cur was rejected: the newline or `}` that ends its statement. The grammar
 * has dropped the statement and, if the rejected token ends it, has consumed that token already. */
static int resume_at(Parse *p) {
  int k = p->cur;
  const Token *t = parse_token(p, k);
  bool inside = false;
  if (t->kind == TK_RBRACE) return k + 1;
  while (p->nopen && parse_token(p, p->open[p->nopen - 1])->kind != TK_LBRACE) {
    k = parse_token(p, p->open[--p->nopen])->match; /* the outermost round or square bracket of the statement */
    inside = true;
  }
  if (!inside) {
    if (t->kind == TK_NEWLINE) return after_block(p, k + 1);
    if (t->kind == TK_EOF) return k;
    if (t->match > k) k = t->match; /* a bracket: skip its contents */
    if (t->kind == TK_BAD && t->match) return k;
  }
  if (inside || lex_closes(parse_token(p, k)->kind)) k++;
  else if (k == p->cur) k++;
  for (;; k++) {
    t = parse_token(p, k);
    if (t->kind == TK_EOF || t->kind == TK_RBRACE || (t->kind == TK_NEWLINE && !t->soft)) return k;
    if (t->match > k) k = t->kind == TK_BAD ? t->match - 1 : t->match;
  }
}

static void feed_all(Parse *p, void *nn) {
  int k = 0;
  for (; parse_token(p, k)->kind != TK_EOF && !p->stop;) {
    const Token *t = parse_token(p, k);
    p->cur = k++;
    if (t->kind == TK_COMMENT || (t->kind == TK_NEWLINE && t->soft)) continue;
    if (lex_closes(t->kind)) p->nopen--;
    p->faulty = false;
    Nn(nn, t->kind, t, p);
    if (p->faulty) {
      k = after_indented(p, resume_at(p));
      p->errors_before = diag_errors(p->c);
      nn_resume(nn);
    } else if (t->kind == TK_NEWLINE || t->kind == TK_RBRACE) {
      p->errors_before = diag_errors(p->c);
    } else if (lex_opens(t->kind)) {
      p->errors_before = t->kind == TK_LBRACE ? diag_errors(p->c) : p->errors_before;
      *VEC_PUSH(p->c, p->open, p->nopen, p->open_cap) = p->cur;
    }
  }
  p->cur = k;
  if (!p->stop) Nn(nn, TK_EOF, parse_token(p, k), p);
}

static Ast *parse_tokens(Ctx *c, Tokens *ts) {
  Parse p = {.c = c, .ts = ts, .errors_before = diag_errors(c)};
  DiagMark mark = diag_mark(c);
  if (!p.ts->stop) {
    void *nn = ctx_alloc(c, nn_size());
    NnInit(nn);
    feed_all(&p, nn);
  }
  if (!p.file || p.stop) parse_file(&p, nodes_new(&p));
  ast_check(c, p.file);
  for (int i = 0; i < ts->nbroken; i++) diag_forget(c, &mark, ts->broken[i].from, ts->broken[i].to);
  return p.file;
}

Ast *parse_source(Ctx *c, Loc start) { return parse_tokens(c, lex_source(c, start)); }

Ast *parse_item(Ctx *c, Loc start, const char *text, size_t n) {
  const Ast *file = parse_tokens(c, lex_part(c, start, text, n));
  return file->n == 1 ? file->kid[0] : NULL;
}

Ast *parse_expression(Ctx *c, Loc start) {
  static const uint8_t head[] = {TK_EXPORT, TK_DEF, TK_NAME, TK_LP, TK_RP, TK_LBRACE};
  enum { HEAD = sizeof head };
  Tokens *ts = lex_source(c, start);
  Token *t = ctx_alloc(c, sizeof *t * (size_t)(ts->n + HEAD + 1)), *end = &t[HEAD + ts->n - 1];
  for (int i = 0; i < HEAD; i++) t[i] = (Token){.kind = head[i], .at = start, .text = ctx_name(c, "expression")};
  for (int i = 0; i < ts->n - 1; i++) {
    t[HEAD + i] = ts->t[i];
    if (ts->t[i].match || lex_closes(ts->t[i].kind)) t[HEAD + i].match += HEAD;
  }
  *end = (Token){.kind = TK_RBRACE, .at = start + (Loc)ts->size, .match = HEAD - 1};
  end[1] = ts->t[ts->n - 1];
  t[3].match = 4, t[4].match = 3, t[HEAD - 1].match = (int)(end - t);
  ts->t = t;
  ts->n += HEAD + 1;
  return parse_tokens(c, ts);
}
