/* The thread pool: N - 1 workers and the caller run one graph function, each its own part (a region). A waiter spins
 * for about 50 us, then sleeps on a futex (elsewhere it yields): small steps pay a fraction of a microsecond, idle
 * pools cost nothing. With more threads than cores spinning only steals time, so waiters sleep at once. */
#define _GNU_SOURCE
#include "rt.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#ifdef __linux__
#include <linux/futex.h>
#include <sys/syscall.h>
#endif

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
  int *status;              /* LINE bytes apart */
  int threads, parts, spin;
};
typedef struct Worker {
  Pool *pool;
  int part;
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
  while (atomic_load(&g->value) == old) {
#ifdef __linux__
    syscall(SYS_futex, &g->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
#else
    sched_yield();
#endif
  }
  atomic_fetch_sub(&g->sleepers, 1);
}

static void gate_pass(Gate *g) { /* value + 1, and whoever sleeps is woken */
  atomic_fetch_add(&g->value, 1);
#ifdef __linux__
  if (atomic_load(&g->sleepers)) syscall(SYS_futex, &g->value, FUTEX_WAKE_PRIVATE, 1 << 30, NULL, NULL, 0);
#endif
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

static void *work(void *arg) {
  Worker w = *(Worker *)arg;
  free(arg);
  Pool *p = w.pool;
  for (unsigned seen = 0;; seen++) {
    gate_wait(&p->region, seen, p->spin);
    if (w.part < p->parts) p->status[w.part * (LINE / (int)sizeof(int))] = p->fn(&p->call[w.part]);
    gate_pass(&p->done); /* every worker reports, so that none can still read the region when the next one is set */
  }
  return NULL;
}

int pool_run(Pool *p, GcFn *fn, const GcCall *call, int parts) {
  if (!p || parts <= 1) {
    GcCall one = *call;
    one.part = 0;
    one.parts = 1;
    return fn(&one);
  }
  if (parts > p->threads) parts = p->threads;
  p->fn = fn;
  p->parts = parts;
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
    int s = p->status[i * (LINE / (int)sizeof(int))];
    if (s) return s;
  }
  return 0;
}

Pool *pool_new(int threads) {
  if (threads <= 1) return NULL;
  Pool *p = NULL;
  if (posix_memalign((void **)&p, LINE, sizeof *p) != 0) rt_die(660, "out of memory for %d threads", threads);
  memset(p, 0, sizeof *p);
  p->threads = threads;
  p->spin = threads <= pool_cpus() ? SPIN : 0;
  p->call = rt_array((size_t)threads, sizeof *p->call);
  p->status = rt_array((size_t)threads, LINE);
  for (int i = 1; i < threads; i++) {
    Worker *w = rt_alloc(sizeof *w);
    *w = (Worker){p, i};
    pthread_t t;
    if (pthread_create(&t, NULL, work, w) != 0) rt_die(662, "cannot start thread %d of %d", i + 1, threads);
    pthread_detach(t);
  }
  return p;
}

/* Is this the first logical CPU, of those allowed, on its core? */
static bool leads_core(int cpu, const cpu_set_t *allowed) {
  char path[128];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
  FILE *f = fopen(path, "r");
  int first, last;
  bool leads = true;
  while (f && leads && fscanf(f, "%d", &first) == 1) {
    int c = fgetc(f);
    last = first;
    if (c == '-') {
      if (fscanf(f, "%d", &last) != 1) break;
      c = fgetc(f);
    }
    for (int i = first; i <= last && i < cpu; i++) if (CPU_ISSET(i, allowed)) leads = false;
    if (c != ',') break;
  }
  if (f) fclose(f);
  return leads;
}

int pool_cpus(void) {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  int n = 0;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) {
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 ? (int)online : 1;
  }
  for (int i = 0; i < CPU_SETSIZE; i++) if (CPU_ISSET(i, &allowed)) n += leads_core(i, &allowed);
  return n > 0 ? n : 1;
}
