/* SPDX-License-Identifier: Apache-2.0 */
/* Live-range splitting: readers in the backward pass get clones of a value instead of the value. */
#ifndef GRADC_LIVE_SPLIT_H
#define GRADC_LIVE_SPLIT_H
#include "ir/ir.h"

/* SPLIT_CHEAP: duplicate a large backward value per use if it is fusible and its backward inputs have at most 3/4 of
 * its bytes: then nothing of its size is stored. Backward readers of a copy of an input (for convolutions) make their
 * own copy, so that none is kept between them.
 *
 * SPLIT_ALL also shortens live ranges of large values:
 * - A backward value of which one reader is delayed by others (the gradient of a weight used at both ends of the model)
 *   is recomputed for that reader, from values that the backward pass has in memory, with at most one contraction or
 *   convolution.
 * - A map of one forward value that the backward pass needs anyway (relu after a convolution) stays for readers that
 *   need it in memory; others (relu's gradient) recompute it. Convolutions read copies of their small weights, so that
 *   the weight can be updated, and the map freed, before the gradient flows through the convolution.
 *
 * What a clone reads is cloned with it unless it is smaller. Clones are numbered from `clone`; values are the same, bit
 * for bit. True: the graph has changed; for SPLIT_ALL, by more than SPLIT_CHEAP would. */
typedef enum SplitMode { SPLIT_CHEAP = 1, SPLIT_ALL } SplitMode;
bool split_live_ranges(Graph *g, SplitMode how, uint32_t clone);
#endif
