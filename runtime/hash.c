/* SPDX-License-Identifier: Apache-2.0 */
/* The 64-bit hash of weights and of tensors in files: a multiply-xorshift chain over the length and little-endian
 * words. It detects damage; it is not cryptographic. */
#include "rand.h"
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the runtime reads and writes little-endian files by copying: it needs a little-endian machine"
#endif

static uint64_t mix(uint64_t h, uint64_t w) {
  h = (h ^ w) * 0x9E3779B97F4A7C15u;
  return h ^ (h >> 29);
}

uint64_t gc_hash(uint64_t h, const void *p, size_t n) {
  const unsigned char *s = p;
  h = mix(h, n + 0x6772616463u);
  for (; n >= 8; n -= 8, s += 8) {
    uint64_t w;
    memcpy(&w, s, 8);
    h = mix(h, w);
  }
  uint64_t w = 0;
  if (n) memcpy(&w, s, n);
  return mix(mix(h, w), 0xBF58476D1CE4E5B9u);
}
