/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions, min and max of two values, argsort. */
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"

static Value reduce(Elab *e, Call *k, Id x) {
  int64_t axes[MAX_RANK];
  int n;
  bool keep;
  if (!x || !el_want_bool(e, k, 2, false, &keep)) return v_error();
  if (!el_want_axes(e, k, 1, el_type(e, x)->rank, true, axes, &n)) return v_error();
  return v_tensor(e, n ? b_reduce(&e->cur.b, (Op)op_find_spelling(k->name, 1), x, n, axes, keep) : x);
}

static Value fn_sum(Elab *e, Call *k) { /* of bools: counts the true ones */
  Id x = el_want_tensor(e, k, 0);
  return reduce(e, k, x && el_type(e, x)->dtype == DT_BOOL ? b_cast(&e->cur.b, x, DT_F32) : x);
}

/* max(x, axes = ..) reduces; max(a, b) of two values is element-wise; two numbers, or a list of numbers, are static. */
static Value fn_min_max(Elab *e, Call *k) {
  double number;
  if (!k->arg[1].set && v_number(k->arg[0].v, &number)) return k->arg[0].v;
  if (!k->arg[1].set || k->arg[1].name) return reduce(e, k, el_want_tensor(e, k, 0));
  if (k->arg[2].set) return el_arg_fail(e, E_ARG_COUNT, k, 2, "`%s` of two values takes no further arguments", k->name);
  Value v[2] = {k->arg[0].v, k->arg[1].v};
  int pair = op_find_spelling(k->name, 2);
  Value r = el_static_op(e, pair, v, 2, k);
  if (r.kind != V_NONE) return r;
  if (v[0].kind == V_SIZE && v[1].kind == V_SIZE && v[0].i == v[1].i) return v[0];
  for (int i = 0; i < 2; i++)
    if (!v_tensorlike(v[i]) && !v_number(v[i], &number) && v[i].kind != V_SIZE)
      return el_arg_fail(e, E_ARG_KIND, k, i, "`%s` takes tensors and numbers, not %s", k->name, v_kind(v[i]));
  return el_op(e, pair, v, 2, 0, k);
}

static Value fn_arg(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis;
  bool keep;
  if (!x || !el_want_bool(e, k, 2, false, &keep)) return v_error();
  if (!el_want_axis(e, k, 1, el_type(e, x)->rank, -1, &axis)) return v_error();
  return v_tensor(e, b_reduce(&e->cur.b, (Op)op_find_spelling(k->name, 1), x, 1, &axis, keep));
}

/* argsort(x, axis = -1, descending = false, count = none): the places of the elements along the axis in order, equal
 * ones in their order; NaN last or, descending, first. count: of so many, from the first on */
static Value fn_argsort(Elab *e, Call *k) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis, count;
  bool descending;
  if (!x || !el_want_bool(e, k, 2, false, &descending)) return v_error();
  if (!el_want_axis(e, k, 1, el_type(e, x)->rank, -1, &axis)) return v_error();
  Dim n = el_type(e, x)->dim[axis];
  bool some = k->arg[3].set && k->arg[3].v.kind != V_NONE;
  if (some && !el_want_int(e, k, 3, 0, &count)) return v_error();
  return v_tensor(e, b_argsort(&e->cur.b, x, axis, some ? count : n, descending));
}

/* Each is the op of that name, with the language's defaults for its axes. */
const Intrinsic el_reduce_intrinsics[] = {
  {"sum", "x axes? keep?", fn_sum},
  {"max", "x axes? keep?", fn_min_max},
  {"min", "x axes? keep?", fn_min_max},
  {"argmax", "x axis? keep?", fn_arg},
  {"argmin", "x axis? keep?", fn_arg},
  {"argsort", "x axis? descending? count?", fn_argsort},
  {0},
};
