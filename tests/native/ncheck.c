/* The tuned kernels of the native dialect against the interpreter.
 *   ncheck --dir=DIR [--gcc] [--native | --fast [--cflags=FLAGS]] FILE.ir
 * Each graph of the file is a contraction or convolution of random operands with an epilogue. Prints the kernels for
 * one row of the machine table after the other, all that this processor can run, compiles them, and runs them as 1 to 4
 * parts. With contraction of products off the results must be the interpreter's, bit for bit; with it on they must be
 * close, and the same for any number of parts. Prints what differs, and `N passed, N failed`. --native: only for the
 * row that is this processor's; --gcc: without clang, with less optimisation, and not for rows of even number but that
 * one; --fast: only for that one with contraction on, by gcc alone, and with further flags.
 * What BEFORE in the environment says stands in front of the program when it is run.
 *   ncheck --rows
 * prints the names of those rows. */
#include "codegen/c/graph.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "tests/files.h"
#include "tests/graphs.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define WARNINGS "-Wall -Wno-unused -Wno-psabi -Wshadow -Wconversion -Werror" /* names that meet, numbers that change */
enum { MOST_PARTS = 4, MOST_GRAPHS = 512 };
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

/* Every kernel call becomes a loop over the parts. */
static void put_parts(Str *o, const char *body) {
  while (*body) {
    size_t n = strcspn(body, "\n"), blank = strspn(body, " ");
    if (body[blank] == 'k' || !strncmp(body + blank, "if (part", 8))
      str_puts(o, "  for (int part = 0; part < parts; part++)");
    /* one thread, no check mode */
    bool skip = !strncmp(body + blank, "if (bad", 7) || !strncmp(body + blank, "gc_barrier", 10);
    if (!skip) str_put(o, body, n);
    str_puts(o, "\n");
    body += n + (body[n] == '\n');
  }
}

static void print_graph(Program *r, CPrint *p, Graph *g, Str *o) {
  Str body = {.c = r->c};
  CGraph c = {.p = p, .g = g, .gs = groups_make(g), .o = &body, .indent = 1};
  c.in = ctx_alloc(r->c, (size_t)(g->nport + 1) * sizeof *c.in);
  c.out = ctx_alloc(r->c, (size_t)(g->nout + 1) * sizeof *c.out);
  for (int i = 0; i < g->nport; i++) c.in[i] = ctx_strf(r->c, "in[%d]", i);
  for (int i = 0; i < g->nout; i++) c.out[i] = ctx_strf(r->c, "out[%d]", i);
  c_graph_body(&c);
  str_printf(o, "static void %s(unsigned char *m, void **in, void **out, ptrdiff_t n_B, int parts) {\n"
                "  unsigned char *const a = m + %lld;\n  const GcRun *const run = (const GcRun *)m;\n"
                "  const uint32_t pass = 0, turn = 0;\n  (void)a, (void)run, (void)pass, (void)turn, (void)n_B;\n",
             g->name, (long long)(r->m->total_bytes - r->m->arena_bytes));
  put_parts(o, body.s ? body.s : "");
  str_puts(o, "}\n");
}

static bool print_program(Program *r) {
  CPrint *p = ctx_alloc(r->c, sizeof *p);
  Ctx *c = r->c;
  EmitOptions o = {.version = "test", .carried = embed_text, .machine = machine_find(r->isa),
                   .contract = !r->exact};
  *p = (CPrint){.m = r->m, .c = c, .o = &o, .run = "GcRun", .native = true};
  p->parallel = ctx_alloc(c, (size_t)r->m->ngraph + 1);
  p->kernels.c = p->protos.c = p->tables.c = p->helpers.c = p->bodies.c = p->nodes.c = c;
  Str functions = {.c = c};
  for (int i = 0; i < r->m->ngraph; i++) print_graph(r, p, r->m->graph[i], &functions);
  str_puts(&r->text, "#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <stdlib.h>\n"
                     "#include <string.h>\n"
                     "#include \"model.h\"\n#define GC_LINK static\n#define GC_KERNEL static\n#define GC_CALLS\n");
  c_vector_types(p, &r->text);
  c_prim_print(p, &r->text);
  native_print(p, &r->text);
  native_print_body(p, &r->text);
  c_helpers(p, &r->text);
  const Str *part[] = {&p->tables, &p->protos, &p->kernels, &functions};
  for (size_t i = 0; i < sizeof part / sizeof *part; i++)
    if (part[i]->n) str_put(&r->text, part[i]->s, part[i]->n);
  return !diag_errors(c);
}

/* Reads all inputs, runs every graph with each number of parts, writes all results. Memory is filled with NaN first. */
static void print_main(Program *r) {
  str_printf(&r->text, "static void *get(size_t n) {\n  void *p = malloc(n + 64);\n"
                       "  if (fread(p, 1, n, stdin) != n) exit(1);\n"
             "  return p;\n}\nint main(void) {\n  unsigned char *mem = malloc(%lld + 64);\n",
             (long long)r->m->total_bytes);
  for (int i = 0; i < r->m->ngraph; i++) {
    const Graph *g = r->m->graph[i];
    str_printf(&r->text, "  {\n    void *in[%d], *out[%d];\n", g->nport + 1, g->nout + 1);
    int64_t size[MAX_RANK] = {0};
    for (int s = 0; s < r->m->nsize; s++) size[s] = r->m->size[s].bound - 1;
    for (int k = 0; k < g->nport; k++) {
      TypeId t = node_get(g, g->port[k])->type;
      str_printf(&r->text, "    in[%d] = get(%lld);\n", k,
                 dtype_info[type_get(r->m, t)->dtype].bytes * (long long)dim_value(r->m, type_count(r->m, t), size));
    }
    str_printf(&r->text, "    for (int parts = 1; parts <= %d; parts++) {\n      memset(mem, 255, %lld);\n", MOST_PARTS,
               (long long)r->m->total_bytes);
    for (int k = 0; k < g->nout; k++) {
      long long n = 4 * dim_value(r->m, type_count(r->m, node_get(g, g->out[k].value)->type), size);
      str_printf(&r->text, "      out[%d] = memset(malloc(%lld), 255, %lld);\n", k, n + 64, n + 64);
    }
    str_printf(&r->text, "      %s(mem, in, out, %lld, parts);\n", g->name, (long long)size[0]);
    for (int k = 0; k < g->nout; k++)
      str_printf(&r->text, "      fwrite(out[%d], 1, %lld, stdout);\n      free(out[%d]);\n", k,
                 4 * (long long)dim_value(r->m, type_count(r->m, node_get(g, g->out[k].value)->type), size), k);
    str_puts(&r->text, "    }\n  }\n");
  }
  str_puts(&r->text, "  return 0;\n}\n");
}

/* ---- comparing ---- */

typedef struct Expect { const Graph *g; int out; int64_t count; float *v; double slack; } Expect;
static Expect *expect;
static int nexpect;

/* A bound of the error of a sum of products of numbers below 2 in size, with an epilogue of slope at most 4. */
static double slack_of(const Graph *g) {
  double most = 16;
  for (int i = 0; i < g->nport; i++) {
    double n = (double)dim_bound(g->m, type_count(g->m, node_get(g, g->port[i])->type));
    most = n > most ? n : most;
  }
  return 4e-6 * sqrt(most) + 1e-4;
}

static void run_reference(Program *r, Str *input) {
  Interp *in = interp_new(r->ref, false);
  for (int s = 0; s < r->m->nsize; s++) interp_size(in, r->m->size[s].name, r->m->size[s].bound - 1);
  expect = calloc(MOST_GRAPHS * 4, sizeof *expect);
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
      expect[nexpect++] = (Expect){r->m->graph[i], k, res[k]->count, v, slack_of(g)};
      val_drop(res[k]);
    }
    for (int k = 0; k < g->nport; k++) val_drop(port[k]);
  }
  interp_free(in);
}

static bool same(const Program *r, const Expect *e, const float *got, const float *first, const char *cc, int parts) {
  for (int64_t i = 0; i < e->count; i++) {
    float x = e->v[i], y = got[i];
    bool both_nan = x != x && y != y;
    if (memcmp(&got[i], &first[i], 4) && !(y != y && first[i] != first[i])) {
      printf("%s [%s %s]: element %lld of result %d: %.9g in 1 part, %.9g in %d\n", e->g->name, cc, r->isa,
             (long long)i, e->out, (double)first[i], (double)y, parts);
      return false;
    }
    bool close = fabs((double)x - (double)y) <= e->slack * (1 + fabs((double)x));
    if (both_nan || (r->exact ? !memcmp(&x, &y, 4) : close)) continue;
    printf("%s [%s %s%s]: element %lld of result %d: %.9g, not %.9g (%d parts)\n", e->g->name, cc, r->isa,
           r->exact ? "" : " fast", (long long)i, e->out, (double)y, (double)x, parts);
    return false;
  }
  return true;
}

/* The program writes, per graph, for each number of parts, every result. */
static void compare(const Program *r, const char *cc, const char *out, size_t n) {
  const float *at = (const float *)(const void *)out;
  size_t left = n / 4;
  for (int i = 0, j; i < nexpect; i = j) {
    size_t step = 0;
    for (j = i; j < nexpect && expect[j].g == expect[i].g; j++) step += (size_t)expect[j].count;
    if (left < step * MOST_PARTS) {
      printf("%s [%s]: output too short\n", expect[i].g->name, cc);
      failed++;
      return;
    }
    const float *first = at;
    for (int k = i; k < j; first += expect[k++].count) {
      bool ok = true;
      for (int parts = 1; parts <= MOST_PARTS && ok; parts++)
        ok = same(r, &expect[k], first + (size_t)(parts - 1) * step, first, cc, parts);
      if (ok) passed++;
      else failed++;
    }
    at += step * MOST_PARTS;
    left -= step * MOST_PARTS;
  }
}

static void run_with(Program *r, const char *cc) {
  const char *fp = r->exact ? "off" : "fast";
  char *cmd = ctx_strf(r->c, "root=$PWD && cd %s && %s -std=gnu11 -I$root/runtime %s -fno-math-errno "
                             "-fno-trapping-math " WARNINGS " -ffp-contract=%s -o prog prog.c 2>cc.txt && "
                             "$BEFORE ./prog <in.bin >out.bin", r->dir, cc, r->cflags, fp);
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
  if (r.m) r.m->opt.strict = true;
  nexpect = 0;
  if (!r.m || !passes_run(r.ref, &(PassRun){.list = "autodiff,precision"}) || !passes_run(r.m, &(PassRun){0}) ||
      !print_program(&r)) {
    diag_print(c, stdout, false);
    failed++;
  } else {
    run_reference(&r, &input);
    print_main(&r);
    if (!write_file(ctx_strf(c, "%s/prog.c", dir), r.text.s, r.text.n) ||
        !write_file(ctx_strf(c, "%s/in.bin", dir), input.s, input.n)) failed++;
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
  bool native = false, fast = false, gcc = false;
  for (int i = 1; i < argc; i++) {
    if (!strncmp(argv[i], "--dir=", 6)) dir = argv[i] + 6;
    else if (!strncmp(argv[i], "--cflags=", 9)) cflags = argv[i] + 9;
    else if (!strcmp(argv[i], "--native")) native = true;
    else if (!strcmp(argv[i], "--fast")) fast = true;
    else if (!strcmp(argv[i], "--gcc")) gcc = true;
    else path = argv[i];
  }
  if (path && !strcmp(path, "--rows")) {
    for (int i = 0; machine_at(i); i++)
      if (machine_runs(machine_at(i))) puts(machine_at(i)->name);
    return 0;
  }
  if (!dir || !path)
    return fprintf(stderr, "usage: ncheck --dir=DIR [--gcc] [--native | --fast [--cflags=FLAGS]] FILE.ir\n"), 2;
  bool clang = !gcc && system("clang --version >/dev/null 2>&1") == 0;
  for (int i = 0; machine_at(i) && !fast; i++) {
    bool own = machine_at(i) == machine_find("native");
    if (machine_runs(machine_at(i)) && (own || (!native && !(gcc && i % 2 == 0))))
      check(path, dir, machine_at(i)->name, "", true, clang && own, !gcc ? "gcc -O3" : own ? "gcc -O2" : "gcc -O1");
  }
  check(path, dir, "native", cflags, false, clang && !fast, gcc ? "gcc -O2" : "gcc -O3");
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
