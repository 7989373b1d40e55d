/* SPDX-License-Identifier: Apache-2.0 */
/* Compares generated C with the interpreter, bit for bit.
 *   ccheck [--cc=COMMAND]... [--keep=DIR] [--isa=NAME] [--f64] [--extreme] [--fast] [--bound]
 *          [--near] [--some] [--fused] [--cuda] [--plain] [--sm90] [--size=N] [--skip=NAME,...] FILE.ir...
 * With --isa the native dialect for that instruction set, run by 1 and by 3 threads; else the portable one. With --f64
 * all floats of the C are f64, and the interpreter runs in its double mode. With --extreme the inputs are the edge
 * cases of arithmetic. With --fast the C is that of fast mode, whose element-wise code has the strict bits. With
 * --bound it is that of fast mode compiled with contraction, for graphs that only add, multiply and move: no number is
 * negative, so that the number of terms of the sums bounds the relative error.
 * With --near fast mode has to be within 1e-4 of the value, or 1e-6; attention whose operands are
 * rounded, within 1/64 of the largest one, or 1e-3.
 * With --cuda it is CUDA, run over its host form (BUILD/libgradc_cuda_host.a) with threads in rising and falling order;
 * with --plain all kernels have their plain form, with --sm90 those of
 * sm_90a, whatever the size.
 * With --size every run-time size is N, or its bound if that is less; else its bound.
 * With --skip these graphs are compiled, but do not run; the others have the same inputs as without.
 * Each file is one module; with --some they need not have every op. It is compiled with fusion on and (except with
 * --fused) off by every compiler command; its graphs run on random inputs: init, then each train_step three times, then
 * every export. Outputs and all weights must agree (NaN equals NaN). Prints what differs, and `N passed, N failed`. */
#include "tests/codegen/ccheck.h"
#include "codegen/c/native.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "passes/transform/widen_f64.h"
#include "tests/files.h"
#include "tests/graphs.h"
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MAX_CC = 8 };
static const char *cc_list[MAX_CC];
static int ncc, passed, failed;
static bool met[OP_COUNT]; /* ops in the graphs of all files */
CcheckOptions opt = {.skip = "", .size = -1};

/* ---- compilers ---- */

static double number(DType t, const char *p) {
  Val one = {.type = t, .count = 1, .data = (void *)p};
  return val_get(&one, 0);
}

/* The first element of a field that differs; -1: none. */
static int64_t differs(const CcheckField *f, const char *a, const char *b, double *x, double *y) {
  int bytes = dtype_info[f->type].bytes;
  for (int64_t i = 0; i < f->count; i++, a += bytes, b += bytes) {
    if (!memcmp(a, b, (size_t)bytes)) continue;
    *x = number(f->type, a), *y = number(f->type, b);
    if ((*x != *x && *y != *y) || fabs(*x - *y) <= f->slack * fabs(*x) + f->floor) continue;
    return i;
  }
  return -1;
}

static bool compare(Case *k, const char *cc, const char *out, size_t n) {
  enum { MAX_REPORTS = 12 };
  int reports = 0;
  if (n != k->expect.n) return printf("%s [%s]: %zu bytes, expected %zu\n", k->what, cc, n, k->expect.n), false;
  const char *a = k->expect.s, *b = out;
  for (int f = 0; f < k->nfield && reports < MAX_REPORTS; f++) {
    double x = 0, y = 0;
    int64_t at = differs(&k->field[f], a, b, &x, &y), bytes = k->field[f].count * dtype_info[k->field[f].type].bytes;
    if (at >= 0)
      reports++,
        printf("%s [%s]: %s[%lld]: interpreter %.9g, C %.9g\n", k->what, cc, k->field[f].label, (long long)at, x, y);
    a += bytes, b += bytes;
  }
  return !reports;
}

static bool run_one(Case *k, const char *cc) {
  const char *build =
    opt.cuda ? ctx_strf(k->c,
                        "%s -std=gnu11 -Wall -Wno-unused -Werror -ffp-contract=off -fno-strict-aliasing -I%s "
                        "-I%s/tests/cuda/runtime "
                        "-o prog main.c %s/libgradc_cuda_host.a -lm -ldl -lpthread 2>cc.txt && "
                        "./prog <in.bin >out.bin && GC_ORDER=falling ./prog <in.bin >out2.bin && cmp out.bin out2.bin",
                        cc, getcwd(NULL, 0), getcwd(NULL, 0), getenv("BUILD"))
    : opt.isa
      ? ctx_strf(k->c,
                 "%s %s -std=gnu11 -fno-math-errno -fno-trapping-math -ffp-contract=%s -fwrapv "
                 "-Wall -Wno-unused -Wno-psabi -Wshadow -Wconversion -Werror -isystem %s/runtime "
                 "-o prog main.c -lpthread 2>cc.txt && ./prog 1 <in.bin >out1.bin && ./prog 3 <in.bin >out.bin && "
                 "cmp out1.bin out.bin",
                 cc, machine_find(opt.isa)->cflags, opt.bound ? "fast" : "off", getcwd(NULL, 0))
      : ctx_strf(k->c,
                 "%s -std=c99 -Wall -Wextra -pedantic -Wshadow -Wconversion -Werror -ffreestanding -nostdlib "
                 "-c %s.c -o m.o 2>cc.txt && test -z \"$(nm -u m.o)\" && "
                 "cc -O0 -o prog main.c m.o 2>>cc.txt && ./prog <in.bin >out.bin",
                 cc, k->m->name);
  int status = system(ctx_strf(k->c, "cd %s && %s", k->dir, build));
  if (status != 0) {
    char *log = read_file(ctx_strf(k->c, "%s/cc.txt", k->dir), NULL);
    printf("%s [%s]: failed (%d) in %s\n%.1500s\n", k->what, cc, status, k->dir, log ? log : "");
    free(log);
    return false;
  }
  size_t n;
  char *out = read_file(ctx_strf(k->c, "%s/out.bin", k->dir), &n);
  bool same = out && compare(k, cc, out, n);
  free(out);
  return same;
}

/* ---- one file ---- */

static bool compile(Case *k, const char *path, bool fuse, Str *code, Str *header) {
  NativeEmitOptions native = {
    .machine = opt.isa ? machine_find(opt.isa) : NULL, .serial_cycles = 1, .contract = opt.fast};
  EmitOptions o = {.version = "test", .builtin = embed_text, .native = &native, .plain_forms = opt.plain};
  Artifacts out;
  k->ref = read_graphs(k->c, path);
  k->m = k->ref ? read_graphs(k->c, path) : NULL;
  if (!k->m) return false;
  for (int i = 0; i < k->ref->ngraph; i++)
    for (Id n = 1; n < (Id)k->ref->graph[i]->n; n++) met[node_get(k->ref->graph[i], n)->op] = true;
  k->m->opt = (Options){.strict = !opt.fast,
                        .verify = true,
                        .off = fuse ? 0 : 1ull << PASS_fuse,
                        .panel = opt.isa ? 64 : 0,
                        .device = opt.cuda,
                        .sm = opt.sm,
                        .any_size = opt.sm};
  if (opt.f64) module_widen_f64(k->m);
  if (!passes_run(k->ref, &(PassRun){.list = "autodiff,precision"}) || !passes_run(k->m, &(PassRun){0}) ||
      !emit_program(k->m,
                    opt.cuda  ? &target_cuda
                    : opt.isa ? &target_native
                              : &target_portable,
                    &o, &out))
    return false;
  *code = out.code;
  *header = out.header;
  return true;
}

/* Everything that the compilers need, in a separate folder. */
static bool prepare(Case *k, const char *path, bool fuse) {
  Ctx *c = k->c;
  Str code = {.c = c}, header = {.c = c};
  if (!compile(k, path, fuse, &code, &header)) {
    diag_print(c, stdout, false);
    printf("%s: not compiled\n", k->what);
    return false;
  }
  k->in = interp_new(k->ref, opt.f64);
  for (int i = 0; i < k->ref->nsize && opt.size >= 0; i++)
    k->in->size[i] = opt.size < k->ref->size[i].bound ? opt.size : k->ref->size[i].bound;
  k->in->steps = 100;
  k->in->steps_per_epoch = 7;
  return ccheck_main(k) && !system(ctx_strf(c, "mkdir -p %s", k->dir)) &&
         write_file(ctx_strf(c, "%s/%s.%s", k->dir, k->m->name, opt.cuda ? "cu" : "c"), code.s, code.n) &&
         write_file(ctx_strf(c, "%s/%s.h", k->dir, k->m->name), header.s, header.n) &&
         write_file(ctx_strf(c, "%s/main.c", k->dir), k->main.s, k->main.n) &&
         write_file(ctx_strf(c, "%s/in.bin", k->dir), k->input.s, k->input.n);
}

static void check(const char *path, bool fuse) {
  Ctx *c = ctx_new();
  Case *k = calloc(1, sizeof *k);
  const char *tmp = getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp";
  k->c = k->input.c = k->expect.c = k->main.c = c;
  k->what = ctx_strf(c, "%s%s", path, fuse ? "" : " (fusion off)");
  k->dir = opt.keep_dir ? opt.keep_dir : ctx_strf(c, "%s/ccheck%d", tmp, (int)getpid());
  bool ok = prepare(k, path, fuse);
  failed += !ok;
  for (int i = 0; i < ncc && ok; i++) {
    if (run_one(k, cc_list[i])) passed++;
    else failed++;
  }
  if (k->in) interp_free(k->in);
  if (!opt.keep_dir && system(ctx_strf(c, "rm -rf %s", k->dir))) printf("cannot remove %s\n", k->dir);
  free(k);
  ctx_free(c);
}

int main(int argc, char **argv) {
  for (int i = 1; i < argc; i++) {
    if (!strncmp(argv[i], "--cc=", 5) && ncc < MAX_CC) cc_list[ncc++] = argv[i] + 5;
    else if (!strncmp(argv[i], "--isa=", 6)) opt.isa = argv[i] + 6;
    else if (!strncmp(argv[i], "--keep=", 7)) opt.keep_dir = argv[i] + 7;
    else if (!strcmp(argv[i], "--f64")) opt.f64 = true;
    else if (!strcmp(argv[i], "--extreme")) opt.extreme = true;
    else if (!strcmp(argv[i], "--fast")) opt.fast = true;
    else if (!strcmp(argv[i], "--bound")) opt.fast = opt.bound = true;
    else if (!strcmp(argv[i], "--near")) opt.fast = opt.near_enough = true;
    else if (!strcmp(argv[i], "--some")) opt.some = true;
    else if (!strcmp(argv[i], "--fused")) opt.fused = true;
    else if (!strcmp(argv[i], "--cuda")) opt.cuda = true;
    else if (!strcmp(argv[i], "--plain")) opt.plain = true;
    else if (!strcmp(argv[i], "--sm90")) opt.sm = 90;
    else if (!strncmp(argv[i], "--size=", 7)) opt.size = atoi(argv[i] + 7);
    else if (!strncmp(argv[i], "--skip=", 7)) opt.skip = argv[i] + 7;
  }
  if (!ncc) cc_list[ncc++] = "gcc -O0", cc_list[ncc++] = "gcc -O3", cc_list[ncc++] = "clang -O2";
  for (int i = 1; i < argc; i++)
    if (argv[i][0] != '-')
      for (int fuse = opt.fused; fuse < 2; fuse++) check(argv[i], fuse);
  for (int op = 1; op < OP_COUNT && !opt.some; op++)
    if (!met[op] && !opt.extreme && op_info[op].cls != CL_META) {
      printf("no graph has the op `%s`\n", op_info[op].name);
      failed++;
    }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
