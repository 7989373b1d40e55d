/* Reductions, and min and max of two values. */
#include "frontend/elab_priv.h"
#include <string.h>

static Value reduce(Elab *e, Call *k, Op op) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axes[MAX_RANK];
  int n;
  bool keep;
  if (!x || !el_want_bool(e, k, 2, false, &keep)) return v_error();
  if (!el_want_axes(e, k, 1, el_ty(e, x)->rank, true, axes, &n)) return v_error();
  if (el_ty(e, x)->dtype == DT_BOOL && op == OP_sum) x = b_cast(e->g, x, DT_F32);
  return v_tensor(e, n ? b_reduce(e->g, op, x, n, axes, keep) : x);
}

static Value fn_sum(Elab *e, Call *k) { return reduce(e, k, OP_sum); }

/* max(x, axes = ..) reduces; max(a, b) of two values is element-wise; two numbers, or a list of numbers, are static. */
static Value min_max(Elab *e, Call *k, Op pair, Op whole) {
  double a, b;
  if (!k->arg[1].set) {
    if (k->arg[0].v.kind == V_INT || k->arg[0].v.kind == V_FLOAT) return k->arg[0].v;
    return reduce(e, k, whole);
  }
  if (k->arg[1].name) return reduce(e, k, whole);
  if (k->arg[2].set) return el_arg_fail(e, 202, k, 2, "`%s` of two values takes nothing more", k->name);
  Value x = k->arg[0].v, y = k->arg[1].v;
  if (v_number(x, &a) && v_number(y, &b)) {
    bool first = pair == OP_max ? a >= b : a <= b;
    if (x.kind == y.kind) return first ? x : y;
    return v_float(first ? a : b);
  }
  if (x.kind == V_SIZE && y.kind == V_SIZE && x.i == y.i) return x;
  for (int i = 0; i < 2; i++) {
    Value v = k->arg[i].v;
    if (!v_tensorlike(v) && !v_number(v, &a) && v.kind != V_SIZE)
      return el_arg_fail(e, 204, k, i, "`%s` takes tensors and numbers, not %s", k->name, v_kind(v));
  }
  return el_op(e, pair, (Value[]){x, y}, 2, 0, k);
}

static Value fn_max(Elab *e, Call *k) { return min_max(e, k, OP_max, OP_reduce_max); }
static Value fn_min(Elab *e, Call *k) { return min_max(e, k, OP_min, OP_reduce_min); }

static Value arg_of(Elab *e, Call *k, Op op) {
  Id x = el_want_tensor(e, k, 0);
  int64_t axis;
  bool keep;
  if (!x || !el_want_bool(e, k, 2, false, &keep)) return v_error();
  if (!el_want_axis(e, k, 1, el_ty(e, x)->rank, -1, &axis)) return v_error();
  return v_tensor(e, b_reduce(e->g, op, x, 1, &axis, keep));
}

static Value fn_argmax(Elab *e, Call *k) { return arg_of(e, k, OP_argmax); }
static Value fn_argmin(Elab *e, Call *k) { return arg_of(e, k, OP_argmin); }

const Intrinsic el_reduce_intrinsics[] = {
  {"sum", "x axes? keep?", fn_sum, false},       {"max", "x axes? keep?", fn_max, false},
  {"min", "x axes? keep?", fn_min, false},       {"argmax", "x axis? keep?", fn_argmax, false},
  {"argmin", "x axis? keep?", fn_argmin, false}, {0}};
