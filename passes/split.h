/* Backward values that are computed in every reader instead of stored. */
#ifndef GRADC_SPLIT_H
#define GRADC_SPLIT_H
#include "ir/ir.h"

/* Gives each reader of a large backward value its own clone of it (numbers from `clone` on), where the value is cheap
 * to compute, from other backward values of at most three quarters of its bytes, and goes into every reader's kernel:
 * then nothing of its size lies in memory. What a clone reads is cloned with it as far as it is cheap and no smaller.
 * And of what is made of an input alone (the copy that convolutions read) each reader of the backward part makes its
 * own: from the one to the other none is kept. Bits stay the same. True: something changed. */
bool split_values(Graph *g, uint32_t clone);
#endif
