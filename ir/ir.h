/* The IR: modules, graphs, types, dimensions, attributes and nodes.
 *
 * A graph is an array of small nodes in topological order, addressed by index (Id); node 0 does not exist. Types and
 * attributes are interned in the module, so equality is equality of numbers. graph_node() infers the type by the op's
 * shape rule and hash-conses: the same op on the same inputs with the same attributes is the same node.
 * Element-wise ops broadcast as NumPy does; dtypes of their operands must agree. Shapes are logical throughout. */
#ifndef GRADC_IR_H
#define GRADC_IR_H
#include "ctx.h"
#include "diag.h"

enum { MAX_RANK = 8, MAX_NODES = 1000000 };

typedef uint32_t Id;     /* node of a graph; 0: none */
typedef struct IdList { Id *v; int n, cap; } IdList;
typedef uint32_t TypeId; /* interned type; 0: none */
typedef uint32_t AttrId; /* interned attribute record; 0: no attributes */

/* ---- element types: name in the language, bytes, C type, kind (b bool, i signed, u unsigned, f float) ---- */
#define DTYPES(X)                                                                                       \
  X(BOOL, "bool", 1, "uint8_t", 'b') X(U8, "u8", 1, "uint8_t", 'u') X(I8, "i8", 1, "int8_t", 'i')       \
  X(U16, "u16", 2, "uint16_t", 'u') X(I16, "i16", 2, "int16_t", 'i') X(U32, "u32", 4, "uint32_t", 'u')  \
  X(I32, "i32", 4, "int32_t", 'i') X(F32, "f32", 4, "float", 'f') X(F64, "f64", 8, "double", 'f')      \
  X(F16, "f16", 2, "uint16_t", 'f') X(BF16, "bf16", 2, "uint16_t", 'f')
typedef enum DType {
#define X(e, name, bytes, c, kind) DT_##e,
  DTYPES(X)
#undef X
  DT_COUNT,
  DT_TUPLE = DT_COUNT
} DType;
typedef struct DTypeInfo { const char *name; int bytes; const char *c; char kind; } DTypeInfo;
extern const DTypeInfo dtype_info[DT_COUNT];
int dtype_find(const char *name); /* -1: none */
static inline bool dtype_is_float(int t) { return t >= DT_F32 && t <= DT_BF16; }
/* Floats of 16 bits are a form of storage: whatever is computed from them is computed in f32, to which they widen
 * exactly, and a result of such a type is rounded to it once, to the nearest, ties to even. */
static inline bool dtype_is_half(int t) { return t == DT_F16 || t == DT_BF16; }
static inline DType dtype_computed(int t) { return dtype_is_half(t) ? DT_F32 : (DType)t; }
/* What `cast` makes of x: to bool, whether it is not 0; to integers, towards 0, saturating, NaN giving 0; to f32,
 * rounded. */
double dtype_cast(DType t, double x);
/* A value of the type as the shortest text that reads back as it: 0.1 for the nearest f32; true; nan, inf, -inf. */
const char *dtype_number_text(Ctx *c, int t, double v);
static inline bool dtype_holds(DType t, double x) { return dtype_is_float(t) || dtype_cast(t, x) == x; }

/* ---- dimensions: a number >= 0, or (negative) a polynomial in run-time sizes, interned and normalised ---- */
typedef int64_t Dim;
typedef struct Module Module;
typedef struct Graph Graph;
typedef struct Size { const char *name; int64_t bound; Loc loc; } Size; /* a run-time size, 0 <= value <= bound */
static inline bool dim_is_const(Dim d) { return d >= 0; }
Dim dim_size(Module *m, const char *name, int64_t bound, Loc loc); /* the run-time size of that name, made if new */
Dim dim_add(Module *m, Dim a, Dim b);
Dim dim_sub(Module *m, Dim a, Dim b);
Dim dim_mul(Module *m, Dim a, Dim b);
bool dim_div(Module *m, Dim a, Dim b, Dim *q);       /* exact division; false where it leaves a remainder */
bool dim_floordiv(Module *m, Dim a, Dim b, Dim *q);  /* false: not expressible */
int64_t dim_bound(Module *m, Dim d);                 /* no value of the sizes gives more; saturates */
int64_t dim_least(Module *m, Dim d);                 /* nor less */
/* a == b; in a module of open sizes, whether some values of the sizes make them equal. */
bool dim_equal(Module *m, Dim a, Dim b);
int64_t dim_value(Module *m, Dim d, const int64_t *sizes); /* sizes: one value per module size */
/* Terms of a polynomial: coefficient and exponents of each size. n = 1 and all exponents 0 for constants. */
typedef struct DimTerm { int64_t coef; uint8_t exp[8]; } DimTerm;
const DimTerm *dim_terms(Module *m, Dim d, int *n);
const char *dim_text(Module *m, Dim d);              /* "64", "B", "2*B*T+1" */

/* ---- types ---- */
typedef struct Type {
  uint8_t dtype, rank; /* DT_TUPLE: rank is unused */
  uint32_t ntuple;
  const Dim *dim;      /* rank of them */
  const TypeId *elem;  /* ntuple of them */
} Type;
TypeId type_make(Module *m, DType dtype, int rank, const Dim *dim);
TypeId type_tuple(Module *m, int n, const TypeId *elem);
const Type *type_get(const Module *m, TypeId t);
bool type_same_dims(const Type *a, const Type *b);   /* whatever the element types */
const char *type_text(Module *m, TypeId t);          /* "f32[64,784]", "f32", "(f32[2], i32)" */
Dim type_count(Module *m, TypeId t);                 /* number of elements */
int64_t type_bytes(Module *m, TypeId t);             /* at the bounds; < 0: over 2^47 */

/* ---- ops: see ops.def for the columns ---- */
typedef enum Op {
  OP_NONE,
#define OP(name, ...) OP_##name,
#include "ops.def"
#undef OP
  OP_COUNT
} Op;
/* Classes say how an op is computed: which kind of kernel a node makes, or joins. */
#define OP_CLASSES(X)                                                                                     \
  X(LEAF, "leaf") X(ELEM, "element-wise") X(VIEW, "view") X(CONCAT, "concatenation") X(REDUCE, "reduction") \
  X(CONTRACT, "contraction") X(CONV, "convolution") X(WINDOW, "window") X(GATHER, "gather")               \
  X(SCATTER, "scatter") X(CUM, "cumulative") X(SCAN, "scan") X(TUPLE, "tuple") X(META, "gradient")
typedef enum OpClass {
#define X(cls, name) CL_##cls,
  OP_CLASSES(X)
#undef X
  CL_COUNT
} OpClass;
#define OP_FLAGS(X)                                                                                               \
  X(COMMUTES) /* binary, operands may be exchanged without changing a bit */                                      \
  X(NOGRAD)   /* no gradient flows through it (integer results, comparisons, stop_gradient) */                    \
  X(LINEAR)   /* linear in its operands taken together: for one operand, jvp applies the op to the tangent */     \
  X(FOLDS)    /* may be evaluated at compile time when its inputs are constants */                                \
  X(BOOLEAN)  /* element-wise with bool result */                                                                 \
  X(CHOOSES)  /* the first operand is a bool that chooses between the others */                                   \
  X(MOVES)    /* each element is one of the operand's: in another place, or as another type */                    \
  X(FLAT)     /* a view that keeps row-major positions */                                                         \
  X(FROM_LOWEST) X(FROM_HIGHEST) /* a reduction that starts from the lowest, the highest value instead of 0 */    \
  X(ARG)      /* a reduction to the index of the element that the body prefers */                                 \
  X(POLE)     /* element-wise: it or its derivative is infinite at some finite operands, if not for a constant of 1 or \
                 more as the second */                                                                            \
  X(RNG)      /* depends on the run's seed and counters */                                                        \
  X(MEMORY)   /* a leaf that is memory of the caller: an input, weight or state */
enum {
#define X(flag) BIT_##flag,
  OP_FLAGS(X)
#undef X
};
enum OpFlags {
#define X(flag) flag = 1 << BIT_##flag,
  OP_FLAGS(X)
#undef X
};
#define ATTR_KINDS(X)                                                                                  \
  X(INT, "int") X(FLOAT, "float") X(STR, "str") X(INTS, "ints") X(DIMS, "dims") X(DIM, "dim")          \
  X(FLOATS, "floats") X(DTYPE, "dtype") X(GRAPH, "graph") X(BOOL, "bool")
typedef enum AttrKind {
#define X(kind, name) AK_##kind,
  ATTR_KINDS(X)
#undef X
} AttrKind;
typedef struct AttrField { const char *name; AttrKind kind; } AttrField;

/* One attribute value; which member counts is told by the field's kind: INT BOOL DIM DTYPE GRAPH -> i; FLOAT -> f;
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
  int n;              /* = number of schema fields of the op */
  uint32_t clone;     /* recompute clones differ by it; 0: the original */
  uint32_t hints;     /* statement hints, HINT_* */
  AttrVal *v;
} Attr;
/* Hints of vars, and of nodes: HINT_FP32, and HINT_REGION times its number for what a statement under @checkpoint
 * computes, so that each such statement is a region of its own. */
enum Hints { HINT_NODECAY = 1, HINT_FREEZE = 2, HINT_FP32 = 4, HINT_CHECKPOINT = 128, HINT_REGION = 256 };

typedef struct Node {
  uint16_t op, unused;
  uint32_t nin, in; /* inputs: g->in[in .. in + nin) */
  TypeId type;
  AttrId attr;
  Loc loc;
} Node;

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

typedef struct Grad Grad; /* the autodiff driver's state: ir/grad.h */
typedef void VjpFn(Grad *s, Id n, Id dy);           /* calls grad_to(s, i, adjoint of input i) where one is wanted */
typedef Id JvpFn(Grad *s, Id n, const Id *tangent); /* tangent[i] of input i, 0: it is zero; returns the result's */
struct Eval;
typedef void EvalFn(struct Eval *e, Id n);          /* interpreter: ir/interp.h */

typedef struct OpInfo {
  const char *name;
  int arity;                 /* -1: any number */
  OpClass cls;
  ShapeFn *shape;
  VjpFn *vjp;
  JvpFn *jvp;
  EvalFn *eval;
  int nfields;
  const AttrField *field;    /* attribute schema */
  int flags, cost;           /* cost: recompute cost of one element, in multiplications */
  char prec;                 /* precision class: c contraction, e element-wise, r reduction or norm, i index, - none */
  const char *body;          /* scalar body over a, b, c; "" when the op has none */
  const char *token;         /* operator or function by which the language reaches it; "": not by itself */
} OpInfo;
extern const OpInfo op_info[OP_COUNT]; /* made by ops.c from ops.def */
int op_find(const char *name);         /* -1: none */
int op_find_token(const char *token, int nargs); /* e.g. "+" with 2 operands, "exp" with 1; -1: none */
bool op_takes_whole(Op op);            /* element-wise ops: false where the rule asks for floats */

/* ---- graphs ---- */
#define GRAPH_KINDS(X)                                                                               \
  X(INIT, "init") X(TRAIN_STEP, "train_step") X(TRAIN_PASS, "train_pass")                            \
  X(TRAIN_UPDATE, "train_update") X(EVAL_STEP, "eval_step") X(EVAL_DONE, "eval_done")                \
  X(EXPORT, "export") X(TEST, "test") X(BIND, "bind") X(BODY, "body")
typedef enum GraphKind {
#define X(kind, name) GK_##kind,
  GRAPH_KINDS(X)
#undef X
} GraphKind;

typedef struct Out {
  const char *name; /* a result's name; for writes the weight's */
  Id value;
  int var;          /* >= 0: `"name" := value`, the module's var of that number; -1: a result */
  Loc loc;
} Out;

/* Annotations by layout, fuse, order and memory. The interpreter ignores them. A node is *materialised* when it has a
 * place: it is read by another kernel than its own, or written, or a result. */
#define SPACES(X) \
  X(NONE, "none") X(ARENA, "arena") X(VAR, "var") X(HEAD, "head") X(IN, "in") X(OUT, "out")
typedef enum Space {
#define X(space, name) SP_##space,
  SPACES(X)
#undef X
} Space;
typedef struct Anno {
  uint32_t kernel;  /* 0: not computed on its own (leaf, view, or inlined into every kernel that reads it) */
  uint32_t pos;     /* position of the kernel in the order of execution, from 1; 0: not ordered yet */
  uint32_t stored;  /* stored order: 0 row-major, else 1 + index into Module.stored */
  uint8_t space;    /* where the value lives: arena, a module var, the head (loss, metrics), a graph input or output */
  uint32_t index;   /* of the var, input or output */
  int64_t offset;   /* arena: byte offset in the arena; head: in mem; else 0 */
  uint32_t alias;   /* node whose buffer it takes over in place; 0: none */
} Anno;
typedef struct Stored { uint8_t rank, perm[MAX_RANK]; uint8_t panel_axis; uint32_t panel; } Stored;

struct Graph {
  Module *m;
  const char *name;
  GraphKind kind;
  int index;          /* in m->graph */
  bool training, full; /* full: has no room for a node, which was said */
  bool draws;         /* random numbers, as it was made: also where passes have found that nothing reads them */
  Loc loc;            /* location given to new nodes by the builders of build.h */
  uint32_t hints;     /* given to new nodes by graph_node */
  DType precision;    /* what the pass `precision` is to lower it to: DT_F16, DT_BF16; DT_F32: nothing */
  Node *node;         /* node[0] is unused */
  int n, capn;
  Id *in;             /* the nodes' input lists */
  int nins, capins;
  Id *port;           /* the graph's inputs, OP_input nodes in order */
  int nport, capport;
  Out *out;
  int nout, capout;
  int *out_of; int nout_of; /* per var: 1 + its write in `out`; 0: none. Made by graph_write */
  Anno *anno;         /* NULL until a pass annotates; graph_annotate() makes it */
  int nanno, capanno;
  int64_t arena;      /* bytes of the arena, by memory; -1 before */
  Id *cons;           /* hash table of graph_node */
  uint32_t capcons;
};

/* ---- the module ---- */
#define VAR_KINDS(X) X(PARAM, "param") X(STATE, "state") X(OPTIM, "optim")
typedef enum VarKind {
#define X(kind, name) VK_##kind,
  VAR_KINDS(X)
#undef X
} VarKind;
typedef struct Var {
  const char *name;
  VarKind kind;
  TypeId type;
  uint32_t hints;     /* HINT_* */
  uint32_t stored;    /* stored order, as Anno.stored */
  int64_t offset;     /* in the caller's memory, or in read-only memory, by memory; -1 before */
  bool given;         /* its values come with the program: `init` does not make them */
  bool rom;           /* by memory: given, never written, and so in read-only memory */
  Loc loc;
} Var;

typedef struct FieldInfo {  /* a bound field of a data section */
  const char *name;
  TypeId type;        /* of one record */
  DType raw_dtype;
  TypeId raw_type;    /* of the raw value of one record */
  int raw_first, raw_count; /* as GcField has them */
  int64_t range;
  Loc loc;
} FieldInfo;
typedef struct DataInfo {
  const char *name, *kind;
  const char **paths; int npaths;
  int64_t window, count; /* window > 0: the source is a run of elements, of which it takes so many a record */
  DType element;         /* of such a source's file */
  int header, ncols;
  const double *lo, *hi;
  double holdout;
  bool shuffle;
  FieldInfo *field; int nfield;
  Graph *bind;        /* NULL: identity */
  Loc loc;
} DataInfo;
typedef struct TrainInfo {
  const char *name;
  int data;           /* -1: none */
  int64_t batch, accumulate, steps, epochs, save_every, keep, early_stop;
  DType precision;    /* of contractions and of what kernels hand over: DT_F32, DT_F16, DT_BF16 */
  double scale, scale_interval; /* f16: the loss's first scale; good steps after which it doubles */
  int scale_var, skipped_var;   /* of that scale, of the number of steps left out under it; -1: none */
  uint64_t seed;
  const char **metric; int nmetric;
  Graph *step, *pass, *update, *eval, *eval_done;
  int navg;
  Loc loc, clip_at, accumulate_at; /* of clip = norm(...) and of accumulate, which keep gradients; 0: not set */
} TrainInfo;

typedef struct TestInfo { /* one `test` section; its results are bools, one per assert */
  const char *title;
  Graph *graph;
  Loc loc;
} TestInfo;

typedef struct Options {
  bool strict;            /* --fp=strict */
  uint64_t off;           /* optional passes switched off: bit i = row i of passes.def */
  bool verify;            /* run the verifier after every pass */
  bool infer_only;        /* --only=infer */
  bool rom;               /* given weights that no graph writes are read where they are */
  int panel;              /* weights of contractions may be stored in panels of so many columns; 0: never */
  int64_t ram;            /* a budget of bytes for head, weights, optimizer and the largest plan together; 0: none */
  Loc ram_at;             /* where the file sets it; 0: --ram */
} Options;

struct Module {
  Ctx *c;
  const char *name;       /* the file's stem, other characters as `_` */
  const char *file;       /* path as given */
  const char *source;     /* text of the .nn, NULL when it came from IR text */
  Options opt;
  Size *size; int nsize, capsize;
  Var *var; int nvar, capvar;
  Graph **graph; int ngraph, capgraph;
  DataInfo *data; int ndata, capdata;
  TrainInfo *train; int ntrain, captrain;
  TestInfo *test; int ntest, captest;
  Stored *stored; int nstored, capstored;
  int64_t head_bytes, persistent_bytes, arena_bytes, total_bytes; /* by memory; -1 before */
  int64_t rom_bytes;      /* of variables in read-only memory, which are in none of these */
  bool open_sizes;        /* sizes stand for any of their values, and what holds for some is taken to hold: dim_equal */
  Diag *last;             /* of shape_fail: the elaborator adds labels */
  struct Needs *needs;    /* where shape rules note what they take for granted; NULL: nowhere (sizes.h) */
  struct Tables *tab;     /* interning */
};

Module *module_new(Ctx *c, const char *name);
Graph *graph_new(Module *m, const char *name, GraphKind kind, Loc loc);
Graph *graph_find(Module *m, const char *name);              /* NULL: none */
bool graph_same(const Graph *a, const Graph *b);             /* node for node, whatever their names and places */
/* Lists the nodes that the roots depend on, none of them below `low`, each after its operands, in the order of a
 * depth-first walk: roots in order, of a node the operands in order. That order belongs to what is computed, not to the
 * order in which the nodes were made. Goes on to the operands of those that `enters` (NULL: of all). seen: per node, set
 * for those listed, and not listed where it is set. */
typedef bool EnterFn(const Graph *g, Id n);
void graph_postorder(const Graph *g, int nroot, const Id *root, Id low, EnterFn *enters, bool *seen, IdList *list);
bool graph_trains(const Graph *g); /* train_step, train_pass, train_update: their results live in the head of mem */
int graph_loss(const Graph *g);    /* the output of train_step or train_pass that is the loss; -1: none */
/* The output of a training graph without which, if not finite, nothing is written: its loss, or where that is scaled the
 * scale, infinite once it has fallen to nothing. -1: none. */
#define SCALE_RESULT "loss_scale"
int graph_checked(const Graph *g);
int var_add(Module *m, const char *name, VarKind kind, TypeId type, uint32_t hints, Loc loc);
int var_find(const Module *m, const char *name);             /* -1: none */
void vars_arrange(Module *m, const int *order, const char *const *name); /* vars.c: renames and reorders all */

/* Attributes. vals in the order of the schema. */
AttrId attr_make(Module *m, Op op, const AttrVal *vals);
AttrId attr_with(Module *m, Op op, AttrId a, uint32_t clone, uint32_t hints);
const Attr *attr_get(const Module *m, AttrId a);             /* a zero record for 0 */
const AttrVal *node_attr(const Graph *g, Id n, int field);   /* value of that schema field */

/* Nodes. graph_node returns 0 when the shape rule refused (a diagnostic was made). */
Id graph_node(Graph *g, Op op, const Id *in, int nin, AttrId attr, Loc loc);
Id graph_leaf(Graph *g, Op op, TypeId type, AttrId attr, Loc loc); /* const, iota, random, run, size, input */
Id graph_input(Graph *g, const char *name, TypeId type, Loc loc);
Id graph_var(Graph *g, int var, Loc loc);                           /* param or state node of a module var */
void graph_result(Graph *g, const char *name, Id value, Loc loc);
bool module_scales(const Module *m);                         /* whether some section scales its loss */
void graph_write(Graph *g, int var, Id value, Loc loc);             /* replaces an earlier write of the same var */
Anno *graph_annotate(Graph *g);                                     /* g->anno, one per node, kept in step */
static inline const Node *node_get(const Graph *g, Id n) { return &g->node[n]; }
static inline Id node_in(const Graph *g, Id n, int i) { return g->in[g->node[n].in + (uint32_t)i]; }
static inline const Type *node_type(const Graph *g, Id n) { return type_get(g->m, g->node[n].type); }
static inline const OpInfo *node_info(const Graph *g, Id n) { return &op_info[g->node[n].op]; }
static inline bool node_is_input(const Graph *g, Id n) { return g->node[n].op == OP_input; }
static inline bool node_is_const(const Graph *g, Id n) { return g->node[n].op == OP_const; }
static inline bool node_is_size(const Graph *g, Id n) { return g->node[n].op == OP_size; }
extern const char *const run_scalars[];  /* that `run` nodes name: step, steps, epoch; then NULL */
bool is_run_scalar(const char *name);
static inline bool node_is_run(const Graph *g, Id n) { return g->node[n].op == OP_run; }
Id node_origin(const Graph *g, Id n); /* the node whose elements n's are, through ops that only move or convert them */
/* The operand of a gather or scatter_add that holds indices, and the length of the axis they index; 0: another node. */
Id node_indices(const Graph *g, Id n, Dim *length);
bool node_widens(const Graph *g, Id n);  /* a cast from a 16-bit float to f32 */
bool node_narrows(const Graph *g, Id n); /* a cast from f32 to a 16-bit float */
int node_var(const Graph *g, Id n);   /* the weight or state that a param or state node reads; -1: another node */
uint32_t stored_make(Module *m, const Stored *s);                   /* number for Anno.stored / Var.stored */

/* Rebuilding: passes copy a graph node by node. map[old] = new; graph_copy_node copies one node with mapped inputs.
 * A rebuild keeps ports, drops nothing else; graph_rebuild_end swaps the new contents into g and maps outputs. */
typedef struct Rebuild { Graph *old, *new; Id *map; } Rebuild;
Rebuild graph_rebuild_begin(Graph *g);
Id graph_copy_node(Rebuild *r, Id n);        /* also sets r->map[n] */
Id graph_copy_as(Rebuild *r, Id n, AttrId attr); /* the same with other attributes */
void graph_rebuild_end(Rebuild *r);

/* A copy of the whole module for trials, in a Ctx made by ctx_fork of its own: copy.c. */
Module *module_copy(Ctx *c, const Module *from);

/* Text form. */
void ir_print(Str *out, Module *m);
void ir_print_graph(Str *out, Graph *g);
Module *ir_parse(Ctx *c, Loc start);         /* never NULL; diag_errors tells */
/* The verifier: numbered constraints V01…; reports through diag_error (code 0401) and returns their number. */
int ir_verify(Module *m);
int ir_verify_graph(Graph *g);
#endif
