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
  const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");
  if (no && *no) return false;
  return (force && *force && strcmp(force, "0") != 0) || rt_is_terminal(fd);
}

bool rt_set_colour(const char *when) {
  bool always = !strcmp(when, "always"), never = !strcmp(when, "never");
  if (always) unsetenv("NO_COLOR");
  if (always) setenv("CLICOLOR_FORCE", "1", 1);
  if (never) setenv("NO_COLOR", "1", 1);
  return always || never || !strcmp(when, "auto");
}
