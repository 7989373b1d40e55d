/* SPDX-License-Identifier: Apache-2.0 */
/* Attention and its gradient against their formulas in double, with scores of all pairs. */
#include "suite.h"
#include <math.h>

enum { MAX_DATA = 2048, OPERANDS = 7 };
typedef struct Case {
  int64_t batch, heads, shared, t, s, d, e;
  bool causal, lengths;
} Case;
static const Case cases[] = {
  {1, 1, 1, 1, 1, 1, 1, true, false},  {2, 2, 1, 7, 7, 5, 5, true, false}, {1, 2, 3, 4, 9, 17, 2, false, false},
  {1, 1, 2, 6, 3, 16, 3, true, false}, {3, 1, 1, 5, 6, 4, 33, true, true}, {3, 2, 2, 4, 4, 3, 2, false, true},
  {1, 1, 1, 3, 0, 2, 2, false, false},
};
typedef struct Data {
  double v[OPERANDS][MAX_DATA], out[3][MAX_DATA];
} Data;
enum { Q, K, V, LSE, G, DELTA, LENGTHS };

static bool sees(const Case *c, const Data *x, int64_t b, int64_t i, int64_t j) {
  return (!c->causal || j <= i + c->s - c->t) && (!c->lengths || (double)j < x->v[LENGTHS][b]);
}

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

typedef void PairFn(const Case *c, Data *x, int64_t b, int64_t row, int64_t key, double score);

static void each_pair(const Case *c, Data *x, double scale, PairFn *fn) {
  for (int64_t b = 0; b < c->batch; b++)
    for (int64_t h = 0; h < c->heads * c->shared; h++)
      for (int64_t i = 0; i < c->t; i++)
        for (int64_t j = 0; j < c->s; j++) {
          int64_t row = (b * c->heads * c->shared + h) * c->t + i, key = (b * c->heads + h / c->shared) * c->s + j;
          if (sees(c, x, b, i, j)) fn(c, x, b, row, key, scale * dot(x->v[Q] + row * c->d, x->v[K] + key * c->d, c->d));
        }
}

/* Scores are small here: no maximum is needed. out[1] is the sum of the exponentials, then its logarithm. */
static void add_value(const Case *c, Data *x, int64_t b, int64_t row, int64_t key, double score) {
  (void)b;
  x->out[1][row] += exp(score);
  for (int64_t i = 0; i < c->e; i++) x->out[0][row * c->e + i] += exp(score) * x->v[V][key * c->e + i];
}

static void add_gradient(const Case *c, Data *x, int64_t b, int64_t row, int64_t key, double score) {
  double p = exp(score - x->v[LSE][row]), *g = x->v[G] + row * c->e;
  double ds = 0.5 * p * (dot(g, x->v[V] + key * c->e, c->e) - x->v[DELTA][row]);
  (void)b;
  for (int64_t i = 0; i < c->d; i++) x->out[0][row * c->d + i] += ds * x->v[K][key * c->d + i];
  for (int64_t i = 0; i < c->d; i++) x->out[1][key * c->d + i] += ds * x->v[Q][row * c->d + i];
  for (int64_t i = 0; i < c->e; i++) x->out[2][key * c->e + i] += p * g[i];
}

static void expect(const Case *c, Data *x, bool back) {
  each_pair(c, x, 0.5, back ? add_gradient : add_value);
  for (int64_t i = 0; i < c->batch * c->heads * c->shared * c->t && !back; i++) {
    for (int64_t k = 0; k < c->e && x->out[1][i] > 0; k++) x->out[0][i * c->e + k] /= x->out[1][i];
    x->out[1][i] = log(x->out[1][i]);
  }
}

static bool is_near(double a, double b, double bound) { return a == b || fabs(a - b) <= bound * (1 + fabs(b)); }

static void check_result(Suite *s, const Case *c, Data *x, bool back, int element, bool f64) {
  int64_t h = c->heads * c->shared;
  int64_t shape[OPERANDS][4] = {{c->batch, h, c->t, c->d},
                                {c->batch, c->heads, c->s, c->d},
                                {c->batch, c->heads, c->s, c->e},
                                {c->batch, h, c->t},
                                {c->batch, h, c->t, c->e},
                                {c->batch, h, c->t},
                                {c->batch}};
  Graph *g = fresh(s);
  Id in[OPERANDS];
  const double *data[OPERANDS];
  int nin = 0;
  for (int i = 0; i < OPERANDS; i++) {
    if (i == LENGTHS ? !c->lengths : !back && i > V) continue;
    int rank = i == LENGTHS ? 1 : i == LSE || i == DELTA ? 3 : 4;
    data[nin] = x->v[i];
    in[nin] =
      port(g, (const char *[]){"q", "k", "v", "l", "g", "m", "n"}[i], i == LENGTHS ? DT_I32 : DT_F32, rank, shape[i]);
    nin++;
  }
  Op op = back ? OP_attend_back : OP_attend;
  AttrVal v[] = {{.f = 0.5}, {.i = c->causal}};
  Id n = graph_node(g, op, in, nin, attr_make(g->m, op, v), 0);
  graph_result(g, "y", b_get(&(Builder){.g = g}, n, element), 0);
  s->seen[op] = true;
  const Result *r = run_graph(s, g, f64, data);
  for (int64_t i = 0; r && i < r->count; i++)
    if (!is_near(r->v[i], x->out[element][i], f64 ? 1e-12 : 1e-5)) {
      check(s, false, "%s, case %d, element %lld of result %d: %g is not %g", op_info[op].name, (int)(c - cases),
            (long long)i, element, r->v[i], x->out[element][i]);
      return;
    }
  check(s, r != NULL, "%s", op_info[op].name);
}

void test_attend(Suite *s) {
  uint32_t state = 7;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int back = 0; back < 2; back++) {
      Data *x = ctx_alloc(s->c, sizeof *x);
      for (int k = 0; k < OPERANDS; k++)
        for (int n = 0; n < MAX_DATA; n++) x->v[k][n] = (double)(float)((next_random(&state) % 2001 - 1000.0) / 1000);
      for (int n = 0; n < MAX_DATA; n++) x->v[LENGTHS][n] = n % 4 * 3 - 1; /* -1, 2, 5: none, some, all keys */
      expect(&cases[i], x, back);
      for (int element = 0; element < 2 + back; element++)
        for (int f64 = 0; f64 < 2; f64++) check_result(s, &cases[i], x, back, element, f64);
    }
}
