/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/jit/jit.h"
#include "codegen/jit/cache.h"
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct Jit {
  const JitBackend *backend;
  void *code;
};

/* The compilation of one blob. */
typedef struct Task {
  CacheKey key;
  JitBlob blob;
  JitError error;
  bool ok;
} Task;

/* Workers take tasks in their order. */
enum { MAX_WORKERS = 8 };
typedef struct Queue {
  const JitJob *job;
  const JitBackend *backend;
  Task *task;
  int n;
  atomic_int next;
} Queue;

static void add_text(CacheKey *k, const char *s) { cache_key_add(k, s, strlen(s)); }

static void add_unit(CacheKey *k, const JitUnit *u) {
  for (int i = 0; i < u->nflags; i++) add_text(k, u->flags[i]);
  cache_key_add(k, u->text, u->n);
}

static void add_all(CacheKey *k, const JitJob *job) {
  for (int i = 0; i < job->nunit; i++) add_unit(k, &job->unit[i]);
  for (int i = 0; i < job->nobject; i++) cache_key_add(k, job->object[i].p, job->object[i].n);
}

static void make(Queue *q, int unit) {
  Task *t = &q->task[unit];
  const JitJob *job = q->job;
  t->ok = cache_get(job->cache, t->key, &t->blob);
  if (t->ok) return;
  t->ok = q->backend->compile(job, unit, &t->blob, &t->error);
  if (t->ok) cache_put(job->cache, t->key, &t->blob);
}

static void *work(void *arg) {
  Queue *q = arg;
  for (int i; (i = atomic_fetch_add(&q->next, 1)) < q->n;) make(q, i);
  return NULL;
}

/* This thread works, too, so it does not matter whether others can be started. */
static void make_all(Queue *q) {
  pthread_t thread[MAX_WORKERS];
  bool started[MAX_WORKERS] = {false};
  long cores = sysconf(_SC_NPROCESSORS_ONLN);
  for (int i = 0; i + 1 < q->n && i + 1 < MAX_WORKERS && i + 1 < cores; i++)
    started[i] = !pthread_create(&thread[i], NULL, work, q);
  work(q);
  for (int i = 0; i < MAX_WORKERS; i++)
    if (started[i]) pthread_join(thread[i], NULL);
}

static bool take_results(const Queue *q, JitBlob *blob, int *unit, JitError *error) {
  bool ok = true;
  for (int i = 0; i < q->n; i++) {
    Task *t = &q->task[i];
    blob[i] = t->blob;
    if (ok && !t->ok) *error = t->error, *unit = i;
    else free(t->error.text);
    ok &= t->ok;
  }
  for (int i = 0; i < q->n && !ok; i++) free(blob[i].p), blob[i] = (JitBlob){0};
  return ok;
}

bool jit_compile(const JitJob *job, const JitBackend *backend, JitBlob *blob, int *unit, JitError *error) {
  CacheKey key = cache_key();
  char *identity = backend->identity(job);
  JitJob j = *job;
  Queue q = {.job = &j, .backend = backend, .n = backend->single_blob ? 1 : job->nunit};
  *error = (JitError){0};
  if (identity) add_text(&key, identity);
  else j.cache = NULL;
  free(identity);
  for (int i = 0; i < job->nflags; i++) add_text(&key, job->flags[i]);
  q.task = calloc((size_t)q.n, sizeof *q.task);
  if (!q.task) return false;
  for (int i = 0; i < q.n; i++) {
    q.task[i].key = key;
    if (backend->single_blob) add_all(&q.task[i].key, job);
    else add_unit(&q.task[i].key, &job->unit[i]);
  }
  make_all(&q);
  bool ok = take_results(&q, blob, unit, error);
  free(q.task);
  return ok;
}

static void *make_code(const JitJob *job, const JitBackend *backend, JitBlob *blob, JitError *error) {
  int unit, n = backend->single_blob ? 1 : job->nunit;
  if (!jit_compile(job, backend, blob, &unit, error)) return NULL;
  void *code = backend->load(job, blob, n, error);
  for (int i = 0; i < n; i++) free(blob[i].p);
  return code;
}

Jit *jit_load(const JitJob *job, JitError *error) {
  const JitBackend *backend = job->only_cc ? NULL : jit_backend_clang();
  if (!backend) backend = &jit_backend_cc;
  Jit *j = calloc(1, sizeof *j);
  JitBlob *blob = calloc((size_t)job->nunit, sizeof *blob);
  *error = (JitError){0};
  if (j && blob) *j = (Jit){backend, make_code(job, backend, blob, error)};
  free(blob);
  if (j && j->code) return j;
  free(j);
  return NULL;
}

const void *jit_symbol(const Jit *j, const char *name) { return j->backend->symbol(j->code, name); }

void jit_free(Jit *j) {
  if (!j) return;
  j->backend->free(j->code);
  free(j);
}

const char *jit_backend_name(const Jit *j) { return j->backend->name; }

static void *load_backend(void *arg) {
  jit_backend_clang();
  return arg;
}

void jit_prepare(void) {
  pthread_t t;
  if (!pthread_create(&t, NULL, load_backend, NULL)) pthread_detach(t);
}

bool jit_has_clang(void) { return jit_backend_clang() != NULL; }

const char *jit_describe(void) {
  const JitBackend *backend = jit_backend_clang();
  return backend ? backend->name : jit_backend_cc.name;
}
