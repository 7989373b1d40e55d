/* How a kernel reads a tensor: index expressions, affine in the kernel's axes, and their way through view nodes down to
 * the buffer. fuse asks whether a view can be composed into its readers; codegen composes it.
 *
 * A kernel's axes are its loops, and indices derived from them. A quotient axis q = e / div is valid where e is
 * divisible by div and 0 <= q < extent: a pad's position in its input, a convolution's in its image. A table axis is an
 * index that was loaded (gather), clamped to 0 .. extent - 1. */
#ifndef GRADC_ACCESS_H
#define GRADC_ACCESS_H
#include "ir/ir.h"

enum { MAX_AXES = 28 };

typedef struct Affine {
  Dim k;                /* k + sum of coef[i] * axis i; coefficients of either sign */
  Dim coef[MAX_AXES];
} Affine;

typedef enum AxisKind { AX_LOOP, AX_QUOTIENT, AX_TABLE } AxisKind;
typedef struct Axis {
  AxisKind kind;
  Dim extent;
  Affine e;             /* quotient */
  int64_t div;          /* quotient, >= 1 */
  int value;            /* table: the kernel's value that holds the index */
  uint32_t needs;       /* loop axes that it depends on (bit i = axis i) */
} Axis;

typedef struct Axes {
  Module *m;
  int n;
  Axis axis[MAX_AXES];
} Axes;

bool dim_number(Module *m, Dim d, int64_t *v);   /* d as a number of either sign; false: depends on a size */

Dim dim_of(Module *m, int64_t v);                /* a number of either sign as a dimension */

int axes_loop(Axes *s, Dim extent);              /* -1: too many axes */
int axes_quotient(Axes *s, const Affine *e, int64_t div, Dim extent); /* the same request gives the same axis */
uint32_t affine_needs(const Axes *s, const Affine *e); /* loop axes that the expression depends on */

Affine affine_const(Dim k);
Affine affine_axis(int axis);
Affine affine_add(Module *m, const Affine *a, const Affine *b);
Affine affine_scale(Module *m, const Affine *a, Dim by);
Affine affine_shift(Module *m, const Affine *a, Dim by);
bool affine_same(const Affine *a, const Affine *b);

/* Strides, in elements, of a buffer's logical axes in its stored order (Anno.stored, Var.stored). False: stored in
 * panels, which no affine expression reaches. */
bool buffer_strides(const Graph *g, Id buffer, Dim *stride);
bool buffer_row_major(const Graph *g, Id buffer);
/* Of a matrix stored in panels: the axis that is split, its length and that of the other axis, the panels' columns.
 * Panels follow one another, each row-major over the other axis; the last may be narrower. False: not in panels. */
typedef struct Panels { int axis; int64_t cols, rows, width; } Panels;
bool buffer_panels(const Graph *g, Id buffer, Panels *p);
Affine affine_linear(Module *m, const Type *t, const Affine *idx); /* row-major position within the logical shape */

/* Indices of a view node's result to indices of its input `in` (MAX_RANK of them). Adds to *guards the quotient axes
 * that must be valid (pad: elsewhere the value is the pad's). False: not affine (a reshape that would have to divide),
 * or out of axes. */
bool view_push(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *in, uint32_t *guards);

/* The other way, of a FLAT view: indices of its input to those of its result. False: these would have to be divided. */
bool view_pull(Axes *s, const Graph *g, Id view, const Affine *idx, Affine *out);
/* Whether a kernel that makes the view n can store it in any order: it walks the result, or the input by view_pull. */
bool view_takes_order(const Graph *g, Id n);

/* Indices of an element of the fold n, and of a window's element (one for each listed axis), to those of its operand:
 * the window that has the one where the other is. Adds to *guards the quotient axes that must be valid where there is
 * such a window not everywhere. FOLD_NEVER: it is nowhere. FOLD_FAILS: out of axes. */
typedef enum FoldPush { FOLD_FAILS, FOLD_NEVER, FOLD_HELD } FoldPush;
FoldPush fold_push(Axes *s, const Graph *g, Id n, const Affine *idx, const Affine *window, Affine *in,
                   uint32_t *guards);
/* Whether n is a fold of windows so small that its sum needs no loop: it is written out where its value is read. At
 * most MAX_AXES - MAX_RANK quotient axes come of that. */
bool fold_is_short(const Graph *g, Id n);

/* Whether those who read n read what it is made of, each for itself: a view; a cast from 16 bits, which is free; a cast
 * to 16 bits of a weight or an input, so that there is no second copy (but an image of several channels, which is copied
 * to be stored channels-last, is cast by that). */
bool reads_through(const Graph *g, Id n);
/* Follows n through views and such casts to the first other node, or to one that owns a buffer (kernel != 0). */
Id view_base(const Graph *g, Id n);
/* Whether the view n, with all views under it that have no kernel, is affine in its own axes down to its base. */
bool view_composes(const Graph *g, Id n);
bool view_composes_self(const Graph *g, Id n); /* of a view that has a kernel: without regard to that kernel */
/* The same, and no element is padding (what contractions, gathers and scans can read in place). */
bool view_is_strided(const Graph *g, Id n);
#endif
