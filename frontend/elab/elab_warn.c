/* SPDX-License-Identifier: Apache-2.0 */
/* Warnings about the main file: a `use` or def that nothing calls, a value that is neither bound nor used, a name
 * that is bound and never read. A file of only defs and constants is a library, whose items are for others. */
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_mentions.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

static Mentions of_block(Elab *e, const Ast *block) {
  Mentions m = {NULL, 0, 0};
  for (int i = 0; i < block->n; i++) {
    const Ast *s = block->kid[i];
    mention_reads(e, &m, s, i);
    if (s->kind == AST_BIND && s->n == 2) mention(e, &m, s->kid[0]->text, i, true);
  }
  mentions_sort(&m);
  return m;
}

static Mentions of_def(Elab *e, const Ast *def) {
  Mentions m = {NULL, 0, 0};
  mention_reads(e, &m, def, 0);
  mentions_sort(&m);
  return m;
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

static void check_block(Elab *e, const Ast *block, const Mentions *def, bool used);

/* Blocks of an `if` inside an expression. */
static void check_value(Elab *e, const Ast *a, const Mentions *def) {
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

/* A block that is checked: its lines, what they name, and what the def around it reads anywhere. */
typedef struct Lines {
  const Ast *block;
  Mentions names;
  const Mentions *def;
} Lines;

/* Whether a binding of line `at` is never read, or (*again) rebound before any read. */
static bool never_read(const Lines *l, int at, const char *name, bool *again) {
  const Mention *next = mentions_first(&l->names, name, at + 1);
  *again = next && next->binds;
  return next ? next->binds : !mentions_first(l->def, name, 0);
}

static void unread_name(Elab *e, const Lines *l, int at) {
  const Ast *s = l->block->kid[at], *first = s->kind == AST_BIND ? s->kid[0] : NULL;
  bool again = false;
  int n = first ? s->n - 1 : 1;
  for (int i = 0; i < n; i++) { /* of `a, b = e` one must be read */
    const char *name = first ? s->kid[i]->text : s->text;
    if (name[0] == '_' || strchr(name, '.') || !never_read(l, at, name, &again)) return;
  }
  const char *what = s->kind == AST_PARAM ? "the weight " : s->kind == AST_USE ? "the instance " : "";
  const char *name = first ? first->text : s->text;
  Diag *d = diag_warn(e->c, E_UNUSED_NAME, first ? first->at : s->caret, first ? first->len : s->caret_len,
                      again ? "%s`%s` is bound again before anything reads it" : "%s`%s` is never read", what, name);
  diag_help(e->c, d, "leave the line out, or call it `_%s`", name);
}

static void check_statement(Elab *e, const Lines *l, int at, bool used) {
  const Ast *s = l->block->kid[at];
  const Mentions *def = l->def;
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
    unread_name(e, l, at);
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
static void check_block(Elab *e, const Ast *block, const Mentions *def, bool used) {
  Lines l = {block, of_block(e, block), def};
  for (int i = 0; i < block->n; i++) check_statement(e, &l, i, used && i + 1 == block->n);
}

/* ---- items ---- */

/* Whether an item of the file other than number `at` names it. */
static bool named_elsewhere(const Mentions *file, const char *name, int at) {
  const Mention *first = mentions_first(file, name, 0);
  return first && (first->line != at || mentions_first(file, name, at + 1));
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

static void check_item(Elab *e, const Item *it, bool elsewhere) {
  const Ast *a = it->ast;
  bool export = a->flags & AST_EXPORT;
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

static void check_items(Elab *e, const Ast *file) {
  Mentions names = mentions_of_lines(e, file);
  for (int i = 0, at = 0; i < e->file->n; i++) {
    const Item *it = e->file->item[i];
    if (it->file != e->file) continue;
    for (int n = 0; n < file->n && file->kid[at] != it->ast; n++) at = (at + 1) % file->n; /* in their order */
    check_item(e, it, named_elsewhere(&names, it->ast->text, at));
  }
}

void el_warn(Elab *e) {
  const Ast *file = e->file->ast;
  for (int i = 0; i < file->n; i++) {
    const Ast *a = file->kid[i];
    if (a->kind != AST_DEF && a->kind != AST_TEST) continue;
    Mentions names = of_def(e, a->kid[0]);
    check_block(e, a->kid[0], &names, a->kind == AST_DEF);
  }
  if (!is_library(file)) check_items(e, file);
}
