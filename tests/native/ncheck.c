/* SPDX-License-Identifier: Apache-2.0 */
/* The tuned kernels of the native dialect against the interpreter.
 *   ncheck --dir=DIR [--quick] [--native | --fast [--cflags=FLAGS]] FILE.ir
 * Each graph of the file is a contraction or convolution of random operands with an epilogue, attention, or reduces
 * rows. Prints
 * the kernels for one row of the machine table after the other, all that this processor can run, compiles them, and
 * runs them by 1 to 5 threads. With contraction of products off the results must be the interpreter's, bit for bit;
 * with it on they must be close, and the same for any number of threads. Prints what differs, and `N passed, N failed`.
 * --native: only for this processor's row; --quick: without clang, with less optimisation, and of the other rows only
 * those of odd number; --fast: only for this processor's row, with contraction on, only by gcc, and with further flags.
 * BEFORE in the environment is a command that runs the program.
 *   ncheck --rows
 * prints the names of those rows. */
#include "codegen/c/native.h"
#include "lib/embed.h"
#include "ir/sizes.h"
#include "passes/pass.h"
#include "tests/files.h"
#include "tests/graphs.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARNINGS "-Wall -Wno-unused -Wno-psabi -Wshadow -Wconversion -Werror" /* shadowed names, lossy conversions */
enum { MAX_THREADS = 5, MAX_GRAPHS = 512 };
static int passed, failed;
static uint64_t rng = 1;

/* ---- the program ---- */

typedef struct Program {
  Ctx *c;
  Module *m, *ref;
  const char *dir, *isa, *cflags;
  bool exact;
  Str text, main;
} Program;

/* The native file, after the functions that call graphs by threads. */
static bool print_program(Program *r) {
  NativeEmitOptions native = {.machine = machine_find(r->isa), .serial_cycles = 1, .contract = !r->exact};
  EmitOptions o = {.version = "test", .builtin = embed_text, .native = &native};
  str_puts(&r->text, "#define GR_NATIVE\n#include <unit.h>\n");
  Artifacts out;
  if (!emit_program(r->m, &target_native, &o, &out)) return false;
  str_put(&r->text, out.code.s, out.code.n);
  return true;
}

static long long bytes_of(const Program *r, TypeId t, const int64_t *size) {
  return (long long)(dtype_info[type_get(r->m, t)->dtype].bytes * dim_value(r->m, type_count(r->m, t), size));
}

/* A size named NONE is 0. */
static int64_t size_of(const Module *m, int s) { return strcmp(m->size[s].name, "NONE") ? m->size[s].bound - 1 : 0; }

static void print_call(Program *r, const Graph *g) {
  int64_t size[MAX_RANK] = {0};
  uint32_t used = graph_sizes(g);
  str_printf(&r->text, "  {\n    const void *in[%d];\n    void *out[%d];\n    const int64_t size[] = {", g->nport + 1,
             g->nout + 1);
  for (int s = 0; s < r->m->nsize; s++) {
    size[s] = size_of(r->m, s);
    if (used >> s & 1) str_printf(&r->text, "%lld, ", (long long)size[s]);
  }
  str_puts(&r->text, "0};\n");
  for (int k = 0; k < g->nport; k++)
    str_printf(&r->text, "    in[%d] = get(%lld);\n", k, bytes_of(r, node_get(g, g->port[k])->type, size));
  str_printf(&r->text,
             "    for (int threads = 1; threads <= %d; threads++) {\n"
             "      memset(mem, 255, %lld);\n",
             MAX_THREADS, (long long)r->m->total_bytes);
  for (int k = 0; k < g->nout; k++) {
    long long n = bytes_of(r, node_get(g, g->out[k].value)->type, size);
    str_printf(&r->text, "      out[%d] = memset(malloc(%lld), 255, %lld);\n", k, n + 64, n + 64);
  }
  str_printf(&r->text,
             "      GcCall call = {.mem = mem, .in = in, .out = out, .size = size};\n"
             "      if (gr_call(graph_%d, call, threads)) return 1;\n",
             g->index);
  for (int k = 0; k < g->nout; k++)
    str_printf(&r->text, "      fwrite(out[%d], 1, %lld, stdout);\n      free(out[%d]);\n", k,
               bytes_of(r, node_get(g, g->out[k].value)->type, size), k);
  str_puts(&r->text, "    }\n  }\n");
}

/* Reads all inputs, runs every graph with each number of threads, writes all results. Memory holds NaN before. */
static void print_main(Program *r) {
  str_printf(&r->text,
             "static void *get(size_t n) {\n  void *p = malloc(n + 64);\n"
             "  if (fread(p, 1, n, stdin) != n) exit(1);\n  return p;\n}\n"
             "int main(void) {\n  unsigned char *mem = gr_bytes(%lld);\n",
             (long long)r->m->total_bytes + 64);
  for (int i = 0; i < r->m->ngraph; i++) print_call(r, r->m->graph[i]);
  str_puts(&r->text, "  return 0;\n}\n");
}

/* ---- comparing ---- */

typedef struct Expect {
  const Graph *g;
  int out;
  int64_t count;
  float *v;
  double slack;
} Expect;
static Expect *expect;
static int nexpect;

/* Of attention of bf16, which rounds probabilities to 8 bits: a share of a usual element. */
static double slack_of_rounded(const float *v, int64_t count) {
  double sum = 0, n = 0;
  for (int64_t i = 0; i < count; i++)
    if (isfinite(v[i])) sum += (double)v[i] * (double)v[i], n++;
  return n ? 0.03 * sqrt(sum / n) : 0;
}

/* A bound of the error of a sum of products of numbers below 2 in size, with an epilogue of slope at most 4. */
static double slack_of(const Graph *g, const float *v, int64_t count) {
  double terms = 16;
  for (Id n = 1; n < (Id)g->n; n++)
    if (node_info(g, n)->cls == CL_ATTEND && node_is_upcast(g, node_in(g, n, 0))) return slack_of_rounded(v, count);
  for (int i = 0; i < g->nport; i++) {
    double n = (double)dim_bound(g->m, type_count(g->m, node_get(g, g->port[i])->type));
    terms = n > terms ? n : terms;
  }
  return 4e-6 * sqrt(terms) + 1e-4;
}

static void run_reference(Program *r, Str *input) {
  Interp *in = interp_new(r->ref, false);
  for (int s = 0; s < r->m->nsize; s++) interp_size(in, r->m->size[s].name, size_of(r->m, s));
  expect = calloc(MAX_GRAPHS * 4, sizeof *expect);
  for (int i = 0; i < r->m->ngraph; i++) {
    const Graph *g = graph_find(r->ref, r->m->graph[i]->name);
    Val *port[16], *res[16] = {0};
    for (int k = 0; k < g->nport; k++) {
      TypeId t = node_get(g, g->port[k])->type;
      DType d = type_get(r->ref, t)->dtype;
      port[k] = interp_value(in, t);
      randomize(port[k], &rng);
      char *stored = malloc((size_t)port[k]->count * 4 + 4);
      val_store(port[k], d, stored);
      str_put(input, stored, (size_t)port[k]->count * dtype_info[d].bytes);
      free(stored);
    }
    if (!interp_run(in, g, port, res)) printf("%s: the interpreter failed: %s\n", g->name, in->error), failed++;
    for (int k = 0; k < g->nout && res[k]; k++) {
      float *v = malloc((size_t)res[k]->count * 4 + 4);
      memcpy(v, res[k]->data, (size_t)res[k]->count * 4);
      expect[nexpect++] = (Expect){r->m->graph[i], k, res[k]->count, v, slack_of(g, v, res[k]->count)};
      val_release(res[k]);
    }
    for (int k = 0; k < g->nport; k++) val_release(port[k]);
  }
  interp_free(in);
}

static bool same(const Program *r, const Expect *e, const float *got, const float *first, const char *cc, int threads) {
  for (int64_t i = 0; i < e->count; i++) {
    float x = e->v[i], y = got[i];
    bool both_nan = x != x && y != y;
    if (memcmp(&got[i], &first[i], 4) && !(y != y && first[i] != first[i])) {
      printf("%s [%s %s]: element %lld of result %d: %.9g in 1 thread, %.9g in %d\n", e->g->name, cc, r->isa,
             (long long)i, e->out, (double)first[i], (double)y, threads);
      return false;
    }
    bool close = x == y || fabs((double)x - (double)y) <= e->slack * (1 + fabs((double)x));
    if (both_nan || (r->exact ? !memcmp(&x, &y, 4) : close)) continue;
    printf("%s [%s %s%s]: element %lld of result %d: %.9g, not %.9g (%d threads)\n", e->g->name, cc, r->isa,
           r->exact ? "" : " fast", (long long)i, e->out, (double)y, (double)x, threads);
    return false;
  }
  return true;
}

/* The program writes, per graph, for each number of threads, every result. */
static void compare(const Program *r, const char *cc, const char *out, size_t n) {
  const float *at = (const float *)(const void *)out;
  size_t left = n / 4;
  for (int i = 0, j; i < nexpect; i = j) {
    size_t step = 0;
    for (j = i; j < nexpect && expect[j].g == expect[i].g; j++) step += (size_t)expect[j].count;
    if (left < step * MAX_THREADS) {
      printf("%s [%s]: output too short\n", expect[i].g->name, cc);
      failed++;
      return;
    }
    const float *first = at;
    for (int k = i; k < j; first += expect[k++].count) {
      bool ok = true;
      for (int threads = 1; threads <= MAX_THREADS && ok; threads++)
        ok = same(r, &expect[k], first + (size_t)(threads - 1) * step, first, cc, threads);
      if (ok) passed++;
      else failed++;
    }
    at += step * MAX_THREADS;
    left -= step * MAX_THREADS;
  }
}

static void run_with(Program *r, const char *cc) {
  const char *fp = r->exact ? "off" : "fast";
  char *cmd = ctx_strf(r->c,
                       "root=$PWD && cd %s && %s -std=gnu11 -pthread -isystem $root/runtime "
                       "-isystem $root/tests/random %s -fno-math-errno -fno-trapping-math " WARNINGS " "
                       "-ffp-contract=%s -o prog prog.c 2>cc.txt && "
                       "$BEFORE ./prog <in.bin >out.bin",
                       r->dir, cc, r->cflags, fp);
  int status = system(cmd);
  size_t n = 0;
  char *out = status ? NULL : read_file(ctx_strf(r->c, "%s/out.bin", r->dir), &n);
  if (out) {
    compare(r, cc, out, n);
  } else {
    char *log = read_file(ctx_strf(r->c, "%s/cc.txt", r->dir), NULL);
    printf("[%s %s]: failed (%d)\n%.1500s\n", cc, r->isa, status, log ? log : "");
    free(log);
    failed++;
  }
  free(out);
}

static void check(const char *path, const char *dir, const char *isa, const char *cflags, bool exact, bool clang,
                  const char *gcc) {
  Ctx *c = ctx_new();
  Program r = {.c = c, .dir = dir, .isa = isa, .exact = exact, .text = {.c = c}, .main = {.c = c}};
  Str input = {.c = c};
  r.cflags = ctx_strf(c, "%s %s", machine_find(isa)->cflags, cflags);
  r.ref = read_graphs(c, path);
  r.m = r.ref ? read_graphs(c, path) : NULL;
  if (r.m) r.m->opt.strict = exact, r.m->opt.row_chunks = true;
  nexpect = 0;
  if (!r.m || !passes_run(r.ref, &(PassRun){.list = "autodiff,precision"}) || !passes_run(r.m, &(PassRun){0}) ||
      !print_program(&r)) {
    diag_print(c, stdout, false);
    failed++;
  } else {
    run_reference(&r, &input);
    print_main(&r);
    if (!write_file(ctx_strf(c, "%s/prog.c", dir), r.text.s, r.text.n) ||
        !write_file(ctx_strf(c, "%s/in.bin", dir), input.s, input.n))
      failed++;
    else {
      run_with(&r, gcc);
      if (clang) run_with(&r, exact ? "clang -O2" : "clang -O1");
    }
    for (int i = 0; i < nexpect; i++) free(expect[i].v);
    free(expect);
  }
  ctx_free(c);
}

int main(int argc, char **argv) {
  const char *dir = NULL, *path = NULL, *cflags = "";
  bool native = false, fast = false, quick = false;
  for (int i = 1; i < argc; i++) {
    if (!strncmp(argv[i], "--dir=", 6)) dir = argv[i] + 6;
    else if (!strncmp(argv[i], "--cflags=", 9)) cflags = argv[i] + 9;
    else if (!strcmp(argv[i], "--native")) native = true;
    else if (!strcmp(argv[i], "--fast")) fast = true;
    else if (!strcmp(argv[i], "--quick")) quick = true;
    else path = argv[i];
  }
  if (path && !strcmp(path, "--rows")) {
    for (int i = 0; machine_at(i); i++)
      if (machine_runs(machine_at(i))) puts(machine_at(i)->name);
    return 0;
  }
  if (!dir || !path)
    return fprintf(stderr, "usage: ncheck --dir=DIR [--quick] [--native | --fast [--cflags=FLAGS]] FILE.ir\n"), 2;
  bool clang = !quick && system("clang --version >/dev/null 2>&1") == 0;
  for (int i = 0; machine_at(i) && !fast; i++) {
    bool own = machine_at(i) == machine_find("native");
    if (machine_runs(machine_at(i)) && (own || (!native && !(quick && i % 2 == 0))))
      check(path, dir, machine_at(i)->name, "", true, clang && own, !quick ? "gcc -O3" : own ? "gcc -O1" : "gcc -O0");
  }
  check(path, dir, "native", cflags, false, clang && !fast, quick ? "gcc -O1" : "gcc -O3");
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
