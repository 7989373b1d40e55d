/* SPDX-License-Identifier: Apache-2.0 */
/* `export def` and `test`. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_section.h"
#include "ir/sizes.h"
#include <string.h>

static bool export_static(Elab *e, const Ast *p) {
  if (!p->kid[1])
    return el_reject(e, E_EXPORT, p, "`%s` is not a tensor, so an export needs a default for it", p->text);
  Value v = el_static(e, p->kid[1]);
  scope_set(e->c, &e->cur.f->scope, p->text, v, p->caret, p->caret_len);
  return !v_bad(v);
}

static bool export_input(Elab *e, const Ast *p) {
  const Ast *open = el_open_dim(e, p->kid[0]);
  if (open) {
    const char *name = open->kind == AST_NAME ? open->text : "N";
    while (open->kind == AST_BINARY) open = open->kid[el_named_size(e, open->kid[0]) ? 0 : 1];
    if (open->kind == AST_NAME && el_name_reported(e, open->text)) return false;
    Diag *d = el_error(e, E_EXPORT, open, "the size `%s` of an exported function must be known at compile time",
                       el_source(e, open));
    diag_help(e->c, d, "write a number, fix it by `dim %s = ...`, or bound it by `dim %s <= ...`", name, name);
    return false;
  }
  TypeId t = el_declared(e, p->kid[0]);
  if (!t) return false;
  Id id = graph_input(e->cur.b.g, p->text, t, p->caret);
  id = id ? el_export_field(e, p, id) : 0;
  scope_set(e->c, &e->cur.f->scope, p->text, id ? v_tensor(e, id) : v_error(), p->caret, p->caret_len);
  return id != 0;
}

static bool export_params(Elab *e, const Ast *a) {
  ParamType t;
  bool ok = true;
  for (int pass = 0; pass < 2; pass++) /* sizes may be static arguments */
    for (int i = 2; i < a->n; i++) {
      if (!el_param_type(e, a->kid[i]->kid[0], &t)) return false;
      if (t.tensor == (pass == 1)) ok &= t.tensor ? export_input(e, a->kid[i]) : export_static(e, a->kid[i]);
    }
  return ok;
}

/* Of a call, or the last one of a pipe. */
static const char *callee_name(const Ast *a) {
  while (a->kind == AST_PIPE || a->kind == AST_CALL) a = a->kid[a->kind == AST_PIPE];
  return a->kind == AST_NAME ? a->text : "";
}

static void export_results(Elab *e, const Ast *a, Value v) {
  const Ast *last = a->kid[0]->n ? a->kid[0]->kid[a->kid[0]->n - 1] : a;
  if (v.kind == V_NONE && (last->kind == AST_CALL || last->kind == AST_PIPE)) {
    if (el_reported_of(e, E_NO_VALUE, callee_name(last))) return;
    el_fail(e, E_NO_VALUE, last, "this call gives no value");
  } else if (v.kind == V_NONE) {
    el_fail(e, E_NO_VALUE, a, "`%s` ends without a value", a->text);
  } else if (v.kind == V_LIST && !v_tensorlike(v)) {
    el_fail(e, E_EXPORT, last, "an export gives tensors, not %s", v_text(e, v));
  } else if (v.kind == V_LIST && v.list->v[0].kind == V_TENSOR) {
    for (int i = 0; i < v.list->n; i++)
      graph_result(e->cur.b.g, ctx_strf(e->c, "out_%d", i + 1), el_tensor(e, v.list->v[i], DT_F32, last), last->caret);
  } else {
    int asked = v.int_choice && a->kid[1] ? dtype_find(a->kid[1]->text) : -1;
    Id id = el_tensor(e, v, asked >= 0 ? (DType)asked : DT_F32, last);
    Def self = {.name = a->text, .ast = a, .file = e->file};
    if (id && (!a->kid[1] || el_check_result(e, &self, v_tensor(e, id))))
      graph_result(e->cur.b.g, "out", id, last->caret);
  }
}

/* The first run-time size of a set, as the file's `dim`. */
static const Size *first_size(const Elab *e, uint32_t sizes) { return &e->m->size[__builtin_ctz(sizes)]; }

/* Checks that every size has an input that determines it, and that no dimension is negative at the bounds. */
static void export_sizes(Elab *e, Graph *g) {
  uint32_t known = graph_sizes(g);
  int64_t bound[8] = {0};
  for (int i = 0; i < e->m->nsize; i++) bound[i] = e->m->size[i].bound;
  for (Id n = 1; n < (Id)g->n; n++) {
    uint32_t open = node_sizes(g, n) & ~known;
    if (!open) continue;
    const Size *s = first_size(e, open);
    Diag *d = el_error_at(e, E_EXPORT, node_get(g, n)->loc, 1,
                          "nothing gives `%s` a value here: no input of `%s` has it", s->name, g->name);
    diag_label(e->c, d, s->loc, (int)strlen(s->name), "known only at run time");
    return;
  }
  SizeConstraints list = graph_constraints(g);
  for (int i = 0; i < list.n; i++) {
    if (dim_value(e->m, list.v[i].dim, bound) >= 0) continue;
    const Size *s = first_size(e, dim_sizes(e->m, list.v[i].dim));
    Diag *d = el_error_at(e, E_INDEX_RANGE, node_get(g, list.v[i].node)->loc, 1,
                          "`%s` is not possible at the bounds of the sizes: %s would be negative",
                          node_info(g, list.v[i].node)->name, dim_text(e->m, list.v[i].dim));
    diag_label(e->c, d, s->loc, (int)strlen(s->name), "`%s` may be %lld", s->name, (long long)s->bound);
  }
}

static bool reserved(const char *name) {
  static const char *const names[] = {"init",      "train_step", "train_pass", "train_update", "eval_step",
                                      "eval_done", "bytes",      "BYTES",      "run",          "load",
                                      "map",       "set_weight", "get_weight", "graph"};
  static const char *const heads[] = {"bind_", "test_", "AT_", "train_step_", "train_pass_", "train_update_", "graph_"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i])) return true;
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    if (!strncmp(name, heads[i], strlen(heads[i]))) return true;
  return false;
}

/* NAME_t that is a type of <stdint.h> or <stddef.h>. */
static bool is_type(const char *model, const char *name) {
  static const char *const type[] = {"size",   "ptrdiff", "wchar",  "max_align", "int8",   "int16",
                                     "int32",  "int64",   "uint8",  "uint16",    "uint32", "uint64",
                                     "intptr", "uintptr", "intmax", "uintmax"};
  for (size_t i = 0; i < sizeof type / sizeof *type && !strcmp(name, "t"); i++)
    if (!strcmp(model, type[i])) return true;
  return false;
}

void el_export(Elab *e, const Ast *a) {
  Frame f;
  if (reserved(a->text) || is_type(e->m->name, a->text)) {
    el_fail(e, E_DUPLICATE_NAME, a, "`%s` is a name that every model has in C", a->text);
    return;
  }
  Graph *g = graph_new(e->m, a->text, GK_EXPORT, a->caret);
  GraphState s = el_enter(e, g, false, &f, e->file);
  f.site = site_root(e, a->text, false);
  if (export_params(e, a)) {
    int before = diag_errors(e->c);
    Value v = el_block(e, a->kid[0]);
    if (!v_bad(v)) export_results(e, a, v);
    if (e->m->nsize && diag_errors(e->c) == before) export_sizes(e, g);
  }
  el_leave(e, &s);
}

void el_test(Elab *e, const Ast *a, int number) {
  Frame f;
  int asserts = 0;
  Graph *g = graph_new(e->m, ctx_strf(e->c, "test_%d", number), GK_TEST, a->caret);
  *VEC_PUSH(e->c, e->m->test, e->m->ntest, e->m->captest) = (TestInfo){a->text ? a->text : "", g, a->caret};
  GraphState s = el_enter(e, g, false, &f, e->file);
  f.site = site_root(e, "test", false);
  e->asserts = &asserts;
  el_block(e, a->kid[0]);
  e->asserts = NULL;
  if (!asserts && !el_failed(e)) diag_warn(e->c, E_ASSERT_FAILED, a->caret, a->caret_len, "this test asserts nothing");
  el_leave(e, &s);
}
