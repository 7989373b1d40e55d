/* SPDX-License-Identifier: Apache-2.0 */
/* grad(e, x) and jvp(e, x, t): types only, until passes/autodiff.c expands them. */
#include "rule.h"

static bool floats(Graph *g, const OpCall *k) {
  for (int i = 0; i < k->nin; i++) {
    const Type *t = call_type(g, k, i);
    if (!t) return false;
    if (dtype_is_float(t->dtype)) continue;
    shape_fail(g, k, E_NOT_DIFFERENTIABLE, "%s: %s %s, which has no derivative", op_info[k->op].name,
               i == 0   ? "the differentiated value is"
               : i == 1 ? "what it is differentiated by is"
                        : "the tangent is",
               type_text(g->m, node_get(g, k->in[i])->type));
    return false;
  }
  return true;
}

TypeId shape_grad(Graph *g, const OpCall *k) { return floats(g, k) ? node_get(g, k->in[1])->type : 0; }

TypeId shape_jvp(Graph *g, const OpCall *k) {
  if (!floats(g, k)) return 0;
  TypeId x = node_get(g, k->in[1])->type, t = node_get(g, k->in[2])->type;
  if (x != t)
    return shape_fail(g, k, E_SHAPE_MISMATCH, "jvp: the tangent is %s, its variable %s", type_text(g->m, t),
                      type_text(g->m, x));
  return node_get(g, k->in[0])->type;
}
