/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/build/fd.h"
#include <errno.h>
#include <unistd.h>

bool fd_read_all(int fd, void *p, size_t n) {
  for (char *to = p; n;) {
    ssize_t k = read(fd, to, n);
    if (k == 0 || (k < 0 && errno != EINTR)) return false;
    if (k < 0) continue;
    to += k;
    n -= (size_t)k;
  }
  return true;
}

bool fd_write_all(int fd, const void *p, size_t n) {
  for (const char *from = p; n;) {
    ssize_t k = write(fd, from, n);
    if (k < 0 && errno != EINTR) return false;
    if (k <= 0) continue;
    from += k;
    n -= (size_t)k;
  }
  return true;
}
