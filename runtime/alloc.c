/* SPDX-License-Identifier: Apache-2.0 */
/* Memory from the host. Sizes are checked for overflow, every failure is E0660. */
#include "rt.h"
#include <stdarg.h>
#include <string.h>

void rt_out_of_memory(size_t n) { rt_die(E_OUT_OF_MEMORY, "out of memory (%zu bytes more were needed)", n); }

void *rt_alloc(size_t n) {
  void *p = rt_host->memory(rt_host, NULL, n ? n : 1);
  if (!p) rt_out_of_memory(n);
  return p;
}

size_t rt_mul(size_t a, size_t b) {
  size_t r;
  if (__builtin_mul_overflow(a, b, &r) || r > (size_t)PTRDIFF_MAX)
    rt_die(E_OUT_OF_MEMORY, "out of memory: a size of %zu x %zu bytes exceeds the address space", a, b);
  return r;
}

void *rt_array(size_t n, size_t size) { return rt_alloc(rt_mul(n, size)); }

void *rt_try_realloc(void *p, size_t n) { return rt_host->memory(rt_host, p, n ? n : 1); }

void *rt_realloc(void *p, size_t n) {
  void *q = rt_try_realloc(p, n);
  if (!q) rt_out_of_memory(n);
  return q;
}

void rt_free(void *p) {
  if (p) rt_host->memory(rt_host, p, 0);
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

void *rt_alloc_block(size_t bytes) {
  void *p = rt_host->block(rt_host, bytes);
  if (!p) rt_out_of_memory(bytes);
  return p;
}
