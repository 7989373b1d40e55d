/* cse: equal computations become one.
 *
 * needs:  autodiff: before gradients are expanded it does nothing
 * keeps:  annotations, ports, recompute clones (their clone number is part of the key)
 * breaks: nothing
 *
 * graph_node already makes equal keys one node, so a plain copy of the graph does the work; this pass adds one order
 * for the operands of commuting ops: a constant last, else the earlier node first. Exact: COMMUTES says so. */
#include "passes/pass.h"

static bool goes_after(const Graph *g, Id a, Id b) {
  bool ca = node_is_const(g, a), cb = node_is_const(g, b);
  return ca != cb ? ca : a > b;
}

/* The order in which adjoints add follows that of the operands: it must not change before they are made. */
static bool has_gradients(const Module *m) {
  for (int i = 0; i < m->ngraph; i++)
    for (Id n = 1; n < (Id)m->graph[i]->n; n++)
      if (node_info(m->graph[i], n)->cls == CL_META) return true;
  return false;
}

static void cse_graph(Graph *g) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    Id a = node_get(g, n)->nin == 2 ? r.map[node_in(g, n, 0)] : 0, b = a ? r.map[node_in(g, n, 1)] : 0;
    if (a && node_info(g, n)->flags & COMMUTES && goes_after(r.new, a, b)) {
      const Node *d = node_get(g, n);
      r.map[n] = graph_node(r.new, (Op)d->op, (Id[]){b, a}, 2, d->attr, d->loc);
    } else {
      graph_copy_node(&r, n);
    }
  }
  graph_rebuild_end(&r);
}

void pass_cse(Module *m) {
  if (has_gradients(m)) return;
  for (int i = 0; i < m->ngraph; i++) cse_graph(m->graph[i]);
}
