/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011),
 * normal variates by inversion (Wichura's AS 241, PPND16), and keyed permutations for shuffles. All are pure functions
 * of their arguments, without libm, so that data and order are the same on every machine. */
#include "rand.h"
#include <string.h>

void gc_philox(uint64_t key, uint64_t c0, uint64_t c1, uint32_t out[4]) {
  uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
  uint32_t x0 = (uint32_t)c0, x1 = (uint32_t)(c0 >> 32), x2 = (uint32_t)c1, x3 = (uint32_t)(c1 >> 32);
  for (int i = 0; i < 10; i++) {
    uint64_t p = (uint64_t)0xD2511F53u * x0, q = (uint64_t)0xCD9E8D57u * x2;
    x0 = (uint32_t)(q >> 32) ^ x1 ^ k0;
    x1 = (uint32_t)q;
    x2 = (uint32_t)(p >> 32) ^ x3 ^ k1;
    x3 = (uint32_t)p;
    k0 += 0x9E3779B9u;
    k1 += 0xBB67AE85u;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/* ln(x) for 0 < x < 1: x = m * 2^e with m near 1, then 2 atanh((m - 1) / (m + 1)). */
static double ln(double x) {
  uint64_t u;
  memcpy(&u, &x, 8);
  int e = (int)(u >> 52) - 1023;
  u = (u & 0xFFFFFFFFFFFFFu) | 0x3FF0000000000000u;
  double m;
  memcpy(&m, &u, 8);
  if (m > 1.41421356237309515) {
    m *= 0.5;
    e++;
  }
  double t = (m - 1) / (m + 1), t2 = t * t, s = 0;
  for (int k = 23; k >= 1; k -= 2) s = s * t2 + 1.0 / k;
  return 2 * t * s + e * 0.693147180559945309;
}

static double root(double x) { /* Newton, for x in [1, 64) */
  double r = 1 + x * 0.25;
  for (int i = 0; i < 8; i++) r = 0.5 * (r + x / r);
  return r;
}

static double ratio(const double a[8], const double b[8], double r) {
  double p = a[7], q = b[7];
  for (int i = 6; i >= 0; i--) {
    p = p * r + a[i];
    q = q * r + b[i];
  }
  return p / q;
}

double gc_normal(uint32_t bits) {
  static const double a[8] = {3.3871328727963666080,   1.3314166789178437745e2, 1.9715909503065514427e3,
                              1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
                              3.3430575583588128105e4, 2.5090809287301226727e3};
  static const double b[8] = {1,
                              4.2313330701600911252e1,
                              6.8718700749205790830e2,
                              5.3941960214247511077e3,
                              2.1213794301586595867e4,
                              3.9307895800092710610e4,
                              2.8729085735721942674e4,
                              5.2264952788528545610e3};
  static const double c[8] = {1.42343711074968357734,    4.63033784615654529590,   5.76949722146069140550,
                              3.64784832476320460504,    1.27045825245236838258,   2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1,
                              2.05319162663775882187,
                              1.67638483018380384940,
                              6.89767334985100004550e-1,
                              1.48103976427480074590e-1,
                              1.51986665636164571966e-2,
                              5.47593808499534494600e-4,
                              1.05075007164441684324e-9};
  double p = (bits + 0.5) * 0x1p-32, q = p - 0.5;
  if (q >= -0.425 && q <= 0.425) return q * ratio(a, b, 0.180625 - q * q);
  /* with 32 bits r is at most 4.8, so that the third branch of AS 241 (r > 5) is not needed */
  double r = root(-ln(q < 0 ? p : 1 - p));
  double x = ratio(c, d, r - 1.6);
  return q < 0 ? -x : x;
}

/* A Feistel network over Z_a x Z_b with a * b just above n. Values outside 0..n-1 are mapped again until they are
 * inside (cycle walking). */
void perm_init(Perm *p, uint64_t n, uint64_t seed, uint64_t stream) {
  p->n = n;
  uint64_t a = 1;
  while (a * a < n) a = a < 2 ? 2 : a + (a >> 4) + 1; /* within 7 % of the root: close enough to square */
  p->a = a;
  p->b = n ? (n + a - 1) / a : 1;
  for (int i = 0; i < PERM_ROUNDS; i += 4) gc_philox(seed, stream, 0x7065726Du + ((uint64_t)i << 32), p->key + i);
}

static uint32_t mix32(uint32_t x, uint32_t key) {
  x = (x ^ key) * 0x85EBCA6Bu;
  x = (x ^ (x >> 15)) * 0xC2B2AE35u;
  x ^= x >> 13;
  x = (x + key) * 0x9E3779B1u;
  return x ^ (x >> 16);
}

uint64_t perm_at(const Perm *p, uint64_t i) {
  do {
    uint64_t l = i / p->b, r = i % p->b;
    for (int k = 0; k < PERM_ROUNDS; k += 2) {
      l += (mix32((uint32_t)r, p->key[k]) * p->a) >> 32;
      if (l >= p->a) l -= p->a;
      r += (mix32((uint32_t)l, p->key[k + 1]) * p->b) >> 32;
      if (r >= p->b) r -= p->b;
    }
    i = l * p->b + r;
  } while (i >= p->n);
  return i;
}
