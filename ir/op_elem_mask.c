/* SPDX-License-Identifier: Apache-2.0 */
/* Masks of adjoints that are 0 because a `where` did not take the branch. A local derivative may be infinite or NaN
 * there, and 0 times that is NaN. Such a rule therefore gets the unmasked adjoint, and its result is masked instead: so
 * grad(where(x > 0, log(x), x), x) is 1 at 0, and rules need no safe substitute for x.
 *
 * This costs a selection per op, so it is done only for ops whose derivative may be infinite at a finite operand
 * (OPF_SINGULAR), and not for random masks, which cannot be meant to avoid a singularity. */
#include "grad.h"
#include <math.h>

enum { DEPTH = 8, BUDGET = 64 };

static bool is_zero(const Graph *g, Id x) {
  double v;
  return node_is_splat(g, x, &v) && v == 0;
}

static bool is_random(const Graph *g, Id n, int depth) {
  if (node_info(g, n)->flags & OPF_RANDOM) return true;
  for (uint32_t i = 0; depth && i < node_get(g, n)->nin; i++)
    if (is_random(g, node_in(g, n, (int)i), depth - 1)) return true;
  return false;
}

static Id find_mask(const Builder *b, Id a, int depth);

/* The mask of where(c, u, 0) and where(c, 0, u). */
static Id mask_of_choice(const Builder *b, Id a, int depth) {
  Id c = node_in(b->g, a, 0), u = node_in(b->g, a, 1);
  bool otherwise = is_zero(b->g, u);
  if (!otherwise && !is_zero(b->g, node_in(b->g, a, 2))) return 0;
  if (is_random(b->g, c, 3)) return 0;
  Id own = otherwise ? b_op1(b, OP_not, c) : c, inner = find_mask(b, otherwise ? node_in(b->g, a, 2) : u, depth);
  return inner ? b_op2(b, OP_and, own, inner) : own;
}

/* The mask of a view: the same view of its operand's mask. */
static Id mask_of_view(const Builder *b, Id a, int depth) {
  Id x = node_in(b->g, a, 0), mask = find_mask(b, x, depth);
  const Type *t = node_type(b->g, x);
  if (!mask || !(node_info(b->g, a)->flags & OPF_DATA_MOVEMENT)) return 0;
  mask = b_broadcast(b, mask, t->rank, t->dim);
  const Node *d = node_get(b->g, a);
  return b_node(&(Builder){b->g, d->loc, b->hints}, (Op)d->op, &mask, 1, d->attr);
}

/* The mask of a sum: that of its operand, if it is constant along the summed axes. */
static Id mask_of_sum(const Builder *b, Id a, int depth) {
  Id x = node_in(b->g, a, 0), mask = find_mask(b, x, depth);
  if (!mask) return 0;
  const Type *t = node_type(b->g, mask);
  const AttrVal *axes = node_attr(b->g, a, ATTR(sum, axes));
  bool keep = node_attr(b->g, a, ATTR(sum, keep))->i != 0, summed[MAX_RANK] = {false};
  int rank = node_type(b->g, x)->rank, lead = rank - t->rank, n = 0;
  Dim dim[MAX_RANK];
  for (int i = 0; i < axes->n; i++) summed[axes->v[i]] = true;
  for (int i = 0; i < rank; i++) {
    Dim d = i < lead ? 1 : t->dim[i - lead];
    if (summed[i] && d != 1) return 0;
    if (!summed[i] || keep) dim[n++] = d;
  }
  return b_reshape(b, mask, n, dim);
}

/* A bool, broadcasting to the adjoint a, false only where a is 0; 0: none is known. */
static Id find_mask(const Builder *b, Id a, int depth) {
  if (!depth--) return 0;
  const OpInfo *info = node_info(b->g, a);
  if (info->flags & OPF_SELECT) return mask_of_choice(b, a, depth);
  if (info->cls == CL_VIEW) return mask_of_view(b, a, depth);
  if (info->cls == CL_REDUCE && info->flags & OPF_LINEAR) return mask_of_sum(b, a, depth);
  if (info->cls != CL_ELEM || !(info->flags & OPF_LINEAR)) return 0;
  Id mask = find_mask(b, node_in(b->g, a, 0), depth);
  if (info->arity == 1 || !mask) return mask;
  return find_mask(b, node_in(b->g, a, 1), depth) == mask ? mask : 0;
}

/* Whether the derivative of n, or of its element-wise operands, may be infinite at finite operands. */
static bool has_pole(const Graph *g, Id n, int *budget) {
  const OpInfo *info = node_info(g, n);
  double v;
  if (info->cls != CL_ELEM || info->flags & OPF_NO_GRAD) return false;
  if (--*budget < 0) return true;
  bool tame = info->arity == 2 && node_is_splat(g, node_in(g, n, 1), &v) && isfinite(v) && v >= 1;
  if (info->flags & OPF_SINGULAR && !tame) return true;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (has_pole(g, node_in(g, n, (int)i), budget)) return true;
  return false;
}

Id adjoint_mask(const Builder *b, Id n, Id adjoint) {
  const OpInfo *info = node_info(b->g, n);
  int budget = BUDGET;
  if (info->cls != CL_ELEM || info->flags & (OPF_LINEAR | OPF_DATA_MOVEMENT | OPF_SELECT)) return 0;
  return has_pole(b->g, n, &budget) ? find_mask(b, adjoint, DEPTH) : 0;
}

Id adjoint_unmasked(const Graph *g, Id adjoint) {
  if (!(node_info(g, adjoint)->flags & OPF_SELECT)) return adjoint;
  Id u = node_in(g, adjoint, is_zero(g, node_in(g, adjoint, 1)) ? 2 : 1);
  return node_get(g, u)->type == node_get(g, adjoint)->type ? u : adjoint;
}

Id adjoint_masked(const Builder *b, Id adjoint, Id mask) {
  return mask ? b_op3(b, OP_where, mask, adjoint, b_like(b, adjoint, 0)) : adjoint;
}
