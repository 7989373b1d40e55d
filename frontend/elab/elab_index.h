/* SPDX-License-Identifier: Apache-2.0 */
/* Index notation, for elab_index*.c only.
 *
 * `y[b, o] = sum[i](x[b, i] * w[i, o])`: first every index gets its extent from the axes that it indexes, then the
 * expression is evaluated with tensors whose axes carry indices as labels. */
#ifndef GRADC_ELAB_INDEX_H
#define GRADC_ELAB_INDEX_H
#include "frontend/elab/elab_value.h"

enum { IX_MAX = 64, IX_TERMS = 8 };

typedef struct IxVar {
  const char *name;
  Dim extent;
  bool known;
  const Ast *at;
} IxVar;

typedef struct IxLinear { /* offset + sum of coef * var: the index of one axis */
  int n, var[IX_TERMS];
  int64_t coef[IX_TERMS], offset;
} IxLinear;

typedef struct IxUse {
  const Ast *at;
  Dim size;
  IxLinear f;
} IxUse;

typedef struct Index {
  struct Index *up;
  IxVar var[IX_MAX];
  int nvar;
  int active[IX_MAX], nactive; /* visible ones, innermost last */
  struct {
    const Ast *reduce;
    int first;
  } binder[IX_MAX];
  int nbinder;
  struct {
    const Ast *ast;
    Value v;
  } * base; /* subscripted tensors, each evaluated once */
  int nbase, capbase;
  IxUse *use;
  int nuse, capuse;
} Index;

/* A value with indices: axis i of the tensor is var label[i]. Static numbers have no axes. */
typedef struct IxVal {
  Value v;
  int n, label[MAX_RANK];
} IxVal;

int ix_find(const Index *x, const char *name); /* visible var of that name; -1 */
bool ix_mentions(const Index *x, const Ast *a);
bool ix_linear(Elab *e, Index *x, const Ast *a, IxLinear *f, bool *fits); /* false: reported; *fits: is of this form */
bool ix_push(Elab *e, Index *x, const Ast *names, int from, const Ast *binder);
void ix_pop(Index *x, const Ast *names, int from);
void ix_enter(Index *x, const Ast *reduce); /* makes the vars of a reduction visible again */
Value ix_base(Elab *e, Index *x, const Ast *a);
bool ix_extents(Elab *e, Index *x, const Ast *expr);
IxVal ix_read(Elab *e, Index *x, const Ast *a);
IxVal ix_eval(Elab *e, Index *x, const Ast *a);
/* Transposes v to these axes; a missing one gets size 1, or (widen) the index's extent */
IxVal ix_order(Elab *e, Index *x, IxVal v, int n, const int *label, bool widen);
/* By sum, max or min; labels that v lacks are ignored. */
IxVal ix_reduce(Elab *e, IxVal v, const char *how, int n, const int *label);
int ix_union(int n, int *label, const IxVal *v); /* adds v's labels; the new count; over MAX_RANK: -1 */
bool ix_has(const IxVal *v, int label);
IxVal ix_none(void);
#endif
