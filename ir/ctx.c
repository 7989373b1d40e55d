/* SPDX-License-Identifier: Apache-2.0 */
#include "ctx.h"
#include "ctx_state.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sys/mman.h>
#endif

/* The first block is small, as most files are; the others are large, so that huge pages fit. */
enum { FIRST_BLOCK = 1 << 20, NEXT_BLOCK = 1 << 23, HUGE_PAGE = 1 << 21, ALIGN = 16 };

struct Block {
  struct Block *next;
  size_t used, cap;
};
enum { HEAD = (sizeof(Block) + ALIGN - 1) / ALIGN * ALIGN };

/* The header of a block from ctx_heap_alloc, in a list of all of them. */
struct HeapBlock {
  _Alignas(ALIGN) Ctx *c;
  HeapBlock *prev, *next;
  size_t bytes; /* with this header */
};

static void *get(MemoryFn *fn, void *user, size_t n) {
  if (!fn) return calloc(1, n);
  void *p = fn(user, NULL, 0, n);
  return p ? memset(p, 0, n) : NULL;
}

static void put_back(MemoryFn *fn, void *user, void *p, size_t n) {
  if (fn) fn(user, p, n, 0);
  else free(p);
}

Ctx *ctx_new_from(MemoryFn *fn, void *user) {
  Ctx *c = get(fn, user, sizeof *c);
  if (!c) return NULL;
  c->memory = fn;
  c->user = user;
  return c;
}

Ctx *ctx_new(void) { return ctx_new_from(NULL, NULL); }

void ctx_free(Ctx *c) {
  if (!c) return;
  while (c->heap) ctx_heap_free(c->heap + 1);
  for (Block *b = c->blocks, *next; b; b = next) {
    next = b->next;
    put_back(c->memory, c->user, b, HEAD + b->cap);
  }
  put_back(c->memory, c->user, c, sizeof *c);
}

void *ctx_heap_alloc(Ctx *c, size_t n) {
  if (n > SIZE_MAX / 2) return NULL;
  size_t bytes = sizeof(HeapBlock) + n;
  HeapBlock *t = get(c->memory, c->user, bytes);
  if (!t) return NULL;
  *t = (HeapBlock){c, NULL, c->heap, bytes};
  if (c->heap) c->heap->prev = t;
  c->heap = t;
  return t + 1;
}

void ctx_heap_free(void *p) {
  if (!p) return;
  HeapBlock *t = (HeapBlock *)p - 1;
  if (t->prev) t->prev->next = t->next;
  else t->c->heap = t->next;
  if (t->next) t->next->prev = t->prev;
  put_back(t->c->memory, t->c->user, t, t->bytes);
}

Ctx *ctx_fork(Ctx *c) {
  Ctx *f = ctx_new_from(c->memory, c->user);
  if (!f) ctx_abort(c);
  f->unwind = c->unwind;
  f->nnames = c->nnames;
  f->capnames = c->capnames;
  f->names = c->names ? ctx_grow(f, c->names, c->capnames * sizeof *c->names, c->capnames * sizeof *c->names) : NULL;
  return f;
}

bool ctx_try(Ctx *c, void (*fn)(Ctx *, void *), void *arg) {
  jmp_buf here, *outer = c->unwind;
  bool ok = false;
  c->unwind = &here;
  if (!setjmp(here)) {
    fn(c, arg);
    ok = true;
  }
  c->unwind = outer;
  return ok;
}

_Noreturn void ctx_abort(Ctx *c) {
  if (!c->unwind) __builtin_trap(); /* without ctx_try there is nothing to unwind to */
  longjmp(*c->unwind, 1);
}

/* Half of a compilation's time would go into page faults of 4 KB each. */
static void use_huge_pages(void *p, size_t n) {
#ifdef MADV_HUGEPAGE
  uintptr_t at = ((uintptr_t)p + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1), end = (uintptr_t)p + n;
  if (at + HUGE_PAGE <= end) (void)madvise((void *)at, (end - at) & ~(uintptr_t)(HUGE_PAGE - 1), MADV_HUGEPAGE);
#else
  (void)p, (void)n;
#endif
}

static void *block_new(Ctx *c, size_t n) {
#ifdef GRADC_MALLOC_EACH /* one malloc an object, so that sanitizers see every overrun */
  size_t cap = n;
#else
  size_t block = c->blocks ? NEXT_BLOCK : FIRST_BLOCK, cap = n > block / 4 ? n : block;
#endif
  if (cap > SIZE_MAX - HEAD) ctx_abort(c);
  Block *b = get(c->memory, c->user, HEAD + cap);
  if (!b) ctx_abort(c);
  use_huge_pages(b, HEAD + cap);
  b->cap = cap;
  /* A block for one large object is linked after the current one, which still has room. */
  if (cap == n && c->blocks) {
    b->next = c->blocks->next;
    c->blocks->next = b;
  } else {
    b->next = c->blocks;
    c->blocks = b;
  }
  b->used = n;
  return (char *)b + HEAD;
}

void *ctx_alloc(Ctx *c, size_t n) {
  if (n > SIZE_MAX / 2) ctx_abort(c);
  n = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
  Block *b = c->blocks;
  if (!b || b->cap - b->used < n) return block_new(c, n);
  void *p = (char *)b + HEAD + b->used;
  b->used += n;
  return p;
}

void *ctx_grow(Ctx *c, void *old, size_t old_n, size_t n) {
  void *p = ctx_alloc(c, n);
  if (old_n) memcpy(p, old, old_n < n ? old_n : n);
  return p;
}

void *vec_push(Ctx *c, void **v, int *n, int *cap, size_t size) {
  if (*n == *cap) {
    int bigger = *cap ? *cap * 2 : 8;
    if (bigger < *cap) ctx_abort(c);
    *v = ctx_grow(c, *v, (size_t)*n * size, (size_t)bigger * size);
    *cap = bigger;
  }
  return (char *)*v + (size_t)(*n)++ * size;
}

char *ctx_vstrf(Ctx *c, const char *fmt, va_list ap) {
  va_list again;
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  char *s = ctx_alloc(c, (size_t)n + 1);
  vsnprintf(s, (size_t)n + 1, fmt, again);
  va_end(again);
  return s;
}

char *ctx_strf(Ctx *c, const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  char *s = ctx_vstrf(c, fmt, ap);
  va_end(ap);
  return s;
}

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed) {
  const unsigned char *s = p;
  uint64_t h = 0xcbf29ce484222325u ^ seed;
  for (size_t i = 0; i < n; i++) h = (h ^ s[i]) * 0x100000001b3u;
  h ^= h >> 32; /* FNV's high bits mix poorly for short keys */
  h *= 0x9e3779b97f4a7c15u;
  return h ^ h >> 29;
}

static void names_grow(Ctx *c) {
  size_t cap = c->capnames ? c->capnames * 2 : 1024;
  Name *t = ctx_alloc(c, cap * sizeof *t);
  for (size_t i = 0; i < c->capnames; i++) {
    if (!c->names[i].s) continue;
    size_t k = c->names[i].hash & (cap - 1);
    while (t[k].s) k = (k + 1) & (cap - 1);
    t[k] = c->names[i];
  }
  c->names = t;
  c->capnames = cap;
}

const char *ctx_intern(Ctx *c, const char *s, size_t n) {
  if (2 * c->nnames >= c->capnames) names_grow(c);
  uint64_t h = hash_bytes(s, n, 0);
  size_t k = h & (c->capnames - 1);
  for (; c->names[k].s; k = (k + 1) & (c->capnames - 1))
    if (c->names[k].hash == h && c->names[k].n == n && !memcmp(c->names[k].s, s, n)) return c->names[k].s;
  char *copy = ctx_alloc(c, n + 1);
  if (n) memcpy(copy, s, n);
  c->names[k] = (Name){copy, n, h};
  c->nnames++;
  return copy;
}

const char *ctx_name(Ctx *c, const char *s) { return ctx_intern(c, s, strlen(s)); }

void str_put(Str *b, const char *s, size_t n) {
  if (b->n + n + 1 > b->cap) {
    size_t cap = 2 * (b->n + n + 1) + 256;
    b->s = ctx_grow(b->c, b->s, b->n, cap);
    b->cap = cap;
  }
  if (n) memcpy(b->s + b->n, s, n);
  b->n += n;
  b->s[b->n] = 0;
}

void str_puts(Str *b, const char *s) { str_put(b, s, strlen(s)); }

void str_printf(Str *b, const char *fmt, ...) {
  char small[256];
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  if (n < (int)sizeof small) {
    str_put(b, small, (size_t)n);
  } else {
    char *s = ctx_alloc(b->c, (size_t)n + 1);
    vsnprintf(s, (size_t)n + 1, fmt, again);
    str_put(b, s, (size_t)n);
  }
  va_end(again);
  va_end(ap);
}

void str_json(Str *s, const char *text) {
  str_puts(s, "\"");
  for (const char *p = text; *p; p++) {
    unsigned char ch = (unsigned char)*p;
    if (ch == '"' || ch == '\\') str_printf(s, "\\%c", ch);
    else if (ch < 0x20) str_printf(s, "\\u%04x", ch);
    else str_put(s, p, 1);
  }
  str_puts(s, "\"");
}
