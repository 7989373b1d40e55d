/* SPDX-License-Identifier: Apache-2.0 */
/* fuse: groups nodes into kernels: Annotation.kernel.
 *
 * needs:  layout (stored orders)
 * keeps:  every value; adds `copy` nodes so that every result and every written value is a node with that one role
 * breaks: order, memory
 *
 * Fused form: see fuse/greedy.c. Off: every node that computes is a kernel; views are composed into their readers where
 * that is affine, else they are kernels (copies). */
#include "passes/fuse/fuse.h"
#include "passes/layout/layout.h"
#include "passes/pass.h"
#include "ir/contract.h"
#include "ir/scan.h"
#include "ir/view.h"
#include <string.h>

/* ---- one role per value ---- */

/* A `copy` of n that is not merged with others: it has a clone number of its own. */
static Id fresh_copy(Graph *g, Id n, uint32_t clone, Loc loc) {
  Id c = b_copy(&(Builder){.g = g, .loc = loc}, n, clone);
  graph_annotate(g);
  g->anno[c] = (Annotation){0};
  return c;
}

/* Results are row-major; written values have the order of their weight. */
static void separate_roles(Graph *g) {
  int w = 0;
  bool *taken = ctx_alloc(g->m->c, (size_t)(g->n + g->nout));
  for (int i = 0; i < g->nout; i++) {
    Out o = g->out[i];
    uint32_t stored = o.var >= 0 ? g->m->var[o.var].stored : 0;
    bool leaf = node_info(g, o.value)->cls == CL_LEAF;
    /* on a device, what writes a state tests the status first, which the kernels of a scan do not */
    bool scan = g->m->opt.device && graph_trains(g) && o.var >= 0 && node_info(g, o.value)->cls == CL_TUPLE;
    if (o.var >= 0 && node_var(g, o.value) == o.var) continue; /* "w" := w */
    if (leaf || scan || taken[o.value] || !layout_can_store(g, o.value, stored)) {
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

/* Adds a `get` for each element of each tuple, so that every result has a node that owns it. */
static void complete_tuples(Graph *g) {
  for (Id n = 1, end = (Id)g->n; n < end; n++) {
    if (node_type(g, n)->dtype != DT_TUPLE) continue;
    Builder b = {.g = g, .loc = node_get(g, n)->loc};
    uint32_t elements = node_type(g, n)->ntuple;
    for (uint32_t i = 0; i < elements; i++) b_get(&b, n, (int)i);
  }
  graph_annotate(g);
}

/* ---- nodes that must own storage ---- */

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
  case CL_CONTRACT:
  case CL_CONV:
  case CL_ATTEND:
  case CL_SCAN: return node_get(g, n)->nin;
  case CL_SORT:
  case CL_GATHER: return 1;
  default: return 0;
  }
}

/* x is a buffer, or strided views of one: the form in which rows of attention and of argsort are read. */
static bool is_strided_buffer(const Graph *g, Id x) {
  if (is_never_materialised(g, x) && !view_is_strided(g, x)) return false;
  Id base = view_base(g, x);
  for (; x != base; x = node_in(g, x, 0))
    if (node_info(g, x)->cls != CL_VIEW) return false;
  return node_info(g, x)->flags & OPF_CALLER_MEMORY || g->anno[x].kernel;
}

/* A depthwise convolution is loops, which on a CPU would round a weight for each pixel. */
static void own_rounded_weight(FuseState *s, Id n) {
  Graph *g = s->g;
  ConvGeom c;
  if (node_info(g, n)->cls != CL_CONV || g->m->opt.device) return;
  conv_of(g, n, &c);
  if (c.groups < 2 || c.in != c.groups || c.out != c.groups) return;
  for (int i = 0; i < 2; i++) {
    if (conv_role(g, n, i) != CONV_W) continue;
    for (Id x = node_in(g, n, i); is_never_materialised(g, x) && !s->owns[x]; x = node_in(g, x, 0))
      if (node_is_downcast(g, x)) g->anno[x].kernel = s->owns[x] = true;
  }
}

/* Contractions and convolutions read strided operands, gathers any view, scans a whole buffer. */
static void demand_operands(FuseState *s, Id n) {
  Graph *g = s->g;
  OpClass cls = node_info(g, n)->cls;
  for (uint32_t i = 0; i < memory_operands(g, n); i++) {
    Id x = node_in(g, n, (int)i), base = view_base(g, x);
    bool stored = node_info(g, x)->flags & OPF_CALLER_MEMORY;
    if (is_never_materialised(g, x) && cls != CL_SCAN && node_info(g, base)->cls != CL_LEAF) {
      s->owns[base] = true;
      g->anno[base].kernel = 1;
    }
    if (cls == CL_GATHER && is_never_materialised(g, x)) continue;
    if (cls == CL_SCAN) s->owns[x] |= !stored;
    else if (cls == CL_ATTEND || cls == CL_SORT) s->owns[x] |= !is_strided_buffer(g, x);
    else if (node_info(g, x)->cls == CL_LEAF) s->owns[x] |= !stored && !node_is_const(g, x);
    else s->owns[x] |= !is_never_materialised(g, x) || !view_is_strided(g, x);
    if (s->owns[x]) g->anno[x].kernel = 1;
  }
}

/* The unrolled terms of a short fold need quotient axes of their own: none are left for padding. */
static void demand_folded(FuseState *s, Id n) {
  Graph *g = s->g;
  if (!fold_is_short(g, n)) return;
  Id x = node_in(g, n, 0);
  if (is_never_materialised(g, x) && !s->owns[x]) g->anno[x].kernel = s->owns[x] = !view_is_strided(g, x);
}

/* Views that cannot be composed: with gaps, or with indices that need a division. */
static bool view_must_own(const Graph *g, Id n) {
  int chain = 0;
  if (view_has_gaps(g, n)) return true;
  for (Id x = n; is_never_materialised(g, x) && !g->anno[x].kernel; x = node_in(g, x, 0))
    if (++chain > MAX_VIEW_CHAIN) return true;
  return !view_composes(g, n);
}

/* Owns a view that cannot be composed, or its base if that is enough to make it composable. */
static void own_view(FuseState *s, Id n) {
  Graph *g = s->g;
  Id base = view_base(g, n);
  bool flat = node_info(g, n)->flags & OPF_ROW_MAJOR_VIEW, tuple = node_info(g, base)->cls == CL_TUPLE;
  if (flat && !tuple && !view_composes(g, n) && !g->anno[base].kernel) {
    g->anno[base].kernel = 1;
    s->owns[base] = view_composes(g, n);
    g->anno[base].kernel = s->owns[base];
    if (s->owns[base]) return;
  }
  s->owns[n] = true;
}

/* Nodes, not views, that own storage: all in the plain form; in the fused form those that are a kernel by
 * themselves. */
static bool owns_kernel(const Graph *g, Id n, bool plain) {
  const OpInfo *info = node_info(g, n);
  switch (info->cls) {
  case CL_CONCAT:
  case CL_SCATTER:
  case CL_CUM:
  case CL_ATTEND:
  case CL_SORT:
  case CL_SCAN: return true;
  case CL_WINDOW: return plain || !fold_is_short(g, n);
  case CL_LEAF: return plain && info->flags & OPF_RANDOM;
  default: return plain;
  }
}

/* Marks in s->owns (and by kernel 1, where composition of views ends) the nodes that always own storage. */
static void find_owners(FuseState *s) {
  Graph *g = s->g;
  for (int i = 0; i < g->nout; i++) s->owns[g->out[i].value] = true;
  for (Id n = 1; n < (Id)g->n; n++) {
    g->anno[n].kernel = 0;
    if (!s->live[n]) continue;
    if (!is_never_materialised(g, n)) s->owns[n] |= owns_kernel(g, n, s->plain);
    else if (view_must_own(g, n)) own_view(s, n);
    g->anno[n].kernel = s->owns[n];
    demand_operands(s, n);
    own_rounded_weight(s, n);
    demand_folded(s, n);
  }
}

/* ---- the plain form ---- */

static void number_plain(FuseState *s) {
  Graph *g = s->g;
  uint32_t kernel = 0;
  for (Id n = 1; n < (Id)g->n; n++) {
    bool get = node_info(g, n)->cls == CL_TUPLE;
    g->anno[n].kernel = !s->live[n] || !(s->owns[n] || get) ? 0 : get ? g->anno[node_in(g, n, 0)].kernel : ++kernel;
    g->anno[n].pos = 0;
  }
}

static void fuse_graph(Graph *g, bool plain) {
  graph_annotate(g);
  separate_roles(g);
  complete_tuples(g);
  FuseState s = {.g = g, .plain = plain, .live = find_live(g)};
  s.owns = ctx_alloc(g->m->c, (size_t)g->n);
  find_owners(&s);
  if (plain) number_plain(&s);
  else fuse_greedy(&s);
}

void pass_fuse(Module *m) {
  for (int i = 0; i < m->ngraph; i++) fuse_graph(m->graph[i], pass_off(m, PASS_fuse));
  layout_panels(m);
}
