/* SPDX-License-Identifier: Apache-2.0 */
/* orders SEED GRAPHS: prints a module of so many exports, for comparisons of compiled code with the interpreter, which
 * has no stored orders: values that layout stores in another order (images of convolutions, stacked results of scans,
 * values derived from them) go through views (permuted, split, joined, sliced, reversed, padded, in windows) into every
 * class of op that indexes its operand: scans along each axis and by carry, cumulative sums, concat, gather, scatter,
 * windows, convolutions, contractions, reductions, results and weights. */
#include "ir/build.h"
#include "ir/scan.h"
#include <stdio.h>
#include <stdlib.h>

static uint64_t state;
static uint32_t rnd(uint32_t n) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

static const Type *type_of(const Graph *g, Id n) { return node_type(g, n); }
static int rank_of(const Graph *g, Id n) { return type_of(g, n)->rank; }
static Dim dim_at(const Graph *g, Id n, int i) { return type_of(g, n)->dim[i]; }

static Dim count_of(const Graph *g, Id n) {
  Dim c = 1;
  for (int i = 0; i < rank_of(g, n); i++) c *= dim_at(g, n, i);
  return c;
}

static Id input(Graph *g, const char *name, int rank, const Dim *dim) {
  return graph_input(g, name, type_make(g->m, DT_F32, rank, dim), 0);
}

/* ---- scans ---- */

/* carry + iteration, and twice the iteration, stacked. Without a scanned input: the carry doubled. */
static Graph *body_of(Module *m, const Type *slice, const Type *carry) {
  Graph *g = graph_new(m, ctx_strf(m->c, "body%d", m->ngraph), GK_BODY, 0);
  Builder b = {.g = g};
  Id x = slice ? input(g, "x0", slice->rank, slice->dim) : 0, c = input(g, "c0", carry->rank, carry->dim);
  graph_result(g, "n0", b_add(&b, c, x ? x : c), 0);
  graph_result(g, "z0", x ? b_mul(&b, x, b_const(&b, DT_F32, 2)) : b_mul(&b, c, c), 0);
  return g;
}

static Id scan_along(const Builder *b, Id x, int axis, bool reverse, int result) {
  const Type *slice = type_get(b->g->m, scan_slice_type(b->g->m, type_of(b->g, x), axis));
  Id zeros = b_full(b, type_make(b->g->m, DT_F32, slice->rank, slice->dim), 0), in[2] = {x, zeros};
  Scan s = {.body = body_of(b->g->m, slice, slice),
            .nx = 1,
            .nc = 1,
            .ny = 1,
            .axis = axis,
            .reverse = reverse,
            .length = dim_at(b->g, x, axis)};
  return b_get(b, scan_node(b, &s, in, 2), result);
}

static Id scan_by_carry(const Builder *b, Id x) {
  Scan s = {.body = body_of(b->g->m, NULL, type_of(b->g, x)), .nc = 1, .ny = 1, .axis = 0, .length = 2};
  return b_get(b, scan_node(b, &s, &x, 1), (int)rnd(2));
}

/* ---- values that have an order ---- */

static Id convolve(const Builder *b, Id x, const char *weight) {
  int spatial = rank_of(b->g, x) - 2;
  int64_t one[3] = {1, 1, 1}, none[6] = {0};
  Dim dim[MAX_RANK] = {1 + rnd(4), dim_at(b->g, x, 1)};
  for (int i = 0; i < spatial; i++) dim[2 + i] = dim_at(b->g, x, 2 + i) > 2 ? 2 : 1;
  int v = var_add(b->g->m, weight, VK_PARAM, type_make(b->g->m, DT_F32, 2 + spatial, dim), 0, 0);
  return b_conv(b, x, graph_var(b->g, v, 0), spatial, one, none, one, 1);
}

static Id source(const Builder *b, int number) {
  Dim dim[4];
  int rank = 3 + (int)rnd(2);
  for (int i = 0; i < rank; i++) dim[i] = 1 + rnd(i ? 5 : 3);
  Id x = input(b->g, "x", rank, dim);
  switch (rnd(5)) {
  case 0: return convolve(b, x, ctx_strf(b->g->m->c, "w%d", number));
  case 1: return scan_along(b, x, (int)rnd((uint32_t)rank), rnd(2), 1);
  case 2: return b_op1(b, OP_neg, convolve(b, x, ctx_strf(b->g->m->c, "w%d", number)));
  case 3: return b_op1(b, OP_tanh, x);
  default: return x;
  }
}

/* ---- views ---- */

static Id permuted(const Builder *b, Id x) {
  int64_t to[MAX_RANK];
  int n = rank_of(b->g, x);
  for (int i = 0; i < n; i++) to[i] = i;
  for (int i = n - 1; i > 0; i--) {
    int k = (int)rnd((uint32_t)i + 1);
    int64_t t = to[i];
    to[i] = to[k], to[k] = t;
  }
  return b_transpose(b, x, to);
}

/* Into factors, at random, of the number of elements. */
static Id reshaped(const Builder *b, Id x) {
  Dim left = count_of(b->g, x), dim[4];
  int rank = 2 + (int)rnd(3);
  for (int i = 0; i < rank - 1; i++) {
    Dim d = 1 + rnd(6);
    while (left % d) d--;
    dim[i] = d, left /= d;
  }
  dim[rank - 1] = left;
  int swap = (int)rnd((uint32_t)rank);
  Dim t = dim[swap];
  dim[swap] = dim[rank - 1], dim[rank - 1] = t;
  return b_reshape(b, x, rank, dim);
}

static Id cut(const Builder *b, Id x, bool pad) {
  Dim from[MAX_RANK], to[MAX_RANK], shape[MAX_RANK];
  int64_t step[MAX_RANK];
  for (int i = 0; i < rank_of(b->g, x); i++) {
    Dim d = dim_at(b->g, x, i);
    from[i] = rnd((uint32_t)d), to[i] = from[i] + 1 + rnd((uint32_t)(d - from[i])), step[i] = 1 + rnd(2);
    shape[i] = d + rnd(3);
    if (pad) from[i] = rnd((uint32_t)(shape[i] - d + 1)), step[i] = 1;
  }
  return pad ? b_pad(b, x, shape, from, step, 0.5) : b_slice(b, x, from, to, step);
}

static Id viewed(const Builder *b, Id x) {
  int64_t axis = rnd((uint32_t)rank_of(b->g, x));
  switch (rnd(8)) {
  case 0:
  case 1: return permuted(b, x);
  case 2:
  case 3: return reshaped(b, x);
  case 4: return cut(b, x, false);
  case 5: return b_reverse(b, x, 1, &axis);
  case 6: return cut(b, x, true);
  default: return permuted(b, reshaped(b, permuted(b, x)));
  }
}

/* ---- readers ---- */

static Id with_rank(const Builder *b, Id x, int rank) {
  Dim dim[MAX_RANK];
  int n = rank_of(b->g, x);
  for (int i = 0; i < rank; i++) dim[i] = i < n ? dim_at(b->g, x, i) : 1;
  for (int i = rank; i < n; i++) dim[rank - 1] *= dim_at(b->g, x, i);
  return b_reshape(b, x, rank, dim);
}

static Id indices(const Builder *b, Dim n) {
  double v[3];
  for (int i = 0; i < 3; i++) v[i] = rnd((uint32_t)n);
  Dim three = 3;
  return b_tensor(b, type_make(b->g->m, DT_I32, 1, &three), v, 3);
}

static Id scattered(const Builder *b, Id x, int axis) {
  Dim shape[MAX_RANK];
  double to[64];
  for (int i = 0; i < rank_of(b->g, x); i++) shape[i] = dim_at(b->g, x, i);
  Dim n = shape[axis];
  if (n > 64) return x;
  for (int i = 0; i < n; i++) to[i] = rnd((uint32_t)n + 1);
  Id index = b_tensor(b, type_make(b->g->m, DT_I32, 1, &n), to, (int)n);
  shape[axis] = n + 1;
  return b_scatter_add(b, index, x, rank_of(b->g, x), shape, axis);
}

static Id summed(Graph *g, Id x, int axis, bool reverse) {
  AttrVal a[2] = {{.i = axis}, {.i = reverse}};
  return graph_node(g, OP_cumsum, &x, 1, attr_make(g->m, OP_cumsum, a), 0);
}

static Id windowed(const Builder *b, Id x, int64_t axis) {
  int64_t size = dim_at(b->g, x, (int)axis) > 1 ? 2 : 1, one = 1, last = rank_of(b->g, x);
  if (last == MAX_RANK) return x;
  return b_reduce(b, OP_reduce_max, b_unfold(b, x, 1, &axis, &size, &one, &one), 1, &last, false);
}

enum { READERS = 13 };

static Id read_by(const Builder *b, Id x, int how, int number) {
  int axis = (int)rnd((uint32_t)rank_of(b->g, x));
  int64_t a = axis;
  Id both[2] = {x, b_reverse(b, x, 1, &a)};
  switch (how) {
  case 0:
  case 1: return scan_along(b, x, axis, rnd(2), (int)rnd(2));
  case 2: return scan_by_carry(b, x);
  case 3: return summed(b->g, x, axis, rnd(2));
  case 4: return b_concat(b, both, 2, axis);
  case 5: return b_gather(b, x, indices(b, dim_at(b->g, x, axis)), axis);
  case 6: return scattered(b, x, axis);
  case 7: return windowed(b, x, axis);
  case 8: return convolve(b, with_rank(b, x, 3 + (int)rnd(2)), ctx_strf(b->g->m->c, "v%d", number));
  case 9: return b_contract(b, with_rank(b, x, 2), with_rank(b, x, 2), rnd(2) ? "mk,nk->mn" : "km,kn->mn");
  case 10: return b_sum(b, x, 1, &a, rnd(2));
  case 11: { /* a weight that keeps it, and is a convolution's */
    Id y = with_rank(b, x, 3);
    int v = var_add(b->g->m, ctx_strf(b->g->m->c, "s%d", number), VK_STATE, b->g->node[y].type, 0, 0);
    graph_write(b->g, v, y, 0);
    return b_op1(b, OP_exp, x);
  }
  default: return viewed(b, b_op1(b, OP_exp, x));
  }
}

static void export_graph(Module *m, int number) {
  Graph *g = graph_new(m, ctx_strf(m->c, "e%d", number), GK_EXPORT, 0);
  Builder b = {.g = g};
  Id x = source(&b, number);
  for (int i = 1 + (int)rnd(4); i > 0; i--) x = viewed(&b, x);
  if (!rnd(3)) x = b_op1(&b, OP_abs, x);
  graph_result(g, "y0", read_by(&b, x, number % READERS, number), 0);
  if (!rnd(4)) graph_result(g, "y1", x, 0);
}

int main(int argc, char **argv) {
  state = argc > 1 ? strtoull(argv[1], NULL, 10) : 1;
  Ctx *c = ctx_new();
  Module *m = module_new(c, "random");
  for (int i = 0; i < (argc > 2 ? atoi(argv[2]) : READERS); i++) export_graph(m, i);
  Str s = {.c = c};
  ir_print(&s, m);
  if (diag_errors(c)) return diag_print(c, stderr, false), 1;
  fwrite(s.s, 1, s.n, stdout);
  ctx_free(c);
  return 0;
}
