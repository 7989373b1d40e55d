/* fuse: decides which nodes are computed together. Sets Anno.kernel; needs stored orders (layout), keeps every value.
 *
 * Plain form: every node that computes is a kernel; views are composed into their readers where an affine access allows
 * it, and are kernels (copies) where it does not. The fused form (fuse_join.c) puts more nodes into one kernel. Both
 * begin with the same normalising step, so that every result and every written value is one node with that one role. */
#include "passes/fuse.h"
#include "passes/layout.h"
#include "passes/pass.h"
#include "ir/scan.h"
#include "ir/view.h"
#include <string.h>

/* ---- one role a value ---- */

/* A `copy` of n that is no other node: its clone number sets it apart. */
static Id fresh_copy(Graph *g, Id n, uint32_t clone, Loc loc) {
  g->loc = loc;
  Id c = b_copy(g, n, clone);
  graph_annotate(g);
  g->anno[c] = (Anno){0};
  return c;
}

/* Whether the kernel that makes n can store it in that order. Scans copy what they hand over row by row. */
static bool takes_order(const Graph *g, Id n, uint32_t stored) {
  return !stored || (node_info(g, n)->cls != CL_TUPLE && view_takes_order(g, n));
}

/* Results are row-major, written values have the order of their weight. */
static void separate_roles(Graph *g) {
  int w = 0;
  bool *taken = ctx_alloc(g->m->c, (size_t)(g->n + g->nout));
  for (int i = 0; i < g->nout; i++) {
    Out o = g->out[i];
    uint32_t stored = o.var >= 0 ? g->m->var[o.var].stored : 0;
    bool leaf = node_info(g, o.value)->cls == CL_LEAF;
    if (o.var >= 0 && node_var(g, o.value) == o.var) continue; /* "w" := w */
    if (leaf || taken[o.value] || !takes_order(g, o.value, stored)) {
      if (!taken[o.value]) g->anno[o.value].stored = 0;
      o.value = fresh_copy(g, o.value, (uint32_t)i + 1, o.loc);
    }
    g->anno[o.value].stored = stored;
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

uint32_t memory_operands(const Graph *g, Id n) {
  switch (node_info(g, n)->cls) {
  case CL_CONTRACT: case CL_CONV: case CL_SCAN: return node_get(g, n)->nin;
  case CL_GATHER: return 1;
  default: return 0;
  }
}

/* Contractions and convolutions read in strides, gathers through any view, scans a whole buffer. */
static void demand_operands(FuseState *s, Id n) {
  Graph *g = s->g;
  OpClass cls = node_info(g, n)->cls;
  for (uint32_t i = 0; i < memory_operands(g, n); i++) {
    Id x = node_in(g, n, (int)i), base = view_base(g, x);
    bool stored = node_info(g, x)->flags & MEMORY;
    if (reads_through(g, x) && cls != CL_SCAN && node_info(g, base)->cls != CL_LEAF) {
      s->own[base] = true;
      g->anno[base].kernel = 1;
    }
    if (cls == CL_GATHER && reads_through(g, x)) continue;
    if (cls == CL_SCAN) s->own[x] |= !stored;
    else if (node_info(g, x)->cls == CL_LEAF) s->own[x] |= !stored && !node_is_const(g, x);
    else s->own[x] |= !reads_through(g, x) || !view_is_strided(g, x);
    if (s->own[x]) g->anno[x].kernel = 1;
  }
}

/* What a short fold reads it reads at many places, each with indices of its own: no padding adds to these. */
static void demand_folded(FuseState *s, Id n) {
  Graph *g = s->g;
  if (!fold_is_short(g, n)) return;
  Id x = node_in(g, n, 0);
  if (reads_through(g, x) && !s->own[x]) g->anno[x].kernel = s->own[x] = !view_is_strided(g, x);
}

enum { VIEW_CHAIN = 8 }; /* views on views that a reader composes: values are made by recursion through them */

/* Views that cannot be composed: gaps, positions that would have to be divided. */
static bool view_must_own(const Graph *g, Id n) {
  int chain = 0;
  if (view_has_gaps(g, n)) return true;
  for (Id x = n; reads_through(g, x) && !g->anno[x].kernel; x = node_in(g, x, 0))
    if (++chain > VIEW_CHAIN) return true;
  return !view_composes(g, n);
}

/* A view that fails only because what lies under it has no storage of its own: then that gets it. */
static void own_view(FuseState *s, Id n) {
  Graph *g = s->g;
  Id base = view_base(g, n);
  bool flat = node_info(g, n)->flags & FLAT, tuple = node_info(g, base)->cls == CL_TUPLE;
  if (flat && !tuple && !view_composes(g, n) && !g->anno[base].kernel) {
    g->anno[base].kernel = 1;
    s->own[base] = view_composes(g, n);
    g->anno[base].kernel = s->own[base];
    if (s->own[base]) return;
  }
  s->own[n] = true;
}

/* Whether a node that is no view owns storage: all that is computed in the plain form, and in any form what makes a
 * kernel by itself. */
static bool computed_apart(const Graph *g, Id n, bool plain) {
  const OpInfo *info = node_info(g, n);
  switch (info->cls) {
  case CL_CONCAT: case CL_SCATTER: case CL_CUM: case CL_SCAN: return true;
  case CL_WINDOW: return plain || !fold_is_short(g, n);
  case CL_LEAF: return plain && info->flags & RNG;
  default: return plain;
  }
}

/* Marks in s->own (and, so that accesses end there, by kernel 1) the nodes that own storage whatever is fused. */
static void find_owners(FuseState *s) {
  Graph *g = s->g;
  for (int i = 0; i < g->nout; i++) s->own[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    g->anno[n].kernel = 0;
    if (!s->live[n]) continue;
    if (!reads_through(g, n)) s->own[n] |= computed_apart(g, n, s->plain);
    else if (view_must_own(g, n)) own_view(s, n);
    g->anno[n].kernel = s->own[n];
    demand_operands(s, n);
    demand_folded(s, n);
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
