/* What the files of the runtime share. Every failure that a user can cause ends in rt_die: a coded message to the host,
 * and a status that follows from the code (errors_rt.def). Functions whose failure the caller must see return false and
 * leave the reason in a buffer instead. */
#ifndef GRADC_RT_H
#define GRADC_RT_H
#include "../ir/prim_ieee.h"
#include "model.h"
#include "terminal.h"
#include <stdbool.h>
#include <stdio.h>

#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))
enum { ERR_TEXT = 512 };

/* Whom the runtime works for: where its memory comes from, and what becomes of its failures. A program prints them and
 * exits (program.c); a library takes them as values and unwinds. */
typedef struct RtHost RtHost;
struct RtHost {
  void *(*memory)(RtHost *h, void *p, size_t n); /* as realloc; new memory is zeroed; n = 0 frees. NULL: none left */
  void *(*block)(RtHost *h, size_t n); /* zeroed, aligned to 128 bytes at least; freed with the host. NULL: none left */
  void (*error)(RtHost *h, int code, const char *text); /* lines after the first are help */
  void (*quit)(RtHost *h, int code) __attribute__((noreturn));
};
/* That of the running thread; set before anything else here is called. */
#define RT_STATIC_TLS __attribute__((tls_model("initial-exec"))) /* never allocated late, where that could fail */
extern _Thread_local RtHost *rt_host RT_STATIC_TLS;
extern RtHost rt_program; /* program.c */

/* err.c */
enum { ST_USER = 1, ST_USAGE = 2, ST_DATA = 4, ST_RESOURCE = 5, ST_NOT_FINITE = 6 };
int rt_status(int code);                                  /* the exit status that belongs to a code */
void rt_error(int code, const char *fmt, ...) PRINTF(2, 3); /* says it, returns */
_Noreturn void rt_die(int code, const char *fmt, ...) PRINTF(2, 3);
_Noreturn void rt_quit(int code);                         /* as rt_die, when all is said */
bool rt_fail(char *err, const char *fmt, ...) PRINTF(2, 3); /* fills err[ERR_TEXT], returns false */

/* program.c */
void rt_note(const char *fmt, ...) PRINTF(1, 2);          /* a plain line on standard error */
void rt_live(const char *line);                           /* replaces the live line; NULL: ends it */
void rt_out(const char *fmt, ...) PRINTF(1, 2);           /* results, to standard output */
void rt_out_put(const char *p, size_t n);
bool rt_out_failed(void);                                 /* more of them is of no use */
bool rt_out_send(void);                                   /* writes them out; false: something could not be written */
void rt_out_flush(void);                                  /* the same; dies then */

/* alloc.c. Nothing returned is NULL; memory is zeroed. Out of memory: E0660. */
void *rt_alloc(size_t n);
void *rt_array(size_t n, size_t size); /* n * size, checked */
void *rt_grow(void *p, size_t n);      /* realloc */
void rt_free(void *p);                 /* NULL is nothing */
void *rt_ask(void *p, size_t n);       /* rt_grow, but NULL when there is no more: to tidy up, then rt_out_of_memory */
_Noreturn void rt_out_of_memory(size_t n);
char *rt_strdup(const char *s);
char *rt_printf(const char *fmt, ...) PRINTF(1, 2);
size_t rt_mul(size_t a, size_t b);     /* dies on overflow */
void *rt_mem(size_t bytes);            /* RtHost.block: for the model and its batches */

/* io.c */
typedef struct Bytes {
  unsigned char *p; /* one NUL byte follows the last */
  size_t n;
} Bytes;
typedef struct IoFile { /* a file being written; the first failure sticks */
  int fd, err;
  char *path, *tmp, *folder;
  unsigned char *buf;
  size_t used;
} IoFile;
bool io_read_all(const char *path, Bytes *out, char *err); /* "-": standard input */
bool io_read_data(const char *path, Bytes *out, char *err); /* the same, and gzip is undone */
void io_create(IoFile *f, const char *path);  /* writes to a temporary file beside `path` */
bool io_append(IoFile *f, const char *path, size_t keep); /* opens for writing behind the first `keep` bytes */
void io_put(IoFile *f, const void *p, size_t n);
bool io_sync(IoFile *f);                      /* flush and fsync; false: f->err is an errno */
bool io_commit(IoFile *f, char *err);         /* the new file replaces the old, durably, or not at all */
bool io_close(IoFile *f);                     /* of io_append */
bool io_remove(const char *path);
bool io_make_folder(const char *path, bool fresh); /* and its parents; fresh: it must not exist yet (EEXIST) */
bool io_exists(const char *path);
int64_t io_time(const char *path); /* of its last change, ns; INT64_MIN: not there */
char **io_list(const char *folder, int *n);   /* names, sorted with numbers in numeric order; NULL: cannot open */

double rt_now(void); /* clock.c: seconds, monotonic */

/* hash.c, rand.c */
uint64_t gc_hash(uint64_t h, const void *p, size_t n);
void gc_philox(uint64_t key, uint64_t c0, uint64_t c1, uint32_t out[4]);
double gc_normal(uint32_t bits); /* inverse of the normal distribution at (bits + 1/2) / 2^32 */
enum { PERM_ROUNDS = 8 };
typedef struct Perm { /* a keyed permutation of 0..n-1 */
  uint64_t n, a, b;
  uint32_t key[PERM_ROUNDS];
} Perm;
void perm_init(Perm *p, uint64_t n, uint64_t seed, uint64_t stream);
uint64_t perm_at(const Perm *p, uint64_t i);

/* json.c: a reader over text, and strings for a writer. */
enum { JSON_DEPTH = 64 };
typedef struct Json {
  const char *p, *end;
  char *err; /* ERR_TEXT bytes */
} Json;
bool json_is(Json *j, char c);             /* skips blanks; takes `c` when it is next */
bool json_want(Json *j, char c);
char *json_string(Json *j);                /* NULL: error */
bool json_u64(Json *j, uint64_t *v);       /* a plain non-negative integer */
bool json_skip(Json *j, int depth);        /* any value */
bool json_end(Json *j);                    /* nothing but blanks is left */
char *json_quote(const char *s);           /* "…" with escapes */

/* num.c: element types. */
extern const unsigned char gc_dtype_size[];
extern const char *const gc_dtype_name[];
bool num_store(GcDType t, void *dst, size_t i, double v); /* false: v has no exact place in t */
double num_load(GcDType t, const void *src, size_t i);
enum { NUM_TEXT = 32 };
/* The text of an element, that num_read takes back as the same value: shortest decimal, `nan`, `inf`, `-inf`. */
char *num_text(GcDType t, const void *src, size_t i, char to[NUM_TEXT]);
char *num_show(double v, char to[NUM_TEXT]); /* for messages: integers with all of their digits */
double num_plain(double v);                  /* v; not a number without a sign, for printf */
typedef enum NumRead { NUM_WELL, NUM_NONE, NUM_MISFIT } NumRead; /* it is no number; the number is not one of t */
/* Decimal, or nan, inf, infinity, of any case, with a sign or without, blanks around allowed; rounded once. */
NumRead num_read(GcDType t, void *dst, size_t i, const char *s, size_t n);
char *num_shape(int rank, const int64_t *dim, GcDType t, const GcDim *open); /* f32[1, 64]; open[-1 - dim]: f32[1, T] */

/* cpu.c: the names of GcModel.needs that this processor lacks, with commas between; NULL: none. */
char *cpu_lacks(const char *needs);

/* gz.c */
bool gz_is(const Bytes *b);
bool gz_inflate(const Bytes *in, Bytes *out, char *err);
bool gz_head(const Bytes *in, Bytes *out);  /* what can be inflated of the beginning of a file; false: nothing */

/* pool.c */
typedef struct Pool Pool;
int pool_cpus(void);                     /* cores.c: physical cores that this process may use, quotas among the limits */
int pool_most(void);                     /* more threads than this are refused */
Pool *pool_new(int threads, bool adapts); /* NULL when threads == 1; adapts: fewer at work where others want the cores */
void pool_free(Pool *p);                 /* ends its threads; its memory goes with the host */
int pool_run(Pool *p, GcFn *fn, const GcCall *call, int parts); /* the first part's status that is not 0 */

/* opt.c */
typedef struct Opts {
  int64_t steps, epochs, stop_at, threads, log_every; /* -1: not given */
  uint64_t seed;
  bool seed_set, resume, force, json, infer, help;
  const char *init, *weights, *run_dir, *fn, *input;
  const char *data[16];
  int ndata;
} Opts;
typedef struct App App;
typedef struct Command {
  const char *name;
  unsigned bit;
  int (*run)(App *);
  const char *args, *summary;
} Command;
extern const Command gc_commands[];
extern const int gc_ncommands;
void opt_parse(Opts *o, const Command *c, int argc, char **argv); /* argv after the command; usage errors die */
void opt_help(const char *prog, const Command *c);
void opt_overview(const GcModel *m, const char *prog);
const Command *opt_command(const char *name); /* dies with a suggestion */

/* The running program. */
struct App {
  const GcModel *m;
  const GcTrain *t; /* NULL: the model does not train */
  const char *prog, *train_command; /* how messages call the program, and its `train` */
  Opts o;
  void *mem;
  GcRun *run;
  Pool *pool;
  int threads;
  float *sum;        /* of loss and metrics, over the passes of a step */
  struct Data *data; /* of the train section; NULL: none */
};
extern volatile int gc_signal;   /* SIGINT, SIGTERM or SIGHUP, once it came */
extern volatile int gc_training; /* set: the step loop looks at gc_signal; else a signal exits at once */
void app_needs_train(const App *a); /* dies without one train section */
void app_memory(App *a);         /* mem, threads */
int app_call(App *a, const GcGraph *g, const void *const *in, void *const *out, const int64_t *size);
int app_call_pass(App *a, const GcGraph *g, const void *const *in, uint32_t pass, int32_t *bad);
const float *app_scalar(const App *a, int var); /* the value of variable var - 1, a scalar; NULL: var is 0 */
void app_check(const GcGraph *g, int status); /* dies when a call outside of training failed */
void app_init(App *a);           /* the init graph at run->seed */
uint64_t app_seed(const App *a); /* --seed, or the file's */
int64_t app_dim(const GcGraph *g, int64_t dim, const int64_t *size); /* of a port's dimension < 0 */
uint64_t app_elements(const GcGraph *g, const GcPort *p, const int64_t *size); /* size NULL: the most there can be */
void *app_buffer(const GcGraph *g, const GcPort *p); /* for any sizes */

/* vars.c */
size_t var_count(const GcVar *v);
bool var_is_row_major(const GcVar *v); /* in memory too */
void var_to_logical(const GcVar *v, const void *mem, void *dst);
void var_from_logical(const GcVar *v, void *mem, const void *src);
uint64_t var_hash(const GcVar *v, const void *mem);
uint64_t vars_hash(const GcModel *m, const void *mem); /* weights and states, in the order of their names */
const GcVar *vars_not_finite(const GcModel *m, const void *mem); /* the first weight with NaN or Inf; NULL */

/* safetensors.c, st_write.c */
typedef struct StTensor {
  char *name;
  int dtype; /* a GcDType; -1: one that no gradc tensor has */
  int rank;
  int64_t dim[GC_MAX_RANK];
  size_t begin, end; /* in the data */
} StTensor;
typedef struct StMeta {
  char *key, *value;
} StMeta;
typedef struct StFile {
  Bytes file;
  const unsigned char *data;
  StTensor *t; /* sorted by name */
  StMeta *meta;
  int n, nmeta;
} StFile;
bool st_read(const char *path, StFile *f, char *err);
bool st_parse(Bytes file, StFile *f, char *err);
const StTensor *st_find(const StFile *f, const char *name);
const char *st_meta(const StFile *f, const char *key); /* NULL: not there */
bool st_write(const GcModel *m, const void *mem, unsigned kinds, const StMeta *meta, int nmeta, const char *path,
              char *err);
#define KIND_BIT(k) (1u << (k))
#define KINDS_KEPT (KIND_BIT(GC_PARAM) | KIND_BIT(GC_STATE)) /* in a file of weights */

/* weights.c: tensors of a file into the model. Wrong files die, after every tensor that does not fit was named. */
/* Those of `kinds`; those of `optional` may be missing. */
void weights_take(App *a, const StFile *f, const char *path, unsigned kinds, unsigned optional);
void weights_load(App *a, const char *path); /* weights, and states where the file has them */
void st_release(StFile *f);

/* checkpoint.c */
typedef struct Progress { /* beside GcRun and the tensors, all that a resumed run needs */
  uint64_t records, batch, accumulate;
  float best;
  uint32_t best_step;
} Progress;
bool checkpoint_write(App *a, const char *path, const Progress *p, char *err);
void checkpoint_save(App *a, const char *folder, const Progress *p);
char *checkpoint_newest(const char *folder, uint32_t *step); /* NULL: none */
void checkpoint_load(App *a, const char *path, Progress *p);
/* Step and plan in a->run, of the run that the weights in a file are of: the file itself is a checkpoint, or one beside it
 * holds the same tensors. False: neither. */
bool checkpoint_plan(App *a, const char *path);

/* plan.c. Both set steps and steps_per_epoch in a->run; data is open, where there is a section. */
uint64_t plan_per_step(const App *a);        /* records */
void plan_make(App *a);                      /* from --steps or --epochs, else the file's own */
void plan_begun(App *a);                     /* before an evaluation: a plan of no steps has one */
void plan_of_weights(App *a, const char *path); /* of those in a file, with their step; NULL: of the initial ones */

/* run.c */
typedef struct Run {
  char *folder;
  IoFile csv, jsonl;
  char *csv_line, *json_line, **key; /* of the step being logged */
} Run;
char *run_newest(const App *a);       /* newest folder under runs/ that holds a run of this model; NULL */
bool run_holds(const char *folder);   /* does it hold a run? */
void run_choose(App *a, Run *r);      /* --run-dir, --resume, --force; refuses what must be refused */
void run_adopt(App *a, const char *folder); /* takes seed, plan, data and log_every of an earlier run from run.json */
void run_begin(App *a, Run *r);       /* folder, .nn, run.json */
void run_metrics(App *a, Run *r, uint32_t step); /* opens the metrics, cut back to `step` */
const char *run_log(App *a, Run *r);  /* the step's line in both; returns the JSON one, valid until the next */
void run_sync(Run *r);
char *run_weights(App *a);            /* --weights or the newest run's, else dies; NULL: the model has no weights */

/* lock.c */
void lock_take(const char *folder); /* makes this process the owner of a run folder, until it ends; dies when another is */
void lock_release(void);

/* data.c and its sources */
typedef struct Array { /* numbers of a file, row-major, first axis = records */
  Bytes file;
  size_t offset, size; /* of the first element; bytes of one */
  char kind;           /* b u i f */
  bool swap;
  bool head;           /* of the file only the beginning is there: its length tells nothing */
  int rank;
  uint64_t dim[GC_MAX_RANK];
  uint64_t n, per; /* records; elements of one */
} Array;
typedef struct Data {
  const GcData *d;
  App *app;
  uint64_t seed;
  char **path;
  int npaths;
  uint64_t n;              /* records */
  size_t *raw_count, *raw_bytes, *bytes; /* of one record, per field */
  void *source;            /* the source's own */
  unsigned char **bound;   /* all records bound, per field; NULL: bound when asked for */
  void **raw, **to;        /* one raw record; where the fields of a record go */
  uint64_t nhold, ntrain;
  Perm hold, shuffle;
  uint64_t epoch;          /* of `shuffle` */
  uint64_t *in_order;      /* training records in file order, when that is asked for */
} Data;
typedef struct SourceKind {
  const char *name;
  int min_files, max_files;
  void (*open)(Data *d); /* sets n, source; wrong files die */
  void (*read)(const Data *d, uint64_t record, int field, void *raw); /* converted to raw_dtype */
  void (*close)(Data *d);
} SourceKind;
extern const SourceKind kind_csv, kind_idx, kind_npy, kind_text, kind_tokens, kind_uniform, kind_normal;
Data *data_open(App *a, const GcData *d, uint64_t seed);
bool data_available(App *a, const GcData *d); /* are its files there? */
void data_get(const Data *d, uint64_t record, uint64_t epoch, void *const *dst); /* one record's bound fields */
uint64_t data_train_record(Data *d, uint64_t epoch, uint64_t at); /* the at-th training record of an epoch */
uint64_t data_hold_record(const Data *d, uint64_t at);
char *data_where(const Data *d, uint64_t record, int field); /* "train.csv: record 17, field 3" */
GcDType data_raw_type(const Data *d, int field); /* without a bind graph the field's own */
void data_convert(const Data *d, uint64_t record, int field, void *raw, size_t i, double v); /* num_store or die */
uint64_t order_prepare(Data *d); /* hold-out and shuffle; the number of records held out */
void data_batch(Data *d, uint64_t epoch, uint64_t at, uint64_t n, bool hold, unsigned char *const *dst);
bool array_npy(Array *a, char *err);   /* a->file is set */
bool array_idx(Array *a, char *err);
double array_get(const Array *a, uint64_t i);
/* The shape that a file's header tells, records first. False: there is no such file, or it is not one of the kind. */
bool array_shape(Array *a, const char *path, bool idx);

/* csv.c: records of a text, quotes undone in place. */
typedef struct CsvField {
  const char *s;
  size_t n;
} CsvField;
typedef struct Csv {
  char *p, *end;
  uint64_t line, next_line; /* of the record last read, from 1 */
  CsvField *f;
  int cap;
} Csv;
void csv_begin(Csv *c, Bytes *b);
int csv_next(Csv *c); /* fields of the next record; 0: none left; -1: a quote is not closed */
char *csv_shown(const CsvField *f); /* the field, or its begin, for a message: on one line, whatever is in it */
int csv_names(const CsvField *f, int n); /* how many are words; -1: one is a number, which no header holds */

/* step.c: a training step, and the scores of records. Who calls owns the fields. */
typedef const void *const *FieldsFn(void *arg, uint64_t at, uint64_t n); /* of records at .. at + n, row-major */
/* Loss and metrics in a->run are then the means over its passes, each of `batch` records. Returns the graph's status;
 * bad: check mode, see GcCall. */
int step_run(App *a, FieldsFn *fields, void *arg, int32_t *bad);
void step_forget(App *a);                     /* the gradients that passes have gathered */
unsigned char *states_copy(App *a, unsigned char *copy); /* NULL: a copy of all states; else puts that back */
void step_check(App *a, int status); /* dies of any status but 0 and -1 */
typedef struct Scores {
  float loss;
  float *metric;
  uint64_t records;
} Scores;
/* What it writes into states is undone. 0, or -2: the plan is asked for and not set; all else that is wrong dies. */
int score_run(App *a, FieldsFn *fields, void *arg, uint64_t records, Scores *s);

/* eval.c */
void eval_scores(App *a, bool all, Scores *s); /* hold-out, or all records */

/* report.c */
typedef struct Report {
  App *app;
  double start, shown;
  uint32_t first; /* step that this process began at */
  bool live;
} Report;
void report_begin(Report *r, App *a, const Run *run);
void report_step(Report *r, uint32_t step, const char *json_line); /* NULL: a step that is not logged */
char *report_scores(const App *a, const Scores *s); /* {"loss":…,…} */
char *report_totals(const App *a, const Scores *s); /* "steps":…,"loss":…,… of a run that is done; s may be NULL */
void report_done(Report *r, const Run *run, const Scores *s);
void report_scores_text(const App *a, const Scores *s, const char *prefix);
char *report_float(float v);                        /* a JSON number, or null */
uint64_t rt_peak_rss(void);

int gc_train(App *a);
int gc_eval(App *a);
int gc_predict(App *a);
int gc_info(App *a);
int gc_bench(App *a);
#endif
