/* SPDX-License-Identifier: Apache-2.0 */
/* Golden expansions: FILE.ir after autodiff must print as FILE.out: what gets adjoints, in which order they add, and
 * which source location each node keeps. */
#include "suite.h"
#include "passes/pass.h"
#include <stdio.h>
#include <string.h>

static bool file_is(const char *path, const Str *want) {
  static char text[1 << 16];
  FILE *f = fopen(path, "r");
  if (!f) return false;
  size_t n = fread(text, 1, sizeof text, f);
  fclose(f);
  return n == want->n && !memcmp(text, want->s, n);
}

void expand_check(Suite *s, const char *path) {
  Ctx *c = ctx_new();
  Loc start;
  bool ok = source_read(c, path, &start);
  if (ok) {
    Module *m = ir_parse(c, start);
    Str out = {.c = c};
    if (!diag_errors(c)) pass_autodiff(m);
    if (!diag_errors(c)) ir_verify(m);
    ir_print(&out, m);
    ok = !diag_errors(c) && file_is(ctx_strf(c, "%.*s.out", (int)strlen(path) - 3, path), &out);
    if (!ok) printf("FAIL %s: expands to\n%s", path, out.s);
    diag_print(c, stdout, false);
  } else {
    perror(path);
  }
  ctx_free(c);
  if (ok) s->passed++;
  else s->failed++;
}
