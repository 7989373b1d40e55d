/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the output can show colour and UTF-8. */
#include "driver/driver.h"
#include "runtime/terminal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool terminal_color(int fd) { return rt_has_colour(fd); }

/* By the environment variables of the locale, in order of precedence; the locale itself need not be installed. */
bool terminal_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  const char *locale = NULL;
  for (int i = 0; i < 3 && !(locale && *locale); i++) locale = getenv(names[i]);
  const char *dot = locale ? strchr(locale, '.') : NULL;
  return dot && (!strncasecmp(dot, ".UTF-8", 6) || !strncasecmp(dot, ".utf8", 5));
}
