/* fuse: decides which nodes are computed together. Sets Anno.kernel; needs stored orders (layout), keeps every value.
 *
 * Plain form: every node that computes is a kernel; views are composed into their readers where an affine access allows
 * it, and are kernels (copies) where it does not. The fused form (fuse_join.c) puts more nodes into one kernel. Both
 * begin with the same normalising step, so that every result and every written value is one node with that one role. */
#include "passes/fuse.h"
#include "passes/layout.h"
#include "passes/pass.h"
#include "ir/scan.h"
#include <string.h>

/* ---- one role a value ---- */

/* A `copy` of n that is no other node: its clone number sets it apart. */
static Id fresh_copy(Graph *g, Id n, uint32_t clone, Loc loc) {
  Id in[1] = {n};
  Id c = graph_node(g, OP_copy, in, 1, attr_with(g->m, OP_copy, attr_make(g->m, OP_copy, NULL), clone, 0), loc);
  graph_annotate(g);
  g->anno[c] = (Anno){.stored = g->anno[n].stored};
  return c;
}

static void separate_roles(Graph *g) {
  int w = 0;
  bool *taken = ctx_alloc(g->m->c, (size_t)(g->n + g->nout));
  for (int i = 0; i < g->nout; i++) {
    Out o = g->out[i];
    const Node *d = node_get(g, o.value);
    bool leaf = op_info[d->op].cls == CL_LEAF;
    bool var = d->op == OP_param || d->op == OP_state;
    if (o.var >= 0 && var && var_find(g->m, node_attr(g, o.value, 0)->s) == o.var) continue; /* "w" := w */
    if (leaf || taken[o.value]) o.value = fresh_copy(g, o.value, (uint32_t)i + 1, o.loc);
    taken[o.value] = true;
    g->out[w++] = o;
  }
  g->nout = w;
  g->nout_of = 0;
  graph_annotate(g);
}

/* A `get` for each element of each scan, so that every carry and every stacked result has a node that owns it. */
static void complete_scans(Graph *g) {
  for (Id n = 1, end = (Id)g->n; n < end; n++) {
    if (node_info(g, n)->cls != CL_SCAN) continue;
    g->loc = node_get(g, n)->loc;
    uint32_t elements = node_type(g, n)->ntuple;
    for (uint32_t i = 0; i < elements; i++) b_get(g, n, (int)i);
  }
  graph_annotate(g);
}

/* ---- what must own storage ---- */

static bool *find_live(const Graph *g) {
  bool *live = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nout; i++) live[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--) {
    if (node_info(g, n)->cls == CL_TUPLE && live[node_in(g, n, 0)]) live[n] = true;
    if (!live[n]) continue;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) live[node_in(g, n, (int)i)] = true;
  }
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_TUPLE && live[node_in(g, n, 0)]) live[n] = true;
  return live;
}

static bool is_view(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_VIEW;
}

static bool owns_leaf(const Graph *g, Id n) {
  Op op = (Op)node_get(g, n)->op;
  return op == OP_input || op == OP_param || op == OP_state;
}

/* Readers that need an operand in memory: contractions and convolutions in strides, scans as a whole buffer. */
static void demand_operands(FuseState *s, Id n) {
  Graph *g = s->g;
  OpClass cls = node_info(g, n)->cls;
  bool table = node_get(g, n)->op == OP_gather;
  if (cls != CL_CONTRACT && cls != CL_CONV && cls != CL_SCAN && !table) return;
  for (uint32_t i = 0; i < (table ? 1 : node_get(g, n)->nin); i++) {
    Id x = node_in(g, n, (int)i), base = view_base(g, x);
    if (is_view(g, x) && cls != CL_SCAN && node_info(g, base)->cls != CL_LEAF) {
      s->own[base] = true;
      g->anno[base].kernel = 1;
    }
    if (table && is_view(g, x)) continue;
    if (cls == CL_SCAN) s->own[x] |= !owns_leaf(g, x);
    else if (node_info(g, x)->cls == CL_LEAF) s->own[x] |= !owns_leaf(g, x) && node_get(g, x)->op != OP_const;
    else s->own[x] |= !is_view(g, x) || !view_is_strided(g, x);
    if (s->own[x]) g->anno[x].kernel = 1;
  }
}

enum { VIEW_CHAIN = 8 }; /* views on views that a reader composes: values are made by recursion through them */

/* Views that cannot be composed: parts side by side, gaps, positions that would have to be divided. */
static bool view_must_own(const Graph *g, Id n) {
  if (node_get(g, n)->op == OP_concat) return true;
  if (node_get(g, n)->op == OP_pad) {
    const AttrVal *step = node_attr(g, n, 2);
    for (int i = 0; i < step->n; i++)
      if (step->v[i] != 1) return true;
  }
  int chain = 0;
  for (Id x = n; is_view(g, x) && !g->anno[x].kernel; x = node_in(g, x, 0))
    if (++chain > VIEW_CHAIN) return true;
  return !view_composes(g, n);
}

/* A view that fails only because what lies under it has no storage of its own: then that gets it. */
static void own_view(FuseState *s, Id n) {
  Graph *g = s->g;
  Id base = view_base(g, n);
  if (node_get(g, n)->op == OP_reshape && !view_composes(g, n) && !g->anno[base].kernel && node_info(g, base)->cls != CL_TUPLE) {
    g->anno[base].kernel = 1;
    s->own[base] = view_composes(g, n);
    g->anno[base].kernel = s->own[base];
    if (s->own[base]) return;
  }
  s->own[n] = true;
}

/* Marks in s->own (and, so that accesses end there, by kernel 1) the nodes that own storage whatever is fused. */
static void find_owners(FuseState *s) {
  Graph *g = s->g;
  for (int i = 0; i < g->nout; i++) s->own[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    g->anno[n].kernel = 0;
    if (!s->live[n]) continue;
    OpClass cls = node_info(g, n)->cls;
    if (is_view(g, n) && view_must_own(g, n)) own_view(s, n);
    if (!s->own[n] && cls != CL_LEAF && !is_view(g, n) && s->plain) s->own[n] = true;
    if (cls == CL_WINDOW || cls == CL_CUM || cls == CL_SCAN || node_get(g, n)->op == OP_scatter_add) s->own[n] = true;
    if (node_get(g, n)->op == OP_random && s->plain) s->own[n] = true;
    g->anno[n].kernel = s->own[n];
    demand_operands(s, n);
  }
}

/* ---- the plain form ---- */

static void number_plain(FuseState *s) {
  Graph *g = s->g;
  uint32_t kernel = 0;
  for (Id n = 1; n < (Id)g->n; n++) {
    bool get = node_info(g, n)->cls == CL_TUPLE;
    g->anno[n].kernel = !s->live[n] || !(s->own[n] || get) ? 0 : get ? g->anno[node_in(g, n, 0)].kernel : ++kernel;
    g->anno[n].pos = 0;
  }
}

void fuse_graph(Graph *g, bool plain) {
  graph_annotate(g);
  separate_roles(g);
  complete_scans(g);
  FuseState s = {.g = g, .plain = plain, .live = find_live(g)};
  s.own = ctx_alloc(g->m->c, (size_t)g->n);
  find_owners(&s);
  if (plain) number_plain(&s);
  else fuse_join(&s);
}

void pass_fuse(Module *m) {
  for (int i = 0; i < m->ngraph; i++) fuse_graph(m->graph[i], pass_off(m, PASS_fuse));
  layout_panels(m);
}
