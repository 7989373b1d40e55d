/* The runtime as a program's: memory is malloc's, the model's own block sits on huge pages, messages go to standard
 * error, and a failure ends the process. */
#define _GNU_SOURCE
#include "rt.h"
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool live_shown;

/* ---- memory ---- */

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

static void *memory(RtHost *h, void *p, size_t n) {
  (void)h;
  if (n) return fault() ? NULL : p ? realloc(p, n) : calloc(n, 1);
  free(p);
  return NULL;
}

static void *block(RtHost *h, size_t bytes) {
  enum { HUGE_PAGE = 2 << 20 };
  (void)h;
  size_t align = bytes >= HUGE_PAGE ? HUGE_PAGE : 4096;
  if (bytes > (size_t)PTRDIFF_MAX - 2 * align) return NULL;
  size_t n = (bytes + align - 1) / align * align + align;
  unsigned char *p = MAP_FAILED;
  if (!fault()) p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return NULL;
  p += (align - (uintptr_t)p % align) % align;
#ifdef MADV_HUGEPAGE
  if (align == HUGE_PAGE) madvise(p, n - align, MADV_HUGEPAGE);
#endif
  return p;
}

/* ---- messages ---- */

void rt_live(const char *line) {
  if (line) fprintf(stderr, "\r%s\033[K", line);
  else if (live_shown) fputs("\r\033[K", stderr);
  live_shown = line != NULL;
  fflush(stderr);
}

static bool colour(void) {
  const char *no = getenv("NO_COLOR");
  return !(no && *no) && isatty(2);
}

static void error(RtHost *h, int code, const char *text) {
  (void)h;
  rt_live(NULL);
  fflush(stdout);
  const char *end = strchr(text, '\n');
  int n = end ? (int)(end - text) : (int)strlen(text);
  const char *on = colour() ? "\033[1;31m" : "", *off = *on ? "\033[0m" : "";
  fprintf(stderr, "%serror[E%04d]%s: %.*s\n", on, code, off, n, text);
  while (end) {
    const char *line = end + 1;
    end = strchr(line, '\n');
    fprintf(stderr, "   = help: %.*s\n", end ? (int)(end - line) : (int)strlen(line), line);
  }
}

static _Noreturn void quit(RtHost *h, int code) {
  (void)h;
  exit(rt_status(code));
}

RtHost rt_program = {memory, block, error, quit};

void rt_note(const char *fmt, ...) {
  rt_live(NULL);
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}

void rt_out(const char *fmt, ...) {
  va_list ap;
  va_start(ap, fmt);
  vprintf(fmt, ap);
  va_end(ap);
}

void rt_out_flush(void) {
  errno = 0;
  if (fflush(stdout) != 0 || ferror(stdout)) rt_die(664, "cannot write to standard output: %s", strerror(errno));
}
