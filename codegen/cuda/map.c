/* SPDX-License-Identifier: Apache-2.0 */
/* The form `map`: the points of the outer axes, a vector of the fastest axis for each thread. The other axes are in the
 * grid's y and z, so that indices are found without division; where the fastest axis is short, a block has several of
 * its rows. */
#include "codegen/cuda/tile.h"
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/index.h"

typedef struct MapPlan {
  NestSchedule s; /* the fastest axis is the last of the outer ones */
  Tile tile;
  int lane;        /* the fastest axis */
  int wide, rows;  /* threads of a block along it, and along the axis `row` */
  int row, planes; /* the axis before it, and how many there are before that; row -1: none */
  int dim[3];      /* the grid's dimension of vectors, rows, planes */
} MapPlan;

static const char *const BLOCK_INDEX[] = {"gc_block()", "gc_block_y()", "gc_block_z()"};

/* ---- decisions ---- */

/* The axis along which consecutive elements are stored, or the last one. */
static int fastest(const NestSchedule *s) { return s->point[s->npoint - 1]; }

static KNest *with_last(const KNest *n, int axis) {
  KNest *copy = ctx_alloc(n->axes.m->c, sizeof *copy);
  *copy = *n;
  copy->nouter = 0;
  for (int i = 0; i < n->nouter; i++)
    if (n->outer[i] != axis) copy->outer[copy->nouter++] = n->outer[i];
  copy->outer[copy->nouter++] = axis;
  return copy;
}

static bool has_inner_loops(const KNest *n) {
  for (int i = 0; i < n->nphase; i++)
    if (n->phase[i].naxis) return true;
  return false;
}

static int64_t blocks(Module *m, GridAxis x) { return (dim_bound(m, x.points) + x.each - 1) / x.each; }

/* The x of a grid may have 2^31 - 1 blocks, y and z 65535: the largest number of blocks is x. */
static bool place(Module *m, MapPlan *p, const GridAxis *want, LaunchShape *l) {
  enum { MOST_X = 0x7fffffff, MOST_YZ = 65535 };
  int64_t n[3];
  for (int i = 0; i < 3; i++) n[i] = blocks(m, want[i]), p->dim[i] = i;
  int top = n[0] > MOST_YZ || (n[1] <= MOST_YZ && n[2] <= MOST_YZ) ? 0 : n[1] > n[2] ? 1 : 2;
  p->dim[top] = 0, p->dim[0] = top;
  for (int i = 0; i < 3; i++) {
    if (n[i] > (p->dim[i] ? MOST_YZ : MOST_X)) return false;
    l->grid[p->dim[i]] = want[i];
  }
  return true;
}

static bool suits(const Kernel *k, const NestSchedule *s, FormShape *f) {
  const KNest *n = s->nest;
  Module *m = n->axes.m;
  if (!s->npoint || s->npoint > n->nouter) return false;
  MapPlan *p = ctx_alloc(m->c, sizeof *p);
  p->lane = fastest(s);
  p->s = schedule_scalar(with_last(n, p->lane));
  p->s.narrow = s->narrow;
  p->s.grid = true;
  p->tile = tile_along(k, &p->s, p->lane, 1u << p->lane, has_inner_loops(n) || k->draws ? 1 : 16);
  p->row = n->nouter > 1 ? p->s.nest->outer[n->nouter - 2] : -1;
  Dim extent = n->axes.axis[p->lane].extent;
  p->planes = n->nouter > 2 ? n->nouter - 2 : 0;
  Dim planes = index_product(n, p->s.nest->outer, p->planes);
  for (p->wide = 1; p->wide < CUDA_BLOCK && (int64_t)p->wide * p->tile.vec < dim_bound(m, extent);) p->wide *= 2;
  if (p->row < 0) p->wide = CUDA_BLOCK;
  p->rows = CUDA_BLOCK / p->wide;
  for (int i = 0; i < n->nouter; i++)
    if (p->tile.vec == 1 || p->s.nest->outer[i] != p->lane) p->s.point[p->s.npoint++] = p->s.nest->outer[i];
  if (p->tile.vec > 1) p->s.par_axis = p->lane;
  const GridAxis want[] = {
    {extent, p->wide * p->tile.vec}, {p->row < 0 ? 1 : n->axes.axis[p->row].extent, p->rows}, {planes, 1}};
  *f = (FormShape){.launches = 1, .launch[0].block = CUDA_BLOCK, .plan = p};
  return place(m, p, want, &f->launch[0]);
}

/* ---- as text ---- */

static const char *extent_text(NestText *c, int axis) { return index_operand(c, c->n->axes.axis[axis].extent); }

/* An index in units of blocks of `each` threads and the number of the thread among them. */
static const char *index_text(NestText *c, int dim, int each, const char *thread) {
  const char *block = c->s->narrow ? BLOCK_INDEX[dim] : ctx_strf(c->p->c, "(gc_i64)%s", BLOCK_INDEX[dim]);
  return each == 1 ? block : ctx_strf(c->p->c, "%s * %d + %s", block, each, thread);
}

static bool divides(Module *m, Dim extent, int64_t each) {
  int64_t e;
  return dim_number(m, extent, &e) && e % each == 0;
}

static void print_begin(NestText *c) {
  const MapPlan *p = c->form;
  Module *m = c->p->m;
  const char *type = nest_index_type(c), *wide = "gc_thread()", *rows = "0";
  const char *lane = p->tile.vec > 1 ? "first" : ctx_strf(c->p->c, "i%d", p->lane), *extent = extent_text(c, p->lane);
  if (p->rows > 1) wide = ctx_strf(c->p->c, "gc_thread() %% %d", p->wide);
  if (p->rows > 1) rows = ctx_strf(c->p->c, "gc_thread() / %d", p->wide);
  const char *at = index_text(c, p->dim[0], p->wide, wide);
  if (p->tile.vec > 1 && p->wide > 1) at = ctx_strf(c->p->c, "(%s) * %d", at, p->tile.vec);
  else if (p->tile.vec > 1) at = ctx_strf(c->p->c, "%s * %d", at, p->tile.vec);
  nest_line(c, "const %s %s = %s;", type, lane, at);
  if (p->row >= 0) nest_line(c, "const %s i%d = %s;", type, p->row, index_text(c, p->dim[1], p->rows, rows));
  Str end = {.c = c->p->c};
  if (!divides(m, c->n->axes.axis[p->lane].extent, p->wide * p->tile.vec)) str_printf(&end, "%s >= %s", lane, extent);
  if (p->row >= 0 && !divides(m, c->n->axes.axis[p->row].extent, p->rows))
    str_printf(&end, "%si%d >= %s", end.n ? " || " : "", p->row, extent_text(c, p->row));
  if (end.n) nest_line(c, "if (%s) return;", end.s);
  const char *rest = index_text(c, p->dim[2], 1, "");
  if (p->planes > 1) nest_line(c, "const %s plane = %s;", type, rest), rest = "plane";
  index_declare(c, c->n->outer, p->planes, rest);
}

/* In a tail: the condition that all elements of a vector are in range. */
static const char *full_text(NestText *c) {
  const MapPlan *p = c->form;
  if (divides(c->p->m, c->n->axes.axis[p->lane].extent, p->tile.vec)) return NULL;
  return ctx_strf(c->p->c, "first + %d <= %s", p->tile.vec, extent_text(c, p->lane));
}

static void transfer(NestText *c, bool store, int axis) {
  const MapPlan *p = c->form;
  const TileAt at = {"first", "", full_text(c), extent_text(c, axis)};
  for (int i = 0; i < p->tile.n; i++)
    if (p->tile.access[i].store == store) tile_transfer(c, &p->tile, i, &at);
}

static void open_lane(NestText *c, int axis) {
  const MapPlan *p = c->form;
  const char *full = full_text(c);
  for (int i = 0; i < p->tile.n; i++) tile_declare(c, &p->tile, i, 1);
  transfer(c, false, axis);
  nest_open_block(c, "GC_UNROLL for (int u = 0; u < %d; u++)", p->tile.vec);
  nest_line(c, "const %s i%d = first + u;", nest_index_type(c), axis);
  if (full) nest_line(c, "if (i%d >= %s) break;", axis, extent_text(c, axis));
}

static void close_lane(NestText *c, int axis) {
  nest_close_block(c);
  transfer(c, true, axis);
}

static const char *load_text(NestText *c, const KVal *v) {
  const MapPlan *p = c->form;
  int i = tile_load(&p->tile, v);
  return i < 0 || p->tile.vec == 1 ? NULL : ctx_strf(c->p->c, "%s[u]", tile_name(c, &p->tile, i));
}

static const char *store_text(NestText *c, const KStore *s) {
  const MapPlan *p = c->form;
  int i = tile_store(&p->tile, s);
  return i < 0 || p->tile.vec == 1 ? NULL : ctx_strf(c->p->c, "%s[u]", tile_name(c, &p->tile, i));
}

static void print(Emitter *p, const Launch *l, Str *body) {
  static const ParallelText text = {
    .begin = print_begin, .open = open_lane, .close = close_lane, .load = load_text, .store = store_text};
  const MapPlan *plan = l->plan;
  NestText c = nest_text(p, l->step->kernel, &plan->s, body);
  c.parallel = &text;
  c.form = plan;
  nest_print_text(&c);
}

const Form form_map = {"map", suits, print};
