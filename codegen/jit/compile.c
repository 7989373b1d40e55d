#include "codegen/jit/compile.h"
#include <stdlib.h>
#include <string.h>

const char *const native_part[NATIVE_PARTS] = {"-DGC_PART=0", "-DGC_PART=1"};
enum { E_WRITE = 502, E_CC_RUN = 503, E_CC = 504 };

static void flag(Ctx *c, Flags *f, const char *s) { *VEC_PUSH(c, f->v, f->n, f->cap) = s; }

static void put_flags(Ctx *c, Flags *f, const char *s) { /* separated by blanks */
  while (s && *s) {
    size_t n = strcspn(s, " \t\n");
    if (n) flag(c, f, ctx_intern(c, s, n));
    s += n + strspn(s + n, " \t\n");
  }
}

/* The object of the contractions that gradc carries, for the very text and no flags of the user's. */
static JitObject find_object(Ctx *c, const CompileOptions *o, const Str *sums) {
  JitObject b = {0};
  if (!sums->n || !o->emit.machine || o->cflags || o->foreign) return b;
  b.p = o->emit.carried(ctx_strf(c, "sums/%016llx.obj", (unsigned long long)hash_bytes(sums->s, sums->n, 0)), &b.n);
  return b;
}

bool compile_text(Module *m, CompileOptions *o, NativeC *to) {
  Ctx *c = m->c;
  const char *isa = o->isa ? o->isa : "native";
  *to = (NativeC){.text = {.c = c}, .sums = {.c = c}};
  const Machine *row = machine_find(isa), *named = machine_of_march(isa);
  o->emit.machine = row ? row : named;
  o->emit.contract = !m->opt.strict;
  o->emit.sums = &to->sums;
  put_flags(c, &to->flags, "-std=gnu11 -fno-math-errno -fno-trapping-math -w -ffp-contract=off");
  /* Register tiles are written out: more optimisation than this only takes longer. */
  put_flags(c, &to->sums_flags, "-O1 -fexpensive-optimizations");
  if (!m->opt.strict) flag(c, &to->sums_flags, "-ffp-contract=fast");
  to->machine = to->flags.n;
  if (!row) flag(c, &to->flags, ctx_strf(c, "-march=%s", isa));
  put_flags(c, &to->flags, row ? row->cflags : named->tune);
  to->nmachine = to->flags.n - to->machine;
  put_flags(c, &to->flags, o->cflags);
  if (!emit_native(m, &o->emit, &to->text)) return false;
  to->object = find_object(c, o, &to->sums);
  return true;
}

const char *compile_cache(Ctx *c) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (xdg && *xdg == '/') return ctx_strf(c, "%s/gradc", xdg);
  return home && *home == '/' ? ctx_strf(c, "%s/.cache/gradc", home) : NULL;
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
  NativeC n;
  JitError error;
  JitUnit unit[NATIVE_PARTS + 1];
  int nunit = 0;
  if (!compile_text(m, o, &n)) return NULL;
  if (n.sums.n && !n.object.p) unit[nunit++] = (JitUnit){n.sums.s, n.sums.n, n.sums_flags.v, n.sums_flags.n};
  for (int i = 0; i < NATIVE_PARTS; i++) unit[nunit++] = (JitUnit){n.text.s, n.text.n, &native_part[i], 1};
  JitJob job = {.unit = unit, .nunit = nunit, .object = &n.object, .nobject = n.object.p != NULL, .flags = n.flags.v,
                .nflags = n.flags.n, .cc = o->cc, .cache = o->cache, .only_cc = o->only_cc};
  Jit *j = jit_load(&job, &error);
  if (j) return j;
  report(m->c, &error);
  o->fault = error.fault;
  free(error.text);
  return NULL;
}
