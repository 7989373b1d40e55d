/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic at compile time: integers (64 bits, or run-time sizes as polynomials), float64, bools, strings. */
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_expr.h"
#include "frontend/elab/elab_intrinsic.h"
#include "frontend/elab/elab_state.h"
#include "ir/interp.h"
#include <math.h>
#include <string.h>

static Value overflow(Elab *e, const Ast *at) { return el_fail(e, E_INT_OVERFLOW, at, "this integer exceeds 64 bits"); }

static Value int_pow(Elab *e, int64_t a, int64_t b, const Ast *at) {
  int64_t r = 1;
  if (b < 0) return v_float(pow((double)a, (double)b));
  if (b > 64 && (a > 1 || a < -1)) return overflow(e, at);
  if (b > 64) b = 2 + (b & 1);
  for (; b > 0; b--)
    if (__builtin_mul_overflow(r, a, &r)) return overflow(e, at);
  return v_int(r);
}

static Value int_div(Elab *e, int op, int64_t a, int64_t b, const Ast *at) {
  if (!b) return el_fail(e, E_DIVISION_BY_ZERO, at, "division by zero");
  if (b == -1) return a == INT64_MIN ? overflow(e, at) : v_int(-a);
  int64_t q = a / b, r = a % b;
  if (op == AST_IDIV) return v_int(q - (r != 0 && (r < 0) != (b < 0)));
  if (!r) return v_int(q);
  Diag *d = el_error(e, E_INEXACT_DIVISION, at, "%lld does not divide %lld exactly", (long long)b, (long long)a);
  diag_help(e->c, d, "`//` rounds down; for a fraction make one of them a float, as in %lld.0", (long long)b);
  return v_error();
}

static Value int_binary(Elab *e, int op, int64_t a, int64_t b, const Ast *at) {
  int64_t r;
  switch (op) {
  case AST_ADD: return __builtin_add_overflow(a, b, &r) ? overflow(e, at) : v_int(r);
  case AST_SUB: return __builtin_sub_overflow(a, b, &r) ? overflow(e, at) : v_int(r);
  case AST_MUL: return __builtin_mul_overflow(a, b, &r) ? overflow(e, at) : v_int(r);
  case AST_DIV:
  case AST_IDIV: return int_div(e, op, a, b, at);
  case AST_POW: return int_pow(e, a, b, at);
  case AST_EQ: return v_bool(a == b);
  case AST_NE: return v_bool(a != b);
  case AST_LT: return v_bool(a < b);
  case AST_LE: return v_bool(a <= b);
  case AST_GT: return v_bool(a > b);
  case AST_GE: return v_bool(a >= b);
  default: return v_none();
  }
}

/* Float arithmetic is that of the op's scalar body. */
static Value float_binary(Elab *e, int op, double a, double b, const Ast *at) {
  bool swapped;
  int code = el_operator(op, &swapped);
  if (code < 0) return v_none();
  if ((op == AST_DIV || op == AST_IDIV) && b == 0) return el_fail(e, E_DIVISION_BY_ZERO, at, "division by zero");
  double r = swapped ? body_f64((Op)code, b, a, 0) : body_f64((Op)code, a, b, 0);
  if (isnan(r) && !isnan(a) && !isnan(b))
    return el_fail(e, E_STATIC_RANGE, at, "`%s` has no value at %s, %s", ast_op_text(op),
                   dtype_number_text(e->c, DT_F64, a), dtype_number_text(e->c, DT_F64, b));
  return op_info[code].flags & OPF_BOOL_RESULT ? v_bool(r != 0) : v_float(r);
}

/* A polynomial from an operand, which may be a negative number. */
static Dim dim_from(Elab *e, Value v) {
  if (v.kind == V_SIZE || v.i >= 0) return v.i;
  return v.i == INT64_MIN ? INT64_MAX : dim_sub(e->m, 0, -v.i);
}

/* A comparison that has one result for all values of the sizes. */
static bool compare_sizes(Elab *e, int op, Dim x, Dim y, Value *r) {
  Dim d = dim_sub(e->m, x, y);
  int64_t low = dim_lower_bound(e->m, d), high = dim_bound(e->m, d);
  bool yes = false, no = false;
  switch (op) {
  case AST_EQ: yes = !low && !high, no = low > 0 || high < 0; break;
  case AST_NE: yes = low > 0 || high < 0, no = !low && !high; break;
  case AST_LT: yes = high < 0, no = low >= 0; break;
  case AST_LE: yes = high <= 0, no = low > 0; break;
  case AST_GT: yes = low > 0, no = high <= 0; break;
  case AST_GE: yes = low >= 0, no = high < 0; break;
  default: break;
  }
  *r = v_bool(yes);
  return yes || no;
}

static Value size_binary(Elab *e, int op, Value a, Value b, const Ast *at) {
  Dim x = dim_from(e, a), y = dim_from(e, b), q;
  Value r;
  switch (op) {
  case AST_ADD: return v_dim(e, dim_add(e->m, x, y));
  case AST_SUB: return v_dim(e, dim_sub(e->m, x, y));
  case AST_MUL: return v_dim(e, dim_mul(e->m, x, y));
  case AST_DIV:
  case AST_IDIV:
    if (b.kind == V_INT && !b.i) return el_fail(e, E_DIVISION_BY_ZERO, at, "division by zero");
    if (op == AST_DIV ? dim_div(e->m, x, y, &q) : dim_floordiv(e->m, x, y, &q)) return v_dim(e, q);
    return el_fail(e, E_INEXACT_DIVISION, at, "%s does not divide %s exactly for every run-time size", v_text(e, b),
                   v_text(e, a));
  default: break;
  }
  if (compare_sizes(e, op, x, y, &r)) return r;
  return el_fail(e, E_NOT_STATIC, at,
                 "`%s` and `%s` cannot be compared at compile time: a size is known only at run time", v_text(e, a),
                 v_text(e, b));
}

static Value text_join(Elab *e, const char *a, const char *b, const Ast *at) {
  if (strlen(a) + strlen(b) > EL_MAX_TEXT)
    return el_fatal(e, E_TOO_MANY_ELEMENTS, at->caret, at->caret_len, "a text of more than %d characters", EL_MAX_TEXT);
  e->steps += EL_MAX_TEXT / 64;
  return v_str(ctx_name(e->c, ctx_strf(e->c, "%s%s", a, b)));
}

/* Numbers are equal by their values, lists by their elements. */
static bool equal(Value a, Value b) {
  double x, y;
  if (v_number(a, &x) && v_number(b, &y) && a.kind != b.kind) return x == y;
  if (a.kind != V_LIST || b.kind != V_LIST) return v_same(a, b);
  if (a.list->n != b.list->n) return false;
  for (int i = 0; i < a.list->n; i++)
    if (!equal(a.list->v[i], b.list->v[i])) return false;
  return true;
}

static Value other_binary(Elab *e, int op, Value a, Value b, const Ast *at) {
  e->steps += v_count(a);
  if (op == AST_EQ) return v_bool(equal(a, b));
  if (op == AST_NE) return v_bool(!equal(a, b));
  if (op == AST_ADD && a.kind == V_STR && b.kind == V_STR) return text_join(e, a.s, b.s, at);
  Diag *d = el_error(e, E_OPERAND_KIND, at, "`%s` does not take %s and %s", ast_op_text(op), v_kind(a), v_kind(b));
  if (a.kind == V_STR || b.kind == V_STR)
    diag_help(e->c, d, "strings are joined to strings only, and numbers are not formatted: write a plain one, \"...\"");
  return v_error();
}

Value el_static_binary(Elab *e, int op, Value a, Value b, const Ast *at) {
  bool int_a = a.kind == V_INT || a.kind == V_SIZE, int_b = b.kind == V_INT || b.kind == V_SIZE;
  double x, y;
  if (a.kind == V_INT && b.kind == V_INT) {
    Value v = int_binary(e, op, a.i, b.i, at);
    if (v.kind != V_NONE) return v;
  } else if (int_a && int_b && op != AST_POW && op <= AST_GE) {
    return size_binary(e, op, a, b, at);
  } else if (v_number(a, &x) && v_number(b, &y)) {
    Value v = float_binary(e, op, x, y, at);
    if (v.kind != V_NONE) return v;
  }
  return other_binary(e, op, a, b, at);
}

/* An op on numbers, by its scalar body: in float64, or in 64-bit integers if all operands are integers and the op
 * accepts them. */
Value el_static_op(Elab *e, int op, const Value *v, int n, const Call *k) {
  double x[2] = {0};
  int64_t i[2] = {0};
  bool ints = op_accepts_integers((Op)op), numbers = true;
  for (int j = 0; j < n; j++) {
    if (n > 2 || !v_number(v[j], &x[j])) return v_none();
    ints &= v[j].kind == V_INT;
    i[j] = v[j].kind == V_INT ? v[j].i : 0;
    numbers &= !isnan(x[j]);
  }
  double r = body_f64((Op)op, x[0], x[1], 0);
  if (isnan(r) && numbers)
    return el_arg_fail(e, E_STATIC_RANGE, k, n - 1, "`%s` has no value at %s%s%s", k->name, v_text(e, v[0]),
                       n > 1 ? ", " : "", n > 1 ? v_text(e, v[1]) : "");
  if (!ints) return v_float(r);
  if (i[0] == INT64_MIN || i[1] == INT64_MIN) return overflow(e, el_arg_ast(k, 0));
  return v_int(body_i64((Op)op, i[0], i[1], 0));
}
