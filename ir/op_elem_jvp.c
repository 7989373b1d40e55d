/* Forward mode of the element-wise ops, and of every linear op.
 *
 * It checks reverse mode, so each derivative is stated on its own, and where there is another form of it, by that one
 * (of tanh: 4 s(2x) s(-2x), s the logistic function). t, ta, tb are tangents of operands; 0 stands for a zero one. */
#include "grad.h"
#include "rule.h"

static Id times(Graph *g, Id t, Id slope) { return t ? b_op2(g, OP_mul, t, slope) : 0; }
static Id over(Graph *g, Id t, Id by) { return t ? b_op2(g, OP_div, t, by) : 0; }
static Id minus(Graph *g, Id t) { return t ? b_op1(g, OP_neg, t) : 0; }
static Id plus(Graph *g, Id ta, Id tb) { return !ta ? tb : !tb ? ta : b_op2(g, OP_add, ta, tb); }
static Id pick(Graph *g, Id c, Id ta, Id tb) {
  if (!ta && !tb) return 0;
  Id zero = b_like(g, ta ? ta : tb, 0);
  return b_op3(g, OP_where, c, ta ? ta : zero, tb ? tb : zero);
}

/* That of the operand taken, max(a, b) or min(b, a); at a tie the mean of both. */
static Id choose(Graph *g, Id a, Id b, Id ta, Id tb) {
  Id mean = times(g, plus(g, ta, tb), b_like(g, a, 0.5));
  return pick(g, b_op2(g, OP_eq, a, b), mean, pick(g, b_op2(g, OP_lt, b, a), ta, tb));
}

static Id square(Graph *g, Id x) { return b_op2(g, OP_mul, x, x); }

/* s(x) s(-x) is the derivative of the logistic function s. */
static Id logistic_slope(Graph *g, Id x) {
  return b_op2(g, OP_mul, b_op1(g, OP_sigmoid, x), b_op1(g, OP_sigmoid, b_op1(g, OP_neg, x)));
}

/* a^b: ta * b a^(b-1) + tb * a^b log(a), each part 0 where its limit is (b = 0; a = 0). */
static Id pow_tangent(Graph *g, Id a, Id b, Id y, Id ta, Id tb) {
  Id zero = b_like(g, a, 0), one = b_like(g, a, 1);
  if (ta) {
    Id p = b_op2(g, OP_mul, b_op2(g, OP_pow, a, b_op2(g, OP_sub, b, one)), b);
    ta = pick(g, b_op2(g, OP_ne, b, zero), times(g, ta, p), 0);
  }
  if (tb) {
    Id flat = b_op2(g, OP_and, b_op2(g, OP_eq, a, zero), b_op2(g, OP_le, zero, b));
    tb = pick(g, flat, 0, times(g, tb, b_op2(g, OP_mul, y, b_op1(g, OP_log, b_op3(g, OP_where, flat, one, a)))));
  }
  return plus(g, ta, tb);
}

static Id unary_tangent(Graph *g, Op op, Id x, Id y, Id t) {
  Id one = b_like(g, x, 1);
  switch (op) {
  case OP_neg: return minus(g, t);
  case OP_copy: return t;
  case OP_abs: return pick(g, b_op2(g, OP_lt, x, b_like(g, x, 0)), minus(g, t), times(g, t, b_op1(g, OP_sign, y)));
  case OP_exp:
  case OP_expm1: return times(g, t, b_op1(g, OP_exp, x));
  case OP_log: return over(g, t, x);
  case OP_log1p: return over(g, t, b_op2(g, OP_add, one, x));
  case OP_sqrt: return times(g, t, b_op2(g, OP_mul, b_like(g, x, 0.5), b_op1(g, OP_rsqrt, x)));
  case OP_rsqrt: return over(g, times(g, t, b_op2(g, OP_mul, b_like(g, x, -0.5), y)), x);
  case OP_sin: return times(g, t, b_op1(g, OP_cos, x));
  case OP_cos: return minus(g, times(g, t, b_op1(g, OP_sin, x)));
  case OP_tanh: {
    Id s = logistic_slope(g, b_op2(g, OP_add, x, x));
    return times(g, t, b_op2(g, OP_mul, b_like(g, x, 4), s));
  }
  case OP_sigmoid: return times(g, t, logistic_slope(g, x));
  case OP_erf: return times(g, over(g, t, b_op1(g, OP_exp, square(g, x))), b_like(g, x, 1.1283791670955126));
  default: return 0;
  }
}

static Id binary_tangent(Graph *g, Op op, Id a, Id b, Id y, Id ta, Id tb) {
  switch (op) {
  case OP_add: return plus(g, ta, tb);
  case OP_sub: return plus(g, ta, minus(g, tb));
  case OP_mul: return plus(g, times(g, ta, b), times(g, tb, a));
  case OP_div: return plus(g, over(g, ta, b), minus(g, times(g, tb, b_op2(g, OP_div, a, square(g, b)))));
  case OP_mod: return plus(g, ta, minus(g, times(g, tb, b_op1(g, OP_floor, b_op2(g, OP_div, a, b)))));
  case OP_pow: return pow_tangent(g, a, b, y, ta, tb);
  case OP_max: return choose(g, a, b, ta, tb);
  case OP_min: return choose(g, b, a, ta, tb);
  default: return 0;
  }
}

Id jvp_elem(Grad *s, Id n, const Id *tangent) {
  Graph *g = s->g;
  Op op = (Op)node_get(g, n)->op;
  const Type *type = node_type(g, n);
  Id in[3] = {0}, t;
  for (int i = 0; i < op_info[op].arity; i++) in[i] = node_in(g, n, i);
  if (op == OP_where)
    t = pick(g, in[0], tangent[1], tangent[2]);
  else if (op_info[op].arity == 2)
    t = binary_tangent(g, op, in[0], in[1], n, tangent[0], tangent[1]);
  else
    t = tangent[0] ? unary_tangent(g, op, in[0], n, tangent[0]) : 0;
  return t ? b_broadcast(g, t, type->rank, type->dim) : 0; /* tangents have the shape of their value */
}

Id jvp_cast(Grad *s, Id n, const Id *tangent) {
  DType to = node_type(s->g, n)->dtype;
  return tangent[0] && dtype_is_float(to) ? b_cast(s->g, tangent[0], to) : 0;
}

/* An op linear in its only operand, applied to the tangent. */
Id jvp_linear(Grad *s, Id n, const Id *tangent) {
  const Node *d = node_get(s->g, n);
  return tangent[0] ? graph_node(s->g, (Op)d->op, tangent, 1, d->attr, d->loc) : 0;
}
