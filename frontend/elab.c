/* SPDX-License-Identifier: Apache-2.0 */
/* Elaborates a file: names first, then the graphs of each section in file order, then what needs the final names of
 * the weights. */
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_scope.h"
#include "frontend/elab/elab_seen.h"
#include "frontend/elab/elab_setting.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/parse.h"
#include "frontend/sections/elab_data.h"
#include <string.h>

const char *const elab_builtin_files[] = {"std/tensor.nn",     "std/order.nn",     "std/matrix.nn",
                                          "std/activation.nn", "std/attention.nn", "std/transformer.nn",
                                          "std/layer.nn",      "std/recurrent.nn", "std/position.nn",
                                          "std/window.nn",     "std/resample.nn",  "std/augment.nn",
                                          "std/norm.nn",       "std/loss.nn",      "std/init.nn",
                                          "std/check.nn",      "std/metric.nn",    "runtime/schedule.nn",
                                          "runtime/optim.nn",  "runtime/lbfgs.nn", NULL};

/* ---- the file ---- */

/* All built-in files make one list of names. */
static void load_builtins(Elab *e) {
  File *all = ctx_alloc(e->c, sizeof *all);
  *all = (File){.path = "std", .builtin = true};
  for (int i = 0; elab_builtin_files[i]; i++) {
    size_t n;
    const char *text = e->o->builtin ? e->o->builtin(elab_builtin_files[i], &n) : NULL;
    if (text) el_load_builtin(e, all, elab_builtin_files[i], source_add(e->c, elab_builtin_files[i], text, n));
  }
  e->std = all;
}

const char *elab_stem(Ctx *c, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path, *dot = strrchr(base, '.');
  size_t n = dot && dot > base ? (size_t)(dot - base) : strlen(base);
  char *s = ctx_strf(c, "%.*s", (int)n, base);
  for (char *p = s; *p; p++) {
    bool digit = *p >= '0' && *p <= '9', letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z');
    if (!letter && !(digit && p > s)) *p = '_';
  }
  return *s ? s : "model";
}

/* Two sections of a kind with one name would make graphs of one name. */
static void check_section_names(Elab *e, const Ast *file) {
  for (int i = 0; i < file->n; i++)
    for (int k = 0; k < i; k++) {
      const Ast *a = file->kid[i], *b = file->kid[k];
      if (a->kind != AST_TRAIN || b->kind != AST_TRAIN || a->text != b->text) continue;
      Diag *d = el_error(e, E_DUPLICATE_NAME, a,
                         a->text ? "train section `%s` occurs twice" : "a second train section needs a name", a->text);
      diag_label(e->c, d, b->caret, b->caret_len, "first here");
      return;
    }
}

static void check_hints(Elab *e, const Ast *a) {
  if (!a->hints || a->kind == AST_USE) return;
  int before = diag_errors(e->c);
  el_read_hints(e, a);
  if (diag_errors(e->c) == before)
    el_fail(e, E_UNKNOWN_HINT, a->hints->kid[0], "`@%s` must precede a `param`, a statement or a `use`",
            a->hints->kid[0]->text);
}

/* Evaluates items that no section uses, so that their errors are reported. */
static void check_items(Elab *e) {
  for (int i = 0; i < e->file->n && !e->fatal; i++) {
    Item *it = e->file->item[i];
    if (it->file != e->file || it->kind == IT_DEF || it->kind == IT_DATA) continue;
    el_item_value(e, it, it->ast);
  }
}

static void sections(Elab *e, const Ast *file) {
  int tests = 0;
  for (int other = 0; other < 2; other++) /* those to validate on last: they use the classes and states of the others */
    for (int i = 0; i < file->n && !e->fatal; i++) {
      const Ast *a = file->kid[i];
      if (a->kind == AST_DATA && (el_learned_from(e, a->text) != a->text) == other) el_data_section(e, a);
    }
  for (int i = 0; i < file->n && !e->fatal; i++) {
    const Ast *a = file->kid[i];
    check_hints(e, a);
    switch (a->kind) {
    case AST_TRAIN: el_train_section(e, a); break;
    case AST_TEST: el_test(e, a, ++tests); break;
    case AST_DEF:
      if (a->flags & AST_EXPORT) el_export(e, a);
      break;
    case AST_TARGET: el_target_section(e, a); break;
    default: break;
    }
  }
}

static void expression(Elab *e) {
  int before = diag_errors(e->c);
  const Ast *a = parse_expression(e->c, e->o->expression);
  if (diag_errors(e->c) == before) el_export(e, a->kid[0]);
}

Module *elaborate(Ctx *c, Loc start, const char *path, const ElabOptions *o) {
  Elab self = {.c = c, .o = o, .errors = diag_errors(c)}, *e = &self;
  size_t n;
  if (o->watch) e->seen = el_watch(c, o->watch);
  e->m = module_new(c, "model");
  e->m->name = ctx_name(c, elab_stem(c, path));
  e->m->file = ctx_name(c, path);
  e->m->opt = o->opt;
  e->m->source = source_text(c, start, &n);
  load_builtins(e);
  e->init = graph_new(e->m, "init", GK_INIT, start);
  e->file = el_load(e, path, start);
  if (e->unparsed || !e->file) return e->m;
  Frame f;
  GraphState s = el_enter(e, e->init, false, &f, e->file);
  f.site = site_root(e, "top", false);
  check_section_names(e, e->file->ast);
  el_set_constants(e);
  check_items(e);
  el_leave(e, &s);
  sections(e, e->file->ast);
  if (o->expression && !e->fatal) expression(e);
  if (!e->fatal) el_check_uncalled(e);
  if (el_failed(e)) return e->m;
  el_list_constants(e);
  el_warn(e);
  el_read_averages(e);
  el_finish_vars(e);
  if (!el_failed(e)) el_init_graph(e);
  el_finish_scopes(e);
  return e->m;
}
