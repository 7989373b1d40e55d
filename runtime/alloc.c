/* Memory: every size is checked, every failure is E0660, and the model's own block sits on huge pages. */
#define _GNU_SOURCE
#include "rt.h"
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifdef GC_FAULTS
/* Test builds: the allocation of number GC_FAULT_ALLOC fails, and with GC_FAULT_FROM set all later ones do. */
static bool fault(void) {
  static long count;
  const char *at = getenv("GC_FAULT_ALLOC");
  if (!at) return false;
  count++;
  return count == atol(at) || (count > atol(at) && getenv("GC_FAULT_FROM"));
}
#else
static bool fault(void) {
  return false;
}
#endif

static _Noreturn void out_of_memory(size_t n) {
  rt_die(660, "out of memory (%zu bytes more were needed)", n);
}

void *rt_alloc(size_t n) {
  void *p = fault() ? NULL : calloc(n ? n : 1, 1);
  if (!p) out_of_memory(n);
  return p;
}

size_t rt_mul(size_t a, size_t b) {
  size_t r;
  if (__builtin_mul_overflow(a, b, &r) || r > (size_t)PTRDIFF_MAX)
    rt_die(660, "out of memory: a size of %zu x %zu bytes exceeds the address space", a, b);
  return r;
}

void *rt_array(size_t n, size_t size) {
  return rt_alloc(rt_mul(n, size));
}

void *rt_grow(void *p, size_t n) {
  void *q = fault() ? NULL : realloc(p, n ? n : 1);
  if (!q) out_of_memory(n);
  return q;
}

char *rt_strdup(const char *s) {
  size_t n = strlen(s) + 1;
  return memcpy(rt_alloc(n), s, n);
}

char *rt_printf(const char *fmt, ...) {
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(NULL, 0, fmt, ap);
  va_end(ap);
  char *s = rt_alloc((size_t)n + 1);
  vsnprintf(s, (size_t)n + 1, fmt, again);
  va_end(again);
  return s;
}

void *rt_mem(size_t bytes) {
  enum { HUGE_PAGE = 2 << 20 };
  size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 4096;
  if (bytes > (size_t)PTRDIFF_MAX - 2 * align) out_of_memory(bytes);
  size_t n = (bytes + align - 1) / align * align + align;
  unsigned char *p = MAP_FAILED;
  if (!fault()) p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) out_of_memory(bytes);
  p += (align - (uintptr_t)p % align) % align;
#ifdef MADV_HUGEPAGE
  if (align == HUGE_PAGE) madvise(p, n - align, MADV_HUGEPAGE);
#endif
  return p;
}
