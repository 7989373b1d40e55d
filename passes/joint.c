#include "passes/joint.h"
#include <string.h>

/* ---- the two parts ---- */

enum { TO_LOSS = 1, TO_UPDATE = 2 };

static bool is_loss(const Out *o) { return o->var < 0 && !strcmp(o->name, "loss"); }

/* Per node: which of the two depend on it. */
static uint8_t *reaches(const Graph *g) {
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

const bool *joint_late(const Graph *g) {
  bool trains = false, *late = ctx_alloc(g->m->c, (size_t)g->n);
  for (int i = 0; i < g->nout; i++) trains |= is_loss(&g->out[i]);
  if (!trains || (g->kind != GK_TRAIN_STEP && g->kind != GK_TRAIN_PASS)) return NULL;
  const uint8_t *to = reaches(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (node_info(g, n)->cls == CL_LEAF || to[n] & TO_LOSS) continue;
    late[n] = to[n] != 0;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) late[n] |= late[node_in(g, n, (int)i)];
  }
  return late;
}

/* ---- what is cheap ---- */

static int64_t count(const Graph *g, Id n) { return dim_bound(g->m, type_count(g->m, node_get(g, n)->type)); }

bool joint_is_transparent(const Graph *g, Id n) {
  const OpInfo *info = node_info(g, n);
  return info->cls == CL_VIEW && info->flags & LINEAR && count(g, n) <= count(g, node_in(g, n, 0));
}

bool joint_is_cheap(const Graph *g, Id n) {
  return node_info(g, n)->cls == CL_ELEM || joint_is_transparent(g, n) || joint_is_random(g, n);
}

/* Whether another operand of n reads operand i, as the condition of where(x <= 0, 0, x) does: its formula holds it. */
static bool read_by_other(const Graph *g, Id n, uint32_t i) {
  for (uint32_t k = 0; node_info(g, n)->cls == CL_ELEM && k < node_get(g, n)->nin; k++) {
    Id y = node_in(g, n, (int)k);
    for (uint32_t j = 0; joint_is_cheap(g, y) && j < node_get(g, y)->nin; j++)
      if (node_in(g, y, (int)j) == node_in(g, n, (int)i)) return true;
  }
  return false;
}

const uint8_t *joint_costs(const Graph *g, const bool *given) {
  uint8_t *cost = ctx_alloc(g->m->c, (size_t)g->n);
  for (Id n = 1; n < (Id)g->n; n++) {
    int sum = node_info(g, n)->cost;
    for (uint32_t i = 0; i < node_get(g, n)->nin && sum <= MAX_COST; i++) {
      Id x = node_in(g, n, (int)i);
      if (!joint_is_cheap(g, x) || cost[x] > MAX_COST || (given && given[x])) continue;
      if (!read_by_other(g, n, i)) sum += cost[x];
    }
    cost[n] = (uint8_t)(sum <= MAX_COST ? sum : MAX_COST + 1);
  }
  return cost;
}

/* ---- clones ---- */

typedef struct Cloning {
  Rebuild r;
  const bool *drop;
  Id *twin;    /* per old node: its clone */
  bool *made;
  Id *stack;
  int nstack, capstack;
  uint32_t clone;
} Cloning;

/* Node n with the inputs of the backward part. */
static Id copy_for_backward(Cloning *k, Id n, AttrId attr) {
  Graph *old = k->r.old;
  const Node *d = node_get(old, n);
  if (!d->nin) return graph_leaf(k->r.new, (Op)d->op, d->type, attr, d->loc);
  Id few[8], *in = d->nin > 8 ? ctx_alloc(old->m->c, d->nin * sizeof *in) : few;
  for (uint32_t i = 0; i < d->nin; i++) {
    Id x = node_in(old, n, (int)i);
    in[i] = k->drop[x] ? k->twin[x] : k->r.map[x];
  }
  return graph_node(k->r.new, (Op)d->op, in, (int)d->nin, attr, d->loc);
}

static void push(Cloning *k, Id n) { *VEC_PUSH(k->r.old->m->c, k->stack, k->nstack, k->capstack) = n; }

/* Makes the clones that the inputs of n need, inputs first. Chains are long: no recursion. */
static void clone_inputs(Cloning *k, Id n) {
  Graph *g = k->r.old;
  push(k, n);
  while (k->nstack) {
    Id x = k->stack[k->nstack - 1];
    int waits = k->nstack;
    for (uint32_t i = 0; i < node_get(g, x)->nin; i++) {
      Id in = node_in(g, x, (int)i);
      if (k->drop[in] && !k->made[in]) push(k, in);
    }
    if (k->nstack > waits) continue;
    k->nstack--;
    if (x == n || k->made[x]) continue;
    const Node *d = node_get(g, x);
    k->made[x] = true;
    k->twin[x] = copy_for_backward(k, x, attr_with(g->m, (Op)d->op, d->attr, k->clone, attr_get(g->m, d->attr)->hints));
  }
}

void joint_recompute(Graph *g, const bool *late, const bool *drop, uint32_t clone) {
  Cloning k = {.r = graph_rebuild_begin(g), .drop = drop, .clone = clone,
               .made = ctx_alloc(g->m->c, (size_t)g->n)};
  k.twin = ctx_alloc(g->m->c, (size_t)g->n * sizeof *k.twin);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (k.r.map[n]) continue;
    if (!late[n]) {
      graph_copy_node(&k.r, n);
      continue;
    }
    clone_inputs(&k, n);
    k.r.map[n] = copy_for_backward(&k, n, node_get(g, n)->attr);
  }
  graph_rebuild_end(&k.r);
}
