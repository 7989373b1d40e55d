/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions, and what all of the tree builder uses; statements and items are in ast_items.c. */
#include "frontend/syntax/ast_node.h"
#include "ir/diag.h"
#include <string.h>

Ast *node_new(Parse *p, int kind, Loc from, Loc to, int n) {
  Ast *a = ctx_alloc(p->c, sizeof *a);
  a->kind = (uint8_t)kind;
  a->at = a->caret = from;
  a->len = a->caret_len = to > from ? (int)(to - from) : 1;
  a->n = n;
  a->kid = n ? ctx_alloc(p->c, (size_t)n * sizeof *a->kid) : NULL;
  a->depth = 1;
  return a;
}

/* Call once the children are in place. */
Ast *node_done(Parse *p, Ast *a) {
  for (int i = 0; i < a->n; i++)
    if (a->kid[i] && a->kid[i]->depth >= a->depth) a->depth = (uint16_t)(a->kid[i]->depth + 1);
  if (a->depth <= AST_MAX_DEPTH) return a;
  if (!p->stop) {
    Diag *d =
      diag_error(p->c, E_NESTING, a->caret, a->caret_len, "this is more than %d operations deep", AST_MAX_DEPTH);
    diag_help(p->c, d, "name intermediate results, or use a loop");
  }
  p->stop = true;
  a->depth = AST_MAX_DEPTH; /* the tree is not used any more */
  return a;
}

void node_set_caret(Ast *a, const Token *t) {
  a->caret = t->at;
  a->caret_len = t->len;
}

Loc token_end(const Token *t) { return t->at + (Loc)t->len; }
Loc node_end(const Ast *a) { return a->at + (Loc)a->len; }

Nodes *nodes_new(Parse *p) { return ctx_alloc(p->c, sizeof(Nodes)); }

Nodes *nodes_add(Parse *p, Nodes *l, Ast *x) {
  if (x) *VEC_PUSH(p->c, l->v, l->n, l->cap) = x;
  return l;
}

Ast *node_list(Parse *p, int kind, Loc from, Loc to, int skip, const Nodes *l) {
  Ast *a = node_new(p, kind, from, to, skip + l->n);
  if (l->n) memcpy(a->kid + skip, l->v, (size_t)l->n * sizeof *a->kid);
  return a;
}

Ast *build_leaf(Parse *p, int kind, const Token *t) {
  Ast *a = node_new(p, kind, t->at, token_end(t), 0);
  if (kind != AST_DOTS) a->text = t->text;
  if (kind == AST_INT) a->i = t->i;
  if (kind == AST_FLOAT) a->f = t->f;
  if (kind == AST_BOOL) {
    a->i = t->kind == TK_TRUE;
    a->text = NULL;
  }
  return a;
}

const Token *build_dotted(Parse *p, const Token *left, const Token *right) {
  Token *t = ctx_alloc(p->c, sizeof *t);
  *t = *left;
  t->len = (int)(token_end(right) - left->at);
  if (t->len > 200) {
    if (strlen(left->text) <= 200) diag_error(p->c, E_SYNTAX, t->at, t->len, "this name has too many parts");
    return t;
  }
  t->text = ctx_name(p->c, ctx_strf(p->c, "%s.%s", left->text, right->text));
  return t;
}

Ast *build_list(Parse *p, const Token *open, Nodes *items, const Token *close) {
  return node_done(p, node_list(p, AST_LIST, open->at, token_end(close), 0, items));
}

Ast *build_paren(Parse *p, const Token *open, Ast *x, const Token *close) {
  (void)p;
  x->flags |= AST_PAREN;
  x->at = open->at;
  x->len = (int)(token_end(close) - open->at);
  return x;
}

Ast *build_unary(Parse *p, int op, const Token *t, Ast *x) {
  Ast *a = build_keyword(p, AST_UNARY, t, x);
  a->op = (uint8_t)op;
  return a;
}

Ast *build_pair(Parse *p, int kind, const Token *op, Ast *x, Ast *y) {
  Ast *a = node_new(p, kind, x->at, node_end(y), 2);
  a->kid[0] = x;
  a->kid[1] = y;
  node_set_caret(a, op);
  return node_done(p, a);
}

static const uint8_t OP_OF[256] = {
  [TK_PLUS] = AST_ADD, [TK_MINUS] = AST_SUB, [TK_STAR] = AST_MUL, [TK_SLASH] = AST_DIV, [TK_DSLASH] = AST_IDIV,
  [TK_POW] = AST_POW,  [TK_AT] = AST_MATMUL, [TK_EQEQ] = AST_EQ,  [TK_NE] = AST_NE,     [TK_LT] = AST_LT,
  [TK_LE] = AST_LE,    [TK_GT] = AST_GT,     [TK_GE] = AST_GE,    [TK_AND] = AST_AND,   [TK_OR] = AST_OR};

Ast *build_binary(Parse *p, const Token *op, Ast *x, Ast *y) {
  Ast *a = build_pair(p, AST_BINARY, op, x, y);
  a->op = OP_OF[op->kind];
  return a;
}

Ast *build_pipe(Parse *p, const Token *op, Ast *x, Ast *f) {
  if (f->kind != AST_NAME && f->kind != AST_CALL) {
    Diag *d = diag_error(p->c, E_PIPE_TARGET, f->at, f->len, "`|>` needs a function on its right, not this %s",
                         ast_kind_name(f->kind));
    diag_help(p->c, d, "`x |> f(a)` means f(x, a); to go on with its result, put the pipe into parentheses");
    return x;
  }
  return build_pair(p, AST_PIPE, op, x, f);
}

Ast *build_transpose(Parse *p, Ast *x, const Token *t) {
  Ast *a = node_new(p, AST_TRANSPOSE, x->at, token_end(t), 1);
  a->kid[0] = x;
  node_set_caret(a, t);
  return node_done(p, a);
}

bool all_names(Ast *const *v, int n) {
  for (int i = 0; i < n; i++)
    if (v[i]->kind != AST_NAME || (v[i]->flags & AST_PAREN) || strchr(v[i]->text, '.')) return false;
  return true;
}

static bool is_reduction(const Ast *f, const Nodes *args) {
  static const char *const NAMES[] = {"sum", "max", "min", "mean"};
  if (f->kind != AST_INDEX || f->kid[0]->kind != AST_NAME || !all_names(f->kid + 1, f->n - 1)) return false;
  if ((f->flags | f->kid[0]->flags) & AST_PAREN) return false;
  if (args->n != 1 || args->v[0]->kind == AST_NAMED || args->v[0]->kind == AST_SLICE || args->v[0]->kind == AST_DOTS) {
    return false;
  }
  for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
    if (!strcmp(NAMES[i], f->kid[0]->text)) return true;
  return false;
}

Ast *build_call(Parse *p, Ast *f, Nodes *args, const Token *close) {
  if (is_reduction(f, args)) {
    Ast *a = node_new(p, AST_REDUCE, f->at, token_end(close), f->n);
    a->text = f->kid[0]->text;
    a->caret = f->kid[0]->at;
    a->caret_len = f->kid[0]->len;
    memcpy(a->kid, f->kid, (size_t)f->n * sizeof *a->kid);
    a->kid[0] = args->v[0];
    return node_done(p, a);
  }
  Ast *a = node_list(p, AST_CALL, f->at, token_end(close), 1, args);
  a->kid[0] = f;
  a->caret = f->caret;
  a->caret_len = f->caret_len;
  return node_done(p, a);
}

Nodes *build_arg(Parse *p, Nodes *args, Ast *x) {
  const Ast *last = args->n ? args->v[args->n - 1] : NULL;
  if (x->kind != AST_NAMED && last && last->kind == AST_NAMED) {
    Diag *d =
      diag_error(p->c, E_POSITIONAL_AFTER_NAMED, x->at, x->len, "an argument without a name follows a named one");
    diag_label(p->c, d, last->at, last->len, "named");
    const Ast *value = last->kid[0];
    if (x->kind == AST_INT && value && value->kind == AST_INT && value->at + (Loc)value->len + 1 == x->at)
      diag_help(p->c, d, "a decimal number is written with a point, as in 0.1");
  }
  return nodes_add(p, args, x);
}

Ast *build_index(Parse *p, Ast *x, const Token *open, Nodes *subs, const Token *close) {
  Ast *a = node_list(p, AST_INDEX, x->at, token_end(close), 1, subs);
  a->kid[0] = x;
  node_set_caret(a, open);
  return node_done(p, a);
}

Ast *build_slice(Parse *p, const Token *colon, Ast *low, Ast *high) {
  Ast *a = node_new(p, AST_SLICE, low ? low->at : colon->at, high ? node_end(high) : token_end(colon), 2);
  a->kid[0] = low;
  a->kid[1] = high;
  node_set_caret(a, colon);
  return node_done(p, a);
}

Ast *build_step(Parse *p, const Ast *slice, Ast *step) {
  Ast *a = node_new(p, AST_SLICE, slice->at, node_end(step), 3);
  a->kid[0] = slice->kid[0];
  a->kid[1] = slice->kid[1];
  a->kid[2] = step;
  a->caret = slice->caret;
  a->caret_len = slice->caret_len;
  return node_done(p, a);
}

Ast *build_if(Parse *p, const Token *word, Ast *cond, Ast *then, Ast *otherwise) {
  Ast *a = node_new(p, AST_IF, word->at, node_end(otherwise ? otherwise : then), 3);
  a->kid[0] = cond;
  a->kid[1] = then;
  a->kid[2] = otherwise;
  node_set_caret(a, word);
  return node_done(p, a);
}

Ast *build_keyword(Parse *p, int kind, const Token *word, Ast *x) {
  Ast *a = node_new(p, kind, word->at, node_end(x), 1);
  a->kid[0] = x;
  node_set_caret(a, word);
  return node_done(p, a);
}
