/* SPDX-License-Identifier: Apache-2.0 */
/* plan_models MODEL.nn...: the plans of models against their lower bound. For every graph the arena is at most 2 %
 * larger than the peak of live bytes in the kernels' order. */
#include "codegen/target.h"
#include "lib/embed.h"
#include "frontend/elab.h"
#include "passes/analysis/liveness.h"
#include "passes/pass.h"
#include "passes/analysis/model_memory.h"
#include <stdio.h>
#include <string.h>

enum { PERCENT = 2 };
static int passed, failed;

/* The peak of live bytes, counted step by step, with alignment. */
static int64_t bound_of(const Liveness *l) {
  int64_t peak = 0;
  for (int t = 0; t < l->gs->n; t++) {
    int64_t live = 0;
    for (int i = 0; i < l->n; i++)
      if (l->v[i].start <= t && t <= l->v[i].end) live += plan_round(l->g->m, l->v[i].bytes);
    if (live > peak) peak = live;
  }
  return peak;
}

static void check_graph(const char *path, Graph *g, int64_t ram) {
  const Liveness *l = liveness_make(g);
  int64_t bound = bound_of(l), over = g->arena - bound;
  bool ok = bound == l->peak && over >= 0 && 100 * over <= PERCENT * bound;
  printf("%s %s%s %s: %d kernels, %lld bytes, bound %lld (%.2f %%)\n", ok ? "ok  " : "FAIL", path,
         ram ? " under a budget" : "", g->name, l->gs->n, (long long)g->arena, (long long)bound,
         bound ? 100.0 * (double)over / (double)bound : 0.0);
  ok ? passed++ : failed++;
}

static void check_model(const char *path, Options opt) {
  Ctx *c = ctx_new();
  Loc start;
  ElabOptions o = {.builtin = embed_text, .opt = opt};
  Module *m = source_read(c, path, &start) ? elaborate(c, start, path, &o) : NULL;
  if (!m || diag_errors(c) || !passes_run(m, &(PassRun){0})) {
    printf("FAIL %s: cannot be planned\n", path);
    diag_print(c, stdout, false);
    failed++;
  } else {
    for (int i = 0; i < m->ngraph; i++) /* tests run in the interpreter, which needs no plan */
      if (m->graph[i]->kind != GK_TEST) check_graph(path, m->graph[i], opt.ram);
  }
  ctx_free(c);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    check_model(argv[i], (Options){.strict = true});
    check_model(argv[i], (Options){.strict = true, .ram = (int64_t)1 << 40});
    check_model(argv[i], (Options){.panel = PANEL_WIDTH});
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
