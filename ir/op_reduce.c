/* Reductions and running sums: shape rules and gradients. Evaluation, with the strict order, is in interp_reduce.c. */
#include "grad.h"
#include "rule.h"
#include <string.h>

/* The shape without the axes, or with ones in their place. */
static TypeId reduced_type(Graph *g, const OpCall *k, int dtype) {
  const Type *x = call_type(g, k, 0);
  bool in_axes[MAX_RANK];
  Dim dim[MAX_RANK];
  int rank = 0;
  if (!x || !rule_axes(g, k, call_attr(g, k, 0), x->rank, in_axes)) return 0;
  if (x->dtype == DT_BOOL)
    return shape_fail(g, k, RULE_OPERAND, "%s: needs numbers, not bool", op_info[k->op].name);
  bool keep = call_attr(g, k, 1)->i != 0, picks = op_info[k->op].flags & (FROM_LOWEST | FROM_HIGHEST);
  for (int i = 0; i < x->rank && picks; i++)
    if (in_axes[i] && !rule_le(g->m, 1, x->dim[i])) /* a sum of nothing is 0 */
      return shape_fail(g, k, RULE_NEGATIVE, "%s: there is no element along axis %d", op_info[k->op].name, i);
  for (int i = 0; i < x->rank; i++)
    if (!in_axes[i] || keep) dim[rank++] = in_axes[i] ? 1 : x->dim[i];
  return type_make(g->m, (DType)(dtype < 0 ? x->dtype : dtype), rank, dim);
}

TypeId shape_reduce(Graph *g, const OpCall *k) { return reduced_type(g, k, -1); }

/* The row-major index within the reduced axes, as i32. */
TypeId shape_argmax(Graph *g, const OpCall *k) {
  TypeId t = reduced_type(g, k, DT_I32);
  if (!t) return 0;
  const Type *x = node_type(g, k->in[0]);
  const AttrVal *axes = call_attr(g, k, 0);
  Dim count = 1;
  for (int i = 0; i < axes->n; i++) count = dim_mul(g->m, count, x->dim[axes->v[i]]);
  if (dim_bound(g->m, count) > INT32_MAX)
    return shape_fail(g, k, RULE_OPERAND, "%s: %s elements have no i32 index", op_info[k->op].name,
                      dim_text(g->m, count));
  return t;
}

TypeId shape_cumsum(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  if (!x || !rule_axis(g, k, call_attr(g, k, 0)->i, x->rank)) return 0;
  if (x->dtype == DT_BOOL) return shape_fail(g, k, RULE_OPERAND, "cumsum: needs numbers, not bool");
  return node_get(g, k->in[0])->type;
}

/* ---- gradients ---- */

/* r, of the shape of the reduction n, with ones in place of the reduced axes: broadcasts against n's input. */
static Id with_ones(Graph *g, Id n, Id r) {
  const Type *x = node_type(g, node_in(g, n, 0));
  const AttrVal *axes = node_attr(g, n, 0);
  Dim dim[MAX_RANK];
  if (node_attr(g, n, 1)->i) return r;
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 0; i < axes->n; i++) dim[axes->v[i]] = 1;
  return b_reshape(g, r, x->rank, dim);
}

void vjp_sum(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->g, node_in(s->g, n, 0));
  grad_to(s, 0, b_broadcast(s->g, with_ones(s->g, n, dy), x->rank, x->dim));
}

/* For each element of n's input, its row-major index within the reduced axes, which count up in axis order. */
static Id reduced_index(Graph *g, Id n) {
  const Type *x = node_type(g, node_in(g, n, 0));
  const AttrVal *axes = node_attr(g, n, 0);
  bool in_axes[MAX_RANK] = {0};
  Dim stride = 1;
  Id at = 0;
  for (int i = 0; i < axes->n; i++) in_axes[axes->v[i]] = true;
  for (int a = x->rank - 1; a >= 0; a--) {
    if (!in_axes[a]) continue;
    Id i = b_iota(g, DT_I32, x->rank, x->dim, a);
    if (stride != 1) i = b_op2(g, OP_mul, i, b_size(g, DT_I32, stride));
    at = at ? b_op2(g, OP_add, at, i) : i;
    stride = dim_mul(g->m, stride, x->dim[a]);
  }
  return at ? at : b_const(g, DT_I32, 0); /* no axes: every element is alone */
}

/* Whether each element of n's input is the one that the maximum (minimum) was taken from: the first. */
static Id taken(Graph *g, Id n) {
  Op arg = node_get(g, n)->op == OP_reduce_max ? OP_argmax : OP_argmin;
  const AttrVal *axes = node_attr(g, n, 0);
  Id first = b_reduce(g, arg, node_in(g, n, 0), axes->n, axes->v, true);
  return b_op2(g, OP_eq, reduced_index(g, n), first);
}

void vjp_reduce_max(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->g, node_in(s->g, n, 0));
  Id wide = b_broadcast(s->g, with_ones(s->g, n, dy), x->rank, x->dim);
  grad_to(s, 0, b_op3(s->g, OP_where, taken(s->g, n), wide, b_like(s->g, dy, 0)));
}

Id jvp_reduce_max(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->g;
  if (!tangent[0]) return 0;
  const AttrVal *axes = node_attr(g, n, 0);
  Id kept = b_op3(g, OP_where, taken(g, n), tangent[0], b_like(g, tangent[0], 0));
  return b_sum(g, kept, axes->n, axes->v, node_attr(g, n, 1)->i != 0);
}

void vjp_cumsum(Grad *s, Id n, Id dy) {
  AttrVal v[2] = {*node_attr(s->g, n, 0), {.i = !node_attr(s->g, n, 1)->i}};
  grad_to(s, 0, graph_node(s->g, OP_cumsum, &dy, 1, attr_make(s->g->m, OP_cumsum, v), s->g->loc));
}
