#include "codegen/jit/compile.h"
#include <stdlib.h>
#include <string.h>

enum { E_WRITE = 502, E_CC_RUN = 503, E_CC = 504 };

static void flag(Ctx *c, Flags *f, const char *s) { *VEC_PUSH(c, f->v, f->n, f->cap) = s; }

static void put_flags(Ctx *c, Flags *f, const char *s) { /* separated by blanks */
  while (s && *s) {
    size_t n = strcspn(s, " \t\n");
    if (n) flag(c, f, ctx_intern(c, s, n));
    s += n + strspn(s + n, " \t\n");
  }
}

bool compile_text(Module *m, CompileOptions *o, Str *text, Flags *flags) {
  Ctx *c = m->c;
  const char *isa = o->isa ? o->isa : "native";
  o->emit.machine = machine_find(isa);
  o->emit.contract = !m->opt.strict;
  put_flags(c, flags, "-std=gnu11 -O3 -fno-math-errno -fno-trapping-math -w");
  flag(c, flags, m->opt.strict ? "-ffp-contract=off" : "-ffp-contract=fast");
  if (o->emit.machine) put_flags(c, flags, o->emit.machine->cflags);
  else flag(c, flags, ctx_strf(c, "-march=%s", isa));
  put_flags(c, flags, o->cflags);
  return emit_native(m, &o->emit, text);
}

static void report(Ctx *c, const JitError *e) {
  if (!e->text) ctx_abort(c);
  if (e->fault == JIT_NO_COMPILER) {
    Diag *d = diag_error(c, E_CC_RUN, 0, 1, "the C compiler cannot be run: %s", e->text);
    diag_help(c, d, "install one (gcc or clang), or name one with --cc");
  } else if (e->fault == JIT_REFUSED) {
    diag_error(c, E_CC, 0, 1, "the C compiler refused the generated program: %s", e->text);
  } else {
    diag_error(c, E_WRITE, 0, 1, "%s", e->text);
  }
}

Jit *compile_jit(Module *m, CompileOptions *o) {
  Str text = {.c = m->c};
  Flags flags = {0};
  JitError error;
  if (!compile_text(m, o, &text, &flags)) return NULL;
  JitJob job = {.text = text.s, .n = text.n, .parts = NATIVE_PARTS, .flags = flags.v, .nflags = flags.n,
                .cc = o->cc, .cache = o->cache, .only_cc = o->only_cc};
  Jit *j = jit_load(&job, &error);
  if (j) return j;
  report(m->c, &error);
  o->fault = error.fault;
  free(error.text);
  return NULL;
}
