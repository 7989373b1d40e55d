/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of the host form: one thread block of a CUDA kernel, run by one operating-system thread. */
#ifndef GC_HOST_H
#define GC_HOST_H
#pragma GCC visibility push(default) /* all else is local to the archive */
#include "codegen/cuda/device_host.h"
#pragma GCC visibility pop
#include <setjmp.h>
#include <stdbool.h>
#include <string.h>

enum {
  MAX_THREADS = 1024,
  WARP = 32,
  GROUP = 128,
  GROUPS = MAX_THREADS / GROUP,
  NAMED_BARRIERS = 16,
  MAX_MBARRIERS = 64,
  STACK_BYTES = (256 << 10) + 320, /* stacks begin in different sets of a cache */
  SHARED_BYTES = 227 << 10,
  REGISTERS = 65536,
  MAX_ERRORS = 8,
  POISON = 0xff
};

typedef uint32_t Clock[MAX_THREADS]; /* a vector clock: what is known of each thread's time */

/* A thread of the block. It can go on if it waits for nothing, or if the word it waits for has changed. */
typedef struct Fiber {
  void *sp;
  const uint32_t *wait;
  uint32_t value;
  bool done;
  int line;
} Fiber;

/* A block-wide or named barrier. */
typedef struct Barrier {
  int arrived;
  uint32_t step;
  Clock arriving, complete;
} Barrier;

/* Lanes of a warp or warp group that execute one instruction together: the last to arrive does it for all. */
typedef struct Meeting {
  int arrived, alive, line;
  uint32_t step;
  void *slot[GROUP];
  Clock clock;
} Meeting;

typedef struct MBarrier {
  gc_saddr at;
  int want, pending, bytes; /* arrivals of a phase, those still missing, bytes that copies still owe */
  uint32_t phase, step;
  Clock arriving, complete;
} MBarrier;

/* Asynchronous work in the order of issue. group[i]: how much of it was issued before commit i. */
typedef struct Queue {
  void *item;
  int n, capacity, group[64], ngroup;
} Queue;
typedef struct Copy {
  gc_saddr to;
  const void *from;
  int ok;
} Copy;
typedef struct Box {
  GcTensorMap map;
  gc_saddr at;
  int mbar, x, y, z;
} Box; /* map: the thread that has it may end */
typedef struct Wgmma {
  float **d;
  gc_u64 a, b;
  int n, add, ta, tb;
  GcOperand type;
} Wgmma;

typedef struct Access {
  const void *p, *pc;
  int bytes;
} Access;

typedef struct Block {
  const char *name;
  GcThunk *fn;
  void *const *args;
  GcLaunchDims dims;
  int x, y, z, threads, alive, current; /* current: the thread that runs */
  uint32_t run, random;                 /* run: of all blocks that ran, the number of this one */
  bool stopped;
  int errors;
  Fiber fiber[MAX_THREADS];
  bool direct;
  jmp_buf out; /* of direct threads */
  void *main_sp;
  char *stacks;
  unsigned char *shared;
  int shared_bytes;
  Barrier barrier[NAMED_BARRIERS];
  Meeting warp[MAX_THREADS / WARP], group[GROUPS];
  MBarrier mbar[MAX_MBARRIERS];
  int nmbar;
  Queue copies[MAX_THREADS], stores[MAX_THREADS], mmas[GROUPS], loads; /* loads: of TMA, by all threads */
  bool wgmma_fenced[GROUPS];
  int registers[GROUPS], free_registers;
  uint32_t registers_step;
  Clock clock[MAX_THREADS];
  uint32_t proxy_fence[MAX_THREADS]; /* each thread's time of its last fence.proxy.async */
  struct {
    Access *v;
    int n, capacity;
  } log[MAX_THREADS]; /* accesses since the lanes last met */
} Block;
extern _Thread_local Block *block; /* the one that runs on this operating-system thread */
extern bool checking;              /* kernels have the hooks, and the launch wants checks */

static inline Fiber *fiber(void) { return &block->fiber[block->current]; }
static inline uint32_t block_number(void) {
  return (uint32_t)((block->z * block->dims.grid[1] + block->y) * block->dims.grid[0] + block->x);
}
static inline int lane(void) { return block->current % WARP; }
static inline Meeting *my_warp(void) { return &block->warp[block->current / WARP]; }
static inline Meeting *my_group(void) { return &block->group[block->current / GROUP]; }

/* fiber.c */
void fiber_start(int threads); /* runs all threads of the block to their end, or to a deadlock */
void wait_until_changed(const uint32_t *word, uint32_t old);
_Noreturn void fiber_exit(void); /* this thread has returned from the kernel */
void fiber_stop(void);           /* abandons the block */
void needs_fibers(void);         /* an error in a kernel whose threads run as calls */
uint32_t random_bits(void);

/* error.c */
void error_at(const void *pc, const char *what); /* pc: of an access without a line, or NULL */
void deadlock(void);

/* barrier.c */
bool meet(Meeting *m, int want, void *mine, int line); /* true for the last of `want`, who then calls meeting_over */
void meeting_over(Meeting *m);
bool meet_warp(void *mine, int line);
void barrier_thread_ended(void);

/* mbarrier.c */
int mbar_find(gc_saddr b);
void mbar_add_bytes(int mbar, int bytes); /* negative: so many bytes have been copied */

/* memory.c */
unsigned char *shared_at(gc_saddr a, int bytes);
void check_aligned(uintptr_t a, int bytes);
float float_of(uint32_t bits);
float bf16_to_f32(uint32_t h);
float f16_to_f32(uint32_t h);

/* queue.c */
void *queue_push(Queue *q, size_t size);
void queue_commit(Queue *q);
int queue_due(const Queue *q, int keep); /* items that must be complete when at most `keep` commits may stay open */
void queue_pop(Queue *q, int n, int keep, size_t size);

/* tma.c */
bool tma_run_late(void); /* does one TMA load that was put off */

/* clock.c */
void clock_release(uint32_t *to);
void clock_acquire(const uint32_t *from);

/* shadow.c: what is known of each word of memory. */
typedef enum Proxy { GENERIC, ASYNC } Proxy;
/* False: neither shared nor global memory. */
bool shadow_access(const void *p, int bytes, bool write, Proxy proxy, const void *pc);
enum { IN_FLIGHT_WRITE = 1, IN_FLIGHT_READ = 2 };
void shadow_in_flight(const void *p, int bytes, int kind, bool begins);
void shadow_new_launch(uint32_t number); /* 0: the next */
bool shadow_in_shared(const void *p);
/* Global memory that belongs to others. initialised: by means that are not known. */
void shadow_add(void *p, size_t n, bool initialised);
void shadow_remove(const void *p);
/* An access by a copy or a fill. The name of what it races with, or NULL. */
const char *shadow_bulk(const void *p, size_t n, bool write);
void shadow_copied(const void *to, const void *from, size_t n); /* what was not written before is not after */

/* traffic.c */
void traffic_log(const void *p, int bytes, const void *pc);
void traffic_count(int warp);

/* hooks.c */
extern bool hooked; /* some kernel was compiled with -fsanitize=thread */
#define CALLER __builtin_return_address(0)
void access_here(const void *p, int bytes, bool write, const void *pc); /* by an instruction of this thread */

/* pool.c */
void pool_run(int workers, void (*fn)(void *), void *arg); /* by this thread and workers - 1 others */

/* launch.c */
void thread_main(void);
#endif
