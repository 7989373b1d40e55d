/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions, convolutions, windows and indices against their formulas. Values are small integers, so that sums
 * are exact in any order; the strict order is tested in tests/grad/strict.c. */
#include "suite.h"
#include "ir/contract.h"
#include <string.h>

enum { MAX_ELEMENTS = 1500 };
typedef struct Shape {
  int rank;
  int64_t dim[MAX_RANK];
} Shape;
typedef struct Case {
  Op op;
  Shape in[2];
  AttrVal attr[5];
} Case;
#define V(...) \
  { .v = (const int64_t[]){__VA_ARGS__}, .n = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t) }
#define CONV(stride, lo, hi, dilation, groups) \
  { \
    V stride, V(lo, hi, lo, hi), V dilation, { .i = groups } \
  }
#define DCONV(stride, lo, hi, dilation, groups, ...) \
  { V stride, V(lo, hi, lo, hi), V dilation, {.i = groups}, V(__VA_ARGS__) }

static const Case cases[] = {
  {OP_contract, {{2, {3, 5}}, {2, {5, 4}}}, {{.s = "mk,kn->mn"}}},
  {OP_contract, {{2, {1, 1}}, {2, {1, 1}}}, {{.s = "mk,kn->mn"}}},
  {OP_contract, {{2, {3, 0}}, {2, {0, 4}}}, {{.s = "mk,kn->mn"}}},
  {OP_contract, {{1, {7}}, {1, {7}}}, {{.s = "k,k->"}}},
  {OP_contract, {{1, {3}}, {1, {4}}}, {{.s = "a,b->ba"}}},
  {OP_contract, {{4, {2, 3, 4, 3}}, {4, {2, 5, 4, 3}}}, {{.s = "bqhd,bkhd->bhqk"}}},
  {OP_contract, {{3, {2, 3, 17}}, {3, {17, 3, 5}}}, {{.s = "abc,cbd->da"}}},
  {OP_conv, {{4, {2, 3, 5, 7}}, {4, {4, 3, 3, 2}}}, CONV((1, 1), 1, 1, (1, 1), 1)},
  {OP_conv, {{4, {1, 4, 8, 7}}, {4, {6, 2, 3, 2}}}, CONV((2, 3), 1, 0, (1, 2), 2)},
  {OP_conv, {{4, {0, 1, 3, 3}}, {4, {1, 1, 1, 1}}}, CONV((1, 1), 0, 0, (1, 1), 1)},
  {OP_conv_dx, {{4, {2, 4, 5, 8}}, {4, {4, 3, 3, 2}}}, DCONV((1, 1), 1, 1, (1, 1), 1, 2, 3, 5, 7)},
  {OP_conv_dx, {{4, {1, 6, 4, 2}}, {4, {6, 2, 3, 2}}}, DCONV((2, 3), 1, 0, (1, 2), 2, 1, 4, 8, 7)},
  {OP_conv_dw, {{4, {2, 3, 5, 7}}, {4, {2, 4, 5, 8}}}, DCONV((1, 1), 1, 1, (1, 1), 1, 4, 3, 3, 2)},
  {OP_conv_dw, {{4, {1, 4, 8, 7}}, {4, {1, 6, 4, 2}}}, DCONV((2, 3), 1, 0, (1, 2), 2, 6, 2, 3, 2)},
  {OP_fold, {{5, {2, 3, 5, 3, 2}}}, {V(2, 7, 8), V(1, 2), V(3, 2), V(2, 1), V(1, 3)}},
  {OP_fold, {{2, {1, 1}}}, {V(1), V(0), V(1), V(1), V(1)}},
  {OP_gather, {{2, {5, 3}}, {1, {4}}}, {{.i = 0}}},
  {OP_gather, {{3, {2, 5, 3}}, {2, {2, 3}}}, {{.i = 1}}},
  {OP_gather, {{1, {4}}, {0, {0}}}, {{.i = 0}}},
  {OP_gather, {{2, {2, 3}}, {1, {0}}}, {{.i = 1}}},
  {OP_scatter_add, {{1, {4}}, {2, {4, 3}}}, {V(5, 3), {.i = 0}}},
  {OP_scatter_add, {{2, {2, 3}}, {4, {2, 2, 3, 3}}}, {V(2, 5, 3), {.i = 1}}},
  {OP_scatter_add, {{0, {0}}, {0, {0}}}, {V(4), {.i = 0}}},
};

/* ---- formulas: a and b are the operands, y the result, which starts at 0 ---- */

static int64_t count_of(const Type *t) {
  int64_t n = 1;
  for (int i = 0; i < t->rank; i++) n *= t->dim[i];
  return n;
}

/* Coordinates of element i, and back. */
static void split(const Type *t, int64_t i, int64_t *at) {
  for (int a = t->rank - 1; a >= 0; a--) at[a] = i % t->dim[a], i /= t->dim[a];
}

static int64_t flat(const Type *t, const int64_t *at) {
  int64_t i = 0;
  for (int a = 0; a < t->rank; a++) i = i * t->dim[a] + at[a];
  return i;
}

/* Every pair of elements whose labels agree. */
static void contract(const Graph *g, Id n, const double *a, const double *b, double *y) {
  const char *spec = node_attr(g, n, ATTR(contract, spec))->s;
  const char *label[3] = {spec, strchr(spec, ',') + 1, strchr(spec, '>') + 1};
  const Type *t[3] = {node_type(g, node_in(g, n, 0)), node_type(g, node_in(g, n, 1)), node_type(g, n)};
  int64_t la = count_of(t[0]), lb = count_of(t[1]), at[3][MAX_RANK], value[128];
  for (int64_t i = 0; i < la; i++)
    for (int64_t j = 0; j < lb; j++) {
      bool agree = true;
      memset(value, -1, sizeof value);
      split(t[0], i, at[0]);
      split(t[1], j, at[1]);
      for (int o = 0; o < 2; o++)
        for (int k = 0; k < t[o]->rank; k++) {
          int64_t *v = &value[(int)label[o][k]];
          agree &= *v < 0 || *v == at[o][k];
          *v = at[o][k];
        }
      for (int k = 0; k < t[2]->rank; k++) at[2][k] = value[(int)label[2][k]];
      if (agree) y[flat(t[2], at[2])] += a[i] * b[j];
    }
}

/* Two spatial axes: every tap of y[b, o, p, q] += x[b, c, p s + k d - lo, ...] w[o, c', k, l], in the given role. */
static void conv(const Graph *g, Id n, const double *a, const double *b, double *y) {
  ConvGeom c;
  conv_of(g, n, &c);
  int64_t in = c.in / c.groups, out = c.out / c.groups;
  int64_t ny = c.batch * c.out * c.y[0] * c.y[1], nk = in * c.k[0] * c.k[1];
  for (int64_t i = 0; i < ny; i++)
    for (int64_t k = 0; k < nk; k++) {
      int64_t yi[4], wi[3], xi[2];
      const int64_t ydim[4] = {c.batch, c.out, c.y[0], c.y[1]}, wdim[3] = {in, c.k[0], c.k[1]};
      for (int64_t d = 3, r = i; d >= 0; d--) yi[d] = r % ydim[d], r /= ydim[d];
      for (int64_t d = 2, r = k; d >= 0; d--) wi[d] = r % wdim[d], r /= wdim[d];
      bool inside = true;
      for (int d = 0; d < 2; d++) {
        xi[d] = yi[2 + d] * c.stride[d] + wi[1 + d] * c.dilation[d] - c.lo[d];
        inside &= xi[d] >= 0 && xi[d] < c.x[d];
      }
      int64_t channel = yi[1] / out * in + wi[0];
      int64_t x = ((yi[0] * c.in + channel) * c.x[0] + xi[0]) * c.x[1] + xi[1], w = yi[1] * nk + k;
      if (!inside) continue;
      if (node_get(g, n)->op == OP_conv) y[i] += a[x] * b[w];
      else if (node_get(g, n)->op == OP_conv_dx) y[x] += a[i] * b[w];
      else y[w] += a[x] * b[i];
    }
}

static void fold(const Graph *g, Id n, const double *a, const double *b, double *y) {
  const Type *x = node_type(g, node_in(g, n, 0)), *t = node_type(g, n);
  const AttrVal *axes = node_attr(g, n, ATTR(fold, axes)), *stride = node_attr(g, n, ATTR(fold, stride));
  const AttrVal *dilation = node_attr(g, n, ATTR(fold, dilation));
  int64_t at[MAX_RANK];
  (void)b;
  for (int64_t i = 0, end = count_of(x); i < end; i++) {
    split(x, i, at);
    for (int k = 0; k < axes->n; k++) {
      int64_t *p = &at[axes->v[k]];
      *p = *p * stride->v[k] + at[t->rank + k] * dilation->v[k];
    }
    y[flat(t, at)] += a[i];
  }
}

/* `from` is indexed along `axis`; `result` has the index's axes in its place. The element of `from` that is element i
 * of the result. */
static int64_t indexed(const Type *from, const Type *result, const Type *index, int64_t axis, const double *v,
                       int64_t i) {
  int64_t at[MAX_RANK], to[MAX_RANK];
  split(result, i, at);
  for (int k = 0; k < from->rank; k++)
    if (k != axis) to[k] = at[k < axis ? k : k + index->rank - 1];
  int64_t k = (int64_t)v[flat(index, at + axis)];
  to[axis] = k < 0 ? 0 : k >= from->dim[axis] ? from->dim[axis] - 1 : k;
  return flat(from, to);
}

static void gather(const Graph *g, Id n, const double *a, const double *b, double *y) {
  const Type *x = node_type(g, node_in(g, n, 0)), *index = node_type(g, node_in(g, n, 1)), *t = node_type(g, n);
  for (int64_t i = 0, end = count_of(t); i < end; i++)
    y[i] = a[indexed(x, t, index, node_attr(g, n, ATTR(gather, axis))->i, b, i)];
}

static void scatter(const Graph *g, Id n, const double *a, const double *b, double *y) {
  const Type *index = node_type(g, node_in(g, n, 0)), *x = node_type(g, node_in(g, n, 1)), *t = node_type(g, n);
  for (int64_t i = 0, end = count_of(x); i < end; i++)
    y[indexed(t, x, index, node_attr(g, n, ATTR(scatter_add, axis))->i, a, i)] += b[i];
}

static void (*const formula[CL_COUNT])(const Graph *, Id, const double *, const double *, double *) = {
  [CL_CONTRACT] = contract, [CL_CONV] = conv, [CL_WINDOW] = fold, [CL_GATHER] = gather, [CL_SCATTER] = scatter,
};

/* ---- */

static void check_case(Suite *s, const Case *k, int number) {
  static const char *const names[] = {"a", "b"};
  Graph *g = fresh(s);
  Id in[2];
  double data[2][MAX_ELEMENTS], want[MAX_ELEMENTS] = {0};
  uint32_t state = 1 + (uint32_t)number;
  for (int i = 0; i < op_info[k->op].arity; i++) {
    bool index = (op_info[k->op].cls == CL_GATHER && i == 1) || (op_info[k->op].cls == CL_SCATTER && i == 0);
    in[i] = port(g, names[i], index ? DT_I32 : DT_F32, k->in[i].rank, k->in[i].dim);
    for (int v = 0; v < MAX_ELEMENTS; v++) data[i][v] = (double)(next_random(&state) >> 8 & 15) - (index ? 3 : 8);
  }
  Id n = graph_node(g, k->op, in, op_info[k->op].arity, attr_make(g->m, k->op, k->attr), 0);
  graph_result(g, "y", n, 0);
  if (!n) {
    check(s, false, "%s (case %d) was refused: %s", op_info[k->op].name, number, diag_text(s->c, g->m->last));
    return;
  }
  formula[op_info[k->op].cls](g, n, data[0], data[1], want);
  for (int f64 = 0; f64 < 2; f64++) {
    const Result *y = run_graph(s, g, f64, (const double *const[]){data[0], data[1]});
    int64_t wrong = 0;
    for (int64_t i = 0; y && i < y->count; i++) wrong += y->v[i] != want[i];
    check(s, y && !wrong && y->count == count_of(node_type(g, n)), "%s (case %d)%s: %lld wrong", op_info[k->op].name,
          number, f64 ? " in double" : "", (long long)wrong);
  }
}

void test_contract(Suite *s) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check_case(s, &cases[i], (int)i);
}
