/* SPDX-License-Identifier: Apache-2.0 */
#include "driver/lsp/frame.h"
#include "codegen/build/fd.h"
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { HEADER_MAX = 4096, CHUNK = 1 << 16, KEPT = 1 << 20 };
static const char LENGTH[] = "Content-Length";

/* After the empty line that ends the header, or NULL. */
static const char *header_end(const char *s, size_t n) {
  for (const char *p = s, *end = s + n; (p = memchr(p, '\n', (size_t)(end - p))); p++) {
    if (p + 1 < end && p[1] == '\n') return p + 2;
    if (p + 2 < end && p[1] == '\r' && p[2] == '\n') return p + 3;
  }
  return NULL;
}

/* The decimal number of a line `Content-Length: N`. NULL: it is one; else what is wrong. */
static const char *header_length(const char *s, const char *end, uint64_t *length) {
  const char *why = "the header has no Content-Length";
  for (const char *line = s, *next; line < end; line = next) {
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    next = stop ? stop + 1 : end;
    size_t n = sizeof LENGTH - 1;
    if ((size_t)(next - line) <= n || strncasecmp(line, LENGTH, n) || line[n] != ':') continue;
    const char *p = line + n + 1;
    while (p < next && *p == ' ') p++;
    why = p < next && *p >= '0' && *p <= '9' ? NULL : "Content-Length is no number";
    for (*length = 0; p < next && *p >= '0' && *p <= '9'; p++)
      if (__builtin_mul_overflow(*length, 10u, length) || __builtin_add_overflow(*length, (uint64_t)(*p - '0'), length))
        return "Content-Length is no number of bytes that a message can have";
    while (p < next && (*p == ' ' || *p == '\r' || *p == '\n')) p++;
    if (p < next) why = "Content-Length is no number";
  }
  return why;
}

/* After a header that is none: to the next one, or to what may be the beginning of one. */
static void resume(Frames *f) {
  size_t n = sizeof LENGTH - 1, at = f->at + 1;
  while (at < f->n && strncasecmp(f->buf + at, LENGTH, f->n - at < n ? f->n - at : n)) at++;
  f->at = at < f->n ? at : f->n;
}

static FrameState bad(const char *why, const char **body, size_t *n) {
  *body = why;
  *n = strlen(why);
  return FRAME_BAD;
}

FrameState frames_next(Frames *f, const char **body, size_t *n) {
  uint64_t there = f->n - f->at, skipped = f->skip < there ? f->skip : there, length = 0;
  f->at += skipped;
  f->skip -= skipped;
  if (f->skip || f->at == f->n) return FRAME_WAIT;
  const char *s = f->buf + f->at, *end = header_end(s, f->n - f->at);
  if (!end && f->n - f->at < HEADER_MAX && !f->end) return FRAME_WAIT;
  const char *why = end ? header_length(s, end, &length) : "the header has no end";
  if (why) {
    resume(f);
    return bad(why, body, n);
  }
  if (length > FRAME_MAX) {
    f->at = (size_t)(end - f->buf);
    f->skip = length;
    return bad("the message is too long", body, n);
  }
  if (length > f->n - (size_t)(end - f->buf)) return FRAME_WAIT;
  *body = end;
  *n = (size_t)length;
  f->at = (size_t)(end - f->buf) + (size_t)length;
  return FRAME_READY;
}

/* Room for another chunk; a buffer that a long message needed is given back. False: out of memory. */
static bool make_room(Frames *f) {
  if (f->at) memmove(f->buf, f->buf + f->at, f->n - f->at);
  f->n -= f->at;
  f->at = 0;
  size_t cap = f->n + CHUNK > f->cap ? 2 * (f->n + CHUNK) : f->cap > KEPT && f->n < CHUNK ? 2 * CHUNK : f->cap;
  char *p = cap == f->cap ? f->buf : realloc(f->buf, cap);
  if (!p) return false;
  f->buf = p;
  f->cap = cap;
  return true;
}

bool frames_read(Frames *f, bool wait) {
  struct pollfd p = {.fd = f->fd, .events = POLLIN};
  if (f->end || (!wait && poll(&p, 1, 0) <= 0) || !make_room(f)) {
    f->end |= wait; /* out of memory */
    return false;
  }
  ssize_t got;
  while ((got = read(f->fd, f->buf + f->n, CHUNK)) < 0 && errno == EINTR) {}
  if (got <= 0) f->end = true;
  if (got > 0) f->n += (size_t)got;
  return got > 0;
}

void frames_free(Frames *f) { free(f->buf); }

bool frame_send(int fd, const char *body, size_t n) {
  char head[64];
  int len = snprintf(head, sizeof head, "%s: %zu\r\n\r\n", LENGTH, n);
  return fd_write_all(fd, head, (size_t)len) && fd_write_all(fd, body, n);
}
