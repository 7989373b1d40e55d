/* SPDX-License-Identifier: Apache-2.0 */
/* dce: removes nodes that no result and no write depends on, stacked results of scans that are not read, and bodies
 * that no scan runs.
 *
 * needs:  nothing
 * keeps:  annotations, ports, the order of what stays
 * breaks: nothing */
#include "passes/pass.h"
#include "passes/transform/scan_dce.h"
#include "passes/transform/strip.h"

typedef struct LiveNodes {
  bool *node;
  ScanLive **scan; /* per live scan */
} LiveNodes;

/* Marks what a live scan needs for the results that are read: its `get`s come after it. */
static void mark_scan(const Graph *g, Id n, const LiveNodes *l, const bool *read) {
  const ScanLive *t = l->scan[n] = scan_live_find(g, n, read);
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (t->port[i]) l->node[node_in(g, n, (int)i)] = true;
}

static LiveNodes *live_nodes(const Graph *g, bool *body_used) {
  Ctx *c = g->m->c;
  LiveNodes *l = ctx_alloc(c, sizeof *l);
  *l = (LiveNodes){ctx_alloc(c, (size_t)g->n), ctx_alloc(c, sizeof *l->scan * (size_t)g->n)};
  bool **read = ctx_alloc(c, sizeof *read * (size_t)g->n); /* per scan */
  for (int i = 0; i < g->nout; i++) l->node[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n >= 1; n--) {
    if (!l->node[n]) continue;
    const OpInfo *info = node_info(g, n);
    if (info->cls == CL_TUPLE) {
      Id s = node_in(g, n, 0);
      if (!read[s]) read[s] = ctx_alloc(c, node_type(g, s)->ntuple + 1);
      read[s][node_attr(g, n, ATTR(get, index))->i] = true;
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

static void drop_dead(Graph *g, const LiveNodes *l) {
  bool any = false;
  bool *port = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nport; i++) port[g->port[i]] = true;
  for (Id n = 1; n < (Id)g->n; n++) any |= (!l->node[n] && !port[n]) || (l->scan[n] && !l->scan[n]->all);
  if (!any) return;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!l->node[n] || r.map[n]) continue;
    const ScanLive *t = node_info(g, n)->cls == CL_TUPLE ? l->scan[node_in(g, n, 0)] : l->scan[n];
    if (!t || t->all) graph_copy_node(&r, n);
    else if (node_info(g, n)->cls == CL_SCAN) scan_dce_copy(&r, n, t);
    else scan_dce_copy_get(&r, n, t);
  }
  graph_rebuild_end(&r);
}

/* The live nodes of the graphs in `roots` and of the bodies that they run; NULL for others. */
static LiveNodes **live_graphs(Module *m, const bool *roots) {
  size_t n = (size_t)m->ngraph + 1;
  bool *used = ctx_alloc(m->c, n);
  LiveNodes **live = ctx_alloc(m->c, sizeof *live * n);
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

static bool *roots_of(const Module *m) {
  bool *roots = ctx_alloc(m->c, (size_t)m->ngraph + 1);
  for (int i = 0; i < m->ngraph; i++) roots[i] = m->graph[i]->kind != GK_BODY;
  return roots;
}

void pass_dce(Module *m) {
  LiveNodes **live = live_graphs(m, roots_of(m));
  for (int i = 0, n = m->ngraph; i < n; i++) /* scans without dead inputs and results get bodies of their own */
    if (live[i]) drop_dead(m->graph[i], live[i]);
  module_keep_graphs(m, roots_of(m));
}
