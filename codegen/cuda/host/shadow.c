/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of memory: bounds, reads of what was never written, races, and accesses that the async proxy or a copy in
 * flight forbids. For each word the last write and the last read are kept (FastTrack, Flanagan and Freund 2009,
 * keeps all reads that are not ordered). */
#define _GNU_SOURCE
#include "codegen/cuda/host/host.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Last {
  uint32_t run, block, time;
  uint16_t thread;
  uint8_t mask;
} Last; /* mask: of the word's bytes */
typedef struct Word {
  Last write, read;
  uint8_t initialised, in_flight, generic;
} Word;
typedef struct Region {
  unsigned char *p;
  size_t n;
  Word *word;
  bool owned; /* by gc_host_alloc */
} Region;

/* Words of memory that is no region, by pages. */
enum { PAGE_BYTES = 4096, PAGE_LISTS = 4096 };
typedef struct Page {
  uintptr_t number;
  struct Page *next;
  Word word[PAGE_BYTES / 4];
} Page;

enum { GUARD = 256 }; /* bytes after each region that belong to no other */
static Region *region;
static int nregion, region_capacity;
static uint32_t launch = 1;
static _Thread_local Word *shared_word;
static Page *page_list[PAGE_LISTS];

void shadow_new_launch(uint32_t number) { launch = number ? number : launch + 1; }
bool shadow_in_shared(const void *p) {
  const unsigned char *a = p;
  return a >= block->shared && a < block->shared + SHARED_BYTES;
}

static Region *add(void *p, size_t n, bool initialised, bool owned) {
  if (nregion == region_capacity)
    region = realloc(region, (size_t)(region_capacity = 2 * region_capacity + 16) * sizeof *region);
  Region *r = &region[nregion++];
  *r = (Region){p, n, calloc(n / 4 + 1, sizeof *r->word), owned};
  for (size_t i = 0; initialised && i <= n / 4; i++) r->word[i].initialised = 0xf;
  return r;
}
void shadow_add(void *p, size_t n, bool initialised) { add(p, n, initialised, false); }
void shadow_remove(const void *p) {
  for (int i = 0; i < nregion; i++) {
    if (region[i].p != p) continue;
    free(region[i].word);
    region[i] = region[--nregion];
    return;
  }
}

void *gc_host_alloc(size_t n) {
  size_t all = (n + 2 * GUARD - 1) / GUARD * GUARD;
  return memset(add(aligned_alloc(GUARD, all), n, false, true)->p, POISON, all);
}
void gc_host_free_all(void) {
  int kept = 0;
  for (int i = 0; i < nregion; i++) {
    if (!region[i].owned) {
      region[kept++] = region[i];
      continue;
    }
    free(region[i].p);
    free(region[i].word);
  }
  nregion = kept;
}
static Region *find(const void *p) {
  const unsigned char *a = p;
  for (int i = 0; i < nregion; i++)
    if (a >= region[i].p && a < region[i].p + region[i].n + GUARD) return &region[i];
  return NULL;
}
void gc_host_wrote(const void *p, size_t n) {
  Region *r = find(p);
  size_t at = (size_t)((const unsigned char *)p - r->p);
  for (size_t i = at; i < at + n; i++) r->word[i / 4].initialised |= 1u << i % 4;
}

/* Bytes of word i that an access of n bytes at `first` touches. */
static uint8_t mask_of(size_t i, size_t first, int n) {
  size_t end = first + (size_t)n;
  int lo = i * 4 < first ? (int)(first - i * 4) : 0, hi = end < i * 4 + 4 ? (int)(end - i * 4) : 4;
  return (uint8_t)((1 << hi) - (1 << lo));
}
static const char *unordered(const Last *l, uint8_t mask) {
  return l->mask & mask && l->run && l->run != launch && gc_host.unordered ? gc_host.unordered(l->run) : NULL;
}
/* Shared memory: another thread of this block, later than the last we know of it. Global: or any other block. */
static bool races(const Last *l, uint8_t mask, bool shared) {
  if (!(l->mask & mask) || l->run != (shared ? block->run : launch)) return false;
  if (!shared && l->block != block_number()) return true;
  return l->thread != block->current && block->clock[block->current][l->thread] < l->time;
}
static void keep(Last *l, uint8_t mask, bool shared) {
  uint32_t time = block->clock[block->current][block->current];
  *l = (Last){shared ? block->run : launch, block_number(), time, (uint16_t)block->current, mask};
}
/* The async proxy does not see ordinary writes to shared memory that their thread has not fenced. */
static bool is_unfenced(const Word *w) { return w->generic && w->write.time > block->proxy_fence[w->write.thread]; }

/* What the present launch, copy or fill does not follow, though it should. */
static const char *earlier(const Word *w, uint8_t mask, bool write) {
  const char *name = unordered(&w->write, mask);
  return name || !write ? name : unordered(&w->read, mask);
}
static bool race_of_launches(const Word *w, uint8_t mask, bool write, const void *pc) {
  static char text[200];
  const char *name = earlier(w, mask, write);
  if (!name) return false;
  snprintf(text, sizeof text, "a race of launches: no stream, event or edge orders it and %s", name);
  error_at(pc, text);
  return true;
}

static void access_word(Word *w, uint8_t mask, bool write, bool shared, Proxy proxy, const void *pc) {
  if (shared && w->write.run != block->run) w->initialised = w->in_flight = w->generic = 0;
  if (!write && (w->initialised & mask) != mask)
    error_at(pc, shared ? "a read of shared memory that was never written" : "a read of memory that was never written");
  else if (w->in_flight & (write ? IN_FLIGHT_WRITE | IN_FLIGHT_READ : IN_FLIGHT_WRITE))
    error_at(pc, write ? "written while a copy is in flight" : "read while a copy to it is in flight");
  else if (races(&w->write, mask, shared))
    error_at(pc, write ? "a race of two writes" : "a race: read while another thread writes");
  else if (write && races(&w->read, mask, shared)) error_at(pc, "a race: written while another thread reads");
  else if (!shared && race_of_launches(w, mask, write, pc)) {
  } else if (shared && proxy == ASYNC && is_unfenced(w)) error_at(pc, "no fence.proxy.async after an ordinary write");
  keep(write ? &w->write : &w->read, mask, shared);
  if (!write) return;
  w->initialised |= mask;
  w->generic = proxy == GENERIC;
}

static bool on_stack(const void *p) {
  return (uintptr_t)p - (uintptr_t)block->stacks - (uintptr_t)block->current * STACK_BYTES < STACK_BYTES;
}
static Word *other_word(uintptr_t address) {
  uintptr_t number = address / PAGE_BYTES;
  Page **at = &page_list[number % PAGE_LISTS], *p = *at;
  while (p && p->number != number) p = p->next;
  if (!p) {
    p = calloc(1, sizeof *p);
    p->number = number, p->next = *at, *at = p;
    for (int i = 0; i < PAGE_BYTES / 4; i++) p->word[i].initialised = 0xf;
  }
  return &p->word[address % PAGE_BYTES / 4];
}
/* Constants of the kernel are in the file of its code. */
static bool is_constant(const void *p) {
  static uintptr_t page;
  Dl_info of_kernel, of_p;
  if (page == (uintptr_t)p / PAGE_BYTES) return true;
  if (!dladdr((void *)block->fn, &of_kernel)) return true;
  if (!dladdr(p, &of_p) || of_p.dli_fbase != of_kernel.dli_fbase) return false;
  page = (uintptr_t)p / PAGE_BYTES;
  return true;
}
static void access_other(const void *p, int bytes, bool write, Proxy proxy, const void *pc) {
  size_t first = (size_t)p;
  if (on_stack(p) || first - (size_t)block->args < gc_host.arg_bytes) return;
  if (!gc_host.any_memory && (write || (gc_host.arg_bytes && !is_constant(p)))) {
    error_at(pc, write ? "a store outside of all memory" : "a load outside of all memory");
    fiber_stop();
  }
  for (size_t i = first / 4; gc_host.any_memory && i <= (first + (size_t)bytes - 1) / 4; i++)
    access_word(other_word(i * 4), mask_of(i, first, bytes), write, false, proxy, pc);
}

/* The words of an access; NULL: neither shared memory nor a region, or *outside of it. */
static Word *words_of(const void *p, int bytes, size_t *first, bool *outside) {
  const unsigned char *a = p;
  bool shared = shadow_in_shared(p);
  if (shared && !shared_word) shared_word = calloc(SHARED_BYTES / 4, sizeof *shared_word);
  Region *r = shared ? NULL : find(p);
  const unsigned char *base = shared ? block->shared : r ? r->p : NULL;
  *outside = false;
  if (!base) return NULL;
  *first = (size_t)(a - base);
  *outside = *first + (size_t)bytes > (shared ? (size_t)block->shared_bytes : r->n);
  return *outside ? NULL : shared ? shared_word : r->word;
}

bool shadow_access(const void *p, int bytes, bool write, Proxy proxy, const void *pc) {
  size_t first;
  bool outside;
  Word *w = words_of(p, bytes, &first, &outside);
  if (outside) {
    error_at(pc, shadow_in_shared(p) ? "outside of shared memory" : "outside of its memory");
    fiber_stop();
  } else if (!w) access_other(p, bytes, write, proxy, pc);
  if (!w) return false;
  for (size_t i = first / 4; i <= (first + (size_t)bytes - 1) / 4; i++)
    access_word(&w[i], mask_of(i, first, bytes), write, shadow_in_shared(p), proxy, pc);
  return true;
}

void shadow_in_flight(const void *p, int bytes, int kind, bool begins) {
  size_t first;
  bool outside;
  Word *w = words_of(p, bytes, &first, &outside);
  for (size_t i = first / 4; w && i <= (first + (size_t)bytes - 1) / 4; i++) {
    if (begins) w[i].in_flight |= (uint8_t)kind;
    else w[i].in_flight &= (uint8_t)~kind;
  }
}

const char *shadow_bulk(const void *p, size_t n, bool write) {
  const Region *r = find(p);
  const char *race = NULL;
  size_t first = r ? (size_t)((const unsigned char *)p - r->p) : 0, end = first + n;
  for (size_t i = first / 4; r && i <= (end - 1) / 4; i++) {
    size_t lo = i * 4 < first ? first : i * 4, hi = end < i * 4 + 4 ? end : i * 4 + 4;
    uint8_t mask = mask_of(i, lo, (int)(hi - lo));
    Word *w = &r->word[i];
    if (!race) race = earlier(w, mask, write);
    *(write ? &w->write : &w->read) = (Last){launch, 0, 0, 0, mask};
    if (write) w->initialised |= mask;
  }
  return race;
}
void shadow_copied(const void *to, const void *from, size_t n) {
  const Region *r = find(to), *s = find(from);
  if (!r || !s) return;
  size_t at = (size_t)((const unsigned char *)to - r->p), from_at = (size_t)((const unsigned char *)from - s->p);
  for (size_t i = 0; i < n; i++)
    if (!(s->word[(from_at + i) / 4].initialised >> (from_at + i) % 4 & 1))
      r->word[(at + i) / 4].initialised &= (uint8_t) ~(1u << (at + i) % 4);
}
