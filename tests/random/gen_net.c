/* A network: layers of every kind on one another, each with weights, so that much of the forward part is needed again
 * by the backward part. Some layers are regions of @checkpoint. */
#include "random.h"
#include "ir/scan.h"

static Id weight(Gen *r, int rank, const Dim *dim) {
  const char *name = ctx_strf(r->m->c, "net%d", r->m->nvar);
  return graph_var(r->g, var_add(r->m, name, VK_PARAM, type_make(r->m, DT_F32, rank, dim), 0, 0), 0);
}

static Id activation(Gen *r, Graph *g, Id x) {
  static const Op op[] = {OP_tanh, OP_sigmoid, OP_erf, OP_abs, OP_sin};
  return b_op1(g, op[rnd(r, 5)], x);
}

static Id dropped(Gen *r, Graph *g, Id x) {
  TypeId t = node_get(g, x)->type;
  Id u = graph_leaf(g, OP_random, t, attr_make(r->m, OP_random, &(AttrVal){.i = 100 + (int)rnd(r, 1000)}), 0);
  return b_op3(g, OP_where, b_op2(g, OP_le, b_like(g, u, 0.25), u), b_op2(g, OP_mul, x, b_like(g, x, 1.25)), b_like(g, x, 0));
}

static Id centred(Graph *g, Id x) { /* along the last axis, over the spread */
  const Type *t = node_type(g, x);
  double n = (double)t->dim[1] > 0 ? (double)t->dim[1] : 1;
  Id mean = b_op2(g, OP_mul, b_sum(g, x, 1, (int64_t[]){1}, true), b_like(g, x, 1 / n)), d = b_op2(g, OP_sub, x, mean);
  Id var = b_op2(g, OP_mul, b_sum(g, b_op2(g, OP_mul, d, d), 1, (int64_t[]){1}, true), b_like(g, x, 1 / n));
  return b_op2(g, OP_mul, d, b_op1(g, OP_rsqrt, b_op2(g, OP_add, var, b_like(g, x, 0.125))));
}

/* x [rows, turns] turn by turn: h = act(x_t + h w), y = h x_t. */
static Id recurrent(Gen *r, Id x) {
  const Type *t = node_type(r->g, x);
  Dim rows = t->dim[0], turns = t->dim[1];
  TypeId turn = type_make(r->m, DT_F32, 1, &rows);
  Id w = weight(r, 1, &rows), start = b_full(r->g, turn, 0.5);
  Graph *b = graph_new(r->m, ctx_strf(r->m->c, "body%d", r->nbody++), GK_BODY, 0);
  Id xt = graph_input(b, "x", turn, 0), h = graph_input(b, "h", turn, 0), c = graph_input(b, "w", turn, 0);
  if (chance(r, 40)) b->hints = (1 + rnd(r, 2)) * HINT_REGION;
  Id a = activation(r, b, b_op2(b, OP_add, xt, b_op2(b, OP_mul, h, c)));
  if (chance(r, 40)) a = dropped(r, b, a);
  if (chance(r, 40)) a = activation(r, b, a);
  b->hints = 0;
  graph_result(b, "n", a, 0);
  graph_result(b, "y", b_op2(b, OP_mul, a, activation(r, b, xt)), 0);
  Scan s = {.body = b, .nx = 1, .nc = 1, .axis = 1, .reverse = chance(r, 30), .length = turns};
  Id n = scan_node(r->g, &s, (Id[]){x, start, w}, 3, 0);
  return n ? b_get(r->g, n, 1) : 0;
}

static Id layer(Gen *r, Id x) {
  Graph *g = r->g;
  const Type *t = node_type(g, x);
  switch (rnd(r, 7)) {
  case 0: case 1: return b_contract(g, x, weight(r, 2, (Dim[]){t->dim[1], 1 + (Dim)rnd(r, 7)}), "mk,kn->mn");
  case 2: return b_op2(g, OP_add, b_op2(g, OP_mul, x, weight(r, 1, &t->dim[1])), weight(r, 1, &t->dim[1]));
  case 3: return dropped(r, g, x);
  case 4: return b_op2(g, OP_mul, centred(g, x), weight(r, 1, &t->dim[1]));
  case 5: return dim_is_const(t->dim[0]) && r->nbody < 4 ? recurrent(r, x) : activation(r, g, x);
  default: return activation(r, g, x);
  }
}

Id grow_net(Gen *r) {
  Graph *g = r->g;
  Id x = graph_input(g, "net", type_make(r->m, DT_F32, 2, (Dim[]){1 + (Dim)rnd(r, 6), 1 + (Dim)rnd(r, 6)}), 0);
  uint32_t regions = 0;
  for (int i = 2 + (int)rnd(r, 9); i > 0; i--) {
    if (chance(r, 15)) g->hints = ++regions * HINT_REGION;
    else if (chance(r, 50)) g->hints = 0;
    Id y = layer(r, x);
    if (chance(r, 25) && node_get(g, y)->type == node_get(g, x)->type) y = b_op2(g, OP_add, x, y); /* past it */
    x = keep(r, y);
  }
  g->hints = 0;
  return b_sum(g, b_op2(g, OP_mul, x, x), 2, (int64_t[]){0, 1}, false);
}
