/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs read from text and values to run them on, for tests. */
#ifndef TESTS_GRAPHS_H
#define TESTS_GRAPHS_H
#include "ir/interp.h"
#include <math.h>

/* NULL, after a report, if the file is not a module. */
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

/* Edge cases of arithmetic: zeros, ties of rounding, integers around powers of 2, bounds of the types, subnormals,
 * infinities, NaN. */
enum { EXTREMES = 48 };
static const double extreme_floats[EXTREMES] = {0,
                                                -0.0,
                                                1,
                                                -1,
                                                0.5,
                                                -0.5,
                                                1.5,
                                                2.5,
                                                -2.5,
                                                3,
                                                -7,
                                                55,
                                                110,
                                                1e-3,
                                                0.1,
                                                -0.3,
                                                3.14159274,
                                                1e10,
                                                88.5,
                                                89,
                                                -87.5,
                                                -104,
                                                3217,
                                                8388607.5,
                                                8388608,
                                                16777216,
                                                2147483647,
                                                -2147483648.0,
                                                4294967296.0,
                                                65504,
                                                65520,
                                                1e30,
                                                -1e30,
                                                3e38,
                                                -3e38,
                                                0x1.fffffep127,
                                                0x1p-14,
                                                0x1p-24,
                                                0x1p-126,
                                                -0x1p-126,
                                                -3e-42,
                                                0x1p-149,
                                                1e300,
                                                0x1p-1074,
                                                -0x1.fffffffffffffp1023,
                                                INFINITY,
                                                -INFINITY,
                                                NAN};
static const double extreme_ints[EXTREMES] = {0,
                                              1,
                                              2,
                                              3,
                                              4,
                                              5,
                                              6,
                                              7,
                                              8,
                                              9,
                                              10,
                                              31,
                                              32,
                                              33,
                                              55,
                                              100,
                                              127,
                                              128,
                                              129,
                                              255,
                                              256,
                                              1000,
                                              32767,
                                              32768,
                                              65535,
                                              65536,
                                              16777216,
                                              16777217,
                                              2147483646,
                                              2147483647,
                                              4294967295.0,
                                              -1,
                                              -2,
                                              -3,
                                              -4,
                                              -5,
                                              -7,
                                              -8,
                                              -31,
                                              -55,
                                              -127,
                                              -128,
                                              -129,
                                              -255,
                                              -32767,
                                              -32768,
                                              -2147483647,
                                              -2147483648.0};
/* Of two inputs of EXTREMES * EXTREMES elements the even and the odd one hold each pair. */
static inline void make_extreme(Val *v, int port) {
  for (int64_t i = 0; i < v->count; i++) {
    int64_t k = (port % 2 ? i / EXTREMES : i) % EXTREMES;
    if (v->type == DT_BOOL) val_set(v, i, k & 1);
    else if (dtype_is_float(v->type)) val_set(v, i, extreme_floats[k]);
    else val_set_int(v, i, (int64_t)extreme_ints[k]);
  }
}
#endif
