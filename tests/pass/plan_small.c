/* SPDX-License-Identifier: Apache-2.0 */
/* plan_small SEEDS: orders and placements against the best ones, found by exhaustive search: random graphs of up to 8
 * kernels, in every valid order; random buffers, up to 7 of them, in every order of placing (placing the buffers in the
 * order of their offsets, each in the lowest gap, gives the best placement). Prints how often the best is found. */
#include "passes/algo/offsets.h"
#include "passes/analysis/liveness.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void expect(bool ok, const char *what, uint64_t seed) {
  if (ok) passed++;
  else failed++, printf("FAIL %s, seed %llu\n", what, (unsigned long long)seed);
}

static uint32_t rnd(uint64_t *s, uint32_t n) { /* splitmix64 */
  uint64_t z = *s += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (uint32_t)((z ^ z >> 31) >> 32) % n;
}

/* ---- orders ---- */

enum { KERNELS = 8 };

/* A graph of n kernels over matrices of 1 to 8 rows; a value that is never loaded is a result. */
static const char *random_graph(Ctx *c, uint64_t seed, int n) {
  Str s = {.c = c};
  int size[KERNELS + 1] = {1 + (int)rnd(&seed, 4)}, used[KERNELS + 1] = {0};
  str_printf(&s, "module small\n\ngraph g(x: f32[%d,16]) export {\n", size[0]);
  str_printf(&s, "  %%1: f32[%d,16] = input \"x\"\n", size[0]);
  for (int i = 1; i <= n; i++) {
    int a = (int)rnd(&seed, (uint32_t)i), b = (int)rnd(&seed, (uint32_t)i), kind = (int)rnd(&seed, 4);
    if (i > 2 && rnd(&seed, 2)) a = i - 1; /* half of them in chains */
    if (kind == 3 && size[a] + size[b] <= 8) {
      size[i] = size[a] + size[b];
      str_printf(&s, "  %%%d: f32[%d,16] = concat(%%%d, %%%d) {axis=0}\n", i + 1, size[i], a + 1, b + 1);
    } else if (kind == 2 && size[a] == size[b]) {
      size[i] = size[a];
      str_printf(&s, "  %%%d: f32[%d,16] = add(%%%d, %%%d)\n", i + 1, size[i], a + 1, b + 1);
    } else if (kind == 1 && size[a] > 1) {
      size[i] = 1;
      str_printf(&s, "  %%%d: f32[1,16] = sum(%%%d) {axes=[0], keep=true}\n", i + 1, a + 1);
      b = a;
    } else {
      size[i] = size[a];
      str_printf(&s, "  %%%d: f32[%d,16] = exp(%%%d)\n", i + 1, size[i], a + 1);
      b = a;
    }
    used[a] = used[b] = 1;
  }
  for (int i = 1; i <= n; i++)
    if (!used[i]) str_printf(&s, "  r%d = %%%d\n", i, i + 1);
  str_puts(&s, "}\n");
  return s.s;
}

typedef struct Trial {
  const Groups *gs;
  int n, order[KERNELS + 1], at[KERNELS + 1]; /* at: step of a group, or n */
  int64_t best;
} Trial;

static bool in_arena(const Trial *t, Id b) {
  bool result = false;
  for (int i = 0; i < t->gs->g->nout; i++) result |= t->gs->g->out[i].value == b;
  return t->gs->writer[b] >= 0 && !result;
}

static int last_use(const Trial *t, Id b) {
  int last = t->at[t->gs->writer[b]];
  for (int k = 0; k < t->n; k++)
    for (int i = 0; i < t->gs->group[k].nread; i++)
      if (t->gs->group[k].read[i] == b && t->at[k] > last) last = t->at[k];
  return last;
}

/* Bytes alive in a step: all between store and last load, less one of each pair that shares a buffer. */
static int64_t bytes_in_step(const Trial *t, int step) {
  const Group *p = &t->gs->group[t->order[step]];
  int64_t sum = 0;
  bool reused[64] = {false};
  for (int k = 0; k < t->n; k++)
    for (int i = 0; i < t->gs->group[k].nwrite; i++) {
      Id b = t->gs->group[k].write[i];
      if (in_arena(t, b) && t->at[k] <= step && step <= last_use(t, b)) sum += node_bytes(t->gs->g, b);
    }
  for (int i = 0; i < p->nwrite; i++)
    for (int r = 0; in_arena(t, p->write[i]) && r < p->nread; r++) {
      if (reused[r] || !in_arena(t, p->read[r]) || last_use(t, p->read[r]) != step) continue;
      if (!group_inplace(t->gs, p, p->read[r], p->write[i])) continue;
      reused[r] = true;
      sum -= node_bytes(t->gs->g, p->write[i]);
      break;
    }
  return sum;
}

static int64_t peak_of(const Trial *t) {
  int64_t peak = 0;
  for (int i = 0; i < t->n; i++) {
    int64_t n = bytes_in_step(t, i);
    if (n > peak) peak = n;
  }
  return peak;
}

static bool is_ready(const Trial *t, int k) {
  for (int i = 0; i < t->gs->group[k].nread; i++) {
    int w = t->gs->writer[t->gs->group[k].read[i]];
    if (w >= 0 && t->at[w] == t->n) return false;
  }
  return true;
}

static void try_orders(Trial *t, int step) {
  if (step == t->n) {
    int64_t peak = peak_of(t);
    if (peak < t->best) t->best = peak;
    return;
  }
  for (int k = 0; k < t->n; k++) {
    if (t->at[k] < t->n || !is_ready(t, k)) continue;
    t->order[step] = k;
    t->at[k] = step;
    try_orders(t, step + 1);
    t->at[k] = t->n;
  }
}

/* Returns how many bytes more than the best order needs. */
static int64_t test_order(uint64_t seed) {
  Ctx *c = ctx_new();
  uint64_t s = seed;
  const char *text = random_graph(c, seed, 4 + (int)rnd(&s, KERNELS - 3));
  Module *m = ir_parse(c, source_add(c, "small.ir", text, strlen(text)));
  m->opt = (Options){.strict = true, .verify = true, .off = (uint64_t)1 << PASS_fuse};
  int64_t over = 0;
  if (diag_errors(c) || !passes_run(m, &(PassRun){.list = "layout,fuse,order,memory"})) {
    printf("%s", text);
    diag_print(c, stdout, false);
    expect(false, "the graph cannot be planned", seed);
  } else {
    Trial t = {.gs = groups_make(m->graph[0]), .best = INT64_MAX};
    t.n = t.gs->n;
    for (int k = 0; k < t.n; k++) t.order[k] = t.at[k] = k; /* groups are in the order of the pass */
    int64_t got = peak_of(&t), planned = liveness_make(m->graph[0])->peak;
    expect(got == planned, "the peak of the plan is not that of its order", seed);
    for (int k = 0; k < t.n; k++) t.at[k] = t.n;
    try_orders(&t, 0);
    expect(got >= t.best, "an order better than the best", seed);
    over = got - t.best;
    if (over && getenv("SHOW")) printf("%s got %lld best %lld\n", text, (long long)got, (long long)t.best);
  }
  ctx_free(c);
  return over;
}

/* ---- placements ---- */

enum { INTERVALS = 7 };

static bool alive_together(const Interval *a, const Interval *b) { return a->start <= b->end && b->start <= a->end; }

/* Puts order[k] into the lowest gap between those before it. */
static int64_t lowest(const Interval *r, const int *order, int k, const int64_t *at) {
  const Interval *x = &r[order[k]];
  int64_t best = 0;
  for (bool moved = true; moved;) {
    moved = false;
    for (int i = 0; i < k; i++) {
      const Interval *y = &r[order[i]];
      if (!alive_together(x, y) || at[order[i]] + y->size <= best || best + x->size <= at[order[i]]) continue;
      best = at[order[i]] + y->size;
      moved = true;
    }
  }
  return best;
}

static void try_placements(const Interval *r, int n, int *order, int k, int64_t *at, int64_t top, int64_t *best) {
  if (top >= *best) return;
  if (k == n) *best = top;
  for (int i = k; i < n; i++) {
    int t = order[k];
    order[k] = order[i];
    order[i] = t;
    int64_t where = at[order[k]] = lowest(r, order, k, at), end = where + r[order[k]].size;
    try_placements(r, n, order, k + 1, at, end > top ? end : top, best);
    order[i] = order[k];
    order[k] = t;
  }
}

static int64_t test_fit(uint64_t seed) {
  enum { STEPS = 10 };
  Ctx *c = ctx_new();
  uint64_t s = seed;
  Interval r[INTERVALS];
  int n = 3 + (int)rnd(&s, INTERVALS - 2), order[INTERVALS];
  for (int i = 0; i < n; i++) {
    int start = (int)rnd(&s, STEPS), end = start + (int)rnd(&s, (uint32_t)(STEPS - start));
    r[i] = (Interval){64 * (1 + (int64_t)rnd(&s, 12)), start, end, 0};
    order[i] = i;
  }
  int64_t got = assign_offsets(c, r, n, STEPS), bound = peak_lower_bound(c, r, n, STEPS);
  int64_t best = INT64_MAX, at[INTERVALS];
  for (int i = 0; i < n; i++)
    for (int k = 0; k < i; k++)
      expect(!alive_together(&r[i], &r[k]) || r[i].offset + r[i].size <= r[k].offset ||
               r[k].offset + r[k].size <= r[i].offset,
             "two buffers share bytes", seed);
  try_placements(r, n, order, 0, at, 0, &best);
  expect(got >= best && best >= bound, "a placement better than the best", seed);
  ctx_free(c);
  return got - best;
}

/* At least `percent` of all instances must come out as the best. */
static void test_many(const char *what, int64_t (*test)(uint64_t seed), int n, double percent) {
  int best = 0;
  for (int i = 0; i < n; i++) best += test((uint64_t)i) == 0;
  printf("%s: the best in %d of %d (%.2f %%)\n", what, best, n, 100.0 * best / n);
  expect(100.0 * best >= percent * n, what, (uint64_t)n);
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 500;
  test_many("orders", test_order, n, 99);
  test_many("placements", test_fit, n, 99);
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
