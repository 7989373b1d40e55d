/* SPDX-License-Identifier: Apache-2.0 */
/* launches FILE...: the launches of each graph of a model (.nn) or module (.ir), as the CUDA target orders them. Two
 * that no wait orders must not conflict: the plan checker proves it from the loop nests, which launch.c does not look
 * at. Of the waits between nests, most are ones that this proof needs. Prints `N passed, N failed`. */
#include "codegen/check.h"
#include "codegen/cuda/launch.h"
#include "codegen/target.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "tests/files.h"
#include <stdlib.h>
#include <string.h>

static int passed, failed, waits, needed;

static Module *load(Ctx *c, const char *path) {
  Loc start;
  size_t n = strlen(path);
  Options opt = {.strict = true, .device = true};
  Module *m;
  if (!source_read(c, path, &start)) return NULL;
  if (n > 3 && !strcmp(path + n - 3, ".ir")) m = ir_parse(c, start), m->opt = opt;
  else m = elaborate(c, start, path, &(ElabOptions){.builtin = embed_text, .opt = opt});
  return diag_errors(c) || !passes_run(m, &(PassRun){0}) ? NULL : m;
}

/* A kernel with the nest of the launch alone, of whose threads nothing is known. */
static CheckPartition alone(Ctx *c, const Launch *l) {
  Kernel *k = ctx_alloc(c, sizeof *k);
  *k = *l->step->kernel;
  for (int i = 0; i < k->nnest; i++)
    if (k->nest[i] == l->schedule->nest) k->nest += i, k->nnest = 1;
  return (CheckPartition){.k = k, .location = check_locations(k), .tasks = true};
}

static bool conflict(Ctx *c, const Launch *a, const Launch *b, Id *node) {
  CheckPartition x = alone(c, a), y = alone(c, b);
  return threads_check(&x, &y, node) != NULL;
}

/* before[i * n + k]: launch k comes before launch i in every order. */
static bool *closure(Ctx *c, const LaunchList *list) {
  bool *before = ctx_alloc(c, (size_t)list->n * (size_t)list->n + 1);
  for (int i = 0; i < list->n; i++)
    for (int w = 0; w < list->launch[i].nwait; w++) {
      int k = list->launch[i].wait[w];
      before[i * list->n + k] = true;
      for (int j = 0; j < k; j++) before[i * list->n + j] |= before[k * list->n + j];
    }
  return before;
}

static void check_graph(Ctx *c, const LaunchList *list) {
  const bool *before = closure(c, list);
  const Graph *g = list->steps->graph;
  for (int i = 0; i < list->n; i++) {
    const Launch *l = &list->launch[i];
    bool good = true;
    Id node;
    for (int w = 0; w < l->nwait; w++) {
      const Launch *other = &list->launch[l->wait[w]];
      if (l->kind != LAUNCH_NEST || other->kind != LAUNCH_NEST) continue;
      waits++;
      needed += conflict(c, other, l, &node);
    }
    for (int k = 0; k < i && l->kind == LAUNCH_NEST; k++) {
      if (list->launch[k].kind != LAUNCH_NEST || before[i * list->n + k] || !conflict(c, &list->launch[k], l, &node))
        continue;
      printf("%s: launches %d and %d are not ordered: node %u\n", g->name ? g->name : "body", k, i, node);
      good = false;
    }
    if (good) passed++;
    else failed++;
  }
}

static void check(Ctx *c, void *arg) {
  Module *m = load(c, arg);
  Steps steps = {.options.target = &target_cuda};
  Launches all = {.steps = &steps};
  for (int i = 0; m && i < m->ngraph; i++) graph_launches(&all, m->graph[i]);
  if (!m || diag_errors(c)) {
    diag_print(c, stdout, false);
    failed++;
    return;
  }
  for (int i = 0; i < all.n; i++) check_graph(c, all.list[i]);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    Ctx *c = ctx_new();
    if (!ctx_try(c, check, argv[i])) failed++;
    ctx_free(c);
  }
  printf("%d of %d waits are between nests that conflict\n", needed, waits);
  if (needed * 10 < waits * 9) failed++;
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
