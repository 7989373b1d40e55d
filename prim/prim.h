/* SPDX-License-Identifier: Apache-2.0 */
/* Rounding, elementary functions, conversions, random numbers: the bodies that the interpreter and all generated code
 * share. This file has the vocabulary and the exact functions; prim_elementary.h, prim_inverse.h and prim_int.h have
 * the rest, and prim_f64.h and prim_special.h the same for double, which only a scalar instantiation has.
 *
 * Written once over a small vocabulary, for one float or for a GCC vector of them; both give the same bits as long as
 * products are not contracted into FMA. Freestanding: no header, no libm, no writable data. Included, or pasted, once
 * for each instantiation, after defining
 *   PRIM(name)   the name of a function in this instantiation, e.g. prim_##name or name##_v16
 *   PRIM_F PRIM_I PRIM_U   float, int32_t, uint32_t, or vectors of equal length of them
 *   PRIM_D       double, or a vector of equal length (only for the section pow)
 *   PRIM_LANES   the number of lanes, 1 for scalars
 * For sin and cos, idiv and mod a vector instantiation needs a scalar one before it, named by
 *   PRIM_1(name) (the reduction of arguments above 3217, and of quotients from 2^23 on, runs lane by lane).
 * At its end all these names, and the P_ vocabulary, are undefined again.
 *
 * The text is divided into sections, each headed by a comment that begins with an @, the section's name and those
 * that it needs, so that a printer can paste only what is used, in this order; `vocabulary` comes first and `end` last.
 * A section that begins with an #include is replaced by the sections of that file.
 *
 * Integers wrap; integer division rounds down and gives 0 for a divisor of 0; a mask is all ones or zero. */

/*@ vocabulary: */
#if PRIM_LANES > 1
#define P_K(c) ((PRIM_F){0} + (c))
#define P_KI(c) ((PRIM_I){0} + (c))
#define P_KU(c) ((PRIM_U){0} + (c))
#define P_BITS(x) ((PRIM_I)(x))
#define P_FLT(i) ((PRIM_F)(i))
#define P_TOI(x) __builtin_convertvector((x), PRIM_I)
#define P_TOF(i) __builtin_convertvector((i), PRIM_F)
#define P_TOD(x) __builtin_convertvector((x), PRIM_D)
#define P_TOS(x) __builtin_convertvector((x), PRIM_F)
#define P_LT(a, b) ((PRIM_I)((a) < (b)))
#define P_LE(a, b) ((PRIM_I)((a) <= (b)))
#define P_EQ(a, b) ((PRIM_I)((a) == (b)))
#define P_ISEL(m, a, b) (((a) & (m)) | ((b) & ~(m)))
#define P_SEL(m, a, b) P_FLT(P_ISEL(m, P_BITS(a), P_BITS(b)))
/* the greater, or the lesser, one: b where they are equal or one is NaN */
#ifdef GC_AT_LEAST
#define P_GREATER(a, b) GC_AT_LEAST(a, b)
#define P_LESSER(a, b) GC_AT_MOST(a, b)
#else
#define P_GREATER(a, b) P_SEL(P_LT(b, a), a, b)
#define P_LESSER(a, b) P_SEL(P_LT(a, b), a, b)
#endif
#else
static inline PRIM_I PRIM(bits)(PRIM_F x) {
  union {
    PRIM_F f;
    PRIM_I i;
  } u;
  u.f = x;
  return u.i;
}
static inline PRIM_F PRIM(flt)(PRIM_I i) {
  union {
    PRIM_F f;
    PRIM_I i;
  } u;
  u.i = i;
  return u.f;
}
#define P_K(c) (c)
#define P_KI(c) ((PRIM_I)(c))
#define P_KU(c) ((PRIM_U)(c))
#define P_BITS(x) PRIM(bits)(x)
#define P_FLT(i) PRIM(flt)(i)
#define P_TOI(x) ((PRIM_I)(x))
#define P_TOF(i) ((PRIM_F)(i))
#define P_TOD(x) ((PRIM_D)(x))
#define P_TOS(x) ((PRIM_F)(x))
#define P_LT(a, b) (-(PRIM_I)((a) < (b)))
#define P_LE(a, b) (-(PRIM_I)((a) <= (b)))
#define P_EQ(a, b) (-(PRIM_I)((a) == (b)))
#define P_ISEL(m, a, b) ((m) ? (a) : (b))
#define P_SEL(m, a, b) ((m) ? (a) : (b))
#define P_GREATER(a, b) ((b) < (a) ? (a) : (b))
#define P_LESSER(a, b) ((a) < (b) ? (a) : (b))
#endif
/* x, but at least, or at most, the constant c; NaN stays NaN */
#define P_AT_LEAST(c, x) P_GREATER(P_K(c), x)
#define P_AT_MOST(c, x) P_LESSER(P_K(c), x)
#define P_SIGN ((int32_t)-0x7fffffff - 1)
#define P_ABS(x) P_FLT(P_BITS(x) & 0x7fffffff)
#define P_INF P_FLT(P_KI(0x7f800000))
#define P_NAN P_FLT(P_KI(0x7fc00000))
/* 2^n for n in -126 .. 127; garbage, but defined, for other n */
#define P_LESS(i, n) ((PRIM_I)((PRIM_U)(i) - (n))) /* i - n, which may wrap */
#define P_POW2(n) P_FLT((PRIM_I)((PRIM_U)((n) + 127) << 23))

/*@ abs: vocabulary */
static inline PRIM_F PRIM(abs)(PRIM_F x) { return P_ABS(x); }

/*@ sign: vocabulary */
/* -1, 1, or x itself where it is 0 or NaN. */
static inline PRIM_F PRIM(sign)(PRIM_F x) {
  return P_SEL(P_LT(x, 0.0f), P_K(-1.0f), P_SEL(P_LT(0.0f, x), P_K(1.0f), x));
}

/*@ max: vocabulary */
/* NaN if either is; the second where they are equal. */
static inline PRIM_F PRIM(max)(PRIM_F a, PRIM_F b) { return P_SEL(P_EQ(a, a), P_GREATER(a, b), a); }

/*@ min: vocabulary */
static inline PRIM_F PRIM(min)(PRIM_F a, PRIM_F b) { return P_SEL(P_EQ(a, a), P_LESSER(a, b), a); }

/*@ round: vocabulary */
/* To the nearest integer, halves to even: adding 2^23 leaves no fraction bits. Keeps the sign of zero. */
static inline PRIM_F PRIM(round)(PRIM_F x) {
  PRIM_F a = P_ABS(x), r = (a + 8388608.0f) - 8388608.0f;
  return P_SEL(P_LT(a, 8388608.0f), P_FLT(P_BITS(r) | (P_BITS(x) & P_SIGN)), x);
}

/*@ floor: round */
static inline PRIM_F PRIM(floor)(PRIM_F x) {
  PRIM_F r = PRIM(round)(x);
  return P_SEL(P_LT(x, r), r - 1.0f, r);
}

/*@ ceil: round */
static inline PRIM_F PRIM(ceil)(PRIM_F x) {
  PRIM_F r = PRIM(round)(x);
  return P_FLT(P_BITS(P_SEL(P_LT(r, x), r + 1.0f, r)) | (P_BITS(x) & P_SIGN));
}

/*@ divmod: floor */
#if PRIM_LANES == 1
/* |a| mod |b|, exactly, for finite |a| > |b| > 0: long division of the mantissas. */
static inline PRIM_F PRIM(long_mod)(PRIM_F a, PRIM_F b) {
  PRIM_U x = (PRIM_U)P_BITS(a) & 0x7fffffffu, y = (PRIM_U)P_BITS(b) & 0x7fffffffu;
  PRIM_U m = x & 0x7fffffu, n = y & 0x7fffffu;
  PRIM_I e = (PRIM_I)(x >> 23), low = (PRIM_I)(y >> 23), h;
  m |= e ? 0x800000u : 0u, e += !e;
  n |= low ? 0x800000u : 0u, low += !low;
  while (n < 0x800000u) n <<= 1, low--;
  while (m < 0x800000u) m <<= 1, e--;
  for (; e > low; e--) m = (m >= n ? m - n : m) << 1;
  m = m >= n ? m - n : m;
  low -= 150; /* the exponent of m's last bit */
  h = low / 2;
  return P_TOF((PRIM_I)m) * P_POW2(h) * P_POW2(low - h);
}
#endif
/* q = floor(a / b) and the remainder, of the divisor's sign, 0 included: as in Python and NumPy. A divisor of 0 gives
 * an infinity and NaN, an infinite dividend NaN and NaN, an infinite divisor 0 and a, or -1 and itself. While
 * |q| < 2^23 the product q b is subtracted exactly, both factors being split into halves of 12 bits (Dekker), and q is
 * corrected where the quotient had been rounded up to an integer; above that the remainder is by long division. */
static inline PRIM_F PRIM(divmod)(PRIM_F a, PRIM_F b, PRIM_F *rest) {
  PRIM_F q = PRIM(floor)(a / b), d = P_ABS(b);
  PRIM_F qh = P_FLT(P_BITS(q) & -4096), ql = q - qh, bh = P_FLT(P_BITS(b) & -4096), bl = b - bh;
  PRIM_F r = (((a - qh * bh) - qh * bl) - ql * bh) - ql * bl;
  PRIM_I s = P_BITS(b) & P_SIGN, finite = P_LT(P_ABS(a), P_INF);
  PRIM_I far = finite & P_LT(0.0f, d) & P_LT(d, P_INF) & P_LE(8388608.0f, P_ABS(q));
  r = P_SEL(finite & P_EQ(d, P_INF), a, r);
#if PRIM_LANES == 1
  if (far) r = P_FLT(P_BITS(PRIM(long_mod)(a, b)) | (P_BITS(a) & P_SIGN));
#else
  int32_t any = 0;
  for (int l = 0; l < PRIM_LANES; l++) any |= far[l];
  for (int l = 0; any && l < PRIM_LANES; l++)
    if (far[l]) r[l] = a[l] < 0.0f ? -PRIM_1(long_mod)(a[l], b[l]) : PRIM_1(long_mod)(a[l], b[l]);
#endif
  r = P_FLT(P_BITS(r) ^ s);
  PRIM_I below = P_LT(r, 0.0f);
  r = P_SEL(below, r + d, r); /* as in Python, d itself where r is slightly below 0 */
  r = P_SEL(P_EQ(r, 0.0f), P_K(0.0f), r);
  *rest = P_FLT(P_BITS(r) ^ s);
  return P_SEL(finite, P_SEL(below, q - 1.0f, q), P_NAN);
}

/*@ idiv: divmod */
static inline PRIM_F PRIM(idiv)(PRIM_F a, PRIM_F b) {
  PRIM_F r;
  return PRIM(divmod)(a, b, &r);
}

/*@ mod: divmod */
static inline PRIM_F PRIM(mod)(PRIM_F a, PRIM_F b) {
  PRIM_F r;
  PRIM(divmod)(a, b, &r);
  return r;
}

/*@ elementary: */
#include "prim_elementary.h"

/*@ inverse: */
#include "prim_inverse.h"

/*@ integers: */
#include "prim_int.h"

/*@ double: */
#include "prim_f64.h"

/*@ special: */
#include "prim_special.h"

/*@ end: */
#undef P_K
#undef P_KI
#undef P_KU
#undef P_BITS
#undef P_FLT
#undef P_TOI
#undef P_TOF
#undef P_TOD
#undef P_TOS
#undef P_LT
#undef P_LE
#undef P_EQ
#undef P_ISEL
#undef P_SEL
#undef P_GREATER
#undef P_LESSER
#undef P_AT_LEAST
#undef P_AT_MOST
#undef P_SIGN
#undef P_ABS
#undef P_INF
#undef P_NAN
#undef P_LESS
#undef P_POW2
#undef PRIM
#undef PRIM_F
#undef PRIM_I
#undef PRIM_U
#undef PRIM_D
#undef PRIM_LANES
