/* SPDX-License-Identifier: Apache-2.0 */
/* The nest of argsort, whose points are rows. */
#include "codegen/kernel_build.h"

static int axis_of(const KPhase *p) { return p->naxis ? p->axis[0] : -1; }

void kernel_sort(KBuild *b) {
  const Graph *g = b->g;
  Id root = b->group->root, x = node_in(g, root, 0);
  const Type *t = node_type(g, x), *result = node_type(g, root);
  int64_t axis = node_attr(g, root, ATTR(argsort, axis))->i;
  Affine idx[MAX_RANK];
  kernel_nest(b);
  KSort *s = ctx_alloc(b->m->c, sizeof *s);
  b->nest->sort = s;
  *s = (KSort){.type = (DType)t->dtype,
               .terms = t->dim[axis],
               .count = result->dim[axis],
               .descending = node_attr(g, root, ATTR(argsort, descending))->i != 0};
  kernel_sizes(b, s->terms), kernel_sizes(b, s->count);
  for (int i = 0; i < t->rank; i++)
    if (i != axis) idx[i] = kernel_outer(b, t->dim[i]);
  KPhase *p = kernel_phase(b);
  idx[axis] = kernel_inner(b, p, s->terms);
  s->load = (KRowOperand){kernel_value(b, x, idx), -1, -1, axis_of(p)};
  if (b->failed) return;
  if (b->nest->val[s->load.at].kind != KV_LOAD) kernel_fail(b, x, "not in memory");
  p = kernel_phase(b);
  idx[axis] = kernel_inner(b, p, s->count);
  s->store = (KRowOperand){b->nest->nstore, -1, -1, axis_of(p)};
  kernel_store(b, root, idx, 0, KS_INNER, false);
}
