/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions in tiles of pixels of one row: the tiles of conv_rows.inc. */
#ifndef GRADC_CONV_ROWS_H
#define GRADC_CONV_ROWS_H
#include "codegen/c/machine.h"
#include "codegen/gemm.h"

/* A tile has `pixels` results of a row by `vecs` vectors of columns. Element i of the image's row, `pixel` apart, is
 * multiplied with tap t for result p where i = p * stride + t * dilation. */
typedef struct ConvRows {
  GemmDesc g;               /* as gemm.inc wants it: k has the segments alone */
  int64_t taps, channels;   /* of a segment */
  int64_t tap, channel;     /* their strides in b */
  int64_t pixel, channel_a; /* strides in a */
  int64_t stride, dilation;
  int pixels, vecs, lanes;
  bool pairs;             /* elements are pairs of channels in bf16 */
  int64_t panel;          /* columns whose weights are packed together */
  int64_t group, group_b; /* as in GemmDesc */
  int left, right;        /* elements at both ends that may be outside of the image */
} ConvRows;

/* The row's pixels: tap t of pixel i reads position i * step + t * tap + at of `size`; size 0: all are inside. */
typedef struct RowCheck {
  int64_t step, tap, at, size;
} RowCheck;

/* The axes of a convolution, its taps and channels along a row; `check` starts as {0}. False: it has another form. */
bool conv_rows_axes(const Kernel *k, const GemmDesc *g, ConvRows *x, RowCheck *check);
/* Whether the convolution has such tiles, and they are faster than those of a product. */
bool conv_rows_find(const Kernel *k, const GemmDesc *g, const Machine *mc, ConvRows *x);
/* Chooses a tile for rows of `width` results by `columns`. False: it would be slower than those of a product. */
bool conv_rows_choose(ConvRows *x, const Machine *mc, int64_t width, int64_t columns, int64_t segments);
void conv_rows_tile(Str *o, const ConvRows *x);             /* prints the function of the tile, without its name */
int64_t conv_rows_elements(const ConvRows *x);              /* of the image's row, of a tile */
bool conv_rows_reads(const ConvRows *x, int64_t i);         /* whether a tap reads element i of them */
void conv_rows_terms(Str *o, const ConvRows *x, int64_t i); /* prints the multiply-adds of t, which is that element */
#endif
