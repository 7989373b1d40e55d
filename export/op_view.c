// SPDX-License-Identifier: Apache-2.0
/* Views, concatenation and windows. */
#include "export/export.h"
#include <stdlib.h>
#include <string.h>

void write_reshape(Export *x, Id n) {
  const Type *t = export_out_type(x);
  x->at->value[n] = export_reshape(x, export_in(x, 0), t->dim, t->rank);
}

void write_transpose(Export *x, Id n) {
  const AttrVal *p = node_attr(x->at->g, n, ATTR(transpose, perm));
  x->at->value[n] = export_transpose(x, export_in(x, 0), p->v, p->n);
}

void write_broadcast(Export *x, Id n) {
  const Type *t = export_out_type(x);
  x->at->value[n] = export_expand(x, export_in(x, 0), t->dim, t->rank);
}

/* The axes of which not everything is taken. */
void write_slice(Export *x, Id n) {
  const Type *t = export_in_type(x, 0);
  const AttrVal *start = node_attr(x->at->g, n, ATTR(slice, start)), *stop = node_attr(x->at->g, n, ATTR(slice, stop));
  const AttrVal *step = node_attr(x->at->g, n, ATTR(slice, step));
  Dim from[MAX_RANK], to[MAX_RANK];
  int64_t axis[MAX_RANK], by[MAX_RANK];
  int k = 0;
  for (int i = 0; i < t->rank; i++) {
    if (start->v[i] == 0 && stop->v[i] == t->dim[i] && step->v[i] == 1) continue;
    from[k] = start->v[i], to[k] = stop->v[i], by[k] = step->v[i];
    axis[k++] = i;
  }
  if (!k) {
    x->at->value[n] = export_in(x, 0);
    return;
  }
  const char *a = export_dims(x, from, k), *b = export_dims(x, to, k);
  x->at->value[n] = NODE(x, "Slice", export_in(x, 0), a, b, export_const_ints(x, axis, k), export_const_ints(x, by, k));
}

void write_reverse(Export *x, Id n) {
  const AttrVal *axes = node_attr(x->at->g, n, ATTR(reverse, axes));
  int64_t last[MAX_RANK], end[MAX_RANK];
  for (int i = 0; i < axes->n; i++) last[i] = -1, end[i] = INT64_MIN;
  x->at->value[n] =
    NODE(x, "Slice", export_in(x, 0), export_const_ints(x, last, axes->n), export_const_ints(x, end, axes->n),
         export_const_ints(x, axes->v, axes->n), export_const_ints(x, last, axes->n));
}

static const char *padded(Export *x, const char *v, const Dim *before, const Dim *after, int rank, int type,
                          double value) {
  Dim pads[2 * MAX_RANK];
  memcpy(pads, before, (size_t)rank * sizeof *pads);
  memcpy(pads + rank, after, (size_t)rank * sizeof *pads);
  const char *p = export_dims(x, pads, 2 * rank);
  return NODE(x, "Pad", v, p, export_number(x, type, value));
}

/* Gaps between elements: [n] becomes [n, step] with `value` beside each, and that n * step. */
static const char *spread(Export *x, const char *v, Dim *dim, int rank, int axis, int64_t step, int type,
                          double value) {
  Dim wide[MAX_RANK + 1], zero[MAX_RANK + 1] = {0}, after[MAX_RANK + 1] = {0};
  memcpy(wide, dim, (size_t)(axis + 1) * sizeof *wide);
  wide[axis + 1] = 1;
  memcpy(wide + axis + 2, dim + axis + 1, (size_t)(rank - axis - 1) * sizeof *wide);
  after[axis + 1] = step - 1;
  v = padded(x, export_reshape(x, v, wide, rank + 1), zero, after, rank + 1, type, value);
  dim[axis] = dim_mul(x->m, dim[axis], step);
  return export_reshape(x, v, dim, rank);
}

/* Elements that `spread` appends beyond the last one are cut off by a negative pad. */
void write_pad(Export *x, Id n) {
  const Graph *g = x->at->g;
  const Type *from = export_in_type(x, 0), *to = export_out_type(x);
  const AttrVal *start = node_attr(g, n, ATTR(pad, start)), *step = node_attr(g, n, ATTR(pad, step));
  double value = node_attr(g, n, ATTR(pad, value))->f;
  int type = from->dtype == DT_BOOL ? ONNX_BOOL : export_computed(from->dtype);
  const char *v = export_in_as(x, 0, type);
  Dim dim[MAX_RANK], after[MAX_RANK];
  memcpy(dim, from->dim, from->rank * sizeof *dim);
  for (int i = 0; i < from->rank; i++)
    if (step->v[i] > 1) v = spread(x, v, dim, from->rank, i, step->v[i], type, value);
  for (int i = 0; i < from->rank; i++) after[i] = dim_sub(x->m, to->dim[i], dim_add(x->m, start->v[i], dim[i]));
  export_give(x, padded(x, v, start->v, after, from->rank, type, value), type);
}

void write_concat(Export *x, Id n) {
  int nin = (int)node_get(x->at->g, n)->nin;
  const char **in = ctx_array(x->c, nin, sizeof *in);
  for (int i = 0; i < nin; i++) in[i] = export_in(x, i);
  export_int(x, "axis", node_attr(x->at->g, n, ATTR(concat, axis))->i);
  x->at->value[n] = export_node(x, "Concat", nin, in);
}

/* INT64[count, size]: index of element k of window i. */
static const char *window_index(Export *x, Dim count, int64_t size, int64_t stride, int64_t dilation) {
  if (dim_is_const(count)) {
    int64_t *v = ctx_array(x->c, (int)(count * size), sizeof *v);
    for (int64_t i = 0; i < count * size; i++) v[i] = i / size * stride + i % size * dilation;
    return export_const_table(x, v, (int64_t[]){count, size}, 2);
  }
  int64_t *v = ctx_array(x->c, (int)size, sizeof *v);
  for (int64_t k = 0; k < size; k++) v[k] = k * dilation;
  const char *first = NODE(x, "Mul", export_range(x, count, ONNX_INT64), export_const_ints(x, &stride, 1));
  first = export_reshape(x, first, (Dim[]){count, 1}, 2);
  return NODE(x, "Add", first, export_const_ints(x, v, (int)size));
}

/* Gather along each axis makes [..., count, size, ...]; then the axes of windows move to the end. */
void write_unfold(Export *x, Id n) {
  const Graph *g = x->at->g;
  const Type *t = export_out_type(x);
  const AttrVal *axes = node_attr(g, n, ATTR(unfold, axes)), *size = node_attr(g, n, ATTR(unfold, size));
  const AttrVal *stride = node_attr(g, n, ATTR(unfold, stride)), *gap = node_attr(g, n, ATTR(unfold, dilation));
  int rank = export_in_type(x, 0)->rank, at[2 * MAX_RANK], k = rank;
  const char *v = export_in(x, 0);
  for (int i = 0; i < rank; i++) at[i] = i; /* at[p]: the result's axis that axis p is to be */
  for (int i = 0; i < axes->n; i++) {
    int p = 0;
    while (at[p] != axes->v[i]) p++;
    const char *index = window_index(x, t->dim[axes->v[i]], size->v[i], stride->v[i], gap->v[i]);
    export_int(x, "axis", p);
    v = NODE(x, "Gather", v, index);
    memmove(at + p + 2, at + p + 1, (size_t)(k - p - 1) * sizeof *at);
    at[p + 1] = rank + i;
    k++;
  }
  int64_t perm[2 * MAX_RANK];
  for (int p = 0; p < k; p++) perm[at[p]] = p;
  x->at->value[n] = export_transpose(x, v, perm, k);
}

/* Adds `v`, whose first axes are those of the indices (INT64, a last axis of 1), to zeros[length, ...]. */
static const char *scattered(Export *x, const char *v, const char *index, const Dim *dim, int rank, int type) {
  const char *zeros = export_expand(x, export_number(x, type, 0), dim, rank);
  export_text(x, "reduction", "add");
  return NODE(x, "ScatterND", zeros, index, v);
}

/* Window by window axis, the last one first: [rest with count at axis, ..., size] becomes [rest with length]. */
void write_fold(Export *x, Id n) {
  const Graph *g = x->at->g;
  const Type *from = export_in_type(x, 0), *to = export_out_type(x);
  const AttrVal *axes = node_attr(g, n, ATTR(fold, axes)), *size = node_attr(g, n, ATTR(fold, size));
  const AttrVal *stride = node_attr(g, n, ATTR(fold, stride)), *gap = node_attr(g, n, ATTR(fold, dilation));
  int rank = from->rank, type = export_computed(from->dtype);
  const char *v = export_in_as(x, 0, type);
  Dim dim[2 * MAX_RANK], now[2 * MAX_RANK];
  memcpy(dim, from->dim, (size_t)rank * sizeof *dim);
  for (int i = axes->n - 1; i >= 0; i--) {
    int axis = (int)axes->v[i], k = 2;
    int64_t perm[2 * MAX_RANK] = {axis, rank - 1}, back[2 * MAX_RANK];
    for (int a = 0; a < rank - 1; a++)
      if (a != axis) perm[k++] = a;
    const char *index = window_index(x, dim[axis], size->v[i], stride->v[i], gap->v[i]);
    index = export_reshape(x, index, (Dim[]){dim[axis], size->v[i], 1}, 3);
    v = export_transpose(x, v, perm, rank--);
    dim[axis] = to->dim[axis];
    now[0] = dim[axis];
    for (int a = 1; a < rank; a++) now[a] = dim[perm[a + 1]];
    v = scattered(x, v, index, now, rank, type);
    for (int a = 0; a < rank; a++) back[a] = a == axis ? 0 : a < axis ? a + 1 : a;
    v = export_transpose(x, v, back, rank);
  }
  export_give(x, v, type);
}

/* The indices within 0 .. length - 1, as gradc takes them. */
static const char *clamped(Export *x, int operand, Dim length) {
  int type = export_computed(export_in_type(x, operand)->dtype);
  const char *v = export_in_as(x, operand, type), *last;
  if (dim_is_const(length)) {
    last = export_number(x, type, (double)length - 1);
  } else {
    last = export_dim(x, dim_sub(x->m, length, 1));
    last = export_cast(x, NODE(x, "Reshape", last, export_const_ints(x, NULL, 0)), ONNX_INT64, type);
  }
  return NODE(x, "Clip", v, export_number(x, type, 0), last);
}

void write_gather(Export *x, Id n) {
  int64_t axis = node_attr(x->at->g, n, ATTR(gather, axis))->i;
  const char *index = clamped(x, 1, export_in_type(x, 0)->dim[axis]);
  export_int(x, "axis", axis);
  x->at->value[n] = NODE(x, "Gather", export_in(x, 0), index);
}

/* [outer, index, inner] becomes [index, outer, inner], is added to [length, outer, inner], and moves back. */
void write_scatter(Export *x, Id n) {
  const Type *to = export_out_type(x), *index = export_in_type(x, 0);
  int axis = (int)node_attr(x->at->g, n, ATTR(scatter_add, axis))->i, ni = index->rank, rank = to->rank - 1 + ni;
  int type = export_computed(to->dtype);
  int64_t perm[2 * MAX_RANK], back[MAX_RANK];
  Dim dim[MAX_RANK], places[MAX_RANK + 1];
  for (int i = 0; i < rank; i++) perm[i] = i < ni ? axis + i : i < ni + axis ? i - ni : i;
  const char *v = export_transpose(x, export_in_as(x, 1, type), perm, rank);
  memcpy(places, index->dim, (size_t)ni * sizeof *places);
  places[ni] = 1;
  const char *at = export_cast(x, clamped(x, 0, to->dim[axis]), export_computed(index->dtype), ONNX_INT64);
  at = export_reshape(x, at, places, ni + 1);
  for (int i = 0; i < to->rank; i++) {
    dim[i] = to->dim[i == 0 ? axis : i <= axis ? i - 1 : i];
    back[i] = i == axis ? 0 : i < axis ? i + 1 : i;
  }
  export_give(x, export_transpose(x, scattered(x, v, at, dim, to->rank, type), back, to->rank), type);
}
