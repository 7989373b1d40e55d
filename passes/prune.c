/* A module for inference alone (--only=infer): not a pass, since it changes what is computed, not how. */
#include "passes/pass.h"

static void drop_optimizer_writes(const Module *m, Graph *g) {
  int n = 0;
  for (int i = 0; i < g->nout; i++)
    if (g->out[i].var < 0 || m->var[g->out[i].var].kind != VK_OPTIM) g->out[n++] = g->out[i];
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
    if (m->graph[i]->kind == GK_INIT) drop_optimizer_writes(m, m->graph[i]);
  }
  module_keep(m, keep);
  drop_optimizer_state(m);
  m->ntrain = m->ndata = m->ntest = 0;
}
