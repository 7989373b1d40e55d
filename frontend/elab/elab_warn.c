/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about the main file: a `use` or def that nothing calls, a value that is neither bound nor used, a name
 * that is bound and never read. A file of only defs and constants is a library, whose items are for others. */
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

/* Whether the tree names it: an expression, a shape, a called def, a state that is written. */
static bool names_it(const Ast *a, const char *name) {
  if (!a) return false;
  if (ast_names(a, name)) return true;
  for (int i = 0; i < a->n; i++)
    if (names_it(a->kid[i], name)) return true;
  for (int i = 0; a->hints && i < a->hints->n; i++)
    if (names_it(a->hints->kid[i], name)) return true;
  return false;
}

/* The same for what a statement reads, without the names that it binds. */
static bool reads(const Ast *s, const char *name) {
  if (!s) return false;
  if (s->kind == AST_BIND) return names_it(s->kid[s->n - 1], name);
  if (s->kind == AST_FOR || s->kind == AST_IF || s->kind == AST_BLOCK) {
    for (int i = 0; i < s->n; i++)
      if (reads(s->kid[i], name)) return true;
    return false;
  }
  return names_it(s, name);
}

/* ---- statements ---- */

void el_mark_effect(Elab *e, const Ast *s) {
  for (int i = 0; i < e->neffect; i++)
    if (e->effect[i] == s) return;
  *VEC_PUSH(e->c, e->effect, e->neffect, e->capeffect) = s;
}

static bool has_effect(const Elab *e, const Ast *s) {
  for (int i = 0; i < e->neffect; i++)
    if (e->effect[i] == s) return true;
  return false;
}

static void check_block(Elab *e, const Ast *block, const Ast *def, bool used);

/* Blocks of an `if` inside an expression. */
static void check_value(Elab *e, const Ast *a, const Ast *def) {
  if (!a) return;
  if (a->kind == AST_BLOCK) {
    check_block(e, a, def, true);
    return;
  }
  for (int i = 0; i < a->n; i++) check_value(e, a->kid[i], def);
}

static void unused_value(Elab *e, const Ast *s) {
  if (has_effect(e, s)) return;
  Diag *d = diag_warn(e->c, E_UNUSED_VALUE, s->caret, s->caret_len, "this value is neither bound nor used");
  diag_help(e->c, d, "give it a name, or leave the line out");
}

/* Whether a binding of line `at` is never read, or (*again) rebound before any read. */
static bool never_read(const Ast *block, int at, const char *name, const Ast *def, bool *again) {
  *again = false;
  for (int i = at + 1; i < block->n; i++) {
    const Ast *s = block->kid[i];
    if (reads(s, name)) return false;
    *again = s->kind == AST_BIND && s->n == 2 && s->kid[0]->text == name;
    if (*again) return true;
  }
  return !reads(def, name);
}

static void unread_name(Elab *e, const Ast *block, int at, const Ast *def) {
  const Ast *s = block->kid[at], *first = s->kind == AST_BIND ? s->kid[0] : NULL;
  bool again = false;
  int n = first ? s->n - 1 : 1;
  for (int i = 0; i < n; i++) { /* of `a, b = e` one must be read */
    const char *name = first ? s->kid[i]->text : s->text;
    if (name[0] == '_' || strchr(name, '.') || !never_read(block, at, name, def, &again)) return;
  }
  const char *what = s->kind == AST_PARAM ? "the weight " : s->kind == AST_USE ? "the instance " : "";
  const char *name = first ? first->text : s->text;
  Diag *d = diag_warn(e->c, E_UNUSED_NAME, first ? first->at : s->caret, first ? first->len : s->caret_len,
                      again ? "%s`%s` is bound again before anything reads it" : "%s`%s` is never read", what, name);
  diag_help(e->c, d, "leave the line out, or call it `_%s`", name);
}

static void check_statement(Elab *e, const Ast *block, int at, const Ast *def, bool used) {
  const Ast *s = block->kid[at];
  switch (s->kind) {
  case AST_FOR: check_block(e, s->kid[1], def, false); break;
  case AST_IF: {
    for (int i = 1; i < 3; i++) {
      const Ast *b = s->kid[i];
      for (; b && b->kind == AST_IF; b = b->kid[2]) check_block(e, b->kid[1], def, used);
      if (b) check_block(e, b, def, used);
    }
    break;
  }
  case AST_BIND:
  case AST_INDEXDEF:
  case AST_PARAM:
  case AST_USE:
    unread_name(e, block, at, def);
    check_value(e, s->kid[s->kind == AST_BIND ? s->n - 1 : 0], def);
    break;
  case AST_STATE:
  case AST_ASSIGN:
  case AST_ASSERT: break;
  default:
    if (!used) unused_value(e, s);
    check_value(e, s, def);
  }
}

/* used: the value of the last line is. */
static void check_block(Elab *e, const Ast *block, const Ast *def, bool used) {
  for (int i = 0; i < block->n; i++) check_statement(e, block, i, def, used && i + 1 == block->n);
}

/* ---- items ---- */

/* Whether another item of the file names it. */
static bool named_elsewhere(const Ast *file, const Ast *item) {
  for (int i = 0; i < file->n; i++) {
    const Ast *a = file->kid[i];
    if (a != item && names_it(a, item->text)) return true;
  }
  return false;
}

static bool is_library(const Ast *file) {
  for (int i = 0; i < file->n; i++) {
    const Ast *a = file->kid[i];
    bool defines = a->kind == AST_CONST || a->kind == AST_DIM || a->kind == AST_IMPORT ||
                   (a->kind == AST_DEF && !(a->flags & AST_EXPORT));
    if (!defines && a->kind != AST_TEST) return false;
  }
  return true;
}

static void check_item(Elab *e, const Item *it, const Ast *file) {
  const Ast *a = it->ast;
  bool export = a->flags & AST_EXPORT, elsewhere = named_elsewhere(file, a);
  if (it->kind == IT_USE && it->instance && !it->instance->called) {
    Diag *d =
      diag_warn(e->c, E_UNUSED_INSTANCE, a->caret, a->caret_len, "nothing calls `%s`, so it has no weights", it->name);
    diag_help(e->c, d, "call it in a section, as %s(x), or leave it out", it->name);
  } else if (it->kind == IT_DEF && !export && !it->def->called && !elsewhere) {
    diag_warn(e->c, E_UNUSED_DEF, a->caret, a->caret_len, "nothing calls `%s`", it->name);
  } else if ((it->kind == IT_CONST || it->kind == IT_DIM) && !elsewhere && it->name[0] != '_') {
    diag_warn(e->c, E_UNUSED_NAME, a->caret, a->caret_len, "`%s` is never read", it->name);
  }
}

void el_warn(Elab *e) {
  const Ast *file = e->file->ast;
  bool library = is_library(file);
  for (int i = 0; i < file->n; i++) {
    const Ast *a = file->kid[i];
    if (a->kind == AST_DEF || a->kind == AST_TEST) check_block(e, a->kid[0], a->kid[0], a->kind == AST_DEF);
  }
  for (int i = 0; i < e->file->n && !library; i++)
    if (e->file->item[i]->file == e->file) check_item(e, e->file->item[i], file);
}
