/* SPDX-License-Identifier: Apache-2.0 */
/* Remarks and warnings of the in-process compiler must not reach the terminal: here, that a loop with a request to
 * vectorise it cannot be vectorised. Prints `ok`; any other output is the compiler's. */
#include "codegen/jit/jit.h"
#include <stdio.h>
#include <string.h>

int main(void) {
  static const char text[] =
    "static __attribute__((noinline)) int same(int i) { volatile int x = i; return x; }\n"
    "int f(int *p, int n) {\n  int s = 0;\n"
    "#pragma clang loop vectorize(assume_safety)\n"
    "  for (int i = 0; i < n; i++) { if (p[i] == 3) break; s += same(p[i]); }\n  return s;\n}\n";
  JitUnit unit = {.text = text, .n = strlen(text)};
  JitJob job = {.unit = &unit, .nunit = 1};
  JitError error;
  Jit *j = jit_load(&job, &error);
  int (*f)(int *, int) = NULL;
  const void *at = j ? jit_symbol(j, "f") : NULL;
  memcpy(&f, &at, sizeof f);
  int p[] = {8, 4, 3, 9};
  puts(f && f(p, 4) == 12 ? "ok" : j ? "wrong" : error.text);
  jit_free(j);
  return 0;
}
