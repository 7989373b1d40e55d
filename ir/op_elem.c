/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise ops: shape rules and reverse mode. Forward mode is in op_elem_jvp.c, evaluation in interp_elem.c.
 * Operands broadcast as NumPy's do. A gradient rule may give an adjoint of the broadcast shape. */
#include "grad.h"
#include "rule.h"
#include <string.h>

/* ---- shapes ---- */

static TypeId types_differ(Graph *g, const OpCall *k, int a, int b) {
  shape_fail(g, k, E_DTYPE_MISMATCH, "%s: element types differ (%s vs %s)", op_info[k->op].name, dtype_info[a].name,
             dtype_info[b].name);
  if (g->m->last)
    diag_help(g->m->c, g->m->last, "types are not converted by themselves: %s(...) converts",
              dtype_info[dtype_is_float(a) || !dtype_is_float(b) ? a : b].name);
  return 0;
}

/* The result of broadcasting operands first .. nin - 1, which must have equal dtypes; `dtype` < 0: theirs. */
static TypeId elem_type(Graph *g, const OpCall *k, int first, int dtype) {
  Dim dim[MAX_RANK];
  int rank = 0, has = -1;
  for (int i = 0; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t || !rule_broadcast(g, k, t, &rank, dim)) return 0;
    if (i < first) continue;
    if (has >= 0 && has != t->dtype) return types_differ(g, k, has, t->dtype);
    has = t->dtype;
  }
  return type_make(g->m, dtype < 0 ? has : dtype, rank, dim);
}

static TypeId refuse_dtype(Graph *g, const OpCall *k, int i, const char *wants) {
  static const char *const help[][2] = {
    {"floats", "f32(...) converts"},
    {"integers", "i32(...) converts"},
    {"bools", "a comparison makes bools, as in `x != 0`"},
    {"numbers", "f32(...) and i32(...) make numbers of bools"},
  };
  shape_fail(g, k, E_OPERAND_KIND, "%s: needs %s, not %s", op_info[k->op].name, wants,
             dtype_info[node_type(g, k->in[i])->dtype].name);
  for (size_t h = 0; g->m->last && h < sizeof help / sizeof *help; h++)
    if (!strcmp(wants, help[h][0]))
      diag_help(g->m->c, g->m->last, k->op == OP_div ? "%s; `//` divides integers" : "%s", help[h][1]);
  return 0;
}

TypeId shape_elem(Graph *g, const OpCall *k) {
  TypeId t = elem_type(g, k, 0, -1);
  bool numbers = k->op != OP_copy && k->op != OP_stop_gradient;
  return t && numbers && type_get(g->m, t)->dtype == DT_BOOL ? refuse_dtype(g, k, 0, "numbers") : t;
}

TypeId shape_elem_f(Graph *g, const OpCall *k) {
  TypeId t = elem_type(g, k, 0, -1);
  return t && !dtype_is_float(type_get(g->m, t)->dtype) ? refuse_dtype(g, k, 0, "floats") : t;
}

TypeId shape_elem_int(Graph *g, const OpCall *k) {
  TypeId t = elem_type(g, k, 0, -1);
  DType type = t ? (DType)type_get(g->m, t)->dtype : DT_BOOL;
  return t && (type == DT_BOOL || dtype_is_float(type)) ? refuse_dtype(g, k, 0, "integers") : t;
}

TypeId shape_elem_bool(Graph *g, const OpCall *k) {
  TypeId t = elem_type(g, k, 0, -1);
  return t && type_get(g->m, t)->dtype != DT_BOOL ? refuse_dtype(g, k, 0, "bools") : t;
}

TypeId shape_elem_cmp(Graph *g, const OpCall *k) { return elem_type(g, k, 0, DT_BOOL); }

TypeId shape_where(Graph *g, const OpCall *k) {
  const Type *t = call_type(g, k, 0);
  if (!t) return 0;
  return t->dtype != DT_BOOL ? refuse_dtype(g, k, 0, "a bool condition") : elem_type(g, k, 1, -1);
}

TypeId shape_cast(Graph *g, const OpCall *k) {
  const Type *t = call_type(g, k, 0);
  int64_t to = call_attr(g, k, ATTR(cast, to))->i;
  if (!t) return 0;
  if (to < 0 || to >= DT_COUNT) return shape_fail(g, k, E_IR_MALFORMED, "cast: there is no such element type");
  return type_make(g->m, (DType)to, t->rank, t->dim);
}

static bool casts(const Graph *g, Id n, bool widens) {
  if (node_get(g, n)->op != OP_cast) return false;
  int from = node_type(g, node_in(g, n, 0))->dtype, to = node_type(g, n)->dtype;
  return widens ? dtype_is_half(from) && to == DT_F32 : from == DT_F32 && dtype_is_half(to);
}

bool node_is_upcast(const Graph *g, Id n) { return casts(g, n, true); }
bool node_is_downcast(const Graph *g, Id n) { return casts(g, n, false); }

/* ---- reverse mode: x, a, b operands, y the result, dy its adjoint ---- */

static Id mul(Grad *s, Id a, Id b) { return b_op2(s->b, OP_mul, a, b); }
static Id num(Grad *s, Id like, double v) { return b_like(s->b, like, v); }
static Id zero_like(Grad *s, Id x) { return num(s, x, 0); }

void vjp_neg(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, b_op1(s->b, OP_neg, dy));
}
void vjp_copy(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, dy);
}
void vjp_exp(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, n)); }
void vjp_expm1(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op2(s->b, OP_add, n, num(s, n, 1)))); }

void vjp_abs(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_sign, node_in(s->b->g, n, 0)))); }

void vjp_log(Grad *s, Id n, Id dy) { grad_to(s, 0, b_op2(s->b, OP_div, dy, node_in(s->b->g, n, 0))); }

void vjp_log1p(Grad *s, Id n, Id dy) {
  Id x = node_in(s->b->g, n, 0);
  grad_to(s, 0, b_op2(s->b, OP_div, dy, b_op2(s->b, OP_add, x, num(s, x, 1))));
}

void vjp_sqrt(Grad *s, Id n, Id dy) { grad_to(s, 0, b_op2(s->b, OP_div, mul(s, dy, num(s, dy, 0.5)), n)); }

/* (x^-1/2)' = -1/2 y^3: no division. */
void vjp_rsqrt(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, mul(s, dy, num(s, dy, -0.5)), mul(s, mul(s, n, n), n))); }

void vjp_sin(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_cos, node_in(s->b->g, n, 0)))); }

void vjp_cos(Grad *s, Id n, Id dy) {
  grad_to(s, 0, mul(s, dy, b_op1(s->b, OP_neg, b_op1(s->b, OP_sin, node_in(s->b->g, n, 0)))));
}

void vjp_tanh(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, b_op2(s->b, OP_sub, num(s, n, 1), mul(s, n, n)))); }

void vjp_sigmoid(Grad *s, Id n, Id dy) { grad_to(s, 0, mul(s, dy, mul(s, n, b_op2(s->b, OP_sub, num(s, n, 1), n)))); }

/* erf' = 2/sqrt(pi) exp(-x^2) */
void vjp_erf(Grad *s, Id n, Id dy) {
  Id x = node_in(s->b->g, n, 0);
  Id bell = b_op1(s->b, OP_exp, b_op1(s->b, OP_neg, mul(s, x, x)));
  grad_to(s, 0, mul(s, dy, mul(s, num(s, x, 1.1283791670955126), bell)));
}

/* Between float types the adjoint is cast back; through integers and bools nothing flows. */
void vjp_cast(Grad *s, Id n, Id dy) {
  DType from = node_type(s->b->g, node_in(s->b->g, n, 0))->dtype;
  if (dtype_is_float(from) && dtype_is_float(node_type(s->b->g, n)->dtype)) grad_to(s, 0, b_cast(s->b, dy, from));
}

void vjp_add(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, dy);
  grad_to(s, 1, dy);
}

void vjp_sub(Grad *s, Id n, Id dy) {
  (void)n;
  grad_to(s, 0, dy);
  if (grad_wants(s, 1)) grad_to(s, 1, b_op1(s->b, OP_neg, dy));
}

void vjp_mul(Grad *s, Id n, Id dy) {
  Id a = node_in(s->b->g, n, 0), b = node_in(s->b->g, n, 1);
  if (grad_wants(s, 0)) grad_to(s, 0, mul(s, dy, b));
  if (grad_wants(s, 1)) grad_to(s, 1, mul(s, dy, a));
}

/* d(a/b)/db = -(a/b)/b */
void vjp_div(Grad *s, Id n, Id dy) {
  Id b = node_in(s->b->g, n, 1), q = b_op2(s->b, OP_div, dy, b);
  grad_to(s, 0, q);
  if (grad_wants(s, 1)) grad_to(s, 1, b_op1(s->b, OP_neg, mul(s, q, n)));
}

/* mod(a, b) = a - floor(a/b) b, floor being locally constant. */
void vjp_mod(Grad *s, Id n, Id dy) {
  Id a = node_in(s->b->g, n, 0), b = node_in(s->b->g, n, 1);
  grad_to(s, 0, dy);
  if (grad_wants(s, 1)) grad_to(s, 1, b_op1(s->b, OP_neg, mul(s, dy, b_op2(s->b, OP_idiv, a, b))));
}

/* d/da = b a^(b-1), 0 where b is 0; d/db = log(a) a^b, 0 where a is 0 and b is not negative (the limit). */
void vjp_pow(Grad *s, Id n, Id dy) {
  Graph *g = s->b->g;
  Id a = node_in(g, n, 0), b = node_in(g, n, 1);
  double p;
  if (grad_wants(s, 0) && node_is_splat(g, b, &p)) {
    Id power = p == 2 ? a : p == 3 ? mul(s, a, a) : b_op2(s->b, OP_pow, a, num(s, a, p - 1));
    grad_to(s, 0, p == 0 ? zero_like(s, dy) : mul(s, dy, mul(s, b, power)));
  } else if (grad_wants(s, 0)) {
    Id slope = mul(s, b, b_op2(s->b, OP_pow, a, b_op2(s->b, OP_sub, b, num(s, b, 1))));
    Id flat = b_op2(s->b, OP_eq, b, zero_like(s, b));
    grad_to(s, 0, mul(s, dy, b_op3(s->b, OP_where, flat, zero_like(s, b), slope)));
  }
  if (grad_wants(s, 1)) {
    Id zero = zero_like(s, a), at_zero = b_op2(s->b, OP_eq, a, zero);
    Id flat = b_op2(s->b, OP_and, at_zero, b_op2(s->b, OP_le, zero, b));
    Id log = b_op1(s->b, OP_log, b_op3(s->b, OP_where, flat, num(s, a, 1), a));
    grad_to(s, 1, mul(s, dy, mul(s, n, log)));
  }
}

/* The adjoint goes to the operand that was taken, at a tie half of it to each. So kinks that cancel in an expression,
 * as in max(x, 0) - abs(x) / 2, cancel in its gradient. abs' and sign are 0 at 0 for the same reason. */
static void vjp_choice(Grad *s, Id dy, Id first, Id second) {
  Id zero = zero_like(s, dy), half = mul(s, dy, num(s, dy, 0.5));
  if (grad_wants(s, 0)) grad_to(s, 0, b_op3(s->b, OP_where, first, dy, b_op3(s->b, OP_where, second, zero, half)));
  if (grad_wants(s, 1)) grad_to(s, 1, b_op3(s->b, OP_where, second, dy, b_op3(s->b, OP_where, first, zero, half)));
}

static Id below(Grad *s, Id n, int i, int k) {
  return b_op2(s->b, OP_lt, node_in(s->b->g, n, i), node_in(s->b->g, n, k));
}

void vjp_max(Grad *s, Id n, Id dy) { vjp_choice(s, dy, below(s, n, 1, 0), below(s, n, 0, 1)); }
void vjp_min(Grad *s, Id n, Id dy) { vjp_choice(s, dy, below(s, n, 0, 1), below(s, n, 1, 0)); }

/* The condition of the `where` n. For where(x <= 0, 0, x), which is relu, it is recomputed from the result, so that
 * nothing else is kept for the backward pass. */
static Id condition(const Grad *s, Id n) {
  const Graph *g = s->b->g;
  Id c = node_in(g, n, 0), x = node_in(g, n, 2);
  double a, b;
  bool relu = node_get(g, c)->op == OP_le && node_in(g, c, 0) == x && node_is_splat(g, node_in(g, c, 1), &a) &&
              a == 0 && node_is_splat(g, node_in(g, n, 1), &b) && b == 0 &&
              node_get(g, n)->type == node_get(g, x)->type;
  return relu ? b_op2(s->b, OP_le, n, node_in(g, c, 1)) : c;
}

void vjp_where(Grad *s, Id n, Id dy) {
  Id c = condition(s, n), zero = zero_like(s, dy);
  if (grad_wants(s, 1)) grad_to(s, 1, b_op3(s->b, OP_where, c, dy, zero));
  if (grad_wants(s, 2)) grad_to(s, 2, b_op3(s->b, OP_where, c, zero, dy));
}
