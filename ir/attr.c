/* SPDX-License-Identifier: Apache-2.0 */
/* Attribute records of nodes, interned in the module. */
#include "tables.h"
#include <string.h>

typedef struct AttrRec {
  Op op;
  Attr a;
  AttrId key;
} AttrRec; /* key: the same without a region */

static uint64_t val_hash(AttrKind k, const AttrVal *v, uint64_t h) {
  switch (k) {
  case AK_FLOAT: return hash_bytes(&v->f, sizeof v->f, h);
  case AK_STR: return hash_bytes(&v->s, sizeof v->s, h); /* interned */
  case AK_INTS:
  case AK_DIMS: return hash_bytes(v->v, (size_t)v->n * sizeof *v->v, h + (uint64_t)v->n);
  case AK_FLOATS: return hash_bytes(v->fv, (size_t)v->n * sizeof *v->fv, h + (uint64_t)v->n);
  default: return hash_bytes(&v->i, sizeof v->i, h);
  }
}

static bool val_same(AttrKind k, const AttrVal *a, const AttrVal *b) {
  switch (k) {
  case AK_FLOAT: return !memcmp(&a->f, &b->f, sizeof a->f); /* bits: -0 and NaN count */
  case AK_STR: return a->s == b->s;
  case AK_INTS:
  case AK_DIMS: return a->n == b->n && (!a->n || !memcmp(a->v, b->v, (size_t)a->n * sizeof *a->v));
  case AK_FLOATS: return a->n == b->n && (!a->n || !memcmp(a->fv, b->fv, (size_t)a->n * sizeof *a->fv));
  default: return a->i == b->i;
  }
}

static bool attr_same(const void *x, const void *y) {
  const AttrRec *a = x, *b = y;
  if (a->op != b->op || a->a.clone != b->a.clone || a->a.hints != b->a.hints) return false;
  for (int i = 0; i < a->a.n; i++)
    if (!val_same(op_info[a->op].field[i].kind, &a->a.v[i], &b->a.v[i])) return false;
  return true;
}

static AttrId attr_intern(Module *m, Op op, const AttrVal *vals, uint32_t clone, uint32_t hints) {
  const OpInfo *info = &op_info[op];
  AttrRec key = {.op = op, .a = {info->nfields, clone, hints, (AttrVal *)vals}};
  if (!info->nfields && !clone && !hints) return 0;
  uint64_t h = hash_bytes(&(uint32_t[3]){op, clone, hints}, 12, 5);
  for (int i = 0; i < info->nfields; i++) h = val_hash(info->field[i].kind, &vals[i], h);
  int k = intern_find(&m->tab->attrs, &key, h, attr_same);
  if (k) return (AttrId)k;
  AttrRec *r = ctx_alloc(m->c, sizeof *r);
  bool region = hints >= HINT_REGION;
  if (region) key.key = attr_intern(m, op, vals, clone, hints % HINT_REGION);
  *r = key;
  r->a.v = ctx_grow(m->c, (void *)vals, sizeof *vals * (size_t)info->nfields, sizeof *vals * (size_t)info->nfields);
  for (int i = 0; i < info->nfields; i++) {
    AttrVal *v = &r->a.v[i];
    size_t n = (size_t)v->n;
    AttrKind kind = info->field[i].kind;
    if (kind == AK_INTS || kind == AK_DIMS) v->v = ctx_grow(m->c, (void *)v->v, n * sizeof *v->v, n * sizeof *v->v);
    if (kind == AK_FLOATS) v->fv = ctx_grow(m->c, (void *)v->fv, n * sizeof *v->fv, n * sizeof *v->fv);
  }
  AttrId id = (AttrId)intern_add(m->c, &m->tab->attrs, r, h);
  if (!region) r->key = id;
  return id;
}

AttrId attr_make(Module *m, Op op, const AttrVal *vals) {
  AttrVal copy[8];
  const OpInfo *info = &op_info[op];
  for (int i = 0; i < info->nfields; i++) {
    copy[i] = vals[i];
    if (info->field[i].kind == AK_STR) copy[i].s = ctx_name(m->c, vals[i].s);
  }
  return attr_intern(m, op, copy, 0, 0);
}

AttrId attr_with(Module *m, Op op, AttrId a, uint32_t clone, uint32_t hints) {
  return attr_intern(m, op, attr_get(m, a)->v, clone, hints);
}

const Attr *attr_get(const Module *m, AttrId a) {
  static const Attr empty;
  return a ? &((AttrRec *)m->tab->attrs.rec[a])->a : &empty;
}

AttrId attr_key(const Module *m, AttrId a) { return a ? ((AttrRec *)m->tab->attrs.rec[a])->key : 0; }
