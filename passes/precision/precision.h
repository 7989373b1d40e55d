/* SPDX-License-Identifier: Apache-2.0 */
/* The internals of precision: which values are stored in 16 bits (plan.c); the graph is rebuilt in precision.c. */
#ifndef GRADC_PRECISION_H
#define GRADC_PRECISION_H
#include "ir/ir.h"

/* How readers get a value: in f32; in 16 bits; in 16 bits only by the backward pass and through views, while
 * element-wise readers in the forward pass get f32. */
typedef enum StoredAs { STORED_F32, STORED_HALF, HALF_FOR_BACKWARD } StoredAs;

typedef struct PrecisionPlan {
  const bool *forward;      /* per node: the loss depends on it */
  const bool *lowered;      /* per node: a contraction that multiplies 16-bit operands */
  const bool *multiplied;   /* per node: only such contractions read it */
  const uint8_t *stored_as; /* per node: StoredAs; of a scan's results, of their `get` nodes */
} PrecisionPlan;
/* full: per node of a body, a port bound to a weight with the hint; NULL: none. */
PrecisionPlan precision_plan(const Graph *g, const bool *full);
bool is_fp32_weight(const Graph *g, const bool *full, Id x); /* x is a weight with the hint, or a view of one */
bool is_fp32(const Graph *g, Id n);                          /* has the @fp32 hint */
/* An element of lowered attention that has 16 bits, unlike lse. */
bool is_half_row(const Graph *g, const bool *lowered, Id n);
bool moves_data(const Graph *g, Id n); /* a view or concat: computes nothing */
#endif
