/* SPDX-License-Identifier: Apache-2.0 */
/* Proves one graph, and the memory of the module, by symbolic execution of the plan: a map from arena bytes, weights
 * and results to the node whose value they hold is updated kernel by kernel, and every byte that a kernel loads must
 * hold the value of the node. Also checked: bounds, alignment, overlap of persistent tensors, each kernel by itself
 * (check_kernel.c), the scratch of scans and the storage order of what they slice, that the loss is computed before the
 * first update, and that at the end every weight and result holds its value. */
#include "codegen/check.h"
#include "ir/scan.h"
#include "ir/sizes.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>
#include <string.h>

enum { NOTHING = 0, MIXED = -1, CLOBBERED = -2 };

/* The buffers that a kernel stores, and those that it only loads. */
typedef struct BufferUse {
  Id *read, *write;
  int nread, nwrite;
} BufferUse;

typedef struct Check {
  Module *m;
  Graph *g;
  const Groups *gs;
  Kernel *const *kernel;
  BufferUse *use; /* per group */
  int faults;
  int64_t *cut;
  int ncut; /* bounds of buffers in the arena, sorted; cell i is cut[i] .. cut[i + 1) */
  int64_t *holds;
  int base;               /* segment tree over the cells: the node that all cells below hold, or MIXED */
  Id *in_var, *in_result; /* the node whose value a weight or result holds; 0: the old value, or nothing */
} Check;

__attribute__((format(printf, 3, 4))) static void fault(Check *c, Id n, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *what = ctx_vstrf(c->m->c, fmt, ap);
  va_end(ap);
  Loc loc = c->g && n ? node_get(c->g, n)->loc : 0;
  if (c->faults++ < 5)
    diag_error(c->m->c, E_PLAN_REFUSED, loc, 1, "memory plan of `%s`, node %u: %s", c->g ? c->g->name : c->m->name, n,
               what);
}

/* ---- buffers of a kernel ---- */

static BufferUse buffers_of_kernel(Ctx *c, const Kernel *k) {
  size_t bytes = sizeof(Id) * (size_t)(k->nbuf + 1);
  BufferUse t = {ctx_alloc(c, bytes), ctx_alloc(c, bytes), 0, 0};
  for (int i = 0; i < k->nbuf; i++) {
    if (k->buf[i].written) t.write[t.nwrite++] = k->buf[i].node;
    else if (!k->buf[i].table) t.read[t.nread++] = k->buf[i].node;
  }
  return t;
}

/* A scan reads all of its operands and stores its results, which are those of its `get` nodes. */
static BufferUse buffers_of_scan(const Graph *g, const Group *p) {
  Ctx *c = g->m->c;
  uint32_t nin = node_get(g, p->root)->nin;
  BufferUse t = {ctx_alloc(c, sizeof(Id) * (nin + 1)), ctx_alloc(c, sizeof(Id) * (size_t)(p->nnode + 1)), 0, 0};
  for (uint32_t i = 0; i < nin; i++) t.read[t.nread++] = node_in(g, p->root, (int)i);
  for (int i = 0; i < p->nnode; i++)
    if (p->node[i] != p->root) t.write[t.nwrite++] = p->node[i];
  return t;
}

/* ---- what the arena holds ---- */

static int cell_of(const Check *c, int64_t at) {
  int lo = 0, hi = c->ncut - 1;
  while (lo < hi) {
    int mid = (lo + hi) / 2;
    if (c->cut[mid] < at) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}

static void push_down(Check *c, int k) {
  if (c->holds[k] == MIXED) return;
  c->holds[2 * k] = c->holds[2 * k + 1] = c->holds[k];
}

static void arena_set(Check *c, int k, int lo, int hi, int from, int to, int64_t v) {
  if (to <= lo || hi <= from) return;
  if (from <= lo && hi <= to) {
    c->holds[k] = v;
    return;
  }
  push_down(c, k);
  int mid = (lo + hi) / 2;
  arena_set(c, 2 * k, lo, mid, from, to, v);
  arena_set(c, 2 * k + 1, mid, hi, from, to, v);
  c->holds[k] = c->holds[2 * k] == c->holds[2 * k + 1] ? c->holds[2 * k] : MIXED;
}

static bool arena_is(const Check *c, int k, int lo, int hi, int from, int to, int64_t v) {
  if (to <= lo || hi <= from || c->holds[k] == v) return true;
  if (c->holds[k] != MIXED) return false;
  int mid = (lo + hi) / 2;
  return arena_is(c, 2 * k, lo, mid, from, to, v) && arena_is(c, 2 * k + 1, mid, hi, from, to, v);
}

static void hold(Check *c, int64_t at, int64_t bytes, int64_t v) {
  if (bytes) arena_set(c, 1, 0, c->base, cell_of(c, at), cell_of(c, at + bytes), v);
}

static bool holds(const Check *c, int64_t at, int64_t bytes, int64_t v) {
  return !bytes || arena_is(c, 1, 0, c->base, cell_of(c, at), cell_of(c, at + bytes), v);
}

static int by_value(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return x < y ? -1 : x > y;
}

static bool in_arena(Check *c, Id n, int64_t at, int64_t bytes) {
  int64_t align = plan_align(c->m);
  if (at < 0 || bytes < 0 || at > c->g->arena - bytes)
    fault(c, n, "bytes %lld + %lld are outside of the arena of %lld", (long long)at, (long long)bytes,
          (long long)c->g->arena);
  else if (at % align) fault(c, n, "offset %lld is not aligned to %lld", (long long)at, (long long)align);
  else return true;
  return false;
}

static bool arena_start(Check *c) {
  const Groups *gs = c->gs;
  int64_t n = 0;
  for (int k = 0; k < gs->n; k++) n += c->use[k].nwrite + 1;
  c->cut = ctx_alloc(c->m->c, sizeof *c->cut * (size_t)(2 * n + 2));
  int ncut = 0;
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    const BufferUse *t = &c->use[k];
    for (int i = 0; i <= t->nwrite; i++) {
      if (i == t->nwrite && p->scratch <= 0) continue;
      bool own = i == t->nwrite; /* its scratch */
      Id node = own ? p->root : t->write[i];
      int64_t at = own ? *group_scratch_at(c->g, p) : c->g->anno[node].offset;
      int64_t bytes = own ? p->scratch : node_bytes(c->g, node);
      if (!own && c->g->anno[node].space != SP_ARENA) continue;
      if (!in_arena(c, node, at, bytes)) return false;
      c->cut[ncut++] = at;
      c->cut[ncut++] = at + bytes;
    }
  }
  qsort(c->cut, (size_t)ncut, sizeof *c->cut, by_value);
  for (int i = 0; i < ncut; i++)
    if (!i || c->cut[i] != c->cut[c->ncut - 1]) c->cut[c->ncut++] = c->cut[i];
  for (c->base = 1; c->base < c->ncut; c->base *= 2) {}
  c->holds = ctx_alloc(c->m->c, sizeof *c->holds * 2 * (size_t)c->base);
  return true;
}

/* ---- one kernel ---- */

static bool is_leaf(const Check *c, Id n) { return c->gs->writer[n] < 0; }

static void check_read(Check *c, Id n) {
  const Annotation *a = &c->g->anno[n];
  bool ok = false;
  if (a->space == SP_ARENA) ok = holds(c, a->offset, node_bytes(c->g, n), n);
  else if (a->space == SP_VAR) ok = a->index < (uint32_t)c->m->nvar && c->in_var[a->index] == (is_leaf(c, n) ? 0 : n);
  else if (a->space == SP_IN) ok = a->index < (uint32_t)c->g->nport && c->g->port[a->index] == n;
  else if (a->space != SP_NONE) ok = a->index < (uint32_t)c->g->nout && c->in_result[a->index] == n;
  if (!ok) fault(c, n, "the value is not, or no longer, in its buffer when it is loaded");
}

/* The arena is one space; so is each weight and each result. */
CheckLocation check_location(const Graph *g, Id n) {
  const Annotation *a = &g->anno[n];
  int64_t at = a->space == SP_ARENA ? a->offset : (int64_t)a->index << 48;
  return (CheckLocation){a->space, at, at + node_bytes(g, n)};
}

CheckLocation *check_locations(const Kernel *k) {
  const Graph *g = k->gs->g;
  CheckLocation *location = ctx_alloc(g->m->c, sizeof *location * (size_t)(k->nbuf + 1));
  for (int i = 0; i < k->nbuf; i++)
    if (!k->buf[i].table) location[i] = check_location(g, k->buf[i].node);
  return location;
}

static void check_kernel(Check *c, const Kernel *k) {
  const CheckLocation *location = check_locations(k);
  Id n;
  for (int i = 0; i < k->nbuf; i++)
    for (int j = 0; j < i; j++)
      if (k->buf[i].written && k->buf[j].written && locations_overlap(&location[i], &location[j]))
        fault(c, k->buf[i].node, "two results of a kernel share bytes");
  const char *why = kernel_check(k, location, &n);
  if (why) fault(c, n, "%s", why);
}

/* ---- scans ---- */

/* True if the slice of iteration t of a stacked value is contiguous and row-major, at t times its size. */
static bool iterations_are_contiguous(Check *c, Id n, int axis) {
  const Type *t = node_type(c->g, n);
  Dim stride[MAX_RANK], step = 1;
  if (!buffer_strides(c->g, n, stride)) return false;
  for (int i = t->rank - 1; i >= 0; step = i == axis ? step : dim_mul(c->m, step, t->dim[i]), i--)
    if (i != axis && t->dim[i] != 1 && stride[i] != step) return false;
  return t->dim[axis] == 1 || stride[axis] == step;
}

static void check_order(Check *c, Id n, int axis, int64_t slice) {
  bool ok = axis < 0 || slice >= 0 ? buffer_row_major(c->g, n) : iterations_are_contiguous(c, n, axis);
  if (!ok) fault(c, n, "its scan slices it in another order than it is stored in");
}

/* The body reads a captured operand in place, through its port. */
static void check_captured(Check *c, Id n, const Graph *body, Id port) {
  Panels p, q;
  bool panels = buffer_panels(c->g, n, &p);
  Dim stride[2][MAX_RANK] = {{0}, {0}};
  bool same = panels == buffer_panels(body, port, &q);
  if (panels) same = same && p.axis == q.axis && p.width == q.width;
  else
    same = same && buffer_strides(c->g, n, stride[0]) && buffer_strides(body, port, stride[1]) &&
           !memcmp(stride[0], stride[1], sizeof stride[0]);
  if (!same) fault(c, n, "the body of its scan reads it in another order than it is stored in");
}

CheckLocation check_scratch_of(const Graph *g, const Group *k) {
  int64_t at = *group_scratch_at(g, k);
  return (CheckLocation){k->scratch > 0 ? SP_ARENA : SP_NONE, at, at + k->scratch};
}

/* The scratch shares no bytes with what its kernel accesses. */
static void check_apart(Check *c, const Group *p, const BufferUse *t) {
  CheckLocation scratch = check_scratch_of(c->g, p);
  for (int i = 0; i < t->nwrite + t->nread; i++) {
    Id n = i < t->nwrite ? t->write[i] : t->read[i - t->nwrite];
    CheckLocation x = check_location(c->g, n);
    if (locations_overlap(&x, &scratch))
      fault(c, n,
            i < t->nwrite ? "a result is in the scratch of its kernel" : "an operand is in the scratch of its kernel");
  }
}

/* The scratch has ranges for the body's arena, carries and slices, without overlap. */
static void check_scratch(Check *c, const Group *p, const Scan *s, const ScanScratch *x) {
  CheckLocation range[1 + 4 * 64];
  int n = 0;
  if (1 + s->nc + s->nx + s->ny > (int)(sizeof range / sizeof *range)) return;
  if (s->body->arena > 0) range[n++] = (CheckLocation){1, x->arena, x->arena + s->body->arena};
  const Type *t = node_type(c->g, p->root);
  for (int i = 0; i < s->nc; i++)
    range[n++] = (CheckLocation){1, x->carry[i], x->carry[i] + type_bytes(c->m, t->elem[i])};
  for (int i = 0; i < s->nx + s->ny; i++) {
    if (x->slice[i] < 0) continue;
    TypeId stacked = i < s->nx ? node_get(c->g, node_in(c->g, p->root, i))->type : t->elem[s->nc + i - s->nx];
    TypeId slice = scan_slice_type(c->m, type_get(c->m, stacked), s->axis);
    range[n++] = (CheckLocation){1, x->slice[i], x->slice[i] + type_bytes(c->m, slice)};
  }
  for (int i = 0; i < n; i++) {
    if (range[i].from < 0 || range[i].to > p->scratch) fault(c, p->root, "a range is outside of the scratch");
    for (int k = 0; k < i; k++)
      if (locations_overlap(&range[i], &range[k])) fault(c, p->root, "two ranges of the scratch share bytes");
  }
}

static void check_scan(Check *c, const Group *p, const BufferUse *t) {
  Scan s = scan_of(c->g, p->root);
  ScanScratch x;
  scan_scratch(c->g, p, &x);
  for (int i = 0; i < t->nwrite; i++) {
    CheckLocation w = check_location(c->g, t->write[i]);
    int64_t at = node_attr(c->g, t->write[i], ATTR(get, index))->i - s.nc;
    check_order(c, t->write[i], at < 0 ? -1 : s.axis, at < 0 ? 0 : x.slice[s.nx + at]);
    for (int k = 0; k < t->nwrite + t->nread; k++) {
      Id o = k < t->nwrite ? t->write[k] : t->read[k - t->nwrite];
      CheckLocation r = check_location(c->g, o);
      if (o != t->write[i] && locations_overlap(&w, &r))
        fault(c, t->write[i], "it shares bytes with node %u of its scan", o);
    }
  }
  for (int i = 0; i < t->nread; i++) {
    if (i >= s.nx + s.nc) check_captured(c, t->read[i], s.body, s.body->port[i]);
    else check_order(c, t->read[i], i < s.nx ? s.axis : -1, i < s.nx ? x.slice[i] : 0);
  }
  if (s.length) check_scratch(c, p, &s, &x);
}

/* ---- stores, and the end ---- */

static bool loss_missing(const Check *c) {
  int i = graph_checked(c->g);
  Id loss = i < 0 ? 0 : c->g->out[i].value;
  return loss && c->in_result[c->g->anno[loss].index] != loss;
}

static void do_write(Check *c, Id n) {
  const Annotation *a = &c->g->anno[n];
  if (a->space == SP_ARENA) {
    hold(c, a->offset, node_bytes(c->g, n), n);
  } else if (a->space == SP_VAR && a->index < (uint32_t)c->m->nvar) {
    const Var *v = &c->m->var[a->index];
    if (v->type != node_get(c->g, n)->type || v->stored != a->stored)
      fault(c, n, "its type or stored order is not that of `%s`", v->name);
    if (loss_missing(c)) fault(c, n, "`%s` is updated before the loss is known", v->name);
    c->in_var[a->index] = n;
  } else if ((a->space == SP_OUT || a->space == SP_HEAD) && a->index < (uint32_t)c->g->nout) {
    c->in_result[a->index] = n;
  } else {
    fault(c, n, "a stored value has no location");
  }
}

static void check_ends(Check *c) {
  for (int i = 0; i < c->g->nout; i++) {
    const Out *o = &c->g->out[i];
    const Annotation *a = &c->g->anno[o->value];
    int64_t last = a->offset + node_bytes(c->g, o->value);
    if (o->var >= 0 && (a->space != SP_VAR || c->in_var[o->var] != o->value))
      fault(c, o->value, "`%s` does not hold its new value at the end", o->name);
    if (o->var < 0 && ((a->space != SP_OUT && a->space != SP_HEAD) || c->in_result[a->index] != o->value))
      fault(c, o->value, "the result `%s` is not in its location at the end", o->name);
    if (a->space == SP_HEAD && (a->offset < HEAD_LOSS || last > c->m->head_bytes))
      fault(c, o->value, "the result `%s` is outside of the head", o->name);
    for (int k = 0; a->space == SP_HEAD && k < i; k++) {
      const Annotation *b = &c->g->anno[c->g->out[k].value];
      if (a->space == SP_HEAD && b->space == SP_HEAD && a->offset == b->offset)
        fault(c, o->value, "the results `%s` and `%s` share a location", o->name, c->g->out[k].name);
    }
  }
}

static void run_group(Check *c, int k) {
  const Group *p = &c->gs->group[k];
  const BufferUse *t = &c->use[k];
  if (!p->pos || (k && p->pos == c->gs->group[k - 1].pos))
    fault(c, p->root, "kernel %u has no position in the order", p->kernel);
  for (int i = 0; i < t->nread; i++) check_read(c, t->read[i]);
  if (c->kernel[k]) check_kernel(c, c->kernel[k]);
  else check_scan(c, p, t);
  check_apart(c, p, t);
  if (p->scratch > 0) hold(c, *group_scratch_at(c->g, p), p->scratch, CLOBBERED);
  for (int i = 0; i < t->nwrite; i++) do_write(c, t->write[i]);
}

/* What the kernels may assume of run-time sizes, since calls with others are refused. */
static void sizes_from(Module *m, Graph *g) {
  SizeConstraints list = graph_constraints(g);
  for (int s = 0; s < m->nsize; s++) m->size[s].least = size_least(m, &list, s);
}

int plan_check_graph(const Groups *gs, Kernel *const *kernel) {
  Graph *g = gs->g;
  Module *m = g->m;
  Ctx *ctx = m->c;
  Check c = {.m = m, .g = g, .gs = gs, .kernel = kernel};
  c.in_var = ctx_alloc(ctx, ((size_t)m->nvar + 1) * sizeof(Id));
  c.in_result = ctx_alloc(ctx, ((size_t)g->nout + 1) * sizeof(Id));
  c.use = ctx_alloc(ctx, ((size_t)gs->n + 1) * sizeof *c.use);
  if (g->kind != GK_BODY && g->kind != GK_TEST && g->arena > m->arena_bytes)
    fault(&c, 0, "its arena of %lld bytes is larger than the module's", (long long)g->arena);
  for (int k = 0; k < gs->n; k++)
    c.use[k] = kernel[k] ? buffers_of_kernel(ctx, kernel[k]) : buffers_of_scan(g, &gs->group[k]);
  sizes_from(m, g);
  if (!arena_start(&c)) return c.faults;
  for (int k = 0; k < gs->n; k++) run_group(&c, k);
  check_ends(&c);
  return c.faults;
}

Kernel **kernels_build(const Groups *gs) {
  Kernel **k = ctx_alloc(gs->g->m->c, sizeof *k * (size_t)(gs->n + 1));
  for (int i = 0; i < gs->n; i++) k[i] = gs->group[i].cls == KC_SCAN ? NULL : kernel_build(gs, &gs->group[i]);
  return k;
}

/* ---- the persistent region ---- */

static void check_persistent(Check *c) {
  Module *m = c->m;
  int64_t(*v)[2] = ctx_alloc(m->c, sizeof *v * (size_t)(m->nvar + 1)), end = m->head_bytes + m->persistent_bytes;
  int n = 0;
  for (int i = 0; i < m->nvar; i++) {
    if (m->var[i].rom) continue;
    v[n][0] = m->var[i].offset;
    v[n][1] = m->var[i].offset + type_bytes(m, m->var[i].type);
    if (v[n][0] < m->head_bytes || v[n][1] > end)
      fault(c, 0, "`%s` is outside of the persistent region", m->var[i].name);
    n += v[n][1] > v[n][0]; /* one without elements overlaps nothing */
  }
  qsort(v, (size_t)n, sizeof *v, by_value);
  for (int i = 1; i < n; i++)
    if (v[i][0] < v[i - 1][1]) fault(c, 0, "two weights share bytes at offset %lld", (long long)v[i][0]);
  if (m->total_bytes != end + m->arena_bytes) fault(c, 0, "the sections of the memory do not add up");
}

int plan_check_persistent(Module *m) {
  Check c = {.m = m};
  check_persistent(&c);
  return c.faults;
}

int plan_check(Module *m) {
  int faults = plan_check_persistent(m);
  for (int i = 0; i < m->ngraph; i++) {
    if (!m->graph[i]->nanno) continue;
    const Groups *gs = groups_make(m->graph[i]);
    faults += plan_check_graph(gs, kernels_build(gs));
  }
  return faults;
}
