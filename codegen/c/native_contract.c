/* Contractions of the native dialect: a kernel becomes a call of gc_contract (gemm.inc) that says which axes run where,
 * and an epilogue function with whatever the kernel computes from the finished sums. */
#include "codegen/c/native.h"

static bool is_affine(const KNest *n, const KVal *x) {
  for (int i = 0; i < n->axes.n; i++)
    if (x->at.coef[i] && n->axes.axis[i].kind != AX_LOOP) return false;
  return true;
}

/* Whether the operands should change their places: because the right one is not the one in panels, or because the
 * result runs fastest along rows. */
static bool is_turned(const Kernel *k, const KNest *n, const NativeSum *s) {
  const KVal *left = s->left.load, *right = s->right.load;
  if (k->buf[left->buf].cols || k->buf[right->buf].cols) return k->buf[left->buf].cols > 0;
  for (int i = 0; i < n->nstore; i++)
    for (int k = 0; k < n->nouter; k++) {
      int a = n->outer[k];
      if (n->store[i].at.coef[a] == 1) return left->at.coef[a] && !right->at.coef[a];
    }
  return false;
}

/* The right operand in panels: along n, row by row over k, or along k. */
static bool find_panels(CPrint *p, const Kernel *k, const KNest *n, const KVal *right, NativeGemm *g) {
  const KBuf *b = &k->buf[right->buf];
  if (!b->cols) return true;
  if (g->batch.n || g->n.n != 1 || g->k.n != 1 || g->k.axis[0] < 0 || right->at.k) return false;
  int an = g->n.axis[0], ak = g->k.axis[0];
  bool along_n = right->at.coef[an] == 1 && right->at.coef[ak] == b->cols;
  bool along_k = right->at.coef[ak] == 1 && right->at.coef[an] == b->cols;
  int wide = along_n ? an : ak, tall = along_n ? ak : an;
  if (!along_n && !along_k) return false;
  if (n->axes.axis[wide].extent != b->cols || n->axes.axis[tall].extent != b->rows) return false;
  g->panels = along_n ? 1 : 2;
  g->panel_rows = b->rows;
  if (along_k) g->n.s0[0] = c_dim(p, 1);
  return true;
}

/* Stores and loads of the epilogue in panels: the panels' columns must be the columns of the sums. */
static bool fits_panels(const Kernel *k, const KNest *n, const NativeGemm *g) {
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

static bool find_roles(CPrint *p, const Kernel *k, const KNest *n, NativeGemm *g) {
  NativeSum s;
  if (!native_sum(p, k, n, &s) || !is_affine(n, s.left.load) || !is_affine(n, s.right.load)) return false;
  if (is_turned(k, n, &s)) s = (NativeSum){s.right, s.left};
  const KVal *left = s.left.load, *right = s.right.load;
  g->a_buf = left->buf, g->a_at = c_dim(p, left->at.k), g->a_form = s.left.form;
  g->b_buf = right->buf, g->b_at = c_dim(p, right->at.k), g->b_form = s.right.form;
  bool fits = true;
  for (int i = 0; i < n->nouter && fits; i++) {
    int a = n->outer[i];
    Dim s0 = left->at.coef[a], s1 = right->at.coef[a];
    if (s0 && s1) fits = native_axis(p, &g->batch, n, a, s0, s1);
    else fits = native_axis(p, s1 ? &g->n : &g->m, n, a, s1 ? s1 : s0, 0);
  }
  for (int i = 0; i < n->phase[0].naxis && fits; i++) {
    int a = n->phase[0].axis[i];
    fits = native_axis(p, &g->k, n, a, left->at.coef[a], right->at.coef[a]);
  }
  if (fits && !g->k.n) native_axis(p, &g->k, n, -1, 1, 1);
  native_sort(n, &g->m);
  native_sort(n, &g->n);
  fits = fits && find_panels(p, k, n, right, g) && fits_panels(k, n, g);
  return fits && !(g->panels && (g->a_form || g->b_form)); /* gemm_half.inc reads none in panels */
}

static bool has_panels(const Kernel *k) {
  for (int i = 0; i < k->nbuf; i++)
    if (k->buf[i].cols) return true;
  return false;
}

bool native_contract(CPrint *p, const Kernel *k, Str *s) {
  NativeGemm g = {0};
  if (k->nnest != 1 || !find_roles(p, k, k->nest[0], &g) || !(native_worth(&g) || has_panels(k))) return false;
  native_call(p, k, &g, native_epilogue(p, k, &g), s);
  return true;
}
