#include "codegen/jit/jit.h"
#include "codegen/jit/cache.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct Jit { const JitWay *way; void *code; };

/* One blob in the making. */
typedef struct Task {
  const JitJob *job;
  const JitWay *way;
  CacheKey key; /* of all units: the way's identity, the common flags */
  int unit;
  JitBlob blob;
  JitError error;
  bool well, threaded;
  pthread_t thread;
} Task;

static void add_text(CacheKey *k, const char *s) { cache_key_add(k, s, strlen(s)); }

static void add_unit(CacheKey *k, const JitUnit *u) {
  for (int i = 0; i < u->nflags; i++) add_text(k, u->flags[i]);
  cache_key_add(k, u->text, u->n);
}

static void *make(void *arg) {
  Task *t = arg;
  const JitJob *job = t->job;
  CacheKey k = t->key;
  if (!t->way->whole) add_unit(&k, &job->unit[t->unit]);
  for (int i = 0; i < job->nunit && t->way->whole; i++) add_unit(&k, &job->unit[i]);
  for (int i = 0; i < job->nobject && t->way->whole; i++) cache_key_add(&k, job->object[i].p, job->object[i].n);
  t->well = cache_get(job->cache, k, &t->blob);
  if (t->well) return NULL;
  t->well = t->way->compile(job, t->unit, &t->blob, &t->error);
  if (t->well) cache_put(job->cache, k, &t->blob);
  return NULL;
}

/* The last unit on this thread, and those for which there is none. */
static bool make_all(Task *t, int n, JitError *error) {
  bool well = true;
  for (int i = 0; i + 1 < n; i++) t[i].threaded = !pthread_create(&t[i].thread, NULL, make, &t[i]);
  for (int i = 0; i < n; i++)
    if (!t[i].threaded) make(&t[i]);
  for (int i = 0; i < n; i++) {
    if (t[i].threaded) pthread_join(t[i].thread, NULL);
    if (well && !t[i].well) *error = t[i].error;
    else free(t[i].error.text);
    well &= t[i].well;
  }
  return well;
}

static void *make_code(const JitJob *job, const JitWay *way, Task *t, JitBlob *blob, int n, JitError *error) {
  CacheKey key = cache_key();
  char *identity = way->identity(job);
  JitJob j = *job;
  if (identity) add_text(&key, identity);
  else j.cache = NULL;
  free(identity);
  for (int i = 0; i < job->nflags; i++) add_text(&key, job->flags[i]);
  for (int i = 0; i < n; i++) t[i] = (Task){.job = &j, .way = way, .key = key, .unit = i};
  bool well = make_all(t, n, error);
  for (int i = 0; i < n; i++) blob[i] = t[i].blob;
  void *code = well ? way->load(&j, blob, n, error) : NULL;
  for (int i = 0; i < n; i++) free(blob[i].p);
  return code;
}

Jit *jit_load(const JitJob *job, JitError *error) {
  const JitWay *way = job->only_cc ? NULL : jit_way_clang();
  if (!way) way = &jit_way_cc;
  int n = way->whole ? 1 : job->nunit;
  Jit *j = calloc(1, sizeof *j);
  Task *t = calloc((size_t)n, sizeof *t);
  JitBlob *blob = calloc((size_t)n, sizeof *blob);
  *error = (JitError){0};
  if (j && t && blob) *j = (Jit){way, make_code(job, way, t, blob, n, error)};
  free(t);
  free(blob);
  if (j && j->code) return j;
  free(j);
  return NULL;
}

const void *jit_symbol(const Jit *j, const char *name) { return j->way->symbol(j->code, name); }

void jit_free(Jit *j) {
  if (!j) return;
  j->way->free(j->code);
  free(j);
}

const char *jit_maker(const Jit *j) { return j->way->name; }

static void *load_way(void *arg) {
  jit_way_clang();
  return arg;
}

void jit_prepare(void) {
  pthread_t t;
  if (!pthread_create(&t, NULL, load_way, NULL)) pthread_detach(t);
}

bool jit_has_clang(void) { return jit_way_clang() != NULL; }

const char *jit_describe(void) {
  const JitWay *way = jit_way_clang();
  return way ? way->name : jit_way_cc.name;
}
