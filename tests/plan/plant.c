/* SPDX-License-Identifier: Apache-2.0 */
/* plant FIRST COUNT [FILE.ir...]: injected faults. Random modules (tests/random) and files are planned, and the plans
 * and kernels corrupted in many ways: buffers moved over others, exchanged, moved to overlap; kernels run in another
 * order; scratch over operands; results forced over operands; stores shifted, stretched, left out, made earlier. What
 * an execution on tagged memory (execute.c) shows to be wrong the checker must refuse; and it refuses no plan that was
 * not corrupted. */
#include "plan.h"
#include "passes/pass.h"
#include "tests/files.h"
#include "tests/random/random.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Planting {
  const char *name;
  bool (*corrupt)(Graph *g, const Groups *gs, Gen *r);       /* locations and order; NULL: none */
  bool (*kernel)(const Groups *gs, Kernel **kernel, Gen *r); /* loop nests */
} Planting;

/* ---- locations and order ---- */

static bool in_arena(const Graph *g, Id n) { return g->anno[n].space == SP_ARENA; }

/* A buffer of the arena that some kernel stores; 0: none. */
static Id stored(const Groups *gs, Gen *r) {
  for (int try = 0; gs->n && try < 20; try++) {
    const Group *p = &gs->group[rnd(r, (uint32_t)gs->n)];
    if (!p->nwrite) continue;
    Id n = p->write[rnd(r, (uint32_t)p->nwrite)];
    if (in_arena(gs->g, n)) return n;
  }
  return 0;
}

/* An operand and a result of one kernel, both in the arena. */
static bool operand_and_result(const Groups *gs, Gen *r, Id *x, Id *y) {
  for (int try = 0; gs->n && try < 40; try++) {
    const Group *p = &gs->group[rnd(r, (uint32_t)gs->n)];
    if (!p->nread || !p->nwrite) continue;
    *x = p->read[rnd(r, (uint32_t)p->nread)], *y = p->write[rnd(r, (uint32_t)p->nwrite)];
    if (in_arena(gs->g, *x) && in_arena(gs->g, *y) && gs->g->anno[*x].offset != gs->g->anno[*y].offset) return true;
  }
  return false;
}

static bool force_in_place(Graph *g, const Groups *gs, Gen *r) {
  Id x, y;
  if (!operand_and_result(gs, r, &x, &y)) return false;
  g->anno[y].offset = g->anno[x].offset;
  return true;
}

static bool overlap_in_part(Graph *g, const Groups *gs, Gen *r) {
  Id x, y;
  if (!operand_and_result(gs, r, &x, &y)) return false;
  g->anno[y].offset = g->anno[x].offset + (chance(r, 50) ? 64 : -64);
  return true;
}

static bool move_over(Graph *g, const Groups *gs, Gen *r) {
  Id a = stored(gs, r), b = stored(gs, r);
  if (!a || a == b || g->anno[a].offset == g->anno[b].offset) return false;
  g->anno[a].offset = g->anno[b].offset;
  return true;
}

static bool exchange(Graph *g, const Groups *gs, Gen *r) {
  Id a = stored(gs, r), b = stored(gs, r);
  if (!a || a == b || g->anno[a].offset == g->anno[b].offset) return false;
  int64_t at = g->anno[a].offset;
  g->anno[a].offset = g->anno[b].offset, g->anno[b].offset = at;
  return true;
}

static bool reorder(Graph *g, const Groups *gs, Gen *r) {
  if (gs->n < 2) return false;
  int a = (int)rnd(r, (uint32_t)gs->n), b = chance(r, 50) ? (a + 1) % gs->n : (int)rnd(r, (uint32_t)gs->n);
  const Group *p = &gs->group[a], *q = &gs->group[b];
  if (a == b) return false;
  for (int i = 0; i < p->nnode; i++) g->anno[p->node[i]].pos = q->pos;
  for (int i = 0; i < q->nnode; i++) g->anno[q->node[i]].pos = p->pos;
  return true;
}

static bool move_scratch(Graph *g, const Groups *gs, Gen *r) {
  for (int k = 0; k < gs->n; k++) {
    Id b = gs->group[k].scratch > 0 ? stored(gs, r) : 0;
    if (!b || g->anno[b].offset == *group_scratch_at(g, &gs->group[k])) continue;
    *group_scratch_at(g, &gs->group[k]) = g->anno[b].offset;
    return true;
  }
  return false;
}

static bool outside(Graph *g, const Groups *gs, Gen *r) {
  Id a = stored(gs, r);
  if (!a) return false;
  g->anno[a].offset = chance(r, 50) ? -64 : g->arena;
  return true;
}

static bool other_weight(Graph *g, const Groups *gs, Gen *r) {
  (void)gs;
  int n = 0, at[64];
  for (int i = 0; i < g->nout && n < 64; i++)
    if (g->out[i].var >= 0) at[n++] = i;
  if (n < 2) return false;
  Annotation *a = &g->anno[g->out[at[rnd(r, (uint32_t)n)]].value], *b = &g->anno[g->out[at[rnd(r, (uint32_t)n)]].value];
  if (a == b) return false;
  a->index = b->index;
  return true;
}

/* ---- loop nests ---- */

static KNest *some_nest(const Groups *gs, Kernel **kernel, Gen *r, bool stores, int phases) {
  for (int try = 0; gs->n && try < 30; try++) {
    Kernel *k = kernel[rnd(r, (uint32_t)gs->n)];
    if (!k || !k->nnest) continue;
    KNest *n = k->nest[rnd(r, (uint32_t)k->nnest)];
    if ((!stores || n->nstore) && n->nphase >= phases) return n;
  }
  return NULL;
}

static KStore *some_store(KNest *n, Gen *r) { return &n->store[rnd(r, (uint32_t)n->nstore)]; }

static bool shift_store(const Groups *gs, Kernel **kernel, Gen *r) {
  KNest *n = some_nest(gs, kernel, r, true, 1);
  if (!n) return false;
  KStore *s = some_store(n, r);
  s->at.k = dim_add(gs->g->m, s->at.k, 1);
  return true;
}

static bool stretch_store(const Groups *gs, Kernel **kernel, Gen *r) {
  KNest *n = some_nest(gs, kernel, r, true, 1);
  if (!n) return false;
  KStore *s = some_store(n, r);
  for (int i = 0; i < n->axes.n; i++)
    if (s->at.coef[i]) {
      s->at.coef[i] = chance(r, 50) ? 0 : dim_mul(gs->g->m, s->at.coef[i], 2);
      return true;
    }
  return false;
}

static bool shift_load(const Groups *gs, Kernel **kernel, Gen *r) {
  KNest *n = some_nest(gs, kernel, r, false, 1);
  for (int i = 1; n && i < n->nval; i++)
    if (n->val[i].kind == KV_LOAD && chance(r, 60)) {
      n->val[i].at.k = dim_add(gs->g->m, n->val[i].at.k, 1);
      return true;
    }
  return false;
}

static bool store_early(const Groups *gs, Kernel **kernel, Gen *r) {
  KNest *n = some_nest(gs, kernel, r, true, 2);
  KStore *s = n ? some_store(n, r) : NULL;
  if (!s || !s->phase) return false;
  s->phase = 0;
  return true;
}

static bool fewer_points(const Groups *gs, Kernel **kernel, Gen *r) {
  KNest *n = some_nest(gs, kernel, r, true, 1);
  if (!n || !n->nouter) return false;
  Axis *a = &n->axes.axis[n->outer[rnd(r, (uint32_t)n->nouter)]];
  if (a->extent < 2) return false;
  a->extent--;
  return true;
}

static bool no_nest(const Groups *gs, Kernel **kernel, Gen *r) {
  for (int i = 0; i < gs->n; i++)
    if (kernel[i] && kernel[i]->nnest > 1 && chance(r, 50)) return kernel[i]->nnest--, true;
  return false;
}

/* Makes the operand and the result of a kernel one buffer, each element loaded where another point stores it. */
static bool in_place_and_shifted(const Groups *gs, Kernel **kernel, Gen *r) {
  Id x, y;
  if (!operand_and_result(gs, r, &x, &y)) return false;
  gs->g->anno[y].offset = gs->g->anno[x].offset;
  for (int i = 0; i < gs->n; i++)
    for (int k = 0; kernel[i] && k < kernel[i]->nnest; k++) {
      KNest *n = kernel[i]->nest[k];
      for (int v = 1; v < n->nval; v++)
        if (n->val[v].kind == KV_LOAD && kernel[i]->buf[n->val[v].buf].node == x && n->nouter)
          n->val[v].at.coef[n->outer[0]] = dim_sub(gs->g->m, 0, n->val[v].at.coef[n->outer[0]]);
    }
  return true;
}

static const Planting plantings[] = {
  {"a result over an operand", force_in_place, NULL},
  {"a result over a part of an operand", overlap_in_part, NULL},
  {"a buffer over another", move_over, NULL},
  {"buffers exchanged", exchange, NULL},
  {"kernels in another order", reorder, NULL},
  {"scratch over a buffer", move_scratch, NULL},
  {"a buffer outside of the arena", outside, NULL},
  {"a weight written over another", other_weight, NULL},
  {"a store shifted", NULL, shift_store},
  {"a store stretched", NULL, stretch_store},
  {"a load shifted", NULL, shift_load},
  {"a store in an earlier phase", NULL, store_early},
  {"a point left out", NULL, fewer_points},
  {"a nest left out", NULL, no_nest},
  {"in place, each element by another point", NULL, in_place_and_shifted},
};
enum { PLANTINGS = sizeof plantings / sizeof *plantings, TIMES = 4 };

static struct { int planted, wrong, refused, missed; } count[PLANTINGS];
static int plans, alarms;

/* ---- kernels that threads run without a barrier ---- */

static struct { int tried, wrong, refused, missed; } pairs;

/* Partitions a kernel along some outer axis of each nest. False: there is none. */
static bool share(CheckPartition *p, const Kernel *k, Gen *r) {
  Ctx *c = k->gs->g->m->c;
  size_t bytes = sizeof(int) * (size_t)(k->nnest + 1);
  int *par_axis = ctx_alloc(c, bytes), *grain = ctx_alloc(c, bytes);
  for (int i = 0; i < k->nnest; i++) {
    const KNest *n = k->nest[i];
    if (!n->nouter) return false;
    par_axis[i] = n->par_axis >= 0 ? n->par_axis : n->outer[rnd(r, (uint32_t)n->nouter)], grain[i] = 1;
  }
  *p = (CheckPartition){.k = k, .location = check_locations(k), .par_axis = par_axis, .grain = grain};
  return k->nnest > 0;
}

static void test_pairs(const Groups *gs, Kernel *const *k, const int64_t *size, uint64_t seed, const char *what) {
  Gen r = gen_of(seed, 800);
  for (int i = 0; i + 1 < gs->n; i++)
    for (int j = i + 1; j < gs->n && j < i + 4; j++) {
      CheckPartition a, b;
      Id n;
      if (!k[i] || !k[j] || !share(&a, k[i], &r) || !share(&b, k[j], &r)) continue;
      bool wrong = threads_conflict(&a, &b, size), refused = threads_check(&a, &b, &n) != NULL;
      pairs.tried++, pairs.wrong += wrong, pairs.refused += refused;
      if (!wrong || refused) continue;
      pairs.missed++;
      printf("FAIL  no barrier is wanted between kernels %d and %d: graph `%s` of %s\n", i, j, gs->g->name, what);
    }
}

/* ---- one graph ---- */

static void sizes_of(const Module *m, int64_t *size) {
  for (int s = 0; s < m->nsize; s++) size[s] = m->size[s].bound;
}

static void plant(const Module *m, int graph, int which, uint64_t seed, const char *what) {
  Ctx *c = ctx_fork(m->c);
  Module *w = module_copy(c, m);
  Graph *g = w->graph[graph];
  Gen r = gen_of(seed, 900 + (uint64_t)which);
  int64_t size[8];
  sizes_of(w, size);
  const Planting *p = &plantings[which];
  bool ok = !p->corrupt || p->corrupt(g, groups_make(g), &r);
  const Groups *gs = groups_make(g);
  Kernel **k = kernels_build(gs);
  if (ok && (!p->kernel || p->kernel(gs, k, &r))) {
    bool refused = plan_check_graph(gs, k) > 0, wrong = plan_goes_wrong(gs, k, size, seed);
    count[which].planted++, count[which].wrong += wrong, count[which].refused += refused;
    if (wrong && !refused) {
      count[which].missed++;
      printf("FAIL  not refused: %s, graph `%s` of %s, seed %llu\n", p->name, g->name, what, (unsigned long long)seed);
    }
  }
  ctx_free(c);
}

static void test_graph(const Module *m, int graph, uint64_t seed, const char *what) {
  Graph *g = m->graph[graph];
  const Groups *gs = groups_make(g);
  Kernel **k = kernels_build(gs);
  int64_t size[8];
  sizes_of(m, size);
  plans++;
  if (plan_check_graph(gs, k)) printf("FAIL  refused as it is: graph `%s` of %s\n", g->name, what), alarms++;
  if (plan_goes_wrong(gs, k, size, seed))
    printf("FAIL  goes wrong as it is: graph `%s` of %s\n", g->name, what), alarms++;
  test_pairs(gs, k, size, seed, what);
  for (int i = 0; i < PLANTINGS * TIMES; i++)
    plant(m, graph, i % PLANTINGS, seed * TIMES + (uint64_t)(i / PLANTINGS), what);
}

typedef struct Job {
  const char *text, *what;
  uint64_t seed;
} Job;

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = ir_parse(c, source_add(c, "random.ir", j->text, strlen(j->text)));
  static const uint64_t some[] = {0, 1u << PASS_fuse, 1u << PASS_layout, 1u << PASS_memory};
  m->opt = (Options){.strict = true, .off = some[j->seed % 4], .panel = j->seed % 3 ? 0 : 8, .row_chunks = true};
  if (diag_errors(c) || !passes_run(m, &(PassRun){0})) return;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->nanno) test_graph(m, i, j->seed, j->what);
}

static void test_text(const char *text, uint64_t seed, const char *what) {
  Ctx *c = ctx_new();
  Job j = {text, what, seed};
  if (!ctx_try(c, job, &j)) printf("FAIL  %s: no memory\n", what), alarms++;
  ctx_free(c);
}

int main(int argc, char **argv) {
  uint64_t first = argc > 1 ? strtoull(argv[1], NULL, 10) : 1, n = argc > 2 ? strtoull(argv[2], NULL, 10) : 20;
  for (uint64_t s = first; s < first + n; s++) {
    char *text = generate(s), what[40];
    snprintf(what, sizeof what, "random module %llu", (unsigned long long)s);
    test_text(text, s, what);
    free(text);
  }
  for (int i = 3; i < argc; i++)
    for (uint64_t s = 0; s < 2; s++) {
      char *text = read_file(argv[i], NULL);
      if (text) test_text(text, s, argv[i]);
      free(text);
    }
  int missed = 0, wrong = 0, blunt = 0;
  for (int i = 0; i < PLANTINGS; i++) {
    printf("%-44s planted %6d, wrong %6d, refused %6d, missed %d\n", plantings[i].name, count[i].planted,
           count[i].wrong, count[i].refused, count[i].missed);
    missed += count[i].missed, wrong += count[i].wrong;
    if (!count[i].wrong) printf("FAIL  no planting of this kind was wrong: %s\n", plantings[i].name), blunt++;
  }
  printf("%-44s tried %8d, wrong %6d, refused %6d, missed %d\n", "kernels without a barrier", pairs.tried, pairs.wrong,
         pairs.refused, pairs.missed);
  if (pairs.refused == pairs.tried) printf("FAIL  no pair of kernels runs without a barrier\n"), blunt++;
  missed += pairs.missed, wrong += pairs.wrong;
  printf("%d passed, %d failed\n", plans + wrong - missed - alarms, missed + alarms + blunt);
  return missed + alarms + blunt > 0;
}
