/* SPDX-License-Identifier: Apache-2.0 */
/* fold (the adjoint of unfold), gather and scatter_add (each other's adjoints). */
#include "grad.h"
#include "interp.h"
#include "rule.h"
#include <string.h>

/* ---- shapes ---- */

/* Number of windows of unfold along listed axis i of length l; false where unfold would refuse. */
static bool windows(Module *m, const Attr *a, int i, Dim l, Dim *count) {
  int64_t size = a->v[ATTR(fold, size)].v[i], stride = a->v[ATTR(fold, stride)].v[i];
  int64_t d = a->v[ATTR(fold, dilation)].v[i], reach;
  if (size < 1 || stride < 1 || d < 1) return false;
  if (__builtin_mul_overflow(d, size - 1, &reach) || reach == INT64_MAX) return false;
  if (!rule_le(m, reach + 1, l) || !dim_floordiv(m, dim_sub(m, l, reach + 1), stride, count)) return false;
  *count = dim_add(m, *count, 1);
  return true;
}

TypeId shape_fold(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const Attr *a = attr_get(g->m, k->attr);
  const AttrVal *shape = call_attr(g, k, ATTR(fold, shape)), *axes = call_attr(g, k, ATTR(fold, axes));
  bool seen[MAX_RANK];
  if (!x || !rule_shape(g, k, ATTR(fold, shape)) || !rule_axes(g, k, axes, shape->n, seen)) return 0;
  for (int f = ATTR(fold, size); f <= ATTR(fold, dilation); f++)
    if (!rule_length(g, k, f, axes->n)) return 0;
  if (!dtype_is_float(x->dtype))
    return shape_fail(g, k, E_DTYPE_MISMATCH, "fold: needs floats, not %s", dtype_info[x->dtype].name);
  if (shape->n + axes->n != x->rank)
    return shape_fail(g, k, E_AXIS_RANGE, "fold: %d axes and %d of windows make %d, the operand has %d", shape->n,
                      axes->n, shape->n + axes->n, x->rank);
  Dim want[MAX_RANK];
  memcpy(want, shape->v, (size_t)shape->n * sizeof *want);
  for (int i = 0; i < axes->n; i++) {
    if (!windows(g->m, a, i, shape->v[axes->v[i]], &want[axes->v[i]]))
      return shape_fail(g, k, E_INDEX_RANGE, "fold: windows of %lld do not fit into %s (axis %lld)",
                        (long long)a->v[ATTR(fold, size)].v[i], dim_text(g->m, shape->v[axes->v[i]]),
                        (long long)axes->v[i]);
    want[shape->n + i] = a->v[ATTR(fold, size)].v[i];
  }
  for (int i = 0; i < x->rank; i++)
    if (x->dim[i] != want[i])
      return shape_fail(g, k, E_SHAPE_MISMATCH, "fold: axis %d of the operand is %s, the result's windows make %s", i,
                        dim_text(g->m, x->dim[i]), dim_text(g->m, want[i]));
  return type_make(g->m, (DType)x->dtype, shape->n, shape->v);
}

/* Whether `a` is 0 where `b` is: every product of sizes of a has the sizes of one of b, whose terms are positive. */
static bool ends_with(Module *m, Dim a, Dim b) {
  int na, nb;
  const DimTerm *ta = dim_terms(m, a, &na), *tb = dim_terms(m, b, &nb);
  for (int i = 0; i < nb; i++)
    if (tb[i].coef < 0) return false;
  for (int i = 0; i < na; i++) {
    bool found = false;
    for (int k = 0; k < nb && !found; k++) {
      found = true;
      for (int s = 0; s < m->nsize; s++) found &= !tb[k].exp[s] || ta[i].exp[s];
    }
    if (!found) return false;
  }
  return true;
}

/* An axis without elements has no element to read: it may be indexed where there is no index. */
static bool may_index(Module *m, Dim length, const Type *index) {
  Dim count = 1;
  for (int i = 0; i < index->rank; i++) count = dim_mul(m, count, index->dim[i]);
  return ends_with(m, count, length) || rule_le(m, 1, length);
}

/* x's dimensions with `axis` replaced by those of the index; the rank, or -1 after a report. */
static int gathered(Graph *g, const OpCall *k, int rank, const Dim *x, int64_t axis, const Type *index, Dim *dim) {
  const char *name = op_info[k->op].name;
  if (!rule_axis(g, k, axis, rank)) return -1;
  if (dtype_is_float(index->dtype) || index->dtype == DT_BOOL) {
    shape_fail(g, k, E_DTYPE_MISMATCH, "%s: an index must have an integer type, not %s", name,
               dtype_info[index->dtype].name);
    return -1;
  }
  if (rank - 1 + index->rank > MAX_RANK) {
    shape_fail(g, k, E_AXIS_RANGE, "%s: a tensor has at most %d axes, not %d", name, MAX_RANK, rank - 1 + index->rank);
    return -1;
  }
  if (!may_index(g->m, x[axis], index)) {
    shape_fail(g, k, E_INDEX_RANGE, "%s: axis %lld has no elements to index", name, (long long)axis);
    return -1;
  }
  memcpy(dim, x, (size_t)axis * sizeof *dim);
  if (index->rank) memcpy(dim + axis, index->dim, index->rank * sizeof *dim);
  memcpy(dim + axis + index->rank, x + axis + 1, (size_t)(rank - axis - 1) * sizeof *dim);
  return rank - 1 + index->rank;
}

TypeId shape_gather(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0), *index;
  Dim dim[MAX_RANK];
  if (!x || !(index = call_type(g, k, 1))) return 0;
  int rank = gathered(g, k, x->rank, x->dim, call_attr(g, k, ATTR(gather, axis))->i, index, dim);
  return rank < 0 ? 0 : type_make(g->m, (DType)x->dtype, rank, dim);
}

TypeId shape_scatter(Graph *g, const OpCall *k) {
  const Type *index = call_type(g, k, 0), *upd;
  const AttrVal *shape = call_attr(g, k, ATTR(scatter_add, shape));
  Dim dim[MAX_RANK];
  if (!index || !(upd = call_type(g, k, 1)) || !rule_shape(g, k, ATTR(scatter_add, shape))) return 0;
  int rank = gathered(g, k, shape->n, shape->v, call_attr(g, k, ATTR(scatter_add, axis))->i, index, dim);
  if (rank < 0) return 0;
  TypeId want = type_make(g->m, (DType)upd->dtype, rank, dim);
  if (!dtype_is_float(upd->dtype) || dtype_is_half(upd->dtype)) /* it accumulates in memory */
    return shape_fail(g, k, E_DTYPE_MISMATCH, "scatter_add: needs f32 or f64, not %s", dtype_info[upd->dtype].name);
  if (want != node_get(g, k->in[1])->type)
    return shape_fail(g, k, E_SHAPE_MISMATCH, "scatter_add: the values are %s, their places %s",
                      type_text(g->m, node_get(g, k->in[1])->type), type_text(g->m, want));
  return type_make(g->m, (DType)upd->dtype, shape->n, shape->v);
}

Id node_indices(const Graph *g, Id n, Dim *length) {
  bool gather = node_info(g, n)->cls == CL_GATHER;
  if (!gather && node_info(g, n)->cls != CL_SCATTER) return 0;
  const Type *indexed = gather ? node_type(g, node_in(g, n, 0)) : node_type(g, n);
  *length = indexed->dim[node_attr(g, n, gather ? ATTR(gather, axis) : ATTR(scatter_add, axis))->i];
  return node_in(g, n, gather);
}

/* ---- gradients ---- */

void vjp_fold(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  const AttrVal *axes = node_attr(g, n, ATTR(fold, axes));
  grad_to(s, 0,
          b_unfold(s->b, dy, axes->n, axes->v, node_attr(g, n, ATTR(fold, size))->v,
                   node_attr(g, n, ATTR(fold, stride))->v, node_attr(g, n, ATTR(fold, dilation))->v));
}

static Id scatter(const Grad *s, Id index, Id upd, const Type *shape, int64_t axis) {
  upd = b_cast(s->b, upd, dtype_computed(node_type(s->b->g, upd)->dtype));
  return b_scatter_add(s->b, index, upd, shape->rank, shape->dim, axis);
}

void vjp_gather(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  grad_to(s, 0,
          scatter(s, node_in(g, n, 1), dy, node_type(g, node_in(g, n, 0)), node_attr(g, n, ATTR(gather, axis))->i));
}

Id jvp_gather(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->b->g;
  return tangent[0] ? b_gather(s->b, tangent[0], node_in(g, n, 1), (int)node_attr(g, n, ATTR(gather, axis))->i) : 0;
}

void vjp_scatter(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  grad_to(s, 1, b_gather(s->b, dy, node_in(g, n, 0), (int)node_attr(g, n, ATTR(scatter_add, axis))->i));
}

Id jvp_scatter(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->b->g;
  return tangent[1]
           ? scatter(s, node_in(g, n, 0), tangent[1], node_type(g, n), node_attr(g, n, ATTR(scatter_add, axis))->i)
           : 0;
}

/* ---- evaluation ---- */

/* Each element of the result accumulates its terms in order of increasing row-major window index: the windows' elements
 * are added window index by window index. */
void eval_fold(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  Val *y = eval_out(e, n);
  const AttrVal *axes = node_attr(e->g, n, ATTR(fold, axes)), *size = node_attr(e->g, n, ATTR(fold, size));
  const AttrVal *stride = node_attr(e->g, n, ATTR(fold, stride)), *dilation = node_attr(e->g, n, ATTR(fold, dilation));
  int64_t sx[MAX_RANK], sy[MAX_RANK], step[MAX_RANK], nwin = 1, window[MAX_RANK] = {0};
  val_strides(x, sx);
  val_strides(y, sy);
  memcpy(step, sy, sizeof step);
  for (int i = 0; i < axes->n; i++) {
    step[axes->v[i]] *= stride->v[i];
    nwin *= size->v[i];
  }
  for (int64_t w = 0; w < nwin; w++) {
    int64_t bx = 0, by = 0, rest = w;
    for (int i = axes->n - 1; i >= 0; i--) window[i] = rest % size->v[i], rest /= size->v[i];
    for (int i = 0; i < axes->n; i++) {
      bx += window[i] * sx[y->rank + i];
      by += window[i] * dilation->v[i] * sy[axes->v[i]];
    }
    Walk k;
    walk_init(&k, y->rank, x->dim);
    walk_add(&k, bx, sx);
    walk_add(&k, by, step);
    for (bool more = walk_begin(&k); more; more = walk_next(&k))
      if (y->type == DT_F64)
        for (int64_t i = 0; i < k.len; i++)
          ((double *)y->data)[k.at[1] + i * k.step[1]] += ((double *)x->data)[k.at[0] + i * k.step[0]];
      else
        for (int64_t i = 0; i < k.len; i++)
          ((float *)y->data)[k.at[1] + i * k.step[1]] += ((float *)x->data)[k.at[0] + i * k.step[0]];
  }
}

/* A tensor indexed along `axis` as [outer, len, inner], the indexed one as [outer, index, inner]. */
typedef struct Indexed {
  int64_t outer, len, inner, n;
  const Val *index;
} Indexed;

static Indexed indexed(const Val *tensor, int axis, const Val *index) {
  Indexed x = {.outer = 1, .len = tensor->dim[axis], .inner = 1, .n = index->count, .index = index};
  for (int i = 0; i < axis; i++) x.outer *= tensor->dim[i];
  for (int i = axis + 1; i < tensor->rank; i++) x.inner *= tensor->dim[i];
  return x;
}

static int64_t clamped(const Indexed *x, int64_t i) {
  int64_t at = val_int(x->index, i);
  return at < 0 ? 0 : at >= x->len ? x->len - 1 : at;
}

void eval_gather(Eval *e, Id n) {
  const Val *v = eval_in(e, n, 0);
  Val *y = eval_out(e, n);
  Indexed x = indexed(v, (int)node_attr(e->g, n, ATTR(gather, axis))->i, eval_in(e, n, 1));
  size_t row = (size_t)(x.inner * dtype_info[v->type].bytes);
  if (!row) return;
  for (int64_t o = 0; o < x.outer; o++)
    for (int64_t i = 0; i < x.n; i++)
      memcpy((char *)y->data + (size_t)(o * x.n + i) * row,
             (const char *)v->data + (size_t)(o * x.len + clamped(&x, i)) * row, row);
}

/* Row-major over the values: adds in the order of the indices. */
void eval_scatter(Eval *e, Id n) {
  const Val *v = eval_in(e, n, 1);
  Val *y = eval_out(e, n);
  Indexed x = indexed(y, (int)node_attr(e->g, n, ATTR(scatter_add, axis))->i, eval_in(e, n, 0));
  for (int64_t o = 0; o < x.outer; o++)
    for (int64_t i = 0; i < x.n; i++) {
      int64_t to = (o * x.len + clamped(&x, i)) * x.inner, from = (o * x.n + i) * x.inner;
      if (y->type == DT_F64)
        for (int64_t j = 0; j < x.inner; j++) ((double *)y->data)[to + j] += ((const double *)v->data)[from + j];
      else
        for (int64_t j = 0; j < x.inner; j++) ((float *)y->data)[to + j] += ((const float *)v->data)[from + j];
    }
}
