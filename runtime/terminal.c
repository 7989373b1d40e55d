/* SPDX-License-Identifier: Apache-2.0 */
#include "terminal.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void rt_standard_files(void) {
  static const int mode[] = {O_WRONLY, O_RDONLY, O_RDONLY}; /* such that using it fails */
  for (int fd = 0; fd < 3; fd++)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open("/dev/null", mode[fd]) != fd) _exit(5);
}

bool rt_is_terminal(int fd) {
  const char *term = getenv("TERM");
  return isatty(fd) && term && *term && strcmp(term, "dumb") != 0;
}

bool rt_has_colour(int fd) {
  const char *no = getenv("NO_COLOR");
  return !(no && *no) && rt_is_terminal(fd);
}
