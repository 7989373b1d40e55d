/* SPDX-License-Identifier: Apache-2.0 */
/* Trains a model emitted as portable C, its sections in turn, and prints the hash that reference.c prints. */
#include "spec.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t gc_hash(uint64_t h, const void *p, size_t n);

int main(void) {
  unsigned char *mem = aligned_alloc(64, (BYTES + 63) / 64 * 64), *copy = malloc(BYTES);
  uint64_t h = 0;
  if (!mem || !copy) return 1;
  start(mem);
  for (int r = 0; r < ROUNDS; r++)
    if (run_round(mem, r)) return 1;
  for (int i = 0; i < PLACES; i++) {
    if (GET(mem, place[i].at, copy)) return 1;
    h = gc_hash(h, place[i].name, strlen(place[i].name));
    h = gc_hash(h, place[i].dim, (size_t)place[i].rank * sizeof place[i].dim[0]);
    h = gc_hash(h, copy, (size_t)place[i].bytes);
  }
  printf("%016llx\n", (unsigned long long)h);
  free(mem);
  free(copy);
  return 0;
}
