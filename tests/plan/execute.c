/* SPDX-License-Identifier: Apache-2.0 */
#include "plan.h"
#include "ir/scan.h"
#include <stdlib.h>
#include <string.h>

typedef uint64_t Tag; /* value << 32 | element + 1; 0: nothing is known */
typedef struct Bytes {
  Tag *tag;
  int64_t n;
} Bytes;

enum { RISING = 0, FALLING, SHUFFLED, IN_STEP, ORDERS };

/* LOADS_CHECKED: as above. FIRST and SECOND, of threads_conflict: a tag is 1 + the thread that accessed the byte, and
 * in the upper half 1 + the thread that stored it. */
typedef enum Mode { LOADS_CHECKED, FIRST, SECOND } Mode;
enum { THREAD = 0xffffffff, MANY = THREAD };

typedef struct Run {
  Mode mode;
  const CheckPartition *share;
  Tag thread; /* 1 + the thread of the present point */
  const Groups *gs;
  const Graph *g;
  Module *m;
  const int64_t *size;
  uint64_t state;
  int order;
  Bytes arena, *var, *out, *in;
  bool wrong;
} Run;

static uint32_t rnd(Run *r, uint32_t n) {
  r->state = r->state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(r->state >> 33) % n;
}

static int64_t value_of(const Run *r, Dim d) { return d >= 0 ? d : dim_value(r->m, d, r->size); }
static int64_t count_of(const Run *r, Id n) { return value_of(r, type_count(r->m, node_get(r->g, n)->type)); }
static int bytes_of(const Run *r, Id n) { return dtype_info[node_type(r->g, n)->dtype].bytes; }

/* ---- memory ---- */

static Bytes bytes_new(Ctx *c, int64_t n) { return (Bytes){ctx_alloc(c, ((size_t)n + 1) * sizeof(Tag)), n}; }

/* The bytes of element `at` of a buffer; NULL: outside. */
static Tag *element(Run *r, Id n, int64_t at) {
  const Annotation *a = &r->g->anno[n];
  int64_t size = bytes_of(r, n), from = at * size + (a->space == SP_ARENA ? a->offset : 0);
  Bytes *b = a->space == SP_ARENA ? &r->arena
             : a->space == SP_VAR ? &r->var[a->index]
             : a->space == SP_IN  ? &r->in[a->index]
             : a->space           ? &r->out[a->index]
                                  : NULL;
  if (!b || at < 0 || from < 0 || from + size > b->n) return NULL;
  return b->tag + from;
}

static Tag tag_of(Id n, int64_t at) { return (Tag)n << 32 | (Tag)(at + 1); }

static Tag met(Tag before, Tag thread) { return !before || before == thread ? thread : MANY; }

static void touch(Run *r, Id n, int64_t at, bool stores) {
  Tag *t = element(r, n, at);
  for (int i = 0; t && i < bytes_of(r, n); i++) {
    Tag any = t[i] & THREAD, stored = t[i] >> 32, other = stores ? any : stored;
    if (r->mode == SECOND) r->wrong |= other && other != r->thread;
    else t[i] = met(any, r->thread) | (stores ? met(stored, r->thread) : stored) << 32;
  }
}

static void load(Run *r, Id n, int64_t at) {
  if (r->mode) {
    touch(r, n, at, false);
    return;
  }
  Tag *t = element(r, n, at);
  bool ok = t && at < count_of(r, n);
  for (int i = 0; ok && i < bytes_of(r, n); i++) ok = t[i] == tag_of(n, at);
  r->wrong |= !ok;
}

static void store(Run *r, Id n, int64_t at, Tag tag) {
  if (r->mode) {
    touch(r, n, at, true);
    return;
  }
  Tag *t = element(r, n, at);
  r->wrong |= !t || at >= count_of(r, n);
  for (int i = 0; t && i < bytes_of(r, n); i++) t[i] = tag;
}

static void each(Run *r, Id n, void (*fn)(Run *, Id, int64_t)) {
  for (int64_t i = 0; i < count_of(r, n); i++) fn(r, n, i);
}
static void store_own(Run *r, Id n, int64_t at) { store(r, n, at, tag_of(n, at)); }
static void clobber(Run *r, Id n, int64_t at) { store(r, n, at, 0); }

/* ---- nests ---- */

typedef struct Point {
  int64_t at[MAX_AXES];
  bool valid[MAX_AXES];
} Point;
typedef struct NestRun {
  Run *r;
  const Kernel *k;
  const KNest *n;
  int par_axis;
  Point *p;
  int np, cap;
} NestRun;

static int64_t affine_value(const Run *r, const Affine *a, const Point *p, int naxes) {
  int64_t v = value_of(r, a->k);
  for (int i = 0; i < naxes; i++) v += value_of(r, a->coef[i]) * p->at[i];
  return v;
}

/* Indices derived from those of loops. */
static void derive(const NestRun *x, Point *p) {
  for (int i = 0; i < x->n->axes.n; i++) {
    const Axis *a = &x->n->axes.axis[i];
    int64_t extent = value_of(x->r, a->extent), e;
    p->valid[i] = true;
    if (a->kind == AX_LOOP) continue;
    if (a->kind == AX_INDIRECT) {
      p->at[i] = extent ? (p->at[0] * 7 + p->at[1] * 13 + a->value) % extent : 0;
      p->valid[i] = extent > 0;
      continue;
    }
    for (int k = 0; k < x->n->axes.n; k++)
      p->valid[i] &= !a->e.coef[k] || x->n->axes.axis[k].kind == AX_LOOP || p->valid[k];
    e = affine_value(x->r, &a->e, p, x->n->axes.n);
    p->valid[i] &= e >= 0 && e % a->div == 0 && e / a->div < extent;
    p->at[i] = p->valid[i] ? e / a->div : 0;
  }
}

static bool is_valid(const NestRun *x, const Affine *a, const Point *p) {
  for (int i = 0; i < x->n->axes.n; i++)
    if (a->coef[i] && !p->valid[i]) return false;
  return true;
}

static bool is_inner(const NestRun *x, int phase, uint32_t needs) {
  const KPhase *p = &x->n->phase[phase];
  for (int i = 0; i < p->naxis; i++)
    if (needs >> p->axis[i] & 1) return true;
  return false;
}

static void loads(NestRun *x, int phase, bool inner, const Point *p) {
  x->r->thread = 1 + (Tag)p->at[x->par_axis];
  for (int i = 1; i < x->n->nval; i++) {
    const KVal *v = &x->n->val[i];
    if (v->kind != KV_LOAD || v->phase != phase || x->k->buf[v->buf].table) continue;
    if (is_inner(x, phase, v->needs) != inner) continue;
    if (is_valid(x, &v->at, p)) load(x->r, x->k->buf[v->buf].node, affine_value(x->r, &v->at, p, x->n->axes.n));
  }
}

static void stores(NestRun *x, int phase, KStoreAt level, const Point *p) {
  x->r->thread = 1 + (Tag)p->at[x->par_axis];
  for (int i = 0; i < x->n->nstore; i++) {
    const KStore *s = &x->n->store[i];
    if (s->phase != phase || s->level != level || !is_valid(x, &s->at, p)) continue;
    Id n = x->k->buf[s->buf].node;
    int64_t at = affine_value(x->r, &s->at, p, x->n->axes.n);
    if (s->add) load(x->r, n, at);
    store(x->r, n, at, tag_of(n, at));
  }
}

/* Goes on to the next inner iteration of the phase; false after the last. */
static bool next_inner(const NestRun *x, const KPhase *ph, Point *p) {
  for (int i = ph->naxis - 1; i >= 0; i--) {
    if (++p->at[ph->axis[i]] < value_of(x->r, x->n->axes.axis[ph->axis[i]].extent)) return true;
    p->at[ph->axis[i]] = 0;
  }
  return false;
}

static bool runs_inner(const NestRun *x, const KPhase *ph) {
  for (int i = 0; i < ph->naxis; i++)
    if (!value_of(x->r, x->n->axes.axis[ph->axis[i]].extent)) return false;
  return true;
}

static bool is_skipped(const KPhase *ph, const Point *p) {
  for (int i = 0; i < MAX_AXES; i++)
    if (ph->skip >> i & 1 && !p->valid[i]) return true;
  return false;
}

/* One phase of the points [from, to), in step with each other. */
static void run_phase(NestRun *x, int phase, int from, int to) {
  const KPhase *ph = &x->n->phase[phase];
  for (int i = from; i < to; i++) derive(x, &x->p[i]), loads(x, phase, false, &x->p[i]);
  for (int i = from; i < to; i++) stores(x, phase, KS_OUTER, &x->p[i]);
  if (!runs_inner(x, ph)) return;
  bool more = true;
  while (more) {
    for (int i = from; i < to; i++) {
      derive(x, &x->p[i]);
      if (!is_skipped(ph, &x->p[i])) loads(x, phase, true, &x->p[i]);
    }
    for (int i = from; i < to; i++)
      if (!is_skipped(ph, &x->p[i])) stores(x, phase, KS_INNER, &x->p[i]);
    for (int i = from; i < to; i++) more = next_inner(x, ph, &x->p[i]);
  }
}

static void list_points(NestRun *x, int depth, Point *p) {
  if (depth < x->n->nouter) {
    int a = x->n->outer[depth];
    for (p->at[a] = 0; p->at[a] < value_of(x->r, x->n->axes.axis[a].extent); p->at[a]++) list_points(x, depth + 1, p);
    p->at[a] = 0;
    return;
  }
  if (x->np == x->cap) {
    x->cap = x->cap ? 2 * x->cap : 64;
    x->p = realloc(x->p, sizeof *x->p * (size_t)x->cap);
    if (!x->p) abort();
  }
  x->p[x->np++] = *p;
}

static void run_nest(Run *r, const Kernel *k, int nest) {
  const KNest *n = k->nest[nest];
  NestRun x = {.r = r, .k = k, .n = n, .par_axis = r->share ? r->share->par_axis[nest] : 0};
  Point p = {{0}, {0}};
  list_points(&x, 0, &p);
  for (int i = 0; i < x.np && n->par_axis < 0; i++) {
    int with = r->order == SHUFFLED ? (int)rnd(r, (uint32_t)x.np) : r->order == FALLING ? x.np - 1 - i : i;
    if (r->order == FALLING && with < i) break;
    Point swap = x.p[i];
    x.p[i] = x.p[with], x.p[with] = swap;
  }
  int step = r->order == IN_STEP && n->par_axis < 0 ? x.np : 1;
  for (int i = 0; i < x.np; i += step)
    for (int phase = 0; phase < n->nphase; phase++) run_phase(&x, phase, i, i + step < x.np ? i + step : x.np);
  free(x.p);
}

/* ---- graphs ---- */

static void clobber_scratch(Run *r, const Group *p) {
  for (int64_t i = 0; i < p->scratch; i++) {
    int64_t at = (p->cls == KC_SCAN ? r->g->anno[p->root].offset : r->g->anno[p->root].scratch) + i;
    r->wrong |= at < 0 || at >= r->arena.n;
    if (!r->wrong) r->arena.tag[at] = 0;
  }
}

static void run_scan(Run *r, const Group *p) {
  clobber_scratch(r, p);
  for (int i = 0; i < p->nnode; i++)
    if (p->node[i] != p->root) each(r, p->node[i], clobber);
  for (uint32_t i = 0; i < node_get(r->g, p->root)->nin; i++) each(r, node_in(r->g, p->root, (int)i), load);
  for (int i = 0; i < p->nnode; i++)
    if (p->node[i] != p->root) each(r, p->node[i], store_own);
}

static void run_kernel(Run *r, const Kernel *k) {
  bool bound = false;
  for (int i = 0; i < k->nnest; i++) bound |= k->nest[i]->par_axis >= 0 || !k->nest[i]->nouter;
  clobber_scratch(r, k->group);
  bool backwards = !bound && (r->order == FALLING || (r->order == SHUFFLED && rnd(r, 2)));
  for (int i = 0; i < k->nnest; i++) run_nest(r, k, backwards ? k->nnest - 1 - i : i);
  clobber_scratch(r, k->group); /* its threads may store results there before others have read it */
}

static void begin(Run *r, Ctx *c) {
  const Graph *g = r->g;
  r->arena = bytes_new(c, g->arena > 0 ? g->arena : 0);
  r->var = ctx_alloc(c, sizeof *r->var * (size_t)(r->m->nvar + 1));
  r->in = ctx_alloc(c, sizeof *r->in * (size_t)(g->nport + 1));
  r->out = ctx_alloc(c, sizeof *r->out * (size_t)(g->nout + 1));
  for (int v = 0; v < r->m->nvar; v++) r->var[v] = bytes_new(c, type_bytes(r->m, r->m->var[v].type));
  for (int i = 0; i < g->nport; i++) r->in[i] = bytes_new(c, type_bytes(r->m, node_get(g, g->port[i])->type));
  for (int i = 0; i < g->nout; i++) {
    const Annotation *a = &g->anno[g->out[i].value];
    if (g->out[i].var < 0 && a->index < (uint32_t)g->nout)
      r->out[a->index] = bytes_new(c, type_bytes(r->m, node_get(g, g->out[i].value)->type));
  }
  for (Id n = 1; n < (Id)g->n && !r->mode; n++)
    if (node_info(g, n)->flags & OPF_CALLER_MEMORY) each(r, n, store_own);
}

bool threads_conflict(const CheckPartition *first, const CheckPartition *second, const int64_t *size) {
  const Graph *g = first->k->gs->g;
  Ctx *c = ctx_new();
  Run r = {.mode = FIRST, .share = first, .gs = first->k->gs, .g = g, .m = g->m, .size = size, .order = RISING};
  begin(&r, c);
  run_kernel(&r, first->k);
  r.mode = SECOND, r.share = second;
  run_kernel(&r, second->k);
  ctx_free(c);
  return r.wrong;
}

bool plan_goes_wrong(const Groups *gs, Kernel *const *kernel, const int64_t *size, uint64_t seed) {
  Graph *g = gs->g;
  for (int order = 0; order < ORDERS; order++) {
    Ctx *c = ctx_new();
    Run r = {.gs = gs, .g = g, .m = g->m, .size = size, .state = seed, .order = order};
    begin(&r, c);
    for (int k = 0; k < gs->n && !r.wrong; k++) {
      if (kernel[k]) run_kernel(&r, kernel[k]);
      else run_scan(&r, &gs->group[k]);
    }
    for (int i = 0; i < g->nout && !r.wrong; i++) each(&r, g->out[i].value, load);
    ctx_free(c);
    if (r.wrong) return true;
  }
  return false;
}
