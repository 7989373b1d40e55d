/* SPDX-License-Identifier: Apache-2.0 */
/* Calls: collecting arguments, callees, instances and their memo, primitives, conversions. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_check.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_stmt.h"
#include "frontend/elab/elab_weight.h"
#include "ir/tables.h"
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

bool el_collect_args(Elab *e, const Ast *call, const Value *first, const Ast *first_ast, Call *k) {
  int given = call->kind == AST_CALL ? call->n - 1 : 0;
  bool ok = true;
  *k = (Call){.name = "?", .at = call->at, .len = call->len, .caret = call->caret, .caret_len = call->caret_len};
  k->arg = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *k->arg);
  if (first)
    k->arg[k->n++] = (Arg){.ast = first_ast, .v = *first, .set = true, .at = first_ast->at, .len = first_ast->len};
  for (int i = 1; i <= given; i++) {
    const Ast *a = call->kid[i], *x = a->kind == AST_NAMED ? a->kid[0] : a;
    Arg *arg = &k->arg[k->n++];
    *arg = (Arg){.name = a->kind == AST_NAMED ? a->text : NULL, .ast = x, .set = true, .at = a->at, .len = a->len};
    arg->v = x->kind == AST_SLICE ? slice_arg(e, x) : el_expr(e, x);
    if (arg->v.kind == V_NONE) arg->v = el_fail(e, E_NO_VALUE, x, "this has no value to pass on");
    ok &= !v_bad(arg->v);
  }
  return ok;
}

static const char *fn_text(const Fn *f) {
  if (f->instance) return f->instance->name;
  if (f->def) return f->def->name;
  return f->intrinsic ? f->intrinsic->name : op_info[f->op].spelling;
}

/* Appends the arguments that the function value has bound and the call does not name. */
void el_add_bound_args(Elab *e, const Fn *f, Call *k) {
  if (!f->nbound) return;
  Arg *all = ctx_alloc(e->c, (size_t)(k->n + f->nbound) * sizeof *all);
  memcpy(all, k->arg, (size_t)k->n * sizeof *all);
  int n = k->n;
  for (int i = 0; i < f->nbound; i++) {
    bool named = false;
    for (int j = 0; j < k->n; j++) named |= k->arg[j].name == f->bound[i].name;
    if (!named)
      all[n++] =
        (Arg){.name = f->bound[i].name, .v = f->bound[i].v, .set = true, .at = f->bound[i].at, .len = f->bound[i].len};
  }
  k->arg = all;
  k->n = n;
}

/* ---- instances ---- */

/* In one graph, calls of an instance with the same arguments are one call, however they are written. */

static bool memo_same(const void *a, const void *b) {
  const Memo *x = a, *y = b;
  int k = 0;
  if (x->site != y->site || x->g != y->g || x->hints != y->hints || x->n != y->n) return false;
  while (k < x->n && v_same(x->arg[k], y->arg[k])) k++;
  return k == x->n;
}

Memo *el_memo(Elab *e, const CallSite *site, int n, Value *arg) {
  uint64_t h = site->path;
  for (int i = 0; i < n; i++) { /* lists and functions hash by their kind only */
    if (arg[i].kind == V_TENSOR) arg[i].id = el_shared(e, arg[i].id);
    int64_t x = arg[i].kind == V_TENSOR ? (int64_t)arg[i].id : arg[i].kind == V_INT ? arg[i].i : 0;
    h = hash_bytes(&x, sizeof x, h + (uint64_t)arg[i].kind);
    e->steps += v_count(arg[i]);
  }
  Memo *m = ctx_alloc(e->c, sizeof *m);
  *m = (Memo){.site = site, .g = e->cur.b.g, .hints = el_fp32_hint(e, e->cur.hints), .n = n, .arg = arg};
  int before = intern_find(e->cur.memo, m, h, memo_same);
  if (before) return e->cur.memo->rec[before];
  intern_add(e->c, e->cur.memo, m, h);
  return m;
}

InternPool *el_memo_new(Elab *e) { return ctx_alloc(e->c, sizeof(InternPool)); }

static Value call_instance(Elab *e, ModuleInstance *instance, Call *k) {
  el_add_bound_args(e, instance->fn, k);
  SavedHints around = el_push_hints(e, instance->hints, instance->rate);
  CallSite *root = e->trial ? el_trial_root(e) : instance->root;
  instance->called |= !e->trial;
  site_begin(root);
  Value v = el_call_fn(e, instance->fn, k, root);
  el_pop_hints(e, around);
  return v;
}

/* ---- primitives ---- */

/* Operators have their own syntax; only ops with names are functions. */
int el_named_op(const char *name) {
  int op = -1;
  for (int n = 1; n <= 3 && op < 0 && name[0] >= 'a' && name[0] <= 'z'; n++) op = op_find_spelling(name, n);
  return op;
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
    default: return el_fail(e, E_ARG_KIND, NULL, "`%s` cannot be called by its name", k->name);
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
    el_error_at(e, E_ARG_COUNT, k->caret, k->caret_len, "`%s` takes %d tensor%s, not %d", k->name, info->arity,
                info->arity == 1 ? "" : "s", arity);
    return v_error();
  }
  Value v[3];
  for (int i = 0; i < arity; i++) v[i] = k->arg[i].v;
  Value r = info->nfields ? v_none() : el_static_op(e, op, v, arity, k);
  if (r.kind != V_NONE) return r;
  AttrId attr = 0;
  if (info->nfields || k->n > arity) {
    Id x = el_tensor(e, v[0], DT_F32, k->arg[0].ast);
    if (!x || v_bad(op_attr(e, op, k, arity, el_type(e, x)->rank, vals))) return v_error();
    v[0] = v_tensor(e, x);
    if (info->nfields) attr = attr_make(e->m, (Op)op, vals);
  }
  for (int i = 0; i < arity; i++)
    if (!v_tensorlike(v[i]) && v[i].kind != V_INT && v[i].kind != V_FLOAT && v[i].kind != V_BOOL && v[i].kind != V_SIZE)
      return el_arg_fail(e, E_ARG_KIND, k, i, "`%s` takes tensors, not %s", k->name, v_kind(v[i]));
  return el_op(e, op, v, arity, attr, k);
}

Value el_call(Elab *e, const Fn *f, Call *k) {
  k->name = fn_text(f);
  for (int i = 0; i < k->n; i++)
    if (v_bad(k->arg[i].v)) return v_error();
  el_add_bound_args(e, f, k);
  if (f->instance) return call_instance(e, f->instance, k);
  if (f->def || f->op) {
    el_warn_normalized(e, f, k);
    Value v = f->def ? el_call_fn(e, f, k, NULL) : call_op(e, f, k);
    el_note_normalized(e, f, v, k->caret);
    return v;
  }
  if (!el_bind_params(e, f->intrinsic->params, k)) return v_error();
  return f->intrinsic->fn(e, k);
}

/* ---- conversions: f32(x), i32(x), int(x), float(x) ---- */

/* A number, or the numbers of a list, cast to an integer or bool type. */
static Value to_integers(Elab *e, Value v, DType t) {
  double x;
  if (v.kind == V_INT) return v_int(dtype_saturate(t, v.i));
  if (v_number(v, &x)) return v_int(dtype_to_int(t, x));
  if (v.kind != V_LIST) return v;
  Value l = v_list(e, v.list->n, NULL);
  for (int i = 0; i < v.list->n; i++) l.list->v[i] = to_integers(e, v.list->v[i], t);
  return l;
}

static bool is_conversion(const char *name) {
  return dtype_find(name) >= 0 || !strcmp(name, "int") || !strcmp(name, "float");
}

static bool convert(Elab *e, const char *name, Call *k, Value *r) {
  int t = dtype_find(name);
  double x;
  bool to_int = !strcmp(name, "int"), to_float = !strcmp(name, "float");
  if (!is_conversion(name)) return false;
  k->name = name;
  Value v = k->n == 1 && !k->arg[0].name ? k->arg[0].v : v_none();
  if (v.kind == V_NONE) {
    *r = v_error();
    el_error_at(e, E_ARG_COUNT, k->caret, k->caret_len, "`%s` converts one value", name);
  } else if (t >= 0) {
    bool plain = v.kind == V_INT || v.kind == V_FLOAT || v.kind == V_SIZE || v.kind == V_LIST;
    if (!dtype_is_float(t)) v = to_integers(e, v, (DType)t);
    Id id = el_tensor(e, v, plain ? (DType)t : DT_COUNT, k->arg[0].ast);
    id = b_cast(&e->cur.b, id, (DType)t);
    *r = v_tensor(e, v.kind == V_INT || v.kind == V_FLOAT ? el_make_unique(e, e->cur.b.g, id, e->cur.b.g->n) : id);
  } else if (to_float && v_number(v, &x)) {
    *r = v_float(x);
  } else if (to_float && v.kind == V_SIZE) {
    *r = v_tensor(e, b_size(&e->cur.b, DT_F32, v.i));
  } else if (to_int && v.kind == V_INT) {
    *r = v;
  } else if (to_int && v_number(v, &x) && x > -9e18 && x < 9e18) {
    *r = v_int((int64_t)x);
  } else {
    *r = el_fail(e, E_ARG_KIND, k->arg[0].ast, "`%s` converts static numbers, not %s", name, v_kind(v));
  }
  return true;
}

Value el_call_value(Elab *e, const Ast *callee, Call *k) {
  Value f;
  if (callee->kind == AST_NAME) {
    bool known = el_lookup(e, callee->text, callee, &f), ok = true;
    for (int i = 0; i < k->n; i++) ok &= !v_bad(k->arg[i].v);
    if (!known && !ok) return v_error();
    if (!known && convert(e, callee->text, k, &f)) return f;
    if (!known) {
      el_unknown_name(e, callee, callee->text);
      return v_error();
    }
  } else {
    f = el_expr(e, callee);
  }
  if (v_bad(f)) return f;
  if (f.kind == V_FN) return el_call(e, f.fn, k);
  Diag *d = el_error(e, E_FN_VALUE, callee, "%s cannot be called", v_text(e, f));
  if (f.kind == V_LIST && f.list->n && f.list->v[0].kind == V_FN)
    diag_help(e->c, d, "functions of a list are called in a loop: `for f in %s { x = f(x) }`", el_source(e, callee));
  return v_error();
}

Value el_call_ast(Elab *e, const Ast *call, const Value *first, const Ast *first_ast) {
  Call k;
  const Ast *callee = call->kind == AST_CALL ? call->kid[0] : call;
  Value f;
  if (callee->kind == AST_NAME && !is_conversion(callee->text) && !el_lookup(e, callee->text, callee, &f)) {
    el_unknown_name(e, callee, callee->text); /* what its arguments lack is less important */
    return v_error();
  }
  bool ok = el_collect_args(e, call, first, first_ast, &k);
  if (callee->kind == AST_NAME) k.name = callee->text;
  if (!ok && callee->kind == AST_NAME && el_lookup(e, callee->text, callee, &f) && f.kind == V_FN)
    el_check_argument_names(e, f.fn, &k);
  if (!ok) return v_error();
  return el_call_value(e, callee, &k);
}

Value el_apply(Elab *e, Value fn, const Value *v, int n, const Call *from) {
  Call k = {.name = "?", .at = from->at, .len = from->len, .caret = from->caret, .caret_len = from->caret_len, .n = n};
  k.arg = ctx_alloc(e->c, (size_t)(n + 1) * sizeof *k.arg);
  for (int i = 0; i < n; i++) k.arg[i] = (Arg){.v = v[i], .set = true, .at = from->caret, .len = from->caret_len};
  return el_call(e, fn.fn, &k);
}

Value el_call_def(Elab *e, const char *name, Arg *arg, int n, const Call *from) {
  Item *it = el_item(e, NULL, ctx_name(e->c, name));
  if (!it || it->kind != IT_DEF)
    return el_fail(e, E_UNKNOWN_NAME, NULL, "`%s` is missing from the standard library", name);
  Call k = {.name = name,
            .at = from->at,
            .len = from->len,
            .caret = from->caret,
            .caret_len = from->caret_len,
            .arg = arg,
            .n = n};
  Fn f = {.def = it->def};
  return el_call(e, &f, &k);
}
