/* SPDX-License-Identifier: Apache-2.0 */
/* Indices of axes, from the number of a block or thread. */
#ifndef GRADC_CUDA_INDEX_H
#define GRADC_CUDA_INDEX_H
#include "codegen/text/nest.h"

Dim index_product(const KNest *n, const int *axis, int count); /* of extents */
const char *index_operand(NestText *c, Dim d);                 /* in parentheses if it needs them */
/* What an index is divided by: an axis without elements has no index, and compilers warn of a division by 0. */
const char *index_divisor(NestText *c, Dim extent);
/* Declares the indices of axes, the last of them the fastest, from one index of them all. */
void index_declare(NestText *c, const int *axis, int n, const char *all);
#endif
