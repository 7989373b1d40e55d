/* SPDX-License-Identifier: Apache-2.0 */
/* Proves one kernel from its nests. A point, one iteration of the outer loops, may run in any order and at the same
 * time as others (of another thread or vector lane), so no two points may access one element if one of them stores it.
 * Within a point, a phase loads what depends on no inner axis, makes its outer stores, and then runs its inner loops,
 * where loads precede stores in each iteration. Nests run one after another without a barrier. In a nest with a
 * `par_axis` the other outer axes run in order on one thread; so does all of a nest without outer axes. */
#include "codegen/check.h"

typedef struct KernelCheck {
  const Kernel *k;
  Module *m;
  const CheckLocation *location;
  const Access *v;
  int n;
  const char *why; /* the first fault */
  Id node;
} KernelCheck;

static void fault(KernelCheck *c, int buf, const char *why) {
  if (c->why) return;
  c->why = why;
  c->node = c->k->buf[buf].node;
}

/* ---- accesses ---- */

static bool in_phase(const KPhase *p, uint32_t needs) {
  for (int i = 0; i < p->naxis; i++)
    if (needs >> p->axis[i] & 1) return true;
  return false;
}

/* In a loop without iterations, or at an index of an axis without elements. */
static bool never_runs(const Access *a) {
  const KNest *n = a->nest;
  const KPhase *p = &n->phase[a->phase];
  bool never = false;
  for (int i = 0; i < n->nouter; i++) never |= n->axes.axis[n->outer[i]].extent == 0;
  for (int i = 0; i < p->naxis; i++) never |= a->inner && n->axes.axis[p->axis[i]].extent == 0;
  for (int i = 0; i < n->axes.n; i++) never |= a->at->coef[i] && n->axes.axis[i].extent == 0;
  return never;
}

typedef struct AccessList {
  const Kernel *k;
  Access *v;
  int n, cap;
} AccessList;

static void add_access(AccessList *l, Access a) {
  if (!never_runs(&a)) *VEC_PUSH(l->k->gs->g->m->c, l->v, l->n, l->cap) = a;
}

static void add_accesses(AccessList *c, const KNest *n) {
  for (int i = 1; i < n->nval; i++) {
    const KVal *v = &n->val[i];
    if (v->kind != KV_LOAD) continue;
    add_access(
      c,
      (Access){
        .nest = n, .at = &v->at, .buf = v->buf, .phase = v->phase, .inner = in_phase(&n->phase[v->phase], v->needs)});
  }
  for (int i = 0; i < n->nstore; i++) {
    const KStore *s = &n->store[i];
    add_access(c, (Access){.nest = n,
                           .at = &s->at,
                           .buf = s->buf,
                           .phase = s->phase,
                           .store = true,
                           .add = s->add,
                           .inner = s->level == KS_INNER});
  }
}

Access *kernel_accesses(const Kernel *k, int *n) {
  AccessList l = {.k = k};
  for (int i = 0; i < k->nnest; i++) add_accesses(&l, k->nest[i]);
  *n = l.n;
  return l.v;
}

/* ---- bounds ---- */

static Dim last_of(Module *m, const Axis *x) { return dim_sub(m, x->extent, 1); }

static bool in_bounds(KernelCheck *c, const Access *a) {
  Module *m = c->m;
  Dim lo = a->at->k, hi = a->at->k;
  Dim count = type_count(m, node_get(c->k->gs->g, c->k->buf[a->buf].node)->type);
  for (int i = 0; i < a->nest->axes.n; i++) {
    if (!a->at->coef[i]) continue;
    Dim far = dim_mul(m, a->at->coef[i], last_of(m, &a->nest->axes.axis[i]));
    if (dim_is_positive(m, dim_add(m, a->at->coef[i], 1))) hi = dim_add(m, hi, far);
    else if (dim_is_positive(m, dim_sub(m, 1, a->at->coef[i]))) lo = dim_add(m, lo, far);
    else return false;
  }
  return dim_is_positive(m, dim_add(m, lo, 1)) && dim_is_positive(m, dim_sub(m, count, hi));
}

/* ---- two accesses to one element ---- */

void linear_add_axis(LinearForm *s, Dim at, Dim with, Dim extent, Between how) {
  Module *m = s->m;
  if (how >= ABOVE && dim_is_const(extent) && extent < 2) s->empty = true; /* no two points */
  Dim last = dim_sub(m, extent, 1), minus = dim_sub(m, 0, with), both = dim_sub(m, at, with);
  switch (how) {
  case ANY: linear_add(s, at, 0, last), linear_add(s, minus, 0, last); break;
  case SAME: linear_add(s, both, 0, last); break;
  case ABOVE: linear_add(s, at, 1, last), linear_add(s, both, 0, last); break; /* p = q + distance */
  case BELOW: linear_add(s, minus, 1, last), linear_add(s, both, 0, last); break;
  }
}

static bool may_alias(KernelCheck *c, const Access *a, const Access *b, const Between *how) {
  LinearForm s = {.m = c->m, .k = dim_sub(c->m, a->at->k, b->at->k)};
  for (int i = 0; i < a->nest->axes.n; i++)
    linear_add_axis(&s, a->at->coef[i], b->at->coef[i], a->nest->axes.axis[i].extent, how[i]);
  return !linear_never_zero(&s);
}

/* True if they may access one element at different indices of one of the axes. */
static bool may_alias_apart(KernelCheck *c, const Access *a, const Access *b, const int *axis, int naxis,
                            Between *how) {
  bool meet = false;
  for (int i = 0; i < naxis && !meet; i++) {
    Between as = how[axis[i]];
    for (int k = 0; k < (a == b ? 1 : 2) && !meet; k++) {
      how[axis[i]] = k ? BELOW : ABOVE;
      meet = may_alias(c, a, b, how);
    }
    how[axis[i]] = as;
  }
  return meet;
}

/* The same of two nests. `how` relates the index of axis x in one to that of y in the other; -1: ANY. */
static bool nests_may_alias(KernelCheck *c, const Access *a, const Access *b, int x, int y, Between how) {
  LinearForm s = {.m = c->m, .k = dim_sub(c->m, a->at->k, b->at->k)};
  for (int i = 0; i < a->nest->axes.n; i++)
    if (i != x) linear_add_axis(&s, a->at->coef[i], 0, a->nest->axes.axis[i].extent, ANY);
  for (int i = 0; i < b->nest->axes.n; i++)
    if (i != y) linear_add_axis(&s, 0, b->at->coef[i], b->nest->axes.axis[i].extent, ANY);
  if (x >= 0) linear_add_axis(&s, a->at->coef[x], b->at->coef[y], a->nest->axes.axis[x].extent, how);
  return !linear_never_zero(&s);
}

/* True if one thread accesses the element in both nests, which it runs in order. */
static bool by_one_thread(KernelCheck *c, const Access *a, const Access *b) {
  int x = a->nest->par_axis, y = b->nest->par_axis;
  if (!a->nest->nouter || !b->nest->nouter) return true; /* nothing to partition */
  if (x < 0 || y < 0 || a->nest->axes.axis[x].extent != b->nest->axes.axis[y].extent) return false;
  return !nests_may_alias(c, a, b, x, y, ABOVE) && !nests_may_alias(c, a, b, x, y, BELOW);
}

static int nest_number(const Kernel *k, const KNest *n) {
  int i = 0;
  while (k->nest[i] != n) i++;
  return i;
}

/* ---- hazards ---- */

/* Two accesses in one point, of which b is a store. */
static bool point_is_safe(KernelCheck *c, const Access *a, const Access *b, Between *how) {
  const KPhase *p = &b->nest->phase[b->phase];
  if (a->store) {
    if (a == b) return b->add || !b->inner || !may_alias_apart(c, a, b, p->axis, p->naxis, how);
    return !may_alias(c, a, b, how);
  }
  if (a->buf == b->buf) return a->phase > b->phase && affine_same(a->at, b->at); /* loads what this point stored */
  if (a->phase < b->phase || (a->phase == b->phase && !a->inner)) return true;
  if (a->phase > b->phase || !b->inner) return !may_alias(c, a, b, how);
  return !may_alias_apart(c, a, b, p->axis, p->naxis, how);
}

static bool pair_is_safe(KernelCheck *c, const Access *a, const Access *b) {
  const KNest *n = b->nest;
  Between how[MAX_AXES] = {ANY};
  if (a->nest != n) {
    if (!nests_may_alias(c, a, b, -1, -1, ANY)) return true;
    const Access *last = nest_number(c->k, a->nest) > nest_number(c->k, n) ? a : b;
    return a->store && last->add && by_one_thread(c, a, b);
  }
  int outer[MAX_AXES], nouter = 0;
  for (int i = 0; i < n->nouter; i++)
    if (n->par_axis < 0 || n->outer[i] == n->par_axis || !b->add || !a->store) outer[nouter++] = n->outer[i];
  if (may_alias_apart(c, a, b, outer, nouter, how)) return false;
  for (int i = 0; i < n->nouter; i++) how[n->outer[i]] = SAME;
  return point_is_safe(c, a, b, how);
}

/* ---- every element once ---- */

static Dim count_points(Module *m, const KNest *n, const Access *a) {
  const KPhase *p = &n->phase[a->phase];
  Dim count = 1;
  for (int i = 0; i < n->nouter; i++) count = dim_mul(m, count, n->axes.axis[n->outer[i]].extent);
  for (int i = 0; i < p->naxis && a->inner; i++) count = dim_mul(m, count, n->axes.axis[p->axis[i]].extent);
  return count;
}

/* Stores in bounds and to different elements, which are checked elsewhere, cover a result if there are as many of them
 * as elements. */
static void check_covered(KernelCheck *c, int buf) {
  Dim count = 0;
  for (int i = 0; i < c->n; i++) {
    const Access *a = &c->v[i];
    if (!a->store || a->add || a->buf != buf) continue;
    if (a->inner && a->nest->phase[a->phase].skip) fault(c, buf, "some iterations skip a store");
    count = dim_add(c->m, count, count_points(c->m, a->nest, a));
  }
  if (count != type_count(c->m, node_get(c->k->gs->g, c->k->buf[buf].node)->type))
    fault(c, buf, "its kernel does not store every element once");
}

/* ---- the kernel ---- */

/* A sort loads a row in its first phase, and stores in its last one; also if what it stores of a row is empty, which no
 * other check sees. */
static void check_sort(KernelCheck *c, const KNest *n) {
  for (int i = 0; i < n->nstore; i++)
    if (n->store[i].phase != n->nphase - 1) fault(c, n->store[i].buf, "a store is before the sort");
}

static bool same_location(const KernelCheck *c, int a, int b) {
  const CheckLocation *x = &c->location[a], *y = &c->location[b];
  const KBuf *p = &c->k->buf[a], *q = &c->k->buf[b];
  return x->from == y->from && x->to == y->to && dtype_info[p->type].bytes == dtype_info[q->type].bytes &&
         p->cols == q->cols && p->rows == q->rows;
}

const char *kernel_check(const Kernel *k, const CheckLocation *location, Id *node) {
  KernelCheck c = {.k = k, .m = k->gs->g->m, .location = location};
  c.v = kernel_accesses(k, &c.n);
  for (int i = 0; i < c.n; i++)
    if (!in_bounds(&c, &c.v[i]))
      fault(&c, c.v[i].buf, c.v[i].store ? "a store is out of bounds" : "a load is out of bounds");
  for (int i = 0; i < k->nnest; i++)
    if (k->nest[i]->sort) check_sort(&c, k->nest[i]);
  for (int b = 0; b < c.n; b++)
    for (int a = 0; c.v[b].store && a < c.n; a++) {
      int x = c.v[a].buf, y = c.v[b].buf;
      if (c.v[a].store && a > b) continue; /* each pair of stores once */
      if (x != y && !locations_overlap(&location[x], &location[y])) continue;
      if (x != y && !same_location(&c, x, y))
        fault(&c, x, "it shares bytes with a result of its kernel, but not its location");
      else if (!pair_is_safe(&c, &c.v[a], &c.v[b]))
        fault(&c, x, c.v[a].store ? "an element is stored twice" : "an element may be overwritten before it is loaded");
    }
  for (int i = 0; i < k->nbuf; i++)
    if (k->buf[i].written) check_covered(&c, i);
  *node = c.node;
  return c.why;
}
