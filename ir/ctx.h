/* SPDX-License-Identifier: Apache-2.0 */
/* One compilation's memory and names. All compiler state hangs off a Ctx: there are no mutable globals.
 * Memory comes from an arena that ctx_free frees at once; nothing is freed earlier. Running out of
 * memory unwinds by one longjmp to the entry point that called ctx_try. */
#ifndef GRADC_CTX_H
#define GRADC_CTX_H
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

typedef struct Ctx Ctx;
typedef uint32_t Loc; /* position in the source map: 1 + offset in the concatenation of all sources; 0 = nowhere */

/* The allocator: as realloc, with the size `old` of p (0 when p is NULL); n = 0 frees. NULL: out of memory.
 * Calls come from the thread that uses the Ctx. */
typedef void *MemoryFn(void *user, void *p, size_t old, size_t n);

Ctx *ctx_new(void); /* from malloc; NULL when out of memory */
Ctx *ctx_new_from(MemoryFn *fn, void *user);
void ctx_free(Ctx *c);
Ctx *ctx_fork(Ctx *c); /* for trials: shares the names of c, which must outlive it, and its unwinding */

/* Entry points run `fn` under ctx_try: returns false when memory ran out (or ctx_abort was called) on the way. */
bool ctx_try(Ctx *c, void (*fn)(Ctx *, void *), void *arg);
_Noreturn void ctx_abort(Ctx *c);

void *ctx_alloc(Ctx *c, size_t n);                          /* zeroed, 16-byte aligned, never NULL */
static inline void *ctx_array(Ctx *c, int n, size_t size) { /* n elements, zeroed; n may be 0 */
  return ctx_alloc(c, size * (size_t)(n + 1));
}
void *ctx_grow(Ctx *c, void *old, size_t old_n, size_t n); /* a larger copy; the tail is zeroed */
/* Large, short-lived blocks: each is freed by itself, the rest with the Ctx. Zeroed, 16-byte aligned; NULL: out of
 * memory. */
void *ctx_heap_alloc(Ctx *c, size_t n);
void ctx_heap_free(void *p); /* NULL is allowed */
char *ctx_strf(Ctx *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *ctx_vstrf(Ctx *c, const char *fmt, va_list ap);
const char *ctx_intern(Ctx *c, const char *s, size_t n); /* equal strings have equal pointers */
const char *ctx_name(Ctx *c, const char *s);             /* ctx_intern of a C string */

/* Growing array: `T *v` with `int nv, capv` next to it. VEC_PUSH yields a pointer to the new, zeroed element. */
void *vec_push(Ctx *c, void **v, int *n, int *cap, size_t size);
#define VEC_PUSH(c, v, n, cap) ((__typeof__(v))vec_push((c), (void **)&(v), &(n), &(cap), sizeof *(v)))

/* Growing text. */
typedef struct Str {
  Ctx *c;
  char *s; /* always terminated once something was appended */
  size_t n, cap;
} Str;
void str_put(Str *b, const char *s, size_t n);
void str_puts(Str *b, const char *s);
void str_json(Str *b, const char *text); /* quoted and escaped */
void str_printf(Str *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

uint64_t hash_bytes(const void *p, size_t n, uint64_t seed); /* stable over machines: FNV-1a, then mixed */
#endif
