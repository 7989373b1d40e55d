/* Thinner scans: what the backward scan reads of the forward one, computed again turn by turn instead of stacked. */
#ifndef GRADC_THIN_H
#define GRADC_THIN_H
#include "ir/ir.h"

/* What a backward scan's body may compute again: FREE: short element-wise formulas; REGIONS: what stands under
 * @checkpoint, and that it must; ALL: everything but scans. For the last two what the forward scan reads costs nothing:
 * it can be computed again itself. */
typedef enum ThinMode { THIN_FREE, THIN_REGIONS, THIN_ALL } ThinMode;

/* For every backward scan that reads stacked values of a forward scan of the same turns: a minimum cut through the
 * forward body chooses the fewest bytes to stack (or to keep of what the forward scan reads); the rest is cloned into
 * the backward body. Stacks and inputs that nobody needs any more are left to dce. Bits stay the same: a clone computes
 * from the same values, random numbers from the same turn. True: something changed. */
bool thin_scans(Graph *g, ThinMode mode, uint32_t clone);
#endif
