/* What a graph costs to run. */
#ifndef GRADC_FLOPS_H
#define GRADC_FLOPS_H
#include "ir/ir.h"

/* Floating-point operations of one call, run-time sizes at their bounds: a multiply-add of a contraction or convolution
 * counts 2, an element of an element-wise op and each element that is summed, compared or scattered 1. Indices, views
 * and integers count nothing. */
double graph_flops(const Graph *g);
#endif
