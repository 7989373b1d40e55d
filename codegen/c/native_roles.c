/* What contractions and convolutions have in common: a sum of products of two loads, and axes with roles. */
#include "codegen/c/native.h"

enum { LEAST_WORK = 16384, LEAST_BLOCK = 2048, LEAST_SUM = 4 }; /* below, plain loops are faster */

/* A load of sums in type t, behind casts between f32 and 16-bit types, of which the value has the rounding. */
static bool is_operand(const Kernel *k, const KNest *n, const KVal *v, DType t, NativeOperand *x) {
  int rounded = -1;
  for (; kval_is_cast(v); v = &n->val[v->arg[0]]) {
    if (dtype_computed(v->type) != t || (rounded >= 0 && dtype_is_half(v->type))) return false;
    if (dtype_is_half(v->type)) rounded = v->type;
  }
  int stored = v->kind == KV_LOAD ? k->buf[v->buf].type : -1;
  x->load = v;
  x->form = stored == DT_BF16 ? NF_BF16 : stored == DT_F16 ? NF_F16
          : rounded == DT_BF16 ? NF_AS_BF16 : rounded == DT_F16 ? NF_AS_F16 : NF_F32;
  if (stored < 0 || dtype_computed(stored) != t || (x->form != NF_F32 && k->buf[v->buf].cols)) return false;
  return !dtype_is_half(stored) || rounded < 0 || rounded == stored;
}

bool native_sum(const CPrint *p, const Kernel *k, const KNest *n, NativeSum *s) {
  if (n->nphase != 2 || n->nacc != 1 || n->acc[0].order != KO_SEQ || n->acc[0].op != OP_sum) return false;
  const KVal *v = &n->val[n->acc[0].value];
  if (v->kind != KV_OP || v->nargs != 2 || (v->type != DT_F32 && v->type != DT_F64)) return false;
  if (p->gemm && p->gemm_type != v->type) return false;
  DType t = (DType)v->type;
  return is_operand(k, n, &n->val[v->arg[0]], t, &s->left) && is_operand(k, n, &n->val[v->arg[1]], t, &s->right);
}

bool native_axis(CPrint *p, NativeAxes *x, const KNest *n, int axis, Dim s0, Dim s1) {
  if (x->n == NATIVE_AXES) return false;
  Dim dim = axis < 0 ? 1 : n->axes.axis[axis].extent;
  x->count = (x->n ? x->count : 1) * (double)dim_bound(p->m, dim);
  x->axis[x->n] = axis, x->dim[x->n] = c_dim(p, dim), x->s0[x->n] = c_dim(p, s0), x->s1[x->n] = c_dim(p, s1);
  x->residue[x->n] = NULL, x->step[x->n++] = 1;
  return true;
}

void native_sort(const KNest *n, NativeAxes *x) {
  Module *m = n->axes.m;
  const Affine *at = &n->store[0].at;
  NativeAxes old = *x;
  int order[NATIVE_AXES];
  for (int i = 0; i < x->n; i++) {
    int k = i;
    for (; k > 0 && dim_bound(m, at->coef[x->axis[order[k - 1]]]) < dim_bound(m, at->coef[x->axis[i]]); k--)
      order[k] = order[k - 1];
    order[k] = i;
  }
  for (int i = 0; i < x->n; i++) {
    int o = order[i];
    x->axis[i] = old.axis[o], x->dim[i] = old.dim[o], x->s0[i] = old.s0[o], x->s1[i] = old.s1[o];
    x->residue[i] = old.residue[o], x->step[i] = old.step[o];
  }
}

static double count_of(const NativeAxes *x) {
  return x->n ? x->count : 1;
}

bool native_worth(const NativeGemm *g) {
  double block = count_of(&g->m) * count_of(&g->n) * count_of(&g->k);
  return block >= LEAST_BLOCK && block * count_of(&g->batch) >= LEAST_WORK && count_of(&g->k) >= LEAST_SUM;
}
