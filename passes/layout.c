/* SPDX-License-Identifier: Apache-2.0 */
/* layout: stored orders: Annotation.stored of values, Var.stored of weights.
 *
 * needs:  autodiff
 * keeps:  logical shapes, the graph's meaning
 * breaks: fuse, order, memory
 *
 * Images around convolutions are stored channels-last and their weights with output channels last, so that the inner
 * loops of kernels run over contiguous channels. Stacked operands and results of scans are stored iteration by
 * iteration, rows of attention token by token. Element-wise ops, reductions and windows adopt the order of their
 * operands. Optimizer states and gradients have the order of their weight. Inputs and results belong to the caller and
 * stay row-major: an image input of several channels is copied once. A transpose of a contraction's result is folded
 * into its spec. Panels of weights (StorageOrder.panel) are chosen in layout/panels.c, after fuse. Off: all
 * row-major. */
#include "ir/build.h"
#include "ir/contract.h"
#include "ir/view.h"
#include "passes/analysis/index_map.h"
#include "passes/layout/layout.h"
#include "passes/pass.h"
#include "passes/transform/copy_inputs.h"
#include "passes/analysis/model_memory.h"
#include "ir/scan.h"
#include <string.h>

/* ---- orders as permutations of axes, outermost first ---- */

typedef struct Order {
  int rank;
  uint8_t axis[MAX_RANK];
} Order;

static Order order_rows(int rank) {
  Order o = {.rank = rank};
  for (int i = 0; i < rank; i++) o.axis[i] = (uint8_t)i;
  return o;
}

static Order order_get(const Module *m, uint32_t stored, int rank) {
  Order o = order_rows(rank);
  if (stored) memcpy(o.axis, m->stored[stored - 1].perm, (size_t)rank);
  return o;
}

static uint32_t order_put(Module *m, const Order *o) {
  StorageOrder s = {.rank = (uint8_t)o->rank};
  memcpy(s.perm, o->axis, (size_t)o->rank);
  return storage_order_make(m, &s);
}

/* Channels-last: batch, space, channels. */
static uint32_t image_order(Module *m, int rank) {
  Order o = {.rank = rank};
  for (int i = 2; i < rank; i++) o.axis[i - 1] = (uint8_t)i;
  o.axis[rank - 1] = 1;
  return order_put(m, &o);
}

/* Stacked values of a scan: iterations are the outermost axis, so that each slice is contiguous. */
static uint32_t iteration_order(Module *m, int rank, int64_t axis) {
  Order o = {.rank = 1, .axis = {(uint8_t)axis}};
  for (int i = 0; i < rank; i++)
    if (i != axis) o.axis[o.rank++] = (uint8_t)i;
  return order_put(m, &o);
}

/* Weights of a convolution [out, in, space]: space, in, out. */
static uint32_t filter_order(Module *m, int rank) {
  Order o = {.rank = rank};
  for (int i = 2; i < rank; i++) o.axis[i - 2] = (uint8_t)i;
  o.axis[rank - 2] = 1;
  o.axis[rank - 1] = 0;
  return order_put(m, &o);
}

/* The order after axes are removed (to < 0) and others renumbered. */
static uint32_t order_map(Module *m, uint32_t stored, int rank, const int *to) {
  Order from = order_get(m, stored, rank), o = {0};
  for (int i = 0; i < rank; i++)
    if (to[from.axis[i]] >= 0) o.axis[o.rank++] = (uint8_t)to[from.axis[i]];
  return order_put(m, &o);
}

/* ---- order of an op's result, given those of its operands ---- */

typedef uint32_t OrderFn(const Graph *g, Id n, const uint32_t *of);

static int rank_of(const Graph *g, Id n) { return node_type(g, n)->rank; }

static uint32_t largest_order(const Graph *g, Id n, const uint32_t *of) {
  const Type *t = node_type(g, n);
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    Id x = node_in(g, n, (int)i);
    if (of[x] && type_same_dims(node_type(g, x), t)) return of[x];
  }
  return 0;
}

static uint32_t concat_order(const Graph *g, Id n, const uint32_t *of) {
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++)
    if (of[node_in(g, n, (int)i)]) return of[node_in(g, n, (int)i)];
  return 0;
}

/* The order of the input; new axes come first, those within windows last. */
static uint32_t view_order(const Graph *g, Id n, const uint32_t *of) {
  ViewMap v;
  Order o = {0};
  bool seen[MAX_RANK] = {0};
  if (!view_map(g, n, &v)) return 0;
  Order from = order_get(g->m, of[node_in(g, n, 0)], v.rank);
  for (int i = 0; i < v.rank; i++)
    for (int k = 0; k < v.axis[i].n; k++) seen[v.axis[i].axis[k]] = true;
  for (int i = 0; i < rank_of(g, n); i++)
    if (!seen[i]) o.axis[o.rank++] = (uint8_t)i;
  for (int i = 0; i < v.rank; i++) o.axis[o.rank++] = (uint8_t)v.axis[from.axis[i]].axis[0];
  for (int i = v.rank; o.rank < rank_of(g, n); i++) o.axis[o.rank++] = (uint8_t)i;
  return order_put(g->m, &o);
}

static uint32_t fold_order(const Graph *g, Id n, const uint32_t *of) {
  int rank = rank_of(g, node_in(g, n, 0)), to[MAX_RANK];
  for (int i = 0; i < rank; i++) to[i] = i < rank_of(g, n) ? i : -1;
  return order_map(g->m, of[node_in(g, n, 0)], rank, to);
}

static uint32_t reduce_order(const Graph *g, Id n, const uint32_t *of) {
  const AttrVal *axes = node_attr(g, n, ATTR(sum, axes));
  int rank = rank_of(g, node_in(g, n, 0)), to[MAX_RANK] = {0}, k = 0;
  if (rank_of(g, n) == rank) return of[node_in(g, n, 0)];
  for (int i = 0; i < axes->n; i++) to[axes->v[i]] = -1;
  for (int i = 0; i < rank; i++)
    if (to[i] >= 0) to[i] = k++;
  return order_map(g->m, of[node_in(g, n, 0)], rank, to);
}

static uint32_t conv_order(const Graph *g, Id n, const uint32_t *of) {
  (void)of;
  bool weight = conv_role(g, n, OPERAND_RESULT) == CONV_W;
  return weight ? filter_order(g->m, rank_of(g, n)) : image_order(g->m, rank_of(g, n));
}

/* Rows of attention, [batch, heads, T, E], are stored as [batch, T, heads, E]: its readers join heads and E. */
static uint32_t element_order(const Graph *g, Id n, const uint32_t *of) {
  Id x = node_in(g, n, 0);
  int64_t i = node_attr(g, n, ATTR(get, index))->i;
  (void)of;
  if (node_info(g, x)->cls == CL_ATTEND) return rank_of(g, n) == 4 ? order_put(g->m, &(Order){4, {0, 2, 1, 3}}) : 0;
  if (node_info(g, x)->cls != CL_SCAN || i < scan_of(g, x).nc) return 0;
  return iteration_order(g->m, rank_of(g, n), scan_of(g, x).axis);
}

static OrderFn *const order_rule[CL_COUNT] = {
  /* no rule: row-major */
  [CL_ELEM] = largest_order, [CL_VIEW] = view_order,   [CL_CONCAT] = concat_order, [CL_REDUCE] = reduce_order,
  [CL_CONV] = conv_order,    [CL_WINDOW] = fold_order, [CL_TUPLE] = element_order,
};

/* ---- graphs ---- */

/* A transpose folded into the contraction it reads, which has no other reader. */
static bool sinks(const Graph *g, Id n, const uint32_t *uses, int *to) {
  if (!view_permutes(g, n, to)) return false;
  Id x = node_in(g, n, 0);
  return node_info(g, x)->cls == CL_CONTRACT && uses[x] == 1;
}

static Id sink_transpose(Rebuild *r, Id n, const int *to) {
  Graph *g = r->old;
  Id x = node_in(g, n, 0);
  const char *spec = node_attr(g, x, ATTR(contract, spec))->s, *old = strstr(spec, "->") + 2;
  char *sunk = ctx_strf(g->m->c, "%s", spec);
  for (int i = 0; i < rank_of(g, n); i++) sunk[old - spec + to[i]] = old[i];
  Builder b = {.g = r->new, .loc = node_get(g, x)->loc};
  return b_contract(&b, r->map[node_in(g, x, 0)], r->map[node_in(g, x, 1)], sunk);
}

static void reshape_graph(Graph *g) {
  copy_image_inputs(g);
  uint32_t *uses = ctx_alloc(g->m->c, sizeof *uses * (size_t)g->n);
  bool any = false, *folded = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    any |= node_info(g, n)->cls == CL_CONTRACT;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) uses[node_in(g, n, (int)i)]++;
  }
  for (int i = 0; i < g->nout; i++) uses[g->out[i].value]++;
  if (!any) return;
  int exchange[MAX_RANK];
  for (Id n = 1; n < (Id)g->n; n++)
    if (sinks(g, n, uses, exchange)) folded[node_in(g, n, 0)] = true;
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n] || folded[n]) continue;
    if (sinks(g, n, uses, exchange)) r.map[n] = sink_transpose(&r, n, exchange);
    else graph_copy_node(&r, n);
  }
  graph_rebuild_end(&r);
}

/* Scans read whole row-major buffers: vars they read, and vars that are written what a scan reads. */
static bool *scanned_vars(Module *m) {
  bool *scanned = ctx_alloc(m->c, (size_t)m->nvar + 1);
  for (int k = 0; k < m->ngraph; k++) {
    Graph *g = m->graph[k];
    bool *read = ctx_alloc(m->c, (size_t)g->n);
    for (Id n = 1; n < (Id)g->n; n++)
      for (uint32_t i = 0; node_info(g, n)->cls == CL_SCAN && i < node_get(g, n)->nin; i++) {
        Id x = node_in(g, n, (int)i);
        read[x] = true;
        if (node_var(g, x) >= 0) scanned[node_var(g, x)] = true;
      }
    for (int i = 0; i < g->nout; i++)
      if (g->out[i].var >= 0 && read[g->out[i].value]) scanned[g->out[i].var] = true;
  }
  return scanned;
}

static Id skip_casts(const Graph *g, Id x) {
  while (node_is_upcast(g, x) || node_is_downcast(g, x)) x = node_in(g, x, 0);
  return x;
}

static void order_filters(Module *m) {
  const bool *scanned = scanned_vars(m);
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    for (Id n = 1; n < (Id)g->n; n++) {
      for (int k = 0; node_info(g, n)->cls == CL_CONV && k < 2; k++) {
        int v = conv_role(g, n, k) == CONV_W ? node_var(g, skip_casts(g, node_in(g, n, k))) : -1;
        if (v >= 0) m->var[v].stored = filter_order(m, type_get(m, m->var[v].type)->rank);
      }
    }
  }
  for (int v = 0; v < m->nvar; v++) {
    int w = m->var[v].owner;
    if (w >= 0 && m->var[w].type == m->var[v].type) m->var[v].stored = m->var[w].stored;
  }
  for (int v = 0; v < m->nvar; v++)
    if (scanned[v]) m->var[v].stored = 0;
}

bool layout_can_store(const Graph *g, Id x, uint32_t order) {
  if (!order) return true;
  return node_info(g, x)->cls == CL_TUPLE ? order == element_order(g, x, NULL) : view_allows_order(g, x);
}

/* Stacked operands of scans are stored by iteration, unless another scan or the producer needs them row-major; other
 * operands of scans are row-major. */
static void order_scanned(Graph *g) {
  enum { FREE, BY_ITERATION, ROW_MAJOR };
  uint8_t *how = ctx_alloc(g->m->c, (size_t)g->n);
  for (int round = 0; round < 2; round++)
    for (Id n = 1; n < (Id)g->n; n++)
      for (uint32_t i = 0; node_info(g, n)->cls == CL_SCAN && i < node_get(g, n)->nin; i++) {
        Id x = node_in(g, n, (int)i);
        bool by_iteration = i < (uint32_t)scan_of(g, n).nx && node_info(g, x)->cls != CL_LEAF;
        uint32_t order = by_iteration ? iteration_order(g->m, rank_of(g, x), scan_of(g, n).axis) : 0;
        by_iteration &= layout_can_store(g, x, order);
        bool agreed = how[x] == FREE || (how[x] == BY_ITERATION && g->anno[x].stored == order);
        if (round == 0) how[x] = by_iteration && agreed ? BY_ITERATION : ROW_MAJOR;
        g->anno[x].stored = how[x] == BY_ITERATION ? order : 0;
      }
}

/* Per node, its only reader; 0: it has none, or several. */
static Id *only_readers(const Graph *g) {
  Id *reader = ctx_alloc(g->m->c, sizeof *reader * (size_t)g->n);
  bool *read = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++)
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      reader[x] = read[x] && reader[x] != n ? 0 : n;
      read[x] = true;
    }
  return reader;
}

/* A concat that only a transpose reads is stored as that needs it, which then is no copy. */
static uint32_t transposed_order(Graph *g, Id n, Id reader) {
  int to[MAX_RANK];
  Order o = {.rank = rank_of(g, n)};
  if (!reader || !view_permutes(g, reader, to)) return 0;
  for (int i = 0; i < o.rank; i++) o.axis[to[i]] = (uint8_t)i;
  return order_put(g->m, &o);
}

static void order_values(Graph *g) {
  Module *m = g->m;
  uint32_t *of = ctx_alloc(m->c, sizeof *of * (size_t)g->n); /* of views too */
  const Id *reader = only_readers(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    int v = node_var(g, n);
    OrderFn *rule = order_rule[node_info(g, n)->cls];
    if (v >= 0) of[n] = m->var[v].stored;
    else if (rule) of[n] = rule(g, n, of);
    if (!of[n] && node_info(g, n)->cls == CL_CONCAT) of[n] = transposed_order(g, n, reader[n]);
  }
  /* Operands of convolutions that no rule has ordered. */
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (int i = 0; node_info(g, n)->cls == CL_CONV && i < 2; i++) {
      Id x = node_in(g, n, i);
      bool image = conv_role(g, n, i) != CONV_W;
      for (; image && node_is_upcast(g, x) && !of[x]; x = node_in(g, x, 0)) of[x] = image_order(m, rank_of(g, x));
      if (node_info(g, x)->cls == CL_ELEM && !of[x] && image) of[x] = image_order(m, rank_of(g, x));
    }
  for (Id n = 1; n < (Id)g->n; n++) g->anno[n].stored = node_info(g, n)->cls == CL_LEAF ? 0 : of[n];
  order_scanned(g);
  for (int i = 0; i < g->nout; i++) {
    const Out *o = &g->out[i];
    if (node_info(g, o->value)->cls != CL_LEAF) g->anno[o->value].stored = o->var >= 0 ? m->var[o->var].stored : 0;
  }
}

void pass_layout(Module *m) {
  bool plain = pass_off(m, PASS_layout);
  for (int v = 0; v < m->nvar; v++) m->var[v].stored = 0;
  for (int i = 0; i < m->ngraph && !plain; i++) reshape_graph(m->graph[i]);
  if (!plain) order_filters(m);
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    graph_annotate(g);
    if (!plain) order_values(g);
    for (Id n = 1; n < (Id)g->n && plain; n++) g->anno[n].stored = 0;
  }
}
