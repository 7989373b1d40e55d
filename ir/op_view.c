/* SPDX-License-Identifier: Apache-2.0 */
/* Views and other data movement: the elements of the inputs, elsewhere. Shape rules and gradients; evaluation is in
 * interp_view.c. slice and pad are each other's gradients, so are reverse and reverse, unfold and fold. */
#include "grad.h"
#include "rule.h"
#include "view.h"
#include <string.h>

/* ---- shapes ---- */

TypeId shape_reshape(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *to = call_attr(g, k, ATTR(reshape, shape));
  if (!x || !rule_shape(g, k, ATTR(reshape, shape))) return 0;
  TypeId type = type_make(g->m, (DType)x->dtype, to->n, to->v);
  Dim from = type_count(g->m, node_get(g, k->in[0])->type), count = type_count(g->m, type);
  if (from == count) return type;
  return shape_fail(g, k, E_RESHAPE_COUNT, "reshape: %s has %s elements, %s has %s",
                    type_text(g->m, node_get(g, k->in[0])->type), dim_text(g->m, from), type_text(g->m, type),
                    dim_text(g->m, count));
}

TypeId shape_transpose(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *perm = call_attr(g, k, ATTR(transpose, perm));
  Dim dim[MAX_RANK];
  bool seen[MAX_RANK];
  if (!x || !rule_length(g, k, ATTR(transpose, perm), x->rank) || !rule_axes(g, k, perm, x->rank, seen)) return 0;
  for (int i = 0; i < x->rank; i++) dim[i] = x->dim[perm->v[i]];
  return type_make(g->m, (DType)x->dtype, x->rank, dim);
}

TypeId shape_broadcast(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *to = call_attr(g, k, ATTR(broadcast, shape));
  if (!x || !rule_shape(g, k, ATTR(broadcast, shape))) return 0;
  if (to->n < x->rank) return shape_fail(g, k, E_BROADCAST, "broadcast: rank %d cannot become %d", x->rank, to->n);
  for (int i = 0; i < x->rank; i++) {
    Dim from = x->dim[i], want = to->v[to->n - x->rank + i];
    if (from != 1 && from != want)
      return shape_fail(g, k, E_BROADCAST, "broadcast: %s does not broadcast to %s at axis %d", dim_text(g->m, from),
                        dim_text(g->m, want), to->n - x->rank + i);
  }
  return type_make(g->m, (DType)x->dtype, to->n, to->v);
}

/* Elements start, start + step, … below stop of each axis. */
TypeId shape_slice(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *start = call_attr(g, k, ATTR(slice, start)), *stop = call_attr(g, k, ATTR(slice, stop));
  const AttrVal *step = call_attr(g, k, ATTR(slice, step));
  Dim dim[MAX_RANK];
  if (!x || !rule_length(g, k, ATTR(slice, start), x->rank) || !rule_length(g, k, ATTR(slice, stop), x->rank) ||
      !rule_length(g, k, ATTR(slice, step), x->rank))
    return 0;
  for (int i = 0; i < x->rank; i++) {
    if (!rule_le(g->m, 0, start->v[i]) || !rule_le(g->m, start->v[i], stop->v[i]) ||
        !rule_le(g->m, stop->v[i], x->dim[i]))
      return shape_fail(g, k, E_INDEX_RANGE, "slice: %s:%s is not within 0:%s (axis %d)", dim_text(g->m, start->v[i]),
                        dim_text(g->m, stop->v[i]), dim_text(g->m, x->dim[i]), i);
    if (step->v[i] < 1) return shape_fail(g, k, E_INDEX_RANGE, "slice: the step of axis %d must be at least 1", i);
    if (!dim_ceildiv(g->m, dim_sub(g->m, stop->v[i], start->v[i]), step->v[i], &dim[i]))
      return shape_fail(g, k, E_INEXACT_DIVISION, "slice: the step %lld of axis %d does not divide %s exactly",
                        (long long)step->v[i], i, dim_text(g->m, dim_sub(g->m, stop->v[i], start->v[i])));
  }
  return type_make(g->m, (DType)x->dtype, x->rank, dim);
}

/* x at start + i * step of a tensor of the given shape that is `value` elsewhere. */
TypeId shape_pad(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *shape = call_attr(g, k, ATTR(pad, shape)), *start = call_attr(g, k, ATTR(pad, start));
  const AttrVal *step = call_attr(g, k, ATTR(pad, step));
  if (!x || !rule_length(g, k, ATTR(pad, shape), x->rank) || !rule_length(g, k, ATTR(pad, start), x->rank) ||
      !rule_length(g, k, ATTR(pad, step), x->rank) || !rule_shape(g, k, ATTR(pad, shape)))
    return 0;
  for (int i = 0; i < x->rank; i++) {
    if (step->v[i] < 1) return shape_fail(g, k, E_INDEX_RANGE, "pad: the step of axis %d must be at least 1", i);
    Dim past = dim_mul(g->m, dim_sub(g->m, x->dim[i], 1), step->v[i]); /* position of the last element from start */
    Dim end = dim_add(g->m, start->v[i], x->dim[i] == 0 ? 0 : dim_add(g->m, past, 1));
    if (!rule_le(g->m, 0, start->v[i]) || !rule_le(g->m, end, shape->v[i]))
      return shape_fail(g, k, E_INDEX_RANGE, "pad: %s elements from %s, step %lld, do not fit into %s (axis %d)",
                        dim_text(g->m, x->dim[i]), dim_text(g->m, start->v[i]), (long long)step->v[i],
                        dim_text(g->m, shape->v[i]), i);
  }
  return type_make(g->m, (DType)x->dtype, x->rank, shape->v);
}

TypeId shape_reverse(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  bool seen[MAX_RANK];
  return x && rule_axes(g, k, call_attr(g, k, ATTR(reverse, axes)), x->rank, seen) ? node_get(g, k->in[0])->type : 0;
}

TypeId shape_concat(Graph *g, const OpCall *k) {
  int64_t axis = call_attr(g, k, ATTR(concat, axis))->i;
  if (!k->nin) return shape_fail(g, k, E_IR_MALFORMED, "concat: needs at least one tensor");
  const Type *x = call_type(g, k, 0);
  Dim dim[MAX_RANK];
  if (!x || !rule_axis(g, k, axis, x->rank)) return 0;
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 1; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t) return 0;
    if (t->dtype != x->dtype)
      return shape_fail(g, k, E_DTYPE_MISMATCH, "concat: element types differ (%s vs %s)", dtype_info[x->dtype].name,
                        dtype_info[t->dtype].name);
    bool same = t->rank == x->rank;
    for (int a = 0; same && a < x->rank; a++) same = a == axis || dim_equal(g->m, t->dim[a], x->dim[a]);
    if (!same)
      return shape_fail(g, k, E_BROADCAST, "concat: %s and %s differ in more than axis %lld",
                        type_text(g->m, node_get(g, k->in[0])->type), type_text(g->m, node_get(g, k->in[i])->type),
                        (long long)axis);
    dim[axis] = dim_add(g->m, dim[axis], t->dim[axis]);
  }
  return type_make(g->m, (DType)x->dtype, x->rank, dim);
}

/* Windows of `size` elements, `dilation` apart, every `stride`: an axis of length L holds
 * floor((L - dilation (size - 1) - 1) / stride) + 1 of them. The window axes come last, in the order listed. */
TypeId shape_unfold(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *axes = call_attr(g, k, ATTR(unfold, axes)), *size = call_attr(g, k, ATTR(unfold, size));
  const AttrVal *stride = call_attr(g, k, ATTR(unfold, stride)), *dilation = call_attr(g, k, ATTR(unfold, dilation));
  Dim dim[2 * MAX_RANK];
  bool seen[MAX_RANK];
  if (!x || !rule_axes(g, k, axes, x->rank, seen) || !rule_length(g, k, ATTR(unfold, size), axes->n) ||
      !rule_length(g, k, ATTR(unfold, stride), axes->n) || !rule_length(g, k, ATTR(unfold, dilation), axes->n))
    return 0;
  if (x->rank + axes->n > MAX_RANK)
    return shape_fail(g, k, E_AXIS_RANGE, "unfold: the result would have %d axes, more than %d", x->rank + axes->n,
                      MAX_RANK);
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 0; i < axes->n; i++) {
    int64_t s = size->v[i], d = dilation->v[i], extent;
    Dim *l = &dim[axes->v[i]];
    if (s < 1 || stride->v[i] < 1 || d < 1)
      return shape_fail(g, k, E_INDEX_RANGE, "unfold: size, stride and dilation must be at least 1");
    bool fits = !__builtin_mul_overflow(d, s - 1, &extent) && extent < INT64_MAX;
    if (!fits || !rule_le(g->m, extent + 1, *l))
      return shape_fail(g, k, E_INDEX_RANGE, "unfold: a window of %lld does not fit into %s (axis %lld)", (long long)s,
                        dim_text(g->m, *l), (long long)axes->v[i]);
    Dim steps = dim_sub(g->m, *l, extent + 1);
    if (!dim_floordiv(g->m, steps, stride->v[i], l))
      return shape_fail(g, k, E_INEXACT_DIVISION, "unfold: the stride %lld does not divide %s exactly",
                        (long long)stride->v[i], dim_text(g->m, steps));
    *l = dim_add(g->m, *l, 1);
    dim[x->rank + i] = s;
  }
  return type_make(g->m, (DType)x->dtype, x->rank + axes->n, dim);
}

/* ---- index maps ---- */

static void map_axis(ViewMap *v, int i, Dim start, int axis, int64_t stride) {
  v->axis[i] = (ViewAxis){.start = start, .n = 1, .axis = {axis}, .stride = {stride}, .div = 1};
}

static void map_pad(const Graph *g, Id n, ViewMap *v) {
  const Type *x = node_type(g, node_in(g, n, 0)), *y = node_type(g, n);
  const AttrVal *start = node_attr(g, n, ATTR(pad, start)), *step = node_attr(g, n, ATTR(pad, step));
  v->pad_value = node_attr(g, n, ATTR(pad, value))->f;
  for (int i = 0; i < v->rank; i++) {
    if (start->v[i] == 0 && x->dim[i] == y->dim[i]) continue;
    v->axis[i].start = dim_sub(g->m, 0, start->v[i]);
    v->axis[i].div = step->v[i];
    v->axis[i].guarded = true;
  }
}

static void map_unfold(const Graph *g, Id n, ViewMap *v) {
  const AttrVal *axes = node_attr(g, n, ATTR(unfold, axes)), *stride = node_attr(g, n, ATTR(unfold, stride));
  const AttrVal *dilation = node_attr(g, n, ATTR(unfold, dilation));
  for (int k = 0; k < axes->n; k++) {
    ViewAxis *a = &v->axis[axes->v[k]];
    a->stride[0] = stride->v[k];
    a->axis[a->n] = v->rank + k;
    a->stride[a->n++] = dilation->v[k];
  }
}

bool view_map(const Graph *g, Id n, ViewMap *v) {
  const Type *x = node_type(g, node_in(g, n, 0)), *y = node_type(g, n);
  const AttrVal *a = attr_get(g->m, node_get(g, n)->attr)->v; /* of the op below */
  *v = (ViewMap){.rank = x->rank};
  for (int i = 0; i < v->rank; i++) map_axis(v, i, 0, i, 1);
  if (node_info(g, n)->cls != CL_VIEW) return true;
  switch (node_get(g, n)->op) {
  case OP_transpose:
    for (int i = 0; i < v->rank; i++) map_axis(v, (int)a[ATTR(transpose, perm)].v[i], 0, i, 1);
    return true;
  case OP_broadcast:
    for (int i = 0; i < v->rank; i++) map_axis(v, i, 0, y->rank - v->rank + i, x->dim[i] != 1);
    return true;
  case OP_slice:
    for (int i = 0; i < v->rank; i++) map_axis(v, i, a[ATTR(slice, start)].v[i], i, a[ATTR(slice, step)].v[i]);
    return true;
  case OP_reverse:
    a += ATTR(reverse, axes);
    for (int i = 0; i < a->n; i++) map_axis(v, (int)a->v[i], dim_sub(g->m, y->dim[a->v[i]], 1), (int)a->v[i], -1);
    return true;
  case OP_pad: return map_pad(g, n, v), true;
  case OP_unfold: return map_unfold(g, n, v), true;
  default: return false;
  }
}

bool view_has_gaps(const Graph *g, Id n) {
  ViewMap v;
  bool gaps = false;
  for (int i = 0; view_map(g, n, &v) && i < v.rank; i++) gaps |= v.axis[i].div != 1;
  return gaps;
}

bool view_overlaps(const Graph *g, Id n) {
  ViewMap v;
  bool windows = false;
  for (int i = 0; view_map(g, n, &v) && i < v.rank; i++) windows |= v.axis[i].n > 1;
  return windows;
}

bool view_permutes(const Graph *g, Id n, int *to) {
  ViewMap v;
  if (node_info(g, n)->cls != CL_VIEW || !view_map(g, n, &v)) return false;
  const Type *x = node_type(g, node_in(g, n, 0)), *y = node_type(g, n);
  for (int i = 0; i < v.rank; i++) {
    const ViewAxis *a = &v.axis[i];
    if (a->start || a->n != 1 || a->stride[0] != 1 || a->guarded || y->dim[a->axis[0]] != x->dim[i]) return false;
    to[i] = a->axis[0];
  }
  return x->rank == y->rank;
}

/* ---- gradients ---- */

void vjp_reshape(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  grad_to(s, 0, b_reshape(s->b, dy, x->rank, x->dim));
}

void vjp_transpose(Grad *s, Id n, Id dy) {
  const AttrVal *perm = node_attr(s->b->g, n, ATTR(transpose, perm));
  int64_t inverse[MAX_RANK];
  for (int i = 0; i < perm->n; i++) inverse[perm->v[i]] = i;
  grad_to(s, 0, b_transpose(s->b, dy, inverse));
}

void vjp_broadcast(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, dy); /* the driver reduces it to the operand's shape */
}

void vjp_slice(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  const AttrVal *start = node_attr(s->b->g, n, ATTR(slice, start)), *step = node_attr(s->b->g, n, ATTR(slice, step));
  grad_to(s, 0, b_pad(s->b, dy, x->dim, start->v, step->v, 0));
}

/* The elements of a tensor of n's shape where n's pad put its input. */
static Id unpad(const Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  const AttrVal *start = node_attr(s->b->g, n, ATTR(pad, start)), *step = node_attr(s->b->g, n, ATTR(pad, step));
  Dim stop[MAX_RANK];
  for (int i = 0; i < x->rank; i++) {
    /* one past the last element; over a run-time size the next multiple, which the step divides */
    Dim span = dim_is_const(x->dim[i]) && x->dim[i] ? (x->dim[i] - 1) * step->v[i] + 1
                                                    : dim_mul(s->b->g->m, x->dim[i], step->v[i]);
    stop[i] = dim_add(s->b->g->m, start->v[i], span);
  }
  return b_slice(s->b, dy, start->v, stop, step->v);
}

void vjp_pad(Grad *s, Id n, Id dy) { grad_to(s, 0, unpad(s, n, dy)); }

/* The tangent of the constant around it is 0. */
Id jvp_pad(Grad *s, Id n, const Id *tangent) {
  if (!tangent[0]) return 0;
  return b_pad(s->b, tangent[0], node_attr(s->b->g, n, ATTR(pad, shape))->v, node_attr(s->b->g, n, ATTR(pad, start))->v,
               node_attr(s->b->g, n, ATTR(pad, step))->v, 0);
}

void vjp_reverse(Grad *s, Id n, Id dy) {
  const AttrVal *axes = node_attr(s->b->g, n, ATTR(reverse, axes));
  grad_to(s, 0, b_reverse(s->b, dy, axes->n, axes->v));
}

void vjp_concat(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  int axis = (int)node_attr(g, n, ATTR(concat, axis))->i;
  const Type *y = node_type(g, n);
  Dim start[MAX_RANK] = {0}, stop[MAX_RANK];
  memcpy(stop, y->dim, y->rank * sizeof *stop);
  for (int i = 0, nin = (int)node_get(g, n)->nin; i < nin; i++) {
    stop[axis] = dim_add(g->m, start[axis], node_type(g, node_in(g, n, i))->dim[axis]);
    if (grad_wants(s, i)) grad_to(s, i, b_slice(s->b, dy, start, stop, NULL));
    start[axis] = stop[axis];
  }
}

Id jvp_concat(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->b->g;
  int nin = (int)node_get(g, n)->nin;
  Id *t = ctx_alloc(g->m->c, (size_t)nin * sizeof *t);
  bool any = false;
  for (int i = 0; i < nin; i++) {
    any |= tangent[i] != 0;
    t[i] = tangent[i] ? tangent[i] : b_full(s->b, node_get(g, node_in(g, n, i))->type, 0);
  }
  return any ? b_concat(s->b, t, nin, (int)node_attr(g, n, ATTR(concat, axis))->i) : 0;
}

void vjp_unfold(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  AttrVal v[] = {[ATTR(fold, shape)] = {.v = x->dim, .n = x->rank},
                 [ATTR(fold, axes)] = *node_attr(s->b->g, n, ATTR(unfold, axes)),
                 [ATTR(fold, size)] = *node_attr(s->b->g, n, ATTR(unfold, size)),
                 [ATTR(fold, stride)] = *node_attr(s->b->g, n, ATTR(unfold, stride)),
                 [ATTR(fold, dilation)] = *node_attr(s->b->g, n, ATTR(unfold, dilation))};
  grad_to(s, 0, b_node(s->b, OP_fold, &dy, 1, attr_make(s->b->g->m, OP_fold, v)));
}
