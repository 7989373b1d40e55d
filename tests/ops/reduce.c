/* SPDX-License-Identifier: Apache-2.0 */
/* Reductions against a naive statement of the strict order, bit by bit; argmax, cumulative sums, argsort. */
#include "suite.h"
#include <math.h>
#include <string.h>

/* The order as ARCHITECTURE fixes it, in the type itself. */
static float naive_sum(const float *x, int64_t n, bool lanes) {
  float total = 0;
  for (int64_t c = 0; c < n; c += 1024) {
    float lane[16] = {0};
    for (int64_t i = c; i < n && i < c + 1024; i++) lane[lanes ? (i - c) & 15 : 0] += x[i];
    if (lanes) {
      for (int i = 0; i < 8; i++) lane[i] += lane[i + 8];
      for (int i = 0; i < 4; i++) lane[i] += lane[i + 4];
      lane[0] += lane[2], lane[1] += lane[3];
      lane[0] += lane[1];
    }
    total = c ? total + lane[0] : lane[0];
  }
  return total;
}

typedef struct Case {
  int rank;
  int64_t dim[MAX_RANK];
  int naxes;
  int64_t axes[MAX_RANK];
} Case;
static const Case cases[] = {
  {1, {0}, 1, {0}},
  {1, {1}, 1, {0}},
  {1, {2}, 1, {0}},
  {1, {15}, 1, {0}},
  {1, {16}, 1, {0}},
  {1, {17}, 1, {0}},
  {1, {1000}, 1, {0}},
  {1, {1024}, 1, {0}},
  {1, {1025}, 1, {0}},
  {1, {3001}, 1, {0}},
  {2, {3, 33}, 1, {1}},
  {2, {33, 3}, 1, {0}},
  {2, {1500, 3}, 1, {0}},
  {2, {2100, 1}, 1, {0}},
  {2, {40, 60}, 2, {0, 1}},
  {3, {5, 7, 3}, 1, {1}},
  {3, {5, 7, 3}, 2, {0, 2}},
  {3, {5, 7, 3}, 2, {2, 0}},
  {3, {11, 2, 130}, 2, {2, 0}},
  {4, {2, 3, 4, 5}, 2, {1, 2}},
  {3, {4, 0, 3}, 1, {1}},
  {3, {4, 0, 3}, 1, {0}},
  {2, {3, 4}, 0, {0}},
  {0, {0}, 0, {0}},
};

/* Whether a result reduces no elements: only a sum may (rules.c: the others are refused). */
static bool of_nothing(const Case *k) {
  bool none = false;
  for (int i = 0; i < k->naxes; i++) none |= k->dim[k->axes[i]] == 0;
  return none;
}

static Id reduce_node(Graph *g, Op op, const Case *k, bool keep) {
  Id x = port(g, "x", DT_F32, k->rank, k->dim);
  return graph_node(g, op, &x, 1, attr_make(g->m, op, (AttrVal[]){{.v = k->axes, .n = k->naxes}, {.i = keep}}), 0);
}

/* Row-major elements of x (all axes) whose kept coordinates are those of result `r`, in order. */
static int64_t gather_row(const Case *k, const double *x, int64_t r, float *row) {
  bool reduced[MAX_RANK] = {0};
  int64_t want[MAX_RANK] = {0}, count = 1, n = 0;
  for (int i = 0; i < k->naxes; i++) reduced[k->axes[i]] = true;
  for (int a = k->rank - 1; a >= 0; a--) {
    count *= k->dim[a];
    if (reduced[a]) continue;
    want[a] = r % k->dim[a];
    r /= k->dim[a];
  }
  for (int64_t i = 0; i < count; i++) {
    int64_t rest = i;
    bool in = true;
    for (int a = k->rank - 1; a >= 0; a--) {
      in &= reduced[a] || rest % k->dim[a] == want[a];
      rest /= k->dim[a];
    }
    if (in) row[n++] = (float)x[i];
  }
  return n;
}

static double expected(Op op, const float *row, int64_t n, bool lanes) {
  double best = op == OP_reduce_max || op == OP_argmax ? -INFINITY : INFINITY;
  int64_t at = 0;
  if (op == OP_sum) return naive_sum(row, n, lanes);
  for (int64_t i = 0; i < n; i++)
    if (op == OP_reduce_max || op == OP_argmax ? row[i] > best : row[i] < best) best = row[i], at = i;
  return op == OP_argmax || op == OP_argmin ? (double)at : best;
}

static void check_case(Suite *s, Op op, const Case *k, bool keep) {
  Graph *g = fresh(s);
  graph_result(g, "y", reduce_node(g, op, k, keep), 0);
  int64_t count = 1;
  bool lanes = false;
  for (int i = 0; i < k->rank; i++) count *= k->dim[i];
  for (int i = 0; i < k->naxes; i++) lanes |= k->axes[i] == k->rank - 1;
  double *x = ctx_alloc(s->c, (size_t)(count + 1) * sizeof *x);
  float *row = ctx_alloc(s->c, (size_t)(count + 1) * sizeof *row);
  uint32_t state = 7;
  for (int64_t i = 0; i < count; i++) x[i] = (float)((int)(next_random(&state) >> 8) % 100000 / 777.0);
  const Result *y = run_graph(s, g, false, (const double *const[]){x});
  int64_t wrong = 0;
  for (int64_t i = 0; y && i < y->count; i++) {
    int64_t n = gather_row(k, x, i, row);
    wrong += !same_bits(y->v[i], expected(op, row, n, lanes));
  }
  check(s, y && !wrong && y->rank == (keep ? k->rank : k->rank - k->naxes), "%s %s over %d axes: %lld wrong",
        op_info[op].name, shape_text(s, k->rank, k->dim), k->naxes, (long long)wrong);
}

static void check_special(Suite *s) {
  Graph *g = fresh(s);
  Case k = {2, {2, 3}, 1, {1}};
  graph_result(g, "y", reduce_node(g, OP_reduce_max, &k, false), 0);
  const Result *y = run_graph(s, g, false, (const double *const[]){(double[]){1, NAN, 2, -1, -2, -3}});
  check(s, y && isnan(y->v[0]) && y->v[1] == -1, "reduce_max propagates NaN");
  g = fresh(s);
  graph_result(g, "y", reduce_node(g, OP_argmax, &k, false), 0);
  y = run_graph(s, g, false, (const double *const[]){(double[]){2, 2, 1, NAN, -2, -3}});
  check(s, y && y->v[0] == 0 && y->v[1] == 0, "argmax takes the first, and a NaN before all numbers");
}

static void check_cumsum(Suite *s, bool reverse) {
  Graph *g = fresh(s);
  Id x = port(g, "x", DT_F32, 3, (int64_t[]){2, 4, 3});
  AttrId attr = attr_make(g->m, OP_cumsum, (AttrVal[]){{.i = 1}, {.i = reverse}});
  graph_result(g, "y", graph_node(g, OP_cumsum, &x, 1, attr, 0), 0);
  double v[24];
  for (int i = 0; i < 24; i++) v[i] = (float)(1.0 / (i + 1));
  const Result *y = run_graph(s, g, false, (const double *const[]){v});
  int wrong = 0;
  for (int o = 0; y && o < 2; o++)
    for (int i = 0; i < 3; i++) {
      float total = 0;
      for (int k = 0; k < 4; k++) {
        int at = o * 12 + (reverse ? 3 - k : k) * 3 + i;
        total += (float)v[at];
        wrong += !same_bits(y->v[at], total);
      }
    }
  check(s, y && !wrong, "cumsum, reverse %d", reverse);
}

/* Ties, zeros of both signs and NaN. */
static void check_argsort(Suite *s, bool descending) {
  static const double x[] = {2, NAN, -1, 0, 2, -0.0, NAN, INFINITY, -INFINITY};
  static const int want[2][9] = {{8, 2, 3, 5, 0, 4, 7, 1, 6}, {1, 6, 7, 0, 4, 3, 5, 2, 8}};
  for (int64_t count = 0; count <= 9; count += 3) {
    Graph *g = fresh(s);
    Builder b = {.g = g};
    double v[18];
    for (int i = 0; i < 18; i++) v[i] = x[i / 2];
    Id in = port(g, "x", DT_F32, 2, (int64_t[]){9, 2});
    graph_result(g, "y", b_argsort(&b, in, 0, count, descending), 0);
    const Result *y = run_graph(s, g, false, (const double *const[]){v});
    int wrong = 0;
    for (int64_t i = 0; y && i < 2 * count; i++) wrong += y->v[i] != want[descending][i / 2];
    check(s, y && y->count == 2 * count && !wrong, "argsort, %d first, descending %d: %d wrong", (int)count, descending,
          wrong);
  }
}

/* Integers wrap in their own type, in any order. */
static void check_integers(Suite *s) {
  static const DType types[] = {DT_U8, DT_I8, DT_U16, DT_I16, DT_U32, DT_I32, DT_I64};
  for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
    Graph *g = fresh(s);
    Builder b = {.g = g};
    Id x = port(g, "x", types[k], 1, &(int64_t){100});
    graph_result(g, "y", b_sum(&b, x, 1, &(int64_t){0}, false), 0);
    double v[100];
    uint32_t state = 3;
    Val one = {.type = types[k], .data = &(int64_t){0}};
    int64_t total = 0;
    for (int i = 0; i < 100; i++) {
      val_set_int(&one, 0, (int64_t)next_random(&state));
      v[i] = val_get(&one, 0);
      total += (int64_t)v[i];
    }
    val_set_int(&one, 0, total);
    const Result *y = run_graph(s, g, false, (const double *const[]){v});
    check(s, y && y->v[0] == val_get(&one, 0), "sum of %s wraps", dtype_info[types[k]].name);
  }
}

void test_reduce(Suite *s) {
  static const Op ops[] = {OP_sum, OP_reduce_max, OP_reduce_min, OP_argmax, OP_argmin};
  for (size_t o = 0; o < sizeof ops / sizeof *ops; o++)
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
      for (int keep = 0; keep < 2; keep++)
        if (ops[o] == OP_sum || !of_nothing(&cases[k])) check_case(s, ops[o], &cases[k], keep);
  check_special(s);
  check_cumsum(s, false);
  check_cumsum(s, true);
  check_argsort(s, false);
  check_argsort(s, true);
  check_integers(s);
}
