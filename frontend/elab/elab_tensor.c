/* SPDX-License-Identifier: Apache-2.0 */
/* Matmul and subscripts. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_state.h"
#include "ir/contract.h"
#include <string.h>

/* ---- contractions ---- */

Id el_contract(Elab *e, Id a, const char *la, Id b, const char *lb, const char *out, Loc loc) {
  char xa[MAX_RANK + 1], xb[MAX_RANK + 1];
  if (!a || !b) return 0;
  a = contract_operand(e->cur.b.g, a, strcpy(xa, la));
  b = contract_operand(e->cur.b.g, b, strcpy(xb, lb));
  Builder at = el_builder(e, loc);
  return b_contract(&at, a, b, ctx_strf(e->c, "%s,%s->%s", xa, xb, out));
}

static Id matmul_differ(Elab *e, const Ast *at, const Ast *left, const Ast *right, Id a, Id b, Dim ka, Dim kb) {
  Diag *d = el_error(e, E_MATMUL_DIMS, at, "matmul: inner dimensions differ (%s vs %s)", dim_text(e->m, ka),
                     dim_text(e->m, kb));
  el_label_operand(e, d, left, v_tensor(e, a));
  el_label_operand(e, d, right, v_tensor(e, b));
  const Type *t = el_type(e, b);
  if (t->rank == 2 && t->dim[1] == ka) {
    diag_help(e->c, d, "transpose it: write `'` after the right operand");
  } else {
    Dim dim[MAX_RANK];
    dims_copy(dim, t->dim, t->rank);
    dim[t->rank > 1 ? t->rank - 2 : 0] = ka;
    const char *fits = el_type_text(e, type_make(e->m, (DType)t->dtype, t->rank, dim));
    if (right && right->kind == AST_NAME) diag_help(e->c, d, "make `%s` %s", right->text, fits);
    else diag_help(e->c, d, "the last axis of the left is summed with the first of the right: %s would fit", fits);
  }
  return 0;
}

static Id matmul_refuse(Elab *e, int code, const Ast *at, const Ast *left, const Ast *right, Id a, Id b,
                        const char *what) {
  Diag *d = el_error(e, code, at, "matmul: %s", what);
  el_label_operand(e, d, left, v_tensor(e, a));
  el_label_operand(e, d, right, v_tensor(e, b));
  return 0;
}

/* Drops the axes marked so, all of size 1. */
static Id squeeze(Elab *e, Id x, const bool *drop) {
  const Type *t = el_type(e, x);
  Dim dim[MAX_RANK];
  int n = 0;
  for (int i = 0; i < t->rank; i++)
    if (!drop[i]) dim[n++] = t->dim[i];
  return n == t->rank ? x : b_reshape(&e->cur.b, x, n, dim);
}

/* a @ b: contracts the last axis of a with the second to last of b; the axes before them broadcast. */
Id el_matmul(Elab *e, Id a, Id b, const Ast *at, const Ast *left, const Ast *right) {
  Type ta = *el_type(e, a), tb = *el_type(e, b);
  if (!ta.rank || !tb.rank) return matmul_refuse(e, E_AXIS_RANGE, at, left, right, a, b, "both operands need an axis");
  if (ta.dtype != tb.dtype) return matmul_refuse(e, E_DTYPE_MISMATCH, at, left, right, a, b, "element types differ");
  if (!dtype_is_float(ta.dtype)) return matmul_refuse(e, E_DTYPE_MISMATCH, at, left, right, a, b, "it takes floats");
  int ba = ta.rank > 1 ? ta.rank - 2 : 0, bb = tb.rank > 1 ? tb.rank - 2 : 0, nb = ba > bb ? ba : bb;
  Dim ka = ta.dim[ta.rank - 1], kb = tb.dim[tb.rank > 1 ? tb.rank - 2 : 0];
  if (!dim_equal(e->m, ka, kb)) return matmul_differ(e, at, left, right, a, b, ka, kb);
  char la[MAX_RANK + 1] = "", lb[MAX_RANK + 1] = "", out[2 * MAX_RANK] = "";
  bool da[MAX_RANK] = {0}, db[MAX_RANK] = {0};
  int na = 0, nbl = 0, no = 0;
  for (int i = 0; i < nb; i++) {
    int ia = i - (nb - ba), ib = i - (nb - bb);
    char c = (char)('a' + i);
    bool ones_a = ia < 0 || (ib >= 0 && ta.dim[ia] == 1 && tb.dim[ib] != 1);
    bool ones_b = ib < 0 || (ia >= 0 && tb.dim[ib] == 1 && ta.dim[ia] != 1);
    if (!ones_a && !ones_b && !dim_equal(e->m, ta.dim[ia], tb.dim[ib]) && !dim_equal(e->m, ta.dim[ia], 1) &&
        !dim_equal(e->m, tb.dim[ib], 1))
      return matmul_refuse(e, E_BROADCAST, at, left, right, a, b, "the leading axes do not broadcast");
    if (ia >= 0 && ones_a) da[ia] = true;
    if (ib >= 0 && ones_b) db[ib] = true;
    if (!ones_a) la[na++] = c;
    if (!ones_b) lb[nbl++] = c;
    out[no++] = c;
  }
  if (ta.rank > 1) la[na++] = out[no++] = 'm';
  la[na++] = 'k';
  lb[nbl++] = 'k';
  if (tb.rank > 1) lb[nbl++] = out[no++] = 'n';
  la[na] = lb[nbl] = out[no] = 0;
  if (no > MAX_RANK)
    return matmul_refuse(e, E_SHAPE_MISMATCH, at, left, right, a, b, "the result has more than 8 axes");
  return el_contract(e, squeeze(e, a, da), la, squeeze(e, b, db), lb, out, at->caret);
}

/* ---- subscripts ---- */

typedef struct Subs { /* one per axis of the result of slicing */
  Dim start[MAX_RANK], stop[MAX_RANK];
  int64_t step[MAX_RANK];
  Id gather[MAX_RANK]; /* index tensor of that axis, 0 */
  const Ast *gather_at[MAX_RANK];
  bool drop[MAX_RANK];     /* a single index: the axis is removed */
  int fresh[MAX_RANK + 1]; /* new axes of extent 1 before that axis */
} Subs;

static bool out_of_range(Elab *e, const Ast *at, const Ast *base, Id x, int axis, const char *what, int64_t i) {
  Diag *d = el_error(e, E_INDEX_RANGE, at, "%s %lld is out of range: axis %d has size %s", what, (long long)i, axis,
                     dim_text(e->m, el_type(e, x)->dim[axis]));
  el_label_operand(e, d, base, v_tensor(e, x));
  return false;
}

/* A bound of a slice or an index on an axis of n: negative ones count from the end. */
static bool bound(Elab *e, const Ast *at, const Ast *base, Id x, int axis, Value v, bool index, Dim *r) {
  Dim n = el_type(e, x)->dim[axis];
  if (v.kind == V_SIZE) {
    *r = v.i;
    return true;
  }
  if (v.kind != V_INT) {
    el_fail(e, E_ARG_KIND, at, "an index is an int or an int tensor, not %s", v_kind(v));
    return false;
  }
  int64_t i = v.i;
  int64_t most = dim_is_const(n) ? n : dim_bound(e->m, n);
  if (i < -most || i > most - index) return out_of_range(e, at, base, x, axis, index ? "index" : "bound", i);
  *r = i >= 0 ? i : dim_sub(e->m, n, -i);
  return true;
}

static bool slice_step(Elab *e, const Ast *it, int64_t *step) {
  if (it->n < 3) return true;
  Value v = el_static(e, it->kid[2]);
  if (v_bad(v)) return false;
  if (v.kind != V_INT || v.i < 1) {
    Diag *d =
      el_error(e, E_INDEX_RANGE, it->kid[2], "the step of a slice is an int of at least 1, not %s", v_text(e, v));
    if (v.kind == V_INT && v.i < 0) diag_help(e->c, d, "`reverse(x, axes)` reverses axes");
    return false;
  }
  *step = v.i;
  return true;
}

static bool sub_slice(Elab *e, const Ast *base, Id x, const Ast *it, int axis, Subs *s) {
  s->start[axis] = 0;
  s->stop[axis] = el_type(e, x)->dim[axis];
  for (int side = 0; side < 2; side++) {
    if (!it->kid[side]) continue;
    Value v = el_static(e, it->kid[side]);
    if (v_bad(v) || !bound(e, it->kid[side], base, x, axis, v, false, side ? &s->stop[axis] : &s->start[axis]))
      return false;
  }
  if (!slice_step(e, it, &s->step[axis])) return false;
  Dim lo = s->start[axis], hi = s->stop[axis];
  if (dim_is_const(lo) && dim_is_const(hi) && lo > hi) {
    el_fail(e, E_INDEX_RANGE, it, "the slice begins at %lld, after its end %lld", (long long)lo, (long long)hi);
    return false;
  }
  return true;
}

static bool sub_item(Elab *e, const Ast *base, Id x, const Ast *it, int axis, Subs *s) {
  if (it->kind == AST_SLICE) return sub_slice(e, base, x, it, axis, s);
  Value v = el_expr(e, it);
  if (v_bad(v)) return false;
  if (v_tensorlike(v)) {
    Id index = el_tensor(e, v, DT_I32, it);
    if (!index) return false;
    DType t = (DType)el_type(e, index)->dtype;
    if (dtype_is_float(t) || t == DT_BOOL) {
      Diag *d = el_error(e, E_DTYPE_MISMATCH, it, "an index tensor holds ints, not %s", dtype_info[t].name);
      if (t == DT_BOOL) diag_help(e->c, d, "where(m, x, 0) keeps the shape; masked_select(x, m) gathers the elements");
      return false;
    }
    s->gather[axis] = index;
    s->gather_at[axis] = it;
    s->stop[axis] = el_type(e, x)->dim[axis];
    return true;
  }
  if (!bound(e, it, base, x, axis, v, true, &s->start[axis])) return false;
  s->stop[axis] = dim_add(e->m, s->start[axis], 1);
  s->drop[axis] = true;
  return true;
}

/* `none`, as in PyTorch `None`: a new axis. */
static bool is_new_axis(const Ast *a) {
  return a->kind == AST_NAME && (!strcmp(a->text, "none") || !strcmp(a->text, "None"));
}

static bool sub_items(Elab *e, const Ast *a, Id x, Subs *s) {
  int rank = el_type(e, x)->rank, dots = -1, axis = 0, given = 0;
  for (int i = 1; i < a->n; i++)
    if (a->kid[i]->kind == AST_DOTS) {
      if (dots >= 0) return el_reject(e, E_DUPLICATE_ELLIPSIS, a->kid[i], "`...` occurs twice");
      dots = i;
    } else {
      given += !is_new_axis(a->kid[i]);
    }
  if (given > rank) {
    Diag *d =
      el_error(e, E_AXIS_RANGE, a, "%d ind%s for a tensor of %s", given, given == 1 ? "ex" : "ices", el_axes(e, rank));
    el_label_operand(e, d, a->kid[0], v_tensor(e, x));
    diag_help(e->c, d, "there is one for each axis, from the first one on; `none` adds an axis");
    return false;
  }
  for (int i = 0; i < rank; i++) {
    s->stop[i] = el_type(e, x)->dim[i];
    s->step[i] = 1;
  }
  for (int i = 1; i < a->n; i++) {
    if (a->kid[i]->kind == AST_DOTS) {
      axis += rank - given;
      continue;
    }
    if (is_new_axis(a->kid[i])) {
      s->fresh[axis]++;
      continue;
    }
    if (!sub_item(e, a->kid[0], x, a->kid[i], axis, s)) return false;
    axis++;
  }
  return true;
}

/* Adds the axes of `none`. rank: of the tensor before its subscripts. */
static Value add_axes(Elab *e, const Ast *a, Id x, const Subs *s, int rank) {
  const Type *t = el_type(e, x);
  Dim dim[MAX_RANK];
  int n = t->rank, at = 0, from = 0;
  for (int i = 0; i <= rank; i++) n += s->fresh[i];
  if (n == t->rank) return v_tensor(e, x);
  if (n > MAX_RANK) return el_fail(e, E_AXIS_RANGE, a, "a tensor has at most %d axes, not %d", MAX_RANK, n);
  for (int i = 0; i <= rank; i++) {
    for (int k = 0; k < s->fresh[i]; k++) dim[at++] = 1;
    int kept = i == rank || s->drop[i] ? 0 : s->gather[i] ? el_type(e, s->gather[i])->rank : 1;
    for (int k = 0; k < kept; k++) dim[at++] = t->dim[from++];
  }
  return v_tensor(e, b_reshape(&e->cur.b, x, n, dim));
}

static Value subscript_tensor(Elab *e, const Ast *a, Id x) {
  Subs s = {0};
  int rank = el_type(e, x)->rank;
  if (!sub_items(e, a, x, &s)) return v_error();
  bool full = true;
  for (int i = 0; i < rank; i++) full &= s.start[i] == 0 && s.stop[i] == el_type(e, x)->dim[i] && s.step[i] == 1;
  if (!full) x = b_slice(&e->cur.b, x, s.start, s.stop, s.step);
  if (x) x = squeeze(e, x, s.drop);
  if (!x) return v_error();
  int axis = 0, gathers = 0;
  for (int i = 0; i < rank; i++) {
    if (s.drop[i]) continue;
    if (!s.gather[i]) {
      axis++;
      continue;
    }
    if (gathers++)
      return el_fail(e, E_INDEX_NOTATION, s.gather_at[i],
                     "two index tensors in one subscript; index notation says how they meet");
    el_set_index_range(e, s.gather[i], el_type(e, x)->dim[axis]);
    int r = el_type(e, s.gather[i])->rank;
    x = b_gather(&e->cur.b, x, s.gather[i], axis);
    if (!x) return v_error();
    axis += r;
  }
  return add_axes(e, a, x, &s, rank);
}

static Value subscript_list(Elab *e, const Ast *a, Value v) {
  if (a->n != 2) return el_fail(e, E_AXIS_RANGE, a, "a list has one index");
  const Ast *it = a->kid[1];
  int64_t n = v.list->n, lo = 0, hi = n, step = 1;
  if (it->kind == AST_SLICE) {
    for (int side = 0; side < 2; side++) {
      if (!it->kid[side]) continue;
      Value b = el_static(e, it->kid[side]);
      if (v_bad(b)) return b;
      if (b.kind != V_INT || b.i < -n || b.i > n)
        return el_fail(e, E_INDEX_RANGE, it->kid[side], "the list has %lld elements; its slices end between them",
                       (long long)n);
      *(side ? &hi : &lo) = b.i < 0 ? b.i + n : b.i;
    }
    if (!slice_step(e, it, &step)) return v_error();
    if (lo > hi) return el_fail(e, E_INDEX_RANGE, it, "the slice begins after its end");
    Value *kept = ctx_alloc(e->c, (size_t)(hi - lo + 1) * sizeof *kept);
    int m = 0;
    for (int64_t i = lo; i < hi; i += step) kept[m++] = v.list->v[i];
    return v_list(e, m, kept);
  }
  Value i = el_static(e, it);
  if (v_bad(i)) return i;
  if (i.kind != V_INT) return el_fail(e, E_ARG_KIND, it, "the index of a list is an int, not %s", v_kind(i));
  if (i.i < -n || i.i >= n)
    return el_fail(e, E_INDEX_RANGE, it, "index %lld is out of range: the list has %lld elements", (long long)i.i,
                   (long long)n);
  return v.list->v[i.i < 0 ? i.i + n : i.i];
}

Value el_subscript(Elab *e, const Ast *a) {
  Value v = el_expr(e, a->kid[0]);
  if (v_bad(v)) return v;
  if (v.kind == V_LIST) {
    bool plain = a->n == 2 && (a->kid[1]->kind == AST_SLICE || a->kid[1]->kind == AST_INT || !v_tensorlike(v) ||
                               (a->kid[1]->kind != AST_DOTS && v.list->n && v.list->v[0].kind != V_LIST));
    if (plain) return subscript_list(e, a, v);
  }
  if (!v_tensorlike(v)) {
    el_poison_name(e, a->kid[0]);
    return el_fail(e, E_OPERAND_KIND, a, "%s has no indices", v_text(e, v));
  }
  Id x = el_tensor(e, v, DT_COUNT, a->kid[0]);
  return x ? subscript_tensor(e, a, x) : v_error();
}
