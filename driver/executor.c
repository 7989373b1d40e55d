/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/executor.h"
#include "driver/jit_executor.h"
#include "driver/toolchain.h"
#include "passes/analysis/cost_model.h"
#include "passes/pass.h"
#include "passes/transform/widen_f64.h"
#include "passes/transform/strip.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>
#include <string.h>

/* Operations plus elements of a call, to which the interpreter's time is proportional. */
static double work_of(const Graph *g) {
  double work = graph_flops(g);
  for (Id n = 1; n < (Id)g->n; n++) work += (double)dim_bound(g->m, type_count(g->m, node_get(g, n)->type));
  return work;
}

/* Whether the interpreter finishes before code would be compiled. Only strict mode has the same bits in both. */
static bool is_short(const Args *a, const Module *m, double calls) {
  enum { SHORT = 50000000 };
  bool asked = args_has(a, OPT_cc) || args_device(a) || (args_has(a, OPT_jit) && strcmp(a->value[OPT_jit], "auto"));
  double work = 0;
  for (int i = 0; i < m->ngraph; i++) work += work_of(m->graph[i]) * (m->graph[i]->kind == GK_INIT ? 1 : calls);
  return m->opt.strict && !asked && work <= SHORT;
}

int executor_open(Executor *e, Args *a, Module *m, Graph *const *want, int n, double calls, bool f64) {
  int status = EXIT_MODEL;
  uint64_t seed = m->ntrain ? m->train[0].seed : 1;
  *e = (Executor){.a = a, .m = m};
  if (args_has(a, OPT_weights) && !(e->given = load_weights(m, a->value[OPT_weights], NULL))) return status;
  module_only_graphs(m, want, n);
  bool code = !args_has(a, OPT_interpret) && !is_short(a, m, calls);
  if (code) toolchain_prepare(a);
  if (f64) module_widen_f64(m);
  if (!passes_run(m, code ? &(PassRun){0} : &(PassRun){.stop_after = "precision"})) return status;
  e->in = interp_new(m, false);
  if (!e->in) ctx_abort(a->c);
  e->in->seed = seed;
  if (!code) return EXIT_OK;
  e->jit = toolchain_load(a, m, &status);
  if (!e->jit) return status;
  e->jit_executor = jit_executor_new(jit_symbol(e->jit, "gc_model"));
  return EXIT_OK;
}

static Val *new_value(Executor *e, TypeId type) {
  Val *v = interp_value(e->in, type);
  if (!v) ctx_abort(e->a->c);
  return v;
}

static DType dtype_of(const Executor *e, TypeId type) { return (DType)type_get(e->m, type)->dtype; }

/* Memory for a value as compiled code stores it: the value's own, except for 16-bit types. */
static void *storage_of(Executor *e, const Val *v, DType t) {
  return v->type == t ? v->data : ctx_alloc(e->a->c, (size_t)v->count * (size_t)dtype_info[t].bytes + 64);
}

static const void *as_stored(Executor *e, const Val *v, DType t) {
  void *p = storage_of(e, v, t);
  if (p != v->data) val_store(v, t, p);
  return p;
}

Val *executor_var(Executor *e, int var) {
  TypeId type = e->m->var[var].type;
  Val *v = new_value(e, type);
  if (!e->jit_executor) {
    val_fill(v, e->in->var[var]->type, e->in->var[var]->data);
    return v;
  }
  void *p = storage_of(e, v, dtype_of(e, type));
  jit_executor_get(e->jit_executor, var, p);
  if (p != v->data) val_fill(v, dtype_of(e, type), p);
  return v;
}

void executor_set_var(Executor *e, int var, Val *v) {
  if (e->jit_executor) jit_executor_set(e->jit_executor, var, as_stored(e, v, dtype_of(e, e->m->var[var].type)));
  else interp_set_var(e->in, var, val_retain(v));
}

static bool set_given(Executor *e) {
  for (int i = 0; i < e->m->nvar && e->given; i++) {
    if (!e->given[i]) continue;
    Val *v = new_value(e, e->m->var[i].type);
    val_fill(v, dtype_of(e, e->m->var[i].type), e->given[i]);
    executor_set_var(e, i, v);
    val_release(v);
  }
  return true;
}

bool executor_init(Executor *e) {
  if (!e->jit_executor) return interpret_init(e->in) && set_given(e);
  const Interp *in = e->in;
  int status = jit_executor_init(
    e->jit_executor,
    &(GcRun){.seed = in->seed, .step = in->step, .steps = in->steps, .steps_per_epoch = in->steps_per_epoch});
  if (!status) return set_given(e);
  diag_error(e->a->c, E_GRAPH_RUN, 0, 1, "`init` cannot be run: status %d", status);
  return false;
}

/* Every run draws the same random numbers: gradcheck evaluates one function many times, and a test must not depend on
 * the tests before it. */
bool executor_run(Executor *e, const Graph *g, Val *const *ports, Val **results) {
  e->in->calls = 0;
  if (!e->jit_executor) return interpret_run(e->in, g, ports, results);
  jit_executor_restart(e->jit_executor, head_calls(e->m));
  Ctx *c = e->a->c;
  int n = interp_nresults(g);
  void **out = ctx_heap_alloc(c, sizeof *out * (size_t)(n + 1));
  const void **in = ctx_heap_alloc(c, sizeof *in * (size_t)(g->nport + 1));
  if (!in || !out) ctx_abort(c);
  for (int i = 0; i < g->nport; i++) in[i] = as_stored(e, ports[i], (DType)node_type(g, g->port[i])->dtype);
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    results[k] = new_value(e, node_get(g, g->out[i].value)->type);
    out[k] = storage_of(e, results[k], (DType)node_type(g, g->out[i].value)->dtype);
    k++;
  }
  int status = jit_executor_run(e->jit_executor, g->name, in, out);
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    if (out[k] != results[k]->data) val_fill(results[k], (DType)node_type(g, g->out[i].value)->dtype, out[k]);
    k++;
  }
  ctx_heap_free(in);
  ctx_heap_free(out);
  if (!status) return true;
  diag_error(c, E_GRAPH_RUN, g->loc, 1, "`%s` cannot be run: status %d", g->name, status);
  interpret_drop(results, n);
  return false;
}

void executor_close(Executor *e) {
  jit_executor_free(e->jit_executor);
  jit_free(e->jit);
  if (e->in) interp_free(e->in);
}
