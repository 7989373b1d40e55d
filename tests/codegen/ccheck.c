/* Compares generated C with the interpreter, bit for bit.
 *   ccheck [--cc=COMMAND]... [--keep=DIR] [--isa=NAME] FILE.ir...
 * With --isa the native dialect for that instruction set, run by 1 and by 3 threads; else the portable one.
 * Each file is one module. It is compiled with fusion on and off by every compiler command; its graphs run on random
 * inputs: init, then each train_step three times, then every export. Outputs and all weights must agree (NaN equals
 * NaN). Prints what differs, and `N passed, N failed`. */
#include "codegen/codegen.h"
#include "driver/embed.h"
#include "ir/interp.h"
#include "passes/pass.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CC = 8, STEPS = 3 };
static const char *cc_list[MAX_CC];
static int ncc, passed, failed;
static const char *keep_dir;
static const char *isa;
static bool met[OP_COUNT]; /* ops in the graphs of all files */

static char *read_all(const char *path, size_t *n) {
  FILE *f = fopen(path, "rb");
  if (!f) return NULL;
  size_t cap = 1 << 16, len = 0, got;
  char *s = malloc(cap + 1);
  while ((got = fread(s + len, 1, cap - len, f)) > 0)
    if ((len += got) == cap) s = realloc(s, (cap *= 2) + 1);
  fclose(f);
  s[len] = 0;
  if (n) *n = len;
  return s;
}

static Module *load(Ctx *c, const char *path) {
  Loc at;
  if (!source_read(c, path, &at)) return NULL;
  Module *m = ir_parse(c, at);
  return diag_errors(c) ? NULL : m;
}

/* ---- random values ---- */

static uint64_t rng = 1;
static uint32_t next_random(void) {
  rng = rng * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(rng >> 33);
}

static void randomize(Val *v) {
  for (int64_t i = 0; i < v->count; i++) {
    double x = (double)next_random() / 2147483648.0;
    if (v->type == DT_BOOL) val_set(v, i, x < 0.5);
    else if (dtype_is_float(v->type)) val_set(v, i, x * 4 - 2);
    else val_set(v, i, floor(x * 5));
  }
}

/* ---- one configuration ---- */

typedef struct Case {
  Ctx *c;
  Module *m, *ref;      /* planned; as parsed */
  Interp *in;
  Str input, expect;    /* what the program reads, what it must write */
  Str main;             /* its text */
  const char *dir, *what;
  DType type[4096]; int64_t count[4096]; char *label[4096]; int nfield; /* of the expected output */
} Case;

static bool is_callable(const Graph *g) {
  return g->kind == GK_INIT || g->kind == GK_TRAIN_STEP || g->kind == GK_EXPORT;
}

static void expect(Case *k, const char *label, DType t, int64_t count, const void *data) {
  if (k->nfield == 4096) return;
  k->type[k->nfield] = t;
  k->count[k->nfield] = count;
  k->label[k->nfield++] = ctx_strf(k->c, "%s", label);
  str_put(&k->expect, data, (size_t)count * (size_t)dtype_info[t].bytes);
}

/* A weight's elements between logical order and the order in memory. */
static void permute(const Case *k, int var, const char *from, char *to, bool pack) {
  const Var *v = &k->m->var[var];
  const Type *t = type_get(k->m, v->type);
  int64_t stride[MAX_RANK], s = 1, bytes = dtype_info[t->dtype].bytes, n = type_bytes(k->m, v->type) / bytes;
  for (int i = t->rank - 1; i >= 0; i--) {
    int a = v->stored ? k->m->stored[v->stored - 1].perm[i] : i;
    stride[a] = s;
    s *= dim_bound(k->m, t->dim[a]);
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t at = 0, rest = i;
    for (int d = t->rank - 1; d >= 0; d--) at += rest % dim_bound(k->m, t->dim[d]) * stride[d],
        rest /= dim_bound(k->m, t->dim[d]);
    memcpy(to + (pack ? at : i) * bytes, from + (pack ? i : at) * bytes, (size_t)bytes);
  }
}

/* The bytes in front of the arena as they are to be before a call. */
static void put_memory(Case *k) {
  size_t n = (size_t)(k->m->total_bytes - k->m->arena_bytes);
  char *mem = calloc(n + 64, 1);
  memcpy(mem, &k->in->seed, 8);
  uint32_t head[3] = {k->in->step, k->in->steps, k->in->steps_per_epoch};
  memcpy(mem + 8, head, sizeof head);
  for (int v = 0; v < k->m->nvar; v++)
    if (k->in->var[v] && k->m->var[v].offset >= 0) permute(k, v, k->in->var[v]->data, mem + k->m->var[v].offset, true);
  str_put(&k->input, mem, n);
  free(mem);
}

static void expect_vars(Case *k, const char *graph) {
  for (int v = 0; v < k->m->nvar; v++) {
    if (!k->in->var[v] || k->m->var[v].offset < 0) continue;
    const Type *t = type_get(k->m, k->m->var[v].type);
    size_t bytes = (size_t)type_bytes(k->m, k->m->var[v].type);
    char *packed = malloc(bytes + 1);
    permute(k, v, k->in->var[v]->data, packed, true);
    expect(k, ctx_strf(k->c, "%s: weight %s", graph, k->m->var[v].name), (DType)t->dtype,
           (int64_t)bytes / dtype_info[t->dtype].bytes, packed);
    str_printf(&k->main, "  fwrite(mem + %lld, 1, %zu, stdout);\n", (long long)k->m->var[v].offset, bytes);
    free(packed);
  }
}

static Graph *reference(const Case *k, const Graph *g) {
  Graph *r = graph_find(k->ref, g->name);
  return r;
}

static bool call_graph(Case *k, const Graph *g) {
  Graph *r = reference(k, g);
  const char *model = k->m->name;
  bool train = g->kind == GK_TRAIN_STEP;
  Val *port[256] = {0}, *res[256] = {0};
  put_memory(k);
  str_printf(&k->main, "  { /* %s */\n  if (fread(mem, 1, %lld, stdin) == 0) return 1;\n", g->name,
             (long long)(k->m->total_bytes - k->m->arena_bytes));
  Str args = {.c = k->c};
  for (int i = 0; i < g->nport; i++) {
    port[i] = interp_value(k->in, node_get(r, r->port[i])->type);
    randomize(port[i]);
    size_t bytes = (size_t)port[i]->count * (size_t)dtype_info[port[i]->type].bytes;
    str_put(&k->input, port[i]->data, bytes);
    str_printf(&k->main, "  %s *p%d = malloc(%zu + 1);\n  if (fread(p%d, 1, %zu, stdin) != %zu) return 1;\n",
               dtype_info[port[i]->type].c, i, bytes, i, bytes, bytes);
    str_printf(&args, ", p%d", i);
  }
  bool seen[64] = {0};
  for (int s = 0; s < k->m->nsize; s++)
    for (int i = 0; i < g->nport && !seen[s]; i++)
      for (int d = 0; d < node_type(g, g->port[i])->rank && !seen[s]; d++) {
        int n;
        const DimTerm *t = dim_terms(k->m, node_type(g, g->port[i])->dim[d], &n);
        for (int x = 0; x < n; x++) seen[s] |= t[x].exp[s] != 0;
      }
  for (int s = 0; s < k->m->nsize; s++)
    if (seen[s]) str_printf(&args, ", %lld", (long long)k->in->size[s]);
  if (!interp_run(k->in, r, port, res)) {
    printf("%s: %s: the interpreter failed: %s\n", k->what, g->name, k->in->error);
    return false;
  }
  int nres = 0;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    Val *v = res[nres];
    const char *type = dtype_info[v->type].c;
    long long bytes = (long long)v->count * dtype_info[v->type].bytes;
    if (train) str_printf(&k->main, "  %s *r%d = (%s *)(mem + %lld);\n", type, nres, type,
                          (long long)g->anno[g->out[i].value].offset);
    else str_printf(&k->main, "  %s *r%d = malloc(%lld + 1);\n", type, nres, bytes), str_printf(&args, ", r%d", nres);
    nres++;
  }
  int status = 0;
  if (isa) {
    str_printf(&k->main, "  const void *in[] = {0");
    for (int i = 0; i < g->nport; i++) str_printf(&k->main, ", p%d", i);
    str_printf(&k->main, "};\n  void *out[] = {0");
    for (int i = 0; i < nres && !train; i++) str_printf(&k->main, ", r%d", i);
    str_printf(&k->main, "};\n  int64_t size[] = {0");
    for (int s = 0; s < k->m->nsize; s++)
      if (seen[s]) str_printf(&k->main, ", %lld", (long long)k->in->size[s]);
    str_printf(&k->main, "};\n  int status = run(graph_%d, in + 1, out + 1, size + 1);\n", g->index);
  } else if (g->kind == GK_INIT) str_printf(&k->main, "  %s_init(mem, %llu); int status = 0;\n", model,
                                            (unsigned long long)k->in->seed);
  else str_printf(&k->main, "  int status = %s_%s(mem%s);\n", model, g->name, args.s ? args.s : "");
  if (!k->in->finite) status = -1;
  str_puts(&k->main, "  fwrite(&status, sizeof status, 1, stdout);\n");
  expect(k, ctx_strf(k->c, "%s: status", g->name), DT_I32, 1, &status);
  nres = 0;
  for (int i = 0; i < g->nout; i++) {
    if (g->out[i].var >= 0) continue;
    Val *v = res[nres];
    if (status == 0) {
      expect(k, ctx_strf(k->c, "%s: %s", g->name, g->out[i].name), v->type, v->count, v->data);
      str_printf(&k->main, "  fwrite(r%d, 1, %lld, stdout);\n", nres, (long long)v->count * dtype_info[v->type].bytes);
    }
    val_drop(v);
    nres++;
  }
  for (int i = 0; i < g->nport; i++) val_drop(port[i]);
  expect_vars(k, g->name);
  str_puts(&k->main, "  }\n");
  if (train) k->in->step++;
  return true;
}

/* ---- compilers ---- */

static bool write_file(const char *path, const char *s, size_t n) {
  FILE *f = fopen(path, "wb");
  return f && fwrite(s ? s : "", 1, n, f) == n && fclose(f) == 0;
}

static bool compare(Case *k, const char *cc, const char *out, size_t n) {
  size_t at = 0;
  for (int f = 0; f < k->nfield; f++) {
    int bytes = dtype_info[k->type[f]].bytes;
    for (int64_t i = 0; i < k->count[f]; i++, at += (size_t)bytes) {
      if (at + (size_t)bytes > n) return printf("%s [%s]: output too short at %s\n", k->what, cc, k->label[f]), false;
      const char *a = k->expect.s + at, *b = out + at;
      if (!memcmp(a, b, (size_t)bytes)) continue;
      double x = 0, y = 0;
      if (k->type[f] == DT_F32) { float u, v; memcpy(&u, a, 4); memcpy(&v, b, 4); x = u, y = v; }
      if (k->type[f] == DT_F64) memcpy(&x, a, 8), memcpy(&y, b, 8);
      if (k->type[f] == DT_I32) { int32_t u, v; memcpy(&u, a, 4); memcpy(&v, b, 4); x = u, y = v; }
      if (x != x && y != y) continue;
      printf("%s [%s]: %s[%lld]: interpreter %.9g, C %.9g\n", k->what, cc, k->label[f], (long long)i, x, y);
      return false;
    }
  }
  if (at != n) return printf("%s [%s]: %zu bytes, expected %zu\n", k->what, cc, n, at), false;
  return true;
}

static bool run_one(Case *k, const char *cc) {
  const char *d = k->dir, *m = k->m->name;
  char *cmd = isa ? ctx_strf(k->c, "cd %s && %s %s -std=gnu11 -fno-math-errno -fno-trapping-math "
                                   "-ffp-contract=off -fwrapv -w -I%s/runtime -o prog main.c -lpthread 2>cc.txt && "
                                   "./prog 1 <in.bin >out1.bin && ./prog 3 <in.bin >out.bin && cmp out1.bin out.bin",
                                       d, cc, machine_find(isa)->cflags, getcwd(NULL, 0)) : ctx_strf(k->c,
                                           "cd %s && %s -std=c99 -Wall -Wextra -pedantic -Werror -ffreestanding "
                                           "-nostdlib -c %s.c -o m.o 2>cc.txt && "
                       "test -z \"$(nm -u m.o)\" && cc -O1 -o prog main.c m.o 2>>cc.txt && ./prog <in.bin >out.bin",
                           d, cc, m);
  int status = system(cmd);
  if (status != 0) {
    char *log = read_all(ctx_strf(k->c, "%s/cc.txt", d), NULL);
    printf("%s [%s]: failed (%d) in %s\n%.1500s\n", k->what, cc, status, d, log ? log : "");
    free(log);
    return false;
  }
  size_t n;
  char *out = read_all(ctx_strf(k->c, "%s/out.bin", d), &n);
  bool same = out && compare(k, cc, out, n);
  free(out);
  return same;
}

static void check(const char *path, bool fuse) {
  Ctx *c = ctx_new();
  Case *k = calloc(1, sizeof *k);
  k->c = c;
  k->what = ctx_strf(c, "%s%s", path, fuse ? "" : " (fusion off)");
  k->input.c = k->expect.c = k->main.c = c;
  k->ref = load(c, path);
  k->m = k->ref ? load(c, path) : NULL;
  rng = 12345;
  for (int i = 0; k->ref && i < k->ref->ngraph; i++)
    for (Id n = 1; n < (Id)k->ref->graph[i]->n; n++) met[node_get(k->ref->graph[i], n)->op] = true;
  if (k->m) {
    k->m->opt.strict = true;
    k->m->opt.verify = true;
    k->m->opt.align = 64;
    if (!fuse) k->m->opt.off |= 1ull << PASS_fuse;
  }
  Str cf = {.c = c}, hf = {.c = c};
  EmitOptions o = {.version = "test", .carried = embed_text, .machine = isa ? machine_find(isa) : NULL,
                   .serial_cycles = isa != NULL};
  static const char NATIVE[] =
    "#include <pthread.h>\nstatic int parts;\nstatic pthread_barrier_t gate;\n"
    "static void meet(void *pool, int part) { (void)pool, (void)part; pthread_barrier_wait(&gate); }\n"
    "typedef struct { GcFn *fn; GcCall call; int status; } Share;\n"
    "static void *share(void *x) { Share *s = x; s->status = s->fn(&s->call); return 0; }\n"
    "static int run(GcFn *fn, const void *const *in, void *const *out, const int64_t *size) {\n"
    "  Share s[8];\n  pthread_t id[8];\n"
    "  for (int i = 0; i < parts; i++) {\n"
    "    s[i] = (Share){fn, {.mem = mem, .in = in, .out = out, .size = size, .part = i, .parts = parts, .barrier "
    "= meet}, 0};\n"
    "    if (i) pthread_create(&id[i], 0, share, &s[i]);\n  }\n  share(&s[0]);\n"
    "  for (int i = 1; i < parts; i++) pthread_join(id[i], 0);\n  return s[0].status;\n}\n";
  if (!k->m || !passes_run(k->ref, &(PassRun){.list = "autodiff"}) || !passes_run(k->m, &(PassRun){0}) ||
      !(isa ? emit_native(k->m, &o, &cf) : emit_portable(k->m, &o, &cf, &hf))) {
    diag_print(c, stdout, false);
    failed++;
    printf("%s: not compiled\n", k->what);
    goto end;
  }
  k->in = interp_new(k->ref, false);
  k->in->steps = 100;
  k->in->steps_per_epoch = 7;
  k->dir = keep_dir ? keep_dir : ctx_strf(c, "%s/ccheck%d", getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp",
                                          (int)getpid());
  if (system(ctx_strf(c, "mkdir -p %s", k->dir))) goto end;
  if (isa)
    str_printf(&k->main, "#include <stdio.h>\n#include <stdlib.h>\n#include \"%s.c\"\n"
               "static unsigned char mem[%lld] __attribute__((aligned(64)));\n"
               "%sint main(int argc, char **argv) {\n  parts = atoi(argv[argc - 1]);\n"
               "  pthread_barrier_init(&gate, 0, parts);\n", k->m->name, (long long)k->m->total_bytes + 64, NATIVE);
  else str_printf(&k->main, "#include <stdio.h>\n#include <stdlib.h>\n#include \"%s.h\"\n"
             "static unsigned char mem[%s_BYTES + 64] __attribute__((aligned(64)));\nint main(void) {\n", k->m->name, k->m->name);
  Graph *init = NULL;
  for (int i = 0; i < k->m->ngraph; i++)
    if (k->m->graph[i]->kind == GK_INIT) init = k->m->graph[i];
  if (!init)
    for (int v = 0; v < k->m->nvar; v++) {
      Val *x = interp_value(k->in, k->m->var[v].type);
      randomize(x);
      interp_set_var(k->in, v, x);
    }
  bool ok = !init || call_graph(k, init);
  for (int i = 0; i < k->m->ngraph && ok; i++) {
    const Graph *g = k->m->graph[i];
    for (int s = 0; s < (g->kind == GK_TRAIN_STEP ? STEPS : 1) && ok; s++)
      if (is_callable(g) && g != init) ok = call_graph(k, g);
  }
  str_puts(&k->main, "  return 0;\n}\n");
  ok = ok && write_file(ctx_strf(c, "%s/%s.c", k->dir, k->m->name), cf.s, cf.n) &&
       write_file(ctx_strf(c, "%s/%s.h", k->dir, k->m->name), hf.s, hf.n) &&
       write_file(ctx_strf(c, "%s/main.c", k->dir), k->main.s, k->main.n) &&
       write_file(ctx_strf(c, "%s/in.bin", k->dir), k->input.s, k->input.n);
  if (!ok) failed++;
  for (int i = 0; i < ncc && ok; i++) {
    if (run_one(k, cc_list[i])) passed++;
    else failed++;
  }
  interp_free(k->in);
  if (!keep_dir && system(ctx_strf(c, "rm -rf %s", k->dir))) printf("cannot remove %s\n", k->dir);
end:
  free(k);
  ctx_free(c);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (!strncmp(argv[i], "--cc=", 5) && ncc < MAX_CC) cc_list[ncc++] = argv[i] + 5;
    else if (!strncmp(argv[i], "--isa=", 6)) isa = argv[i] + 6;
    else if (!strncmp(argv[i], "--keep=", 7)) keep_dir = argv[i] + 7;
  }
  if (!ncc) cc_list[ncc++] = "gcc -O0", cc_list[ncc++] = "gcc -O3", cc_list[ncc++] = "clang -O2";
  for (int i = 1; i < argc; i++)
    if (argv[i][0] != '-')
      for (int fuse = 0; fuse < 2; fuse++) check(argv[i], fuse);
  for (int op = 1; op < OP_COUNT; op++)
    if (!met[op] && op_info[op].cls != CL_META) printf("no graph has the op `%s`\n", op_info[op].name), failed++;
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
