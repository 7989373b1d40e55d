/* SPDX-License-Identifier: Apache-2.0 */
/* Values of nodes at indices: recursively through views, inlined nodes and nodes of the group, down to loads. */
#include "codegen/kernel_build.h"
#include "ir/view.h"
#include <string.h>

void kernel_fail(KBuild *b, Id n, const char *why) {
  if (!b->failed)
    diag_error(b->m->c, E_INTERNAL, node_get(b->g, n)->loc, 1, "internal: kernel %u cannot be built: %s (%s)",
               b->group->kernel, why, node_info(b->g, n)->name);
  b->failed = true;
}

void kernel_sizes(KBuild *b, Dim d) {
  int n;
  if (d >= 0) return;
  const DimTerm *t = dim_terms(b->m, d, &n);
  for (int i = 0; i < n; i++)
    for (int s = 0; s < b->m->nsize; s++)
      if (t[i].exp[s]) b->k->sizes |= 1u << s;
}

static void affine_sizes(KBuild *b, const Affine *a) {
  kernel_sizes(b, a->k);
  for (int i = 0; i < MAX_AXES; i++) kernel_sizes(b, a->coef[i]);
}

static int add_buf(KBuild *b, Id node, bool table) {
  Kernel *k = b->k;
  for (int i = 0; i < k->nbuf; i++)
    if (k->buf[i].node == node && k->buf[i].table == table) return i;
  *VEC_PUSH(b->m->c, k->buf, k->nbuf, k->capbuf) =
    (KBuf){.node = node, .type = node_type(b->g, node)->dtype, .table = table};
  return k->nbuf - 1;
}

int kernel_buf(KBuild *b, Id node) { return add_buf(b, node, false); }

static bool val_same(const KVal *a, const KVal *b) {
  return a->kind == b->kind && a->type == b->type && a->op == b->op && a->nargs == b->nargs &&
         !memcmp(a->arg, b->arg, sizeof a->arg) && a->buf == b->buf && a->stream == b->stream &&
         !memcmp(&a->c, &b->c, sizeof a->c) && a->name == b->name && a->guards == b->guards &&
         affine_same(&a->at, &b->at);
}

/* Adds a value, or finds an equal one. Values outside of the inner loops are shared by all phases. */
static int val_make(KBuild *b, KVal v) {
  KNest *n = b->nest;
  if (b->failed) return 0;
  for (int i = 0; i < v.nargs && v.kind != KV_ACC; i++) v.needs |= n->val[v.arg[i]].needs;
  v.needs |= affine_needs(&n->axes, &v.at);
  for (int i = 0; i < n->axes.n; i++)
    if (v.guards >> i & 1) v.needs |= n->axes.axis[i].needs;
  v.phase = b->phase;
  for (int i = 1; i < n->nval; i++)
    if (val_same(&n->val[i], &v) && (n->val[i].phase == v.phase || !(v.needs & b->inner))) return i;
  affine_sizes(b, &v.at);
  if (!n->nval) VEC_PUSH(b->m->c, n->val, n->nval, n->capval);
  *VEC_PUSH(b->m->c, n->val, n->nval, n->capval) = v;
  return n->nval - 1;
}

int kernel_value_op(KBuild *b, Op op, DType t, Id node, const int *arg, int nargs) {
  KVal v = {.kind = KV_OP, .type = (uint8_t)t, .op = (uint16_t)op, .node = node, .nargs = nargs};
  for (int i = 0; i < nargs; i++) v.arg[i] = arg[i];
  return val_make(b, v);
}

int kernel_number(KBuild *b, DType t, double c) {
  return val_make(b, (KVal){.kind = KV_CONST, .type = (uint8_t)t, .c = c});
}

Affine kernel_indirect_axis(KBuild *b, int value, Dim extent) {
  Axes *s = &b->nest->axes;
  if (b->failed) return affine_const(0);
  for (int i = 0; i < s->n; i++) {
    const Axis *x = &s->axis[i];
    if (x->kind == AX_INDIRECT && x->value == value && x->extent == extent) return affine_axis(i);
  }
  if (s->n == MAX_AXES) return kernel_fail(b, b->group->root, "too many axes"), affine_const(0);
  s->axis[s->n] = (Axis){.kind = AX_INDIRECT, .extent = extent, .value = value, .needs = b->nest->val[value].needs};
  kernel_sizes(b, extent);
  return affine_axis(s->n++);
}

int kernel_acc_value(KBuild *b, int acc) {
  if (b->failed) return 0;
  const KAcc *a = &b->nest->acc[acc];
  KVal v = {.kind = KV_ACC, .type = node_type(b->g, a->node)->dtype, .node = a->node, .nargs = 1, .arg = {acc}};
  for (int i = 0; i < b->nest->nouter; i++) v.needs |= 1u << b->nest->outer[i];
  return val_make(b, v);
}

static int load_from(KBuild *b, Id n, const Affine *at, bool table) {
  KVal v = {.kind = KV_LOAD, .type = node_type(b->g, n)->dtype, .node = n, .buf = add_buf(b, n, table), .at = *at};
  b->k->buf[v.buf].read = true;
  return val_make(b, v);
}

static int load(KBuild *b, Id n, const Affine *at) { return load_from(b, n, at, false); }

/* The address in the buffer, in its storage order. */
static bool buffer_at(KBuild *b, Id n, const Affine *idx, Affine *at) {
  Dim stride[MAX_RANK];
  Panels p;
  *at = affine_const(0);
  if (buffer_panels(b->g, n, &p)) {
    const KPanel *k = b->panel;
    if (k && k->p.axis == p.axis && k->p.cols == p.cols && k->p.rows == p.rows && affine_same(&k->col, &idx[p.axis]) &&
        affine_same(&k->row, &idx[1 - p.axis]))
      return *at = k->at, true;
    int buf = kernel_buf(b, n); /* may reallocate b->k->buf */
    b->k->buf[buf].cols = p.cols, b->k->buf[buf].rows = p.rows;
    Affine row = affine_scale(b->m, &idx[1 - p.axis], p.cols);
    *at = affine_add(b->m, &row, &idx[p.axis]);
    return true;
  }
  if (!buffer_strides(b->g, n, stride)) return false;
  for (int i = 0; i < node_type(b->g, n)->rank; i++) {
    Affine term = affine_scale(b->m, &idx[i], stride[i]);
    *at = affine_add(b->m, at, &term);
  }
  return true;
}

static int load_index(KBuild *b, Id n, const Affine *idx) {
  Affine at;
  if (!buffer_at(b, n, idx, &at)) return kernel_fail(b, n, "stored in panels"), 0;
  return load(b, n, &at);
}

/* Each leaf op has its own kind of value. */
static int leaf_value(KBuild *b, Id n, const Affine *idx, const Affine *linear) {
  const Type *t = node_type(b->g, n);
  const AttrVal *a = node_attr(b->g, n, ATTR(const, value));
  KVal v = {.type = t->dtype, .node = n};
  switch (node_get(b->g, n)->op) {
  case OP_const:
    if (a->n != 1) {
      Affine at = linear ? *linear : affine_linear(b->m, t, idx);
      return load_from(b, n, &at, true);
    }
    v.kind = KV_CONST;
    v.c = a->fv[0];
    v.node = 0;
    return val_make(b, v);
  case OP_iota:
    v.kind = KV_INDEX;
    v.at = idx[a->i];
    return val_make(b, v);
  case OP_size:
    v.kind = KV_INDEX;
    v.at = affine_const(a->i);
    return val_make(b, v);
  case OP_run:
    v.kind = KV_RUN;
    v.name = a->s;
    b->k->uses_run = true;
    return val_make(b, v);
  case OP_random:
    v.kind = KV_RANDOM;
    v.at = linear ? *linear : affine_linear(b->m, t, idx);
    v.stream = b->k->nstream;
    for (int i = 0; i < b->k->nstream; i++)
      if (b->k->stream[i] == a->i) v.stream = i;
    if (v.stream == b->k->nstream) *VEC_PUSH(b->m->c, b->k->stream, b->k->nstream, b->k->capstream) = a->i;
    b->k->uses_run = true;
    return val_make(b, v);
  default: /* input, param, state */
    if (!linear) return load_index(b, n, idx);
    return load(b, n, linear);
  }
}

static int view_value(KBuild *b, Id n, const Affine *idx) {
  const Graph *g = b->g;
  Affine in[MAX_RANK];
  uint32_t guards = 0;
  Id x = node_in(g, n, 0);
  if (view_map_index(&b->nest->axes, g, n, idx, in, &guards)) {
    int v = kernel_value(b, x, in);
    if (!guards) return v;
    ViewMap map;
    view_map(g, n, &map);
    KVal s = {.kind = KV_SELECT,
              .type = node_type(g, n)->dtype,
              .node = n,
              .nargs = 1,
              .arg = {v},
              .guards = guards,
              .c = map.pad_value};
    return val_make(b, s);
  }
  Id base = view_in_order(g, x); /* in memory, it can be read by row-major position (random numbers, too) */
  bool own = kernel_has(b, base), leaf = node_info(g, base)->cls == CL_LEAF && (own || !g->anno[base].kernel);
  if (!(node_info(g, n)->flags & OPF_ROW_MAJOR_VIEW) || !base || !(leaf || (g->anno[base].kernel && !own)))
    return kernel_fail(b, n, "a view is not affine"), 0;
  Affine at = affine_linear(b->m, node_type(g, n), idx);
  return leaf ? leaf_value(b, base, NULL, &at) : load(b, base, &at);
}

/* The gathered index is an indirect axis. */
static int gather_value(KBuild *b, Id n, const Affine *idx) {
  const Graph *g = b->g;
  Id x = node_in(g, n, 0), table = node_in(g, n, 1);
  int axis = (int)node_attr(g, n, ATTR(gather, axis))->i, rank = node_type(g, table)->rank;
  int at = kernel_value(b, table, idx + axis);
  Affine q = kernel_indirect_axis(b, at, node_type(g, x)->dim[axis]);
  Affine in[MAX_RANK];
  for (int i = 0, o = 0; i < node_type(g, x)->rank; i++) {
    in[i] = i == axis ? q : idx[o];
    o += i == axis ? rank : 1;
  }
  return kernel_value(b, x, in);
}

/* fold of small windows: each element adds up all windows by ascending index, +0 for those that do not contain it. That
 * keeps the bits, since a sum that starts from +0 is never -0. */
static int fold_value(KBuild *b, Id n, const Affine *idx) {
  const Graph *g = b->g;
  Id x = node_in(g, n, 0);
  const AttrVal *size = node_attr(g, n, ATTR(fold, size));
  DType t = (DType)node_type(g, n)->dtype, acc = dtype_computed(t); /* rounded once */
  int sum = kernel_number(b, acc, 0), terms = 1;
  for (int i = 0; i < size->n; i++) terms *= (int)size->v[i];
  for (int i = 0; i < node_type(g, n)->rank; i++) kernel_sizes(b, node_type(g, x)->dim[i]);
  for (int w = 0; w < terms && !b->failed; w++) {
    Affine window[MAX_RANK], in[MAX_RANK];
    KVal v = {.kind = KV_SELECT, .type = t, .node = n, .nargs = 1};
    int64_t rest = w;
    for (int i = size->n - 1; i >= 0; i--) window[i] = affine_const(rest % size->v[i]), rest /= size->v[i];
    FoldIndex push = fold_map_index(&b->nest->axes, g, n, idx, window, in, &v.guards);
    if (push == FOLD_NEVER) continue;
    if (push == FOLD_FAILS) return kernel_fail(b, n, "too many axes"), 0;
    v.arg[0] = kernel_value(b, x, in);
    int arg[2] = {sum, v.guards ? val_make(b, v) : v.arg[0]};
    sum = kernel_value_op(b, OP_sum, acc, n, arg, 2);
  }
  return t == acc ? sum : kernel_value_op(b, OP_cast, t, n, &sum, 1);
}

static int elem_value(KBuild *b, Id n, const Affine *idx) {
  const Graph *g = b->g;
  const Type *t = node_type(g, n);
  int arg[3] = {0};
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    Id x = node_in(g, n, (int)i);
    const Type *from = node_type(g, x);
    Affine in[MAX_RANK];
    for (int d = 0; d < from->rank; d++) {
      int o = t->rank - from->rank + d;
      in[d] = from->dim[d] == 1 ? affine_const(0) : idx[o];
    }
    arg[i] = kernel_value(b, x, in);
  }
  return kernel_value_op(b, (Op)node_get(g, n)->op, (DType)t->dtype, n, arg, (int)node_get(g, n)->nin);
}

/* Reloads a value that an earlier phase stored at these indices, unless it is cheaper to recompute; 0: does not. */
enum { RELOAD_COST = 8 };
static int reload(KBuild *b, Id n, const Affine *idx) {
  Affine at;
  if (!b->gs->buffer[n] || node_info(b->g, n)->cost < RELOAD_COST || !buffer_at(b, n, idx, &at)) return 0;
  for (int i = 0; i < b->nest->nstore; i++) {
    const KStore *s = &b->nest->store[i];
    if (s->phase < b->phase && b->k->buf[s->buf].node == n && affine_same(&s->at, &at)) return load(b, n, &at);
  }
  return 0;
}

static int value_of(KBuild *b, Id n, const Affine *idx) {
  const Graph *g = b->g;
  OpClass cls = node_info(g, n)->cls;
  bool computed = g->anno[n].kernel != 0;
  if (computed && !kernel_has(b, n)) return load_index(b, n, idx);
  if (computed) /* an accumulation of an earlier phase of this kernel */
    for (int i = 0; i < b->nest->nacc; i++)
      if (b->nest->acc[i].node == n) return kernel_acc_value(b, i);
  int again = computed ? reload(b, n, idx) : 0;
  if (again) return again;
  switch (cls) {
  case CL_LEAF: return leaf_value(b, n, idx, NULL);
  case CL_VIEW: return view_value(b, n, idx);
  case CL_ELEM: return elem_value(b, n, idx);
  case CL_GATHER: return gather_value(b, n, idx);
  case CL_WINDOW: return fold_value(b, n, idx);
  default: return kernel_fail(b, n, "not a value"), 0;
  }
}

static uint64_t memo_hash(const KBuild *b, Id n, const Affine *idx) {
  uint64_t h = (uint64_t)n << 16 | (uint64_t)b->phase << 8 | (uint64_t)b->k->nnest;
  for (int i = 0; i < node_type(b->g, n)->rank; i++) {
    h = (h ^ (uint64_t)idx[i].k) * 0x9e3779b97f4a7c15u;
    for (int a = 0; a < b->nest->axes.n; a++) h = (h ^ (uint64_t)idx[i].coef[a]) * 0x9e3779b97f4a7c15u;
  }
  return h ^ h >> 32;
}

/* Memoised by node and indices: else shared subexpressions would take exponential time. */
int kernel_value(KBuild *b, Id n, const Affine *idx) {
  int rank = node_type(b->g, n)->rank;
  if (b->failed) return 0;
  uint64_t h = memo_hash(b, n, idx);
  for (int i = b->memo_of[h % KMEMO]; i; i = b->memo[i].next) {
    const KMemo *k = &b->memo[i];
    if (k->hash == h && k->node == n && k->phase == b->phase && k->nest == b->k->nnest &&
        !memcmp(k->idx, idx, (size_t)rank * sizeof *idx))
      return k->value;
  }
  int v = value_of(b, n, idx);
  if (!b->nmemo) VEC_PUSH(b->m->c, b->memo, b->nmemo, b->capmemo);
  KMemo k = {h, n, b->phase, b->k->nnest, v, b->memo_of[h % KMEMO], NULL};
  k.idx = ctx_alloc(b->m->c, (size_t)(rank + 1) * sizeof *idx);
  memcpy(k.idx, idx, (size_t)rank * sizeof *idx);
  *VEC_PUSH(b->m->c, b->memo, b->nmemo, b->capmemo) = k;
  b->memo_of[h % KMEMO] = b->nmemo - 1;
  return v;
}

void kernel_store(KBuild *b, Id n, const Affine *idx, int value, KStoreAt level, bool add) {
  KStore s = {.phase = b->phase, .value = value, .level = level, .add = add};
  if (b->failed) return;
  if (!buffer_at(b, n, idx, &s.at)) {
    kernel_fail(b, n, "stored in panels");
    return;
  }
  s.buf = kernel_buf(b, n);
  if (kval_is_cast(&b->nest->val[value]) && dtype_is_half(b->k->buf[s.buf].type)) {
    int x = b->nest->val[value].arg[0];
    if (dtype_computed(b->nest->val[x].type) == DT_F32) s.value = x;
  }
  b->k->buf[s.buf].written = true;
  affine_sizes(b, &s.at);
  *VEC_PUSH(b->m->c, b->nest->store, b->nest->nstore, b->nest->capstore) = s;
}
