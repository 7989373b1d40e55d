/* SPDX-License-Identifier: Apache-2.0 */
/* rows.c: the rows given to `predict`, where the inputs of an export are fields of a data section. */
#ifndef GRADC_PREDICT_H
#define GRADC_PREDICT_H
#include "columns.h"

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
