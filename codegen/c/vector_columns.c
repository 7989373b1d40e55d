/* SPDX-License-Identifier: Apache-2.0 */
/* Values of the lane axis alone, in a nest with loops around it: the factors of a norm, for instance, are the same for
 * each pixel. Where it takes several operations to compute one, they are computed once, into an array on the stack. */
#include "codegen/c/vector.h"
#include <string.h>

enum { MAX_LANES = 4096, MAX_ARRAYS = 4, MIN_ROWS = 16, MIN_COST = 4 };

typedef struct LaneValues {
  NestText *c;
  bool *pure;     /* per value: computed from elements at the lane alone, and constants */
  bool *taken;    /* computed before the loops, */
  bool *in_loops; /* and in them */
  int array[MAX_ARRAYS], narray;
} LaneValues;

static bool is_pure(const LaneValues *x, int i) {
  const NestText *c = x->c;
  const KVal *v = &c->n->val[i];
  if (c->s->branch[i] || v->needs & ~(1u << c->s->lane) || v->type != DT_F32) return false;
  for (int a = 0; a < c->n->axes.n; a++)
    if (v->at.coef[a] && a != c->s->lane) return false;
  if (v->kind == KV_OP)
    for (int k = 0; k < v->nargs; k++)
      if (!x->pure[v->arg[k]]) return false;
  return v->kind == KV_CONST || v->kind == KV_LOAD || v->kind == KV_OP;
}

static bool is_column(const LaneValues *x, int i) {
  const KVal *v = &x->c->n->val[i];
  return x->pure[i] && v->kind == KV_OP && v->needs && x->c->s->use.uses[i];
}

static bool is_array(const LaneValues *x, int i) {
  for (int k = 0; k < x->narray; k++)
    if (x->array[k] == i) return true;
  return false;
}

/* A value that the loops compute, an accumulation or a store uses value i. */
static bool is_used_in_loops(const LaneValues *x, int i) {
  const KNest *n = x->c->n;
  for (int k = i + 1; k < n->nval; k++)
    for (int a = 0; a < n->val[k].nargs && n->val[k].kind != KV_ACC; a++)
      if (n->val[k].arg[a] == i && x->in_loops[k]) return true;
  for (int k = 0; k < n->nacc; k++)
    if (n->acc[k].value == i) return true;
  for (int k = 0; k < n->nstore; k++)
    if (n->store[k].value == i) return true;
  return false;
}

/* What the loops compute: users come after their operands. */
static void find_loops(LaneValues *x) {
  const KNest *n = x->c->n;
  for (int i = n->nval - 1; i > 0; i--)
    x->in_loops[i] = x->c->s->use.uses[i] && !is_array(x, i) && (!x->pure[i] || is_used_in_loops(x, i));
}

static int cost_of(const LaneValues *x, int i) {
  const KVal *v = &x->c->n->val[i];
  int cost = v->kind == KV_OP ? op_info[v->op].cost : 0;
  for (int k = 0; k < v->nargs && v->kind == KV_OP && cost < MIN_COST; k++) cost += cost_of(x, v->arg[k]);
  return cost;
}

static void take(LaneValues *x, int i) {
  const KVal *v = &x->c->n->val[i];
  if (x->taken[i]) return;
  x->taken[i] = true;
  for (int k = 0; k < v->nargs && v->kind == KV_OP; k++) take(x, v->arg[k]);
}

/* LaneValues that other columns are computed from come later, so they are in the loops only if these are. */
static bool find_columns(LaneValues *x) {
  const KNest *n = x->c->n;
  for (int i = 1; i < n->nval; i++) x->pure[i] = is_pure(x, i);
  for (int i = n->nval - 1; i > 0 && x->narray < MAX_ARRAYS; i--) {
    find_loops(x);
    if (is_column(x, i) && x->in_loops[i] && cost_of(x, i) >= MIN_COST) x->array[x->narray++] = i;
  }
  find_loops(x);
  for (int k = 0; k < x->narray; k++) take(x, x->array[k]);
  return x->narray;
}

/* Loops around the lane, which each thread has all of. */
static bool has_rows(const NestText *c, int64_t *lanes) {
  const KNest *n = c->n;
  const NestSchedule *s = c->s;
  int64_t rows = 1;
  if (!s->lane_outer || s->par_axis == s->lane || s->chunks || s->block > 1 || n->nouter < 2) return false;
  if (!dim_number(c->p->m, n->axes.axis[s->lane].extent, lanes) || *lanes > MAX_LANES) return false;
  for (int i = 0; i < n->nouter && rows < MIN_ROWS; i++) {
    int64_t e = n->outer[i] == s->lane ? 1 : dim_bound(c->p->m, n->axes.axis[n->outer[i]].extent);
    rows = e > MIN_ROWS ? MIN_ROWS : rows * e;
  }
  return rows >= MIN_ROWS;
}

static void store_columns(NestText *c, int unused) {
  const LaneValues *x = c->form;
  (void)unused;
  nest_values(c, -1, 1);
  for (int k = 0; k < x->narray; k++)
    nest_line(c, "gc_store_f(h%d + i%d, %s);", x->array[k], c->s->lane, c->text[x->array[k]]);
}

/* The nest of the values that are taken, over the lane alone. */
static void print_columns(LaneValues *x, int64_t lanes) {
  NestText c = nest_inner_scope(x->c);
  KNest n = *c.n;
  NestSchedule s = *c.s;
  char extent[24];
  n.nouter = 1, n.outer[0] = s.lane;
  s.use.uses = ctx_alloc(c.p->c, (size_t)(n.nval + 1) * sizeof *s.use.uses);
  for (int i = 1; i < n.nval; i++) s.use.uses[i] = x->taken[i] ? c.s->use.uses[i] : 0;
  c.n = &n, c.s = &s, c.form = x;
  for (int k = 0; k < x->narray; k++)
    nest_line(&c, "float h%d[%lld] __attribute__((aligned(64)));", x->array[k],
              (long long)(lanes + s.vec - 1) / s.vec * s.vec);
  snprintf(extent, sizeof extent, "%lld", (long long)lanes);
  nest_open_block(&c, " ");
  nest_values(&c, -1, 0);
  emit_main_and_tail(&c, s.lane, "0", extent, s.vec, lanes % s.vec == 0, store_columns, 0);
  nest_close_block(&c);
}

void vector_columns(NestText *c) {
  int64_t lanes;
  size_t n = (size_t)c->n->nval + 1;
  LaneValues x = {
    .c = c, .pure = ctx_alloc(c->p->c, n), .taken = ctx_alloc(c->p->c, n), .in_loops = ctx_alloc(c->p->c, n)};
  if (c->n->attend || !has_rows(c, &lanes) || !find_columns(&x)) return;
  print_columns(&x, lanes);
  for (int i = 1; i < c->n->nval; i++)
    if (x.taken[i] && !x.in_loops[i]) c->text[i] = "0"; /* nothing there uses it */
  for (int k = 0; k < x.narray; k++)
    c->text[x.array[k]] = ctx_strf(c->p->c, "gc_load_f(h%d + i%d)", x.array[k], c->s->lane);
}
