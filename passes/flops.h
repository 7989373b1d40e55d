/* What a graph costs to run. */
#ifndef GRADC_FLOPS_H
#define GRADC_FLOPS_H
#include "ir/ir.h"

/* Floating-point operations of one call, run-time sizes at their bounds: a multiply-add of a contraction or convolution
 * counts 2, an element of an element-wise op and each element that is summed, compared or scattered 1. Indices, views
 * and integers count nothing. */
double graph_flops(const Graph *g);
double node_flops(const Graph *g, Id n);
/* Of that, what clones compute: values that were computed before and not kept. */
double graph_recomputed(const Graph *g);

/* What a processor does in a second: floating-point operations of contractions, multiplications of element-wise loops
 * (the unit of the op table's costs), bytes to or from memory. */
typedef struct Rates { double contract, element, bytes; } Rates;
extern const Rates common_rates; /* of no machine in particular: for choices that must be the same everywhere */

double node_seconds(const Graph *g, Id n, const Rates *r); /* computing alone */
/* One call of a graph behind fuse: each kernel takes as long as what it computes or what it moves, whichever is longer;
 * a scan its body's time for every turn. */
double graph_seconds(Graph *g, const Rates *r);
#endif
