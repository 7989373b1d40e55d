/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of defs: matching arguments to parameters, function values, the body. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_scope.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include <string.h>

static bool unknown_param(Elab *e, const Call *k, const Arg *a, const char *const *words, int n) {
  if (el_name_unknown(e, a->name)) return false; /* the body uses it: the signature is what is wrong */
  el_name_reported(e, a->name);
  return el_unknown_argument(e, k, a, words, n);
}

typedef struct Sig {
  const Ast *ast;
  int n;
  ParamType *type;
  Arg **slot;
} Sig;

static bool sig_open(Elab *e, const Def *d, Sig *s) {
  *s = (Sig){.ast = d->ast, .n = d->ast->n - 2};
  s->type = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *s->type);
  s->slot = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *s->slot);
  for (int i = 0; i < s->n; i++)
    if (!el_param_type(e, d->ast->kid[i + 2]->kid[0], &s->type[i])) return false;
  return true;
}

static int sig_find(const Sig *s, const char *name) {
  for (int i = 0; i < s->n; i++)
    if (s->ast->kid[i + 2]->text == name) return i;
  return -1;
}

/* The axes that a number, a list or a tensor has as a tensor; -1 of other values. */
static int rank_of(Value v) {
  int rank = 0;
  for (; v.kind == V_LIST && v.list->n; v = v.list->v[0]) rank++;
  if (v.kind == V_TENSOR) return rank + type_get(v.g->m, v.g->node[v.id].type)->rank;
  return v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_SIZE || v.kind == V_BOOL ? rank : -1;
}

static bool fits_rank(const Ast *type, Value v) {
  int rank = rank_of(v), dots = 0;
  if (v.kind == V_STATE) return true;
  for (int i = 0; i < type->n; i++) dots += type->kid[i]->kind == AST_DOTS;
  return dots ? rank >= type->n - 1 : rank == type->n;
}

/* Whether a value's kind fits the parameter. An `any` is a number, a list or a string. */
static bool fits_param(const ParamType *t, Value v) {
  if (t->tensor && t->dtype == P_SHAPE) return v.kind == V_LIST || v.kind == V_TENSOR;
  if (t->tensor) return fits_rank(t->ast, v);
  switch (t->dtype) {
  case V_INT: return v.kind == V_INT || v.kind == V_SIZE;
  case V_FLOAT: return v.kind == V_INT || v.kind == V_SIZE || v.kind == V_FLOAT || (v.kind == V_TENSOR && !rank_of(v));
  case V_NONE: return v.kind == V_INT || v.kind == V_SIZE || v.kind == V_FLOAT || v.kind == V_LIST || v.kind == V_STR;
  default: return v.kind == (ValueKind)t->dtype;
  }
}

/* Whether the positional arguments of the call fit the parameters from number `next` on that no argument names. */
static bool fits_from(const Sig *s, const Call *k, int next, bool *taken) {
  for (int i = 0; i < k->n; i++) {
    if (k->arg[i].name) continue;
    while (next < s->n && taken[next]) next++;
    if (next == s->n || !fits_param(&s->type[next], k->arg[i].v)) return false;
    taken[next++] = true;
  }
  return true;
}

/* Whether the call is complete: its arguments fit from the first parameter on, and none is missing. */
static bool fits_all(Elab *e, const Sig *s, const Call *k, const bool *named) {
  bool *taken = ctx_alloc(e->c, (size_t)s->n + 1);
  memcpy(taken, named, (size_t)s->n);
  bool fits = fits_from(s, k, 0, taken);
  for (int i = 0; i < s->n; i++) fits &= taken[i] || s->ast->kid[i + 2]->kid[1];
  return fits;
}

/* Whether the call omits its leading tensors and so is a partial application: its positional arguments are for the
 * parameters after them. Lists and numbers may be tensors or static arguments, so whatever fits decides. If both
 * fit, a tensor or a list that comes first is a leading tensor, a number is static; in a `use` all arguments are
 * static. */
static bool is_partial(Elab *e, const Sig *s, const Call *k, bool use) {
  bool *named = ctx_alloc(e->c, (size_t)s->n + 1), *taken = ctx_alloc(e->c, (size_t)s->n + 1), tensor = false;
  int lead = 0, open = 0, places = 0, positional = 0;
  while (lead < s->n && s->type[lead].tensor) lead++;
  for (int i = 0; i < k->n; i++) {
    int p = k->arg[i].name ? sig_find(s, k->arg[i].name) : -1;
    if (p >= 0) named[p] = taken[p] = true;
    if (k->arg[i].name) continue;
    if (!positional++) tensor = v_tensorlike(k->arg[i].v);
  }
  for (int i = 0; i < s->n; i++) *(i < lead ? &open : &places) += !named[i];
  if (!open || positional > places) return false;
  bool tail = fits_from(s, k, lead, taken);
  if (tensor && !use) return tail && !fits_all(e, s, k, named);
  return tail || !fits_all(e, s, k, named);
}

#define SIZES_ARE_KNOWN "the sizes of an input are known from it, and not given"

static bool sig_assign(Elab *e, const Sig *s, const Call *k, bool partial) {
  int next = 0, lead = 0;
  const char **words = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *words);
  for (int i = 0; i < s->n; i++) words[i] = s->ast->kid[i + 2]->text;
  while (lead < s->n && s->type[lead].tensor) lead++;
  for (int i = 0; i < k->n; i++) {
    if (!k->arg[i].name) continue;
    int p = sig_find(s, k->arg[i].name);
    if (p < 0 && el_reported(e, E_UNKNOWN_ARG, s->ast, k->arg[i].name)) return false;
    if (p < 0) return unknown_param(e, k, &k->arg[i], words, s->n);
    s->slot[p] = &k->arg[i];
  }
  if (partial) next = lead;
  for (int i = 0; i < k->n; i++) {
    if (k->arg[i].name) continue;
    while (next < s->n && s->slot[next]) next++;
    if (next == s->n) {
      if (el_reported(e, E_ARG_COUNT, s->ast, "many")) return false;
      Diag *d = el_error_at(e, E_ARG_COUNT, k->arg[i].at ? k->arg[i].at : k->caret, k->arg[i].len,
                            "`%s` takes %d argument%s; this is one too many", k->name, s->n, s->n == 1 ? "" : "s");
      diag_label(e->c, d, s->ast->caret, s->ast->caret_len, "defined here");
      if (s->n && s->type[0].tensor && !k->arg[0].name && k->arg[0].v.kind == V_INT)
        diag_help(e->c, d, SIZES_ARE_KNOWN);
      else if (k->arg[0].ast && k->arg[0].ast->at < k->caret)
        diag_help(e->c, d, "the value before the pipe is the first argument: x |> f is f(x)");
      return false;
    }
    s->slot[next++] = &k->arg[i];
  }
  return true;
}

static Value make_partial(Elab *e, const Fn *f, const Sig *s, const Call *k) {
  Fn p = *f;
  p.nbound = 0;
  p.bound = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *p.bound);
  for (int i = 0; i < s->n; i++)
    if (s->slot[i])
      p.bound[p.nbound++] = (Bound){s->ast->kid[i + 2]->text, s->slot[i]->v, s->slot[i]->at, s->slot[i]->len};
  p.at = k->caret;
  return el_check_extent(e, v_fn(e, p), k->caret, k->caret_len);
}

/* A misfit that repeats at every call is usually a mistake in the signature: only the first one is reported. Calls
 * of the standard library are reported one by one. */
typedef struct Reported {
  int code;
  const Ast *at;
  const char *why;
} Reported;

static bool was_reported(const Elab *e, int code, const Ast *at, const char *why) {
  for (int i = 0; i < e->nreported; i++)
    if (e->reported[i].code == code && e->reported[i].at == at && !strcmp(e->reported[i].why, why)) return true;
  return false;
}

bool el_reported(Elab *e, int code, const Ast *at, const char *why) {
  if (el_in_builtin(e, at->at)) return false;
  if (was_reported(e, code, at, why)) return true;
  *VEC_PUSH(e->c, e->reported, e->nreported, e->capreported) = (Reported){code, at, why};
  return false;
}

bool el_reported_of(Elab *e, int code, const char *name) {
  if (was_reported(e, code, NULL, name)) return true;
  *VEC_PUSH(e->c, e->reported, e->nreported, e->capreported) = (Reported){code, NULL, name};
  return false;
}

/* momentum = "nesterov": the name of another argument. */
static void help_number(Elab *e, Diag *d, Value text) {
  const Ast *def = e->cur.f->sig;
  for (int i = 2; def && i < def->n; i++)
    if (def->kid[i]->kind == AST_ARG && !strcmp(def->kid[i]->text, text.s)) {
      diag_help(e->c, d, "`%s` is an argument of its own: `%s = ...`", text.s, text.s);
      return;
    }
  el_help_number(e, d, text);
}

static Value wrong_kind(Elab *e, const Call *k, const Ast *param, const Arg *a, const char *want) {
  if (el_reported(e, E_ARG_KIND, param, v_kind(a->v))) return v_error();
  bool tensor = a->v.kind == V_TENSOR;
  Diag *d = el_error_at(e, tensor ? E_NOT_STATIC : E_ARG_KIND, a->at ? a->at : k->caret, a->len,
                        "argument `%s` of `%s` is %s%s, not %s", param->text, k->name, want,
                        tensor ? ", known at compile time" : "", v_text(e, a->v));
  diag_label(e->c, d, param->caret, param->caret_len, "required here");
  if (a->v.kind == V_FN && !strcmp(want, "a tensor")) diag_help(e->c, d, "it is called, as in `f(x)`");
  if (a->v.kind == V_STR && !strcmp(want, "a function")) diag_help(e->c, d, "a function is named without quotes");
  if (a->v.kind == V_STR && (!strcmp(want, "a float") || !strcmp(want, "an int"))) help_number(e, d, a->v);
  if (a->v.kind == V_FN && a->v.fn->def && !strcmp(param->text, "lr"))
    diag_help(e->c, d, "a schedule is a factor: `lr = 0.1 * %s(step / steps)`", a->v.fn->def->name);
  if (a->v.kind == V_SIZE || (a->v.kind == V_INT && (!strcmp(want, "a bool") || !strcmp(param->text, "eps"))))
    diag_help(e->c, d, SIZES_ARE_KNOWN);
  return v_error();
}

/* layernorm(64), the size of a layer in the place of eps: 64 would be used without an error. */
static bool size_as_eps(const Ast *param, const Arg *a) {
  return !a->name && !strcmp(param->text, "eps") && (a->v.kind == V_SIZE || (a->v.kind == V_INT && a->v.i > 1));
}

/* A static argument as its parameter wants it. Rates may be run-time scalars: those stay tensors without axes. */
static Value static_arg(Elab *e, const Call *k, const Ast *param, const ParamType *t, const Arg *a) {
  Value v = a->v;
  bool scalar = v.kind == V_TENSOR && type_get(e->m, v.g->node[v.id].type)->rank == 0;
  switch (t->dtype) {
  case V_INT: return v.kind == V_INT || v.kind == V_SIZE ? v : wrong_kind(e, k, param, a, "an int");
  case V_FLOAT:
    if (size_as_eps(param, a)) return wrong_kind(e, k, param, a, "a small float");
    if (v.kind == V_INT && !ints_are_exact(&v.i, 1)) return wrong_kind(e, k, param, a, "a float64, exactly");
    if (v.kind == V_INT) return v_float((double)v.i);
    if (v.kind == V_SIZE) return v_tensor(e, b_size(&e->cur.b, DT_F32, v.i));
    return v.kind == V_FLOAT || scalar ? v : wrong_kind(e, k, param, a, "a float");
  case V_BOOL: return v.kind == V_BOOL ? v : wrong_kind(e, k, param, a, "a bool");
  case V_STR: return v.kind == V_STR ? v : wrong_kind(e, k, param, a, "a str");
  case V_LIST: return v.kind == V_LIST ? v : wrong_kind(e, k, param, a, "a list");
  case V_FN: return v.kind == V_FN ? v : wrong_kind(e, k, param, a, "a function");
  default: return v;
  }
}

static bool bind_statics(Elab *e, const Sig *s, const Call *k) {
  for (int i = 0; i < s->n; i++) {
    if (s->type[i].tensor || !s->slot[i]) continue;
    const Ast *p = s->ast->kid[i + 2];
    Value v = static_arg(e, k, p, &s->type[i], s->slot[i]);
    if (v_bad(v)) return false;
    scope_set(e->c, &e->cur.f->scope, p->text, v, p->caret, p->caret_len);
  }
  return true;
}

static bool missing_arg(Elab *e, const Sig *s, const Call *k, int i) {
  const Ast *p = s->ast->kid[i + 2];
  bool instance = strcmp(k->name, s->ast->text) != 0; /* its `use` lacks it, not each of the calls */
  if (el_reported(e, E_ARG_COUNT, p, "missing") || (instance && el_reported_of(e, E_ARG_COUNT, k->name))) return false;
  Diag *d = el_error_at(e, E_ARG_COUNT, k->caret, k->caret_len, "`%s` lacks its argument `%s`", k->name, p->text);
  diag_label(e->c, d, p->caret, p->caret_len, "required here");
  if (!s->type[i].tensor) diag_help(e->c, d, "add `%s = ...`", p->text);
  return false;
}

/* A list of sizes, or a tensor, whose shape is taken. */
static bool bind_shape(Elab *e, const Sig *s, const Call *k, int i, Value v) {
  const Ast *p = s->ast->kid[i + 2];
  Dim d;
  bool ok = v.kind == V_LIST;
  for (int n = 0; ok && n < v.list->n; n++) ok = v_is_dim(v.list->v[n], &d);
  if (v.kind == V_TENSOR) {
    Id x = el_local_node(e, v);
    const Type *t = el_type(e, x);
    v = v_list(e, t->rank, NULL);
    for (int n = 0; n < t->rank; n++) v.list->v[n] = v_dim(e, t->dim[n]);
    ok = x != 0;
  }
  if (!ok) return !v_bad(v) && !v_bad(wrong_kind(e, k, p, s->slot[i], "a list of sizes, or a tensor that has them"));
  scope_set(e->c, &e->cur.f->scope, p->text, v, p->caret, p->caret_len);
  return true;
}

static bool bind_tensors(Elab *e, const Sig *s, const Call *k) {
  for (int i = 0; i < s->n; i++) {
    const Ast *p = s->ast->kid[i + 2];
    if (!s->type[i].tensor) continue;
    if (!s->slot[i] && !p->kid[1]) return missing_arg(e, s, k, i);
    Value v = s->slot[i] ? s->slot[i]->v : el_expr(e, p->kid[1]);
    if (v.kind == V_FN || v.kind == V_STR) {
      wrong_kind(e, k, p, s->slot[i], "a tensor");
      return false;
    }
    int t = s->type[i].dtype;
    if (t == P_SHAPE) {
      if (!bind_shape(e, s, k, i, v)) return false;
      continue;
    }
    DType want = t < DT_COUNT ? (DType)t : t == P_FLOAT ? DT_F32 : DT_COUNT;
    const Ast *at = s->slot[i] ? s->slot[i]->ast : NULL;
    /* A type that was reported as wrong is wrong for numbers too. */
    bool reported = v.kind != V_TENSOR && was_reported(e, E_DTYPE_MISMATCH, s->type[i].ast, "type");
    Id id = v_bad(v) || reported ? 0 : el_tensor(e, v, want, at);
    if (!id || !el_unify(e, &s->type[i], el_type_id(e, id), at, p->text, k)) return false;
    scope_set(e->c, &e->cur.f->scope, p->text, v_tensor(e, id), p->caret, p->caret_len);
  }
  return el_unify_pending(e, s->ast, k);
}

static bool bind_defaults(Elab *e, const Sig *s, const Call *k) {
  for (int i = 0; i < s->n; i++) {
    const Ast *p = s->ast->kid[i + 2];
    if (s->type[i].tensor || s->slot[i] || scope_find(&e->cur.f->scope, p->text)) continue;
    if (!p->kid[1]) return missing_arg(e, s, k, i);
    Arg a = {.ast = p->kid[1], .v = el_expr(e, p->kid[1]), .at = p->kid[1]->at, .len = p->kid[1]->len};
    if (v_bad(a.v)) return false;
    Value v = static_arg(e, k, p, &s->type[i], &a);
    if (v_bad(v)) return false;
    scope_set(e->c, &e->cur.f->scope, p->text, v, p->caret, p->caret_len);
  }
  return true;
}

/* Records why the result has its shape: a static argument that occurs in the result type. */
static void note_origin(Elab *e, const Sig *s, Value v, const Call *k) {
  const Ast *type = s->ast->kid[1];
  for (int i = 0; type && v.kind == V_TENSOR && i < type->n; i++) {
    if (type->kid[i]->kind != AST_NAME) continue;
    int p = sig_find(s, type->kid[i]->text);
    if (p < 0 || s->type[p].tensor) continue;
    Binding *b = scope_find(&e->cur.f->scope, type->kid[i]->text);
    if (b) el_origin(e, v, s->ast->text, ctx_strf(e->c, "%s = %s", b->name, v_text(e, b->v)), k->caret);
  }
}

/* The value of a def whose arguments are bound, of the type that it promises. */
Value el_body(Elab *e, const Def *d) {
  double x;
  e->cur.f->sig = NULL;
  Value v = el_block(e, d->ast->kid[0]);
  const Ast *type = d->ast->kid[1];
  if (type && v.kind == V_NONE) v = el_fail(e, E_NO_VALUE, d->ast, "`%s` ends without a value", d->name);
  if (type && v_tensorlike(v) && v.kind == V_LIST && (type->flags & AST_SHAPED))
    v = v_tensor(e, el_tensor(e, v, DT_F32, d->ast->kid[0]));
  if (type && dtype_find(type->text) >= 0 && (v_number(v, &x) || v.kind == V_SIZE || v.int_choice))
    v = v_tensor(e, el_tensor(e, v, (DType)dtype_find(type->text), d->ast->kid[0]));
  return el_check_result(e, d, v) ? v : v_error();
}

static Value run_body(Elab *e, const Def *d, const Sig *s, const Call *k) {
  e->depth++;
  diag_push_frame(e->c, d->name, k->caret);
  Value v = el_body(e, d);
  diag_pop_frame(e->c);
  e->depth--;
  note_origin(e, s, v, k);
  return v;
}

/* The values of all parameters, which identify a call of an instance. */
static Value *bound_values(Elab *e, const Sig *s) {
  Value *v = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *v);
  for (int i = 0; i < s->n; i++) v[i] = scope_find(&e->cur.f->scope, s->ast->kid[i + 2]->text)->v;
  return v;
}

static Value run_instance(Elab *e, const Def *d, const Sig *s, const Call *k) {
  Memo *m = el_memo(e, e->cur.f->site, s->n, bound_values(e, s));
  if (m->done) el_hint_weights(e, e->cur.f->site);
  else m->v = run_body(e, d, s, k);
  m->done = true;
  return m->v;
}

static Value too_deep(Elab *e, const Def *d, const Call *k) {
  Diag *g = el_error_at(e, E_CALL_DEPTH, k->caret, k->caret_len, "`%s` is called more than %d calls deep", d->name,
                        EL_MAX_CALLS);
  diag_help(e->c, g, "an `if` of numbers ends a recursion, as in `if n == 0 { x } else { %s(x, n - 1) }`", d->name);
  e->fatal = true;
  return v_error();
}

static Value run_def(Elab *e, const Def *d, const Sig *s, const Call *k, CallSite *at, bool instance) {
  if (e->depth >= EL_MAX_CALLS) return too_deep(e, d, k);
  Frame f = {.up = e->cur.f,
             .name = d->name,
             .file = d->file,
             .site = at,
             .ndots = -1,
             .call = k->caret,
             .call_len = k->caret_len,
             .sig = d->ast};
  Value v = v_error();
  e->steps += 16; /* a call costs more than an expression */
  e->cur.f = &f;
  if (bind_statics(e, s, k) && bind_tensors(e, s, k) && bind_defaults(e, s, k))
    v = instance ? run_instance(e, d, s, k) : run_body(e, d, s, k);
  el_layer(e, v, k->caret);
  e->cur.f = f.up;
  return v;
}

Value el_call_fn(Elab *e, const Fn *f, Call *k, CallSite *at) {
  Sig s;
  f->def->called = true;
  if (!sig_open(e, f->def, &s)) return v_error();
  bool partial = is_partial(e, &s, k, false);
  if (!sig_assign(e, &s, k, partial)) return v_error();
  if (partial) return make_partial(e, f, &s, k);
  return run_def(e, f->def, &s, k, at ? at : site_child(e, e->cur.f, f->def->name), at != NULL);
}

/* `use net = f(args)`: the function with its static arguments, not run even where no tensor is missing. */
Value el_partial(Elab *e, const Ast *call) {
  Call k;
  Sig s;
  if (!el_collect_args(e, call, NULL, NULL, &k)) return v_error();
  const Ast *callee = call->kind == AST_CALL ? call->kid[0] : call;
  Value f;
  if (callee->kind == AST_NAME && !el_lookup(e, callee->text, callee, &f)) {
    el_unknown_name(e, callee, callee->text);
    return v_error();
  }
  if (callee->kind != AST_NAME) f = el_expr(e, callee);
  if (v_bad(f)) return f;
  if (f.kind != V_FN || !f.fn->def) return el_fail(e, E_ARG_KIND, callee, "`use` takes a def, not %s", v_text(e, f));
  k.name = f.fn->def->name;
  el_add_bound_args(e, f.fn, &k);
  if (!sig_open(e, f.fn->def, &s)) return v_error();
  if (!sig_assign(e, &s, &k, is_partial(e, &s, &k, true))) return v_error();
  for (int i = 0; i < s.n; i++) /* checks them now, since no call may follow */
    if (s.slot[i] && !s.type[i].tensor && v_bad(static_arg(e, &k, s.ast->kid[i + 2], &s.type[i], s.slot[i])))
      return v_error();
  return make_partial(e, f.fn, &s, &k);
}
