/* SPDX-License-Identifier: Apache-2.0 */
/* affine: in exports, one multiplication and one addition for a batch norm after a contraction or convolution.
 *
 * needs:  autodiff
 * keeps:  ports, outputs, types; graphs other than exports; strict mode: every bit, since it does nothing
 * breaks: cse (chains may have factors in common), dce
 *
 * An export reads the statistics of batch norm as it reads weights. So a chain of additions and multiplications by such
 * values after y = conv(x, w) is y * s + t, with vectors s and t that are computed once in a call. The error is that of
 * folding s into w: the difference of two products instead of the product of a difference, see docs/runtime.md. But
 * weights stay as they are, so whoever changes them need not tell. */
#include "ir/build.h"
#include "passes/pass.h"
#include <string.h>

/* Two vectors replace at least so many; fewer gain nothing. */
enum { MIN_VECTORS = 3 };

typedef struct AffineNode {
  bool live, fixed; /* fixed: does not depend on inputs or random numbers */
  int uses;         /* by live nodes and results */
  Id base;          /* a chain: the contraction that it starts from; 0: not in one */
  int vectors;      /* of the chain up to here */
  bool continued;   /* by the only reader */
} AffineNode;

/* y * factor + summand; 0: without. */
typedef struct AffineMap {
  Id factor, summand;
} AffineMap;

static AffineNode *find_uses(const Graph *g) {
  AffineNode *a = ctx_alloc(g->m->c, sizeof *a * (size_t)g->n);
  for (int i = 0; i < g->nout; i++) a[g->out[i].value] = (AffineNode){.live = true, .uses = 2};
  for (Id n = (Id)g->n - 1; n >= 1; n--)
    for (uint32_t i = 0; a[n].live && i < node_get(g, n)->nin; i++) {
      AffineNode *x = &a[node_in(g, n, (int)i)];
      x->live = true;
      x->uses++;
    }
  return a;
}

static bool is_fixed(const Graph *g, const AffineNode *a, Id n) {
  const OpInfo *info = node_info(g, n);
  if (info->cls == CL_LEAF) return !node_is_input(g, n) && !(info->flags & OPF_RANDOM);
  bool all = info->cls == CL_ELEM || info->cls == CL_VIEW;
  for (uint32_t i = 0; all && i < node_get(g, n)->nin; i++) all = a[node_in(g, n, (int)i)].fixed;
  return all;
}

/* The operand of n that the chain goes through, 0 or 1: the other one is fixed, and much smaller. -1: not in a chain */
static int chain_operand(const Graph *g, const AffineNode *a, Id n) {
  const Node *d = node_get(g, n);
  const Type *t = node_type(g, n);
  if ((t->dtype != DT_F32 && t->dtype != DT_F64) || attr_get(g->m, d->attr)->clone) return -1;
  if (d->op != OP_add && d->op != OP_sub && d->op != OP_mul && d->op != OP_div) return -1;
  for (int k = 0; k < 2; k++) {
    Id x = node_in(g, n, k), c = node_in(g, n, 1 - k);
    if (a[c].fixed && 2 * node_count(g, c) <= node_count(g, n) && !a[x].fixed && a[x].uses == 1 &&
        type_same_dims(node_type(g, x), t) && !(k && d->op == OP_div))
      return k;
  }
  return -1;
}

static void find_chains(const Graph *g, AffineNode *a) {
  for (Id n = 1; n < (Id)g->n; n++) {
    a[n].fixed = is_fixed(g, a, n);
    int k = a[n].live && !a[n].fixed ? chain_operand(g, a, n) : -1;
    if (k < 0) continue;
    Id x = node_in(g, n, k);
    double v;
    OpClass cls = node_info(g, x)->cls;
    a[n].base = cls == CL_CONV || cls == CL_CONTRACT ? x : a[x].base;
    a[n].vectors = a[x].vectors + !node_is_splat(g, node_in(g, n, 1 - k), &v);
    a[x].continued = a[n].base && a[x].base;
  }
}

/* ---- the new chain ---- */

/* c as a vector, without axes of size 1, so that all of a chain are computed in one loop; *axis, from the end, is where
 * it lies. Values with several axes stay as they are. */
static Id as_vector(const Builder *b, Id c, int *axis) {
  const Type *t = node_type(b->g, c);
  Dim length = 1;
  int many = 0;
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] != 1) {
      length = t->dim[i];
      *axis = t->rank - i;
      many++;
    }
  return many > 1 ? c : b_reshape(b, c, many, &length);
}

static Id as_operand(const Builder *b, Id c, int axis) {
  const Type *t = node_type(b->g, c);
  Dim dim[MAX_RANK] = {t->rank ? t->dim[0] : 1};
  if (t->rank != 1 || !axis) return c;
  for (int i = 1; i < axis; i++) dim[i] = 1;
  return b_reshape(b, c, axis, dim);
}

static Id plus(const Builder *b, Id x, Id y) { return x ? b_add(b, x, y) : y; }
static Id times(const Builder *b, Id x, Id y) { return x ? b_mul(b, x, y) : 0; }

static void append(const Builder *b, AffineMap *f, Op op, bool reversed, Id c) {
  if (op == OP_add) {
    f->summand = plus(b, f->summand, c);
  } else if (op == OP_mul) {
    f->factor = f->factor ? b_mul(b, f->factor, c) : c;
    f->summand = times(b, f->summand, c);
  } else if (op == OP_div) {
    f->factor = b_op2(b, OP_div, f->factor ? f->factor : b_like(b, c, 1), c);
    if (f->summand) f->summand = b_op2(b, OP_div, f->summand, c);
  } else if (!reversed) {
    f->summand = f->summand ? b_sub(b, f->summand, c) : b_op1(b, OP_neg, c);
  } else {
    f->factor = f->factor ? b_op1(b, OP_neg, f->factor) : b_like(b, c, -1);
    f->summand = f->summand ? b_sub(b, c, f->summand) : c;
  }
}

/* The chain that ends with n, over `new`. */
static void compose(const Rebuild *r, const AffineNode *a, Id n, AffineMap *f, int *axis) {
  const Graph *g = r->old;
  int k = chain_operand(g, a, n);
  Id x = node_in(g, n, k), c = r->map[node_in(g, n, 1 - k)];
  if (x != a[n].base) compose(r, a, x, f, axis);
  Builder b = {r->new, node_get(g, n)->loc, 0};
  append(&b, f, (Op)node_get(g, n)->op, k == 1, *axis < 0 ? c : as_vector(&b, c, axis));
}

/* All vectors of the chain lie along one axis: 0 if there is none, else from the end; -1: they do not. */
static int common_axis(const Graph *g, const AffineNode *a, Id n) {
  int axis = 0;
  for (Id x = n; x != a[n].base;) {
    int k = chain_operand(g, a, x);
    const Type *t = node_type(g, node_in(g, x, 1 - k));
    for (int i = 0; i < t->rank; i++) {
      if (t->dim[i] == 1 || axis == t->rank - i) continue;
      if (axis) return -1;
      axis = t->rank - i;
    }
    x = node_in(g, x, k);
  }
  return axis;
}

static void replace_chain(Rebuild *r, const AffineNode *a, Id n) {
  AffineMap f = {0};
  Builder b = {r->new, node_get(r->old, n)->loc, attr_get(r->old->m, node_get(r->old, n)->attr)->hints};
  int axis = common_axis(r->old, a, n) < 0 ? -1 : 0;
  compose(r, a, n, &f, &axis);
  Id y = r->map[a[n].base];
  if (f.factor) y = b_mul(&b, y, as_operand(&b, f.factor, axis));
  if (f.summand) y = b_add(&b, y, as_operand(&b, f.summand, axis));
  r->map[n] = y;
}

static void affine_graph(Graph *g) {
  AffineNode *a = find_uses(g);
  find_chains(g, a);
  Rebuild r = graph_rebuild_begin(g);
  for (Id n = 1; n < (Id)g->n; n++) {
    if (r.map[n]) continue;
    if (a[n].base && !a[n].continued && a[n].vectors >= MIN_VECTORS) replace_chain(&r, a, n);
    else graph_copy_node(&r, n);
  }
  graph_rebuild_end(&r);
}

void pass_affine(Module *m) {
  if (m->opt.strict || module_has_gradients(m)) return;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_EXPORT) affine_graph(m->graph[i]);
}
