/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/transform/strip.h"

/* Removes the unmarked graphs from the module and renumbers attributes that name a graph. */
static void keep_graphs(Module *m, const bool *keep) {
  int64_t *number = ctx_alloc(m->c, sizeof *number * (size_t)(m->ngraph + 1));
  int n = 0;
  for (int i = 0; i < m->ngraph; i++) {
    number[i] = n;
    if (keep[i]) m->graph[n++] = m->graph[i];
  }
  if (n == m->ngraph) return;
  m->ngraph = n;
  for (int i = 0; i < n; i++) {
    Graph *g = m->graph[i];
    g->index = i;
    for (Id k = 1; k < (Id)g->n; k++) {
      const OpInfo *info = node_info(g, k);
      Op op = (Op)node_get(g, k)->op;
      for (int f = 0; f < info->nfields; f++) {
        if (info->field[f].kind != AK_GRAPH) continue;
        const Attr *old = attr_get(m, g->node[k].attr);
        AttrVal *v = ctx_alloc(m->c, sizeof *v * (size_t)old->n);
        for (int j = 0; j < old->n; j++) v[j] = old->v[j];
        v[f].i = number[v[f].i];
        g->node[k].attr = attr_with(m, op, attr_make(m, op, v), old->clone, old->hints);
      }
    }
  }
}

/* Bodies of dead scans are kept too: dead nodes stay in their graphs until dce. */
void module_keep_graphs(Module *m, const bool *roots) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  int *todo = ctx_alloc(m->c, sizeof *todo * (size_t)(m->ngraph + 1)), n = 0;
  for (int i = 0; i < m->ngraph; i++)
    if ((keep[i] = roots[i])) todo[n++] = i;
  while (n) {
    const Graph *g = m->graph[todo[--n]];
    for (Id k = 1; k < (Id)g->n; k++) {
      const OpInfo *info = node_info(g, k);
      for (int f = 0; f < info->nfields; f++) {
        if (info->field[f].kind != AK_GRAPH) continue;
        int body = (int)node_attr(g, k, f)->i;
        if (!keep[body]) todo[n++] = body;
        keep[body] = true;
      }
    }
  }
  keep_graphs(m, keep);
}

typedef bool VarFn(const Var *v);
static bool is_optim(const Var *v) { return v->kind == VK_OPTIM; }
static bool is_given(const Var *v) { return v->given; }

static void drop_writes(const Module *m, Graph *g, VarFn *of) {
  int n = 0;
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0 || !of(&m->var[g->out[i].var])) g->out[n++] = g->out[i];
  g->nout = n;
  g->nout_of = 0;
}

/* Vars are identified by number, so only those at the end of the table can be removed: optimizer state, as the
 * elaborator arranges. */
static void drop_optimizer_state(Module *m) {
  while (m->nvar > 0 && m->var[m->nvar - 1].kind == VK_OPTIM) m->nvar--;
}

void module_infer_only(Module *m) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) {
    keep[i] = m->graph[i]->kind == GK_EXPORT || m->graph[i]->kind == GK_INIT;
    if (m->graph[i]->kind == GK_INIT) drop_writes(m, m->graph[i], is_optim);
  }
  module_keep_graphs(m, keep);
  drop_optimizer_state(m);
  m->ntrain = m->ndata = m->ntest = 0;
}

void module_drop_tests(Module *m) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) keep[i] = m->graph[i]->kind != GK_TEST && m->graph[i]->kind != GK_BODY;
  module_keep_graphs(m, keep);
  m->ntest = 0;
}

/* Other exports become tests, the wanted graphs exports, so that a graph's kind keeps its meaning. */
void module_only_graphs(Module *m, Graph *const *want, int n) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT) m->graph[i]->kind = GK_TEST;
  for (int i = 0; i < n; i++) want[i]->kind = GK_EXPORT;
  module_infer_only(m);
  m->opt.ram = 0;
}

void module_drop_given_init(Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_INIT) drop_writes(m, m->graph[i], is_given);
}
