/* SPDX-License-Identifier: Apache-2.0 */
#include "lib/lib.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, APART = 128 };

/* The header of an allocation. */
struct Chunk {
  _Alignas(16) Chunk *prev;
  Chunk *next;
  size_t bytes; /* with this header */
};

static void *hook_realloc(const gradc_alloc *a, void *p, size_t old, size_t n) {
  if (a->realloc) return a->realloc(a->user, p, old, n);
  if (n) return p ? realloc(p, n) : calloc(1, n); /* calloc: fresh zero pages cost nothing until their first use */
  free(p);
  return NULL;
}

static void link_chunk(HostHeap *h, Chunk *c, size_t bytes) {
  *c = (Chunk){NULL, h->chunks, bytes};
  if (h->chunks) h->chunks->prev = c;
  h->chunks = c;
}

static void unlink_chunk(HostHeap *h, Chunk *c) {
  if (c->prev) c->prev->next = c->next;
  else h->chunks = c->next;
  if (c->next) c->next->prev = c->prev;
}

void *host_heap_alloc(HostHeap *h, size_t n) {
  if (n > PTRDIFF_MAX - sizeof(Chunk)) return NULL;
  Chunk *c = hook_realloc(&h->alloc, NULL, 0, sizeof *c + n);
  if (!c) return NULL;
  if (h->alloc.realloc) memset(c + 1, 0, n);
  link_chunk(h, c, sizeof *c + n);
  return c + 1;
}

static void *memory(RtHost *host, void *p, size_t n) {
  HostHeap *h = (HostHeap *)host;
  if (!p) return host_heap_alloc(h, n);
  Chunk *c = (Chunk *)p - 1;
  size_t old = c->bytes;
  if (n > PTRDIFF_MAX - sizeof(Chunk)) return NULL;
  unlink_chunk(h, c);
  Chunk *moved = hook_realloc(&h->alloc, c, old, n ? sizeof *c + n : 0);
  if (!n) return NULL;
  if (!moved) link_chunk(h, c, old);
  else link_chunk(h, moved, sizeof *c + n);
  return moved ? moved + 1 : NULL;
}

static void *block(RtHost *host, size_t n) {
  size_t align = n >= HUGE_PAGE ? HUGE_PAGE : APART;
  if (n > PTRDIFF_MAX - 2 * (size_t)HUGE_PAGE) return NULL;
  unsigned char *p = host_heap_alloc((HostHeap *)host, n + align);
  if (!p) return NULL;
  p += (align - (uintptr_t)p % align) % align;
#ifdef MADV_HUGEPAGE
  if (align == HUGE_PAGE) madvise(p, n / align * align, MADV_HUGEPAGE);
#endif
  return p;
}

static void error(RtHost *host, int code, const char *text) {
  HostHeap *h = (HostHeap *)host;
  size_t n = strlen(text) + 1;
  Message *m = host_heap_alloc(h, sizeof *m + n);
  if (!m) host->quit(host, E_OUT_OF_MEMORY);
  m->code = code;
  memcpy(m->text, text, n);
  *h->last = m;
  h->last = &m->next;
}

static _Noreturn void quit(RtHost *host, int code) {
  HostHeap *h = (HostHeap *)host;
  h->code = code;
  longjmp(*h->unwind, 1);
}

void host_heap_init(HostHeap *h, const gradc_alloc *alloc) {
  *h = (HostHeap){.host = {memory, block, error, quit}, .last = &h->first};
  if (alloc) h->alloc = *alloc;
}

void host_heap_free(HostHeap *h) {
  gradc_alloc a = h->alloc; /* the heap itself may be one of its allocations */
  for (Chunk *c = h->chunks, *next; c; c = next) {
    next = c->next;
    hook_realloc(&a, c, c->bytes, 0);
  }
}

int host_heap_try(HostHeap *h, void (*fn)(void *arg), void *arg) {
  RtHost *before = rt_host;
  Locale locale = locale_begin();
  jmp_buf here;
  h->unwind = &here;
  rt_host = &h->host;
  h->code = 0;
  if (!setjmp(here)) fn(arg);
  rt_host = before;
  locale_end(locale);
  return h->code;
}
