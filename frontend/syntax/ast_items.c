/* SPDX-License-Identifier: Apache-2.0 */
/* The tree builder: statements, types, items of the file. */
#include "frontend/syntax/foreign.h"
#include "frontend/syntax/ast_node.h"
#include "ir/diag.h"
#include <string.h>

enum { MAX_TARGETS = 256, MAX_HINTS = 16 };

static bool is_name(const Ast *a) { return a->kind == AST_NAME && !(a->flags & AST_PAREN); }

Ast *build_block(Parse *p, const Token *open, Nodes *stmts, const Token *close) {
  Ast *a = node_list(p, AST_BLOCK, open->at, token_end(close), 0, stmts);
  node_set_caret(a, open);
  return node_done(p, a);
}

Ast *build_expr_stmt(Parse *p, Nodes *exprs) {
  if (exprs->n == 1) return exprs->v[0];
  Ast *x = exprs->v[1];
  Diag *d = diag_error(p->c, E_SYNTAX, x->at, x->len, "values separated by commas are not a statement");
  diag_help(p->c, d, "several values make a list: [a, b]");
  return NULL;
}

static Ast *build_index_def(Parse *p, Ast *target, const Token *op, Ast *value) {
  Ast *a = node_new(p, AST_INDEXDEF, target->at, node_end(value), target->n);
  a->text = target->kid[0]->text;
  a->caret = target->kid[0]->at;
  a->caret_len = target->kid[0]->len;
  memcpy(a->kid, target->kid, (size_t)target->n * sizeof *a->kid);
  a->kid[0] = value;
  (void)op;
  return node_done(p, a);
}

static Ast *bad_target(Parse *p, const Ast *x, const char *op) {
  const Ast *type = x->kind == AST_BINARY ? x->kid[0] : NULL, *name = type ? x->kid[1] : NULL;
  if (type && type->kind == AST_NAME && name->kind == AST_NAME && foreign_help(FOREIGN_WORD, type->text)) {
    Diag *d = diag_error(p->c, E_SYNTAX, x->at, x->len, "this is a declaration of another language");
    diag_help(p->c, d, "a name is bound without a type, `%s = ...`; there are no pointers, memory is planned",
              name->text);
    return NULL;
  }
  Diag *d = diag_error(p->c, E_NOT_ASSIGNABLE, x->at, x->len, "this %s cannot be on the left of %s",
                       ast_kind_name(x->kind), op);
  if (strcmp(op, "=")) diag_help(p->c, d, "only a name is allowed there");
  else
    diag_help(p->c, d,
              "values are never changed in place: `x = where(m, 1, x)` makes a new one, `y[i, j] = ...` defines one");
  return NULL;
}

Ast *build_bind(Parse *p, Nodes *targets, const Token *op, Ast *value) {
  Ast *first = targets->v[0];
  if (targets->n == 1 && first->kind == AST_INDEX && is_name(first->kid[0]) && !(first->flags & AST_PAREN) &&
      all_names(first->kid + 1, first->n - 1)) {
    return build_index_def(p, first, op, value);
  }
  if (targets->n > MAX_TARGETS) {
    diag_error(p->c, E_NOT_ASSIGNABLE, first->at, first->len, "more than %d names are bound in one statement",
               MAX_TARGETS);
    return NULL;
  }
  for (int i = 0; i < targets->n; i++) {
    Ast *x = targets->v[i];
    if (!is_name(x)) return bad_target(p, x, "=");
    for (int j = 0; j < i; j++)
      if (targets->v[j]->text == x->text && strcmp(x->text, "_")) {
        diag_error(p->c, E_DUPLICATE_ARG, x->at, x->len, "`%s` is bound twice in one statement", x->text);
        return NULL;
      }
  }
  int n = targets->n;
  nodes_add(p, targets, value);
  Ast *a = node_list(p, AST_BIND, first->at, node_end(value), 0, targets);
  a->caret = first->at;
  a->caret_len = (int)(node_end(targets->v[n - 1]) - first->at);
  return node_done(p, a);
}

Ast *build_assign(Parse *p, Nodes *targets, const Token *op, Ast *value) {
  Ast *x = targets->v[0];
  if (targets->n > 1) x = targets->v[1];
  if (targets->n > 1 || !is_name(x)) return bad_target(p, x, ":=");
  Ast *a = build_keyword(p, AST_ASSIGN, op, value);
  a->text = x->text;
  a->at = a->caret = x->at;
  a->caret_len = x->len;
  a->len = (int)(node_end(value) - x->at);
  return a;
}

Ast *build_typed(Parse *p, int kind, const Token *word, const Token *name, Ast *type, Ast *value) {
  Ast *a = node_new(p, kind, word->at, node_end(value ? value : type), 2);
  a->text = name->text;
  a->kid[0] = type;
  a->kid[1] = value;
  node_set_caret(a, name);
  return node_done(p, a);
}

Ast *build_field(Parse *p, Nodes *targets, const Token *colon, Ast *type, Ast *value) {
  Ast *x = targets->v[0];
  if (targets->n > 1) x = targets->v[1];
  if (targets->n > 1 || !is_name(x)) return bad_target(p, x, ":");
  Ast *a = build_typed(p, AST_FIELD, colon, colon, type, value);
  a->text = x->text;
  a->at = a->caret = x->at;
  a->caret_len = x->len;
  a->len = (int)(node_end(value) - x->at);
  return a;
}

Ast *build_named(Parse *p, int kind, const Token *word, const Token *name, Ast *x, Ast *y) {
  Ast *a = node_new(p, kind, word->at, node_end(y ? y : x), y ? 2 : 1);
  a->text = name->text;
  a->kid[0] = x;
  if (y) a->kid[1] = y;
  node_set_caret(a, name);
  return node_done(p, a);
}

Ast *build_use(Parse *p, const Token *word, const Token *name, Ast *x) {
  if (x->kind != AST_NAME && x->kind != AST_CALL) {
    Diag *d =
      diag_error(p->c, E_SYNTAX, x->at, x->len, "`use` instantiates a def, not this %s", ast_kind_name(x->kind));
    diag_help(p->c, d, "write `use %s = f(...)` with the static arguments of f", name->text);
    return NULL;
  }
  return build_named(p, AST_USE, word, name, x, NULL);
}

Ast *build_hint(Parse *p, const Token *t, Nodes *args, const Token *end) {
  Nodes none = {0};
  Ast *a = node_list(p, AST_HINT, t->at, token_end(end), 0, args ? args : &none);
  a->text = t->text;
  node_set_caret(a, t);
  if (args) a->caret_len--; /* not the bracket */
  return node_done(p, a);
}

/* Hints reduce from the last to the first, so each is prepended. */
Ast *build_hinted(Parse *p, Ast *hint, Ast *x) {
  if (!x) return NULL;
  int n = x->hints ? x->hints->n : 0;
  Ast *a = node_new(p, AST_HINTS, hint->at, n ? node_end(x->hints) : node_end(hint), n + 1);
  a->kid[0] = hint;
  if (n) memcpy(a->kid + 1, x->hints->kid, (size_t)n * sizeof *a->kid);
  x->hints = node_done(p, a);
  if (a->depth > x->depth) x->depth = a->depth;
  if (n >= MAX_HINTS && !p->stop) {
    diag_error(p->c, E_NESTING, hint->at, hint->len, "more than %d hints on one statement", MAX_HINTS);
    p->stop = true;
  }
  return x;
}

Ast *build_type(Parse *p, const Token *name, Nodes *dims, const Token *end) {
  Nodes none = {0};
  Ast *a = node_list(p, AST_TYPE, name->at, token_end(end), 0, dims ? dims : &none);
  a->text = name->text;
  if (dims) a->flags = AST_SHAPED;
  node_set_caret(a, name);
  return node_done(p, a);
}

Ast *build_def(Parse *p, const Token *word, const Token *name, Nodes *params, Ast *result, Ast *body) {
  Ast *a = node_list(p, AST_DEF, word->at, node_end(body), 2, params);
  a->text = name->text;
  a->kid[0] = body;
  a->kid[1] = result;
  node_set_caret(a, name);
  return node_done(p, a);
}

Ast *build_export(Parse *p, const Token *word, Ast *def) {
  (void)p;
  def->flags |= AST_EXPORT;
  def->len = (int)(node_end(def) - word->at);
  def->at = word->at;
  return def;
}

Ast *build_dim(Parse *p, const Token *word, const Token *name, Ast *size, int flags) {
  Ast *a = build_named(p, AST_DIM, word, name, size, NULL);
  a->flags = (uint8_t)flags;
  return a;
}

Ast *build_import(Parse *p, const Token *word, const Token *path) {
  Ast *a = node_new(p, AST_IMPORT, word->at, token_end(path), 0);
  a->text = path->text;
  node_set_caret(a, path);
  return a;
}

Ast *build_section(Parse *p, int kind, const Token *word, const Token *name, Ast *block) {
  Ast *a = node_new(p, kind, word->at, node_end(block), 1);
  if (name) a->text = name->text;
  a->kid[0] = block;
  node_set_caret(a, name ? name : word);
  for (int i = 0; i < block->n && kind != AST_TEST; i++) {
    Ast *s = block->kid[i];
    if (s->kind != AST_BINARY || s->op != AST_LE || (s->flags & AST_PAREN) || !is_name(s->kid[0])) continue;
    Ast *b = build_keyword(p, AST_BUDGET, word, s->kid[1]);
    b->text = s->kid[0]->text;
    b->at = s->at;
    b->len = s->len;
    b->caret = s->kid[0]->at;
    b->caret_len = s->kid[0]->len;
    b->hints = s->hints;
    block->kid[i] = b;
  }
  return node_done(p, a);
}
