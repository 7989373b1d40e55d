/* SPDX-License-Identifier: Apache-2.0 */
/* How a view reads its input, axis by axis: shared by the interpreter, layout and the kernels' index expressions. */
#ifndef GRADC_VIEW_H
#define GRADC_VIEW_H
#include "ir.h"

/* The input's index on one of its axes is (start + the sum of stride[k] times the result's index on axis[k]) / div.
 * Where `guarded`, the element is in the input only if that division is exact and the index is within the axis. */
typedef struct ViewAxis {
  Dim start;         /* of either sign */
  int n, axis[2];    /* one axis of the result, and perhaps that within a window */
  int64_t stride[2]; /* of either sign; 0: every index shows the only element */
  int64_t div;       /* 1; more: there are gaps between the elements */
  bool guarded;
} ViewAxis;
typedef struct ViewMap {
  int rank; /* of the input */
  ViewAxis axis[MAX_RANK];
  double pad_value; /* the value outside of the input */
} ViewMap;

/* The map of a view node, or of a cast, which is the identity. False: OPF_ROW_MAJOR_VIEW, a
 * matter of row-major positions alone. */
bool view_map(const Graph *g, Id n, ViewMap *v);
bool view_has_gaps(const Graph *g, Id n); /* whether some `div` is above 1 */
bool view_overlaps(const Graph *g, Id n); /* whether windows show an element several times */
/* Whether the view only exchanges axes: to[i] is the result's axis that shows axis i of the input. */
bool view_permutes(const Graph *g, Id n, int *to);
#endif
