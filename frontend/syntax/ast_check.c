/* SPDX-License-Identifier: Apache-2.0 */
/* Checks that the grammar leaves open: constructs in the wrong place, names given twice. */
#include "frontend/syntax/ast_build.h"
#include "frontend/syntax/foreign.h"
#include "ir/diag.h"
#include <string.h>

enum { MAX_NAMED = 256 }; /* arguments that are compared with each other */

typedef enum Place { IN_DEF = 1, IN_DATA = 2, IN_TRAIN = 4, IN_TARGET = 8, IN_TEST = 16 } Place;

/* Where each kind of statement is allowed; 0: it is an expression. */
static const struct {
  uint8_t places;
  const char *where;
} STATEMENTS[AST_KIND_COUNT] = {
  [AST_BIND] = {31, ""},
  [AST_ASSIGN] = {IN_DEF | IN_TRAIN, "in defs and train sections"},
  [AST_PARAM] = {IN_DEF, "in a def"},
  [AST_STATE] = {IN_DEF, "in a def"},
  [AST_USE] = {IN_DEF, "at top level or in a def"},
  [AST_INDEXDEF] = {IN_DEF | IN_TRAIN | IN_TEST, "in defs, train and test sections"},
  [AST_FOR] = {IN_DEF | IN_DATA | IN_TRAIN | IN_TEST, "in defs, data, train and test sections"},
  [AST_IF] = {IN_DEF | IN_TEST, "in defs and test sections"},
  [AST_ASSERT] = {IN_DEF | IN_TEST, "in defs and test sections"},
  [AST_FIELD] = {IN_DATA, "in a data section"},
  [AST_BUDGET] = {IN_TRAIN | IN_TARGET, "in train and target sections"},
};

typedef struct Check {
  Ctx *c;
  Place value; /* what the blocks of an `if` with a value may contain: IN_DEF, or IN_TEST elsewhere */
  bool loop;   /* within a `for` of a data or train section, which only binds names */
} Check;

static void check_expr(Check *k, const Ast *a);
static void check_block(Check *k, const Ast *block, Place place);

static void misplaced(Check *k, const Ast *a, const char *what, const char *where) {
  bool typed = a->kind == AST_FIELD && !k->loop;
  Diag *d = typed
              ? diag_error(k->c, E_MISPLACED, a->caret, a->caret_len, "a name has no type here")
              : diag_error(k->c, E_MISPLACED, a->caret, a->caret_len, "%s is not allowed here, only %s", what, where);
  if (a->kind == AST_FIELD)
    diag_help(k->c, d, "a name is bound without a type: `%s = ...`%s", a->text,
              typed ? "; the fields of a data section have types" : "");
}

static void check_kids(Check *k, const Ast *a, int from) {
  for (int i = from; i < a->n; i++)
    if (a->kid[i]) check_expr(k, a->kid[i]);
}

/* Children from `from` on of kind `kind` have different names. */
static void check_names(Check *k, const Ast *a, int from, int kind, const char *what) {
  for (int i = from, seen = 0; i < a->n; i++) {
    if (a->kid[i]->kind != kind) continue;
    if (++seen > MAX_NAMED) {
      diag_error(k->c, E_DUPLICATE_ARG, a->kid[i]->caret, a->kid[i]->caret_len, "more than %d %ss", MAX_NAMED, what);
      return;
    }
    for (int j = from; j < i; j++) {
      if (a->kid[j]->kind != kind || a->kid[j]->text != a->kid[i]->text) continue;
      Diag *d = diag_error(k->c, E_DUPLICATE_ARG, a->kid[i]->caret, a->kid[i]->caret_len, "%s `%s` is given twice",
                           what, a->kid[i]->text);
      diag_label(k->c, d, a->kid[j]->caret, a->kid[j]->caret_len, "first here");
      return;
    }
  }
}

/* At most one `...` among the children from index `from` on. */
static void check_dots(Check *k, const Ast *a, int from) {
  const Ast *first = NULL;
  for (int i = from; i < a->n; i++) {
    const Ast *x = a->kid[i];
    if (x->kind != AST_DOTS) continue;
    if (first) {
      Diag *d = diag_error(k->c, E_DUPLICATE_ELLIPSIS, x->at, x->len, "`...` occurs twice");
      diag_label(k->c, d, first->at, first->len, "first here");
      return;
    }
    first = x;
  }
}

static void check_call(Check *k, const Ast *a, int from, bool field) {
  check_names(k, a, from, AST_NAMED, "argument");
  for (int i = from; i < a->n; i++) {
    const Ast *x = a->kid[i];
    if (x->kind == AST_DOTS) {
      misplaced(k, x, "`...`", "in shapes and in brackets after a tensor");
    } else if (x->kind == AST_SLICE && !field) {
      misplaced(k, x, "a slice", "in brackets after a tensor and in `field(0:64)`");
    } else if (x->kind == AST_SLICE && x->n > 2) {
      misplaced(k, x, "a slice with a step", "in brackets after a tensor or a list");
    } else {
      check_expr(k, x);
    }
  }
}

static void check_type(Check *k, const Ast *type) {
  for (int i = 0; i < type->n; i++) {
    const Ast *s = type->kid[i];
    if (s->kind != AST_UNARY || s->op != AST_NEG || s->kid[0]->kind != AST_INT) continue;
    Diag *d = diag_error(k->c, E_NEGATIVE_SIZE, s->at, s->len, "a size is a number from 0 on or a name");
    diag_help(k->c, d, "a size that the caller chooses has a name, as in f32[B, 16]");
  }
  check_dots(k, type, 0);
  check_kids(k, type, 0);
}

static void check_hints(Check *k, const Ast *a) {
  for (int i = 0; a->hints && i < a->hints->n; i++) check_call(k, a->hints->kid[i], 0, false);
}

static void check_expr(Check *k, const Ast *a) {
  if (a->kind == AST_IF) {
    check_expr(k, a->kid[0]);
    check_block(k, a->kid[1], k->value);
    if (a->kid[2] && a->kid[2]->kind == AST_IF) check_expr(k, a->kid[2]);
    else if (a->kid[2]) check_block(k, a->kid[2], k->value);
  } else if (a->kind == AST_CALL) {
    const Ast *f = a->kid[0];
    check_expr(k, f);
    check_call(k, a, 1, f->kind == AST_NAME && !strcmp(f->text, "field"));
  } else if (a->kind == AST_INDEX) {
    check_dots(k, a, 1);
    check_kids(k, a, 0);
  } else {
    check_kids(k, a, 0);
  }
}

/* A `for` of a data or train section: its block binds names, and has no settings, fields or assignments. */
static void check_loop(Check *k, const Ast *a, Place place) {
  bool outer = k->loop;
  k->loop = true;
  check_expr(k, a->kid[0]);
  check_block(k, a->kid[1], place);
  k->loop = outer;
}

/* `if` and `for` as statements: their blocks may contain what the enclosing block may. */
static void check_nested(Check *k, const Ast *a, Place place) {
  check_expr(k, a->kid[0]);
  check_block(k, a->kid[1], place);
  if (a->kind != AST_IF || !a->kid[2]) return;
  if (a->kid[2]->kind == AST_IF) check_nested(k, a->kid[2], place);
  else check_block(k, a->kid[2], place);
}

static void check_bind(Check *k, const Ast *a, Place place) {
  for (int i = 0; i + 1 < a->n; i++) {
    const Ast *x = a->kid[i];
    if (!strchr(x->text, '.') || (place & (IN_DATA | IN_TRAIN | IN_TARGET))) continue;
    diag_error(k->c, E_NOT_ASSIGNABLE, x->at, x->len,
               "`%s` cannot be bound: names with a point are settings of sections", x->text);
  }
  check_expr(k, a->kid[a->n - 1]);
}

/* early_stop(...), a setting that needs no name. */
static bool is_setting_call(const Ast *a, Place place) {
  return place & IN_TRAIN && a->kind == AST_CALL && a->kid[0]->kind == AST_NAME &&
         !strcmp(a->kid[0]->text, "early_stop");
}

static void check_statement(Check *k, const Ast *a, Place place) {
  int allowed = STATEMENTS[a->kind].places;
  check_hints(k, a);
  if (allowed && !(allowed & place)) {
    misplaced(k, a, ctx_strf(k->c, "`%s`", a->kind == AST_ASSIGN ? ":=" : ast_kind_name(a->kind)),
              STATEMENTS[a->kind].where);
    return;
  }
  if (k->loop &&
      (a->kind == AST_ASSIGN || a->kind == AST_FIELD || a->kind == AST_BUDGET || is_setting_call(a, place))) {
    misplaced(k, a,
              a->kind == AST_ASSIGN  ? "`:=`"
              : a->kind == AST_FIELD ? "a field"
                                     : "a setting",
              "in a section outside its loops");
    return;
  }
  if (!allowed && (place & (IN_DATA | IN_TRAIN | IN_TARGET)) && !is_setting_call(a, place)) {
    Diag *d = diag_error(k->c, E_MISPLACED, a->caret, a->caret_len, "an expression alone has no effect in a section");
    const Ast *f = a->kind == AST_CALL ? a->kid[0] : a;
    const char *help = f->kind == AST_NAME ? foreign_name(k->c, f->text, "x") : NULL;
    diag_help(k->c, d, "%s", help ? help : "give it a name: `name = ...`");
    return;
  }
  if (a->kind == AST_FOR && place & (IN_DATA | IN_TRAIN)) check_loop(k, a, place);
  else if (a->kind == AST_IF || a->kind == AST_FOR) check_nested(k, a, place);
  else if (a->kind == AST_BIND) check_bind(k, a, place);
  else if (a->kind == AST_PARAM || a->kind == AST_STATE || a->kind == AST_FIELD) {
    check_type(k, a->kid[0]);
    if (a->kid[1]) check_expr(k, a->kid[1]);
  } else {
    check_expr(k, a);
  }
}

static void check_block(Check *k, const Ast *block, Place place) {
  for (int i = 0; i < block->n; i++) check_statement(k, block->kid[i], place);
}

static void check_def(Check *k, const Ast *def) {
  check_names(k, def, 2, AST_ARG, "parameter");
  for (int i = 2; i < def->n; i++) {
    check_type(k, def->kid[i]->kid[0]);
    if (def->kid[i]->kid[1]) check_expr(k, def->kid[i]->kid[1]);
  }
  if (def->kid[1]) check_type(k, def->kid[1]);
  check_block(k, def->kid[0], IN_DEF);
}

void ast_check(Ctx *c, Ast *file) {
  static const uint8_t PLACES[AST_KIND_COUNT] = {
    [AST_DATA] = IN_DATA, [AST_TRAIN] = IN_TRAIN, [AST_TARGET] = IN_TARGET, [AST_TEST] = IN_TEST};
  Check k = {.c = c};
  for (int i = 0; i < file->n; i++) {
    const Ast *a = file->kid[i];
    k.value = a->kind == AST_DEF ? IN_DEF : IN_TEST;
    check_hints(&k, a);
    if (a->kind == AST_DEF) check_def(&k, a);
    else if (PLACES[a->kind]) check_block(&k, a->kid[0], PLACES[a->kind]);
    else check_kids(&k, a, 0);
  }
}
