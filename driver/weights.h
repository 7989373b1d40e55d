/* Reading safetensors files with the runtime's own reader, whose names clash with the compiler's: hence this. */
#ifndef GRADC_WEIGHTS_H
#define GRADC_WEIGHTS_H
#include <stdint.h>

typedef struct Weights Weights;
typedef struct WeightView {
  int dtype, rank;       /* a DType; -1: one that no gradc tensor has */
  const int64_t *dim;
  const void *values;    /* dense, row-major */
} WeightView;

Weights *weights_read(const char *path, const char **why);  /* NULL: *why tells */
const WeightView *weights_find(Weights *w, const char *name); /* NULL: not in the file; valid until the next call */
#endif
