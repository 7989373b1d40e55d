/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "lib/lib.h"
#include <locale.h>

Locale locale_begin(void) {
  locale_t c = newlocale(LC_ALL_MASK, "C", (locale_t)0);
  return (Locale){c ? uselocale(c) : NULL, c};
}

void locale_end(Locale l) {
  if (!l.c) return;
  uselocale((locale_t)l.before);
  freelocale((locale_t)l.c);
}
