/* Plans for a budget against all plans. Chains of up to twelve layers, x -> tanh(x @ w) or x @ w, of many widths: every
 * set of layers whose values are computed again is planned in full, and for every amount of memory that one of them
 * takes the pass's list must have a plan that is as fast and no larger. More memory never costs time; the pass takes
 * what the list says; the module keeps its bits (the interpreter, before and after). */
#include "ir/build.h"
#include "ir/interp.h"
#include "passes/checkpoint.h"
#include "passes/joint.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 12, BATCH = 2048 };

static int passed, failed;
static uint32_t state = 1;
static int rnd(int n) {
  state = state * 1664525u + 1013904223u;
  return (int)((state >> 8) % (uint32_t)n);
}

typedef struct ChainOf { int n; int64_t width[MOST + 2]; bool act[MOST + 1]; } ChainOf; /* widths: of the input, then layers */

static char *text_of(const ChainOf *c) {
  static char s[400];
  int at = 0;
  for (int i = 0; i <= c->n; i++)
    at += sprintf(s + at, "%s%lld", !i ? "" : c->act[i - 1] ? " tanh " : " ", (long long)c->width[i]);
  return s;
}

static void expect(bool well, const ChainOf *c, const char *what, double a, double b) {
  if (well) passed++;
  else if (failed++ < 20) printf("FAIL  %s: %s (%.9g, %.9g)\n", text_of(c), what, a, b);
}

/* The training step up to where the pass runs. */
static Module *chain_module(Ctx *c, const ChainOf *k) {
  Module *m = module_new(c, "chain");
  m->opt = (Options){.strict = true, .ram = 1};
  Graph *g = graph_new(m, "train_step", GK_TRAIN_STEP, 0);
  Id w[MOST + 1], x = graph_input(g, "x", type_make(m, DT_F32, 2, (Dim[]){BATCH, k->width[0]}), 0);
  for (int i = 0; i < k->n; i++) {
    TypeId t = type_make(m, DT_F32, 2, (Dim[]){k->width[i], k->width[i + 1]});
    w[i] = graph_var(g, var_add(m, ctx_strf(c, "w%d", i), VK_PARAM, t, 0, 0), 0);
    x = b_contract(g, x, w[i], "mk,kn->mn");
    if (k->act[i]) x = b_op1(g, OP_tanh, x);
  }
  Id loss = b_sum(g, b_op2(g, OP_mul, x, x), 2, (int64_t[]){0, 1}, false);
  graph_result(g, "loss", loss, 0);
  for (int i = 0; i < k->n; i++) {
    Id step = b_op2(g, OP_mul, b_op2(g, OP_grad, loss, w[i]), b_const(g, DT_F32, 0.01));
    graph_write(g, i, b_op2(g, OP_sub, w[i], step), 0);
  }
  bool well = passes_run(m, &(PassRun){.list = "autodiff,simplify,cse,dce,recompute"});
  return well ? m : NULL;
}

/* The last node of each layer that lies in memory for the backward part: what a plan may compute again. */
static int layers(const Graph *g, const bool *late, Id *node) {
  int n = 0;
  for (Id i = 1; i < (Id)g->n; i++) {
    OpClass cls = node_info(g, i)->cls;
    if (late[i] || node_type(g, i)->rank != 2 || (cls != CL_CONTRACT && node_get(g, i)->op != OP_tanh)) continue;
    bool act = n && node_get(g, i)->op == OP_tanh && node_in(g, i, 0) == node[n - 1];
    node[act ? n - 1 : n++] = i;
  }
  return n;
}

/* All plans of the chain: drop[i] of the i-th layer's value, and the contraction under it. */
static Candidate *all_plans(Module *m, const bool *late, int *count) {
  Graph *g = m->graph[0];
  Id node[MOST + 1];
  int n = layers(g, late, node);
  *count = 1 << n;
  Candidate *v = ctx_alloc(m->c, sizeof *v * (size_t)*count);
  for (int set = 0; set < *count; set++) {
    bool *drop = calloc((size_t)g->n, 1);
    for (int i = 0; i < n; i++) {
      drop[node[i]] = set >> i & 1;
      if (node_info(g, node[i])->cls == CL_ELEM) drop[node_in(g, node[i], 0)] = set >> i & 1;
    }
    v[set] = checkpoint_judge(m, 0, set ? drop : NULL);
    free(drop);
  }
  return v;
}

static bool close_to(double a, double b) { return a <= b * (1 + 1e-9) + 1e-15; }

static void check_lists(const ChainOf *k, Module *m) {
  const bool *late = joint_late(m->graph[0]);
  int n;
  Candidate *all = all_plans(m, late, &n);
  Plans p = checkpoint_plans(m, 0);
  double slowest = 0;
  int worse = 0;
  double is = 0, could = 0;
  for (int i = 0; i < n; i++) {
    Candidate want = all[budget_choose(all, n, all[i].bytes)], got = p.v[budget_choose(p.v, p.n, all[i].bytes)];
    if (got.bytes > all[i].bytes || !close_to(got.added, want.added)) {
      if (!worse++) is = got.bytes > all[i].bytes ? -(double)got.bytes : got.added, could = want.added;
      if (got.added / want.added > slowest) slowest = got.added / want.added;
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
  int longest = argc > 1 ? atoi(argv[1]) : MOST, many = argc > 2 ? atoi(argv[2]) : 4;
  for (int n = 1; n <= longest; n++)
    for (int i = 0; i < (n < 6 ? 4 * many : many); i++) {
      ChainOf k = {.n = n};
      for (int j = 0; j <= n; j++) k.width[j] = 64 << rnd(4), k.act[j] = rnd(2);
      check_chain(&k);
    }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
