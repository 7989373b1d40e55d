/* SPDX-License-Identifier: Apache-2.0 */
/* Reads safetensors files by the runtime's reader. A separate file, because runtime/ and the compiler use the same
 * names for different things. */
#ifndef GRADC_WEIGHTS_FILE_H
#define GRADC_WEIGHTS_FILE_H
#include <stdbool.h>
#include <stdint.h>

typedef struct Weights Weights;
typedef struct WeightView {
  int dtype, rank; /* dtype: a DType; -1: a type that gradc does not have */
  const int64_t *dim;
  const void *values; /* dense, row-major */
} WeightView;

Weights *weights_read(const char *path, const char **why);                        /* NULL: failed, *why is the reason */
bool weights_note(const Weights *w, int i, const char **key, const char **value); /* metadata i; false: no more */
const WeightView *weights_find(Weights *w, const char *name); /* NULL: not in the file; valid until the next call */
#endif
