/* SPDX-License-Identifier: Apache-2.0 */
/* Launching: the blocks of a grid, one after another in the order asked for, or shared by several workers. */
#define _GNU_SOURCE
#include "codegen/cuda/host/host.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

int gc_thread(void) { return block->current; }
int gc_block(void) { return block->x; }
int gc_block_y(void) { return block->y; }
int gc_block_z(void) { return block->z; }
int gc_grid(void) { return block->dims.grid[0]; }

/* A thread's end: its cp.async are dropped; a TMA store must have been waited for, since shared memory ends with it. */
static void thread_end(void) {
  int t = block->current;
  if (block->stores[t].n) error_at(NULL, "a thread ends while its TMA store is in flight");
  block->fiber[t].done = true;
  block->alive--;
  barrier_thread_ended();
  if (!--block->warp[t / WARP].alive) traffic_count(t / WARP);
  else if (my_warp()->arrived == my_warp()->alive) error_at(NULL, "a thread ends while its warp waits for it");
}
void thread_main(void) {
  block->fn(block->args);
  thread_end();
  fiber_exit();
}

static void reset_meeting(Meeting *m) {
  m->arrived = m->alive = 0;
  memset(m->slot, 0, sizeof m->slot);
  if (checking) memset(m->clock, 0, sizeof m->clock);
}
static void reset_checks(void) {
  memset(block->barrier, 0, sizeof block->barrier);
  for (int t = 0; t < block->threads; t++) {
    memset(block->clock[t], 0, sizeof block->clock[t]);
    block->clock[t][t] = 1;
    block->log[t].n = 0;
  }
  memset(block->proxy_fence, 0, sizeof block->proxy_fence);
}
static uint32_t runs; /* blocks of all launches and contexts */
static void reset_block(int index) {
  int threads = block->dims.threads, *grid = block->dims.grid;
  block->x = index % grid[0], block->y = index / grid[0] % grid[1], block->z = index / grid[0] / grid[1];
  block->threads = block->alive = threads;
  block->run = __atomic_add_fetch(&runs, 1, __ATOMIC_RELAXED);
  block->nmbar = 0;
  memset(block->shared, POISON, (size_t)block->shared_bytes);
  for (int i = 0; i < NAMED_BARRIERS; i++) block->barrier[i].arrived = 0;
  for (int w = 0; w * WARP < threads; w++) reset_meeting(&block->warp[w]);
  for (int g = 0; g * GROUP < threads; g++) reset_meeting(&block->group[g]);
  memset(block->wgmma_fenced, 0, sizeof block->wgmma_fenced);
  block->loads.n = 0;
  block->free_registers = 0;
  for (int g = 0; g < GROUPS; g++) {
    block->mmas[g].n = block->mmas[g].ngroup = 0;
    block->registers[g] = REGISTERS / threads / 8 * 8;
  }
  for (int t = 0; t < threads; t++) {
    block->warp[t / WARP].alive++;
    block->copies[t].n = block->copies[t].ngroup = block->stores[t].n = block->stores[t].ngroup = 0;
  }
  if (checking) reset_checks();
}

/* Contexts are kept for later launches. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Block *idle[64];
static int nidle;
static Block *context_get(void) {
  pthread_mutex_lock(&lock);
  Block *b = nidle ? idle[--nidle] : NULL;
  pthread_mutex_unlock(&lock);
  if (b) return b;
  b = calloc(1, sizeof *b);
  b->stacks = mmap(NULL, (size_t)MAX_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  b->shared = aligned_alloc(1024, SHARED_BYTES + 1024);
  return b;
}
static void context_put(Block *b) {
  pthread_mutex_lock(&lock);
  if (nidle < 64) idle[nidle++] = b;
  pthread_mutex_unlock(&lock);
}

typedef struct Launch {
  const char *name;
  GcThunk *fn;
  void *const *args;
  GcLaunchDims dims;
  int blocks, next, failed;
} Launch;

static int gcd(int a, int b) { return b ? gcd(b, a % b) : a; }
/* The i-th of n blocks or threads to run. Random: steps by a number without a common factor with n. */
static int in_order(int i, int n, uint32_t seed) {
  if (gc_host.order == GC_ORDER_RISING) return i;
  if (gc_host.order == GC_ORDER_FALLING) return n - 1 - i;
  int step = (int)(seed % 1000) + n / 2 + 1;
  while (gcd(step, n) != 1) step++;
  return (int)((int64_t)(i + 1) * step % n);
}

/* The block of threads that never wait: no fibers, no barriers to prepare. */
static void run_direct(int index) {
  int n = block->threads = block->dims.threads, *grid = block->dims.grid;
  block->x = index % grid[0], block->y = index / grid[0] % grid[1], block->z = index / grid[0] / grid[1];
  if (block->shared_bytes) memset(block->shared, POISON, (size_t)block->shared_bytes);
  if (setjmp(block->out)) return;
  for (int i = 0; i < n; i++) {
    block->current = in_order(i, n, gc_host.seed);
    block->fn(block->args);
  }
}
static void run_block(int index) {
  if (block->direct) {
    run_direct(index);
    return;
  }
  reset_block(index);
  fiber_start(block->dims.threads);
}
static void worker(void *arg) {
  Launch *l = arg;
  Block *outer = block;
  block = context_get();
  block->name = l->name, block->fn = l->fn, block->args = l->args, block->dims = l->dims;
  block->shared_bytes = l->dims.shared_bytes;
  block->random = gc_host.seed;
  block->direct = gc_host.direct && !checking;
  block->stopped = false, block->errors = 0;
  while (!__atomic_load_n(&l->failed, __ATOMIC_RELAXED)) {
    int i = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
    if (i >= l->blocks) break;
    run_block(in_order(i, l->blocks, gc_host.seed));
    if (block->stopped) __atomic_store_n(&l->failed, 1, __ATOMIC_RELAXED);
  }
  context_put(block);
  block = outer;
}

int gc_host_launch(const char *name, GcThunk *fn, void *const *args, GcLaunchDims dims) {
  Launch l = {name, fn, args, dims, dims.grid[0] * dims.grid[1] * dims.grid[2], 0, 0};
  int errors = gc_host.errors, workers = gc_host.workers < 1 ? 1 : gc_host.workers;
  if (l.blocks < 1 || dims.threads < 1 || dims.threads > MAX_THREADS || dims.shared_bytes > SHARED_BYTES) {
    fprintf(stderr, "%s: not a launch: %d x %d x %d blocks of %d threads, %d bytes of shared memory\n", name,
            dims.grid[0], dims.grid[1], dims.grid[2], dims.threads, dims.shared_bytes);
    gc_host.errors++;
    return 0;
  }
  checking = hooked && !gc_host.no_checks;
  if (checking) workers = 1; /* what is known of global memory has no lock */
  if (workers > l.blocks) workers = l.blocks;
  shadow_new_launch(gc_host.launch);
  pool_run(workers, worker, &l);
  checking = false;
  return gc_host.errors == errors;
}
