/* Renaming and reordering a module's persistent tensors after its graphs were built. */
#include "tables.h"
#include <string.h>

/* The new names go into the nodes while the old ones can still be looked up. */
static bool rename_nodes(Module *m, Graph *g, const char *const *name) {
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++) {
    Node *d = &g->node[n];
    if (d->op != OP_param && d->op != OP_state) continue;
    int v = var_find(m, node_attr(g, n, 0)->s);
    d->attr = attr_make(m, (Op)d->op, &(AttrVal){.s = name[v]});
    any = true;
  }
  return any;
}

/* Nodes are found by their attributes, so the graph's table must be made anew. */
static void rebuild(Graph *g) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++)
    if (!r.map[n]) graph_copy_node(&r, n);
  graph_rebuild_end(&r);
}

static void rename_outs(Module *m, Graph *g, const int *to) {
  g->nout_of = 0;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var < 0) continue;
    g->out[i].var = to[g->out[i].var];
    g->out[i].name = m->var[g->out[i].var].name;
  }
}

/* order[i]: present number of the tensor that becomes number i; name[v]: new name of the present number v. */
void vars_arrange(Module *m, const int *order, const char *const *name) {
  int n = m->nvar;
  Var *old = m->var;
  int *to = ctx_alloc(m->c, (size_t)(n + 1) * sizeof *to);
  bool *any = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) any[i] = rename_nodes(m, m->graph[i], name);
  m->var = NULL;
  m->nvar = m->capvar = 0;
  memset(&m->tab->vars, 0, sizeof m->tab->vars);
  for (int i = 0; i < n; i++) {
    const Var *v = &old[order[i]];
    to[order[i]] = var_add(m, name[order[i]], v->kind, v->type, v->hints, v->loc);
  }
  for (int i = 0; i < m->ntrain; i++) {
    TrainInfo *t = &m->train[i];
    if (t->scale_var >= 0) t->scale_var = to[t->scale_var], t->skipped_var = to[t->skipped_var];
  }
  for (int i = 0; i < m->ngraph; i++) {
    rename_outs(m, m->graph[i], to);
    if (any[i]) rebuild(m->graph[i]);
  }
}
