/* Stored orders that are chosen outside of layout.c. */
#ifndef GRADC_LAYOUT_H
#define GRADC_LAYOUT_H
#include "ir/ir.h"

/* Weights that only contractions and element-wise updates touch are stored in panels of Options.panel columns, the form
 * in which the contraction's kernel reads its right operand; their optimizer states likewise. Needs kernels (fuse); to
 * be called before order. */
void layout_panels(Module *m);

/* Image inputs of several channels are copied for the convolutions that read them: one copy, which layout then stores
 * channels-last. */
void layout_copy_inputs(Graph *g);
#endif
