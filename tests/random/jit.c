/* SPDX-License-Identifier: Apache-2.0 */
/* A module as machine code made in this process, against the strict interpreter, bit for bit. */
#include "codegen/text/graph.h"
#include "codegen/target.h"
#include "nn/nn.h"
#include "random.h"

typedef struct Job {
  const char *text;
  uint64_t seed, off;
  int dialect;
  const char *isa;
  Why *why;
  bool ok;
} Job;

static bool same_value(const Job *j, const char *graph, const char *name, const Val *want, const Val *got) {
  int64_t at = 0;
  if (want->count == got->count && same_bits(want->type, want->data, got->data, want->count, &at)) return true;
  snprintf(j->why->text, sizeof j->why->text, "%s%s: %s: %s[%lld] is %.9g, the interpreter has %.9g",
           j->isa ? "native " : "portable", j->isa ? j->isa : "", graph, name, (long long)at, val_get(got, at),
           val_get(want, at));
  return false;
}

static bool run_graph(Job *j, Code *code, int threads, Interp *in, const Graph *g, Interp *ref, const Graph *as) {
  Val *port[64] = {0}, *want[64] = {0}, *got[64] = {0};
  int64_t range[64] = {0};
  for (int p = 0; p < g->nport; p++) range[p] = input_range(g, p);
  fill_vars(ref, j->seed);
  fill_vars(in, j->seed);
  ref->step = in->step = g->kind == GK_INIT ? 0 : 4;
  ref->calls = in->calls = 0;
  fill_ports(ref, as, j->seed, range, port);
  bool ok = interp_run(ref, as, port, want);
  if (!ok) snprintf(j->why->text, sizeof j->why->text, "%s", ref->error);
  for (int i = 0; i < in->m->nsize; i++) in->size[i] = ref->size[i];
  if (ok && !code_run(code, threads, in, g, port, got))
    ok = (snprintf(j->why->text, sizeof j->why->text, "code: %s", in->error), false);
  if (ok && in->finite != ref->finite)
    ok = (snprintf(j->why->text, sizeof j->why->text, "code: %s: finite", g->name), false);
  for (int o = 0, k = 0; o < g->nout && ok && ref->finite; o++) /* else it ended before there were results */
    if (g->out[o].var < 0) ok = same_value(j, g->name, g->out[o].name, want[k], got[k]), k++;
  for (int v = 0; v < in->m->nvar && ok; v++) {
    int u = var_find(ref->m, in->m->var[v].name);
    ok = same_value(j, g->name, in->m->var[v].name, ref->var[u], in->var[v]);
  }
  for (int i = 0; i < 64; i++) val_release(port[i]), val_release(want[i]), val_release(got[i]);
  return ok;
}

static void run_code(Ctx *c, void *arg) {
  Job *j = arg;
  bool native = j->dialect == DIALECT_NATIVE;
  Module *m = read_module(c, j->text, j->off, true, j->why), *ref = m ? read_module(c, j->text, 0, true, j->why) : NULL;
  const int64_t *size = ref ? admitted_sizes(ref, j->seed) : NULL;
  if (!size) return;
  m->opt.ram = j->seed % 4 == 0; /* the smallest plan */
  m->opt.row_chunks = native && j->seed % 5;
  m->opt.panel = native && j->seed % 3 ? PANEL_WIDTH : 0;
  if (!passes_run(ref, &(PassRun){.list = "autodiff,precision"}) || !passes_run(m, &(PassRun){0})) {
    nn_refused(c, "planned", j->why);
    return;
  }
  if (m->opt.ram) m->opt.ram = (int64_t)1 << 40; /* a budget that it meets */
  Code *code = native ? code_native(m, j->isa, j->why) : code_portable(m, "-O1", j->why);
  if (!code) return;
  Interp *in = interp_new(m, false), *by = reference(ref, j->seed, size);
  in->seed = by->seed, in->steps = by->steps, in->steps_per_epoch = by->steps_per_epoch;
  j->ok = true;
  for (int i = 0; i < m->ngraph && j->ok; i++)
    for (int threads = 1; threads <= (native ? 3 : 1) && code_has(code, m->graph[i]) && j->ok; threads += 2)
      j->ok = run_graph(j, code, threads, in, m->graph[i], by, graph_find(ref, m->graph[i]->name));
  code_free(code);
}

bool check_jit(const char *text, uint64_t seed, Why *why) {
  Gen r = gen_of(seed, 3);
  uint64_t off = seed % 3 ? 0 : rnd(&r, 1 << 16) & ~((1u << PASS_autodiff) | (1u << PASS_precision));
  Job j = {.text = text, .seed = seed, .off = off, .isa = nn_isa(&r), .dialect = DIALECT_NATIVE, .why = why};
  for (; j.dialect >= DIALECT_PORTABLE; j.dialect--, j.isa = NULL) {
    Ctx *c = ctx_new();
    j.ok = false;
    ctx_try(c, run_code, &j);
    ctx_free(c);
    if (!j.ok) return false;
  }
  return true;
}
