/* SPDX-License-Identifier: Apache-2.0 */
/* Derivatives: grad and jvp nodes, which autodiff expands, and hvp, jacobian and hessian built from them. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"

enum { MAX_ROWS = 4096 };

static bool reaches(const Graph *g, Ctx *c, Id from, Id to) {
  bool *seen = ctx_alloc(c, (size_t)g->n);
  seen[from] = true;
  for (Id n = from; n > to; n--)
    for (uint32_t i = 0; seen[n] && i < g->node[n].nin; i++) seen[node_in(g, n, (int)i)] = true;
  return seen[to];
}

static bool differentiable(Elab *e, Call *k, Id y, Id x) {
  for (int i = 0; i < 2; i++) {
    Id id = i ? x : y;
    if (dtype_is_float(el_type(e, id)->dtype)) continue;
    el_arg_fail(e, E_NOT_DIFFERENTIABLE, k, i, "%s is %s; only floats have derivatives",
                i ? "what it is differentiated by" : "this", el_type_text(e, el_type_id(e, id)));
    el_poison_name(e, el_arg_ast(k, i));
    return false;
  }
  if (x <= y && reaches(e->cur.b.g, e->c, y, x)) return true;
  Diag *d = el_error_at(e, E_NOT_DIFFERENTIABLE, k->arg[1].at ? k->arg[1].at : k->caret, k->arg[1].len,
                        "the expression was not computed from this tensor");
  diag_note(e->c, d, "e must be computed from this very tensor; a later binding of the same name is another one");
  return false;
}

static Value grad_one(Elab *e, Call *k, Id y, Value by) {
  Id x = el_tensor(e, by, DT_F32, el_arg_ast(k, 1));
  if (!x || !differentiable(e, k, y, x)) return v_error();
  return v_tensor(e, b_grad(&e->cur.b, y, x));
}

/* grad(e, x): of the sum of e; of a list of tensors the list of gradients */
static Value fn_grad(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0);
  Value by = k->arg[1].v;
  if (!y) return v_error();
  bool list = by.kind == V_LIST && by.list->n && by.list->v[0].kind == V_TENSOR;
  if (!list) return grad_one(e, k, y, by);
  Value v = v_list(e, by.list->n, NULL);
  for (int i = 0; i < by.list->n; i++)
    if (v_bad(v.list->v[i] = grad_one(e, k, y, by.list->v[i]))) return v_error();
  return v;
}

static Id tangent(Elab *e, Call *k, Id x, int arg) {
  Id t = el_want_tensor(e, k, arg);
  if (!t || el_same_type(e, el_type_id(e, t), el_type_id(e, x))) return t;
  Diag *d =
    el_error_at(e, E_SHAPE_MISMATCH, k->caret, k->caret_len, "the direction is %s, what is differentiated by is %s",
                el_type_text(e, el_type_id(e, t)), el_type_text(e, el_type_id(e, x)));
  el_label_call(e, d, k);
  return 0;
}

/* jvp(e, x, v): how e changes when x moves along v */
static Value fn_jvp(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  if (!x || !differentiable(e, k, y, x)) return v_error();
  Id t = tangent(e, k, x, 2);
  return v_tensor(e, t ? b_jvp(&e->cur.b, y, x, t) : 0);
}

/* hvp(e, x, v): forward over reverse */
static Value fn_hvp(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  if (!x || !differentiable(e, k, y, x)) return v_error();
  Id t = tangent(e, k, x, 2);
  return v_tensor(e, t ? b_jvp(&e->cur.b, b_grad(&e->cur.b, y, x), x, t) : 0);
}

/* d y[i] / d x for each element of y: shape of y, then that of x */
static Value rows(Elab *e, Call *k, Id y, Id x) {
  Type ty = *el_type(e, y), tx = *el_type(e, x);
  Dim n = type_count(e->m, el_type_id(e, y)), dim[MAX_RANK], one[MAX_RANK + 1] = {1};
  if (!dim_is_const(n) || n < 1 || n > MAX_ROWS)
    return el_arg_fail(e, E_TOO_MANY_ELEMENTS, k, 0, "a jacobian of %s rows; at most %d, known at compile time",
                       dim_text(e->m, n), MAX_ROWS);
  if (ty.rank + tx.rank > MAX_RANK)
    return el_arg_fail(e, E_SHAPE_MISMATCH, k, 0, "the result would have more than %d axes", MAX_RANK);
  if (tx.rank == MAX_RANK && ty.rank == 0) return v_tensor(e, b_grad(&e->cur.b, y, x));
  dims_copy(dim, ty.dim, ty.rank);
  dims_copy(dim + ty.rank, tx.dim, tx.rank);
  dims_copy(one + 1, tx.dim, tx.rank);
  Id flat = b_reshape(&e->cur.b, y, 1, &n), *row = ctx_alloc(e->c, (size_t)n * sizeof *row);
  for (Dim i = 0; i < n; i++) {
    Id element = b_slice(&e->cur.b, flat, &i, (Dim[]){i + 1}, NULL);
    row[i] = b_reshape(&e->cur.b, b_grad(&e->cur.b, element, x), tx.rank + 1, one);
    if (!row[i]) return v_error();
  }
  Id all = n == 1 ? row[0] : b_concat(&e->cur.b, row, (int)n, 0);
  return v_tensor(e, b_reshape(&e->cur.b, all, ty.rank + tx.rank, dim));
}

static Value fn_jacobian(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  if (!x || !differentiable(e, k, y, x)) return v_error();
  return rows(e, k, y, x);
}

static Value fn_hessian(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  if (!x || !differentiable(e, k, y, x)) return v_error();
  return rows(e, k, b_grad(&e->cur.b, y, x), x);
}

/* substitute(e, x, y): recomputes e with y in place of x, for finite differences of an expression */
static Value fn_substitute(Elab *e, Call *k) {
  Id y = el_want_tensor(e, k, 0), x = y ? el_want_tensor(e, k, 1) : 0;
  if (!x || !differentiable(e, k, y, x)) return v_error();
  Id to = tangent(e, k, x, 2);
  if (!to) return v_error();
  Id *map = ctx_alloc(e->c, ((size_t)y + 1) * sizeof *map);
  for (Id n = 1; n <= y; n++) {
    const Node d = e->cur.b.g->node[n];
    bool moved = false;
    Id *in = ctx_alloc(e->c, (d.nin + 1) * sizeof *in);
    for (int i = 0; i < (int)d.nin; i++) {
      Id old = node_in(e->cur.b.g, n, i);
      in[i] = map[old];
      moved |= map[old] != old;
    }
    Builder b = {e->cur.b.g, d.loc, e->cur.b.hints};
    map[n] = n == x ? to : !moved ? n : b_node(&b, (Op)d.op, in, (int)d.nin, d.attr);
    if (!map[n]) return v_error();
  }
  return v_tensor(e, map[y]);
}

const Intrinsic el_grad_intrinsics[] = {
  {"grad", "e x", fn_grad},
  {"jvp", "e x v", fn_jvp},
  {"hvp", "e x v", fn_hvp},
  {"jacobian", "e x", fn_jacobian},
  {"hessian", "e x", fn_hessian},
  {"substitute", "e x y", fn_substitute},
  {0},
};
