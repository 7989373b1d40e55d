/* What a natively compiled model hands to the runtime: one constant descriptor, `gc_model`, whose tables name every
 * weight, data field, graph and setting. The runtime knows nothing of the compiler but this file.
 * Generated code defines the tables and the graph functions; the runtime owns files, threads, the step loop and the
 * command line. Portable models (emit --c) need none of this. */
#ifndef GRADC_MODEL_H
#define GRADC_MODEL_H
#include <stddef.h>
#include <stdint.h>

enum { GC_MAX_RANK = 8 };
typedef enum GcDType {
  GC_BOOL, GC_U8, GC_I8, GC_U16, GC_I16, GC_U32, GC_I32, GC_F32, GC_F64, GC_F16, GC_BF16 /* floats from GC_F32 on */
} GcDType;
typedef enum GcKind { GC_PARAM, GC_STATE, GC_OPTIM } GcKind;

/* The head of the caller's memory: struct NAME_run of the C interface begins with these; one f32 per metric follows
 * `loss`, in the order of GcTrain.metrics. */
typedef struct GcRun {
  uint64_t seed;
  uint32_t step, steps, steps_per_epoch;
  float loss;
} GcRun;

/* A persistent tensor. Files hold it logical row-major; in memory it may be stored in panels of `panel` columns
 * (its last axis, the last panel narrower, each panel row-major over all other axes) or with permuted axes.
 * stored[] = axes in stored order, outermost first (identity when rank 0 or row-major). */
typedef struct GcVar {
  const char *name;
  uint8_t kind, dtype, rank, panel_axis; /* panel_axis: the logical axis that is split, when panel > 0 */
  uint8_t stored[GC_MAX_RANK];
  uint32_t panel; /* 0: no panels */
  int64_t dim[GC_MAX_RANK];
  size_t offset, bytes; /* within mem */
} GcVar;

/* A dimension that depends on run-time sizes: the sum of coef * product of size[i] ^ exp[i] over GcGraph.sizes. */
enum { GC_MAX_SIZES = 8 };
typedef struct GcTerm {
  int64_t coef;
  uint8_t exp[GC_MAX_SIZES];
} GcTerm;
typedef struct GcDim {
  const char *text;       /* "T", "2*T+1" */
  int64_t bound;          /* no value of the sizes gives more */
  const GcTerm *term;
  int nterm;
} GcDim;

/* One input or output of a graph. dim[] < 0: dimension number -1 - dim[i] of the graph's GcGraph.dims. */
typedef struct GcPort {
  const char *name;
  uint8_t dtype, rank;
  int64_t dim[GC_MAX_RANK];
  int64_t range; /* > 0: integer values must lie in [0, range) */
} GcPort;

/* How one thread runs its share. All threads of a region call the same graph function with equal arguments but
 * `part`; between kernels whose partitions differ the generated code calls `barrier` (never when parts == 1). */
typedef struct GcCall {
  void *mem;
  const void *const *in;  /* one per GcGraph.in */
  void *const *out;       /* one per GcGraph.out */
  const int64_t *size;    /* run-time sizes, one per GcGraph.sizes */
  int part, parts;
  void (*barrier)(void *pool, int part);
  void *pool;
  uint32_t pass;          /* accumulation pass within the step, from 0 */
  uint64_t record, epoch; /* for bind graphs */
  int32_t *bad;           /* non-NULL: check mode; the generated code stores 1 + index into GcModel.nodes of the
                             first node whose result is not finite, else leaves it 0 */
} GcCall;
/* 0; k: input k (from 1), or size k - nin, out of range; -1: loss not finite; -2: steps not set */
typedef int GcFn(const GcCall *call);

typedef struct GcGraph {
  const char *name;
  GcFn *fn; /* NULL: the graph does not exist */
  const GcPort *in, *out;
  int nin, nout, nsizes;
  const char *const *sizes;    /* names of run-time sizes, e.g. "B"; a value is in 0 .. bound */
  const int64_t *size_bound;
  const GcDim *dims;           /* of ports, where they depend on sizes */
  double flops;                /* per call at the bound */
  int max_parts;               /* more threads than this find nothing to do */
} GcGraph;

typedef struct GcNode { const char *op, *file; int line; } GcNode; /* for check mode */

/* data NAME { source = KIND(args…) … }. One GcField per bound line, in order. */
typedef struct GcField {
  const char *name;
  uint8_t dtype, rank;
  int64_t dim[GC_MAX_RANK]; /* of one record */
  int raw_first, raw_count; /* csv: columns; npy/idx: file number in raw_first, and 1: the file's records have the shape
                               of bind's input (bind NULL: of the field), 0: that number of elements, in any shape;
                               the others: 0, 1 (the window; all columns) */
  uint8_t raw_dtype;        /* what field(i)/window is converted to before the bind graph */
  int64_t range;            /* > 0: bound integer values must lie in [0, range), checked over all records */
} GcField;
typedef struct GcData {
  const char *name, *kind;        /* kind: csv idx npy text tokens uniform normal */
  const char *const *paths;       /* relative to the .nn file */
  int npaths;
  const char *dir;                /* folder of the .nn file as given at build time; "" when it was the current one */
  int64_t window, n;              /* text, tokens: window; uniform/normal: number of records */
  uint8_t element;                /* text, tokens: type of the file's elements: u8, u16, u32 */
  int header;                     /* csv: -1 find out, 0, 1 */
  const double *lo, *hi;          /* uniform: lo/hi per column; normal: mean/std per column */
  int ncols;                      /* uniform/normal: columns */
  double holdout;                 /* 0..1 */
  int shuffle;                    /* 0/1 */
  const GcField *fields;
  int nfields;
  const GcGraph *bind;            /* per record: raw fields in order -> bound fields in order; NULL: identity */
} GcData;

typedef struct GcTrain {
  const char *name;
  int data;                       /* index into GcModel.data; -1: none (steps then has no inputs) */
  int64_t batch, accumulate;
  int64_t steps;                  /* > 0: fixed by the file; else 0 and epochs counts */
  int64_t epochs;
  uint64_t seed;
  const char *const *metrics;     /* names, in the order of GcRun's trailing floats and of eval_step's outputs */
  int nmetrics;
  int64_t save_every, keep, early_stop; /* 0: default */
  /* The runtime sets GcRun.step before a call and to step + 1 after a good one. Status -1 leaves every weight and
   * optimizer state as it was. Loss and metrics of the step are read from GcRun after `step`, or after `update`. */
  const GcGraph *step;            /* whole step when accumulate == 1 */
  const GcGraph *pass, *update;   /* accumulate > 1: passes over `batch` records each, which add to the sums of
                                     gradients; then one update, which takes no inputs and leaves them zero. Loss and
                                     metrics are those of a pass: who calls takes the means */
  const GcGraph *eval;            /* inputs with leading run-time size B <= batch; outputs: `navg` f32 scalars that are
                                     averaged over the batches weighted by records */
  const GcGraph *eval_done;       /* averaged scalars in -> loss, metrics…; NULL: they are the loss and metrics */
  int navg;
  int scale, skipped;             /* 1 + index into GcModel.vars (f32) of the loss's scale and of the number of steps
                                     whose update was skipped, as some gradient had no finite value under it; 0: no
                                     scale. Status -1 then means that the scale has fallen to nothing */
} GcTrain;

typedef struct GcModel {
  const char *name;               /* the file's stem */
  const char *source, *source_name; /* text of the .nn */
  const char *flags;              /* options it was built with, for the run folder */
  const char *version;
  size_t bytes;                   /* of mem: head | weights and states | optimizer | arena */
  size_t head_bytes, persistent_bytes, arena_bytes;
  const GcVar *vars;
  int nvars;
  const GcData *data;
  int ndata;
  const GcTrain *train;
  int ntrain;
  const GcGraph *init;            /* fills weights, states and optimizer state from GcRun.seed */
  const GcGraph *exports;
  int nexports;
  const GcNode *nodes;
  int nnodes;
  double parameters;
  const char *needs;              /* the instructions that its code may use, by their names in cpu.c; NULL: the baseline */
} GcModel;

extern const GcModel gc_model;

/* Entry point of a training binary: main() of the runtime archive calls it. */
int gc_main(const GcModel *m, int argc, char **argv);
#endif
