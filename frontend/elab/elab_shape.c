/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes in signatures: unification with the arguments of a call, and evaluation of declared shapes.
 *
 * A name in a shape is a static argument, a constant, or otherwise a shape variable. A pattern with one unknown
 * variable is solved for it (4*D, H/stride, T + 1); one with several is retried after the other arguments. In a
 * signature a bounded dimension is also a shape variable, for sizes up to its bound. */
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_names.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

typedef struct PendingDim {
  const Ast *pattern, *arg;
  const char *name;
  Dim dim;
} PendingDim;

/* ---- types ---- */

static bool type_takes(const ParamType *p, DType t) {
  if (p->dtype == P_ANY) return true;
  if (p->dtype == P_FLOAT) return dtype_is_float(t);
  if (p->dtype == P_INT) return !dtype_is_float(t) && t != DT_BOOL;
  return p->dtype == (int)t;
}

/* ---- names in shapes ---- */

static const Ast *sig_param(const Ast *sig, const char *name) {
  for (int i = 2; sig && i < sig->n; i++)
    if (sig->kid[i]->text == name) return sig->kid[i];
  return NULL;
}

/* Whether a name has a value. Defaults of static arguments count; one that a shape needs early is evaluated here. */
static bool name_known(Elab *e, const char *name) {
  if (scope_find(&e->cur.f->scope, name)) return true;
  const Ast *p = sig_param(e->cur.f->sig, name);
  if (p && p->kid[1]) {
    ParamType t;
    if (!el_param_type(e, p->kid[0], &t) || t.tensor) return false;
    Value v = el_static(e, p->kid[1]);
    scope_set(e->c, &e->cur.f->scope, name, v, p->caret, p->caret_len);
    return true;
  }
  Item *it = p ? NULL : el_item(e, e->cur.f->file, name);
  return it && !it->file->builtin && (it->kind == IT_CONST || it->kind == IT_DIM) && !(e->cur.f->sig && el_bounded(it));
}

/* The bound of a name that is a bounded dimension; INT64_MAX of others. */
static int64_t bound_of(Elab *e, const char *name) {
  Item *it = el_item(e, e->cur.f->file, name);
  Value v = el_bounded(it) ? el_item_value(e, it, it->ast) : v_none();
  return v.kind == V_INT || v.kind == V_SIZE ? dim_bound(e->m, v.i) : INT64_MAX;
}

/* The first bounded dimension in a pattern that has no value yet. */
static const char *bounded_name(Elab *e, const Ast *a) {
  if (a->kind == AST_NAME) return !name_known(e, a->text) && bound_of(e, a->text) < INT64_MAX ? a->text : NULL;
  const char *found = NULL;
  for (int i = 0; i < a->n && !found; i++) found = bounded_name(e, a->kid[i]);
  return found;
}

static int unknowns(Elab *e, const Ast *a) {
  if (a->kind == AST_NAME) return !name_known(e, a->text);
  int n = 0;
  if (a->kind == AST_BINARY || a->kind == AST_UNARY)
    for (int i = 0; i < a->n; i++) n += unknowns(e, a->kid[i]);
  return n;
}

const Ast *el_open_dim(Elab *e, const Ast *type) {
  for (int i = 0; i < type->n; i++) {
    const Ast *p = type->kid[i];
    if (p->kind == AST_DOTS ? e->cur.f->ndots < 0 : unknowns(e, p) > 0) return p;
  }
  return NULL;
}

bool el_dim(Elab *e, const Ast *a, Dim *d) {
  Value v = el_static(e, a);
  if (v_bad(v)) return false;
  if (v_is_dim(v, d)) {
    if (dim_bound(e->m, *d) > INT32_MAX)
      return el_reject(e, E_TENSOR_TOO_LARGE, a, "an axis of %s elements is too long", v_text(e, v));
    return true;
  }
  if (v.kind == V_INT) el_fail(e, E_NEGATIVE_SIZE, a, "this size is negative: %s", v_text(e, v));
  else el_fail(e, E_ARG_KIND, a, "a size is an integer, not %s", v_text(e, v));
  return false;
}

/* ---- solving pattern = dim ---- */

typedef enum Solved { SOLVED, DIFFERS, UNSOLVABLE } Solved;

/* Whether the two are equal; of open sizes, whether they can be. */
static bool same_size(Elab *e, Value a, Value b) {
  Dim x, y;
  return v_same(a, b) || (v_is_dim(a, &x) && v_is_dim(b, &y) && dim_equal(e->m, x, y));
}

static Solved solve(Elab *e, const Ast *p, Value want);

/* Solves p = want for operand `side` of p; the other operand is known. */
static Solved solve_operand(Elab *e, const Ast *p, int side, Value known, Value want) {
  Value v;
  switch (p->op) {
  case AST_ADD: v = el_static_binary(e, AST_SUB, want, known, p); break;
  case AST_SUB:
    v = side ? el_static_binary(e, AST_SUB, known, want, p) : el_static_binary(e, AST_ADD, want, known, p);
    break;
  case AST_MUL: {
    if (known.kind == V_INT && known.i == 0) return UNSOLVABLE;
    Dim q, a, b;
    if (!v_is_dim(want, &a) || !v_is_dim(known, &b) || !dim_div(e->m, a, b, &q)) return DIFFERS;
    v = v_dim(e, q);
    break;
  }
  case AST_DIV:
    if (side) return UNSOLVABLE;
    v = el_static_binary(e, AST_MUL, want, known, p);
    break;
  default: return UNSOLVABLE;
  }
  return v_bad(v) ? DIFFERS : solve(e, p->kid[side], v);
}

static Solved solve(Elab *e, const Ast *p, Value want) {
  Dim d;
  int n = unknowns(e, p);
  if (n > 1) return UNSOLVABLE;
  if (n == 0) {
    Value v = el_static(e, p);
    return v_bad(v) || same_size(e, v, want) ? SOLVED : DIFFERS; /* an error was reported already */
  }
  if (p->kind == AST_NAME) {
    if (!v_is_dim(want, &d) || dim_bound(e->m, d) > bound_of(e, p->text)) return DIFFERS;
    scope_set(e->c, &e->cur.f->scope, p->text, want, 0, 1);
    return SOLVED;
  }
  if (p->kind != AST_BINARY) return UNSOLVABLE;
  int side = unknowns(e, p->kid[0]) ? 0 : 1;
  Value known = el_static(e, p->kid[!side]);
  if (v_bad(known)) return SOLVED;
  return solve_operand(e, p, side, known, want);
}

/* ---- unification ---- */

static const char *pattern_values(Elab *e, const Ast *type) {
  Str s = {.c = e->c};
  for (int i = 0; i < type->n; i++) {
    const Ast *p = type->kid[i];
    if (p->kind != AST_NAME) continue;
    Binding *b = scope_find(&e->cur.f->scope, p->text);
    bool again = false;
    for (int k = 0; k < i; k++) again |= type->kid[k]->kind == AST_NAME && type->kid[k]->text == p->text;
    if (b && !again && !v_bad(b->v)) str_printf(&s, "%s%s = %s", s.n ? ", " : "", p->text, v_text(e, b->v));
  }
  return s.n ? s.s : NULL;
}

/* A name of the caller's that one call refuses is refused by others for the same reason. */
static void argument_is_wrong(Elab *e, const Ast *arg) {
  Frame *f = e->cur.f;
  e->cur.f = f->up;
  el_poison_name(e, arg);
  e->cur.f = f;
}

/* The axes that a shape of a signature has by now; those of `...` count once they are known. */
static int axes_of(const Elab *e, const Ast *s) {
  int n = s->n;
  for (int i = 0; i < s->n; i++)
    if (s->kid[i]->kind == AST_DOTS) n += (e->cur.f->ndots < 0 ? 0 : e->cur.f->ndots) - 1;
  return n;
}

static bool unify_fail(Elab *e, const ParamType *p, TypeId t, const Ast *arg, const char *name, const Call *k,
                       const char *why) {
  argument_is_wrong(e, arg);
  if (el_reported(e, E_SHAPE_MISMATCH, p->ast, why ? why : "")) return false;
  Diag *d = el_error_at(e, E_SHAPE_MISMATCH, arg ? arg->at : k->caret, arg ? arg->len : k->caret_len,
                        "argument `%s` of `%s` is %s, which does not fit %s%s%s", name, k->name, el_type_text(e, t),
                        el_source(e, p->ast), why ? ": " : "", why ? why : "");
  Frame *f = e->cur.f;
  const char *values = pattern_values(e, p->ast);
  e->cur.f = f->up; /* the operands are in the caller */
  for (int i = 0; i < k->n; i++) {
    const Arg *a = &k->arg[i];
    if (!a->ast || !v_tensorlike(a->v)) continue;
    if (a->ast == arg) el_primary_operand(e, d, a->ast, a->v);
    else el_label_operand(e, d, a->ast, a->v);
  }
  e->cur.f = f;
  diag_label(e->c, d, p->ast->at, p->ast->len, "required here");
  if (values) diag_note(e->c, d, "here %s", values);
  int lacks = axes_of(e, p->ast) - type_get(e->m, t)->rank;
  const char *what = arg && arg->kind == AST_NAME ? arg->text : "x";
  if (lacks == 1)
    diag_help(e->c, d, "`unsqueeze(%s, axis)` adds an axis of size 1, `%s[:, none]` after the first", what, what);
  if (p->ast->n == 0 && lacks < 0) {
    diag_help(e->c, d, "a type without a shape is that of one number: a shape follows it, as in `%s: f32[B, 16]`",
              name);
    return false;
  }
  if (lacks > 1) diag_help(e->c, d, "`reshape(%s, [...])` gives it these axes", what);
  if (lacks == -1) diag_help(e->c, d, "`squeeze` and `reshape` remove an axis");
  return false;
}

bool el_named_size(Elab *e, const Ast *a) { return a->kind == AST_NAME && !name_known(e, a->text); }

static bool unify_dots(Elab *e, const Dim *dim, int n) {
  Frame *f = e->cur.f;
  if (f->ndots < 0) {
    f->ndots = n;
    dims_copy(f->dots, dim, n);
    return true;
  }
  bool same = f->ndots == n;
  for (int i = 0; i < n && same; i++) same = dim_equal(e->m, f->dots[i], dim[i]);
  return same;
}

static bool unify_dim(Elab *e, const ParamType *p, const Ast *pat, Dim dim, TypeId t, const Ast *arg, const char *name,
                      const Call *k, bool last) {
  int before = diag_errors(e->c);
  switch (solve(e, pat, v_dim(e, dim))) {
  case SOLVED: return diag_errors(e->c) == before;
  case DIFFERS: {
    if (diag_errors(e->c) != before) return false;
    Value v = unknowns(e, pat) ? v_none() : el_static(e, pat);
    const char *text = el_source(e, pat), *bounded = v.kind == V_NONE ? bounded_name(e, pat) : NULL;
    if (bounded)
      return unify_fail(e, p, t, arg, name, k,
                        ctx_strf(e->c, "`%s` is at most %lld, so %s is not %s", bounded,
                                 (long long)bound_of(e, bounded), text, dim_text(e->m, dim)));
    if (v.kind == V_NONE)
      return unify_fail(e, p, t, arg, name, k, ctx_strf(e->c, "no integer makes %s = %s", text, dim_text(e->m, dim)));
    if (pat->kind == AST_INT)
      return unify_fail(e, p, t, arg, name, k, ctx_strf(e->c, "%s is not %s", dim_text(e->m, dim), text));
    return unify_fail(e, p, t, arg, name, k,
                      ctx_strf(e->c, "%s is %s, not %s", text, v_text(e, v), dim_text(e->m, dim)));
  }
  case UNSOLVABLE:
    if (last) return el_reject(e, E_UNDETERMINED_DIM, pat, "this size is not determined by the arguments");
    *VEC_PUSH(e->c, e->cur.f->pending, e->cur.f->npending, e->cur.f->cappending) = (PendingDim){pat, arg, name, dim};
    return true;
  }
  return true;
}

static bool calls(const Ast *a, const char *name) {
  return a && a->kind == AST_CALL && a->kid[0]->kind == AST_NAME && !strcmp(a->kid[0]->text, name);
}

static bool is_float(Value v) { return v.kind == V_TENSOR && dtype_is_float(node_type(v.g, v.id)->dtype); }

bool el_unify(Elab *e, const ParamType *p, TypeId t, const Ast *arg, const char *name, const Call *k) {
  const Type *ty = type_get(e->m, t);
  const Ast *s = p->ast;
  int dots = -1;
  if (!type_takes(p, (DType)ty->dtype)) {
    argument_is_wrong(e, arg);
    if (el_reported(e, E_DTYPE_MISMATCH, s, "type")) return false;
    Diag *d = el_error_at(e, E_DTYPE_MISMATCH, arg ? arg->at : k->caret, arg ? arg->len : k->caret_len,
                          "argument `%s` of `%s` is %s, but %s is asked for", name, k->name, el_type_text(e, t),
                          el_source(e, s));
    diag_label(e->c, d, s->at, s->len, "required here");
    if (p->dtype == P_FLOAT && (calls(arg, "argmax") || calls(arg, "argmin")))
      diag_help(e->c, d,
                "`%s` gives numbers of classes, without a gradient: a loss takes the scores themselves, as in "
                "`cross_entropy(net(x), y)`",
                arg->kid[0]->text);
    else if (p->dtype < DT_COUNT) diag_help(e->c, d, "%s(...) converts", dtype_info[p->dtype].name);
    else if (p->dtype == P_FLOAT && k->n > 1 && k->arg[0].ast == arg && is_float(k->arg[1].v))
      diag_help(e->c, d, "the first two arguments may be in the wrong order; f32(...) converts");
    else if (p->dtype == P_FLOAT && !dtype_is_float((DType)ty->dtype))
      diag_help(e->c, d, "f32(...) converts; of class numbers `one_hot(y, 10)` makes shares");
    else if (p->dtype == P_INT && dtype_is_float((DType)ty->dtype))
      diag_help(e->c, d,
                calls(arg, "one_hot")
                  ? "leave `one_hot` out: these are the numbers of classes; soft_cross_entropy takes shares"
                : k->n && k->arg[0].ast != arg && is_float(k->arg[0].v) &&
                    node_type(k->arg[0].v.g, k->arg[0].v.id)->rank == ty->rank
                  ? "shares of classes, as of `mixup`, are for soft_cross_entropy; class numbers are argmax(z)"
                  : "i32(...) converts; class numbers of logits are argmax(z)");
    return false;
  }
  for (int i = 0; i < s->n; i++) {
    if (s->kid[i]->kind != AST_DOTS) continue;
    if (dots >= 0) return el_reject(e, E_DUPLICATE_ELLIPSIS, s->kid[i], "`...` occurs twice in this shape");
    dots = i;
  }
  int fixed = s->n - (dots >= 0);
  if (dots >= 0 ? ty->rank < fixed : ty->rank != fixed)
    return unify_fail(e, p, t, arg, name, k,
                      ctx_strf(e->c, "it has %d ax%s, not %s%d", ty->rank, ty->rank == 1 ? "is" : "es",
                               dots >= 0 ? "at least " : "", fixed));
  int axis = 0;
  for (int i = 0; i < s->n; i++) {
    if (i == dots) {
      if (!unify_dots(e, ty->dim + axis, ty->rank - fixed))
        return unify_fail(e, p, t, arg, name, k, "`...` means other sizes than before");
      axis += ty->rank - fixed;
    } else if (!unify_dim(e, p, s->kid[i], ty->dim[axis++], t, arg, name, k, false)) {
      return false;
    }
  }
  return true;
}

/* Patterns that waited, as often as one more of them can be solved. */
bool el_unify_pending(Elab *e, const Ast *def, const Call *k) {
  Frame *f = e->cur.f;
  (void)def;
  for (bool moved = true; moved && f->npending;) {
    moved = false;
    for (int i = 0; i < f->npending; i++) {
      PendingDim w = f->pending[i];
      if (unknowns(e, w.pattern) > 1) continue;
      f->pending[i--] = f->pending[--f->npending];
      moved = true;
      Solved r = solve(e, w.pattern, v_dim(e, w.dim));
      if (r == SOLVED) continue;
      if (r == UNSOLVABLE)
        return el_reject(e, E_UNDETERMINED_DIM, w.pattern, "this size is not determined by the arguments");
      Diag *d = el_error(e, E_SHAPE_MISMATCH, w.arg, "argument `%s` of `%s`: %s is not %s", w.name, k->name,
                         el_source(e, w.pattern), dim_text(e->m, w.dim));
      diag_label(e->c, d, w.pattern->at, w.pattern->len, "required here");
      return false;
    }
  }
  if (!f->npending) return true;
  el_fail(e, E_UNDETERMINED_DIM, f->pending[0].pattern,
          "this size has several unknown names, which no argument determines");
  return false;
}

/* ---- declared shapes and results ---- */

bool el_shape(Elab *e, const Ast *type, int *rank, Dim *dim) {
  *rank = 0;
  for (int i = 0; i < type->n; i++) {
    const Ast *p = type->kid[i];
    int take = 1;
    if (p->kind == AST_DOTS) {
      if (e->cur.f->ndots < 0) return el_reject(e, E_UNDETERMINED_DIM, p, "nothing determines what `...` means");
      take = e->cur.f->ndots;
    }
    if (*rank + take > MAX_RANK) return el_reject(e, E_SHAPE_MISMATCH, type, "a tensor has at most %d axes", MAX_RANK);
    if (p->kind == AST_DOTS) {
      dims_copy(dim + *rank, e->cur.f->dots, take);
    } else {
      if (p->kind == AST_NAME && !name_known(e, p->text)) {
        if (el_name_reported(e, p->text)) return false;
        Diag *d = el_error(e, E_UNDETERMINED_DIM, p, "`%s` has no value here", p->text);
        const char *s = el_suggest(e, p->text);
        if (s) diag_help(e->c, d, "did you mean `%s`?", s);
        return false;
      }
      if (!el_dim(e, p, &dim[*rank])) return false;
    }
    *rank += take;
  }
  return true;
}

TypeId el_declared(Elab *e, const Ast *type) {
  ParamType p;
  int rank;
  Dim dim[MAX_RANK];
  if (!el_param_type(e, type, &p)) return 0;
  if (!p.tensor || p.dtype >= DT_COUNT) {
    Diag *d = el_error(e, E_UNKNOWN_TYPE, type, "a tensor type is needed here, not `%s`", type->text);
    if (!strcmp(type->text, "str") && e->cur.root && e->cur.root->kind == GK_BIND)
      diag_help(e->c, d, "words are numbered: `y: i32 = classes(field(...))`");
    else
      diag_help(e->c, d, "one with a fixed element type, such as %s",
                !strcmp(type->text, "int") ? "i32[B]" : "f32[B, 16]");
    return 0;
  }
  if (!el_shape(e, type, &rank, dim)) return 0;
  TypeId t = type_make(e->m, (DType)p.dtype, rank, dim);
  if (type_bytes(e->m, t) < 0) {
    el_fail(e, E_TENSOR_TOO_LARGE, type, "this tensor takes more than 2^47 bytes");
    return 0;
  }
  return t;
}

/* Whether another def has given this value of this type, and the error says so. */
static bool given_before(Elab *e, Value v) {
  Loc at = v.kind == V_TENSOR ? node_get(v.g, v.id)->loc : 0;
  return at && !el_in_builtin(e, at) && el_reported_of(e, E_RESULT_TYPE, ctx_strf(e->c, "%u %s", at, v_text(e, v)));
}

static bool result_fail(Elab *e, const Def *d, const Ast *last, Value v, const char *why) {
  const Ast *type = d->ast->kid[1];
  if (el_reported(e, E_RESULT_TYPE, type, "") || given_before(e, v)) return false;
  Diag *g = el_error(e, E_RESULT_TYPE, last ? last : type, "`%s` gives %s, not %s%s%s", d->name, v_text(e, v),
                     el_source(e, type), why ? ": " : "", why ? why : "");
  diag_label(e->c, g, type->at, type->len, "declared here");
  const char *values = pattern_values(e, type);
  if (values) diag_note(e->c, g, "here %s", values);
  int want = dtype_find(type->text);
  if (v.kind == V_TENSOR && want >= 0 && el_type(e, v.id)->dtype != want)
    diag_help(e->c, g, "%s(...) converts, or the def gives %s", dtype_info[want].name,
              dtype_info[el_type(e, v.id)->dtype].name);
  else if (v.kind == V_TENSOR && type->n == 2 && el_type(e, v.id)->rank > 2)
    diag_help(e->c, g, "`flatten(x)` before a `linear` makes a matrix of it: it keeps the first axis");
  else if (v.kind == V_TENSOR && type->n)
    diag_help(e->c, g, "change the declared type, or the layer that makes this shape");
  return false;
}

static bool check_tensor(Elab *e, const Def *d, const Ast *last, Value v, const ParamType *p) {
  const Ast *s = p->ast;
  const Type *t = type_get(e->m, v.g->node[v.id].type);
  int dots = -1, axis = 0;
  if (!type_takes(p, (DType)t->dtype)) return result_fail(e, d, last, v, NULL);
  for (int i = 0; i < s->n; i++)
    if (s->kid[i]->kind == AST_DOTS) dots = i;
  int fixed = s->n - (dots >= 0);
  if (dots >= 0 ? t->rank < fixed : t->rank != fixed) return result_fail(e, d, last, v, NULL);
  for (int i = 0; i < s->n; i++) {
    if (i == dots) {
      if (!unify_dots(e, t->dim + axis, t->rank - fixed)) return result_fail(e, d, last, v, "`...` differs");
      axis += t->rank - fixed;
      continue;
    }
    int before = diag_errors(e->c);
    Solved r = solve(e, s->kid[i], v_dim(e, t->dim[axis]));
    if (diag_errors(e->c) != before) return false;
    if (r == UNSOLVABLE)
      return el_reject(e, E_UNDETERMINED_DIM, s->kid[i], "this size is not determined by the arguments");
    if (r == DIFFERS) {
      Value want = unknowns(e, s->kid[i]) ? v_none() : el_static(e, s->kid[i]);
      if (s->kid[i]->kind == AST_INT) return result_fail(e, d, last, v, NULL);
      return result_fail(
        e, d, last, v,
        ctx_strf(e->c, "%s is %s, not %s", el_source(e, s->kid[i]), v_text(e, want), dim_text(e->m, t->dim[axis])));
    }
    axis++;
  }
  return true;
}

/* Checks the value of a def against its result type. */
bool el_check_result(Elab *e, const Def *d, Value v) {
  const Ast *type = d->ast->kid[1], *body = d->ast->kid[0];
  ParamType p;
  if (!type || v_bad(v)) return !v_bad(v);
  const Ast *last = body->n ? body->kid[body->n - 1] : NULL;
  if (!el_param_type(e, type, &p)) return false;
  if (p.tensor) return v.kind == V_TENSOR ? check_tensor(e, d, last, v, &p) : result_fail(e, d, last, v, NULL);
  bool fits = v.kind == (ValueKind)p.dtype || (p.dtype == V_FLOAT && (v.kind == V_INT || v.kind == V_TENSOR)) ||
              (p.dtype == V_INT && v.kind == V_SIZE);
  return fits || result_fail(e, d, last, v, NULL);
}
