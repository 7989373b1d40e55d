/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of models: groups of nodes that become one kernel, or that read a value that is not a plain buffer. */
#include "random.h"

static bool vector(const Type *t) {
  return dtype_is_float(t->dtype) && t->rank > 0 && dim_is_const(t->dim[t->rank - 1]) && t->dim[t->rank - 1] > 0;
}

static bool axes_of(const Type *t) { return dtype_is_float(t->dtype) && t->rank > 0; }

static bool made(Gen *r, Id n) { return n && small(r, node_get(r->b.g, n)->type) && keep(r, n); }

static Id some_op(Gen *r, Id a, Id b) {
  static const Op op[] = {OP_add, OP_sub, OP_mul, OP_max, OP_min};
  return b_op2(&r->b, op[rnd(r, 5)], a, b);
}

static Id some_fold(Gen *r, Id x, int n, const int64_t *axes, bool keep_axes) {
  static const Op op[] = {OP_sum, OP_sum, OP_reduce_max, OP_reduce_min};
  return b_reduce(&r->b, op[rnd(r, 4)], x, n, axes, keep_axes);
}

static Id cumulated(Gen *r, Id x, int axis) {
  AttrVal v[] = {{.i = axis}, {.i = chance(r, 30)}};
  return graph_node(r->b.g, OP_cumsum, &x, 1, attr_make(r->m, OP_cumsum, v), 0);
}

/* x against its reduction, and reduced again. */
static bool make_normed(Gen *r) {
  Id x = pick(r, axes_of);
  if (!x) return false;
  int rank = node_type(r->b.g, x)->rank;
  int64_t axis = rnd(r, (uint32_t)rank), other = rnd(r, (uint32_t)rank);
  for (int i = 1 + (int)rnd(r, 3); i > 0 && x; i--) {
    Id s = some_fold(r, x, 1, &axis, true);
    if (chance(r, 40)) s = b_op1(&r->b, chance(r, 50) ? OP_exp : OP_abs, s);
    x = some_op(r, x, s);
  }
  if (x && chance(r, 40)) x = cumulated(r, x, (int)other);
  if (x && chance(r, 60)) keep(r, some_fold(r, x, 1, &other, chance(r, 30)));
  return made(r, x);
}

/* [.., N] against [.., N, 1], reduced along either; perhaps with a cumulative sum. */
static bool make_pairs(Gen *r) {
  Id x = pick(r, vector), y = x;
  if (!x) return false;
  const Type *t = node_type(r->b.g, x);
  int n = t->rank;
  if (n > 4 || t->dim[n - 1] > 50) return false;
  Dim row[MAX_RANK], column[MAX_RANK];
  for (int i = 0; i < n; i++) row[i] = column[i] = t->dim[i];
  row[n] = row[n - 1], row[n - 1] = 1, column[n] = 1;
  if (chance(r, 60)) y = some_op(r, chance(r, 50) ? cumulated(r, x, n - 1) : x, b_like(&r->b, x, 1));
  Id pairs = some_op(r, b_reshape(&r->b, y, n + 1, row), b_reshape(&r->b, x, n + 1, column));
  if (!pairs || !small(r, node_get(r->b.g, pairs)->type)) return false;
  if (chance(r, 50)) pairs = b_op1(&r->b, chance(r, 50) ? OP_tanh : OP_abs, pairs);
  if (chance(r, 20)) keep(r, pairs);
  int64_t axis = n - (int64_t)rnd(r, 2);
  Id s = some_fold(r, pairs, 1, &axis, false);
  keep(r, s);
  return made(r, chance(r, 50) ? cumulated(r, s, n - 1) : s);
}

/* Several sums over more than a chunk in one loop nest, and uses of them. */
static bool make_chunks(Gen *r) {
  const Builder *b = &r->b;
  Dim dim[3] = {1 + (Dim)rnd(r, 2), 1 + (Dim)rnd(r, 2), 1025 + (Dim)rnd(r, 300)};
  int64_t axes[2] = {0, 2};
  Id x = value_of(r, type_make(r->m, DT_F32, 3, dim)), mean, square;
  if (!x) return false;
  int n = dim[0] == 1 || chance(r, 50) ? 2 : 1;
  mean = b_sum(b, x, n, n == 2 ? axes : axes + 1, true);
  Id d = chance(r, 70) ? b_sub(b, x, b_mul(b, mean, b_like(b, x, 1.0 / 1024))) : x;
  square = b_sum(b, b_mul(b, d, d), n, n == 2 ? axes : axes + 1, true);
  keep(r, square);
  if (chance(r, 50)) keep(r, some_fold(r, d, n, n == 2 ? axes : axes + 1, chance(r, 50)));
  return made(r, b_add(b, b_mul(b, d, mean), square));
}

/* Random numbers, a bias, a mask after a contraction or a convolution. */
static bool make_epilogue(Gen *r) {
  const Builder *b = &r->b;
  int before = r->npool;
  if (!make_op(r, chance(r, 50) ? OP_contract : OP_conv) || r->npool == before) return false;
  Id y = r->pool[r->npool - 1];
  for (int i = 1 + (int)rnd(r, 3); i > 0 && y; i--) {
    TypeId t = node_get(b->g, y)->type;
    const Type *full = type_get(r->m, t);
    Id u = b_random(b, type_make(r->m, DT_F32, full->rank, full->dim), (int64_t)rnd(r, 1000));
    switch (rnd(r, 4)) {
    case 0:
      y = b_op3(b, OP_where, b_op2(b, OP_le, b_like(b, u, 0.25), u), b_mul(b, y, b_like(b, y, 1.25)), b_like(b, y, 0));
      break;
    case 1: y = some_op(r, y, value_of(r, narrowed(r, t, (DType)full->dtype))); break;
    case 2: y = b_mul(b, y, b_cast(b, u, (DType)full->dtype)); break;
    default: y = b_op1(b, chance(r, 50) ? OP_tanh : OP_abs, y);
    }
  }
  return made(r, y);
}

/* An input image into ops that take windows of it or reduce its channels. */
static bool make_image(Gen *r) {
  const Builder *b = &r->b;
  static const Dim sides[] = {1, 2, 4, 5, 7, 8, 9}, depths[] = {1, 3, 4, 8, 16, 17};
  Dim dim[4] = {1 + (Dim)rnd(r, 3), depths[rnd(r, 6)], sides[rnd(r, 7)], sides[rnd(r, 7)]};
  TypeId t = type_make(r->m, DT_F32, 4, dim);
  if (!small(r, t) || r->b.g->kind == GK_BODY) return false;
  Id x = b->g->nport < 8 ? graph_input(b->g, ctx_strf(r->m->c, "image%d", b->g->nport), t, 0) : leaf_of(r, t);
  int64_t space[2] = {2, 3}, ones[2] = {1, 1}, size[2], stride[2], rest[3] = {0, 2, 3};
  for (int i = 0; i < 2; i++) {
    size[i] = chance(r, 30) ? dim[2 + i] : 1 + (int64_t)rnd(r, (uint32_t)dim[2 + i]);
    stride[i] = 1 + (int64_t)rnd(r, 2);
  }
  keep(r, x);
  if (chance(r, 30)) x = b_op1(b, OP_tanh, x);
  Dim out = chance(r, 50) ? 8 : 1 + (Dim)rnd(r, 5), dw[4] = {out, dim[1], size[0], size[1]};
  TypeId tw = type_make(r->m, DT_F32, 4, dw);
  switch (rnd(r, 4)) {
  case 0:
    x = b_reduce(b, OP_reduce_max, b_unfold(b, x, 2, space, size, stride, ones), 2, (int64_t[]){4, 5}, false);
    break;
  case 1: x = b_sub(b, x, b_mul(b, b_sum(b, x, 3, rest, true), b_like(b, x, 0.125))); break;
  case 2: x = b_reshape(b, x, 2, (Dim[]){dim[0], dim[1] * dim[2] * dim[3]}); break;
  default: x = small(r, tw) ? b_conv(b, x, value_of(r, tw), 2, stride, (int64_t[]){0, 0, 0, 0}, ones, 1) : 0;
  }
  return made(r, x);
}

/* A scan over an input that is a view of another. */
static bool make_viewed_scan(Gen *r) {
  Id x = pick(r, axes_of);
  if (!x || node_type(r->b.g, x)->rank < 2) return false;
  int rank = node_type(r->b.g, x)->rank;
  int64_t perm[MAX_RANK];
  for (int i = 0; i < rank; i++) perm[i] = (i + 1) % rank;
  keep(r, b_transpose(&r->b, x, perm));
  return make_scan(r, OP_scan);
}

/* The same node again, in a separate region: merging the two must not change a bit. */
static bool make_again(Gen *r) {
  Graph *g = r->b.g;
  Id x = pick(r, is_float);
  const Node *n = x ? node_get(g, x) : NULL;
  if (!n || op_info[n->op].cls == CL_LEAF || n->nin == 0) return false;
  Id in[8];
  for (uint32_t i = 0; i < n->nin && i < 8; i++) in[i] = node_in(g, x, (int)i);
  if (n->nin > 8 || n->op == OP_get) return false;
  Builder b = {.g = g, .hints = g->kind == GK_BODY ? 0 : HINT_REGION * (40 + rnd(r, 3))};
  Id y = b_node(&b, (Op)n->op, in, (int)n->nin, n->attr ? attr_with(r->m, (Op)n->op, n->attr, 0, 0) : 0);
  keep(r, y);
  return made(r, b_add(&r->b, x, y));
}

bool make_pattern(Gen *r) {
  typedef bool Make(Gen * r);
  static Make *const make[] = {make_normed,   make_normed, make_pairs, make_pairs,       make_chunks, make_epilogue,
                               make_epilogue, make_image,  make_image, make_viewed_scan, make_again};
  return r->npool < MAX_POOL - 16 && make[rnd(r, sizeof make / sizeof *make)](r);
}

/* A value of that type that is not a plain buffer: broadcast, moved, sliced from another or converted. 0: none. */
Id dressed(Gen *r, TypeId type) {
  const Type *t = type_get(r->m, type);
  Dim dim[MAX_RANK], zero[MAX_RANK] = {0};
  Id x;
  int64_t perm[MAX_RANK];
  switch (t->rank ? rnd(r, 5) : 9) {
  case 0: /* one number, or one row, in all places */
    x = value_of(r, narrowed(r, type, (DType)t->dtype));
    return x && node_get(r->b.g, x)->type != type ? b_broadcast(&r->b, x, t->rank, t->dim) : 0;
  case 1:
    for (int i = 0; i < t->rank; i++) dim[i] = t->dim[(i + 1) % t->rank], perm[(i + 1) % t->rank] = i;
    return b_transpose(&r->b, leaf_of(r, type_make(r->m, (DType)t->dtype, t->rank, dim)), perm);
  case 2:
    for (int i = 0; i < t->rank; i++) {
      if (!dim_is_const(t->dim[i])) return 0;
      dim[i] = t->dim[i] + rnd(r, 2);
    }
    x = type_make(r->m, (DType)t->dtype, t->rank, dim);
    return small(r, x) ? b_slice(&r->b, leaf_of(r, x), zero, t->dim, NULL) : 0;
  case 3: /* rows by an index */
    if (!dim_is_const(t->dim[0]) || t->dim[0] == 0) return 0;
    x = b_iota(&r->b, DT_I32, 1, t->dim, 0);
    return b_gather(&r->b, leaf_of(r, type), x, 0);
  default:
    if (t->dtype != DT_F32) return 0;
    return b_cast(&r->b, leaf_of(r, type_make(r->m, chance(r, 50) ? DT_BF16 : DT_I32, t->rank, t->dim)), DT_F32);
  }
}
