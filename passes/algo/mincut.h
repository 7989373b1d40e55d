/* SPDX-License-Identifier: Apache-2.0 */
/* Minimum s-t cuts. */
#ifndef GRADC_MINCUT_H
#define GRADC_MINCUT_H
#include "ir/ctx.h"

#define CUT_NEVER (INT64_MAX / 4) /* capacity of an edge that must not be cut; real capacities add up to less */

typedef struct Net Net;
Net *net_new(Ctx *c, int vertices); /* numbered from 0 */
void net_edge(Net *n, int from, int to, int64_t capacity);

/* Per vertex: it is on the sink's side of a minimum cut; of several, the cut nearest to the sink. The cut consists of
 * the edges that lead there from the other side. Dinic's algorithm (Soviet Math. Doklady 11, 1970), deterministic. */
const bool *net_cut(Net *n, int source, int sink);
#endif
