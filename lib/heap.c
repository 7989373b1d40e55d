#include "lib/lib.h"
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum { HUGE_PAGE = 2 << 20, APART = 128 };

/* Before each piece of memory. */
struct Chunk {
  _Alignas(16) Chunk *prev;
  Chunk *next;
  size_t bytes; /* with this head */
};

static void *take(const gradc_alloc *a, void *p, size_t old, size_t n) {
  if (a->realloc) return a->realloc(a->user, p, old, n);
  if (n) return p ? realloc(p, n) : calloc(1, n); /* whose zeroed pages cost nothing until they are touched */
  free(p);
  return NULL;
}

static void link_chunk(Heap *h, Chunk *c, size_t bytes) {
  *c = (Chunk){NULL, h->chunks, bytes};
  if (h->chunks) h->chunks->prev = c;
  h->chunks = c;
}

static void unlink_chunk(Heap *h, Chunk *c) {
  if (c->prev) c->prev->next = c->next;
  else h->chunks = c->next;
  if (c->next) c->next->prev = c->prev;
}

void *heap_get(Heap *h, size_t n) {
  if (n > PTRDIFF_MAX - sizeof(Chunk)) return NULL;
  Chunk *c = take(&h->alloc, NULL, 0, sizeof *c + n);
  if (!c) return NULL;
  if (h->alloc.realloc) memset(c + 1, 0, n);
  link_chunk(h, c, sizeof *c + n);
  return c + 1;
}

static void *memory(RtHost *host, void *p, size_t n) {
  Heap *h = (Heap *)host;
  if (!p) return heap_get(h, n);
  Chunk *c = (Chunk *)p - 1;
  size_t old = c->bytes;
  if (n > PTRDIFF_MAX - sizeof(Chunk)) return NULL;
  unlink_chunk(h, c);
  Chunk *moved = take(&h->alloc, c, old, n ? sizeof *c + n : 0);
  if (!n) return NULL;
  if (!moved) link_chunk(h, c, old);
  else link_chunk(h, moved, sizeof *c + n);
  return moved ? moved + 1 : NULL;
}

static void *block(RtHost *host, size_t n) {
  size_t align = n >= HUGE_PAGE ? HUGE_PAGE : APART;
  if (n > PTRDIFF_MAX - 2 * (size_t)HUGE_PAGE) return NULL;
  unsigned char *p = heap_get((Heap *)host, n + align);
  if (!p) return NULL;
  p += (align - (uintptr_t)p % align) % align;
#ifdef MADV_HUGEPAGE
  if (align == HUGE_PAGE) madvise(p, n / align * align, MADV_HUGEPAGE);
#endif
  return p;
}

static void error(RtHost *host, int code, const char *text) {
  Heap *h = (Heap *)host;
  size_t n = strlen(text) + 1;
  Message *m = heap_get(h, sizeof *m + n);
  if (!m) host->quit(host, 660);
  m->code = code;
  memcpy(m->text, text, n);
  *h->last = m;
  h->last = &m->next;
}

static _Noreturn void quit(RtHost *host, int code) {
  Heap *h = (Heap *)host;
  h->code = code;
  longjmp(*h->unwind, 1);
}

void heap_init(Heap *h, const gradc_alloc *alloc) {
  *h = (Heap){.host = {memory, block, error, quit}, .last = &h->first};
  if (alloc) h->alloc = *alloc;
}

void heap_free(Heap *h) {
  gradc_alloc a = h->alloc; /* the heap may lie in its own memory */
  for (Chunk *c = h->chunks, *next; c; c = next) {
    next = c->next;
    take(&a, c, c->bytes, 0);
  }
}

int heap_try(Heap *h, void (*fn)(void *arg), void *arg) {
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
