/* SPDX-License-Identifier: Apache-2.0 */
/* gradc fmt: to standard output, or in place. */
#include "driver/driver.h"
#include "frontend/parse.h"
#include <stdio.h>
#include <string.h>

int cmd_fmt(Args *a) {
  int status = EXIT_OK;
  for (int i = 0; i < a->noperand; i++) {
    Loc start;
    if (!load_source(a->c, a->operand[i], &start)) return EXIT_MODEL;
    char *text = fmt_source(a->c, start);
    if (!text) {
      status = EXIT_MODEL;
      continue;
    }
    size_t n, len = strlen(text);
    const char *old = source_text(a->c, start, &n);
    bool same = n == len && !memcmp(old, text, n);
    if (args_has(a, OPT_check)) {
      if (!same) printf("%s\n", a->operand[i]);
      if (!same) status = EXIT_MODEL;
    } else if (!args_has(a, OPT_write) || !strcmp(a->operand[i], "-")) {
      fwrite(text, 1, len, stdout);
    } else if (!same && !save_file(a->c, a->operand[i], text, len, 0)) {
      return EXIT_RESOURCES;
    }
  }
  return status;
}
