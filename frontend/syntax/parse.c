/* SPDX-License-Identifier: Apache-2.0 */
/* The driver of the grammar: feeds tokens, reports syntax errors, resumes after statements with errors. */
#include "frontend/parse.h"
#include "frontend/syntax/ast_build.h"
#include "frontend/syntax/foreign.h"
#include "ir/diag.h"
#include <string.h>

/* The parser that lemon generates from nn.y. */
void NnInit(void *parser);
void Nn(void *parser, int kind, const Token *t, Parse *p);
void nn_resume(void *parser);
size_t nn_size(void);

_Static_assert(TK_DATA + 6 == TK_EXPORT && TK_EQEQ + 5 == TK_GE, "ranges of token kinds that are used below");

static const Token *token(const Parse *p, int k) { return &p->ts->t[k]; }

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
  const Token *t = token(p, p->cur);
  if (!p->stop) diag_error(p->c, E_NESTING, t->at, t->len, "this is nested too deeply");
  p->stop = true;
}

/* ---- messages ---- */

static const char *describe(Parse *p, const Token *t) {
  const char *src = p->ts->src + (t->at - p->ts->start);
  int len = t->len > 40 ? 40 : t->len;
  if (t->kind == TK_EOF) return "the end of the file";
  if (t->kind == TK_RBRACE && !t->len) return "the end of the expression";
  if (t->kind == TK_NEWLINE) return *src == ';' ? "`;`" : "the end of the line";
  if (t->kind == TK_INT || t->kind == TK_FLOAT) return ctx_strf(p->c, "the number %.*s", len, src);
  if (t->kind == TK_STR) return "this string";
  if (lex_word(t->kind)) return ctx_strf(p->c, "the word `%s`", t->text);
  if (t->text && t->kind != TK_HINT && t->kind != TK_HINTCALL) return ctx_strf(p->c, "the name `%s`", t->text);
  return ctx_strf(p->c, "`%.*s`", len, src);
}

/* The token before index k that is not a comment or an ignored newline; NULL at the start. */
static const Token *token_before(const Parse *p, int k) {
  for (k--; k >= 0; k--)
    if (token(p, k)->kind != TK_COMMENT && !token(p, k)->soft) return token(p, k);
  return NULL;
}

static bool is_operand_start(int kind) {
  return kind == TK_NAME || kind == TK_INT || kind == TK_FLOAT || kind == TK_STR || kind == TK_TRUE ||
         kind == TK_FALSE || (kind >= TK_DATA && kind <= TK_EXPORT);
}

static bool is_operand_end(int kind) {
  return is_operand_start(kind) || kind == TK_RP || kind == TK_RB || kind == TK_QUOTE;
}

static const char *const ITEMS[] = {"def",    "use",   "data", "train",  "test",
                                    "target", "const", "dim",  "import", "export"};

static void help_item(Parse *p, Diag *d, const Token *t) {
  bool name = t->kind == TK_NAME;
  const char *near = name ? diag_suggest(p->c, t->text, ITEMS, sizeof ITEMS / sizeof *ITEMS) : NULL;
  const char *foreign = name ? foreign_help(FOREIGN_WORD, t->text) : NULL;
  if (foreign) diag_help(p->c, d, "%s", foreign);
  else if (near) diag_help(p->c, d, "did you mean `%s`?", near);
  else if (name && token(p, p->cur + 1)->kind == TK_EQ)
    diag_help(p->c, d, "a constant is written `const %s = value`; other names are bound in a def", t->text);
  else
    diag_help(p->c, d,
              "allowed at top level are def, export def, use, const, dim, import, and the sections data, "
              "train, test, target");
}

/* Help for a token, given the token before it (0: any); the first match counts. */
static const struct {
  uint8_t kind, before;
  const char *help;
} HELPS[] = {
  {TK_QUOTE, 0, "strings are written with double quotes: \"...\""},
  {TK_EQ, TK_PLUS, "there is no `+=`: write x = x + ..."},
  {TK_EQ, TK_MINUS, "there is no `-=`: write x = x - ..."},
  {TK_EQ, TK_STAR, "there is no `*=`: write x = x * ..."},
  {TK_EQ, TK_SLASH, "there is no `/=`: write x = x / ..."},
  {TK_EQ, 0, "`=` binds a name where a statement begins; `==` compares"},
  {TK_PLUS, TK_PLUS, "there is no `++`: write x = x + 1"},
  {TK_NEWLINE, TK_MINUS, "there is no `--`: write x = x - 1"},
  {TK_LBRACE, 0, "braces hold a block of statements; a list is written [a, b]"},
  {TK_STR, TK_NAME, "a string has no prefix: \"...\""},
  {TK_ASSIGN, 0, "`:=` writes a state, where a statement begins"},
  {TK_ELSE, 0, "`else` follows the `}` of an `if`"},
  {TK_DEF, 0, "a def is written at top level, not inside another"},
  {TK_CONST, 0, "a constant is written at top level; in a def a name is bound by `n = 3`"},
  {TK_INT, TK_COLON, "a setting is written `name = value`"},
  {TK_FLOAT, TK_COLON, "a setting is written `name = value`"},
  {TK_STR, TK_COLON, "a setting is written `name = value`"},
  {TK_ARROW, 0, "the result type is written between `)` and `{` of a def"},
  {TK_DOTS, 0, "`...` is allowed in shapes and in brackets after a tensor"},
  {TK_COLON, 0, "types are written in signatures, param and state, and on the fields of data sections"},
  {TK_DOT, 0, "there are no methods: write f(x) or x |> f"},
};

/* The form of statements and items that begin with a word, for faults in front of their `=` or block. */
static const struct {
  uint8_t kind, at; /* at: the token that does not fit; 0: any */
  const char *help;
} FORMS[] = {
  {TK_DEF, 0, "a def is written `def name(x: f32[B, D], n: int = 1) -> f32[B, n] { ... }`"},
  {TK_EXPORT, 0, "only a def is exported: `export def name(x: f32[1, D]) -> f32[1, 10] { ... }`"},
  {TK_USE, 0, "an instance is written `use name = f(...)`"},
  {TK_CONST, 0, "a constant is written `const name = value`"},
  {TK_DIM, 0, "a size is written `dim T = 256`, or `dim T <= 1024` if it is known only at run time"},
  {TK_IMPORT, 0, "a file is imported by `import \"layers.nn\"`; the standard library needs no import"},
  {TK_DATA, 0, "a data section has a name: `data digits { ... }`"},
  {TK_TRAIN, 0, "a train section is written `train { ... }` or `train name { ... }`"},
  {TK_TARGET, 0, "a target section has a name: `target stm32 { ... }`"},
  {TK_TEST, 0, "a test has a title: `test \"it works\" { ... }`"},
  {TK_PARAM, 0, "a weight is written `param w: f32[I, O] = kaiming`"},
  {TK_STATE, 0, "a state is written `state s: f32[C] = 0`"},
  {TK_FOR, 0, "a loop is written `for i in 0..n { ... }`"},
  {TK_IF, TK_COLON, "a choice is written `if c { a } else { b }`"},
  {TK_ASSERT, TK_COMMA, "a condition is written `assert a == b`, without a text"},
};

/* Help for the statement that contains token p->cur, if it begins with a keyword, no `=` precedes the error, and no
 * bracket except that of a signature is open there. */
static const char *form_help(const Parse *p) {
  int k = p->cur - 1, round = 0;
  for (; k >= 0; k--) {
    const Token *t = token(p, k);
    if ((t->kind == TK_NEWLINE && !t->soft) || t->kind == TK_LBRACE) break;
    if (t->kind == TK_EQ || t->kind == TK_LB || t->kind == TK_HINTCALL) return NULL;
    if (lex_closes(t->kind)) k = t->match;
    else if (t->kind == TK_LP) round++;
  }
  const Token *head = token(p, k + 1);
  bool section = head->kind >= TK_DATA && head->kind <= TK_EXPORT;
  if (k + 1 == p->cur || (section && p->nopen) || round > (head->kind == TK_DEF)) return NULL;
  for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++)
    if (FORMS[i].kind == head->kind && (!FORMS[i].at || FORMS[i].at == token(p, p->cur)->kind)) return FORMS[i].help;
  return NULL;
}

/* Help for a comment of another language at or before the token, on its line. */
static const char *comment_help(const Parse *p, const Token *t) {
  int k = p->cur, minus = 0;
  bool ends = !t->first && is_operand_start(t->kind); /* a second word */
  if (t->kind == TK_SLASH && (token(p, k + 1)->kind == TK_STAR || token(p, k + 1)->kind == TK_POW))
    return "a comment begins with `#` and ends with its line";
  for (bool more = true; more && k >= 0; k--) {
    const Token *at = token(p, k);
    more = !at->first;
    minus = at->kind == TK_MINUS ? minus + 1 : 0;
    if (at->kind == TK_DSLASH && (ends || at->first)) return "a comment begins with `#`; `//` divides integers";
    if (at->first && minus == 2) return "a comment begins with `#`";
  }
  return NULL;
}

/* The word of another language that begins the statement, directly before the token; NULL: there is none. */
static const Token *foreign_word(const Parse *p) {
  const Token *w = p->cur ? token(p, p->cur - 1) : NULL, *before = w ? token_before(p, p->cur - 1) : NULL;
  bool begins = !before || before->kind == TK_NEWLINE || before->kind == TK_LBRACE;
  if (!w || w->kind != TK_NAME || !(begins || !strcmp(w->text, "lambda"))) return NULL;
  return foreign_help(FOREIGN_WORD, w->text) ? w : NULL;
}

/* Help that depends on more than a token and the one before it; NULL: there is none. */
static const char *context_help(Parse *p, const Token *t, const Token *before, int was) {
  const Token *open = p->nopen ? token(p, p->open[p->nopen - 1]) : NULL;
  if (t->kind >= TK_EQEQ && t->kind <= TK_GE && is_operand_end(was))
    return "comparisons do not chain: write a < b and b < c";
  if (lex_binary(t->kind) && t->first && t->kind != TK_EQ && t->kind != TK_COMMA)
    return "the statement ended with its line: put the operator at the end of the line above";
  if (t->kind == TK_NAME && foreign_help(FOREIGN_WORD, t->text)) return foreign_help(FOREIGN_WORD, t->text);
  if (t->kind == TK_IF && is_operand_end(was)) return "a choice is written `if c { a } else { b }`";
  if (t->kind == TK_EQ && token(p, p->cur + 1)->kind == TK_GT) return foreign_help(FOREIGN_WORD, "lambda");
  if (t->kind == TK_DOT && was == TK_NAME && foreign_module(ctx_strf(p->c, "%s.", before->text)))
    return "element types have no module in front, as in f32[B, 16]";
  if (t->kind == TK_COMMA && open && open->kind == TK_LP)
    return "a list is written [a, b]; names are bound without brackets: a, b = ...";
  if (t->kind == TK_COMMA && (!open || open->kind == TK_LBRACE)) return "statements are separated by new lines or `;`";
  for (size_t i = 0; i < sizeof HELPS / sizeof *HELPS; i++)
    if (HELPS[i].kind == t->kind && (!HELPS[i].before || HELPS[i].before == was)) return HELPS[i].help;
  bool operand = is_operand_start(t->kind) || lex_word(t->kind);
  return operand && is_operand_end(was) ? "an operator, a comma or a new line is missing before it" : NULL;
}

static void help_token(Parse *p, Diag *d, const Token *t, const Token *before) {
  int k = p->cur, was = before ? before->kind : TK_NEWLINE;
  while (token(p, k)->kind == TK_NEWLINE || token(p, k)->kind == TK_COMMENT) k++;
  if (t->kind == TK_NEWLINE && token(p, k)->kind == TK_LBRACE) {
    diag_help(p->c, d, "the `{` must be on the same line");
    return;
  }
  const char *form = form_help(p), *help = form ? form : context_help(p, t, before, was);
  if (help) diag_help(p->c, d, "%s", help);
  if (lex_word(t->kind) && (form || !help))
    diag_help(p->c, d, "`%s` is a word of the language and cannot be a name", t->text);
}

/* Called by the grammar at a token that fits nowhere. */
void parse_syntax_error(Parse *p) {
  const Token *t = token(p, p->cur), *before = token_before(p, p->cur);
  p->faulty = true;
  if (t->kind == TK_BAD || diag_errors(p->c) > p->errors_before) return; /* already reported: one error per statement */
  bool start = !before || before->kind == TK_NEWLINE;
  const Token *word = foreign_word(p);
  const char *comment = comment_help(p, t);
  if (word) {
    Diag *d = diag_error(p->c, E_SYNTAX, word->at, word->len, "`%s` is not a word of the language", word->text);
    diag_help(p->c, d, "%s", foreign_help(FOREIGN_WORD, word->text));
    return;
  }
  Diag *d = diag_error(p->c, E_SYNTAX, t->at, t->len, "%s is not expected here", describe(p, t));
  if (comment) diag_help(p->c, d, "%s", comment);
  else if (p->nopen == 0 && start) help_item(p, d, t);
  if (comment || (p->nopen == 0 && start)) return;
  help_token(p, d, t, before);
  const Token *open = p->nopen ? token(p, p->open[p->nopen - 1]) : NULL;
  if (!open || open->kind == TK_LBRACE || source_pos(p->c, open->at).line == source_pos(p->c, t->at).line) return;
  diag_label(p->c, d, open->at, open->len, "this bracket is still open");
}

/* ---- feeding ---- */

/* A `{` on a line of its own belongs to the head above it, which was rejected: skip its block too. */
static int after_block(const Parse *p, int k) {
  int j = k;
  while (token(p, j)->kind == TK_NEWLINE || token(p, j)->kind == TK_COMMENT) j++;
  return token(p, j)->kind == TK_LBRACE ? token(p, j)->match + 1 : k;
}

static int column(const Parse *p, int k) { return source_pos(p->c, token(p, k)->at).col; }

/* A rejected line that ends with `:` heads a block of Python: the index behind its further indented lines, and behind
 * those of `else:` and the like. k: of the newline at the end of the rejected line. */
static int after_indented(const Parse *p, int k) {
  int line = k;
  while (line > 0 && !token(p, line)->first) line--;
  const Token *last = token_before(p, k);
  if (!last || last->kind != TK_COLON) return k;
  for (int next = k; token(p, next)->kind != TK_EOF;) {
    while (token(p, next)->kind == TK_NEWLINE || token(p, next)->kind == TK_COMMENT) next++;
    const Token *t = token(p, next);
    bool again = t->kind == TK_ELSE || (t->kind == TK_NAME && !strcmp(t->text, "elif"));
    bool same = again && column(p, next) == column(p, line);
    if (t->kind == TK_EOF || t->kind == TK_RBRACE || (!same && column(p, next) <= column(p, line))) break;
    while (token(p, next)->kind != TK_NEWLINE && token(p, next)->kind != TK_EOF) {
      if (token(p, next)->match > next) next = token(p, next)->match;
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
  const Token *t = token(p, k);
  bool inside = false;
  if (t->kind == TK_RBRACE) return k + 1;
  while (p->nopen && token(p, p->open[p->nopen - 1])->kind != TK_LBRACE) {
    k = token(p, p->open[--p->nopen])->match; /* the outermost round or square bracket of the statement */
    inside = true;
  }
  if (!inside) {
    if (t->kind == TK_NEWLINE) return after_block(p, k + 1);
    if (t->kind == TK_EOF) return k;
    if (t->match > k) k = t->match; /* a bracket: skip its contents */
    if (t->kind == TK_BAD && t->match) return k;
  }
  if (inside || lex_closes(token(p, k)->kind)) k++;
  else if (k == p->cur) k++;
  for (;; k++) {
    t = token(p, k);
    if (t->kind == TK_EOF || t->kind == TK_RBRACE || (t->kind == TK_NEWLINE && !t->soft)) return k;
    if (t->match > k) k = t->kind == TK_BAD ? t->match - 1 : t->match;
  }
}

static void feed_all(Parse *p, void *nn) {
  int k = 0;
  for (; token(p, k)->kind != TK_EOF && !p->stop;) {
    const Token *t = token(p, k);
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
  if (!p->stop) Nn(nn, TK_EOF, token(p, k), p);
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
