/* SPDX-License-Identifier: Apache-2.0 */
/* Rematerialisation in scans: a backward scan recomputes values of the forward scan per iteration instead of reading
 * stacks. */
#ifndef GRADC_SCAN_REMAT_H
#define GRADC_SCAN_REMAT_H
#include "ir/ir.h"

/* What a backward body may recompute: FREE: cheap element-wise formulas; REGIONS: what is under @checkpoint, and that
 * always; ALL: everything but scans. For REGIONS and ALL, operands of the forward scan cost nothing, since they can be
 * recomputed themselves. */
typedef enum RematMode { REMAT_FREE, REMAT_REGIONS, REMAT_ALL } RematMode;

/* For every backward scan that reads stacked values of a forward scan of the same length: a minimum cut through the
 * forward body chooses the fewest bytes to stack (or to keep of the forward scan's operands); the rest is cloned into
 * the backward body. Unused stacks and inputs are left to dce. Values are the same, bit for bit: a clone computes from
 * the same values, random numbers from the same iteration. True: something changed. */
bool remat_scans(Graph *g, RematMode mode, uint32_t clone);
#endif
