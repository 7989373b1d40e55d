/* SPDX-License-Identifier: Apache-2.0 */
/* The IR: a module has weights, data and graphs. */
#ifndef GRADC_IR_H
#define GRADC_IR_H
#include "columns.h"

#define VAR_KINDS(X) \
  X(PARAM, "param") \
  X(STATE, "state") \
  X(OPTIM, "optim")
typedef enum VarKind {
#define X(kind, name) VK_##kind,
  VAR_KINDS(X)
#undef X
} VarKind;
/* VAR_GRAD_SUM: a gradient accumulated over microbatches. VAR_AGAIN: a number that is not 0 while the training step
 * that writes it is evaluated once more, on the same inputs and as the same step (graph_again). */
typedef enum VarRole { VAR_PLAIN, VAR_GRAD_SUM, VAR_AGAIN } VarRole;
typedef struct Var {
  const char *name;
  VarKind kind;
  TypeId type;
  uint32_t hints;  /* HINT_* */
  uint32_t stored; /* stored order, as Annotation.stored */
  int64_t offset;  /* in the caller's memory, or in read-only memory, by memory; -1 before */
  bool given;      /* its values come with the program: `init` does not set them */
  bool rom;        /* by memory: given and never written, so in read-only memory */
  Loc loc;
  int owner;        /* of an optimizer state or an average: the weight that it belongs to; -1: none */
  const char *slot; /* which of the owner's states it is, e.g. "m"; "" without an owner */
  VarRole role;
} Var;

typedef enum CellKind { CELL_NUMBER, CELL_CLASS, CELL_DATE } CellKind;     /* as GcCell of runtime/model.h */
typedef enum NormKind { NORM_MEAN_STD, NORM_MIN_MAX, NORM_FILL } NormKind; /* as GcNormKind of runtime/model.h */
typedef struct NormInfo { /* numbers of columns, in states, that come from the records to train on */
  NormKind kind;
  int at, count; /* raw values of the field */
  int var[2];    /* mean and standard deviation; minimum and range; what missing values become */
} NormInfo;
typedef struct ColumnInfo { /* csv: one field(...) of a line */
  const char *first, *last; /* names, both included; NULL: columns by number */
  int at, count;            /* by number the first; how many, 0 while that is unknown */
  bool run;                 /* a range: a vector, also if of one column */
  CellKind kind;
  const char *key; /* classes: SECTION.FIELD, which the names in a weights file have */
  int number;      /* of the first among the classes of the field, from 1; 0: there are no others */
  Loc loc;
  int len;
} ColumnInfo;
typedef struct PictureInfo { /* images: as GcField has them */
  bool any;
  int64_t resize[2], crop[2];
} PictureInfo;
typedef struct FieldInfo { /* a bound field of a data section */
  const char *name;
  TypeId type; /* of one record */
  DType raw_dtype;
  TypeId raw_type;          /* of the raw value of one record */
  int raw_first, raw_count; /* as GcField has them */
  ColumnInfo *column;       /* csv: whose values are the raw value, one after the other */
  int ncolumn;
  NormInfo *norm;
  int nnorm;
  bool rows;    /* csv: an export's input of that name takes the raw values, as do the rows given to predict */
  Ranges range; /* of the values, by column */
  PictureInfo picture;
  double mixup; /* 0: none */
  int64_t pad;  /* jsonl: as GcField has them */
  double pad_value;
  bool length;
  Loc loc;
} FieldInfo;
typedef enum MissingHow { MISSING_ERROR, MISSING_ZERO, MISSING_MEAN, MISSING_SKIP } MissingHow; /* as GcMissing */
typedef struct DataInfo {
  const char *name, *kind;
  const char **paths;
  int npaths, group;     /* group: of one set of files; 0: all are one */
  int64_t window, count; /* window > 0: the source is a run of elements, of which it takes so many a record */
  DType element;         /* of such a source's file */
  int header, ncols;
  char sep, decimal;   /* csv; sep 0: found in the file */
  MissingHow missing;  /* csv */
  const char *learned; /* the section whose classes and states it uses: that to train on, or itself */
  const char **head;   /* csv: the cells of the file's first line, if nhead >= 0; known to the front end only */
  int nhead;
  bool head_read;
  const double *lo, *hi;
  double holdout;
  bool shuffle, on_error; /* on_error: as GcData has it */
  int cache;              /* as GcCache */
  int64_t stream;         /* as GcData has it */
  int workers, prefetch;  /* likewise */
  int sample, sample_field, stratify;
  FieldInfo *field;
  int nfield;
  Graph *bind;    /* NULL: identity */
  Graph *augment; /* the same with random numbers, for training steps; NULL: `bind` */
  bool fails;     /* known to the front end only: a setting is wrong */
  Loc loc;
} DataInfo;
typedef enum GatherHow { GATHER_MEAN, GATHER_TOTAL, GATHER_ROWS } GatherHow; /* as GcGather of runtime/model.h */
typedef struct WatchInfo {                                                   /* as GcWatch has them */
  int score;
  bool is_max;
  int64_t patience;
  double min_delta;
} WatchInfo;
typedef struct TrainInfo {
  const char *name;
  int data; /* -1: none */
  int64_t batch, accumulate, steps, epochs, save_every, keep;
  int64_t every;                /* of several sections: it has a step in every so many rounds */
  DType precision;              /* of contractions and of values between kernels: DT_F32, DT_F16, DT_BF16 */
  bool tf32;                    /* contractions may round operands to tf32 */
  double scale, scale_interval; /* f16: the loss's first scale; good steps after which it doubles */
  int scale_var, skipped_var;   /* vars of that scale and of the count of skipped steps; -1: none */
  uint64_t seed;
  const char **metric;
  int nmetric;
  Graph *step, *pass, *update, *eval, *eval_done;
  int navg;            /* results of eval */
  uint8_t *gather;     /* per result, a GatherHow */
  const char **tensor; /* metrics that are tensors, of evaluations only: results after loss and metrics */
  int ntensor;
  int64_t validate;  /* after every so many steps; -1: after every epoch; 0: never */
  int validate_data; /* -1: the hold-out */
  WatchInfo best, stop;
  int *observed, nobserved;        /* as GcTrain.observed has it; how many, 0: none */
  Loc loc, clip_at, accumulate_at; /* of clip = norm(...) and of accumulate, which keep gradients; 0: not set */
} TrainInfo;

/* A `const` or `dim` of the file. use: what of the plan it sets, if that is all that it is for. */
typedef enum ConstKind { CK_INT, CK_FLOAT, CK_BOOL, CK_STR, CK_OTHER } ConstKind;
typedef enum ConstUse { CU_COMPILED, CU_STEPS, CU_EPOCHS, CU_SEED } ConstUse; /* as GcConstUse */
typedef struct ConstInfo {
  const char *name, *value; /* the value as JSON; of a function its text, a string */
  ConstKind kind;
  ConstUse use;
  bool set; /* from outside */
} ConstInfo;

/* A call of a def: where the nodes of a graph come from (source_scope). */
typedef struct CallScope {
  const char *path; /* "net.block_1.linear_2": as weights are named; of other calls, from "train" or an export's name */
  int up;           /* the call that makes it; 0: none */
  bool instance;    /* below a `use` */
} CallScope;
/* A call below a `use`, as a graph makes it. */
typedef struct LayerCall {
  int scope;
  const Graph *graph;
  TypeId type; /* of its value; 0: no tensor */
  Loc at;      /* of the user's call that it is in */
  bool user;   /* not made by the standard library */
} LayerCall;

typedef struct TestInfo { /* one `test` section; its results are bools, one per assert */
  const char *title;
  Graph *graph;
  Loc loc;
} TestInfo;

typedef struct Remark { /* ir/remark.h */
  const char *file;
  int line, kind, number;
  const char *text;
} Remark;

typedef struct Options {
  unsigned remarks;  /* --remarks: bit i = kind i of ir/remark.h */
  bool strict;       /* --fp=strict */
  uint64_t off;      /* passes switched off: bit i = row i of passes.def */
  bool verify;       /* run the verifier after every pass */
  bool infer_only;   /* --only=infer */
  bool rom;          /* given weights that no graph writes are read where they are */
  bool wide_rows;    /* fast attention reads rows of f32, also of values that have 16 bits */
  bool row_chunks;   /* kernels that reduce many rows have scratch for partial sums (Group.scratch) */
  int panel;         /* weights of contractions may be stored in panels of so many columns; 0: never */
  bool device;       /* the run header has a status, which kernels set */
  bool slots;        /* inputs and results of calls are on the device, too, where a program keeps two slots for them */
  int sm;            /* kernels are for GPUs of this compute capability alone: 90 is sm_90a; 0: for all from 80 on */
  bool library_gemm; /* --gemm=cublaslt: products of a GPU by the library, where it has them */
  bool any_size;     /* forms for sm take sizes for which others should be faster: for tests */
  bool file_device;  /* the file asks for a GPU: `device = cuda` of a target section */
  int64_t ram;       /* budget of bytes for run header, weights, optimizer and the largest plan; 0: none */
  Loc ram_at;        /* where the file sets it; 0: --ram */
} Options;

struct Module {
  Ctx *c;
  const char *name;   /* the file's stem, other characters as `_` */
  const char *file;   /* path as given */
  const char *source; /* text of the .nn, NULL when it came from IR text */
  Options opt;
  Size *size;
  int nsize, capsize;
  Var *var;
  int nvar, capvar;
  Graph **graph;
  int ngraph, capgraph;
  DataInfo *data;
  int ndata, capdata;
  TrainInfo *train;
  int ntrain, captrain;
  TestInfo *test;
  int ntest, captest;
  CallScope *scope; /* [0] is none; of .nn files only */
  int nscope, capscope;
  LayerCall *layer; /* in the order in which they end */
  int nlayer, caplayer;
  Remark *remark;
  int nremark, capremark;
  ConstInfo *constant; /* of the file and its imports */
  int nconstant, capconstant;
  StorageOrder *stored;
  int nstored, capstored;
  int64_t head_bytes, persistent_bytes, arena_bytes, total_bytes; /* by memory; -1 before */
  int64_t rom_bytes;                   /* of variables in read-only memory, which are in none of these */
  bool open_sizes;                     /* a relation that holds for some values of the sizes is assumed: dim_equal */
  Diag *last;                          /* of shape_fail: the elaborator adds labels */
  const struct PlanTrial *trial;       /* of a copy that checkpoint evaluates (budget.h); else NULL */
  struct SizeConstraints *constraints; /* shape rules record here what they assume; NULL: they do not (sizes.h) */
  struct Tables *tab;                  /* interning */
};

/* "" for 0. The call: the last part of the path, without its number: "linear". */
const char *scope_path(const Module *m, int scope);
const char *scope_call(const Module *m, int scope);
Module *module_new(Ctx *c, const char *name);
int var_add(Module *m, const char *name, VarKind kind, TypeId type, uint32_t hints, Loc loc);
int var_find(const Module *m, const char *name);                         /* -1: none */
void vars_arrange(Module *m, const int *order, const char *const *name); /* vars.c: renames and reorders all */
void vars_read_as(Graph *g, const int *by); /* where g reads var v, it reads by[v], of the same type; -1: v */
/* Owner, slot and role of optimizer states and averages, and roles of results, by their names: for IR text, which has
 * no more. */
void roles_from_names(Module *m);
bool module_scales(const Module *m);                           /* whether some section scales its loss */
bool module_has_gradients(const Module *m);                    /* grad or jvp nodes, before autodiff */
uint32_t storage_order_make(Module *m, const StorageOrder *s); /* number for Annotation.stored and Var.stored */

/* copy.c: a deep copy of the module for trials, in a private Ctx made by ctx_fork. */
Module *module_copy(Ctx *c, const Module *from);

/* Text form. */
void ir_print(Str *out, Module *m);
void ir_print_graph(Str *out, Graph *g);
Module *ir_parse(Ctx *c, Loc start); /* never NULL; after an error diag_errors is above 0 */
/* The verifier: numbered constraints V01…; reports through diag_error (code 0401) and returns their number. */
int ir_verify(Module *m);
int ir_verify_graph(Graph *g);
#endif
