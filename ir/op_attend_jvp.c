/* SPDX-License-Identifier: Apache-2.0 */
/* Attention composed of contractions over all pairs of a query and a key, which can be differentiated again: forward
 * mode of attend and attend_back, and reverse mode of attend_back. */
#include "attend.h"
#include "grad.h"

/* Queries are [B, H, G, T, D], where G heads share the keys [B, H, S, D] of one; pairs are [B, H, G, T, S]. */
#define SCORES "bhgtd,bhsd->bhgts"
#define BY_QUERY "bhgts,bhsd->bhgtd"
#define BY_KEY "bhgts,bhgtd->bhsd"

typedef struct Pairs {
  const Builder *b;
  Attend a;
  DType type;                /* computed in */
  Id q, k, v, lse, g, delta; /* lse and delta as columns */
  Id p;                      /* the probabilities: 0 for keys that are not seen */
} Pairs;

static Id plus(const Pairs *c, Id x, Id y) { return !x ? y : !y ? x : b_add(c->b, x, y); }
static Id minus(const Pairs *c, Id x, Id y) { return !y ? x : x ? b_sub(c->b, x, y) : b_op1(c->b, OP_neg, y); }
static Id times(const Pairs *c, Id x, Id y) { return x && y ? b_mul(c->b, x, y) : 0; }
static Id scaled(const Pairs *c, Id x) { return x ? b_mul(c->b, x, b_like(c->b, x, c->a.scale)) : 0; }
static Id product(const Pairs *c, Id x, Id y, const char *spec) { return x && y ? b_contract(c->b, x, y, spec) : 0; }
static Id over_keys(const Pairs *c, Id x) { return x ? b_sum(c->b, x, 1, (int64_t[]){4}, true) : 0; }

/* An operand of the op, or its tangent or adjoint, in the shape that is computed in. */
static Id grouped(const Pairs *c, Id x, AttendOperand role) {
  const Attend *a = &c->a;
  Dim last = role == AT_Q ? a->d : role == AT_G ? a->e : 1;
  if (!x) return 0;
  x = b_cast(c->b, x, c->type);
  if (role == AT_K || role == AT_V) return x;
  return b_reshape(c->b, x, 5, (Dim[]){a->batch, a->heads, a->shared, a->t, last});
}

static Id as_operand(const Pairs *c, Id x, int i) {
  const Type *t = node_type(c->b->g, c->a.in[i]);
  return x ? b_reshape(c->b, x, t->rank, t->dim) : 0;
}

/* Whether a query sees a key, broadcast to pairs; 0: all see all. */
static Id seen(const Pairs *c) {
  const Builder *b = c->b;
  Id mask = 0, key = b_iota(b, DT_I32, 2, (Dim[]){1, c->a.s}, 1);
  if (c->a.causal) {
    Id query = b_iota(b, DT_I32, 2, (Dim[]){c->a.t, 1}, 0);
    Id ahead = b_sub(b, b_size(b, DT_I32, c->a.s), b_size(b, DT_I32, c->a.t));
    mask = b_op2(b, OP_le, key, b_add(b, query, ahead));
  }
  if (!c->a.in[AT_LENGTHS]) return mask;
  Id length = b_reshape(b, c->a.in[AT_LENGTHS], 5, (Dim[]){c->a.batch, 1, 1, 1, 1});
  Id within = b_op2(b, OP_lt, key, length);
  return mask ? b_op2(b, OP_and, mask, within) : within;
}

static Pairs pairs_of(const Grad *s, Id n, Id lse) {
  Pairs c = {.b = s->b, .a = attend_of(s->b->g, n)};
  c.type = dtype_computed(c.a.type);
  c.q = grouped(&c, c.a.in[AT_Q], AT_Q), c.k = grouped(&c, c.a.in[AT_K], AT_K), c.v = grouped(&c, c.a.in[AT_V], AT_V);
  c.g = grouped(&c, c.a.in[AT_G], AT_G), c.delta = grouped(&c, c.a.in[AT_DELTA], AT_DELTA);
  c.lse = grouped(&c, lse, AT_LSE);
  Id mask = seen(&c), x = scaled(&c, product(&c, c.q, c.k, SCORES));
  c.p = b_op1(c.b, OP_exp, minus(&c, x, c.lse));
  if (mask) c.p = b_where(c.b, mask, c.p, b_like(c.b, c.p, 0));
  return c;
}

/* ---- forward mode ---- */

/* Tangents of the operands in their shapes; that of the scores. */
static Id tangents(const Pairs *c, const Id *tangent, Id *t) {
  for (int i = 0; i < AT_LENGTHS; i++) t[i] = c->a.back || i <= AT_V ? grouped(c, tangent[i], (AttendOperand)i) : 0;
  return scaled(c, plus(c, product(c, t[AT_Q], c->k, SCORES), product(c, c->q, t[AT_K], SCORES)));
}

Id jvp_attend(Grad *s, Id n, const Id *tangent) {
  Pairs c = pairs_of(s, n, b_get(s->b, n, 1));
  Id t[AT_LENGTHS], score = tangents(&c, tangent, t), moved = times(&c, c.p, score), dlse = over_keys(&c, moved);
  Id o =
    plus(&c, product(&c, minus(&c, moved, times(&c, c.p, dlse)), c.v, BY_QUERY), product(&c, c.p, t[AT_V], BY_QUERY));
  const Type *ot = type_get(s->b->g->m, node_type(s->b->g, n)->elem[0]);
  grad_give_element(s, 0, b_reshape(s->b, o, 4, ot->dim));
  if (dlse) grad_give_element(s, 1, b_reshape(s->b, dlse, 3, ot->dim));
  return 0;
}

Id jvp_attend_back(Grad *s, Id n, const Id *tangent) {
  Pairs c = pairs_of(s, n, node_in(s->b->g, n, AT_LSE));
  Id t[AT_LENGTHS], x = minus(&c, product(&c, c.g, c.v, SCORES), c.delta), ds = times(&c, c.p, x);
  Id score = tangents(&c, tangent, t), tp = times(&c, c.p, minus(&c, score, t[AT_LSE]));
  Id tx = plus(&c, product(&c, t[AT_G], c.v, SCORES), product(&c, c.g, t[AT_V], SCORES));
  tx = minus(&c, tx, t[AT_DELTA]);
  Id tds = plus(&c, times(&c, tp, x), times(&c, c.p, tx));
  Id d[3] = {scaled(&c, plus(&c, product(&c, tds, c.k, BY_QUERY), product(&c, ds, t[AT_K], BY_QUERY))),
             scaled(&c, plus(&c, product(&c, tds, c.q, BY_KEY), product(&c, ds, t[AT_Q], BY_KEY))),
             plus(&c, product(&c, tp, c.g, BY_KEY), product(&c, c.p, t[AT_G], BY_KEY))};
  for (int i = 0; i < 3; i++)
    if (d[i]) grad_give_element(s, i, as_operand(&c, d[i], i));
  return 0;
}

/* ---- reverse mode of attend_back ---- */

/* With x = g v' - delta and ds = p x: dq = scale ds k, dk = scale ds' q, dv = p' g. */
void vjp_attend_back(Grad *s, Id n, Id dy) {
  Pairs c = pairs_of(s, n, node_in(s->b->g, n, AT_LSE));
  Id a[3], adj[AT_LENGTHS];
  (void)dy;
  for (int i = 0; i < 3; i++) a[i] = grouped(&c, grad_element(s, n, i), (AttendOperand)i);
  Id x = minus(&c, product(&c, c.g, c.v, SCORES), c.delta), ds = times(&c, c.p, x);
  Id of_ds = scaled(&c, plus(&c, product(&c, a[0], c.k, SCORES), product(&c, c.q, a[1], SCORES)));
  Id of_x = times(&c, of_ds, c.p);
  Id of_score = times(&c, c.p, plus(&c, product(&c, c.g, a[2], SCORES), times(&c, of_ds, x)));
  adj[AT_Q] = scaled(&c, plus(&c, product(&c, of_score, c.k, BY_QUERY), product(&c, ds, a[1], BY_QUERY)));
  adj[AT_K] = scaled(&c, plus(&c, product(&c, of_score, c.q, BY_KEY), product(&c, ds, a[0], BY_KEY)));
  adj[AT_V] = product(&c, of_x, c.g, BY_KEY);
  adj[AT_LSE] = minus(&c, 0, over_keys(&c, of_score));
  adj[AT_G] = plus(&c, product(&c, of_x, c.v, BY_QUERY), product(&c, c.p, a[2], BY_QUERY));
  adj[AT_DELTA] = minus(&c, 0, over_keys(&c, of_x));
  for (int i = 0; i < AT_LENGTHS; i++)
    if (adj[i] && grad_wants(s, i)) grad_to(s, i, as_operand(&c, adj[i], i));
}
