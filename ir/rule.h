/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the family files ir/op_*.c: access to a call's operands and attributes, and the checks that many shape
 * rules make. The checking functions report by shape_fail and return false (0, NULL). */
#ifndef GRADC_RULE_H
#define GRADC_RULE_H
#include "ir.h"
#include "sizes.h"

/* The value of a schema field of the call; a zero value when the attribute record is missing. */
const AttrVal *call_attr(const Graph *g, const OpCall *k, int field);
/* The type of operand i: never a tuple, for which NULL is returned after a report. */
const Type *call_type(Graph *g, const OpCall *k, int i);
/* Axes in 0 .. rank - 1, each at most once; marks them in in_axes[rank]. */
bool rule_axes(Graph *g, const OpCall *k, const AttrVal *axes, int rank, bool *in_axes);
bool rule_axis(Graph *g, const OpCall *k, int64_t axis, int rank);
/* A list attribute must have n elements. */
bool rule_length(Graph *g, const OpCall *k, int field, int n);
/* A list of dimensions that is to be a shape: its length is at most MAX_RANK, no dimension surely negative. */
bool rule_shape(Graph *g, const OpCall *k, int field);
/* a <= b; false only where no value of the run-time sizes makes it hold. Where some do not, it is recorded as a
 * constraint, which calls check (sizes.h). */
bool rule_le(Module *m, Dim a, Dim b);
/* Shape of operands broadcast together as NumPy does: into dim and *rank, which hold the shape so far. */
bool rule_broadcast(Graph *g, const OpCall *k, const Type *t, int *rank, Dim *dim);
/* ceil(a / step), step >= 1. */
bool dim_ceildiv(Module *m, Dim a, int64_t step, Dim *q);
#endif
