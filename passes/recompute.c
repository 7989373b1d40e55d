/* recompute: what the backward part of a training step can compute again for nothing is not kept for it.
 *
 * needs:  autodiff; runs behind cse and dce, before layout
 * keeps:  every value, bit for bit; ports, outputs, the forward part
 * breaks: nothing; adds clones (Attr.clone), which simplify, fold and cse leave alone
 *
 * Of the forward values that the backward part needs, a minimum cut chooses what is kept: as few bytes as can be, of
 * equal cuts the one that recomputes least. Everything behind the cut is cloned for the backward part. A value may only
 * be behind it where that costs nothing: element-wise ops, views and random numbers of short formulas, for readers into
 * whose kernels they can go. What a contraction, convolution, scan, window or table look-up reads must lie in memory
 * and is kept, as are their own results. */
#include "passes/joint.h"
#include "passes/mincut.h"
#include "passes/pass.h"
#include "passes/thin.h"

typedef struct Cutter {
  Graph *g;
  const bool *late;
  const uint8_t *cost;
  bool *wanted;      /* per forward node: the backward part needs it, or clones would */
  bool *memory;      /* per node: must lie in memory where the backward part or a clone reads it */
  int *number;       /* per wanted node: its vertices are 2 number (in) and 2 number + 1 (out); from 1 */
  int n;
} Cutter;

/* Readers that go into no kernel with what computes their operand. */
static bool reads_memory(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  return cls != CL_ELEM && cls != CL_REDUCE && cls != CL_TUPLE && !joint_is_transparent(g, n);
}

static bool is_kept(const Cutter *k, Id n) {
  if (joint_is_transparent(k->g, n)) return false;
  return k->memory[n] || !joint_is_cheap(k->g, n) || k->cost[n] > MAX_COST;
}

/* From the backward part down through all that could be cloned. */
static void find_wanted(Cutter *k) {
  const Graph *g = k->g;
  for (Id n = (Id)g->n - 1; n > 0; n--) {
    if (k->wanted[n]) k->number[n] = ++k->n;
    if (!k->late[n] && (!k->wanted[n] || is_kept(k, n))) continue;
    bool memory = reads_memory(g, n) || (k->memory[n] && joint_is_transparent(g, n));
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      k->memory[x] |= memory;
      k->wanted[x] |= !k->late[x] && !joint_is_free(g, x);
    }
  }
}

/* A node is an edge from its in to its out vertex, which weighs its bytes. The source is what is kept in any case, the
 * sink the backward part; an operand's out leads to the in of what would be computed from it. */
static const bool *cut(Cutter *k) {
  const Graph *g = k->g;
  enum { SOURCE, SINK };
  Net *net = net_new(g->m->c, 2 * k->n + 2);
  for (Id n = 1; n < (Id)g->n; n++) {
    int in = 2 * k->number[n];
    if (!in && !k->late[n]) continue;
    bool kept = in && is_kept(k, n);
    if (in) net_edge(net, in, in + 1, joint_is_transparent(g, n) ? CUT_NEVER : type_bytes(g->m, node_get(g, n)->type));
    if (kept) net_edge(net, SOURCE, in, CUT_NEVER);
    for (uint32_t i = 0; !kept && i < node_get(g, n)->nin; i++) {
      int from = 2 * k->number[node_in(g, n, (int)i)];
      if (from) net_edge(net, from + 1, in ? in : SINK, CUT_NEVER);
    }
  }
  return net_cut(net, SOURCE, SINK);
}

static void recompute_graph(Graph *g) {
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  Cutter k = {.g = g, .late = joint_late(g)};
  if (!k.late) return;
  k.cost = joint_costs(g, NULL);
  k.wanted = ctx_alloc(c, n);
  k.memory = ctx_alloc(c, n);
  k.number = ctx_alloc(c, n * sizeof *k.number);
  find_wanted(&k);
  const bool *behind = cut(&k);
  bool *drop = ctx_alloc(c, n);
  for (Id i = 1; i < (Id)n; i++)
    drop[i] = k.number[i] && (joint_is_transparent(g, i) ? drop[node_in(g, i, 0)] : behind[2 * k.number[i]]);
  joint_recompute(g, k.late, drop, CLONE_FREE);
}

void pass_recompute(Module *m) {
  for (int i = 0, n = m->ngraph; i < n; i++) { /* bodies are added meanwhile */
    thin_scans(m->graph[i], THIN_FREE, CLONE_FREE);
    recompute_graph(m->graph[i]);
  }
}
