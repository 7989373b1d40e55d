/* SPDX-License-Identifier: Apache-2.0 */
/* Included by the program that to_c.awk writes. */
#include <math.h>
#include <stdio.h>
#include <string.h>

/* Single precision against PyTorch's double: within 1e-5 of 1 + |value|. */
static int near(const char *what, const void *got, const double *want, size_t n) {
  for (size_t i = 0; i < n; i++) {
    float x;
    memcpy(&x, (const unsigned char *)got + i * sizeof x, sizeof x);
    if (fabs(x - want[i]) <= 1e-5 * (1 + fabs(want[i]))) continue;
    printf("      %s [%d] is %.9g, expected %.9g\n", what, (int)i, x, want[i]);
    return 0;
  }
  return 1;
}

static int passed, failed;
static void count(const char *name, int ok) {
  passed += ok;
  failed += !ok;
  if (!ok) printf("FAIL  %s\n", name);
}

static int finish(void) {
  printf("layers: %d passed, %d failed\n", passed, failed);
  return failed != 0;
}
