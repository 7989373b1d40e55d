/* Short constructors of nodes, for rules, passes and the elaborator. All take their location from g->loc and return 0
 * only after a diagnostic. Axes are non-negative. */
#ifndef GRADC_BUILD_H
#define GRADC_BUILD_H
#include "ir.h"

Id b_op1(Graph *g, Op op, Id a);
Id b_op2(Graph *g, Op op, Id a, Id b);
Id b_op3(Graph *g, Op op, Id a, Id b, Id c);
Id b_add(Graph *g, Id a, Id b);
Id b_sub(Graph *g, Id a, Id b);
Id b_mul(Graph *g, Id a, Id b);
Id b_within(Graph *g, Id index, Dim n);                  /* clamped into 0 .. n - 1, as gather does; i32 */
Id b_const(Graph *g, DType t, double v);                 /* rank 0 */
Id b_full(Graph *g, TypeId type, double v);              /* constant of that type */
Id b_tensor(Graph *g, TypeId type, const double *v, int n);
Id b_like(Graph *g, Id x, double v);                     /* rank-0 constant of x's dtype */
Id b_iota(Graph *g, DType t, int rank, const Dim *shape, int axis);
Id b_size(Graph *g, DType t, Dim d);                     /* a dimension as a rank-0 value */
Id b_run(Graph *g, const char *name);                    /* step, steps or epoch: f32 */
Id b_random(Graph *g, TypeId type, int64_t stream);
Id b_cast(Graph *g, Id x, DType t);
Id b_copy(Graph *g, Id x, uint32_t clone);               /* with another clone number, another copy */
Id b_sum(Graph *g, Id x, int naxes, const int64_t *axes, bool keep);
Id b_reduce(Graph *g, Op op, Id x, int naxes, const int64_t *axes, bool keep);
Id b_reshape(Graph *g, Id x, int rank, const Dim *shape);
Id b_transpose(Graph *g, Id x, const int64_t *perm);
Id b_broadcast(Graph *g, Id x, int rank, const Dim *shape);
Id b_slice(Graph *g, Id x, const Dim *start, const Dim *stop, const int64_t *step); /* step NULL: ones */
Id b_pad(Graph *g, Id x, const Dim *shape, const Dim *start, const int64_t *step, double value);
Id b_concat(Graph *g, const Id *x, int n, int axis);
Id b_reverse(Graph *g, Id x, int naxes, const int64_t *axes);
/* Windows along n axes, as many numbers in each list; the window axes come last. */
Id b_unfold(Graph *g, Id x, int n, const int64_t *axes, const int64_t *size, const int64_t *stride,
            const int64_t *dilation);
Id b_gather(Graph *g, Id x, Id index, int axis);
Id b_scatter_add(Graph *g, Id index, Id values, int rank, const Dim *shape, int64_t axis);
Id b_contract(Graph *g, Id a, Id b, const char *spec);   /* "mk,kn->mn" */
/* pad: two numbers for each of the spatial axes. */
Id b_conv(Graph *g, Id x, Id w, int spatial, const int64_t *stride, const int64_t *pad, const int64_t *dilation,
          int64_t groups);
Id b_get(Graph *g, Id tuple, int i);
Id b_grad(Graph *g, Id e, Id x);                         /* of the sum of e's elements */
Id b_jvp(Graph *g, Id e, Id x, Id tangent);
Id b_unbroadcast(Graph *g, Id dy, TypeId to);            /* sums dy down to a type that broadcasts to it */
bool b_is_const(const Graph *g, Id x, double *v);        /* a constant with one repeated value */
#endif
