/* Views and other data movement: the elements of the inputs, elsewhere. Shape rules and gradients; evaluation is in
 * interp_view.c. slice and pad are each other's gradients, so are reverse and reverse, unfold and fold. */
#include "grad.h"
#include "rule.h"
#include "view.h"
#include <string.h>

/* ---- shapes ---- */

TypeId shape_reshape(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *to = call_attr(g, k, 0);
  if (!x || !rule_shape(g, k, 0)) return 0;
  TypeId type = type_make(g->m, (DType)x->dtype, to->n, to->v);
  Dim from = type_count(g->m, node_get(g, k->in[0])->type), count = type_count(g->m, type);
  if (from == count) return type;
  return shape_fail(g, k, RULE_COUNT, "reshape: %s has %s elements, %s has %s",
                    type_text(g->m, node_get(g, k->in[0])->type), dim_text(g->m, from), type_text(g->m, type),
                    dim_text(g->m, count));
}

TypeId shape_transpose(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *perm = call_attr(g, k, 0);
  Dim dim[MAX_RANK];
  bool seen[MAX_RANK];
  if (!x || !rule_length(g, k, 0, x->rank) || !rule_axes(g, k, perm, x->rank, seen)) return 0;
  for (int i = 0; i < x->rank; i++) dim[i] = x->dim[perm->v[i]];
  return type_make(g->m, (DType)x->dtype, x->rank, dim);
}

TypeId shape_broadcast(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *to = call_attr(g, k, 0);
  if (!x || !rule_shape(g, k, 0)) return 0;
  if (to->n < x->rank)
    return shape_fail(g, k, RULE_BROADCAST, "broadcast: rank %d cannot become %d", x->rank, to->n);
  for (int i = 0; i < x->rank; i++) {
    Dim from = x->dim[i], want = to->v[to->n - x->rank + i];
    if (from != 1 && from != want)
      return shape_fail(g, k, RULE_BROADCAST, "broadcast: %s does not broadcast to %s at axis %d",
                        dim_text(g->m, from), dim_text(g->m, want), to->n - x->rank + i);
  }
  return type_make(g->m, (DType)x->dtype, to->n, to->v);
}

/* Elements start, start + step, … below stop of each axis. */
TypeId shape_slice(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *start = call_attr(g, k, 0), *stop = call_attr(g, k, 1), *step = call_attr(g, k, 2);
  Dim dim[MAX_RANK];
  if (!x || !rule_length(g, k, 0, x->rank) || !rule_length(g, k, 1, x->rank) || !rule_length(g, k, 2, x->rank))
    return 0;
  for (int i = 0; i < x->rank; i++) {
    if (!rule_le(g->m, 0, start->v[i]) || !rule_le(g->m, start->v[i], stop->v[i]) ||
        !rule_le(g->m, stop->v[i], x->dim[i]))
      return shape_fail(g, k, RULE_RANGE, "slice: %s:%s does not lie within 0:%s (axis %d)",
                        dim_text(g->m, start->v[i]), dim_text(g->m, stop->v[i]), dim_text(g->m, x->dim[i]), i);
    if (step->v[i] < 1) return shape_fail(g, k, RULE_RANGE, "slice: the step of axis %d must be at least 1", i);
    if (!dim_ceildiv(g->m, dim_sub(g->m, stop->v[i], start->v[i]), step->v[i], &dim[i]))
      return shape_fail(g, k, RULE_EXACT, "slice: the step %lld of axis %d does not divide %s exactly",
                        (long long)step->v[i], i, dim_text(g->m, dim_sub(g->m, stop->v[i], start->v[i])));
  }
  return type_make(g->m, (DType)x->dtype, x->rank, dim);
}

/* x at start + i * step of a tensor of the given shape that is `value` elsewhere. */
TypeId shape_pad(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  const AttrVal *shape = call_attr(g, k, 0), *start = call_attr(g, k, 1), *step = call_attr(g, k, 2);
  if (!x || !rule_length(g, k, 0, x->rank) || !rule_length(g, k, 1, x->rank) || !rule_length(g, k, 2, x->rank) ||
      !rule_shape(g, k, 0))
    return 0;
  for (int i = 0; i < x->rank; i++) {
    if (step->v[i] < 1) return shape_fail(g, k, RULE_RANGE, "pad: the step of axis %d must be at least 1", i);
    Dim past = dim_mul(g->m, dim_sub(g->m, x->dim[i], 1), step->v[i]); /* position of the last element from start */
    Dim end = dim_add(g->m, start->v[i], x->dim[i] == 0 ? 0 : dim_add(g->m, past, 1));
    if (!rule_le(g->m, 0, start->v[i]) || !rule_le(g->m, end, shape->v[i]))
      return shape_fail(g, k, RULE_RANGE, "pad: %s elements from %s, step %lld, do not fit into %s (axis %d)",
                        dim_text(g->m, x->dim[i]), dim_text(g->m, start->v[i]), (long long)step->v[i],
                        dim_text(g->m, shape->v[i]), i);
  }
  return type_make(g->m, (DType)x->dtype, x->rank, shape->v);
}

TypeId shape_reverse(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  bool seen[MAX_RANK];
  return x && rule_axes(g, k, call_attr(g, k, 0), x->rank, seen) ? node_get(g, k->in[0])->type : 0;
}

TypeId shape_concat(Graph *g, const OpCall *k) {
  int64_t axis = call_attr(g, k, 0)->i;
  if (!k->nin) return shape_fail(g, k, RULE_ATTR, "concat: needs at least one tensor");
  const Type *x = call_type(g, k, 0);
  Dim dim[MAX_RANK];
  if (!x || !rule_axis(g, k, axis, x->rank)) return 0;
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 1; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t) return 0;
    if (t->dtype != x->dtype)
      return shape_fail(g, k, RULE_DTYPE, "concat: element types differ (%s vs %s)", dtype_info[x->dtype].name,
                        dtype_info[t->dtype].name);
    bool same = t->rank == x->rank;
    for (int a = 0; same && a < x->rank; a++) same = a == axis || dim_equal(g->m, t->dim[a], x->dim[a]);
    if (!same)
      return shape_fail(g, k, RULE_BROADCAST, "concat: %s and %s differ in more than axis %lld",
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
  const AttrVal *axes = call_attr(g, k, 0), *size = call_attr(g, k, 1);
  const AttrVal *stride = call_attr(g, k, 2), *dilation = call_attr(g, k, 3);
  Dim dim[2 * MAX_RANK];
  bool seen[MAX_RANK];
  if (!x || !rule_axes(g, k, axes, x->rank, seen) || !rule_length(g, k, 1, axes->n) ||
      !rule_length(g, k, 2, axes->n) || !rule_length(g, k, 3, axes->n))
    return 0;
  if (x->rank + axes->n > MAX_RANK)
    return shape_fail(g, k, RULE_AXIS, "unfold: the result would have %d axes, more than %d", x->rank + axes->n,
                      MAX_RANK);
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 0; i < axes->n; i++) {
    int64_t s = size->v[i], d = dilation->v[i], extent;
    Dim *l = &dim[axes->v[i]];
    if (s < 1 || stride->v[i] < 1 || d < 1)
      return shape_fail(g, k, RULE_RANGE, "unfold: size, stride and dilation must be at least 1");
    bool fits = !__builtin_mul_overflow(d, s - 1, &extent) && extent < INT64_MAX;
    if (!fits || !rule_le(g->m, extent + 1, *l))
      return shape_fail(g, k, RULE_RANGE, "unfold: a window of %lld does not fit into %s (axis %lld)",
                        (long long)s, dim_text(g->m, *l), (long long)axes->v[i]);
    Dim steps = dim_sub(g->m, *l, extent + 1);
    if (!dim_floordiv(g->m, steps, stride->v[i], l))
      return shape_fail(g, k, RULE_EXACT, "unfold: the stride %lld does not divide %s exactly",
                        (long long)stride->v[i], dim_text(g->m, steps));
    *l = dim_add(g->m, *l, 1);
    dim[x->rank + i] = s;
  }
  return type_make(g->m, (DType)x->dtype, x->rank + axes->n, dim);
}

/* ---- index maps ---- */

static void map_axis(ViewMap *v, int i, Dim start, int axis, int64_t by) {
  v->axis[i] = (ViewAxis){.start = start, .n = 1, .axis = {axis}, .by = {by}, .div = 1};
}

static void map_pad(const Graph *g, Id n, ViewMap *v) {
  const Type *x = node_type(g, node_in(g, n, 0)), *y = node_type(g, n);
  const AttrVal *start = node_attr(g, n, 1), *step = node_attr(g, n, 2);
  v->around = node_attr(g, n, 3)->f;
  for (int i = 0; i < v->rank; i++) {
    if (start->v[i] == 0 && x->dim[i] == y->dim[i]) continue;
    v->axis[i].start = dim_sub(g->m, 0, start->v[i]);
    v->axis[i].div = step->v[i];
    v->axis[i].guarded = true;
  }
}

static void map_unfold(const Graph *g, Id n, ViewMap *v) {
  const AttrVal *axes = node_attr(g, n, 0), *stride = node_attr(g, n, 2), *dilation = node_attr(g, n, 3);
  for (int k = 0; k < axes->n; k++) {
    ViewAxis *a = &v->axis[axes->v[k]];
    a->by[0] = stride->v[k];
    a->axis[a->n] = v->rank + k;
    a->by[a->n++] = dilation->v[k];
  }
}

bool view_map(const Graph *g, Id n, ViewMap *v) {
  const Type *x = node_type(g, node_in(g, n, 0)), *y = node_type(g, n);
  const AttrVal *a = node_attr(g, n, 0);
  *v = (ViewMap){.rank = x->rank};
  for (int i = 0; i < v->rank; i++) map_axis(v, i, 0, i, 1);
  if (node_info(g, n)->cls != CL_VIEW) return true;
  switch (node_get(g, n)->op) {
  case OP_transpose:
    for (int i = 0; i < v->rank; i++) map_axis(v, (int)a->v[i], 0, i, 1);
    return true;
  case OP_broadcast:
    for (int i = 0; i < v->rank; i++) map_axis(v, i, 0, y->rank - v->rank + i, x->dim[i] != 1);
    return true;
  case OP_slice:
    for (int i = 0; i < v->rank; i++) map_axis(v, i, a->v[i], i, node_attr(g, n, 2)->v[i]);
    return true;
  case OP_reverse:
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
    if (a->start || a->n != 1 || a->by[0] != 1 || a->guarded || y->dim[a->axis[0]] != x->dim[i]) return false;
    to[i] = a->axis[0];
  }
  return x->rank == y->rank;
}

/* ---- gradients ---- */

void vjp_reshape(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->g, node_in(s->g, n, 0));
  grad_to(s, 0, b_reshape(s->g, dy, x->rank, x->dim));
}

void vjp_transpose(Grad *s, Id n, Id dy) {
  const AttrVal *perm = node_attr(s->g, n, 0);
  int64_t inverse[MAX_RANK];
  for (int i = 0; i < perm->n; i++) inverse[perm->v[i]] = i;
  grad_to(s, 0, b_transpose(s->g, dy, inverse));
}

void vjp_broadcast(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, dy); /* the driver sums it down */
}

void vjp_slice(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->g, node_in(s->g, n, 0));
  grad_to(s, 0, b_pad(s->g, dy, x->dim, node_attr(s->g, n, 0)->v, node_attr(s->g, n, 2)->v, 0));
}

/* The elements of a tensor of n's shape where n's pad put its input. */
static Id unpad(Graph *g, Id n, Id dy) {
  const Type *x = node_type(g, node_in(g, n, 0));
  const AttrVal *start = node_attr(g, n, 1), *step = node_attr(g, n, 2);
  Dim stop[MAX_RANK];
  for (int i = 0; i < x->rank; i++) {
    /* one past the last element; over a run-time size the next multiple, which the step divides */
    Dim span = dim_is_const(x->dim[i]) && x->dim[i] ? (x->dim[i] - 1) * step->v[i] + 1
                                                    : dim_mul(g->m, x->dim[i], step->v[i]);
    stop[i] = dim_add(g->m, start->v[i], span);
  }
  return b_slice(g, dy, start->v, stop, step->v);
}

void vjp_pad(Grad *s, Id n, Id dy) { grad_to(s, 0, unpad(s->g, n, dy)); }

/* The tangent of the constant around it is 0. */
Id jvp_pad(Grad *s, Id n, const Id *tangent) {
  if (!tangent[0]) return 0;
  return b_pad(s->g, tangent[0], node_attr(s->g, n, 0)->v, node_attr(s->g, n, 1)->v, node_attr(s->g, n, 2)->v, 0);
}

void vjp_reverse(Grad *s, Id n, Id dy) {
  const AttrVal *axes = node_attr(s->g, n, 0);
  grad_to(s, 0, b_reverse(s->g, dy, axes->n, axes->v));
}

void vjp_concat(Grad *s, Id n, Id dy) {
  Graph *g = s->g;
  int axis = (int)node_attr(g, n, 0)->i;
  const Type *y = node_type(g, n);
  Dim start[MAX_RANK] = {0}, stop[MAX_RANK];
  memcpy(stop, y->dim, y->rank * sizeof *stop);
  for (int i = 0, nin = (int)node_get(g, n)->nin; i < nin; i++) {
    stop[axis] = dim_add(g->m, start[axis], node_type(g, node_in(g, n, i))->dim[axis]);
    if (grad_wants(s, i)) grad_to(s, i, b_slice(g, dy, start, stop, NULL));
    start[axis] = stop[axis];
  }
}

Id jvp_concat(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->g;
  int nin = (int)node_get(g, n)->nin;
  Id *t = ctx_alloc(g->m->c, (size_t)nin * sizeof *t);
  bool any = false;
  for (int i = 0; i < nin; i++) {
    any |= tangent[i] != 0;
    t[i] = tangent[i] ? tangent[i] : b_full(g, node_get(g, node_in(g, n, i))->type, 0);
  }
  return any ? b_concat(g, t, nin, (int)node_attr(g, n, 0)->i) : 0;
}

void vjp_unfold(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->g, node_in(s->g, n, 0));
  AttrVal v[5] = {{.v = x->dim, .n = x->rank}};
  for (int i = 0; i < 4; i++) v[i + 1] = *node_attr(s->g, n, i);
  grad_to(s, 0, graph_node(s->g, OP_fold, &dy, 1, attr_make(s->g->m, OP_fold, v), s->g->loc));
}
