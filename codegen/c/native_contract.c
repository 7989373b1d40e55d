/* Contractions of the native dialect: a kernel becomes a call of gc_contract (gemm.inc) that says which axes run where,
 * and an epilogue function with whatever the kernel computes from the finished sums. */
#include "codegen/c/native.h"

static bool is_affine(const KNest *n, const KVal *x) {
  for (int i = 0; i < n->axes.n; i++)
    if (x->at.coef[i] && n->axes.axis[i].kind != AX_LOOP) return false;
  return true;
}

/* Whether the result runs fastest along rows, so that the operands should change their places. */
static bool is_turned(const KNest *n, const NativeSum *s) {
  for (int i = 0; i < n->nstore; i++)
    for (int k = 0; k < n->nouter; k++) {
      int a = n->outer[k];
      if (n->store[i].at.coef[a] == 1) return s->left->at.coef[a] && !s->right->at.coef[a];
    }
  return false;
}

static bool find_roles(CPrint *p, const KNest *n, NativeGemm *g) {
  NativeSum s;
  if (!native_sum(n, &s) || !is_affine(n, s.left) || !is_affine(n, s.right)) return false;
  const KVal *left = s.left, *right = s.right;
  if (is_turned(n, &s)) left = s.right, right = s.left;
  g->a_buf = left->buf, g->a_at = c_dim(p, left->at.k);
  g->b_buf = right->buf, g->b_at = c_dim(p, right->at.k);
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
  return fits;
}

bool native_contract(CPrint *p, const Kernel *k, Str *s) {
  NativeGemm g = {0};
  if (k->nnest != 1 || !find_roles(p, k->nest[0], &g) || !native_worth(&g)) return false;
  native_call(p, k, &g, native_epilogue(p, k, &g), s);
  return true;
}
