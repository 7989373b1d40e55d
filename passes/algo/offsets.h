/* SPDX-License-Identifier: Apache-2.0 */
/* Dynamic storage allocation: offsets for buffers with known live ranges, such that buffers alive together do not
 * overlap. */
#ifndef GRADC_OFFSETS_H
#define GRADC_OFFSETS_H
#include "ir/ctx.h"

typedef struct Interval {
  int64_t size;   /* > 0, a multiple of the alignment */
  int start, end; /* first and last step, inclusive; 0 <= start <= end < steps */
  int64_t offset; /* the result */
} Interval;

/* Sets the offsets and returns the bytes needed. Tries several orders and fit rules within a fixed budget of work
 * (never the clock: the result is the same everywhere) and keeps the best, the first of equals. */
int64_t assign_offsets(Ctx *c, Interval *r, int n, int steps);

/* The same, from memory where these intervals were assigned before: for plans that differ little. */
typedef struct OffsetMemo OffsetMemo;
OffsetMemo *offset_memo_new(Ctx *c);
int64_t offset_memo_assign(OffsetMemo *memo, Interval *r, int n, int steps);

/* Peak of bytes alive at once: no assignment needs less. */
int64_t peak_lower_bound(Ctx *c, const Interval *r, int n, int steps);
#endif
