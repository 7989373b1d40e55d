/* Native: how the threads share out a kernel, and where they must wait for each other.
 *
 * All threads run the same graph function. A kernel with little work is run by part 0 alone; in any other one, threads
 * take runs of a loop axis (or, tuned forms, whole tasks). A barrier stands before a kernel that touches memory another
 * thread may still be at work on: two accesses are safe without one if part 0 does both, or if each thread touches only
 * its own rows in both. */
#include "codegen/c/graph.h"
#include "codegen/c/nest.h"
#include <string.h>

enum { SERIAL_CYCLES = 8000, LEAST_ROWS = 8 };

/* ---- work ---- */

static double extents(CPrint *p, const KNest *n, const int *axis, int count) {
  double e = 1;
  for (int i = 0; i < count; i++) e *= (double)dim_bound(p->m, n->axes.axis[axis[i]].extent);
  return e;
}

/* Cycles of a nest, roughly: one for each load, store and multiplication of a vector. */
static double nest_cycles(CPrint *p, const KNest *n, int lanes) {
  double outer = extents(p, n, n->outer, n->nouter), sum = 0;
  for (int i = 0; i < n->nphase; i++) {
    const KPhase *ph = &n->phase[i];
    double each = 1, points = outer * extents(p, n, ph->axis, ph->naxis);
    for (int k = 1; k < n->nval; k++)
      if (n->val[k].phase == i) each += n->val[k].kind == KV_OP ? op_info[n->val[k].op].cost
          : n->val[k].kind == KV_RANDOM ? node_info(p->graph, n->val[k].node)->cost : 1;
    for (int k = 0; k < n->nstore; k++) each += n->store[k].phase == i;
    sum += points * each;
  }
  return sum / lanes;
}

/* ---- the axis that is shared out ---- */

static void choose_split(CPrint *p, const KNest *n, CShare *s) {
  int64_t best = 0;
  s->split = -1;
  s->grain = 1;
  for (int i = 0; i < n->nouter; i++) {
    int a = n->outer[i];
    bool lane = a == s->lane;
    int64_t e = dim_bound(p->m, n->axes.axis[a].extent) / (lane ? 4 * s->vec : 1) + (lane && p->o->serial_cycles == 1);
    if (best >= (p->o->serial_cycles == 1 ? 2 : LEAST_ROWS) || e <= best) continue; /* the outermost that has enough */
    best = e;
    s->split = a;
    s->grain = lane ? 4 * s->vec : 1;
  }
  if (n->split >= 0) s->split = n->split, s->grain = 64; /* the nests of a scatter share it out alike */
}

CPlan c_plan(CPrint *p, const Kernel *k) {
  CPlan r = {.serial = true};
  double cycles = 0;
  r.nest = ctx_alloc(p->c, (size_t)(k->nnest + 1) * sizeof *r.nest);
  for (int i = 0; i < k->nnest; i++) {
    const KNest *n = k->nest[i];
    Str none = {.c = p->c};
    CNest c = cn_begin(p, k, n, &none);
    CShare *s = &r.nest[i];
    cnv_choose(&c);
    *s = (CShare){.lane = c.lane, .lane_outer = c.lane_outer, .vec = c.vec, .split = -1, .grain = 1};
    if (p->native) choose_split(p, n, s);
    cycles += nest_cycles(p, n, c.lane >= 0 ? c.vec : 1);
  }
  r.serial = !p->native || cycles < (p->o->serial_cycles ? p->o->serial_cycles : SERIAL_CYCLES);
  for (int i = 0; i < k->nnest; i++) r.serial |= r.nest[i].split < 0;
  for (int i = 0; i < k->nnest && r.serial; i++) r.nest[i].split = -1;
  return r;
}

/* ---- accesses ---- */

/* Whether thread t touches just rows lo .. hi of the buffer, which are `row` elements each. */
static bool by_rows(CPrint *p, const Kernel *k, const CPlan *plan, int buf, CAccess *a) {
  const Graph *g = k->gs->g;
  if (k->nnest != 1 || plan->tuned || plan->nest[0].split < 0) return false;
  const KNest *n = k->nest[0];
  int split = plan->nest[0].split;
  Dim row = 0, count = type_count(p->m, node_get(g, k->buf[buf].node)->type);
  for (int i = 1; i < n->nval + n->nstore; i++) {
    const Affine *at = i < n->nval ? &n->val[i].at : &n->store[i - n->nval].at;
    if (i < n->nval ? n->val[i].kind != KV_LOAD || n->val[i].buf != buf : n->store[i - n->nval].buf != buf) continue;
    if (at->k || !at->coef[split] || (row && at->coef[split] != row)) return false;
    row = at->coef[split];
    for (int x = 0; x < n->axes.n; x++)
      if (at->coef[x] && n->axes.axis[x].kind != AX_LOOP) return false;
  }
  if (!row || dim_mul(p->m, row, n->axes.axis[split].extent) != count) return false;
  a->rows = true;
  a->extent = n->axes.axis[split].extent;
  a->row = dim_mul(p->m, row, dtype_info[k->buf[buf].type].bytes);
  a->grain = plan->nest[0].grain;
  return true;
}

/* Where a buffer lies: a space of its own (inputs, results), or bytes of the caller's memory. */
static void locate(CGraph *c, Id n, CAccess *a) {
  Module *m = c->p->m;
  const Graph *g = c->g;
  const Anno *x = &g->anno[n];
  int var = node_var(g, n);
  int64_t bytes = type_bytes(m, node_get(g, n)->type);
  a->space = 0;
  if (var >= 0) a->lo = m->var[var].offset;
  else if (node_is_input(g, n)) a->space = 2 + (int)n, a->lo = 0;
  else if (x->space == SP_VAR) a->lo = m->var[x->index].offset;
  else if (x->space == SP_HEAD) a->lo = x->offset;
  else if (x->space == SP_OUT) a->space = -1 - (int)x->index, a->lo = 0;
  else a->space = 1, a->lo = x->offset;
  a->hi = a->lo + bytes;
}

static bool conflict(const CAccess *a, const CAccess *b) {
  if (!a->write && !b->write) return false;
  if (a->space != b->space || a->hi <= b->lo || b->hi <= a->lo) return false;
  if (a->serial && b->serial) return false;
  return !(a->rows && b->rows && a->lo == b->lo && a->extent == b->extent && a->row == b->row && a->grain == b->grain);
}

void c_barrier(CGraph *c) {
  c->naccess = c->nrunning = 0;
  if (!c->p->native) return;
  c->p->helper |= CH_BARRIER;
  c_stmt(c, "gc_barrier(call);");
}

/* The barriers are proved as the plan is, by another reading of the kernels. */
static void check_waits(CGraph *c, const Kernel *k, const CPlan *plan) {
  Ctx *ctx = c->p->c;
  size_t bytes = sizeof(int) * (size_t)(k->nnest + 1);
  int *split = ctx_alloc(ctx, bytes), *grain = ctx_alloc(ctx, bytes);
  for (int i = 0; i < k->nnest; i++) split[i] = plan->nest[i].split, grain[i] = plan->nest[i].grain;
  CheckPart part = {k, check_places(k), plan->serial, plan->tuned, split, grain};
  Id n;
  for (int i = 0; i < c->nrunning; i++) {
    const char *why = parts_check(&c->running[i], &part, &n);
    if (why) diag_error(ctx, 412, node_get(c->g, n)->loc, 1, "barriers of `%s`, node %u: %s", c->g->name, n, why);
  }
  *VEC_PUSH(ctx, c->running, c->nrunning, c->caprunning) = part;
}

void c_wait(CGraph *c, const Kernel *k, const CPlan *plan) {
  CPrint *p = c->p;
  if (!p->native) return;
  int first = c->naccess;
  bool wait = false;
  for (int i = 0; i < k->nbuf; i++) {
    const KBuf *b = &k->buf[i];
    if (b->table) continue;
    for (int write = 0; write < 2; write++) {
      if (write ? !b->written : !b->read) continue;
      CAccess a = {.write = write, .serial = plan->serial};
      locate(c, b->node, &a);
      if (!plan->serial) by_rows(p, k, plan, i, &a);
      for (int j = 0; j < first && !wait; j++) wait = conflict(&c->access[j], &a);
      *VEC_PUSH(p->c, c->access, c->naccess, c->capaccess) = a;
    }
  }
  if (wait) {
    int n = c->naccess - first;
    memmove(c->access, c->access + first, (size_t)n * sizeof *c->access);
    c_barrier(c);
    c->naccess = n;
  }
  check_waits(c, k, plan);
}
