/* SPDX-License-Identifier: Apache-2.0 */
/* How loops realise the strict order of a phase's accumulations: chunks of STRICT_CHUNK terms, and in each of them
 * STRICT_LANES lanes. */
#ifndef GRADC_STRICT_ORDER_H
#define GRADC_STRICT_ORDER_H
#include "codegen/kernel.h"

/* Chunks: all terms are in one; an outer loop over chunks of the only axis; or terms are counted. */
typedef enum Chunking { ONE_CHUNK, CHUNK_LOOP, CHUNK_COUNT } Chunking;
typedef struct StrictOrder {
  Chunking how;
  bool any;    /* the phase has accumulations */
  bool lanes;  /* some have lanes */
  bool counts; /* terms are counted */
  bool few;    /* they are counted, their number is known, and each has a lane of its own */
  int width;   /* lanes that may have terms, a power of two: the others keep the identity, which changes nothing */
} StrictOrder;
StrictOrder strict_order(const KNest *n, int phase);

bool acc_is_arg(const KAcc *a); /* argmax, argmin */
bool acc_is_sum(const KAcc *a); /* starts from 0 */
bool acc_has_lanes(const KAcc *a);
bool acc_has_chunks(const KAcc *a, StrictOrder o); /* more than one */
#endif
