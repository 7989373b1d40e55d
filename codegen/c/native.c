/* SPDX-License-Identifier: Apache-2.0 */
/* The file of the native target: kernels, a GcFn for each graph, and the descriptor gc_model (text/descriptor.c). */
#include "codegen/c/attend_call.h"
#include "codegen/c/gemm_call.h"
#include "codegen/c/native_text.h"
#include "codegen/c/targets.h"
#include "codegen/c/vector.h"
#include "codegen/text/graph.h"
#include "codegen/text/descriptor.h"
#include "codegen/text/weights.h"
#include "passes/analysis/model_memory.h"
#include <string.h>

/* Kernels with less work than this, in cycles, run on one thread: a barrier costs about a microsecond. */
enum { SERIAL_CYCLES = 8000 };

/* Kernels are not inlined, and functions that only call others (of graphs, and of kernels that call gc_contract) are
 * not optimised: else compile time grows with the square of the graph. With GC_PART defined, the file is one of
 * NATIVE_PARTS translation units, which are compiled in parallel: one has some of the kernels, the other one the rest,
 * the graphs and the descriptor. */
#define HIDDEN "#define GC_LINK __attribute__((visibility(\"hidden\")))\n"
static const char PRELUDE[] = "#ifdef GC_PART\n#define GC_IN(n) (GC_PART == n)\n" HIDDEN
                              "#else\n#define GC_IN(n) 1\n#define GC_LINK static\n#endif\n"
                              "#define GC_KERNEL GC_LINK __attribute__((noinline))\n"
                              "#ifdef __clang__\n#pragma clang diagnostic ignored \"-Wunused-function\"\n"
                              "#define GC_CALLS __attribute__((noinline, optnone))\n"
                              "#else\n#define GC_CALLS __attribute__((optimize(\"O1\")))\n#endif\n\n";

const HelperText native_helpers[] = {
  {"gc_partition", "/* The first of the n rows of thread tid, in multiples of `grain`. */\n"
                   "static inline ptrdiff_t gc_partition(ptrdiff_t n, ptrdiff_t grain, int tid, int nthreads) {\n"
                   "  const ptrdiff_t at = (n + grain - 1) / grain * tid / nthreads * grain;\n"
                   "  return at < n ? at : n;\n}\n\n"},
  {"gc_barrier", "static __attribute__((noinline)) void gc_barrier(const GcCall *call) {\n"
                 "  if (call->nthreads > 1) call->barrier(call->pool, call->tid);\n}\n\n"},
  {"gc_slices", "/* Copies rows as gc_rows does, partitioned over threads. */\n"
                "static void gc_slices(unsigned char *d, ptrdiff_t dstep, const unsigned char *s, ptrdiff_t sstep,\n"
                "                      ptrdiff_t rows, ptrdiff_t bytes, int tid, int nthreads) {\n"
                "  for (ptrdiff_t r = rows * tid / nthreads; r < rows * (tid + 1) / nthreads; r++)\n"
                "    __builtin_memcpy(d + r * dstep, s + r * sstep, (size_t)bytes);\n}\n\n"},
  {"gc_random", "static __attribute__((noinline)) gc_vf gc_random(gc_vu index, uint64_t key, const GcRun *run, "
                "uint32_t pass,\n                                                 uint32_t iteration) {\n"
                "  return v_random(index, 0, (uint32_t)key, (uint32_t)(key >> 32), run->step, pass, "
                "iteration);\n}\n\n"},
  {"gc_mark", "/* bench --profile: adds the time since the end of the last kernel. all: every thread calls it. */\n"
              "static __attribute__((noinline)) void gc_mark(const GcCall *call, int kernel, int all) {\n"
              "  GcProfile *p = call->profile;\n  if (all) gc_barrier(call);\n"
              "  if (call->tid == 0) {\n    p->seconds[kernel] += p->now() - p->since;\n    p->count[kernel]++;\n"
              "    p->since = p->now();\n  }\n  if (all) gc_barrier(call);\n}\n\n"},
  {"gc_check", "/* Check mode: records the first node with a result that is not finite. */\n"
               "static __attribute__((noinline)) void gc_check(const GcCall *call, const float *y, ptrdiff_t "
               "n, int32_t node) {\n"
               "  if (!call->first_nonfinite) return;\n  gc_barrier(call);\n"
               "  for (ptrdiff_t i = 0; i < n && call->tid == 0 && !*call->first_nonfinite; i++)\n"
               "    if (!(y[i] - y[i] == 0.0f)) *call->first_nonfinite = node;\n"
               "  gc_barrier(call);\n}\n\n"},
  {"gc_check_half", "/* The same for 16-bit floats; inf: the bits of infinity. */\n"
                    "static __attribute__((noinline)) void gc_check_half(const GcCall *call, const uint16_t *y, "
                    "ptrdiff_t n,\n                                                    int32_t node, int inf) {\n"
                    "  if (!call->first_nonfinite) return;\n  gc_barrier(call);\n"
                    "  for (ptrdiff_t i = 0; i < n && call->tid == 0 && !*call->first_nonfinite; i++)\n"
                    "    if ((y[i] & inf) == inf) *call->first_nonfinite = node;\n"
                    "  gc_barrier(call);\n}\n\n"},
  {NULL, NULL},
};

/* Pointers of inputs and results, run-time sizes, the run header. */
static void put_locals(GraphText *c, Str *out) {
  Module *m = c->p->m;
  const Graph *g = c->g;
  str_printf(out, "  unsigned char *const m = call->mem;\n  unsigned char *const a = m + %lld;\n",
             (long long)(m->total_bytes - m->arena_bytes));
  str_puts(out, "  GcRun *const run = call->mem;\n  const int tid = call->tid, nthreads = call->nthreads;\n");
  long long calls = head_calls(m);
  if (calls >= 0) str_printf(out, "  uint32_t *const calls = (uint32_t *)(void *)(m + %lld);\n  (void)calls;\n", calls);
  str_printf(out, "  const uint32_t iteration = 0, pass = %s;\n",
             graph_counts_calls(g) ? "*calls" : "call->microbatch");
  for (int i = 0; i < g->nport; i++)
    str_printf(out, "  const %s *const %s = call->in[%d];\n", dtype_info[node_type(g, g->port[i])->dtype].c, c->in[i],
               i);
  for (int i = 0, k = 0; i < g->nout && !graph_trains(g); i++)
    if (g->out[i].var < 0) {
      str_printf(out, "  %s *const %s = call->out[%d];\n", dtype_info[node_type(g, g->out[i].value)->dtype].c,
                 c->out[k], k);
      k++;
    }
  uint32_t sizes = graph_sizes(g);
  for (int i = 0, k = 0; i < m->nsize; i++)
    if (sizes >> i & 1)
      str_printf(out, "  const ptrdiff_t n_%s = call->size[%d];\n  (void)n_%s;\n", m->size[i].name, k++,
                 m->size[i].name);
  str_puts(out, "  (void)m, (void)a, (void)run, (void)iteration, (void)pass, (void)tid, (void)nthreads;\n");
}

static void print_graph(Emitter *p, Graph *g, Str *functions) {
  Str body = {.c = p->c};
  GraphText c = {.p = p, .g = g, .o = &body, .indent = 1};
  name_params(&c);
  if (g->kind != GK_INIT) checks_print(&c);
  graph_body(&c);
  if (graph_counts_calls(g)) native_barrier(&c); /* every thread has read the counter */
  if (graph_counts_calls(g)) graph_stmt(&c, "if (tid == 0) ++*calls;");
  if (g->kind == GK_INIT && head_calls(p->m) >= 0) graph_stmt(&c, "if (tid == 0) *calls = 0;");
  graph_stmt(&c, "return 0;");
  str_printf(functions, "static GC_CALLS int graph_%d(const GcCall *call) { /* %s */\n", g->index, g->name);
  put_locals(&c, functions);
  str_put(functions, body.s, body.n);
  str_puts(functions, "}\n\n");
}

/* Of a device's program, its other unit has the functions of the graphs that run there, and gc_device. */
static void print_graphs(Emitter *p, Str *functions) {
  const DeviceProgram *device = p->o->device;
  if (device) {
    str_puts(functions, "extern GC_LINK const GcDevice gc_device;\n");
    str_puts(&p->nodes, device->nodes);
    p->nnodes = device->nnodes;
  }
  for (int i = 0; i < p->m->ngraph; i++) {
    Graph *g = p->m->graph[i];
    if (device && graph_on_device(g)) str_printf(functions, "GC_LINK int graph_%d(const GcCall *);\n", g->index);
    else if (g->kind != GK_TEST && g->kind != GK_BODY) print_graph(p, g, functions);
  }
}

static void put_text(Str *out, const Str *s, size_t from, size_t to) {
  if (to > from) str_put(out, s->s + from, to - from);
}

/* The offset in the kernels at which the second unit begins, so that both compile in about the same time. The second
 * unit also has `optimised` bytes, and `rest` bytes of calls and tables, which compile about REST times as fast. */
static size_t second_unit(const Emitter *p, size_t optimised, size_t rest) {
  enum { REST = 16 };
  for (int i = 0; i < p->nprinted; i++)
    if (p->printed[i].at >= (p->kernels.n + optimised + rest / REST) / 2) return p->printed[i].at;
  return p->kernels.n;
}

NativeText *native_text_new(Ctx *c, const EmitOptions *o) {
  NativeText *x = ctx_alloc(c, sizeof *x);
  *x = (NativeText){.o = o->native ? *o->native : (NativeEmitOptions){0}};
  if (!x->o.machine) x->o.machine = machine_find("generic");
  if (!x->o.rates) x->o.rates = &x->o.machine->rates;
  return x;
}

void emit_gemm_unit(Ctx *c, const EmitOptions *o, DType t, bool half, bool convs, Str *file) {
  Emitter p = {.c = c, .o = o, .target = &target_native, .native = native_text_new(c, o)};
  gemm_use(&p, t, half);
  p.native->bf16_convs = convs;
  str_puts(file, "/* GEMM kernels: generated by gradc, native target. */\n" HIDDEN);
  if (half) {
    str_puts(file, "#include <stddef.h>\n#include <stdint.h>\n");
    vector_types_print(&p, file);
    prim_print(&p, file);
    vector_prims_print(&p, file);
    vector_halves_print(&p, file);
  }
  gemm_prelude_print(&p, file);
  gemm_body_print(&p, file);
}

/* The instruction sets that the model needs, including those of a prebuilt GEMM unit. */
static void put_needs(const Emitter *p, Str *out) {
  size_t n;
  const NativeText *x = p->native;
  const char *s = x->gemm && x->o.separate_gemm ? x->o.machine->common : "";
  str_puts(out, "#define GC_NEEDS \"");
  for (; *s; s += n + strspn(s + n, " ")) {
    n = strcspn(s, " ");
    if (!strncmp(s, "-m", 2) && !memchr(s, '=', n)) str_printf(out, " %.*s", (int)n - 2, s + 2);
  }
  str_puts(out, "\"\n");
  str_puts(out, p->o->builtin("runtime/needs.h", &n));
}

static ScheduleOptions schedule_options(const NativeEmitOptions *o) {
  int cycles = o->serial_cycles ? o->serial_cycles : SERIAL_CYCLES;
  return (ScheduleOptions){
    .target = &target_native, .machine = o->machine, .vec = o->machine->vec, .serial_cycles = cycles};
}

bool native_step_costs(Module *m, const char *isa, StepCosts *costs) {
  Rates rates;
  if (isa ? !machine_rates(isa, &rates) : !machine_rates_by_clock(&rates)) return false;
  if (!isa) isa = "native";
  const Machine *row = machine_find(isa);
  NativeEmitOptions o = {.machine = row ? row : machine_of_march(isa)};
  ScheduleOptions schedule = schedule_options(&o);
  *costs = step_costs(m, &schedule, &rates);
  return true;
}

void emit_native(Module *m, const EmitOptions *o, Artifacts *a) {
  Str *c_file = &a->code;
  NativeText *x = native_text_new(m->c, o);
  ScheduleOptions schedule = schedule_options(&x->o);
  Emitter *p = emitter_new(m, o, schedule, "GcRun");
  p->native = x;
  p->var_name = var_identifiers(p);
  Str functions = {.c = m->c}, model = {.c = m->c};
  print_graphs(p, &functions);
  descriptor_print(p, &model);
  size_t n;
  str_printf(c_file, "/* %s: generated by gradc %s, native target. */\n", m->name, o->version ? o->version : "");
  str_puts(c_file, "#define PRIM_BY_FLAGS\n");
  str_puts(c_file, o->builtin("prim/prim_ieee.h", &n));
  str_puts(c_file, o->builtin("runtime/model.h", &n));
  str_puts(c_file, PRELUDE);
  weights_offsets(p, c_file);
  vector_types_print(p, c_file);
  prim_print(p, c_file);
  vector_prims_print(p, c_file);
  vector_halves_print(p, c_file);
  gemm_prelude_print(p, c_file);
  attend_prelude_print(p, c_file);
  helpers_print(p, c_file);
  Str attend = {.c = m->c};
  attend_body_print(p, &attend);
  const Str *rest[] = {&p->bodies, &functions, &model};
  size_t half = second_unit(p, attend.n, p->bodies.n + functions.n + model.n);
  put_text(c_file, &p->tables, 0, p->tables.n);
  if (!x->o.separate_gemm) gemm_body_print(p, c_file);
  else if (x->gemm) emit_gemm_unit(p->c, o, x->gemm_type, x->gemm_half, x->bf16_convs, &a->gemm_unit);
  for (int i = 0; i < p->nprinted; i++)
    str_printf(c_file, "%s %s;\n", target_native.kernel_qualifiers, p->printed[i].declaration);
  str_puts(c_file, "\n#if GC_IN(0)\n");
  put_text(c_file, &p->kernels, 0, half);
  str_puts(c_file, "#endif\n#if GC_IN(1)\n");
  put_text(c_file, &attend, 0, attend.n);
  put_text(c_file, &p->kernels, half, p->kernels.n);
  put_needs(p, c_file);
  for (size_t i = 0; i < sizeof rest / sizeof *rest; i++) put_text(c_file, rest[i], 0, rest[i]->n);
  str_puts(c_file, "#endif\n");
}
