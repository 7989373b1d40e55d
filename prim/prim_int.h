/* SPDX-License-Identifier: Apache-2.0 */
/* Conversions, integer division and random numbers of prim.h, which includes this file. */

/*@ bf16: vocabulary */
/* Floats of 16 bits are kept as their bits, in the low half of an integer. From f32 to the nearest, ties to even; a NaN
 * becomes quiet and keeps the high bits of its payload. bf16 is the high half of an f32. */
static inline PRIM_F PRIM(from_bf16)(PRIM_U h) { return P_FLT((PRIM_I)(h << 16)); }
static inline PRIM_U PRIM(to_bf16)(PRIM_F x) {
  PRIM_U u = (PRIM_U)P_BITS(x), near = (u + 0x7fffu + ((u >> 16) & 1u)) >> 16;
  return (PRIM_U)P_ISEL(P_EQ(x, x), (PRIM_I)near, (PRIM_I)((u >> 16) | 0x40u));
}

/*@ f16: vocabulary */
/* Both biases of the exponent differ by 112. Below 2^-14 f16 counts in units of 2^-24, which are the ulp of f32 at 1/2:
 * an addition there rounds, a subtraction at 2^-14 restores the fraction. */
static inline PRIM_F PRIM(from_f16)(PRIM_U h) {
  PRIM_I m = (PRIM_I)((h & 0x7fffu) << 13), sign = (PRIM_I)((h & 0x8000u) << 16);
  PRIM_I tiny = P_LT(m, 0x00800000), large = P_LE(0x0f800000, m), nan = P_LT(0x0f800000, m);
  PRIM_I small = P_BITS(P_FLT(m + 0x38800000) - 6.103515625e-05f);
  PRIM_I y = P_ISEL(tiny, small, P_ISEL(large, m | 0x7f800000, m + 0x38000000));
  return P_FLT(y | sign | (nan & 0x00400000));
}
static inline PRIM_U PRIM(to_f16)(PRIM_F x) {
  PRIM_I a = P_BITS(x) & 0x7fffffff, sign = (PRIM_I)(((PRIM_U)P_BITS(x) >> 16) & 0x8000u);
  PRIM_U u = (PRIM_U)a, near = (u - 0x38000000u + 0xfffu + ((u >> 13) & 1u)) >> 13;
  PRIM_I small = P_BITS(P_FLT(P_ISEL(P_LT(a, 0x38800000), a, P_KI(0))) + 0.5f) - 0x3f000000;
  PRIM_I y = P_ISEL(P_LT(a, 0x38800000), small, P_ISEL(P_LE(0x47800000, a), P_KI(0x7c00), (PRIM_I)near));
  y = P_ISEL(P_LT(0x7f800000, a), ((a >> 13) & 0x3ff) | 0x7e00, y);
  return (PRIM_U)(y | sign);
}

/*@ to_int: vocabulary */
/* Towards 0, saturating at lo and hi, integers of at most 24 bits; NaN gives 0. For u8, i8, u16, i16. */
static inline PRIM_I PRIM(to_int)(PRIM_F x, float lo, float hi) {
  PRIM_F c = P_SEL(P_LT(x, lo), P_K(lo), P_SEL(P_LT(hi, x), P_K(hi), x));
  return P_TOI(P_SEL(P_EQ(c, c), c, P_K(0.0f)));
}

/*@ to_i32: vocabulary */
static inline PRIM_I PRIM(to_i32)(PRIM_F x) {
  PRIM_I big = P_LE(2147483648.0f, x), small = P_LT(x, -2147483648.0f);
  PRIM_I i = P_TOI(P_SEL(P_EQ(x, x) & ~(big | small), x, P_K(0.0f)));
  return P_ISEL(big, P_KI(0x7fffffff), P_ISEL(small, P_KI(P_SIGN), i));
}

/*@ to_u32: vocabulary */
static inline PRIM_U PRIM(to_u32)(PRIM_F x) {
  PRIM_I high = P_LE(2147483648.0f, x), big = P_LE(4294967296.0f, x);
  PRIM_F c = P_SEL(high, x - 2147483648.0f, x);
  PRIM_I i = P_TOI(P_SEL(P_LT(0.0f, c) & ~big, c, P_K(0.0f)));
  return (PRIM_U)(P_ISEL(big, P_KI(-1), i | (high & P_SIGN)));
}

/*@ idiv_i32: vocabulary */
/* Rounds down; 0 for a divisor of 0; the most negative number divided by -1 is itself. */
static inline PRIM_I PRIM(idiv_i32)(PRIM_I a, PRIM_I b) {
  PRIM_I zero = P_EQ(b, 0), minus = P_EQ(b, -1);
  PRIM_I d = P_ISEL(zero | minus, P_KI(1), b), q = a / d, r = a - q * d;
  q = q + (~P_EQ(r, 0) & P_LT(r ^ d, 0)); /* a mask is -1 */
  q = P_ISEL(minus, (PRIM_I)(0u - (PRIM_U)a), q);
  return P_ISEL(zero, P_KI(0), q);
}

/*@ mod_i32: vocabulary */
/* The divisor's sign; 0 for a divisor of 0. */
static inline PRIM_I PRIM(mod_i32)(PRIM_I a, PRIM_I b) {
  PRIM_I zero = P_EQ(b, 0) | P_EQ(b, -1);
  PRIM_I d = P_ISEL(zero, P_KI(1), b), r = a % d;
  r = r + (d & ~P_EQ(r, 0) & P_LT(r ^ d, 0));
  return P_ISEL(zero, P_KI(0), r);
}

/*@ idiv_u32: vocabulary */
static inline PRIM_U PRIM(idiv_u32)(PRIM_U a, PRIM_U b) {
  PRIM_U zero = (PRIM_U)P_EQ(b, 0u);
  return (a / (b | (zero & 1u))) & ~zero;
}

/*@ mod_u32: vocabulary */
static inline PRIM_U PRIM(mod_u32)(PRIM_U a, PRIM_U b) {
  PRIM_U zero = (PRIM_U)P_EQ(b, 0u);
  return (a % (b | (zero & 1u))) & ~zero;
}

/*@ shift: vocabulary */
/* By less than 0 or more than 31 bits: 0, or to the right the sign in all bits. */
static inline PRIM_U PRIM(shl_u32)(PRIM_U a, PRIM_U b) { return (a << (b & 31u)) & (PRIM_U)P_LT(b, 32u); }
static inline PRIM_I PRIM(shl_i32)(PRIM_I a, PRIM_I b) { return (PRIM_I)PRIM(shl_u32)((PRIM_U)a, (PRIM_U)b); }
static inline PRIM_U PRIM(shr_u32)(PRIM_U a, PRIM_U b) { return (a >> (b & 31u)) & (PRIM_U)P_LT(b, 32u); }
static inline PRIM_I PRIM(shr_i32)(PRIM_I a, PRIM_I b) {
  PRIM_I far = ~P_LT((PRIM_U)b, 32u);
  return P_ISEL(far, a >> 31, a >> (b & 31));
}

/*@ to_i64: vocabulary */
/* To 64 bits there are scalars only. */
#if PRIM_LANES == 1
static inline int64_t PRIM(to_i64)(PRIM_F x) {
  if (9223372036854775808.0f <= x) return 0x7fffffffffffffff;
  if (x < -9223372036854775808.0f) return -0x7fffffffffffffff - 1;
  return x == x ? (int64_t)x : 0;
}
#endif

/*@ idiv_i64: vocabulary */
#if PRIM_LANES == 1
static inline int64_t PRIM(idiv_i64)(int64_t a, int64_t b) {
  int64_t d = b == 0 || b == -1 ? 1 : b, q = a / d, r = a % d;
  q -= r != 0 && (r ^ d) < 0;
  return b == 0 ? 0 : b == -1 ? (int64_t)(0u - (uint64_t)a) : q;
}
#endif

/*@ mod_i64: vocabulary */
#if PRIM_LANES == 1
static inline int64_t PRIM(mod_i64)(int64_t a, int64_t b) {
  int64_t d = b == 0 || b == -1 ? 1 : b, r = a % d;
  return r != 0 && (r ^ d) < 0 ? r + d : r;
}
#endif

/*@ shift_i64: vocabulary */
#if PRIM_LANES == 1
static inline int64_t PRIM(shl_i64)(int64_t a, int64_t b) {
  return (uint64_t)b < 64u ? (int64_t)((uint64_t)a << b) : 0;
}
static inline int64_t PRIM(shr_i64)(int64_t a, int64_t b) { return a >> ((uint64_t)b < 64u ? b : 63); }
#endif

/*@ philox: vocabulary */
/* Philox4x32-10 (Salmon et al., 2011): c is the counter and becomes the result. */
#if PRIM_LANES > 1
typedef uint64_t PRIM(wide) __attribute__((vector_size(sizeof(PRIM_U)))); /* products of every other lane */
#endif
static inline PRIM_U PRIM(mulhi)(PRIM_U a, uint32_t b) {
#if PRIM_LANES > 1
  PRIM(wide) even = ((PRIM(wide))a & 0xffffffffu) * b, odd = ((PRIM(wide))a >> 32) * b;
  return (PRIM_U)((even >> 32) | (odd & 0xffffffff00000000u));
#else
  return (PRIM_U)(((uint64_t)a * b) >> 32);
#endif
}
static inline void PRIM(philox)(PRIM_U *c, uint32_t key0, uint32_t key1) {
  for (int round = 0; round < 10; round++) {
    PRIM_U h0 = PRIM(mulhi)(c[0], 0xd2511f53u), h1 = PRIM(mulhi)(c[2], 0xcd9e8d57u);
    PRIM_U l0 = c[0] * 0xd2511f53u, l1 = c[2] * 0xcd9e8d57u;
    c[0] = h1 ^ c[1] ^ key0;
    c[1] = l1;
    c[2] = h0 ^ c[3] ^ key1;
    c[3] = l0;
    key0 += 0x9e3779b9u;
    key1 += 0xbb67ae85u;
  }
}

/*@ random: philox */
/* Uniform numbers in [0, 1) of 24 bits. Element i of a `random` node is word (i / 16) mod 4 of the Philox block
 * b = (i / 64) 16 + i mod 16: 16 blocks side by side give 64 elements in order. Counter: low 32 bits of b; step;
 * iteration of the scan (of nested scans, outer times inner length plus inner iteration); b's high bits xor `pass`
 * 2^12, where `pass` is the number of the microbatch, or of the call of an export.
 * The key is random_key(seed, stream). */
static inline PRIM_F PRIM(unit)(PRIM_U word) { return P_TOF((PRIM_I)(word >> 8)) * 5.9604644775390625e-8f; /* 2^-24 */ }
/* Elements 64 j + 16 w + l for w = 0 .. 3, block = 16 j + l: out[w]. */
static inline void PRIM(random4)(PRIM_U block, uint32_t block_high, uint32_t key0, uint32_t key1, uint32_t step,
                                 uint32_t pass, uint32_t iteration, PRIM_F *out) {
  PRIM_U c[4];
  c[0] = block;
  c[1] = P_KU(step);
  c[2] = P_KU(iteration);
  c[3] = P_KU(block_high ^ (pass << 12));
  PRIM(philox)(c, key0, key1);
  for (int w = 0; w < 4; w++) out[w] = PRIM(unit)(c[w]);
}
/* Any elements: index is the low 32 bits, index_high the rest (the same for all lanes). */
static inline PRIM_F PRIM(random)(PRIM_U index, uint32_t index_high, uint32_t key0, uint32_t key1, uint32_t step,
                                  uint32_t pass, uint32_t iteration) {
  PRIM_F out[4];
  PRIM_U block = (((index >> 2) | (index_high << 30)) & ~15u) | (index & 15u);
  PRIM_I w = (PRIM_I)((index >> 4) & 3u);
  PRIM(random4)(block, index_high >> 2, key0, key1, step, pass, iteration, out);
  return P_SEL(P_LT(w, 2), P_SEL(P_EQ(w, 0), out[0], out[1]), P_SEL(P_EQ(w, 2), out[2], out[3]));
}

/*@ random_key: vocabulary */
#if PRIM_LANES == 1
/* Low word: key0, high word: key1. The finaliser of SplitMix64, twice, so that near seeds and streams are unrelated. */
static inline uint64_t PRIM(mix)(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}
static inline uint64_t PRIM(random_key)(uint64_t seed, uint64_t stream) {
  return PRIM(mix)(PRIM(mix)(seed + 0x9e3779b97f4a7c15u) ^ stream);
}
#endif
