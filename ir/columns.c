/* SPDX-License-Identifier: Apache-2.0 */
#include "columns.h"
#include "view.h"

static Dim count_after(const Graph *g, const Type *t, int axis) {
  Dim n = 1;
  for (int i = axis + 1; i < t->rank; i++) n = dim_mul(g->m, n, t->dim[i]);
  return n;
}

/* The axis of a reshape's result whose elements are those of x's axis; -1: there is none. */
static int reshaped(const Graph *g, const Type *x, const Type *y, int axis) {
  for (int i = 0; i < y->rank; i++)
    if (y->dim[i] == x->dim[axis] && count_after(g, y, i) == count_after(g, x, axis)) return i;
  return -1;
}

/* *axis: that of n along which the columns are; -1: they are spread over it. */
static Columns find(const Graph *g, Id n, int *axis) {
  const Type *y = node_type(g, n);
  if (!(node_info(g, n)->flags & OPF_DATA_MOVEMENT)) {
    *axis = y->rank - 1;
    if (y->rank == 0 || !dim_is_const(y->dim[*axis]) || y->dim[*axis] > MAX_COLUMNS)
      return *axis = -1, (Columns){n, 0, 1, 1, 1};
    return (Columns){n, 0, 1, y->dim[*axis], y->dim[*axis]};
  }
  Columns k = find(g, node_in(g, n, 0), axis);
  ViewMap v;
  if (*axis < 0) return k;
  if (!view_map(g, n, &v)) return *axis = reshaped(g, node_type(g, node_in(g, n, 0)), y, *axis), k;
  const ViewAxis *a = &v.axis[*axis];
  *axis = -1;
  if (a->n != 1 || a->div != 1 || a->stride[0] == 0 || !dim_is_const(a->start) || !dim_is_const(y->dim[a->axis[0]]))
    return k;
  *axis = a->axis[0];
  k.start += k.step * a->start;
  k.step *= a->stride[0];
  k.count = y->dim[*axis];
  return k;
}

Columns node_columns(const Graph *g, Id n) {
  int axis;
  return find(g, n, &axis);
}

/* One limit of all columns becomes one of each. */
static void split(Ctx *c, Ranges *r, int64_t of) {
  int64_t *v = ctx_alloc(c, (size_t)of * sizeof *v);
  for (int64_t i = 0; i < of; i++) v[i] = r->n ? r->v[0] : 0;
  *r = (Ranges){(int)of, v};
}

static void join(Ranges *r) {
  bool same = true;
  for (int i = 1; i < r->n; i++) same &= r->v[i] == r->v[0];
  if (same && r->n) r->n = r->v[0] > 0;
}

void ranges_limit(Ctx *c, Ranges *r, const Columns *k, int64_t most) {
  bool all = k->count == k->of;
  if (most <= 0 || k->count == 0) return;
  if (r->n == 0 || (r->n == 1 && !all)) split(c, r, all ? 1 : k->of);
  for (int64_t i = 0; i < (all ? r->n : k->count); i++) {
    int64_t *v = &r->v[all ? i : k->start + i * k->step];
    if (*v == 0 || most < *v) *v = most;
  }
  join(r);
}

Ranges ranges_copy(Ctx *c, const Ranges *r) {
  Ranges y = {r->n, ctx_alloc(c, (size_t)(r->n + 1) * sizeof *y.v)};
  for (int i = 0; i < r->n; i++) y.v[i] = r->v[i];
  return y;
}

int64_t ranges_least(const Ranges *r) {
  int64_t least = 0;
  for (int i = 0; i < r->n; i++)
    if (r->v[i] && (!least || r->v[i] < least)) least = r->v[i];
  return least;
}
