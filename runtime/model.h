/* SPDX-License-Identifier: Apache-2.0 */
/* The interface between a natively compiled model and the runtime: a constant descriptor, `gc_model`, whose tables
 * describe every weight, data field, graph and setting. The runtime includes nothing else of the compiler. Generated
 * code defines the tables and the graph functions; the runtime provides files, threads, the step loop and the command
 * line. Portable models (emit --c) do not use it. */
#ifndef GRADC_MODEL_H
#define GRADC_MODEL_H
#include <stddef.h>
#include <stdint.h>

enum { GC_MAX_RANK = 8 };
typedef enum GcDType {
  GC_BOOL,
  GC_U8,
  GC_I8,
  GC_U16,
  GC_I16,
  GC_U32,
  GC_I32,
  GC_F32,
  GC_F64,
  GC_F16,
  GC_BF16, /* floats: GC_F32 to here */
  GC_I64
} GcDType;
typedef enum GcKind { GC_PARAM, GC_STATE, GC_OPTIM } GcKind;

/* The run header, at the beginning of the model's memory. struct NAME_run of the C interface begins with these members;
 * one f32 per metric follows `loss`, in the order of GcTrain.metrics. */
typedef struct GcRun {
  uint64_t seed;
  uint32_t step, steps, steps_per_epoch;
  float loss;
} GcRun;

/* A persistent tensor. In files it is row-major in its logical shape. In memory its axes may be permuted, or one axis
 * is split into panels of `panel` columns, each row-major over all other axes; the last panel may be narrower.
 * stored[]: the axes in stored order, outermost first. */
typedef struct GcVar {
  const char *name;
  uint8_t kind, dtype, rank, panel_axis; /* panel_axis: the axis that is split, if panel > 0 */
  uint8_t stored[GC_MAX_RANK];
  uint32_t panel; /* 0: no panels */
  int64_t dim[GC_MAX_RANK];
  size_t offset, bytes; /* in mem */
  uint8_t is_grad_sum;  /* a gradient accumulated over the microbatches of a step, which begins with zeros */
} GcVar;

/* A dimension that depends on run-time sizes: the sum of coef * product of size[i] ^ exp[i] over GcGraph.sizes. */
enum { GC_MAX_SIZES = 8 };
typedef struct GcTerm {
  int64_t coef;
  uint8_t exp[GC_MAX_SIZES];
} GcTerm;
typedef struct GcDim {
  const char *text; /* "T", "2*T+1" */
  int64_t bound;    /* the largest value */
  const GcTerm *term;
  int nterm;
} GcDim;

/* An input or output of a graph. dim[i] < 0: entry -1 - dim[i] of GcGraph.dims. */
typedef struct GcPort {
  const char *name;
  uint8_t dtype, rank;
  int64_t dim[GC_MAX_RANK];
  int64_t range;         /* > 0: integer values must be in [0, range); of columns that differ the least */
  const int64_t *ranges; /* of each column, a number along the last axis, if they differ; 0: any value */
  int nranges;
} GcPort;

/* The arguments of a graph function. All threads of a region call the same function with equal arguments except `tid`.
 * Between kernels whose memory ranges conflict the generated code calls `barrier` (never if nthreads == 1). */
typedef struct GcCall GcCall;
struct GcCall {
  void *mem;
  const void *const *in; /* one per GcGraph.in */
  void *const *out;      /* one per GcGraph.out */
  const int64_t *size;   /* run-time sizes, one per GcGraph.sizes */
  int tid, nthreads;     /* number of this thread, of all threads */
  void (*barrier)(void *pool, int tid);
  void *pool;
  uint32_t microbatch;       /* within the step, from 0 */
  uint64_t record, epoch;    /* for bind graphs */
  struct GcProfile *profile; /* not NULL: the generated code adds the time of each kernel */
  int32_t *first_nonfinite;  /* not NULL: check mode; the generated code sets it to 1 + the index in GcModel.nodes of
                               the first node whose result is not finite, else leaves it 0 */
  /* Of a graph that runs on a device: `mem`, `in` and `out` are addresses there, and its function launches kernels. */
  uint64_t seed; /* for init */
  const struct GcDeviceCalls *device;
};

/* A grid of blocks of threads; shared: bytes of shared memory of a block. */
typedef struct GcGrid {
  int64_t x, y, z;
  int block, shared;
} GcGrid;
/* d[rows, cols] = sums over `terms` of a[rows, terms] * b[terms, cols], for each of `batch`. a and b are of dtype, d is
 * f32 and dense. Of a, then of b: elements from one row (of b: column) to the next if terms are adjacent (along_k),
 * else from one term to the next; elements from one matrix of the batch to the next. */
typedef struct GcProduct {
  int64_t rows, cols, terms, batch;
  int64_t stride[2], apart[2], along_k[2];
  int64_t dtype, workspace; /* bytes after d that it may use */
  int64_t tf32;             /* 1: f32 operands are rounded to tf32 */
} GcProduct;
/* What the function of a device's graph calls. kernel: index in GcDevice.kernel; arg[i]: the address of argument i.
 * check: in check mode, tests n numbers that the launches so far have stored. map: makes the tensor map, of 128 bytes,
 * of a tensor of 16-bit elements with three axes, the fastest first, or two if size[2] is 1; strides, in elements, are
 * those of axes 1 and 2; boxes are 64 x rows. product: by cuBLASLt; kernel: that of its epilogue.
 * after: what is launched until the next call is launch number `launch` of the graph, which follows those n earlier
 * ones; NULL: launches are in the order of a stream. */
typedef struct GcDeviceCalls {
  void (*launch)(const GcCall *call, int kernel, GcGrid grid, void **arg);
  void (*check)(const GcCall *call, const void *x, int64_t n, int type, int32_t node);
  void (*map)(const GcCall *call, void *map, const void *x, const int64_t *size, const int64_t *stride, int rows);
  void (*product)(const GcCall *call, int kernel, const GcProduct *p, const void *a, const void *b, void *d,
                  void *workspace);
  void (*after)(const GcCall *call, int launch, int n, const int *wait);
} GcDeviceCalls;
/* Returns 0; k > 0: input k (from 1), or size k - nin, is out of range; -1: the loss is not finite; -2: steps not
 * set. */
typedef int GcFn(const GcCall *call);

typedef struct GcGraph {
  const char *name;
  GcFn *fn; /* NULL: no such graph */
  const GcPort *in, *out;
  int nin, nout, nsizes;
  const char *const *sizes; /* names of run-time sizes, e.g. "B"; a value is in 0 .. bound */
  const int64_t *size_bound;
  const GcDim *dims; /* the dimensions of ports that depend on sizes */
  double flops;      /* of a call with all sizes at their bounds */
  int max_threads;   /* more threads would have no work */
  uint8_t on_device; /* it runs on GcModel.device */
  int again;         /* on a device, 1 + index in GcModel.vars (f32): the caller repeats the call as the same step while
                      * it is not 0; a function of the CPU does so itself. 0: none */
} GcGraph;

/* Compiled kernels, as cuModuleLoadData takes them, for GPUs of a compute capability, such as 90, and of later ones
 * that run its code: PTX runs on all of them, code on those with the same first digits, exact code on no other. arch 0:
 * for the driver of the model. */
typedef struct GcImage {
  const void *p;
  int arch;
  uint8_t is_ptx, is_exact;
} GcImage;
/* The peaks of a GPU whose name has this word: operations a second of the cores for f32 and of tensor cores with
 * operands of 32 and of 16 bits, and bytes a second. */
typedef struct GcGpu {
  const char *word;
  double flops[3], bytes;
} GcGpu;
typedef struct GcDevice {
  const char *name;                      /* "cuda", "cuda-host" */
  void *(*driver)(const char *function); /* the functions of its driver; NULL: those of the system's CUDA driver */
  const GcImage *image;                  /* the last has p NULL */
  const char *const *kernel;             /* names */
  int nkernels;
  size_t bytes;         /* of its memory: GcModel.bytes, and scratch of kernels after them */
  uint8_t products;     /* it needs cuBLASLt */
  size_t status_offset; /* in the run header: an int32_t that kernels set to a GcFn status */
  /* As GcModel.kernels, of each kernel; COMPUTE: the index in GcGpu.flops of the peak that bounds it. NULL: without. */
  const char *rows;
  const char *const *row_files;
  const GcGpu *gpu; /* the last has word NULL */
} GcDevice;

/* Measurement of kernels: per line of GcModel.kernels the seconds and the number of executions so far. */
typedef struct GcProfile {
  double *seconds;
  int64_t *count;
  double since; /* the end of the last kernel, or the begin of the call */
  double (*now)(void);
} GcProfile;

typedef struct GcNode {
  const char *op, *file;
  int line;
} GcNode; /* for check mode */

/* What a cell of a csv file is: a number; the name of a class, whose number is the value; a date, in days. */
typedef enum GcCell { GC_NUMBER, GC_CLASS, GC_DATE } GcCell;
/* csv: one field(...) of a line. */
typedef struct GcColumn {
  const char *first, *last; /* names of columns, both included; NULL: columns by number */
  int at, count;            /* by number the first; how many */
  const char *where;        /* in the .nn: FILE:LINE:COLUMN */
  GcCell cell;
  const char *key; /* classes: SECTION.FIELD, of the section that is trained on */
  int number;      /* of the first among the classes of the field, from 1; 0: there are no others */
} GcColumn;
/* States that hold numbers of raw values of a field: mean and standard deviation; minimum and range; mean alone. */
typedef enum GcNormKind { GC_MEAN_STD, GC_MIN_MAX, GC_FILL } GcNormKind;
typedef struct GcNorm {
  GcNormKind kind;
  int field, at, count;
  int var[2]; /* 1 + index in GcModel.vars; 0: none */
} GcNorm;
/* What a missing value is: an error, 0, the mean of its column, or its record is left out. */
typedef enum GcMissing { GC_MISSING_ERROR, GC_MISSING_ZERO, GC_MISSING_MEAN, GC_MISSING_SKIP } GcMissing;
/* How an epoch draws its records: each once; with replacement in proportion to a field, or so that the classes of a
 * field are equally frequent; each once, the classes spread evenly. */
typedef enum GcSample { GC_SAMPLE_NONE, GC_SAMPLE_WEIGHTED, GC_SAMPLE_BALANCED, GC_SAMPLE_STRATIFIED } GcSample;
/* Whether all records stay in memory; by default if they fit. */
typedef enum GcCache { GC_CACHE_AUTO, GC_CACHE_NONE, GC_CACHE_ALL } GcCache;
/* data NAME { source = KIND(args…) … }. One GcField per field, in order. */
typedef struct GcField {
  const char *name;
  uint8_t dtype, rank;
  int64_t dim[GC_MAX_RANK]; /* of one record */
  /* csv: the first column and their number. npy, idx: the file's number, and 1 if a record must have the shape of
   * bind's input (bind NULL: of the field), 0 if only its number of elements must fit. images: 0, the picture, and the
   * number of its values, or 1, the class, and 1. Others: 0, 1. */
  int raw_first, raw_count;
  uint8_t raw_dtype; /* the type of the bind graph's input */
  int64_t range;     /* > 0: bound integer values must be in [0, range), in all records */
  const GcColumn
    *columns; /* csv: whose values are the raw value, one after the other; NULL: raw_count from raw_first on */
  int ncolumns;
  uint8_t rows; /* an export's input of this name takes the raw value, as do the rows given to `predict` */
  /* images: height and width that a picture is resized to (width 0: the shorter side is the height), then cropped to,
   * in its middle; 0: it is not */
  int resize[2], crop[2];
  double mixup; /* > 0: in training, mixed with another record's, by a share of Beta(mixup, mixup) */
  /* jsonl: > 0: the first axis has so many entries at most, and pad_value follows those of a record; the raw value is
   * the number of entries */
  int64_t pad;
  double pad_value;
  uint8_t length;
  const int64_t *ranges; /* as those of GcPort */
  int nranges;
} GcField;
typedef struct GcData {
  const char *name, *kind;  /* kind: csv idx npy npz safetensors images text tokens uniform normal */
  const char *const *paths; /* relative to the .nn file */
  int npaths;
  const char *dir;       /* folder of the .nn file when it was compiled; "": the current folder */
  int64_t window, n;     /* text, tokens: elements of a window; uniform, normal: number of records */
  uint8_t element;       /* text, tokens: type of the file's elements: u8, u16, u32 */
  int header;            /* csv: 0 no, 1 yes, -1 detect it */
  const double *lo, *hi; /* per column; uniform: bounds; normal: mean and standard deviation */
  int ncols;             /* uniform, normal: columns */
  double holdout;        /* 0..1 */
  int shuffle;           /* 0/1 */
  const GcField *fields;
  int nfields;
  const GcGraph *bind; /* of a record: raw fields to bound fields, in order; NULL: identity */
  char sep, decimal;   /* csv: between columns, 0: it is found; in numbers, 0: a point */
  GcMissing missing;   /* csv */
  const char *learned; /* the section whose classes and states it uses: that to train on, or itself; NULL: none */
  const GcNorm *norms;
  int nnorms;
  int group;        /* so many paths are one set of files; the records of the sets follow one another. 0: all are one */
  uint8_t on_error; /* csv, images: 1: records that cannot be used are left out */
  uint8_t cache;    /* GcCache */
  int64_t stream;   /* > 0: csv, jsonl: records are read once, and drawn from so many; the path "-": standard input */
  /* GcSample, and the index of its field; 1 + the index of the field whose classes the hold-out has in their shares */
  int sample, sample_field, stratify;
  int workers, prefetch;  /* threads that prepare batches while steps run; how many batches, 0: 2 per thread */
  const GcGraph *augment; /* bind of training steps: its random numbers are by (seed, epoch, record); NULL: bind */
} GcData;

/* What an evaluation makes of an output of its graph over all batches: the mean, weighted by records, or the sum
 * of each element, added in double; or the rows of all batches, one a record. */
typedef enum GcGather { GC_MEAN, GC_TOTAL, GC_ROWS } GcGather;
/* What validations are compared by. */
typedef struct GcWatch {
  int score;        /* 0: none, 1: the loss, 2 + i: metric i */
  uint8_t is_max;   /* larger is better */
  int64_t patience; /* early stop: after so many validations in a row that were no better */
  double min_delta; /* by how much a better one differs at least */
} GcWatch;

typedef struct GcTrain {
  const char *name;
  int data; /* index in GcModel.data; -1: none, the step has no inputs */
  int64_t batch, accumulate;
  int64_t steps; /* > 0: fixed by the file; 0: use epochs */
  int64_t epochs;
  uint64_t seed;
  const char *const *metrics; /* names, in the order of eval's outputs */
  int nmetrics;
  int64_t save_every, keep; /* 0: default */
  /* The runtime sets GcRun.step before a call, and to step + 1 after a successful one. Status -1 leaves every weight
   * and optimizer state unchanged. Loss and metrics of the step are in GcRun after `step`, or after `update`. */
  const GcGraph *step;          /* a training step, if accumulate == 1 */
  const GcGraph *pass, *update; /* if accumulate > 1: a microbatch of `batch` records, which adds to the accumulated
                                     gradients; and the update after the last, which has no inputs and clears them.
                                     Loss and metrics are those of the microbatch; the caller averages them */
  const GcGraph *eval;          /* inputs with a leading run-time size B <= batch; `navg` outputs, to be gathered */
  const GcGraph *eval_done;     /* what was gathered to loss, metrics and tensors; its run-time sizes are numbers of
                                     records. NULL: it is loss, metrics and tensors */
  int navg;
  const int *at;         /* of each metric its place among the floats after GcRun.loss; NULL: in order */
  int64_t every;         /* with several sections: it has a step in every so many rounds */
  int scale, skipped;    /* 1 + index in GcModel.vars (f32) of the loss scale, and of the number of steps
                                     skipped because a gradient overflowed; 0: no loss scaling. With loss scaling
                                     status -1 means that the scale cannot be lowered further */
  const uint8_t *gather; /* per output of eval, a GcGather; NULL: all are means */
  int ntensors;          /* metrics that are tensors of f32: results of an evaluation after loss and metrics */
  int64_t validate;      /* after every so many steps, -1: after every epoch; and after the last step. 0: never */
  int validate_data;     /* 1 + index in GcModel.data of the section to validate on; 0: on the hold-out */
  GcWatch best, stop;    /* of what weights.safetensors is the best; what ends the training early */
  /* Per score, loss first: 1 + index in GcModel.vars (f32) of the optimizer state that a validation sets to it, inf if
   * it is not a number, for the next step to take; 0: none. NULL: all 0. */
  const int *observed;
} GcTrain;

/* A constant of the file: its value as JSON, and what of the plan it sets, if that is all that it is for. */
typedef enum GcConstUse { GC_COMPILED, GC_STEPS, GC_EPOCHS, GC_SEED } GcConstUse;
typedef struct GcConst {
  const char *name, *value;
  uint8_t use; /* GcConstUse */
  uint8_t set; /* 1: from outside, when the model was compiled */
} GcConst;

typedef struct GcModel {
  const char *name;                 /* of the .nn file, without extension */
  const char *source, *source_name; /* text of the .nn */
  const char *flags;                /* compiler options, recorded in run.json */
  const char *version;
  size_t bytes; /* of mem: run header, weights and states, optimizer, arena */
  size_t head_bytes, persistent_bytes, arena_bytes;
  const GcVar *vars;
  int nvars;
  const GcData *data;
  int ndata;
  const GcTrain *train;
  int ntrain;
  const GcGraph *init; /* initialises weights, states and optimizer state with GcRun.seed */
  const GcGraph *exports;
  int nexports;
  const GcNode *nodes;
  int nnodes;
  /* For `bench --profile` a line for each kernel: FILE LINE CLASS FORM FLOPS BYTES COMPUTE MEMORY NAME<TAB>LAYER, and
   * of a GEMM <TAB>KEY (codegen/gemm.h). FILE: index in kernel_files. LINE 0: of no line. Of one execution the
   * floating-point operations, the bytes read and written, and by the rates of one core the seconds to compute and to
   * move them. NULL: it was built without. */
  const char *kernels;
  int nkernels;
  const char *const *kernel_files;
  double parameters;
  const char *needs;      /* instructions that its code uses, by the names of cpu.c; NULL: the baseline */
  const GcDevice *device; /* NULL: all graphs run on the CPU */
  const GcConst *constants;
  int nconstants;
} GcModel;

extern const GcModel gc_model;

/* The entry point of a training binary; called by main() of the runtime archive. */
int gc_main(const GcModel *m, int argc, char **argv);

/* For `gradc run --resume`, which compiles with the run's settings: the texts NAME=VALUE of `set` in the run.json of
 * the folder, NULL: that of the newest run of this model. They are malloced, *n of them. Ends the process if the file
 * is malformed. */
char **gc_settings_of_run(const char *model, const char *folder, int *n);
#endif
