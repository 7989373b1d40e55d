/* SPDX-License-Identifier: Apache-2.0 */
/* Views and data movement: each element of the result against the index formula of the op. */
#include "suite.h"
#include <string.h>

enum { MAX_IN = 3 };
typedef struct Case {
  Op op;
  int rank;
  int64_t dim[MAX_RANK];
  AttrVal attr[5];
  int rest; /* concat: operands, which differ from the first in the axis's size by their number */
} Case;
#define V(...) \
  { .v = (const int64_t[]){__VA_ARGS__}, .n = sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t) }

static const Case cases[] = {
  {OP_reshape, 3, {2, 3, 4}, {V(4, 6)}, 0},
  {OP_reshape, 1, {1}, {{.n = 0}}, 0},
  {OP_reshape, 2, {0, 3}, {V(3, 0, 2)}, 0},
  {OP_transpose, 3, {2, 3, 4}, {V(2, 0, 1)}, 0},
  {OP_transpose, 4, {2, 1, 3, 5}, {V(3, 1, 0, 2)}, 0},
  {OP_transpose, 2, {0, 3}, {V(1, 0)}, 0},
  {OP_broadcast, 2, {3, 1}, {V(2, 3, 4)}, 0},
  {OP_broadcast, 0, {0}, {V(2, 2)}, 0},
  {OP_broadcast, 1, {1}, {V(0)}, 0},
  {OP_slice, 2, {5, 7}, {V(1, 0), V(4, 7), V(1, 3)}, 0},
  {OP_slice, 2, {5, 7}, {V(2, 6), V(2, 7), V(1, 1)}, 0},
  {OP_slice, 1, {10}, {V(1), V(10), V(4)}, 0},
  {OP_reverse, 3, {2, 3, 4}, {V(0, 2)}, 0},
  {OP_reverse, 2, {3, 0}, {V(0)}, 0},
  {OP_pad, 2, {2, 3}, {V(4, 8), V(1, 2), V(1, 2), {.f = 9}}, 0},
  {OP_pad, 2, {0, 3}, {V(2, 3), V(0, 0), V(1, 1), {.f = -1}}, 0},
  {OP_pad, 1, {1}, {V(5), V(4), V(7), {.f = 0}}, 0},
  {OP_concat, 3, {2, 1, 3}, {{.i = 1}}, 2},
  {OP_concat, 1, {0}, {{.i = 0}}, 2},
  {OP_concat, 2, {2, 2}, {{.i = 1}}, 0},
  {OP_unfold, 2, {2, 9}, {V(1), V(3), V(2), V(1)}, 0},
  {OP_unfold, 4, {1, 2, 6, 7}, {V(2, 3), V(2, 3), V(2, 1), V(1, 2)}, 0},
  {OP_unfold, 3, {4, 5, 2}, {V(1, 0), V(5, 2), V(1, 2), V(1, 3)}, 0},
};

/* The element of x that result index o comes from, as coordinates in x; false: none, the padding value. */
static bool source(const Case *k, const int64_t *o, int64_t *at) {
  const AttrVal *a = k->attr;
  for (int i = 0; i < k->rank; i++) at[i] = o[i];
  switch (k->op) {
  case OP_transpose:
    for (int i = 0; i < k->rank; i++) at[a[0].v[i]] = o[i];
    return true;
  case OP_broadcast:
    for (int i = 0; i < k->rank; i++) at[i] = k->dim[i] == 1 ? 0 : o[a[0].n - k->rank + i];
    return true;
  case OP_slice:
    for (int i = 0; i < k->rank; i++) at[i] = a[0].v[i] + o[i] * a[2].v[i];
    return true;
  case OP_reverse:
    for (int i = 0; i < a[0].n; i++) at[a[0].v[i]] = k->dim[a[0].v[i]] - 1 - o[a[0].v[i]];
    return true;
  case OP_pad:
    for (int i = 0; i < k->rank; i++) {
      at[i] = (o[i] - a[1].v[i]) / a[2].v[i];
      if (o[i] < a[1].v[i] || (o[i] - a[1].v[i]) % a[2].v[i] || at[i] >= k->dim[i]) return false;
    }
    return true;
  case OP_unfold:
    for (int i = 0; i < a[0].n; i++) at[a[0].v[i]] = o[a[0].v[i]] * a[2].v[i] + o[k->rank + i] * a[3].v[i];
    return true;
  default: return true;
  }
}

static int64_t flat(int rank, const int64_t *dim, const int64_t *at) {
  int64_t i = 0;
  for (int a = 0; a < rank; a++) i = i * dim[a] + at[a];
  return i;
}

/* Operand `which` holds 100 * which + its flat index. */
static double expected(const Case *k, const int64_t *o, int64_t i) {
  int64_t at[2 * MAX_RANK], dim[MAX_RANK], which = 0;
  if (k->op == OP_reshape) return (double)i;
  if (!source(k, o, at)) return k->attr[3].f;
  memcpy(dim, k->dim, sizeof dim);
  for (; k->op == OP_concat && at[k->attr[0].i] >= dim[k->attr[0].i]; which++) {
    at[k->attr[0].i] -= dim[k->attr[0].i];
    dim[k->attr[0].i]++;
  }
  return (double)(100 * which + flat(k->rank, dim, at));
}

static void check_case(Suite *s, const Case *k, DType t) {
  static const char *const names[] = {"a", "b", "c"};
  Graph *g = fresh(s);
  Id in[MAX_IN];
  double data[MAX_IN][400];
  const double *ptr[MAX_IN];
  int64_t dim[MAX_RANK];
  memcpy(dim, k->dim, sizeof dim);
  for (int i = 0; i <= k->rest; i++) {
    in[i] = port(g, names[i], t, k->rank, dim);
    for (int v = 0; v < 400; v++) data[i][v] = 100 * i + v;
    ptr[i] = data[i];
    if (k->op == OP_concat) dim[k->attr[0].i]++;
  }
  graph_result(g, "y", graph_node(g, k->op, in, k->rest + 1, attr_make(g->m, k->op, k->attr), 0), 0);
  if (!g->out[0].value) {
    check(s, false, "%s was refused", op_info[k->op].name);
    return;
  }
  const Result *y = run_graph(s, g, false, ptr);
  int wrong = 0;
  for (int64_t i = 0; y && i < y->count; i++) {
    int64_t o[2 * MAX_RANK], rest = i;
    for (int a = y->rank - 1; a >= 0; a--) {
      o[a] = rest % y->dim[a];
      rest /= y->dim[a];
    }
    wrong += y->v[i] != expected(k, o, i);
  }
  check(s, y && !wrong, "%s %s of %s: %d wrong", dtype_info[t].name, op_info[k->op].name,
        shape_text(s, k->rank, k->dim), wrong);
}

void test_view(Suite *s) {
  static const DType types[] = {DT_F32, DT_I16, DT_F64};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int t = 0; t < 3; t++) check_case(s, &cases[i], types[t]);
}
