/* SPDX-License-Identifier: Apache-2.0 */
/* Index notation: arithmetic and reductions over values whose axes carry indices. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_index.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

bool ix_has(const IxVal *v, int label) {
  for (int i = 0; i < v->n; i++)
    if (v->label[i] == label) return true;
  return false;
}

int ix_union(int n, int *label, const IxVal *v) {
  for (int i = 0; i < v->n && n >= 0; i++) {
    int k = 0;
    while (k < n && label[k] != v->label[i]) k++;
    if (k < n) continue;
    if (n == MAX_RANK) return -1;
    label[n++] = v->label[i];
  }
  return n;
}

IxVal ix_order(Elab *e, Index *x, IxVal v, int n, const int *label, bool widen) {
  IxVal r = {.v = v.v, .n = n};
  int64_t perm[MAX_RANK] = {0};
  Dim dim[MAX_RANK], full[MAX_RANK];
  int m = 0;
  memcpy(r.label, label, (size_t)n * sizeof *label);
  if (v.v.kind != V_TENSOR) return v;
  for (int i = 0; i < n; i++) {
    full[i] = x->var[label[i]].extent;
    dim[i] = 1;
    for (int k = 0; k < v.n; k++)
      if (v.label[k] == label[i]) {
        perm[m++] = k;
        dim[i] = full[i];
      }
  }
  Id id = b_transpose(&e->cur.b, v.v.id, perm);
  bool leading = true; /* missing leading axes are broadcast implicitly */
  for (int i = 0; i < n - m; i++) leading &= !ix_has(&v, label[i]);
  if (!leading || widen) id = b_reshape(&e->cur.b, id, n, dim);
  if (widen) id = b_broadcast(&e->cur.b, id, n, full);
  r.v = v_tensor(e, id);
  return r;
}

static bool align(Elab *e, Index *x, const Ast *at, IxVal *v, int n, IxVal *r, bool widen) {
  int m = 0;
  for (int i = 0; i < n && m >= 0; i++) m = ix_union(m, r->label, &v[i]);
  if (m < 0) return el_reject(e, E_INDEX_NOTATION, at, "more than %d indices meet here", MAX_RANK);
  r->n = m;
  for (int i = 0; i < n; i++) {
    if (v_bad(v[i].v)) return false;
    v[i] = ix_order(e, x, v[i], m, r->label, widen);
  }
  return true;
}

/* ---- operations ---- */

static IxVal unary(Elab *e, Index *x, const Ast *a) {
  IxVal v = ix_eval(e, x, a->kid[0]);
  v.v = el_unary(e, a->op, v.v, a);
  return v;
}

static IxVal binary(Elab *e, Index *x, const Ast *a) {
  IxVal v[2] = {ix_eval(e, x, a->kid[0]), ix_eval(e, x, a->kid[1])}, r = {0};
  if (a->op == AST_MATMUL) {
    r.v = el_fail(e, E_INDEX_NOTATION, a, "`@` has no place in index notation; write the sum");
    return r;
  }
  if (!align(e, x, a, v, 2, &r, false)) return ix_none();
  r.v = el_binary(e, a->op, v[0].v, v[1].v, a, a->kid[0], a->kid[1]);
  return r;
}

/* Whether node n is computed from the arguments by element-wise operations only. */
static bool elementwise(Elab *e, Id n, const IxVal *arg, int nargs) {
  bool *need = ctx_alloc(e->c, (size_t)n + 1), *given = ctx_alloc(e->c, (size_t)e->cur.b.g->n);
  for (int i = 0; i < nargs; i++)
    if (arg[i].v.kind == V_TENSOR) given[arg[i].v.id] = true;
  need[n] = true;
  for (; n >= 1; n--) {
    const Node *d = node_get(e->cur.b.g, n);
    OpClass cls = op_info[d->op].cls;
    if (!need[n] || given[n] || (cls == CL_LEAF && node_type(e->cur.b.g, n)->rank == 0)) continue;
    if (cls != CL_ELEM) return false;
    for (int i = 0; i < (int)d->nin; i++) need[node_in(e->cur.b.g, n, i)] = true;
  }
  return true;
}

static IxVal call(Elab *e, Index *x, const Ast *a, const Ast *first) {
  const Ast *callee = a->kind == AST_CALL ? a->kid[0] : a;
  int given = a->kind == AST_CALL ? a->n - 1 : 0, n = 0;
  IxVal *v = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *v), r = {0};
  Call k = {.name = "?", .at = a->at, .len = a->len, .caret = a->caret, .caret_len = a->caret_len};
  k.arg = ctx_alloc(e->c, (size_t)(given + 1) * sizeof *k.arg);
  for (int i = first ? 0 : 1; i <= given; i++) {
    const Ast *p = i ? a->kid[i] : first, *y = p->kind == AST_NAMED ? p->kid[0] : p;
    v[n] = ix_eval(e, x, y);
    k.arg[n++] =
      (Arg){.name = p->kind == AST_NAMED ? p->text : NULL, .ast = y, .set = true, .at = p->at, .len = p->len};
  }
  if (!align(e, x, a, v, n, &r, true)) return ix_none();
  k.n = n;
  for (int i = 0; i < n; i++) k.arg[i].v = v[i].v;
  if (callee->kind == AST_NAME) k.name = callee->text;
  r.v = el_call_value(e, callee, &k);
  if (v_bad(r.v)) return ix_none();
  if (r.v.kind != V_TENSOR || (el_type(e, r.v.id)->rank == r.n && elementwise(e, r.v.id, v, n))) return r;
  r.v = el_fail(e, E_INDEX_NOTATION, callee, "`%s` is not element-wise, so its meaning in index notation is not clear",
                k.name);
  return r;
}

/* ---- reductions ---- */

IxVal ix_reduce(Elab *e, IxVal v, const char *how, int n, const int *label) {
  int64_t axes[MAX_RANK];
  int m = 0, keep = 0;
  IxVal r = v;
  if (v.v.kind != V_TENSOR) return v;
  for (int i = 0; i < v.n; i++) {
    bool over = false;
    for (int k = 0; k < n; k++) over |= label[k] == v.label[i];
    if (over) axes[m++] = i;
    else r.label[keep++] = v.label[i];
  }
  r.n = keep;
  if (m) r.v = v_tensor(e, b_reduce(&e->cur.b, (Op)op_find_spelling(how, 1), v.v.id, m, axes, false));
  return r;
}

static void spec_of(const IxVal *v, const int *all, int n, char *s) {
  for (int i = 0; i < v->n; i++) {
    int k = 0;
    while (k < n && all[k] != v->label[i]) k++;
    s[i] = (char)('a' + k);
  }
  s[v->n] = 0;
}

/* sum over `label` of a * b, as one contraction where they meet in both */
static IxVal contraction(Elab *e, Index *x, const Ast *at, IxVal a, IxVal b, int n, const int *label) {
  int only[2][IX_MAX] = {{0}}, nonly[2] = {0}, both[IX_MAX], nboth = 0;
  for (int i = 0; i < n; i++) {
    bool in_a = ix_has(&a, label[i]), in_b = ix_has(&b, label[i]);
    if (in_a && in_b) both[nboth++] = label[i];
    else if (in_a || in_b) only[in_b][nonly[in_b]++] = label[i];
  }
  a = ix_reduce(e, a, "sum", nonly[0], only[0]);
  b = ix_reduce(e, b, "sum", nonly[1], only[1]);
  IxVal r = {0};
  if (!nboth) {
    IxVal v[2] = {a, b};
    if (!align(e, x, at, v, 2, &r, false)) return ix_none();
    r.v = el_binary(e, AST_MUL, v[0].v, v[1].v, at, at, at);
    return r;
  }
  int all[2 * MAX_RANK], m = 0;
  char la[MAX_RANK + 1], lb[MAX_RANK + 1], out[MAX_RANK + 1];
  for (int i = 0; i < a.n; i++) all[m++] = a.label[i];
  for (int i = 0; i < b.n; i++)
    if (!ix_has(&a, b.label[i])) all[m++] = b.label[i];
  for (int i = 0; i < m; i++) {
    bool summed = false;
    for (int k = 0; k < nboth; k++) summed |= both[k] == all[i];
    if (summed) continue;
    if (r.n == MAX_RANK) {
      r.v = el_fail(e, E_INDEX_NOTATION, at, "more than %d indices meet here", MAX_RANK);
      return r;
    }
    r.label[r.n++] = all[i];
  }
  spec_of(&a, all, m, la);
  spec_of(&b, all, m, lb);
  spec_of(&r, all, m, out);
  r.v = v_tensor(e, el_contract(e, a.v.id, la, b.v.id, lb, out, at->caret));
  return r;
}

static bool is_float_tensor(Elab *e, const IxVal *v) {
  return v->v.kind == V_TENSOR && dtype_is_float(el_type(e, v->v.id)->dtype);
}

/* The operand of a mean: 16-bit floats as f32, so that the result is rounded once, to *type. */
static IxVal mean_operand(Elab *e, IxVal v, DType *type) {
  if (!is_float_tensor(e, &v) || !dtype_is_half(el_type(e, v.v.id)->dtype)) return v;
  *type = (DType)el_type(e, v.v.id)->dtype;
  v.v = v_tensor(e, b_cast(&e->cur.b, v.v.id, DT_F32));
  return v;
}

typedef struct Reduction {
  const int *label; /* the reduced vars */
  int n;
  bool mean;
  DType type; /* of a mean of 16-bit floats, which is computed in f32; else DT_COUNT */
  IxVal l, m; /* the factors of a product, or l alone */
} Reduction;

/* The sum of a product: a contraction if both factors are tensors of one float type. */
static IxVal reduce_product(Elab *e, Index *x, const Ast *body, Reduction *r) {
  r->l = ix_eval(e, x, body->kid[0]);
  r->m = ix_eval(e, x, body->kid[1]);
  if (v_bad(r->l.v) || v_bad(r->m.v)) return ix_none();
  bool floats = is_float_tensor(e, &r->l) && is_float_tensor(e, &r->m);
  bool differ = floats && el_type(e, r->l.v.id)->dtype != el_type(e, r->m.v.id)->dtype;
  if (r->mean && !differ) {
    r->l = mean_operand(e, r->l, &r->type);
    r->m = mean_operand(e, r->m, &r->type);
  }
  if (floats && !differ) return contraction(e, x, body, r->l, r->m, r->n, r->label);
  IxVal v[2] = {r->l, r->m}, both = {0};
  if (!align(e, x, body, v, 2, &both, false)) return ix_none();
  both.v = el_binary(e, AST_MUL, v[0].v, v[1].v, body, body->kid[0], body->kid[1]);
  r->l = both;
  r->m = (IxVal){.v = v_none()};
  return ix_reduce(e, both, "sum", r->n, r->label);
}

/* Accounts for indices that the operands lack, along which they are constant, and divides a mean by its count. */
static Value scale_reduction(Elab *e, const Index *x, const Ast *a, const Reduction *r, Value v) {
  Dim times = 1, count = 1;
  for (int i = 0; i < r->n; i++) {
    Dim extent = x->var[r->label[i]].extent;
    count = dim_mul(e->m, count, extent);
    if (!ix_has(&r->l, r->label[i]) && !ix_has(&r->m, r->label[i])) times = dim_mul(e->m, times, extent);
  }
  if (times != 1) v = el_binary(e, AST_MUL, v, v_dim(e, times), a, a, a);
  if (r->mean && !v_bad(v)) {
    double f;
    Value by = v_dim(e, count);
    v = el_binary(e, AST_DIV, v.kind == V_INT && v_number(v, &f) ? v_float(f) : v, by, a, a, a);
  }
  return r->type != DT_COUNT && v.kind == V_TENSOR ? v_tensor(e, b_cast(&e->cur.b, v.id, r->type)) : v;
}

static IxVal reduce(Elab *e, Index *x, const Ast *a) {
  int label[IX_MAX], n = a->n - 1, active = x->nactive;
  bool sum = !strcmp(a->text, "sum"), mean = !strcmp(a->text, "mean");
  Reduction r = {.label = label, .n = n, .mean = mean, .type = DT_COUNT, .l.v = v_none(), .m.v = v_none()};
  const Ast *body = a->kid[0];
  IxVal v;
  ix_enter(x, a);
  for (int i = 0; i < n; i++) label[i] = ix_find(x, a->kid[i + 1]->text);
  if ((sum || mean) && body->kind == AST_BINARY && body->op == AST_MUL) {
    v = reduce_product(e, x, body, &r);
  } else {
    r.l = ix_eval(e, x, body);
    if (mean) r.l = mean_operand(e, r.l, &r.type);
    v = ix_reduce(e, r.l, mean ? "sum" : a->text, n, label);
  }
  x->nactive = active;
  if (!v_bad(v.v) && (sum || mean)) v.v = scale_reduction(e, x, a, &r, v.v);
  return v;
}

IxVal ix_eval(Elab *e, Index *x, const Ast *a) {
  if (e->fatal) return ix_none();
  if (e->nesting >= EL_MAX_NESTING) {
    el_fatal(e, E_CALL_DEPTH, a->caret, a->caret_len, "calls and expressions nest too deeply");
    return ix_none();
  }
  IxVal r = {0};
  Builder outer = e->cur.b;
  e->nesting++;
  e->cur.b.loc = a->caret;
  int i;
  if (!ix_mentions(x, a)) {
    r.v = el_expr(e, a);
    if (r.v.kind == V_TENSOR && el_type(e, r.v.id)->rank)
      r.v = el_fail(e, E_INDEX_NOTATION, a, "%s without indices in index notation", v_text(e, r.v));
  } else if (a->kind == AST_NAME && (i = ix_find(x, a->text)) >= 0) {
    r = (IxVal){.v = v_tensor(e, b_iota(&e->cur.b, DT_I32, 1, &x->var[i].extent, 0)), .n = 1, .label = {i}};
  } else if (a->kind == AST_INDEX) {
    r = ix_read(e, x, a);
  } else if (a->kind == AST_UNARY) {
    r = unary(e, x, a);
  } else if (a->kind == AST_BINARY) {
    r = binary(e, x, a);
  } else if (a->kind == AST_CALL) {
    r = call(e, x, a, NULL);
  } else if (a->kind == AST_PIPE) {
    r = call(e, x, a->kid[1], a->kid[0]);
  } else if (a->kind == AST_REDUCE) {
    r = reduce(e, x, a);
  } else {
    r.v = el_fail(e, E_INDEX_NOTATION, a, "%s is not allowed in index notation", ast_kind_name(a->kind));
  }
  e->cur.b = outer;
  e->nesting--;
  return r;
}
