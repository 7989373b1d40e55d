/* SPDX-License-Identifier: Apache-2.0 */
/* From a group of nodes to loop nests: which axes, phases, accumulations and stores each class of kernel has. */
#include "codegen/kernel_build.h"
#include "codegen/nest_use.h"
#include "ir/view.h"
#include <string.h>

/* ---- nests and their axes ---- */

void kernel_nest(KBuild *b) {
  b->nest = ctx_alloc(b->m->c, sizeof *b->nest);
  b->nest->axes.m = b->m;
  b->nest->par_axis = -1;
  b->phase = 0;
  b->inner = 0;
  *VEC_PUSH(b->m->c, b->k->nest, b->k->nnest, b->k->capnest) = b->nest;
}

KPhase *kernel_phase(KBuild *b) {
  b->phase = b->nest->nphase;
  return VEC_PUSH(b->m->c, b->nest->phase, b->nest->nphase, b->nest->capphase);
}

/* Adds an axis of `extent`; -1, and index 0, where the extent is 1. */
int kernel_axis(KBuild *b, Dim extent, Affine *idx) {
  *idx = affine_const(0);
  if (extent == 1) return -1;
  int a = axes_loop(&b->nest->axes, extent);
  if (a < 0) return kernel_fail(b, b->group->root, "too many axes"), -1;
  kernel_sizes(b, extent);
  *idx = affine_axis(a);
  return a;
}

Affine kernel_outer(KBuild *b, Dim extent) {
  Affine idx;
  int a = kernel_axis(b, extent, &idx);
  if (a >= 0) b->nest->outer[b->nest->nouter++] = a;
  return idx;
}

Affine kernel_inner(KBuild *b, KPhase *p, Dim extent) {
  Affine idx;
  int a = kernel_axis(b, extent, &idx);
  if (a >= 0) p->axis[p->naxis++] = a, b->inner |= 1u << a;
  return idx;
}

int kernel_acc(KBuild *b, Id node, Op op, KOrder order, int value) {
  *VEC_PUSH(b->m->c, b->nest->acc, b->nest->nacc, b->nest->capacc) =
    (KAcc){.node = node,
           .op = (uint16_t)op,
           .type = dtype_computed(b->nest->val[value].type),
           .order = order,
           .phase = b->phase,
           .value = value};
  return b->nest->nacc - 1;
}

int kernel_sum(KBuild *b, Id node, int value) { return kernel_acc(b, node, OP_sum, KO_SEQ, value); }

/* ---- phases of a group's nodes ---- */

/* The phase in which n can be computed: after every accumulation of the group that it depends on. */
static int phase_of(const KBuild *b, Id n, const int *phase) {
  const Graph *g = b->g;
  int top = 0;
  if (g->anno[n].kernel == b->group->kernel) {
    int lo = 0, hi = b->group->nnode - 1;
    while (lo < hi) {
      int mid = (lo + hi) / 2;
      if (b->group->node[mid] < n) lo = mid + 1;
      else hi = mid;
    }
    KernelClass made = kernel_class_of(g, n);
    return phase[lo] + (made > KC_LOOP && made <= KC_WINDOW); /* an accumulation is a value from the next phase on */
  }
  if (g->anno[n].kernel) return 0;
  for (uint32_t i = 0; i < node_get(g, n)->nin; i++) {
    int p = phase_of(b, node_in(g, n, (int)i), phase);
    top = p > top ? p : top;
  }
  return top;
}

static int *find_phases(const KBuild *b) {
  int *phase = ctx_alloc(b->m->c, (size_t)b->group->nnode * sizeof *phase);
  for (int i = 0; i < b->group->nnode; i++) {
    Id n = b->group->node[i];
    for (uint32_t j = 0; j < node_get(b->g, n)->nin; j++) {
      int p = phase_of(b, node_in(b->g, n, (int)j), phase);
      phase[i] = p > phase[i] ? p : phase[i];
    }
  }
  return phase;
}

static bool is_written(const KBuild *b, Id n) { return b->gs->buffer[n]; }

/* ---- loop ---- */

/* Finds a matrix in panels that the group loads or stores at the indices of its own index space. */
static bool find_panels(const KBuild *b, Panels *p) {
  const Type *t = node_type(b->g, b->group->root);
  for (int w = 0; w < 2; w++)
    for (int i = 0; i < (w ? b->group->nwrite : b->group->nread); i++) {
      Id n = w ? b->group->write[i] : b->group->read[i];
      if (buffer_panels(b->g, n, p) && type_same_dims(node_type(b->g, n), t)) return true;
    }
  return false;
}

static void loop_stores(KBuild *b, const Affine *idx) {
  for (int i = 0; i < b->group->nnode; i++) {
    Id n = b->group->node[i];
    if (!is_written(b, n)) continue;
    if (!type_same_dims(node_type(b->g, n), node_type(b->g, b->group->root))) {
      kernel_fail(b, n, "another index space");
      return;
    }
    kernel_store(b, n, idx, kernel_value(b, n, idx), KS_OUTER, false);
  }
}

/* One nest for the full panels and one for the last: in each, addresses in panels are affine. */
static void build_panels(KBuild *b, const Panels *p) {
  int64_t full = p->cols / p->width;
  for (int last = 0; last < 2; last++) {
    int64_t width = last ? p->cols % p->width : p->width;
    if (!width || (!last && !full)) continue;
    Affine idx[MAX_RANK], term;
    KPanel k = {.p = *p};
    kernel_nest(b);
    Affine q = last ? affine_const(full) : kernel_outer(b, full);
    k.row = kernel_outer(b, p->rows);
    Affine j = kernel_outer(b, width);
    term = affine_scale(b->m, &q, p->width);
    k.col = affine_add(b->m, &term, &j);
    term = affine_scale(b->m, &term, p->rows);
    Affine row = affine_scale(b->m, &k.row, width);
    k.at = affine_add(b->m, &term, &row);
    k.at = affine_add(b->m, &k.at, &j);
    idx[p->axis] = k.col, idx[1 - p->axis] = k.row;
    kernel_phase(b);
    b->panel = &k;
    loop_stores(b, idx);
    b->panel = NULL;
  }
}

/* The axis of x, a chain of views of the fold, that is the fold's axis a; -1: no single one is. */
static int axis_after_views(const Graph *g, Id x, Id fold, int a) {
  ViewMap v;
  if (x == fold) return a;
  a = axis_after_views(g, node_in(g, x, 0), fold, a);
  if (a < 0 || node_info(g, x)->cls != CL_VIEW) return a; /* a cast */
  if (!view_map(g, x, &v) || v.axis[a].n != 1 || v.axis[a].stride[0] != 1) return -1;
  return v.axis[a].axis[0];
}

/* The strides of a short fold, which the group reads through x, become the steps of build_blocks. */
static void find_strides(const KBuild *b, Id x, int64_t *step) {
  enum { MAX_POINTS = 9 };
  const Graph *g = b->g;
  Id fold = view_base(g, x);
  const Type *space = node_type(g, b->group->root);
  if (!fold_is_short(g, fold) || !kernel_has(b, fold) || node_type(g, x)->rank != space->rank) return;
  const AttrVal *axes = node_attr(g, fold, ATTR(fold, axes)), *stride = node_attr(g, fold, ATTR(fold, stride));
  int64_t points = 1;
  for (int i = 0; i < axes->n; i++) {
    int a = axis_after_views(g, x, fold, (int)axes->v[i]);
    if (a < 0 || !dim_is_const(space->dim[a]) || stride->v[i] > MAX_POINTS / points) continue;
    step[a] = stride->v[i];
    points *= stride->v[i];
  }
}

/* The windows of a fold that contain a point depend on its indices modulo the strides. So the loop is unrolled into
 * blocks of `step` points per axis: the remainders are constants, which need no conditions, and the points of a block
 * share loads. An axis that `step` does not divide ends with a narrower block, in a separate nest; `last`: bit set of
 * the axes at whose end this nest is. */
static void build_blocks(KBuild *b, const int64_t *step, uint32_t last) {
  const Type *t = node_type(b->g, b->group->root);
  Affine first[MAX_RANK], idx[MAX_RANK];
  int64_t width[MAX_RANK], points = 1;
  for (int i = 0; i < t->rank; i++) {
    width[i] = step[i] == 1 ? 1 : last >> i & 1 ? t->dim[i] % step[i] : step[i];
    points *= width[i];
    if (step[i] > 1 && !(last >> i & 1) && t->dim[i] < step[i]) return;
  }
  if (!points) return;
  kernel_nest(b);
  for (int i = 0; i < t->rank; i++) {
    if (last >> i & 1) first[i] = affine_const(t->dim[i] - width[i]);
    else if (step[i] == 1) first[i] = kernel_outer(b, t->dim[i]);
    else first[i] = kernel_outer(b, t->dim[i] / step[i]), first[i] = affine_scale(b->m, &first[i], step[i]);
  }
  kernel_phase(b);
  for (int64_t p = 0; p < points; p++) {
    int64_t rest = p;
    for (int i = t->rank - 1; i >= 0; i--) idx[i] = affine_shift(b->m, &first[i], rest % width[i]), rest /= width[i];
    loop_stores(b, idx);
  }
}

static bool build_by_blocks(KBuild *b) {
  const Graph *g = b->g;
  int64_t step[MAX_RANK];
  uint32_t stepped = 0;
  for (int i = 0; i < MAX_RANK; i++) step[i] = 1;
  for (int i = 0; i < b->group->nnode; i++) {
    Id n = b->group->node[i];
    find_strides(b, n, step);
    for (uint32_t j = 0; node_info(g, n)->cls == CL_ELEM && j < node_get(g, n)->nin; j++)
      if (type_same_dims(node_type(g, n), node_type(g, b->group->root))) find_strides(b, node_in(g, n, (int)j), step);
  }
  for (int i = 0; i < MAX_RANK; i++) stepped |= (uint32_t)(step[i] > 1) << i;
  for (uint32_t last = 0; stepped && last <= stepped; last++)
    if (!(last & ~stepped)) build_blocks(b, step, last);
  return stepped;
}

/* Stores a view with OPF_ROW_MAJOR_VIEW by the indices idx of its input: at the indices of the result if these are
 * affine, else at the same row-major position. */
static void store_by_input(KBuild *b, const Type *from, const Affine *idx) {
  Id root = b->group->root;
  Affine out[MAX_RANK];
  int v = kernel_value(b, node_in(b->g, root, 0), idx);
  if (view_unmap_index(&b->nest->axes, b->g, root, idx, out)) {
    kernel_store(b, root, out, v, KS_OUTER, false);
    return;
  }
  if (!buffer_row_major(b->g, root)) {
    kernel_fail(b, root, "a view that is not affine, and not row-major");
    return;
  }
  KStore s = {.value = v, .buf = kernel_buf(b, root), .at = affine_linear(b->m, from, idx)};
  b->k->buf[s.buf].written = true;
  *VEC_PUSH(b->m->c, b->nest->store, b->nest->nstore, b->nest->capstore) = s;
}

static void build_loop(KBuild *b) {
  const Graph *g = b->g;
  Id root = b->group->root;
  Affine idx[MAX_RANK];
  Panels panels;
  if (find_panels(b, &panels)) {
    build_panels(b, &panels);
    return;
  }
  if (build_by_blocks(b)) return;
  kernel_nest(b);
  const Type *t = node_type(g, root);
  bool divides = node_info(g, root)->cls == CL_VIEW && !view_composes_in_kernel(g, root);
  if (divides) t = node_type(g, node_in(g, root, 0)); /* loops over the input instead */
  for (int i = 0; i < t->rank; i++) idx[i] = kernel_outer(b, t->dim[i]);
  kernel_phase(b);
  if (divides) {
    store_by_input(b, t, idx);
    return;
  }
  loop_stores(b, idx);
}

/* ---- row: reductions and maps ---- */

typedef struct Row {
  const Type *full; /* type of the reduced values */
  bool reduced[MAX_RANK];
  Affine idx[MAX_RANK];      /* of `full` */
  int naxis, axis[MAX_RANK]; /* inner loops */
} Row;

static void row_axes(KBuild *b, Row *r, const AttrVal *axes) {
  for (int i = 0; i < axes->n; i++) r->reduced[axes->v[i]] = true;
  for (int i = 0; i < r->full->rank; i++)
    if (!r->reduced[i]) r->idx[i] = kernel_outer(b, r->full->dim[i]);
  for (int i = 0; i < r->full->rank; i++) {
    if (!r->reduced[i]) continue;
    int a = kernel_axis(b, r->full->dim[i], &r->idx[i]);
    if (a >= 0) r->axis[r->naxis++] = a, b->inner |= 1u << a;
  }
}

/* Indices of a value without inner axes, whose type has the reduced axes with extent 1, or lacks them. */
static void row_outer_index(const Row *r, const Type *t, Affine *idx) {
  for (int i = 0, o = 0; i < r->full->rank; i++) {
    if (t->rank == r->full->rank) idx[i] = r->reduced[i] ? affine_const(0) : r->idx[i];
    else if (!r->reduced[i]) idx[o++] = r->idx[i];
  }
}

static void row_reduce(KBuild *b, const Row *r, Id n) {
  const Graph *g = b->g;
  Op op = (Op)node_get(g, n)->op;
  bool lanes = r->full->rank > 0 && r->reduced[r->full->rank - 1];
  int v = kernel_value(b, node_in(g, n, 0), r->idx);
  if (b->failed) return;
  int a = kernel_acc(b, n, op, lanes ? KO_LANES : KO_CHUNK, v);
  Dim stride = 1;
  Affine index = affine_const(0);
  for (int i = r->full->rank - 1; i >= 0; i--) {
    if (!r->reduced[i]) continue;
    Affine term = affine_scale(b->m, &r->idx[i], stride);
    index = affine_add(b->m, &index, &term);
    stride = dim_mul(b->m, stride, r->full->dim[i]);
  }
  b->nest->acc[a].index = index;
}

static void row_phase(KBuild *b, const Row *r, const int *phase, int p) {
  const Graph *g = b->g;
  kernel_phase(b);
  for (int i = 0; i < b->group->nnode; i++) {
    Id n = b->group->node[i];
    bool reduce = node_info(g, n)->cls == CL_REDUCE, full = !reduce && type_same_dims(node_type(g, n), r->full);
    if (reduce && phase[i] == p) row_reduce(b, r, n);
    if (full && phase[i] == p && is_written(b, n))
      kernel_store(b, n, r->idx, kernel_value(b, n, r->idx), KS_INNER, false);
    if (full || !is_written(b, n) || phase[i] + reduce != p) continue;
    Affine idx[MAX_RANK];
    row_outer_index(r, node_type(g, n), idx);
    kernel_store(b, n, idx, kernel_value(b, n, idx), KS_OUTER, false);
  }
  KPhase *ph = &b->nest->phase[p];
  bool inner = false;
  for (int i = 0; i < b->nest->nacc; i++) inner |= b->nest->acc[i].phase == p;
  for (int i = 0; i < b->nest->nstore; i++)
    inner |= b->nest->store[i].phase == p && b->nest->store[i].level == KS_INNER;
  if (!inner) return;
  ph->naxis = r->naxis;
  memcpy(ph->axis, r->axis, sizeof r->axis);
}

static void build_row(KBuild *b) {
  const Graph *g = b->g;
  Row r = {.full = node_type(g, node_in(g, b->group->root, 0))};
  kernel_nest(b);
  row_axes(b, &r, node_attr(g, b->group->root, ATTR(sum, axes)));
  int *phase = find_phases(b), last = 0;
  for (int i = 0; i < b->group->nnode; i++) {
    int p = phase[i] + (node_info(g, b->group->node[i])->cls == CL_REDUCE);
    last = p > last ? p : last;
  }
  for (int p = 0; p <= last && !b->failed; p++) row_phase(b, &r, phase, p);
}

/* ---- */

static void (*const BUILD[KC_COUNT])(KBuild *) = {
  [KC_LOOP] = build_loop,   [KC_ROW] = build_row,        [KC_CONTRACT] = kernel_contract,
  [KC_CONV] = kernel_conv,  [KC_WINDOW] = kernel_fold,   [KC_SCATTER] = kernel_scatter,
  [KC_CUM] = kernel_cumsum, [KC_CONCAT] = kernel_concat, [KC_ATTEND] = kernel_attend,
  [KC_SORT] = kernel_sort,
};

static void add_arg(KBuild *b, KArgKind kind, int index, const char *name) {
  *VEC_PUSH(b->m->c, b->k->arg, b->k->narg, b->k->caparg) = (KArg){kind, index, name};
}

/* What the live values of the nests read of the run: its header, and streams of random numbers. */
static void find_drawn(KBuild *b, bool *drawn) {
  Kernel *k = b->k;
  bool run = false;
  for (int i = 0; i < k->nnest && k->uses_run; i++) {
    NestUse use = nest_use(k->nest[i]);
    for (int v = 1; v < k->nest[i]->nval; v++) {
      const KVal *x = &k->nest[i]->val[v];
      if (!use.uses[v] || (x->kind != KV_RANDOM && x->kind != KV_RUN)) continue;
      run = true;
      if (x->kind == KV_RANDOM) drawn[x->stream] = k->draws = true;
    }
  }
  k->uses_run = run;
}

/* Buffers that are written are y0, y1, …; the others are x0, x1, … */
static void build_args(KBuild *b) {
  const Kernel *k = b->k;
  Ctx *c = b->m->c;
  bool *drawn = ctx_alloc(c, (size_t)k->nstream + 1);
  find_drawn(b, drawn);
  for (int i = 0, read = 0, written = 0; i < k->nbuf; i++)
    add_arg(b, KA_BUF, i, k->buf[i].written ? ctx_strf(c, "y%d", written++) : ctx_strf(c, "x%d", read++));
  for (int i = 0; i < b->m->nsize; i++)
    if (k->sizes >> i & 1) add_arg(b, KA_SIZE, i, ctx_strf(c, "n_%s", b->m->size[i].name));
  if (k->uses_run) add_arg(b, KA_RUN, 0, "run");
  if (k->draws) {
    add_arg(b, KA_COUNTER, 0, "pass");
    add_arg(b, KA_COUNTER, 1, "iteration");
  }
  for (int i = 0; i < k->nstream; i++)
    if (drawn[i]) add_arg(b, KA_STREAM, i, ctx_strf(c, "stream%d", i));
  if (b->group->cls != KC_SCAN && b->group->scratch) {
    add_arg(b, KA_SCRATCH, 0, "part");
    add_arg(b, KA_CALL, 0, "call");
  }
  add_arg(b, KA_THREAD, 0, "tid");
  add_arg(b, KA_THREAD, 1, "nthreads");
}

Kernel *kernel_build(const Groups *gs, const Group *group) {
  Module *m = gs->g->m;
  KBuild b = {.g = gs->g, .gs = gs, .group = group, .m = m};
  b.k = ctx_alloc(m->c, sizeof *b.k);
  b.k->gs = gs;
  b.k->group = group;
  if (BUILD[group->cls]) BUILD[group->cls](&b);
  else kernel_fail(&b, group->root, "a class without nests");
  if (b.failed) b.k->nnest = 0;
  for (int i = 0; i < b.k->nnest; i++) nest_coalesce(b.k->nest[i], m);
  build_args(&b);
  return b.k;
}
