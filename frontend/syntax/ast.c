/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at trees: names of kinds, comparison, a printed form for tests. */
#include "frontend/syntax/ast.h"
#include <string.h>

static const char *const KIND_NAMES[] = {
#define K(id, name) name,
  AST_KINDS(K)
#undef K
};

static const char *const KIND_IDS[] = {
#define K(id, name) #id,
  AST_KINDS(K)
#undef K
};

static const char *const OP_TEXTS[] = {
#define O(id, text) text,
  AST_OPS(O)
#undef O
};

const char *ast_kind_name(int kind) { return KIND_NAMES[kind]; }
const char *ast_op_text(int op) { return OP_TEXTS[op]; }

static bool has_value_text(const Ast *a) { return a->text && a->kind != AST_INT && a->kind != AST_FLOAT; }

static bool has_op(const Ast *a) { return a->kind == AST_UNARY || a->kind == AST_BINARY; }

bool ast_equal(const Ast *a, const Ast *b) {
  if (!a || !b) return a == b;
  if (a->kind != b->kind || a->n != b->n || ((a->flags ^ b->flags) & ~AST_PAREN)) return false;
  if (has_op(a) && a->op != b->op) return false;
  if (has_value_text(a) != has_value_text(b) || (has_value_text(a) && strcmp(a->text, b->text))) return false;
  if (memcmp(&a->i, &b->i, sizeof a->i)) return false; /* f too: the same bits */
  for (int i = 0; i < a->n; i++)
    if (!ast_equal(a->kid[i], b->kid[i])) return false;
  return ast_equal(a->hints, b->hints);
}

static void dump(Str *out, const Ast *a, int indent) {
  str_printf(out, "%*s", 2 * indent, "");
  if (!a) {
    str_puts(out, "-\n");
    return;
  }
  str_puts(out, KIND_IDS[a->kind]);
  if (has_op(a)) str_printf(out, " %s", OP_TEXTS[a->op]);
  if (a->kind == AST_BOOL) str_puts(out, a->i ? " true" : " false");
  bool quoted = a->kind == AST_STR || a->kind == AST_IMPORT || a->kind == AST_TEST;
  if (a->text) str_printf(out, quoted ? " \"%s\"" : " %s", a->text);
  if (a->flags & AST_EXPORT) str_puts(out, " export");
  if (a->flags & AST_BOUND) str_puts(out, " bound");
  if (a->flags & AST_SHAPED) str_puts(out, " shaped");
  str_puts(out, "\n");
  if (a->hints) dump(out, a->hints, indent + 1);
  for (int i = 0; i < a->n; i++) dump(out, a->kid[i], indent + 1);
}

void ast_dump(Str *out, const Ast *a) { dump(out, a, 0); }

bool ast_names(const Ast *a, const char *name) {
  if (a->kind != AST_NAME) return false;
  size_t n = strlen(name);
  return a->text == name || (!strncmp(a->text, name, n) && a->text[n] == '.');
}
