/* SPDX-License-Identifier: Apache-2.0 */
/* Index notation: reading a tensor with indices. Sums of indices become windows (unfold), strides and offsets become
 * slices, an int tensor as index becomes a gather, a repeated index a diagonal. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_graph.h"
#include "frontend/elab/elab_index.h"
#include "frontend/elab/elab_state.h"
#include <string.h>

typedef struct Read {
  Id x;
  int n;
  IxLinear f[MAX_RANK]; /* per axis; gathered axes: no terms yet */
  IxVal gather[MAX_RANK];
  const Ast *at[MAX_RANK];
  int label[MAX_RANK]; /* per axis once it is read; -1 before */
} Read;

static IxVal index_error(Elab *e, const Ast *a, const char *what) {
  return (IxVal){.v = el_fail(e, E_INDEX_NOTATION, a, "%s", what)};
}

static void slice_axis(Elab *e, Read *r, int axis, Dim start, Dim stop, int64_t step) {
  const Type *t = el_type(e, r->x);
  Dim lo[MAX_RANK] = {0}, hi[MAX_RANK];
  int64_t by[MAX_RANK];
  if (start == 0 && stop == t->dim[axis] && step == 1) return;
  dims_copy(hi, t->dim, t->rank);
  for (int i = 0; i < t->rank; i++) by[i] = 1;
  lo[axis] = start;
  hi[axis] = stop;
  by[axis] = step;
  r->x = b_slice(&e->cur.b, r->x, lo, hi, by);
}

/* The widest index becomes the axis itself, the others windows on it. */
static bool read_axis(Elab *e, Index *x, Read *r, int axis) {
  IxLinear f = r->f[axis];
  bool reversed[IX_TERMS] = {0};
  Dim reach = f.offset, extent[IX_TERMS];
  if (f.n == 1 && f.coef[0] == 1 && f.offset == 0) {
    r->label[axis] = f.var[0];
    return true;
  }
  for (int i = 0; i < f.n; i++) {
    extent[i] = x->var[f.var[i]].extent;
    if (f.coef[i] == 0) return el_reject(e, E_INDEX_NOTATION, r->at[axis], "an index with factor 0");
    if (f.coef[i] > 0) continue;
    f.offset += f.coef[i] * (extent[i] - 1);
    f.coef[i] = -f.coef[i];
    reversed[i] = true;
  }
  reach = f.offset;
  int base = 0;
  for (int i = 0; i < f.n; i++) {
    reach += f.coef[i] * (extent[i] - 1);
    if (extent[i] > extent[base]) base = i;
  }
  slice_axis(e, r, axis, f.offset, reach + 1, f.n == 1 ? f.coef[0] : 1);
  r->label[axis] = f.var[base];
  for (int i = 0, left = f.n - 1; i < f.n && r->x; i++) {
    if (i == base) continue;
    if (r->n == MAX_RANK)
      return el_reject(e, E_INDEX_NOTATION, r->at[axis], "more than %d axes come together here", MAX_RANK);
    int64_t a = axis, size = extent[i], stride = --left ? 1 : f.coef[base], dilation = f.coef[i];
    r->x = b_unfold(&e->cur.b, r->x, 1, &a, &size, &stride, &dilation);
    r->label[r->n++] = f.var[i];
  }
  for (int i = 0; i < f.n && r->x; i++)
    for (int k = 0; k < r->n && reversed[i]; k++)
      if (r->label[k] == f.var[i] && (k == axis || k >= r->n - (f.n - 1)))
        r->x = b_reverse(&e->cur.b, r->x, 1, (int64_t[]){k});
  return r->x != 0;
}

/* x[i, i]: the two axes last and joined, then every (n + 1)th element. */
static bool diagonal(Elab *e, Read *r, int p, int q) {
  const Type *t = el_type(e, r->x);
  int64_t perm[MAX_RANK];
  int m = 0, label[MAX_RANK];
  Dim dim[MAX_RANK], n = t->dim[p];
  if (!dim_is_const(n))
    return el_reject(e, E_INDEX_NOTATION, r->at[0], "a diagonal needs a size known at compile time");
  for (int i = 0; i < r->n; i++)
    if (i != p && i != q) {
      label[m] = r->label[i];
      dim[m] = t->dim[i];
      perm[m++] = i;
    }
  label[m] = r->label[p];
  dim[m] = n * n;
  perm[m] = p;
  perm[m + 1] = q;
  r->x = b_reshape(&e->cur.b, b_transpose(&e->cur.b, r->x, perm), m + 1, dim);
  r->n = m + 1;
  memcpy(r->label, label, sizeof label);
  if (r->x) slice_axis(e, r, m, 0, n ? n * n : 0, n + 1);
  return r->x != 0;
}

static bool shares(const Read *r, int axis) {
  const IxVal *g = &r->gather[axis];
  for (int i = 0; i < r->n; i++) {
    if (i == axis) continue;
    for (int k = 0; k < r->f[i].n; k++)
      if (ix_has(g, r->f[i].var[k])) return true;
    for (int k = 0; r->gather[i].n && k < r->gather[i].n; k++)
      if (ix_has(g, r->gather[i].label[k])) return true;
  }
  return false;
}

/* The axis is replaced by the axes of its index tensor. */
static bool gather_axis(Elab *e, Read *r, int axis) {
  IxVal g = r->gather[axis];
  if (r->n - 1 + g.n > MAX_RANK)
    return el_reject(e, E_INDEX_NOTATION, r->at[axis], "more than %d axes come together here", MAX_RANK);
  el_set_index_range(e, g.v.id, dim_is_const(el_type(e, r->x)->dim[axis]) ? el_type(e, r->x)->dim[axis] : -1);
  r->x = b_gather(&e->cur.b, r->x, g.v.id, axis);
  Read old = *r;
  r->n = old.n - 1 + g.n;
  for (int i = axis + 1; i < old.n; i++) {
    int k = i - 1 + g.n;
    r->f[k] = old.f[i];
    r->gather[k] = old.gather[i];
    r->at[k] = old.at[i];
  }
  for (int i = 0; i < g.n; i++) {
    r->f[axis + i] = (IxLinear){.n = 1, .var = {g.label[i]}, .coef = {1}};
    r->gather[axis + i] = (IxVal){0};
    r->at[axis + i] = old.at[axis];
  }
  return r->x != 0;
}

/* x[b, t[b]]: an index tensor that shares indices with the other axes picks by comparing, not by gathering. */
static IxVal select_by_mask(Elab *e, Index *x, Read *r, int axis, const Ast *a);

static IxVal read_all(Elab *e, Index *x, Read *r, const Ast *a) {
  for (int i = 0; i < r->n; i++) {
    if (r->gather[i].v.kind != V_TENSOR) continue;
    if (shares(r, i)) return select_by_mask(e, x, r, i, a);
    if (!gather_axis(e, r, i)) return ix_none();
    i = -1; /* axes moved */
  }
  int axes = r->n;
  for (int i = 0; i < axes; i++)
    if (!read_axis(e, x, r, i)) return ix_none();
  for (int p = 0; p < r->n; p++)
    for (int q = p + 1; q < r->n; q++)
      if (r->label[p] == r->label[q]) {
        if (!diagonal(e, r, p, q)) return ix_none();
        p = -1;
        break;
      }
  IxVal v = {.v = v_tensor(e, r->x), .n = r->n};
  memcpy(v.label, r->label, sizeof v.label);
  return v;
}

static IxVal select_by_mask(Elab *e, Index *x, Read *r, int axis, const Ast *a) {
  if (x->nvar == IX_MAX) return index_error(e, a, "too many indices");
  Dim n = el_type(e, r->x)->dim[axis];
  int fresh = x->nvar++;
  x->var[fresh] = (IxVar){.name = "?", .extent = n, .known = true, .at = a};
  IxVal index = r->gather[axis];
  r->gather[axis] = (IxVal){0};
  r->f[axis] = (IxLinear){.n = 1, .var = {fresh}, .coef = {1}};
  IxVal all = read_all(e, x, r, a);
  if (v_bad(all.v)) return all;
  IxVal side[2] = {{.v = v_tensor(e, b_iota(&e->cur.b, DT_I32, 1, &n, 0)), .n = 1, .label = {fresh}}, index};
  side[1].v = v_tensor(e, b_within(&e->cur.b, index.v.id, n));
  int label[MAX_RANK], m = ix_union(ix_union(0, label, &all), label, &index);
  if (m < 0) return index_error(e, a, "more than 8 indices meet here");
  for (int i = 0; i < 2; i++) side[i] = ix_order(e, x, side[i], m, label, false);
  all = ix_order(e, x, all, m, label, false);
  Value same = el_binary(e, AST_EQ, side[0].v, side[1].v, a, a, a);
  if (v_bad(same)) return ix_none();
  all.v = v_tensor(e, b_where(&e->cur.b, same.id, all.v.id, b_like(&e->cur.b, all.v.id, 0)));
  return v_bad(all.v) ? all : ix_reduce(e, all, "sum", 1, &fresh);
}

/* Items that are no linear function of indices are index tensors. */
static bool read_item(Elab *e, Index *x, Read *r, const Ast *item, int axis) {
  bool fits;
  r->at[axis] = item;
  if (!ix_linear(e, x, item, &r->f[axis], &fits)) return false;
  Dim n = el_type(e, r->x)->dim[axis];
  if (fits && !r->f[axis].n) { /* a constant index */
    int64_t i = r->f[axis].offset;
    if (dim_is_const(n) && i < 0) i += n;
    if (i < 0 || (dim_is_const(n) && i >= n))
      return el_reject(e, E_INDEX_RANGE, item, "index %lld is out of range: the axis has size %s",
                       (long long)r->f[axis].offset, dim_text(e->m, n));
    r->f[axis].offset = i;
  }
  if (fits) return true;
  r->f[axis] = (IxLinear){0};
  IxVal g = ix_eval(e, x, item);
  if (v_bad(g.v)) return false;
  if (g.v.kind != V_TENSOR || dtype_is_float(el_type(e, g.v.id)->dtype) || el_type(e, g.v.id)->dtype == DT_BOOL) {
    Diag *d =
      el_error(e, E_INDEX_NOTATION, item, "an index is a sum of index names with integer factors, or an int tensor");
    diag_note(e->c, d, "this is %s", v_text(e, g.v));
    return false;
  }
  r->gather[axis] = g;
  return true;
}

/* Removes the axes with a constant index, which have no label. */
static IxVal drop_indexed_axes(Elab *e, Index *x, Read *r, const Ast *a) {
  const Type *t = el_type(e, r->x);
  Dim dim[MAX_RANK];
  Read s = {.x = r->x};
  for (int i = 0; i < r->n; i++) {
    bool indexed = !r->f[i].n && r->gather[i].v.kind != V_TENSOR;
    if (indexed) slice_axis(e, &s, i, r->f[i].offset, r->f[i].offset + 1, 1);
    if (!s.x) return ix_none();
    if (indexed) continue;
    dim[s.n] = t->dim[i];
    s.f[s.n] = r->f[i];
    s.gather[s.n] = r->gather[i];
    s.at[s.n++] = r->at[i];
  }
  if (s.n < r->n) s.x = b_reshape(&e->cur.b, s.x, s.n, dim);
  return s.x ? read_all(e, x, &s, a) : ix_none();
}

IxVal ix_read(Elab *e, Index *x, const Ast *a) {
  Value base = ix_base(e, x, a->kid[0]);
  if (v_bad(base)) return ix_none();
  Read r = {.x = el_local_node(e, base)};
  r.n = el_type(e, r.x)->rank;
  if (a->n - 1 != r.n) return index_error(e, a, "as many indices are needed as the tensor has axes");
  for (int i = 0; i < r.n; i++)
    if (!read_item(e, x, &r, a->kid[i + 1], i)) return ix_none();
  return drop_indexed_axes(e, x, &r, a);
}
