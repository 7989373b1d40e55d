/* SPDX-License-Identifier: Apache-2.0 */
/* Short constructors of nodes. */
#include "build.h"
#include <string.h>

Id b_node(const Builder *b, Op op, const Id *in, int nin, AttrId attr) {
  const Attr *a = attr_get(b->g->m, attr);
  if (b->hints) attr = attr_with(b->g->m, op, attr, a->clone, a->hints | b->hints);
  return graph_node(b->g, op, in, nin, attr, b->loc);
}

/* An operand that was refused (0) gives 0 without a second message. */
static Id make(const Builder *b, Op op, const Id *in, int nin, const AttrVal *vals) {
  return b_node(b, op, in, nin, vals ? attr_make(b->g->m, op, vals) : 0);
}

static Id leaf(const Builder *b, Op op, TypeId type, const AttrVal *vals) {
  return graph_leaf(b->g, op, type, attr_make(b->g->m, op, vals), b->loc);
}

Id b_op1(const Builder *b, Op op, Id x) { return make(b, op, &x, 1, NULL); }
Id b_op2(const Builder *b, Op op, Id x, Id y) { return make(b, op, (Id[]){x, y}, 2, NULL); }
Id b_op3(const Builder *b, Op op, Id x, Id y, Id z) { return make(b, op, (Id[]){x, y, z}, 3, NULL); }
Id b_add(const Builder *b, Id x, Id y) { return b_op2(b, OP_add, x, y); }
Id b_sub(const Builder *b, Id x, Id y) { return b_op2(b, OP_sub, x, y); }
Id b_mul(const Builder *b, Id x, Id y) { return b_op2(b, OP_mul, x, y); }
Id b_div(const Builder *b, Id x, Id y) { return b_op2(b, OP_div, x, y); }
Id b_where(const Builder *b, Id cond, Id x, Id y) { return b_op3(b, OP_where, cond, x, y); }
Id b_grad(const Builder *b, Id e, Id x) { return b_op2(b, OP_grad, e, x); }
Id b_jvp(const Builder *b, Id e, Id x, Id tangent) { return b_op3(b, OP_jvp, e, x, tangent); }

/* As in PyTorch, x ** 0.5 is sqrt(x), also of -0 and -infinity. */
Id b_power(const Builder *b, Id x, double p) {
  return p == 0.5 ? b_op1(b, OP_sqrt, x) : p == -0.5 ? b_op1(b, OP_rsqrt, x) : 0;
}

Id b_within(const Builder *b, Id index, Dim n) {
  Id last = b_sub(b, b_size(b, DT_I32, n), b_const(b, DT_I32, 1));
  return b_op2(b, OP_max, b_op2(b, OP_min, b_cast(b, index, DT_I32), last), b_const(b, DT_I32, 0));
}

/* ---- leaves ---- */

Id b_tensor(const Builder *b, TypeId type, const double *v, int n) {
  return leaf(b, OP_const, type, &(AttrVal){.fv = v, .n = n});
}

bool ints_are_exact(const int64_t *v, int n) {
  for (int i = 0; i < n; i++) {
    double x = (double)v[i];
    if (x >= 0x1p63 || (int64_t)x != v[i]) return false;
  }
  return true;
}

Id b_ints(const Builder *b, TypeId type, const int64_t *v, int n) {
  double *high = ctx_alloc(b->g->m->c, 2 * (size_t)n * sizeof *high), *low = high + n;
  bool exact = ints_are_exact(v, n);
  for (int i = 0; i < n; i++) {
    high[i] = (double)(exact ? v[i] : v[i] >> 32);
    low[i] = (double)(v[i] & 0xffffffff);
  }
  Id x = b_tensor(b, type, high, n);
  if (exact) return x;
  return b_op2(b, OP_bitor, b_op2(b, OP_shl, x, b_like(b, x, 32)), b_tensor(b, type, low, n));
}

Id b_full(const Builder *b, TypeId type, double v) { return b_tensor(b, type, &v, 1); }
Id b_const(const Builder *b, DType t, double v) { return b_full(b, type_make(b->g->m, t, 0, NULL), v); }
Id b_like(const Builder *b, Id x, double v) { return x ? b_const(b, (DType)node_type(b->g, x)->dtype, v) : 0; }

Id b_iota(const Builder *b, DType t, int rank, const Dim *shape, int axis) {
  TypeId type = type_make(b->g->m, t, rank, shape);
  return leaf(b, OP_iota, type, &(AttrVal){.i = axis});
}

Id b_size(const Builder *b, DType t, Dim d) {
  if (dim_is_const(d)) return b_const(b, t, (double)d);
  TypeId type = type_make(b->g->m, t, 0, NULL);
  return leaf(b, OP_size, type, &(AttrVal){.i = d});
}

Id b_run(const Builder *b, const char *name) {
  TypeId type = type_make(b->g->m, DT_F32, 0, NULL);
  return leaf(b, OP_run, type, &(AttrVal){.s = name});
}

Id b_random(const Builder *b, TypeId type, int64_t stream) { return leaf(b, OP_random, type, &(AttrVal){.i = stream}); }

/* ---- conversions, reductions ---- */

Id b_cast(const Builder *b, Id x, DType t) {
  if (x && node_type(b->g, x)->dtype == t) return x;
  return make(b, OP_cast, &x, 1, &(AttrVal){.i = t});
}

Id b_copy(const Builder *b, Id x, uint32_t clone) {
  return b_node(b, OP_copy, &x, 1, attr_with(b->g->m, OP_copy, 0, clone, 0));
}

Id b_reduce(const Builder *b, Op op, Id x, int naxes, const int64_t *axes, bool keep) {
  return make(b, op, &x, 1, (AttrVal[]){{.v = axes, .n = naxes}, {.i = keep}});
}

Id b_sum(const Builder *b, Id x, int naxes, const int64_t *axes, bool keep) {
  return naxes ? b_reduce(b, OP_sum, x, naxes, axes, keep) : x;
}

/* ---- views ---- */

static bool has_shape(const Graph *g, Id x, int rank, const Dim *shape) {
  const Type *t = node_type(g, x);
  return t->dtype != DT_TUPLE && t->rank == rank && (!rank || !memcmp(t->dim, shape, (size_t)rank * sizeof *shape));
}

Id b_reshape(const Builder *b, Id x, int rank, const Dim *shape) {
  if (x && has_shape(b->g, x, rank, shape)) return x;
  return make(b, OP_reshape, &x, 1, &(AttrVal){.v = shape, .n = rank});
}

Id b_broadcast(const Builder *b, Id x, int rank, const Dim *shape) {
  if (x && has_shape(b->g, x, rank, shape)) return x;
  return make(b, OP_broadcast, &x, 1, &(AttrVal){.v = shape, .n = rank});
}

Id b_transpose(const Builder *b, Id x, const int64_t *perm) {
  if (!x) return 0;
  int rank = node_type(b->g, x)->rank, moved = 0;
  for (int i = 0; i < rank; i++) moved += perm[i] != i;
  return moved ? make(b, OP_transpose, &x, 1, &(AttrVal){.v = perm, .n = rank}) : x;
}

static const int64_t ones[MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};

Id b_slice(const Builder *b, Id x, const Dim *start, const Dim *stop, const int64_t *step) {
  if (!x) return 0;
  int n = node_type(b->g, x)->rank;
  return make(b, OP_slice, &x, 1,
              (AttrVal[]){{.v = start, .n = n}, {.v = stop, .n = n}, {.v = step ? step : ones, .n = n}});
}

Id b_pad(const Builder *b, Id x, const Dim *shape, const Dim *start, const int64_t *step, double value) {
  if (!x) return 0;
  int n = node_type(b->g, x)->rank;
  return make(b, OP_pad, &x, 1,
              (AttrVal[]){{.v = shape, .n = n}, {.v = start, .n = n}, {.v = step ? step : ones, .n = n}, {.f = value}});
}

Id b_concat(const Builder *b, const Id *x, int n, int axis) { return make(b, OP_concat, x, n, &(AttrVal){.i = axis}); }

Id b_reverse(const Builder *b, Id x, int naxes, const int64_t *axes) {
  return naxes ? make(b, OP_reverse, &x, 1, &(AttrVal){.v = axes, .n = naxes}) : x;
}

Id b_unfold(const Builder *b, Id x, int n, const int64_t *axes, const int64_t *size, const int64_t *stride,
            const int64_t *dilation) {
  return make(b, OP_unfold, &x, 1,
              (AttrVal[]){{.v = axes, .n = n}, {.v = size, .n = n}, {.v = stride, .n = n}, {.v = dilation, .n = n}});
}

/* ---- windows, indices, contractions ---- */

Id b_attend(const Builder *b, const Id *in, int n, double scale, bool causal) {
  return make(b, OP_attend, in, n,
              (AttrVal[]){[ATTR(attend, scale)] = {.f = scale}, [ATTR(attend, causal)] = {.i = causal}});
}

Id b_argsort(const Builder *b, Id x, int64_t axis, Dim count, bool descending) {
  return make(b, OP_argsort, &x, 1, (AttrVal[]){{.i = axis}, {.i = count}, {.i = descending}});
}

Id b_gather(const Builder *b, Id x, Id index, int axis) {
  return make(b, OP_gather, (Id[]){x, index}, 2, &(AttrVal){.i = axis});
}

Id b_scatter_add(const Builder *b, Id index, Id values, int rank, const Dim *shape, int64_t axis) {
  return make(b, OP_scatter_add, (Id[]){index, values}, 2, (AttrVal[]){{.v = shape, .n = rank}, {.i = axis}});
}

Id b_contract(const Builder *b, Id x, Id y, const char *spec) {
  return make(b, OP_contract, (Id[]){x, y}, 2, &(AttrVal){.s = spec});
}

Id b_conv(const Builder *b, Id x, Id w, int spatial, const int64_t *stride, const int64_t *pad, const int64_t *dilation,
          int64_t groups) {
  return make(
    b, OP_conv, (Id[]){x, w}, 2,
    (AttrVal[]){
      {.v = stride, .n = spatial}, {.v = pad, .n = 2 * spatial}, {.v = dilation, .n = spatial}, {.i = groups}});
}

Id b_conv_dx(const Builder *b, Id y, Id w, int spatial, const int64_t *stride, const int64_t *pad,
             const int64_t *dilation, int64_t groups, const Dim *shape) {
  return make(b, OP_conv_dx, (Id[]){y, w}, 2,
              (AttrVal[]){{.v = stride, .n = spatial},
                          {.v = pad, .n = 2 * spatial},
                          {.v = dilation, .n = spatial},
                          {.i = groups},
                          {.v = shape, .n = spatial + 2}});
}

Id b_fold(const Builder *b, Id y, int rank, const Dim *shape, int n, const int64_t *axes, const int64_t *size,
          const int64_t *stride, const int64_t *dilation) {
  return make(b, OP_fold, &y, 1,
              (AttrVal[]){{.v = shape, .n = rank},
                          {.v = axes, .n = n},
                          {.v = size, .n = n},
                          {.v = stride, .n = n},
                          {.v = dilation, .n = n}});
}

Id b_get(const Builder *b, Id tuple, int i) { return make(b, OP_get, &tuple, 1, &(AttrVal){.i = i}); }

/* Sums over the axes along which `to` was broadcast: those it lacks, and those where it has 1 and dy has not. */
Id b_unbroadcast(const Builder *b, Id dy, TypeId to) {
  if (!dy) return 0;
  const Type *t = type_get(b->g->m, to), *d = node_type(b->g, dy);
  int64_t axes[MAX_RANK];
  int n = 0, lead = d->rank - t->rank;
  for (int i = 0; i < d->rank; i++)
    if (i < lead || (t->dim[i - lead] == 1 && d->dim[i] != 1)) axes[n++] = i;
  return b_reshape(b, b_sum(b, dy, n, axes, true), t->rank, t->dim);
}
