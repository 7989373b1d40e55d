/* SPDX-License-Identifier: Apache-2.0 */
/* cse: merges equal computations.
 *
 * needs:  autodiff: does nothing while gradients are not expanded
 * keeps:  annotations, ports, recomputed clones (the clone number is part of the key)
 * breaks: nothing
 *
 * graph_node already merges nodes with equal keys, so copying the graph does the work. This pass adds a canonical order
 * for the operands of commutative ops: constants last, else the earlier node first. Exact, by OPF_COMMUTATIVE. And a
 * reduction that drops its axes becomes a view of one that keeps them, where there is one. */
#include "ir/build.h"
#include "passes/pass.h"
#include <string.h>

static bool goes_after(const Graph *g, Id a, Id b) {
  bool ca = node_is_const(g, a), cb = node_is_const(g, b);
  return ca != cb ? ca : a > b;
}

/* Per node, the reductions of it that keep their axes. */
typedef struct Kept {
  Id *first, *next; /* of an operand; of a reduction: another one of its operand */
} Kept;

static Kept find_kept(const Graph *g) {
  Kept k = {ctx_array(g->m->c, g->n, sizeof *k.first), ctx_array(g->m->c, g->n, sizeof *k.next)};
  for (Id n = 1; n < (Id)g->n; n++) {
    if (node_info(g, n)->cls != CL_REDUCE || !node_attr(g, n, ATTR(sum, keep))->i) continue;
    Id x = node_in(g, n, 0);
    k.next[n] = k.first[x], k.first[x] = n;
  }
  return k;
}

/* The reduction n without its axes, from one with them; 0: there is none. */
static Id cse_reduction(Rebuild *r, const Kept *k, Id n) {
  const Graph *g = r->old;
  if (node_info(g, n)->cls != CL_REDUCE || node_attr(g, n, ATTR(sum, keep))->i) return 0;
  const Node *d = node_get(g, n);
  const AttrVal *axes = node_attr(g, n, ATTR(sum, axes));
  Id x = node_in(g, n, 0), i = k->first[x];
  for (; i; i = k->next[i]) {
    const AttrVal *own = node_attr(g, i, ATTR(sum, axes));
    if (node_get(g, i)->op != d->op || own->n != axes->n || attr_get(g->m, d->attr)->clone) continue;
    if (attr_get(g->m, node_get(g, i)->attr)->clone || memcmp(own->v, axes->v, (size_t)own->n * sizeof *own->v))
      continue;
    Builder b = {r->new, d->loc, attr_get(g->m, d->attr)->hints};
    Id kept = r->map[i] ? r->map[i] : b_reduce(&b, (Op)d->op, r->map[x], axes->n, axes->v, true);
    return b_reshape(&b, kept, node_type(g, n)->rank, node_type(g, n)->dim);
  }
  return 0;
}

static void cse_graph(Graph *g) {
  Rebuild r = graph_rebuild_begin(g);
  Kept kept = find_kept(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n] || (r.map[n] = cse_reduction(&r, &kept, n))) continue;
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
