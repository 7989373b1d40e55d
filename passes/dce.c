/* dce: drops the nodes that no result and no write depends on, what scans stack and nobody reads, and the bodies that no
 * scan runs any more.
 *
 * needs:  nothing
 * keeps:  annotations, ports, the order of what stays
 * breaks: nothing
 * One sweep backwards marks, one forwards copies. */
#include "passes/pass.h"
#include "passes/trim.h"

typedef struct Live {
  bool *node;
  Trim **trim;    /* per live scan */
} Live;

/* Which results of a live scan are read: its `get`s stand behind it. */
static void mark_scan(const Graph *g, Id n, const Live *l, const bool *read) {
  const Trim *t = l->trim[n] = trim_find(g, n, read);
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (t->port[i]) l->node[node_in(g, n, (int)i)] = true;
}

static Live *live_nodes(const Graph *g, bool *body_used) {
  Ctx *c = g->m->c;
  Live *l = ctx_alloc(c, sizeof *l);
  *l = (Live){ctx_alloc(c, (size_t)g->n), ctx_alloc(c, sizeof *l->trim * (size_t)g->n)};
  bool **read = ctx_alloc(c, sizeof *read * (size_t)g->n); /* per scan */
  for (int i = 0; i < g->nout; i++) l->node[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n >= 1; n--) {
    if (!l->node[n]) continue;
    const OpInfo *info = node_info(g, n);
    if (info->cls == CL_TUPLE) {
      Id s = node_in(g, n, 0);
      if (!read[s]) read[s] = ctx_alloc(c, node_type(g, s)->ntuple + 1);
      read[s][node_attr(g, n, 0)->i] = true;
    }
    if (info->cls == CL_SCAN && read[n]) {
      mark_scan(g, n, l, read[n]);
    } else {
      for (uint32_t i = 0; i < node_get(g, n)->nin; i++) l->node[node_in(g, n, (int)i)] = true;
    }
    for (int f = 0; f < info->nfields; f++)
      if (info->field[f].kind == AK_GRAPH) body_used[node_attr(g, n, f)->i] = true;
  }
  return l;
}

static void drop_dead(Graph *g, const Live *l) {
  bool any = false;
  bool *port = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nport; i++) port[g->port[i]] = true;
  for (Id n = 1; n < (Id)g->n; n++) any |= (!l->node[n] && !port[n]) || (l->trim[n] && !l->trim[n]->whole);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!l->node[n] || r.map[n]) continue;
    const Trim *t = node_info(g, n)->cls == CL_TUPLE ? l->trim[node_in(g, n, 0)] : l->trim[n];
    if (!t || t->whole) graph_copy_node(&r, n);
    else if (node_info(g, n)->cls == CL_SCAN) trim_scan(&r, n, t);
    else trim_get(&r, n, t);
  }
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
static Live **live_graphs(Module *m, const bool *roots) {
  size_t n = (size_t)m->ngraph + 1;
  bool *used = ctx_alloc(m->c, n);
  Live **live = ctx_alloc(m->c, sizeof *live * n);
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

/* Bodies are kept for dead scans, too: those stay in their graphs until dce. */
void module_keep(Module *m, const bool *roots) {
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

static bool *roots_of(const Module *m) {
  bool *roots = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) roots[i] = m->graph[i]->kind != GK_BODY;
  return roots;
}

void pass_dce(Module *m) {
  Live **live = live_graphs(m, roots_of(m));
  for (int i = 0, n = m->ngraph; i < n; i++) /* trimmed scans bring bodies of their own */
    if (live[i]) drop_dead(m->graph[i], live[i]);
  module_keep(m, roots_of(m));
}
