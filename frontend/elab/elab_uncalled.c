/* SPDX-License-Identifier: Apache-2.0 */
/* Defs that nothing calls: checks their names, then the errors that every call would have (elab_trial.c). */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include "frontend/syntax/foreign.h"
#include <string.h>

typedef struct Names {
  Table bound;
  const char **word;
  int n, cap;
} Names;

static void bind(Elab *e, Names *s, const char *name) {
  if (table_get(&s->bound, name) >= 0) return;
  table_set(e->c, &s->bound, name, s->n);
  *VEC_PUSH(e->c, s->word, s->n, s->cap) = name;
}

static void bind_names_in(Elab *e, Names *s, const Ast *a) {
  if (!a) return;
  if (a->kind == AST_NAME) bind(e, s, a->text);
  for (int i = 0; i < a->n; i++) bind_names_in(e, s, a->kid[i]);
}

/* Collects every name that some statement binds, wherever the statement is. */
static void collect(Elab *e, Names *s, const Ast *a) {
  if (!a) return;
  switch (a->kind) {
  case AST_BIND:
    for (int i = 0; i + 1 < a->n; i++) bind(e, s, a->kid[i]->text);
    break;
  case AST_INDEXDEF:
  case AST_REDUCE:
    for (int i = 1; i < a->n; i++) bind_names_in(e, s, a->kid[i]);
    if (a->kind == AST_INDEXDEF) bind(e, s, a->text);
    break;
  case AST_PARAM:
  case AST_STATE:
  case AST_USE:
  case AST_FOR: bind(e, s, a->text); break;
  default: break;
  }
  for (int i = 0; i < a->n; i++) collect(e, s, a->kid[i]);
}

static bool known(Elab *e, const Names *s, const char *name) {
  static const char *const words[] = {"training", "int", "float", "inf", "nan", "pi", "none"};
  for (int i = 0; i < 7; i++)
    if (!strcmp(name, words[i])) return true;
  return is_run_scalar(name) || table_get(&s->bound, name) >= 0 || el_item(e, e->cur.f->file, name) ||
         dtype_find(name) >= 0 || el_intrinsic(name) || el_named_op(name) >= 0;
}

/* x.view, x.relu: no name of a weight, but that of a function. */
static bool is_method(Elab *e, const Names *s, const char *name) {
  const char *dot = strrchr(name, '.'), *last = dot ? ctx_name(e->c, dot + 1) : NULL;
  if (!dot || table_get(&s->bound, ctx_intern(e->c, name, (size_t)(dot - name))) < 0) return false;
  return foreign_help(FOREIGN_NAME, last) || el_item(e, NULL, last) || el_intrinsic(last) || el_named_op(last) >= 0;
}

static void check(Elab *e, const Names *s, const Ast *a) {
  if (!a) return;
  bool name = a->kind == AST_NAME;
  if (name && (!known(e, s, ctx_intern(e->c, a->text, strcspn(a->text, "."))) || is_method(e, s, a->text)) &&
      !el_name_reported(e, a->text)) {
    Diag *d = el_error(e, E_UNKNOWN_NAME, a, "unknown name `%s`", a->text);
    el_help_name(e, d, a, a->text, diag_suggest(e->c, a->text, s->word, s->n));
  }
  for (int i = 0; i < a->n; i++)
    if (!(a->kind == AST_INDEX && i && ast_names(a->kid[i], ctx_name(e->c, "None"))))
      check(e, s, a->kid[i]); /* x[:, None] */
}

void el_check_uncalled(Elab *e) {
  Item **uncalled = ctx_alloc(e->c, sizeof *uncalled * (size_t)(e->file->n + 1));
  int n = 0;
  for (int i = 0; i < e->file->n; i++) {
    Item *it = e->file->item[i];
    if (it->kind != IT_DEF || it->file != e->file || it->def->called || (it->ast->flags & AST_EXPORT)) continue;
    uncalled[n++] = it;
    int before = diag_errors(e->c);
    Frame f = {.file = e->file, .ndots = -1}, *old = e->cur.f;
    Names s = {0};
    const Ast *d = it->ast;
    e->cur.f = &f;
    for (int k = 2; k < d->n; k++) {
      bind(e, &s, d->kid[k]->text);
      bind_names_in(e, &s, d->kid[k]->kid[0]); /* shape variables */
    }
    bind_names_in(e, &s, d->kid[1]);
    collect(e, &s, d->kid[0]);
    check(e, &s, d->kid[0]);
    e->cur.f = old;
    if (diag_errors(e->c) != before) n--;
  }
  el_try_uncalled(e, uncalled, n);
}
