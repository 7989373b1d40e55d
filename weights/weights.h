// SPDX-License-Identifier: Apache-2.0
/* Files of weights in several formats: read as the tensors of a safetensors file (StFile), written, renamed by rules,
 * compared. Functions that fail leave the reason in `err`, of ERR_TEXT bytes. */
#ifndef GRADC_WEIGHTS_H
#define GRADC_WEIGHTS_H
#include "runtime/safetensors.h"

typedef struct WeightFile {
  StFile f;           /* sorted by name; values row-major, little-endian */
  const char *format; /* "safetensors", "PyTorch", … */
  size_t room;        /* entries of f.t */
  bool unsafe;        /* failed: the file names a function that is none of those that build tensors */
} WeightFile;

/* Reads a file, its format found by its contents. values: false leaves the tensors' values out (f.data is NULL), unless
 * the format is safetensors. st_free(&w->f) frees it, also after a failure. */
bool weights_open(const char *path, bool values, WeightFile *w, char *err);
bool weights_parse(const Bytes *file, bool values, WeightFile *w, char *err); /* the same of bytes in memory */
/* Writes safetensors or npz, by the suffix of the path. */
bool weights_write(const StFile *f, const char *path, char *err);
/* The format of an output path: "safetensors", "npz"; NULL: neither. */
const char *weights_suffix(const char *path);
/* |a - b|, the largest over all elements of two tensors of one shape; NaN equals NaN, otherwise it gives infinity. */
double weights_distance(const StFile *fa, const StTensor *a, const StFile *fb, const StTensor *b);
bool weights_cast(StFile *f, StTensor *t, GcDType to, char *err); /* to another type of float, in new memory */

/* ---- for the readers ---- */

/* A new tensor, whose name it takes; type: as st_set_type has it. */
StTensor *weights_add(WeightFile *w, char *name, const char *type);
bool weights_axis(StTensor *t, uint64_t size, char *err); /* appends an axis */
void weights_meta(WeightFile *w, char *key, char *value);
/* Places all tensors one after the other, in new memory if `values`. most: of bytes in total. */
bool weights_place(WeightFile *w, bool values, uint64_t most, char *err);
static inline void *weights_data(const WeightFile *w, int i) { return (void *)(w->f.data + w->f.t[i].begin); }
int64_t weights_count(const StTensor *t); /* of elements */
/* Parse a file; the tensors are not sorted yet. */
bool pt_read(const Bytes *file, bool values, WeightFile *w, char *err);
bool npz_read(const Bytes *file, bool values, WeightFile *w, char *err);
bool npy_read(const Bytes *file, bool values, WeightFile *w, char *err);
bool gguf_read(const Bytes *file, bool values, WeightFile *w, char *err);
bool npz_write(const StFile *f, const char *path, char *err);

/* gguf_block.c: types of GGUF that are stored in blocks with a scale. */
typedef struct GgufType {
  int id;
  const char *name, *as;                              /* as: the type that it is read as; NULL: it is not read */
  int block, bytes;                                   /* elements and bytes of a block */
  void (*load)(const unsigned char *from, float *to); /* a block; NULL: copied */
} GgufType;
const GgufType *gguf_type(uint32_t id); /* NULL: not known */
#endif
