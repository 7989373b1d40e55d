/* SPDX-License-Identifier: Apache-2.0 */
/* Optimizers: defs over (w, g), instantiated once per weight, after clipping. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_train.h"
#include <string.h>

static const char *const optimizers[] = {"sgd",    "adam",  "adamw", "rmsprop",  "adagrad", "adadelta",
                                         "adamax", "nadam", "radam", "rprop",    "asgd",    "lion",
                                         "lamb",   "lars",  "muon",  "adafactor"};
static const char *const unsupported_optimizers[] = {"lbfgs", "sophia"};

Value el_optimizer(Elab *e, const Ast *a) {
  const Ast *callee = a->kind == AST_CALL ? a->kid[0] : a;
  if (a->kind == AST_LIST)
    return el_fail(e, E_UNSUPPORTED_OPTIMIZER, a, "several optimizers in one section are not in this version");
  if (callee->kind == AST_NAME) {
    Item *it = el_item(e, e->cur.f->file, callee->text);
    for (int i = 0; i < 2 && !it; i++)
      if (!strcmp(callee->text, unsupported_optimizers[i]))
        return el_fail(e, E_UNSUPPORTED_OPTIMIZER, callee, "the optimizer `%s` is not in this version", callee->text);
    if (!it && a->kind == AST_CALL) {
      Diag *d = el_error(e, E_UNKNOWN_OPTIMIZER, callee, "unknown optimizer `%s`", callee->text);
      const char *s = diag_suggest(e->c, callee->text, optimizers, 16);
      if (s) diag_help(e->c, d, "did you mean `%s`?", s);
      return v_error();
    }
  }
  Value v = el_expr(e, a);
  if (v_bad(v)) return v;
  const Ast *sig = v.kind == V_FN && v.fn->def ? v.fn->def->ast : NULL;
  ParamType p;
  int lead = 0;
  for (int i = 2; sig && i < sig->n && el_param_type(e, sig->kid[i]->kid[0], &p) && p.tensor; i++) lead++;
  if (lead >= 2) return v;
  return el_fail(e, E_UNKNOWN_OPTIMIZER, a, "%s is not an optimizer: a def over a weight and its gradient",
                 v_text(e, v));
}

static bool has_param(const Def *d, const char *name) {
  for (int i = 2; i < d->ast->n; i++)
    if (!strcmp(d->ast->kid[i]->text, name)) return true;
  return false;
}

static int optim_var(Elab *e, TypeId type, VarInfo i) {
  const char *name = ctx_strf(e->c, "optim#%s#%d.%s", e->section ? e->section : "", i.weight, i.name);
  i.name = ctx_name(e->c, i.name);
  i.section = e->section;
  i.len = 1;
  *VEC_PUSH(e->c, e->var, e->nvar, e->capvar) = i;
  int v = var_add(e->m, name, VK_OPTIM, type, 0, i.loc);
  if (i.weight >= 0 && e->m->var[i.weight].kind == VK_PARAM) e->m->var[v].owner = i.weight;
  return v;
}

int el_optim_var(Elab *e, const Update *u, const char *name) {
  const Var *w = &e->m->var[u->var];
  VarInfo i = {.site = u->site, .name = name, .init = v_int(0), .weight = u->var, .loc = w->loc};
  return optim_var(e, w->type, i);
}

int el_section_var(Elab *e, const char *name, double init) {
  VarInfo i = {
    .site = site_root(e, "optim", true), .name = name, .init = v_float(init), .weight = -1, .loc = e->cur.b.loc};
  return optim_var(e, el_scalar(e, DT_F32), i);
}

static Id update_one(Elab *e, Value optim, const Call *from, Update *u) {
  const Var *var = &e->m->var[u->var];
  TypeId type = var->type;
  Arg arg[3] = {
    {.v = v_tensor(e, u->weight), .set = true, .at = from->caret, .len = from->caret_len},
    {.v = v_tensor(e, u->grad), .set = true, .at = from->caret, .len = from->caret_len},
  };
  Call k = *from;
  k.arg = arg;
  k.n = 2;
  if ((var->hints & HINT_NODECAY) && has_param(optim.fn->def, "decay"))
    arg[k.n++] = (Arg){.name = ctx_name(e->c, "decay"), .v = v_float(0), .set = true};
  Frame f = {.up = e->cur.f,
             .file = e->cur.f->file,
             .site = u->site,
             .ndots = -1,
             .call = from->caret,
             .call_len = from->caret_len};
  e->cur.f = &f;
  Value v = el_call(e, optim.fn, &k);
  e->cur.f = f.up;
  Id id = v_bad(v) ? 0 : el_tensor(e, v, DT_F32, NULL);
  if (!id || el_type_id(e, id) == type) return id;
  el_error_at(e, E_RESULT_TYPE, from->caret, from->caret_len, "the optimizer gives %s for a weight of %s", v_text(e, v),
              el_type_text(e, type));
  return 0;
}

bool el_update(Elab *e, Value optim, const Ast *at, Update *u, int n) {
  Call from = {.name = "optim", .at = at->at, .len = at->len, .caret = at->caret, .caret_len = at->caret_len};
  for (int i = 0; i < n; i++) {
    e->cur.b.loc = at->caret;
    Id w = update_one(e, optim, &from, &u[i]);
    if (!w) return false;
    graph_write(e->cur.root, u[i].var, w, at->caret);
  }
  return true;
}

/* ---- clipping ---- */

static Value clip_call(Elab *e, const char *def, const Ast *at, int n, const Value *v) {
  Call from = {.name = "clip", .at = at->at, .len = at->len, .caret = at->caret, .caret_len = at->caret_len};
  Arg arg[3];
  for (int i = 0; i < n; i++) arg[i] = (Arg){.v = v[i], .set = true, .at = at->caret, .len = at->caret_len};
  return el_call_def(e, def, arg, n, &from);
}

bool el_is_norm(const Ast *a) {
  return a->kind == AST_CALL && a->kid[0]->kind == AST_NAME && !strcmp(a->kid[0]->text, "norm");
}

/* The sum of def(gradient) over all gradients. */
static bool sum_over(Elab *e, const char *def, const Ast *a, const Update *u, int n, Value *total) {
  Id sum = 0;
  for (int i = 0; i < n; i++) {
    Value g = v_tensor(e, u[i].grad), s = clip_call(e, def, a, 1, &g);
    if (v_bad(s)) return false;
    sum = sum ? b_add(&e->cur.b, sum, s.id) : s.id;
  }
  *total = v_tensor(e, sum);
  return true;
}

/* clip = norm(x): all gradients scaled so that their common norm is at most x; clip = value(x): each element. */
bool el_clip(Elab *e, const Ast *a, Update *u, int n) {
  bool call = a->kind == AST_CALL && a->n == 2 && a->kid[0]->kind == AST_NAME && a->kid[1]->kind != AST_NAMED;
  bool norm = call && el_is_norm(a), value = call && !strcmp(a->kid[0]->text, "value");
  if (!norm && !value) return el_reject(e, E_SETTING_VALUE, a, "`clip` is norm(1.0) or value(0.5)");
  Value limit = el_expr(e, a->kid[1]);
  double x;
  if (v_bad(limit)) return false;
  if ((!v_number(limit, &x) || x <= 0) && limit.kind != V_TENSOR)
    return el_reject(e, E_SETTING_VALUE, a->kid[1], "the limit is a number above 0, not %s", v_text(e, limit));
  e->cur.b.loc = a->caret;
  Value scale = v_none(), total[3] = {[2] = limit};
  if (norm) {
    if (!sum_over(e, "_sum_of_squares", a, u, n, &total[0])) return false;
    if (!sum_over(e, "_sum_of_small_squares", a, u, n, &total[1])) return false;
    scale = clip_call(e, "_clip_scale", a, 3, total);
  }
  for (int i = 0; i < n; i++) {
    Value g = v_tensor(e, u[i].grad);
    Value r = norm ? el_binary(e, AST_MUL, g, scale, a, a, a) : clip_call(e, "_clip_value", a, 2, (Value[]){g, limit});
    if (r.kind != V_TENSOR) return false;
    u[i].grad = r.id;
  }
  return true;
}
