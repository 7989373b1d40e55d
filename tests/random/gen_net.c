/* SPDX-License-Identifier: Apache-2.0 */
/* A network: layers of every kind in sequence, each with weights, so that the backward pass needs much of the forward
 * pass. Some layers are regions of @checkpoint. */
#include "random.h"
#include "ir/scan.h"

static Id weight(Gen *r, int rank, const Dim *dim) {
  const char *name = ctx_strf(r->m->c, "net%d", r->m->nvar);
  return graph_var(r->b.g, var_add(r->m, name, VK_PARAM, type_make(r->m, DT_F32, rank, dim), 0, 0), 0);
}

static Id activation(Gen *r, const Builder *b, Id x) {
  static const Op op[] = {OP_tanh, OP_sigmoid, OP_erf, OP_abs, OP_sin};
  return b_op1(b, op[rnd(r, 5)], x);
}

static Id dropped(Gen *r, const Builder *b, Id x) {
  Id u = b_random(b, node_get(b->g, x)->type, 100 + (int)rnd(r, 1000));
  Id kept = b_op2(b, OP_le, b_like(b, u, 0.25), u), scaled = b_op2(b, OP_mul, x, b_like(b, x, 1.25));
  return b_op3(b, OP_where, kept, scaled, b_like(b, x, 0));
}

static Id centred(const Builder *b, Id x) { /* along the last axis, over the spread */
  const Type *t = node_type(b->g, x);
  double n = (double)t->dim[1] > 0 ? (double)t->dim[1] : 1;
  Id mean = b_op2(b, OP_mul, b_sum(b, x, 1, (int64_t[]){1}, true), b_like(b, x, 1 / n)), d = b_op2(b, OP_sub, x, mean);
  Id var = b_op2(b, OP_mul, b_sum(b, b_op2(b, OP_mul, d, d), 1, (int64_t[]){1}, true), b_like(b, x, 1 / n));
  return b_op2(b, OP_mul, d, b_op1(b, OP_rsqrt, b_op2(b, OP_add, var, b_like(b, x, 0.125))));
}

/* x [rows, steps], step by step: h = act(x_t + h w), y = h x_t. */
static Id recurrent(Gen *r, Id x) {
  const Type *t = node_type(r->b.g, x);
  Dim rows = t->dim[0], steps = t->dim[1];
  TypeId slice = type_make(r->m, DT_F32, 1, &rows);
  Id w = weight(r, 1, &rows), start = b_full(&r->b, slice, 0.5);
  Graph *body = graph_new(r->m, ctx_strf(r->m->c, "body%d", r->nbody++), GK_BODY, 0);
  Id xt = graph_input(body, "x", slice, 0), h = graph_input(body, "h", slice, 0), c = graph_input(body, "w", slice, 0);
  Builder plain = {.g = body}, b = plain;
  if (chance(r, 40)) b.hints = (1 + rnd(r, 2)) * HINT_REGION;
  Id a = activation(r, &b, b_op2(&b, OP_add, xt, b_op2(&b, OP_mul, h, c)));
  if (chance(r, 40)) a = dropped(r, &b, a);
  if (chance(r, 40)) a = activation(r, &b, a);
  graph_result(body, "n", a, 0);
  graph_result(body, "y", b_op2(&plain, OP_mul, a, activation(r, &plain, xt)), 0);
  Scan s = {.body = body, .nx = 1, .nc = 1, .axis = 1, .reverse = chance(r, 30), .length = steps};
  Id n = scan_node(&r->b, &s, (Id[]){x, start, w}, 3);
  return n ? b_get(&r->b, n, 1) : 0;
}

static Id layer(Gen *r, Id x) {
  const Builder *b = &r->b;
  const Type *t = node_type(b->g, x);
  switch (rnd(r, 7)) {
  case 0:
  case 1: return b_contract(b, x, weight(r, 2, (Dim[]){t->dim[1], 1 + (Dim)rnd(r, 7)}), "mk,kn->mn");
  case 2: return b_op2(b, OP_add, b_op2(b, OP_mul, x, weight(r, 1, &t->dim[1])), weight(r, 1, &t->dim[1]));
  case 3: return dropped(r, b, x);
  case 4: return b_op2(b, OP_mul, centred(b, x), weight(r, 1, &t->dim[1]));
  case 5: return dim_is_const(t->dim[0]) && r->nbody < 4 ? recurrent(r, x) : activation(r, b, x);
  default: return activation(r, b, x);
  }
}

Id grow_net(Gen *r) {
  Graph *g = r->b.g;
  Id x = graph_input(g, "net", type_make(r->m, DT_F32, 2, (Dim[]){1 + (Dim)rnd(r, 6), 1 + (Dim)rnd(r, 6)}), 0);
  uint32_t regions = 0;
  for (int i = 2 + (int)rnd(r, 9); i > 0; i--) {
    if (chance(r, 15)) r->b.hints = ++regions * HINT_REGION;
    else if (chance(r, 50)) r->b.hints = 0;
    Id y = layer(r, x);
    if (chance(r, 25) && node_get(g, y)->type == node_get(g, x)->type) y = b_op2(&r->b, OP_add, x, y); /* past it */
    x = keep(r, y);
  }
  r->b.hints = 0;
  return b_sum(&r->b, b_op2(&r->b, OP_mul, x, x), 2, (int64_t[]){0, 1}, false);
}
