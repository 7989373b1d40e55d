/* Shared by the family files ir/op_*.c: access to a call's operands and attributes, and the checks that many shape
 * rules make. The checking functions report by shape_fail and return false (0, NULL). */
#ifndef GRADC_RULE_H
#define GRADC_RULE_H
#include "build.h"
#include "sizes.h"

/* Codes of errors.def that the shape rules report. */
enum RuleCode {
  RULE_BROADCAST = 206, RULE_EXACT = 208, RULE_AXIS = 209, RULE_RANGE = 210, RULE_DTYPE = 211, RULE_NEGATIVE = 221,
  RULE_OPERAND = 226, RULE_COUNT = 228, RULE_ATTR = 402
};

/* The value of a schema field of the call; a zero value when the attribute record is missing. */
const AttrVal *call_attr(const Graph *g, const OpCall *k, int field);
/* The type of operand i: never a tuple, for which NULL is returned after a report. */
const Type *call_type(Graph *g, const OpCall *k, int i);
/* Axes in 0 .. rank - 1, none twice; marks them in in_axes[rank]. */
bool rule_axes(Graph *g, const OpCall *k, const AttrVal *axes, int rank, bool *in_axes);
bool rule_axis(Graph *g, const OpCall *k, int64_t axis, int rank);
/* A list attribute must have n elements. */
bool rule_length(Graph *g, const OpCall *k, int field, int n);
/* A list of dimensions that is to be a shape: its length is at most MAX_RANK, no dimension surely negative. */
bool rule_shape(Graph *g, const OpCall *k, int field);
/* a <= b; false only where no value of the run-time sizes makes it hold. Where some do not, it is noted as a need of
 * the graph, which calls check (sizes.h). */
bool rule_le(Module *m, Dim a, Dim b);
/* Shape of operands broadcast together as NumPy does: into dim and *rank, which hold the shape so far. */
bool rule_broadcast(Graph *g, const OpCall *k, const Type *t, int *rank, Dim *dim);
/* ceil(a / step), step >= 1. */
bool dim_ceildiv(Module *m, Dim a, int64_t step, Dim *q);
#endif
