// SPDX-License-Identifier: Apache-2.0
#include "driver/onnx_case.h"
#include "driver/interpret.h"
#include "export/export.h"
#include "ir/sizes.h"

static bool save_value(Ctx *c, const char *path, const char *name, DType t, const Val *v) {
  Str b = {.c = c};
  void *bytes = ctx_alloc(c, (size_t)v->count * (size_t)dtype_info[t].bytes + 1);
  val_store(v, t, bytes);
  export_tensor(&b, name, &(Type){.dtype = (uint8_t)t, .rank = (uint8_t)v->rank}, v->dim, bytes);
  return save_file(c, path, b.s, b.n, 0);
}

/* Floats in -1 .. 1, integers in 0 .. 7: a fixed sequence. */
static void fill(Val *v, DType t, uint64_t *state) {
  for (int64_t i = 0; i < v->count; i++) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    double u = (double)(*state >> 40) / (1 << 24);
    val_set(v, i, t == DT_BOOL ? u < 0.5 : dtype_is_float(t) ? 2 * u - 1 : (double)(int)(8 * u));
  }
  val_round(v, t);
}

static void choose_sizes(Interp *in, Module *m, const Graph *g) {
  SizeConstraints s = graph_constraints((Graph *)g);
  for (int i = 0; i < m->nsize; i++) {
    int64_t least = size_least(m, &s, i), n = m->size[i].bound < 4 ? m->size[i].bound : 4;
    in->size[i] = n > least ? n : least;
  }
}

static bool save_inputs(Interp *in, const Graph *g, Val **port, const char *folder) {
  Module *m = in->m;
  uint64_t state = 1;
  int k = 0;
  for (int i = 0; i < g->nport; i++) {
    TypeId type = node_get(g, g->port[i])->type;
    DType t = (DType)type_get(m, type)->dtype;
    if (!(port[i] = interp_value(in, type))) return false;
    fill(port[i], t, &state);
    if (!save_value(m->c, ctx_strf(m->c, "%s/input_%d.pb", folder, k++), node_name(g, g->port[i]), t, port[i]))
      return false;
  }
  for (int i = 0; i < g->nout; i++) {
    int v = g->out[i].var;
    if (v < 0) continue;
    DType t = (DType)type_get(m, m->var[v].type)->dtype;
    if (!save_value(m->c, ctx_strf(m->c, "%s/input_%d.pb", folder, k++), m->var[v].name, t, in->var[v])) return false;
  }
  return true;
}

/* In the order of g->out, which is that of the model's outputs. */
static bool save_results(Interp *in, const Graph *g, Val **result, const char *folder) {
  Ctx *c = in->m->c;
  for (int i = 0, k = 0; i < g->nout; i++) {
    const Out *o = &g->out[i];
    const Val *v = o->var < 0 ? result[k++] : in->var[o->var];
    const char *name = o->var < 0 ? o->name : ctx_strf(c, "%s.next", o->name);
    if (!save_value(c, ctx_strf(c, "%s/output_%d.pb", folder, i), name, (DType)node_type(g, o->value)->dtype, v))
      return false;
  }
  return true;
}

int onnx_write_case(Module *m, const Graph *g, const void *const *values, const char *folder) {
  Interp *in = interp_new(m, false);
  Val **port = ctx_array(m->c, g->nport, sizeof *port);
  Val **result = ctx_array(m->c, interp_nresults(g), sizeof *result);
  for (int i = 0; i < m->nvar; i++) {
    Val *v = values[i] ? interp_value(in, m->var[i].type) : NULL;
    if (!v) continue;
    val_fill(v, (DType)type_get(m, m->var[i].type)->dtype, values[i]);
    interp_set_var(in, i, v);
  }
  choose_sizes(in, m, g);
  if (!save_inputs(in, g, port, folder)) return EXIT_RESOURCES;
  bool ok = interpret_run(in, g, port, result) && save_results(in, g, result, folder);
  interp_free(in);
  return ok ? EXIT_OK : EXIT_MODEL;
}
