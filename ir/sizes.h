/* Run-time sizes of graphs: which of them a graph knows, and what it asks of their values. */
#ifndef GRADC_SIZES_H
#define GRADC_SIZES_H
#include "ir.h"

/* Sets of run-time sizes: bit i = Module.size[i]. */
uint32_t dim_sizes(Module *m, Dim d);    /* those that d depends on */
uint32_t graph_sizes(const Graph *g);    /* those that the ports' shapes name: whoever calls the graph gives them */
uint32_t node_sizes(const Graph *g, Id n); /* those of the node's type and attributes, of a scan's body too */

/* What a graph asks of sizes beyond lying in 0 .. bound: that the dimension is not negative. A slice T - 1 : T needs
 * T - 1 >= 0. Needs come from the shape rules, each once, in the order of the nodes. */
typedef struct Need { Dim dim; Id node; } Need; /* node: of the graph itself, where a scan's body has the need */
typedef struct Needs { Need *v; int n, cap; Id node; } Needs;
Needs graph_needs(Graph *g);
void need_add(Module *m, Dim d);         /* for rule.c: a need of the node whose rule is running */
#endif
