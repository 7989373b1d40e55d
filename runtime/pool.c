/* SPDX-License-Identifier: Apache-2.0 */
/* The thread pool. A call of a graph function is a parallel region: N - 1 workers and the caller each run it with their
 * own thread number. A waiting thread spins for about 50 us, then sleeps on a futex: entering a region costs a fraction
 * of a microsecond, and an idle pool nothing. With more threads than cores it sleeps at once, as spinning would take
 * the core from a thread that works. If other processes use the cores, a region takes as long as its slowest thread
 * waits for one, and a single thread can be faster. The kernel reports how long each thread was runnable but did not
 * run (schedstat): every few milliseconds the pool sets its number of threads to the number of cores that it got, and
 * later tries more. Results do not depend on it. Threads are not pinned. Two of them that alternate on one core may
 * stay there, because the scheduler sees only one runnable thread at a time: a worker that shares its core with another
 * thread of the region migrates. */
#define _GNU_SOURCE
#include "cores.h"
#include "pool.h"
#include "rt.h"
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <linux/futex.h>
#include <sys/syscall.h>

enum { LINE = 128, SPIN = 1500 };

typedef struct Futex { /* a counter that threads can wait on, on separate cache lines */
  _Alignas(LINE) atomic_uint value;
  atomic_uint sleepers;
} Futex;

struct Pool {
  Futex region, done, phase; /* phase: barriers within a region */
  _Alignas(LINE) atomic_uint arrived;
  _Alignas(LINE) GcFn *fn;
  GcCall *call;          /* one per thread */
  struct Worker *worker; /* the same; [0] is the caller's and unused */
  int *status;           /* LINE bytes apart */
  atomic_int *cpu;       /* the CPU that each thread was last seen on; LINE bytes apart */
  int threads, nthreads; /* of the pool; of the current region */
  int spin;              /* iterations to spin before sleeping */
  bool ends;             /* the next region is the signal to return */
  cpu_set_t allowed;
  int core[CPU_SETSIZE], ncores; /* one CPU of each core that this process may use */
  bool adapts;
  int active;          /* threads that a region may use now; at most `threads` */
  double checked;      /* when schedstat was last read */
  double retry, tried; /* seconds to wait before `active` is raised, and since when */
};
enum { STRIDE = LINE / (int)sizeof(int), PATIENCE = 64 };
typedef struct Worker {
  Pool *pool;
  int tid;
  pthread_t thread;
  atomic_int stat;      /* its schedstat file; -1: none */
  uint64_t ran, waited; /* ns, as last read from it */
} Worker;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void futex_wait(Futex *g, unsigned old, int spin) { /* until value != old */
  for (int i = 0; i < spin; i++) {
    if (atomic_load_explicit(&g->value, memory_order_acquire) != old) return;
    relax();
  }
  atomic_fetch_add(&g->sleepers, 1);
  while (atomic_load(&g->value) == old) syscall(SYS_futex, &g->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
  atomic_fetch_sub(&g->sleepers, 1);
}

static void futex_signal(Futex *g) { /* increments value and wakes the sleepers */
  atomic_fetch_add(&g->value, 1);
  if (atomic_load(&g->sleepers)) syscall(SYS_futex, &g->value, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

static void barrier(void *pool, int tid) {
  (void)tid;
  Pool *p = pool;
  unsigned phase = atomic_load_explicit(&p->phase.value, memory_order_acquire);
  if (atomic_fetch_add(&p->arrived, 1) + 1 == (unsigned)p->nthreads) {
    atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
    futex_signal(&p->phase);
  } else futex_wait(&p->phase, phase, p->spin);
}

static int note_cpu(Pool *p, int tid) {
  int cpu = sched_getcpu();
  atomic_store_explicit(&p->cpu[tid * STRIDE], cpu, memory_order_relaxed);
  return cpu;
}

static bool shares_core(Pool *p, int tid) {
  int cpu = note_cpu(p, tid);
  for (int i = 0; i < tid; i++)
    if (atomic_load_explicit(&p->cpu[i * STRIDE], memory_order_relaxed) == cpu) return true;
  return false;
}

/* Moves to the core `tid` positions after the caller's, then restores the mask so that the thread is not pinned. */
static void migrate(Pool *p, int tid) {
  int at = 0, master = atomic_load_explicit(&p->cpu[0], memory_order_relaxed);
  for (int i = 0; i < p->ncores; i++)
    if (p->core[i] == master) at = i;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(p->core[(at + tid) % p->ncores], &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) sched_setaffinity(0, sizeof p->allowed, &p->allowed);
}

static void open_schedstat(Worker *w) { /* called on the worker's thread */
  atomic_store(&w->stat, w->pool->adapts ? open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) : -1);
}

static void *work(void *arg) {
  const Worker *w = arg;
  Pool *p = w->pool;
  int patience = 0;
  open_schedstat(&p->worker[w->tid]);
  for (unsigned seen = 0;; seen++) {
    futex_wait(&p->region, seen, p->spin);
    if (p->ends) return NULL;
    if (w->tid < p->nthreads) {
      if (patience > 0) patience--;
      else if (p->spin && shares_core(p, w->tid)) {
        migrate(p, w->tid);
        patience = PATIENCE; /* do not migrate in every region if there are too few cores */
      }
      p->status[w->tid * STRIDE] = p->fn(&p->call[w->tid]);
    }
    futex_signal(&p->done); /* idle workers too: none may read the region's fields while the next one is set up */
  }
}

/* ---- adapting to the cores ---- */

/* Since the last call: the share of its runnable time in which the thread ran; 1 if it was never runnable. */
static double cpu_share(Worker *w) {
  char text[100];
  int fd = atomic_load(&w->stat);
  ssize_t n = fd < 0 ? -1 : pread(fd, text, sizeof text - 1, 0);
  text[n < 0 ? 0 : n] = 0;
  char *end;
  uint64_t ran = strtoull(text, &end, 10), waited = strtoull(end, NULL, 10);
  double r = (double)(ran - w->ran), d = (double)(waited - w->waited);
  w->ran = ran;
  w->waited = waited;
  return n > 0 && r + d > 0 ? r / (r + d) : 1;
}

enum { CHECK_US = 5000, RETRY_MS = 50, MAX_RETRY_MS = 2000 };

/* Lowers `active` to the cores that its threads got. Doubles it when they get their cores fully, after `retry` seconds,
 * which doubles each time that raising it was wrong. */
static void adapt(Pool *p) {
  const double min_share = 0.75, free_share = 0.95;
  double now = rt_now(), got = 0;
  if (now - p->checked < 1e-6 * CHECK_US * (1 + 0.1 * p->threads)) return;
  bool stale = now - p->checked > 1; /* mostly a pause between calls */
  p->checked = now;
  for (int i = 0; i < p->threads; i++) {
    double s = cpu_share(&p->worker[i]);
    if (i < p->active) got += s;
  }
  if (stale) return;
  if (got < p->active - (1 - min_share)) {
    bool soon = now - p->tried < 10 * p->retry;
    p->retry = soon && p->retry > 0 ? 2 * p->retry : 1e-3 * RETRY_MS;
    if (p->retry > 1e-3 * MAX_RETRY_MS) p->retry = 1e-3 * MAX_RETRY_MS;
    p->active = (int)(got + (1 - min_share)) > 1 ? (int)(got + (1 - min_share)) : 1;
    p->tried = now;
  } else if (p->active < p->threads && got > p->active * free_share && now - p->tried > p->retry) {
    p->active = 2 * p->active < p->threads ? 2 * p->active : p->threads;
    p->tried = now;
  }
}

int pool_run(Pool *p, GcFn *fn, const GcCall *call, int nthreads) {
  if (p && p->adapts && nthreads > 1) {
    adapt(p);
    if (nthreads > p->active) nthreads = p->active;
  }
  if (!p || nthreads <= 1) {
    GcCall one = *call;
    one.tid = 0;
    one.nthreads = 1;
    return fn(&one);
  }
  if (nthreads > p->threads) nthreads = p->threads;
  p->fn = fn;
  p->nthreads = nthreads;
  note_cpu(p, 0);
  for (int i = 0; i < nthreads; i++) {
    p->call[i] = *call;
    p->call[i].tid = i;
    p->call[i].nthreads = nthreads;
    p->call[i].barrier = barrier;
    p->call[i].pool = p;
  }
  unsigned target = atomic_load_explicit(&p->done.value, memory_order_relaxed) + (unsigned)p->threads - 1;
  futex_signal(&p->region);
  p->status[0] = fn(&p->call[0]);
  for (unsigned v; (v = atomic_load_explicit(&p->done.value, memory_order_acquire)) != target;)
    futex_wait(&p->done, v, p->spin);
  for (int i = 0; i < nthreads; i++) {
    int s = p->status[i * STRIDE];
    if (s) return s;
  }
  return 0;
}

Pool *pool_new(int threads, bool adapts) {
  if (threads <= 1) return NULL;
  Pool *p = rt_alloc_block(sizeof *p);
  p->threads = 1; /* the caller; the loop below counts the workers that were started */
  p->ncores = cores_find(&p->allowed, p->core);
  p->spin = threads <= p->ncores ? SPIN : 0;
  p->adapts = adapts && threads <= p->ncores;
  p->active = threads;
  p->cpu = rt_array((size_t)threads, LINE);
  p->call = rt_array((size_t)threads, sizeof *p->call);
  p->status = rt_array((size_t)threads, LINE);
  p->worker = rt_array((size_t)threads, sizeof *p->worker);
  p->worker[0] = (Worker){.pool = p};
  open_schedstat(&p->worker[0]);
  for (int i = 1; i < threads; i++, p->threads++) {
    p->worker[i] = (Worker){.pool = p, .tid = i, .stat = -1};
    if (pthread_create(&p->worker[i].thread, NULL, work, &p->worker[i]) == 0) continue;
    pool_free(p);
    rt_die(E_THREAD_START, "cannot start thread %d of %d", i + 1, threads);
  }
  return p;
}

void pool_free(Pool *p) {
  if (!p) return;
  p->ends = true;
  futex_signal(&p->region);
  for (int i = 1; i < p->threads; i++) pthread_join(p->worker[i].thread, NULL);
  for (int i = 0; i < p->threads; i++)
    if (atomic_load(&p->worker[i].stat) >= 0) close(atomic_load(&p->worker[i].stat));
}
