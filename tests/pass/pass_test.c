/* SPDX-License-Identifier: Apache-2.0 */
/* Passes keep the bits: each graph of the given .ir files runs in the strict interpreter on inputs that hold signed
 * zeros, infinities and NaN, before and after the pipeline, with all passes on and with each pass off. What the pass
 * affine does in fast mode is within its bound. And the plan checker refuses wrong plans: locations and orders of good
 * plans are corrupted one at a time (tests/plan has more). */
#include "codegen/check.h"
#include "ir/interp.h"
#include "passes/analysis/group.h"
#include "passes/pass.h"
#include "tests/graphs.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void expect(bool ok, const char *file, const char *what) {
  if (ok) passed++;
  else failed++, printf("FAIL %s: %s\n", file, what);
}

/* ---- the same bits ---- */

typedef struct Results {
  int graph, n;
  Val **v;
  struct Results *next;
} Results;

static double sample(uint32_t *state) {
  static const double special[] = {0, -0.0, 1, -1, INFINITY, -INFINITY, NAN, 1e-42, 0.5, -2};
  *state = *state * 1664525u + 1013904223u;
  uint32_t r = *state >> 8;
  return r % 3 ? (double)(r % 2001) / 500 - 2 : special[r / 3 % 10];
}

static double finite_sample(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return (double)(*state >> 8) / 4000000 - 2;
}

typedef double SampleFn(uint32_t *state);
static Val *fill(Interp *in, TypeId type, SampleFn *next, uint32_t seed) {
  Val *v = interp_value(in, type);
  for (int64_t i = 0; i < v->count; i++) {
    double x = next(&seed);
    val_set(v, i, v->type == DT_BOOL ? x > 0 : v->type == DT_F32 || v->type == DT_F64 ? x : isfinite(x) ? floor(x) : 0);
  }
  return v;
}

/* All results and all weights of every graph that is no body, in the order of the module. */
static bool run_all(Module *m, SampleFn *next, Results **out) {
  Interp *in = interp_new(m, false);
  in->steps = 10;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (g->kind == GK_BODY) continue;
    for (int v = 0; v < m->nvar; v++) interp_set_var(in, v, fill(in, m->var[v].type, next, 77u + (uint32_t)v));
    Val *port[16], **result = calloc((size_t)interp_nresults(g) + (size_t)m->nvar + 1, sizeof *result);
    for (int p = 0; p < g->nport; p++) port[p] = fill(in, node_get(g, g->port[p])->type, next, 5u + (uint32_t)p);
    if (!interp_run(in, g, port, result)) return printf("FAIL %s\n", in->error), false;
    int n = interp_nresults(g);
    for (int v = 0; v < m->nvar; v++) result[n++] = val_retain(in->var[v]);
    Results *r = calloc(1, sizeof *r);
    *r = (Results){i, n, result, NULL};
    *out = r;
    out = &r->next;
  }
  return true; /* values and interpreter are left to the end of the process */
}

static bool same_bits(const Val *a, const Val *b) {
  if (a->type != b->type || a->count != b->count) return false;
  for (int64_t i = 0; i < a->count; i++) {
    double x = val_get(a, i), y = val_get(b, i);
    if (!(isnan(x) && isnan(y)) && (x != y || signbit(x) != signbit(y))) return false;
  }
  return true;
}

static bool same_results(const Results *a, const Results *b) {
  for (; a && b; a = a->next, b = b->next) {
    if (a->n != b->n) return false;
    for (int i = 0; i < a->n; i++)
      if (!same_bits(a->v[i], b->v[i])) return false;
  }
  return !a && !b;
}

/* Planned passes may not run on a graph that has kernels but is not ordered, such as an expected output. */
static Module *load(Ctx *c, const char *path, uint64_t off) {
  Module *m = read_graphs(c, path);
  if (m) m->opt = (Options){.strict = true, .verify = true, .off = off};
  return m;
}

static void test_bits(Ctx *c, const char *path) {
  Module *m = load(c, path, 0);
  Results *want = NULL;
  if (!m || !passes_run(m, &(PassRun){.list = "autodiff,precision"}) || !run_all(m, sample, &want)) {
    expect(false, path, "cannot be read and run");
    return;
  }
  for (int p = -1; p < PASS_COUNT; p++) {
    if (p >= 0 && pass_info[p].kind == PASS_LOWERING) continue;
    Module *o = load(c, path, p < 0 ? 0 : (uint64_t)1 << p);
    Results *got = NULL;
    bool ok =
      o && passes_run(o, &(PassRun){0}) && !plan_check(o) && run_all(o, sample, &got) && same_results(want, got);
    expect(ok, path, p < 0 ? "other bits with all passes" : pass_info[p].name);
  }
}

/* ---- the bound of affine ---- */

/* The graph NAME_sum of m has the sums of magnitudes; want, of the graph NAME as it was read. */
static int test_chain(Module *m, const Results *of, const Results *want, const char *path) {
  enum { OPERATIONS = 6 }; /* of the longest chain */
  const char *name = ctx_strf(m->c, "%s_sum", m->graph[of->graph]->name);
  const Results *sum = of;
  while (sum && strcmp(m->graph[sum->graph]->name, name)) sum = sum->next;
  int rounded = 0;
  for (int64_t i = 0; sum && i < of->v[0]->count; i++) {
    double error = fabs(val_get(of->v[0], i) - val_get(want->v[0], i));
    rounded += error > 0;
    if (!(error <= (OPERATIONS + 1) * ldexp(1, -23) * val_get(sum->v[0], i))) return expect(false, path, name), 0;
  }
  return rounded;
}

static void test_affine(Ctx *c, const char *path) {
  Module *m = load(c, path, 0), *o = load(c, path, 0);
  Results *want = NULL, *got = NULL;
  o->opt.strict = false;
  bool ok =
    passes_run(o, &(PassRun){.list = "affine"}) && run_all(m, finite_sample, &want) && run_all(o, finite_sample, &got);
  expect(ok, path, "cannot be run");
  int rounded = 0;
  for (const Results *r = got, *w = want; r && w; r = r->next, w = w->next) rounded += test_chain(o, r, w, path);
  expect(rounded > 0, path, "affine has rounded nothing");
}

/* ---- wrong plans ---- */

/* plan_check on a copy of the module as it is now, its reports thrown away. */
static bool refused(Module *m) {
  Ctx *c = ctx_fork(m->c);
  bool bad = plan_check(module_copy(c, m)) > 0;
  ctx_free(c);
  return bad;
}

/* Sets a field, expects the checker to refuse, and restores it. */
#define CORRUPT(lvalue, wrong, what) \
  do { \
    __typeof__(lvalue) good_ = (lvalue); \
    (lvalue) = (wrong); \
    expect(refused(m), path, what); \
    (lvalue) = good_; \
  } while (0)

static void spoil_kernel(Module *m, Graph *g, const Group *k, const char *path) {
  for (int i = 0; i < k->nread; i++) {
    Id r = k->read[i];
    if (g->anno[r].space != SP_ARENA) continue;
    for (int j = 0; j < i; j++)
      if (g->anno[k->read[j]].space == SP_ARENA)
        CORRUPT(g->anno[r].offset, g->anno[k->read[j]].offset, "two operands in one place");
    CORRUPT(g->anno[r].offset, g->arena, "a buffer beyond the arena");
    CORRUPT(g->anno[r].offset, g->anno[r].offset + 4, "a buffer that is not aligned");
    CORRUPT(g->anno[r].space, SP_NONE, "a buffer without a place");
  }
}

static void test_plans(Ctx *c, const char *path) {
  Module *m = load(c, path, (uint64_t)1 << PASS_fuse);
  if (!m || !passes_run(m, &(PassRun){0})) {
    expect(false, path, "cannot be planned");
    return;
  }
  expect(!refused(m), path, "a good plan was refused");
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    const Groups *gs = groups_make(g);
    for (int k = 0; k < gs->n; k++) {
      spoil_kernel(m, g, &gs->group[k], path);
      for (int r = 0; r < gs->group[k].nread; r++) {
        int w = gs->writer[gs->group[k].read[r]];
        if (w < 0 || gs->group[k].nnode != 1 || gs->group[w].nnode != 1) continue;
        Id a = gs->group[k].node[0], b = gs->group[w].node[0];
        uint32_t pa = g->anno[a].pos, pb = g->anno[b].pos;
        g->anno[b].pos = pa;
        CORRUPT(g->anno[a].pos, pb, "a load before its store");
        g->anno[b].pos = pb;
      }
    }
    for (int o = 0; o < g->nout; o++)
      if (g->out[o].var >= 0) CORRUPT(g->anno[g->out[o].value].space, SP_ARENA, "a weight that is not written");
    if (g->arena > 0) CORRUPT(g->arena, g->arena - 64, "an arena too small");
  }
  for (int v = 1; v < m->nvar; v++) CORRUPT(m->var[v].offset, m->var[v - 1].offset, "two weights in one place");
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    Ctx *c = ctx_new();
    test_bits(c, argv[i]);
    if (strstr(argv[i], "/affine/chains")) test_affine(c, argv[i]);
    if (!strstr(argv[i], "/dce/")) test_plans(c, argv[i]);
    if (diag_errors(c)) diag_print(c, stdout, false);
    ctx_free(c);
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed > 0;
}
