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
#include "frontend/syntax/foreign.h"
#include <string.h>

static const char *const optimizers[] = {"sgd",    "adam",  "adamw", "rmsprop",   "adagrad", "adadelta",
                                         "adamax", "nadam", "radam", "rprop",     "asgd",    "lion",
                                         "lamb",   "lars",  "muon",  "adafactor", "sophia",  "lbfgs"};

/* The one that is meant by torch.optim.Adam or "adam"; NULL: none is near. */
static const char *optimizer_like(Elab *e, const char *name) {
  enum { N = sizeof optimizers / sizeof *optimizers };
  const char *dot = strrchr(name, '.');
  if (dot) name = dot + 1;
  for (int i = 0; i < N; i++)
    if (foreign_same(name, optimizers[i])) return optimizers[i];
  return diag_suggest(e->c, name, optimizers, N);
}

/* A def over (w, g) with the arguments after them. */
static bool is_rule(Elab *e, Value v) {
  const Ast *sig = v.kind == V_FN && v.fn->def ? v.fn->def->ast : NULL;
  ParamType p;
  int lead = 0;
  for (int i = 2; sig && i < sig->n && el_param_type(e, sig->kid[i]->kid[0], &p) && p.tensor; i++) lead++;
  return lead >= 2;
}

/* The function (w, g) -> w. */
static Value optimizer(Elab *e, const Ast *a) {
  const Ast *callee = a->kind == AST_CALL ? a->kid[0] : a;
  if (callee->kind == AST_NAME) {
    Item *it = el_item(e, e->cur.f->file, callee->text);
    if (!it && a->kind == AST_CALL) {
      Diag *d = el_error(e, E_UNKNOWN_OPTIMIZER, callee, "unknown optimizer `%s`", callee->text);
      const char *s = optimizer_like(e, callee->text);
      if (s && strchr(callee->text, '.'))
        diag_help(e->c, d, "write `optim = %s(lr = 0.001)`: all weights are trained that `@freeze` does not exclude",
                  s);
      else if (s) diag_help(e->c, d, "did you mean `%s`?", s);
      return v_error();
    }
  }
  Value v = el_expr(e, a);
  if (v_bad(v) || is_rule(e, v)) return v;
  Diag *d =
    el_error(e, E_UNKNOWN_OPTIMIZER, a, "%s is not an optimizer: a def over a weight and its gradient", v_text(e, v));
  const char *s = v.kind == V_STR ? optimizer_like(e, v.s) : NULL;
  if (s) diag_help(e->c, d, "it is called, with its learning rate: `optim = %s(lr = 0.001)`", s);
  return v_error();
}

static const Ast *param_of(const Def *d, const char *name) {
  for (int i = 2; i < d->ast->n; i++)
    if (!strcmp(d->ast->kid[i]->text, name)) return d->ast->kid[i];
  return NULL;
}

bool el_takes_curvature(Value rule) {
  const Ast *sig = rule.kind == V_FN && rule.fn->def ? rule.fn->def->ast : NULL;
  return sig && sig->n > 4 && !strcmp(sig->kid[4]->text, "curvature");
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

/* `lr` of the optimizer, as given or its default. */
static Value rate_of(Elab *e, const Fn *f, const Ast *param) {
  for (int i = 0; i < f->nbound; i++)
    if (!strcmp(f->bound[i].name, "lr")) return f->bound[i].v;
  return param->kid[1] ? el_static(e, param->kid[1]) : v_error();
}

/* The argument `lr` for a weight under @lr. */
static bool scale_rate(Elab *e, Value optim, const Call *from, int var, Arg *arg) {
  const VarInfo *w = &e->var[var];
  const Ast *param = param_of(optim.fn->def, "lr");
  if (!param) {
    Diag *d =
      el_error_at(e, E_WEIGHT_GROUP, from->caret, from->caret_len, "`%s` has no `lr`, which `@lr` of `%s.%s` scales",
                  optim.fn->def->name, el_site_path(e, w->site), w->name);
    diag_label(e->c, d, w->loc, w->len, "this weight");
    return false;
  }
  Value lr = rate_of(e, optim.fn, param);
  *arg = (Arg){.name = ctx_name(e->c, "lr"), .v = el_binary(e, AST_MUL, lr, v_float(w->rate), param, param, param)};
  arg->set = true;
  return !v_bad(arg->v);
}

/* The value of a rule (w, g), of the weight's type. scaled: it is the optimizer. */
static Id update_one(Elab *e, Value optim, const Call *from, Update *u, bool scaled) {
  const Var *var = &e->m->var[u->var];
  TypeId type = var->type;
  Arg arg[5] = {
    {.v = v_tensor(e, u->weight), .set = true, .at = from->caret, .len = from->caret_len},
    {.v = v_tensor(e, u->grad), .set = true, .at = from->caret, .len = from->caret_len},
  };
  Call k = *from;
  k.arg = arg;
  k.n = 2;
  if (scaled && u->curvature) arg[k.n++] = (Arg){.v = v_tensor(e, u->curvature), .set = true, .at = from->caret};
  if ((var->hints & HINT_NODECAY) && param_of(optim.fn->def, "decay"))
    arg[k.n++] = (Arg){.name = ctx_name(e->c, "decay"), .v = v_float(0), .set = true};
  if (scaled && e->var[u->var].rate != 1 && !scale_rate(e, optim, from, u->var, &arg[k.n++])) return 0;
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
  el_error_at(e, E_RESULT_TYPE, from->caret, from->caret_len,
              scaled ? "the optimizer gives %s for a weight of %s" : "this gives %s for a gradient of %s", v_text(e, v),
              el_type_text(e, type));
  return 0;
}

static Call call_from(const char *name, const Ast *at) {
  return (Call){.name = name, .at = at->at, .len = at->len, .caret = at->caret, .caret_len = at->caret_len};
}

bool el_optimizers(Elab *e, Groups *optim) {
  for (int i = 0; i < optim->n; i++) {
    optim->g[i].fn = optimizer(e, optim->g[i].call);
    if (v_bad(optim->g[i].fn)) return false;
  }
  return true;
}

bool el_update(Elab *e, const Groups *optim, Update *u, int n) {
  for (int i = 0; i < n; i++) {
    const Group *g = &optim->g[u[i].group];
    Call from = call_from("optim", g->ast);
    e->cur.b.loc = g->ast->caret;
    Id w = update_one(e, g->fn, &from, &u[i], true);
    if (!w) return false;
    el_write_var(e, u[i].var, w, g->ast->caret);
  }
  return true;
}

/* ---- clipping ---- */

static Value clip_call(Elab *e, const char *def, const Ast *at, int n, const Value *v) {
  Call from = call_from("clip", at);
  Arg arg[3];
  for (int i = 0; i < n; i++) arg[i] = (Arg){.v = v[i], .set = true, .at = at->caret, .len = at->caret_len};
  return el_call_def(e, def, arg, n, &from);
}

static bool is_norm(const Ast *a) {
  return a->kind == AST_CALL && a->kid[0]->kind == AST_NAME && !strcmp(a->kid[0]->text, "norm");
}

bool el_clips_norm(const Ast *a) {
  for (int i = 0; a->kind == AST_LIST && i < a->n; i++)
    if (is_norm(a->kid[i])) return true;
  return is_norm(a);
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

/* clip = f(...), a def over (w, g) that returns the new gradient. */
static bool clip_by_def(Elab *e, const Ast *a, Update *u, int n) {
  const Ast *callee = a->kind == AST_CALL ? a->kid[0] : a;
  bool named = callee->kind == AST_NAME && el_item(e, e->cur.f->file, callee->text);
  Value fn = named ? el_expr(e, a) : v_none();
  if (v_bad(fn)) return false;
  if (!is_rule(e, fn))
    return el_reject(e, E_SETTING_VALUE, a, "`clip` is norm(1.0), value(0.5) or a def over a weight and its gradient");
  Call from = call_from("clip", a);
  for (int i = 0; i < n; i++) {
    e->cur.b.loc = a->caret;
    u[i].grad = update_one(e, fn, &from, &u[i], false);
    if (!u[i].grad) return false;
  }
  return true;
}

/* norm(x): all gradients scaled so that their common norm is at most x; value(x): each element. */
static bool clip_group(Elab *e, const Ast *a, Update *u, int n) {
  bool call = a->kind == AST_CALL && a->n == 2 && a->kid[0]->kind == AST_NAME && a->kid[1]->kind != AST_NAMED;
  bool norm = call && is_norm(a), value = call && !strcmp(a->kid[0]->text, "value");
  if (!norm && !value) return clip_by_def(e, a, u, n);
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

bool el_clip(Elab *e, const Ast *a, Update *u, int n) {
  Groups gs;
  int *group = ctx_alloc(e->c, (size_t)n * sizeof *group), *at = ctx_alloc(e->c, (size_t)n * sizeof *at);
  Update *part = ctx_alloc(e->c, (size_t)n * sizeof *part);
  if (!el_groups(e, a, &gs) || !el_find_groups(e, &gs, u, n, group)) return false;
  for (int k = 0; k < gs.n; k++) {
    int count = 0;
    for (int i = 0; i < n; i++)
      if (group[i] == k) part[count] = u[i], at[count++] = i;
    if (!clip_group(e, gs.g[k].call, part, count)) return false;
    for (int i = 0; i < count; i++) u[at[i]].grad = part[i].grad;
  }
  return true;
}

/* Each weight has random numbers of its own, which are not those of its initial value. */
bool el_noise(Elab *e, const Ast *a, Update *u, int n) {
  Value v[2] = {[1] = el_expr(e, a)};
  double std;
  if (v_bad(v[1])) return false;
  if (v[1].kind != V_TENSOR && (!v_number(v[1], &std) || std < 0))
    return el_reject(e, E_SETTING_VALUE, a, "`grad_noise` is a standard deviation, at least 0, not %s",
                     v_text(e, v[1]));
  for (int i = 0; i < n; i++) {
    e->cur.b.loc = a->caret;
    e->stream = ctx_strf(e->c, "noise %s %s", e->draws ? e->draws : "", e->m->var[u[i].var].name);
    e->nstream = 0;
    v[0] = v_tensor(e, u[i].grad);
    Value noisy = clip_call(e, "_with_noise", a, 2, v);
    e->stream = NULL;
    if (noisy.kind != V_TENSOR) return false;
    u[i].grad = noisy.id;
  }
  return true;
}
