/* SPDX-License-Identifier: Apache-2.0 */
/* One maker per op class, or per op with particular attributes. */
#include "random.h"
#include <math.h>
#include <string.h>

/* The shape rule determines the operands of an element-wise op. */
ShapeFn shape_elem_f, shape_elem_int, shape_elem_bool, shape_elem_cmp, shape_where, shape_cast, shape_elem;

static void dims_copy(Dim *to, const Dim *from, int n) {
  for (int i = 0; i < n; i++) to[i] = from[i]; /* `from` is NULL where n is 0 */
}

static bool done(Gen *r, Id n) {
  if (n && node_type(r->b.g, n)->dtype != DT_TUPLE && !small(r, node_get(r->b.g, n)->type)) return false;
  return keep(r, n) != 0;
}

static Id node(Gen *r, Op op, const Id *in, int nin, const AttrVal *v) {
  for (int i = 0; i < nin; i++)
    if (!in[i]) return 0;
  return graph_node(r->b.g, op, in, nin, op_info[op].nfields ? attr_make(r->m, op, v) : 0, 0);
}

static bool make_elem(Gen *r, Op op) {
  const OpInfo *info = &op_info[op];
  DType t = info->shape == shape_elem_f      ? rnd_float(r)
            : info->shape == shape_elem_int  ? (chance(r, 60) ? DT_I32 : DT_I64)
            : info->shape == shape_elem_bool ? DT_BOOL
                                             : rnd_dtype(r);
  if (info->shape == shape_elem && t == DT_BOOL && op != OP_copy && op != OP_stop_gradient) t = rnd_float(r);
  Wanted *wanted = info->shape == shape_elem_f      ? is_float
                   : info->shape == shape_elem_int  ? is_int
                   : info->shape == shape_elem_bool ? is_bool
                   : info->shape == shape_elem      ? is_number
                                                    : is_any;
  Id x = chance(r, 80) ? pick(r, wanted) : 0;
  if (x) t = (DType)node_type(r->b.g, x)->dtype;
  TypeId wide = x ? node_get(r->b.g, x)->type : rnd_type(r, t, 5);
  int at = info->arity == 3 ? 1 + (int)rnd(r, 2) : (int)rnd(r, (uint32_t)info->arity);
  Id in[3];
  for (int i = 0; i < info->arity; i++) {
    DType d = op == OP_where && i == 0 ? DT_BOOL : t;
    const Type *full = type_get(r->m, wide);
    if (x && i == at) in[i] = x;
    else in[i] = value_of(r, i == at ? type_make(r->m, d, full->rank, full->dim) : narrowed(r, wide, d));
  }
  return done(r, node(r, op, in, info->arity, &(AttrVal){.i = rnd_dtype(r)}));
}

/* ---- views ---- */

static bool make_reshape(Gen *r, Op op) {
  Id x = pick(r, is_any);
  if (!x) return false;
  const Type *t = node_type(r->b.g, x);
  Dim dim[MAX_RANK];
  int rank = t->rank;
  dims_copy(dim, t->dim, rank);
  for (int moves = 1 + (int)rnd(r, 4); moves > 0; moves--) {
    int i = rank ? (int)rnd(r, (uint32_t)rank) : 0;
    int64_t part = 2 + (int64_t)rnd(r, 3);
    if (chance(r, 40) && i + 1 < rank) { /* two axes become one */
      dim[i] = dim_mul(r->m, dim[i], dim[i + 1]);
      memmove(dim + i + 1, dim + i + 2, (size_t)(rank - i - 2) * sizeof *dim);
      rank--;
    } else if (rank < 6 && rank && dim_is_const(dim[i]) && dim[i] && dim[i] % part == 0) { /* one becomes two */
      memmove(dim + i + 2, dim + i + 1, (size_t)(rank - i - 1) * sizeof *dim);
      dim[i + 1] = dim[i] / part;
      dim[i] = part;
      rank++;
    } else if (rank < 6) {
      memmove(dim + i + 1, dim + i, (size_t)(rank - i) * sizeof *dim);
      dim[i] = 1;
      rank++;
    }
  }
  return done(r, node(r, op, &x, 1, &(AttrVal){.v = dim, .n = rank}));
}

static void shuffle(Gen *r, int64_t *v, int n) {
  for (int i = n - 1; i > 0; i--) {
    int k = (int)rnd(r, (uint32_t)i + 1);
    int64_t t = v[i];
    v[i] = v[k], v[k] = t;
  }
}

static bool make_transpose(Gen *r, Op op) {
  Id x = pick(r, is_any);
  int64_t perm[MAX_RANK];
  if (!x) return false;
  int rank = node_type(r->b.g, x)->rank;
  for (int i = 0; i < rank; i++) perm[i] = i;
  shuffle(r, perm, rank);
  return done(r, node(r, op, &x, 1, &(AttrVal){.v = perm, .n = rank}));
}

static bool make_broadcast(Gen *r, Op op) {
  TypeId to = rnd_type(r, rnd_dtype(r), 5);
  Id x = value_of(r, narrowed(r, to, (DType)type_get(r->m, to)->dtype));
  return done(r, node(r, op, &x, 1, &(AttrVal){.v = type_get(r->m, to)->dim, .n = type_get(r->m, to)->rank}));
}

static bool make_slice(Gen *r, Op op) {
  Id x = pick(r, is_any);
  Dim start[MAX_RANK], stop[MAX_RANK];
  int64_t step[MAX_RANK];
  if (!x) return false;
  const Type *t = node_type(r->b.g, x);
  for (int i = 0; i < t->rank; i++) {
    start[i] = 0, stop[i] = t->dim[i], step[i] = 1;
    if (r->sized && chance(r, 50)) { /* to or from a size */
      Dim s = rnd_size(r), rest = dim_sub(r->m, t->dim[i], s);
      if (dim_lower_bound(r->m, rest) < 0 && rest) continue;
      *(chance(r, 70) ? &stop[i] : &start[i]) = s;
      continue;
    }
    if (!dim_is_const(t->dim[i]) || chance(r, 40)) continue;
    start[i] = rnd(r, (uint32_t)t->dim[i] + 1);
    stop[i] = start[i] + rnd(r, (uint32_t)(t->dim[i] - start[i]) + 1);
    step[i] = 1 + rnd(r, 3);
  }
  AttrVal v[] = {{.v = start, .n = t->rank}, {.v = stop, .n = t->rank}, {.v = step, .n = t->rank}};
  return done(r, node(r, op, &x, 1, v));
}

static bool make_pad(Gen *r, Op op) {
  static const double around[] = {0, 0, 0, -INFINITY, 1.5, -3};
  Id x = pick(r, is_any);
  Dim shape[MAX_RANK], start[MAX_RANK];
  int64_t step[MAX_RANK];
  if (!x) return false;
  const Type *t = node_type(r->b.g, x);
  for (int i = 0; i < t->rank; i++) {
    start[i] = chance(r, 50) ? rnd(r, 4) : 0, step[i] = 1;
    Dim end = dim_add(r->m, t->dim[i], start[i]);
    if (dim_is_const(t->dim[i]) && t->dim[i]) {
      step[i] = 1 + rnd(r, 3) * rnd(r, 2);
      end = start[i] + (t->dim[i] - 1) * step[i] + 1;
    }
    shape[i] = dim_add(r->m, end, chance(r, 50) ? rnd(r, 4) : 0);
  }
  double value = is_float(t) ? around[rnd(r, 6)] : rnd(r, 2);
  AttrVal v[] = {{.v = shape, .n = t->rank}, {.v = start, .n = t->rank}, {.v = step, .n = t->rank}, {.f = value}};
  return done(r, node(r, op, &x, 1, v));
}

/* A random subset of the axes, in increasing order; perhaps empty. */
static int some_axes(Gen *r, int rank, int64_t *axes) {
  int n = 0, percent = chance(r, 50) ? 40 : 80;
  for (int i = 0; i < rank; i++)
    if (chance(r, percent)) axes[n++] = i;
  return n;
}

static bool make_reverse(Gen *r, Op op) {
  Id x = pick(r, is_any);
  int64_t axes[MAX_RANK];
  if (!x) return false;
  int n = some_axes(r, node_type(r->b.g, x)->rank, axes);
  return done(r, node(r, op, &x, 1, &(AttrVal){.v = axes, .n = n}));
}

static bool make_concat(Gen *r, Op op) {
  Id in[4] = {pick(r, is_any)};
  if (!in[0] || !node_type(r->b.g, in[0])->rank) return false;
  Type t = *node_type(r->b.g, in[0]);
  int n = 1 + (int)rnd(r, 4), axis = (int)rnd(r, t.rank);
  for (int i = 1; i < n; i++) {
    Dim dim[MAX_RANK];
    dims_copy(dim, t.dim, t.rank);
    if (chance(r, 50)) dim[axis] = rnd(r, 4);
    in[i] = value_of(r, type_make(r->m, (DType)t.dtype, t.rank, dim));
  }
  return done(r, node(r, op, in, n, &(AttrVal){.i = axis}));
}

/* ---- windows ---- */

typedef struct Windows {
  int n;
  int64_t axes[3], size[3], stride[3], dilation[3];
} Windows;

/* Windows that fit into the shape; false when no axis can have one. */
static bool rnd_windows(Gen *r, const Type *t, Windows *w) {
  w->n = 0;
  for (int i = 0; i < t->rank && w->n < 3 && t->rank + w->n < 7; i++) {
    if (!dim_is_const(t->dim[i]) || t->dim[i] < 1 || t->dim[i] > 40 || chance(r, 40)) continue;
    int64_t d = 1 + rnd(r, 2), max = (t->dim[i] - 1) / d + 1;
    w->axes[w->n] = i, w->dilation[w->n] = d, w->stride[w->n] = 1 + rnd(r, 3);
    w->size[w->n++] = 1 + rnd(r, (uint32_t)(max < 4 ? max : 4));
  }
  return w->n > 0;
}

static bool make_unfold(Gen *r, Op op) {
  Id x = pick(r, is_any);
  Windows w;
  if (!x || !rnd_windows(r, node_type(r->b.g, x), &w)) return false;
  if (chance(r, 20) && w.n > 1) { /* axes may come in any order */
    int64_t *const lists[] = {w.axes, w.size, w.stride, w.dilation};
    for (int i = 0; i < 4; i++) {
      int64_t t = lists[i][0];
      lists[i][0] = lists[i][1], lists[i][1] = t;
    }
  }
  AttrVal v[] = {
    {.v = w.axes, .n = w.n},
    {.v = w.size, .n = w.n},
    {.v = w.stride, .n = w.n},
    {.v = w.dilation, .n = w.n},
  };
  return done(r, node(r, op, &x, 1, v));
}

static bool make_fold(Gen *r, Op op) {
  TypeId to = rnd_type(r, rnd_float(r), 4);
  const Type *t = type_get(r->m, to);
  Windows w;
  if (!rnd_windows(r, t, &w)) return false;
  Dim dim[MAX_RANK];
  dims_copy(dim, t->dim, t->rank);
  for (int i = 0; i < w.n; i++) {
    dim[w.axes[i]] = (t->dim[w.axes[i]] - w.dilation[i] * (w.size[i] - 1) - 1) / w.stride[i] + 1;
    dim[t->rank + i] = w.size[i];
  }
  TypeId from = type_make(r->m, (DType)t->dtype, t->rank + w.n, dim);
  if (!small(r, from)) return false;
  Id x = value_of(r, from);
  AttrVal v[] = {
    {.v = t->dim, .n = t->rank}, {.v = w.axes, .n = w.n},     {.v = w.size, .n = w.n},
    {.v = w.stride, .n = w.n},   {.v = w.dilation, .n = w.n},
  };
  return done(r, node(r, op, &x, 1, v));
}

/* ---- reductions ---- */

static bool make_reduce(Gen *r, Op op) {
  Id x = pick(r, is_number);
  int64_t axes[MAX_RANK];
  if (!x) return false;
  int n = some_axes(r, node_type(r->b.g, x)->rank, axes);
  return done(r, node(r, op, &x, 1, (AttrVal[]){{.v = axes, .n = n}, {.i = chance(r, 30)}}));
}

static bool make_cumsum(Gen *r, Op op) {
  Id x = pick(r, is_number);
  if (!x || !node_type(r->b.g, x)->rank) return false;
  return done(r, node(r, op, &x, 1, (AttrVal[]){{.i = rnd(r, node_type(r->b.g, x)->rank)}, {.i = chance(r, 40)}}));
}

/* ---- contractions ---- */

/* Each axis of the left operand gets a role; the right one gets the batch and contracted ones and some of its own, in
 * any order, and so does the result. */
static bool make_contract(Gen *r, Op op) {
  Id x = pick(r, is_float);
  if (!x || node_type(r->b.g, x)->rank > 5) return false;
  const Type *t = node_type(r->b.g, x);
  char left[9] = {0}, spec[32];
  int64_t right[MAX_RANK], result[MAX_RANK];
  Dim size[16];
  int nright = 0, nresult = 0;
  for (int i = 0; i < t->rank; i++) {
    uint32_t role = rnd(r, 10); /* 0-1 batch, 2-5 left only, 6-9 contracted */
    left[i] = (char)('a' + i);
    size[i] = t->dim[i];
    if (role < 2 || role > 5) right[nright++] = i;
    if (role <= 5) result[nresult++] = i;
  }
  for (int own = (int)rnd(r, 3), i = t->rank; own > 0 && nright < 5 && nresult < 6; own--, i++) {
    size[i] = (int64_t[]){1, 2, 3, 5, 8, 17}[rnd(r, 6)];
    right[nright++] = result[nresult++] = i;
  }
  if (chance(r, 60)) shuffle(r, right, nright);
  if (chance(r, 60)) shuffle(r, result, nresult);
  Dim dim[MAX_RANK];
  int at = snprintf(spec, sizeof spec, "%s,", left);
  for (int i = 0; i < nright; i++) spec[at++] = (char)('a' + right[i]), dim[i] = size[right[i]];
  spec[at++] = '-', spec[at++] = '>';
  for (int i = 0; i < nresult; i++) spec[at++] = (char)('a' + result[i]);
  spec[at] = 0;
  TypeId other = type_make(r->m, (DType)t->dtype, nright, dim);
  return small(r, other) && done(r, node(r, op, (Id[]){x, value_of(r, other)}, 2, &(AttrVal){.s = spec}));
}

typedef struct Window {
  int spatial;
  int64_t stride[3], pad[6], dilation[3], groups;
} Window;

/* Types of x and w that fit the window. */
static void rnd_conv(Gen *r, Window *c, TypeId *x, TypeId *w) {
  DType t = rnd_float(r);
  Dim dx[5], dw[5];
  *c = (Window){.spatial = chance(r, 60) ? 2 : chance(r, 80) ? 1 : 3, .groups = chance(r, 75) ? 1 : 2};
  dx[0] = r->sized && chance(r, 30) ? rnd_size(r) : rnd(r, 20) ? 1 + rnd(r, 3) : 0;
  static const int64_t depth[] = {8, 16, 17};
  dx[1] = c->groups * (chance(r, 75) ? 1 + (int64_t)rnd(r, 3) : depth[rnd(r, 3)]);
  dw[0] = c->groups * (chance(r, 75) ? 1 + (int64_t)rnd(r, 4) : depth[rnd(r, 2)]);
  dw[1] = dx[1] / c->groups;
  for (int i = 0; i < c->spatial; i++) {
    dx[2 + i] = 1 + rnd(r, 7);
    dw[2 + i] = chance(r, 80) ? 1 + (int64_t)rnd(r, 3) : dx[2 + i]; /* one output along the axis */
    c->stride[i] = 1 + rnd(r, 2), c->dilation[i] = chance(r, 80) ? 1 : 2;
    c->pad[2 * i] = rnd(r, 2), c->pad[2 * i + 1] = chance(r, 70) ? c->pad[2 * i] : rnd(r, 3);
    int64_t reach = c->dilation[i] * (dw[2 + i] - 1) + 1, room = dx[2 + i] + c->pad[2 * i] + c->pad[2 * i + 1];
    if (room < reach) dx[2 + i] += reach - room;
  }
  *x = type_make(r->m, t, 2 + c->spatial, dx);
  *w = type_make(r->m, t, 2 + c->spatial, dw);
}

static bool make_conv(Gen *r, Op op) {
  Window c;
  TypeId tx, tw;
  rnd_conv(r, &c, &tx, &tw);
  if (!small(r, tx) || !small(r, tw)) return false;
  AttrVal v[5] = {
    {.v = c.stride, .n = c.spatial},
    {.v = c.pad, .n = 2 * c.spatial},
    {.v = c.dilation, .n = c.spatial},
    {.i = c.groups},
  };
  Id x = value_of(r, tx);
  Id w = value_of(r, tw);
  Id y = node(r, OP_conv, (Id[]){x, w}, 2, v);
  if (op == OP_conv || !y) return done(r, y);
  const Type *shape = type_get(r->m, op == OP_conv_dx ? tx : tw);
  v[4] = (AttrVal){.v = shape->dim, .n = shape->rank};
  Id dy = chance(r, 50) ? y : value_of(r, node_get(r->b.g, y)->type);
  return done(r, node(r, op, op == OP_conv_dx ? (Id[]){dy, w} : (Id[]){x, dy}, 2, v));
}

/* ---- indices ---- */

static TypeId index_type(Gen *r) {
  static const DType integer[] = {DT_I32, DT_I32, DT_I32, DT_U8, DT_I8, DT_U16, DT_I16, DT_U32, DT_I64, DT_I64};
  return rnd_type(r, integer[rnd(r, sizeof integer / sizeof *integer)], 2);
}

static bool make_gather(Gen *r, Op op) {
  Id x = pick(r, is_any);
  if (!x || !node_type(r->b.g, x)->rank) return false;
  int axis = (int)rnd(r, node_type(r->b.g, x)->rank);
  if (node_type(r->b.g, x)->dim[axis] == 0) return false;
  Id at = value_of(r, index_type(r));
  return done(r, node(r, op, (Id[]){x, at}, 2, &(AttrVal){.i = axis}));
}

static bool make_scatter(Gen *r, Op op) {
  TypeId to = rnd_type(r, dtype_computed(rnd_float(r)), 3), index = index_type(r);
  const Type *t = type_get(r->m, to), *k = type_get(r->m, index);
  Dim dim[MAX_RANK];
  if (!t->rank) return false;
  int axis = (int)rnd(r, t->rank), n = 0;
  if (t->dim[axis] == 0) return false;
  for (int i = 0; i < axis; i++) dim[n++] = t->dim[i];
  for (int i = 0; i < k->rank; i++) dim[n++] = k->dim[i];
  for (int i = axis + 1; i < t->rank; i++) dim[n++] = t->dim[i];
  TypeId upd = type_make(r->m, (DType)t->dtype, n, dim);
  AttrVal v[] = {{.v = t->dim, .n = t->rank}, {.i = axis}};
  if (!small(r, upd)) return false;
  Id in[2] = {value_of(r, index)};
  in[1] = value_of(r, upd);
  return done(r, node(r, op, in, 2, v));
}

static bool make_argsort(Gen *r, Op op) {
  Id x = pick(r, is_any);
  if (!x || !node_type(r->b.g, x)->rank) return false;
  int axis = (int)rnd(r, node_type(r->b.g, x)->rank);
  Dim n = node_type(r->b.g, x)->dim[axis];
  Dim count = dim_is_const(n) && chance(r, 50) ? (Dim)rnd(r, (uint32_t)n + 1) : n;
  return done(r, node(r, op, &x, 1, (AttrVal[]){{.i = axis}, {.i = count}, {.i = chance(r, 50)}}));
}

/* ---- derivatives ---- */

static bool make_meta(Gen *r, Op op) {
  if (!r->meta || r->nmeta >= 2) return false;
  Id in[3] = {pick(r, is_float)};
  if (!in[0]) return false;
  in[1] = pick(r, is_float);
  if (op == OP_jvp) in[2] = value_of(r, node_get(r->b.g, in[1])->type);
  r->nmeta++;
  return done(r, node(r, op, in, op_info[op].arity, NULL));
}

/* ---- the table ---- */

typedef bool Make(Gen *r, Op op);
static Make *const by_class[] = {
  [CL_ELEM] = make_elem,  [CL_REDUCE] = make_reduce, [CL_CONTRACT] = make_contract, [CL_CONV] = make_conv,
  [CL_CUM] = make_cumsum, [CL_META] = make_meta,     [CL_ATTEND] = make_attend,     [CL_SORT] = make_argsort,
};
static Make *const by_op[OP_COUNT] = {
  [OP_reshape] = make_reshape, [OP_transpose] = make_transpose, [OP_broadcast] = make_broadcast,
  [OP_slice] = make_slice,     [OP_reverse] = make_reverse,     [OP_pad] = make_pad,
  [OP_concat] = make_concat,   [OP_unfold] = make_unfold,       [OP_fold] = make_fold,
  [OP_gather] = make_gather,   [OP_scatter_add] = make_scatter, [OP_scan] = make_scan,
  [OP_get] = make_scan,
};

static Make *maker(Op op) {
  size_t cls = op_info[op].cls;
  return by_op[op] ? by_op[op] : cls < sizeof by_class / sizeof *by_class ? by_class[cls] : NULL;
}

bool op_has_maker(Op op) { return maker(op) != NULL; }
bool make_op(Gen *r, Op op) { return r->npool < MAX_POOL - 16 && maker(op) && maker(op)(r, op); }
