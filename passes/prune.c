/* A module for inference alone (--only=infer), without its tests, or with weights that come with the program: no passes,
 * since they change what is computed, not how. */
#include "passes/pass.h"

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

/* Vars are named by number, so only those at the end of the table can go: the elaborator puts optimizer state there. */
static void drop_optimizer_state(Module *m) {
  while (m->nvar > 0 && m->var[m->nvar - 1].kind == VK_OPTIM) m->nvar--;
}

void module_infer_only(Module *m) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) {
    keep[i] = m->graph[i]->kind == GK_EXPORT || m->graph[i]->kind == GK_INIT;
    if (m->graph[i]->kind == GK_INIT) drop_writes(m, m->graph[i], is_optim);
  }
  module_keep(m, keep);
  drop_optimizer_state(m);
  m->ntrain = m->ndata = m->ntest = 0;
}

void module_drop_tests(Module *m) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) keep[i] = m->graph[i]->kind != GK_TEST && m->graph[i]->kind != GK_BODY;
  module_keep(m, keep);
  m->ntest = 0;
}

/* Other exports are taken for tests, the wanted graphs for exports: so each kind keeps one meaning from here on. */
void module_only(Module *m, Graph *const *want, int n) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT) m->graph[i]->kind = GK_TEST;
  for (int i = 0; i < n; i++) want[i]->kind = GK_EXPORT;
  module_infer_only(m);
  m->opt.ram = 0;
}

void module_given(Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_INIT) drop_writes(m, m->graph[i], is_given);
}
