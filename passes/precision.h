/* Parts of the pass `precision`: which values are handed over in 16 bits (precision_find.c), the graph made anew with
 * them (precision.c). */
#ifndef GRADC_PRECISION_H
#define GRADC_PRECISION_H
#include "ir/build.h"

/* How a value is handed to those who read it: in f32 to all; in 16 bits to all; in 16 bits to the backward part and
 * through views, while what computes with it at once takes it in f32. */
typedef enum Handed { IN_FULL, IN_HALF, IN_HALF_LATER } Handed;

typedef struct Halves {
  const bool *forward;    /* per node: the loss depends on it */
  const bool *lowered;    /* per node: a contraction that multiplies 16-bit operands */
  const bool *multiplied; /* per node: only such contractions read it */
  const uint8_t *handed;  /* per node: Handed; of a scan's results, of their `get` nodes */
} Halves;
/* full: per node of a body, a port that shows a weight with the hint; NULL: none. */
Halves halves_find(const Graph *g, const bool *full);
bool is_fp32_weight(const Graph *g, const bool *full, Id x); /* x is a weight with the hint, or a view of one */
bool is_fp32(const Graph *g, Id n); /* has the hint: stays in f32 */
#endif
