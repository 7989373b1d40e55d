/* SPDX-License-Identifier: Apache-2.0 */
/* How a kernel reads a tensor: index expressions, affine in the kernel's axes, mapped through view nodes down to the
 * buffer. fuse asks whether a view can be composed into its readers; codegen composes it.
 *
 * A kernel's axes are its loops, and indices derived from them. A quotient axis q = e / div is valid where e is
 * divisible by div and 0 <= q < extent: the index within a pad's or a convolution's input. An indirect axis is an index
 * that was loaded (gather), clamped to 0 .. extent - 1. */
#ifndef GRADC_INDEX_MAP_H
#define GRADC_INDEX_MAP_H
#include "ir/ir.h"

enum { MAX_AXES = 28 };

typedef struct Affine {
  Dim k; /* k + sum of coef[i] * axis i; coefficients of either sign */
  Dim coef[MAX_AXES];
} Affine;

typedef enum AxisKind { AX_LOOP, AX_QUOTIENT, AX_INDIRECT } AxisKind;
typedef struct Axis {
  AxisKind kind;
  Dim extent;
  Affine e;       /* quotient */
  int64_t div;    /* quotient, >= 1 */
  int value;      /* indirect: the kernel's value that holds the index */
  uint32_t needs; /* loop axes it depends on (bit i = axis i) */
} Axis;

typedef struct Axes {
  Module *m;
  int n;
  Axis axis[MAX_AXES];
} Axes;

bool dim_number(Module *m, Dim d, int64_t *v); /* d as a signed number; false: depends on a run-time size */

Dim dim_of(Module *m, int64_t v); /* a signed number as a dimension */

int axes_loop(Axes *s, Dim extent);                                   /* -1: too many axes */
int axes_quotient(Axes *s, const Affine *e, int64_t div, Dim extent); /* equal requests return the same axis */
uint32_t affine_needs(const Axes *s, const Affine *e);                /* loop axes that the expression depends on */

Affine affine_const(Dim k);
Affine affine_axis(int axis);
Affine affine_add(Module *m, const Affine *a, const Affine *b);
Affine affine_scale(Module *m, const Affine *a, Dim by);
Affine affine_shift(Module *m, const Affine *a, Dim by);
bool affine_same(const Affine *a, const Affine *b);

/* Strides, in elements, of a buffer's logical axes in its stored order (.stored of Annotation, Var). False: stored in
 * panels, which are not affine. */
bool buffer_strides(const Graph *g, Id buffer, Dim *stride);
bool buffer_row_major(const Graph *g, Id buffer);
/* A matrix stored in panels: the axis that is split, its length, the length of the other axis, and the panel width.
 * Panels follow one another, each row-major over the other axis; the last may be narrower. False: not in panels. */
typedef struct Panels {
  int axis;
  int64_t cols, rows, width;
} Panels;
bool buffer_panels(const Graph *g, Id buffer, Panels *p);
Affine affine_linear(Module *m, const Type *t, const Affine *idx); /* row-major position within the logical shape */

/* Maps indices of a view's result to indices of its input, `in` (MAX_RANK of them). Adds to *guards the quotient axes
 * that must be valid (elsewhere a pad has its own value). False: not affine (a reshape that needs a division), or out
 * of axes. */
bool view_map_index(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *in, uint32_t *guards);

/* The inverse, for a view with OPF_ROW_MAJOR_VIEW: indices of its input to those of its result. False: needs a
 * division. */
bool view_unmap_index(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *out);
/* True: a kernel that materialises the view n can store it in any order, by walking its result, or its input by
 * view_unmap_index. */
bool view_allows_order(const Graph *g, Id n);

/* Maps indices of an element of the fold n, and of an element within a window (one index per listed axis), to indices
 * of its operand. Adds to *guards the quotient axes that must be valid if that window does not exist everywhere.
 * FOLD_NEVER: it exists nowhere. FOLD_FAILS: out of axes. */
typedef enum FoldIndex { FOLD_FAILS, FOLD_NEVER, FOLD_OK } FoldIndex;
FoldIndex fold_map_index(Axes *s, const Graph *g, Id n, const Affine *idx, const Affine *window, Affine *in,
                         uint32_t *guards);
/* True: n is a fold of windows so small that its sum is unrolled where its value is read. It adds at most MAX_AXES -
 * MAX_RANK quotient axes. */
bool fold_is_short(const Graph *g, Id n);

/* True if n is never materialised: every reader recomputes it from n's operand. A view; a cast from 16 bits; a cast to
 * 16 bits of a weight or an input, so that no second copy is stored (except an image of several channels, whose copy in
 * channels-last order does the cast). */
bool is_never_materialised(const Graph *g, Id n);
/* Follows n through such nodes to the first other node, or to one that owns a buffer (kernel != 0). */
Id view_base(const Graph *g, Id n);
/* The buffer that x is, or of which x only exchanges axes, if its elements are stored in the row-major order of x, so
 * that a position is enough to read one; else 0. */
Id view_in_order(const Graph *g, Id x);
/* True: the view n, composed with all views below it that have no kernel, is affine down to its base. */
bool view_composes(const Graph *g, Id n);
bool view_composes_in_kernel(const Graph *g, Id n); /* of a view with a kernel, as if it had none */
/* The same, and no element is padding: contractions, gathers and scans can read it in place. */
bool view_is_strided(const Graph *g, Id n);
#endif
