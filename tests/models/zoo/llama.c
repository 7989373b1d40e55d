/* SPDX-License-Identifier: Apache-2.0 */
/* The cache of keys and values: token by token llama gives what it gives for all tokens at once. */
#include "llama.h"
#include <stdio.h>
#include <stdlib.h>

int main(void) {
  enum { T = 32 };
  int failed = 0, kinds = 0;
  int32_t tok[T], all[T], one;
  void *mem = malloc(llama_BYTES + 64);
  if (!mem) return 2;
  mem = (void *)(((uintptr_t)mem + 63) & ~(uintptr_t)63);
  llama_init(mem, 3);
  for (int i = 0; i < T; i++) tok[i] = (37 * i * i + 11 * i + 5) % 128;
  failed += llama_all_next(mem, tok, all) != 0;
  for (int i = 0; i < T; i++) {
    failed += llama_next(mem, tok + i, &one) != 0 || one != all[i];
    kinds += i > 0 && all[i] != all[i - 1];
  }
  if (failed || kinds < T / 2) printf("FAIL  %d calls differ, %d changes of token\n", failed, kinds);
  printf("%d passed, %d failed\n", failed ? 0 : T, failed);
  return failed > 0;
}
