/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the output can show colour and UTF-8. */
#include "driver/driver.h"
#include "runtime/terminal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_color(int fd) { return rt_has_colour(fd); }

int terminal_width(int fd) {
  struct winsize w;
  const char *columns = getenv("COLUMNS");
  int n = isatty(fd) && ioctl(fd, TIOCGWINSZ, &w) == 0 ? w.ws_col : columns ? atoi(columns) : 0;
  return n > 0 ? n : 0;
}

/* By the environment variables of the locale, in order of precedence; the locale itself need not be installed. */
bool terminal_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  const char *locale = NULL;
  for (int i = 0; i < 3 && !(locale && *locale); i++) locale = getenv(names[i]);
  const char *dot = locale ? strchr(locale, '.') : NULL;
  return dot && (!strncasecmp(dot, ".UTF-8", 6) || !strncasecmp(dot, ".utf8", 5));
}
