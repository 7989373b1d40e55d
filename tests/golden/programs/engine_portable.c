/* SPDX-License-Identifier: Apache-2.0 */
/* Portable C, strict: emitted by the command, compiled with wrappers that the script asks for, loaded. */
#include "golden.h"
#include <ctype.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Portable {
  void *so, *mem;
  char message[200];
} Portable;

static void *symbol(const Portable *p, const char *kind, const char *name) {
  char s[300];
  snprintf(s, sizeof s, "golden_%s_%s", kind, name);
  for (char *c = s; *c; c++)
    if (!isalnum((unsigned char)*c)) *c = '_';
  return dlsym(p->so, s);
}

static void *weight_at(const Portable *p, const char *weight) {
  const long *at = symbol(p, "at", weight);
  return at ? (char *)p->mem + *at : NULL;
}

static const char *set(void *state, const char *weight, const Array *a) {
  void *at = weight_at(state, weight), *bytes = array_bytes(a);
  if (at) memcpy(at, bytes, (size_t)a->count * kind_bytes(a->kind));
  free(bytes);
  return at ? NULL : "no such weight";
}

static const char *get(void *state, const char *weight, Array *a) {
  const void *at = weight_at(state, weight);
  if (at) array_take(a, at);
  return at ? NULL : "no such weight";
}

static const char *result(Portable *p, int status) {
  snprintf(p->message, sizeof p->message, "status %d", status);
  return status && status != -1 ? p->message : NULL;
}

static const char *call(void *state, const char *export, const Array *in, int nin, Array *out, int nout) {
  Portable *p = state;
  int (*fn)(void *, void **, void **) = (int (*)(void *, void **, void **))symbol(p, "call", export);
  void *x[MAX_ARRAYS], *y[MAX_ARRAYS];
  if (!fn) return "no such export";
  for (int i = 0; i < nin; i++) x[i] = array_bytes(&in[i]);
  for (int i = 0; i < nout; i++) y[i] = array_bytes(&out[i]);
  int status = fn(p->mem, x, y);
  for (int i = 0; i < nout; i++) array_take(&out[i], y[i]);
  for (int i = 0; i < nin; i++) free(x[i]);
  for (int i = 0; i < nout; i++) free(y[i]);
  return result(p, status);
}

static const char *step(void *state, const Array *field, int n) {
  Portable *p = state;
  int (*fn)(void *, void **) = (int (*)(void *, void **))symbol(p, "step", "");
  void *x[MAX_ARRAYS];
  if (!fn) return "no training step";
  for (int i = 0; i < n; i++) x[i] = array_bytes(&field[i]);
  int status = fn(p->mem, x);
  for (int i = 0; i < n; i++) free(x[i]);
  snprintf(p->message, sizeof p->message, "status %d", status);
  return status ? p->message : NULL;
}

static double loss(void *state) {
  Portable *p = state;
  double (*fn)(void *) = (double (*)(void *))symbol(p, "loss", "");
  return fn ? fn(p->mem) : 0;
}

/* ---- the wrappers ---- */

static void put_name(FILE *f, const char *s) {
  for (; *s; s++) fputc(isalnum((unsigned char)*s) ? *s : '_', f);
}

static void put_arguments(FILE *f, const char *what, int n) {
  for (int i = 0; i < n; i++) fprintf(f, ", %s[%d]", what, i);
}

/* Whether a wrapper is wanted that no earlier action asked for. */
static bool first_of(const Script *s, int i) {
  const Action *a = &s->v[i];
  if (a->act == A_PROGRAM || a->act == A_LOSS) return false;
  for (int k = 0; k < i; k++) {
    const Action *b = &s->v[k];
    bool weights = (a->act == A_SET || a->act == A_GET) && (b->act == A_SET || b->act == A_GET);
    if ((a->act == b->act || weights) && !strcmp(a->name, b->name)) return false;
  }
  return true;
}

static void put_call(FILE *f, const Action *a, const char *stem) {
  fprintf(f, "int golden_call_%s(void *mem, void **in, void **out);\n", a->name);
  fprintf(f, "int golden_call_%s(void *mem, void **in, void **out) {\n  (void)in;\n", a->name);
  fprintf(f, "  return %s_%s(mem", stem, a->name);
  put_arguments(f, "in", a->nin);
  put_arguments(f, "out", a->nout);
  fprintf(f, ");\n}\n");
}

static void put_step(FILE *f, const Action *a, const char *stem) {
  fprintf(f, "int golden_step_(void *mem, void **in);\nint golden_step_(void *mem, void **in) {\n  (void)in;\n");
  fprintf(f, "  return %s_train_step(mem", stem);
  put_arguments(f, "in", a->nin);
  fprintf(f, ");\n}\ndouble golden_loss_(void *mem);\n");
  fprintf(f, "double golden_loss_(void *mem) { return ((struct %s_run *)mem)->loss; }\n", stem);
}

static void put_place(FILE *f, const Action *a, const char *stem) {
  fprintf(f, "const long golden_at_");
  put_name(f, a->name);
  fprintf(f, " = %s_AT_", stem);
  put_name(f, a->name);
  fprintf(f, ";\n");
}

static void put_wrappers(FILE *f, const Script *s, const char *stem) {
  fprintf(f, "#include \"%s.h\"\nconst long golden_bytes_ = %s_BYTES;\n", stem, stem);
  fprintf(f, "void golden_init_(void *mem);\nvoid golden_init_(void *mem) { %s_init(mem, 0); }\n", stem);
  for (int i = 0; i < s->n; i++) {
    const Action *a = &s->v[i];
    if (!first_of(s, i)) continue;
    if (a->act == A_CALL) put_call(f, a, stem);
    else if (a->act == A_STEP) put_step(f, a, stem);
    else put_place(f, a, stem);
  }
}

static bool has_weights(const Script *s) {
  for (int i = 0; i < s->n; i++)
    if (s->v[i].act == A_SET || s->v[i].act == A_GET) return true;
  return false;
}

const char *engine_portable(Engine *e, const Source *s) {
  Portable *p = calloc(1, sizeof *p);
  const char *slash = strrchr(s->nn, '/'), *base = slash ? slash + 1 : s->nn;
  char stem[100], cmd[2000];
  *e = (Engine){false, p, set, get, call, step, loss};
  snprintf(stem, sizeof stem, "%.*s", (int)strcspn(base, "."), base);
  snprintf(cmd, sizeof cmd, "%s/%s_wrap.c", s->dir, stem);
  FILE *f = fopen(cmd, "w");
  if (!f) return "the wrappers cannot be written";
  put_wrappers(f, s->script, stem);
  fclose(f);
  /* Weights are written row-major, so no other order may be stored; without any, images may be channels-last. */
  const char *rows = has_weights(s->script) ? "--no-layout" : "";
  snprintf(cmd, sizeof cmd,
           "{ '%s' emit --c --fp=strict %s '%s' -o '%s' && cd '%s' && "
           "%s -ffp-contract=off -w -shared -fPIC -o %s.so %s.c %s_wrap.c; } >'%s/portable.log' 2>&1 || "
           "{ cat '%s/portable.log'; false; }",
           s->gradc, rows, s->nn, s->dir, s->dir, s->cc, stem, stem, stem, s->dir, s->dir);
  if (system(cmd)) return "the C is not emitted, or does not compile";
  snprintf(cmd, sizeof cmd, "%s/%s.so", s->dir, stem);
  p->so = dlopen(cmd, RTLD_NOW | RTLD_LOCAL);
  if (!p->so) return dlerror();
  long bytes = *(const long *)symbol(p, "bytes", "");
  if (posix_memalign(&p->mem, 64, (size_t)bytes + 64)) return "out of memory";
  ((void (*)(void *))symbol(p, "init", ""))(p->mem);
  return NULL;
}
