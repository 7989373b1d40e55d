/* SPDX-License-Identifier: Apache-2.0 */
#include "passes/analysis/group.h"
#include "passes/analysis/index_map.h"
#include "passes/analysis/model_memory.h"
#include "passes/costs.h"
#include "ir/contract.h"
#include "ir/scan.h"
#include <stdlib.h>
#include <string.h>

const char *const kernel_class_name[KC_COUNT] = {
  "loop", "row", "contract", "conv", "window", "scatter", "cum", "concat", "attend", "sort", "scan",
};

KernelClass kernel_class_of(const Graph *g, Id n) {
  static const KernelClass made[CL_COUNT] = {
    [CL_REDUCE] = KC_ROW,      [CL_CONTRACT] = KC_CONTRACT, [CL_CONV] = KC_CONV,     [CL_WINDOW] = KC_WINDOW,
    [CL_SCATTER] = KC_SCATTER, [CL_CUM] = KC_CUM,           [CL_CONCAT] = KC_CONCAT, [CL_SCAN] = KC_SCAN,
    [CL_ATTEND] = KC_ATTEND,   [CL_SORT] = KC_SORT,
  };
  return fold_is_short(g, n) ? KC_LOOP : made[node_info(g, n)->cls]; /* all other classes: KC_LOOP */
}

bool row_is_full(const Graph *g, Id red, Id n) {
  return type_same_dims(node_type(g, n), node_type(g, node_in(g, red, 0)));
}

void row_reduced_axes(const Graph *g, Id red, bool *reduced) {
  const AttrVal *axes = node_attr(g, red, ATTR(sum, axes));
  memset(reduced, 0, MAX_RANK * sizeof *reduced);
  for (int i = 0; i < axes->n; i++) reduced[axes->v[i]] = true;
}

bool row_is_outer(const Graph *g, Id red, Id n) {
  const Type *full = node_type(g, node_in(g, red, 0)), *t = node_type(g, n);
  bool reduced[MAX_RANK];
  int o = 0;
  row_reduced_axes(g, red, reduced);
  for (int i = 0; i < full->rank; i++) {
    if (t->rank == full->rank) {
      if (t->dim[i] != (reduced[i] ? 1 : full->dim[i])) return false;
    } else if (!reduced[i] && (o >= t->rank || t->dim[o++] != full->dim[i])) {
      return false;
    }
  }
  return t->rank == full->rank || o == t->rank;
}

typedef struct Maker {
  Graph *g;
  Groups *gs;
  bool *buffer;
  uint32_t *uses, *stamp; /* stamp[n]: 1 + the last group that visited n */
  uint32_t *seen;         /* of find_at_point, the same for 2 * n (off the point) and 2 * n + 1 (at the point) */
  Id *stack;
  int nstack, capstack;
  Id *list;
  int nlist, caplist;
} Maker;

static void push(Maker *k, Id n, uint32_t at) {
  if (k->stamp[n] == at) return;
  k->stamp[n] = at;
  *VEC_PUSH(k->g->m->c, k->stack, k->nstack, k->capstack) = n;
}

/* Collects the buffers that a group loads into k->list. */
static void find_reads(Maker *k, const Group *gr, uint32_t at) {
  Graph *g = k->g;
  k->nlist = k->nstack = 0;
  for (int i = 0; i < gr->nnode; i++)
    for (uint32_t j = 0; j < node_get(g, gr->node[i])->nin; j++) push(k, node_in(g, gr->node[i], (int)j), at);
  while (k->nstack) {
    Id n = k->stack[--k->nstack];
    uint32_t kernel = g->anno[n].kernel;
    if (kernel == gr->kernel) continue;
    if (kernel || node_info(g, n)->flags & OPF_CALLER_MEMORY) {
      *VEC_PUSH(g->m->c, k->list, k->nlist, k->caplist) = n;
      continue;
    }
    for (uint32_t j = 0; j < node_get(g, n)->nin; j++) push(k, node_in(g, n, (int)j), at);
  }
  if (k->nlist) qsort(k->list, (size_t)k->nlist, sizeof *k->list, id_compare);
}

static void *keep(Ctx *c, const void *v, size_t n) {
  void *p = ctx_alloc(c, n ? n : 1);
  if (n) memcpy(p, v, n);
  return p;
}

static void visit(Maker *k, Id n, bool at_point, uint32_t at) {
  uint32_t *seen = &k->seen[2 * n + at_point];
  if (*seen == at) return;
  *seen = at;
  *VEC_PUSH(k->g->m->c, k->stack, k->nstack, k->capstack) = 2 * n + at_point;
}

/* Finds the buffers that the group loads at the kernel's own point only. Walks from stored nodes, each at its own
 * index, down through members and inlined nodes: an element-wise operand of the same shape is read at the same index, a
 * reduction's operand at each of its own indices, anything else (broadcast operands, views, operands of contractions)
 * at other indices. */
static void find_at_point(Maker *k, Group *gr, uint32_t at) {
  Graph *g = k->g;
  bool *at_point = ctx_alloc(g->m->c, (size_t)gr->nread + 1);
  gr->at_point = at_point;
  if (gr->cls > KC_CONV) return;
  k->nstack = 0;
  for (int i = 0; i < gr->nwrite; i++) visit(k, gr->write[i], true, at);
  while (k->nstack) {
    Id n = k->stack[--k->nstack] / 2;
    bool here = k->stack[k->nstack] % 2, own = g->anno[n].kernel == gr->kernel;
    OpClass cls = node_info(g, n)->cls;
    if ((g->anno[n].kernel && !own) || cls == CL_LEAF) continue;
    for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
      Id x = node_in(g, n, (int)i);
      bool same = cls == CL_ELEM && here && type_same_dims(node_type(g, n), node_type(g, x));
      visit(k, x, same || (cls == CL_REDUCE && own), at);
    }
  }
  for (int i = 0; i < gr->nread; i++) at_point[i] = k->seen[2 * gr->read[i]] != at;
}

static int group_cmp(const void *a, const void *b) {
  const Group *x = a, *y = b;
  uint32_t i = x->pos ? x->pos : UINT32_MAX, j = y->pos ? y->pos : UINT32_MAX;
  if (i != j) return i < j ? -1 : 1;
  return x->kernel < y->kernel ? -1 : x->kernel > y->kernel;
}

/* Counting sort of the nodes by kernel number. */
static void find_nodes(Maker *k) {
  Graph *g = k->g;
  Ctx *c = g->m->c;
  uint32_t top = 0;
  for (Id n = 1; n < (Id)g->n; n++) top = g->anno[n].kernel > top ? g->anno[n].kernel : top;
  int *first = ctx_alloc(c, (top + 2) * sizeof *first);
  for (Id n = 1; n < (Id)g->n; n++)
    if (g->anno[n].kernel) first[g->anno[n].kernel + 1]++;
  for (uint32_t i = 1; i < top + 2; i++) first[i] += first[i - 1];
  int *next = keep(c, first, (top + 2) * sizeof *first);
  Id *ids = ctx_alloc(c, ((size_t)first[top + 1] + 1) * sizeof *ids);
  for (Id n = 1; n < (Id)g->n; n++)
    if (g->anno[n].kernel) ids[next[g->anno[n].kernel]++] = n;
  Groups *gs = k->gs;
  gs->group = ctx_alloc(c, (top + 1) * sizeof *gs->group);
  for (uint32_t i = 1; i <= top; i++) {
    if (first[i] == first[i + 1]) continue;
    Group *gr = &gs->group[gs->n++];
    gr->kernel = i;
    gr->node = ids + first[i];
    gr->nnode = first[i + 1] - first[i];
    for (int j = 0; j < gr->nnode; j++) {
      KernelClass cls = kernel_class_of(g, gr->node[j]);
      if (!j || cls >= gr->cls) {
        gr->cls = cls;
        gr->root = gr->node[j];
      }
      if (g->anno[gr->node[j]].pos) gr->pos = g->anno[gr->node[j]].pos;
    }
  }
  qsort(gs->group, (size_t)gs->n, sizeof *gs->group, group_cmp);
}

/* With so many columns, or more, threads partition these. */
enum { MANY_COLUMNS = 128 };

/* Bytes of the partial results of a row kernel: one f32 for each chunk of rows, reduction and column. 0: there is one
 * chunk, there are many columns, or it stores or reduces something else. */
static int64_t chunks_scratch(const Graph *g, const Group *k) {
  const Type *full = node_type(g, node_in(g, k->root, 0));
  bool reduced[MAX_RANK];
  int64_t rows = 1, columns = 1, results = 0;
  if (!g->m->opt.row_chunks) return 0;
  row_reduced_axes(g, k->root, reduced);
  for (int i = 0; i < full->rank; i++) {
    int64_t *count = reduced[i] ? &rows : &columns;
    if (__builtin_mul_overflow(*count, dim_bound(g->m, full->dim[i]), count)) return 0;
  }
  if (rows <= STRICT_CHUNK || columns < 1 || columns >= MANY_COLUMNS) return 0;
  for (int i = 0; i < k->nnode; i++) {
    Id n = k->node[i];
    if (node_info(g, n)->cls != CL_REDUCE) continue;
    DType t = (DType)node_type(g, node_in(g, n, 0))->dtype;
    if (dtype_computed(t) != DT_F32 || node_info(g, n)->flags & OPF_ARG_REDUCE) return 0;
    results++;
  }
  for (int i = 0; i < k->nwrite; i++)
    if (row_is_full(g, k->root, k->write[i])) return 0;
  return (rows + STRICT_CHUNK - 1) / STRICT_CHUNK * columns * results * dtype_info[DT_F32].bytes;
}

/* Bytes of the sums of all chunks of a convolution's gradient by its weights. 0: there are too many sums for what they
 * add, or few rows of images. */
static int64_t weights_scratch(const Graph *g, const Group *k) {
  enum { MOST_SUMS = 1 << 16, MANY_ROWS = 32, SHARE = 8 };
  Module *m = g->m;
  ConvGeom c;
  if (!m->opt.row_chunks || m->opt.strict || conv_role(g, k->root, OPERAND_RESULT) != CONV_W) return 0;
  conv_of(g, k->root, &c);
  double sums = (double)node_count(g, k->root), rows = (double)dim_bound(m, c.batch);
  for (int i = 0; i + 1 < c.spatial; i++) rows *= (double)dim_bound(m, c.y[i]);
  double images = (double)node_count(g, node_in(g, k->root, 0)) + (double)node_count(g, node_in(g, k->root, 1));
  for (int i = 0; i < 2; i++)
    if (node_type(g, node_in(g, k->root, i))->dtype != DT_F32) return 0;
  if (sums > MOST_SUMS || rows < MANY_ROWS || sums * WEIGHT_CHUNKS * SHARE > images) return 0;
  return (int64_t)sums * WEIGHT_CHUNKS * dtype_info[DT_F32].bytes;
}

Groups *groups_make(Graph *g) {
  Ctx *c = g->m->c;
  graph_annotate(g);
  Groups *gs = ctx_alloc(c, sizeof *gs);
  Maker k = {.g = g, .gs = gs};
  gs->g = g;
  gs->buffer = k.buffer = ctx_alloc(c, (size_t)g->n * sizeof *k.buffer);
  gs->uses = k.uses = ctx_alloc(c, (size_t)g->n * sizeof *k.uses);
  k.stamp = ctx_alloc(c, (size_t)g->n * sizeof *k.stamp);
  k.seen = ctx_alloc(c, 2 * (size_t)g->n * sizeof *k.seen);
  int32_t *writer = ctx_alloc(c, (size_t)g->n * sizeof *writer);
  gs->writer = writer;
  find_nodes(&k);
  for (Id n = 1; n < (Id)g->n; n++) {
    k.buffer[n] = node_info(g, n)->flags & OPF_CALLER_MEMORY || (node_info(g, n)->cls == CL_TUPLE && g->anno[n].kernel);
    writer[n] = -1;
  }
  for (int i = 0; i < g->nout; i++) k.buffer[g->out[i].value] = true, k.uses[g->out[i].value]++;
  for (int i = 0; i < gs->n; i++) {
    Group *gr = &gs->group[i];
    find_reads(&k, gr, (uint32_t)i + 1);
    gr->read = keep(c, k.list, (size_t)k.nlist * sizeof *k.list);
    gr->nread = k.nlist;
    for (int j = 0; j < k.nlist; j++) k.buffer[k.list[j]] = true, k.uses[k.list[j]]++;
  }
  for (int i = 0; i < gs->n; i++) {
    Group *gr = &gs->group[i];
    k.nlist = 0;
    for (int j = 0; j < gr->nnode; j++)
      if (k.buffer[gr->node[j]]) {
        *VEC_PUSH(c, k.list, k.nlist, k.caplist) = gr->node[j];
        writer[gr->node[j]] = i;
      }
    gr->write = keep(c, k.list, (size_t)k.nlist * sizeof *k.list);
    gr->nwrite = k.nlist;
    find_at_point(&k, gr, (uint32_t)i + 1);
    if (gr->cls == KC_ROW) gr->scratch = chunks_scratch(g, gr);
    if (gr->cls == KC_CONV) gr->scratch = weights_scratch(g, gr);
    if (gr->cls == KC_SCAN) {
      ScanScratch s;
      scan_scratch(g, gr, &s);
      gr->scratch = s.bytes;
    }
  }
  return gs;
}

/* ---- in-place reuse ---- */

/* Counts phases above an operand, through views and inlined nodes. */
typedef struct PhaseWalk {
  const Graph *g;
  const Group *k;
  const int *phase; /* phase of each of the group's nodes so far */
  int steps;
} PhaseWalk;

/* Number of the group's reductions in sequence up to and including x. */
static int count_phases(PhaseWalk *b, Id x) {
  const Graph *g = b->g;
  x = view_base(g, x);
  for (int i = 0; g->anno[x].kernel == b->k->kernel && i < b->k->nnode; i++)
    if (b->k->node[i] == x) return b->phase[i] + (node_info(g, x)->cls == CL_REDUCE);
  int deepest = 0;
  for (uint32_t i = 0; !g->anno[x].kernel && node_info(g, x)->cls != CL_LEAF && i < node_get(g, x)->nin; i++) {
    if (--b->steps < 0) break;
    int p = count_phases(b, node_in(g, x, (int)i));
    if (p > deepest) deepest = p;
  }
  return deepest;
}

/* A row is walked once per phase. True: `write` is stored in the last one. */
static bool in_last_phase(const Groups *gs, const Group *k, Id write) {
  const Graph *g = gs->g;
  int phase[MAX_PHASE_NODES], last = 0, of_write = 0;
  PhaseWalk b = {.g = g, .k = k, .phase = phase, .steps = MAX_PHASE_WALK};
  if (k->nnode > MAX_PHASE_NODES) return false;
  for (int i = 0; i < k->nnode; i++) {
    phase[i] = 0;
    for (uint32_t j = 0; j < node_get(g, k->node[i])->nin; j++) {
      int p = count_phases(&b, node_in(g, k->node[i], (int)j));
      if (p > phase[i]) phase[i] = p;
    }
    if (phase[i] > last) last = phase[i];
    if (k->node[i] == write) of_write = phase[i];
  }
  return of_write == last && b.steps >= 0;
}

static bool loads_at_point(const Group *k, Id read) {
  for (int i = 0; i < k->nread; i++)
    if (k->read[i] == read) return k->at_point[i];
  return false;
}

/* True: equal indices have equal offsets. */
static bool same_order(const Graph *g, Id a, Id b) {
  const Type *t = node_type(g, a), *u = node_type(g, b);
  Dim sa[MAX_RANK], sb[MAX_RANK];
  Panels pa, pb;
  bool panels = buffer_panels(g, a, &pa);
  if (panels != buffer_panels(g, b, &pb)) return false;
  for (int i = 0; i < t->rank; i++)
    if (t->dim[i] != u->dim[i]) return false;
  if (panels) return pa.axis == pb.axis && pa.width == pb.width;
  if (!buffer_strides(g, a, sa) || !buffer_strides(g, b, sb)) return false;
  return !t->rank || !memcmp(sa, sb, t->rank * sizeof *sa);
}

bool group_inplace(const Groups *gs, const Group *k, Id read, Id write) {
  const Graph *g = gs->g;
  const Type *r = node_type(g, read), *w = node_type(g, write);
  if (k->cls > KC_CONV || r->rank != w->rank || r->dtype != w->dtype) return false;
  if (!same_order(g, read, write)) return false;
  if (!loads_at_point(k, read)) return false;
  if (k->cls != KC_ROW) return true;
  /* The store must be at every element of the row, or once per row after all loads. */
  bool full = type_same_dims(node_type(g, node_in(g, k->root, 0)), w);
  return (full || row_is_outer(g, k->root, write)) && in_last_phase(gs, k, write);
}

/* ---- scans ---- */

static int64_t bump_alloc(const Module *m, int64_t *top, int64_t bytes) {
  int64_t at = *top;
  *top += plan_round(m, bytes);
  return at;
}

/* True: each iteration's slice of a stacked value is contiguous and row-major. */
static bool slices_contiguous(const Graph *g, Id stacked, int64_t axis) {
  const Type *t = node_type(g, stacked);
  Dim stride[MAX_RANK], step = 1;
  if (!buffer_strides(g, stacked, stride)) return false;
  for (int i = t->rank - 1; i >= 0; i--) {
    if (i == axis || t->dim[i] == 1) continue;
    if (stride[i] != step) return false;
    step = dim_mul(g->m, step, t->dim[i]);
  }
  return true;
}

void scan_scratch(const Graph *g, const Group *k, ScanScratch *s) {
  Module *m = g->m;
  Scan scan = scan_of(g, k->root);
  const Type *t = node_type(g, k->root);
  *s = (ScanScratch){.nx = scan.nx, .nc = scan.nc, .ny = scan.ny};
  int64_t *carry = ctx_alloc(m->c, (size_t)(s->nc + 1) * sizeof *carry);
  int64_t *slice = ctx_alloc(m->c, (size_t)(s->nx + s->ny + 1) * sizeof *slice);
  Id *stacked = ctx_alloc(m->c, (size_t)(s->nx + s->ny + 1) * sizeof *stacked);
  for (int i = 0; i < s->nx; i++) stacked[i] = node_in(g, k->root, i);
  for (int i = 0; i < k->nnode; i++) {
    int64_t y = k->node[i] == k->root ? -1 : node_attr(g, k->node[i], ATTR(get, index))->i - s->nc;
    if (y >= 0) stacked[s->nx + y] = k->node[i];
  }
  s->arena = bump_alloc(m, &s->bytes, scan.body->arena > 0 ? scan.body->arena : 0);
  for (int i = 0; i < s->nc; i++) carry[i] = bump_alloc(m, &s->bytes, type_bytes(m, t->elem[i]));
  for (int i = 0; i < s->nx + s->ny; i++) {
    slice[i] = -1;
    if (!stacked[i] || slices_contiguous(g, stacked[i], scan.axis)) continue;
    int64_t len = dim_bound(m, node_type(g, stacked[i])->dim[scan.axis]);
    slice[i] = bump_alloc(m, &s->bytes, len ? node_bytes(g, stacked[i]) / len : 0);
  }
  s->carry = carry;
  s->slice = slice;
}
