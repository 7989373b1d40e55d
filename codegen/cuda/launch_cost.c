/* SPDX-License-Identifier: Apache-2.0 */
/* Counts what launches compute and move. The operations of a kernel are those of its first nest. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/gemm_text.h"
#include "ir/scan.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

/* Forms whose products are of tensor cores, by the beginning of their names. */
static const struct {
  const char *form;
  GpuUnit unit;
} TENSOR[] = {{"mma", UNIT_16}, {"wgmma", UNIT_16}, {"tf32", UNIT_TF32}};

/* Of the launches of a form the first one is charged with all; the others pass through scratch memory. */
LaunchCost cuda_nest_cost(Emitter *p, const Launch *l) {
  const Kernel *k = l->step->kernel;
  LaunchCost c = {.kernel = cuda_kernel(p, l), .form = l->form->name, .threads = l->shape.block};
  c.shared_bytes = l->shape.shared_bytes;
  c.loc = node_get(k->gs->g, k->group->root)->loc;
  for (size_t i = 0; i < sizeof TENSOR / sizeof *TENSOR; i++)
    if (!strncmp(c.form, TENSOR[i].form, strlen(TENSOR[i].form))) c.unit = TENSOR[i].unit;
  if (l->shape.library && l->shape.library->a.storage != OS_F32) c.unit = UNIT_16;
  else if (l->shape.library && gemm_takes_tf32(k)) c.unit = UNIT_TF32;
  if (l->part) return c;
  if (l->schedule->nest == k->nest[0]) c.flops = kernel_flops(k);
  for (int i = 0; i < l->narg; i++)
    if (l->arg[i].kind == KA_BUF)
      c.bytes += nest_buffer_bytes(k, l->schedule, l->arg[i].index, false) +
                 nest_buffer_bytes(k, l->schedule, l->arg[i].index, true);
  return c;
}

static void add(Emitter *p, LaunchCosts *all, LaunchCost c, double times) {
  c.times = times;
  *VEC_PUSH(p->c, all->v, all->n, all->cap) = c;
}

static void add_one_thread(Emitter *p, LaunchCosts *all, const char *name, double times) {
  add(p, all, (LaunchCost){.kernel = name, .form = ""}, times);
}

static void add_copy(Emitter *p, LaunchCosts *all, Loc loc, double bytes, double times) {
  if (times > 0) add(p, all, (LaunchCost){.kernel = "gc_copy_rows", .form = "", .loc = loc, .bytes = 2 * bytes}, times);
}

/* The copies of a scan (text/scan.c): carries before it, and from scratch memory after an odd number of iterations;
 * slices that are not contiguous in each iteration. */
static void add_copies(Emitter *p, LaunchCosts *all, const Graph *g, const Group *group, double times) {
  Scan s = scan_of(g, group->root);
  ScanScratch sc;
  const Type *tuple = node_type(g, group->root);
  Loc loc = node_get(g, group->root)->loc;
  int64_t length = dim_bound(g->m, s.length);
  double each = length > 0 ? 1.0 / (double)length : 0, executions = times * (double)length;
  scan_scratch(g, group, &sc);
  for (int i = 0; i < s.nc; i++)
    add_copy(p, all, loc, (double)type_bytes(g->m, tuple->elem[i]), times * (double)(1 + length % 2));
  for (int i = 0; i < s.nx; i++)
    if (sc.slice[i] >= 0) add_copy(p, all, loc, each * (double)node_bytes(g, node_in(g, group->root, i)), executions);
  for (int i = 0; i < s.ny; i++)
    if (sc.slice[s.nx + i] >= 0)
      add_copy(p, all, loc, each * (double)type_bytes(g->m, tuple->elem[s.nc + i]), executions);
}

static void add_graph(Emitter *p, LaunchCosts *all, Graph *g, double times) {
  const LaunchList *list = graph_launches(&p->cuda->launches, g);
  for (int i = 0; i < list->n; i++) {
    const Launch *l = &list->launch[i];
    if (l->kind == LAUNCH_NEST) add(p, all, cuda_nest_cost(p, l), times);
    if (l->kind == LAUNCH_CHECK) add_one_thread(p, all, "check", times);
    if (l->kind == LAUNCH_LOSS_TEST) add_one_thread(p, all, "loss_test", times);
    if (l->kind == LAUNCH_COUNT) add_one_thread(p, all, "count", times);
    if (l->kind != LAUNCH_SCAN) continue;
    Scan s = scan_of(g, l->step->group->root);
    add_copies(p, all, g, l->step->group, times);
    add_graph(p, all, s.body, times * (double)dim_bound(g->m, s.length));
  }
}

/* train[t]: a step, or passes and an update. */
static void add_training(Emitter *p, LaunchCosts *all, const TrainInfo *t) {
  double passes = t->accumulate > 0 ? (double)t->accumulate : 1;
  int64_t from, to;
  if (t->step) {
    add_graph(p, all, t->step, 1);
    return;
  }
  add_graph(p, all, t->pass, passes);
  add_one_thread(p, all, "add_pass", passes);
  add_one_thread(p, all, "mean", 1);
  add_graph(p, all, t->update, 1);
  interface_sums(p, t->pass, &from, &to);
  if (to > from) add(p, all, (LaunchCost){.kernel = "clear", .form = ""}, 1);
}

LaunchCosts cuda_launch_costs(Emitter *p) {
  const Module *m = p->m;
  LaunchCosts all = {0};
  for (int i = 0; i < m->ntrain && !all.n && !m->opt.infer_only; i++)
    if (m->train[i].step || (m->train[i].pass && m->train[i].update)) add_training(p, &all, &m->train[i]);
  for (int i = 0; i < m->ngraph && !all.n; i++)
    if (m->graph[i]->kind == GK_EXPORT) add_graph(p, &all, m->graph[i], 1);
  if (p->cuda->launches.scratch) all.scratch_bytes = launch_scratch_at(m) + p->cuda->launches.scratch - m->total_bytes;
  return all;
}
