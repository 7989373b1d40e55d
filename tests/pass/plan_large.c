/* SPDX-License-Identifier: Apache-2.0 */
/* plan_large NODES: a graph of so many nodes, a few of them equal, is ordered, placed and verified within a second of
 * processor time, twice, and both plans are the same: trials are counted, and the clock decides nothing. The graph is
 * random, without the regular structure of a network, and so harder to place. */
#include "codegen/check.h"
#include "passes/analysis/liveness.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint64_t state;

static int rnd(int n) { /* splitmix64 */
  uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return (int)(((z ^ z >> 31) >> 33) % (uint64_t)n);
}

/* Matrices of 1 to 256 rows; mostly of what was made in the last 40 kernels, sometimes of what was made long before. */
static const char *large_graph(Ctx *c, int n) {
  Str s = {.c = c};
  int *rows = ctx_alloc(c, sizeof *rows * (size_t)(n + 2));
  bool *used = ctx_alloc(c, (size_t)n + 2);
  state = 1;
  rows[1] = 64;
  str_puts(&s, "module large\n\ngraph g(x: f32[64,16]) export {\n  %1: f32[64,16] = input \"x\"\n");
  for (int i = 2; i <= n + 1; i++) {
    int back = i - 1 < 40 ? i - 1 : 40, kind = rnd(20), a = i - 1 - rnd(back);
    int b = rnd(10) ? i - 1 - rnd(back) : 1 + rnd(i - 1);
    used[a] = true;
    if (kind < 4 && rows[a] + rows[b] <= 256) {
      rows[i] = rows[a] + rows[b];
      str_printf(&s, "  %%%d: f32[%d,16] = concat(%%%d, %%%d) {axis=0}\n", i, rows[i], a, b);
      used[b] = true;
    } else if (kind < 10 && rows[a] == rows[b]) {
      rows[i] = rows[a];
      str_printf(&s, "  %%%d: f32[%d,16] = add(%%%d, %%%d)\n", i, rows[i], a, b);
      used[b] = true;
    } else if (kind < 13 && rows[a] > 1) {
      rows[i] = 1;
      str_printf(&s, "  %%%d: f32[1,16] = sum(%%%d) {axes=[0], keep=true}\n", i, a);
    } else {
      rows[i] = rows[a];
      str_printf(&s, "  %%%d: f32[%d,16] = exp(%%%d)\n", i, rows[i], a);
    }
  }
  for (int i = 2; i <= n + 1; i++)
    if (!used[i]) str_printf(&s, "  r%d = %%%d\n", i, i);
  str_puts(&s, "}\n");
  return s.s;
}

typedef struct Planned {
  uint64_t hash;
  double seconds;
  int kernels;
  int64_t arena, peak;
  bool ok;
} Planned;

static Planned plan(int n) {
  Ctx *c = ctx_new();
  const char *text = large_graph(c, n);
  Module *m = ir_parse(c, source_add(c, "large.ir", text, strlen(text)));
  Planned r = {0};
  m->opt = (Options){.strict = true, .off = (uint64_t)1 << PASS_fuse};
  r.ok = !diag_errors(c) && passes_run(m, &(PassRun){.list = "layout,fuse"});
  clock_t begin = clock();
  r.ok = r.ok && passes_run(m, &(PassRun){.list = "order,memory"});
  r.seconds = (double)(clock() - begin) / CLOCKS_PER_SEC;
  r.ok = r.ok && !plan_check(m);
  if (r.ok) {
    Graph *g = m->graph[0];
    const Liveness *l = liveness_make(g);
    for (int i = 0; i < l->n; i++)
      r.hash = hash_bytes(&l->v[i].offset, sizeof l->v[i].offset, r.hash ^ (uint64_t)l->v[i].start);
    r.kernels = l->gs->n, r.arena = g->arena, r.peak = l->peak;
  }
  diag_print(c, stdout, false);
  ctx_free(c);
  return r;
}

int main(int argc, char **argv) {
  int n = argc > 1 ? atoi(argv[1]) : 20000, failed = 0;
  Planned a = plan(n), b = plan(n);
  if (!a.ok || !b.ok) failed++, puts("FAIL the graph cannot be planned");
  if (a.hash != b.hash) failed++, puts("FAIL two plans of one graph differ");
  if (a.seconds > 1 && b.seconds > 1) failed++, printf("FAIL planning took %.2f s\n", a.seconds);
  printf("%d kernels in %.2f s, %.1f %% above the bound\n", a.kernels, a.seconds,
         a.peak ? 100.0 * (double)(a.arena - a.peak) / (double)a.peak : 0.0);
  printf("%d passed, %d failed\n", 3 - failed, failed);
  return failed > 0;
}
