/* SPDX-License-Identifier: Apache-2.0 */
/* mutate SEED FILE: writes FILE with some mutations. */
#include "mutate.h"

int main(int argc, char **argv) {
  FILE *f = argc == 3 ? fopen(argv[2], "rb") : NULL;
  Mutant t = {malloc(1 << 20), 0};
  if (!f || !t.s) return 2;
  t.n = fread(t.s, 1, (1 << 20) - 1, f);
  fclose(f);
  mutate(&t, strtoull(argv[1], NULL, 10));
  return fwrite(t.s, 1, t.n, stdout) != t.n;
}
