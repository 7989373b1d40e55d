/* SPDX-License-Identifier: Apache-2.0 */
/* The generator's common parts: numbers, types, operands, leaves. */
#include "random.h"
#include <math.h>
#include <string.h>

static uint64_t mixed(uint64_t z) { /* splitmix64 */
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

/* Mixed twice, so that the sequence of one seed is not a shifted copy of the next seed's. */
Gen gen_of(uint64_t seed, uint64_t use) { return (Gen){.state = mixed(mixed(seed) + use)}; }

uint32_t rnd(Gen *r, uint32_t n) {
  r->state += 0x9e3779b97f4a7c15u;
  return (uint32_t)(mixed(r->state) >> 32) % (n ? n : 1);
}

bool chance(Gen *r, int percent) { return rnd(r, 100) < (uint32_t)percent; }
bool is_float(const Type *t) { return dtype_is_float(t->dtype); }
bool is_bool(const Type *t) { return t->dtype == DT_BOOL; }
bool is_number(const Type *t) { return t->dtype != DT_BOOL; }
bool is_int(const Type *t) { return t->dtype != DT_BOOL && !dtype_is_float(t->dtype) && t->dtype < DT_COUNT; }
bool is_any(const Type *t) {
  (void)t;
  return true;
}

bool sizes_fixed(const Type *t) {
  for (int i = 0; i < t->rank; i++)
    if (!dim_is_const(t->dim[i])) return false;
  return true;
}

Id keep(Gen *r, Id n) {
  if (!n || node_type(r->b.g, n)->dtype == DT_TUPLE) return n;
  for (int i = 0; i < r->npool; i++)
    if (r->pool[i] == n) return n;
  if (r->npool < MAX_POOL) r->pool[r->npool++] = n;
  return n;
}

/* ---- types ---- */

DType rnd_float(Gen *r) {
  uint32_t k = rnd(r, 100);
  return k < 86 ? DT_F32 : k < 92 ? DT_F64 : k < 96 ? DT_BF16 : DT_F16;
}

DType rnd_dtype(Gen *r) {
  static const DType rare[] = {DT_U8, DT_I8, DT_U16, DT_I16, DT_U32, DT_I64, DT_I64, DT_F64, DT_F16, DT_BF16, DT_BF16};
  uint32_t k = rnd(r, 100);
  return k < 58 ? DT_F32 : k < 74 ? DT_I32 : k < 84 ? DT_BOOL : rare[rnd(r, sizeof rare / sizeof *rare)];
}

bool small(Gen *r, TypeId t) { return dim_bound(r->m, type_count(r->m, t)) <= MAX_ELEMS; }

Dim rnd_size(Gen *r) { return r->size[rnd(r, (uint32_t)r->nsize)]; }

/* Sizes are at least 1 in these tests, so that dimensions derived from them are not negative. */
static Dim rnd_sized(Gen *r) {
  Dim s = rnd_size(r);
  if (chance(r, 65)) return s;
  return chance(r, 60) ? dim_mul(r->m, s, 2) : chance(r, 60) ? dim_add(r->m, s, 1) : dim_mul(r->m, s, rnd_size(r));
}

static Dim rnd_dim(Gen *r) {
  static const int64_t dims[] = {1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 7, 8, 9, 15, 16, 17, 20, 33, 63, 64, 65};
  if (r->sized && chance(r, 22)) return rnd_sized(r);
  if (chance(r, 3)) return 0;
  if (chance(r, 3)) return 1025 + (int64_t)rnd(r, 1100); /* more than a chunk of a reduction */
  return dims[rnd(r, sizeof dims / sizeof *dims)];
}

TypeId rnd_type(Gen *r, DType t, int max_rank) {
  if (r->npool && chance(r, 65)) {
    const Type *p = node_type(r->b.g, r->pool[rnd(r, (uint32_t)r->npool)]);
    if (p->rank <= max_rank) return type_make(r->m, t, p->rank, p->dim);
  }
  for (;;) {
    Dim dim[MAX_RANK];
    int rank = (int)rnd(r, (uint32_t)(max_rank < 4 ? max_rank + 1 : chance(r, 90) ? 4 : max_rank + 1));
    for (int i = 0; i < rank; i++) dim[i] = rnd_dim(r);
    TypeId made = type_make(r->m, t, rank, dim);
    if (small(r, made)) return made;
  }
}

TypeId narrowed(Gen *r, TypeId type, DType dtype) {
  const Type *t = type_get(r->m, type);
  Dim dim[MAX_RANK];
  int drop = chance(r, 20) ? (int)rnd(r, (uint32_t)t->rank + 1) : 0, rank = t->rank - drop;
  bool ones = chance(r, 15);
  for (int i = 0; i < rank; i++) dim[i] = ones && chance(r, 50) ? 1 : t->dim[drop + i];
  return type_make(r->m, dtype, rank, dim);
}

/* ---- operands ---- */

Id pick(Gen *r, Wanted *wanted) {
  Id found[MAX_POOL];
  int n = 0;
  for (int i = 0; i < r->npool; i++)
    if (wanted(node_type(r->b.g, r->pool[i]))) found[n++] = r->pool[i];
  if (!n) return 0;
  int from = n > 4 && chance(r, 60) ? n - 4 : 0; /* chains rather than bushes */
  return found[from + (int)rnd(r, (uint32_t)(n - from))];
}

static double rnd_number(Gen *r, DType t) {
  static const double some[] = {0, 1, -1, 0.5, 2, -0.25, 3, 1e-3, -0.0, 100};
  if (t == DT_BOOL) return rnd(r, 2);
  double v = chance(r, 60) ? some[rnd(r, 10)] : (double)rnd(r, 4001) / 1000 - 2;
  if (chance(r, 2) && dtype_is_float(t)) v = chance(r, 50) ? INFINITY : NAN;
  if (t == DT_I64 && chance(r, 15)) return ldexp((double)rnd(r, 1u << 20) - (1 << 19), (int)rnd(r, 44));
  return dtype_is_float(t) ? v : dtype_info[t].kind == 'u' ? fabs(trunc(v)) : trunc(v);
}

static Id const_of(Gen *r, TypeId t) {
  enum { MAX = 40 };
  Dim count = type_count(r->m, t);
  double v[MAX];
  int n = dim_is_const(count) && count > 0 && count <= MAX && chance(r, 60) ? (int)count : 1;
  for (int i = 0; i < n; i++) v[i] = rnd_number(r, (DType)type_get(r->m, t)->dtype);
  return graph_leaf(r->b.g, OP_const, t, attr_make(r->m, OP_const, &(AttrVal){.fv = v, .n = n}), 0);
}

static Id var_of(Gen *r, TypeId t) {
  static const char *const stem[] = {"w", "s", "w.m"};
  for (int v = 0; v < r->m->nvar; v++)
    if (r->m->var[v].type == t && chance(r, 50)) return graph_var(r->b.g, v, 0);
  if (r->m->nvar >= 8) return 0;
  VarKind kind = (VarKind)(chance(r, 60) ? VK_PARAM : 1 + rnd(r, 2));
  const char *name = ctx_strf(r->m->c, "net.l%d.%s", r->m->nvar, stem[kind]);
  return graph_var(r->b.g, var_add(r->m, name, kind, t, chance(r, 20) ? HINT_NODECAY : 0, 0), 0);
}

static Id input_of(Gen *r, TypeId t) {
  if (r->b.g->nport >= 8) return 0;
  return graph_input(r->b.g, ctx_strf(r->m->c, "x%d", r->b.g->nport), t, 0);
}

Id leaf_of(Gen *r, TypeId type) {
  static const char *const counter[] = {"step", "steps", "epoch"};
  const Type *t = type_get(r->m, type);
  bool top = r->b.g->kind != GK_BODY;
  Id n = 0;
  switch (rnd(r, 10)) {
  case 0:
  case 1:
  case 2:
  case 3: n = top ? input_of(r, type) : 0; break;
  case 4:
  case 5: n = top && sizes_fixed(t) ? var_of(r, type) : 0; break;
  case 6:
    if (t->dtype == DT_F32)
      n = graph_leaf(r->b.g, OP_random, type, attr_make(r->m, OP_random, &(AttrVal){.i = rnd(r, 1000)}), 0);
    break;
  case 7:
    if (t->rank && t->dtype != DT_BOOL)
      n = graph_leaf(r->b.g, OP_iota, type, attr_make(r->m, OP_iota, &(AttrVal){.i = rnd(r, t->rank)}), 0);
    else if (!t->rank && t->dtype == DT_F32)
      n = graph_leaf(r->b.g, OP_run, type, attr_make(r->m, OP_run, &(AttrVal){.s = counter[rnd(r, 3)]}), 0);
    else if (!t->rank && t->dtype != DT_BOOL)
      n = graph_leaf(r->b.g, OP_size, type,
                     attr_make(r->m, OP_size, &(AttrVal){.i = dtype_info[t->dtype].bytes == 1 ? 8 : rnd_dim(r)}), 0);
    break;
  default: break;
  }
  return keep(r, n ? n : const_of(r, type));
}

Id value_of(Gen *r, TypeId type) {
  const Type *t = type_get(r->m, type);
  Id same[MAX_POOL], n, near = 0;
  int nsame = 0;
  for (int i = 0; i < r->npool; i++) {
    const Type *p = node_type(r->b.g, r->pool[i]);
    if (node_get(r->b.g, r->pool[i])->type == type) same[nsame++] = r->pool[i];
    else if (p->dtype == t->dtype && type_count(r->m, node_get(r->b.g, r->pool[i])->type) == type_count(r->m, type))
      near = r->pool[i];
  }
  if (chance(r, 8) && (n = dressed(r, type))) return keep(r, n);
  if (nsame && chance(r, 85)) return same[rnd(r, (uint32_t)nsame)];
  if (near && chance(r, 50) && (n = b_reshape(&r->b, near, t->rank, t->dim))) return keep(r, n);
  for (int i = 0; i < r->npool && chance(r, 40); i++) { /* a cast of something of that shape */
    const Type *p = node_type(r->b.g, r->pool[i]);
    if (p->dtype != t->dtype && type_make(r->m, (DType)t->dtype, p->rank, p->dim) == type)
      return keep(r, b_cast(&r->b, r->pool[i], (DType)t->dtype));
  }
  return leaf_of(r, type);
}

void grow_graph(Gen *r, int n) {
  for (int made = 0, tries = 0; made < n && tries < 4 * n; tries++)
    made += chance(r, 12) ? make_pattern(r) : make_op(r, (Op)(1 + rnd(r, OP_COUNT - 1)));
}
