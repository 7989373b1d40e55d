#include "driver/engine.h"
#include "driver/native.h"
#include "driver/toolchain.h"
#include "passes/flops.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include <stdlib.h>
#include <string.h>

enum { E_RUN = 507 };

/* Operations and elements of a call: what the interpreter's time goes by. */
static double work_of(const Graph *g) {
  double work = graph_flops(g);
  for (Id n = 1; n < (Id)g->n; n++) work += (double)dim_bound(g->m, type_count(g->m, node_get(g, n)->type));
  return work;
}

/* Whether the interpreter is done before there would be code. It has the same bits in strict mode alone. */
static bool is_short(const Args *a, const Module *m, double calls) {
  enum { SHORT = 50000000 };
  bool asked = args_has(a, OPT_cc) || (args_has(a, OPT_jit) && strcmp(a->value[OPT_jit], "auto"));
  double work = 0;
  for (int i = 0; i < m->ngraph; i++) work += work_of(m->graph[i]) * (m->graph[i]->kind == GK_INIT ? 1 : calls);
  return m->opt.strict && !asked && work <= SHORT;
}

int engine_open(Engine *e, Args *a, Module *m, Graph *const *want, int n, double calls, bool f64) {
  int status = EXIT_MODEL;
  uint64_t seed = m->ntrain ? m->train[0].seed : 1;
  *e = (Engine){.a = a, .m = m};
  if (args_has(a, OPT_weights) && !(e->given = load_weights(m, a->value[OPT_weights]))) return status;
  module_only(m, want, n);
  bool code = !args_has(a, OPT_interpret) && !is_short(a, m, calls);
  if (code) toolchain_prepare(a);
  if (f64) module_double(m);
  if (!passes_run(m, code ? &(PassRun){0} : &(PassRun){.stop_after = "precision"})) return status;
  e->in = interp_new(m, false);
  if (!e->in) ctx_abort(a->c);
  e->in->seed = seed;
  if (!code) return EXIT_WELL;
  e->jit = toolchain_load(a, m, &status);
  if (!e->jit) return status;
  e->native = native_new(jit_symbol(e->jit, "gc_model"));
  return EXIT_WELL;
}

static Val *new_value(Engine *e, TypeId type) {
  Val *v = interp_value(e->in, type);
  if (!v) ctx_abort(e->a->c);
  return v;
}

static DType dtype_of(const Engine *e, TypeId type) { return (DType)type_get(e->m, type)->dtype; }

/* Room for a value as code has it: its own, but for types of 16 bits. */
static void *room_for(Engine *e, const Val *v, DType t) {
  return v->type == t ? v->data : ctx_alloc(e->a->c, (size_t)v->count * (size_t)dtype_info[t].bytes + 64);
}

static const void *as_stored(Engine *e, const Val *v, DType t) {
  void *p = room_for(e, v, t);
  if (p != v->data) val_store(v, t, p);
  return p;
}

Val *engine_var(Engine *e, int var) {
  TypeId type = e->m->var[var].type;
  Val *v = new_value(e, type);
  if (!e->native) {
    val_fill(v, e->in->var[var]->type, e->in->var[var]->data);
    return v;
  }
  void *p = room_for(e, v, dtype_of(e, type));
  native_get(e->native, var, p);
  if (p != v->data) val_fill(v, dtype_of(e, type), p);
  return v;
}

void engine_set_var(Engine *e, int var, Val *v) {
  if (e->native) native_set(e->native, var, as_stored(e, v, dtype_of(e, e->m->var[var].type)));
  else interp_set_var(e->in, var, val_hold(v));
}

static bool set_given(Engine *e) {
  for (int i = 0; i < e->m->nvar && e->given; i++) {
    if (!e->given[i]) continue;
    Val *v = new_value(e, e->m->var[i].type);
    val_fill(v, dtype_of(e, e->m->var[i].type), e->given[i]);
    engine_set_var(e, i, v);
    val_drop(v);
  }
  return true;
}

bool engine_init(Engine *e) {
  if (!e->native) return interpret_init(e->in) && set_given(e);
  const Interp *in = e->in;
  int status = native_init(e->native, &(GcRun){.seed = in->seed, .step = in->step, .steps = in->steps,
                                               .steps_per_epoch = in->steps_per_epoch});
  if (!status) return set_given(e);
  diag_error(e->a->c, E_RUN, 0, 1, "`init` cannot be run: status %d", status);
  return false;
}

/* Every run draws the same random numbers: gradcheck compares the values of one function, and a test does not depend on
 * which ran before it. */
bool engine_run(Engine *e, const Graph *g, Val *const *ports, Val **results) {
  e->in->calls = 0;
  if (!e->native) return interpret_run(e->in, g, ports, results);
  native_restart(e->native, head_calls(e->m));
  Ctx *c = e->a->c;
  int n = interp_nresults(g);
  void **out = ctx_take(c, sizeof *out * (size_t)(n + 1));
  const void **in = ctx_take(c, sizeof *in * (size_t)(g->nport + 1));
  if (!in || !out) ctx_abort(c);
  for (int i = 0; i < g->nport; i++) in[i] = as_stored(e, ports[i], (DType)node_type(g, g->port[i])->dtype);
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    results[k] = new_value(e, node_get(g, g->out[i].value)->type);
    out[k] = room_for(e, results[k], (DType)node_type(g, g->out[i].value)->dtype);
    k++;
  }
  int status = native_run(e->native, g->name, in, out);
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    if (out[k] != results[k]->data) val_fill(results[k], (DType)node_type(g, g->out[i].value)->dtype, out[k]);
    k++;
  }
  ctx_give(in);
  ctx_give(out);
  if (!status) return true;
  diag_error(c, E_RUN, g->loc, 1, "`%s` cannot be run: status %d", g->name, status);
  interpret_drop(results, n);
  return false;
}

void engine_close(Engine *e) {
  native_free(e->native);
  jit_free(e->jit);
  if (e->in) interp_free(e->in);
}
