/* SPDX-License-Identifier: Apache-2.0 */
/* emit DIR FILE...: writes all that is generated from each model (.nn) or module (.ir) into DIR, for tests/samec.sh:
 * the final IR, portable C with its header, portable C of inference only, and the native C of several machines in
 * strict and in fast mode, and CUDA. For a file that is refused it writes the errors instead. */
#include "codegen/c/native.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "tests/files.h"
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct Form {
  const char *name, *isa;     /* isa NULL: portable */
  bool fast, infer, parallel; /* parallel: kernels of little work are partitioned, too */
  bool cuda;
} Form;
static const Form forms[] = {
  {"portable", NULL, false, false, false, false},    {"infer", NULL, false, true, false, false},
  {"generic", "generic", false, false, true, false}, {"avx512", "avx512", false, false, false, false},
  {"avx2-fast", "avx2", true, false, true, false},   {"neon-fast", "neon", true, false, false, false},
  {"cuda", NULL, false, false, false, true},
};

typedef struct Job {
  const Form *form;
  const char *path, *to;
} Job;

static Module *load(Ctx *c, const Job *j) {
  Loc start;
  size_t n = strlen(j->path);
  Options opt = {.strict = !j->form->fast, .infer_only = j->form->infer, .device = j->form->cuda};
  Module *m;
  if (!source_read(c, j->path, &start)) return NULL;
  if (n > 3 && !strcmp(j->path + n - 3, ".ir")) {
    m = ir_parse(c, start);
    if (!diag_errors(c)) m->opt.strict = opt.strict, m->opt.device = opt.device;
  } else {
    m = elaborate(c, start, j->path, &(ElabOptions){.builtin = embed_text, .opt = opt});
  }
  return diag_errors(c) || !passes_run(m, &(PassRun){0}) ? NULL : m;
}

static bool emit(Ctx *c, const Job *j, Module *m) {
  Artifacts a;
  Str ir = {.c = c};
  NativeEmitOptions native = {.contract = j->form->fast, .serial_cycles = j->form->parallel ? 1 : 0};
  EmitOptions o = {.builtin = embed_text, .dir = ".", .header = "model.h", .native = &native};
  if (j->form->isa) native.machine = machine_find(j->form->isa), native.separate_gemm = true;
  const Target *target = j->form->cuda ? &target_cuda : j->form->isa ? &target_native : &target_portable;
  if (!emit_program(m, target, &o, &a)) return false;
  ir_print(&ir, m);
  return write_file(ctx_strf(c, "%s.c", j->to), a.code.s, a.code.n) &&
         write_file(ctx_strf(c, "%s.h", j->to), a.header.s, a.header.n) &&
         write_file(ctx_strf(c, "%s.gemm.c", j->to), a.gemm_unit.s, a.gemm_unit.n) &&
         write_file(ctx_strf(c, "%s.ir", j->to), ir.s, ir.n);
}

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = load(c, j);
  if (m && emit(c, j, m)) return;
  FILE *f = fopen(ctx_strf(c, "%s.err", j->to), "w");
  diag_print(c, f, false);
  fclose(f);
}

static void one(const char *dir, const char *path) {
  char to[4096];
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    int n = snprintf(to, sizeof to, "%s/%s.%s", dir, path, forms[i].name);
    for (char *s = to + strlen(dir) + 1; s < to + n; s++) *s = *s == '/' ? '+' : *s;
    Job j = {&forms[i], path, to};
    Ctx *c = ctx_new();
    if (!ctx_try(c, job, &j)) write_file(to, "no memory\n", 10);
    ctx_free(c);
  }
}

int main(int argc, char **argv) {
  for (int i = 2; i < argc; i++) {
    pid_t p = fork(); /* so that a crash is one file's */
    if (!p) one(argv[1], argv[i]), exit(0);
    int status = 0;
    waitpid(p, &status, 0);
    if (status) fprintf(stderr, "%s: status %d\n", argv[i], status);
  }
}
