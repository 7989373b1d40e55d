#include "driver/engine.h"
#include "driver/native.h"
#include "driver/toolchain.h"
#include "passes/pass.h"
#include <stdlib.h>

enum { E_RUN = 507 };

int engine_open(Engine *e, Args *a, Module *m, Graph *const *want, int n) {
  int status = EXIT_MODEL;
  uint64_t seed = m->ntrain ? m->train[0].seed : 1;
  bool code = !args_has(a, OPT_interpret);
  *e = (Engine){.a = a, .m = m};
  if (args_has(a, OPT_weights) && !(e->given = load_weights(m, a->value[OPT_weights]))) return status;
  module_only(m, want, n);
  if (!passes_run(m, code ? &(PassRun){0} : &(PassRun){.stop_after = "precision"})) return status;
  e->in = interp_new(m, false);
  if (!e->in) ctx_abort(a->c);
  e->in->seed = seed;
  if (!code) return EXIT_WELL;
  e->jit = toolchain_load(a, m, &status);
  if (!e->jit) return status;
  e->native = native_new(jit_symbol(e->jit, "gc_model"), seed);
  return EXIT_WELL;
}

static bool set_given(Engine *e) {
  for (int i = 0; i < e->m->nvar && e->given; i++) {
    if (!e->given[i]) continue;
    if (e->native) {
      native_set(e->native, i, e->given[i]);
      continue;
    }
    Val *v = interp_value(e->in, e->m->var[i].type);
    if (!v) ctx_abort(e->a->c);
    val_fill(v, (DType)type_get(e->m, e->m->var[i].type)->dtype, e->given[i]);
    interp_set_var(e->in, i, v);
  }
  return true;
}

bool engine_init(Engine *e) {
  if (!e->native) return interpret_init(e->in) && set_given(e);
  int status = native_init(e->native);
  if (!status) return set_given(e);
  diag_error(e->a->c, E_RUN, 0, 1, "`init` cannot be run: status %d", status);
  return false;
}

bool engine_run(Engine *e, const Graph *g, Val **results) {
  if (!e->native) return interpret_run(e->in, g, NULL, results);
  Ctx *c = e->a->c;
  int n = interp_nresults(g);
  void **out = ctx_alloc(c, sizeof *out * (size_t)(n + 1));
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    const Type *t = node_type(g, g->out[i].value);
    results[k] = interp_value(e->in, node_get(g, g->out[i].value)->type);
    if (!results[k]) ctx_abort(c);
    out[k] = ctx_alloc(c, (size_t)results[k]->count * (size_t)dtype_info[t->dtype].bytes + 64);
    k++;
  }
  int status = native_run(e->native, g->name, out);
  for (int i = 0, k = 0; i < g->nout; i++)
    if (g->out[i].var < 0) val_fill(results[k], (DType)node_type(g, g->out[i].value)->dtype, out[k]), k++;
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
