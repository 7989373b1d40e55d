/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/joint.h"
#include <string.h>

/* ---- forward and backward ---- */

enum { TO_LOSS = 1, TO_UPDATE = 2 };

static bool is_loss(const Out *o) { return o->role == OUT_LOSS; }

/* Per node: which of the two depend on it. */
static uint8_t *reaches_outputs(const Graph *g) {
  uint8_t *to = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nout; i++) {
    const Out *o = &g->out[i];
    if (is_loss(o)) to[o->value] |= TO_LOSS;
    if (o->var >= 0 && g->m->var[o->var].kind != VK_STATE) to[o->value] |= TO_UPDATE;
  }
  for (Id n = (Id)g->n - 1; n > 0; n--)
    for (uint32_t i = 0; to[n] && i < node_get(g, n)->nin; i++) to[node_in(g, n, (int)i)] |= to[n];
  return to;
}

const bool *joint_backward(const Graph *g) {
  bool trains = false, *is_backward = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nout; i++) trains |= is_loss(&g->out[i]);
  if (!trains || (g->kind != GK_TRAIN_STEP && g->kind != GK_TRAIN_PASS)) return NULL;
  const uint8_t *to = reaches_outputs(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (node_info(g, n)->cls == CL_LEAF || to[n] & TO_LOSS) continue;
    is_backward[n] = to[n] != 0;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) is_backward[n] |= is_backward[node_in(g, n, (int)i)];
  }
  return is_backward;
}

/* ---- recompute costs ---- */

bool joint_is_free_view(const Graph *g, Id n) {
  const OpInfo *info = node_info(g, n);
  return info->cls == CL_VIEW && info->flags & OPF_LINEAR && node_count(g, n) <= node_count(g, node_in(g, n, 0));
}

bool joint_is_fusible(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_ELEM || joint_is_free_view(g, n) || joint_is_random(g, n);
}

/* Another operand of n reads operand i too, as the condition of where(x <= 0, 0, x) does; its cost is counted there. */
static bool read_by_other(const Graph *g, Id n, uint32_t i) {
  for (uint32_t k = 0; node_info(g, n)->cls == CL_ELEM && k < node_get(g, n)->nin; k++) {
    Id y = node_in(g, n, (int)k);
    for (uint32_t j = 0; joint_is_fusible(g, y) && j < node_get(g, y)->nin; j++)
      if (node_in(g, y, (int)j) == node_in(g, n, (int)i)) return true;
  }
  return false;
}

const uint8_t *joint_costs(const Graph *g, const bool *given) {
  uint8_t *cost = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    int sum = node_info(g, n)->cost;
    for (uint32_t i = 0; i < node_get(g, n)->nin && sum <= MAX_RECOMPUTE_COST; i++) {
      Id x = node_in(g, n, (int)i);
      if (!joint_is_fusible(g, x) || cost[x] > MAX_RECOMPUTE_COST || (given && given[x])) continue;
      if (!read_by_other(g, n, i)) sum += cost[x];
    }
    cost[n] = (uint8_t)(sum <= MAX_RECOMPUTE_COST ? sum : MAX_RECOMPUTE_COST + 1);
  }
  return cost;
}

/* ---- clones ---- */

typedef struct Cloning {
  Rebuild r;
  const bool *drop;
  Id *clone_of; /* per old node: its clone */
  bool *is_cloned;
  Id *stack;
  int nstack, capstack;
  uint32_t clone;
} Cloning;

/* Node n for the backward pass: with clones for inputs that are dropped. */
static Id copy_for_backward(Cloning *k, Id n, AttrId attr) {
  Graph *old = k->r.old;
  const Node *d = node_get(old, n);
  if (!d->nin) return graph_leaf(k->r.new, (Op)d->op, d->type, attr, d->loc);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(old->m->c, d->nin * sizeof *in) : few;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(old, n, (int)i);
    in[i] = k->drop[x] ? k->clone_of[x] : k->r.map[x];
  }
  return graph_node(k->r.new, (Op)d->op, in, (int)d->nin, attr, d->loc);
}

static void push(Cloning *k, Id n) { *VEC_PUSH(k->r.old->m->c, k->stack, k->nstack, k->capstack) = n; }

/* Makes the clones that the inputs of n need, inputs first. Chains are long, so this does not recurse. */
static void clone_inputs(Cloning *k, Id n) {
  Graph *g = k->r.old;
  push(k, n);
  while (k->nstack) {
    Id x = k->stack[k->nstack - 1];
    int depth = k->nstack;
    for (uint32_t i = 0; i < node_get(g, x)->nin; i++) {
      Id in = node_in(g, x, (int)i);
      if (k->drop[in] && !k->is_cloned[in]) push(k, in);
    }
    if (k->nstack > depth) continue;
    k->nstack--;
    if (x == n || k->is_cloned[x]) continue;
    const Node *d = node_get(g, x);
    k->is_cloned[x] = true;
    AttrId attr = attr_with(g->m, (Op)d->op, d->attr, k->clone, attr_get(g->m, d->attr)->hints);
    k->clone_of[x] = copy_for_backward(k, x, attr);
  }
}

void joint_recompute(Graph *g, const bool *is_backward, const bool *drop, uint32_t clone) {
  Cloning k = {
    .r = graph_rebuild_begin(g), .drop = drop, .clone = clone, .is_cloned = ctx_alloc(g->m->c, (size_t)g->n)};
  k.clone_of = ctx_alloc(g->m->c, (size_t)g->n * sizeof *k.clone_of);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (k.r.map[n]) continue;
    if (!is_backward[n]) {
      graph_copy_node(&k.r, n);
      continue;
    }
    clone_inputs(&k, n);
    k.r.map[n] = copy_for_backward(&k, n, node_get(g, n)->attr);
  }
  graph_rebuild_end(&k.r);
}
