/* SPDX-License-Identifier: Apache-2.0 */
/* The elementary functions of prim.h, which includes this file: exp to pow, by minimax polynomials. */

/*@ exp: vocabulary */
/* exp(x) = 2^n exp(r), n = round(x / ln 2), |r| <= 0.3474: r is exact, ln 2 being split into 10 bits and the rest; the
 * polynomial is minimax of relative error 2^-31.9. 2^n is applied in two factors, so that denormal results round once.
 * 0 below -103.97, infinity above 88.72. From -176 down 2^(n/2) is 0 itself: processors take long for products that
 * underflow, and masked scores are that low. */
static inline PRIM_F PRIM(exp)(PRIM_F x) {
  PRIM_F b = P_AT_MOST(89.0f, x), c = P_AT_LEAST(-176.0f, b);
  PRIM_F t = c * 1.44269502f + 12582912.0f; /* 1.5 2^23: its low bits now hold n */
  PRIM_I n = P_BITS(t) - 0x4b400000, h = n >> 1;
  PRIM_F k = t - 12582912.0f;
  PRIM_F r = (c - k * 0.693359375f) + k * 0.000212194442f;
  PRIM_F p = 0.00139408931f + r * 0.000198459005f;
  p = 0.0416663587f + r * (0.00833338965f + r * p);
  p = 0.5f + r * (0.166666657f + r * p);
  PRIM_F s = 1.0f + r;
  p = s + (((1.0f - s) + r) + r * r * p); /* with the rounding error of s */
  return p * P_POW2(h) * P_POW2(n - h);
}

/*@ expm1: vocabulary */
/* As exp, but 2^n (e + 1) - 1 is computed as 2 (h e + (h - 1/2)), h = 2^(n-1), which does not overflow early. */
static inline PRIM_F PRIM(expm1)(PRIM_F x) {
  PRIM_F b = P_AT_MOST(89.0f, x), c = P_AT_LEAST(-30.0f, b);
  PRIM_F t = c * 1.44269502f + 12582912.0f;
  PRIM_I n = P_BITS(t) - 0x4b400000;
  PRIM_F k = t - 12582912.0f;
  PRIM_F r = (c - k * 0.693359375f) + k * 0.000212194442f;
  PRIM_F p = 0.00139408931f + r * 0.000198459005f;
  p = 0.0416663587f + r * (0.00833338965f + r * p);
  p = 0.5f + r * (0.166666657f + r * p);
  PRIM_F e = r + r * r * p, h = P_POW2(n - 1);
  PRIM_F y = 2.0f * (h * e + (h - 0.5f));
  return P_SEL(P_LT(P_ABS(x), 2.98023224e-8f), x, y); /* 2^-25 */
}

/*@ log_parts: vocabulary */
/* log(1 + f) + k ln 2 for 1/sqrt 2 <= 1 + f < sqrt 2 and |k| <= 150; `low` is added to f, to first order. */
static inline PRIM_F PRIM(log_parts)(PRIM_F k, PRIM_F f, PRIM_F low) {
  PRIM_F z = f * f;
  PRIM_F p = 0.12761575f + f * -0.0763449445f;
  p = 0.142017588f + f * (-0.131601825f + f * p);
  p = 0.200012267f + f * (-0.166233569f + f * p);
  p = 0.333333313f + f * (-0.250008196f + f * p);
  PRIM_F y = z * f * p + (k * -0.000212194442f + low);
  y = y - 0.5f * z;
  return k * 0.693359375f + (f + y);
}

/*@ log: log_parts */
/* -infinity at 0, NaN below. */
static inline PRIM_F PRIM(log)(PRIM_F x) {
  PRIM_I tiny = P_LT(x, 1.17549435e-38f);
  PRIM_I i = P_LESS(P_BITS(P_SEL(tiny, x * 8388608.0f, x)), 0x3f3504f3u); /* the bits of 1/sqrt 2 */
  PRIM_F m = P_FLT((i & 0x007fffff) + 0x3f3504f3);
  PRIM_F k = P_TOF((i >> 23) - (tiny & 23));
  PRIM_F y = PRIM(log_parts)(k, m - 1.0f, P_K(0.0f));
  y = P_SEL(P_LT(x, P_INF), y, x);
  y = P_SEL(P_EQ(x, 0.0f), -P_INF, y);
  return P_SEL(P_LT(x, 0.0f), P_NAN, y);
}

/*@ log1p: log_parts */
/* log(u) with u = 1 + x rounded, and the rounding error of u as a correction; for u near 1, f = x itself. */
static inline PRIM_F PRIM(log1p)(PRIM_F x) {
  PRIM_F u = 1.0f + x;
  PRIM_F lost = P_SEL(P_LT(x, 1.0f), x - (u - 1.0f), 1.0f - (u - x));
  PRIM_I i = P_LESS(P_BITS(u), 0x3f3504f3u), n = i >> 23, near = P_EQ(n, 0);
  PRIM_F f = P_SEL(near, x, P_FLT((i & 0x007fffff) + 0x3f3504f3) - 1.0f);
  PRIM_F low = P_SEL(near | P_LT(99, n), P_K(0.0f), lost * P_POW2(-n) * (1.0f - f));
  PRIM_F y = PRIM(log_parts)(P_TOF(n), f, low);
  y = P_SEL(P_LT(x, P_INF), y, x);
  y = P_SEL(P_LT(P_ABS(x), 2.98023224e-8f), x, y);
  y = P_SEL(P_EQ(x, -1.0f), -P_INF, y);
  return P_SEL(P_LT(x, -1.0f), P_NAN, y);
}

/*@ sqrt: vocabulary */
/* Correctly rounded. m in [1, 4) is x without an even power of 2; 1/sqrt(m) by three Newton steps from the exponent
 * trick; then s with one exact residual step; then s is moved by one ulp where m is beyond the midpoint between s and
 * its neighbour: |m - s s| > s ulp. The residual is exact because s is split into halves of 12 bits. */
static inline PRIM_F PRIM(sqrt_residual)(PRIM_F m, PRIM_F s) {
  PRIM_F h = P_FLT(P_BITS(s) & -4096), l = s - h;
  return ((m - h * h) - 2.0f * h * l) - l * l;
}
static inline PRIM_F PRIM(sqrt)(PRIM_F x) {
  PRIM_I tiny = P_LT(x, 1.17549435e-38f);
  PRIM_I i = P_BITS(P_SEL(tiny, x * 16777216.0f, x)), e = P_LESS(i, 0x3f800000u) >> 24;
  PRIM_F m = P_FLT((PRIM_I)((PRIM_U)i - ((PRIM_U)e << 24)));
  PRIM_F y = P_FLT(0x5f3759df - (P_BITS(m) >> 1)), half = 0.5f * m;
  y = y * (1.5f - half * y * y);
  y = y * (1.5f - half * y * y);
  y = y * (1.5f - half * y * y);
  PRIM_F s = m * y;
  s = s + PRIM(sqrt_residual)(m, s) * (0.5f * y);
  PRIM_F d = PRIM(sqrt_residual)(m, s), gap = s * 1.1920929e-7f; /* s in [1, 2): one ulp is 2^-23 */
  PRIM_I up = P_LT(gap, d), down = P_LE(d, -gap);
  s = P_FLT(P_BITS(s) - up + down);
  s = s * P_POW2(e - (tiny & 12));
  s = P_SEL(P_LT(x, P_INF), s, x); /* infinity, NaN */
  s = P_SEL(P_LT(x, 0.0f), P_NAN, s);
  return P_SEL(P_EQ(x, 0.0f), x, s);
}

/*@ rsqrt: sqrt */
static inline PRIM_F PRIM(rsqrt)(PRIM_F x) { return 1.0f / PRIM(sqrt)(x); }

/*@ tanh: exp */
/* Near 0 a polynomial in x^2 (minimax, 2^-28.4); else 1 - 2 / (exp(2|x|) + 1), which is 1 from 9.02 on. */
static inline PRIM_F PRIM(tanh)(PRIM_F x) {
  PRIM_F a = P_ABS(x), z = x * x;
  PRIM_F p = 0.0207959712f + z * -0.00589515828f;
  p = -0.333332986f + z * (0.133319244f + z * (-0.0537838303f + z * p));
  PRIM_F near = x + x * (z * p);
  PRIM_F far = 1.0f - 2.0f / (PRIM(exp)(a + a) + 1.0f);
  far = P_FLT(P_BITS(far) | (P_BITS(x) & P_SIGN));
  return P_SEL(P_LT(a, 0.000244140625f), x, P_SEL(P_LT(a, 0.6f), near, far)); /* 2^-12 */
}

/*@ sigmoid: exp */
/* 1 / (1 + e) or e / (1 + e), e = exp(-|x|): small results keep their precision. */
static inline PRIM_F PRIM(sigmoid)(PRIM_F x) {
  PRIM_F e = PRIM(exp)(-P_ABS(x)), d = 1.0f + e;
  PRIM_F y = P_SEL(P_LT(x, 0.0f), e, P_K(1.0f)) / d;
  return y - y * (e - (d - 1.0f)); /* with the rounding error of d */
}

/*@ erf: exp */
/* Near 0 a polynomial in x^2 (minimax, 2^-31); else 1 - exp(q(|x|)), q minimax for log(erfc); 1 from 3.92 on. */
static inline PRIM_F PRIM(erf)(PRIM_F x) {
  PRIM_F a = P_ABS(x), z = x * x;
  PRIM_F p = 0.00520128617f + z * (-0.000814559811f + z * 8.38239139e-05f);
  p = -0.376126349f + z * (0.112836972f + z * (-0.0268594995f + z * p));
  PRIM_F near = x + x * (0.128379166f + z * p);
  PRIM_F t = P_AT_MOST(4.0f, a);
  PRIM_F q = 0.000431392516f + t * -2.08285237e-05f;
  q = -0.108220369f + t * (0.0250806045f + t * (-0.00415625004f + t * q));
  q = 0.000169203806f + t * (-1.12948835f + t * (-0.633400857f + t * q));
  PRIM_F far = 1.0f - PRIM(exp)(q);
  far = P_FLT(P_BITS(far) | (P_BITS(x) & P_SIGN));
  return P_SEL(P_LT(a, 0.92f), near, far);
}

/*@ trig: vocabulary */
#if PRIM_LANES == 1
/* x - n pi/2 and n mod 4 for any finite |x| >= 2^11 (Payne and Hanek): the 96 bits of 2/pi that matter for the exponent
 * of x, times its 24-bit mantissa, leave a fraction of 94 bits below the quadrant. */
static inline PRIM_I PRIM(far)(PRIM_F x, PRIM_F *r) {
  static const uint32_t bits[] = {0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u,
                                  0xdb629599u, 0x3c439041u, 0xfe5163abu, 0xdebbc561u, 0xb7246e3au};
  uint32_t i = (uint32_t)P_BITS(x), m = (i & 0x7fffffu) | 0x800000u;
  uint32_t at = ((i >> 23) & 255u) - 120u, w = at >> 5, s = at & 31u; /* first bit that matters, after 32 zero bits */
  uint64_t a = (uint64_t)bits[w] << 32 | bits[w + 1], b = (uint64_t)bits[w + 2] << 32 | bits[w + 3];
  uint64_t high = s ? a << s | b >> (64u - s) : a, low = (b << s) >> 32;
  uint64_t p = m * high + ((m * low) >> 32); /* modulo 2^64: quadrant in the top 2 bits */
  uint32_t q = (uint32_t)(p >> 62);
  int32_t e = -30;
  p <<= 2;
  q += (uint32_t)(p >> 63); /* to the nearest quadrant */
  uint32_t below = (uint32_t)(p >> 63);
  p = below ? 0u - p : p;
  for (; p && !(p >> 63); p <<= 1) e--;
  p = (p >> 32) * 0xc90fdaa2u + (((p & 0xffffffffu) * 0xc90fdaa2u) >> 32); /* pi/2 2^31: no double is needed */
  *r = P_TOF((PRIM_I)(p >> 33)) * P_POW2(e);
  if (below) *r = -*r;
  if (i >> 31) *r = -*r, q = 0u - q;
  return (PRIM_I)(q & 3u);
}
#endif
/* n = round(x 2/pi) mod 4 and r = x - n pi/2; pi/2 is a sum of terms of 13 bits, so the first products are exact. */
static inline PRIM_I PRIM(quadrant)(PRIM_F x, PRIM_F *r) {
  PRIM_F t = x * 0.636619747f + 12582912.0f, k = t - 12582912.0f;
  PRIM_I n = P_BITS(t) & 3, far = P_LT(3217.0f, P_ABS(x));
  PRIM_F a = (x - k * 1.570556640625f) - k * 0.00023967027664184570f, b = k * 1.5890691429376602e-08f, d = a - b;
  *r = d + (((a - d) - b) - k * 2.56334407e-12f); /* with the rounding error of d */
#if PRIM_LANES == 1
  if (far) n = PRIM(far)(x, r);
#else
  int32_t any = 0;
  for (int l = 0; l < PRIM_LANES; l++) any |= far[l];
  for (int l = 0; any && l < PRIM_LANES; l++)
    if (far[l]) {
      float rest;
      n[l] = PRIM_1(far)(x[l], &rest);
      (*r)[l] = rest;
    }
#endif
  return n;
}
/* sin(r + n pi/2) for |r| <= pi/4: minimax, 2^-28 and 2^-33. */
static inline PRIM_F PRIM(sine)(PRIM_F r, PRIM_I n) {
  PRIM_F z = r * r;
  PRIM_F s = r + r * (z * (-0.166666552f + z * (0.00833215471f + z * -0.000195144545f)));
  PRIM_F h = 0.5f * z, w = 1.0f - h;
  PRIM_F c = w + (((1.0f - w) - h) + z * z * (0.0416666456f + z * (-0.00138873083f + z * 2.44322091e-05f)));
  PRIM_F y = P_SEL(P_EQ(n & 1, 1), c, s);
  return P_FLT(P_BITS(y) ^ (PRIM_I)((PRIM_U)(n & 2) << 30));
}

/*@ sin: trig */
static inline PRIM_F PRIM(sin)(PRIM_F x) {
  PRIM_F r, y;
  PRIM_I n = PRIM(quadrant)(x, &r);
  y = PRIM(sine)(r, n);
  y = P_SEL(P_LT(P_ABS(x), 0.000244140625f), x, y);
  return P_SEL(P_LT(P_ABS(x), P_INF), y, x - x);
}

/*@ cos: trig */
static inline PRIM_F PRIM(cos)(PRIM_F x) {
  PRIM_F r, y;
  PRIM_I n = PRIM(quadrant)(x, &r);
  y = PRIM(sine)(r, n + 1);
  return P_SEL(P_LT(P_ABS(x), P_INF), y, x - x);
}

/*@ pow: round */
/* 2^(b log2 |a|) in double, so that the result is correct up to its last rounding: log2 m = 2/ln 2 atanh(s) with
 * s = (m - 1)/(m + 1), |s| <= 0.172, and 2^f, |f| <= 1/2, by their series. Special cases are those of C's pow. */
static inline PRIM_F PRIM(pow)(PRIM_F a, PRIM_F b) {
  PRIM_F x = P_ABS(a);
  PRIM_I tiny = P_LT(x, 1.17549435e-38f);
  PRIM_I i = P_LESS(P_BITS(P_SEL(tiny, x * 8388608.0f, x)), 0x3f3504f3u);
  PRIM_D m = P_TOD(P_FLT((i & 0x007fffff) + 0x3f3504f3));
  PRIM_D s = (m - 1.0) / (m + 1.0), z = s * s;
  PRIM_D p = 0.22195308321368668 + z * (0.19235933878519512 + z * 0.16972882833987805);
  p = 0.4121985831111324 + z * (0.3205988979753252 + z * (0.2623081892525388 + z * p));
  p = 2.8853900817779268 + z * (0.9617966939259756 + z * (0.57707801635558536 + z * p));
  PRIM_D t = P_TOD(b) * (P_TOD(P_TOF((i >> 23) - (tiny & 23))) + s * p);
  PRIM_F n = P_TOS(t); /* may overflow to infinity */
  n = PRIM(round)(P_SEL(P_LT(n, -160.0f), P_K(-160.0f), P_SEL(P_LT(160.0f, n), P_K(160.0f), n)));
  PRIM_D f = t - P_TOD(n);
  PRIM_D e = 1.01780860092397e-07 + f * (7.0549116208011233e-09 + f * 4.4455382718708115e-10);
  e = 0.0001540353039338161 + f * (1.525273380405984e-05 + f * (1.3215486790144309e-06 + f * e));
  e = 0.05550410866482158 + f * (0.0096181291076284772 + f * (0.0013333558146428443 + f * e));
  e = 1.0 + f * (0.69314718055994531 + f * (0.24022650695910071 + f * e));
  PRIM_I k = P_TOI(P_SEL(P_EQ(n, n), n, P_K(0.0f))), h = k >> 1;
  PRIM_F y = P_TOS(e * P_TOD(P_POW2(h)) * P_TOD(P_POW2(k - h)));
  y = P_SEL(P_LE(n, -160.0f), P_K(0.0f), P_SEL(P_LE(160.0f, n), P_INF, y));
  /* |a| of 0 or infinity: the logarithm is infinite */
  PRIM_I up = P_LT(0.0f, b), edge = P_EQ(x, 0.0f) | P_EQ(x, P_INF);
  y = P_SEL(edge, P_SEL(up ^ P_EQ(x, 0.0f), P_INF, P_K(0.0f)), y);
  PRIM_I integer = P_EQ(PRIM(round)(b), b), half_integer = P_EQ(PRIM(round)(0.5f * b), 0.5f * b);
  PRIM_I odd = integer & ~half_integer;
  y = P_FLT(P_BITS(y) | (odd & P_BITS(a) & P_SIGN));
  y = P_SEL(P_LT(a, 0.0f) & P_LT(x, P_INF) & ~integer, P_NAN, y);
  y = P_SEL(P_EQ(a, a) & P_EQ(b, b), y, a + b);
  y = P_SEL(P_EQ(x, 1.0f) & P_EQ(P_ABS(b), P_INF), P_K(1.0f), y);
  return P_SEL(P_EQ(b, 0.0f) | P_EQ(a, 1.0f), P_K(1.0f), y);
}
