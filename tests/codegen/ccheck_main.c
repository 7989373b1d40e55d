/* SPDX-License-Identifier: Apache-2.0 */
/* The program that calls the generated functions, and what it must print. */
#include "tests/codegen/ccheck.h"
#include "tests/exact/exact.h"
#include "passes/analysis/model_memory.h"
#include "tests/graphs.h"
#include <stdlib.h>
#include <string.h>

int64_t input_range(const Graph *g, int port); /* codegen/text/checks.c */

enum { STEPS = 3 };
static uint64_t rng;

static bool is_callable(const Graph *g) {
  return g->kind == GK_INIT || g->kind == GK_EXPORT ||
         (g->kind == GK_TRAIN_STEP && !opt.f64); /* the run header's loss is f32 */
}

static double largest(DType t, int64_t count, const void *data) {
  Val v = {.type = t, .count = count, .data = (void *)data};
  double most = 0;
  for (int64_t i = 0; i < count; i++)
    if (fabs(val_get(&v, i)) > most && isfinite(val_get(&v, i))) most = fabs(val_get(&v, i));
  return most;
}

static void expect(Case *k, const char *label, DType t, int64_t count, const void *data) {
  CcheckField f = {.type = t, .count = count, .label = ctx_strf(k->c, "%s", label)};
  if ((opt.bound || opt.near_enough) && dtype_is_float(t)) f.slack = k->slack;
  if (opt.near_enough && dtype_is_float(t))
    f.floor = k->rounded ? fmax(1e-3, k->slack * largest(t, count, data)) : 1e-6;
  *VEC_PUSH(k->c, k->field, k->nfield, k->capfield) = f;
  str_put(&k->expect, data, (size_t)count * (size_t)dtype_info[t].bytes);
}

/* A value's elements as C has them in memory: t is their type there. */
static const char *stored(Case *k, const Val *v, DType t) {
  char *to = ctx_alloc(k->c, (size_t)(v->count * dtype_info[t].bytes) + 1);
  val_store(v, t, to);
  return to;
}

/* A weight's elements in the order of memory. */
static const char *packed(Case *k, int var) {
  const Var *v = &k->m->var[var];
  const Type *t = type_get(k->m, v->type);
  StorageOrder identity = {t->rank, {0, 1, 2, 3, 4, 5, 6, 7}, 0, 0},
               o = v->stored ? k->m->stored[v->stored - 1] : identity;
  int64_t bytes = dtype_info[t->dtype].bytes, n = type_bytes(k->m, v->type) / bytes, dim[MAX_RANK];
  const char *from = stored(k, k->in->var[var], (DType)t->dtype);
  char *to = ctx_alloc(k->c, (size_t)(n * bytes) + 1);
  for (int i = 0; i < t->rank; i++) dim[i] = dim_bound(k->m, t->dim[i]);
  for (int64_t i = 0; i < n; i++)
    memcpy(to + exact_at(i, t->rank, dim, o.perm, o.panel, o.panel_axis) * bytes, from + i * bytes, (size_t)bytes);
  return to;
}

/* The relative error of sums and products without cancellation: one rounding for each term of each sum;
 * those of operands that are rounded to tf32. */
static double slack_of(const Graph *g) {
  double roundings = 16;
  for (Id n = 1; n < (Id)g->n; n++) {
    double out = (double)dim_bound(g->m, type_count(g->m, node_get(g, n)->type)), in = 1;
    for (uint32_t i = 0; i < node_get(g, n)->nin && i < 2 && node_info(g, n)->cls != CL_META; i++)
      in *= (double)dim_bound(g->m, type_count(g->m, node_get(g, node_in(g, n, (int)i))->type));
    if (attr_get(g->m, node_get(g, n)->attr)->hints & HINT_TF32) roundings += 0x1p14;
    roundings += 2 + (node_get(g, n)->nin > 1 ? sqrt(in / (out + 1)) : in / (out + 1));
  }
  return 2 * roundings * 0x1p-24;
}

/* Per weight of the module with a place in memory, as text: 1, if a call of g may read or write it and it has a value;
 * with g == NULL, if it has a value. */
static const char *weights_of(Case *k, const Graph *g) {
  char *uses = ctx_alloc(k->c, (size_t)k->m->nvar + 1);
  memset(uses, g ? '0' : '1', (size_t)k->m->nvar);
  for (int i = 0; i < k->m->ngraph && g; i++) {
    const Graph *h = k->m->graph[i];
    if (h != g && h->kind != GK_BODY) continue;
    for (Id n = 1; n < (Id)h->n; n++)
      if (node_var(h, n) >= 0) uses[node_var(h, n)] = '1';
    for (int o = 0; o < h->nout; o++)
      if (h->out[o].var >= 0) uses[h->out[o].var] = '1';
  }
  int n = 0;
  for (int v = 0; v < k->m->nvar; v++)
    if (k->m->var[v].offset >= 0) uses[n++] = k->in->var[v] ? uses[v] : '0';
  uses[n] = 0;
  return uses;
}

/* The bytes before the arena, as a call needs them: for the first call all of them; then the head, and the weights that
 * the call uses. */
static void put_memory(Case *k, const Graph *g) {
  size_t n = (size_t)(k->m->total_bytes - k->m->arena_bytes);
  bool first = !k->input.n;
  const char *uses = weights_of(k, first ? NULL : g);
  char *mem = calloc(n + 64, 1);
  memcpy(mem, &k->in->seed, 8);
  uint32_t head[3] = {k->in->step, k->in->steps, k->in->steps_per_epoch};
  memcpy(mem + 8, head, sizeof head);
  if (head_calls(k->m) >= 0) memcpy(mem + head_calls(k->m), &k->in->calls, sizeof k->in->calls);
  if (!first) str_put(&k->input, mem, (size_t)k->m->head_bytes);
  for (int v = 0, i = 0; v < k->m->nvar; v++) {
    const Var *x = &k->m->var[v];
    if (x->offset < 0 || uses[i++] == '0') continue;
    size_t bytes = (size_t)type_bytes(k->m, x->type);
    memcpy(mem + x->offset, packed(k, v), bytes);
    if (!first) str_put(&k->input, mem + x->offset, bytes);
  }
  if (first) str_put(&k->input, mem, n);
  free(mem);
  str_printf(&k->main, "  if (check_take(mem, %zu, \"%s\")) return 1;\n", first ? n : (size_t)k->m->head_bytes,
             first ? "" : uses);
}

/* The weights that the call uses; the program compares the others with what they were. */
static void expect_vars(Case *k, const Graph *g) {
  const char *uses = weights_of(k, g);
  for (int v = 0, i = 0; v < k->m->nvar; v++) {
    if (k->m->var[v].offset < 0 || uses[i++] == '0') continue;
    const Type *t = type_get(k->m, k->m->var[v].type);
    size_t bytes = (size_t)type_bytes(k->m, k->m->var[v].type);
    expect(k, ctx_strf(k->c, "%s: weight %s", g->name, k->m->var[v].name), (DType)t->dtype,
           (int64_t)bytes / dtype_info[t->dtype].bytes, packed(k, v));
  }
  str_printf(&k->main, "  if (check_give(mem, \"%s\")) return 1;\n", uses);
}

/* ---- one call ---- */

typedef struct Call {
  const Graph *g;
  Val *port[256], *res[256];
  bool sized[64]; /* per size of the module: an input has it, so that it is an argument */
  Str args;       /* text */
  int nres;
} Call;

static void make_input(Val *v) {
  randomize(v, &rng);
  for (int64_t i = 0; i < v->count && opt.bound; i++) val_set(v, i, fabs(val_get(v, i)));
}

static void put_ports(Case *k, Call *f, const Graph *ref) {
  for (int i = 0; i < f->g->nport; i++) {
    Val *v = f->port[i] = interp_value(k->in, node_get(ref, ref->port[i])->type);
    DType d = (DType)node_type(f->g, f->g->port[i])->dtype;
    size_t bytes = (size_t)v->count * (size_t)dtype_info[d].bytes;
    if (opt.extreme) make_extreme(v, i);
    else make_input(v);
    int64_t range = opt.extreme ? 0 : input_range(f->g, i); /* what the generated checks require */
    for (int64_t k = 0; k < v->count && range; k++)
      if (val_get(v, k) < 0 || val_get(v, k) >= (double)range) val_set(v, k, fmod(fabs(val_get(v, k)), (double)range));
    str_put(&k->input, stored(k, v, d), bytes);
    str_printf(&k->main, "  %s *p%d = malloc(%zu + 1);\n  if (fread(p%d, 1, %zu, stdin) != %zu) return 1;\n",
               dtype_info[d].c, i, bytes, i, bytes, bytes);
    str_printf(&f->args, ", p%d", i);
    const Type *t = node_type(f->g, f->g->port[i]);
    for (int d = 0, n; d < t->rank; d++) {
      const DimTerm *term = dim_terms(k->m, t->dim[d], &n);
      for (int x = 0; x < n; x++)
        for (int s = 0; s < k->m->nsize; s++) f->sized[s] |= term[x].exp[s] != 0;
    }
  }
  for (int s = 0; s < k->m->nsize; s++)
    if (f->sized[s]) str_printf(&f->args, ", %lld", (long long)k->in->size[s]);
}

/* Results of training are in the run header; all others are in memory of the caller. */
static void put_results(Case *k, Call *f) {
  for (int i = 0; i < f->g->nout; i++) {
    if (f->g->out[i].var >= 0) continue;
    const Val *v = f->res[f->nres];
    DType t = (DType)node_type(f->g, f->g->out[i].value)->dtype;
    const char *type = dtype_info[t].c;
    str_printf(&k->main, "  %s *r%d = ", type, f->nres);
    if (graph_trains(f->g)) {
      str_printf(&k->main, "(%s *)(mem + %lld);\n", type, (long long)f->g->anno[f->g->out[i].value].offset);
    } else {
      str_printf(&k->main, "malloc(%lld + 1);\n", (long long)v->count * dtype_info[t].bytes);
      str_printf(&f->args, ", r%d", f->nres);
    }
    f->nres++;
  }
}

static void put_call(Case *k, const Call *f) {
  const Graph *g = f->g;
  if (opt.isa) {
    str_puts(&k->main, "  const void *in[] = {0");
    for (int i = 0; i < g->nport; i++) str_printf(&k->main, ", p%d", i);
    str_puts(&k->main, "};\n  void *out[] = {0");
    for (int i = 0; i < f->nres && !graph_trains(g); i++) str_printf(&k->main, ", r%d", i);
    str_puts(&k->main, "};\n  int64_t size[] = {0");
    for (int s = 0; s < k->m->nsize; s++)
      if (f->sized[s]) str_printf(&k->main, ", %lld", (long long)k->in->size[s]);
    str_printf(&k->main, "};\n  int status = run(graph_%d, in + 1, out + 1, size + 1);\n", g->index);
  } else if (opt.cuda) {
    if (g->kind == GK_INIT)
      str_printf(&k->main, "  int status = %s_init(mem, %llu, 0);\n", k->m->name, (unsigned long long)k->in->seed);
    else
      str_printf(&k->main, "  ((struct %s_run *)mem)->status = 0;\n  int status = %s_%s(mem%s, 0);\n", k->m->name,
                 k->m->name, g->name, f->args.s ? f->args.s : "");
    str_printf(&k->main, "  if (!status) status = ((struct %s_run *)mem)->status;\n", k->m->name);
  } else if (g->kind == GK_INIT) {
    str_printf(&k->main, "  %s_init(mem, %llu); int status = 0;\n", k->m->name, (unsigned long long)k->in->seed);
  } else {
    str_printf(&k->main, "  int status = %s_%s(mem%s);\n", k->m->name, g->name, f->args.s ? f->args.s : "");
  }
  str_puts(&k->main, "  fwrite(&status, sizeof status, 1, stdout);\n");
}

/* Its status, the results where that is 0, and all weights. */
static void expect_call(Case *k, const Call *f) {
  int status = k->in->finite ? 0 : -1;
  expect(k, ctx_strf(k->c, "%s: status", f->g->name), DT_I32, 1, &status);
  for (int i = 0, r = 0; i < f->g->nout && status == 0; i++) {
    if (f->g->out[i].var >= 0) continue;
    const Val *v = f->res[r];
    DType t = (DType)node_type(f->g, f->g->out[i].value)->dtype;
    expect(k, ctx_strf(k->c, "%s: %s", f->g->name, f->g->out[i].name), t, v->count, stored(k, v, t));
    str_printf(&k->main, "  fwrite(r%d, 1, %lld, stdout);\n", r++, (long long)v->count * dtype_info[t].bytes);
  }
  expect_vars(k, f->g);
}

/* Whether --skip names the graph. */
static bool is_skipped(const Graph *g) {
  size_t n = strlen(g->name);
  for (const char *s = opt.skip; *s; s += strcspn(s, ","), s += *s == ',')
    if (strcspn(s, ",") == n && !strncmp(s, g->name, n)) return true;
  return false;
}

/* Makes the inputs of a graph that is skipped. */
static bool skip_graph(Case *k, const Graph *ref) {
  for (int i = 0; i < ref->nport; i++) {
    Val *v = interp_value(k->in, node_get(ref, ref->port[i])->type);
    make_input(v);
    val_release(v);
  }
  return true;
}

/* Attention of 16 bits, or in tf32. */
static bool rounds_rows(const Graph *g) {
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_ATTEND && (dtype_is_half((DType)node_type(g, node_in(g, n, 0))->dtype) || g->tf32 ||
                                              attr_get(g->m, node_get(g, n)->attr)->hints & HINT_TF32))
      return true;
  return false;
}

static bool call_graph(Case *k, const Graph *g) {
  const Graph *ref = graph_find(k->ref, g->name);
  if (is_skipped(g)) return skip_graph(k, ref);
  Call f = {.g = g, .args = {.c = k->c}};
  str_printf(&k->main, "  { /* %s */\n", g->name);
  put_memory(k, g);
  put_ports(k, &f, ref);
  if (!interp_run(k->in, ref, f.port, f.res)) {
    printf("%s: %s: the interpreter failed: %s\n", k->what, g->name, k->in->error);
    return false;
  }
  k->rounded = opt.near_enough && rounds_rows(ref);
  k->slack = k->rounded ? 0x1p-6 : opt.near_enough ? 1e-4 : slack_of(ref);
  put_results(k, &f);
  put_call(k, &f);
  expect_call(k, &f);
  str_puts(&k->main, "  }\n");
  for (int i = 0; i < f.nres; i++) val_release(f.res[i]);
  for (int i = 0; i < g->nport; i++) val_release(f.port[i]);
  if (graph_trains(g)) k->in->step++;
  return true;
}

/* ---- the program ---- */

/* Functions that read and write weights: those of which the text has a 1. No other may have changed. */
static void put_weights(Case *k) {
  str_printf(&k->main,
             "static unsigned char check_before[%lld];\nstatic const struct {\n  size_t at, n;\n} check_at[] = {",
             (long long)(k->m->total_bytes - k->m->arena_bytes) + 1);
  for (int v = 0; v < k->m->nvar; v++)
    if (k->m->var[v].offset >= 0)
      str_printf(&k->main, "{%lld, %lld}, ", (long long)k->m->var[v].offset,
                 (long long)type_bytes(k->m, k->m->var[v].type));
  str_puts(&k->main,
           "{0, 0}};\n"
           "static int check_take(unsigned char *to, size_t head, const char *uses) {\n"
           "  if (fread(to, 1, head, stdin) != head) return 1;\n"
           "  for (size_t i = 0; uses[i]; i++)\n"
           "    if (uses[i] == '1' && fread(to + check_at[i].at, 1, check_at[i].n, stdin) != check_at[i].n) return 1;\n"
           "  memcpy(check_before, to, sizeof check_before - 1);\n  return 0;\n}\n"
           "static int check_give(const unsigned char *from, const char *uses) {\n"
           "  for (size_t i = 0; uses[i]; i++)\n"
           "    if (uses[i] == '1') fwrite(from + check_at[i].at, 1, check_at[i].n, stdout);\n"
           "    else if (memcmp(from + check_at[i].at, check_before + check_at[i].at, check_at[i].n)) return 1;\n"
           "  return 0;\n}\n");
}

static void begin_main(Case *k) {
  static const char native[] =
    "static int threads;\nstatic pthread_barrier_t gate;\n"
    "static void meet(void *pool, int tid) { (void)pool, (void)tid; pthread_barrier_wait(&gate); }\n"
    "typedef struct { GcFn *fn; GcCall call; int status; } Share;\n"
    "static void *share(void *x) { Share *s = x; s->status = s->fn(&s->call); return 0; }\n"
    "static int run(GcFn *fn, const void *const *in, void *const *out, const int64_t *size) {\n"
    "  Share s[8];\n  pthread_t id[8];\n"
    "  for (int i = 0; i < threads; i++) {\n"
    "    s[i] = (Share){fn, {.mem = mem, .in = in, .out = out, .size = size, .tid = i, .nthreads = threads, .barrier "
    "= meet}, 0};\n"
    "    if (i) pthread_create(&id[i], 0, share, &s[i]);\n  }\n  share(&s[0]);\n"
    "  for (int i = 1; i < threads; i++) pthread_join(id[i], 0);\n  return s[0].status;\n}\n";
  static const char device[] = /* memory whose accesses the host form checks */
    "#define malloc gc_host_alloc\n"
    "static size_t read_in(void *p, size_t size, size_t n, FILE *f) {\n"
    "  gc_host_wrote(p, size * n);\n  return fread(p, size, n, f);\n}\n"
    "#define fread read_in\n";
  str_printf(&k->main,
             "#include <pthread.h>\n#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n#include \"%s.%s\"\n"
             "%s",
             k->m->name,
             opt.cuda  ? "cu"
             : opt.isa ? "c"
                       : "h",
             opt.cuda ? device : "");
  if (!opt.cuda)
    str_printf(&k->main, "static unsigned char mem[%lld] __attribute__((aligned(64)));\n",
               (long long)k->m->total_bytes + 64);
  put_weights(k);
  str_printf(&k->main, "%sint main(int argc, char **argv) {\n  (void)argc, (void)argv;\n", opt.isa ? native : "");
  if (opt.cuda) str_printf(&k->main, "  unsigned char *mem = gc_host_alloc(%s_BYTES);\n", k->m->name);
  if (opt.isa) str_puts(&k->main, "  threads = atoi(argv[1]);\n  pthread_barrier_init(&gate, 0, (unsigned)threads);\n");
}

/* init first, or random weights where there is none; then the others in order. */
static bool call_all(Case *k) {
  Module *m = k->m;
  const Graph *init = NULL;
  for (int i = 0; i < m->ngraph; i++)
    if (m->graph[i]->kind == GK_INIT) init = m->graph[i];
  for (int v = 0; v < m->nvar && !init; v++) {
    Val *x = interp_value(k->in, k->ref->var[v].type);
    make_input(x);
    interp_set_var(k->in, v, x);
  }
  bool ok = !init || call_graph(k, init);
  for (int i = 0; i < m->ngraph && ok; i++) {
    const Graph *g = m->graph[i];
    for (int s = 0; s < (g->kind == GK_TRAIN_STEP ? STEPS : 1) && ok; s++)
      if (is_callable(g) && g != init) ok = call_graph(k, g);
  }
  return ok;
}

bool ccheck_main(Case *k) {
  rng = 12345;
  begin_main(k);
  if (!call_all(k)) return false;
  str_puts(&k->main, "  return 0;\n}\n");
  return true;
}
