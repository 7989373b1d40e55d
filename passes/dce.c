/* dce: drops the nodes that no result and no write depends on, and the bodies that no scan runs any more.
 *
 * needs:  nothing
 * keeps:  annotations, ports, the order of what stays
 * breaks: nothing
 * One sweep backwards marks, one forwards copies. */
#include "passes/pass.h"

static bool *live_nodes(const Graph *g, bool *body_used) {
  bool *live = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nout; i++) live[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n >= 1; n--) {
    if (!live[n]) continue;
    const OpInfo *info = node_info(g, n);
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) live[node_in(g, n, (int)i)] = true;
    for (int f = 0; f < info->nfields; f++)
      if (info->field[f].kind == AK_GRAPH) body_used[node_attr(g, n, f)->i] = true;
  }
  return live;
}

static void drop_dead(Graph *g, const bool *live) {
  int dead = 0;
  for (Id n = 1; n < (Id)g->n; n++) dead += !live[n];
  for (int i = 0; i < g->nport; i++) dead -= !live[g->port[i]];
  if (!dead) return;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++)
    if (live[n] && !r.map[n]) graph_copy_node(&r, n);
  graph_rebuild_end(&r);
}

/* Takes the graphs without a mark out of the module; attributes that name a graph follow. */
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

/* The nodes of each graph that something depends on, of `roots` and of the bodies that they run; NULL for others. */
static bool **live_graphs(Module *m, const bool *roots) {
  size_t n = (size_t)m->ngraph + 1;
  bool *used = ctx_alloc(m->c, n), **live = ctx_alloc(m->c, sizeof *live * n);
  for (int i = 0; i < m->ngraph; i++)
    if (roots[i]) live[i] = live_nodes(m->graph[i], used);
  for (bool more = true; more;) {
    more = false;
    for (int i = 0; i < m->ngraph; i++)
      if (!live[i] && used[i]) {
        live[i] = live_nodes(m->graph[i], used);
        more = true;
      }
  }
  return live;
}

void module_keep(Module *m, const bool *roots) {
  bool *keep = ctx_alloc(m->c, (size_t)m->ngraph + 1), **live = live_graphs(m, roots);
  for (int i = 0; i < m->ngraph; i++) keep[i] = live[i] != NULL;
  keep_graphs(m, keep);
}

void pass_dce(Module *m) {
  bool *roots = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) roots[i] = m->graph[i]->kind != GK_BODY;
  bool **live = live_graphs(m, roots);
  for (int i = 0; i < m->ngraph; i++)
    if (live[i]) drop_dead(m->graph[i], live[i]);
  module_keep(m, roots);
}
