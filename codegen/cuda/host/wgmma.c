/* SPDX-License-Identifier: Apache-2.0 */
/* wgmma: products of tiles in shared memory, given by descriptors, into the registers of a warp group. They run at
 * once, or at the wait that makes them complete. */
#include "codegen/cuda/host/host.h"
#include <stdlib.h>

/* The address of element i along m or n, k along k: the canonical layouts with a swizzle of 128 bytes. */
static gc_saddr operand_at(gc_u64 desc, int mn_major, int i, int k) {
  gc_saddr base = (gc_saddr)(desc & 0x3fff) << 4, leading = (gc_saddr)(desc >> 16 & 0x3fff) << 4;
  gc_saddr stride = (gc_saddr)(desc >> 32 & 0x3fff) << 4, a;
  if (mn_major) a = (gc_saddr)(i % 64 * 2 + k % 8 * 128) + (gc_saddr)(i / 64) * leading + (gc_saddr)(k / 8) * stride;
  else a = (gc_saddr)(i % 8 * 128 + k * 2) + (gc_saddr)(i / 8) * stride;
  a += base;
  return a ^ (a >> 7 & 7) << 4;
}
static void check_operand(gc_u64 desc, int mn_major, int n) {
  if (desc >> 62 != 1) error_at(NULL, "a descriptor without the swizzle of 128 bytes");
  for (int i = 0; checking && i < n; i += mn_major ? 8 : 1)
    for (int k = 0; k < 16; k += mn_major ? 1 : 8)
      shadow_access(shared_at(operand_at(desc, mn_major, i, k), 16), 16, false, ASYNC, NULL);
}
static float element(gc_u64 desc, int mn_major, GcOperand type, int i, int k) {
  uint16_t h;
  memcpy(&h, shared_at(operand_at(desc, mn_major, i, k), 2), 2);
  return type == GC_F16 ? f16_to_f32(h) : bf16_to_f32(h);
}

typedef float Row16 __attribute__((vector_size(64)));
static void wgmma_run(const Wgmma *w) {
  float a[64][16];
  Row16 b[16][16];
  check_operand(w->a, w->ta, 64);
  check_operand(w->b, w->tb, w->n);
  for (int k = 0; k < 16; k++) {
    for (int i = 0; i < 64; i++) a[i][k] = element(w->a, w->ta, w->type, i, k);
    for (int i = 0; i < w->n; i++) b[k][i / 16][i % 16] = element(w->b, w->tb, w->type, i, k);
  }
  for (int r = 0; r < 64; r++)
    for (int c = 0; c < w->n; c += 16) {
      Row16 s = {0};
      for (int k = 0; k < 16; k++) s += a[r][k] * b[k][c / 16];
      for (int e = 0; e < 16; e++) {
        float *d = &w->d[r / 16 * 32 + r % 8 * 4 + (c + e) % 8 / 2][(c + e) / 8 * 4 + r % 16 / 8 * 2 + e % 2];
        *d = w->add ? *d + s[e] : s[e];
      }
    }
  if (checking) gc_host.traffic.mma++;
}

/* All 128 threads arrive; true for the last one, false when it has acted for all. */
static bool meet_group(void *mine, int line) {
  Meeting *m = my_group();
  uint32_t step = m->step;
  if (meet(m, GROUP, mine, line)) return true;
  wait_until_changed(&m->step, step);
  return false;
}

void gc_host_wgmma_fence(int line) {
  if (!meet_group(NULL, line)) return;
  block->wgmma_fenced[block->current / GROUP] = true;
  meeting_over(my_group());
}

void gc_host_wgmma(float *d, gc_u64 a, gc_u64 b, int n, int add, int ta, int tb, GcOperand type, int line) {
  int g = block->current / GROUP;
  if (!meet_group(d, line)) return;
  if (!block->wgmma_fenced[g]) error_at(NULL, "wgmma without wgmma.fence before it");
  Wgmma w = {malloc(GROUP * sizeof *w.d), a, b, n, add, ta, tb, type};
  memcpy(w.d, my_group()->slot, GROUP * sizeof *w.d);
  if (!(gc_host.late & GC_LATE_MMA)) wgmma_run(&w);
  *(Wgmma *)queue_push(&block->mmas[g], sizeof w) = w;
  meeting_over(my_group());
}

void gc_host_wgmma_commit(int line) {
  if (!meet_group(NULL, line)) return;
  queue_commit(&block->mmas[block->current / GROUP]);
  meeting_over(my_group());
}

/* The last thread speaks for all: what the products read has been read before the wait of each is over. */
void gc_host_wgmma_wait(int keep, int line) {
  int g = block->current / GROUP;
  Meeting *m = my_group();
  Queue *q = &block->mmas[g];
  clock_release(m->clock);
  if (!meet_group(NULL, line)) {
    clock_acquire(m->clock);
    return;
  }
  clock_acquire(m->clock);
  int due = queue_due(q, keep);
  for (int i = 0; i < due; i++) {
    Wgmma *w = (Wgmma *)q->item + i;
    if (gc_host.late & GC_LATE_MMA) wgmma_run(w);
    free(w->d);
  }
  queue_pop(q, due, keep, sizeof(Wgmma));
  if (!q->n) block->wgmma_fenced[g] = false;
  clock_release(m->clock);
  meeting_over(m);
}
