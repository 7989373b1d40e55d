/* `info`: the weights and states, in the model's order. */
#include "rt.h"

static void json_line(const App *a, const GcVar *v, bool hash) {
  char *name = json_quote(v->name);
  rt_out("{\"name\":%s,\"shape\":[", name);
  for (int i = 0; i < v->rank; i++) rt_out("%s%lld", i ? "," : "", (long long)v->dim[i]);
  rt_out("],\"dtype\":\"%s\",\"kind\":\"%s\"", gc_dtype_name[v->dtype], v->kind == GC_PARAM ? "param" : "state");
  if (hash) rt_out(",\"hash\":\"%016llx\"", (unsigned long long)var_hash(v, a->mem));
  rt_out("}\n");
  rt_free(name);
}

static void text_line(const App *a, const GcVar *v, int width, bool hash) {
  char *shape = num_shape(v->rank, v->dim, v->dtype, NULL);
  rt_out("%-*s  %-5s  %s", width, v->name, v->kind == GC_PARAM ? "param" : "state", shape);
  if (hash) rt_out("  %016llx", (unsigned long long)var_hash(v, a->mem));
  rt_out("\n");
  rt_free(shape);
}

int gc_info(App *a) {
  const GcModel *m = a->m;
  bool hash = a->o.weights != NULL; /* values matter only where a file was named */
  int width = 0;
  if (hash) {
    app_memory(a);
    app_init(a);
    weights_load(a, a->o.weights);
  }
  for (int i = 0; i < m->nvars; i++) {
    int n = snprintf(NULL, 0, "%s", m->vars[i].name);
    if (m->vars[i].kind != GC_OPTIM && n > width) width = n;
  }
  for (int i = 0; i < m->nvars; i++) {
    if (m->vars[i].kind == GC_OPTIM) continue;
    if (a->o.json) json_line(a, &m->vars[i], hash);
    else text_line(a, &m->vars[i], width, hash);
  }
  if (!a->o.json) {
    rt_out("%.0f parameters, %zu bytes of memory\n", m->parameters, m->bytes);
    if (hash) rt_out("weights_hash %016llx\n", (unsigned long long)vars_hash(m, a->mem));
  }
  rt_out_flush();
  return 0;
}
