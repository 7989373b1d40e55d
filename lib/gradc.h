/* SPDX-License-Identifier: Apache-2.0 */
/* The gradc library: compiles a model (.nn) to native code in this process, trains it, runs it.
 *
 *   gradc_model *m;
 *   gradc_error *e = NULL;
 *   if (gradc_compile(&(gradc_source){"digits.nn", NULL, 0}, NULL, &m, &e)) { fputs(gradc_error_text(e), stderr); ... }
 *   gradc_array batch[] = {{x, GRADC_F32, 2, (int64_t[]){32, 64}}, {y, GRADC_I32, 1, (int64_t[]){32}}};
 *   gradc_step(m, batch, 2, &e);
 *   printf("%g\n", gradc_loss(m));
 *   gradc_free(m);
 *
 * Errors are values. A function that can fail returns a status and takes `gradc_error **error`. If it fails and error
 * is not NULL, *error is set to an error that the caller frees with gradc_error_free; if it succeeds, *error is not
 * changed. After a failure the model is as it was before the call, unless stated otherwise. The library never prints,
 * never ends the process, and has no state outside its handles.
 *
 * Threads. Different models may be used by different threads at the same time, and several compilations may run at the
 * same time. One model and its data must be used by one thread at a time. `const` pointers returned for a model are
 * valid as long as the model, unless stated otherwise.
 *
 * Arrays are dense, row-major, in the machine's byte order and aligned for their element type; shapes count elements.
 * The caller owns all arrays, and none is kept after a call. The data of an array for a model on a device may be memory
 * of the device, too: if that is aligned to 16 bytes, inputs and outputs of calls are used where they are. */
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

GRADC_API const char *gradc_version(void); /* of the loaded library: "0.1.0" */

/* The numbers are the exit statuses of the gradc command and of training binaries. */
typedef enum gradc_status {
  GRADC_OK = 0,
  GRADC_BAD_MODEL = 1, /* the model has an error or lacks what the call needs, or a file cannot be read */
  GRADC_BAD_CALL = 2,  /* a wrong argument: an array of another shape, an unknown name */
  GRADC_BAD_DATA = 4,  /* data or weights are malformed or out of range */
  GRADC_RESOURCES = 5, /* out of memory, threads or disk space */
  GRADC_NOT_FINITE = 6 /* the loss is not finite: nothing was updated */
} gradc_status;

/* ---- errors ---- */

typedef struct gradc_error gradc_error;

typedef struct gradc_diagnostic {
  int code;            /* 214 for E0214, which `gradc explain E0214` explains */
  int warning;         /* 1: a warning, 0: an error */
  const char *file;    /* "": no source location */
  int line, column;    /* from 1; 0: no source location */
  int length;          /* of the marked text, in bytes */
  const char *message; /* one line */
  const char *help;    /* lines; "": none */
  const char *text;    /* the complete text with the source line and carets, as the gradc command prints it */
} gradc_diagnostic;

GRADC_API gradc_status gradc_error_status(const gradc_error *e);
GRADC_API const char *gradc_error_text(const gradc_error *e);                  /* all diagnostics, rendered */
GRADC_API int gradc_error_count(const gradc_error *e);                         /* of diagnostics, at least 1 */
GRADC_API const gradc_diagnostic *gradc_error_at(const gradc_error *e, int i); /* NULL: i is out of range */
GRADC_API void gradc_error_free(gradc_error *e);                               /* e may be NULL */

/* ---- compiling ---- */

/* The allocator for all memory of the compiler, of models and of errors, except that of a C compiler process, of the
 * dynamic loader, and libc's buffers. Like realloc, with the old size (0: p is NULL); new_size 0 frees; returns NULL if
 * there is no memory. Memory must be aligned for any type. It is called on the threads that call the library. */
typedef struct gradc_alloc {
  void *(*realloc)(void *user, void *p, size_t old_size, size_t new_size);
  void *user;
} gradc_alloc;

typedef enum gradc_backend {
  GRADC_AUTO = 0, /* the clang libraries in this process, or a C compiler if they are not available */
  GRADC_CC = 1    /* a C compiler */
} gradc_backend;

/* To be initialised with GRADC_OPTIONS. */
typedef struct gradc_options {
  size_t size;              /* sizeof(gradc_options): later versions may add members */
  const gradc_alloc *alloc; /* copied; NULL: malloc */
  int strict;               /* 1: the same bits on every machine; 0: the fastest order of evaluation */
  int threads;              /* of a model; 0: one per core. Results do not depend on it */
  int64_t ram;              /* budget for all memory of a model, in bytes; 0: that of the file */
  const char *isa;          /* native, generic, or a value of the C compiler's -march; NULL: native */
  gradc_backend backend;
  const char *cc;     /* the C compiler; setting it selects GRADC_CC. NULL: cc */
  const char *cflags; /* additional compiler flags, separated by blanks; NULL: none */
  const char *cache;  /* folder of the compilation cache; NULL: the user's ($XDG_CACHE_HOME/gradc or
                             ~/.cache/gradc), "": none */
  const char *off;    /* optional passes to skip, "fuse,order"; NULL: none. Results do not depend on it */
  const char *search; /* folders to search for imports after that of the importing file, "a:b"; NULL: none */
  const char *device; /* cpu; cuda or cuda:N, a GPU by its number; cuda-host: kernels for a GPU run on the CPU, slowly,
                         to test them. NULL: that of the file. There is no fall-back to the CPU */
  const char *gemm;   /* matrix products on a device: generated; cublaslt, where it can, if strict is 0. NULL: auto,
                         which is generated until both have been measured on a GPU */
  const char *const *set; /* values for constants of the file, as `gradc run --set`: nset texts "LR=1e-2" */
  int nset;
} gradc_options;
#define GRADC_OPTIONS \
  { sizeof(gradc_options), 0, 0, 0, 0, 0, GRADC_AUTO, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* A model: a file, or text in memory. Paths of imports and data are relative to the folder of `path`. */
typedef struct gradc_source {
  const char *path; /* also the name in messages */
  const char *text; /* NULL: reads the file */
  size_t size;      /* of the text, in bytes */
} gradc_source;

typedef struct gradc_model gradc_model;

/* Compiles a model and initialises its weights with the seed of the file. options NULL: GRADC_OPTIONS. On failure
 * *model is NULL. */
GRADC_API gradc_status gradc_compile(const gradc_source *source, const gradc_options *options, gradc_model **model,
                                     gradc_error **error);
GRADC_API void gradc_free(gradc_model *m); /* its gradc_data must be closed before. m may be NULL */

/* Reports the errors of a model without compiling it. */
GRADC_API gradc_status gradc_check(const gradc_source *source, const gradc_options *options, gradc_error **error);

/* Receives a text, which is valid during the call. */
typedef void gradc_sink(void *user, const char *name, const char *text, size_t size);
/* Writes the model as portable C99 that needs no library: the sink gets NAME.c, then NAME.h. */
GRADC_API gradc_status gradc_emit_c(const gradc_source *source, const gradc_options *options, gradc_sink *sink,
                                    void *user, gradc_error **error);
/* Writes the IR as text, after the named pass; "": before all passes; NULL: after all passes. */
GRADC_API gradc_status gradc_dump(const gradc_source *source, const gradc_options *options, const char *pass,
                                  gradc_sink *sink, void *user, gradc_error **error);
/* Writes the cost of the model, as gradc_compile with these options plans it: the sink gets NAME.json, one object with
 * the members of `gradc report --json`. For a device: the lines of `gradc report --cuda --json`, with the times of an
 * H100. */
GRADC_API gradc_status gradc_report(const gradc_source *source, const gradc_options *options, gradc_sink *sink,
                                    void *user, gradc_error **error);

/* ---- description of a model ---- */

typedef enum gradc_dtype {
  GRADC_BOOL,
  GRADC_U8,
  GRADC_I8,
  GRADC_U16,
  GRADC_I16,
  GRADC_U32,
  GRADC_I32,
  GRADC_F32,
  GRADC_F64,
  GRADC_F16,
  GRADC_BF16, /* stored as uint16_t; bool as uint8_t */
  GRADC_I64
} gradc_dtype;
typedef enum gradc_kind { GRADC_PARAM, GRADC_STATE, GRADC_OPTIMIZER } gradc_kind;

enum { GRADC_MAX_RANK = 8, GRADC_MAX_SIZES = 8 };

typedef struct gradc_info {
  const char *name;    /* of the file, without its extension */
  const char *backend; /* that compiled the code */
  double parameters;   /* elements of all weights */
  size_t memory_bytes; /* all memory of the model: weight_bytes + arena_bytes */
  size_t weight_bytes; /* weights, states, optimizer: kept between calls */
  size_t arena_bytes;  /* temporary memory of the graphs */
  int weights;         /* gradc_weight(m, 0 ..): weights, states, then those of the optimizer */
  int exports;         /* gradc_export(m, 0 ..) */
  int fields;          /* gradc_field(m, 0 ..): of the data that a training step takes */
  int metrics;         /* gradc_metric(m, 0 ..) */
  int trains;          /* 1: it has a train section */
  int evaluates;       /* 1: gradc_evaluate is available */
  int threads;
  int64_t batch;         /* records of a training step, all microbatches together; 0: it takes no data */
  int64_t steps, epochs; /* the plan of the file: one of them, the other is 0 */
  uint64_t seed;         /* of the file */
  const char *device;  /* that it runs on: cpu, cuda:N, cuda-host. memory_bytes and those after it are of the device */
  int sections;        /* train sections: gradc_section_name(m, 0 ..) */
  const char *section; /* the chosen one, whose fields, metrics, batch, steps and epochs these are; NULL: none */
} gradc_info;
GRADC_API const gradc_info *gradc_model_info(const gradc_model *m);
GRADC_API const gradc_error *gradc_warnings(const gradc_model *m); /* of the compiler; NULL: none */

/* A weight, a field, or an input or output of an export. */
typedef struct gradc_tensor {
  const char *name;
  gradc_dtype dtype;
  gradc_kind kind; /* of weights */
  int rank;
  int64_t shape[GRADC_MAX_RANK];   /* -1: depends on run-time sizes */
  const char *dim[GRADC_MAX_RANK]; /* such a dimension as an expression: "T", "2*T+1"; else NULL */
  int64_t range;                   /* > 0: integers must be in [0, range); of columns that differ the least */
} gradc_tensor;
/* NULL: i is out of range. The shape of a field is that of a step's batch, records first. */
GRADC_API const gradc_tensor *gradc_weight(const gradc_model *m, int i);
GRADC_API const gradc_tensor *gradc_field(const gradc_model *m, int i);
GRADC_API int gradc_find_weight(const gradc_model *m, const char *name); /* -1: no weight of that name */

typedef struct gradc_function {
  const char *name;
  int inputs, outputs, sizes;
  const gradc_tensor *input, *output; /* `inputs` and `outputs` of them */
  const char *size_name[GRADC_MAX_SIZES];
  int64_t size_bound[GRADC_MAX_SIZES]; /* a size is in 0 .. bound */
} gradc_function;
GRADC_API const gradc_function *gradc_export(const gradc_model *m, int i); /* an `export def`; NULL: out of range */
GRADC_API int gradc_find_export(const gradc_model *m, const char *name);   /* -1: no export of that name */

/* ---- training and calls ---- */

typedef struct gradc_array {
  void *data;
  gradc_dtype dtype;
  int rank;
  const int64_t *shape;
} gradc_array;

/* Chooses the train section, by its name ("": the one without), that the calls below are about: steps, plan, loss,
 * metrics, evaluation, gradc_data_open, and gradc_info. Each section has its own plan and counts its own steps. It is
 * the first one at first; a program that trains several chooses one, steps it, and chooses the next. */
GRADC_API gradc_status gradc_section(gradc_model *m, const char *name, gradc_error **error);
GRADC_API const char *gradc_section_name(const gradc_model *m, int i); /* NULL: i is out of range */

/* Initialises all weights, states and the optimizer with this seed, and sets the number of steps to 0. */
GRADC_API gradc_status gradc_init(gradc_model *m, uint64_t seed, gradc_error **error);

/* Sets the plan, which rates such as cosine(step / steps) use. gradc_compile sets what the file fixes; if the file
 * counts epochs, only the caller knows the number of steps. Steps beyond the plan are allowed. */
GRADC_API gradc_status gradc_plan(gradc_model *m, uint32_t steps, uint32_t steps_per_epoch, gradc_error **error);
/* The current plan: from the file, gradc_plan or a checkpoint; 0: not set. steps_per_epoch may be NULL. */
GRADC_API uint32_t gradc_planned_steps(const gradc_model *m, uint32_t *steps_per_epoch);

/* One training step on gradc_info.batch records: the fields of the data section in its order, with its expressions
 * already applied (`x` of `field(0:64) / 16` is already divided). The error of GRADC_NOT_FINITE names the first
 * operation whose result was not finite. */
GRADC_API gradc_status gradc_step(gradc_model *m, const gradc_array *fields, int n, gradc_error **error);
GRADC_API uint32_t gradc_steps(const gradc_model *m);                 /* number of steps done: the `step` of rates */
GRADC_API float gradc_loss(const gradc_model *m);                     /* of the last step's batch, before its update */
GRADC_API float gradc_metric(const gradc_model *m, int i);            /* likewise; NaN: i is out of range */
GRADC_API const char *gradc_metric_name(const gradc_model *m, int i); /* NULL: i is out of range */

/* Loss and metrics (1 + gradc_info.metrics floats) of one or more records, evaluated in batches; means are weighted by
 * records. In expressions `step` is gradc_steps and `steps` the plan: after a training, or with its checkpoint loaded,
 * the results are those of the training binary. States are left as they were. If the model fixes its batch, the number
 * of records must be a multiple of it. */
GRADC_API gradc_status gradc_evaluate(gradc_model *m, const gradc_array *fields, int n, float *results,
                                      gradc_error **error);
/* Metrics that are vectors, matrices or larger, of evaluations only, by number from 0; NULL: i is out of range. */
GRADC_API const gradc_tensor *gradc_score_tensor(const gradc_model *m, int i);
/* Copies one as the last gradc_evaluate found it; an error before the first. */
GRADC_API gradc_status gradc_read_score(gradc_model *m, int i, const gradc_array *a, gradc_error **error);

/* Calls an export. `out`: arrays of the shapes that gradc_output_shape returns. size: the value of each run-time size,
 * in order; NULL: inferred from the shapes of the inputs, which requires that every size is a dimension of one. */
GRADC_API gradc_status gradc_call(gradc_model *m, int export_, const gradc_array *in, int nin, const gradc_array *out,
                                  int nout, const int64_t *size, gradc_error **error);
/* Fills shape with the dimensions of an output at these sizes. */
GRADC_API gradc_status gradc_output_shape(gradc_model *m, int export_, int output, const int64_t *size, int64_t *shape,
                                          gradc_error **error);
/* Infers the sizes from the shapes of the inputs, as gradc_call does. */
GRADC_API gradc_status gradc_infer_sizes(gradc_model *m, int export_, const gradc_array *in, int nin, int64_t *size,
                                         gradc_error **error);

/* ---- weights ---- */

/* Copies a weight to or from an array of its element type and logical shape. */
GRADC_API gradc_status gradc_read_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error);
GRADC_API gradc_status gradc_write_weight(gradc_model *m, int i, const gradc_array *a, gradc_error **error);
/* The memory of a weight, that of the device if the model runs on one, to read and write between calls until
 * gradc_free. NULL: it is not stored row-major. */
GRADC_API void *gradc_view_weight(gradc_model *m, int i);
/* The hash of weights and states in logical order, the same on every machine, and that of the training binary. */
GRADC_API gradc_status gradc_weights_hash(gradc_model *m, uint64_t *hash, gradc_error **error);

/* Saves or loads weights and states as a safetensors file, as the training binary does. Saving replaces the file
 * atomically. Loading reads states if the file has them, and does not change the number of steps. */
GRADC_API gradc_status gradc_save(gradc_model *m, const char *path, gradc_error **error);
GRADC_API gradc_status gradc_load(gradc_model *m, const char *path, gradc_error **error);
/* gradc_load of a file with other names, or of a part. map, of n texts: "old=new" reads the tensor `old` of the
 * file, and all whose names begin with `old.`, as `new…`; "old=" leaves them out, "=new" puts all below `new`; of
 * several the longest `old` counts. partial 1: weights that the file lacks keep their values, its other tensors
 * are left over. The sink (NULL: none) gets NAME.json: {"read":5,"initial":["net.head.w"],"left_over":["fc.w"]},
 * the number of tensors read and the names of the others. A map that renames nothing, or to no weight, two tensors
 * for one weight, a tensor of another shape or type, and a file of which nothing is read are errors. */
GRADC_API gradc_status gradc_load_part(gradc_model *m, const char *path, const char *const *map, int n, int partial,
                                       gradc_sink *sink, void *user, gradc_error **error);
/* Likewise, with the optimizer's state, the seed, the number of steps and the plan: training continues with the same
 * bits. */
GRADC_API gradc_status gradc_save_checkpoint(gradc_model *m, const char *path, gradc_error **error);
GRADC_API gradc_status gradc_load_checkpoint(gradc_model *m, const char *path, gradc_error **error);

/* ---- text: tokenizers, and the continuation of a text ---- */

/* Reads tokenizer.json, vocab.json with merges.txt beside it, or tokenizer.model. alloc is copied; NULL: malloc.
 * Several threads may use a tokenizer at once. */
typedef struct gradc_tokenizer gradc_tokenizer;
GRADC_API gradc_status gradc_tokenizer_open(const char *path, const gradc_alloc *alloc, gradc_tokenizer **t,
                                            gradc_error **error);
GRADC_API void gradc_tokenizer_free(gradc_tokenizer *t);           /* t may be NULL */
GRADC_API int gradc_tokenizer_size(const gradc_tokenizer *t);      /* tokens are numbers below it */
GRADC_API int32_t gradc_tokenizer_begin(const gradc_tokenizer *t); /* the token that begins a text; -1: none */
GRADC_API int32_t gradc_tokenizer_end(const gradc_tokenizer *t);   /* the one that ends it; -1: none */
/* The tokens of a text of `size` bytes: *n becomes their number, and tokens[room] holds the first ones, so that a call
 * with another room may follow. prompt 1: as `gradc generate` has them, with the token that begins a text. */
GRADC_API gradc_status gradc_encode(const gradc_tokenizer *t, const char *text, size_t size, int prompt,
                                    int32_t *tokens, size_t room, size_t *n, gradc_error **error);
/* Likewise, the text of tokens, in UTF-8 without a 0 at its end; tokens such as those that begin a text have none. */
GRADC_API gradc_status gradc_decode(const gradc_tokenizer *t, const int32_t *tokens, size_t n, char *text, size_t room,
                                    size_t *size, gradc_error **error);

/* How tokens are drawn. To be initialised with GRADC_SAMPLING. */
typedef struct gradc_sampling {
  size_t size;          /* sizeof(gradc_sampling): later versions may add members */
  double temperature;   /* divides the scores; 0: the most likely token */
  double top_p;         /* of those that top_k leaves the fewest that have this probability together */
  int top_k;            /* the most likely ones; 0: all */
  int32_t end;          /* a token that ends the text, and is not given to the sink; -1: none */
  const uint64_t *seed; /* equal seeds draw the same tokens; NULL: that of gradc_init, or of the file */
} gradc_sampling;
#define GRADC_SAMPLING \
  { sizeof(gradc_sampling), 1, 1, 0, -1, 0 }

/* Receives a token; a result other than 0 ends the generation. */
typedef int gradc_token_sink(void *user, int32_t token);
/* Continues the n tokens of `prompt`, 1 or more, by at most `most`, with an export from i32[1, T] to f32[1, V] or
 * f32[1, T, V]; -1: the one that `gradc generate` takes. sampling NULL: GRADC_SAMPLING. An export with a second input,
 * the number of the first token, keeps keys and values in states, which a call leaves as the last token did. */
GRADC_API gradc_status gradc_generate(gradc_model *m, int export_, const int32_t *prompt, int n,
                                      const gradc_sampling *sampling, int most, gradc_token_sink *sink, void *user,
                                      gradc_error **error);

/* ---- memory of a device ---- */

/* Of a model on a device; of others GRADC_BAD_CALL. Calls return when their work on the device is done. */
GRADC_API gradc_status gradc_device_alloc(gradc_model *m, size_t bytes, void **data, gradc_error **error);
GRADC_API void gradc_device_free(gradc_model *m, void *data); /* data may be NULL; it must be freed before the model */
/* Copies; each address is memory of the host or of the device. */
GRADC_API gradc_status gradc_device_copy(gradc_model *m, void *to, const void *from, size_t bytes, gradc_error **error);
/* The CUstream of the model's kernels; NULL: it runs on the CPU. */
GRADC_API void *gradc_device_stream(const gradc_model *m);
/* Calls that follow begin when what this CUstream (NULL: the default stream) holds now is done: to be called if it
 * computes their inputs. */
GRADC_API gradc_status gradc_device_wait(gradc_model *m, void *stream, gradc_error **error);

/* ---- data ---- */

/* The data section of the train section, read as the training binary reads it: its files are found, values checked and
 * fields bound; hold-out and the order of each epoch follow from the seed of the last gradc_init. */
typedef struct gradc_data gradc_data;
/* For later gradc_data_open: the hold-out is the k-th of n folds, k from 1, as `train --fold k/n` has it; n = 0:
 * that of the section. */
GRADC_API gradc_status gradc_fold(gradc_model *m, int k, int n, gradc_error **error);
/* path NULL: the files that the section names; else "A" or "A,B" replaces them. */
GRADC_API gradc_status gradc_data_open(gradc_model *m, const char *path, gradc_data **data, gradc_error **error);
GRADC_API void gradc_data_close(gradc_data *d);             /* d may be NULL */
GRADC_API uint64_t gradc_data_records(const gradc_data *d); /* number of training records */
GRADC_API uint64_t gradc_data_held_out(const gradc_data *d);
/* Copies records at .. at + n in the order of an epoch, or of the hold-out (epoch < 0). fields: one array per field of
 * the section, of shape [n, ...]. */
GRADC_API gradc_status gradc_data_batch(gradc_data *d, int64_t epoch, uint64_t at, uint64_t n,
                                        const gradc_array *fields, int nfields, gradc_error **error);

/* ---- validation while training ---- */

/* 1: the file asks for a validation after the steps done so far, and it has not been done; d is the open data. */
GRADC_API int gradc_validation_due(const gradc_data *d);
/* Evaluates the hold-out, or all records of `validate.data`: loss and metrics, as gradc_evaluate. Values such as
 * `validate.loss` in rates are these from the next step on. `early_stop` and `save = best(...)` compare them; what they
 * found is saved in checkpoints. GRADC_BAD_CALL: there are no such records. */
GRADC_API gradc_status gradc_validate(gradc_data *d, float *results, gradc_error **error);
/* The same on arrays of the caller's, as those of gradc_evaluate. */
GRADC_API gradc_status gradc_validate_on(gradc_model *m, const gradc_array *fields, int n, float *results,
                                         gradc_error **error);
/* How often the file asks for a validation: after so many steps, -1: after each epoch, 0: never. */
GRADC_API int64_t gradc_validate_every(const gradc_model *m);
GRADC_API uint32_t gradc_validated(const gradc_model *m); /* the step of the newest validation; 0: there is none */
GRADC_API uint32_t gradc_best_step(const gradc_model *m); /* that of the best by `save = best(...)`; 0: there is none */
GRADC_API int gradc_stops_early(const gradc_model *m);    /* 1: by `early_stop` the training ends here */

#ifdef __cplusplus
}
#endif
#endif
