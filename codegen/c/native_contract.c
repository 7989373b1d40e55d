/* Contractions of the native dialect: a kernel becomes a call of gc_contract (gemm.inc) that says which axes run where,
 * and an epilogue function with whatever the kernel computes from the finished sums. */
#include "codegen/c/native.h"
#include <string.h>

enum { LEAST_WORK = 16384, LEAST_BLOCK = 2048, LEAST_SUM = 4 }; /* below, plain loops are faster */

/* ---- roles of the axes ---- */

static bool is_load(const KNest *n, int v) {
  const KVal *x = &n->val[v];
  if (x->kind != KV_LOAD || x->type != DT_F32) return false;
  for (int i = 0; i < n->axes.n; i++)
    if (x->at.coef[i] && n->axes.axis[i].kind != AX_LOOP) return false;
  return true;
}

static bool put_axis(NativeAxes *x, Dim dim, Dim s0, Dim s1) {
  if (x->n == NATIVE_AXES) return false;
  x->dim[x->n] = dim, x->s0[x->n] = s0, x->s1[x->n++] = s1;
  return true;
}

/* Whether the result runs fastest along rows, so that the operands should change their places. */
static bool is_turned(const KNest *n, const KVal *left, const KVal *right) {
  for (int i = 0; i < n->nstore; i++)
    for (int k = 0; k < n->nouter; k++) {
      int a = n->outer[k];
      if (n->store[i].at.coef[a] == 1) return left->at.coef[a] && !right->at.coef[a];
    }
  return false;
}

static int64_t extent_of(CPrint *p, const NativeAxes *x) {
  int64_t n = 1;
  for (int i = 0; i < x->n; i++)
    if (__builtin_mul_overflow(n, dim_bound(p->m, x->dim[i]), &n)) return INT64_MAX / 4;
  return n;
}

static bool is_worth_it(CPrint *p, const NativeGemm *g) {
  double block = (double)extent_of(p, &g->m) * (double)extent_of(p, &g->n) * (double)extent_of(p, &g->k);
  return block >= LEAST_BLOCK && block * (double)extent_of(p, &g->batch) >= LEAST_WORK && extent_of(p, &g->k) >= LEAST_SUM;
}

static bool find_roles(CPrint *p, const KNest *n, NativeGemm *g) {
  if (n->nphase != 2 || n->nacc != 1 || n->acc[0].order != KO_SEQ || n->acc[0].op != OP_sum) return false;
  const KVal *v = &n->val[n->acc[0].value];
  if (v->kind != KV_OP || v->nargs != 2 || v->type != DT_F32) return false;
  if (!is_load(n, v->arg[0]) || !is_load(n, v->arg[1])) return false;
  const KVal *left = &n->val[v->arg[0]], *right = &n->val[v->arg[1]];
  if (is_turned(n, left, right)) {
    const KVal *swap = left;
    left = right, right = swap;
  }
  g->a_buf = left->buf, g->a_at = affine_const(left->at.k);
  g->b_buf = right->buf, g->b_at = affine_const(right->at.k);
  bool fits = true;
  for (int i = 0; i < n->nouter; i++) {
    int a = n->outer[i];
    Dim s0 = left->at.coef[a], s1 = right->at.coef[a], dim = n->axes.axis[a].extent;
    if (s0 && s1) fits &= put_axis(&g->batch, dim, s0, s1), g->axis[0][g->batch.n - 1] = a;
    else if (s1) fits &= put_axis(&g->n, dim, s1, 0), g->axis[2][g->n.n - 1] = a;
    else fits &= put_axis(&g->m, dim, s0, 0), g->axis[1][g->m.n - 1] = a;
    if (!fits) return false;
  }
  for (int i = 0; i < n->phase[0].naxis; i++) {
    int a = n->phase[0].axis[i];
    fits &= put_axis(&g->k, n->axes.axis[a].extent, left->at.coef[a], right->at.coef[a]);
  }
  if (!g->k.n) put_axis(&g->k, 1, 1, 1);
  return fits && is_worth_it(p, g);
}

bool native_contract(CPrint *p, const Kernel *k, Str *s) {
  NativeGemm g = {0};
  if (k->nnest != 1 || !find_roles(p, k->nest[0], &g)) return false;
  native_call(p, k, &g, native_epilogue(p, k, &g), s);
  return true;
}
