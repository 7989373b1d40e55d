/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of bf16 by the matrix unit of x86 servers: the rows of conv_amx.inc. */
#ifndef GRADC_CONV_AMX_H
#define GRADC_CONV_AMX_H
#include "codegen/c/conv_rows.h"

typedef struct ConvAmx {
  ConvRows rows;       /* axes, taps and channels */
  int64_t first, last; /* elements of a row of the image that are inside, counted from tap 0 of pixel 0 */
} ConvAmx;

/* Whether the convolution has the form of conv_amx.inc. */
bool conv_amx_find(const Kernel *k, const GemmDesc *g, ConvAmx *x);
#endif
