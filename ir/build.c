/* Short constructors of nodes. */
#include "build.h"
#include <string.h>

/* Every constructor passes on an operand that was refused (0) without a second message. */
static Id make(Graph *g, Op op, const Id *in, int nin, const AttrVal *vals) {
  for (int i = 0; i < nin; i++)
    if (!in[i]) return 0;
  return graph_node(g, op, in, nin, vals ? attr_make(g->m, op, vals) : 0, g->loc);
}

Id b_op1(Graph *g, Op op, Id a) { return make(g, op, &a, 1, NULL); }
Id b_op2(Graph *g, Op op, Id a, Id b) { return make(g, op, (Id[]){a, b}, 2, NULL); }
Id b_op3(Graph *g, Op op, Id a, Id b, Id c) { return make(g, op, (Id[]){a, b, c}, 3, NULL); }
Id b_add(Graph *g, Id a, Id b) { return b_op2(g, OP_add, a, b); }
Id b_sub(Graph *g, Id a, Id b) { return b_op2(g, OP_sub, a, b); }
Id b_mul(Graph *g, Id a, Id b) { return b_op2(g, OP_mul, a, b); }
Id b_grad(Graph *g, Id e, Id x) { return b_op2(g, OP_grad, e, x); }
Id b_jvp(Graph *g, Id e, Id x, Id tangent) { return b_op3(g, OP_jvp, e, x, tangent); }

Id b_within(Graph *g, Id index, Dim n) {
  Id last = b_sub(g, b_size(g, DT_I32, n), b_const(g, DT_I32, 1));
  return b_op2(g, OP_max, b_op2(g, OP_min, b_cast(g, index, DT_I32), last), b_const(g, DT_I32, 0));
}

/* ---- leaves ---- */

Id b_tensor(Graph *g, TypeId type, const double *v, int n) {
  return graph_leaf(g, OP_const, type, attr_make(g->m, OP_const, &(AttrVal){.fv = v, .n = n}), g->loc);
}

Id b_full(Graph *g, TypeId type, double v) { return b_tensor(g, type, &v, 1); }
Id b_const(Graph *g, DType t, double v) { return b_full(g, type_make(g->m, t, 0, NULL), v); }
Id b_like(Graph *g, Id x, double v) { return x ? b_const(g, (DType)node_type(g, x)->dtype, v) : 0; }

Id b_iota(Graph *g, DType t, int rank, const Dim *shape, int axis) {
  TypeId type = type_make(g->m, t, rank, shape);
  return graph_leaf(g, OP_iota, type, attr_make(g->m, OP_iota, &(AttrVal){.i = axis}), g->loc);
}

Id b_size(Graph *g, DType t, Dim d) {
  if (dim_is_const(d)) return b_const(g, t, (double)d);
  TypeId type = type_make(g->m, t, 0, NULL);
  return graph_leaf(g, OP_size, type, attr_make(g->m, OP_size, &(AttrVal){.i = d}), g->loc);
}

Id b_run(Graph *g, const char *name) {
  TypeId type = type_make(g->m, DT_F32, 0, NULL);
  return graph_leaf(g, OP_run, type, attr_make(g->m, OP_run, &(AttrVal){.s = name}), g->loc);
}

Id b_random(Graph *g, TypeId type, int64_t stream) {
  return graph_leaf(g, OP_random, type, attr_make(g->m, OP_random, &(AttrVal){.i = stream}), g->loc);
}

/* ---- conversions, reductions ---- */

Id b_cast(Graph *g, Id x, DType t) {
  if (x && node_type(g, x)->dtype == t) return x;
  return make(g, OP_cast, &x, 1, &(AttrVal){.i = t});
}

Id b_copy(Graph *g, Id x, uint32_t clone) {
  return graph_node(g, OP_copy, &x, 1, attr_with(g->m, OP_copy, 0, clone, 0), g->loc);
}

Id b_reduce(Graph *g, Op op, Id x, int naxes, const int64_t *axes, bool keep) {
  return make(g, op, &x, 1, (AttrVal[]){{.v = axes, .n = naxes}, {.i = keep}});
}

Id b_sum(Graph *g, Id x, int naxes, const int64_t *axes, bool keep) {
  return naxes ? b_reduce(g, OP_sum, x, naxes, axes, keep) : x;
}

/* ---- views ---- */

static bool has_shape(const Graph *g, Id x, int rank, const Dim *shape) {
  const Type *t = node_type(g, x);
  return t->dtype != DT_TUPLE && t->rank == rank && (!rank || !memcmp(t->dim, shape, (size_t)rank * sizeof *shape));
}

Id b_reshape(Graph *g, Id x, int rank, const Dim *shape) {
  if (x && has_shape(g, x, rank, shape)) return x;
  return make(g, OP_reshape, &x, 1, &(AttrVal){.v = shape, .n = rank});
}

Id b_broadcast(Graph *g, Id x, int rank, const Dim *shape) {
  if (x && has_shape(g, x, rank, shape)) return x;
  return make(g, OP_broadcast, &x, 1, &(AttrVal){.v = shape, .n = rank});
}

Id b_transpose(Graph *g, Id x, const int64_t *perm) {
  if (!x) return 0;
  int rank = node_type(g, x)->rank, moved = 0;
  for (int i = 0; i < rank; i++) moved += perm[i] != i;
  return moved ? make(g, OP_transpose, &x, 1, &(AttrVal){.v = perm, .n = rank}) : x;
}

static const int64_t ones[MAX_RANK] = {1, 1, 1, 1, 1, 1, 1, 1};

Id b_slice(Graph *g, Id x, const Dim *start, const Dim *stop, const int64_t *step) {
  if (!x) return 0;
  int n = node_type(g, x)->rank;
  return make(g, OP_slice, &x, 1, (AttrVal[]){{.v = start, .n = n}, {.v = stop, .n = n},
                                              {.v = step ? step : ones, .n = n}});
}

Id b_pad(Graph *g, Id x, const Dim *shape, const Dim *start, const int64_t *step, double value) {
  if (!x) return 0;
  int n = node_type(g, x)->rank;
  return make(g, OP_pad, &x, 1, (AttrVal[]){{.v = shape, .n = n}, {.v = start, .n = n},
                                            {.v = step ? step : ones, .n = n}, {.f = value}});
}

Id b_concat(Graph *g, const Id *x, int n, int axis) {
  return make(g, OP_concat, x, n, &(AttrVal){.i = axis});
}

Id b_reverse(Graph *g, Id x, int naxes, const int64_t *axes) {
  return naxes ? make(g, OP_reverse, &x, 1, &(AttrVal){.v = axes, .n = naxes}) : x;
}

Id b_unfold(Graph *g, Id x, int n, const int64_t *axes, const int64_t *size, const int64_t *stride,
            const int64_t *dilation) {
  return make(g, OP_unfold, &x, 1, (AttrVal[]){{.v = axes, .n = n}, {.v = size, .n = n}, {.v = stride, .n = n},
                                               {.v = dilation, .n = n}});
}

/* ---- windows, indices, contractions ---- */

Id b_gather(Graph *g, Id x, Id index, int axis) {
  return make(g, OP_gather, (Id[]){x, index}, 2, &(AttrVal){.i = axis});
}

Id b_scatter_add(Graph *g, Id index, Id values, int rank, const Dim *shape, int64_t axis) {
  return make(g, OP_scatter_add, (Id[]){index, values}, 2, (AttrVal[]){{.v = shape, .n = rank}, {.i = axis}});
}

Id b_contract(Graph *g, Id a, Id b, const char *spec) {
  return make(g, OP_contract, (Id[]){a, b}, 2, &(AttrVal){.s = spec});
}

Id b_conv(Graph *g, Id x, Id w, int spatial, const int64_t *stride, const int64_t *pad, const int64_t *dilation,
          int64_t groups) {
  return make(g, OP_conv, (Id[]){x, w}, 2, (AttrVal[]){{.v = stride, .n = spatial}, {.v = pad, .n = 2 * spatial},
                                                       {.v = dilation, .n = spatial}, {.i = groups}});
}

Id b_get(Graph *g, Id tuple, int i) {
  return make(g, OP_get, &tuple, 1, &(AttrVal){.i = i});
}

/* Sums over the axes along which `to` was broadcast: those it lacks, and those where it has 1 and dy has not. */
Id b_unbroadcast(Graph *g, Id dy, TypeId to) {
  if (!dy) return 0;
  const Type *t = type_get(g->m, to), *d = node_type(g, dy);
  int64_t axes[MAX_RANK];
  int n = 0, lead = d->rank - t->rank;
  for (int i = 0; i < d->rank; i++)
    if (i < lead || (t->dim[i - lead] == 1 && d->dim[i] != 1)) axes[n++] = i;
  return b_reshape(g, b_sum(g, dy, n, axes, true), t->rank, t->dim);
}

bool b_is_const(const Graph *g, Id x, double *v) {
  while (node_get(g, x)->op == OP_broadcast || node_get(g, x)->op == OP_reshape) x = node_in(g, x, 0);
  if (node_get(g, x)->op != OP_const) return false;
  const AttrVal *a = node_attr(g, x, 0);
  for (int i = 1; i < a->n; i++)
    if (memcmp(&a->fv[i], &a->fv[0], sizeof *a->fv)) return false;
  if (!a->n) return false;
  *v = a->fv[0];
  return true;
}
