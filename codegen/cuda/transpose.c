/* SPDX-License-Identifier: Apache-2.0 */
/* The form `transpose`: loops that store along one axis and load along another. A block loads a tile of 32x32 elements
 * along the one, through shared memory, and computes and stores it along the other. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"
#include "codegen/cuda/tile.h"

enum { EDGE = 32, PITCH = EDGE + 1, TILE_BYTES = EDGE * PITCH * 4, MOST_TILES = 8, LEAST_EDGE = 16 };

typedef struct TransposePlan {
  NestSchedule s;
  int across, along; /* the axes of loads and of stores: outer axes, the last two */
  int planes;        /* axes before them */
  const KVal *load[MOST_TILES];
  int nload;
} TransposePlan;

/* ---- decisions ---- */

static bool is_one(Module *m, Dim d) { return d == dim_of(m, 1); }

/* Its address depends on loops alone. */
static bool is_plain(const Axes *x, const Affine *at) {
  for (int i = 0; i < x->n; i++)
    if (at->coef[i] && x->axis[i].kind != AX_LOOP) return false;
  return true;
}

/* The axis along which v, which has another step along the axis of stores, loads consecutive elements; -1: none. */
static int axis_of(const Kernel *k, const KNest *n, const KVal *v, int along) {
  Module *m = n->axes.m;
  if (v->kind != KV_LOAD || !is_plain(&n->axes, &v->at) || k->buf[v->buf].cols) return -1;
  if (dtype_info[k->buf[v->buf].type].bytes > 4 || !v->at.coef[along] || is_one(m, v->at.coef[along])) return -1;
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] != along && is_one(m, v->at.coef[n->outer[i]])) return n->outer[i];
  return -1;
}

static void find_loads(const Kernel *k, const NestSchedule *s, TransposePlan *p) {
  const KNest *n = s->nest;
  p->across = -1;
  for (int i = 1; i < n->nval && p->nload < MOST_TILES; i++) {
    int axis = s->use.uses[i] ? axis_of(k, n, &n->val[i], p->along) : -1;
    if (axis < 0 || (p->across >= 0 && axis != p->across)) continue;
    p->across = axis;
    p->load[p->nload++] = &n->val[i];
  }
}

static KNest *reordered(const KNest *n, int along, int across) {
  KNest *copy = ctx_alloc(n->axes.m->c, sizeof *copy);
  *copy = *n;
  copy->nouter = 0;
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] != along && n->outer[i] != across) copy->outer[copy->nouter++] = n->outer[i];
  copy->outer[copy->nouter++] = along;
  copy->outer[copy->nouter++] = across;
  return copy;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  enum { MOST = 65535 };
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  TransposePlan *p = ctx_alloc(m->c, sizeof *p);
  if (s->npoint < 2 || n->par_axis >= 0 || n->nphase != 1 || n->nacc || !n->nstore) return false;
  p->along = s->point[s->npoint - 1];
  if (!is_one(m, n->store[0].at.coef[p->along])) return false;
  find_loads(k, s, p);
  if (p->across < 0) return false;
  p->s = schedule_scalar(reordered(n, p->along, p->across));
  p->s.narrow = s->narrow;
  p->s.grid = true;
  p->planes = n->nouter - 2;
  Dim planes = index_product(p->s.nest, p->s.nest->outer, p->planes), wide = n->axes.axis[p->along].extent,
      high = n->axes.axis[p->across].extent;
  for (int i = 0; i < n->nouter - 1; i++) p->s.point[p->s.npoint++] = p->s.nest->outer[i];
  p->s.par_axis = p->across;
  if (dim_bound(m, wide) < LEAST_EDGE || dim_bound(m, high) < LEAST_EDGE) return false;
  if (dim_bound(m, high) / EDGE >= MOST || dim_bound(m, planes) > MOST) return false;
  *f = (FormShape){.launches = 1, .plan = p};
  f->launch[0] = (LaunchShape){
    .grid = {{wide, EDGE}, {high, EDGE}, {planes, 1}}, .block = CUDA_BLOCK, .shared_bytes = p->nload * TILE_BYTES};
  return true;
}

/* ---- as text ---- */

static const char *extent_text(NestText *c, int axis) { return index_operand(c, c->n->axes.axis[axis].extent); }

static const char *put_text(NestText *c, const KVal *v, const char *at) {
  const char *x = nest_element(c, v->buf, &v->at);
  if (c->k->buf[v->buf].type == DT_F32) return ctx_strf(c->p->c, "gc_sts(%s, %s)", at, x);
  return ctx_strf(c->p->c, "gc_sts_u32(%s, (uint32_t)%s)", at, x);
}

static void print_loads(NestText *c) {
  const TransposePlan *p = c->form;
  const char *type = nest_index_type(c);
  nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u += %d)", EDGE, CUDA_BLOCK / EDGE);
  nest_line(c, "const %s i%d = left + high + u, i%d = top + wide;", type, p->along, p->across);
  nest_line(c, "if (i%d >= %s || i%d >= %s) continue;", p->along, extent_text(c, p->along), p->across,
            extent_text(c, p->across));
  for (int i = 0; i < p->nload; i++)
    nest_line(c, "%s;",
              put_text(c, p->load[i],
                       ctx_strf(c->p->c, "gc_shared() + %d + ((high + u) * %d + wide) * 4", i * TILE_BYTES, PITCH)));
  nest_close_block(c);
  nest_line(c, "gc_sync();");
}

static void print_begin(NestText *c) {
  const TransposePlan *p = c->form;
  const char *type = nest_index_type(c), *block = c->s->narrow ? "" : "(gc_i64)";
  nest_line(c, "const int wide = gc_thread() %% %d, high = gc_thread() / %d;", EDGE, EDGE);
  nest_line(c, "const %s left = %sgc_block() * %d, top = %sgc_block_y() * %d;", type, block, EDGE, block, EDGE);
  index_declare(c, c->n->outer, p->planes, "gc_block_z()");
  print_loads(c);
  nest_line(c, "const %s i%d = left + wide;", type, p->along);
  nest_line(c, "if (i%d >= %s) return;", p->along, extent_text(c, p->along));
}

static void open_across(NestText *c, int axis) {
  nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u += %d)", EDGE, CUDA_BLOCK / EDGE);
  nest_line(c, "const %s i%d = top + high + u;", nest_index_type(c), axis);
  nest_line(c, "if (i%d >= %s) continue;", axis, extent_text(c, axis));
}

static const char *load_text(NestText *c, const KVal *v) {
  const TransposePlan *p = c->form;
  for (int i = 0; i < p->nload; i++) {
    if (p->load[i]->buf != v->buf || !affine_same(&p->load[i]->at, &v->at)) continue;
    const char *at = ctx_strf(c->p->c, "gc_shared() + %d + (wide * %d + high + u) * 4", i * TILE_BYTES, PITCH);
    int type = c->k->buf[v->buf].type;
    if (type == DT_F32) return ctx_strf(c->p->c, "gc_lds(%s)", at);
    return ctx_strf(c->p->c, "(%s)gc_lds_u32(%s)", dtype_info[type].c, at);
  }
  return NULL;
}

static void print(Emitter *p, const Launch *l, Str *body) {
  static const ParallelText text = {.begin = print_begin, .open = open_across, .load = load_text};
  const TransposePlan *plan = l->plan;
  NestText c = nest_text(p, l->step->kernel, &plan->s, body);
  c.parallel = &text;
  c.form = plan;
  nest_print_text(&c);
}

const Form form_transpose = {"transpose", suits, print};
