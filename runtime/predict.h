/* SPDX-License-Identifier: Apache-2.0 */
/* The command `predict`: from records of a file to records of results. */
#ifndef GRADC_PREDICT_H
#define GRADC_PREDICT_H
#include "columns.h"
#include "json_array.h"

/* predict.c: what the readers of records share */
typedef struct Predictor {
  struct Session *sess;
  const GcGraph *g;
  const char *name; /* of the input, for messages */
  const char *file; /* of the picture, written beside its results; NULL: none */
  int64_t *size;
  void **in, **out;
  uint64_t need;          /* elements of a record at these sizes */
  uint64_t line;          /* of the record in its file; 0: the file has no lines */
  const Classes *results; /* the names of integers that it gives; NULL: they have none */
  struct PredictWriter *to;
} Predictor;
char *predict_signature(const GcGraph *g);
uint64_t predict_elements(const Predictor *p); /* of a record at p->size */
/* Sets the last size so that a record has n elements; false: there is no such size. */
bool predict_fit(Predictor *p, uint64_t n);
/* Reports a record of n elements that fits no sizes. */
_Noreturn void predict_misfit(const Predictor *p, uint64_t record, uint64_t n, const char *what);
/* Stores element `at` of a record, counted over all inputs in order: the text, or v if there is none. */
void predict_put(Predictor *p, uint64_t record, uint64_t at, const CsvField *text, double v);
/* Calls the export and writes its results, or that the record is left out. */
void predict_run(Predictor *p, uint64_t record);

/* predict_arrays.c: readers. An npz archive has an array for each input, jsonl a value. */
void predict_npy(Predictor *p, Bytes *b);
void predict_npz(Predictor *p, Bytes *b);
void predict_jsonl(Predictor *p, Bytes *b);

/* predict_write.c: csv, jsonl or npy, by --format or the name of -o, to that file or standard output. The file appears
 * complete, when all records are written. */
void predict_format(const struct Session *sess); /* dies of wrong options */
void predict_write_begin(Predictor *p);
void predict_write(Predictor *p, uint64_t record);
void predict_write_missing(Predictor *p, uint64_t record); /* for a record that is left out */
void predict_write_end(Predictor *p);

/* rows.c: the rows given to `predict`, where the inputs of an export are fields of a data section. */

typedef enum RowRead { ROW_END, ROW_READ, ROW_MISSING } RowRead; /* MISSING: it has missing values, which are skipped */
typedef struct Rows {
  struct Session *sess;
  const GcGraph *g;
  GcData d; /* a data section with only the fields that are inputs, in their order */
  Columns columns;
  bool begun;
} Rows;

/* The data section of which all inputs are fields that take raw values, one record at a time; NULL: there is none. */
const GcData *rows_data(const struct Session *sess, const GcGraph *g);
/* Replaces missing values of such inputs, NaN, as `missing` says; false: it leaves the record out. */
bool rows_fill(const struct Session *sess, const GcGraph *g, void *const *in);
void rows_begin(Rows *r, struct Session *sess, const GcGraph *g, const char *path);
void rows_end(Rows *r);
/* Reads the next record into the inputs: columns by name if the file has a header, else in the order of the inputs. */
RowRead rows_next(Rows *r, Csv *c, uint64_t record, void *const *in);
/* The classes whose names an export's integers are printed by: those of the only field with classes that is no
 * input. NULL: there is no such field, or several. */
const Classes *rows_results(struct Session *sess, const GcGraph *g);
const char *rows_quoted(const char *s); /* as a cell of csv */
/* The text of element i: a name, quoted if csv needs that, or the number. */
const char *rows_name(const Classes *k, GcDType t, const void *p, uint64_t i, char to[NUM_TEXT]);
#endif
