/* SPDX-License-Identifier: Apache-2.0 */
/* The diagonal of the Hessian, for optimizers that take a `curvature` after weight and gradient. Hutchinson, A
 * stochastic estimator of the trace, 1990; for diagonals Bekas, Kokiopoulou, Saad, 2007: v (H v) element by element has
 * the expectation diag(H), for v of independent signs. H v, of all weights together, is the gradient of the product of
 * the gradients and v. */
#include "frontend/elab/elab_call.h"
#include "frontend/elab/elab_diag.h"
#include "frontend/elab/elab_shape.h"
#include "frontend/elab/elab_state.h"
#include "frontend/elab/elab_weight.h"
#include "frontend/sections/elab_train.h"

static Value call(Elab *e, const char *def, const Ast *at, Id x) {
  Call from = {.name = "optim", .at = at->at, .len = at->len, .caret = at->caret, .caret_len = at->caret_len};
  Arg arg = {.v = v_tensor(e, x), .set = true, .at = at->caret, .len = at->caret_len};
  return el_call_def(e, def, &arg, 1, &from);
}

static bool supported(Elab *e, const Ast *at, const TrainInfo *t) {
  const char *with = t->accumulate > 1 ? "accumulate" : t->precision == DT_F16 ? "precision = f16" : NULL;
  if (!with) return true;
  return el_reject(e, E_UNSUPPORTED_OPTIMIZER, at, "an optimizer with a `curvature` and `%s` is not in this version",
                   with);
}

/* Signs of its own for each weight. */
static Id signs(Elab *e, const Ast *at, const Update *u) {
  e->stream = ctx_strf(e->c, "curvature %s %s", e->draws ? e->draws : "", e->m->var[u->var].name);
  e->nstream = 0;
  Value v = call(e, "_signs", at, u->weight);
  e->stream = NULL;
  return v.kind == V_TENSOR ? v.id : 0;
}

bool el_curvature(Elab *e, const Groups *optim, const TrainInfo *t, Update *u, int n) {
  const Builder *b = &e->cur.b;
  Id *v = ctx_alloc(e->c, (size_t)n * sizeof *v), product = 0;
  for (int i = 0; i < n; i++) {
    const Group *g = &optim->g[u[i].group];
    if (!el_takes_curvature(g->fn)) continue;
    if (!product && !supported(e, g->ast, t)) return false;
    e->cur.b.loc = g->ast->caret;
    v[i] = signs(e, g->ast, &u[i]);
    Value sum = v[i] ? call(e, "_total", g->ast, b_mul(b, u[i].grad, v[i])) : v_error();
    if (sum.kind != V_TENSOR) return false;
    product = product ? b_add(b, product, sum.id) : sum.id;
  }
  for (int i = 0; i < n; i++)
    if (v[i]) u[i].curvature = b_mul(b, v[i], b_grad(b, product, u[i].weight));
  return true;
}
