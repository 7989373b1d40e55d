/* SPDX-License-Identifier: Apache-2.0 */
/* Threads in native C. All threads run a graph's function; `tid` is the number of the thread, and the iterations of a
 * kernel's parallel axis are partitioned over `nthreads`. */
#include "codegen/c/machine.h"
#include "codegen/c/native_text.h"
#include "codegen/c/targets.h"
#include "codegen/text/descriptor.h"

/* ---- in kernels ---- */

const char *native_axis_begin(NestText *c, int axis) { return axis == c->s->par_axis ? "lo" : "0"; }

const char *native_axis_end(NestText *c, int axis) {
  return axis == c->s->par_axis ? "hi" : text_dim(c->p, c->n->axes.axis[axis].extent);
}

/* Each thread has all of some chunks. */
static void declare_chunks(NestText *c) {
  const char *rows = text_dim(c->p, c->n->axes.axis[c->n->phase[0].axis[0]].extent);
  helper_use(c->p, "gc_partition");
  nest_line(c, "float *const sums = (float *)(void *)part;");
  nest_line(c,
            "const ptrdiff_t lo = gc_partition(%s, %d, tid, nthreads),"
            " hi = gc_partition(%s, %d, tid + 1, nthreads);",
            rows, STRICT_CHUNK, rows, STRICT_CHUNK);
}

static void kernel_barrier(NestText *c) {
  helper_use(c->p, "gc_barrier");
  nest_line(c, "gc_barrier(call);");
}

static bool has_vectors(const NestText *c) { return c->s->lane >= 0 && c->s->lane_outer; }

static const char *chunk_load(NestText *c, int acc) {
  const char *at = chunk_element(c, acc);
  if (!has_vectors(c)) return ctx_strf(c->p->c, "*(%s)", at);
  if (c->remaining) return ctx_strf(c->p->c, "gc_loadn_f(%s, %s)", at, c->remaining);
  return ctx_strf(c->p->c, "gc_load_f(%s)", at);
}

static void chunk_store(NestText *c, int acc, const char *value) {
  const char *at = chunk_element(c, acc);
  if (!has_vectors(c)) nest_line(c, "*(%s) = %s;", at, value);
  else if (c->remaining) nest_line(c, "gc_storen_f(%s, %s, %s);", at, value, c->remaining);
  else nest_line(c, "gc_store_f(%s, %s);", at, value);
}

static void declare_range(NestText *c) {
  if (c->s->chunks) {
    declare_chunks(c);
    return;
  }
  const char *extent = text_dim(c->p, c->n->axes.axis[c->s->par_axis].extent);
  int grain = c->s->grain;
  helper_use(c->p, "gc_partition");
  nest_line(c,
            "const ptrdiff_t lo = gc_partition(%s, %d, tid, nthreads),"
            " hi = gc_partition(%s, %d, tid + 1, nthreads);",
            extent, grain, extent, grain);
}

static void open_range(NestText *c, int axis) {
  nest_open_block(c, "for (ptrdiff_t i%d = lo; i%d < hi; i%d++)", axis, axis, axis);
}

const ParallelText native_parallel = {.begin = declare_range,
                                      .open = open_range,
                                      .is_first = "tid == 0",
                                      .barrier = kernel_barrier,
                                      .chunk_load = chunk_load,
                                      .chunk_store = chunk_store};

/* ---- in graphs ---- */

void native_barrier(GraphText *c) {
  helper_use(c->p, "gc_barrier");
  graph_stmt(c, "gc_barrier(call);");
}

static void print_call(GraphText *c, const Step *step, const char *name, const char *args) {
  graph_stmt(c, "%s%s(%s);", step->schedule.serial ? native_steps.one_thread : "", name, args);
}

static void copy_rows(GraphText *c, const char *args) {
  helper_use(c->p, "gc_slices");
  graph_stmt(c, "gc_slices(%s, tid, nthreads);", args);
}

/* Check mode of a training step: after its call, the results of a kernel are tested. */
static void check_stores(GraphText *c, const Group *gr) {
  Emitter *p = c->p;
  for (int i = 0; i < gr->nwrite; i++) {
    const Node *d = node_get(c->g, gr->write[i]);
    DType t = (DType)type_get(p->m, d->type)->dtype;
    if (dtype_computed(t) != DT_F32) continue;
    int row = descriptor_node(p, d);
    const char *count = text_dim(p, type_count(p->m, d->type)), *y = buffer_text(c, gr->write[i]);
    helper_use(p, "gc_barrier");
    helper_use(p, dtype_is_half(t) ? "gc_check_half" : "gc_check");
    if (t == DT_F32) graph_stmt(c, "gc_check(call, %s, %s, %d);", y, count, row);
    else graph_stmt(c, "gc_check_half(call, %s, %s, %d, %s);", y, count, row, text_table_number(p, t, 1.0 / 0.0));
  }
}

static void mark(GraphText *c, const Step *step) {
  Emitter *p = c->p;
  if (!p->o->profile || c->g->kind == GK_INIT) return;
  int row = descriptor_kernel(p, step->kernel, &step->schedule, p->native->o.rates);
  bool all = c->g->kind != GK_BODY || graph_steps(&p->steps, (Graph *)c->g)->parallel;
  helper_use(p, "gc_barrier");
  helper_use(p, "gc_mark");
  graph_stmt(c, "if (call->profile) gc_mark(call, %d, %d);", row, all);
}

const StepText native_steps = {
  .one_thread = "if (tid == 0) ",
  .params = ", const GcCall *call, int tid, int nthreads",
  .args = ", call, tid, nthreads",
  .unused = ", (void)call, (void)tid, (void)nthreads",
  .call = print_call,
  .barrier = native_barrier,
  .copy_rows = copy_rows,
  .check_stores = check_stores,
  .mark = mark,
};
