/* SPDX-License-Identifier: Apache-2.0 */
/* The line of a data section that is being elaborated, and the columns of a csv file that it names. */
#ifndef GRADC_ELAB_DATA_H
#define GRADC_ELAB_DATA_H
#include "frontend/elab/elab_value.h"
#include "frontend/sections/elab_section.h"

typedef struct FieldCall { /* a field(...) of the line */
  const Ast *arg;
  int column; /* index in FieldInfo.column */
} FieldCall;
typedef struct DataCtx {
  DataInfo *d;
  FieldInfo *field;
  const Ast *line;
  Id raw;         /* the field's port */
  int64_t lo, hi; /* files or columns that the line names by number */
  bool run;       /* the port is a vector: of a range of columns, or of several */
  bool files;     /* npy, idx: records have a shape, */
  bool found;     /* which was read from the file's header; else it is inferred */
  FieldCall *call;
  int ncall, capcall, capcolumn, capnorm;
  int norms[2]; /* calls of standardize and of minmax so far */
  bool trial;   /* of el_line_type: makes no states */
} DataCtx;

/* ---- elab_columns.c ---- */
bool el_is_csv(const DataInfo *d);
bool el_is_jsonl(const DataInfo *d);
bool el_is_archive(const DataInfo *d); /* npz, safetensors, jsonl: a file of arrays with names */
bool el_is_arrays(const DataInfo *d);  /* these, and npy and idx: the raw value of a line is an array */
bool el_is_field(const Ast *a);
/* All columns or files that an expression names. *n: how often. */
bool el_find_fields(Elab *e, const Ast *a, DataCtx *x, int *n);
/* Sets raw_first, raw_count and raw_type of a line of csv. */
bool el_csv_columns(Elab *e, DataCtx *x);
bool el_csv_settings(Elab *e, const Section *s, DataInfo *d); /* header, sep, decimal */
bool el_csv_argument(Elab *e, DataInfo *d, const char *name, Value v, const Ast *at);

/* ---- elab_learned.c ---- */
const char *el_learned_from(const Elab *e, const char *data); /* the section whose classes and states a section uses */
const Ast *el_cell_call(Elab *e, const Ast *a, CellKind *kind);
void el_name_classes(Elab *e, DataCtx *x);
bool el_missing_setting(Elab *e, const Section *s, DataInfo *d);
bool el_missing_means(Elab *e, DataCtx *x);

/* ---- elab_source.c ---- */
bool el_stream_settings(Elab *e, const Section *s, const DataInfo *d);
bool el_stream_line(Elab *e, const DataInfo *d, const Ast *at, const char *what); /* refuses what needs all records */

/* ---- elab_sample.c ---- */
bool el_sample_settings(Elab *e, const Section *s, DataInfo *d); /* after the lines of its fields */

/* ---- elab_images.c ---- */
bool el_is_images(const DataInfo *d);
bool el_picture_field(Elab *e, DataCtx *x); /* as el_csv_columns, of a line of images */

/* ---- elab_lists.c ---- */
/* As el_csv_columns, of a line of jsonl. False also if its raw value is an array, whose type is not known yet. */
bool el_list_field(Elab *e, DataCtx *x, bool *array);

/* ---- elab_augment.c ---- */
bool el_augmentation_known(Elab *e, const Ast *a); /* false: a name of other libraries, which is refused */
void el_random_check(Elab *e, const Graph *g);     /* fields outside of training are not random */
bool el_mixup_check(Elab *e, const DataCtx *x);

/* ---- elab_data.c ---- */
/* The type of the line's expression where the raw value has the type `raw`; 0: it is refused. Nothing of this stays. */
TypeId el_line_type(Elab *e, const DataCtx *x, TypeId raw);
/* Permutes the sizes from position `at` on until the expression has the declared type; 0: no order does. */
TypeId el_find_order(Elab *e, const DataCtx *x, int at, int rank, Dim *dim);
#endif
