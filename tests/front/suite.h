/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by the tests of the front end. */
#ifndef TESTS_FRONT_SUITE_H
#define TESTS_FRONT_SUITE_H
#include "ir/diag.h"
#include <stdio.h>
#include <stdlib.h>

/* All diagnostics of a context as one text, which the caller frees. */
static inline char *diags_text(Ctx *c, bool color) {
  char *s = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&s, &n);
  diag_print(c, f, color);
  fclose(f);
  return s;
}
#endif
