// SPDX-License-Identifier: Apache-2.0
/* ai.onnx.preview.training: one step of an optimizer on any number of tensors; operands are the rate, the number of
 * the step, then all tensors, all gradients, all states of the first kind, of the second kind. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* A bound attribute as text. */
static const char *number(Oper *o, const char *name, double otherwise) {
  return op_num(o, op_float(o, name, otherwise));
}

/* The number of tensors, or 0; `kinds` states belong to each. */
static int tensors(Oper *o, int kinds) {
  int n = (o->nin - 2) / (2 + kinds);
  if (n >= 1 && o->nin == 2 + n * (2 + kinds) && o->nout == n * (1 + kinds)) {
    for (int i = 2; i < o->nin; i++) op_shape(o, i);
    return o->refused ? 0 : n;
  }
  op_refuse(o, E_ONNX_NODE, "another number of operands than results");
  return 0;
}

/* A scalar operand in the type of tensor i. */
static const char *scalar(Oper *o, int operand, int i) {
  const Shape *s = op_shape(o, operand);
  const char *x = s->rank ? op_str(o, "reshape(%s, [])", op_x(o, operand)) : op_x(o, operand);
  if (shape_count(s) != 1) op_refuse(o, E_ONNX_NODE, "operand %d is no number", operand + 1);
  return s->type == op_shape(o, i)->type ? x : op_str(o, "%s(%s)", type_name(op_shape(o, i)->type), x);
}

static const char *regular(Oper *o, int x, int g) {
  double norm = op_float(o, "norm_coefficient", 0);
  if (norm == 0) return op_x(o, g);
  return op_let(o, "g", "%s * %s + %s", op_num(o, norm), op_x(o, x), op_x(o, g));
}

/* Gradients of the sum of the value `y` by the operands, which are the values `xs`. */
void op_gradient(Oper *o) {
  const OnnxAttr *xs = op_attr(o, "xs");
  Value *y = onnx_scope_find(o->scope, op_string(o, "y", ""));
  if (!xs || !y || y->failed || xs->nstrings > o->nin || o->nout != xs->nstrings)
    return op_refuse(o, E_ONNX_NODE, "its attributes name values that are not there");
  for (int i = 0; i < xs->nstrings; i++)
    if (!has_in(o, i) || onnx_scope_find(o->scope, xs->strings[i]) != o->in[i] || o->in[i]->known)
      return op_refuse(o, E_ONNX_NODE, "operand %d is another value than `%s`", i + 1, xs->strings[i]);
  o->inputs |= y->inputs;
  for (int i = 0; i < o->nout; i++) op_give(o, i, *op_shape(o, i), "grad(%s, %s)", onnx_text(o->m, y), op_x(o, i));
}

void op_adagrad(Oper *o) {
  int n = tensors(o, 1);
  for (int i = 2; i < n + 2 && !o->refused; i++) {
    const char *g = regular(o, i, i + n), *r = scalar(o, 0, i), *t = scalar(o, 1, i);
    double decay = op_float(o, "decay_factor", 0);
    if (decay != 0) r = op_let(o, "rate", "%s / (1 + %s * %s)", r, t, op_num(o, decay));
    const char *h = op_let(o, "squares", "%s + %s * %s", op_x(o, i + 2 * n), g, g);
    op_give(o, i - 2, *op_shape(o, i), "%s - %s * %s / (sqrt(%s) + %s)", op_x(o, i), r, g, h,
            number(o, "epsilon", 1e-6));
    op_give(o, i - 2 + n, *op_shape(o, i + 2 * n), "%s", h);
  }
}

void op_momentum(Oper *o) {
  int n = tensors(o, 1);
  bool nesterov = !strcmp(op_string(o, "mode", "standard"), "nesterov");
  const char *alpha = number(o, "alpha", 0);
  for (int i = 2; i < n + 2 && !o->refused; i++) {
    const char *g = regular(o, i, i + n), *r = scalar(o, 0, i), *t = scalar(o, 1, i);
    const char *v =
      op_let(o, "speed", "%s * %s + where(%s > 0, %s, 1) * %s", alpha, op_x(o, i + 2 * n), t, number(o, "beta", 0), g);
    const char *by = nesterov ? op_str(o, "(%s + %s * %s)", g, alpha, v) : v;
    op_give(o, i - 2, *op_shape(o, i), "%s - %s * %s", op_x(o, i), r, by);
    op_give(o, i - 2 + n, *op_shape(o, i + 2 * n), "%s", v);
  }
}

void op_adam(Oper *o) {
  int n = tensors(o, 2);
  double a = op_float(o, "alpha", 0.9), b = op_float(o, "beta", 0.999), post = op_float(o, "norm_coefficient_post", 0);
  const char *alpha = op_num(o, a), *beta = op_num(o, b);
  for (int i = 2; i < n + 2 && !o->refused; i++) {
    const char *g = regular(o, i, i + n), *r = scalar(o, 0, i), *t = scalar(o, 1, i);
    const char *v = op_let(o, "mean", "%s * %s + %s * %s", alpha, op_x(o, i + 2 * n), op_num(o, 1 - a), g);
    const char *h = op_let(o, "squares", "%s * %s + %s * (%s * %s)", beta, op_x(o, i + 3 * n), op_num(o, 1 - b), g, g);
    r = op_let(o, "rate", "where(%s > 0, %s * sqrt(1 - %s ** %s) / (1 - %s ** max(%s, 1)), %s)", t, r, beta, t, alpha,
               t, r);
    const char *x = op_str(o, "%s - %s * (%s / (sqrt(%s) + %s))", op_x(o, i), r, v, h, number(o, "epsilon", 1e-6));
    if (post != 0) x = op_str(o, "%s * (%s)", op_num(o, 1 - post), x);
    op_give(o, i - 2, *op_shape(o, i), "%s", x);
    op_give(o, i - 2 + n, *op_shape(o, i + 2 * n), "%s", v);
    op_give(o, i - 2 + 2 * n, *op_shape(o, i + 3 * n), "%s", h);
  }
}
