/* SPDX-License-Identifier: Apache-2.0 */
/* argsort: the places of the first k elements along an axis, in order. */
#include "interp.h"
#include "rule.h"
#include <math.h>
#include <stddef.h>
#include <string.h>

TypeId shape_argsort(Graph *g, const OpCall *k) {
  const Type *x = call_type(g, k, 0);
  int64_t axis = call_attr(g, k, ATTR(argsort, axis))->i;
  Dim count = call_attr(g, k, ATTR(argsort, count))->i, dim[MAX_RANK];
  if (!x || !rule_axis(g, k, axis, x->rank)) return 0;
  if (!rule_le(g->m, 0, count) || !rule_le(g->m, count, x->dim[axis]))
    return shape_fail(g, k, E_INDEX_RANGE, "argsort: there are no %s first elements of %s (axis %lld)",
                      dim_text(g->m, count), dim_text(g->m, x->dim[axis]), (long long)axis);
  if (dim_bound(g->m, x->dim[axis]) > INT32_MAX)
    return shape_fail(g, k, E_OPERAND_KIND, "argsort: %s elements have no i32 index", dim_text(g->m, x->dim[axis]));
  memcpy(dim, x->dim, x->rank * sizeof *dim);
  dim[axis] = count;
  return type_make(g->m, DT_I32, x->rank, dim);
}

/* One row of an operand. */
typedef struct Row {
  const Val *x;
  int64_t base, stride;
  bool descending;
} Row;

/* -1, 0, 1. NaN is above all numbers. */
static int compare(const Row *r, int64_t a, int64_t b) {
  a = r->base + a * r->stride, b = r->base + b * r->stride;
  if (!dtype_is_float(r->x->type)) {
    int64_t p = val_int(r->x, a), q = val_int(r->x, b);
    return (p > q) - (p < q);
  }
  double p = val_get(r->x, a), q = val_get(r->x, b);
  if (isnan(p) || isnan(q)) return !!isnan(p) - !!isnan(q);
  return (p > q) - (p < q);
}

/* Merges the sorted places from[lo, mid) and from[mid, hi); of equal elements those of the first come first. */
static void merge(const Row *r, const int64_t *from, int64_t *to, int64_t lo, int64_t mid, int64_t hi) {
  int64_t a = lo, b = mid;
  for (int64_t i = lo; i < hi; i++) {
    int order = a == mid ? 1 : b == hi ? -1 : compare(r, from[a], from[b]);
    if (a < mid && b < hi && r->descending) order = -order;
    to[i] = order <= 0 ? from[a++] : from[b++];
  }
}

static const int64_t *sort_row(const Row *r, int64_t n, int64_t *from, int64_t *to) {
  for (int64_t i = 0; i < n; i++) from[i] = i;
  for (int64_t width = 1; width < n; width *= 2) {
    for (int64_t lo = 0; lo < n; lo += 2 * width) {
      int64_t mid = lo + width < n ? lo + width : n, hi = mid + width < n ? mid + width : n;
      merge(r, from, to, lo, mid, hi);
    }
    int64_t *swap = from;
    from = to, to = swap;
  }
  return from;
}

void eval_argsort(Eval *e, Id n) {
  const Val *x = eval_in(e, n, 0);
  int axis = (int)node_attr(e->g, n, ATTR(argsort, axis))->i;
  Val *y = eval_out(e, n), *held;
  int64_t length = x->dim[axis], count = y->dim[axis], inner = 1, outer = 1;
  for (int i = 0; i < x->rank; i++) *(i < axis ? &outer : &inner) *= i == axis ? 1 : x->dim[i];
  int64_t *places = eval_scratch(e, (size_t)(2 * length + 1) * sizeof *places, &held);
  for (int64_t o = 0; o < outer; o++)
    for (int64_t i = 0; i < inner; i++) {
      Row r = {x, o * length * inner + i, inner, node_attr(e->g, n, ATTR(argsort, descending))->i != 0};
      const int64_t *order = sort_row(&r, length, places, places + length);
      for (int64_t k = 0; k < count; k++) val_set_int(y, (o * count + k) * inner + i, order[k]);
    }
  val_release(held);
}
