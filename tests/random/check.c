/* SPDX-License-Identifier: Apache-2.0 */
/* A module in the strict interpreter: with passes off, on, in random subsets, always the same bits; and its text. */
#include "random.h"
#include "codegen/check.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool fail(Why *why, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vsnprintf(why->text, sizeof why->text, fmt, ap);
  va_end(ap);
  return false;
}

/* The first diagnostics of c, as the reason. */
static void why_diag(Ctx *c, Why *why) {
  FILE *f = tmpfile();
  if (!f) return;
  diag_print(c, f, false);
  rewind(f);
  why->text[fread(why->text, 1, sizeof why->text - 1, f)] = 0;
  fclose(f);
}

Module *read_module(Ctx *c, const char *text, uint64_t off, bool strict, Why *why) {
  Module *m = ir_parse(c, source_add(c, "random.ir", text, strlen(text)));
  m->opt = (Options){.strict = strict, .verify = true, .off = off};
  if (!diag_errors(c)) ir_verify(m);
  if (!diag_errors(c)) return m;
  why_diag(c, why);
  return NULL;
}

/* ---- values ---- */

static double sample(Gen *r, DType t, int specials) {
  static const double special[] = {0, -0.0, INFINITY, -INFINITY, NAN, 1e-42, 1e30, -1e-30};
  if (t == DT_BOOL) return rnd(r, 2);
  if (t == DT_I64 && chance(r, 15)) return ldexp((double)rnd(r, 1u << 20) - (1 << 19), (int)rnd(r, 44));
  if (!dtype_is_float(t)) return chance(r, 90) ? (double)rnd(r, 6) - 1 : (double)rnd(r, 100000) - 50000;
  if (chance(r, specials)) return special[rnd(r, 8)];
  return (double)(rnd(r, 2001)) / 500 - 2;
}

static void fill(Val *v, Gen r, int64_t range, int specials) {
  for (int64_t i = 0; i < v->count; i++)
    val_set(v, i, range ? (double)rnd(&r, (uint32_t)range) : sample(&r, v->type, specials));
}

/* One seed in four has infinities and NaN; not more, because they hide other differences. */
static int specials_of(uint64_t seed) { return seed % 4 ? 0 : 10; }

void fill_ports(Interp *in, const Graph *g, uint64_t seed, const int64_t *range, Val **port) {
  for (int p = 0; p < g->nport; p++) {
    port[p] = interp_value(in, node_get(g, g->port[p])->type);
    if (port[p]) fill(port[p], gen_of(seed, 100 + (uint64_t)p), range ? range[p] : 0, specials_of(seed));
  }
}

void fill_vars(Interp *in, uint64_t seed) {
  for (int v = 0; v < in->m->nvar; v++) {
    Val *x = interp_value(in, in->m->var[v].type);
    if (x) fill(x, gen_of(seed, 200 + (uint64_t)v), 0, specials_of(seed) / 2);
    interp_set_var(in, v, x);
  }
}

Interp *reference(Module *m, uint64_t seed, const int64_t *size) {
  Interp *in = interp_new(m, false);
  in->seed = seed;
  in->step = 4;
  in->steps = 10;
  in->steps_per_epoch = 3;
  for (int s = 0; s < m->nsize; s++) in->size[s] = size[s];
  fill_vars(in, seed);
  return in;
}

bool same_bits(DType t, const void *a, const void *b, int64_t count, int64_t *at) {
  size_t bytes = (size_t)dtype_info[t].bytes;
  for (int64_t i = 0; i < count; i++) {
    const char *x = (const char *)a + (size_t)i * bytes, *y = (const char *)b + (size_t)i * bytes;
    if (!memcmp(x, y, bytes)) continue;
    float f = 0, g = 0;
    double d = 0, e = 0;
    if (t == DT_F32) memcpy(&f, x, 4), memcpy(&g, y, 4);
    if (t == DT_F64) memcpy(&d, x, 8), memcpy(&e, y, 8);
    if ((isnan(f) && isnan(g)) || (isnan(d) && isnan(e))) continue;
    *at = i;
    return false;
  }
  return true;
}

/* ---- one run ---- */

typedef struct Run {
  Val **v;
  const char **name;
  int n, cap;
  Ctx *c;
} Run; /* c: has the values and the names */

static void run_add(Run *r, Val *v, const char *name) {
  if (r->n == r->cap) {
    r->cap = r->cap ? 2 * r->cap : 32;
    r->v = realloc(r->v, (size_t)r->cap * sizeof *r->v);
    r->name = realloc(r->name, (size_t)r->cap * sizeof *r->name);
  }
  r->v[r->n] = v;
  r->name[r->n++] = name;
}

/* All results, then all weights, of each graph that is no body, on inputs from the seed. */
static bool run_module(Interp *in, uint64_t seed, Run *run, Why *why) {
  Module *m = in->m;
  for (int i = 0; i < m->ngraph; i++) {
    Graph *g = m->graph[i];
    if (g->kind == GK_BODY) continue;
    Val *port[64] = {0}, *result[64] = {0};
    fill_vars(in, seed);
    fill_ports(in, g, seed, NULL, port);
    bool ok = interp_run(in, g, port, result);
    for (int p = 0; p < g->nport; p++) val_release(port[p]);
    if (!ok) return fail(why, "%s: %s", g->name, in->error);
    for (int o = 0, k = 0; o < g->nout; o++)
      if (g->out[o].var < 0) run_add(run, result[k++], ctx_strf(m->c, "%s: %s", g->name, g->out[o].name));
    for (int v = 0; v < m->nvar; v++)
      run_add(run, val_retain(in->var[v]), ctx_strf(m->c, "%s: \"%s\"", g->name, m->var[v].name));
  }
  return true;
}

static bool same_run(const Run *a, const Run *b, Why *why) {
  int64_t at = 0;
  if (a->n != b->n) return fail(why, "%d results became %d", a->n, b->n);
  for (int i = 0; i < a->n; i++) {
    const Val *x = a->v[i], *y = b->v[i];
    if (x->type != y->type || x->count != y->count) return fail(why, "%s has another type", a->name[i]);
    if (!same_bits(x->type, x->data, y->data, x->count, &at))
      return fail(why, "%s[%lld] is %.9g, was %.9g", a->name[i], (long long)at, val_get(y, at), val_get(x, at));
  }
  return true;
}

static void run_free(Run *r) {
  free(r->v);
  free(r->name);
  if (r->c) ctx_free(r->c);
}

/* ---- texts ---- */

static bool reprints(const char *text, size_t n, Why *why) {
  Ctx *c = ctx_new();
  Module *m = ir_parse(c, source_add(c, "random.ir", text, n));
  Str s = {.c = c};
  bool ok = !diag_errors(c);
  if (!ok) why_diag(c, why);
  if (ok) ir_print(&s, m);
  if (ok && (s.n != n || memcmp(s.s, text, n))) {
    size_t at = 0;
    while (at < n && at < s.n && s.s[at] == text[at]) at++;
    ok = fail(why, "printed, read, printed: byte %zu differs: %.60s", at, text + (at > 30 ? at - 30 : 0));
  }
  ctx_free(c);
  return ok;
}

static void dumped(void *arg, int number, const char *pass, const char *text, size_t n) {
  Why w = {.text = ""}, *why = arg;
  (void)number;
  if (!why->text[0] && !reprints(text, n, &w)) snprintf(why->text, sizeof why->text, "after %s: %.500s", pass, w.text);
}

/* ---- configurations ---- */

typedef struct Job {
  const char *text;
  uint64_t seed, off;
  int64_t ram;
  bool strict;
  const char *list;
  Run *run;
  Interp *in;
  Why *why;
  bool ok;
} Job;

static void job(Ctx *c, void *arg) {
  Job *j = arg;
  Module *m = read_module(c, j->text, j->off, j->strict, j->why);
  if (!m) return;
  const int64_t *size = admitted_sizes(m, j->seed); /* of the module as written: passes add no constraint */
  if (!size) {
    fail(j->why, "its graphs admit no sizes together");
    return;
  }
  m->opt.ram = j->ram;
  PassRun passes = {.list = j->list, .dump_after = "all", .dump = dumped, .dump_arg = j->why};
  if (!passes_run(m, &passes) || (!j->list && plan_check(m))) {
    why_diag(c, j->why);
    return;
  }
  if (j->why->text[0]) return;
  j->in = reference(m, j->seed, size);
  j->ok = run_module(j->in, j->seed, j->run, j->why);
}

/* The reference (want->n is 0) or a configuration that must agree with it; a fast one must only run. */
static bool run_config(const char *text, uint64_t seed, uint64_t off, int64_t ram, bool strict, Run *want, Why *why) {
  Ctx *c = ctx_new();
  Run got = {0};
  bool first = !want->n;
  Job j = {.text = text,
           .seed = seed,
           .off = off,
           .ram = ram,
           .strict = strict,
           .run = first ? want : &got,
           .why = why,
           .list = first ? "autodiff,precision" : NULL};
  bool ok = ctx_try(c, job, &j) && j.ok;
  Why inner = {.text = ""};
  if (ok && !first && strict && !same_run(want, &got, &inner)) {
    ok = false;
    Str s = {.c = c};
    for (int p = 0; p < PASS_COUNT; p++)
      if (off >> p & 1) str_printf(&s, " --no-%s", pass_info[p].name);
    fail(why, "other bits%s%s: %s", s.s ? s.s : " with all passes on", ram ? ", under the smallest budget" : "",
         inner.text);
  }
  if (first) want->c = c;
  else got.c = c, run_free(&got);
  return ok;
}

bool check_interp(const char *text, uint64_t seed, Why *why) {
  uint64_t all = 0;
  for (int p = 0; p < PASS_COUNT; p++)
    if (pass_info[p].kind != PASS_LOWERING) all |= (uint64_t)1 << p;
  Gen r = gen_of(seed, 2);
  uint64_t one = (uint64_t)1 << rnd(&r, PASS_COUNT);
  uint64_t off[] = {0, all, rnd(&r, 1 << 16) & all, rnd(&r, 1 << 16) & all, all & ~one};
  Run want = {0};
  if (!reprints(text, strlen(text), why)) return false;
  if (!run_config(text, seed, 0, 0, true, &want, why)) return run_free(&want), false;
  bool ok = true;
  for (size_t i = 0; i < sizeof off / sizeof *off && ok && want.n; i++)
    ok = run_config(text, seed, off[i], 0, true, &want, why);
  if (ok && want.n && seed % 4 == 0) ok = run_config(text, seed, off[seed / 4 % 5], 1, true, &want, why);
  if (ok && want.n) ok = run_config(text, seed, 0, 0, false, &want, why);
  run_free(&want);
  return ok;
}
