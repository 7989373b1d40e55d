/* SPDX-License-Identifier: Apache-2.0 */
/* Rules on views, and on element-wise ops over views. Exact except for sums of pads: they move elements, or compute
 * fewer. */
#include "passes/simplify/rewrite.h"
#include "passes/costs.h"
#include <string.h>

/* Fields of nodes of a known op: SLICE(n, start) is the attribute `start` of the slice n. */
#define SLICE(n, field) node_attr(b->g, n, ATTR(slice, field))
#define PAD(n, field) node_attr(b->g, n, ATTR(pad, field))
#define PERM(n) node_attr(b->g, n, ATTR(transpose, perm))->v
#define CONCAT_AXIS(n) node_attr(b->g, n, ATTR(concat, axis))->i
static Id operand_if(const Builder *b, Id n, Op op) { /* the operand of n's operand, if that is an `op` */
  Id x = rw_in(b, n, 0);
  return rw_is(b, x, op) ? rw_in(b, x, 0) : 0;
}

/* A view of a constant (not pad, which adds another value). */
static Id view_of_const(const Builder *b, Id n) {
  double v;
  if (!(node_info(b->g, n)->flags & OPF_DATA_MOVEMENT) || !node_is_splat(b->g, rw_in(b, n, 0), &v)) return 0;
  return b_full(b, node_get(b->g, n)->type, v);
}

/* ---- identities (the driver compares types) and views of views ---- */

static Id operand(const Builder *b, Id n) { return rw_in(b, n, 0); }

static Id reshape_of_reshape(const Builder *b, Id n) {
  Id x = operand_if(b, n, OP_reshape);
  return x ? b_reshape(b, x, node_type(b->g, n)->rank, node_type(b->g, n)->dim) : 0;
}

static Id broadcast_of_broadcast(const Builder *b, Id n) {
  Id x = operand_if(b, n, OP_broadcast);
  return x ? b_broadcast(b, x, node_type(b->g, n)->rank, node_type(b->g, n)->dim) : 0;
}

static Id transpose_of_transpose(const Builder *b, Id n) {
  Id x = operand_if(b, n, OP_transpose);
  int64_t perm[MAX_RANK];
  for (int i = 0; x && i < node_type(b->g, n)->rank; i++) perm[i] = PERM(rw_in(b, n, 0))[PERM(n)[i]];
  return x ? b_transpose(b, x, perm) : 0;
}

/* If only axes of size 1 move, the row-major order stays; includes the identity. */
static Id transpose_of_units(const Builder *b, Id n) {
  const Type *t = node_type(b->g, n);
  int64_t last = -1;
  for (int i = 0; i < t->rank; i++) {
    if (t->dim[i] == 1) continue;
    if (PERM(n)[i] < last) return 0;
    last = PERM(n)[i];
  }
  return b_reshape(b, rw_in(b, n, 0), t->rank, t->dim);
}

static Id reverse_of_reverse(const Builder *b, Id n) {
  Id x = rw_in(b, n, 0);
  return rw_is(b, x, OP_reverse) && node_get(b->g, x)->attr == node_get(b->g, n)->attr ? rw_in(b, x, 0) : 0;
}

static bool all_numbers(const AttrVal *v) {
  for (int i = 0; i < v->n; i++)
    if (!dim_is_const(v->v[i])) return false;
  return true;
}

static Id slice_of_all(const Builder *b, Id n) {
  const Type *x = node_type(b->g, rw_in(b, n, 0));
  for (int i = 0; i < x->rank; i++)
    if (SLICE(n, start)->v[i] != 0 || SLICE(n, stop)->v[i] != x->dim[i] || SLICE(n, step)->v[i] != 1) return 0;
  return rw_in(b, n, 0);
}

static Id slice_of_slice(const Builder *b, Id n) {
  Id inner = rw_in(b, n, 0), x = operand_if(b, n, OP_slice);
  Dim start[MAX_RANK], stop[MAX_RANK];
  int64_t step[MAX_RANK];
  if (!x || !all_numbers(SLICE(n, start)) || !all_numbers(SLICE(n, stop)) || !all_numbers(SLICE(inner, start)))
    return 0;
  const Type *t = node_type(b->g, n);
  for (int i = 0; i < t->rank; i++) {
    int64_t by = SLICE(inner, step)->v[i];
    if (!dim_is_const(t->dim[i])) return 0;
    start[i] = SLICE(inner, start)->v[i] + by * SLICE(n, start)->v[i];
    step[i] = by * SLICE(n, step)->v[i];
    if (!t->dim[i]) start[i] = 0; /* empty: the start may be out of range */
    stop[i] = t->dim[i] ? start[i] + (t->dim[i] - 1) * step[i] + 1 : 0;
  }
  return b_slice(b, x, start, stop, step);
}

/* A slice that undoes a pad: both have the same starts and steps, and the result the type of the padded tensor. */
static Id slice_of_pad(const Builder *b, Id n) {
  Id p = rw_in(b, n, 0);
  if (!rw_is(b, p, OP_pad)) return 0;
  for (int i = 0; i < node_type(b->g, n)->rank; i++)
    if (PAD(p, start)->v[i] != SLICE(n, start)->v[i] || PAD(p, step)->v[i] != SLICE(n, step)->v[i]) return 0;
  return rw_in(b, p, 0);
}

static Id slice_of_concat(const Builder *b, Id n) {
  Id c = rw_in(b, n, 0);
  if (!rw_is(b, c, OP_concat) || !all_numbers(SLICE(n, start)) || !all_numbers(SLICE(n, stop))) return 0;
  int64_t axis = CONCAT_AXIS(c), at = 0;
  Dim start[MAX_RANK], stop[MAX_RANK];
  memcpy(start, SLICE(n, start)->v, sizeof *start * (size_t)node_type(b->g, n)->rank);
  memcpy(stop, SLICE(n, stop)->v, sizeof *stop * (size_t)node_type(b->g, n)->rank);
  for (uint32_t i = 0; i < node_get(b->g, c)->nin; i++) {
    Id input = rw_in(b, c, (int)i);
    Dim len = node_type(b->g, input)->dim[axis];
    if (!dim_is_const(len) || start[axis] < at) return 0;
    if (stop[axis] <= at + len) {
      start[axis] -= at;
      stop[axis] -= at;
      return b_slice(b, input, start, stop, SLICE(n, step)->v);
    }
    at += len;
  }
  return 0;
}

static Id concat_of_one(const Builder *b, Id n) { return node_get(b->g, n)->nin == 1 ? rw_in(b, n, 0) : 0; }

/* Rounds the operands of a concat instead of its result. */
static Id rounded_concat(const Builder *b, Id n) {
  Id c = rw_in(b, n, 0), in[MAX_CONCAT_INPUTS];
  int count = (int)node_get(b->g, c)->nin;
  if (!rw_is(b, c, OP_concat) || !node_is_downcast(b->g, n) || count > MAX_CONCAT_INPUTS) return 0;
  for (int i = 0; i < count; i++) in[i] = b_cast(b, rw_in(b, c, i), (DType)node_type(b->g, n)->dtype);
  return b_concat(b, in, count, (int)CONCAT_AXIS(c));
}

/* ---- element-wise ops over broadcast operands: broadcast implicitly, or after the op ---- */

static Id narrow(const Builder *b, Id x) {
  double v;
  if (rw_is(b, x, OP_broadcast)) return rw_in(b, x, 0);
  if (node_type(b->g, x)->rank && node_is_splat(b->g, x, &v)) return b_const(b, (DType)node_type(b->g, x)->dtype, v);
  return x;
}

static Id elem_of_broadcast(const Builder *b, Id n) {
  Node d = *node_get(b->g, n);
  Id in[3];
  bool any = false;
  if (d.nin > 3 || !(op_info[d.op].flags & OPF_CONST_FOLD)) return 0; /* not copy, stop_gradient */
  for (uint32_t i = 0; i < d.nin; i++) {
    in[i] = narrow(b, rw_in(b, n, (int)i));
    any |= in[i] != rw_in(b, n, (int)i);
  }
  return any ? rw_fit(b, b_node(b, (Op)d.op, in, (int)d.nin, d.attr), n) : 0;
}

/* ---- sums of pads, as in gradients of slices ---- */

static bool is_zero_pad(const Builder *b, Id n) {
  return rw_is(b, n, OP_pad) && PAD(n, value)->f == 0 && all_numbers(PAD(n, start));
}

/* The only axis along which the operands of two pads differ in size or start; -1: not exactly one. */
static int differing_axis(const Builder *b, Id p, Id q) {
  const Type *x = node_type(b->g, rw_in(b, p, 0)), *y = node_type(b->g, rw_in(b, q, 0));
  int axis = -1;
  for (int i = 0; i < x->rank; i++) {
    int64_t step = PAD(p, step)->v[i];
    if (step != PAD(q, step)->v[i] || !dim_is_const(x->dim[i]) || !dim_is_const(y->dim[i])) return -1;
    if (x->dim[i] == y->dim[i] && PAD(p, start)->v[i] == PAD(q, start)->v[i]) continue;
    if (axis >= 0 || step != 1) return -1;
    axis = i;
  }
  return axis;
}

/* Concatenates x and y, with the operands of concats among them. */
static Id concat_flat(const Builder *b, Id x, Id y, int axis) {
  Id of[2] = {x, y}, in[MAX_CONCAT_INPUTS];
  int n = 0;
  for (int i = 0; i < 2; i++) {
    const Node *d = node_get(b->g, of[i]);
    bool inner = rw_is(b, of[i], OP_concat) && CONCAT_AXIS(of[i]) == axis && d->nin < MAX_CONCAT_INPUTS / 2;
    if (!inner) in[n++] = of[i];
    for (uint32_t k = 0; inner && k < d->nin; k++) in[n++] = rw_in(b, of[i], (int)k);
  }
  return b_concat(b, in, n, axis);
}

/* pad(x) + pad(y) where y begins as x ends: pad(concat(x, y)). The sum would turn -0 into +0. */
static Id add_adjacent_pads(const Builder *b, Id n) {
  Id p = rw_in(b, n, 0), q = rw_in(b, n, 1);
  if (!is_zero_pad(b, p) || !is_zero_pad(b, q) || node_get(b->g, p)->type != node_get(b->g, q)->type) return 0;
  int axis = differing_axis(b, p, q);
  if (axis < 0) return 0;
  if (PAD(p, start)->v[axis] > PAD(q, start)->v[axis]) p = rw_in(b, n, 1), q = rw_in(b, n, 0);
  Id x = rw_in(b, p, 0), y = rw_in(b, q, 0);
  if (PAD(p, start)->v[axis] + node_type(b->g, x)->dim[axis] != PAD(q, start)->v[axis]) return 0;
  Id both = concat_flat(b, x, y, axis);
  return b_node(b, OP_pad, &both, 1, node_get(b->g, p)->attr);
}

const Rewrite rewrite_view[] = {
  {OP_NONE, CL_VIEW, EXACT, view_of_const, "a rearranged constant of one value"},
  {OP_reshape, 0, EXACT, operand, "a reshape to the same shape"},
  {OP_broadcast, 0, EXACT, operand, "a broadcast to the same shape"},
  {OP_pad, 0, EXACT, operand, "a pad by nothing"},
  {OP_slice, 0, EXACT, slice_of_all, "a slice of everything"},
  {OP_concat, 0, EXACT, concat_of_one, "a concat of one"},
  {OP_cast, 0, EXACT, rounded_concat, "a rounded concat: of rounded inputs"},
  {OP_reshape, 0, EXACT, reshape_of_reshape, "a reshape of a reshape"},
  {OP_broadcast, 0, EXACT, broadcast_of_broadcast, "a broadcast of a broadcast"},
  {OP_transpose, 0, EXACT, transpose_of_transpose, "a transpose of a transpose"},
  {OP_transpose, 0, EXACT, transpose_of_units, "a transpose that moves axes of size 1 only"},
  {OP_reverse, 0, EXACT, reverse_of_reverse, "a reverse of a reverse"},
  {OP_slice, 0, EXACT, slice_of_slice, "a slice of a slice"},
  {OP_slice, 0, EXACT, slice_of_pad, "a slice that undoes a pad"},
  {OP_slice, 0, EXACT, slice_of_concat, "a slice of one input of a concat"},
  {OP_add, 0, FAST, add_adjacent_pads, "a sum of adjacent pads"},
  {OP_NONE, CL_ELEM, EXACT, elem_of_broadcast, "an element-wise op over a broadcast operand"},
  {0, 0, 0, NULL, NULL},
};
