/* SPDX-License-Identifier: Apache-2.0 */
#include "man.h"
#include "rt.h"
#include <string.h>

char *man_escape(const char *s) {
  char *out = rt_alloc(3 * strlen(s) + 1), *o = out;
  for (bool first = true; *s; first = *s++ == '\n') {
    if (first && (*s == '.' || *s == '\'')) o += sprintf(o, "\\&");
    if (*s == '-') o += sprintf(o, "\\-");
    else if (*s == '\\') o += sprintf(o, "\\e");
    else *o++ = *s;
  }
  *o = 0;
  return out;
}
