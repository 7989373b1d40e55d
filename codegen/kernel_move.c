/* SPDX-License-Identifier: Apache-2.0 */
/* Nests of the classes that move or accumulate along one axis: cumsum, scatter_add, concat. */
#include "codegen/kernel_build.h"

void kernel_cumsum(KBuild *b) {
  const Graph *g = b->g;
  Id root = b->group->root;
  const Type *t = node_type(g, root);
  int64_t axis = node_attr(g, root, ATTR(cumsum, axis))->i;
  Affine idx[MAX_RANK];
  kernel_nest(b);
  for (int i = 0; i < t->rank; i++)
    if (i != axis) idx[i] = kernel_outer(b, t->dim[i]);
  KPhase *p = kernel_phase(b);
  idx[axis] = kernel_inner(b, p, t->dim[axis]);
  if (node_attr(g, root, ATTR(cumsum, reverse))->i && p->naxis) {
    idx[axis] = affine_scale(b->m, &idx[axis], dim_of(b->m, -1));
    idx[axis] = affine_shift(b->m, &idx[axis], dim_sub(b->m, t->dim[axis], 1));
  }
  int v = kernel_value(b, node_in(g, root, 0), idx);
  if (b->failed) return;
  int a = kernel_sum(b, root, v);
  kernel_store(b, root, idx, kernel_acc_value(b, a), KS_INNER, false);
}

void kernel_scatter(KBuild *b) {
  const Graph *g = b->g;
  Id root = b->group->root, table = node_in(g, root, 0), upd = node_in(g, root, 1);
  const Type *t = node_type(g, root), *it = node_type(g, table);
  int64_t axis = node_attr(g, root, ATTR(scatter_add, axis))->i;
  Affine out[MAX_RANK], in[MAX_RANK], at[MAX_RANK];
  kernel_nest(b);
  for (int i = 0; i < t->rank; i++) {
    int a = kernel_axis(b, t->dim[i], &out[i]);
    if (a < 0) continue;
    b->nest->outer[b->nest->nouter++] = a;
    if (i != axis) b->nest->par_axis = a;
  }
  kernel_phase(b);
  kernel_store(b, root, out, kernel_number(b, (DType)t->dtype, 0), KS_OUTER, false);

  kernel_nest(b);
  for (int i = 0; i < axis; i++) out[i] = kernel_outer(b, t->dim[i]);
  KPhase *p = kernel_phase(b);
  for (int i = 0; i < it->rank; i++) at[i] = kernel_inner(b, p, it->dim[i]);
  for (int i = (int)axis + 1; i < t->rank; i++) out[i] = kernel_inner(b, p, t->dim[i]);
  for (int i = 0, o = 0; i < t->rank; i++) {
    if (i != axis) in[o++] = out[i];
    else
      for (int k = 0; k < it->rank; k++) in[o++] = at[k];
  }
  for (int i = 0; i < t->rank; i++)
    for (int a = 0; a < b->nest->axes.n && i != axis; a++)
      if (out[i].coef[a]) b->nest->par_axis = a;
  out[axis] = kernel_indirect_axis(b, kernel_value(b, table, at), t->dim[axis]);
  kernel_store(b, root, out, kernel_value(b, upd, in), KS_INNER, true);
}

/* Loops in the order of the stored result, so that adjacent ones may be joined. */
static void sort_outer(const KBuild *b) {
  KNest *n = b->nest;
  const Affine *at = &n->store[0].at;
  for (int i = 1; i < n->nouter; i++)
    for (int k = i; k > 0; k--) {
      int x = n->outer[k - 1], y = n->outer[k];
      if (dim_bound(b->m, at->coef[x]) >= dim_bound(b->m, at->coef[y])) break;
      n->outer[k - 1] = y, n->outer[k] = x;
    }
}

void kernel_concat(KBuild *b) {
  const Graph *g = b->g;
  Id root = b->group->root;
  int64_t axis = node_attr(g, root, ATTR(concat, axis))->i;
  Dim from = 0;
  for (uint32_t i = 0; i < node_get(g, root)->nin && !b->failed; i++) {
    Id x = node_in(g, root, (int)i);
    const Type *t = node_type(g, x);
    Affine idx[MAX_RANK];
    kernel_nest(b);
    for (int k = 0; k < t->rank; k++) idx[k] = kernel_outer(b, t->dim[k]);
    kernel_phase(b);
    int v = kernel_value(b, x, idx);
    idx[axis] = affine_shift(b->m, &idx[axis], from);
    if (b->failed) return;
    kernel_store(b, root, idx, v, KS_OUTER, false);
    sort_outer(b);
    from = dim_add(b->m, from, t->dim[axis]);
  }
}
