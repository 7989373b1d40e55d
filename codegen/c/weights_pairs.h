/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of convolutions by their weights, of bf16 operands, as products of pairs: weights_pairs.inc. */
#ifndef GRADC_WEIGHTS_PAIRS_H
#define GRADC_WEIGHTS_PAIRS_H
#include "codegen/c/machine.h"
#include "codegen/gemm.h"

/* An axis of results, as gc_axis_pairs. */
typedef struct PairsAxis {
  int64_t dim, a, b, stride, taps, dilation, at, size, padded;
} PairsAxis;

typedef struct WeightsPairs {
  PairsAxis axis[GEMM_AXES];
  int naxes, band, ntaps, tap[GEMM_AXES]; /* band: the axis that is divided; tap: the axes of the taps, */
  int64_t apart[GEMM_AXES];               /* and their distances in the flattened index of m */
  int64_t channels, channel, columns;     /* channel: the distance of channels */
  bool vectors;
  int64_t rows, blocks, groups; /* of a band; tiles of channels and of columns that are packed together */
} WeightsPairs;

/* Whether the gradient has this form, which is faster than a product where the processor has AMX, or, with `vectors`,
 * dot products of pairs. chunks: of the bands;
 * 0: there are none. */
bool weights_pairs_find(const Kernel *k, const GemmDesc *g, const Machine *mc, int chunks, WeightsPairs *x);
/* Prints the initialiser of a gc_weights_pairs for the operands `h` and the sums `part`. */
void weights_pairs_print(Str *o, const WeightsPairs *x, int chunks);
#endif
