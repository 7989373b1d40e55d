/* SPDX-License-Identifier: Apache-2.0 */
/* Operating-system threads that share the blocks of a launch. They stay for later launches, and spin for a while before
 * they sleep, since many launches are short. */
#include "codegen/cuda/host/host.h"
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

enum { MAX_WORKERS = 64, SPINS = 2000 };
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER, run_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t work_there = PTHREAD_COND_INITIALIZER;
static pthread_t thread[MAX_WORKERS];
static pid_t owner; /* the process that has the threads: a child by fork has none */
static bool ended;
static int nthread, wanted, busy; /* wanted: of the present run, workers that have not begun */
static uint32_t runs;
static void (*function)(void *);
static void *argument;

static void wait_for_run(uint32_t seen) {
  for (int i = 0; i < SPINS; i++)
    if (__atomic_load_n(&runs, __ATOMIC_ACQUIRE) != seen) break;
  pthread_mutex_lock(&lock);
  while (runs == seen) pthread_cond_wait(&work_there, &lock);
}
static void *thread_of_pool(void *unused) {
  (void)unused;
  for (uint32_t seen = 0;;) {
    wait_for_run(seen);
    seen = runs;
    bool mine = wanted > 0, end = ended;
    if (mine) wanted--;
    pthread_mutex_unlock(&lock);
    if (end) return NULL;
    if (!mine) continue;
    function(argument);
    __atomic_sub_fetch(&busy, 1, __ATOMIC_RELEASE);
  }
}
static void start_threads(int n) {
  owner = getpid();
  while (nthread < n && !pthread_create(&thread[nthread], NULL, thread_of_pool, NULL)) nthread++;
}

/* Before the library with this code is unloaded, which would take it from under threads that spin. */
__attribute__((destructor)) static void end_threads(void) {
  if (!nthread || getpid() != owner || __atomic_load_n(&busy, __ATOMIC_ACQUIRE)) return; /* exit within a launch */
  pthread_mutex_lock(&lock);
  ended = true;
  __atomic_add_fetch(&runs, 1, __ATOMIC_RELEASE);
  pthread_cond_broadcast(&work_there);
  pthread_mutex_unlock(&lock);
  for (int i = 0; i < nthread; i++) pthread_join(thread[i], NULL);
}

void pool_run(int workers, void (*fn)(void *), void *arg) {
  if (workers > MAX_WORKERS) workers = MAX_WORKERS;
  if (workers < 2) {
    fn(arg);
    return;
  }
  pthread_mutex_lock(&run_lock);
  start_threads(workers - 1);
  pthread_mutex_lock(&lock);
  function = fn, argument = arg;
  busy = wanted = nthread < workers - 1 ? nthread : workers - 1;
  __atomic_add_fetch(&runs, 1, __ATOMIC_RELEASE);
  pthread_cond_broadcast(&work_there);
  pthread_mutex_unlock(&lock);
  fn(arg);
  pthread_mutex_lock(&lock);
  __atomic_sub_fetch(&busy, wanted, __ATOMIC_RELEASE); /* those that have not begun are not needed */
  wanted = 0;
  pthread_mutex_unlock(&lock);
  while (__atomic_load_n(&busy, __ATOMIC_ACQUIRE)) sched_yield();
  pthread_mutex_unlock(&run_lock);
}
