/* SPDX-License-Identifier: Apache-2.0 */
/* programs ENGINE GRADC CC DIR FILE.nn FILE.txt: performs the script on what the engine makes of FILE.nn.
 * ENGINE: double (the interpreter), portable (strict C), native, strict (native). The last line counts programs:
 * `N passed, N failed`. */
#include "golden.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Tally {
  const char *engine, *program;
  int passed, failed, reported;
  bool ok;
} Tally;

static void close_program(Tally *t) {
  if (!t->program) return;
  t->passed += t->ok;
  t->failed += !t->ok;
}

static void say(Tally *t, const char *what, int i, const char *why) {
  if (t->ok) printf("FAIL  %s (%s)\n", t->program, t->engine), t->reported = 0;
  t->ok = false;
  if (t->reported++ < 4) printf("      %s %d: %s\n", what, i, why);
}

static bool equal(double got, double want, double tol, bool signed_zeros) {
  if (isnan(want)) return isnan(got);
  if (isinf(want) || isinf(got) || isnan(got)) return got == want;
  if (signed_zeros && want == 0 && (got != 0 || !signbit(got) != !signbit(want))) return false;
  return fabs(got - want) <= tol;
}

static void compare(Tally *t, const Engine *e, const char *what, int number, const Expected *x, const double *got) {
  for (int64_t i = 0; i < x->want.count; i++) {
    double want = !e->f64 && x->single ? x->single[i] : x->want.v[i];
    double tol = x->tol ? x->tol[i] / (e->f64 || x->want.kind == K_F64 ? x->ratio : 1) : 0;
    if (equal(got[i], want, tol, x->signed_zeros)) continue;
    char why[160];
    snprintf(why, sizeof why, "[%d] is %.9g, PyTorch has %.9g (%.2g off, bound %.2g)", (int)i, got[i], want,
             fabs(got[i] - want), tol);
    say(t, what, number, why);
    return;
  }
}

static void perform(Tally *t, const Engine *e, Action *a) {
  Array out[MAX_ARRAYS];
  const char *why = NULL;
  for (int i = 0; i < a->nout; i++) out[i] = a->out[i].want, out[i].v = NULL;
  switch (a->act) {
  case A_PROGRAM:
    close_program(t);
    t->program = a->name;
    t->ok = true;
    return;
  case A_SET: why = e->set(e->state, a->name, &a->in[0]); break;
  case A_CALL: why = e->call(e->state, a->name, a->in, a->nin, out, a->nout); break;
  case A_STEP: why = e->step(e->state, a->in, a->nin); break;
  case A_GET: why = e->get(e->state, a->name, &out[0]); break;
  case A_LOSS:
    out[0].v = malloc(sizeof(double));
    *out[0].v = e->loss(e->state);
    break;
  }
  const char *what = a->act == A_CALL ? "result" : a->act == A_LOSS ? "loss" : a->name;
  if (why) say(t, what, a->line, why);
  for (int i = 0; i < a->nout && !why; i++)
    compare(t, e, what, a->act == A_CALL ? i + 1 : a->line, &a->out[i], out[i].v);
  for (int i = 0; i < a->nout; i++) free(out[i].v);
}

static const char *open_engine(Engine *e, const char *name, const Source *s) {
  if (!strcmp(name, "double")) return engine_double(e, s);
  if (!strcmp(name, "portable")) return engine_portable(e, s);
  if (!strcmp(name, "native")) return engine_native(e, s, false);
  if (!strcmp(name, "strict")) return engine_native(e, s, true);
  return "no such engine";
}

int main(int argc, char **argv) {
  if (argc != 7) return fprintf(stderr, "programs ENGINE GRADC CC DIR FILE.nn FILE.txt\n"), 2;
  Script script = script_read(argv[6]);
  Source s = {.gradc = argv[2], .cc = argv[3], .dir = argv[4], .nn = argv[5], .script = &script};
  Engine e;
  Tally t = {.engine = argv[1]};
  int programs = 0;
  for (int i = 0; i < script.n; i++) programs += script.v[i].act == A_PROGRAM;
  const char *why = open_engine(&e, argv[1], &s);
  if (why) {
    printf("FAIL  %s (%s): %s\n0 passed, %d failed\n", argv[5], argv[1], why, programs);
    return 1;
  }
  for (int i = 0; i < script.n; i++) perform(&t, &e, &script.v[i]);
  close_program(&t);
  printf("%d passed, %d failed\n", t.passed, t.failed);
  return t.failed != 0;
}
