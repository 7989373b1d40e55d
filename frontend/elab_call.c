/* Calls: what is called, matching arguments to parameters, function values, instances and their memo. */
#include "frontend/elab_priv.h"
#include <string.h>

/* ---- arguments ---- */

static Value slice_arg(Elab *e, const Ast *a) {
  Value v = v_list(e, 2, NULL);
  for (int i = 0; i < 2; i++) {
    v.list->v[i] = a->kid[i] ? el_static(e, a->kid[i]) : v_none();
    if (v_bad(v.list->v[i])) return v_error();
  }
  return v;
}

static bool collect(Elab *e, const Ast *call, const Value *first, const Ast *first_ast, Call *k) {
  int given = call->kind == AST_CALL ? call->n - 1 : 0;
  bool well = true;
  *k = (Call){.name = "?", .at = call->at, .len = call->len, .mark = call->mark, .mark_len = call->mark_len};
  k->arg = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *k->arg);
  if (first)
    k->arg[k->n++] = (Arg){.ast = first_ast, .v = *first, .set = true, .at = first_ast->at, .len = first_ast->len};
  for (int i = 1; i <= given; i++) {
    const Ast *a = call->kid[i], *x = a->kind == AST_NAMED ? a->kid[0] : a;
    Arg *arg = &k->arg[k->n++];
    *arg = (Arg){.name = a->kind == AST_NAMED ? a->text : NULL, .ast = x, .set = true, .at = a->at, .len = a->len};
    arg->v = x->kind == AST_SLICE ? slice_arg(e, x) : el_expr(e, x);
    if (arg->v.kind == V_NONE) arg->v = el_fail(e, 224, x, "this has no value to pass on");
    well &= !v_bad(arg->v);
  }
  return well;
}

static const char *fn_text(const Fn *f) {
  return f->inst ? f->inst->name : f->def ? f->def->name : f->intrinsic ? f->intrinsic->name : op_info[f->op].name;
}

/* Positional and named arguments, then what the function value has bound and the call does not name. */
static void add_bound(Elab *e, const Fn *f, Call *k) {
  if (!f->nbound) return;
  Arg *all = ctx_alloc(e->c, (size_t)(k->n + f->nbound) * sizeof *all);
  memcpy(all, k->arg, (size_t)k->n * sizeof *all);
  int n = k->n;
  for (int i = 0; i < f->nbound; i++) {
    bool named = false;
    for (int j = 0; j < k->n; j++) named |= k->arg[j].name == f->bound[i].name;
    if (!named)
      all[n++] = (Arg){.name = f->bound[i].name, .v = f->bound[i].v, .set = true, .at = f->bound[i].at, .len = f->bound[i].len};
  }
  k->arg = all;
  k->n = n;
}

static bool unknown_param(Elab *e, const Call *k, const Arg *a, const char *const *words, int n) {
  Diag *d = el_error_at(e, 203, a->at ? a->at : k->mark, a->len, "`%s` has no argument `%s`", k->name, a->name);
  const char *s = diag_suggest(e->c, a->name, words, n);
  if (s) diag_help(e->c, d, "did you mean `%s`?", s);
  return false;
}

/* ---- defs ---- */

typedef struct Sig { const Ast *ast; int n; ParamType *type; Arg **slot; } Sig;

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

/* Whether the call leaves out its leading tensors, and so is a function value: no positional argument is a tensor,
 * and there are places behind the leading tensors for those that there are. */
static bool lacks_tensors(const Sig *s, const Call *k, bool *taken) {
  int lead = 0, positional = 0, places = 0;
  while (lead < s->n && s->type[lead].tensor) lead++;
  if (!lead) return false;
  for (int i = 0; i < k->n; i++) {
    if (k->arg[i].name) {
      int p = sig_find(s, k->arg[i].name);
      if (p >= 0) taken[p] = true;
    } else {
      if (v_tensorlike(k->arg[i].v)) return false;
      positional++;
    }
  }
  int open = 0;
  for (int i = 0; i < lead; i++) open += !taken[i];
  for (int i = lead; i < s->n; i++) places += !taken[i];
  return open > 0 && positional <= places;
}

static bool sig_assign(Elab *e, const Sig *s, const Call *k, bool partial) {
  int next = 0, lead = 0;
  const char **words = ctx_alloc(e->c, (size_t)(s->n + 1) * sizeof *words);
  for (int i = 0; i < s->n; i++) words[i] = s->ast->kid[i + 2]->text;
  while (lead < s->n && s->type[lead].tensor) lead++;
  for (int i = 0; i < k->n; i++) {
    if (!k->arg[i].name) continue;
    int p = sig_find(s, k->arg[i].name);
    if (p < 0) return unknown_param(e, k, &k->arg[i], words, s->n);
    s->slot[p] = &k->arg[i];
  }
  if (partial) next = lead;
  for (int i = 0; i < k->n; i++) {
    if (k->arg[i].name) continue;
    while (next < s->n && s->slot[next]) next++;
    if (next == s->n) {
      Diag *d = el_error_at(e, 202, k->arg[i].at ? k->arg[i].at : k->mark, k->arg[i].len, "`%s` takes %d argument%s; this is one too many",
                            k->name, s->n, s->n == 1 ? "" : "s");
      diag_label(e->c, d, s->ast->mark, s->ast->mark_len, "defined here");
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
  p.at = k->mark;
  return v_fn(e, p);
}

static Value wrong_kind(Elab *e, const Call *k, const Ast *param, const Arg *a, const char *want) {
  Diag *d = el_error_at(e, a->v.kind == V_TENSOR ? 215 : 204, a->at ? a->at : k->mark, a->len, "argument `%s` of `%s` is %s%s, not %s",
                        param->text, k->name, want, a->v.kind == V_TENSOR ? ", known at compile time" : "", v_text(e, a->v));
  diag_label(e->c, d, param->mark, param->mark_len, "asked for here");
  return v_error();
}

/* A static argument as its parameter wants it. Rates may be run-time scalars: those stay tensors without axes. */
static Value static_arg(Elab *e, const Call *k, const Ast *param, const ParamType *t, const Arg *a) {
  Value v = a->v;
  bool scalar = v.kind == V_TENSOR && type_get(e->m, v.g->node[v.id].type)->rank == 0;
  switch (t->dtype) {
  case V_INT: return v.kind == V_INT || v.kind == V_SIZE ? v : wrong_kind(e, k, param, a, "an int");
  case V_FLOAT:
    if (v.kind == V_INT) return v_float((double)v.i);
    if (v.kind == V_SIZE) return v_tensor(e, b_size(e->g, DT_F32, v.i));
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
    scope_set(e->c, &e->f->scope, p->text, v, p->mark, p->mark_len);
  }
  return true;
}

static bool missing_arg(Elab *e, const Sig *s, const Call *k, int i) {
  const Ast *p = s->ast->kid[i + 2];
  Diag *d = el_error_at(e, 202, k->mark, k->mark_len, "`%s` lacks its argument `%s`", k->name, p->text);
  diag_label(e->c, d, p->mark, p->mark_len, "asked for here");
  return false;
}

static bool bind_tensors(Elab *e, const Sig *s, const Call *k) {
  for (int i = 0; i < s->n; i++) {
    const Ast *p = s->ast->kid[i + 2];
    if (!s->type[i].tensor) continue;
    if (!s->slot[i] && !p->kid[1]) return missing_arg(e, s, k, i);
    Value v = s->slot[i] ? s->slot[i]->v : el_expr(e, p->kid[1]);
    if (v.kind == V_FN || v.kind == V_STR) return wrong_kind(e, k, p, s->slot[i], "a tensor"), false;
    DType want = s->type[i].dtype < DT_COUNT ? (DType)s->type[i].dtype : s->type[i].dtype == P_FLOAT ? DT_F32 : DT_COUNT;
    const Ast *at = s->slot[i] ? s->slot[i]->ast : NULL;
    Id id = v_bad(v) ? 0 : el_tensor(e, v, want, at);
    if (!id || !el_unify(e, &s->type[i], el_type(e, id), at, p->text, k)) return false;
    scope_set(e->c, &e->f->scope, p->text, v_tensor(e, id), p->mark, p->mark_len);
  }
  return el_unify_rest(e, s->ast, k);
}

static bool bind_defaults(Elab *e, const Sig *s, const Call *k) {
  for (int i = 0; i < s->n; i++) {
    const Ast *p = s->ast->kid[i + 2];
    if (s->type[i].tensor || s->slot[i] || scope_find(&e->f->scope, p->text)) continue;
    if (!p->kid[1]) return missing_arg(e, s, k, i);
    Arg a = {.ast = p->kid[1], .v = el_expr(e, p->kid[1]), .at = p->kid[1]->at, .len = p->kid[1]->len};
    if (v_bad(a.v)) return false;
    Value v = static_arg(e, k, p, &s->type[i], &a);
    if (v_bad(v)) return false;
    scope_set(e->c, &e->f->scope, p->text, v, p->mark, p->mark_len);
  }
  return true;
}

/* The reason of the result's shape: a static argument that stands in the result type. */
static void note_origin(Elab *e, const Sig *s, Value v, const Call *k) {
  const Ast *type = s->ast->kid[1];
  for (int i = 0; type && v.kind == V_TENSOR && i < type->n; i++) {
    if (type->kid[i]->kind != AST_NAME) continue;
    int p = sig_find(s, type->kid[i]->text);
    if (p < 0 || s->type[p].tensor) continue;
    Binding *b = scope_find(&e->f->scope, type->kid[i]->text);
    if (b) el_origin(e, v, s->ast->text, ctx_strf(e->c, "%s = %s", b->name, v_text(e, b->v)), k->mark);
  }
}

static Value run_def(Elab *e, const Def *d, const Sig *s, const Call *k, Inst *at) {
  if (e->depth >= EL_MAX_CALLS)
    return el_fatal(e, 213, k->mark, k->mark_len, "`%s` is called more than %d calls deep", d->name, EL_MAX_CALLS);
  Frame f = {.up = e->f, .name = d->name, .file = d->file, .inst = at, .ndots = -1, .call = k->mark,
             .call_len = k->mark_len, .sig = d->ast};
  Value v = v_error();
  e->turns += 16; /* a call costs more than an expression */
  e->f = &f;
  if (bind_statics(e, s, k) && bind_tensors(e, s, k) && bind_defaults(e, s, k)) {
    f.sig = NULL;
    e->depth++;
    diag_push_frame(e->c, d->name, k->mark);
    v = el_block(e, d->ast->kid[0]);
    if (d->ast->kid[1] && v.kind == V_NONE) v = el_fail(e, 224, d->ast, "`%s` ends without a value", d->name);
    if (d->ast->kid[1] && v_tensorlike(v) && v.kind == V_LIST && (d->ast->kid[1]->flags & AST_SHAPED))
      v = v_tensor(e, el_tensor(e, v, DT_F32, d->ast->kid[0]));
    double x;
    if (d->ast->kid[1] && dtype_find(d->ast->kid[1]->text) >= 0 && (v_number(v, &x) || v.kind == V_SIZE))
      v = v_tensor(e, el_tensor(e, v, (DType)dtype_find(d->ast->kid[1]->text), d->ast->kid[0]));
    if (!el_check_result(e, d, v)) v = v_error();
    diag_pop_frame(e->c);
    e->depth--;
    note_origin(e, s, v, k);
  }
  e->f = f.up;
  return v;
}

static Value call_def(Elab *e, const Fn *f, Call *k, Inst *at) {
  Sig s;
  if (!sig_open(e, f->def, &s)) return v_error();
  bool *taken = ctx_alloc(e->c, (size_t)s.n + 1);
  bool partial = lacks_tensors(&s, k, taken);
  if (!sig_assign(e, &s, k, partial)) return v_error();
  if (partial) return make_partial(e, f, &s, k);
  if (!at) at = inst_child(e, e->f, f->def->name);
  return run_def(e, f->def, &s, k, at);
}

/* ---- instances ---- */

static Memo *memo_find(Elab *e, const Instance *inst, const Call *k) {
  for (int i = e->nmemo - 1; i >= 0; i--) {
    Memo *m = &e->memo[i];
    if (m->inst != inst || m->g != e->g || m->n != k->n) continue;
    int j = 0;
    while (j < k->n && m->arg[j].name == k->arg[j].name && v_same(m->arg[j].v, k->arg[j].v)) j++;
    if (j == k->n) return m;
  }
  return NULL;
}

/* In one graph, calls of an instance with the same arguments are one call. */
static Value call_instance(Elab *e, Instance *inst, Call *k) {
  Memo *m = memo_find(e, inst, k);
  if (m) return m->v;
  Arg *arg = k->arg;
  int n = k->n;
  add_bound(e, inst->fn, k);
  uint32_t old = e->hints;
  e->hints |= inst->hints;
  inst_begin(inst->root);
  Value v = call_def(e, inst->fn, k, inst->root);
  e->hints = old;
  *VEC_PUSH(e->c, e->memo, e->nmemo, e->capmemo) = (Memo){inst, e->g, arg, n, v};
  return v;
}

/* ---- primitives ---- */

bool el_find_op(const char *name, int nargs, int *op) {
  for (int n = nargs < 0 ? 1 : nargs; n <= (nargs < 0 ? 3 : nargs); n++)
    if ((*op = op_find_token(name, n)) >= 0 && ((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_')) return true;
  return false;
}

static Value op_attr(Elab *e, int op, Call *k, int arity, int rank, AttrVal *vals) {
  const OpInfo *info = &op_info[op];
  Call tail = *k;
  Str params = {.c = e->c};
  for (int i = 0; i < info->nfields; i++)
    str_printf(&params, "%s%s%s", i ? " " : "", info->field[i].name, info->field[i].kind == AK_BOOL ? "?" : "");
  tail.arg += arity;
  tail.n -= arity;
  if (!el_bind_params(e, params.s ? params.s : "", &tail)) return v_error();
  for (int i = 0; i < info->nfields; i++) {
    bool flag;
    int64_t *axes = ctx_alloc(e->c, MAX_RANK * sizeof *axes);
    switch (info->field[i].kind) {
    case AK_BOOL:
      if (!el_want_bool(e, &tail, i, false, &flag)) return v_error();
      vals[i].i = flag;
      break;
    case AK_INT:
      if (!el_want_axis(e, &tail, i, rank, 0, &vals[i].i)) return v_error();
      break;
    case AK_INTS:
      if (!el_want_axes(e, &tail, i, rank, false, axes, &vals[i].n)) return v_error();
      vals[i].v = axes;
      break;
    default: return el_fail(e, 204, NULL, "`%s` cannot be called by its name", k->name);
    }
  }
  return v_none();
}

static Value call_op(Elab *e, const Fn *f, Call *k) {
  int arity = 0, op = f->op;
  AttrVal vals[8] = {0};
  while (arity < k->n && !k->arg[arity].name) arity++;
  const OpInfo *info = &op_info[op];
  if (arity > info->arity && info->nfields) arity = info->arity;
  if (arity != info->arity) {
    el_error_at(e, 202, k->mark, k->mark_len, "`%s` takes %d tensor%s, not %d", k->name, info->arity, info->arity == 1 ? "" : "s", arity);
    return v_error();
  }
  Value v[3];
  for (int i = 0; i < arity; i++) v[i] = k->arg[i].v;
  bool known = false;
  Value r = arity == 1 && !info->nfields ? el_static_math(e, op, v[0], &known) : v_none();
  if (known) return r;
  AttrId attr = 0;
  if (info->nfields || k->n > arity) {
    Id x = el_tensor(e, v[0], DT_F32, k->arg[0].ast);
    if (!x || v_bad(op_attr(e, op, k, arity, el_ty(e, x)->rank, vals))) return v_error();
    v[0] = v_tensor(e, x);
    if (info->nfields) attr = attr_make(e->m, (Op)op, vals);
  }
  for (int i = 0; i < arity; i++)
    if (!v_tensorlike(v[i]) && v[i].kind != V_INT && v[i].kind != V_FLOAT && v[i].kind != V_BOOL && v[i].kind != V_SIZE)
      return el_arg_fail(e, 204, k, i, "`%s` takes tensors, not %s", k->name, v_kind(v[i]));
  return el_op(e, op, v, arity, attr, k);
}

Value el_call(Elab *e, const Fn *f, Call *k) {
  k->name = fn_text(f);
  for (int i = 0; i < k->n; i++)
    if (v_bad(k->arg[i].v)) return v_error();
  add_bound(e, f, k);
  if (f->inst) return call_instance(e, f->inst, k);
  if (f->def) return call_def(e, f, k, NULL);
  if (f->op) return call_op(e, f, k);
  if (!el_bind_params(e, f->intrinsic->params, k)) return v_error();
  return f->intrinsic->fn(e, k);
}

/* ---- conversions: f32(x), i32(x), int(x), float(x) ---- */

static bool convert(Elab *e, const char *name, Call *k, Value *r) {
  int t = dtype_find(name);
  double x;
  bool to_int = !strcmp(name, "int"), to_float = !strcmp(name, "float");
  if (t < 0 && !to_int && !to_float) return false;
  k->name = name;
  Value v = k->n == 1 && !k->arg[0].name ? k->arg[0].v : v_none();
  if (v.kind == V_NONE) {
    *r = v_error();
    el_error_at(e, 202, k->mark, k->mark_len, "`%s` converts one value", name);
  } else if (t >= 0) {
    bool plain = v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_SIZE || v.kind == V_LIST;
    Id id = el_tensor(e, v, plain ? (DType)t : DT_COUNT, k->arg[0].ast);
    *r = v_tensor(e, b_cast(e->g, id, (DType)t));
  } else if (to_float && v_number(v, &x)) {
    *r = v_float(x);
  } else if (to_float && v.kind == V_SIZE) {
    *r = v_tensor(e, b_size(e->g, DT_F32, v.i));
  } else if (to_int && v_number(v, &x) && x > -9e18 && x < 9e18) {
    *r = v_int((int64_t)x);
  } else {
    *r = el_fail(e, 204, k->arg[0].ast, "`%s` converts static numbers, not %s", name, v_kind(v));
  }
  return true;
}

Value el_call_value(Elab *e, const Ast *callee, Call *k) {
  Value f;
  if (callee->kind == AST_NAME) {
    bool known = el_lookup(e, callee->text, callee, &f), well = true;
    for (int i = 0; i < k->n; i++) well &= !v_bad(k->arg[i].v);
    if (!known && !well) return v_error();
    if (!known && convert(e, callee->text, k, &f)) return f;
    if (!known) return el_unknown_name(e, callee, callee->text), v_error();
  } else {
    f = el_expr(e, callee);
  }
  if (v_bad(f)) return f;
  if (f.kind != V_FN) return el_fail(e, 238, callee, "%s cannot be called", v_text(e, f));
  return el_call(e, f.fn, k);
}

Value el_call_ast(Elab *e, const Ast *call, const Value *first, const Ast *first_ast) {
  Call k;
  if (!collect(e, call, first, first_ast, &k)) return v_error();
  const Ast *callee = call->kind == AST_CALL ? call->kid[0] : call;
  if (callee->kind == AST_NAME) k.name = callee->text;
  return el_call_value(e, callee, &k);
}

/* `use net = f(args)`: the function with its static arguments, not run even where no tensor is missing. */
Value el_partial(Elab *e, const Ast *call) {
  Call k;
  Sig s;
  if (!collect(e, call, NULL, NULL, &k)) return v_error();
  const Ast *callee = call->kind == AST_CALL ? call->kid[0] : call;
  Value f;
  if (callee->kind == AST_NAME && !el_lookup(e, callee->text, callee, &f))
    return el_unknown_name(e, callee, callee->text), v_error();
  if (callee->kind != AST_NAME) f = el_expr(e, callee);
  if (v_bad(f)) return f;
  if (f.kind != V_FN || !f.fn->def) return el_fail(e, 204, callee, "`use` takes a def, not %s", v_text(e, f));
  k.name = f.fn->def->name;
  add_bound(e, f.fn, &k);
  if (!sig_open(e, f.fn->def, &s)) return v_error();
  bool *taken = ctx_alloc(e->c, (size_t)s.n + 1);
  if (!sig_assign(e, &s, &k, lacks_tensors(&s, &k, taken))) return v_error();
  return make_partial(e, f.fn, &s, &k);
}

Value el_apply(Elab *e, Value fn, const Value *v, int n, const Call *from) {
  Call k = {.name = "?", .at = from->at, .len = from->len, .mark = from->mark, .mark_len = from->mark_len, .n = n};
  k.arg = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *k.arg);
  for (int i = 0; i < n; i++) k.arg[i] = (Arg){.v = v[i], .set = true, .at = from->mark, .len = from->mark_len};
  return el_call(e, fn.fn, &k);
}

Value el_call_def(Elab *e, const char *name, Arg *arg, int n, const Call *from) {
  Item *it = el_item(e, NULL, ctx_name(e->c, name));
  if (!it || it->kind != IT_DEF) return el_fail(e, 201, NULL, "`%s` is missing from the standard library", name);
  Call k = {.name = name, .at = from->at, .len = from->len, .mark = from->mark, .mark_len = from->mark_len, .arg = arg, .n = n};
  Fn f = {.def = it->def};
  return el_call(e, &f, &k);
}
