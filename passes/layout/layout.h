/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of layout that other passes call. */
#ifndef GRADC_LAYOUT_H
#define GRADC_LAYOUT_H
#include "ir/ir.h"

/* Stores weights that only contractions and element-wise updates access in panels of Options.panel columns, the packed
 * form in which the contraction's kernel reads its right operand; and their optimizer states. Needs fuse; before
 * order. */
void layout_panels(Module *m);

/* The kernel that computes x can store it in that order: a scan stacks by iteration or row-major. */
bool layout_can_store(const Graph *g, Id x, uint32_t order);
#endif
