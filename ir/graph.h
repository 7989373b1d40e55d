/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and their nodes.
 *
 * A graph is an array of small nodes in topological order, addressed by index (Id); node 0 does not exist. Attributes
 * are interned in the module, as types are. graph_node() infers the type by the op's shape rule and hash-conses: the
 * same op on the same inputs with the same attributes is the same node.
 * Element-wise ops broadcast as NumPy does; dtypes of their operands must agree. Shapes are logical throughout. */
#ifndef GRADC_GRAPH_H
#define GRADC_GRAPH_H
#include "op.h"

enum { MAX_NODES = 1000000 };

typedef struct Node {
  uint16_t op, unused;
  uint32_t nin, in; /* inputs: g->in[in .. in + nin) */
  TypeId type;
  AttrId attr;
  Loc loc;
} Node;

#define GRAPH_KINDS(X) \
  X(INIT, "init") \
  X(TRAIN_STEP, "train_step") \
  X(TRAIN_PASS, "train_pass") \
  X(TRAIN_UPDATE, "train_update") \
  X(EVAL_STEP, "eval_step") \
  X(EVAL_DONE, "eval_done") \
  X(EXPORT, "export") \
  X(TEST, "test") \
  X(BIND, "bind") \
  X(BODY, "body")
typedef enum GraphKind {
#define X(kind, name) GK_##kind,
  GRAPH_KINDS(X)
#undef X
} GraphKind;

typedef enum OutRole { OUT_PLAIN, OUT_LOSS, OUT_LOSS_SCALE } OutRole; /* of results of training graphs */
typedef struct Out {
  const char *name; /* a result's name; for writes the weight's */
  Id value;
  int var; /* >= 0: `"name" := value`, the module's var of that number; -1: a result */
  Loc loc;
  OutRole role;
} Out;

/* Annotations by layout, fuse, order and memory. The interpreter ignores them. A node is *materialised* when it has a
 * location: another kernel reads it, or it is written or a result. */
#define SPACES(X) \
  X(NONE, "none") \
  X(ARENA, "arena") \
  X(VAR, "var") \
  X(HEAD, "head") \
  X(IN, "in") \
  X(OUT, "out")
typedef enum Space {
#define X(space, name) SP_##space,
  SPACES(X)
#undef X
} Space;
typedef struct Annotation {
  uint32_t kernel; /* 0: not computed on its own (leaf, view, or inlined into every kernel that reads it) */
  uint32_t pos;    /* position of the kernel in the order of execution, from 1; 0: not ordered yet */
  uint32_t stored; /* stored order: 0 row-major, else 1 + index into Module.stored */
  uint8_t space;   /* location of the value: arena, a module var, the head (loss, metrics), a graph input or output */
  uint32_t index;  /* of the var, input or output */
  int64_t offset;  /* arena: byte offset in the arena; head: in mem; else 0 */
  uint32_t alias;  /* node whose buffer it reuses in place; 0: none */
  int64_t scratch; /* of a kernel's root: byte offset in the arena of the partial sums of its rows */
} Annotation;
typedef struct StorageOrder {
  uint8_t rank, perm[MAX_RANK];
  uint8_t panel_axis;
  uint32_t panel;
} StorageOrder;

struct Graph {
  Module *m;
  const char *name;
  GraphKind kind;
  int index;           /* in m->graph */
  bool training, full; /* full: a node did not fit, which was reported */
  bool draws;          /* has random numbers as elaborated, also where passes found that nothing reads them */
  Loc loc;             /* of the section, or the call of scan, that it is made from */
  DType precision;     /* to which the pass `precision` lowers it: DT_F16, DT_BF16; DT_F32: not at all */
  bool tf32;           /* the same pass lets its contractions round operands to tf32 */
  Node *node;          /* node[0] is unused */
  int n, capn;
  Id *in; /* the nodes' input lists */
  int nins, capins;
  Id *port; /* the graph's inputs, OP_input nodes in order */
  int nport, capport;
  Out *out;
  int nout, capout;
  int *out_of;
  int nout_of;      /* per var: 1 + its write in `out`; 0: none. Made by graph_write */
  Annotation *anno; /* NULL until a pass annotates; graph_annotate() makes it */
  int nanno, capanno;
  int64_t arena; /* bytes of the arena, by memory; -1 before */
  Id *cons;      /* hash table of graph_node */
  uint32_t capcons;
};

Graph *graph_new(Module *m, const char *name, GraphKind kind, Loc loc);
Graph *graph_find(Module *m, const char *name); /* NULL: none */
/* A new body for scans, with the location and mode of `like`, named stem, or stem, sep and the first free number. */
Graph *graph_new_body(const Graph *like, const char *stem, const char *sep);
bool graph_same(const Graph *a, const Graph *b); /* node by node; names and locations may differ */
/* Appends the nodes that the roots depend on, except those below `low`, in post-order of a depth-first walk: roots in
 * order, the operands of a node in order. So the list depends on what is computed, not on the order in which nodes were
 * made. The walk enters the operands of those that `enters` accepts (NULL: all). seen: per node; listed nodes are set,
 * nodes that are set before are not listed. */
typedef bool EnterFn(const Graph *g, Id n);
void graph_postorder(const Graph *g, int nroot, const Id *root, Id low, EnterFn *enters, bool *seen, IdList *list);
bool graph_on_device(const Graph *g); /* of a program that has one: not what the host runs for itself */
bool graph_trains(const Graph *g);    /* train_step, train_pass, train_update: their results live in the head of mem */
int graph_loss(const Graph *g);       /* the output of train_step or train_pass that is the loss; -1: none */
/* The output of a training graph that must be finite, or nothing is written: the loss, or where that is scaled the
 * scale, which is infinite after an underflow. -1: none. */
#define SCALE_RESULT "loss_scale"
int graph_checked(const Graph *g);
/* The var with VAR_AGAIN that the graph writes; -1: none. Its name, after "optim." and a section's. */
#define AGAIN_STATE "evaluate_again"
int graph_again(const Graph *g);

/* Attributes. vals in the order of the schema. */
AttrId attr_make(Module *m, Op op, const AttrVal *vals);
AttrId attr_with(Module *m, Op op, AttrId a, uint32_t clone, uint32_t hints);
const Attr *attr_get(const Module *m, AttrId a);           /* a zero record for 0 */
const AttrVal *node_attr(const Graph *g, Id n, int field); /* value of that schema field, e.g. ATTR(scan, length) */
const char *node_name(const Graph *g, Id n);               /* of an input, param, state or run node */

/* Nodes. graph_node returns 0 when the shape rule refused (a diagnostic was made). */
Id graph_node(Graph *g, Op op, const Id *in, int nin, AttrId attr, Loc loc);
Id graph_leaf(Graph *g, Op op, TypeId type, AttrId attr, Loc loc); /* const, iota, random, run, size, input */
Id graph_input(Graph *g, const char *name, TypeId type, Loc loc);
/* The name, with _ after it as often as a port of g, or of `other` (or NULL), has it: ports of one name are one. */
const char *graph_new_port(const Graph *g, const Graph *other, const char *name);
Id graph_var(Graph *g, int var, Loc loc); /* param or state node of a module var */
void graph_result(Graph *g, const char *name, Id value, Loc loc);
void graph_result_as(Graph *g, OutRole role, const char *name, Id value, Loc loc);
Id graph_written(const Graph *g, int var);              /* the value that g writes into var; 0: none */
void graph_write(Graph *g, int var, Id value, Loc loc); /* replaces an earlier write of the same var */
Annotation *graph_annotate(Graph *g);                   /* g->anno, one per node, kept in step */
/* The sanitized build checks the bound itself: ASan does not see a read between n and the array's capacity. */
static inline const Node *node_get(const Graph *g, Id n) {
#ifdef GRADC_MALLOC_EACH
  if (n >= (Id)g->n) __builtin_trap();
#endif
  return &g->node[n];
}
static inline Id node_in(const Graph *g, Id n, int i) { return g->in[node_get(g, n)->in + (uint32_t)i]; }
static inline const Type *node_type(const Graph *g, Id n) { return type_get(g->m, node_get(g, n)->type); }
/* The @checkpoint region of a node; 0: none. */
uint32_t node_region(const Graph *g, Id n);
/* Bytes and elements, at the bounds of run-time sizes. */
static inline int64_t node_bytes(const Graph *g, Id n) { return type_bytes(g->m, node_get(g, n)->type); }
static inline int64_t node_count(const Graph *g, Id n) {
  return dim_bound(g->m, type_count(g->m, node_get(g, n)->type));
}
static inline const OpInfo *node_info(const Graph *g, Id n) { return &op_info[node_get(g, n)->op]; }
static inline bool node_is_input(const Graph *g, Id n) { return node_get(g, n)->op == OP_input; }
static inline bool node_is_const(const Graph *g, Id n) { return node_get(g, n)->op == OP_const; }
TypeId node_shape(Graph *g, Id n);                   /* the type that its shape rule gives it */
bool node_is_splat(const Graph *g, Id n, double *v); /* a constant, in any shape, that repeats one value */
static inline bool node_is_size(const Graph *g, Id n) { return node_get(g, n)->op == OP_size; }
extern const char *const run_scalars[]; /* that `run` nodes name: step, steps, epoch; then NULL */
bool is_run_scalar(const char *name);
static inline bool node_is_run(const Graph *g, Id n) { return node_get(g, n)->op == OP_run; }
Id node_skip_moves(const Graph *g, Id n); /* n, or what it moves or converts: OPF_DATA_MOVEMENT, any number of times */
/* The operand of a gather or scatter_add that holds indices, and the length of the axis they index; 0: another node. */
Id node_indices(const Graph *g, Id n, Dim *length);
bool node_is_upcast(const Graph *g, Id n);    /* a cast from a 16-bit float to f32 */
bool node_is_downcast(const Graph *g, Id n);  /* a cast from f32 to a 16-bit float */
int id_compare(const void *a, const void *b); /* for qsort */
int node_var(const Graph *g, Id n);  /* the weight or state that a param or state node reads; -1: another node */
int node_port(const Graph *g, Id n); /* the number of an input in Graph.port; -1: another node */

/* Rebuilding: passes copy a graph node by node. map[old] = new; graph_copy_node copies one node with mapped inputs.
 * A rebuild keeps ports, drops nothing else; graph_rebuild_end swaps the new contents into g and maps outputs. */
typedef struct Rebuild {
  Graph *old, *new;
  Id *map;
} Rebuild;
Rebuild graph_rebuild_begin(Graph *g);
Id graph_copy_node(Rebuild *r, Id n);            /* also sets r->map[n] */
Id graph_copy_as(Rebuild *r, Id n, AttrId attr); /* the same with other attributes */
void graph_rebuild_end(Rebuild *r);
#endif
