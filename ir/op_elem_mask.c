/* Where an adjoint is 0 because a `where` did not take the branch. A local derivative may be infinite or NaN there, and
 * 0 times that is NaN: such rules get the adjoint as it is without the mask, and what they give is masked instead. So
 * grad(where(x > 0, log(x), x), x) is 1 at 0, and no rule has to be given another operand in place of x.
 *
 * It costs a selection for each such op, so it is done only behind ops that can have such a derivative at a finite
 * operand (POLE), and not for masks that are random: nobody can mean by those to keep clear of a pole. */
#include "grad.h"
#include <math.h>

enum { DEPTH = 8, BUDGET = 64 };

static bool is_zero(const Graph *g, Id x) {
  double v;
  return b_is_const(g, x, &v) && v == 0;
}

static bool is_random(const Graph *g, Id n, int depth) {
  if (node_info(g, n)->flags & RNG) return true;
  for (uint32_t i = 0; depth && i < node_get(g, n)->nin; i++)
    if (is_random(g, node_in(g, n, (int)i), depth - 1)) return true;
  return false;
}

static Id find_mask(Graph *g, Id a, int depth);

/* Of where(c, u, 0) and where(c, 0, u). */
static Id mask_of_choice(Graph *g, Id a, int depth) {
  Id c = node_in(g, a, 0), u = node_in(g, a, 1);
  bool otherwise = is_zero(g, u);
  if (!otherwise && !is_zero(g, node_in(g, a, 2))) return 0;
  if (is_random(g, c, 3)) return 0;
  Id own = otherwise ? b_op1(g, OP_not, c) : c, inner = find_mask(g, otherwise ? node_in(g, a, 2) : u, depth);
  return inner ? b_op2(g, OP_and, own, inner) : own;
}

/* The mask of a view: the same view of its operand's. */
static Id mask_of_view(Graph *g, Id a, int depth) {
  Id x = node_in(g, a, 0), mask = find_mask(g, x, depth);
  const Type *t = node_type(g, x);
  if (!mask || !(node_info(g, a)->flags & MOVES)) return 0;
  mask = b_broadcast(g, mask, t->rank, t->dim);
  const Node *d = node_get(g, a);
  return graph_node(g, (Op)d->op, &mask, 1, d->attr, d->loc);
}

/* Of a sum: that of its operand, if it is the same for all that are added up. */
static Id mask_of_sum(Graph *g, Id a, int depth) {
  Id x = node_in(g, a, 0), mask = find_mask(g, x, depth);
  if (!mask) return 0;
  const Type *t = node_type(g, mask);
  const AttrVal *axes = node_attr(g, a, 0);
  bool keep = node_attr(g, a, 1)->i != 0, summed[MAX_RANK] = {false};
  int rank = node_type(g, x)->rank, lead = rank - t->rank, n = 0;
  Dim dim[MAX_RANK];
  for (int i = 0; i < axes->n; i++) summed[axes->v[i]] = true;
  for (int i = 0; i < rank; i++) {
    Dim d = i < lead ? 1 : t->dim[i - lead];
    if (summed[i] && d != 1) return 0;
    if (!summed[i] || keep) dim[n++] = d;
  }
  return b_reshape(g, mask, n, dim);
}

/* A bool, broadcasting to the adjoint a, false only where a is 0; 0: none is known. */
static Id find_mask(Graph *g, Id a, int depth) {
  if (!depth--) return 0;
  const OpInfo *info = node_info(g, a);
  if (info->flags & CHOOSES) return mask_of_choice(g, a, depth);
  if (info->cls == CL_VIEW) return mask_of_view(g, a, depth);
  if (info->cls == CL_REDUCE && info->flags & LINEAR) return mask_of_sum(g, a, depth);
  if (info->cls != CL_ELEM || !(info->flags & LINEAR)) return 0;
  Id mask = find_mask(g, node_in(g, a, 0), depth);
  if (info->arity == 1 || !mask) return mask;
  return find_mask(g, node_in(g, a, 1), depth) == mask ? mask : 0;
}

/* Whether the derivative of n, or of what it is computed from element by element, may be infinite at finite operands. */
static bool has_pole(const Graph *g, Id n, int *budget) {
  const OpInfo *info = node_info(g, n);
  double v;
  if (info->cls != CL_ELEM || info->flags & NOGRAD) return false;
  if (--*budget < 0) return true;
  bool tame = info->arity == 2 && b_is_const(g, node_in(g, n, 1), &v) && isfinite(v) && v >= 1;
  if (info->flags & POLE && !tame) return true;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (has_pole(g, node_in(g, n, (int)i), budget)) return true;
  return false;
}

Id adjoint_mask(Graph *g, Id n, Id adjoint) {
  const OpInfo *info = node_info(g, n);
  int budget = BUDGET;
  if (info->cls != CL_ELEM || info->flags & (LINEAR | MOVES | CHOOSES)) return 0;
  return has_pole(g, n, &budget) ? find_mask(g, adjoint, DEPTH) : 0;
}

Id adjoint_unmasked(const Graph *g, Id adjoint) {
  if (!(node_info(g, adjoint)->flags & CHOOSES)) return adjoint;
  Id u = node_in(g, adjoint, is_zero(g, node_in(g, adjoint, 1)) ? 2 : 1);
  return node_get(g, u)->type == node_get(g, adjoint)->type ? u : adjoint;
}

Id adjoint_masked(Graph *g, Id adjoint, Id mask) {
  return mask ? b_op3(g, OP_where, mask, adjoint, b_like(g, adjoint, 0)) : adjoint;
}
