// SPDX-License-Identifier: Apache-2.0
/* Several nodes that are one operator of ONNX. */
#include "export/export.h"

static bool is_op(const Graph *g, Id n, Op op) { return node_get(g, n)->op == op; }

static bool is_zero(const Graph *g, Id n) {
  const AttrVal *v = is_op(g, n, OP_const) ? node_attr(g, n, ATTR(const, value)) : NULL;
  return v && v->n == 1 && v->fv[0] == 0;
}

/* where(x <= 0, 0, x) */
static bool is_relu(const Graph *g, Id n) {
  if (!is_op(g, n, OP_where) || !dtype_is_float(node_type(g, n)->dtype)) return false;
  Id le = node_in(g, n, 0), x = node_in(g, n, 2);
  return is_op(g, le, OP_le) && node_in(g, le, 0) == x && is_zero(g, node_in(g, le, 1)) &&
         is_zero(g, node_in(g, n, 1)) && node_get(g, x)->type == node_get(g, n)->type;
}

/* The maximum of windows over all axes of an image. */
static bool is_maxpool(const Graph *g, Id n) {
  if (!is_op(g, n, OP_reduce_max) || node_type(g, n)->dtype != DT_F32 || node_attr(g, n, ATTR(sum, keep))->i)
    return false;
  Id u = node_in(g, n, 0);
  const AttrVal *axes = node_attr(g, n, ATTR(sum, axes));
  if (!is_op(g, u, OP_unfold)) return false;
  const AttrVal *windows = node_attr(g, u, ATTR(unfold, axes));
  int rank = node_type(g, node_in(g, u, 0))->rank;
  bool all = rank >= 3 && rank <= 5 && windows->n == rank - 2 && axes->n == windows->n;
  for (int i = 0; all && i < axes->n; i++) all = windows->v[i] == i + 2 && axes->v[i] == rank + i;
  return all;
}

void export_forms(GraphExport *e, Ctx *c) {
  const Graph *g = e->g;
  e->needed = ctx_array(c, g->n, sizeof *e->needed);
  e->form = ctx_array(c, g->n, sizeof *e->form);
  for (int i = 0; i < g->nout; i++) e->needed[g->out[i].value] = true;
  for (Id n = (Id)g->n - 1; n > 0; n--) {
    if (!e->needed[n]) continue;
    if (is_relu(g, n)) {
      e->form[n] = FORM_RELU;
      e->needed[node_in(g, n, 2)] = true;
    } else if (is_maxpool(g, n)) {
      e->form[n] = FORM_MAXPOOL;
      e->needed[node_in(g, node_in(g, n, 0), 0)] = true;
    } else {
      for (uint32_t i = 0; i < node_get(g, n)->nin; i++) e->needed[node_in(g, n, (int)i)] = true;
    }
  }
}
