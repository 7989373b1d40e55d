/* SPDX-License-Identifier: Apache-2.0 */

#include "driver/interpret.h"
#include <stdio.h>

bool interpret_run(Interp *in, const Graph *g, Val *const *ports, Val **results) {
  if (interp_run(in, g, ports, results)) return true;
  diag_error(in->m->c, E_GRAPH_RUN, in->error_loc, 1, "`%s` cannot be run: %s", g->name, in->error);
  return false;
}

static const Graph *init_graph(const Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_INIT) return m->graph[i];
  return NULL;
}

bool interpret_init(Interp *in) {
  for (int i = 0; i < in->m->nvar; i++) {
    Val *v = interp_value(in, in->m->var[i].type);
    if (!v) {
      diag_error(in->m->c, E_GRAPH_RUN, in->m->var[i].loc, 1, "out of memory for `%s`", in->m->var[i].name);
      return false;
    }
    interp_set_var(in, i, v);
  }
  const Graph *init = init_graph(in->m);
  return !init || interpret_run(in, init, NULL, NULL);
}

void interpret_drop(Val **v, int n) {
  for (int i = 0; i < n; i++) val_release(v[i]);
}

const char *val_text(Ctx *c, DType t, const Val *v) {
  enum { SHOWN = 6 };
  Str s = {.c = c};
  if (v->rank) str_puts(&s, "[");
  for (int64_t i = 0; i < v->count && i < SHOWN; i++)
    str_printf(&s, "%s%s", i ? ", " : "", val_number_text(c, t, v, i));
  if (v->count > SHOWN) str_printf(&s, ", … %lld more", (long long)(v->count - SHOWN));
  if (v->rank) str_puts(&s, "]");
  return s.s ? s.s : "";
}
