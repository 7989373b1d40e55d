/* SPDX-License-Identifier: Apache-2.0 */
/* recompute: recomputes forward values in the backward pass where that costs nothing, instead of keeping them.
 *
 * needs:  autodiff, cse, dce; before layout
 * keeps:  every value, bit for bit; ports, outputs, the forward pass
 * breaks: nothing; adds clones (Attr.clone), which simplify, fold and cse leave alone
 *
 * A minimum cut through the forward values that the backward pass needs chooses what is kept: the fewest bytes, of
 * equal cuts the one that recomputes least. Everything after the cut is cloned for the backward pass. Only free values
 * can be after it: cheap chains of element-wise ops, views and random numbers, for readers they can be fused into.
 * Operands of contractions, convolutions, scans, windows and gathers must be in memory and are kept, as are the results
 * of these ops. Of an operand that was widened from 16 bits the 16 bits are kept. */
#include "passes/analysis/joint.h"
#include "passes/algo/mincut.h"
#include "passes/pass.h"
#include "ir/remark.h"
#include "passes/transform/scan_remat.h"

typedef struct Cutter {
  Graph *g;
  const bool *is_backward;
  const uint8_t *cost;
  bool *needed;    /* per forward node: needed by the backward pass or its clones */
  bool *in_memory; /* per node: must be in memory where the backward pass or a clone reads it */
  int *number;     /* per needed node, from 1: its vertices are 2 number (in) and 2 number + 1 (out) */
  int n;
} Cutter;

/* Reads operands from memory: cannot be fused with their producer. */
static bool reads_memory(const Graph *g, Id n) {
  OpClass cls = node_info(g, n)->cls;
  return cls != CL_ELEM && cls != CL_REDUCE && cls != CL_TUPLE && !joint_is_free_view(g, n);
}

static bool is_kept(const Cutter *k, Id n) {
  if (joint_is_free_view(k->g, n)) return false;
  return k->in_memory[n] || !joint_is_fusible(k->g, n) || k->cost[n] > MAX_RECOMPUTE_COST;
}

/* From the backward pass down through all that could be cloned. */
static void find_needed(Cutter *k) {
  const Graph *g = k->g;
  for (Id n = (Id)g->n - 1; n > 0; n--) {
    if (k->needed[n]) k->number[n] = ++k->n;
    if (!k->is_backward[n] && (!k->needed[n] || is_kept(k, n))) continue;
    bool from_memory = reads_memory(g, n) || (k->in_memory[n] && joint_is_free_view(g, n));
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      k->in_memory[node_is_upcast(g, x) ? node_in(g, x, 0) : x] |= from_memory;
      k->needed[x] |= !k->is_backward[x] && !joint_is_leaf(g, x);
    }
  }
}

/* A node is an edge from its in to its out vertex with its bytes as capacity. The source is connected to what is kept
 * in any case, the backward pass to the sink; an operand's out vertex leads to the in vertex of what is computed from
 * it. */
static const bool *cut(Cutter *k) {
  const Graph *g = k->g;
  enum { SOURCE, SINK };
  Net *net = net_new(g->m->c, 2 * k->n + 2);
  for (Id n = 1; n < (Id)g->n; n++) {
    int in = 2 * k->number[n];
    if (!in && !k->is_backward[n]) continue;
    bool kept = in && is_kept(k, n);
    if (in) net_edge(net, in, in + 1, joint_is_free_view(g, n) ? CUT_NEVER : node_bytes(g, n));
    if (kept) net_edge(net, SOURCE, in, CUT_NEVER);
    for (uint32_t i = 0; !kept && i < node_get(g, n)->nin; i++) {
      int from = 2 * k->number[node_in(g, n, (int)i)];
      if (from) net_edge(net, from + 1, in ? in : SINK, CUT_NEVER);
    }
  }
  return net_cut(net, SOURCE, SINK);
}

static const char *why_kept(const Cutter *k, Id n) {
  if (k->in_memory[n]) return "what reads it in the backward pass needs it in memory";
  if (!joint_is_fusible(k->g, n)) return "it cannot be computed in a kernel that reads it";
  if (k->cost[n] > MAX_RECOMPUTE_COST) return "computing it again costs more than memory";
  return "keeping it takes fewer bytes than keeping what it is computed from";
}

/* A value is kept if something that is not recomputed before it reads it in the backward pass. */
static void say_recomputed(const Cutter *k, const bool *drop) {
  Graph *g = k->g;
  for (Id n = 1; n < (Id)g->n; n++) {
    if (!k->number[n] || joint_is_free_view(g, n)) continue;
    Loc at = node_get(g, n)->loc;
    if (drop[n])
      remark(g->m, REMARK_RECOMPUTE, at, "%s is computed again in the backward pass, which costs nothing there",
             remark_node(g, n));
    else
      remark(g->m, REMARK_RECOMPUTE, at, "%s, %lld bytes, is kept for the backward pass: %s", remark_node(g, n),
             (long long)node_bytes(g, n), why_kept(k, n));
  }
}

static void recompute_graph(Graph *g) {
  Ctx *c = g->m->c;
  size_t n = (size_t)g->n;
  Cutter k = {.g = g, .is_backward = joint_backward(g)};
  if (!k.is_backward) return;
  k.cost = joint_costs(g, NULL);
  k.needed = ctx_alloc(c, n);
  k.in_memory = ctx_alloc(c, n);
  k.number = ctx_alloc(c, n * sizeof *k.number);
  find_needed(&k);
  const bool *recomputed = cut(&k);
  bool *drop = ctx_alloc(c, n);
  for (Id i = 1; i < (Id)n; i++)
    drop[i] = k.number[i] && (joint_is_free_view(g, i) ? drop[node_in(g, i, 0)] : recomputed[2 * k.number[i]]);
  if (remarks_on(g->m, REMARK_RECOMPUTE)) say_recomputed(&k, drop);
  joint_recompute(g, k.is_backward, drop, CLONE_FREE);
}

void pass_recompute(Module *m) {
  for (int i = 0, n = m->ngraph; i < n; i++) { /* bodies are added below */
    remat_scans(m->graph[i], REMAT_FREE, CLONE_FREE);
    recompute_graph(m->graph[i]);
  }
}
