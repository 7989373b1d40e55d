/* What the terminal, or whatever stands in its place, can show. */
#include "driver/driver.h"
#include "runtime/terminal.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

bool terminal_color(int fd) { return rt_colour(fd); }

/* By the variables that name the locale, in the order of their rank: the locale itself need not be installed. */
bool terminal_utf8(void) {
  static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
  const char *locale = NULL;
  for (int i = 0; i < 3 && !(locale && *locale); i++) locale = getenv(names[i]);
  const char *dot = locale ? strchr(locale, '.') : NULL;
  return dot && (!strncasecmp(dot, ".UTF-8", 6) || !strncasecmp(dot, ".utf8", 5));
}
