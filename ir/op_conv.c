/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution and its two adjoints, over 1 to 3 spatial axes: the three are each other's gradients. */
#include "contract.h"
#include "grad.h"
#include "interp.h"
#include "interp_gemm.h"
#include "rule.h"
#include <string.h>

/* conv, conv_dx and conv_dw have the same fields; the latter two have also a shape. */
#define CONV(field) ATTR(conv_dx, field)

/* The roles of the left operand, the right one and the result. */
static const ConvRole *roles_of(int op) {
  static const ConvRole conv[3] = {CONV_X, CONV_W, CONV_Y}, dx[3] = {CONV_Y, CONV_W, CONV_X},
                        dw[3] = {CONV_X, CONV_Y, CONV_W};
  return op == OP_conv ? conv : op == OP_conv_dx ? dx : dw;
}

ConvRole conv_role(const Graph *g, Id n, int operand) { return roles_of(node_get(g, n)->op)[operand]; }

/* Shapes by role. An adjoint's result has that of the attribute `shape`; conv's y is computed, and NULL here. */
static void shapes_of(const Graph *g, int op, const Attr *a, const Id *in, const Dim *dim[3]) {
  const ConvRole *role = roles_of(op);
  for (int i = 0; i < 2; i++) dim[role[i]] = node_type(g, in[i])->dim;
  dim[role[OPERAND_RESULT]] = op == OP_conv ? NULL : a->v[CONV(shape)].v;
}

/* ---- geometry ---- */

static void geom_fill(ConvGeom *c, const Attr *a, int rank, const Dim *x, const Dim *w) {
  *c = (ConvGeom){.spatial = rank - 2, .batch = x[0], .groups = a->v[CONV(groups)].i, .in = x[1], .out = w[0]};
  for (int i = 0; i < c->spatial; i++) {
    c->x[i] = x[i + 2];
    c->k[i] = w[i + 2];
    c->stride[i] = a->v[CONV(stride)].v[i];
    c->dilation[i] = a->v[CONV(dilation)].v[i];
    c->lo[i] = a->v[CONV(pad)].v[2 * i];
    c->hi[i] = a->v[CONV(pad)].v[2 * i + 1];
  }
}

/* Size of y along spatial axis i: floor((x + lo + hi - reach) / stride) + 1 with reach = dilation * (k - 1) + 1.
 * False where the window is surely larger than the padded x, or the size is not expressible. */
static bool geom_out(Module *m, ConvGeom *c, int i) {
  Dim room = dim_sub(m, dim_add(m, c->x[i], c->lo[i] + c->hi[i]), c->dilation[i] * (c->k[i] - 1) + 1);
  Dim q;
  if (!rule_le(m, 0, room) || !dim_floordiv(m, room, c->stride[i], &q)) return false;
  c->y[i] = dim_add(m, q, 1);
  return true;
}

void conv_of(const Graph *g, Id n, ConvGeom *c) {
  const Node *d = node_get(g, n);
  const Attr *a = attr_get(g->m, d->attr);
  const Dim *dim[3];
  shapes_of(g, d->op, a, g->in + d->in, dim);
  geom_fill(c, a, node_type(g, n)->rank, dim[CONV_X], dim[CONV_W]);
  for (int i = 0; i < c->spatial; i++) geom_out(g->m, c, i);
}

/* ---- shape ---- */

static bool check_attrs(Graph *g, const OpCall *k, int rank) {
  int spatial = rank - 2;
  if (!rule_length(g, k, CONV(stride), spatial) || !rule_length(g, k, CONV(pad), 2 * spatial) ||
      !rule_length(g, k, CONV(dilation), spatial))
    return false;
  const int64_t limit = INT32_MAX;
  bool ok = true;
  for (int i = 0; i < spatial; i++) {
    int64_t s = call_attr(g, k, CONV(stride))->v[i], d = call_attr(g, k, CONV(dilation))->v[i];
    ok &= s >= 1 && s <= limit && d >= 1 && d <= limit;
  }
  for (int i = 0; i < 2 * spatial; i++) {
    int64_t p = call_attr(g, k, CONV(pad))->v[i];
    ok &= p >= 0 && p <= limit;
  }
  int64_t groups = call_attr(g, k, CONV(groups))->i;
  ok &= groups >= 1 && groups <= limit;
  if (!ok)
    shape_fail(g, k, E_NEGATIVE_SIZE, "%s: stride, dilation and groups are at least 1, padding at least 0",
               op_info[k->op].name);
  return ok;
}

static bool check_channels(Graph *g, const OpCall *k, const Dim *x, const Dim *w, int rank) {
  const char *name = op_info[k->op].name;
  int64_t groups = call_attr(g, k, CONV(groups))->i;
  for (int i = 0; i < rank; i++)
    if (!dim_is_const(w[i]) || (i != 1 && w[i] > INT32_MAX) || (i >= 2 && w[i] < 1)) {
      shape_fail(g, k, E_NEGATIVE_SIZE, "%s: the weight's sizes are numbers, its window at least 1", name);
      return false;
    }
  if (!dim_is_const(x[1]) || w[1] * groups != x[1]) {
    shape_fail(g, k, E_MATMUL_DIMS,
               "%s: the weight is for %lld channels (%lld in each of %lld groups), the input has %s", name,
               (long long)(w[1] * groups), (long long)w[1], (long long)groups, dim_text(g->m, x[1]));
    return false;
  }
  if (w[0] % groups) {
    shape_fail(g, k, E_INEXACT_DIVISION, "%s: %lld output channels do not divide into %lld groups", name,
               (long long)w[0], (long long)groups);
    return false;
  }
  return true;
}

/* Checks x against w and fills the shape of y. */
static bool conv_shapes(Graph *g, const OpCall *k, const Dim *x, const Dim *w, int rank, Dim *y) {
  if (!check_attrs(g, k, rank) || !check_channels(g, k, x, w, rank)) return false;
  ConvGeom c;
  geom_fill(&c, attr_get(g->m, k->attr), rank, x, w);
  y[0] = x[0];
  y[1] = w[0];
  for (int i = 0; i < c.spatial; i++) {
    if (!geom_out(g->m, &c, i)) {
      shape_fail(g, k, E_NEGATIVE_SIZE,
                 "%s: a window of %lld (dilation %lld, stride %lld) does not fit the padded size %s + %lld",
                 op_info[k->op].name, (long long)c.k[i], (long long)c.dilation[i], (long long)c.stride[i],
                 dim_text(g->m, c.x[i]), (long long)(c.lo[i] + c.hi[i]));
      if (g->m->last)
        diag_help(
          g->m->c, g->m->last,
          "tensors are [batch, channels, size...], which `permute(x, 0, 3, 1, 2)` makes of channels in the last "
          "axis; the arguments are output channels, window, stride, `pad`");
      return false;
    }
    y[i + 2] = c.y[i];
  }
  return true;
}

static bool check_operands(Graph *g, const OpCall *k, const Type *t[2]) {
  for (int i = 0; i < 2; i++)
    if (!(t[i] = call_type(g, k, i))) return false;
  const char *name = op_info[k->op].name;
  if (!dtype_is_float(t[0]->dtype) || t[0]->dtype != t[1]->dtype) {
    shape_fail(g, k, E_DTYPE_MISMATCH, "%s: operands must be floats of one type (%s and %s)", name,
               dtype_info[t[0]->dtype].name, dtype_info[t[1]->dtype].name);
    return false;
  }
  if (t[0]->rank != t[1]->rank || t[0]->rank < 3 || t[0]->rank > 2 + CONV_SPATIAL) {
    shape_fail(g, k, E_AXIS_RANGE,
               "%s: operands have 3 to 5 axes, as many each ([B, C, ...] and [O, C, ...]), not %d and %d", name,
               t[0]->rank, t[1]->rank);
    return false;
  }
  return true;
}

TypeId shape_conv(Graph *g, const OpCall *k) {
  const Type *t[2];
  Dim y[MAX_RANK];
  if (!check_operands(g, k, t) || !conv_shapes(g, k, t[0]->dim, t[1]->dim, t[0]->rank, y)) return 0;
  return type_make(g->m, (DType)t[0]->dtype, t[0]->rank, y);
}

/* The adjoints: their result has the attribute's shape, and y must have the shape that conv gives. */
TypeId shape_conv_adjoint(Graph *g, const OpCall *k) {
  const Type *t[2];
  if (!check_operands(g, k, t) || !rule_shape(g, k, CONV(shape)) || !rule_length(g, k, CONV(shape), t[0]->rank))
    return 0;
  const Dim *dim[3];
  Dim y[MAX_RANK];
  int rank = t[0]->rank;
  shapes_of(g, k->op, attr_get(g->m, k->attr), k->in, dim);
  if (!conv_shapes(g, k, dim[CONV_X], dim[CONV_W], rank, y)) return 0;
  for (int i = 0; i < rank; i++)
    if (y[i] != dim[CONV_Y][i])
      return shape_fail(g, k, E_SHAPE_MISMATCH, "%s: axis %d of the gradient is %s, the convolution gives %s",
                        op_info[k->op].name, i, dim_text(g->m, dim[CONV_Y][i]), dim_text(g->m, y[i]));
  return type_make(g->m, (DType)t[0]->dtype, rank, call_attr(g, k, CONV(shape))->v);
}

/* ---- gradients ---- */

/* Another member of the family on a and b, with n's geometry; `shape` is that of the result for the adjoints. */
static Id conv_like(Grad *s, Id n, Op op, Id a, Id b, Id shape) {
  Graph *g = s->b->g;
  const Attr *from = attr_get(g->m, node_get(g, n)->attr);
  const Type *t = node_type(g, shape);
  AttrVal v[5] = {
    from->v[CONV(stride)], from->v[CONV(pad)],          from->v[CONV(dilation)],
    from->v[CONV(groups)], {.v = t->dim, .n = t->rank},
  };
  return b_node(s->b, op, (Id[]){a, b}, 2, attr_make(g->m, op, v));
}

void vjp_conv(Grad *s, Id n, Id dy) {
  Id x = node_in(s->b->g, n, 0), w = node_in(s->b->g, n, 1);
  if (grad_wants(s, 0)) grad_to(s, 0, conv_like(s, n, OP_conv_dx, dy, w, x));
  if (grad_wants(s, 1)) grad_to(s, 1, conv_like(s, n, OP_conv_dw, x, dy, w));
}

/* Of conv_dx(y, w), whose adjoint dx has the shape of x. */
void vjp_conv_dx(Grad *s, Id n, Id dx) {
  Id y = node_in(s->b->g, n, 0), w = node_in(s->b->g, n, 1);
  if (grad_wants(s, 0)) grad_to(s, 0, conv_like(s, n, OP_conv, dx, w, y));
  if (grad_wants(s, 1)) grad_to(s, 1, conv_like(s, n, OP_conv_dw, dx, y, w));
}

/* Of conv_dw(x, y), whose adjoint dw has the shape of w. */
void vjp_conv_dw(Grad *s, Id n, Id dw) {
  Id x = node_in(s->b->g, n, 0), y = node_in(s->b->g, n, 1);
  if (grad_wants(s, 0)) grad_to(s, 0, conv_like(s, n, OP_conv_dx, y, dw, x));
  if (grad_wants(s, 1)) grad_to(s, 1, conv_like(s, n, OP_conv, x, dw, y));
}

/* ---- evaluation: channels last, accumulating scaled rows over the channels of a group ---- */

typedef struct Conv {
  Eval *e;
  DType t;
  int64_t size, batch, groups, c, o; /* bytes of an element; channels in and out of one group */
  int64_t x[CONV_SPATIAL], y[CONV_SPATIAL], k[CONV_SPATIAL];
  int64_t stride[CONV_SPATIAL], dilation[CONV_SPATIAL], lo[CONV_SPATIAL];
  int64_t nx, ny, nk; /* positions of x, y and the window */
  Val *hold[12];
  int nhold;
} Conv;

static Conv conv_begin(Eval *e, Id n) {
  ConvGeom g;
  conv_of(e->g, n, &g);
  Conv c = {.e = e,
            .batch = eval_dim(e, g.batch),
            .groups = g.groups,
            .c = g.in / g.groups,
            .o = g.out / g.groups,
            .nx = 1,
            .ny = 1,
            .nk = 1};
  c.t = eval_in(e, n, 0)->type;
  c.size = c.t == DT_F64 ? 8 : 4;
  for (int i = 0; i < CONV_SPATIAL; i++) {
    bool in = i < g.spatial;
    c.x[i] = in ? eval_dim(e, g.x[i]) : 1, c.y[i] = in ? eval_dim(e, g.y[i]) : 1, c.k[i] = in ? g.k[i] : 1;
    c.stride[i] = in ? g.stride[i] : 1, c.dilation[i] = in ? g.dilation[i] : 1, c.lo[i] = in ? g.lo[i] : 0;
    c.nx *= c.x[i], c.ny *= c.y[i], c.nk *= c.k[i];
  }
  return c;
}

static void *conv_scratch(Conv *c, DType t, int64_t n) {
  return (c->hold[c->nhold++] = eval_new_shape(c->e, t, 1, &n))->data;
}

static void conv_end(Conv *c) {
  while (c->nhold) val_release(c->hold[--c->nhold]);
}

/* off[i] = i * step: offsets of a row's lanes in the logical layout. */
static int64_t *lanes(Conv *c, int64_t n, int64_t step) {
  int64_t *off = conv_scratch(c, DT_F64, n);
  for (int64_t i = 0; i < n; i++) off[i] = i * step;
  return off;
}

/* [batch, channels, positions] as [batch, positions, channels] */
static const char *channels_last(Conv *c, const Val *v, int64_t channels, int64_t positions) {
  char *to = conv_scratch(c, c->t, c->batch * channels * positions);
  const int64_t *off = lanes(c, channels, positions);
  for (int64_t b = 0; b < c->batch; b++)
    for (int64_t p = 0; p < positions; p++)
      gemm_gather(c->t, to + (b * positions + p) * channels * c->size,
                  (const char *)v->data + (b * channels * positions + p) * c->size, off, channels);
  return to;
}

static void position(int64_t i, const int64_t *dim, int64_t *at) {
  for (int r = CONV_SPATIAL - 1; r >= 0; r--) at[r] = i % dim[r], i /= dim[r];
}

/* The position of x that tap k of output position y reads; -1: outside. */
static int64_t x_of(const Conv *c, const int64_t *y, const int64_t *k) {
  int64_t at = 0;
  for (int r = 0; r < CONV_SPATIAL; r++) {
    int64_t p = y[r] * c->stride[r] + k[r] * c->dilation[r] - c->lo[r];
    if (p < 0 || p >= c->x[r]) return -1;
    at = at * c->x[r] + p;
  }
  return at;
}

/* The output position whose tap k reads position x; -1: none. */
static int64_t y_of(const Conv *c, const int64_t *x, const int64_t *k) {
  int64_t at = 0;
  for (int r = 0; r < CONV_SPATIAL; r++) {
    int64_t p = x[r] + c->lo[r] - k[r] * c->dilation[r];
    if (p < 0 || p % c->stride[r] || p / c->stride[r] >= c->y[r]) return -1;
    at = at * c->y[r] + p / c->stride[r];
  }
  return at;
}

/* conv and conv_dx: each result position sums over its taps, and in each over the other side's channels of the group.
 * `to` and `from` are channels; wl, wf the weight's strides along them. */
typedef struct Side {
  int64_t to, from, nto, nfrom;
  const int64_t *dim;
  int64_t (*tap)(const Conv *, const int64_t *, const int64_t *);
  int64_t wl, wf;
} Side;

static void conv_gemm(Conv *c, const Side *s, const Val *w, const Val *from, Val *to) {
  int64_t size = c->size, nlist = c->nk * s->from;
  const char *last = channels_last(c, from, s->from * c->groups, s->nfrom);
  char *rows = conv_scratch(c, c->t, nlist * s->to);
  char *x = conv_scratch(c, c->t, nlist), *y = conv_scratch(c, c->t, s->to);
  int64_t *at = conv_scratch(c, DT_F64, nlist);
  const int64_t *wlane = lanes(c, s->to, s->wl), *tolane = lanes(c, s->to, s->nto);
  for (int64_t g = 0; g < c->groups; g++) {
    const char *wg = (const char *)w->data + g * c->o * c->c * c->nk * size;
    for (int64_t i = 0; i < nlist; i++)
      gemm_gather(c->t, rows + i * s->to * size, wg + (i % s->from * s->wf + i / s->from) * size, wlane, s->to);
    for (int64_t i = 0; i < c->batch * s->nto; i++) {
      int64_t b = i / s->nto, p = i % s->nto, pos[CONV_SPATIAL], tap[CONV_SPATIAL], n = 0;
      position(p, s->dim, pos);
      for (int64_t k = 0; k < c->nk; k++) {
        position(k, c->k, tap);
        int64_t q = s->tap(c, pos, tap);
        if (q < 0) continue;
        const char *channels = last + ((b * s->nfrom + q) * c->groups + g) * s->from * size;
        memcpy(x + n * size, channels, (size_t)(s->from * size));
        for (int64_t f = 0; f < s->from; f++) at[n++] = (k * s->from + f) * s->to;
      }
      gemm_row(c->t, y, s->to, x, rows, at, n);
      gemm_scatter(c->t, (char *)to->data + ((b * c->groups + g) * s->to * s->nto + p) * size, y, tolane, s->to);
    }
  }
}

void eval_conv(Eval *e, Id n) {
  Conv c = conv_begin(e, n);
  Side s = {c.o, c.c, c.ny, c.nx, c.y, x_of, c.c * c.nk, c.nk};
  conv_gemm(&c, &s, eval_in(e, n, 1), eval_in(e, n, 0), eval_out(e, n));
  conv_end(&c);
}

void eval_conv_dx(Eval *e, Id n) {
  Conv c = conv_begin(e, n);
  Side s = {c.c, c.o, c.nx, c.ny, c.x, y_of, c.nk, c.c * c.nk};
  conv_gemm(&c, &s, eval_in(e, n, 1), eval_in(e, n, 0), eval_out(e, n));
  conv_end(&c);
}

/* Each element of the weight sums over batch and output positions; lanes are the group's output channels. */
void eval_conv_dw(Eval *e, Id n) {
  Conv c = conv_begin(e, n);
  Val *dw = eval_out(e, n);
  int64_t size = c.size, cs = c.c * c.groups, os = c.o * c.groups;
  const char *x = channels_last(&c, eval_in(e, n, 0), cs, c.nx), *dy = channels_last(&c, eval_in(e, n, 1), os, c.ny);
  int64_t *at = conv_scratch(&c, DT_F64, c.batch * c.ny), *from = conv_scratch(&c, DT_F64, c.batch * c.ny);
  char *xs = conv_scratch(&c, c.t, c.batch * c.ny), *row = conv_scratch(&c, c.t, c.o);
  const int64_t *lane = lanes(&c, c.o, c.c * c.nk);
  for (int64_t k = 0; k < c.nk; k++) {
    int64_t tap[CONV_SPATIAL], pos[CONV_SPATIAL], m = 0;
    position(k, c.k, tap);
    for (int64_t i = 0; i < c.batch * c.ny; i++) {
      position(i % c.ny, c.y, pos);
      int64_t q = x_of(&c, pos, tap);
      if (q < 0) continue;
      at[m] = i * os;
      from[m++] = (i / c.ny * c.nx + q) * cs;
    }
    for (int64_t ch = 0; ch < cs; ch++) {
      int64_t g = ch / c.c;
      gemm_gather(c.t, xs, x + ch * size, from, m);
      gemm_row(c.t, row, c.o, xs, dy + g * c.o * size, at, m);
      gemm_scatter(c.t, (char *)dw->data + (g * c.o * c.c * c.nk + ch % c.c * c.nk + k) * size, row, lane, c.o);
    }
  }
  conv_end(&c);
}
