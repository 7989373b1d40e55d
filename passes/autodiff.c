/* SPDX-License-Identifier: Apache-2.0 */
/* autodiff: expands grad and jvp nodes into nodes of the primitive ops.
 *
 * needs:  nothing
 * keeps:  ports, results, the values of all other nodes
 * breaks: nothing; afterwards no graph has a grad or jvp node, and nodes that no result depends on are gone
 *
 * Nodes are visited in order, inner gradients first, so the expression under a grad node holds no grad node any more.
 * All grad nodes of one e share one reverse sweep. Only nodes between some x and e get adjoints; they are added in
 * falling order of their consumers, as graph_postorder lists these from e. An x that e does not depend on has gradient
 * zero. An e of any shape is differentiated as the sum of its elements.
 * A scan that a sweep extended is replaced in a second rebuild; remaining grad nodes wait for the next round, so that
 * no scan is extended twice in one rebuild. */
#include "passes/autodiff/autodiff.h"
#include "passes/pass.h"

typedef struct Expand {
  Rebuild r;
  Sweep w;
  bool *live;
  Id *first, *next; /* per node e: its first live grad node; per grad node: the next one of the same e */
} Expand;

static void find_grads(Expand *x, const Graph *g) {
  Ctx *c = g->m->c;
  x->live = ctx_alloc(c, (size_t)g->n);
  x->first = ctx_alloc(c, (size_t)g->n * sizeof(Id));
  x->next = ctx_alloc(c, (size_t)g->n * sizeof(Id));
  for (int i = 0; i < g->nout; i++) x->live[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--) {
    for (uint32_t i = 0; x->live[n] && i < node_get(g, n)->nin; i++) x->live[node_in(g, n, (int)i)] = true;
    if (!x->live[n] || node_get(g, n)->op != OP_grad) continue;
    Id e = node_in(g, n, 0);
    x->next[n] = x->first[e];
    x->first[e] = n;
  }
}

/* Expands all grad nodes of n's e; n is the first of them. */
static void expand_grads(Expand *x, Id n) {
  Graph *old = x->r.old, *g = x->r.new;
  Ctx *c = g->m->c;
  Id e = x->r.map[node_in(old, n, 0)], *wrt;
  int nwrt = 0, count = 0;
  for (Id k = n; k; k = x->next[k]) count++;
  wrt = ctx_alloc(c, (size_t)count * sizeof *wrt);
  for (Id k = n; k; k = x->next[k]) {
    Id to = x->r.map[node_in(old, k, 1)]; /* 0: x comes after n, so e does not depend on it */
    if (to) wrt[nwrt++] = to;
  }
  if (!e) return; /* an earlier error */
  Builder b = {.g = g, .loc = node_get(old, n)->loc};
  uint32_t hints = attr_get(g->m, node_get(old, n)->attr)->hints; /* a gradient under @checkpoint is in its region */
  Id ones = b_full(&b, node_get(g, e)->type, 1);
  sweep_back(&x->w, hints, 1, &e, &ones, nwrt, wrt);
  for (Id k = n; k; k = x->next[k]) {
    Id to = x->r.map[node_in(old, k, 1)], value = to ? sweep_value(&x->w, to) : 0;
    b.loc = node_get(old, k)->loc;
    x->r.map[k] = value ? value : b_full(&b, node_get(old, k)->type, 0);
  }
}

static void expand_jvp(Expand *x, Id n) {
  Graph *old = x->r.old;
  const Id *map = x->r.map;
  Id e = map[node_in(old, n, 0)], to = map[node_in(old, n, 1)], t = map[node_in(old, n, 2)];
  if (!e || !to || !t) return; /* an earlier error */
  sweep_forward(&x->w, 1, &to, &t, 1, &e);
  Builder b = {.g = x->r.new, .loc = node_get(old, n)->loc};
  Id value = sweep_value(&x->w, e);
  x->r.map[n] = value ? value : b_full(&b, node_get(old, n)->type, 0);
}

/* One rebuild of the graph; true while grad or jvp nodes are left. */
static bool expand_round(Graph *g) {
  Expand x = {.r = graph_rebuild_begin(g)};
  bool left = false;
  find_grads(&x, g);
  sweep_begin(&x.w, x.r.new);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!x.live[n] || x.r.map[n]) continue;
    bool meta = node_info(g, n)->cls == CL_META;
    if (!meta || x.w.next) {
      graph_copy_node(&x.r, n);
      left |= meta;
    } else if (node_get(g, n)->op == OP_grad) {
      expand_grads(&x, n);
    } else {
      expand_jvp(&x, n);
    }
  }
  graph_rebuild_end(&x.r);
  if (x.w.next) {
    x.w.b.g = g;
    sweep_replace_scans(&x.w);
  }
  return left;
}

/* Bodies of scans first. The recursion is as deep as scans nest. */
static void expand_graph(Graph *g, bool *done) {
  if (done[g->index]) return;
  done[g->index] = true;
  bool any = false;
  for (Id n = 1; n < (Id)g->n; n++) {
    any |= node_info(g, n)->cls == CL_META;
    if (node_info(g, n)->cls == CL_SCAN) expand_graph(scan_of(g, n).body, done);
  }
  int errors = diag_errors(g->m->c);
  while (any && diag_errors(g->m->c) == errors) any = expand_round(g);
}

void pass_autodiff(Module *m) {
  int n = m->ngraph; /* graphs added below have no grad or jvp */
  bool *done = ctx_alloc(m->c, (size_t)n);
  for (int i = 0; i < n; i++) expand_graph(m->graph[i], done);
}
