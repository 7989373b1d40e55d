/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: tensors, static values, index notation. */
#ifndef GRADC_ELAB_EXPR_H
#define GRADC_ELAB_EXPR_H
#include "frontend/elab/elab_value.h"

/* ---- elab_expr.c ---- */
Value el_expr(Elab *e, const Ast *a);
Value el_static(Elab *e, const Ast *a); /* must be known at compile time */
Value el_binary(Elab *e, int op, Value a, Value b, const Ast *at, const Ast *left, const Ast *right);
Value el_unary(Elab *e, int op, Value a, const Ast *at);
Value el_op(Elab *e, int op, const Value *v, int n, AttrId attr, const Call *k); /* element-wise, mixed operands */
/* The op of a binary AST_ operator, and whether its operands are swapped; -1: no such op. */
int el_operator(int op, bool *swapped);

/* ---- elab_static.c ---- */
Value el_static_binary(Elab *e, int op, Value a, Value b, const Ast *at);
Value el_static_op(Elab *e, int op, const Value *v, int n, const Call *k); /* exp(0.5); V_NONE: not of numbers */

/* ---- elab_tensor.c ---- */
Id el_matmul(Elab *e, Id a, Id b, const Ast *at, const Ast *left, const Ast *right);
Id el_contract(Elab *e, Id a, const char *la, Id b, const char *lb, const char *out, Loc loc); /* labels as in einsum */
Value el_subscript(Elab *e, const Ast *a);

/* ---- elab_index.c ---- */
Value el_index_def(Elab *e, const Ast *s);
Value el_index_reduce(Elab *e, const Ast *a);
#endif
