/* SPDX-License-Identifier: Apache-2.0 */
/* cp.async: 16 bytes by each thread, complete when that thread has waited. The bytes move at once or at the wait; the
 * checks take the destination as written at the wait in either case. */
#include "codegen/cuda/host/host.h"

static void copy_run(const Copy *c) {
  unsigned char *to = shared_at(c->to, 16);
  if (c->ok) memcpy(to, c->from, 16);
  else memset(to, 0, 16);
}

void gc_host_cp_async(gc_saddr to, const void *from, int ok, int line) {
  Copy c = {to, from, ok};
  fiber()->line = line;
  check_aligned((uintptr_t)from, 16);
  check_aligned(to, 16);
  if (ok) access_here(from, 16, false, CALLER);
  if (checking) {
    traffic_log(shared_at(to, 16), 16, (const char *)CALLER + 1); /* the store is an instruction of its own */
    shadow_access(shared_at(to, 16), 16, true, GENERIC, NULL);
    shadow_in_flight(shared_at(to, 16), 16, IN_FLIGHT_WRITE, true);
  }
  if (!(gc_host.late & GC_LATE_COPY)) copy_run(&c);
  *(Copy *)queue_push(&block->copies[block->current], sizeof c) = c;
}

void gc_cp_async_commit(void) { queue_commit(&block->copies[block->current]); }

void gc_host_cp_async_wait(int keep, int line) {
  Queue *q = &block->copies[block->current];
  int due = queue_due(q, keep);
  fiber()->line = line;
  for (int i = 0; i < due; i++) {
    const Copy *c = (const Copy *)q->item + i;
    if (gc_host.late & GC_LATE_COPY) copy_run(c);
    if (!checking) continue;
    shadow_in_flight(shared_at(c->to, 16), 16, IN_FLIGHT_WRITE, false);
    shadow_access(shared_at(c->to, 16), 16, true, GENERIC, NULL);
  }
  queue_pop(q, due, keep, sizeof(Copy));
}
