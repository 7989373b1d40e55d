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
void st_free(StFile *f);
const StTensor *st_find(const StFile *f, const char *name);
const char *st_meta(const StFile *f, const char *key); /* NULL: no such key */

/* Sets of GcKind. */
#define KIND_BIT(k) (1u << (k))
#define KINDS_KEPT (KIND_BIT(GC_PARAM) | KIND_BIT(GC_STATE)) /* the contents of a weights file */
bool st_write(const GcModel *m, const void *mem, unsigned kinds, const StMeta *meta, int nmeta, const char *path,
              char *err);
#endif
