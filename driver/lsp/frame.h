/* SPDX-License-Identifier: Apache-2.0 */
/* The framing of the Language Server Protocol: a header with Content-Length, an empty line, so many bytes. */
#ifndef GRADC_LSP_FRAME_H
#define GRADC_LSP_FRAME_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MAX = 32 << 20 }; /* bytes of a message: four times the largest source, which escapes may double */

typedef struct Frames { /* {.fd = 0} */
  int fd;
  char *buf;
  size_t at, n, cap; /* buf[at .. n) is not read yet */
  uint64_t skip;     /* bytes of a message that was too long, which are still to come */
  bool end;          /* of the input, or an error of it */
} Frames;

typedef enum FrameState { FRAME_WAIT, FRAME_READY, FRAME_BAD } FrameState;

/* The next message: WAIT: it is not complete yet. READY: *n bytes at *body, valid until frames_read. BAD: what came is
 * no message, *body says why; the next call goes on after it, at the next header. */
FrameState frames_next(Frames *f, const char **body, size_t *n);
/* Reads what is there; waits for it if `wait`. False: nothing came. */
bool frames_read(Frames *f, bool wait);
void frames_free(Frames *f);
bool frame_send(int fd, const char *body, size_t n);
#endif
