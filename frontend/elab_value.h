/* Values of the elaborator, the functions among them, calls and their arguments: what elab_value.c makes and tells apart.
 * A part of elab_priv.h. */
#ifndef GRADC_ELAB_VALUE_H
#define GRADC_ELAB_VALUE_H
#include "frontend/ast.h"
#include "ir/build.h"

typedef enum ValueKind {
  V_ERROR, V_NONE, V_INT, V_SIZE, V_FLOAT, V_BOOL, V_STR, V_LIST, V_FN, V_STATE, V_TENSOR
} ValueKind;
typedef struct List List;
typedef struct Fn Fn;
typedef struct Value {
  ValueKind kind;
  union {
    int64_t i;     /* INT: the number; SIZE: a Dim that is not constant; BOOL: 0 or 1; STATE: number of the var */
    double f;
    const char *s; /* interned */
    List *list;
    Fn *fn;
    Id id;         /* TENSOR: a node of g */
  };
  Graph *g;
} Value;
/* How deep lists and bound functions nest in a value, how many values it holds, whether it can become a tensor. */
typedef struct Extent { int depth; int64_t count; bool numbers; } Extent;
struct List {
  int n;
  Value *v;
  Extent extent;       /* count 0: not measured yet */
  Value tensor;        /* what it became as a tensor last */
};

typedef struct Elab Elab;
typedef struct Call Call;
typedef struct File File;
typedef struct Def {
  const char *name;
  const Ast *ast;
  File *file;
  bool called;
} Def;

/* A primitive reached by name. `params`: names separated by spaces, `?` behind optional ones; `*` last takes any
 * further positional arguments, `**` any named ones too. */
typedef struct Intrinsic {
  const char *name, *params;
  Value (*fn)(Elab *e, Call *k);
  bool internal; /* only the files that the compiler carries may call it */
} Intrinsic;

typedef struct Instance Instance;
typedef struct Bound { const char *name; Value v; Loc at; int len; } Bound;
struct Fn { /* one of def, intrinsic, op, and what is bound already */
  Def *def;
  const Intrinsic *intrinsic;
  int op;              /* 0: none */
  Instance *inst;      /* called through a `use` */
  int nbound;
  Bound *bound;        /* by name */
  Extent extent;
  Loc at;
};

typedef struct Arg {
  const char *name;    /* NULL: positional */
  const Ast *ast;      /* NULL: made by the elaborator */
  Value v;
  bool set;
  Loc at;
  int len;
} Arg;
struct Call {
  const char *name;    /* how messages call the callee */
  Loc at, mark;        /* the whole call; the called name */
  int len, mark_len;
  Arg *arg;            /* as given; for intrinsics: by parameter, then the rest */
  int n;
};

static inline Value v_int(int64_t i) { return (Value){.kind = V_INT, .i = i}; }
static inline Value v_float(double f) { return (Value){.kind = V_FLOAT, .f = f}; }
static inline Value v_bool(bool b) { return (Value){.kind = V_BOOL, .i = b}; }
static inline Value v_str(const char *s) { return (Value){.kind = V_STR, .s = s}; }
static inline Value v_error(void) { return (Value){.kind = V_ERROR}; }
static inline Value v_none(void) { return (Value){.kind = V_NONE}; }
static inline bool v_bad(Value v) { return v.kind == V_ERROR; }
Value v_list(Elab *e, int n, const Value *v); /* v NULL: to be filled before anything else looks at it */
Value v_fn(Elab *e, Fn fn);
Value v_dim(Elab *e, Dim d);                  /* INT or SIZE */
Value v_tensor(Elab *e, Id id);               /* of the graph being built; 0 gives V_ERROR */
bool v_number(Value v, double *f);            /* INT or FLOAT */
bool v_same(Value a, Value b);
int64_t v_count(Value v);                     /* of all values in it: what walking it takes */
Value el_limited(Elab *e, Value v, Loc at, int len); /* v, unless it nests too deeply or holds too much */
bool v_is_dim(Value v, Dim *d);               /* an INT >= 0 or a SIZE */
bool v_tensorlike(Value v);                   /* a tensor, or a list that can become one */
const char *v_text(Elab *e, Value v);         /* for messages: "f32[8, 10]", "3", "a list" */
const char *v_kind(Value v);
const char *el_type_text(Elab *e, TypeId t);  /* as in the language: "f32[8, 10]" */
Id el_here(Elab *e, Value v);                 /* node of the graph being built; captures into scan bodies */
/* The value as a tensor; numbers and lists become constants of type `want` (DT_COUNT: f32, or i32 if all whole). */
Id el_tensor(Elab *e, Value v, DType want, const Ast *at);
/* The constant `id`, which is new if g had fewer than id nodes before, as one that no other is taken for: tests have no
 * inputs, so they differentiate by constants, and equal constants are one node. In other graphs they stay one. */
Id el_own(Elab *e, Graph *g, Id id, int before);
Id el_disown(Elab *e, Id id); /* the one that all equal constants are without that */
TypeId el_type(Elab *e, Id id);
bool el_same_type(Elab *e, TypeId a, TypeId b); /* of open sizes: whether they can be */
const Type *el_ty(Elab *e, Id id);
TypeId el_scalar(Elab *e, DType t);
#endif
