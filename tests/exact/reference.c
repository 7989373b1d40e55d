/* SPDX-License-Identifier: Apache-2.0 */
/* reference MODEL.nn STEPS OUT [--files] [--no-PASS...] [--ram=BYTES]: trains MODEL for STEPS steps in the strict
 * interpreter on batches of exact.h and prints each loss and the hash of every persistent tensor; passes and budgets
 * change nothing of that. OUT/spec.h receives what main_portable.c must know of the C that `gradc emit --c
 * [--no-PASS...]` writes: calls, fields, offsets; OUT/native.c the strict native C. --device: of the CUDA that it
 * writes, and no native C. --files: only these. */
#include "codegen/text/graph.h"
#include "codegen/c/native.h"
#include "lib/embed.h"
#include "exact.h"
#include "frontend/elab.h"
#include "ir/interp.h"
#include "passes/pass.h"
#include "passes/analysis/model_memory.h"
#include <stdlib.h>
#include <string.h>

typedef struct Job {
  const char *path, *out;
  int steps;
  bool files, device;
  uint64_t off;
  int64_t ram;
  int status;
} Job;

static Module *load(Ctx *c, const Job *j, const char *list) {
  Loc start;
  if (!source_read(c, j->path, &start)) return NULL;
  ElabOptions o = {.builtin = embed_text, .opt = {.strict = true, .off = j->off, .ram = j->ram, .device = j->device}};
  Module *m = elaborate(c, start, j->path, &o);
  if (diag_errors(c) || !passes_run(m, &(PassRun){.list = list})) return NULL;
  return m;
}

static uint64_t val_hash(const Val *v) {
  int size = dtype_info[v->type].bytes;
  return exact_hash(0xcbf29ce484222325u, v->data, v->count * size, size);
}

/* The graph that a step calls with its fields: train_step, or the microbatch's. */
static Graph *train_graph(const Module *m) { return m->train[0].step ? m->train[0].step : m->train[0].pass; }

static void fill(Val *v, int step, int pass, int f, int64_t range) {
  for (int64_t i = 0; i < v->count; i++) {
    uint32_t at = (uint32_t)(pass * v->count + i);
    val_set(v, i,
            dtype_is_float(v->type) ? exact_float((uint32_t)step, (uint32_t)f, at)
                                    : exact_int((uint32_t)step, (uint32_t)f, at, range));
  }
}

static bool run_pass(const Module *m, Interp *in, int pass, float *loss) {
  Val *port[16] = {0}, *result[64] = {0};
  const DataInfo *d = &m->data[m->train[0].data];
  const Graph *g = train_graph(m);
  for (int f = 0; f < g->nport; f++) {
    port[f] = interp_value(in, node_get(g, g->port[f])->type);
    fill(port[f], (int)in->step, pass, f, ranges_least(&d->field[f].range));
  }
  in->pass = (uint32_t)pass;
  bool ok = interp_run(in, g, port, result);
  if (ok) *loss = (float)val_get(result[0], 0);
  for (int i = 0; i < 16; i++) val_release(port[i]);
  for (int i = 0; i < interp_nresults(g) && i < 64; i++) val_release(result[i]);
  return ok;
}

static bool train(const Module *m, Interp *in, int number) {
  const TrainInfo *t = &m->train[0];
  Val *result[4] = {0};
  float loss = 0, sum = 0;
  bool ok = true;
  in->step = (uint32_t)number;
  for (int k = 0; ok && k < t->accumulate; k++) {
    ok = run_pass(m, in, k, &loss);
    sum = k ? sum + loss : loss;
  }
  if (t->update) ok = ok && interp_run(in, t->update, NULL, result), loss = sum / (float)t->accumulate;
  for (int i = 0; i < 4; i++) val_release(result[i]);
  if (ok) exact_step_line(number + 1, in->finite ? 0 : -1, loss);
  else fprintf(stderr, "%s\n", in->error);
  return ok;
}

/* ---- exports ---- */

/* The status of a call with these sizes: of the first size out of its bounds, or of the last size of a failing
 * constraint. */
static int status_of(Graph *g, const int64_t *size) {
  Module *m = g->m;
  uint32_t sizes = graph_sizes(g);
  for (int i = 0, k = 0; i < m->nsize; i++)
    if (sizes >> i & 1 && ++k && (size[i] < 0 || size[i] > m->size[i].bound)) return g->nport + k;
  SizeConstraints list = graph_constraints(g);
  for (int i = 0; i < list.n; i++) {
    if (dim_value(m, list.v[i].dim, size) >= 0) continue;
    int status = g->nport;
    for (int s = 0; dim_sizes(m, list.v[i].dim) >> s; s++) status += sizes >> s & 1;
    return status;
  }
  return 0;
}

/* The sizes of call r; false: the export has none, and is called once. */
static bool sizes_of(const Graph *g, int r, int64_t *size) {
  uint32_t sizes = graph_sizes(g);
  for (int i = 0, k = 0; i < g->m->nsize; i++) size[i] = sizes >> i & 1 ? exact_size(r, k++, g->m->size[i].bound) : 1;
  return sizes || !r;
}

static bool call_export(const Module *m, Interp *in, Graph *g, int r) {
  int64_t size[8];
  Val *port[16] = {0}, *result[16] = {0};
  uint64_t h = 0xcbf29ce484222325u;
  if (!sizes_of(g, r, size)) return true;
  int status = status_of(g, size);
  bool ok = true;
  if (!status || r == 4) {
    for (int i = 0; i < m->nsize; i++) in->size[i] = size[i];
    for (int f = 0; f < g->nport; f++) {
      const Type *t = node_type(g, g->port[f]);
      port[f] = interp_value(in, node_get(g, g->port[f])->type);
      for (int64_t i = 0; i < port[f]->count; i++)
        exact_put(port[f]->data, dtype_is_float(t->dtype), dtype_info[t->dtype].bytes, input_range(g, f), r, f, i);
    }
    ok = interp_run(in, g, port, result) == !status; /* a failing constraint is refused here, too */
    for (int i = 0; ok && !status && i < interp_nresults(g); i++)
      h = exact_hash(h, result[i]->data, result[i]->count * dtype_info[result[i]->type].bytes,
                     dtype_info[result[i]->type].bytes);
    if (!ok) fprintf(stderr, "%s at call %d: %s\n", g->name, r, in->error ? in->error : "not refused");
  }
  exact_call_line(g->name, r, status, h);
  for (int i = 0; i < 16; i++) val_release(port[i]), val_release(result[i]);
  return ok;
}

static void write_call(FILE *f, const Module *m, const Graph *g, int r) {
  int64_t size[8];
  if (!sizes_of(g, r, size)) return;
  fprintf(f, "  {\"%s\", %d, call_%d, {", g->name, r, g->index);
  for (int i = 0, k = 0; i < m->nsize; i++)
    if (graph_sizes(g) >> i & 1) fprintf(f, "%s%lld", k++ ? ", " : "", (long long)size[i]);
  fprintf(f, "}, %d, {", g->nport);
  for (int i = 0; i < m->nsize; i++) size[i] = r > 4 ? 0 : size[i];
  for (int i = 0; i < g->nport; i++) {
    TypeId t = node_get(g, g->port[i])->type;
    const DTypeInfo *d = &dtype_info[type_get(m, t)->dtype];
    fprintf(f, "%s{%d, %d, %lld, %lld}", i ? ", " : "", d->kind == 'f', d->bytes,
            (long long)dim_value((Module *)m, type_count((Module *)m, t), size), (long long)input_range(g, i));
  }
  fprintf(f, "}, %d, {", interp_nresults(g));
  for (int i = 0, k = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    TypeId t = node_get(g, g->out[i].value)->type;
    int64_t n = dim_value((Module *)m, type_count((Module *)m, t), size);
    int bytes = dtype_info[type_get(m, t)->dtype].bytes;
    fprintf(f, "%s{0, %d, %lld, 0}", k++ ? ", " : "", bytes, (long long)(n < 0 ? 0 : n));
  }
  fprintf(f, "}},\n");
}

static void write_calls(FILE *f, const Module *m) {
  fprintf(f, "typedef struct Call {\n  const char *name;\n  int number;\n"
             "  int (*call)(void *, void **, const int64_t *, void **);\n"
             "  int64_t size[8]; int nin; Field in[8]; int nout; Field out[8]; } Call;\n");
  for (int k = 0; k < m->ngraph; k++) {
    const Graph *g = m->graph[k];
    if (g->kind != GK_EXPORT) continue;
    fprintf(f,
            "static int call_%d(void *mem, void **in, const int64_t *size, void **out) {\n"
            "  (void)size;\n  return %s_%s(mem",
            g->index, m->name, g->name);
    for (int i = 0; i < g->nport; i++) fprintf(f, ", in[%d]", i);
    for (int i = 0; i < __builtin_popcount(graph_sizes(g)); i++) fprintf(f, ", size[%d]", i);
    for (int i = 0; i < interp_nresults(g); i++) fprintf(f, ", out[%d]", i);
    fprintf(f, ");\n}\n");
  }
  int n = 0;
  fprintf(f, "static const Call call[] = {\n");
  for (int k = 0; k < m->ngraph; k++)
    for (int r = 0; r < EXACT_CALLS && m->graph[k]->kind == GK_EXPORT; r++, n++) write_call(f, m, m->graph[k], r);
  fprintf(f, "  {0}\n};\nenum { NCALL = sizeof call / sizeof *call - 1 };\n");
}

/* The largest input and result of a call. */
static void write_limits(FILE *f, const Module *m) {
  int64_t in = 1, out = 1;
  for (int k = 0; k < m->ngraph; k++) {
    const Graph *g = m->graph[k];
    int64_t times = graph_trains(g) && m->train[0].step == NULL ? m->train[0].accumulate : 1;
    for (int i = 0; i < g->nport && (g->kind == GK_EXPORT || graph_trains(g)); i++) {
      int64_t n = times * type_bytes((Module *)m, node_get(g, g->port[i])->type);
      if (n > in) in = n;
    }
    for (int i = 0; i < g->nout && g->kind == GK_EXPORT; i++) {
      int64_t n = g->out[i].var < 0 ? type_bytes((Module *)m, node_get(g, g->out[i].value)->type) : 0;
      if (n > out) out = n;
    }
  }
  for (int i = 0; i < m->nvar; i++)
    if (type_bytes((Module *)m, m->var[i].type) > out) out = type_bytes((Module *)m, m->var[i].type);
  fprintf(f, "enum { NPORT = 8, IN_BYTES = %lld, OUT_BYTES = %lld };\n", (long long)in, (long long)out);
}

static void write_spec(FILE *f, const Module *m, int steps) {
  const Graph *g = train_graph(m);
  fprintf(f, "#include \"%s.h\"\nenum { STEPS = %d, ALIGN = %d };\n", m->name, steps, (int)plan_align(m));
  fprintf(f, "static const uint64_t seed = %lluu;\n", (unsigned long long)m->train[0].seed);
  fprintf(f, "typedef struct Field { int is_float, bytes; int64_t count, range; } Field;\n"
             "static const Field field[] = {\n");
  for (int i = 0; i < g->nport; i++) {
    TypeId t = node_get(g, g->port[i])->type;
    const DTypeInfo *d = &dtype_info[type_get(m, t)->dtype];
    fprintf(f, "  {%d, %d, %lld, %lld},\n", d->kind == 'f', d->bytes,
            (long long)(m->train[0].accumulate * type_count((Module *)m, t)),
            (long long)ranges_least(&m->data[m->train[0].data].field[i].range));
  }
  fprintf(f, "};\nstatic int model_step(void *mem, void **in) {\n  return %s_train_step(mem", m->name);
  for (int i = 0; i < g->nport; i++)
    fprintf(f, ", (const %s *)in[%d]", dtype_info[node_type(g, g->port[i])->dtype].c, i);
  fprintf(f,
          ");\n}\n#define MODEL_INIT %s_init\n#define MODEL_BYTES %s_BYTES\n#define MODEL_RUN struct %s_run\n"
          "%s",
          m->name, m->name, m->name,
          m->opt.device
            ? ""
            : ctx_strf(m->c, "#define MODEL_GET %s_get_weight\n#define MODEL_SET %s_set_weight\n", m->name, m->name));
  write_limits(f, m);
  fprintf(f, "typedef struct Place { const char *name; int64_t offset, count; int bytes, rank; int64_t dim[8];\n"
             "  uint8_t perm[8]; int64_t panel; int axis; } Place;\nstatic const Place place[] = {\n");
  for (int i = 0; i < m->nvar; i++) {
    const Type *t = type_get(m, m->var[i].type);
    StorageOrder plain = {t->rank, {0, 1, 2, 3, 4, 5, 6, 7}, 0, 0};
    StorageOrder s = m->var[i].stored ? m->stored[m->var[i].stored - 1] : plain;
    fprintf(f, "  {\"%s\", %lld, %lld, %d, %d, {", m->var[i].name, (long long)m->var[i].offset,
            (long long)type_count((Module *)m, m->var[i].type), dtype_info[t->dtype].bytes, t->rank);
    for (int k = 0; k < t->rank; k++) fprintf(f, "%s%lld", k ? ", " : "", (long long)t->dim[k]);
    fprintf(f, "%s}, {", t->rank ? "" : "0");
    for (int k = 0; k < t->rank; k++) fprintf(f, "%s%d", k ? ", " : "", s.perm[k]);
    fprintf(f, "%s}, %u, %d},\n", t->rank ? "" : "0", s.panel, s.panel_axis);
  }
  fprintf(f, "};\n");
  write_calls(f, m);
}

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = load(c, j, "autodiff,precision"), *planned = m ? load(c, j, NULL) : NULL;
  if (!planned || !m->ntrain || m->train[0].data < 0) {
    diag_print(c, stderr, false);
    return;
  }
  FILE *f = fopen(ctx_strf(c, "%s/spec.h", j->out), "w");
  if (!f) return;
  write_spec(f, planned, j->steps);
  fclose(f);
  Artifacts out;
  NativeEmitOptions native = {.machine = machine_find("native")};
  EmitOptions e = {.builtin = embed_text, .native = &native};
  f = fopen(ctx_strf(c, "%s/native.c", j->out), "w");
  if (!f || (!j->device && !emit_program(planned, &target_native, &e, &out))) {
    diag_print(c, stderr, false);
    return;
  }
  if (!j->device) fputs(out.code.s, f);
  fclose(f);
  j->status = 0;
  if (j->files) return;
  Interp *in = interp_new(m, false);
  in->seed = m->train[0].seed;
  in->steps = (uint32_t)j->steps;
  in->steps_per_epoch = 7;
  bool ok = interp_run(in, graph_find(m, "init"), NULL, NULL);
  for (int i = 0; ok && i < j->steps; i++) ok = train(m, in, i);
  for (int k = 0; ok && k < m->ngraph; k++)
    for (int r = 0; ok && r < EXACT_CALLS && m->graph[k]->kind == GK_EXPORT; r++)
      ok = call_export(m, in, m->graph[k], r);
  for (int i = 0; ok && i < m->nvar; i++)
    if (in->var[i]) exact_var_line(m->var[i].name, val_hash(in->var[i]));
  if (!ok && in->error) fprintf(stderr, "%s\n", in->error);
  interp_free(in);
  j->status = !ok;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  Job j = {.path = argv[1], .steps = atoi(argv[2]), .out = argv[3], .status = 1};
  for (int i = 4; i < argc; i++) {
    if (!strcmp(argv[i], "--files")) {
      j.files = true;
      continue;
    }
    if (!strcmp(argv[i], "--device")) {
      j.device = true;
      continue;
    }
    if (!strncmp(argv[i], "--ram=", 6)) {
      j.ram = atoll(argv[i] + 6);
      continue;
    }
    const char *name = argv[i] + (strncmp(argv[i], "--no-", 5) ? 0 : 5);
    int p = pass_find(name, strlen(name));
    if (p < 0) return 2;
    j.off |= (uint64_t)1 << p;
  }
  Ctx *c = ctx_new();
  ctx_try(c, job, &j);
  ctx_free(c);
  return j.status;
}
