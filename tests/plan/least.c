/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of least.nn with every number of rows: refused below the least one, else right. */
#include "least.h"
#include <stdio.h>

static int passed, failed;

static void check(int ok, const char *what, int rows) {
  ok ? passed++ : failed++;
  if (!ok) printf("FAIL  least: %s with %d rows\n", what, rows);
}

int main(void) {
  static unsigned char mem[least_BYTES + 64];
  for (int t = 1; t <= 8; t++) {
    float x[16], y[13], out[6] = {0}, one = 0;
    for (int i = 0; i < 2 * t; i++) x[i] = (float)(i * i);
    for (int i = 0; i < 2 * t - 3; i++) y[i] = (float)(i + 1);
    int status = least_third(mem, x, t, out);
    check((status != 0) == (t < 3), "the status of third", t);
    for (int i = 0; i < 2 && !status; i++) check(out[i] == x[4 + i] + x[2 * (t - 3) + i], "third", t);
    status = least_head(mem, x, t, out);
    check((status != 0) == (t < 4), "the status of head", t);
    for (int i = 0; i < 6 && !status; i++) check(out[i] == 2 * x[i] + x[2 + i], "head", t);
    status = least_both(mem, x, y, t, out, &one);
    check((status != 0) == (t < 4), "the status of both", t);
    for (int i = 0; i < 4 && !status; i++) check(out[i] == x[2 + i] * y[0] && one == y[3], "both", t);
  }
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
