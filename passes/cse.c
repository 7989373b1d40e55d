/* SPDX-License-Identifier: Apache-2.0 */
/* cse: merges equal computations.
 *
 * needs:  autodiff: does nothing while gradients are not expanded
 * keeps:  annotations, ports, recomputed clones (the clone number is part of the key)
 * breaks: nothing
 *
 * graph_node already merges nodes with equal keys, so copying the graph does the work. This pass adds a canonical order
 * for the operands of commutative ops: constants last, else the earlier node first. Exact, by OPF_COMMUTATIVE. */
#include "passes/pass.h"

static bool goes_after(const Graph *g, Id a, Id b) {
  bool ca = node_is_const(g, a), cb = node_is_const(g, b);
  return ca != cb ? ca : a > b;
}

static void cse_graph(Graph *g) {
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    Id a = node_get(g, n)->nin == 2 ? r.map[node_in(g, n, 0)] : 0, b = a ? r.map[node_in(g, n, 1)] : 0;
    if (a && node_info(g, n)->flags & OPF_COMMUTATIVE && goes_after(r.new, a, b)) {
      const Node *d = node_get(g, n);
      r.map[n] = graph_node(r.new, (Op)d->op, (Id[]){b, a}, 2, d->attr, d->loc);
    } else {
      graph_copy_node(&r, n);
    }
  }
  graph_rebuild_end(&r);
}

void pass_cse(Module *m) {
  if (module_has_gradients(m)) return; /* adjoints are added in the order of operands, which must not change before */
  for (int i = 0; i < m->ngraph; i++) cse_graph(m->graph[i]);
}
