/* Graphs read from text and values to run them on, for tests. */
#ifndef TESTS_GRAPHS_H
#define TESTS_GRAPHS_H
#include "ir/interp.h"
#include <math.h>

/* NULL, after a report, where the file is no module. */
static inline Module *read_graphs(Ctx *c, const char *path) {
  Loc at;
  if (!source_read(c, path, &at)) return NULL;
  Module *m = ir_parse(c, at);
  return diag_errors(c) ? NULL : m;
}

/* Floats in [-2, 2), integers in 0 .. 4. */
static inline void randomize(Val *v, uint64_t *state) {
  for (int64_t i = 0; i < v->count; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    double x = (double)(*state >> 33) / 2147483648.0;
    if (v->type == DT_BOOL) val_set(v, i, x < 0.5);
    else if (dtype_is_float(v->type)) val_set(v, i, x * 4 - 2);
    else val_set(v, i, floor(x * 5));
  }
}
#endif
