/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes, random numbers and permutations: pure functions of their arguments. */
#ifndef GRADC_RAND_H
#define GRADC_RAND_H
#include <stddef.h>
#include <stdint.h>

uint64_t gc_hash(uint64_t h, const void *p, size_t n); /* hash.c */
void gc_philox(uint64_t key, uint64_t c0, uint64_t c1, uint32_t out[4]);
double gc_normal(uint32_t bits); /* quantile of the normal distribution at (bits + 1/2) / 2^32 */
enum { PERM_ROUNDS = 8 };
typedef struct Perm { /* a keyed permutation of 0..n-1 */
  uint64_t n, a, b;
  uint32_t key[PERM_ROUNDS];
} Perm;
void perm_init(Perm *p, uint64_t n, uint64_t seed, uint64_t stream);
uint64_t perm_at(const Perm *p, uint64_t i);
#endif
