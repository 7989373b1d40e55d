/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs as text for people: single values as printed, DOT, differences. */
#ifndef GRADC_GRAPH_TEXT_H
#define GRADC_GRAPH_TEXT_H
#include "ir.h"

/* print.c. Per node its number in the text of the graph; 0: printed where it is used, or not at all. */
uint32_t *graph_numbers(Graph *g);
/* "f32[B,8] = max(%3, 0)": a value without number, annotations and location. */
void graph_put_value(Str *out, Graph *g, const uint32_t *number, Id n);

void ir_dot(Str *out, Module *m); /* dot.c: all graphs, one cluster each */

/* diff.c: what must be changed in a to get b: values that are added, removed or changed, with their source lines;
 * graphs, weights and results likewise. Values are matched by what they compute and by what reads them, not by number
 * or order, so that a change does not show in all that depends on it. Returns the number of differences. */
int ir_diff(Str *out, Module *a, Module *b);
#endif
