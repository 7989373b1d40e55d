/* SPDX-License-Identifier: Apache-2.0 */
/* From a graph of the IR, before fusion, to a model of ONNX. Each op's function (op_*.c; ops.def is the table) writes
 * one or several nodes; values are named after the calls that they come from. */
#ifndef GRADC_EXPORT_H
#define GRADC_EXPORT_H
#include "export/pb_write.h"
#include "ir/scan.h"
#include "import/onnx.h"

enum { EXPORT_OPSET = 23, EXPORT_IR_VERSION = 11 };

/* What a node becomes where neighbours are one operator of ONNX. */
typedef enum Form { FORM_PLAIN, FORM_RELU, FORM_MAXPOOL } Form;

typedef struct GraphExport { /* a graph that is being written: the export, or the body of a scan */
  const Graph *g;
  const char **value;  /* by node: its name */
  const char ***tuple; /* by node: those of a tuple's elements */
  const char **result; /* by node: the name of the result that it is, or NULL */
  uint8_t *form;       /* a Form */
  bool *needed;
  Str node; /* NodeProto fields of GraphProto, without the last */
  struct GraphExport *outer;
} GraphExport;

typedef struct ExportNode { /* the last node: its results may still be renamed */
  const char *op, *const *in, **out, *place;
  int nin, nout;
  Str attr;
} ExportNode;

typedef struct Export {
  Ctx *c;
  Module *m;
  const void *const *values; /* by var: dense, in its type; NULL where no export reads it */
  const char *version;       /* of gradc */
  GraphExport *at;           /* the graph that is being written */
  Id n;                      /* and the node */
  Str init;                  /* TensorProto fields of GraphProto */
  Str attr;                  /* of the next node */
  ExportNode last;
  const char **taken; /* set of names */
  int ntaken, captaken;
  const char **size;         /* by run-time size: an INT64 tensor of one element; NULL: not an input's */
  const char **vars;         /* by var: its name, NULL before it is read */
  int *read, nread, capread; /* vars that are read, in order */
  int64_t bytes;             /* of those */
  int nodes;
  bool failed;
  /* The file beside the model that is to have the values of `read`, one after the other; NULL: the model has them. */
  const char *external;
} Export;

typedef void WriteFn(Export *x, Id n);
typedef struct WriteRow {
  WriteFn *fn;
  const char *floats, *ints; /* of element-wise ops: templates, see op_elem.c */
} WriteRow;
extern const WriteRow write_row[OP_COUNT];
#define ELEM(name, floats, ints)
#define WRITE(name, fn) WriteFn fn;
#include "export/ops.def"
#undef ELEM
#undef WRITE
WriteFn write_elem;

/* graph.c. A ModelProto of the export g; false: reported. x->c, m and values are set. */
bool export_model(Export *x, const Graph *g, Str *model);
/* The body of a scan as a GraphProto. captured: the outer names of its last ports. extra: the name of a scanned input
 * that nothing reads, or NULL. */
void export_body(Export *x, const Scan *s, const char *const *captured, const char *extra, Str *to);
void export_tensor(Str *b, const char *name, const Type *t, const int64_t *dim, const void *p); /* fields */
const char *export_var(Export *x, int var);                        /* the name of a weight or state, which is read */
void export_refuse(Export *x, const char *what, const char *help); /* at the node that is being written */

/* node.c */
const char *export_unique(Export *x, const char *name);
/* Attributes of the next node. */
void export_int(Export *x, const char *name, int64_t v);
void export_ints(Export *x, const char *name, const int64_t *v, int n);
void export_text(Export *x, const char *name, const char *s);
void export_graph(Export *x, const char *name, const Str *graph);
/* A node with these inputs ("": left out); returns its result. */
const char *export_node(Export *x, const char *op, int nin, const char *const *in);
void export_node_of(Export *x, const char *op, int nin, const char *const *in, int nout, const char **out);
void export_flush(Export *x); /* the last node is final */
#define NODE(x, op, ...) \
  export_node(x, op, (int)(sizeof((const char *[]){__VA_ARGS__}) / sizeof(char *)), (const char *[]){__VA_ARGS__})

/* Constants: initialisers of the model, each once. */
const char *export_const_ints(Export *x, const int64_t *v, int n);                         /* INT64[n] */
const char *export_const_table(Export *x, const int64_t *v, const int64_t *dim, int rank); /* INT64 */
const char *export_number(Export *x, int type, double v);                                  /* a scalar of an OnnxType */

/* Sizes as INT64 tensors: of one element, of n. */
const char *export_dim(Export *x, Dim d);
const char *export_dims(Export *x, const Dim *d, int n);
const char *export_reshape(Export *x, const char *v, const Dim *d, int n);
const char *export_expand(Export *x, const char *v, const Dim *d, int n);
const char *export_transpose(Export *x, const char *v, const int64_t *perm, int n);
const char *export_range(Export *x, Dim n, int type); /* 0 .. n - 1 */

/* Element types. Operators compute in `export_computed`: f32 for 16-bit floats, INT32 or INT64 for small integers. */
int export_type(int dtype); /* the OnnxType */
int export_computed(int dtype);
const char *export_cast(Export *x, const char *v, int from, int to);
/* Operand i of the node that is being written: as it is, or to be computed with. */
const char *export_in(Export *x, int i);
const char *export_in_as(Export *x, int i, int type);
/* The result of the node, of that OnnxType, cast to its own if that differs. */
void export_give(Export *x, const char *v, int type);
static inline const Type *export_in_type(const Export *x, int i) {
  return node_type(x->at->g, node_in(x->at->g, x->n, i));
}
static inline const Type *export_out_type(const Export *x) { return node_type(x->at->g, x->n); }

/* forms.c: decides forms, and which nodes are needed. */
void export_forms(GraphExport *e, Ctx *c);
#endif
