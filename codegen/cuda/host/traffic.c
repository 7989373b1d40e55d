/* SPDX-License-Identifier: Apache-2.0 */
/* Counts memory transactions as a GPU makes them: 32-byte sectors of global memory, wavefronts of shared memory (each
 * bank gives one word a wavefront), of 32 lanes at a time. The n-th access of each lane by one piece of code, since the
 * lanes last met, is taken as one instruction. */
#include "codegen/cuda/host/host.h"
#include <stdlib.h>

enum { SECTOR = 32, BANKS = 32 };
typedef struct Logged {
  const void *pc;
  int nth, lane;
  Access a;
} Logged;

void traffic_log(const void *p, int bytes, const void *pc) {
  int t = block->current;
  if (block->log[t].n == block->log[t].capacity) {
    block->log[t].capacity = block->log[t].capacity ? 2 * block->log[t].capacity : 64;
    block->log[t].v = realloc(block->log[t].v, (size_t)block->log[t].capacity * sizeof(Access));
  }
  block->log[t].v[block->log[t].n++] = (Access){p, pc, bytes};
}

/* Adds x to a set of n; returns its new size. */
static int add_once(uintptr_t *set, int n, uintptr_t x) {
  for (int i = 0; i < n; i++)
    if (set[i] == x) return n;
  set[n] = x;
  return n + 1;
}
static void count_global(const Logged *v, int n) {
  uintptr_t sector[2 * WARP], place[WARP];
  int nsector = 0, nplace = 0, bytes = v->a.bytes;
  for (int i = 0; i < n; i++) {
    uintptr_t p = (uintptr_t)v[i].a.p;
    nplace = add_once(place, nplace, p);
    nsector = add_once(sector, nsector, p / SECTOR);
    nsector = add_once(sector, nsector, (p + (uintptr_t)bytes - 1) / SECTOR);
  }
  gc_host.traffic.sectors += (gc_u64)nsector;
  gc_host.traffic.sectors_min += (gc_u64)((nplace * bytes + SECTOR - 1) / SECTOR);
}
/* Accesses of 16 bytes go by quarters of a warp, of 8 bytes by halves. */
static void count_shared(const Logged *v, int n) {
  int bytes = v->a.bytes, part = bytes >= 16 ? 4 : bytes >= 8 ? 2 : 1, i = 0;
  for (int q = 0; q < part; q++) {
    uintptr_t word[4 * WARP];
    int nword = 0, load[BANKS] = {0}, max = 0;
    for (; i < n && v[i].lane / (WARP / part) == q; i++)
      for (int o = 0; o < bytes; o += 4) {
        uintptr_t w = ((uintptr_t)v[i].a.p - (uintptr_t)block->shared + (uintptr_t)o) / 4;
        int before = nword;
        nword = add_once(word, nword, w);
        if (nword > before && ++load[w % BANKS] > max) max = load[w % BANKS];
      }
    gc_host.traffic.wavefronts += (gc_u64)max;
    gc_host.traffic.wavefronts_min += (gc_u64)((nword + BANKS - 1) / BANKS);
  }
}

static int by_instruction(const void *x, const void *y) {
  const Logged *a = x, *b = y;
  if (a->pc != b->pc) return a->pc < b->pc ? -1 : 1;
  return a->nth != b->nth ? a->nth - b->nth : a->lane - b->lane;
}
/* Gathers the logs of a warp; nth is counted for each lane and piece of code. */
static int gather(int warp, Logged **out) {
  static Logged *v;
  static int capacity;
  static struct {
    const void *pc;
    int lane, n;
  } seen[4096];
  int t0 = warp * WARP, lanes = block->threads - t0 < WARP ? block->threads - t0 : WARP, n = 0;
  memset(seen, 0, sizeof seen);
  for (int l = 0; l < lanes; l++) {
    for (int j = 0; j < block->log[t0 + l].n; j++) {
      const Access *a = &block->log[t0 + l].v[j];
      unsigned h = (unsigned)((uintptr_t)a->pc * 2654435761u >> 12) % 4096;
      while (seen[h].pc && seen[h].pc != a->pc) h = (h + 1) % 4096;
      if (seen[h].pc != a->pc || seen[h].lane != l) seen[h].pc = a->pc, seen[h].lane = l, seen[h].n = 0;
      if (n == capacity) v = realloc(v, (size_t)(capacity = capacity ? 2 * capacity : 1024) * sizeof *v);
      v[n++] = (Logged){a->pc, seen[h].n++, l, *a};
    }
    block->log[t0 + l].n = 0;
  }
  *out = v;
  return n;
}
void traffic_count(int warp) {
  Logged *v;
  if (!checking) return;
  int n = gather(warp, &v);
  if (n) qsort(v, (size_t)n, sizeof *v, by_instruction);
  for (int i = 0, k; i < n; i += k) {
    for (k = 1; i + k < n && v[i + k].pc == v[i].pc && v[i + k].nth == v[i].nth; k++) {}
    if (shadow_in_shared(v[i].a.p)) count_shared(v + i, k);
    else count_global(v + i, k);
  }
}
