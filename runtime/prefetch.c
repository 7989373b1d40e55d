/* SPDX-License-Identifier: Apache-2.0 */
#include "prefetch.h"
#include <pthread.h>
#include <string.h>

typedef struct Slot {
  uint64_t ready; /* 1 + the batch that it has; 0: none */
  unsigned char **field;
} Slot;

typedef struct Worker {
  RtHost host; /* of its thread; first, so that it is found by its host */
  Prefetch *of;
  Data data; /* a copy, whose shuffle is that of its batch */
  pthread_t thread;
  uint64_t batch; /* that it prepares */
} Worker;

struct Prefetch {
  BatchPlan plan;
  Worker *worker;
  Slot *slot;
  int nworkers, nslots;
  pthread_mutex_t lock;
  pthread_cond_t taken, prepared;
  bool begun, ends;
  uint64_t next, first; /* the next batch to prepare; the one that is used now */
  uint64_t failed;      /* 1 + the first batch that could not be prepared; 0: none */
  int code;
  char *text; /* from malloc */
};

void batch_fill(Data *d, const BatchPlan *p, uint64_t b, unsigned char *const *dst) {
  data_batch(d, b / p->batches, b % p->batches * p->n, p->n, false, dst);
}

/* ---- the host of a thread: what it dies of is for the thread that asks for the batch ---- */

static void *memory(RtHost *h, void *p, size_t n) {
  (void)h;
  return rt_program.memory(&rt_program, p, n);
}

static void *block(RtHost *h, size_t bytes) {
  (void)h;
  return rt_program.block(&rt_program, bytes);
}

static void error(RtHost *h, int code, const char *text) {
  Worker *w = (Worker *)h;
  Prefetch *f = w->of;
  pthread_mutex_lock(&f->lock);
  if (!f->failed || w->batch < f->failed - 1) {
    size_t n = strlen(text) + 1;
    f->text = rt_program.memory(&rt_program, NULL, n);
    if (f->text) memcpy(f->text, text, n);
    f->code = code;
    f->failed = w->batch + 1;
  }
  pthread_cond_broadcast(&f->prepared);
  pthread_mutex_unlock(&f->lock);
}

static _Noreturn void quit(RtHost *h, int code) {
  (void)h;
  (void)code;
  pthread_exit(NULL);
}

/* ---- threads ---- */

static bool waits(const Prefetch *f) {
  return !f->ends && (f->next >= f->plan.end || f->next >= f->first + (uint64_t)f->nslots);
}

static void *work(void *arg) {
  Worker *w = arg;
  Prefetch *f = w->of;
  rt_host = &w->host;
  pthread_mutex_lock(&f->lock);
  for (;;) {
    while (waits(f)) pthread_cond_wait(&f->taken, &f->lock);
    if (f->ends) break;
    w->batch = f->next++;
    Slot *s = &f->slot[w->batch % (uint64_t)f->nslots];
    pthread_mutex_unlock(&f->lock);
    batch_fill(&w->data, &f->plan, w->batch, s->field);
    pthread_mutex_lock(&f->lock);
    s->ready = w->batch + 1;
    pthread_cond_broadcast(&f->prepared);
  }
  pthread_mutex_unlock(&f->lock);
  return NULL;
}

static void worker_new(Prefetch *f, Worker *w, const Data *d) {
  w->host = (RtHost){memory, block, error, quit};
  w->of = f;
  w->data = *d;
  w->data.epoch = UINT64_MAX;
  w->data.order = NULL;
  w->data.binder = binder_new(d, true);
  binder_renew(d, w->data.binder);
}

Prefetch *prefetch_new(const Data *d, const BatchPlan *p) {
  if (!d->d->workers || !p->batches) return NULL;
  Prefetch *f = rt_alloc(sizeof *f);
  *f = (Prefetch){.plan = *p, .nworkers = d->d->workers};
  f->nslots = d->d->prefetch ? d->d->prefetch : 2 * f->nworkers;
  f->nslots++; /* that which is used */
  pthread_mutex_init(&f->lock, NULL);
  pthread_cond_init(&f->taken, NULL);
  pthread_cond_init(&f->prepared, NULL);
  f->slot = rt_array((size_t)f->nslots, sizeof *f->slot);
  for (int i = 0; i < f->nslots; i++) {
    f->slot[i].field = rt_array((size_t)d->d->nfields + 1, sizeof *f->slot[i].field);
    for (int k = 0; k < d->d->nfields; k++) f->slot[i].field[k] = rt_alloc_block(rt_mul(p->n, d->bytes[k]) + 64);
  }
  f->worker = rt_array((size_t)f->nworkers, sizeof *f->worker);
  for (int i = 0; i < f->nworkers; i++) worker_new(f, &f->worker[i], d);
  return f;
}

static void begin(Prefetch *f, uint64_t b) {
  f->begun = true;
  f->next = f->first = b;
  for (int i = 0; i < f->nworkers; i++)
    if (pthread_create(&f->worker[i].thread, NULL, work, &f->worker[i]))
      rt_die(E_THREAD_START, "cannot start a thread for `workers`");
}

unsigned char **prefetch_take(Prefetch *f, uint64_t b) {
  if (!f->begun) begin(f, b);
  Slot *s = &f->slot[b % (uint64_t)f->nslots];
  pthread_mutex_lock(&f->lock);
  bool ahead = b >= f->first && b < f->first + (uint64_t)f->nslots && b < f->plan.end;
  if (ahead) f->first = b;
  pthread_cond_broadcast(&f->taken);
  while (ahead && s->ready != b + 1 && f->failed != b + 1) pthread_cond_wait(&f->prepared, &f->lock);
  bool failed = ahead && f->failed == b + 1;
  pthread_mutex_unlock(&f->lock);
  if (failed) {
    rt_error(f->code, "%s", f->text ? f->text : "");
    rt_quit(f->code);
  }
  return ahead ? s->field : NULL;
}

void prefetch_end(Prefetch *f) {
  if (!f || !f->begun) return;
  pthread_mutex_lock(&f->lock);
  f->ends = true;
  pthread_cond_broadcast(&f->taken);
  pthread_mutex_unlock(&f->lock);
  for (int i = 0; i < f->nworkers; i++) pthread_join(f->worker[i].thread, NULL);
  f->begun = false;
}
