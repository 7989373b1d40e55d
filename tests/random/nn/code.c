/* SPDX-License-Identifier: Apache-2.0 */
/* Machine code instead of the interpreter: a module's native or portable C, compiled in this process, called with the
 * values and weights of an Interp. Memory ends at a guard page, and is filled with a pattern except for the weights, so
 * that no call can read values of an earlier one. */
#include "codegen/codegen.h"
#include "codegen/build/native_build.h"
#include "codegen/jit/jit.h"
#include "ir/sizes.h"
#include "lib/embed.h"
#include "passes/analysis/model_memory.h"
#include "runtime/model.h"
#include "tests/exact/exact.h"
#include "tests/random/nn/nn.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

typedef int PortableFn(void *mem, const void *const *in, const int64_t *size, void *const *out, uint32_t pass);
struct Code {
  Jit *jit;
  Module *m;
  GcFn *const *native; /* per graph; NULL: it is not there */
  PortableFn *const *portable;
  unsigned char *map, *mem;
  size_t mapped, bytes;
};

static bool compiled(const Graph *g, bool native) {
  bool inner = g->kind == GK_BODY || g->kind == GK_TEST || g->kind == GK_BIND;
  return !inner && (native || (g->kind != GK_EVAL_STEP && g->kind != GK_EVAL_DONE));
}

static Code *code_of(Module *m, Jit *jit, bool native) {
  Code *k = calloc(1, sizeof *k);
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  *k = (Code){.jit = jit, .m = m, .bytes = (size_t)m->total_bytes};
  const void *table = jit_symbol(jit, "fz_graph");
  if (native) k->native = table;
  else k->portable = table;
  k->mapped = (k->bytes + 63) / page * page + 2 * page;
  k->map = mmap(NULL, k->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (k->map == MAP_FAILED || mprotect(k->map + k->mapped - page, page, PROT_NONE)) exit(2);
  k->mem = k->map + k->mapped - page - (k->bytes + 63) / 64 * 64;
  return k;
}

void code_free(Code *k) {
  if (!k) return;
  munmap(k->map, k->mapped);
  jit_free(k->jit);
  free(k);
}

static Jit *load(const JitJob *job, Why *why) {
  JitError e;
  Jit *jit = jit_load(job, &e);
  if (!jit) snprintf(why->text, sizeof why->text, "C is not compiled: %.550s", e.text ? e.text : "no memory");
  if (!jit) free(e.text);
  return jit;
}

static void not_emitted(Ctx *c, Why *why) {
  DiagView v;
  const Diag *d;
  if (diag_view(c, 0, &v, &d)) snprintf(why->text, sizeof why->text, "no C: E%04d: %.500s", v.code, v.msg);
}

Code *code_native(Module *m, const char *isa, Why *why) {
  NativeOptions o = {.isa = isa, .emit = {.version = "random", .flags = "", .builtin = embed_text}, .serial_cycles = 1};
  NativeC n;
  if (!native_c(m, &o, &n)) return not_emitted(m->c, why), NULL;
  str_puts(&n.text, "__attribute__((visibility(\"default\"))) GcFn *const fz_graph[] = {\n");
  for (int i = 0; i < m->ngraph; i++) {
    if (compiled(m->graph[i], true)) str_printf(&n.text, "  graph_%d,\n", i);
    else str_puts(&n.text, "  0,\n");
  }
  str_puts(&n.text, "};\n");
  JitUnit unit[2] = {{.text = n.text.s, .n = n.text.n}};
  JitObject object = {n.gemm_object, n.gemm_object_bytes};
  JitJob job = {
    .unit = unit, .nunit = 1, .object = &object, .nobject = object.p != NULL, .flags = n.flags.v, .nflags = n.flags.n};
  if (n.gemm_unit.n && !n.gemm_object)
    unit[job.nunit++] = (JitUnit){n.gemm_unit.s, n.gemm_unit.n, n.gemm_unit_flags.v, n.gemm_unit_flags.n};
  Jit *jit = load(&job, why);
  return jit ? code_of(m, jit, true) : NULL;
}

/* A function with the arguments of every graph in arrays. */
static void put_wrapper(Str *s, const Graph *g) {
  const Module *m = g->m;
  str_printf(s,
             "static int fz_%d(void *mem, const void *const *in, const int64_t *size, void *const *out, "
             "uint32_t pass) {\n"
             "  (void)in, (void)size, (void)out, (void)pass;\n",
             g->index);
  if (g->kind == GK_INIT) {
    str_printf(s, "  %s_init(mem, *(uint64_t *)mem);\n  return 0;\n}\n", m->name);
    return;
  }
  str_printf(s, "  return %s_%s(mem", m->name, g->name);
  if (g->kind == GK_TRAIN_PASS) str_puts(s, ", pass");
  for (int i = 0; i < g->nport; i++) str_printf(s, ", in[%d]", i);
  for (int i = 0; i < __builtin_popcount(graph_sizes(g)); i++) str_printf(s, ", (ptrdiff_t)size[%d]", i);
  for (int i = 0; i < interp_nresults(g) && !graph_trains(g); i++) str_printf(s, ", out[%d]", i);
  str_puts(s, ");\n}\n");
}

Code *code_portable(Module *m, const char *flags, Why *why) {
  Ctx *c = m->c;
  static const char *const common[] = {"-std=c99",        "-Wall",
                                       "-Wextra",         "-Wshadow",
                                       "-Wconversion",    "-Wno-sign-conversion",
                                       "-Werror",         "-Wno-unused-function",
                                       "-Wno-pass-failed"};
  const char *flag[16];
  Artifacts out;
  Str text = {.c = c};
  EmitOptions o = {.version = "random", .flags = "", .builtin = embed_text, .header = "model.h"};
  if (!emit_program(m, &target_portable, &o, &out)) return not_emitted(c, why), NULL;
  const char *include = strstr(out.code.s, "#include \"model.h\"");
  if (!include) return snprintf(why->text, sizeof why->text, "the C does not include its header"), NULL;
  str_put(&text, out.code.s, (size_t)(include - out.code.s));
  str_put(&text, out.header.s, out.header.n);
  str_puts(&text, strchr(include, '\n'));
  for (int i = 0; i < m->ngraph; i++)
    if (compiled(m->graph[i], false)) put_wrapper(&text, m->graph[i]);
  str_puts(&text, "typedef int fz_call(void *, const void *const *, const int64_t *, void *const *, uint32_t);\n"
                  "extern fz_call *const fz_graph[];\n"
                  "fz_call *const fz_graph[] = {\n");
  for (int i = 0; i < m->ngraph; i++) {
    if (compiled(m->graph[i], false)) str_printf(&text, "  fz_%d,\n", i);
    else str_puts(&text, "  0,\n");
  }
  str_puts(&text, "};\n");
  size_t n = sizeof common / sizeof *common;
  memcpy(flag, common, sizeof common);
  for (const char *p = flags; *p && n < 16; p += strspn(p, " ")) {
    size_t k = strcspn(p, " ");
    flag[n++] = ctx_intern(c, p, k);
    p += k;
  }
  JitUnit unit = {.text = text.s, .n = text.n};
  Jit *jit = load(&(JitJob){.unit = &unit, .nunit = 1, .flags = flag, .nflags = (int)n}, why);
  return jit ? code_of(m, jit, false) : NULL;
}

bool code_has(const Code *k, const Graph *g) {
  return k->native ? k->native[g->index] != NULL : k->portable[g->index] != NULL;
}

/* ---- a call ---- */

static void move_var(const Code *k, Interp *in, int v, bool pack) {
  const Var *x = &k->m->var[v];
  const Type *t = type_get(k->m, x->type);
  StorageOrder plain = {t->rank, {0, 1, 2, 3, 4, 5, 6, 7}, 0, 0}, s = x->stored ? k->m->stored[x->stored - 1] : plain;
  int64_t bytes = dtype_info[t->dtype].bytes, n = type_bytes(k->m, x->type) / bytes;
  char *dense = malloc((size_t)(n * bytes) + 8);
  unsigned char *at = k->mem + x->offset;
  if (pack) val_store(in->var[v], (DType)t->dtype, dense);
  for (int64_t i = 0; i < n; i++) {
    int64_t there = exact_at(i, t->rank, t->dim, s.perm, s.panel, s.panel_axis) * bytes;
    if (pack) memcpy(at + there, dense + i * bytes, (size_t)bytes);
    else memcpy(dense + i * bytes, at + there, (size_t)bytes);
  }
  if (!pack) {
    Val *val = interp_value(in, x->type);
    val_fill(val, (DType)t->dtype, dense);
    interp_set_var(in, v, val);
  }
  free(dense);
}

static pthread_barrier_t gate;
static void meet(void *pool, int tid) {
  (void)pool, (void)tid;
  pthread_barrier_wait(&gate);
}

typedef struct Thread {
  GcFn *fn;
  GcCall call;
  int status;
} Thread;
static void *run_thread(void *arg) {
  Thread *p = arg;
  p->status = p->fn(&p->call);
  return NULL;
}

static int call_threads(GcFn *fn, GcCall call, int threads) {
  pthread_t id[8];
  Thread p[8];
  pthread_barrier_init(&gate, NULL, (unsigned)threads);
  call.nthreads = threads;
  call.barrier = meet;
  for (int i = 0; i < threads; i++) {
    p[i] = (Thread){fn, call, 0};
    p[i].call.tid = i;
    if (i && pthread_create(&id[i], NULL, run_thread, &p[i])) exit(2);
  }
  run_thread(&p[0]);
  for (int i = 1; i < threads; i++) {
    pthread_join(id[i], NULL);
    if (p[i].status != p[0].status) abort(); /* threads disagree */
  }
  pthread_barrier_destroy(&gate);
  return p[0].status;
}

/* Portable code counts the steps of each section, after metrics and calls. */
static void fill_counters(const Code *k, uint32_t step) {
  int nmetric;
  head_metrics(k->m, &nmetric);
  unsigned char *at = k->mem + HEAD_METRICS + 4 * (nmetric + (head_calls(k->m) >= 0));
  for (int i = 0; i < head_sections(k->m); i++) memcpy(at + 4 * i, &step, sizeof step);
}

static void fill_memory(const Code *k, Interp *in) {
  GcRun head = {in->seed, in->step, in->steps, in->steps_per_epoch, 0};
  memset(k->mem, 0xa5, k->bytes);
  memset(k->mem, 0, (size_t)k->m->head_bytes);
  memcpy(k->mem, &head, sizeof head);
  if (head_calls(k->m) >= 0) memcpy(k->mem + head_calls(k->m), &in->calls, sizeof in->calls);
  fill_counters(k, in->step);
  for (int v = 0; v < k->m->nvar; v++)
    if (in->var[v]) move_var(k, in, v, true);
}

static int call(const Code *k, int threads, Interp *in, const Graph *g, const void **port, void **out) {
  int64_t size[8] = {0};
  uint32_t sizes = graph_sizes(g);
  for (int i = 0, n = 0; i < k->m->nsize; i++)
    if (sizes >> i & 1) size[n++] = in->size[i];
  fill_memory(k, in);
  if (k->portable) return k->portable[g->index](k->mem, port, size, out, in->pass);
  return call_threads(k->native[g->index],
                      (GcCall){.mem = k->mem, .in = port, .out = out, .size = size, .microbatch = in->pass}, threads);
}

bool code_run(Code *k, int threads, Interp *in, const Graph *g, Val *const *ports, Val **results) {
  enum { GUARD = 64 };
  const void *port[64];
  void *out[64], *own[64];
  size_t bytes[64];
  int nres = interp_nresults(g), r = 0;
  for (int p = 0; p < g->nport; p++) {
    DType t = (DType)node_type(g, g->port[p])->dtype;
    void *v = aligned_alloc(64, (size_t)(ports[p]->count * dtype_info[t].bytes) / 64 * 64 + 64);
    val_store(ports[p], t, v);
    port[p] = own[p] = v;
  }
  for (int o = 0; o < g->nout; o++) {
    if (g->out[o].var >= 0) continue;
    results[r] = interp_value(in, node_get(g, g->out[o].value)->type);
    bytes[r] = (size_t)(results[r]->count * dtype_info[node_type(g, g->out[o].value)->dtype].bytes);
    out[r] = aligned_alloc(64, bytes[r] / 64 * 64 + 64 + GUARD);
    memset(out[r], 0xa5, bytes[r] + GUARD);
    r++;
  }
  int status = call(k, threads, in, g, port, out);
  if (head_calls(k->m) >= 0) memcpy(&in->calls, k->mem + head_calls(k->m), sizeof in->calls);
  in->finite = status != -1;
  in->error = NULL;
  for (int v = 0; v < k->m->nvar; v++)
    if (in->var[v] || g->kind == GK_INIT) move_var(k, in, v, false);
  for (int o = r = 0; o < g->nout; o++) {
    if (g->out[o].var >= 0) continue;
    bool head = graph_trains(g);
    val_fill(results[r], (DType)node_type(g, g->out[o].value)->dtype,
             head ? k->mem + g->anno[g->out[o].value].offset : out[r]);
    for (int i = 0; i < GUARD; i++)
      if (((unsigned char *)out[r])[bytes[r] + (size_t)i] != 0xa5) in->error = "writes beyond a result";
    free(out[r++]);
  }
  for (int p = 0; p < g->nport; p++) free(own[p]);
  if (status > 0 || status < -1) in->error = ctx_strf(in->m->c, "status %d", status);
  if (!in->error) return true;
  for (int i = 0; i < nres; i++) val_release(results[i]), results[i] = NULL;
  return false;
}
