/* SPDX-License-Identifier: Apache-2.0 */
/* A program by every way to compute it: the strict interpreter before and after passes, native and portable C, fast
 * code against float64, gradients against difference quotients. */
#include "codegen/c/machine.h"
#include "codegen/target.h"
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/analysis/budget.h"
#include "passes/transform/strip.h"
#include "tests/random/nn/nn.h"
#include <stdlib.h>
#include <string.h>

void nn_refused(Ctx *c, const char *what, Why *why) {
  DiagView v;
  const Diag *d;
  for (int i = 0; diag_view(c, i, &v, &d); i++) {
    if (v.warn) continue;
    snprintf(why->text, sizeof why->text, "E%04d %s: line %d: %.480s", v.code, what, v.at.line, v.msg);
    return;
  }
  snprintf(why->text, sizeof why->text, "%s: out of memory", what);
}

Module *nn_module(Ctx *c, const char *text, const Options *opt, Why *why) {
  Loc start = source_add(c, "random.nn", text, strlen(text));
  Module *m = elaborate(c, start, "random.nn", &(ElabOptions){.opt = *opt, .builtin = embed_text});
  if (!diag_errors(c) && !ir_verify(m)) return m;
  nn_refused(c, "refused", why);
  return NULL;
}

/* ---- one way ---- */

typedef enum How { PLAIN, INTERPRET, NATIVE, PORTABLE } How;
typedef struct Way {
  How how;
  bool strict;
  uint64_t off;
  int64_t ram;
  const char *isa;   /* native */
  const char *flags; /* portable */
} Way;
typedef struct Job {
  const char *text;
  uint64_t seed;
  Way way;
  const Trace *want; /* strict: what must come out; NULL: it is the first */
  Trace first;
  Bounds *bounds; /* fast */
  int64_t bytes;  /* of the plan */
  Why *why;
  bool ok;
} Job;

static const char *describe(Ctx *c, const Way *w) {
  Str s = {.c = c};
  str_puts(&s, w->how == NATIVE ? "native" : w->how == PORTABLE ? "portable" : "interpreted");
  if (w->how == NATIVE) str_printf(&s, " %s", w->isa);
  if (!w->strict) str_puts(&s, " fast");
  if (w->ram) str_printf(&s, " --ram=%lld", (long long)w->ram);
  for (int p = 0; p < PASS_COUNT; p++)
    if (w->off >> p & 1) str_printf(&s, " --no-%s", pass_info[p].name);
  return s.s;
}

static bool reprints(Module *m, const char *how, Why *why) {
  Str s = {.c = m->c}, again = {.c = m->c};
  Ctx *c = ctx_new();
  ir_print(&s, m);
  Module *read = ir_parse(c, source_add(c, "random.ir", s.s, s.n));
  bool ok = !diag_errors(c);
  if (ok) ir_print(&again, read);
  else nn_refused(c, "printed IR is not read", why);
  if (ok && strcmp(s.s, again.s)) {
    size_t at = 0;
    while (s.s[at] == again.s[at]) at++;
    ok = false;
    snprintf(why->text, sizeof why->text, "printed, read, printed (%.80s): byte %zu differs: %.60s", how, at,
             s.s + (at > 30 ? at - 30 : 0));
  }
  ctx_free(c);
  return ok;
}

static Trace traced(Ctx *c) { return (Trace){.c = c}; }

static void run_way(Ctx *c, void *arg) {
  Job *j = arg;
  const Way *w = &j->way;
  Options opt = {
    .strict = w->strict, .verify = true, .off = w->off, .ram = w->ram, .panel = w->how == NATIVE ? PANEL_WIDTH : 0};
  const char *how = describe(c, w);
  Module *m = nn_module(c, j->text, &opt, j->why);
  if (!m || !reprints(m, "as elaborated", j->why)) return;
  if (w->how == NATIVE || w->how == PORTABLE) module_drop_tests(m);
  if (!passes_run(m, &(PassRun){.list = w->how == PLAIN ? "autodiff,precision" : NULL})) {
    nn_refused(c, how, j->why);
    return;
  }
  j->bytes = m->total_bytes;
  if (w->ram > 1 && !budget_met(m)) {
    nn_refused(c, how, j->why);
    return;
  }
  if (!reprints(m, how, j->why)) return;
  Code *code = w->how == NATIVE     ? code_native(m, w->isa, j->why)
               : w->how == PORTABLE ? code_portable(m, w->flags, j->why)
                                    : NULL;
  if (!code && w->how >= NATIVE) return;
  Trace one = traced(c), three = traced(c);
  bool first = !j->want && !j->bounds;
  j->ok = trace_program(interp_new(m, false), code, 1, 0, j->seed, first ? &j->first : &one, j->why);
  if (j->ok && j->want) j->ok = trace_same(j->want, &one, how, j->why);
  if (j->ok && j->bounds) j->ok = bounds_keep(j->bounds, &one, how, j->why);
  if (j->ok && w->how == NATIVE)
    j->ok = trace_program(interp_new(m, false), code, 3, 0, j->seed, &three, j->why) &&
            trace_same(&one, &three, ctx_strf(c, "%s, by 3 threads and by one", how), j->why);
  code_free(code);
}

static bool try_way(Job *j, Way w) {
  Ctx *c = ctx_new();
  j->way = w;
  j->ok = false;
  if (!ctx_try(c, run_way, j) && !j->why->text[0])
    snprintf(j->why->text, sizeof j->why->text, "%s: out of memory", describe(c, &w));
  ctx_free(c);
  return j->ok;
}

/* ---- all of them ---- */

const char *nn_isa(Gen *r) {
  const char *name[20] = {"native", "native"};
  int n = 2;
  for (int i = 0; machine_at(i) && n < 20; i++)
    if (machine_here(machine_at(i)) && machine_runs(machine_at(i))) name[n++] = machine_at(i)->name;
  return name[rnd(r, (uint32_t)n)];
}

/* On integers, the integers and bools of fast code are those of strict code. */
static bool integers_same(const Trace *want, const Trace *got, Why *why) {
  Trace ints = {.c = got->c};
  for (int i = 0; i < got->n; i++)
    if (!dtype_is_float(got->item[i].t)) *VEC_PUSH(ints.c, ints.item, ints.n, ints.cap) = got->item[i];
  return ints.n == 0 || trace_same(want, &ints, "fast, of integers", why);
}

static void fast_whole(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = nn_module(c, j->text, &(Options){.panel = PANEL_WIDTH}, j->why);
  if (m && !passes_run(m, &(PassRun){0})) nn_refused(c, "fast", j->why), m = NULL;
  if (!m) return;
  Code *code = code_native(m, "native", j->why);
  Trace t = traced(c);
  j->ok =
    code && trace_program(interp_new(m, false), code, 1, 0, j->seed, &t, j->why) && integers_same(j->want, &t, j->why);
  code_free(code);
}

static bool check_integers(Job *j) {
  Ctx *c = ctx_new();
  j->ok = false;
  ctx_try(c, fast_whole, j);
  ctx_free(c);
  return j->ok;
}

/* The text without its hints of @checkpoint, which change no bit. */
static char *unhinted(const char *text) {
  static const char hint[] = "@checkpoint\n";
  char *t = strdup(text);
  for (char *p = t; (p = strstr(p, hint));) {
    char *from = p;
    while (from > t && from[-1] == ' ') from--;
    memmove(from, p + sizeof hint - 1, strlen(p + sizeof hint - 1) + 1);
    p = from;
  }
  return t;
}

static bool check_unhinted(Job *j) {
  char *t = unhinted(j->text);
  Job k = {.text = t, .seed = j->seed, .want = j->want, .why = j->why};
  bool ok = !strcmp(t, j->text) || try_way(&k, (Way){.how = INTERPRET, .strict = true});
  free(t);
  return ok;
}

static const char *const portable_flags[] = {"-O0", "-O1", "-O1 -fsanitize=undefined -fsanitize-trap=undefined"};

bool nn_check(const char *text, uint64_t seed, Why *why) {
  Gen r = gen_of(seed, 8);
  uint64_t all = 0;
  for (int p = 0; p < PASS_COUNT; p++)
    if (pass_info[p].kind != PASS_LOWERING) all |= (uint64_t)1 << p;
  uint64_t some = rnd(&r, 1 << 16) & rnd(&r, 1 << 16) & all,
           few = chance(&r, 50) ? 0 : all & ~((uint64_t)1 << rnd(&r, PASS_COUNT));
  Ctx *c = ctx_new();
  Job j = {.text = text, .seed = seed, .first = {.c = c}, .why = why};
  bool ok = try_way(&j, (Way){.how = PLAIN, .strict = true});
  if (!ok && !strncmp(why->text, "E0314", 5)) return ctx_free(c), true; /* the loss depends on no weight */
  Trace want = j.first;
  j.want = &want;
  ok = ok && try_way(&j, (Way){.how = INTERPRET, .strict = true});
  int64_t max = j.bytes;
  ok = ok && try_way(&j, (Way){.how = INTERPRET, .strict = true, .off = chance(&r, 50) ? few : some});
  int64_t ram = 0;
  if (ok && chance(&r, 40)) { /* a budget between the smallest that works and that of the full plan */
    ok = try_way(&j, (Way){.how = INTERPRET, .strict = true, .ram = 1});
    ram = j.bytes + (int64_t)(rnd(&r, 101) * (max - j.bytes) / 100);
  }
  ok =
    ok &&
    try_way(
      &j, (Way){.how = NATIVE, .strict = true, .off = ram || chance(&r, 70) ? 0 : some, .isa = nn_isa(&r), .ram = ram});
  ok = ok && try_way(&j, (Way){.how = PORTABLE,
                               .strict = true,
                               .off = ram || chance(&r, 60) ? 0 : few,
                               .ram = ram,
                               .flags = portable_flags[rnd(&r, 3)]});
  ok = ok && check_unhinted(&j);
  if (ok && strstr(text, "whole")) ok = check_integers(&j);
  j.bounds = ok ? bounds_make(text, seed, why) : NULL;
  j.want = NULL;
  ok = ok && j.bounds && bounds_keep(j.bounds, &want, "strict", why);
  ok =
    ok &&
    try_way(&j, (Way){.how = NATIVE, .isa = chance(&r, 60) ? "native" : nn_isa(&r), .off = chance(&r, 80) ? 0 : some});
  bounds_free(j.bounds);
  ok = ok && nn_gradients(text, seed, why);
  ctx_free(c);
  return ok;
}
