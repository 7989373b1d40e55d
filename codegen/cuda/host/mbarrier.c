/* SPDX-License-Identifier: Apache-2.0 */
/* mbarriers: a phase is complete when its arrivals have come and its copies have brought their bytes. */
#include "codegen/cuda/host/host.h"

int mbar_find(gc_saddr b) {
  for (int i = 0; i < block->nmbar; i++)
    if (block->mbar[i].at == b) return i;
  return -1;
}

static MBarrier *mbar_used(gc_saddr b, int line, const void *pc) {
  int i = mbar_find(b);
  fiber()->line = line;
  if (i < 0) {
    error_at(NULL, "an mbarrier that was never initialised");
    fiber_stop();
  }
  if (checking) shadow_access(shared_at(b, 8), 8, false, GENERIC, pc);
  return &block->mbar[i];
}

static void complete_phase(MBarrier *m) {
  if (m->pending || m->bytes) return;
  if (checking) memcpy(m->complete, m->arriving, sizeof m->complete);
  m->pending = m->want, m->phase ^= 1, m->step++;
}

void gc_host_mbar_init(gc_saddr b, int n, int line) {
  needs_fibers();
  int i = mbar_find(b);
  fiber()->line = line;
  check_aligned(b, 8);
  if (i < 0 && block->nmbar == MAX_MBARRIERS) {
    error_at(NULL, "too many mbarriers");
    return;
  }
  if (i < 0) i = block->nmbar++;
  uint32_t step = block->mbar[i].step;
  memset(&block->mbar[i], 0, sizeof block->mbar[i]);
  block->mbar[i].at = b, block->mbar[i].step = step;
  block->mbar[i].want = block->mbar[i].pending = n;
  access_here(shared_at(b, 8), 8, true, NULL);
}

void gc_host_mbar_arrive(gc_saddr b, int bytes, int line) {
  MBarrier *m = mbar_used(b, line, NULL);
  clock_release(m->arriving);
  m->bytes += bytes;
  if (--m->pending < 0) error_at(NULL, "more arrivals than an mbarrier expects");
  complete_phase(m);
}

void gc_host_mbar_wait(gc_saddr b, int parity, int line) {
  MBarrier *m = mbar_used(b, line, NULL);
  while (m->phase == (uint32_t)parity) wait_until_changed(&m->step, m->step);
  clock_acquire(m->complete);
}

void mbar_add_bytes(int mbar, int bytes) {
  block->mbar[mbar].bytes += bytes;
  if (bytes < 0) complete_phase(&block->mbar[mbar]);
}

/* Both fences are taken as one: what this thread wrote before is visible to the async proxy. */
void gc_fence_proxy_async(void) {
  if (!checking) return;
  block->proxy_fence[block->current] = block->clock[block->current][block->current]++;
}
void gc_fence_mbar_init(void) { gc_fence_proxy_async(); }
