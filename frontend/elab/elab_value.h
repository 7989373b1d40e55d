/* SPDX-License-Identifier: Apache-2.0 */
/* Static values and tensors: what an expression elaborates to. elab_value.c makes them, compares them, shows them in
 * messages and makes nodes of the graph from them. */
#ifndef GRADC_ELAB_VALUE_H
#define GRADC_ELAB_VALUE_H
#include "frontend/syntax/ast.h"
#include "ir/ir.h"

typedef struct Elab Elab;
typedef struct List List;
typedef struct Fn Fn;
typedef struct Call Call;
typedef struct Intrinsic Intrinsic;
typedef struct ModuleInstance ModuleInstance;

typedef enum ValueKind {
  V_ERROR,
  V_NONE,
  V_INT,
  V_SIZE,
  V_FLOAT,
  V_BOOL,
  V_STR,
  V_LIST,
  V_FN,
  V_STATE,
  V_TENSOR
} ValueKind;
typedef struct Value {
  ValueKind kind;
  union {
    int64_t i; /* INT: the number; SIZE: a Dim that is not constant; BOOL: 0 or 1; STATE: number of the var */
    double f;
    const char *s; /* interned */
    List *list;
    Fn *fn;
    Id id; /* TENSOR: a node of g */
  };
  Graph *g;
  /* TENSOR: `where` chose it among static ints, in so many steps. It is f32; el_tensor makes it anew in the type of its
   * use. */
  int int_choice;
} Value;

/* How deep lists and bound functions nest in a value, how many values it holds, and whether it can become a tensor. */
typedef struct Extent {
  int depth;
  int64_t count;
  bool numbers;
} Extent;
struct List {
  int n;
  Value *v;
  Extent extent; /* count 0: not measured yet */
  Value tensor;  /* the tensor that it was last converted to */
};

typedef struct File File;
typedef struct Def {
  const char *name;
  const Ast *ast;
  File *file;
  bool called;
} Def;

typedef struct Bound {
  const char *name;
  Value v;
  Loc at;
  int len;
} Bound;
struct Fn { /* one of def, intrinsic and op, with the arguments that are bound already */
  Def *def;
  const Intrinsic *intrinsic;
  int op;                   /* 0: none */
  ModuleInstance *instance; /* called through a `use` */
  int nbound;
  Bound *bound; /* by name */
  Extent extent;
  Loc at;
};

typedef struct Arg {
  const char *name; /* NULL: positional */
  const Ast *ast;   /* NULL: made by the elaborator */
  Value v;
  bool set;
  Loc at;
  int len;
} Arg;
struct Call {
  const char *name; /* the callee's name in messages */
  Loc at, caret;    /* the whole call; the called name */
  int len, caret_len;
  Arg *arg; /* as given; for intrinsics: by parameter, then the rest */
  int n;
};

static inline Value v_int(int64_t i) { return (Value){.kind = V_INT, .i = i}; }
static inline Value v_float(double f) { return (Value){.kind = V_FLOAT, .f = f}; }
static inline Value v_bool(bool b) { return (Value){.kind = V_BOOL, .i = b}; }
static inline Value v_str(const char *s) { return (Value){.kind = V_STR, .s = s}; }
static inline Value v_error(void) { return (Value){.kind = V_ERROR}; }
static inline Value v_none(void) { return (Value){.kind = V_NONE}; }
static inline bool v_bad(Value v) { return v.kind == V_ERROR; }
Value v_list(Elab *e, int n, const Value *v); /* v NULL: to be filled before anything else reads it */
Value v_fn(Elab *e, Fn fn);
Value v_dim(Elab *e, Dim d);       /* INT or SIZE */
Value v_tensor(Elab *e, Id id);    /* of the graph being built; 0 gives V_ERROR */
bool v_number(Value v, double *f); /* INT or FLOAT */
bool v_same(Value a, Value b);
int64_t v_count(Value v);             /* of all values in it: the cost of walking it */
bool v_is_dim(Value v, Dim *d);       /* an INT >= 0 or a SIZE */
bool v_tensorlike(Value v);           /* a tensor, or a list that can become one */
const char *v_text(Elab *e, Value v); /* for messages: "f32[8, 10]", "3", "a list" */
const char *v_kind(Value v);
Value el_check_extent(Elab *e, Value v, Loc at, int len); /* v, or an error if it nests too deeply or holds too much */

/* ---- types of nodes ---- */
TypeId el_type_id(Elab *e, Id id);
const Type *el_type(Elab *e, Id id);
TypeId el_scalar(Elab *e, DType t);
bool el_same_type(Elab *e, TypeId a, TypeId b); /* types with open sizes: whether they can be the same */
const char *el_type_text(Elab *e, TypeId t);    /* as in the language: "f32[8, 10]" */

/* ---- values as nodes of the graph being built ---- */
Id el_local_node(Elab *e, Value v); /* captures a tensor of an outer graph into the body of a scan */
/* The value as a tensor; numbers and lists become constants of type `want` (DT_COUNT: f32, or i32 if
 * all are integers). */
Id el_tensor(Elab *e, Value v, DType want, const Ast *at);
/* Tests have no inputs, so they differentiate with respect to constants; but equal constants are one node. In a test
 * el_make_unique returns a copy of constant `id` that is merged with no other, if `id` is new (g had fewer than id
 * nodes `before`). el_shared returns the shared node again. */
Id el_make_unique(Elab *e, Graph *g, Id id, int before);
Id el_shared(Elab *e, Id id);

/* Lists of dimensions; `from` may be NULL when n is 0, as a Type's is. */
static inline void dims_copy(Dim *to, const Dim *from, int n) {
  for (int i = 0; i < n; i++) to[i] = from[i];
}
static inline bool dims_same(const Dim *a, const Dim *b, int n) {
  for (int i = 0; i < n; i++)
    if (a[i] != b[i]) return false;
  return true;
}
#endif
