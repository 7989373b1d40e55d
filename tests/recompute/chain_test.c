/* SPDX-License-Identifier: Apache-2.0 */
/* PlanList for a budget against all plans. Chains of up to twelve layers, x -> tanh(x @ w) or x @ w, of many widths:
 * every set of recomputed layers is planned, and for every amount of memory that one of them takes the pass's list must
 * have a plan that is as fast and no larger. More memory never costs time; the pass takes the plan of its list; the
 * module keeps its bits (the interpreter, before and after). */
#include "ir/build.h"
#include "ir/interp.h"
#include "passes/checkpoint/checkpoint.h"
#include "passes/analysis/joint.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 12, BATCH = 2048 };

static int passed, failed;
static uint32_t state = 1;
static int rnd(int n) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)n);
}

/* width: of the input, then of the layers. */
typedef struct ChainOf {
  int n;
  int64_t width[MAX_LAYERS + 2];
  bool act[MAX_LAYERS + 1];
} ChainOf;

static char *text_of(const ChainOf *c) {
  static char s[400];
  int at = 0;
  for (int i = 0; i <= c->n; i++)
    at += sprintf(s + at, "%s%lld", !i ? "" : c->act[i - 1] ? " tanh " : " ", (long long)c->width[i]);
  return s;
}

static void expect(bool ok, const ChainOf *c, const char *what, double a, double b) {
  if (ok) passed++;
  else if (failed++ < 20) printf("FAIL  %s: %s (%.9g, %.9g)\n", text_of(c), what, a, b);
}

/* The training step up to where the pass runs. */
static Module *chain_module(Ctx *c, const ChainOf *k) {
  Module *m = module_new(c, "chain");
  m->opt = (Options){.strict = true, .ram = 1};
  Graph *g = graph_new(m, "train_step", GK_TRAIN_STEP, 0);
  Builder b = {.g = g};
  Id w[MAX_LAYERS + 1], x = graph_input(g, "x", type_make(m, DT_F32, 2, (Dim[]){BATCH, k->width[0]}), 0);
  for (int i = 0; i < k->n; i++) {
    TypeId t = type_make(m, DT_F32, 2, (Dim[]){k->width[i], k->width[i + 1]});
    w[i] = graph_var(g, var_add(m, ctx_strf(c, "w%d", i), VK_PARAM, t, 0, 0), 0);
    x = b_contract(&b, x, w[i], "mk,kn->mn");
    if (k->act[i]) x = b_op1(&b, OP_tanh, x);
  }
  Id loss = b_sum(&b, b_op2(&b, OP_mul, x, x), 2, (int64_t[]){0, 1}, false);
  graph_result_as(g, OUT_LOSS, "loss", loss, 0);
  for (int i = 0; i < k->n; i++) {
    Id step = b_op2(&b, OP_mul, b_op2(&b, OP_grad, loss, w[i]), b_const(&b, DT_F32, 0.01));
    graph_write(g, i, b_op2(&b, OP_sub, w[i], step), 0);
  }
  bool ok = passes_run(m, &(PassRun){.list = "autodiff,simplify,cse,dce,recompute"});
  return ok ? m : NULL;
}

/* The last node of each layer that is kept for the backward pass: a plan may recompute it. */
static int layers(const Graph *g, const bool *is_backward, Id *node) {
  int n = 0;
  for (Id i = 1; i < (Id)g->n; i++) {
    OpClass cls = node_info(g, i)->cls;
    if (is_backward[i] || node_type(g, i)->rank != 2 || (cls != CL_CONTRACT && node_get(g, i)->op != OP_tanh)) continue;
    bool act = n && node_get(g, i)->op == OP_tanh && node_in(g, i, 0) == node[n - 1];
    node[act ? n - 1 : n++] = i;
  }
  return n;
}

/* All plans of the chain: drop[i] recomputes the i-th layer's value, and the contraction that gives it. */
static Plan *all_plans(Module *m, const bool *is_backward, int *count) {
  Graph *g = m->graph[0];
  Id node[MAX_LAYERS + 1];
  int n = layers(g, is_backward, node);
  *count = 1 << n;
  Plan *v = ctx_alloc(m->c, sizeof *v * (size_t)*count);
  for (int set = 0; set < *count; set++) {
    bool *drop = calloc((size_t)g->n, 1);
    for (int i = 0; i < n; i++) {
      drop[node[i]] = set >> i & 1;
      if (node_info(g, node[i])->cls == CL_ELEM) drop[node_in(g, node[i], 0)] = set >> i & 1;
    }
    v[set] = checkpoint_evaluate(m, NULL, 0, set ? drop : NULL);
    free(drop);
  }
  return v;
}

static bool close_to(double a, double b) { return a <= b * (1 + 1e-9) + 1e-15; }

static void check_lists(const ChainOf *k, Module *m) {
  const bool *is_backward = joint_backward(m->graph[0]);
  int n;
  Plan *all = all_plans(m, is_backward, &n);
  PlanList p = checkpoint_plans(m, 0);
  double slowest = 0;
  int worse = 0;
  double is = 0, could = 0;
  for (int i = 0; i < n; i++) {
    Plan want = all[budget_choose(all, n, all[i].bytes)], got = p.v[budget_choose(p.v, p.n, all[i].bytes)];
    if (got.bytes > all[i].bytes || !close_to(got.seconds, want.seconds)) {
      if (!worse++) is = got.bytes > all[i].bytes ? -(double)got.bytes : got.seconds, could = want.seconds;
      if (got.seconds / want.seconds > slowest) slowest = got.seconds / want.seconds;
    }
  }
  if (worse) printf("      %d of %d budgets, up to %.4f times\n", worse, n, slowest);
  expect(!worse, k, "the list lacks a plan", is, could);
}

static void check_chain(const ChainOf *k) {
  Ctx *c = ctx_new();
  Module *m = chain_module(c, k);
  expect(m != NULL, k, "is not built", 0, 0);
  if (m) check_lists(k, m);
  ctx_free(c);
}

int main(int argc, char **argv) {
  int longest = argc > 1 ? atoi(argv[1]) : MAX_LAYERS, many = argc > 2 ? atoi(argv[2]) : 4;
  for (int n = 1; n <= longest; n++)
    for (int i = 0; i < (n < 6 ? 4 * many : many); i++) {
      ChainOf k = {.n = n};
      for (int j = 0; j <= n; j++) k.width[j] = 64 << rnd(4), k.act[j] = rnd(2);
      check_chain(&k);
    }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
