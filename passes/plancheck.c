/* The plan checker: proves that with the places of `memory` and the order of `order` every kernel loads what it should.
 *
 * It runs the plan without numbers: a map from arena bytes, weights and results to the node whose value they hold is
 * kept while the kernels run in order. A load must find its own value there, every byte of it. It knows nothing of
 * lifetimes or of how memory.c came to its places. Checked besides: bounds, alignment, overlap of persistent tensors,
 * that operand and result share bytes only where the kernel may work in place, that the loss comes before the first
 * update, and that at the end every weight and result holds what the graph says. */
#include "passes/group.h"
#include "passes/pass.h"
#include "passes/persist.h"
#include <stdlib.h>
#include <string.h>

enum { E_PLAN = 412, NOTHING = 0, MIXED = -1, CLOBBERED = -2 };

typedef struct Check {
  Module *m;
  Graph *g;
  Groups *gs;
  int faults;
  int64_t *cut; int ncut;   /* where buffers begin and end in the arena, sorted; cell i is cut[i] .. cut[i + 1) */
  int64_t *holds; int base; /* a tree over the cells: the node that all cells below hold, or MIXED */
  Id *in_var, *in_result;   /* node whose value it holds; 0: the old value, or nothing */
} Check;

__attribute__((format(printf, 3, 4))) static void fault(Check *c, Id n, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  const char *what = ctx_vstrf(c->m->c, fmt, ap);
  va_end(ap);
  Loc loc = c->g && n ? node_get(c->g, n)->loc : 0;
  if (c->faults++ < 5)
    diag_error(c->m->c, E_PLAN, loc, 1, "memory plan of `%s`, node %u: %s", c->g ? c->g->name : c->m->name, n, what);
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

static int64_t bytes_of(const Check *c, Id n) { return type_bytes(c->m, node_get(c->g, n)->type); }

static bool in_arena(Check *c, Id n, int64_t at, int64_t bytes) {
  int64_t align = plan_align(c->m);
  if (at < 0 || bytes < 0 || at > c->g->arena - bytes)
    fault(c, n, "bytes %lld + %lld lie outside of the arena of %lld", (long long)at, (long long)bytes,
          (long long)c->g->arena);
  else if (at % align)
    fault(c, n, "offset %lld is not aligned to %lld", (long long)at, (long long)align);
  else
    return true;
  return false;
}

static bool arena_start(Check *c) {
  const Groups *gs = c->gs;
  int64_t n = 0;
  for (int k = 0; k < gs->n; k++) n += gs->group[k].nwrite + 1;
  c->cut = ctx_alloc(c->m->c, sizeof *c->cut * (size_t)(2 * n + 2));
  int ncut = 0;
  for (int k = 0; k < gs->n; k++) {
    const Group *p = &gs->group[k];
    for (int i = 0; i <= p->nwrite; i++) {
      if (i == p->nwrite && p->scratch <= 0) continue;
      Id node = i < p->nwrite ? p->write[i] : p->root;
      int64_t at = c->g->anno[node].offset, bytes = i < p->nwrite ? bytes_of(c, node) : p->scratch;
      if (c->g->anno[node].space != SP_ARENA) continue;
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
  const Anno *a = &c->g->anno[n];
  bool well = false;
  if (a->space == SP_ARENA) well = holds(c, a->offset, bytes_of(c, n), n);
  else if (a->space == SP_VAR) well = a->index < (uint32_t)c->m->nvar && c->in_var[a->index] == (is_leaf(c, n) ? 0 : n);
  else if (a->space == SP_IN) well = a->index < (uint32_t)c->g->nport && c->g->port[a->index] == n;
  else if (a->space != SP_NONE) well = a->index < (uint32_t)c->g->nout && c->in_result[a->index] == n;
  if (!well) fault(c, n, "the value is not, or no longer, in its place when it is loaded");
}

typedef struct Range { int space; int64_t from, to; } Range;

/* Bytes of a buffer in a space of its own: arena, each weight, each result. */
static Range range_of(const Check *c, Id n) {
  const Anno *a = &c->g->anno[n];
  int64_t at = a->space == SP_ARENA ? a->offset : (int64_t)a->index << 48;
  return (Range){a->space, at, at + bytes_of(c, n)};
}

static bool meet(Range a, Range b) { return a.space == b.space && a.from < b.to && b.from < a.to; }

static void check_overlap(Check *c, const Group *p) {
  Range scratch = {SP_ARENA, c->g->anno[p->root].offset, c->g->anno[p->root].offset + p->scratch};
  for (int i = 0; i < p->nwrite; i++) {
    Id n = p->write[i];
    Range w = range_of(c, n);
    if (p->scratch > 0 && meet(w, scratch)) fault(c, n, "a result lies in the scratch of its kernel");
    for (int k = 0; k < i; k++)
      if (meet(w, range_of(c, p->write[k]))) fault(c, n, "two results of a kernel share bytes");
    for (int k = 0; k < p->nread; k++) {
      Range r = range_of(c, p->read[k]);
      if (!meet(w, r)) continue;
      if (w.from != r.from || w.to != r.to || !group_inplace(c->gs, p, p->read[k], n))
        fault(c, n, "the result overwrites operand %u, which its kernel does not allow", p->read[k]);
    }
  }
  for (int k = 0; p->scratch > 0 && k < p->nread; k++)
    if (meet(range_of(c, p->read[k]), scratch)) fault(c, p->read[k], "an operand lies in the scratch of its kernel");
}

static bool loss_missing(const Check *c) {
  int i = graph_checked(c->g);
  Id loss = i < 0 ? 0 : c->g->out[i].value;
  return loss && c->in_result[c->g->anno[loss].index] != loss;
}

static void do_write(Check *c, Id n) {
  const Anno *a = &c->g->anno[n];
  if (a->space == SP_ARENA) {
    hold(c, a->offset, bytes_of(c, n), n);
  } else if (a->space == SP_VAR && a->index < (uint32_t)c->m->nvar) {
    const Var *v = &c->m->var[a->index];
    if (v->type != node_get(c->g, n)->type || v->stored != a->stored)
      fault(c, n, "its type or stored order is not that of `%s`", v->name);
    if (loss_missing(c)) fault(c, n, "`%s` is updated before the loss is known", v->name);
    c->in_var[a->index] = n;
  } else if ((a->space == SP_OUT || a->space == SP_HEAD) && a->index < (uint32_t)c->g->nout) {
    c->in_result[a->index] = n;
  } else {
    fault(c, n, "a stored value has no place");
  }
}

static void check_ends(Check *c) {
  for (int i = 0; i < c->g->nout; i++) {
    const Out *o = &c->g->out[i];
    const Anno *a = &c->g->anno[o->value];
    int64_t last = a->offset + bytes_of(c, o->value);
    if (o->var >= 0 && (a->space != SP_VAR || c->in_var[o->var] != o->value))
      fault(c, o->value, "`%s` does not hold its new value at the end", o->name);
    if (o->var < 0 && ((a->space != SP_OUT && a->space != SP_HEAD) || c->in_result[a->index] != o->value))
      fault(c, o->value, "the result `%s` is not in its place at the end", o->name);
    if (a->space == SP_HEAD && (a->offset < HEAD_LOSS || last > c->m->head_bytes))
      fault(c, o->value, "the result `%s` lies outside of the head", o->name);
    for (int k = 0; a->space == SP_HEAD && k < i; k++) {
      const Anno *b = &c->g->anno[c->g->out[k].value];
      if (a->space == SP_HEAD && b->space == SP_HEAD && a->offset == b->offset)
        fault(c, o->value, "the results `%s` and `%s` share a place", o->name, c->g->out[k].name);
    }
  }
}

static void check_graph(Check *c, Graph *g) {
  size_t nvar = (size_t)c->m->nvar + 1, nout = (size_t)g->nout + 1;
  c->g = g;
  c->gs = groups_make(g);
  c->ncut = 0;
  c->in_var = ctx_alloc(c->m->c, nvar * sizeof(Id));
  c->in_result = ctx_alloc(c->m->c, nout * sizeof(Id));
  if (g->kind != GK_BODY && g->kind != GK_TEST && g->arena > c->m->arena_bytes)
    fault(c, 0, "its arena of %lld bytes is larger than the module's", (long long)g->arena);
  if (!arena_start(c)) return;
  for (int k = 0; k < c->gs->n; k++) {
    const Group *p = &c->gs->group[k];
    if (!p->pos || (k && p->pos == c->gs->group[k - 1].pos))
      fault(c, p->root, "kernel %u has no turn of its own", p->kernel);
    for (int i = 0; i < p->nread; i++) check_read(c, p->read[i]);
    check_overlap(c, p);
    if (p->scratch > 0) hold(c, g->anno[p->root].offset, p->scratch, CLOBBERED);
    for (int i = 0; i < p->nwrite; i++) do_write(c, p->write[i]);
  }
  check_ends(c);
}

/* ---- the persistent region ---- */

static void check_persistent(Check *c) {
  Module *m = c->m;
  int64_t (*v)[2] = ctx_alloc(m->c, sizeof *v * (size_t)(m->nvar + 1)), end = m->head_bytes + m->persistent_bytes;
  int n = 0;
  for (int i = 0; i < m->nvar; i++) {
    if (m->var[i].rom) continue;
    v[n][0] = m->var[i].offset;
    v[n][1] = m->var[i].offset + type_bytes(m, m->var[i].type);
    if (v[n][0] < m->head_bytes || v[n][1] > end)
      fault(c, 0, "`%s` lies outside of the persistent region", m->var[i].name);
    n += v[n][1] > v[n][0]; /* one without elements shares nothing */
  }
  qsort(v, (size_t)n, sizeof *v, by_value);
  for (int i = 1; i < n; i++)
    if (v[i][0] < v[i - 1][1]) fault(c, 0, "two weights share bytes at offset %lld", (long long)v[i][0]);
  if (m->total_bytes != end + m->arena_bytes) fault(c, 0, "the parts of the memory do not add up");
}

int plan_check(Module *m) {
  Check c = {.m = m};
  check_persistent(&c);
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->nanno) check_graph(&c, m->graph[i]);
  return c.faults;
}
