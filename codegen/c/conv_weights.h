/* SPDX-License-Identifier: Apache-2.0 */
/* Gradients of convolutions by their weights in tiles of all taps along a row: the tiles of conv_rows.inc. */
#ifndef GRADC_CONV_WEIGHTS_H
#define GRADC_CONV_WEIGHTS_H
#include "codegen/c/machine.h"
#include "codegen/gemm.h"

/* A tile has all taps of `block` channels by `vecs` vectors of columns. Element i of the image's row, `pixel` apart,
 * is multiplied with result (i + before - t) / stride for tap t. */
typedef struct ConvWeights {
  GemmDesc g;                  /* as conv_rows.inc wants it */
  int64_t taps, channels;      /* of a segment */
  int64_t tap, channel_a;      /* distance of taps in the flattened index of m; stride of channels in a */
  int64_t pixel, columns;      /* strides of pixels in a and in b */
  int64_t before, size, width; /* elements of padding before a row, of the image's row, of the result's */
  int block, vecs, lanes;
  bool even; /* depthwise, of bf16: vectors 2 * j and 2 * j + 1 of sums are those of even and odd columns */
  int rows, few, together; /* of conv_rows.inc */
  int64_t tap_a;           /* depthwise: stride of taps in a, */
  int64_t at, step;        /* and tap t of pixel p is valid if 0 <= at + step * t + stride * p < size */
  int64_t stride;
} ConvWeights;

/* Whether the gradient has such tiles, and they are faster than those of a product. */
bool conv_weights_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x);
/* The same of a depthwise convolution, which always has such tiles: taps by vectors of channels. Each sum has the
 * strict order, and has no terms outside of the image. */
void conv_depthwise_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x);
/* The same of a grouped one, after gemm_join_groups, with all channels of a group. False: it has no such tiles. */
bool conv_groups_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvWeights *x);
/* Prints the function of the tile, without its name. */
void conv_weights_tile(Str *o, const ConvWeights *x);
void conv_depthwise_tile(Str *o, const ConvWeights *x);
#endif
