// SPDX-License-Identifier: Apache-2.0
/* Reductions, running sums, argsort. */
#include "export/export.h"
#include <math.h>

static const char *reduced(Export *x, Id n, const char *op, const char *v) {
  const AttrVal *axes = node_attr(x->at->g, n, ATTR(sum, axes));
  const char *list = export_const_ints(x, axes->v, axes->n);
  export_int(x, "keepdims", node_attr(x->at->g, n, ATTR(sum, keep))->i);
  if (!axes->n) export_int(x, "noop_with_empty_axes", 1);
  return NODE(x, op, v, list);
}

static void reduce(Export *x, Id n, const char *op) {
  int type = export_computed(export_in_type(x, 0)->dtype);
  export_give(x, reduced(x, n, op, export_in_as(x, 0, type)), type);
}

/* Halves of 32 bits are added apart, since onnxruntime adds INT64 in double. */
void write_sum(Export *x, Id n) {
  if (export_in_type(x, 0)->dtype != DT_I64) {
    reduce(x, n, "ReduceSum");
    return;
  }
  const char *v = export_in(x, 0), *unit = export_number(x, ONNX_INT64, 4294967296.0), *low = NODE(x, "Mod", v, unit);
  const char *high = NODE(x, "Div", NODE(x, "Sub", v, low), unit);
  high = NODE(x, "Mul", reduced(x, n, "ReduceSum", high), unit);
  x->at->value[n] = NODE(x, "Add", high, reduced(x, n, "ReduceSum", low));
}
void write_reduce_min(Export *x, Id n) { reduce(x, n, "ReduceMin"); }

static void maxpool(Export *x, Id n) {
  Id u = node_in(x->at->g, n, 0);
  export_ints(x, "kernel_shape", node_attr(x->at->g, u, ATTR(unfold, size))->v, node_type(x->at->g, n)->rank - 2);
  export_ints(x, "strides", node_attr(x->at->g, u, ATTR(unfold, stride))->v, node_type(x->at->g, n)->rank - 2);
  export_ints(x, "dilations", node_attr(x->at->g, u, ATTR(unfold, dilation))->v, node_type(x->at->g, n)->rank - 2);
  x->at->value[n] = NODE(x, "MaxPool", x->at->value[node_in(x->at->g, u, 0)]);
}

void write_reduce_max(Export *x, Id n) {
  if (x->at->form[n] == FORM_MAXPOOL) maxpool(x, n);
  else reduce(x, n, "ReduceMax");
}

/* Several axes become one: the others first, then these as a row. */
static const char *as_rows(Export *x, const char *v, const AttrVal *axes) {
  const Type *t = export_in_type(x, 0);
  int64_t perm[MAX_RANK];
  bool reduced[MAX_RANK] = {false};
  Dim dim[MAX_RANK + 1], row = 1;
  int k = 0;
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
  for (int pass = 0; pass < 2; pass++)
    for (int i = 0; i < t->rank; i++) {
      if (reduced[i] != (pass == 1)) continue;
      if (pass) row = dim_mul(x->m, row, t->dim[i]);
      else dim[k] = t->dim[i];
      perm[k++] = i;
    }
  k = t->rank - axes->n;
  dim[k] = row;
  return export_reshape(x, export_transpose(x, v, perm, t->rank), dim, k + 1);
}

static void arg(Export *x, Id n, const char *op) {
  const AttrVal *axes = node_attr(x->at->g, n, ATTR(sum, axes));
  const Type *t = export_out_type(x);
  bool one = axes->n == 1;
  const char *v = export_in_as(x, 0, export_computed(export_in_type(x, 0)->dtype));
  if (!one) v = as_rows(x, v, axes);
  export_int(x, "axis", one ? axes->v[0] : -1);
  export_int(x, "keepdims", one && node_attr(x->at->g, n, ATTR(sum, keep))->i);
  v = NODE(x, op, v);
  if (!one) v = export_reshape(x, v, t->dim, t->rank);
  export_give(x, v, ONNX_INT64);
}

void write_argmax(Export *x, Id n) { arg(x, n, "ArgMax"); }
void write_argmin(Export *x, Id n) { arg(x, n, "ArgMin"); }

void write_cumsum(Export *x, Id n) {
  int type = export_computed(export_in_type(x, 0)->dtype);
  const char *v = export_in_as(x, 0, type);
  if (node_attr(x->at->g, n, ATTR(cumsum, reverse))->i) export_int(x, "reverse", 1);
  v = NODE(x, "CumSum", v, export_number(x, ONNX_INT64, (double)node_attr(x->at->g, n, ATTR(cumsum, axis))->i));
  export_give(x, v, type);
}

/* The places of the first elements, by TopK, which takes equal ones in their order. */
static const char *places(Export *x, const char *v, Dim count, int64_t axis, bool descending) {
  const char **out = ctx_array(x->c, 2, sizeof *out), *in[2] = {v, export_dims(x, &count, 1)};
  export_int(x, "axis", axis);
  export_int(x, "largest", descending);
  export_node_of(x, "TopK", 2, in, 2, out);
  return out[1];
}

static const char *taken(Export *x, const char *v, const char *at, int64_t axis) {
  export_int(x, "axis", axis);
  return NODE(x, "GatherElements", v, at);
}

/* TopK need not know NaN: it counts as infinite first, and then comes after those that are. */
void write_argsort(Export *x, Id n) {
  const Graph *g = x->at->g;
  const Type *t = export_in_type(x, 0);
  int type = export_computed(t->dtype);
  int64_t axis = node_attr(g, n, ATTR(argsort, axis))->i;
  bool descending = node_attr(g, n, ATTR(argsort, descending))->i != 0;
  Dim count = export_out_type(x)->dim[axis];
  const char *v = export_in_as(x, 0, type), *at;
  if (!dtype_is_float(t->dtype)) {
    at = places(x, v, count, axis, descending);
  } else {
    const char *nan = NODE(x, "IsNaN", v);
    const char *order =
      places(x, NODE(x, "Where", nan, export_number(x, type, INFINITY), v), t->dim[axis], axis, descending);
    const char *last = taken(x, export_cast(x, nan, ONNX_BOOL, ONNX_FLOAT), order, axis);
    at = taken(x, order, places(x, last, count, axis, descending), axis);
  }
  export_give(x, at, ONNX_INT64);
}
