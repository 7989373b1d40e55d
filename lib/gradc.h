/* gradc as a library: compiles a model (.nn) to native code within the process, trains it, runs it.
 *
 *   gradc_model *m;
 *   gradc_error *e = NULL;
 *   if (gradc_compile(&(gradc_source){"digits.nn", NULL, 0}, NULL, &m, &e)) { fputs(gradc_error_text(e), stderr); ... }
 *   gradc_array batch[] = {{x, GRADC_F32, 2, (int64_t[]){32, 64}}, {y, GRADC_I32, 1, (int64_t[]){32}}};
 *   gradc_step(m, batch, 2, &e);
 *   printf("%g\n", gradc_loss(m));
 *   gradc_free(m);
 *
 * Errors are values. A function that can fail returns a status and takes `gradc_error **error`: when it fails and
 * error is not NULL, *error says all about it, and gradc_error_free gives it back; when it succeeds, *error is left
 * alone. After a failure the model is as it was before the call, unless the function says otherwise. Nothing is ever
 * printed, the process is never ended, and there is no state but what handles hold.
 *
 * Threads. Different models may be used by different threads at the same time, and any number of compilations may
 * run at once. One model, with its data, is used by one thread at a time. What `const` pointers of a model point to
 * lives as long as the model, unless said otherwise.
 *
 * Arrays are dense, row-major and in the machine's byte order, their addresses aligned for their element type;
 * shapes count elements. The caller owns all arrays, and none is kept after a call. */
#ifndef GRADC_H
#define GRADC_H
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define GRADC_VERSION_MAJOR 0
#define GRADC_VERSION_MINOR 1
#define GRADC_VERSION_PATCH 0
#define GRADC_VERSION "0.1.0"

#if defined __GNUC__
#define GRADC_API __attribute__((visibility("default")))
#else
#define GRADC_API
#endif

GRADC_API const char *gradc_version(void); /* of the library that runs: "0.1.0" */

/* The numbers are the exit statuses of the gradc command and of training binaries. */
typedef enum gradc_status {
  GRADC_OK = 0,
  GRADC_BAD_MODEL = 1,  /* the model is wrong, or lacks what was asked for; a file of it cannot be read */
  GRADC_BAD_CALL = 2,   /* an argument is wrong: an array of another shape, a name that is not there */
  GRADC_BAD_DATA = 4,   /* data or weights are malformed or out of range */
  GRADC_RESOURCES = 5,  /* memory, threads or disk ran out */
  GRADC_NOT_FINITE = 6  /* the loss is not finite: nothing was updated */
} gradc_status;

/* ---- errors ---- */

typedef struct gradc_error gradc_error;

typedef struct gradc_diagnostic {
  int code;              /* 214 for E0214; `gradc explain E0214` tells more */
  int warning;           /* 1: a warning, 0: an error */
  const char *file;      /* "": no place in a source */
  int line, column;      /* from 1; 0: no place */
  int length;            /* bytes from there on that are meant */
  const char *message;   /* one line */
  const char *help;      /* lines; "": none */
  const char *text;      /* all of it, with the source line and marks, as the gradc command prints it */
} gradc_diagnostic;

GRADC_API gradc_status gradc_error_status(const gradc_error *e);
GRADC_API const char *gradc_error_text(const gradc_error *e); /* all diagnostics, rendered */
GRADC_API int gradc_error_count(const gradc_error *e);        /* of diagnostics, at least 1 */
GRADC_API const gradc_diagnostic *gradc_error_at(const gradc_error *e, int i); /* NULL: there is no i-th */
GRADC_API void gradc_error_free(gradc_error *e);              /* NULL is nothing */

/* ---- compiling ---- */

/* Where all memory comes from: that of the compiler, of models and of errors; only a C compiler that is run, the
 * loader of its code, and libc's own buffers have theirs. As realloc, but told how many bytes p had (0: p is NULL):
 * new_size 0 frees; NULL says that there is no more. Memory must be aligned for any type. Calls come from the
 * threads that use the library. */
typedef struct gradc_alloc {
  void *(*realloc)(void *user, void *p, size_t old_size, size_t new_size);
  void *user;
} gradc_alloc;

typedef enum gradc_backend {
  GRADC_AUTO = 0, /* in this process, by the clang libraries, where they are there; else by a C compiler */
  GRADC_CC = 1    /* by a C compiler, whose code is loaded */
} gradc_backend;

/* Set what differs from GRADC_OPTIONS. */
typedef struct gradc_options {
  size_t size;            /* sizeof(gradc_options), so that it can grow */
  const gradc_alloc *alloc; /* NULL: malloc. Copied */
  int strict;             /* 1: the same bits on every machine; 0: the machine's best order of evaluation */
  int threads;            /* of a model; 0: one a core. Results do not depend on it */
  int64_t ram;            /* a budget for all memory of a model, in bytes; 0: what the file says */
  const char *isa;        /* native, generic, or what the C compiler's -march takes; NULL: native */
  gradc_backend backend;
  const char *cc;         /* the C compiler, which is taken then; NULL: cc */
  const char *cflags;     /* further flags for it, separated by blanks; NULL: none */
  const char *cache;      /* a folder for what was compiled, by content; NULL: the user's ($XDG_CACHE_HOME/gradc or
                             ~/.cache/gradc), "": none */
  const char *off;        /* optional passes not to run, "fuse,order"; NULL: none. Results do not depend on it */
  const char *search;     /* folders for imports that are not beside the file that asks, "a:b"; NULL: none */
} gradc_options;
#define GRADC_OPTIONS {sizeof(gradc_options), 0, 0, 0, 0, 0, GRADC_AUTO, 0, 0, 0, 0, 0}

/* A model: a file, or a text in memory. Imports and data are relative to the folder of `path`, which messages name. */
typedef struct gradc_source {
  const char *path;
  const char *text; /* NULL: the file is read */
  size_t size;      /* of the text, in bytes */
} gradc_source;

typedef struct gradc_model gradc_model;

/* Compiles, and sets all weights to their initial values by the file's seed. options NULL: GRADC_OPTIONS. *model is
 * set to NULL first, and holds what gradc_free frees when the status is GRADC_OK. */
GRADC_API gradc_status gradc_compile(const gradc_source *source, const gradc_options *options, gradc_model **model,
                                     gradc_error **error);
GRADC_API void gradc_free(gradc_model *m); /* and its memory; data is closed before. NULL is nothing */

/* Only tells what is wrong with a model. */
GRADC_API gradc_status gradc_check(const gradc_source *source, const gradc_options *options, gradc_error **error);

/* Receives a text that is valid during the call. */
typedef void gradc_sink(void *user, const char *name, const char *text, size_t size);
/* The model as portable C99 without any library: the sink gets NAME.c, then NAME.h. */
GRADC_API gradc_status gradc_emit_c(const gradc_source *source, const gradc_options *options, gradc_sink *sink,
                                    void *user, gradc_error **error);
/* The graphs as text, after the named pass; "": as the front end made them; NULL: after all passes. */
GRADC_API gradc_status gradc_dump(const gradc_source *source, const gradc_options *options, const char *pass,
                                  gradc_sink *sink, void *user, gradc_error **error);
/* What the model costs before it runs, as gradc_compile with these options would plan it: the sink gets NAME.json, one
 * object with the members of `gradc report --json`. */
GRADC_API gradc_status gradc_report(const gradc_source *source, const gradc_options *options, gradc_sink *sink,
                                    void *user, gradc_error **error);

/* ---- what a model is ---- */

typedef enum gradc_dtype {
  GRADC_BOOL, GRADC_U8, GRADC_I8, GRADC_U16, GRADC_I16, GRADC_U32, GRADC_I32, GRADC_F32, GRADC_F64,
  GRADC_F16, GRADC_BF16 /* as uint16_t; bool as uint8_t */
} gradc_dtype;
typedef enum gradc_kind { GRADC_PARAM, GRADC_STATE, GRADC_OPTIMIZER } gradc_kind;

enum { GRADC_MAX_RANK = 8, GRADC_MAX_SIZES = 8 };

typedef struct gradc_info {
  const char *name;        /* of the file, without its ending */
  const char *backend;     /* what made the code */
  double parameters;       /* elements of all weights */
  size_t memory_bytes;     /* of the model: weights, states, optimizer, and the most that a graph needs while it runs */
  size_t weight_bytes, arena_bytes; /* of it: what lives between calls; what does not */
  int weights;             /* gradc_weight(m, 0 ..): weights, states, then the optimizer's */
  int exports;             /* gradc_export(m, 0 ..) */
  int fields;              /* gradc_field(m, 0 ..): of the data that a training step takes */
  int metrics;             /* gradc_metric(m, 0 ..) */
  int trains;              /* 1: it has a train section */
  int evaluates;           /* 1: gradc_evaluate works */
  int threads;
  int64_t batch;           /* records that a training step takes, all of its passes together; 0: it takes none */
  int64_t steps, epochs;   /* the file's plan: one of them, the other is 0 */
  uint64_t seed;           /* the file's */
} gradc_info;
GRADC_API const gradc_info *gradc_model_info(const gradc_model *m);
GRADC_API const gradc_error *gradc_warnings(const gradc_model *m); /* what the compiler remarked; NULL: nothing */

/* A weight, a field, an input or output of an export. */
typedef struct gradc_tensor {
  const char *name;
  gradc_dtype dtype;
  gradc_kind kind;                     /* of weights */
  int rank;
  int64_t shape[GRADC_MAX_RANK];       /* -1: it depends on run-time sizes */
  const char *dim[GRADC_MAX_RANK];     /* then how: "T", "2*T+1"; else NULL */
  int64_t range;                       /* > 0: integers must lie in [0, range) */
} gradc_tensor;
/* NULL: there is no i-th. The shape of a field is that of a step's batch, records first. */
GRADC_API const gradc_tensor *gradc_weight(const gradc_model *m, int i);
GRADC_API const gradc_tensor *gradc_field(const gradc_model *m, int i);
GRADC_API int gradc_find_weight(const gradc_model *m, const char *name); /* -1: none of that name */

typedef struct gradc_function {
  const char *name;
  int inputs, outputs, sizes;
  const gradc_tensor *input, *output;  /* so many each */
  const char *size_name[GRADC_MAX_SIZES];
  int64_t size_bound[GRADC_MAX_SIZES]; /* a size lies in 0 .. bound */
} gradc_function;
GRADC_API const gradc_function *gradc_export(const gradc_model *m, int i); /* an `export def`; NULL: no i-th */
GRADC_API int gradc_find_export(const gradc_model *m, const char *name);   /* -1: none of that name */

/* ---- running it ---- */

typedef struct gradc_array {
  void *data;
  gradc_dtype dtype;
  int rank;
  const int64_t *shape;
} gradc_array;

/* All weights, states and the optimizer as they begin, drawn by that seed; 0 steps done. */
GRADC_API gradc_status gradc_init(gradc_model *m, uint64_t seed, gradc_error **error);

/* The plan that rates such as cosine(step / steps) look at. gradc_compile sets what the file fixes; where it counts
 * epochs, only the caller knows how many steps they have. No call refuses to go on beyond it. */
GRADC_API gradc_status gradc_plan(gradc_model *m, uint32_t steps, uint32_t steps_per_epoch, gradc_error **error);
/* The plan as it is: what the file fixes, gradc_plan has set or a checkpoint held; 0: not known. steps_per_epoch may be
 * NULL. */
GRADC_API uint32_t gradc_planned_steps(const gradc_model *m, uint32_t *steps_per_epoch);

/* One training step on gradc_info.batch records: the fields of the data section in its order, with the values that
 * its expressions give (`x` of `field(0:64) / 16` is divided already). GRADC_NOT_FINITE names the first operation that
 * was not finite. */
GRADC_API gradc_status gradc_step(gradc_model *m, const gradc_array *fields, int n, gradc_error **error);
GRADC_API uint32_t gradc_steps(const gradc_model *m);         /* done so far: the `step` of rates */
GRADC_API float gradc_loss(const gradc_model *m);             /* of the last step's batch, before its update */
GRADC_API float gradc_metric(const gradc_model *m, int i);    /* the same; NaN: there is no i-th */
GRADC_API const char *gradc_metric_name(const gradc_model *m, int i); /* NULL: there is no i-th */

/* Loss, then metrics (1 + gradc_info.metrics floats), of any number of records, at least one: batch by batch, the
 * means weighted by records. `step` in them is gradc_steps, `steps` the plan: after a training, or with its checkpoint
 * loaded, the figures are those of the training binary. What it writes into states is undone. A model that fixes its batch takes whole batches. */
GRADC_API gradc_status gradc_evaluate(gradc_model *m, const gradc_array *fields, int n, float *results,
                                      gradc_error **error);

/* Evaluates an export. `out` are arrays that the caller made, as large as gradc_output_shape says. size: a value for
 * each run-time size, in order; NULL: they follow from the inputs' shapes, where every size is a dimension of one. */
GRADC_API gradc_status gradc_call(gradc_model *m, int export_, const gradc_array *in, int nin, const gradc_array *out,
                                  int nout, const int64_t *size, gradc_error **error);
/* Fills shape (of the output's rank) with its dimensions at those sizes. */
GRADC_API gradc_status gradc_output_shape(gradc_model *m, int export_, int output, const int64_t *size, int64_t *shape,
                                          gradc_error **error);
/* The sizes that follow from the inputs' shapes, as gradc_call with size NULL takes them. */
GRADC_API gradc_status gradc_infer_sizes(gradc_model *m, int export_, const gradc_array *in, int nin, int64_t *size,
                                         gradc_error **error);

/* ---- weights ---- */

/* Copies a weight out, or in, in its logical shape. a: data of that element type and shape. */
GRADC_API gradc_status gradc_read_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error);
GRADC_API gradc_status gradc_write_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error);
/* The weight itself, to read and write until gradc_free, where it is stored row-major; NULL: it is stored in another
 * order, which suits its kernel. */
GRADC_API void *gradc_view_weight(gradc_model *m, int i);
/* Of weights and states in logical order: equal weights, equal hash, on any machine. That of the training binary. */
GRADC_API gradc_status gradc_weights_hash(gradc_model *m, uint64_t *hash, gradc_error **error);

/* Weights and states as a safetensors file, which the training binary reads and writes too. The file is replaced as
 * a whole or not at all. Loading takes states where the file has them, and leaves the steps done as they are. */
GRADC_API gradc_status gradc_save(gradc_model *m, const char *path, gradc_error **error);
GRADC_API gradc_status gradc_load(gradc_model *m, const char *path, gradc_error **error);
/* The same with the optimizer's state, the seed, the steps done and the plan: training goes on as if it had never
 * stopped. */
GRADC_API gradc_status gradc_save_checkpoint(gradc_model *m, const char *path, gradc_error **error);
GRADC_API gradc_status gradc_load_checkpoint(gradc_model *m, const char *path, gradc_error **error);

/* ---- data ---- */

/* The data section that the train section names, read as the training binary reads it: files found, values checked,
 * fields bound, hold-out and order of each epoch drawn by the seed of the last gradc_init. */
typedef struct gradc_data gradc_data;
/* path NULL: the files that the section names; else "A" or "A,B" in their place. Used by the model's thread only. */
GRADC_API gradc_status gradc_data_open(gradc_model *m, const char *path, gradc_data **data, gradc_error **error);
GRADC_API void gradc_data_close(gradc_data *d);                /* NULL is nothing */
GRADC_API uint64_t gradc_data_records(const gradc_data *d);    /* to train on */
GRADC_API uint64_t gradc_data_held_out(const gradc_data *d);
/* Copies records at .. at + n of an epoch's order, or (epoch < 0) of those held out. fields: an array for each field
 * of the section, of shape [n, ...]. */
GRADC_API gradc_status gradc_data_batch(gradc_data *d, int64_t epoch, uint64_t at, uint64_t n,
                                        const gradc_array *fields, int nfields, gradc_error **error);

#ifdef __cplusplus
}
#endif
#endif
