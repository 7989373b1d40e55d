/* SPDX-License-Identifier: Apache-2.0 */
/* modules [--fast] [--sm90] [--write=DIR] [--arch=ARCH [--nvcc=PATH] [--cache=DIR]] FILE...: the CUDA modules of
 * each model (.nn) or graph (.ir). --write: as files DIR/STEM.N.cu, a line for each: its path, estimated milliseconds,
 * names of its kernels; then for each kernel of a step: `shape`, its name, threads of a block, bytes of shared memory.
 * --arch: compiled as gradc does it; every kernel is in the image of its module. Prints the number of kernels, of
 * modules, and a hash of the images; then `N passed, N failed`. */
#define _GNU_SOURCE
#include "codegen/jit/cuda_compile.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "tests/files.h"
#include <string.h>

static bool fast;
static int sm; /* Options.sm */
static const char *dir, *arch, *nvcc, *cache;
static int passed, failed;

static Module *load(Ctx *c, const char *path) {
  Loc start;
  size_t n = strlen(path);
  Options opt = {.strict = !fast, .device = true, .sm = sm};
  Module *m;
  opt.any_size = sm && n > 3 && !strcmp(path + n - 3, ".ir");
  if (!source_read(c, path, &start)) return NULL;
  if (n > 3 && !strcmp(path + n - 3, ".ir")) {
    m = ir_parse(c, start);
    if (!diag_errors(c)) m->opt = opt;
  } else {
    m = elaborate(c, start, path, &(ElabOptions){.builtin = embed_text, .opt = opt});
  }
  return diag_errors(c) || !passes_run(m, &(PassRun){0}) ? NULL : m;
}

static void write_modules(Ctx *c, const Artifacts *a, const char *path) {
  const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
  for (int i = 0; i < a->nmodule; i++) {
    const CudaModule *x = &a->module[i];
    const char *file = ctx_strf(c, "%s/%.*s.%d.cu", dir, (int)strcspn(base, "."), base, i);
    printf("%s\t%.0f", file, x->cost);
    for (int k = 0; k < x->nkernel; k++) printf("%c%s", k ? ' ' : '\t', x->kernel[k]);
    putchar('\n');
    if (!write_file(file, x->text.s, x->text.n)) perror(file);
  }
  for (int i = 0; i < a->step.n; i++)
    printf("shape\t%s\t%d\t%d\n", a->step.v[i].kernel, a->step.v[i].threads, a->step.v[i].shared_bytes);
}

/* The number of kernels of a module that its image has, as the section .text.NAME or as an entry of PTX. */
static int kernels_of(Ctx *c, const CudaModule *m, const JitBlob *image) {
  int n = 0;
  bool code = image->n > 4 && !memcmp(image->p, "\177ELF", 4);
  for (int i = 0; i < m->nkernel; i++) {
    const char *name = ctx_strf(c, code ? ".text.%s" : ".visible .entry %s", m->kernel[i]);
    n += memmem(image->p, image->n, name, strlen(name)) != NULL;
  }
  return n;
}

static void compile(Ctx *c, const Artifacts *a, const char *path) {
  JitBlob *image = ctx_array(c, a->nmodule, sizeof *image);
  CudaCompileOptions o = {.arch = arch, .strict = !fast, .nvcc = nvcc, .cache = cache};
  uint64_t hash = 0;
  int kernels = 0;
  bool good = cuda_compile(c, a, &o, image);
  for (int i = 0; i < a->nmodule && good; i++) {
    const CudaModule *m = &a->module[i];
    good = kernels_of(c, m, &image[i]) == m->nkernel;
    if (!good) printf("%s: module %d does not have all its kernels\n", path, i);
    kernels += m->nkernel;
    hash = hash_bytes(image[i].p, image[i].n, hash);
  }
  for (int i = 0; i < a->nmodule; i++) free(image[i].p);
  passed += good;
  failed += !good;
  printf("%s: %d kernels, %d modules, %016llx\n", path, kernels, a->nmodule, (unsigned long long)hash);
}

static void run(Ctx *c, void *arg) {
  const char *path = arg;
  Artifacts a;
  Module *m = load(c, path);
  if (!m || !emit_program(m, &target_cuda, &(EmitOptions){.builtin = embed_text}, &a)) {
    failed++;
    return;
  }
  if (dir) write_modules(c, &a, path);
  if (arch) compile(c, &a, path);
}

int main(int argc, char **argv) {
  const struct {
    const char *flag, **value;
  } option[] = {{"--write=", &dir}, {"--arch=", &arch}, {"--nvcc=", &nvcc}, {"--cache=", &cache}};
  for (int i = 1; i < argc; i++) {
    bool known = !strcmp(argv[i], "--fast");
    fast |= known;
    if (!strcmp(argv[i], "--sm90")) sm = 90, known = true;
    for (size_t k = 0; k < sizeof option / sizeof *option; k++) {
      size_t n = strlen(option[k].flag);
      if (strncmp(argv[i], option[k].flag, n)) continue;
      *option[k].value = argv[i] + n;
      known = true;
    }
    if (known) continue;
    Ctx *c = ctx_new();
    if (!ctx_try(c, run, argv[i])) failed++;
    diag_print(c, stderr, false);
    ctx_free(c);
  }
  if (arch) printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
