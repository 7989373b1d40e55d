/* SPDX-License-Identifier: Apache-2.0 */
/* The host of a program: memory from malloc, the model's block on huge pages, messages on standard error; a failure
 * ends the process. */
#define _GNU_SOURCE
#include "rt.h"
#include "terminal.h"
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static bool live_shown;

/* ---- memory ---- */

#ifdef GC_FAULTS
/* In test builds allocation number GC_FAULT_ALLOC fails; with GC_FAULT_FROM all later ones too. */
static bool fault(void) {
  static long count;
  const char *at = getenv("GC_FAULT_ALLOC");
  if (!at) return false;
  count++;
  return count == atol(at) || (count > atol(at) && getenv("GC_FAULT_FROM"));
}
#else
static bool fault(void) { return false; }
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

/* ---- standard streams ---- */

static struct { /* standard output */
  char buf[1 << 16];
  size_t used;
  int err;           /* errno of the first failed write */
  bool asked, lines; /* lines: a terminal, so that each line is written when it ends; asked: `lines` is known */
} out;

static void write_all(const char *p, size_t n) {
  while (n && !out.err) {
    ssize_t r = write(1, p, n);
    if (r < 0 && errno == EAGAIN) poll(&(struct pollfd){.fd = 1, .events = POLLOUT}, 1, -1);
    else if (r < 0 && errno != EINTR) out.err = errno;
    if (r <= 0) continue;
    p += r;
    n -= (size_t)r;
  }
}

bool rt_out_send(void) {
  size_t n = out.used;
  out.used = 0;
  write_all(out.buf, n);
  return !out.err;
}

bool rt_out_failed(void) { return out.err != 0; }

void rt_out_put(const char *p, size_t n) {
  if (!out.asked) out.lines = isatty(1);
  out.asked = true;
  if (out.used + n > sizeof out.buf) rt_out_send();
  if (n > sizeof out.buf) {
    write_all(p, n);
    return;
  }
  memcpy(out.buf + out.used, p, n);
  out.used += n;
  if (out.lines && n && memchr(p, '\n', n)) rt_out_send();
}

void rt_out(const char *fmt, ...) {
  char small[512], *text = small;
  va_list ap, again;
  va_start(ap, fmt);
  va_copy(again, ap);
  int n = vsnprintf(small, sizeof small, fmt, ap);
  va_end(ap);
  if (n >= (int)sizeof small) {
    text = rt_alloc((size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, again);
  }
  va_end(again);
  if (n > 0) rt_out_put(text, (size_t)n);
  if (text != small) rt_free(text);
}

void rt_out_flush(void) {
  if (rt_out_send()) return;
  if (out.err == EPIPE) rt_quit(E_STDOUT); /* the reader has closed the pipe on purpose: no message */
  rt_die(E_STDOUT, "cannot write to standard output: %s", strerror(out.err));
}

/* ---- messages ---- */

void rt_progress(const char *line) {
  if (line) fprintf(stderr, "\r%s\033[K", line);
  else if (live_shown) fputs("\r\033[K", stderr);
  live_shown = line != NULL;
  fflush(stderr);
}

static void error(RtHost *h, int code, const char *text) {
  (void)h;
  rt_progress(NULL);
  rt_out_send();
  const char *end = strchr(text, '\n');
  int n = end ? (int)(end - text) : (int)strlen(text);
  const char *on = rt_has_colour(2) ? "\033[1;31m" : "", *off = *on ? "\033[0m" : "";
  fprintf(stderr, "%serror[E%04d]%s: %.*s\n", on, code, off, n, text);
  while (end) {
    const char *line = end + 1;
    end = strchr(line, '\n');
    fprintf(stderr, "%s%.*s\n", rt_is_place(line) ? "  " : "   = help: ", end ? (int)(end - line) : (int)strlen(line),
            line);
  }
}

static _Noreturn void quit(RtHost *h, int code) {
  (void)h;
  exit(rt_status(code));
}

RtHost rt_program = {memory, block, error, quit};

void rt_note(const char *fmt, ...) {
  rt_progress(NULL);
  va_list ap;
  va_start(ap, fmt);
  vfprintf(stderr, fmt, ap);
  va_end(ap);
  fputc('\n', stderr);
}
