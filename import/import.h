/* SPDX-License-Identifier: Apache-2.0 */
/* From an ONNX graph to the text of a `.nn` file. Each node's function (op_*.c, by family; ops.def is the table) finds
 * the shape of its results and prints one or several lines. What is known at import (shapes, and all that is computed
 * from shapes and constants) is folded and has no line. */
#ifndef GRADC_IMPORT_H
#define GRADC_IMPORT_H
#include "import/onnx.h"

typedef struct Shape {
  int type, rank; /* an OnnxType */
  int64_t dim[MAX_RANK];
} Shape;

/* A value of the graph: an input, an initialiser or the result of a node. */

typedef struct Value {
  const char *onnx; /* its name there */
  const char *text; /* what the .nn file calls it; NULL: known, and not printed so far */
  Shape s;
  Tensor *known;       /* its elements; NULL: known at run time only */
  struct Value **list; /* of a sequence: its values; else NULL */
  int nlist;
  bool absent;     /* an optional value that is none */
  bool left_out;   /* an operand of a function that the call lacks */
  bool weight;     /* an initialiser, or moved from one */
  int readers;     /* of an initialiser: nodes of the main graph */
  bool failed;     /* of a node that was refused: so are its readers, without a further message */
  uint64_t inputs; /* the graph's inputs (by number, up to 62) that its elements depend on, and INPUT_RANDOM */
} Value;

/* A line of the program: `name = text`. */
typedef struct Line {
  const char *name, *text;
  const char *type;      /* f32[2, 3]; NULL: of a step within a node */
  const char *node, *op; /* the ONNX node */
  const char *space;     /* of the node, see OnnxNode */
  int64_t number;        /* of the node: lines of one stay together */
} Line;

#define INPUT_RANDOM (1ull << 63) /* random numbers */
typedef struct Scope Scope;
struct Oper;

typedef struct ImportWeight { /* a `param` or a `state` */
  const char *name;
  Value *v;
  bool param;
} ImportWeight;
typedef struct ImportPort {
  const char *name; /* in the export */
  Value *v;
} ImportPort;
typedef struct Refusal {
  int code;
  const char *node, *op, *why;
  int64_t others; /* further nodes of the operator for the same reason */
} Refusal;
typedef struct Bound { /* --dim, or a size of the test data */
  const char *name;
  int64_t size;
  bool open; /* the size is the largest one, where that is possible */
  bool must; /* an error where it is not */
} Bound;
typedef struct Given { /* a graph input's elements or shape: test data, --const */
  const char *name;
  Tensor value;
  bool constant; /* it is no input of the program */
} Given;

typedef struct Import {
  Ctx *c;
  const OnnxModel *model;
  const char *folder; /* of external data */
  const Bound *bound;
  Given *given;
  int nbound, ngiven;
  /* results */
  Line *line;
  ImportWeight *weight;
  ImportPort *in, *out;
  Refusal *refusal;
  int nline, nweight, nin, nout, nrefusal, capl, capw, capi, capo, capr;
  uint64_t wanted; /* inputs that must be constant */
  int64_t nodes;   /* that were imported: limits loops that unroll */
  int depth;       /* of graphs and functions within each other */
  struct Names *names;
  const char *tests; /* test blocks, NULL: none; not of import_run */
} Import;

/* One node that is being imported. */
typedef struct Oper {
  Import *m;
  Scope *scope;
  const OnnxNode *n;
  Value **in, **out; /* in: NULL where it is left out */
  int nin, nout, opset;
  const char *arg; /* of its row in ops.def */
  bool refused;
  uint64_t inputs;
  int64_t number; /* among the nodes that are imported */
} Oper;
typedef void OpFn(Oper *o);
typedef struct OpRow {
  const char *domain, *name;
  int since;
  OpFn *fn;
  const char *arg;
} OpRow;
const OpRow *op_row(const char *domain, const char *name); /* NULL: not in ops.def */

/* graph.c. Imports the main graph; false: refused, and reported in m->refusal. */
bool import_graph(Import *m);
/* Imports nodes in a scope of their own; `bind` gives it values. */
Scope *onnx_scope_new(Import *m, Scope *outer);
void onnx_scope_bind(Scope *s, const char *name, Value *v);
Value *onnx_scope_find(Scope *s, const char *name); /* NULL: none of that name */
void import_nodes(Import *m, Scope *s, const OnnxNode *node, int n);
bool import_initialisers(Import *m, Scope *s, const OnnxGraph *g);
/* op_control.c. Imports a node's graph; `in` are the values of its inputs. False: refused. out: of its outputs. */
bool import_body(struct Oper *o, const OnnxGraph *g, Value **in, int n, Value **out);

/* run.c. c, model and what is given must be set; false: refused, see m->refusal. */
bool import_run(Import *m);
const char *refusal_text(Import *m, const Refusal *r);
void import_report(Import *m, const char *path); /* all refusals, as diagnostics */

/* names.c */
const char *import_name(Import *m, const char *onnx, const char *otherwise); /* unique, allowed in the language */
const char *import_word(Ctx *c, const char *onnx);                           /* other characters as `_` */

/* write.c. Names the weights, too. */
const char *import_text(Import *m, const char *source, size_t *n);
/* One text from those of imports that differ in one size, which is called `name` in it; NULL: something in them is not
 * linear in the size. *used: something depends on it. */
enum { OPEN_SIZES = 3 };
const char *import_open(Import *m, const char *source, const int64_t *size, const char *name, int64_t bound, bool *used,
                        size_t *n);

/* open_size.c */
/* In OPEN_SIZES imports, weights that have the size as an axis are computed from a slice; false: others differ. */
bool import_open_weights(Import *m);

/* value.c: operands and results of a node. */
Value *onnx_value(Import *m, Shape s);
int64_t shape_count(const Shape *s);
const char *shape_list(Ctx *c, const int64_t *dim, int n); /* [2, 3] */
const char *tensor_text(Ctx *c, const Tensor *t);          /* f32([[1, 2], [3, 4]]) */
const char *type_name(int type);                           /* f32 */
const char *type_of(Ctx *c, const Shape *s);               /* f32[2, 3]; f32 */
const char *onnx_text(Import *m, Value *v);                /* its name, or a literal; a large constant gets a weight */

static inline bool has_in(const Oper *o, int i) { return i < o->nin && o->in[i]; }
static inline bool has_out(const Oper *o, int i) { return i < o->nout && o->n->out[i][0]; }
const Shape *op_shape(Oper *o, int i);  /* of an operand that must be there; else it is refused, and [0] */
const char *op_x(Oper *o, int i);       /* onnx_text of operand i */
const char *op_operand(Oper *o, int i); /* the same; a number without a type if another operand has the type */
const char *op_scalar(Oper *o, int i);  /* of one known element: the number; NULL: not known */
void op_refuse(Oper *o, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* Prints `result i = ...`. */
void op_give(Oper *o, int i, Shape s, const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void op_give_known(Oper *o, int i, Shape s, const void *data);
/* Prints `name = ...` and returns the name. */
const char *op_let(Oper *o, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
/* A constant that the program keeps, with elements of the type. */
const char *op_table(Oper *o, const char *name, int type, const void *data, int rank, const int64_t *dim);
const char *op_str(Oper *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

const OnnxAttr *op_attr(const Oper *o, const char *name); /* NULL: absent */
int64_t op_int(const Oper *o, const char *name, int64_t otherwise);
double op_float(const Oper *o, const char *name, double otherwise);
const char *op_string(Oper *o, const char *name, const char *otherwise);
const int64_t *op_ints(const Oper *o, const char *name, int *n); /* NULL: absent */
/* The elements of an operand that must be known at import; false: refused. */
bool op_known(Oper *o, int i, const Tensor **t);
bool op_known_ints(Oper *o, int i, const int64_t **v, int *n);
/* Axes by attribute or, in newer versions, by operand `i`: none gives *n = -1. They are made non-negative. */
bool op_axes(Oper *o, const char *attr, int i, int rank, int64_t *axis, int *n);
int op_axis(Oper *o, const char *name, int64_t otherwise, int rank); /* one axis by attribute; -1: refused */
bool op_float_type(Oper *o, int i);                                  /* false: refused, since it is no float */
Shape shape_of(int type, int rank, const int64_t *dim);
bool onnx_broadcast(Oper *o, Shape *to, const Shape *s); /* to: widened; false: refused */

/* fold.c: what is computed at import. True: done. */
bool fold_elem(Oper *o, Shape s);
bool fold_view(Oper *o, int out, Shape s, const int64_t *stride, int64_t offset); /* of operand 0, in elements */
bool fold_same(Oper *o, int out, Shape s);                                        /* operand 0 with another shape */
bool fold_reduce(Oper *o, Shape s, const bool *reduced);
bool fold_concat(Oper *o, Shape s, int axis);
bool fold_gather(Oper *o, Shape s, int axis);
bool fold_cast(Oper *o, Shape s);
void fold_ints(Oper *o, int out, const int64_t *v, int n); /* an INT64 vector */
void row_strides(const int64_t *dim, int rank, int64_t *stride);

#define OP(name, since, fn, arg) OpFn fn;
#define IN(domain, name, since, fn, arg) OpFn fn;
#include "import/ops.def"
#undef OP
#undef IN
#endif
