/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of convolutions by their weights, of bf16 operands, in tiles of AMX: weights_amx.inc. */
#ifndef GRADC_WEIGHTS_AMX_H
#define GRADC_WEIGHTS_AMX_H
#include "codegen/c/machine.h"
#include "codegen/gemm.h"

/* An axis of results, as gc_axis_amx. */
typedef struct AmxAxis {
  int64_t dim, a, b, stride, taps, dilation, at, size, padded;
} AmxAxis;

typedef struct WeightsAmx {
  AmxAxis axis[GEMM_AXES];
  int naxes, band, ntaps, tap[GEMM_AXES]; /* band: the axis that is divided; tap: the axes of the taps, */
  int64_t apart[GEMM_AXES];               /* and their distances in the flattened index of m */
  int64_t channels, channel, columns;     /* channel: the distance of channels */
  int64_t rows, blocks, groups;           /* of a band; tiles of channels and of columns that are packed together */
} WeightsAmx;

/* Whether the gradient has this form, which is faster than a product where the processor has AMX. chunks: of the bands;
 * 0: there are none. */
bool weights_amx_find(const Kernel *k, const GemmDesc *g, const Machine *mc, int chunks, WeightsAmx *x);
/* Prints the initialiser of a gc_weights_amx for the operands `h` and the sums `part`. */
void weights_amx_print(Str *o, const WeightsAmx *x, int chunks);
#endif
