/* SPDX-License-Identifier: Apache-2.0 */
/* Syntax errors: what is at fault, and what may be meant. */
#include "frontend/syntax/ast_build.h"
#include "frontend/syntax/foreign.h"
#include "ir/diag.h"
#include "ir/type.h"
#include <string.h>

_Static_assert(TK_DATA + 6 == TK_EXPORT && TK_EQEQ + 5 == TK_GE, "ranges of token kinds that are used below");

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

static bool is_operand_start(int kind) {
  return kind == TK_NAME || kind == TK_INT || kind == TK_FLOAT || kind == TK_STR || kind == TK_TRUE ||
         kind == TK_FALSE || (kind >= TK_DATA && kind <= TK_EXPORT);
}

static bool is_operand_end(int kind) {
  return is_operand_start(kind) || kind == TK_RP || kind == TK_RB || kind == TK_QUOTE;
}

static const char *const ITEMS[] = {"def",    "use",   "data", "train",  "test",
                                    "target", "const", "dim",  "import", "export"};

/* The last name of a call at token k, as in torch.manual_seed(0); NULL: there is none. */
static const char *called_name(const Parse *p, int k) {
  while (parse_token(p, k)->kind == TK_NAME && parse_token(p, k + 1)->kind == TK_DOT) k += 2;
  const Token *last = parse_token(p, k);
  return last->kind == TK_NAME && parse_token(p, k + 1)->kind == TK_LP ? last->text : NULL;
}

/* A call at top level: what its name means elsewhere, or where it may stand; NULL: it is none. */
static const char *top_level_call(const Parse *p) {
  const char *name = called_name(p, p->cur), *help = name ? foreign_name(p->c, name, "x") : NULL;
  return !name || help ? help : "a call stands in a def or a section: models are called in the `loss` and in exports";
}

/* A word for an element type, of any language. */
static bool is_type(const char *word) {
  return dtype_find(word) >= 0 || foreign_help(FOREIGN_TYPE, word) || !strcmp(word, "float") || !strcmp(word, "int");
}

static void help_item(Parse *p, Diag *d, const Token *t) {
  bool name = t->kind == TK_NAME;
  const char *near = name ? diag_suggest(p->c, t->text, ITEMS, sizeof ITEMS / sizeof *ITEMS) : NULL;
  const char *foreign = name ? foreign_help(FOREIGN_WORD, t->text) : NULL;
  bool binds = name && parse_token(p, p->cur + 1)->kind == TK_EQ;
  const char *made = binds ? called_name(p, p->cur + 2) : NULL, *item = made ? foreign_help(FOREIGN_ITEM, made) : NULL;
  if (item) diag_help(p->c, d, "%s", item);
  else if (name && is_type(t->text) && parse_token(p, p->cur + 1)->kind == TK_NAME &&
           parse_token(p, p->cur + 2)->kind == TK_LP)
    diag_help(p->c, d, "%s", foreign_help(FOREIGN_WORD, "fn")); /* int main(... */
  else if (foreign) diag_help(p->c, d, "%s", foreign);
  else if (near) diag_help(p->c, d, "did you mean `%s`?", near);
  else if (name && top_level_call(p)) diag_help(p->c, d, "%s", top_level_call(p));
  else if (t->kind == TK_FOR)
    diag_help(p->c, d, "a loop stands in a def or a section; that over the batches is made by `train { ... }`");
  else if (t->kind == TK_STR) diag_help(p->c, d, "a comment begins with `#`, on each of its lines");
  else if (t->kind == TK_IF)
    diag_help(p->c, d, "there is no main program: leave it out; a choice stands in a def or a section");
  else if (t->kind == TK_ASSERT)
    diag_help(p->c, d, "a check stands in a def, or in a test: `test \"it works\" { assert 1 == 1 }`");
  else if (binds)
    diag_help(p->c, d, "an instance of a model is written `use %s = f(...)`, a constant `const %s = 0.1`", t->text,
              t->text);
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
  {TK_STAR, 0, "there are no pointers, and lists are not unpacked: write the value itself"},
  {TK_PLUS, TK_PLUS, "there is no `++`: write x = x + 1"},
  {TK_NEWLINE, TK_MINUS, "there is no `--`: write x = x - 1"},
  {TK_LBRACE, 0, "braces hold a block of statements; a list is written [a, b]"},
  {TK_STR, TK_NAME, "strings are not formatted: write a plain one, \"...\""},
  {TK_ASSIGN, 0, "`:=` writes a state, where a statement begins"},
  {TK_ELSE, 0, "`else` follows the `}` of an `if`"},
  {TK_DEF, 0, "a def is written at top level, not inside another"},
  {TK_CONST, 0, "a constant is written at top level; in a def a name is bound by `n = 3`"},
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
  {TK_DEF, TK_LP,
   "a def of several results gives a list, [a, b], and has no type of its result: `def name(x: f32[B, D]) { ... }`"},
  {TK_DEF, 0, "a def is written `def name(x: f32[B, D], n: int = 1) -> f32[B, n] { ... }`"},
  {TK_EXPORT, 0, "only a def is exported: `export def name(x: f32[1, D]) -> f32[1, 10] { ... }`"},
  {TK_USE, TK_COLON, "all of the standard library is known; a file of defs is imported by `import \"layers.nn\"`"},
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
    const Token *t = parse_token(p, k);
    if ((t->kind == TK_NEWLINE && !t->soft) || t->kind == TK_LBRACE) break;
    if (t->kind == TK_EQ || t->kind == TK_LB || t->kind == TK_HINTCALL) return NULL;
    if (lex_closes(t->kind)) k = t->match;
    else if (t->kind == TK_LP) round++;
  }
  const Token *head = parse_token(p, k + 1);
  bool section = head->kind >= TK_DATA && head->kind <= TK_EXPORT;
  if (k + 1 == p->cur || (section && p->nopen) || round > (head->kind == TK_DEF)) return NULL;
  for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++)
    if (FORMS[i].kind == head->kind && (!FORMS[i].at || FORMS[i].at == parse_token(p, p->cur)->kind))
      return FORMS[i].help;
  return NULL;
}

/* A token that is at fault instead of the one that fits nowhere; at NULL: there is none. */
typedef struct Fault {
  const Token *at;
  const char *text, *help;
} Fault;

/* A comment of another language at or before the token, on its line. */
static Fault comment_fault(const Parse *p, const Token *t) {
  int k = p->cur, minus = 0;
  bool ends = !t->first && is_operand_start(t->kind); /* a second word */
  if (t->kind == TK_SLASH && (parse_token(p, k + 1)->kind == TK_STAR || parse_token(p, k + 1)->kind == TK_POW))
    return (Fault){t, NULL, "a comment begins with `#` and ends with its line"};
  for (bool more = true; more && k >= 0; k--) {
    const Token *at = parse_token(p, k);
    more = !at->first;
    minus = at->kind == TK_MINUS ? minus + 1 : 0;
    if (at->kind == TK_DSLASH && (ends || at->first))
      return (Fault){at, NULL, "a comment begins with `#`; `//` divides integers"};
    if (at->first && minus == 2) return (Fault){at, NULL, "a comment begins with `#`"};
  }
  return (Fault){0};
}

static const Token *statement_head(const Parse *p) {
  int k = p->cur;
  for (; k > 0 && parse_token(p, k - 1)->kind != TK_LBRACE; k--)
    if (parse_token(p, k - 1)->kind == TK_NEWLINE && !parse_token(p, k - 1)->soft) break;
  return parse_token(p, k);
}

/* A word of another language that begins the statement or its value, directly before the token, or before a condition
 * and the token, which begins a block. */
static Fault word_fault(const Parse *p) {
  const Token *head = statement_head(p), *w = p->cur ? parse_token(p, p->cur - 1) : NULL;
  if (parse_token(p, p->cur)->kind == TK_LBRACE) w = head;
  bool name = w && w->kind == TK_NAME, lambda = name && !strcmp(w->text, "lambda");
  bool value = name && w != head && p->cur > 1 && parse_token(p, p->cur - 2)->kind == TK_EQ;
  const char *help = name ? foreign_help(FOREIGN_WORD, w->text) : NULL;
  if (!help || !(lambda || value || w == head)) return (Fault){0};
  return (Fault){w, ctx_strf(p->c, "`%s` is not a word of the language", w->text), help};
}

/* (float)y, and y after it. */
static Fault cast_fault(const Parse *p) {
  const Token *type = p->cur > 2 ? parse_token(p, p->cur - 2) : NULL;
  if (!type || type->kind != TK_NAME || parse_token(p, p->cur - 1)->kind != TK_RP) return (Fault){0};
  if (!is_type(type->text) || parse_token(p, p->cur - 3)->kind != TK_LP) return (Fault){0};
  return (Fault){type, NULL, "an element type converts as a function does: `f32(y)`, `i32(y)`"};
}

/* Forms of an expression in other languages. */
static Fault expression_fault(const Parse *p, const Token *t, const Token *before) {
  const Token *open = p->nopen ? parse_token(p, p->open[p->nopen - 1]) : NULL;
  int was = before ? before->kind : TK_NEWLINE, head = statement_head(p)->kind;
  if (t->kind == TK_FOR && open && open->kind == TK_LB)
    return (Fault){t, NULL,
                   "there are no comprehensions: a loop makes a layer each time, `for i in 0..n { x = x |> "
                   "linear(64) }`, or a longer list, `a = append(a, x)`"};
  if (t->kind == TK_EQ && was == TK_RANGE) return (Fault){t, NULL, "`a..b` ends before b: 0..=3 is written 0..4"};
  bool takes_name = was == TK_USE || was == TK_CONST || was == TK_PARAM || was == TK_STATE;
  if (t->kind == TK_EQ && before && lex_word(was) && !takes_name && before == statement_head(p))
    return (Fault){before, ctx_strf(p->c, "`%s` is a word of the language and cannot be a name", before->text),
                   "choose another name"};
  if (t->kind == TK_ARROW && is_operand_end(was) && was != TK_RP && head != TK_DEF && head != TK_EXPORT)
    return (Fault){t, NULL, "there are no pointers: a weight of an instance is named `net.linear_1.w`"};
  if (t->kind == TK_DOT && was == TK_HINT)
    return (Fault){before, NULL,
                   "a hint is one word, such as `@freeze` or `@nodecay`; leave decorators out: exports "
                   "have no gradients, and everything is compiled"};
  if (t->kind == TK_COMMA && (was == TK_COMMA || was == TK_LP || was == TK_LB))
    return (Fault){t, NULL, "an argument is missing before this comma"};
  return is_operand_start(t->kind) ? cast_fault(p) : (Fault){0};
}

/* In a signature: an argument without a type, or with one of another language. */
static Fault signature_fault(const Parse *p, const Token *t, const Token *before) {
  int n = p->nopen + (t->kind == TK_RP); /* a bracket that closes is not counted any more */
  const Token *open = n ? parse_token(p, p->open[n - 1]) : NULL;
  int head = statement_head(p)->kind;
  if (!open || open->kind != TK_LP || (head != TK_DEF && head != TK_EXPORT)) return (Fault){0};
  if ((t->kind == TK_STAR || t->kind == TK_POW) && (before->kind == TK_LP || before->kind == TK_COMMA))
    return (Fault){t, NULL, "there are no variable arguments: several values are one argument, `values: list`"};
  if (before->kind != TK_NAME) return (Fault){0};
  if (t->kind == TK_NAME) return (Fault){before, NULL, "the type follows the name, as in `x: f32[B, 16]`"};
  if (t->kind == TK_LP && dtype_find(before->text) >= 0)
    return (Fault){t, NULL, "a shape is written in square brackets, as in f32[B, 16]"};
  if (t->kind == TK_RP || t->kind == TK_COMMA)
    return (Fault){before, ctx_strf(p->c, "the argument `%s` has no type", before->text),
                   !strcmp(before->text, "self")
                     ? "leave `self` out: there are no objects, and layers are called where they stand"
                     : "a def is written `def name(x: f32[B, D], n: int = 1) { ... }`"};
  if (t->kind == TK_EQ)
    return (Fault){before, ctx_strf(p->c, "the argument `%s` has no type", before->text),
                   !strcmp(before->text, "training")
                     ? "leave it out: `training` says in each def whether a step trains"
                     : "a type follows the name: `n: int = 1`, `p: float = 0.1`, `bias: bool = true`"};
  if (t->kind == TK_DOT && foreign_module(ctx_strf(p->c, "%s.", before->text)))
    return (Fault){before, NULL, "types have no module in front: a tensor is f32[B, 16]"};
  if (t->kind == TK_LT && foreign_help(FOREIGN_TYPE, before->text))
    return (Fault){before, NULL, "the type of a tensor is its element type and its shape, as in f32[B, 16]"};
  return (Fault){0};
}

static Fault find_fault(const Parse *p, const Token *t, const Token *before) {
  Fault f = word_fault(p);
  if (!f.at && before) f = signature_fault(p, t, before);
  if (!f.at) f = comment_fault(p, t);
  if (!f.at) f = expression_fault(p, t, before);
  const Token *head = statement_head(p), *second = head + 1;
  if (!f.at && (t->kind == TK_NEWLINE || t->kind == TK_RBRACE) && head->kind == TK_NAME && second->kind == TK_COLON)
    f = (Fault){head, ctx_strf(p->c, "the field `%s` has no value", head->text),
                "a field of a data section is written `x: f32[4] = field(0:4)`"};
  bool value = t->kind == TK_INT || t->kind == TK_FLOAT || t->kind == TK_STR;
  if (!f.at && value && before && before->kind == TK_COLON && statement_head(p)->kind == TK_NAME)
    f = (Fault){before, NULL, "a setting is written `name = value`"};
  return f;
}

/* Help that depends on more than a token and the one before it; NULL: there is none. */
static const char *context_help(const Parse *p, const Token *t, int was) {
  const Token *open = p->nopen ? parse_token(p, p->open[p->nopen - 1]) : NULL, *head = statement_head(p);
  if (t->kind >= TK_EQEQ && t->kind <= TK_GE && is_operand_end(was))
    return "comparisons do not chain: write a < b and b < c";
  if (lex_binary(t->kind) && t->first && t->kind != TK_EQ && t->kind != TK_COMMA)
    return "the statement ended with its line: put the operator at the end of the line above";
  if (t->kind == TK_NAME && foreign_help(FOREIGN_WORD, t->text)) return foreign_help(FOREIGN_WORD, t->text);
  if (t->kind == TK_IF && is_operand_end(was)) return "a choice is written `if c { a } else { b }`";
  if (t->kind == TK_EQ && parse_token(p, p->cur + 1)->kind == TK_GT) return foreign_help(FOREIGN_WORD, "lambda");
  if (t->kind == TK_DOT && !strcmp(head->text ? head->text : "", "super")) return foreign_help(FOREIGN_NAME, "super");
  if (t->kind == TK_LBRACE && parse_token(p, p->cur + 1)->kind == TK_STR)
    return "there are no dictionaries: a name is bound for each value; braces hold a block of statements";
  if (t->kind == TK_LBRACE && was == TK_NAME && parse_token(p, p->cur + 1)->kind == TK_NAME &&
      parse_token(p, p->cur + 2)->kind == TK_COLON)
    return "there are no structs: a name is bound for each value, as in `a = 1`";
  if (t->kind == TK_COLON && was == TK_NAME && parse_token(p, p->cur + 1)->kind == TK_COLON)
    return parse_token(p, p->cur + 2)->kind == TK_LT
             ? "types are known from the arguments: write `f(x)`; an element type converts as `f32(x)`"
             : "names have no paths: the functions of all files are known by their names, as in `f(x)`";
  if (t->kind == TK_COMMA && open && open->kind == TK_LP)
    return "a list is written [a, b]; names are bound without brackets: a, b = ...";
  if (t->kind == TK_COMMA && (!open || open->kind == TK_LBRACE)) return "statements are separated by new lines or `;`";
  if (t->kind == TK_DOT && is_operand_end(was) && parse_token(p, p->cur + 1)->kind == TK_NAME) {
    const char *word = parse_token(p, p->cur + 1)->text, *help = foreign_help(FOREIGN_METHOD, word);
    return help ? help : ctx_strf(p->c, "there are no methods: write `|> %s(...)`, or a call around it", word);
  }
  for (size_t i = 0; i < sizeof HELPS / sizeof *HELPS; i++)
    if (HELPS[i].kind == t->kind && (!HELPS[i].before || HELPS[i].before == was)) return HELPS[i].help;
  bool operand = is_operand_start(t->kind) || lex_word(t->kind);
  return operand && is_operand_end(was) ? "an operator, a comma or a new line is missing before it" : NULL;
}

static void help_token(Parse *p, Diag *d, const Token *t, const Token *before) {
  int k = p->cur, was = before ? before->kind : TK_NEWLINE;
  while (parse_token(p, k)->kind == TK_NEWLINE || parse_token(p, k)->kind == TK_COMMENT) k++;
  if (t->kind == TK_NEWLINE && parse_token(p, k)->kind == TK_LBRACE) {
    diag_help(p->c, d, "the `{` must be on the same line");
    return;
  }
  const char *form = form_help(p), *help = form ? form : context_help(p, t, was);
  if (help) diag_help(p->c, d, "%s", help);
  if (lex_word(t->kind) && (form || !help))
    diag_help(p->c, d, "`%s` is a word of the language and cannot be a name", t->text);
}

/* Called by the grammar at a token that fits nowhere. */
void parse_syntax_error(Parse *p) {
  const Token *t = parse_token(p, p->cur), *before = parse_token_before(p, p->cur);
  p->faulty = true;
  if (t->kind == TK_BAD || diag_errors(p->c) > p->errors_before) return; /* already reported: one error per statement */
  Fault f = find_fault(p, t, before);
  const Token *at = f.at ? f.at : t;
  const char *text = f.text ? f.text : ctx_strf(p->c, "%s is not expected here", describe(p, at));
  Diag *d = diag_error(p->c, E_SYNTAX, at->at, at->len, "%s", text);
  bool item = p->nopen == 0 && (!before || before->kind == TK_NEWLINE);
  if (f.at) diag_help(p->c, d, "%s", f.help);
  else if (item) help_item(p, d, t);
  if (f.at || item) return;
  help_token(p, d, t, before);
  const Token *open = p->nopen ? parse_token(p, p->open[p->nopen - 1]) : NULL;
  if (!open || open->kind == TK_LBRACE || source_pos(p->c, open->at).line == source_pos(p->c, t->at).line) return;
  diag_label(p->c, d, open->at, open->len, "this bracket is still open");
}
