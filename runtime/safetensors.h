/* SPDX-License-Identifier: Apache-2.0 */
/* Safetensors files: the reader (safetensors.c) and the writer (st_write.c). */
#ifndef GRADC_SAFETENSORS_H
#define GRADC_SAFETENSORS_H
#include "io.h"
#include "model.h"

typedef struct StTensor {
  char *name;
  int dtype; /* a GcDType; -1: a type that gradc does not have */
  char kind; /* as ArrayFile has it; 0: 8-bit floats */
  int size;  /* bytes of an element */
  int rank;
  int64_t dim[GC_MAX_RANK];
  size_t begin, end; /* offsets in the data */
  const char *type;  /* the format's name of the element type, "F32" */
  const char *given; /* the type in the file that was read; it differs from `type` if values were converted */
  size_t bytes;      /* in that file */
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
bool st_set_type(StTensor *t, const char *name); /* sets what depends on the type; false: there is none of this name */
const char *st_type_name(GcDType t);             /* of an element type of the language */
bool st_sort(StFile *f, char *err);              /* by name, and metadata by key; false: some are equal */
const char *weights_format(const Bytes *b);      /* what a file is that is no safetensors; NULL: not known */
/* Other formats of weights, which gradc and libgradc read but not the programs that gradc builds: there it is NULL. */
bool weights_read_other(const char *path, StFile *f, char *err) __attribute__((weak));
void st_free(StFile *f);
const StTensor *st_find(const StFile *f, const char *name);
const char *st_meta(const StFile *f, const char *key); /* NULL: no such key */

/* Sets of GcKind. */
#define KIND_BIT(k) (1u << (k))
#define KINDS_KEPT (KIND_BIT(GC_PARAM) | KIND_BIT(GC_STATE)) /* the contents of a weights file */
/* Tensors as they are, in their order. */
bool st_write_tensors(const StFile *f, const char *path, char *err);
bool st_write(const GcModel *m, const void *mem, unsigned kinds, const StMeta *meta, int nmeta, const char *path,
              char *err);
#endif
