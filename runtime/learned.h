/* SPDX-License-Identifier: Apache-2.0 */
/* What a model learns of its data beside its weights. The names of classes are metadata of its weights files,
 * "classes.SECTION.FIELD": a JSON list in the order of their numbers; so are those of columns that a range of names
 * takes, "columns.SECTION.FIELD", in the order of the field. The numbers of standardize, minmax and
 * `missing = mean` are states. Both are those of the file that --resume, --init, `eval` and `predict` read, else they
 * come from the data: classes from all records, numbers from the records to train on. */
#ifndef GRADC_LEARNED_H
#define GRADC_LEARNED_H
#include "data.h"
#include "safetensors.h"

typedef struct Classes {
  char *key; /* classes.SECTION.FIELD, or classes.SECTION.FIELD.2: the second among those of the field */
  char **name;
  int n, cap;
  int *slot, nslot; /* hash table of 1 + index */
  bool known;       /* sorted, and complete */
} Classes;
typedef struct Learned {
  Classes *names; /* of each key of the model */
  int nnames;
  bool *fitted; /* per data section: its states have their numbers */
  int ndata;
  const char *path; /* of the weights file that they are from; NULL: none */
} Learned;

Learned *learned_of(struct Session *sess); /* made at the first call */
/* Replaces it by a copy in the running host's memory. Whatever adds to it begins so: in the library the memory of a
 * call ends with the call, which then keeps a copy in that of the model. */
void learned_renew(struct Session *sess);
/* Takes all that the file has, before data is opened. A file without is no error: what needs it says so. */
void learned_read(struct Session *sess, const char *path);
void learned_take(struct Session *sess, const StFile *f, const char *path);
StMeta *learned_meta(struct Session *sess, int *n); /* what a weights file has of it */
/* Writes the tensors of `kinds`, with the metadata of the learned. */
bool learned_write(struct Session *sess, unsigned kinds, const StMeta *meta, int nmeta, const char *path, char *err);
Learned *learned_copy(const Learned *l);  /* in the running host's memory */
void *learned_keep(struct Session *sess); /* the values of fitted states, for learned_restore; NULL: there are none */
void learned_restore(struct Session *sess, void *kept);
void learned_fit(Data *d); /* the states of an open, split data section, from the records to train on; fills in means */
bool learned_needs(const GcData *d); /* it has such states */
/* The mean that replaces element i of a field if it is missing; NaN: the field has no means. */
double learned_mean(const struct Session *sess, const GcData *d, int field, size_t i);
/* Replaces missing values of all records by the means. raw[field]: its raw values, record after record. */
void learned_fill(const Data *d, unsigned char *const *raw);

Classes *classes_find(struct Session *sess, const GcColumn *c, int i); /* of column i of c; NULL: it has none */
Classes *columns_names(struct Session *sess, const GcData *d, const GcField *f); /* NULL: it has no range of names */
int classes_number(const Classes *k, const char *s, size_t n);                   /* -1: no such class */
int classes_add(Classes *k, const char *s, size_t n); /* its number, provisional until classes_sort */
void classes_drop(Classes *k, int n);                 /* those that were added after there were n */
/* Sorts: by value if all names are numbers, else by bytes. order[provisional] is the number. */
int *classes_sort(Classes *k);
char *classes_list(const Classes *k); /* for messages */
#endif
