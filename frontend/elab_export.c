/* `export def` and `test`. */
#include "frontend/elab_priv.h"
#include <string.h>

static bool export_static(Elab *e, const Ast *p) {
  if (!p->kid[1]) return el_fail(e, 313, p, "`%s` is no tensor, so an export needs a default for it", p->text), false;
  Value v = el_static(e, p->kid[1]);
  scope_set(e->c, &e->f->scope, p->text, v, p->mark, p->mark_len);
  return !v_bad(v);
}

static bool export_input(Elab *e, const Ast *p) {
  const Ast *open = el_open_dim(e, p->kid[0]);
  if (open) {
    Diag *d = el_error(e, 313, open, "the size `%s` of an exported function must be known at compile time",
                       el_source(e, open));
    diag_help(e->c, d, "write a number, or fix it by `dim %s = ...`", open->kind == AST_NAME ? open->text : "N");
    return false;
  }
  TypeId t = el_declared(e, p->kid[0]);
  if (!t) return false;
  Id id = graph_input(e->g, p->text, t, p->mark);
  scope_set(e->c, &e->f->scope, p->text, v_tensor(e, id), p->mark, p->mark_len);
  return id != 0;
}

static bool export_params(Elab *e, const Ast *a) {
  ParamType t;
  bool well = true;
  for (int pass = 0; pass < 2; pass++) /* sizes may be static arguments */
    for (int i = 2; i < a->n; i++) {
      if (!el_param_type(e, a->kid[i]->kid[0], &t)) return false;
      if (t.tensor == (pass == 1)) well &= t.tensor ? export_input(e, a->kid[i]) : export_static(e, a->kid[i]);
    }
  return well;
}

static void export_results(Elab *e, const Ast *a, Value v) {
  const Ast *last = a->kid[0]->n ? a->kid[0]->kid[a->kid[0]->n - 1] : a;
  if (v.kind == V_NONE) {
    el_fail(e, 224, a, "`%s` ends without a value", a->text);
  } else if (v.kind == V_LIST && !v_tensorlike(v)) {
    el_fail(e, 313, last, "an export gives tensors, not %s", v_text(e, v));
  } else if (v.kind == V_LIST && v.list->v[0].kind == V_TENSOR) {
    for (int i = 0; i < v.list->n; i++)
      graph_result(e->g, ctx_strf(e->c, "out_%d", i + 1), el_tensor(e, v.list->v[i], DT_F32, last), last->mark);
  } else {
    Id id = el_tensor(e, v, DT_F32, last);
    if (id && (a->kid[1] ? el_check_result(e, &(Def){.name = a->text, .ast = a, .file = e->file}, v_tensor(e, id)) : true))
      graph_result(e->g, "out", id, last->mark);
  }
}

static bool reserved(const char *name) {
  static const char *const names[] = {"init", "train_step", "train_pass", "train_update", "eval_step", "eval_done",
                                      "bytes", "run"};
  for (int i = 0; i < 8; i++)
    if (!strcmp(name, names[i])) return true;
  return !strncmp(name, "bind_", 5) || !strncmp(name, "test_", 5);
}

void el_export(Elab *e, const Ast *a) {
  Frame f;
  if (reserved(a->text)) {
    el_fail(e, 222, a, "`%s` is the name of a function that every model has", a->text);
    return;
  }
  Graph *g = graph_new(e->m, a->text, GK_EXPORT, a->mark);
  Saved s = el_enter(e, g, false, &f, e->file);
  f.inst = inst_root(e, a->text, false);
  if (export_params(e, a)) {
    Value v = el_block(e, a->kid[0]);
    if (!v_bad(v)) export_results(e, a, v);
  }
  el_leave(e, &s);
}

void el_test(Elab *e, const Ast *a, int number) {
  Frame f;
  int asserts = 0;
  Graph *g = graph_new(e->m, ctx_strf(e->c, "test_%d", number), GK_TEST, a->mark);
  *VEC_PUSH(e->c, e->m->test, e->m->ntest, e->m->captest) = (TestInfo){a->text ? a->text : "", g, a->mark};
  Saved s = el_enter(e, g, false, &f, e->file);
  f.inst = inst_root(e, "test", false);
  e->asserts = &asserts;
  el_block(e, a->kid[0]);
  e->asserts = NULL;
  if (!asserts && !el_failed(e)) diag_warn(e->c, 236, a->mark, a->mark_len, "this test asserts nothing");
  el_leave(e, &s);
}
