/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, cumulative sums: shape rules and gradients. Evaluation, with the strict order, is in interp_reduce.c. */
#include "grad.h"
#include "rule.h"
#include <string.h>

/* The shape without the axes, or with ones in their place. */
static TypeId reduced_type(Graph *g, const OpCall *k, int dtype) {
  const Type *x = call_type(g, k, 0);
  bool in_axes[MAX_RANK];
  Dim dim[MAX_RANK];
  int rank = 0;
  if (!x || !rule_axes(g, k, call_attr(g, k, ATTR(sum, axes)), x->rank, in_axes)) return 0;
  if (x->dtype == DT_BOOL) return shape_fail(g, k, E_OPERAND_KIND, "%s: needs numbers, not bool", op_info[k->op].name);
  bool keep = call_attr(g, k, ATTR(sum, keep))->i != 0;
  bool picks = op_info[k->op].flags & (OPF_INIT_LOWEST | OPF_INIT_HIGHEST);
  for (int i = 0; i < x->rank && picks; i++)
    if (in_axes[i] && !rule_le(g->m, 1, x->dim[i])) /* a sum of nothing is 0 */
      return shape_fail(g, k, E_NEGATIVE_SIZE, "%s: there is no element along axis %d", op_info[k->op].name, i);
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
  const AttrVal *axes = call_attr(g, k, ATTR(sum, axes));
  Dim count = 1;
  for (int i = 0; i < axes->n; i++) count = dim_mul(g->m, count, x->dim[axes->v[i]]);
  if (dim_bound(g->m, count) > INT32_MAX)
    return shape_fail(g, k, E_OPERAND_KIND, "%s: %s elements have no i32 index", op_info[k->op].name,
                      dim_text(g->m, count));
  return t;
}

TypeId shape_cumsum(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  if (!x || !rule_axis(g, k, call_attr(g, k, ATTR(cumsum, axis))->i, x->rank)) return 0;
  if (x->dtype == DT_BOOL) return shape_fail(g, k, E_OPERAND_KIND, "cumsum: needs numbers, not bool");
  return node_get(g, k->in[0])->type;
}

/* ---- gradients ---- */

/* r, of the shape of the reduction n, with ones in place of the reduced axes: broadcasts against n's input. */
static Id with_ones(const Grad *s, Id n, Id r) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  const AttrVal *axes = node_attr(s->b->g, n, ATTR(sum, axes));
  Dim dim[MAX_RANK];
  if (node_attr(s->b->g, n, ATTR(sum, keep))->i) return r;
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  for (int i = 0; i < axes->n; i++) dim[axes->v[i]] = 1;
  return b_reshape(s->b, r, x->rank, dim);
}

void vjp_sum(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  grad_to(s, 0, b_broadcast(s->b, with_ones(s, n, dy), x->rank, x->dim));
}

/* For each element of n's input, its row-major index within the reduced axes, which count up in axis order. */
static Id reduced_index(const Grad *s, Id n) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  const AttrVal *axes = node_attr(s->b->g, n, ATTR(sum, axes));
  bool in_axes[MAX_RANK] = {0};
  Dim stride = 1;
  Id at = 0;
  for (int i = 0; i < axes->n; i++) in_axes[axes->v[i]] = true;
  for (int a = x->rank - 1; a >= 0; a--) {
    if (!in_axes[a]) continue;
    Id i = b_iota(s->b, DT_I32, x->rank, x->dim, a);
    if (stride != 1) i = b_op2(s->b, OP_mul, i, b_size(s->b, DT_I32, stride));
    at = at ? b_op2(s->b, OP_add, at, i) : i;
    stride = dim_mul(s->b->g->m, stride, x->dim[a]);
  }
  return at ? at : b_const(s->b, DT_I32, 0); /* no axes: every element is alone */
}

/* Whether each element of n's input is the one that the maximum (minimum) was taken from: the first. */
static Id taken(const Grad *s, Id n) {
  Op arg = node_get(s->b->g, n)->op == OP_reduce_max ? OP_argmax : OP_argmin;
  const AttrVal *axes = node_attr(s->b->g, n, ATTR(sum, axes));
  Id first = b_reduce(s->b, arg, node_in(s->b->g, n, 0), axes->n, axes->v, true);
  return b_op2(s->b, OP_eq, reduced_index(s, n), first);
}

void vjp_reduce_max(Grad *s, Id n, Id dy) {
  const Type *x = node_type(s->b->g, node_in(s->b->g, n, 0));
  Id wide = b_broadcast(s->b, with_ones(s, n, dy), x->rank, x->dim);
  grad_to(s, 0, b_op3(s->b, OP_where, taken(s, n), wide, b_like(s->b, dy, 0)));
}

Id jvp_reduce_max(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->b->g;
  if (!tangent[0]) return 0;
  const AttrVal *axes = node_attr(g, n, ATTR(sum, axes));
  Id kept = b_op3(s->b, OP_where, taken(s, n), tangent[0], b_like(s->b, tangent[0], 0));
  return b_sum(s->b, kept, axes->n, axes->v, node_attr(g, n, ATTR(sum, keep))->i != 0);
}

void vjp_cumsum(Grad *s, Id n, Id dy) {
  AttrVal v[] = {[ATTR(cumsum, axis)] = *node_attr(s->b->g, n, ATTR(cumsum, axis)),
                 [ATTR(cumsum, reverse)] = {.i = !node_attr(s->b->g, n, ATTR(cumsum, reverse))->i}};
  grad_to(s, 0, b_node(s->b, OP_cumsum, &dy, 1, attr_make(s->b->g->m, OP_cumsum, v)));
}
