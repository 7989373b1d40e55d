/* SPDX-License-Identifier: Apache-2.0 */
/* TMA: boxes of a tensor between global and shared memory, rows of 128 bytes swizzled. Loads complete on an mbarrier,
 * stores when the thread that issued them waits. */
#include "codegen/cuda/host/host.h"

enum { ROW_BYTES = 128, CHUNK = 16 };

static int box_rows(const GcTensorMap *m) { return m->box[1] * (m->box[2] ? m->box[2] : 1); }
static unsigned char *swizzled(gc_saddr box, int row, int chunk) {
  gc_saddr a = box + (gc_saddr)(row * ROW_BYTES + chunk * CHUNK);
  return shared_at(a ^ (a >> 7 & 7) << 4, CHUNK);
}
/* Element e of a chunk in global memory, or NULL if it is outside of the tensor. */
static char *element(const Box *b, int row, int chunk, int e) {
  const GcTensorMap *m = &b->map;
  gc_i64 x = b->x + chunk * 8 + e, y = b->y + row % m->box[1], z = b->z + row / m->box[1];
  bool inside = x >= 0 && x < m->size[0] && y >= 0 && y < m->size[1] && z >= 0 && z < (m->size[2] ? m->size[2] : 1);
  return inside ? m->p + z * m->stride[1] + y * m->stride[0] + x * 2 : NULL;
}

static void check_box(const Box *b) {
  const GcTensorMap *m = &b->map;
  if (b->at % 1024) error_at(NULL, "a swizzled box is not aligned to 1024 bytes");
  if (m->box[0] * 2 != ROW_BYTES || m->box[1] < 1 || m->box[1] > 256) error_at(NULL, "not a box of rows of 128 bytes");
  if ((uintptr_t)m->p % 16 || m->stride[0] % 16 || m->stride[1] % 16)
    error_at(NULL, "a tensor is not aligned to 16 bytes");
}
static void check_chunks(const Box *b, bool write, int in_flight, bool begins) {
  for (int r = 0; checking && r < box_rows(&b->map); r++)
    for (int c = 0; c < ROW_BYTES / CHUNK; c++) {
      const void *p = swizzled(b->at, r, c);
      if (!begins) shadow_in_flight(p, CHUNK, in_flight, false);
      shadow_access(p, CHUNK, write, ASYNC, NULL);
      if (begins) shadow_in_flight(p, CHUNK, in_flight, true);
    }
}
static void check_tensor(const Box *b, bool write) {
  for (int r = 0; checking && r < box_rows(&b->map); r++)
    for (int i = 0; i < ROW_BYTES / 2; i++) {
      const void *p = element(b, r, i / 8, i % 8);
      if (p) shadow_access(p, 2, write, ASYNC, NULL);
    }
}

static void load_run(const Box *b) {
  for (int r = 0; r < box_rows(&b->map); r++)
    for (int c = 0; c < ROW_BYTES / CHUNK; c++) {
      unsigned char *to = swizzled(b->at, r, c);
      for (int e = 0; e < 8; e++) {
        const char *from = element(b, r, c, e);
        if (from) memcpy(to + e * 2, from, 2);
        else memset(to + e * 2, 0, 2);
      }
      if (checking) shadow_in_flight(to, CHUNK, IN_FLIGHT_WRITE, false);
    }
  mbar_add_bytes(b->mbar, -box_rows(&b->map) * ROW_BYTES);
}

void gc_host_tma_load(gc_saddr to, const GcTensorMap *m, int x, int y, int z, gc_saddr mbar, int line) {
  Box b = {*m, to, mbar_find(mbar), x, y, z};
  fiber()->line = line;
  if (b.mbar < 0) {
    error_at(NULL, "a copy to an mbarrier that was never initialised");
    return;
  }
  check_box(&b);
  if (checking) shadow_access(shared_at(mbar, 8), 8, false, ASYNC, NULL);
  check_tensor(&b, false);
  check_chunks(&b, true, IN_FLIGHT_WRITE, true);
  clock_release(block->mbar[b.mbar].arriving); /* to those who wait for the copy */
  if (gc_host.late & GC_LATE_COPY) *(Box *)queue_push(&block->loads, sizeof b) = b;
  else load_run(&b);
}

bool tma_run_late(void) {
  Queue *q = &block->loads;
  if (!q->n) return false;
  int i = gc_host.order == GC_ORDER_RANDOM ? (int)(random_bits() % (uint32_t)q->n) : 0;
  Box *at = (Box *)q->item + i, b = *at;
  memmove(at, at + 1, (size_t)(--q->n - i) * sizeof b);
  load_run(&b);
  return true;
}

static void store_run(const Box *b) {
  for (int r = 0; r < box_rows(&b->map); r++)
    for (int c = 0; c < ROW_BYTES / CHUNK; c++)
      for (int e = 0; e < 8; e++) {
        char *to = element(b, r, c, e);
        if (to) memcpy(to, swizzled(b->at, r, c) + e * 2, 2);
      }
}

void gc_host_tma_store(const GcTensorMap *m, int x, int y, gc_saddr from, int line) {
  Box b = {*m, from, -1, x, y, 0};
  fiber()->line = line;
  check_box(&b);
  check_chunks(&b, false, IN_FLIGHT_READ, true);
  check_tensor(&b, true);
  if (!(gc_host.late & GC_LATE_COPY)) store_run(&b);
  *(Box *)queue_push(&block->stores[block->current], sizeof b) = b;
}

void gc_tma_store_commit(void) { queue_commit(&block->stores[block->current]); }

void gc_host_tma_store_wait(int line) {
  Queue *q = &block->stores[block->current];
  int due = queue_due(q, 0);
  fiber()->line = line;
  for (int i = 0; i < due; i++) {
    const Box *b = (const Box *)q->item + i;
    check_chunks(b, false, IN_FLIGHT_READ, false);
    if (gc_host.late & GC_LATE_COPY) store_run(b);
  }
  queue_pop(q, due, 0, sizeof(Box));
}
