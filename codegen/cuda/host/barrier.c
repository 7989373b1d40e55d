/* SPDX-License-Identifier: Apache-2.0 */
/* Barriers, and instructions that the lanes of a warp or warp group execute together. */
#include "codegen/cuda/host/host.h"

static void barrier_complete(Barrier *b) {
  if (checking) memcpy(b->complete, b->arriving, sizeof b->complete);
  b->arrived = 0, b->step++;
}
/* id: 0 for the block, whose ended threads are not waited for; else a named barrier of so many threads. */
void gc_host_sync(int id, int threads, int arrive_only, int line) {
  fiber()->line = line;
  needs_fibers();
  if (id < 0 || id >= NAMED_BARRIERS || threads % WARP) error_at(NULL, "not a barrier for whole warps");
  Barrier *b = &block->barrier[id & (NAMED_BARRIERS - 1)];
  uint32_t step = b->step;
  int want = threads ? threads : block->alive;
  clock_release(b->arriving);
  if (++b->arrived >= want) barrier_complete(b);
  else if (!arrive_only) wait_until_changed(&b->step, step);
  if (!arrive_only) clock_acquire(b->complete);
}

/* A barrier of the block does not wait for threads that have ended. */
void barrier_thread_ended(void) {
  Barrier *b = &block->barrier[0];
  if (b->arrived && b->arrived >= block->alive) barrier_complete(b);
}

bool meet(Meeting *m, int want, void *mine, int line) {
  fiber()->line = line;
  needs_fibers();
  if (!m->arrived) m->line = line;
  else if (m->line != line) error_at(NULL, "threads of a warp are at different instructions");
  m->slot[block->current % GROUP] = mine;
  return ++m->arrived == want;
}
void meeting_over(Meeting *m) {
  memset(m->slot, 0, sizeof m->slot);
  m->arrived = 0, m->step++;
}
/* True for the last lane, who acts for all; false when that has been done. */
bool meet_warp(void *mine, int line) {
  Meeting *m = my_warp();
  uint32_t step = m->step;
  if (meet(m, m->alive, mine, line)) {
    traffic_count(block->current / WARP);
    return true;
  }
  wait_until_changed(&m->step, step);
  return false;
}

void gc_host_sync_warp(int line) {
  Meeting *m = my_warp();
  clock_release(m->clock);
  if (meet_warp(NULL, line)) meeting_over(m);
  clock_acquire(m->clock);
}

typedef struct Shuffle {
  uint32_t value, got;
  int from;
} Shuffle;

static int shuffle_source(int mode, int by) {
  if (mode == GC_SHFL_FROM) return by;
  if (mode == GC_SHFL_XOR) return lane() ^ by;
  int from = mode == GC_SHFL_UP ? lane() - by : lane() + by;
  return from < 0 || from >= WARP ? lane() : from;
}

uint32_t gc_host_shfl_u32(uint32_t v, int mode, int by, int line) {
  Meeting *m = my_warp();
  Shuffle s = {v, 0, shuffle_source(mode, by)};
  if (!meet_warp(&s, line)) return s.got;
  void **slot = m->slot + block->current / WARP * WARP % GROUP;
  for (int i = 0; i < WARP; i++) {
    Shuffle *t = slot[i];
    if (!t) continue;
    if (t->from < 0 || t->from >= WARP || !slot[t->from]) error_at(NULL, "a shuffle from a lane that is not there");
    else t->got = ((const Shuffle *)slot[t->from])->value;
  }
  meeting_over(m);
  return s.got;
}
float gc_host_shfl(float v, int mode, int by, int line) {
  uint32_t u;
  memcpy(&u, &v, 4);
  return float_of(gc_host_shfl_u32(u, mode, by, line));
}

uint32_t gc_host_ballot(int bit, int line) {
  Meeting *m = my_warp();
  Shuffle s = {(uint32_t)(bit != 0), 0, 0};
  if (!meet_warp(&s, line)) return s.got;
  void **slot = m->slot + block->current / WARP * WARP % GROUP;
  uint32_t all = 0;
  for (int i = 0; i < WARP; i++) all |= slot[i] ? ((const Shuffle *)slot[i])->value << i : 0;
  for (int i = 0; i < WARP; i++)
    if (slot[i]) ((Shuffle *)slot[i])->got = all;
  meeting_over(m);
  return all;
}

/* setmaxnreg: the warps of a group give registers back, or wait until the block has enough. */
void gc_host_registers(int n, int line) {
  Meeting *m = my_group();
  int g = block->current / GROUP, want = n < 0 ? -n : n;
  uint32_t step = m->step;
  bool last = meet(m, GROUP, NULL, line);
  if (last && (want % 8 || want < 24 || want > 256)) error_at(NULL, "not a number of registers that setmaxnreg takes");
  if (last && (n < 0) != (want < block->registers[g])) error_at(NULL, "setmaxnreg in the wrong direction");
  if (!last) {
    wait_until_changed(&m->step, step);
    return;
  }
  while (block->free_registers < (want - block->registers[g]) * GROUP)
    wait_until_changed(&block->registers_step, block->registers_step);
  block->free_registers -= (want - block->registers[g]) * GROUP;
  block->registers[g] = want, block->registers_step++;
  meeting_over(m);
}
