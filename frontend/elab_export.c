/* `export def` and `test`. */
#include "frontend/elab_priv.h"
#include "ir/sizes.h"
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
    const char *name = open->kind == AST_NAME ? open->text : "N";
    while (open->kind == AST_BINARY) open = open->kid[el_named_size(e, open->kid[0]) ? 0 : 1];
    if (open->kind == AST_NAME && el_told_name(e, open->text)) return false;
    Diag *d = el_error(e, 313, open, "the size `%s` of an exported function must be known at compile time",
                       el_source(e, open));
    diag_help(e->c, d, "write a number, fix it by `dim %s = ...`, or bound it by `dim %s <= ...`", name, name);
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
  if (v.kind == V_NONE && (last->kind == AST_CALL || last->kind == AST_PIPE)) {
    el_fail(e, 224, last, "this call gives no value");
  } else if (v.kind == V_NONE) {
    el_fail(e, 224, a, "`%s` ends without a value", a->text);
  } else if (v.kind == V_LIST && !v_tensorlike(v)) {
    el_fail(e, 313, last, "an export gives tensors, not %s", v_text(e, v));
  } else if (v.kind == V_LIST && v.list->v[0].kind == V_TENSOR) {
    for (int i = 0; i < v.list->n; i++)
      graph_result(e->g, ctx_strf(e->c, "out_%d", i + 1), el_tensor(e, v.list->v[i], DT_F32, last), last->mark);
  } else {
    Id id = el_tensor(e, v, DT_F32, last);
    Def self = {.name = a->text, .ast = a, .file = e->file};
    if (id && (!a->kid[1] || el_check_result(e, &self, v_tensor(e, id))))
      graph_result(e->g, "out", id, last->mark);
  }
}

/* The first run-time size of a set, as the file's `dim`. */
static const Size *first_size(const Elab *e, uint32_t sizes) {
  return &e->m->size[__builtin_ctz(sizes)];
}

/* Every size in use comes with some input, and what the graph asks of sizes holds at their bounds. */
static void export_sizes(Elab *e, Graph *g) {
  uint32_t known = graph_sizes(g);
  int64_t bound[8] = {0};
  for (int i = 0; i < e->m->nsize; i++) bound[i] = e->m->size[i].bound;
  for (Id n = 1; n < (Id)g->n; n++) {
    uint32_t open = node_sizes(g, n) & ~known;
    if (!open) continue;
    const Size *s = first_size(e, open);
    Diag *d = el_error_at(e, 313, node_get(g, n)->loc, 1, "nothing gives `%s` a value here: no input of `%s` has it",
                          s->name, g->name);
    diag_label(e->c, d, s->loc, (int)strlen(s->name), "known only at run time");
    return;
  }
  Needs needs = graph_needs(g);
  for (int i = 0; i < needs.n; i++) {
    if (dim_value(e->m, needs.v[i].dim, bound) >= 0) continue;
    const Size *s = first_size(e, dim_sizes(e->m, needs.v[i].dim));
    Diag *d = el_error_at(e, 210, node_get(g, needs.v[i].node)->loc, 1,
                          "`%s` is not possible at the bounds of the sizes: %s would be negative",
                          node_info(g, needs.v[i].node)->name, dim_text(e->m, needs.v[i].dim));
    diag_label(e->c, d, s->loc, (int)strlen(s->name), "`%s` may be %lld", s->name, (long long)s->bound);
  }
}

static bool reserved(const char *name) {
  static const char *const names[] = {"init", "train_step", "train_pass", "train_update", "eval_step", "eval_done",
                                      "bytes", "BYTES", "run", "load", "map", "set_weight", "get_weight"};
  static const char *const heads[] = {"bind_", "test_", "AT_", "train_step_", "train_pass_", "train_update_"};
  for (size_t i = 0; i < sizeof names / sizeof *names; i++)
    if (!strcmp(name, names[i])) return true;
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
    if (!strncmp(name, heads[i], strlen(heads[i]))) return true;
  return false;
}

/* NAME_t that is a type of <stdint.h> or <stddef.h>. */
static bool is_type(const char *model, const char *name) {
  static const char *const type[] = {"size",   "ptrdiff", "wchar",  "max_align", "int8",   "int16",  "int32",  "int64",
                                     "uint8",  "uint16",  "uint32", "uint64",    "intptr", "uintptr", "intmax", "uintmax"};
  for (size_t i = 0; i < sizeof type / sizeof *type && !strcmp(name, "t"); i++)
    if (!strcmp(model, type[i])) return true;
  return false;
}

void el_export(Elab *e, const Ast *a) {
  Frame f;
  if (reserved(a->text) || is_type(e->m->name, a->text)) {
    el_fail(e, 222, a, "`%s` is a name that every model has in C", a->text);
    return;
  }
  Graph *g = graph_new(e->m, a->text, GK_EXPORT, a->mark);
  Saved s = el_enter(e, g, false, &f, e->file);
  f.inst = inst_root(e, a->text, false);
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
