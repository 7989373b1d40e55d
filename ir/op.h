/* SPDX-License-Identifier: Apache-2.0 */
/* Ops: the table, their attributes, and the functions that a row names. */
#ifndef GRADC_OP_H
#define GRADC_OP_H
#include "type.h"

typedef uint32_t Id; /* node of a graph; 0: none */
typedef struct IdList {
  Id *v;
  int n, cap;
} IdList;
typedef uint32_t AttrId; /* interned attribute record; 0: no attributes */

/* ---- the table: see ops.def for the columns ---- */
typedef enum Op {
  OP_NONE,
#define OP(name, ...) OP_##name,
#include "ops.def"
#undef OP
  OP_COUNT
} Op;
/* Classes say how an op is computed: which kind of kernel a node makes, or joins. */
#define OP_CLASSES(X) \
  X(LEAF, "leaf") \
  X(ELEM, "element-wise") \
  X(VIEW, "view") \
  X(CONCAT, "concatenation") \
  X(REDUCE, "reduction") \
  X(CONTRACT, "contraction") \
  X(CONV, "convolution") \
  X(ATTEND, "attention") \
  X(WINDOW, "window") \
  X(GATHER, "gather") \
  X(SCATTER, "scatter") \
  X(CUM, "cumulative") \
  X(SORT, "sort") \
  X(SCAN, "scan") \
  X(TUPLE, "tuple") \
  X(META, "gradient")
typedef enum OpClass {
#define X(cls, name) CL_##cls,
  OP_CLASSES(X)
#undef X
    CL_COUNT
} OpClass;
/* Flags, with the names that `gradc ops` prints; "": none. */
#define OP_FLAGS(X) \
  X(COMMUTATIVE, "commutes")      /* binary: the operands may be exchanged without changing a bit */ \
  X(NO_GRAD, "nograd")            /* no gradient flows through it: integer results, comparisons, stop_gradient */ \
  X(LINEAR, "linear")             /* linear in its operands jointly; with one, jvp applies the op to the tangent */ \
  X(CONST_FOLD, "folds")          /* may be evaluated at compile time when its inputs are constants */ \
  X(BOOL_RESULT, "boolean")       /* element-wise with bool result */ \
  X(SELECT, "chooses")            /* the first operand is a bool that selects one of the others */ \
  X(CAST, "")                     /* converts to another element type */ \
  X(PICKS_OPERAND, "")            /* element-wise: the result is one of the operands, so it needs no rounding */ \
  X(DATA_MOVEMENT, "moves")       /* each element is one of the operand's, at another index or of another type */ \
  X(ROW_MAJOR_VIEW, "flat")       /* a view that keeps row-major positions */ \
  X(INIT_LOWEST, "from_lowest")   /* a reduction whose initial value is the lowest of its type instead of 0 */ \
  X(INIT_HIGHEST, "from_highest") /* the same with the highest value */ \
  X(ARG_REDUCE, "arg")            /* a reduction to the index of the element that the body prefers */ \
  X(SINGULAR, "pole")             /* element-wise: it or its derivative is infinite at some finite operands, unless \
                                      the second is a constant of 1 or more */ \
  X(RANDOM, "rng")                /* depends on the run's seed and counters */ \
  X(CALLER_MEMORY, "memory")      /* a leaf in memory of the caller: an input, weight or state */
enum {
#define X(flag, name) OPF_BIT_##flag,
  OP_FLAGS(X)
#undef X
};
enum OpFlags {
#define X(flag, name) OPF_##flag = 1 << OPF_BIT_##flag,
  OP_FLAGS(X)
#undef X
};

/* ---- attributes ---- */
#define ATTR_KINDS(X) \
  X(INT, "int") \
  X(FLOAT, "float") \
  X(STR, "str") \
  X(INTS, "ints") \
  X(DIMS, "dims") \
  X(DIM, "dim") \
  X(FLOATS, "floats") \
  X(DTYPE, "dtype") \
  X(GRAPH, "graph") \
  X(BOOL, "bool")
typedef enum AttrKind {
#define X(kind, name) AK_##kind,
  ATTR_KINDS(X)
#undef X
} AttrKind;
/* ATTR(op, field): the number of a field in the schema of an op. Reductions have the fields of `sum`. */
#define F(field, kind) char field;
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, ...) \
  typedef struct AttrOf_##name { \
    schema char end; \
  } AttrOf_##name;
#include "ops.def"
#undef OP
#undef F
#define ATTR(op, field) ((int)offsetof(AttrOf_##op, field))
typedef struct AttrField {
  const char *name;
  AttrKind kind;
} AttrField;

/* One attribute value; the field's kind says which member is used: INT BOOL DIM DTYPE GRAPH -> i; FLOAT -> f;
 * STR -> s (interned); INTS DIMS -> v, n; FLOATS -> fv, n. */
typedef struct AttrVal {
  int64_t i;
  double f;
  const char *s;
  const int64_t *v;
  const double *fv;
  int n;
} AttrVal;
typedef struct Attr {
  int n;          /* = number of schema fields of the op */
  uint32_t clone; /* recompute clones differ by it; 0: the original */
  uint32_t hints; /* statement hints, HINT_* */
  AttrVal *v;
} Attr;
/* Hints of vars, and of nodes: HINT_FP32, HINT_TF32 (a contraction whose operands may be rounded to tf32), and
 * HINT_REGION times its number for what a statement under @checkpoint computes, so that each such statement is a
 * separate region. */
enum Hints {
  HINT_NODECAY = 1,
  HINT_FREEZE = 2,
  HINT_FP32 = 4,
  HINT_TF32 = 8,
  HINT_CHECKPOINT = 128,
  HINT_REGION = 256
};

/* ---- rows ---- */

/* Inferring a type, and the arguments of a shape rule. A rule returns the result's type, or reports with shape_fail
 * and returns 0. */
typedef struct OpCall {
  Op op;
  const Id *in;
  int nin;
  AttrId attr;
  Loc loc;
  TypeId given; /* leaves: the type asked for */
} OpCall;
typedef TypeId ShapeFn(Graph *g, const OpCall *k);
TypeId shape_fail(Graph *g, const OpCall *k, int code, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

typedef struct Grad Grad;                           /* the autodiff driver's state: ir/grad.h */
typedef void VjpFn(Grad *s, Id n, Id dy);           /* calls grad_to(s, i, adjoint of input i) where one is wanted */
typedef Id JvpFn(Grad *s, Id n, const Id *tangent); /* tangent[i] of input i, 0: it is zero; returns the result's */
struct Eval;
typedef void EvalFn(struct Eval *e, Id n); /* interpreter: ir/interp.h */

typedef struct OpInfo {
  const char *name;
  int arity; /* -1: any number */
  OpClass cls;
  ShapeFn *shape;
  VjpFn *vjp;
  JvpFn *jvp;
  EvalFn *eval;
  int nfields;
  const AttrField *field; /* attribute schema */
  int flags, cost;        /* cost: recompute cost of one element, in multiplications */
  char precision_class;   /* c contraction, e element-wise, r reduction or norm, i index, - none */
  const char *body;       /* scalar body over a, b, c; "" when the op has none */
  const char *spelling;   /* operator or function by which the language reaches it; "": not by itself */
} OpInfo;
extern const OpInfo op_info[OP_COUNT];                 /* made by ops.c from ops.def */
int op_find(const char *name);                         /* -1: none */
int op_find_spelling(const char *spelling, int nargs); /* e.g. "+" with 2 operands, "exp" with 1; -1: none */
bool op_accepts_integers(Op op);                       /* element-wise ops: false where the rule asks for floats */
#endif
