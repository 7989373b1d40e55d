/* SPDX-License-Identifier: Apache-2.0 */
/* Contractions as GEMMs. */
#include "codegen/gemm.h"

static bool is_affine(const KNest *n, const KVal *x) {
  for (int i = 0; i < n->axes.n; i++)
    if (x->at.coef[i] && n->axes.axis[i].kind != AX_LOOP) return false;
  return true;
}

/* The right operand should be the one in panels; without panels, the one that has the result's contiguous axis. */
static bool should_swap_operands(const Kernel *k, const KNest *n, const GemmDesc *g) {
  const KVal *a = g->a.load, *b = g->b.load;
  if (k->buf[a->buf].cols || k->buf[b->buf].cols) return k->buf[a->buf].cols > 0;
  for (int i = 0; i < n->nstore; i++)
    for (int o = 0; o < n->nouter; o++) {
      int axis = n->outer[o];
      if (n->store[i].at.coef[axis] == 1) return a->at.coef[axis] && !b->at.coef[axis];
    }
  return false;
}

/* Finds whether the panels of b run along n or along k. False: gemm.inc cannot read them. */
static bool find_panels(const Kernel *k, const KNest *n, GemmDesc *g) {
  const Affine *at = &g->b.load->at;
  const KBuf *b = &k->buf[g->b.load->buf];
  if (!b->cols) return true;
  if (g->batch.n || g->n.n != 1 || g->k.n != 1 || g->k.axis[0] < 0 || at->k) return false;
  int an = g->n.axis[0], ak = g->k.axis[0];
  bool along_n = at->coef[an] == 1 && at->coef[ak] == b->cols;
  bool along_k = at->coef[ak] == 1 && at->coef[an] == b->cols;
  if (!along_n && !along_k) return false;
  int wide = along_n ? an : ak, tall = along_n ? ak : an;
  if (n->axes.axis[wide].extent != b->cols || n->axes.axis[tall].extent != b->rows) return false;
  g->panels = along_n ? 1 : 2;
  g->panel_rows = b->rows;
  if (along_k) g->n.s0[0] = 1;
  return true;
}

/* Where the epilogue loads or stores matrices in panels, their columns must be those of the product. */
static bool epilogue_fits_panels(const Kernel *k, const KNest *n, const GemmDesc *g) {
  for (int i = 1; i < n->nval + n->nstore; i++) {
    const KVal *v = i < n->nval ? &n->val[i] : NULL;
    const KStore *s = v ? NULL : &n->store[i - n->nval];
    if (v && (v->kind != KV_LOAD || v->phase == 0)) continue;
    const KBuf *b = &k->buf[v ? v->buf : s->buf];
    const Affine *at = v ? &v->at : &s->at;
    if (!b->cols) continue;
    if (g->n.n != 1 || at->coef[g->n.axis[0]] != 1 || at->k) return false;
    if (n->axes.axis[g->n.axis[0]].extent != b->cols) return false;
    for (int a = 0; a < n->axes.n; a++)
      if (a != g->n.axis[0] && at->coef[a] && at->coef[a] != b->cols) return false;
  }
  return true;
}

bool gemm_contract(const Kernel *k, const KNest *n, GemmDesc *g) {
  if (!is_affine(n, g->a.load) || !is_affine(n, g->b.load)) return false;
  if (should_swap_operands(k, n, g)) {
    GemmOperand a = g->a;
    g->a = g->b;
    g->b = a;
  }
  g->a.offset = g->a.load->at.k;
  g->b.offset = g->b.load->at.k;
  bool fits = gemm_add_axes(g, n, &g->a.load->at, &g->b.load->at);
  if (fits && !g->k.n) gemm_add_axis(&g->k, n, -1, 1, 1);
  gemm_sort_axes(n, &g->m);
  gemm_sort_axes(n, &g->n);
  fits = fits && find_panels(k, n, g) && epilogue_fits_panels(k, n, g);
  return fits && !(g->panels && (g->a.storage || g->b.storage)); /* gemm_half.inc cannot read panels */
}
