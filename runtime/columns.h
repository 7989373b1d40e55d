/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of a csv file that the fields of a data section take: found by number or by name, read cell by cell. */
#ifndef GRADC_COLUMNS_H
#define GRADC_COLUMNS_H
#include "learned.h"

typedef struct Columns {
  struct Session *sess;
  const GcData *d;
  const char *path;    /* for messages */
  int **cell;          /* per field: of each raw value, the cell of a record */
  Classes ***classes;  /* and its classes, or NULL, */
  int **nclasses;      /* of which there were so many at columns_mark */
  const char *trained; /* the weights file that the classes are from; NULL: they come from this file */
  char **head;         /* names; NULL: not read */
  int nhead, width;    /* cells of each record; 0: not known yet */
  char *fault;         /* why `on_error = skip` leaves the record read last out; the caller clears it */
  bool named;          /* some column is named, so the first line has names */
} Columns;
typedef struct Cell { /* a raw value of a record */
  uint64_t record;
  int field, i; /* raw value i of the field */
  GcDType type;
  void *to; /* element i of it is set */
} Cell;

void columns_begin(Columns *k, struct Session *sess, const GcData *d, const char *path);
void columns_end(Columns *k);
/* Reads the next record, after a header. False: there is none. record: how many there were before. Dies of a header
 * that lacks a named column, of a record of another width, and of an unclosed quote. */
bool columns_next(Columns *k, Csv *c, uint64_t record);
/* False: the value is missing, and `missing = skip` leaves its record out. Dies of a cell that does not fit. With
 * `missing = mean` a missing value is NaN, for the caller to fill in. */
bool columns_read(Columns *k, const Csv *c, const Cell *at);
/* A record that is left out adds no classes: before its cells are read, and after. */
void columns_mark(Columns *k);
void columns_drop(Columns *k);
void columns_head(Columns *k, const Csv *c, int n);  /* the record read last, of n cells, is the header */
const GcColumn *column_of(const GcField *f, int *i); /* of raw value i; i becomes its place there. NULL: none */
bool csv_date(const CsvField *f, double *days);      /* date.c: ISO 8601, in days since 1970-01-01; false: no date */
#endif
