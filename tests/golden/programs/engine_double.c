/* SPDX-License-Identifier: Apache-2.0 */
/* The reference interpreter with every float a double, on graphs before all passes except autodiff, because passes fold
 * constants in single precision. */
#include "frontend/elab.h"
#include "golden.h"
#include "ir/interp.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Double {
  Ctx *c;
  Module *m;
  Interp *in;
  double loss;
} Double;

static const char *fill(Val *v, const Array *a, int64_t from) {
  if (!v) return "out of memory";
  if (v->count > a->count - from) return "another number of elements";
  for (int64_t i = 0; i < v->count; i++) val_set(v, i, a->v[from + i]);
  return NULL;
}

static const char *set(void *state, const char *weight, const Array *a) {
  Double *d = state;
  int v = var_find(d->m, weight);
  if (v < 0) return "no such weight";
  Val *x = interp_value(d->in, d->m->var[v].type);
  if (x && x->count != a->count) return "another number of elements";
  const char *e = fill(x, a, 0);
  if (!e) interp_set_var(d->in, v, x);
  return e;
}

static const char *take(const Val *v, Array *a) {
  if (v->count != a->count) return "another number of elements";
  a->v = calloc((size_t)a->count + 1, sizeof *a->v);
  for (int64_t i = 0; i < a->count; i++) a->v[i] = val_get(v, i);
  return NULL;
}

static const char *get(void *state, const char *weight, Array *a) {
  Double *d = state;
  int v = var_find(d->m, weight);
  return v < 0 ? "no such weight" : take(d->in->var[v], a);
}

/* part: which of several equal parts of the inputs. */
static const char *run(Double *d, const Graph *g, const Array *in, int nin, int part, Val **result) {
  Val *port[MAX_ARRAYS] = {0};
  const char *e = g->nport != nin ? "another number of inputs" : NULL;
  for (int i = 0; i < nin && !e; i++) {
    port[i] = interp_value(d->in, node_get(g, g->port[i])->type);
    e = fill(port[i], &in[i], part * (port[i] ? port[i]->count : 0));
  }
  if (!e && !interp_run(d->in, g, port, result)) e = d->in->error;
  for (int i = 0; i < nin; i++) val_release(port[i]);
  return e;
}

static const char *call(void *state, const char *export, const Array *in, int nin, Array *out, int nout) {
  Double *d = state;
  Graph *g = graph_find(d->m, export);
  if (!g || interp_nresults(g) != nout) return "no such export, or another number of results";
  Val *result[MAX_ARRAYS] = {0};
  const char *e = run(d, g, in, nin, 0, result);
  for (int i = 0; i < nout && !e; i++) e = take(result[i], &out[i]);
  for (int i = 0; i < nout; i++) val_release(result[i]);
  return e;
}

static const char *step(void *state, const Array *field, int n) {
  Double *d = state;
  const TrainInfo *t = d->m->train;
  const char *e = t ? NULL : "no train section";
  if (e) return e;
  int64_t passes = t->step ? 1 : t->accumulate;
  d->loss = 0;
  for (int64_t k = 0; k < passes && !e; k++) {
    const Graph *g = t->step ? t->step : t->pass;
    Val *result[MAX_ARRAYS] = {0};
    d->in->pass = (uint32_t)k;
    e = run(d, g, field, n, (int)k, result);
    int at = 0; /* of the loss among the results, which leave out the writes */
    for (int o = 0; o < graph_loss(g); o++) at += g->out[o].var < 0;
    if (!e) d->loss += val_get(result[at], 0) / (double)passes;
    for (int i = 0; i < interp_nresults(g); i++) val_release(result[i]);
  }
  Val *result[MAX_ARRAYS] = {0};
  if (!e && !t->step) e = run(d, t->update, NULL, 0, 0, result);
  for (int i = 0; i < MAX_ARRAYS; i++) val_release(result[i]);
  d->in->step++;
  return e;
}

static double loss(void *state) { return ((Double *)state)->loss; }

/* Names on standard output the operations that graphs have, for the check that every one is in a program. */
static void print_ops(const Module *m) {
  bool used[OP_COUNT] = {0};
  for (int i = 0; i < m->ngraph; i++)
    for (Id n = 1; n < (Id)m->graph[i]->n; n++) used[node_get(m->graph[i], n)->op] = true;
  for (int op = 1; op < OP_COUNT; op++)
    if (used[op]) printf("uses %s\n", op_info[op].name);
}

static const char *load(Double *d, const char *nn) {
  Loc start;
  ElabOptions o = {.builtin = embed_text};
  if (!source_read(d->c, nn, &start)) return "cannot be read";
  d->m = elaborate(d->c, start, nn, &o);
  if (!diag_errors(d->c)) {
    print_ops(d->m); /* with grad and jvp */
    passes_run(d->m, &(PassRun){.list = "autodiff"});
  }
  if (!diag_errors(d->c)) return print_ops(d->m), NULL;
  diag_print(d->c, stdout, false);
  return "does not compile";
}

const char *engine_double(Engine *e, const Source *s) {
  Double *d = calloc(1, sizeof *d);
  d->c = ctx_new();
  *e = (Engine){true, d, set, get, call, step, loss};
  const char *error = load(d, s->nn);
  if (error) return error;
  d->in = interp_new(d->m, true);
  const TrainInfo *t = d->m->train;
  if (t) d->in->seed = t->seed, d->in->steps = (uint32_t)t->steps;
  for (int i = 0; i < d->m->nvar; i++) interp_set_var(d->in, i, interp_value(d->in, d->m->var[i].type));
  Graph *init = graph_find(d->m, "init");
  return init ? run(d, init, NULL, 0, 0, (Val *[MAX_ARRAYS]){0}) : NULL;
}
