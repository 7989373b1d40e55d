/* SPDX-License-Identifier: Apache-2.0 */
/* Nests of contractions, convolutions and fold (col2im): one accumulation, then the epilogue. */
#include "codegen/kernel_build.h"
#include "ir/contract.h"

/* The second phase of a contraction: all else that the group computes and stores, over the same outer axes. */
static void build_epilogue(KBuild *b, Id root, const Affine *idx) {
  kernel_phase(b);
  for (int i = 0; i < b->group->nnode && !b->failed; i++) {
    Id n = b->group->node[i];
    if (!b->gs->buffer[n]) continue;
    if (!type_same_dims(node_type(b->g, n), node_type(b->g, root))) kernel_fail(b, n, "another index space");
    else kernel_store(b, n, idx, kernel_value(b, n, idx), KS_OUTER, false);
  }
}

static void product(KBuild *b, Id root, const Affine *left, const Affine *right) {
  int arg[2] = {kernel_value(b, node_in(b->g, root, 0), left), kernel_value(b, node_in(b->g, root, 1), right)};
  DType t = dtype_computed(node_type(b->g, root)->dtype); /* the accumulated result is rounded, products are not */
  int v = kernel_value_op(b, (Op)node_get(b->g, root)->op, t, root, arg, 2);
  if (!b->failed) kernel_sum(b, root, v);
}

/* FAST: orders the inner axes by the strides of the left operand, so that the innermost one is contiguous and adjacent
 * ones can be joined. */
static void order_by_strides(KBuild *b, KPhase *p) {
  const KNest *n = b->nest;
  const KVal *left = NULL;
  for (int i = 1; i < n->nval && !left; i++)
    if (n->val[i].kind == KV_LOAD) left = &n->val[i];
  for (int i = 1; left && i < p->naxis; i++)
    for (int k = i; k > 0; k--) {
      int64_t far = dim_bound(b->m, left->at.coef[p->axis[k - 1]]), near = dim_bound(b->m, left->at.coef[p->axis[k]]);
      if (far >= near) break;
      int axis = p->axis[k];
      p->axis[k] = p->axis[k - 1], p->axis[k - 1] = axis;
    }
}

void kernel_contract(KBuild *b) {
  Id root = b->group->root;
  Contract c;
  Affine idx[3][MAX_RANK], out[MAX_RANK];
  contract_of(b->g, root, &c);
  kernel_nest(b);
  KPhase *p = kernel_phase(b);
  for (int i = 0; i < c.naxis; i++) {
    const ContractAxis *x = &c.axis[i];
    Affine a = x->role == AX_K ? kernel_inner(b, p, x->dim) : kernel_outer(b, x->dim);
    for (int o = 0; o < 3; o++)
      if (x->at[o] >= 0) idx[o][x->at[o]] = a;
    if (x->at[OPERAND_RESULT] >= 0) out[x->at[OPERAND_RESULT]] = a;
  }
  product(b, root, idx[OPERAND_LEFT], idx[OPERAND_RIGHT]);
  if (!b->m->opt.strict) order_by_strides(b, p);
  build_epilogue(b, root, out);
}

/* The index e / div into an axis of `extent`; iterations in which it is not valid are skipped. */
static Affine conv_tap(KBuild *b, KPhase *p, const Affine *e, int64_t div, Dim extent, bool inside) {
  if (inside && div == 1) return *e;
  int q = axes_quotient(&b->nest->axes, e, div, extent);
  if (q < 0) return kernel_fail(b, b->group->root, "too many axes"), affine_const(0);
  kernel_sizes(b, extent);
  p->skip |= 1u << q;
  return affine_axis(q);
}

typedef struct ConvAxes {
  Affine batch, group, out, in; /* channels within a group */
  Affine x[CONV_SPATIAL], y[CONV_SPATIAL], k[CONV_SPATIAL];
} ConvAxes;

static void conv_index(KBuild *b, const ConvGeom *c, const ConvAxes *a, Affine *x, Affine *w, Affine *y) {
  Module *m = b->m;
  int64_t in = c->in / c->groups, out = c->out / c->groups;
  Affine gi = affine_scale(m, &a->group, in), go = affine_scale(m, &a->group, out);
  x[0] = y[0] = a->batch;
  x[1] = affine_add(m, &gi, &a->in);
  y[1] = w[0] = affine_add(m, &go, &a->out);
  w[1] = a->in;
  for (int i = 0; i < c->spatial; i++) x[2 + i] = a->x[i], y[2 + i] = a->y[i], w[2 + i] = a->k[i];
}

/* Position in x of tap k of output y: y * stride + k * dilation - lo. */
static Affine conv_x(KBuild *b, KPhase *p, const ConvGeom *c, const ConvAxes *a, int i) {
  Affine ys = affine_scale(b->m, &a->y[i], c->stride[i]), kd = affine_scale(b->m, &a->k[i], c->dilation[i]);
  Affine e = affine_add(b->m, &ys, &kd);
  e = affine_shift(b->m, &e, dim_of(b->m, -c->lo[i]));
  Dim last = dim_add(b->m, dim_mul(b->m, dim_sub(b->m, c->y[i], 1), c->stride[i]), (c->k[i] - 1) * c->dilation[i]);
  bool inside = c->lo[i] == 0 && dim_is_const(last) && dim_is_const(c->x[i]) && last < c->x[i];
  return conv_tap(b, p, &e, 1, c->x[i], inside);
}

/* Adds the axes of a convolution or a gradient: those of its result are outer, the contracted ones inner, in strict
 * order. */
typedef void ConvAxesFn(KBuild *b, KPhase *p, const ConvGeom *c, ConvAxes *a);

static void axes_of_y(KBuild *b, KPhase *p, const ConvGeom *c, ConvAxes *a) {
  a->batch = kernel_outer(b, c->batch);
  a->group = kernel_outer(b, c->groups);
  a->out = kernel_outer(b, c->out / c->groups);
  for (int i = 0; i < c->spatial; i++) a->y[i] = kernel_outer(b, c->y[i]);
  for (int i = 0; i < c->spatial; i++) a->k[i] = kernel_inner(b, p, c->k[i]);
  a->in = kernel_inner(b, p, c->in / c->groups);
  for (int i = 0; i < c->spatial; i++) a->x[i] = conv_x(b, p, c, a, i);
}

static void axes_of_x(KBuild *b, KPhase *p, const ConvGeom *c, ConvAxes *a) {
  a->batch = kernel_outer(b, c->batch);
  a->group = kernel_outer(b, c->groups);
  a->in = kernel_outer(b, c->in / c->groups);
  for (int i = 0; i < c->spatial; i++) a->x[i] = kernel_outer(b, c->x[i]);
  for (int i = 0; i < c->spatial; i++) a->k[i] = kernel_inner(b, p, c->k[i]);
  a->out = kernel_inner(b, p, c->out / c->groups);
  for (int i = 0; i < c->spatial; i++) {
    Affine kd = affine_scale(b->m, &a->k[i], dim_of(b->m, -c->dilation[i])), e = affine_add(b->m, &a->x[i], &kd);
    e = affine_shift(b->m, &e, c->lo[i]);
    a->y[i] = conv_tap(b, p, &e, c->stride[i], c->y[i], false);
  }
}

static void axes_of_w(KBuild *b, KPhase *p, const ConvGeom *c, ConvAxes *a) {
  a->group = kernel_outer(b, c->groups);
  a->out = kernel_outer(b, c->out / c->groups);
  a->in = kernel_outer(b, c->in / c->groups);
  for (int i = 0; i < c->spatial; i++) a->k[i] = kernel_outer(b, c->k[i]);
  a->batch = kernel_inner(b, p, c->batch);
  for (int i = 0; i < c->spatial; i++) a->y[i] = kernel_inner(b, p, c->y[i]);
  for (int i = 0; i < c->spatial; i++) a->x[i] = conv_x(b, p, c, a, i);
}

void kernel_conv(KBuild *b) {
  static ConvAxesFn *const axes_of[] = {[CONV_X] = axes_of_x, [CONV_W] = axes_of_w, [CONV_Y] = axes_of_y};
  Id root = b->group->root;
  ConvRole result = conv_role(b->g, root, OPERAND_RESULT);
  ConvGeom c;
  ConvAxes a;
  Affine at[3][MAX_RANK]; /* indices by role */
  conv_of(b->g, root, &c);
  kernel_nest(b);
  axes_of[result](b, kernel_phase(b), &c, &a);
  conv_index(b, &c, &a, at[CONV_X], at[CONV_W], at[CONV_Y]);
  product(b, root, at[conv_role(b->g, root, OPERAND_LEFT)], at[conv_role(b->g, root, OPERAND_RIGHT)]);
  build_epilogue(b, root, at[result]);
}

/* fold of large windows: each element adds up the windows that contain it, by ascending window index. */
void kernel_fold(KBuild *b) {
  Id root = b->group->root;
  const Graph *g = b->g;
  const Type *t = node_type(g, root);
  const AttrVal *size = node_attr(g, root, ATTR(fold, size));
  Affine out[MAX_RANK], window[MAX_RANK], in[MAX_RANK];
  kernel_nest(b);
  KPhase *p = kernel_phase(b);
  for (int i = 0; i < t->rank; i++) out[i] = kernel_outer(b, t->dim[i]);
  for (int i = 0; i < size->n; i++) window[i] = kernel_inner(b, p, size->v[i]);
  if (fold_map_index(&b->nest->axes, g, root, out, window, in, &p->skip) != FOLD_OK)
    kernel_fail(b, root, "too many axes");
  for (int i = 0; i < t->rank; i++) kernel_sizes(b, node_type(g, node_in(g, root, 0))->dim[i]);
  int v = kernel_value(b, node_in(g, root, 0), in);
  if (!b->failed) kernel_sum(b, root, v);
  build_epilogue(b, root, out);
}
