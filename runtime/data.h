/* SPDX-License-Identifier: Apache-2.0 */
/* Data sections: where records come from, and in which order they are used. A source is three things: a file
 * data_NAME.c with its DataSource, its name in DATA_SOURCES, and the row of its arguments in
 * frontend/sections/elab_source.c. */
#ifndef GRADC_DATA_H
#define GRADC_DATA_H
#include "io.h"
#include "num.h"
#include "opt.h"
#include "rand.h"

struct Session;
typedef struct Binder { /* what a thread needs to bind records */
  void **raw, **to;     /* one raw record; where the fields of a record go */
  void **other;         /* mixup: the fields of the second record */
  void *mem;            /* of graphs: a run header, the states that the section's graphs read, the arena */
} Binder;
typedef struct Data {
  const GcData *d;
  struct Session *sess;
  uint64_t seed;
  char **path;
  int npaths, group;                     /* of all sets of files; of one */
  uint64_t n;                            /* records */
  size_t *raw_count, *raw_bytes, *bytes; /* of one record, per field: elements and bytes raw, bytes bound */
  void *source;                          /* private to the source */
  uint64_t skipped;                      /* records left out for missing values */
  char *first_skipped;                   /* the first: "in line 3", or "is record 3"; */
  const char *skipped_path;              /* its file */
  uint64_t faulty;                       /* records left out by `on_error = skip` */
  char *first_fault;                     /* why the first was */
  struct Data **part; /* of several sets of files: each opened alone, their records one after the other; else NULL */
  uint64_t *first;    /* the first record of each part */
  int nparts;
  uint64_t *number;         /* of each record in its file, from 0; NULL: no record was left out */
  unsigned char **bound;    /* all bound records, per field; NULL: bound on demand, */
  unsigned char **raw_kept; /* from all raw records, or NULL: as the source reads them */
  void **raw;               /* one raw record, while records are read for the first time */
  Binder *binder;           /* of the main thread */
  uint64_t nhold, ntrain;
  Perm hold, shuffle;
  uint64_t hold_at;   /* the held-out records are at hold_at .. hold_at + nhold of `hold` */
  uint64_t epoch;     /* of `shuffle` */
  uint64_t *in_order; /* training records in file order, if they are not shuffled */
  uint64_t *listed;   /* `stratify`: the records held out, then those to train on; NULL: as `hold` has them */
  /* `sample`: of all records the value of its field; the sums of the weights of the records to train on, up to each;
   * or these in the order of an epoch, by their numbers */
  double *value, *reached;
  uint64_t *order;
} Data;

/* A kind of source, `source = NAME(...)`. */
typedef struct DataSource {
  const char *name;
  int min_files, max_files;
  void (*open)(Data *d);                                              /* sets n and source; dies if a file is invalid */
  void (*read)(const Data *d, uint64_t record, int field, void *raw); /* converts to data_raw_type */
  void (*close)(Data *d);
  void (*finish)(Data *const *part, int n); /* NULL: nothing to do. After all parts were opened */
  void (*fill)(Data *d); /* NULL: nothing is missing. Replaces missing values by the means in states */
  char *(*place)(const Data *d, uint64_t record, int field); /* NULL: none. While open: more of where a value is */
  char *(*name_of)(const Data *d, uint64_t record); /* NULL: its file and number. While open: what a record is called */
} DataSource;
#define DATA_SOURCES(S) \
  S(csv) S(idx) S(npy) S(npz) S(safetensors) S(jsonl) S(images) S(text) S(tokens) S(uniform) S(normal)
#define S(name) extern const DataSource name##_source;
DATA_SOURCES(S)
#undef S

/* data.c */
void data_open_all(struct Session *sess); /* those of its train sections; sections share a Data */
Data *data_open(struct Session *sess, const GcData *d, uint64_t seed); /* binds and checks every record */
const DataSource *data_source(const GcData *d); /* of the records: stream_source if they are of a stream */
extern const DataSource stream_source;
const Data *data_part(const Data *d, uint64_t *record);      /* which holds the record, whose number there it becomes */
bool data_available(struct Session *sess, const GcData *d);  /* its files exist */
char *data_where(const Data *d, uint64_t record, int field); /* "train.csv: record 17, field 3" */
char *data_place(const Data *d, uint64_t record,
                 int field);                     /* " (line 18)\n--> wine.nn:4:5", or "": it ends a message */
GcDType data_raw_type(const Data *d, int field); /* without a bind graph the field's own */
void data_convert(const Data *d, uint64_t record, int field, void *raw, size_t i, double v); /* num_store, or dies */

/* bind.c. The bound fields of a record in an epoch of training, or epoch < 0: as they are outside of training. */
void data_bind(const Data *d, Binder *b, uint64_t record, int64_t epoch, void *const *dst);
bool data_augments(const GcData *d);           /* the two differ */
Binder *binder_new(const Data *d, bool alone); /* alone: while steps run */
void binder_renew(const Data *d, Binder *b);   /* after what the model learned of its data has changed */

/* data_jsonl.c: the record that was read last cannot be used; dies, or data_fault */
struct JsonRecords;
void jsonl_refused(Data *d, const struct JsonRecords *k, uint64_t line);

/* data_images.c: the d->n pictures in a folder and in its folders, sorted; dies if there are none. d has nothing but a
 * GcData, and of that on_error, by which files in other formats are faults. */
char **images_list(const char *folder, Data *d);

void data_fault(Data *d, char *why); /* a record is left out, for this reason, whose first line is kept; */
void data_gap(Data *d, const char *where, uint64_t number); /* or for missing values. where: "in line", "is record" */
/* With `on_error = skip` leaves out those of the n records that are not usable, which has said why. */
void data_keep_usable(Data *d, bool (*usable)(Data *d, uint64_t record));
/* Whether a value fits its type; else data_fault says why not. */
bool data_fits(Data *d, uint64_t record, int field, size_t i, double v);
uint64_t data_number(const Data *d, uint64_t record); /* of the record in its file, from 0 */

/* sample.c */
void sample_stratify(Data *d, Fold fold); /* fold.n 0: holds d->nhold records out */
void sample_open(Data *d);                /* after the split */
/* Number `at` of those that an epoch draws; fresh: the epoch is another one than at the last call. */
uint64_t sample_record(Data *d, uint64_t epoch, uint64_t at, bool fresh);

/* split.c: hold-out, shuffle, batches */
uint64_t split_prepare(Data *d);                                  /* returns the number of records held out */
uint64_t data_train_record(Data *d, uint64_t epoch, uint64_t at); /* number `at` of the training records of an epoch */
uint64_t data_training_record(const Data *d, uint64_t i); /* the i-th of them, in an order that does not change */
uint64_t data_hold_record(const Data *d, uint64_t at);
void data_batch(Data *d, uint64_t epoch, uint64_t at, uint64_t n, bool hold, unsigned char *const *dst);

/* array_file.c */
typedef struct ArrayFile { /* an array in a file; the first axis counts records. Elements are numbered row-major */
  Bytes file;
  size_t offset, size; /* of the first element; bytes of an element */
  char kind;           /* b u i f; h: bf16 */
  bool swap;           /* other byte order */
  bool fortran;        /* stored with the first axis varying fastest, as the columns of a table */
  bool any_rank;       /* a scalar is read too */
  bool header_only;    /* `file` is only the beginning of the file, so its length is not checked */
  int rank;
  uint64_t dim[GC_MAX_RANK];
  uint64_t n, per_record; /* records; elements of a record */
} ArrayFile;
bool array_file_finish(ArrayFile *a, char *err); /* checks the shape against the length, and sets n and per_record */
bool array_file_npy(ArrayFile *a, char *err);    /* parse a->file */
bool array_file_idx(ArrayFile *a, char *err);
/* array_named.c: an array of an npz or safetensors file, which `file` is, by its name, or by its number in the order of
 * names (safetensors) or of the file. a->file is new memory if *owned. */
typedef struct ArrayName {
  const char *name; /* NULL: by number */
  int number;
} ArrayName;
bool array_file_npz(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err);
bool array_file_safetensors(ArrayFile *a, const Bytes *file, ArrayName of, bool *owned, char *err);
uint64_t array_file_place(const ArrayFile *a, uint64_t i); /* where element i is stored, in elements */
double array_file_get(const ArrayFile *a, uint64_t i);
/* Whether the element is an integer that no double need hold, of more than 53 bits, and then its text. */
bool array_file_wide(const ArrayFile *a, uint64_t i, char text[]); /* NUM_TEXT */
/* Reads the shape from the header of a file, of a kind of source. False: no such file or array. */
bool array_file_shape(ArrayFile *a, const char *path, const char *kind, ArrayName of);
bool jsonl_shape(ArrayFile *a, const char *path, const char *member); /* data_jsonl.c: of the first record */

/* csv.c: the records of a text; quotes are removed in place */
typedef struct CsvField {
  const char *s;
  size_t n;
} CsvField;
typedef struct Csv {
  char *p, *end;
  uint64_t line, next_line; /* of the record last read, from 1 */
  CsvField *f;
  int cap;
  char sep, decimal;
} Csv;
void csv_begin(Csv *c, Bytes *b, char sep, char decimal); /* sep 0: found in the text; decimal 0: a point */
int csv_next(Csv *c);               /* the number of fields of the next record; 0: end; -1: an unclosed quote */
char *csv_shown(const CsvField *f); /* the beginning of a field, for a message; control characters become ? */
CsvField csv_trim(CsvField f);      /* without blanks around it */
NumRead csv_number(GcDType t, void *dst, size_t i, const CsvField *f, char decimal); /* num_read */
/* How many fields are words; -1: one is a number, so this is not a header. */
int csv_names(const CsvField *f, int n, char decimal);
/* The cells of a file's first record, from its beginning; -1: no such file, or no such record. */
int csv_head(const char *path, char sep, char decimal, char ***name);
#endif
