/* SPDX-License-Identifier: Apache-2.0 */
/* Vector clocks. A thread's own time advances with each release; an access is ordered before those whose thread has
 * acquired a later time. */
#include "codegen/cuda/host/host.h"

static void join(uint32_t *to, const uint32_t *from) {
  for (int i = 0; i < block->threads; i++) to[i] = from[i] > to[i] ? from[i] : to[i];
}
void clock_release(uint32_t *to) {
  if (!checking) return;
  uint32_t *mine = block->clock[block->current];
  join(to, mine);
  mine[block->current]++;
}
void clock_acquire(const uint32_t *from) {
  if (checking) join(block->clock[block->current], from);
}
