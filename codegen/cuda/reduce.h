/* SPDX-License-Identifier: Apache-2.0 */
/* How threads combine accumulated values: through shuffles and shared memory, of any type of 32 bits or fewer. */
#ifndef GRADC_CUDA_REDUCE_H
#define GRADC_CUDA_REDUCE_H
#include "codegen/text/nest.h"

/* The value of another lane. how: "xor", "up", "down"; "": the lane `by` itself. */
const char *reduce_shuffle(NestText *c, int type, const char *how, const char *value, const char *by);
/* The name of a function that combines the values of `team` adjacent lanes by halves: lane i takes lane i ^ team / 2,
 * …, i ^ 1. Of lane 0 the order is that of the strict chunk's lanes. */
const char *reduce_shuffles(NestText *c, const KAcc *a, int team);
/* Of argmax: replaces the best value and its index by others, if they are better, or as good and before it. */
void reduce_better(NestText *c, int acc, const char *v, const char *at);
/* To and from a word of shared memory. */
const char *reduce_put(NestText *c, int type, const char *at, const char *value);
const char *reduce_get(NestText *c, int type, const char *at);
#endif
