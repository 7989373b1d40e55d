/* SPDX-License-Identifier: Apache-2.0 */
/* Matches kernels as GEMMs if that is profitable: what contractions and convolutions have in common. */
#include "codegen/gemm.h"

/* Loops are faster below these: multiply-adds in total, and per batch element; extent of k. */
enum { MIN_WORK = 16384, MIN_BLOCK = 2048, MIN_TERMS = 4 };
/* Of gradients of depthwise convolutions: floats in the widest vector; taps and pixels of a row. */
enum { MAX_LANES = 16, MAX_TAPS = 9, MIN_PIXELS = 2 };

/* A load that is multiplied in type t, through casts between f32 and 16-bit types. */
static bool is_operand(const Kernel *k, const KNest *n, const KVal *v, DType t, GemmOperand *x) {
  int rounded = -1;
  for (; kval_is_cast(v); v = &n->val[v->arg[0]]) {
    if (dtype_computed(v->type) != t || (rounded >= 0 && dtype_is_half(v->type))) return false;
    if (dtype_is_half(v->type)) rounded = v->type;
  }
  int stored = v->kind == KV_LOAD ? k->buf[v->buf].type : -1;
  x->load = v;
  x->storage = stored == DT_BF16    ? OS_BF16
               : stored == DT_F16   ? OS_F16
               : rounded == DT_BF16 ? OS_ROUND_BF16
               : rounded == DT_F16  ? OS_ROUND_F16
                                    : OS_F32;
  if (stored < 0 || dtype_computed(stored) != t || (x->storage != OS_F32 && k->buf[v->buf].cols)) return false;
  return !dtype_is_half(stored) || rounded < 0 || rounded == stored;
}

/* One accumulation of products of two loads, in f32 or f64. */
static bool find_operands(const Kernel *k, const KNest *n, DType type, GemmDesc *g) {
  if (n->nphase != 2 || n->nacc != 1 || n->acc[0].order != KO_SEQ || n->acc[0].op != OP_sum) return false;
  const KVal *v = &n->val[n->acc[0].value];
  if (v->kind != KV_OP || v->nargs != 2 || (v->type != DT_F32 && v->type != DT_F64)) return false;
  if (type != DT_BOOL && type != v->type) return false;
  DType t = (DType)v->type;
  return is_operand(k, n, &n->val[v->arg[0]], t, &g->a) && is_operand(k, n, &n->val[v->arg[1]], t, &g->b);
}

bool gemm_add_axis(GemmAxes *x, const KNest *n, int axis, Dim s0, Dim s1) {
  if (x->n == GEMM_AXES) return false;
  Dim dim = axis < 0 ? 1 : n->axes.axis[axis].extent;
  x->count = gemm_count(x) * (double)dim_bound(n->axes.m, dim);
  x->axis[x->n] = axis;
  x->dim[x->n] = dim;
  x->s0[x->n] = s0;
  x->s1[x->n] = s1;
  x->n++;
  return true;
}

void gemm_remove_axis(GemmAxes *x, int at) {
  for (int i = at; i + 1 < x->n; i++) {
    x->axis[i] = x->axis[i + 1], x->residue[i] = x->residue[i + 1], x->dim[i] = x->dim[i + 1];
    x->s0[i] = x->s0[i + 1], x->s1[i] = x->s1[i + 1];
  }
  x->n--;
}

bool gemm_add_axes(GemmDesc *g, const KNest *n, const Affine *a, const Affine *b) {
  bool fits = true;
  for (int i = 0; i < n->nouter && fits; i++) {
    int axis = n->outer[i];
    Dim s0 = a->coef[axis], s1 = b->coef[axis];
    if (s0 && s1) fits = gemm_add_axis(&g->batch, n, axis, s0, s1);
    else if (s1) fits = gemm_add_axis(&g->n, n, axis, s1, 0);
    else fits = gemm_add_axis(&g->m, n, axis, s0, 0);
  }
  for (int i = 0; i < n->phase[0].naxis && fits; i++) {
    int axis = n->phase[0].axis[i];
    fits = gemm_add_axis(&g->k, n, axis, a->coef[axis], b->coef[axis]);
  }
  return fits;
}

void gemm_sort_axes(const KNest *n, GemmAxes *x) {
  const Affine *at = &n->store[0].at;
  Module *m = n->axes.m;
  for (int i = 1; i < x->n; i++)
    for (int k = i; k > 0; k--) {
      if (dim_bound(m, at->coef[x->axis[k - 1]]) >= dim_bound(m, at->coef[x->axis[k]])) break;
      GemmAxes old = *x;
      x->axis[k - 1] = old.axis[k], x->axis[k] = old.axis[k - 1];
      x->dim[k - 1] = old.dim[k], x->dim[k] = old.dim[k - 1];
      x->s0[k - 1] = old.s0[k], x->s0[k] = old.s0[k - 1];
      x->s1[k - 1] = old.s1[k], x->s1[k] = old.s1[k - 1];
    }
}

/* A depthwise convolution is a batch of products with one column. In loops its channels are the lanes. */
static bool is_depthwise(const GemmDesc *g) { return gemm_count(&g->n) == 1 && gemm_count(&g->batch) > 1; }

static bool gemm_is_profitable(const GemmDesc *g) {
  double block = gemm_count(&g->m) * gemm_count(&g->n) * gemm_count(&g->k);
  return block >= MIN_BLOCK && block * gemm_count(&g->batch) >= MIN_WORK && gemm_count(&g->k) >= MIN_TERMS;
}

static bool has_panels(const Kernel *k) {
  for (int i = 0; i < k->nbuf; i++)
    if (k->buf[i].cols) return true;
  return false;
}

static GemmDesc *find(const Kernel *k, DType type) {
  KernelClass cls = k->group->cls;
  GemmDesc *g = ctx_alloc(k->gs->g->m->c, sizeof *g);
  *g = (GemmDesc){0};
  if ((cls != KC_CONTRACT && cls != KC_CONV) || k->nnest != 1 || !find_operands(k, k->nest[0], type, g)) return NULL;
  return (cls == KC_CONV ? gemm_conv : gemm_contract)(k, k->nest[0], g) ? g : NULL;
}

const GemmDesc *gemm_find(const Kernel *k, DType type) {
  const GemmDesc *g = find(k, type);
  return g && k->group->cls == KC_CONV && is_depthwise(g) ? NULL : g;
}

static bool is_rounded(const GemmOperand *x) { return x->storage && !operand_is_half(x); }

/* Whether every size and stride is a number, and a row's pixels are valid or not by their taps along the row alone. */
static bool has_constant_rows(Module *m, const GemmDesc *g) {
  int64_t x;
  for (int i = 0; i < g->m.n; i++)
    if (!dim_number(m, g->m.dim[i], &x) || !dim_number(m, g->m.s0[i], &x)) return false;
  for (int i = 0; i < g->taps.n; i++) {
    const GemmTaps *t = &g->taps;
    if (!dim_number(m, t->ms[i], &x) || !dim_number(m, t->ks[i], &x) || x < 0 || !dim_number(m, t->size[i], &x))
      return false;
    if (!dim_number(m, t->at[i], &x)) return false;
    if (t->ms[i] && t->ks[i] && (t->m[i] == g->m.n - 1) != (t->k[i] == g->k.n - 1)) return false;
    if (!t->ms[i] || !t->ks[i]) return false;
  }
  int last = g->k.n - 1;
  return dim_number(m, g->k.dim[last], &x) && x >= MIN_PIXELS && dim_number(m, g->k.s0[last], &x) &&
         dim_number(m, g->k.s1[last], &x);
}

/* The gradient by the weights of a depthwise convolution: channels become the columns. False: loops are as fast. */
static bool find_depthwise(const Kernel *k, GemmDesc *g) {
  Module *m = k->gs->g->m;
  int64_t channels, taps;
  if (!g->weights || gemm_type(k) != DT_F32 || is_rounded(&g->a) || is_rounded(&g->b)) return false;
  if (g->batch.n != 1 || g->n.n || !g->m.n || !g->k.n || !dim_number(m, g->batch.dim[0], &channels)) return false;
  if (channels < MAX_LANES || g->batch.s0[0] != 1 || g->batch.s1[0] != 1) return false;
  if (!dim_number(m, g->m.dim[g->m.n - 1], &taps) || taps > MAX_TAPS || !has_constant_rows(m, g)) return false;
  g->n = g->batch;
  g->batch = (GemmAxes){0};
  g->depthwise = true;
  return true;
}

/* The axis of x that counts a group's channels in a: the last one. Its extent, 0: there is none. */
static int64_t group_channels(Module *m, const GemmAxes *x) {
  int64_t channels, stride;
  if (!x->n || !dim_number(m, x->dim[x->n - 1], &channels) || !dim_number(m, x->s0[x->n - 1], &stride)) return 0;
  return stride == 1 ? channels : 0;
}

/* The gradient by the weights: taps and pixels as of a depthwise convolution, columns contiguous in b. */
static bool has_weight_rows(Module *m, const GemmDesc *g) {
  GemmDesc taps = *g;
  int64_t n, x;
  taps.m.n--;
  if (!taps.m.n || !dim_number(m, taps.m.dim[taps.m.n - 1], &n) || n > MAX_TAPS || !has_constant_rows(m, &taps))
    return false;
  return dim_number(m, g->n.s0[0], &x) && x == 1 && g->batch.s1[0] == g->n.dim[0];
}

const GemmDesc *gemm_join_groups(const Kernel *k, const GemmDesc *g) {
  Module *m = k->gs->g->m;
  int64_t columns, groups, group_a;
  if (k->group->cls != KC_CONV || g->nresidue || g->panels) return NULL;
  if (!g->weights && (g->a.storage || g->b.storage)) return NULL;
  if (is_rounded(&g->a) || is_rounded(&g->b)) return NULL;
  if (gemm_type(k) != DT_F32 || g->batch.n != 1 || g->n.n != 1 || !g->k.n) return NULL;
  if (!dim_number(m, g->n.dim[0], &columns) || group_channels(m, g->weights ? &g->m : &g->k) != columns) return NULL;
  if (!dim_number(m, g->batch.dim[0], &groups) || !dim_number(m, g->batch.s0[0], &group_a) || group_a != columns)
    return NULL;
  if (g->weights && !has_weight_rows(m, g)) return NULL;
  GemmDesc *x = ctx_alloc(m->c, sizeof *x);
  *x = *g;
  x->group = columns;
  x->group_b = g->batch.s1[0];
  x->batch = (GemmAxes){0};
  x->n.dim[0] = dim_of(m, groups * columns);
  x->n.count *= (double)groups;
  return x;
}

const GemmDesc *gemm_match(const Kernel *k, DType type) {
  GemmDesc *g = find(k, type);
  bool conv = k->group->cls == KC_CONV;
  if (!g || (conv && !g->segments)) return NULL;
  if (conv && is_depthwise(g)) return find_depthwise(k, g) ? g : NULL;
  return gemm_is_profitable(g) || (!conv && has_panels(k)) ? g : NULL;
}

const char *gemm_why_not(const Kernel *k, DType type) {
  GemmDesc g = {0}, *found = find(k, type);
  if (k->nnest != 1) return "the kernel has several loop nests";
  if (!find_operands(k, k->nest[0], DT_BOOL, &g))
    return "it is no sum of products of two values in memory, in f32 or f64";
  if (!find_operands(k, k->nest[0], type, &g)) return "the program's matrix products are of another element type";
  if (!found || (k->group->cls == KC_CONV && !found->segments)) return "its strides are not those of a matrix product";
  if (k->group->cls == KC_CONV && is_depthwise(found))
    return "a depthwise convolution is faster as loops over channels";
  return "it is too small: loops are faster";
}
