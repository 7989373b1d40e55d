/* Rules on views, and on element-wise ops over views. Exact, but for sums of pads: they move elements, or compute
 * fewer. */
#include "passes/rewrite.h"
#include <string.h>

enum { MOST_PARTS = 64 }; /* of a concat that takes another's in: beyond, it stays one part, or chains cost a square */

static const AttrVal *attr(const Graph *g, Id n, int field) { return node_attr(g, n, field); }
static Id operand_if(const Graph *g, Id n, Op op) { /* the operand of n's operand, when that is an `op` */
  Id x = rw_in(g, n, 0);
  return rw_is(g, x, op) ? rw_in(g, x, 0) : 0;
}

/* A rearranged constant of one value, but for pads, which add another. */
static Id view_of_const(Graph *g, Id n) {
  double v;
  if (!(node_info(g, n)->flags & MOVES) || !b_is_const(g, rw_in(g, n, 0), &v)) return 0;
  return b_full(g, node_get(g, n)->type, v);
}

/* ---- views that change nothing (the driver compares the types), and views of views ---- */

static Id operand(Graph *g, Id n) { return rw_in(g, n, 0); }

static Id reshape_of_reshape(Graph *g, Id n) {
  Id x = operand_if(g, n, OP_reshape);
  return x ? b_reshape(g, x, node_type(g, n)->rank, node_type(g, n)->dim) : 0;
}

static Id broadcast_of_broadcast(Graph *g, Id n) {
  Id x = operand_if(g, n, OP_broadcast);
  return x ? b_broadcast(g, x, node_type(g, n)->rank, node_type(g, n)->dim) : 0;
}

static Id transpose_of_transpose(Graph *g, Id n) {
  Id x = operand_if(g, n, OP_transpose);
  int64_t perm[MAX_RANK];
  for (int i = 0; x && i < node_type(g, n)->rank; i++) perm[i] = attr(g, rw_in(g, n, 0), 0)->v[attr(g, n, 0)->v[i]];
  return x ? b_transpose(g, x, perm) : 0;
}

/* Where only axes of size 1 move, the row-major order stays: also the identity. */
static Id transpose_of_units(Graph *g, Id n) {
  const Type *t = node_type(g, n);
  int64_t last = -1;
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] == 1) continue;
    if (attr(g, n, 0)->v[i] < last) return 0;
    last = attr(g, n, 0)->v[i];
  }
  return b_reshape(g, rw_in(g, n, 0), t->rank, t->dim);
}

static Id reverse_of_reverse(Graph *g, Id n) {
  Id x = rw_in(g, n, 0);
  return rw_is(g, x, OP_reverse) && node_get(g, x)->attr == node_get(g, n)->attr ? rw_in(g, x, 0) : 0;
}

static bool all_numbers(const AttrVal *v) {
  for (int i = 0; i < v->n; i++)
    if (!dim_is_const(v->v[i])) return false;
  return true;
}

static Id slice_of_all(Graph *g, Id n) {
  const Type *x = node_type(g, rw_in(g, n, 0));
  for (int i = 0; i < x->rank; i++)
    if (attr(g, n, 0)->v[i] != 0 || attr(g, n, 1)->v[i] != x->dim[i] || attr(g, n, 2)->v[i] != 1) return 0;
  return rw_in(g, n, 0);
}

static Id slice_of_slice(Graph *g, Id n) {
  Id inner = rw_in(g, n, 0), x = operand_if(g, n, OP_slice);
  Dim start[MAX_RANK], stop[MAX_RANK];
  int64_t step[MAX_RANK];
  if (!x || !all_numbers(attr(g, n, 0)) || !all_numbers(attr(g, n, 1)) || !all_numbers(attr(g, inner, 0))) return 0;
  const Type *t = node_type(g, n);
  for (int i = 0; i < t->rank; i++) {
    int64_t by = attr(g, inner, 2)->v[i];
    if (!dim_is_const(t->dim[i])) return 0;
    start[i] = attr(g, inner, 0)->v[i] + by * attr(g, n, 0)->v[i];
    step[i] = by * attr(g, n, 2)->v[i];
    if (!t->dim[i]) start[i] = 0; /* of nothing: the sum may lie behind the end */
    stop[i] = t->dim[i] ? start[i] + (t->dim[i] - 1) * step[i] + 1 : 0;
  }
  return b_slice(g, x, start, stop, step);
}

/* A slice that takes out what a pad put in: both begin and step alike, and the type is that of the padded tensor. */
static Id slice_of_pad(Graph *g, Id n) {
  Id p = rw_in(g, n, 0);
  if (!rw_is(g, p, OP_pad)) return 0;
  for (int i = 0; i < node_type(g, n)->rank; i++)
    if (attr(g, p, 1)->v[i] != attr(g, n, 0)->v[i] || attr(g, p, 2)->v[i] != attr(g, n, 2)->v[i]) return 0;
  return rw_in(g, p, 0);
}

static Id slice_of_concat(Graph *g, Id n) {
  Id c = rw_in(g, n, 0);
  if (!rw_is(g, c, OP_concat) || !all_numbers(attr(g, n, 0)) || !all_numbers(attr(g, n, 1))) return 0;
  int64_t axis = attr(g, c, 0)->i, at = 0;
  Dim start[MAX_RANK], stop[MAX_RANK];
  memcpy(start, attr(g, n, 0)->v, sizeof *start * (size_t)node_type(g, n)->rank);
  memcpy(stop, attr(g, n, 1)->v, sizeof *stop * (size_t)node_type(g, n)->rank);
  for (uint32_t i = 0; i < node_get(g, c)->nin; i++) {
    Id part = rw_in(g, c, (int)i);
    Dim len = node_type(g, part)->dim[axis];
    if (!dim_is_const(len) || start[axis] < at) return 0;
    if (stop[axis] <= at + len) {
      start[axis] -= at;
      stop[axis] -= at;
      return b_slice(g, part, start, stop, attr(g, n, 2)->v);
    }
    at += len;
  }
  return 0;
}

static Id concat_of_one(Graph *g, Id n) { return node_get(g, n)->nin == 1 ? rw_in(g, n, 0) : 0; }

/* A concat is stored as its parts come: rounded, too. */
static Id rounded_concat(Graph *g, Id n) {
  Id c = rw_in(g, n, 0), in[MOST_PARTS];
  int parts = (int)node_get(g, c)->nin;
  if (!rw_is(g, c, OP_concat) || !node_narrows(g, n) || parts > MOST_PARTS) return 0;
  for (int i = 0; i < parts; i++) in[i] = b_cast(g, rw_in(g, c, i), (DType)node_type(g, n)->dtype);
  return b_concat(g, in, parts, (int)attr(g, c, 0)->i);
}

/* ---- element-wise ops over broadcast operands: implicit broadcasting does it, or one does it behind ---- */

static Id narrow(Graph *g, Id x) {
  double v;
  if (rw_is(g, x, OP_broadcast)) return rw_in(g, x, 0);
  if (node_type(g, x)->rank && b_is_const(g, x, &v)) return b_const(g, (DType)node_type(g, x)->dtype, v);
  return x;
}

static Id elem_of_broadcast(Graph *g, Id n) {
  Node d = *node_get(g, n);
  Id in[3];
  bool any = false;
  if (d.nin > 3 || !(op_info[d.op].flags & FOLDS)) return 0; /* copy and stop_gradient stand for their place */
  for (uint32_t i = 0; i < d.nin; i++) {
    in[i] = narrow(g, rw_in(g, n, (int)i));
    any |= in[i] != rw_in(g, n, (int)i);
  }
  return any ? rw_fit(g, graph_node(g, (Op)d.op, in, (int)d.nin, d.attr, d.loc), n) : 0;
}

/* ---- sums of pads, which is what the gradients of slices add up to ---- */

static bool is_zero_pad(const Graph *g, Id n) {
  return rw_is(g, n, OP_pad) && node_attr(g, n, 3)->f == 0 && all_numbers(attr(g, n, 1));
}

/* The only axis along which two pads of one shape differ in what they hold and where; -1: there is no such axis. */
static int differing_axis(const Graph *g, Id p, Id q) {
  const Type *x = node_type(g, rw_in(g, p, 0)), *y = node_type(g, rw_in(g, q, 0));
  int axis = -1;
  for (int i = 0; i < x->rank; i++) {
    int64_t step = attr(g, p, 2)->v[i];
    if (step != attr(g, q, 2)->v[i] || !dim_is_const(x->dim[i]) || !dim_is_const(y->dim[i])) return -1;
    if (x->dim[i] == y->dim[i] && attr(g, p, 1)->v[i] == attr(g, q, 1)->v[i]) continue;
    if (axis >= 0 || step != 1) return -1;
    axis = i;
  }
  return axis;
}


/* x and y side by side, by the parts of which they are made. */
static Id concat_parts(Graph *g, Id x, Id y, int axis) {
  Id of[2] = {x, y}, in[MOST_PARTS];
  int n = 0;
  for (int i = 0; i < 2; i++) {
    const Node *d = node_get(g, of[i]);
    bool inner = rw_is(g, of[i], OP_concat) && attr(g, of[i], 0)->i == axis && d->nin < MOST_PARTS / 2;
    if (!inner) in[n++] = of[i];
    for (uint32_t k = 0; inner && k < d->nin; k++) in[n++] = rw_in(g, of[i], (int)k);
  }
  return b_concat(g, in, n, axis);
}

/* Zeros around x and zeros around y, where y begins as x ends: zeros around both (-0 stays what + would make +0). */
static Id add_touching_pads(Graph *g, Id n) {
  Id p = rw_in(g, n, 0), q = rw_in(g, n, 1);
  if (!is_zero_pad(g, p) || !is_zero_pad(g, q) || node_get(g, p)->type != node_get(g, q)->type) return 0;
  int axis = differing_axis(g, p, q);
  if (axis < 0) return 0;
  if (attr(g, p, 1)->v[axis] > attr(g, q, 1)->v[axis]) p = rw_in(g, n, 1), q = rw_in(g, n, 0);
  Id x = rw_in(g, p, 0), y = rw_in(g, q, 0);
  if (attr(g, p, 1)->v[axis] + node_type(g, x)->dim[axis] != attr(g, q, 1)->v[axis]) return 0;
  Id both = concat_parts(g, x, y, axis);
  return graph_node(g, OP_pad, &both, 1, node_get(g, p)->attr, g->loc);
}

const Rewrite rewrite_view[] = {
  {OP_NONE, CL_VIEW, EXACT, view_of_const, "a rearranged constant of one value"},
  {OP_reshape, 0, EXACT, operand, "a reshape to the same shape"},
  {OP_broadcast, 0, EXACT, operand, "a broadcast to the same shape"},
  {OP_pad, 0, EXACT, operand, "a pad by nothing"},
  {OP_slice, 0, EXACT, slice_of_all, "a slice of everything"},
  {OP_concat, 0, EXACT, concat_of_one, "a concat of one"},
  {OP_cast, 0, EXACT, rounded_concat, "a rounded concat: of rounded parts"},
  {OP_reshape, 0, EXACT, reshape_of_reshape, "a reshape of a reshape"},
  {OP_broadcast, 0, EXACT, broadcast_of_broadcast, "a broadcast of a broadcast"},
  {OP_transpose, 0, EXACT, transpose_of_transpose, "a transpose of a transpose"},
  {OP_transpose, 0, EXACT, transpose_of_units, "a transpose that moves axes of size 1 only"},
  {OP_reverse, 0, EXACT, reverse_of_reverse, "a reverse of a reverse"},
  {OP_slice, 0, EXACT, slice_of_slice, "a slice of a slice"},
  {OP_slice, 0, EXACT, slice_of_pad, "a slice that undoes a pad"},
  {OP_slice, 0, EXACT, slice_of_concat, "a slice of one part of a concat"},
  {OP_add, 0, FAST, add_touching_pads, "a sum of pads that lie side by side"},
  {OP_NONE, CL_ELEM, EXACT, elem_of_broadcast, "an element-wise op over a broadcast operand"},
  {0, 0, 0, NULL, NULL}
};
