/* SPDX-License-Identifier: Apache-2.0 */
/* Checks shared by the ops' shape rules. */
#include "rule.h"
#include <string.h>

const AttrVal *call_attr(const Graph *g, const OpCall *k, int field) {
  static const AttrVal zero;
  const Attr *a = attr_get(g->m, k->attr);
  return field < a->n ? &a->v[field] : &zero;
}

const Type *call_type(Graph *g, const OpCall *k, int i) {
  const Type *t = node_type(g, k->in[i]);
  if (t->dtype != DT_TUPLE) return t;
  shape_fail(g, k, E_OPERAND_KIND, "%s: operand %d is a tuple, not a tensor", op_info[k->op].name, i + 1);
  return NULL;
}

bool rule_axis(Graph *g, const OpCall *k, int64_t axis, int rank) {
  if (axis >= 0 && axis < rank) return true;
  shape_fail(g, k, E_AXIS_RANGE, "%s: there is no axis %lld in a tensor of rank %d", op_info[k->op].name,
             (long long)axis, rank);
  return false;
}

bool rule_axes(Graph *g, const OpCall *k, const AttrVal *axes, int rank, bool *in_axes) {
  memset(in_axes, 0, (size_t)rank * sizeof *in_axes);
  for (int i = 0; i < axes->n; i++) {
    if (!rule_axis(g, k, axes->v[i], rank)) return false;
    if (in_axes[axes->v[i]]) {
      shape_fail(g, k, E_AXIS_RANGE, "%s: axis %lld is named twice", op_info[k->op].name, (long long)axes->v[i]);
      return false;
    }
    in_axes[axes->v[i]] = true;
  }
  return true;
}

bool rule_length(Graph *g, const OpCall *k, int field, int n) {
  int has = call_attr(g, k, field)->n;
  if (has == n) return true;
  shape_fail(g, k, E_IR_MALFORMED, "%s: `%s` has %d elements where %d are needed", op_info[k->op].name,
             op_info[k->op].field[field].name, has, n);
  return false;
}

bool rule_shape(Graph *g, const OpCall *k, int field) {
  const AttrVal *s = call_attr(g, k, field);
  if (s->n > MAX_RANK) {
    shape_fail(g, k, E_AXIS_RANGE, "%s: a tensor has at most %d axes, not %d", op_info[k->op].name, MAX_RANK, s->n);
    return false;
  }
  for (int i = 0; i < s->n; i++)
    if (!rule_le(g->m, 0, s->v[i])) {
      shape_fail(g, k, E_NEGATIVE_SIZE, "%s: size %s of axis %d is negative", op_info[k->op].name,
                 dim_text(g->m, s->v[i]), i);
      return false;
    }
  return true;
}

bool rule_le(Module *m, Dim a, Dim b) {
  if (dim_is_const(a) && dim_is_const(b)) return a <= b;
  Dim d = dim_sub(m, b, a);
  if (dim_bound(m, d) < 0) return false;
  if (m->constraints && dim_lower_bound(m, d) < 0) constraint_add(m, d);
  return true;
}

bool rule_broadcast(Graph *g, const OpCall *k, const Type *t, int *rank, Dim *dim) {
  if (t->rank > *rank) { /* shapes align at the last axis */
    memmove(dim + (t->rank - *rank), dim, (size_t)*rank * sizeof *dim);
    for (int i = 0; i < t->rank - *rank; i++) dim[i] = 1;
    *rank = t->rank;
  }
  for (int i = 0; i < t->rank; i++) {
    Dim *d = &dim[*rank - t->rank + i];
    if (*d == t->dim[i] || t->dim[i] == 1) continue;
    bool may = dim_equal(g->m, *d, t->dim[i]) || dim_equal(g->m, t->dim[i], 1) || dim_equal(g->m, *d, 1);
    if (*d != 1 && may) { /* of open sizes; one that is known counts */
      if (dim_is_const(t->dim[i])) *d = t->dim[i];
      continue;
    }
    if (*d != 1) {
      shape_fail(g, k, E_BROADCAST, "%s: shapes do not broadcast (%s vs %s at axis %d from the last)",
                 op_info[k->op].name, dim_text(g->m, *d), dim_text(g->m, t->dim[i]), t->rank - i);
      return false;
    }
    *d = t->dim[i];
  }
  return true;
}

bool dim_ceildiv(Module *m, Dim a, int64_t step, Dim *q) {
  if (step == 1) return *q = a, true;
  if (dim_is_const(a)) return *q = a / step + (a % step != 0), true;
  return dim_div(m, a, step, q); /* exact, else not expressible */
}
