/* The thread pool: N - 1 workers and the caller run one graph function, each its own part (a region). A waiter spins
 * for about 50 us, then sleeps on a futex: small steps pay a fraction of a microsecond, idle
 * pools cost nothing. With more threads than cores spinning only steals time, so waiters sleep at once.
 * Where other processes want the cores, too, a region lasts as long as the slowest of its threads waits for one, and
 * one thread alone would be faster. The scheduler tells how long each thread was ready and did not run (schedstat):
 * every few milliseconds the pool takes as many parts as it really got cores, and later tries more again. No result
 * depends on it.
 * Threads are not pinned, but two that take turns on one core can stay there for long, since to the scheduler only one
 * ever wants to run: a worker that finds itself on the core of another thread of the region moves away. */
#define _GNU_SOURCE
#include "cores.h"
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

typedef struct Gate { /* a counter that can be waited for, on cache lines of its own */
  _Alignas(LINE) atomic_uint value;
  atomic_uint sleepers;
} Gate;

struct Pool {
  Gate region, done, phase; /* phase: barriers within a region */
  _Alignas(LINE) atomic_uint arrived;
  _Alignas(LINE) GcFn *fn;
  GcCall *call;             /* one per thread */
  struct Worker *worker;    /* the same; [0] is the caller's and unused */
  int *status;              /* LINE bytes apart */
  atomic_int *cpu;          /* where each thread was last seen; LINE bytes apart */
  int threads, parts, spin;
  bool ends;                /* the next region is none: workers return */
  cpu_set_t allowed;
  int core[CPU_SETSIZE], ncores; /* one CPU of each core that this process may use */
  bool adapts;
  int most;                 /* parts that cores were had for; at most `threads` */
  double looked, retry, tried; /* when schedstat was last read; seconds until more parts are tried; since when */
};
enum { APART = LINE / (int)sizeof(int), PATIENCE = 64 };
typedef struct Worker {
  Pool *pool;
  int part;
  pthread_t thread;
  atomic_int stat;          /* its schedstat; -1: not there */
  uint64_t ran, waited;     /* ns, as last read */
} Worker;

static void relax(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static void gate_wait(Gate *g, unsigned old, int spin) { /* returns once value != old */
  for (int i = 0; i < spin; i++) {
    if (atomic_load_explicit(&g->value, memory_order_acquire) != old) return;
    relax();
  }
  atomic_fetch_add(&g->sleepers, 1);
  while (atomic_load(&g->value) == old) syscall(SYS_futex, &g->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
  atomic_fetch_sub(&g->sleepers, 1);
}

static void gate_pass(Gate *g) { /* value + 1, and whoever sleeps is woken */
  atomic_fetch_add(&g->value, 1);
  if (atomic_load(&g->sleepers)) syscall(SYS_futex, &g->value, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
}

static void barrier(void *pool, int part) {
  (void)part;
  Pool *p = pool;
  unsigned phase = atomic_load_explicit(&p->phase.value, memory_order_acquire);
  if (atomic_fetch_add(&p->arrived, 1) + 1 == (unsigned)p->parts) {
    atomic_store_explicit(&p->arrived, 0, memory_order_relaxed);
    gate_pass(&p->phase);
  } else gate_wait(&p->phase, phase, p->spin);
}

static int here(Pool *p, int part) {
  int cpu = sched_getcpu();
  atomic_store_explicit(&p->cpu[part * APART], cpu, memory_order_relaxed);
  return cpu;
}

static bool crowded(Pool *p, int part) {
  int cpu = here(p, part);
  for (int i = 0; i < part; i++) if (atomic_load_explicit(&p->cpu[i * APART], memory_order_relaxed) == cpu) return true;
  return false;
}

/* To the part-th core behind the caller's; the old mask is restored at once, so that the scheduler stays free. */
static void spread(Pool *p, int part) {
  int at = 0, master = atomic_load_explicit(&p->cpu[0], memory_order_relaxed);
  for (int i = 0; i < p->ncores; i++) if (p->core[i] == master) at = i;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(p->core[(at + part) % p->ncores], &one);
  if (sched_setaffinity(0, sizeof one, &one) == 0) sched_setaffinity(0, sizeof p->allowed, &p->allowed);
}

static void open_stat(Worker *w) { /* of the running thread */
  atomic_store(&w->stat, w->pool->adapts ? open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC) : -1);
}

static void *work(void *arg) {
  const Worker *w = arg;
  Pool *p = w->pool;
  int patience = 0;
  open_stat(&p->worker[w->part]);
  for (unsigned seen = 0;; seen++) {
    gate_wait(&p->region, seen, p->spin);
    if (p->ends) return NULL;
    if (w->part < p->parts) {
      if (patience > 0) patience--;
      else if (p->spin && crowded(p, w->part)) {
        spread(p, w->part);
        patience = PATIENCE; /* where cores are short it is of no use to move each time */
      }
      p->status[w->part * APART] = p->fn(&p->call[w->part]);
    }
    gate_pass(&p->done); /* every worker reports, so that none can still read the region when the next one is set */
  }
}

/* ---- as many parts as there are cores ---- */

/* The share of the time since the last look in which the thread ran, of that in which it could; 1: it slept. */
static double share(Worker *w) {
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

enum { LOOK_US = 5000, RETRY_MS = 50, LONGEST_RETRY_MS = 2000 };

/* Now and then: with fewer cores than parts, fewer parts; where cores seem free, twice as many, at first after a short
 * time, then, where that was wrong, after longer ones. */
static void look(Pool *p) {
  const double least = 0.75, free_share = 0.95;
  double now = rt_now(), got = 0;
  if (now - p->looked < 1e-6 * LOOK_US * (1 + 0.1 * p->threads)) return;
  bool stale = now - p->looked > 1; /* what happened in a pause says nothing */
  p->looked = now;
  for (int i = 0; i < p->threads; i++) {
    double s = share(&p->worker[i]);
    if (i < p->most) got += s;
  }
  if (stale) return;
  if (got < p->most - (1 - least)) {
    bool soon = now - p->tried < 10 * p->retry;
    p->retry = soon && p->retry > 0 ? 2 * p->retry : 1e-3 * RETRY_MS;
    if (p->retry > 1e-3 * LONGEST_RETRY_MS) p->retry = 1e-3 * LONGEST_RETRY_MS;
    p->most = (int)(got + (1 - least)) > 1 ? (int)(got + (1 - least)) : 1;
    p->tried = now;
  } else if (p->most < p->threads && got > p->most * free_share && now - p->tried > p->retry) {
    p->most = 2 * p->most < p->threads ? 2 * p->most : p->threads;
    p->tried = now;
  }
}

int pool_run(Pool *p, GcFn *fn, const GcCall *call, int parts) {
  if (p && p->adapts && parts > 1) {
    look(p);
    if (parts > p->most) parts = p->most;
  }
  if (!p || parts <= 1) {
    GcCall one = *call;
    one.part = 0;
    one.parts = 1;
    return fn(&one);
  }
  if (parts > p->threads) parts = p->threads;
  p->fn = fn;
  p->parts = parts;
  here(p, 0);
  for (int i = 0; i < parts; i++) {
    p->call[i] = *call;
    p->call[i].part = i;
    p->call[i].parts = parts;
    p->call[i].barrier = barrier;
    p->call[i].pool = p;
  }
  unsigned target = atomic_load_explicit(&p->done.value, memory_order_relaxed) + (unsigned)p->threads - 1;
  gate_pass(&p->region);
  p->status[0] = fn(&p->call[0]);
  for (unsigned v; (v = atomic_load_explicit(&p->done.value, memory_order_acquire)) != target;)
    gate_wait(&p->done, v, p->spin);
  for (int i = 0; i < parts; i++) {
    int s = p->status[i * APART];
    if (s) return s;
  }
  return 0;
}

Pool *pool_new(int threads, bool adapts) {
  if (threads <= 1) return NULL;
  Pool *p = rt_mem(sizeof *p);
  p->threads = 1; /* the caller; more as they start */
  p->ncores = cores_find(&p->allowed, p->core);
  p->spin = threads <= p->ncores ? SPIN : 0;
  p->adapts = adapts && threads <= p->ncores;
  p->most = threads;
  p->cpu = rt_array((size_t)threads, LINE);
  p->call = rt_array((size_t)threads, sizeof *p->call);
  p->status = rt_array((size_t)threads, LINE);
  p->worker = rt_array((size_t)threads, sizeof *p->worker);
  p->worker[0] = (Worker){.pool = p};
  open_stat(&p->worker[0]);
  for (int i = 1; i < threads; i++, p->threads++) {
    p->worker[i] = (Worker){.pool = p, .part = i, .stat = -1};
    if (pthread_create(&p->worker[i].thread, NULL, work, &p->worker[i]) == 0) continue;
    pool_free(p);
    rt_die(662, "cannot start thread %d of %d", i + 1, threads);
  }
  return p;
}

void pool_free(Pool *p) {
  if (!p) return;
  p->ends = true;
  gate_pass(&p->region);
  for (int i = 1; i < p->threads; i++) pthread_join(p->worker[i].thread, NULL);
  for (int i = 0; i < p->threads; i++)
    if (atomic_load(&p->worker[i].stat) >= 0) close(atomic_load(&p->worker[i].stat));
}
