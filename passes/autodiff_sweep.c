/* Sweeps: reverse and forward mode over one graph. Both are loops over a path, each node after its operands: no
 * recursion, time linear in the number of nodes that e depends on. */
#include "passes/autodiff.h"

void sweep_begin(Sweep *w, Graph *g) {
  *w = (Sweep){.s = {.g = g}};
  w->s.driver = w;
}

bool differentiable(const Graph *g, TypeId type) {
  const Type *t = type_get(g->m, type);
  if (t->dtype != DT_TUPLE) return dtype_is_float(t->dtype);
  for (uint32_t i = 0; i < t->ntuple; i++)
    if (differentiable(g, t->elem[i])) return true;
  return false;
}

bool passes_gradient(const Graph *g, Id n) {
  return !(node_info(g, n)->flags & NOGRAD) && differentiable(g, node_get(g, n)->type);
}

/* Room for the graph's present nodes; what the last sweep left in the tables is taken back. */
static void reserve(Sweep *w) {
  Ctx *c = w->s.g->m->c;
  for (int i = 0; i < w->path.n; i++) {
    Id n = w->path.v[i];
    w->dep[n] = w->wants[n] = false;
    w->adj[n] = 0;
  }
  w->path.n = 0;
  w->nelem = 0;
  if (w->cap >= w->s.g->n) return;
  w->cap = w->s.g->n + w->s.g->n / 2;
  w->dep = ctx_alloc(c, (size_t)w->cap);
  w->wants = ctx_alloc(c, (size_t)w->cap);
  w->adj = ctx_alloc(c, (size_t)w->cap * sizeof *w->adj);
  w->s.wants = w->wants;
}

/* Collects in w->path what e depends on, down to the lowest x, and marks in `wants` what lies between some x and e.
 * Time goes with that, not with the graph: many small gradients in one large graph stay cheap. */
static void mark(Sweep *w, int nx, const Id *x, int ne, const Id *e) {
  const Graph *g = w->s.g;
  Id low = (Id)g->n;
  reserve(w);
  for (int i = 0; i < nx; i++)
    if (x[i] < low) low = x[i];
  graph_postorder(g, ne, e, low, passes_gradient, w->wants, &w->path);
  for (int i = 0; i < nx; i++) w->dep[x[i]] = w->wants[x[i]];
  for (int k = 0; k < w->path.n; k++) {
    Id n = w->path.v[k];
    for (uint32_t i = 0; !w->dep[n] && passes_gradient(g, n) && i < node_get(g, n)->nin; i++)
      w->dep[n] = w->dep[node_in(g, n, (int)i)];
    w->wants[n] = w->dep[n];
  }
}

/* A value in the type of what it is a derivative of: cast, broadcast, or summed down to it. */
static Id fit(Graph *g, Id a, TypeId want) {
  if (!a || node_get(g, a)->type == want) return a;
  const Type *to = type_get(g->m, want);
  if (node_type(g, a)->dtype != to->dtype) a = b_cast(g, a, (DType)to->dtype);
  if (!a || node_get(g, a)->type == want) return a;
  const Type *from = node_type(g, a);
  bool widens = from->rank <= to->rank;
  for (int i = 0; widens && i < from->rank; i++) {
    Dim d = from->dim[i];
    widens = d == 1 || d == to->dim[to->rank - from->rank + i];
  }
  return widens ? b_broadcast(g, a, to->rank, to->dim) : b_unbroadcast(g, a, want);
}

/* Sweeps meet consumers from the end of the path, so this is the order in which adjoints add. It is that of a
 * depth-first walk from e, so that no other statement of the program, and no node made twice, has a part in it. */
static void accumulate(Graph *g, Id *sum, Id term, TypeId type) {
  term = fit(g, term, type);
  if (term) *sum = *sum ? b_add(g, *sum, term) : term;
}

static Id *elements(Sweep *w, Id tuple) {
  if (!w->adj[tuple]) {
    w->adj[tuple] = (Id)w->nelem + 1;
    for (uint32_t i = 0; i < node_type(w->s.g, tuple)->ntuple; i++)
      *VEC_PUSH(w->s.g->m->c, w->elem, w->nelem, w->capelem) = 0;
  }
  return w->elem + w->adj[tuple] - 1;
}

/* ---- what the rules call ---- */

bool grad_wants(const Grad *s, int i) { return s->wants[node_in(s->g, s->node, i)]; }

void grad_to(Grad *s, int i, Id adjoint) {
  Sweep *w = s->driver;
  Id to = node_in(s->g, s->node, i);
  if (!w->wants[to]) return;
  adjoint = adjoint_masked(s->g, adjoint, w->mask);
  accumulate(s->g, &w->adj[to], adjoint, node_get(s->g, to)->type);
}

void grad_to_get(Grad *s, int i, int element, Id adjoint) {
  Sweep *w = s->driver;
  Id to = node_in(s->g, s->node, i);
  if (w->wants[to]) accumulate(s->g, &elements(w, to)[element], adjoint, node_type(s->g, to)->elem[element]);
}

Id grad_of_element(const Grad *s, int element) { return tangent_of_element(s, s->node, element); }

Id tangent_of_element(const Grad *s, Id tuple, int element) {
  const Sweep *w = s->driver;
  return w->adj[tuple] ? w->elem[w->adj[tuple] - 1 + (Id)element] : 0;
}

void tangent_to_element(Grad *s, int element, Id tangent) {
  elements(s->driver, s->node)[element] = fit(s->g, tangent, node_type(s->g, s->node)->elem[element]);
}

/* ---- sweeps ---- */

/* What is made of a node has its place in the source, and stays in f32 where the node does. */
static void enter(Sweep *w, Id n) {
  Graph *g = w->s.g;
  w->s.node = n;
  g->loc = node_get(g, n)->loc;
  g->hints = (g->hints & ~(uint32_t)HINT_FP32) | (attr_get(g->m, node_get(g, n)->attr)->hints & HINT_FP32);
}

static bool wants_any(const Sweep *w, Id n) {
  for (uint32_t i = 0; i < node_get(w->s.g, n)->nin; i++)
    if (w->wants[node_in(w->s.g, n, (int)i)]) return true;
  return false;
}

void sweep_back(Sweep *w, int nseed, const Id *seed, const Id *given, int nx, const Id *x) {
  Graph *g = w->s.g;
  uint32_t hints = g->hints;
  mark(w, nx, x, nseed, seed);
  for (int i = 0; i < nseed; i++)
    if (w->wants[seed[i]]) {
      enter(w, seed[i]);
      accumulate(g, &w->adj[seed[i]], given[i], node_get(g, seed[i])->type);
    }
  for (int k = w->path.n - 1; k >= 0; k--) {
    Id n = w->path.v[k];
    if (!w->wants[n] || !w->adj[n] || !passes_gradient(g, n) || !wants_any(w, n)) continue;
    enter(w, n);
    Id dy = node_type(g, n)->dtype == DT_TUPLE ? 0 : w->adj[n];
    w->mask = dy ? adjoint_mask(g, n, dy) : 0;
    node_info(g, n)->vjp(&w->s, n, w->mask ? adjoint_unmasked(g, dy) : dy);
    w->mask = 0;
  }
  g->hints = hints;
}

void sweep_forward(Sweep *w, int nx, const Id *x, const Id *given, int ne, const Id *e) {
  Graph *g = w->s.g;
  Id few[8];
  uint32_t hints = g->hints;
  mark(w, nx, x, ne, e);
  for (int i = 0; i < nx; i++)
    if (w->wants[x[i]]) w->adj[x[i]] = given[i];
  for (int k = 0; k < w->path.n; k++) {
    Id n = w->path.v[k];
    if (!w->wants[n] || w->adj[n] || !passes_gradient(g, n)) continue;
    int nin = (int)node_get(g, n)->nin;
    Id *t = nin > 8 ? ctx_alloc(g->m->c, (size_t)nin * sizeof *t) : few;
    bool any = false;
    for (int i = 0; i < nin; i++) any |= (t[i] = w->adj[node_in(g, n, i)]) != 0;
    if (!any) continue;
    enter(w, n);
    Id r = node_info(g, n)->jvp(&w->s, n, t);
    if (node_type(g, n)->dtype != DT_TUPLE) w->adj[n] = fit(g, r, node_get(g, n)->type);
  }
  g->hints = hints;
}

Id sweep_value(const Sweep *w, Id n) { return (int)n < w->cap ? w->adj[n] : 0; }

/* An extended scan has the inputs of the one it extends, so it can stand in its place. */
Id *sweep_repoint(Sweep *w) {
  Graph *g = w->s.g;
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
