/* Values of which readers in the backward part have clones of their own. */
#ifndef GRADC_SPLIT_H
#define GRADC_SPLIT_H
#include "ir/ir.h"

/* SPLIT_CHEAP: each reader of a large backward value has its own, where the value is cheap to compute, from other
 * backward values of at most three quarters of its bytes, and goes into every reader's kernel: then nothing of its size
 * lies in memory. And of what is made of an input alone (the copy that convolutions read) each reader of the backward
 * part makes its own: from the one to the other none is kept.
 *
 * SPLIT_ALL does that, and makes large values die sooner:
 * - A backward value of which one reader must wait for what others lead to (the gradient of a weight that is read at
 *   both ends of the model) is computed again for that one: from values that the backward part reads in memory anyhow,
 *   with at most one contraction or convolution on the way.
 * - A map of one forward value that the backward part wants anyhow (a relu behind a convolution) is read by those who
 *   need it in memory; others (the relu's gradient) compute it for themselves. And convolutions read copies of their
 *   small weights: so the weight can change, and the map be done with, before the gradient goes back through it.
 *
 * What a clone reads is cloned with it as far as it is no smaller. Clones have numbers from `clone` on; bits stay the
 * same. True: something changed; with SPLIT_ALL, more than SPLIT_CHEAP would. */
typedef enum SplitHow { SPLIT_CHEAP = 1, SPLIT_ALL } SplitHow;
bool split_values(Graph *g, SplitHow how, uint32_t clone);
#endif
