/* SPDX-License-Identifier: Apache-2.0 */
/* Short constructors of nodes, for rules, passes and the elaborator. They return 0 only after a diagnostic. Axes are
 * non-negative. A scoped change of location or hints is a copy of the Builder. */
#ifndef GRADC_BUILD_H
#define GRADC_BUILD_H
#include "ir.h"

/* Where new nodes go, and what they have in common. */
typedef struct Builder {
  Graph *g;
  Loc loc;
  uint32_t hints; /* HINT_*, added to those of the node's attributes; leaves have none */
} Builder;

Id b_node(const Builder *b, Op op, const Id *in, int nin, AttrId attr);
Id b_op1(const Builder *b, Op op, Id x);
Id b_op2(const Builder *b, Op op, Id x, Id y);
Id b_op3(const Builder *b, Op op, Id x, Id y, Id z);
Id b_add(const Builder *b, Id x, Id y);
Id b_sub(const Builder *b, Id x, Id y);
Id b_mul(const Builder *b, Id x, Id y);
Id b_div(const Builder *b, Id x, Id y);
Id b_where(const Builder *b, Id cond, Id x, Id y);
Id b_power(const Builder *b, Id x, double p);       /* as one op, which p = 0.5 and -0.5 have; else 0 */
Id b_within(const Builder *b, Id index, Dim n);     /* clamped into 0 .. n - 1, as gather does; i32 */
Id b_const(const Builder *b, DType t, double v);    /* rank 0 */
Id b_full(const Builder *b, TypeId type, double v); /* constant of that type */
Id b_tensor(const Builder *b, TypeId type, const double *v, int n);
/* The same of integers, n 1 or the number of elements. Constants are doubles: others are built from two halves. */
Id b_ints(const Builder *b, TypeId type, const int64_t *v, int n);
bool ints_are_exact(const int64_t *v, int n); /* whether doubles hold them */
Id b_like(const Builder *b, Id x, double v);  /* rank-0 constant of x's dtype */
Id b_iota(const Builder *b, DType t, int rank, const Dim *shape, int axis);
Id b_size(const Builder *b, DType t, Dim d);  /* a dimension as a rank-0 value */
Id b_run(const Builder *b, const char *name); /* step, steps or epoch: f32 */
Id b_random(const Builder *b, TypeId type, int64_t stream);
Id b_cast(const Builder *b, Id x, DType t);
Id b_copy(const Builder *b, Id x, uint32_t clone); /* with another clone number, another copy */
Id b_sum(const Builder *b, Id x, int naxes, const int64_t *axes, bool keep);
Id b_reduce(const Builder *b, Op op, Id x, int naxes, const int64_t *axes, bool keep);
Id b_reshape(const Builder *b, Id x, int rank, const Dim *shape);
Id b_transpose(const Builder *b, Id x, const int64_t *perm);
Id b_broadcast(const Builder *b, Id x, int rank, const Dim *shape);
Id b_slice(const Builder *b, Id x, const Dim *start, const Dim *stop, const int64_t *step); /* step NULL: ones */
Id b_pad(const Builder *b, Id x, const Dim *shape, const Dim *start, const int64_t *step, double value);
/* in: q, k, v and, if n is 4, lengths. The tuple (o, lse). */
Id b_attend(const Builder *b, const Id *in, int n, double scale, bool causal);
Id b_concat(const Builder *b, const Id *x, int n, int axis);
Id b_reverse(const Builder *b, Id x, int naxes, const int64_t *axes);
/* Windows along n axes, as many numbers in each list; the window axes come last. */
Id b_unfold(const Builder *b, Id x, int n, const int64_t *axes, const int64_t *size, const int64_t *stride,
            const int64_t *dilation);
Id b_argsort(const Builder *b, Id x, int64_t axis, Dim count, bool descending);
Id b_gather(const Builder *b, Id x, Id index, int axis);
Id b_scatter_add(const Builder *b, Id index, Id values, int rank, const Dim *shape, int64_t axis);
Id b_contract(const Builder *b, Id x, Id y, const char *spec); /* "mk,kn->mn" */
/* pad: two numbers for each of the spatial axes. */
Id b_conv(const Builder *b, Id x, Id w, int spatial, const int64_t *stride, const int64_t *pad, const int64_t *dilation,
          int64_t groups);
/* The adjoint of conv by its input: the result has the given shape. */
Id b_conv_dx(const Builder *b, Id y, Id w, int spatial, const int64_t *stride, const int64_t *pad,
             const int64_t *dilation, int64_t groups, const Dim *shape);
/* The adjoint of unfold: sums windows into the given shape. */
Id b_fold(const Builder *b, Id y, int rank, const Dim *shape, int n, const int64_t *axes, const int64_t *size,
          const int64_t *stride, const int64_t *dilation);
Id b_get(const Builder *b, Id tuple, int i);
Id b_grad(const Builder *b, Id e, Id x); /* of the sum of e's elements */
Id b_jvp(const Builder *b, Id e, Id x, Id tangent);
Id b_unbroadcast(const Builder *b, Id dy, TypeId to); /* reduces dy to a type that broadcasts to it */
#endif
