/* SPDX-License-Identifier: Apache-2.0 */
/* A complete module: run-time sizes, exports, a training step, an init graph; results and writes. */
#include "random.h"
#include "ir/sizes.h"
#include <stdlib.h>
#include <string.h>

static void begin_graph(Gen *r, const char *name, GraphKind kind) {
  r->b = (Builder){.g = graph_new(r->m, name, kind, 0)};
  r->b.g->training = kind == GK_TRAIN_STEP;
  r->npool = 0;
  r->nmeta = 0;
  r->meta = chance(r, kind == GK_TRAIN_STEP ? 60 : 35);
  r->sized = r->nsize && kind != GK_INIT && chance(r, 85);
  for (int i = 0; r->sized && i < r->nsize; i++) { /* a caller gives a size by an input that has it */
    Dim dim[2] = {r->size[i], 1 + (int64_t)rnd(r, 4)};
    if (chance(r, 40)) dim[1] = dim[0], dim[0] = 1 + (int64_t)rnd(r, 4);
    int rank = dim[0] == r->size[i] ? 1 + (int)rnd(r, 2) : 2;
    keep(r, graph_input(r->b.g, i ? "xt" : "xb", type_make(r->m, DT_F32, rank, dim), 0));
  }
}

/* Writes of weights and states: new values, one another's old values, and inputs. */
static void add_writes(Gen *r) {
  Graph *g = r->b.g;
  for (int v = 0; v < r->m->nvar; v++) {
    bool state = r->m->var[v].kind == VK_STATE;
    if (!chance(r, g->kind == GK_TRAIN_STEP ? 60 : state ? 30 : 0)) continue;
    TypeId t = r->m->var[v].type;
    Id value = 0;
    for (int u = 0; u < r->m->nvar && !value; u++) /* perhaps a swap */
      if (u != v && r->m->var[u].type == t && chance(r, 40)) value = graph_var(g, u, 0);
    if (!value && chance(r, 60) && is_number(type_get(r->m, t))) {
      Id step = value_of(r, narrowed(r, t, (DType)type_get(r->m, t)->dtype));
      value = b_op2(&r->b, chance(r, 50) ? OP_sub : OP_add, graph_var(g, v, 0), step);
    }
    if (!value) value = value_of(r, t);
    graph_write(g, v, value, 0);
  }
}

static Id scalar_of(Gen *r) {
  Id x = pick(r, is_float);
  TypeId f32 = type_make(r->m, DT_F32, 0, NULL);
  if (!x) return value_of(r, f32);
  for (int tries = 0; tries < 4 && op_info[node_get(r->b.g, x)->op].cls == CL_LEAF; tries++) x = pick(r, is_float);
  int64_t axes[MAX_RANK];
  int rank = node_type(r->b.g, x)->rank;
  for (int i = 0; i < rank; i++) axes[i] = i;
  Id s = rank ? b_sum(&r->b, x, rank, axes, false) : x;
  return node_get(r->b.g, s)->type == f32 ? s : b_cast(&r->b, s, DT_F32);
}

/* Most of the values without a reader, and some others; the rest is dead code. */
static void add_results(Gen *r) {
  enum { MAX = 9 };
  Graph *g = r->b.g;
  bool *read = ctx_alloc(r->m->c, (size_t)g->n);
  for (int i = 0; i < g->nins; i++) read[g->in[i]] = true;
  for (int i = r->npool - 1; i >= 0 && g->nout < MAX; i--) {
    bool sink = !read[r->pool[i]] && op_info[node_get(g, r->pool[i])->op].cls != CL_LEAF;
    if (chance(r, sink ? 85 : 4)) graph_result(g, ctx_strf(r->m->c, "y%d", g->nout), r->pool[i], 0);
  }
  if (!g->nout || chance(r, 10)) graph_result(g, "z", pick(r, is_any), 0); /* perhaps one twice, or an input */
}

static void export_graph(Gen *r, int number) {
  begin_graph(r, ctx_strf(r->m->c, "e%d", number), GK_EXPORT);
  for (int i = 1 + (int)rnd(r, 3); i > 0; i--) leaf_of(r, rnd_type(r, rnd_dtype(r), 4));
  grow_graph(r, 2 + (int)rnd(r, 22));
  add_results(r);
  add_writes(r);
}

static void train_graph(Gen *r) {
  begin_graph(r, "train_step", GK_TRAIN_STEP);
  if (chance(r, 40)) r->b.g->precision = chance(r, 50) ? DT_F16 : DT_BF16;
  for (int i = 1 + (int)rnd(r, 3); i > 0; i--) leaf_of(r, rnd_type(r, rnd_float(r), 4));
  grow_graph(r, 2 + (int)rnd(r, 18));
  bool net = r->meta && chance(r, 60);
  Id loss = net ? grow_net(r) : scalar_of(r);
  if (net && chance(r, 30)) loss = b_op2(&r->b, OP_add, loss, scalar_of(r));
  graph_result_as(r->b.g, OUT_LOSS, "loss", loss, 0);
  if (chance(r, 40)) graph_result(r->b.g, "metric", chance(r, 80) ? scalar_of(r) : loss, 0);
  for (int v = 0; v < r->m->nvar && r->meta; v++) /* a step against the gradient */
    if (r->m->var[v].kind == VK_PARAM && is_float(type_get(r->m, r->m->var[v].type))) {
      Id w = graph_var(r->b.g, v, 0), d = b_op2(&r->b, OP_grad, loss, w);
      if (d) graph_write(r->b.g, v, b_op2(&r->b, OP_sub, w, b_op2(&r->b, OP_mul, d, b_like(&r->b, d, 0.125))), 0);
    }
  if (!r->meta) add_writes(r);
}

static void init_graph(Gen *r) {
  begin_graph(r, "init", GK_INIT);
  r->meta = false;
  for (int v = 0; v < r->m->nvar; v++) {
    TypeId t = r->m->var[v].type;
    double one = 1;
    Id value = graph_leaf(r->b.g, OP_const, t, attr_make(r->m, OP_const, &(AttrVal){.fv = &one, .n = 1}), 0);
    if (type_get(r->m, t)->dtype == DT_F32) {
      AttrId stream = attr_make(r->m, OP_random, &(AttrVal){.i = v + 1});
      value = b_op2(&r->b, OP_sub, graph_leaf(r->b.g, OP_random, t, stream, 0), b_const(&r->b, DT_F32, 0.5));
    }
    graph_write(r->b.g, v, value, 0);
  }
}

static void make_module(Ctx *c, void *arg) {
  Gen *r = arg;
  r->m = module_new(c, "random");
  if (chance(r, 40)) r->size[r->nsize++] = dim_size(r->m, "B", 1 + (int64_t)rnd(r, 6), 0);
  if (chance(r, 25)) r->size[r->nsize++] = dim_size(r->m, "T", 1 + (int64_t)rnd(r, 24), 0);
  uint32_t kind = rnd(r, 10);
  if (kind < 4) train_graph(r);
  if (kind >= 2) export_graph(r, 0);
  if (kind >= 8) export_graph(r, 1);
  if (r->m->nvar && chance(r, 30)) init_graph(r);
}

/* Do all graphs admit these sizes? Calls with others are refused (sizes.h). */
static bool admitted(Module *m, const int64_t *size) {
  for (int i = 0; i < m->ngraph; i++) {
    SizeConstraints list = graph_constraints(m->graph[i]);
    for (int k = 0; k < list.n; k++)
      if (dim_value(m, list.v[k].dim, size) < 0) return false;
  }
  return true;
}

const int64_t *admitted_sizes(Module *m, uint64_t seed) {
  enum { DRAWS = 60 };
  Gen r = gen_of(seed, 1);
  int64_t *size = ctx_alloc(m->c, ((size_t)m->nsize + 1) * sizeof *size);
  for (int draw = 0; draw < DRAWS; draw++) {
    for (int s = 0; s < m->nsize; s++) {
      int64_t bound = m->size[s].bound;
      size[s] = chance(&r, 50) ? bound : 1 + rnd(&r, (uint32_t)bound);
    }
    if (admitted(m, size)) return size;
  }
  return NULL;
}

/* The module number `attempt` of a seed; NULL: its graphs admit no sizes together. */
static char *attempted(uint64_t seed, uint64_t attempt) {
  enum { RETRIES = 5000 };
  Ctx *c = ctx_new();
  Gen r = gen_of(seed, attempt ? RETRIES + attempt : 0);
  char *text = NULL;
  if (c && ctx_try(c, make_module, &r) && admitted_sizes(r.m, seed)) {
    Str s = {.c = c};
    ir_print(&s, r.m);
    text = strdup(s.s);
  }
  ctx_free(c);
  return text;
}

char *generate(uint64_t seed) {
  char *text = NULL;
  for (uint64_t attempt = 0; attempt < 8 && !text; attempt++) text = attempted(seed, attempt);
  return text;
}
