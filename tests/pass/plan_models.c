/* plan_models MODEL.nn...: how near the plans of models are to what no plan can be below. For every graph: the arena
 * is at most 2 % larger than the most bytes that live at once in the kernels' order. */
#include "codegen/c/tile.h"
#include "lib/embed.h"
#include "frontend/elab.h"
#include "passes/live.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include <stdio.h>
#include <string.h>

enum { PERCENT = 2 };
static int passed, failed;

/* The most bytes alive in a turn, counted turn by turn, each value up to the next place where one may begin. */
static int64_t bound_of(const Lives *l) {
  int64_t most = 0;
  for (int t = 0; t < l->gs->n; t++) {
    int64_t live = 0;
    for (int i = 0; i < l->n; i++)
      if (l->v[i].birth <= t && t <= l->v[i].death) live += plan_round(l->g->m, l->v[i].bytes);
    if (live > most) most = live;
  }
  return most;
}

static void check_graph(const char *path, Graph *g, int64_t ram) {
  const Lives *l = lives_make(g);
  int64_t bound = bound_of(l), over = g->arena - bound;
  bool well = bound == l->peak && over >= 0 && 100 * over <= PERCENT * bound;
  printf("%s %s%s %s: %d kernels, %lld bytes, bound %lld (%.2f %%)\n", well ? "ok  " : "FAIL", path,
         ram ? " under a budget" : "", g->name, l->gs->n, (long long)g->arena, (long long)bound,
         bound ? 100.0 * (double)over / (double)bound : 0.0);
  well ? passed++ : failed++;
}

static void check_model(const char *path, Options opt) {
  Ctx *c = ctx_new();
  Loc start;
  ElabOptions o = {.carried = embed_text, .opt = opt};
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
    check_model(argv[i], (Options){.panel = TILE_PANEL});
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
