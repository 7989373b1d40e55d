/* SPDX-License-Identifier: Apache-2.0 */
/* Reverse and forward sweeps over one graph. Both are loops over a path in which each node comes after its operands: no
 * recursion, linear in the number of nodes that e depends on. */
#include "passes/autodiff/autodiff.h"

bool differentiable(const Graph *g, TypeId type) {
  const Type *t = type_get(g->m, type);
  if (t->dtype != DT_TUPLE) return dtype_is_float(t->dtype);
  for (uint32_t i = 0; i < t->ntuple; i++)
    if (differentiable(g, t->elem[i])) return true;
  return false;
}

bool propagates_gradient(const Graph *g, Id n) {
  return !(node_info(g, n)->flags & OPF_NO_GRAD) && differentiable(g, node_get(g, n)->type);
}

/* Makes room for the graph's present nodes and clears the entries of the last sweep. */
static void reserve(Sweep *w) {
  Ctx *c = w->b.g->m->c;
  for (int i = 0; i < w->path.n; i++) {
    Id n = w->path.v[i];
    w->dep[n] = w->wants[n] = false;
    w->adj[n] = 0;
  }
  w->path.n = 0;
  w->nelem = 0;
  if (w->cap >= w->b.g->n) return;
  w->cap = w->b.g->n + w->b.g->n / 2;
  w->dep = ctx_alloc(c, (size_t)w->cap);
  w->wants = ctx_alloc(c, (size_t)w->cap);
  w->adj = ctx_alloc(c, (size_t)w->cap * sizeof *w->adj);
  w->s.wants = w->wants;
}

/* Lists in w->path the nodes that e depends on, down to the lowest x, and marks in `wants` those between some x and e.
 * Time is linear in the path, not in the graph: many small gradients in one large graph stay cheap. */
static void mark(Sweep *w, int nx, const Id *x, int ne, const Id *e) {
  const Graph *g = w->b.g;
  Id low = (Id)g->n;
  reserve(w);
  for (int i = 0; i < nx; i++)
    if (x[i] < low) low = x[i];
  graph_postorder(g, ne, e, low, propagates_gradient, w->wants, &w->path);
  for (int i = 0; i < nx; i++) w->dep[x[i]] = w->wants[x[i]];
  for (int k = 0; k < w->path.n; k++) {
    Id n = w->path.v[k];
    for (uint32_t i = 0; !w->dep[n] && propagates_gradient(g, n) && i < node_get(g, n)->nin; i++)
      w->dep[n] = w->dep[node_in(g, n, (int)i)];
    w->wants[n] = w->dep[n];
  }
}

/* Casts, broadcasts or sums a derivative to the type of its value. */
static Id fit(const Builder *b, Id a, TypeId want) {
  if (!a || node_get(b->g, a)->type == want) return a;
  const Type *to = type_get(b->g->m, want);
  if (node_type(b->g, a)->dtype != to->dtype) a = b_cast(b, a, (DType)to->dtype);
  if (!a || node_get(b->g, a)->type == want) return a;
  const Type *from = node_type(b->g, a);
  bool widens = from->rank <= to->rank;
  for (int i = 0; widens && i < from->rank; i++) {
    Dim d = from->dim[i];
    widens = d == 1 || d == to->dim[to->rank - from->rank + i];
  }
  return widens ? b_broadcast(b, a, to->rank, to->dim) : b_unbroadcast(b, a, want);
}

/* Sweeps meet consumers from the end of the path, so adjoints are added in the order of a depth-first walk from e:
 * independent of other statements, and of how often an expression was written. */
static void accumulate(const Builder *b, Id *sum, Id term, TypeId type) {
  term = fit(b, term, type);
  if (!term) return;
  *sum = *sum ? adjoint_joined(b, b_add(b, *sum, term)) : term;
}

static Id *elements(Sweep *w, Id tuple) {
  if (!w->adj[tuple]) {
    w->adj[tuple] = (Id)w->nelem + 1;
    for (uint32_t i = 0; i < node_type(w->b.g, tuple)->ntuple; i++)
      *VEC_PUSH(w->b.g->m->c, w->elem, w->nelem, w->capelem) = 0;
  }
  return w->elem + w->adj[tuple] - 1;
}

/* ---- interface of the rules ---- */

static void add(Grad *s, int i, Id adjoint) {
  Sweep *w = s->sweep;
  Id to = node_in(s->b->g, s->node, i);
  if (!w->wants[to]) return;
  adjoint = adjoint_masked(s->b, adjoint, w->mask);
  accumulate(s->b, &w->adj[to], adjoint, node_get(s->b->g, to)->type);
}

static void add_element(Grad *s, int i, int element, Id adjoint) {
  Sweep *w = s->sweep;
  Id to = node_in(s->b->g, s->node, i);
  if (w->wants[to]) accumulate(s->b, &elements(w, to)[element], adjoint, node_type(s->b->g, to)->elem[element]);
}

static Id element_of(const Grad *s, Id tuple, int element) {
  const Sweep *w = s->sweep;
  return w->adj[tuple] ? w->elem[w->adj[tuple] - 1 + (Id)element] : 0;
}

void tangent_to_element(Grad *s, int element, Id tangent) {
  elements(s->sweep, s->node)[element] = fit(s->b, tangent, node_type(s->b->g, s->node)->elem[element]);
}

/* ---- sweeps ---- */

void sweep_begin(Sweep *w, Graph *g) {
  static const GradDriver driver = {add, add_element, element_of, tangent_to_element, sweep_vjp_scan, sweep_jvp_scan};
  *w = (Sweep){.s = {.driver = &driver, .sweep = w}, .b = {.g = g}};
  w->s.b = &w->b;
}

/* Derivative nodes get the location of node n, and its @fp32 hint. */
static void enter(Sweep *w, Id n, uint32_t hints) {
  Graph *g = w->b.g;
  const Node *d = node_get(g, n);
  w->s.node = n;
  w->b = (Builder){g, d->loc, (hints & ~(uint32_t)HINT_FP32) | (attr_get(g->m, d->attr)->hints & HINT_FP32)};
}

static bool wants_any(const Sweep *w, Id n) {
  for (uint32_t i = 0; i < node_get(w->b.g, n)->nin; i++)
    if (w->wants[node_in(w->b.g, n, (int)i)]) return true;
  return false;
}

void sweep_back(Sweep *w, uint32_t hints, int nseed, const Id *seed, const Id *given, int nx, const Id *x) {
  Graph *g = w->b.g;
  mark(w, nx, x, nseed, seed);
  for (int i = 0; i < nseed; i++)
    if (w->wants[seed[i]]) {
      enter(w, seed[i], hints);
      accumulate(&w->b, &w->adj[seed[i]], given[i], node_get(g, seed[i])->type);
    }
  for (int k = w->path.n - 1; k >= 0; k--) {
    Id n = w->path.v[k];
    if (!w->wants[n] || !w->adj[n] || !propagates_gradient(g, n) || !wants_any(w, n)) continue;
    enter(w, n, hints);
    Id dy = node_type(g, n)->dtype == DT_TUPLE ? 0 : w->adj[n];
    w->mask = dy ? adjoint_mask(&w->b, n, dy) : 0;
    node_info(g, n)->vjp(&w->s, n, w->mask ? adjoint_unmasked(g, dy) : dy);
    w->mask = 0;
  }
}

void sweep_forward(Sweep *w, int nx, const Id *x, const Id *given, int ne, const Id *e) {
  Graph *g = w->b.g;
  Id few[8];
  mark(w, nx, x, ne, e);
  for (int i = 0; i < nx; i++)
    if (w->wants[x[i]]) w->adj[x[i]] = given[i];
  for (int k = 0; k < w->path.n; k++) {
    Id n = w->path.v[k];
    if (!w->wants[n] || w->adj[n] || !propagates_gradient(g, n)) continue;
    int nin = (int)node_get(g, n)->nin;
    Id *t = nin > 8 ? ctx_alloc(g->m->c, (size_t)nin * sizeof *t) : few;
    bool any = false;
    for (int i = 0; i < nin; i++) any |= (t[i] = w->adj[node_in(g, n, i)]) != 0;
    if (!any) continue;
    enter(w, n, 0);
    Id r = node_info(g, n)->jvp(&w->s, n, t);
    if (node_type(g, n)->dtype != DT_TUPLE) w->adj[n] = fit(&w->b, r, node_get(g, n)->type);
  }
}

Id sweep_value(const Sweep *w, Id n) { return (int)n < w->cap ? w->adj[n] : 0; }

/* An extended scan has the same inputs as the original, so it is valid where that one is. */
Id *sweep_replace_scans(Sweep *w) {
  Graph *g = w->b.g;
  Id *to = ctx_alloc(g->m->c, (size_t)g->n * sizeof *to);
  for (int i = 0; i < w->next; i++) to[w->ext[i].from] = w->ext[i].to;
  Rebuild r = graph_rebuild_begin(g);
  int count = g->n;
  for (Id n = 1; n < (Id)count; n++) {
    Id last = n;
    while (to[last]) last = to[last];
    if (!r.map[last]) graph_copy_node(&r, last);
    r.map[n] = r.map[last];
  }
  graph_rebuild_end(&r);
  w->next = 0;
  return r.map;
}
