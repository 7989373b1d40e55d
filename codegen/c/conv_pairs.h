/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of pairs of bf16: the rows of conv_pairs.inc. */
#ifndef GRADC_CONV_PAIRS_H
#define GRADC_CONV_PAIRS_H
#include "codegen/c/conv_rows.h"

typedef struct ConvPairs {
  ConvRows rows;       /* axes, taps and channels */
  int64_t first, last; /* elements of a row of the image that are inside, counted from tap 0 of pixel 0 */
  bool tile;           /* `rows` has a tile, for processors without a matrix unit */
} ConvPairs;

/* Whether the convolution has the form of conv_pairs.inc. */
bool conv_pairs_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvPairs *x);
void conv_pairs_tile(Str *o, const ConvPairs *x); /* prints the function of the tile, without its name */
#endif
