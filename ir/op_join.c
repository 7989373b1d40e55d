/* SPDX-License-Identifier: Apache-2.0 */
/* The gradient of a tensor that is only read in slices is a sum of their gradients, each padded with zeros. If they
 * tile the tensor along one axis, as the gates of an LSTM and the results of a split do, it is their concatenation. */
#include "ir/grad.h"

enum { MAX_PARTS = 64 };

/* The pads with zeros that are added up; their number, or 0: it has other terms, or too many. A sweep adds new terms on
 * the right, so from there the limit bounds the depth, too. */
static int collect(const Graph *g, Id n, Id *pad, int count) {
  const Node *d = node_get(g, n);
  if (d->op == OP_add) {
    for (int i = 1; i >= 0; i--)
      if (!(count = collect(g, node_in(g, n, i), pad, count))) return 0;
    return count;
  }
  if (d->op != OP_pad || node_attr(g, n, ATTR(pad, value))->f != 0 || count == MAX_PARTS) return 0;
  pad[count] = n;
  return count + 1;
}

/* The one axis along which the pad's input is shorter than its result; -1: there is not one, or it has steps. */
static int padded_axis(const Graph *g, Id pad) {
  const Type *x = node_type(g, node_in(g, pad, 0)), *y = node_type(g, pad);
  const AttrVal *step = node_attr(g, pad, ATTR(pad, step));
  int axis = -1;
  for (int i = 0; i < y->rank; i++) {
    if (x->dim[i] == y->dim[i]) continue;
    if (axis >= 0 || step->v[i] != 1) return -1;
    axis = i;
  }
  return axis;
}

/* The part that begins at `start`; 0: there is none. */
static Id part_at(const Graph *g, const Id *pad, int n, int axis, Dim start) {
  for (int i = 0; i < n; i++)
    if (node_attr(g, pad[i], ATTR(pad, start))->v[axis] == start) return node_in(g, pad[i], 0);
  return 0;
}

Id adjoint_joined(const Builder *b, Id sum) {
  Graph *g = b->g;
  Id pad[MAX_PARTS], part[MAX_PARTS];
  int n = collect(g, sum, pad, 0);
  int axis = n > 1 ? padded_axis(g, pad[0]) : -1;
  for (int i = 1; i < n; i++)
    if (padded_axis(g, pad[i]) != axis) return sum;
  if (axis < 0) return sum;
  Dim at = 0;
  for (int i = 0; i < n; i++) {
    part[i] = part_at(g, pad, n, axis, at);
    if (!part[i]) return sum;
    Dim end = dim_add(g->m, at, node_type(g, part[i])->dim[axis]);
    if (end == at) return sum;
    at = end;
  }
  return at == node_type(g, sum)->dim[axis] ? b_concat(b, part, n, axis) : sum;
}
