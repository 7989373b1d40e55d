/* SPDX-License-Identifier: Apache-2.0 */
/* Interned types, and dimensions as normalised polynomials in run-time sizes. */
#include "tables.h"
#include <string.h>

enum { MAX_SIZES = 8 }; /* length of DimTerm.exp */

int intern_find(const InternPool *p, const void *key, uint64_t hash, InternEqual *same) {
  if (!p->nslots) return 0;
  for (int k = (int)(hash & (uint64_t)(p->nslots - 1)); p->slot[k]; k = (k + 1) & (p->nslots - 1))
    if (p->hash[p->slot[k]] == hash && same(p->rec[p->slot[k]], key)) return p->slot[k];
  return 0;
}

static void pool_insert(InternPool *p, int i) {
  int k = (int)(p->hash[i] & (uint64_t)(p->nslots - 1));
  while (p->slot[k]) k = (k + 1) & (p->nslots - 1);
  p->slot[k] = i;
}

int intern_add(Ctx *c, InternPool *p, void *rec, uint64_t hash) {
  if (!p->n) p->n = 1; /* number 0 means none */
  if (p->n >= p->cap) {
    int cap = p->cap ? 2 * p->cap : 64;
    p->rec = ctx_grow(c, p->rec, (size_t)p->cap * sizeof *p->rec, (size_t)cap * sizeof *p->rec);
    p->hash = ctx_grow(c, p->hash, (size_t)p->cap * sizeof *p->hash, (size_t)cap * sizeof *p->hash);
    p->cap = cap;
    p->nslots = 2 * cap;
    p->slot = ctx_alloc(c, (size_t)p->nslots * sizeof *p->slot);
    for (int i = 1; i < p->n; i++) pool_insert(p, i);
  }
  p->rec[p->n] = rec;
  p->hash[p->n] = hash;
  pool_insert(p, p->n);
  return p->n++;
}

/* ---- dimensions ---- */

static bool poly_same(const void *a, const void *b) {
  const Poly *p = a, *q = b;
  return p->n == q->n && !memcmp(p->t, q->t, (size_t)p->n * sizeof *p->t);
}

const DimTerm *dim_terms(Module *m, Dim d, int *n) {
  if (d < 0) {
    const Poly *p = m->tab->polys.rec[-d];
    *n = p->n;
    return p->t;
  }
  DimTerm *t = ctx_alloc(m->c, sizeof *t);
  t->coef = d;
  *n = d != 0;
  return t;
}

/* Higher total degree first, then by exponents: the order in which dim_text shows the terms. */
static int term_cmp(const DimTerm *a, const DimTerm *b) {
  int da = 0, db = 0;
  for (int i = 0; i < MAX_SIZES; i++) da += a->exp[i], db += b->exp[i];
  return da != db ? db - da : -memcmp(a->exp, b->exp, MAX_SIZES);
}

/* Interns a list of terms: sorts, merges, drops zeros. Overflow gives a dimension too large for any tensor. */
static Dim poly_make(Module *m, DimTerm *t, int n) {
  for (int i = 1; i < n; i++) /* insertion sort: a handful of terms */
    for (int k = i; k > 0 && term_cmp(&t[k], &t[k - 1]) < 0; k--) {
      DimTerm x = t[k];
      t[k] = t[k - 1], t[k - 1] = x;
    }
  int w = 0;
  for (int i = 0; i < n; i++) {
    if (w && !memcmp(t[w - 1].exp, t[i].exp, MAX_SIZES)) {
      if (__builtin_add_overflow(t[w - 1].coef, t[i].coef, &t[w - 1].coef)) return INT64_MAX;
    } else {
      t[w++] = t[i];
    }
    if (!t[w - 1].coef) w--;
  }
  static const uint8_t constant[MAX_SIZES];
  if (!w) return 0;
  if (w == 1 && !memcmp(t[0].exp, constant, MAX_SIZES) && t[0].coef >= 0) return t[0].coef;
  Poly key = {w, t, NULL};
  uint64_t h = hash_bytes(t, (size_t)w * sizeof *t, 1);
  int k = intern_find(&m->tab->polys, &key, h, poly_same);
  if (k) return -k;
  Poly *p = ctx_alloc(m->c, sizeof *p);
  p->n = w;
  p->t = ctx_alloc(m->c, (size_t)w * sizeof *t);
  memcpy(p->t, t, (size_t)w * sizeof *t);
  return -intern_add(m->c, &m->tab->polys, p, h);
}

Dim dim_size(Module *m, const char *name, int64_t bound, Loc loc) {
  name = ctx_name(m->c, name);
  int i = 0;
  while (i < m->nsize && m->size[i].name != name) i++;
  if (i == m->nsize) {
    if (i >= MAX_SIZES) {
      diag_error(m->c, E_TOO_MANY_ELEMENTS, loc, 1, "more than %d run-time sizes in one file", MAX_SIZES);
      return 1;
    }
    *VEC_PUSH(m->c, m->size, m->nsize, m->capsize) = (Size){.name = name, .bound = bound, .loc = loc};
  }
  DimTerm *t = ctx_alloc(m->c, sizeof *t);
  t->coef = 1;
  t->exp[i] = 1;
  return poly_make(m, t, 1);
}

static Dim dim_sum(Module *m, Dim a, Dim b, int64_t sign) {
  int na, nb;
  const DimTerm *ta = dim_terms(m, a, &na), *tb = dim_terms(m, b, &nb);
  DimTerm *t = ctx_alloc(m->c, (size_t)(na + nb) * sizeof *t);
  for (int i = 0; i < na; i++) t[i] = ta[i];
  for (int i = 0; i < nb; i++) {
    t[na + i] = tb[i];
    t[na + i].coef *= sign;
  }
  return poly_make(m, t, na + nb);
}

Dim dim_add(Module *m, Dim a, Dim b) {
  int64_t r;
  if (a >= 0 && b >= 0) return __builtin_add_overflow(a, b, &r) ? INT64_MAX : r;
  return dim_sum(m, a, b, 1);
}

Dim dim_sub(Module *m, Dim a, Dim b) {
  if (a >= 0 && b >= 0 && a >= b) return a - b;
  return dim_sum(m, a, b, -1);
}

Dim dim_mul(Module *m, Dim a, Dim b) {
  int64_t r;
  if (a >= 0 && b >= 0) return __builtin_mul_overflow(a, b, &r) ? INT64_MAX : r;
  int na, nb, n = 0;
  const DimTerm *ta = dim_terms(m, a, &na), *tb = dim_terms(m, b, &nb);
  DimTerm *t = ctx_alloc(m->c, (size_t)(na * nb + 1) * sizeof *t);
  for (int i = 0; i < na; i++)
    for (int k = 0; k < nb; k++, n++) {
      if (__builtin_mul_overflow(ta[i].coef, tb[k].coef, &t[n].coef)) return INT64_MAX;
      for (int e = 0; e < MAX_SIZES; e++) t[n].exp[e] = (uint8_t)(ta[i].exp[e] + tb[k].exp[e]);
    }
  return poly_make(m, t, n);
}

/* Division by a single term, exact in every term of a. */
bool dim_div(Module *m, Dim a, Dim b, Dim *q) {
  if (a >= 0 && b > 0) return *q = a / b, a % b == 0;
  if (a == b) return *q = 1, a != 0;
  int na, nb;
  const DimTerm *ta = dim_terms(m, a, &na), *tb = dim_terms(m, b, &nb);
  if (nb != 1) return false;
  DimTerm *t = ctx_alloc(m->c, (size_t)(na + 1) * sizeof *t);
  for (int i = 0; i < na; i++) {
    if (ta[i].coef % tb->coef) return false;
    t[i].coef = ta[i].coef / tb->coef;
    for (int e = 0; e < MAX_SIZES; e++) {
      if (ta[i].exp[e] < tb->exp[e]) return false;
      t[i].exp[e] = (uint8_t)(ta[i].exp[e] - tb->exp[e]);
    }
  }
  *q = poly_make(m, t, na);
  return true;
}

bool dim_floordiv(Module *m, Dim a, Dim b, Dim *q) {
  if (a >= 0 && b > 0) return *q = a / b, true;
  return dim_div(m, a, b, q);
}

/* A term's value; saturates. */
static int64_t term_value(const DimTerm *t, const int64_t *sizes) {
  int64_t x = t->coef;
  for (int s = 0; s < MAX_SIZES; s++)
    for (int e = 0; e < t->exp[s]; e++)
      if (__builtin_mul_overflow(x, sizes[s], &x)) return t->coef < 0 ? -INT64_MAX : INT64_MAX;
  return x;
}

static int64_t add_saturated(int64_t a, int64_t b) {
  int64_t r;
  return __builtin_add_overflow(a, b, &r) ? (a < 0 ? -INT64_MAX : INT64_MAX) : r;
}

int64_t dim_value(Module *m, Dim d, const int64_t *sizes) {
  if (d >= 0) return d;
  const Poly *p = m->tab->polys.rec[-d];
  int64_t sum = 0;
  for (int i = 0; i < p->n; i++) sum = add_saturated(sum, term_value(&p->t[i], sizes));
  return sum;
}

/* The terms of one sign are largest at the bounds of the sizes, those of the other vanish where the sizes are 0. */
static int64_t dim_extreme(Module *m, Dim d, bool max) {
  static const uint8_t constant[MAX_SIZES];
  int64_t at[MAX_SIZES] = {0}, sum = 0;
  if (d >= 0) return d;
  const Poly *p = m->tab->polys.rec[-d];
  for (int i = 0; i < m->nsize; i++) at[i] = m->size[i].bound;
  for (int i = 0; i < p->n; i++)
    if ((p->t[i].coef > 0) == max || !memcmp(p->t[i].exp, constant, MAX_SIZES))
      sum = add_saturated(sum, term_value(&p->t[i], at));
  return sum;
}

int64_t dim_bound(Module *m, Dim d) { return dim_extreme(m, d, true); }
int64_t dim_lower_bound(Module *m, Dim d) { return dim_extreme(m, d, false); }

bool dim_equal(Module *m, Dim a, Dim b) {
  if (a == b || !m->open_sizes || (dim_is_const(a) && dim_is_const(b))) return a == b;
  Dim d = dim_sub(m, a, b);
  return dim_lower_bound(m, d) <= 0 && dim_bound(m, d) >= 0;
}

const char *dim_text(Module *m, Dim d) {
  if (d >= 0) return ctx_strf(m->c, "%lld", (long long)d);
  Poly *p = m->tab->polys.rec[-d];
  if (p->text) return p->text;
  Str s = {.c = m->c};
  for (int i = 0; i < p->n; i++) {
    int64_t k = p->t[i].coef;
    bool any = false;
    str_puts(&s, k < 0 ? "-" : i ? "+" : "");
    uint64_t mag = k < 0 ? 0 - (uint64_t)k : (uint64_t)k;
    if (mag != 1) str_printf(&s, "%llu", (unsigned long long)mag), any = true;
    for (int v = 0; v < MAX_SIZES; v++)
      for (int e = 0; e < p->t[i].exp[v]; e++, any = true) str_printf(&s, "%s%s", any ? "*" : "", m->size[v].name);
    if (!any) str_puts(&s, "1");
  }
  return p->text = s.s;
}

/* ---- types ---- */

static bool type_same(const void *a, const void *b) {
  const Type *s = a, *t = b;
  if (s->dtype != t->dtype || s->rank != t->rank || s->ntuple != t->ntuple) return false;
  return (!s->rank || !memcmp(s->dim, t->dim, s->rank * sizeof *s->dim)) &&
         (!s->ntuple || !memcmp(s->elem, t->elem, s->ntuple * sizeof *s->elem));
}

static TypeId type_intern(Module *m, Type key) {
  uint64_t h = hash_bytes(key.dim, key.rank * sizeof *key.dim, (uint64_t)key.dtype << 8 | key.rank);
  h = hash_bytes(key.elem, key.ntuple * sizeof *key.elem, h);
  int k = intern_find(&m->tab->types, &key, h, type_same);
  if (k) return (TypeId)k;
  Type *t = ctx_alloc(m->c, sizeof *t);
  *t = key;
  if (key.rank) t->dim = ctx_grow(m->c, (void *)key.dim, key.rank * sizeof *key.dim, key.rank * sizeof *key.dim);
  if (key.ntuple)
    t->elem = ctx_grow(m->c, (void *)key.elem, key.ntuple * sizeof *key.elem, key.ntuple * sizeof *key.elem);
  return (TypeId)intern_add(m->c, &m->tab->types, t, h);
}

TypeId type_make(Module *m, DType dtype, int rank, const Dim *dim) {
  return type_intern(m, (Type){.dtype = (uint8_t)dtype, .rank = (uint8_t)rank, .dim = dim});
}

TypeId type_tuple(Module *m, int n, const TypeId *elem) {
  return type_intern(m, (Type){.dtype = DT_TUPLE, .ntuple = (uint32_t)n, .elem = elem});
}

const Type *type_get(const Module *m, TypeId t) { return m->tab->types.rec[t]; }

bool type_same_dims(const Type *a, const Type *b) {
  for (int i = 0; i < a->rank && a->rank == b->rank; i++)
    if (a->dim[i] != b->dim[i]) return false;
  return a->rank == b->rank;
}

const char *type_text(Module *m, TypeId id) {
  if (!id) return "?";
  const Type *t = type_get(m, id);
  Str s = {.c = m->c};
  if (t->dtype == DT_TUPLE) {
    str_puts(&s, "(");
    for (uint32_t i = 0; i < t->ntuple; i++) str_printf(&s, "%s%s", i ? ", " : "", type_text(m, t->elem[i]));
    str_puts(&s, ")");
    return s.s;
  }
  str_puts(&s, dtype_info[t->dtype].name);
  for (int i = 0; i < t->rank; i++) str_printf(&s, "%s%s", i ? "," : "[", dim_text(m, t->dim[i]));
  if (t->rank) str_puts(&s, "]");
  return s.s;
}

Dim type_count(Module *m, TypeId id) {
  const Type *t = type_get(m, id);
  Dim n = 1;
  for (int i = 0; i < t->rank; i++) n = dim_mul(m, n, t->dim[i]);
  return n;
}

int64_t type_bytes(Module *m, TypeId id) {
  const Type *t = type_get(m, id);
  int64_t n = 0;
  if (t->dtype == DT_TUPLE) {
    for (uint32_t i = 0; i < t->ntuple; i++) {
      int64_t e = type_bytes(m, t->elem[i]);
      if (e < 0) return -1;
      n += e;
    }
    return n;
  }
  n = dtype_info[t->dtype].bytes;
  for (int i = 0; i < t->rank; i++) {
    int64_t d = dim_bound(m, t->dim[i]);
    if (__builtin_mul_overflow(n, d, &n) || n > (int64_t)1 << 47) return -1;
  }
  return n;
}
