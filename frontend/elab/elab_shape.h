/* SPDX-License-Identifier: Apache-2.0 */
/* Types and shapes of signatures: unification with arguments, and evaluation of declared ones. */
#ifndef GRADC_ELAB_SHAPE_H
#define GRADC_ELAB_SHAPE_H
#include "frontend/elab/elab_value.h"

typedef struct ParamType {
  bool tensor;
  int dtype; /* tensor: a DType, P_ANY, P_FLOAT, P_INT or P_SHAPE (a list of sizes); else the ValueKind that it takes */
  const Ast *ast;
} ParamType;
enum { P_ANY = DT_COUNT + 1, P_FLOAT, P_INT, P_SHAPE };
bool el_param_type(Elab *e, const Ast *type, ParamType *p); /* elab_type.c */
bool el_unify(Elab *e, const ParamType *p, TypeId t, const Ast *arg, const char *name, const Call *k);
bool el_unify_pending(Elab *e, const Ast *def, const Call *k); /* patterns that other arguments had to solve first */
bool el_shape(Elab *e, const Ast *type, int *rank, Dim *dim);  /* all sizes must be known */
TypeId el_declared(Elab *e, const Ast *type);                  /* of param, state, field */
bool el_check_result(Elab *e, const Def *d, Value v);
bool el_dim(Elab *e, const Ast *a, Dim *d);
bool el_named_size(Elab *e, const Ast *a);        /* a shape variable: a name in a shape without a value */
const Ast *el_open_dim(Elab *e, const Ast *type); /* a size that has no value yet, or NULL */
const char *el_source(Elab *e, const Ast *a);     /* its text */
#endif
