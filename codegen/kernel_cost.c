/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/kernel_cost.h"
#include <math.h>

/* How kernels of the native target fall short of the peaks, fitted to profiles of bench/models: shares of the peaks in
 * percent, elements packed per multiplication, ns of a call. */
enum { GEMM_SHARE = 84, EPILOGUE_SHARE = 75, LOOP_SHARE = 27, SCALAR_SHARE = 60, PACK_SHARE = 6, ATTEND_SHARE = 40 };
enum { MATRIX_SHARE = 45, MATRIX_ATTEND_SHARE = 5 }; /* of matrix units */
enum { LOAD_SHARE = 160, STORE_SHARE = 100, COLUMN_SHARE = 55, CALL_NS = 10, L1_BYTES = 24000 };
/* Of gemm.inc: rows of a tile, floats in its narrowest vector, columns and rows of a task, terms before a sum is in its
 * stride, bounds of the dots. */
enum { GEMM_ROWS = 6, GEMM_VECTOR = 16, GEMM_COLUMNS = 256, GEMM_BLOCK = 256, GEMM_START = 8 };
enum { DOT_ROWS = 96, DOT_TERMS = 256 };

/* ---- counts ---- */

static double extent(const KNest *n, int axis) { return (double)dim_bound(n->axes.m, n->axes.axis[axis].extent); }

/* The number of points of these axes. */
static double points(const KNest *n, uint32_t axes) {
  double all = 1;
  for (int i = 0; i < n->axes.n; i++)
    if (axes >> i & 1) all *= extent(n, i);
  return all;
}

static uint32_t axes_of(const Affine *a, int n) {
  uint32_t axes = 0;
  for (int i = 0; i < n; i++) axes |= (uint32_t)(a->coef[i] != 0) << i;
  return axes;
}

double kernel_flops(const Kernel *k) {
  double flops = 0;
  for (int i = 0; i < k->group->nnode; i++) flops += node_flops(k->gs->g, k->group->node[i]);
  return flops;
}

double nest_buffer_bytes(const Kernel *k, const NestSchedule *s, int buf, bool write) {
  const KNest *n = s->nest;
  const Graph *g = k->gs->g;
  Id node = k->buf[buf].node;
  double most = 0, all = (double)node_count(g, node);
  for (int i = 1; i < n->nval && !write; i++) {
    const KVal *v = &n->val[i];
    double count = points(n, axes_of(&v->at, n->axes.n));
    if (s->use.uses[i] && v->kind == KV_LOAD && v->buf == buf && count > most) most = count;
  }
  for (int i = 0; i < n->nstore; i++) {
    const KStore *x = &n->store[i];
    double count = points(n, axes_of(&x->at, n->axes.n));
    if (x->buf == buf && (write || x->add) && count > most) most = count;
  }
  return all > 0 ? (double)node_bytes(g, node) * (most < all ? most / all : 1) : 0;
}

/* ---- memory ---- */

/* The rate of a value that was last used `distance` bytes ago. */
static double rate_at(const Rates *r, double distance) {
  if (distance <= L1_BYTES) return 2 * r->l2;
  return distance <= r->l2_bytes ? r->l2 : distance <= r->l3_bytes ? r->l3 : r->bytes;
}

/* Weights and inputs are used once a step, and then everything else is; a value of the arena soon after its store. In
 * the body of a scan all values are used again in the next iteration. */
static double distance_of(const Kernel *k, int buf) {
  const Graph *g = k->gs->g;
  Id node = k->buf[buf].node;
  if (g->kind == GK_BODY || g->anno[node].space == SP_ARENA) return 2 * (double)node_bytes(g, node);
  return (double)(g->m->persistent_bytes + g->arena);
}

static void count_memory(const Kernel *k, const KernelSchedule *s, const Rates *r, KernelCost *c) {
  for (int b = 0; b < k->nbuf; b++) {
    double bytes = 0;
    for (int i = 0; i < k->nnest; i++)
      bytes += nest_buffer_bytes(k, &s->nest[i], b, false) + nest_buffer_bytes(k, &s->nest[i], b, true);
    c->bytes += bytes;
    c->memory += bytes / rate_at(r, distance_of(k, b));
  }
}

/* ---- predicted time ---- */

/* In multiplications: a comparison of two elements of a heap, an element that is sorted by counting; then the number of
 * results up to which there is a heap. */
enum { COMPARISON = 12, COUNTED = 36, HEAP = 64 };

static double value_work(const Graph *g, const KVal *v) {
  OpClass cls = op_info[v->op].cls;
  if (v->kind == KV_OP) return cls == CL_CONTRACT || cls == CL_CONV ? 1 : op_info[v->op].cost; /* their product */
  return v->kind == KV_RANDOM ? node_info(g, v->node)->cost : v->kind == KV_LOAD;
}

/* One of `div` iterations has a quotient that is valid. */
static double inner_points(const KNest *n, const KPhase *p) {
  double all = 1;
  for (int i = 0; i < p->naxis; i++) all *= extent(n, p->axis[i]);
  for (int i = 0; i < n->axes.n; i++)
    if (p->skip >> i & 1) all /= (double)n->axes.axis[i].div;
  return all;
}

static uint32_t inner_axes(const KPhase *p) {
  uint32_t axes = 0;
  for (int i = 0; i < p->naxis; i++) axes |= 1u << p->axis[i];
  return axes;
}

static void mark_used(const KNest *n, int v, bool *used) {
  if (v <= 0 || used[v]) return;
  used[v] = true;
  for (int i = 0; i < n->val[v].nargs && n->val[v].kind != KV_ACC; i++) mark_used(n, n->val[v].arg[i], used);
}

/* Of a row of keys of 32 bits: one comparison of each element with the heap's last, which is a vector's work, and one a
 * level for those that it keeps; or counting. Of longer keys always a heap. */
static double sort_work(const KNest *n) {
  double rows = 1, terms = (double)dim_bound(n->axes.m, n->sort->terms);
  double count = (double)dim_bound(n->axes.m, n->sort->count);
  for (int i = 0; i < n->nouter; i++) rows *= extent(n, n->outer[i]);
  bool wide = dtype_info[n->sort->type].bytes == 8;
  if (!wide && count > HEAP) return rows * COUNTED * terms;
  return rows * (terms * (wide ? COMPARISON : 1) + COMPARISON * count * log2(count + 1));
}

/* Multiplications, loads, stores and additions of loops. What depends on inner axes is computed in every phase that
 * uses it. */
static double nest_work(const Kernel *k, const NestSchedule *s) {
  const KNest *n = s->nest;
  if (n->sort) return sort_work(n);
  bool *used = ctx_alloc(k->gs->g->m->c, (size_t)n->nval + 1);
  double work = 0, outer = 1;
  for (int i = 0; i < n->nouter; i++) outer *= extent(n, n->outer[i]);
  for (int p = 0; p < n->nphase; p++) {
    double inner = inner_points(n, &n->phase[p]);
    memset(used, 0, (size_t)n->nval + 1);
    for (int i = 0; i < n->nacc; i++)
      if (n->acc[i].phase == p) mark_used(n, n->acc[i].value, used), work += outer * inner;
    for (int i = 0; i < n->nstore; i++)
      if (n->store[i].phase == p)
        mark_used(n, n->store[i].value, used), work += outer * (n->store[i].level == KS_INNER ? inner : 1);
    for (int i = 1; i < n->nval; i++) {
      const KVal *v = &n->val[i];
      bool here = v->needs & inner_axes(&n->phase[p]) || v->phase == p;
      if (used[i] && here) work += points(n, v->needs) * value_work(k->gs->g, v);
    }
  }
  return work / (s->lane >= 0 ? s->vec : 1);
}

/* Columns that microkernels compute, in vectors of 16. */
static double padded(double n, double to) { return ceil(n / to) * to; }

/* The share of the peak at which the microkernels run: few rows do not hide the latency of a multiply-add, and the last
 * vector of columns and short sums are not full. */
static double gemm_share(const GemmDesc *g) {
  double m = gemm_count(&g->m), n = gemm_count(&g->n), k = gemm_count(&g->k);
  double rows = padded(m, GEMM_ROWS), full = m / (m < 2 ? 2 * m : rows - m > 3 ? rows - 2 : m);
  return GEMM_SHARE / 100.0 * full * n / padded(n, GEMM_VECTOR) * k / (k + GEMM_START);
}

/* As gc_uses_dots of gemm.inc: neither operand is packed. */
static bool gemm_is_dots(const GemmDesc *g) {
  bool contiguous = g->k.n == 1 && g->k.s0[0] == 1 && !g->taps.n;
  if (!contiguous || gemm_count(&g->m) > DOT_ROWS || gemm_count(&g->k) < DOT_TERMS) return false;
  return g->panels == 2 || (!g->panels && g->k.s1[0] == 1);
}

/* Elements that are packed: the left operand for each group of panels unless it is contiguous along k, the right one
 * for each block of rows unless it is stored in panels along n. */
static double gemm_packed(const GemmDesc *g) {
  double m = gemm_count(&g->m), n = gemm_count(&g->n), k = gemm_count(&g->k), all = 0;
  bool direct = g->taps.n || (g->k.n && g->k.s0[g->k.n - 1] == 1);
  if (gemm_is_dots(g)) return 0;
  if (!direct) all += m * k * ceil(n / GEMM_COLUMNS);
  if (g->panels != 1) all += n * k * ceil(m / GEMM_BLOCK);
  return all * gemm_count(&g->batch);
}

/* Matrix units are so fast that the caches limit them, and in attention its exponentials. */
static bool has_matrix_unit(const Rates *r) { return r->half > 8 * r->contract; }

static double gemm_rate(const Kernel *k, const GemmDesc *g, const Rates *r) {
  bool half = operand_is_bf16(&g->a) && operand_is_bf16(&g->b);
  if (half && r->half > 0) return has_matrix_unit(r) ? r->half * MATRIX_SHARE / 100.0 : r->half;
  return gemm_type(k) == DT_F64 ? r->contract / 2 : r->contract;
}

static double gemm_seconds(const Kernel *k, const GemmDesc *g, const Rates *r) {
  double results = gemm_count(&g->batch) * gemm_count(&g->m) * gemm_count(&g->n);
  double rate = gemm_rate(k, g, r);
  return 2 * results * gemm_count(&g->k) / (rate * gemm_share(g)) + gemm_packed(g) / (r->element * PACK_SHARE / 100.0);
}

/* Sums of columns that read one vector of each row: caches do not load ahead. */
static double memory_seconds(const Kernel *k, const NestSchedule *s, bool loops, const Rates *r) {
  double seconds = 0, load = LOAD_SHARE;
  if (loops && s->lane_outer && s->nest->nacc && s->block == 1) load = COLUMN_SHARE;
  for (int b = 0; b < k->nbuf; b++) {
    double rate = rate_at(r, distance_of(k, b)) / 100.0;
    seconds += nest_buffer_bytes(k, s, b, false) / (rate * load);
    seconds += nest_buffer_bytes(k, s, b, true) / (rate * STORE_SHARE);
  }
  return seconds;
}

static double attend_seconds(const KernelCost *c, const Rates *r) {
  bool matrix = has_matrix_unit(r) && c->compute * r->contract < c->flops;
  return c->compute * 100 / (matrix ? MATRIX_ATTEND_SHARE : ATTEND_SHARE);
}

/* Half of the shorter one of computing and moving is hidden by the other. */
static double predicted(const Kernel *k, const KernelSchedule *s, const KernelCost *c, const Rates *r) {
  bool loops = !s->gemm && !s->attend;
  double work = 0, memory = 0, seconds = CALL_NS * 1e-9;
  for (int i = 0; i < k->nnest; i++) {
    memory += memory_seconds(k, &s->nest[i], loops, r);
    if (loops) work += nest_work(k, &s->nest[i]) * 100 / (s->nest[i].lane >= 0 ? LOOP_SHARE : SCALAR_SHARE);
  }
  if (s->attend) seconds += attend_seconds(c, r);
  if (s->gemm) {
    seconds += gemm_seconds(k, s->gemm, r);
    work = nest_work(k, &s->columns) * 100 / EPILOGUE_SHARE;
  }
  work *= r->vec / r->element;
  return seconds + (work > memory ? work + memory / 2 : memory + work / 2);
}

KernelCost kernel_cost(const Kernel *k, const KernelSchedule *s, const Rates *r) {
  GroupCost group = group_cost(k->gs->g, k->group, r);
  KernelCost c = {.flops = group.flops, .compute = group.compute};
  count_memory(k, s, r, &c);
  c.seconds = predicted(k, s, &c, r);
  return c;
}

const char *kernel_form(const Kernel *k, const KernelSchedule *s) {
  if (s->gemm) return "gemm";
  for (int i = 0; i < k->nnest; i++)
    if (s->nest[i].lane >= 0) return "vector";
  return "scalar";
}

const char *kernel_ops(Ctx *c, const Kernel *k) {
  const Graph *g = k->gs->g;
  Str s = {.c = c};
  str_printf(&s, "%s:", kernel_class_name[k->group->cls]);
  for (int i = 0; i < k->group->nnode; i++) {
    if (s.n > 90) {
      str_puts(&s, ", ...");
      break;
    }
    str_printf(&s, "%s %s", i ? "," : "", node_info(g, k->group->node[i])->name);
  }
  return s.s;
}
