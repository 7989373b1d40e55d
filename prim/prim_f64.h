/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of prim.h for double: NAME_f64. Scalars only, and by the same rules: polynomials and series instead of
 * libm, the same bits everywhere, and exact products by halves of 26 bits, which contraction into FMA does not change.
 * Errors are below 3 units in the last place; prim_accuracy.c has the bound of each. */
#if PRIM_LANES == 1

/*@ bits_f64: */
static inline uint64_t PRIM(bits_f64)(double x) {
  union {
    double f;
    uint64_t i;
  } u;
  u.f = x;
  return u.i;
}
static inline double PRIM(of_bits_f64)(uint64_t i) {
  union {
    double f;
    uint64_t i;
  } u;
  u.i = i;
  return u.f;
}
static inline double PRIM(signed_f64)(double x, double sign) { /* x >= 0 with another's sign */
  return PRIM(of_bits_f64)(PRIM(bits_f64)(x) | (PRIM(bits_f64)(sign) & 0x8000000000000000u));
}
/* 2^n for n in -1022 .. 1023; garbage, but defined, for other n */
static inline double PRIM(pow2_f64)(int32_t n) { return PRIM(of_bits_f64)((uint64_t)((uint32_t)n + 1023u) << 52); }
static inline double PRIM(infinity_f64)(void) { return PRIM(of_bits_f64)(0x7ff0000000000000u); }
static inline double PRIM(nan_f64)(void) { return PRIM(of_bits_f64)(0x7ff8000000000000u); }
/* The upper half of x, rounded to 26 bits, so that x less it has 26 bits too. */
static inline double PRIM(half_f64)(double x) {
  return PRIM(of_bits_f64)((PRIM(bits_f64)(x) + 0x4000000u) & ~(uint64_t)0x7ffffff);
}
/* a b, exactly: the rounded product and its rounding error (Dekker). */
static inline double PRIM(product_f64)(double a, double b, double *low) {
  double p = a * b, ah = PRIM(half_f64)(a), al = a - ah, bh = PRIM(half_f64)(b), bl = b - bh;
  *low = ((ah * bh - p) + ah * bl + al * bh) + al * bl;
  return p;
}

/*@ abs_f64: bits_f64 */
static inline double PRIM(abs_f64)(double x) { return PRIM(of_bits_f64)(PRIM(bits_f64)(x) & 0x7fffffffffffffffu); }

/*@ sign_f64: bits_f64 */
static inline double PRIM(sign_f64)(double x) { return x < 0.0 ? -1.0 : 0.0 < x ? 1.0 : x; }

/*@ max_f64: bits_f64 */
static inline double PRIM(max_f64)(double a, double b) { return b < a || a != a ? a : b; }

/*@ min_f64: bits_f64 */
static inline double PRIM(min_f64)(double a, double b) { return a < b || a != a ? a : b; }

/*@ round_f64: abs_f64 */
/* To the nearest integer, halves to even: adding 2^52 leaves no fraction bits. Keeps the sign of zero. */
static inline double PRIM(round_f64)(double x) {
  double a = PRIM(abs_f64)(x), r = (a + 4503599627370496.0) - 4503599627370496.0;
  return a < 4503599627370496.0 ? PRIM(signed_f64)(r, x) : x;
}

/*@ floor_f64: round_f64 */
static inline double PRIM(floor_f64)(double x) {
  double r = PRIM(round_f64)(x);
  return x < r ? r - 1.0 : r;
}

/*@ ceil_f64: round_f64 */
static inline double PRIM(ceil_f64)(double x) {
  double r = PRIM(round_f64)(x);
  r = r < x ? r + 1.0 : r;
  return x < 0.0 ? PRIM(signed_f64)(PRIM(abs_f64)(r), x) : r;
}

/*@ divmod_f64: floor_f64 */
static inline double PRIM(long_mod_f64)(double a, double b) {
  uint64_t x = PRIM(bits_f64)(PRIM(abs_f64)(a)), y = PRIM(bits_f64)(PRIM(abs_f64)(b));
  const uint64_t one = (uint64_t)1 << 52;
  uint64_t m = x & (one - 1), n = y & (one - 1);
  int32_t e = (int32_t)(x >> 52), low = (int32_t)(y >> 52), h;
  m |= e ? one : 0u, e += !e;
  n |= low ? one : 0u, low += !low;
  while (n < one) n <<= 1, low--;
  while (m < one) m <<= 1, e--;
  for (; e > low; e--) m = (m >= n ? m - n : m) << 1;
  m = m >= n ? m - n : m;
  low -= 1075;
  h = low / 2;
  return (double)(int64_t)m * PRIM(pow2_f64)(h) * PRIM(pow2_f64)(low - h);
}
/* As divmod: the product is exact while |q| < 2^52, as the quotient's lower half has 26 bits then, the divisor's 27. */
static inline double PRIM(divmod_f64)(double a, double b, double *rest) {
  double q = PRIM(floor_f64)(a / b), d = PRIM(abs_f64)(b), inf = PRIM(infinity_f64)();
  double qh = PRIM(of_bits_f64)(PRIM(bits_f64)(q) & ~(uint64_t)0x7ffffff), ql = q - qh;
  double bh = PRIM(of_bits_f64)(PRIM(bits_f64)(b) & ~(uint64_t)0x7ffffff), bl = b - bh;
  double r = (((a - qh * bh) - qh * bl) - ql * bh) - ql * bl;
  uint64_t sign = PRIM(bits_f64)(b) & 0x8000000000000000u;
  int finite = PRIM(abs_f64)(a) < inf;
  if (finite && d == inf) r = a;
  else if (finite && 0.0 < d && 4503599627370496.0 <= PRIM(abs_f64)(q))
    r = PRIM(signed_f64)(PRIM(long_mod_f64)(a, b), a);
  r = PRIM(of_bits_f64)(PRIM(bits_f64)(r) ^ sign);
  q = r < 0.0 ? q - 1.0 : q;
  r = r < 0.0 ? r + d : r; /* as in Python, d itself where r is slightly below 0 */
  r = r == 0.0 ? 0.0 : r;
  *rest = PRIM(of_bits_f64)(PRIM(bits_f64)(r) ^ sign);
  return finite ? q : PRIM(nan_f64)();
}

/*@ idiv_f64: divmod_f64 */
static inline double PRIM(idiv_f64)(double a, double b) {
  double r;
  return PRIM(divmod_f64)(a, b, &r);
}

/*@ mod_f64: divmod_f64 */
static inline double PRIM(mod_f64)(double a, double b) {
  double r;
  PRIM(divmod_f64)(a, b, &r);
  return r;
}

/*@ exp_parts_f64: abs_f64 */
/* x = n ln 2 + r, |r| <= 0.3466, and exp(r) - 1 - r by its series up to r^13. */
static inline double PRIM(exp_parts_f64)(double x, double *rest, int32_t *n) {
  double t = x * 1.4426950408889634 + 6755399441055744.0, k = t - 6755399441055744.0; /* 1.5 2^52 */
  double r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10;
  double p = 2.505210838544172e-08 + r * (2.08767569878681e-09 + r * 1.6059043836821613e-10);
  p = 2.48015873015873e-05 + r * (2.7557319223985893e-06 + r * (2.755731922398589e-07 + r * p));
  p = 0.008333333333333333 + r * (0.001388888888888889 + r * (0.0001984126984126984 + r * p));
  p = 0.5 + r * (0.16666666666666666 + r * (0.041666666666666664 + r * p));
  *n = (int32_t)(uint32_t)(PRIM(bits_f64)(t) - 0x4338000000000000u);
  *rest = r;
  return r * r * p;
}

/*@ exp_f64: exp_parts_f64 */
/* 2^n is applied in two factors, so that denormal results round once. */
static inline double PRIM(exp_f64)(double x) {
  int32_t n, h;
  double r, p = PRIM(exp_parts_f64)(x < -746.0 ? -746.0 : x > 710.0 ? 710.0 : x, &r, &n), s = 1.0 + r;
  p = s + (((1.0 - s) + r) + p); /* with the rounding error of s */
  h = n >> 1;
  return p * PRIM(pow2_f64)(h) * PRIM(pow2_f64)(n - h);
}

/*@ expm1_f64: exp_parts_f64 */
/* 2^n (e + 1) - 1 is computed as 2 (h e + (h - 1/2)), h = 2^(n-1). */
static inline double PRIM(expm1_f64)(double x) {
  int32_t n;
  double r, p = PRIM(exp_parts_f64)(x < -60.0 ? -60.0 : x > 710.0 ? 710.0 : x, &r, &n), h = PRIM(pow2_f64)(n - 1);
  double y = 2.0 * (h * (r + p) + (h - 0.5));
  return PRIM(abs_f64)(x) < 5.551115123125783e-17 ? x : y; /* 2^-54 */
}

/*@ log_parts_f64: abs_f64 */
/* log(1 + f) + k ln 2 for 1/sqrt 2 <= 1 + f < sqrt 2; `low` is added to f, to first order. log(1 + f) = 2 atanh(s) with
 * s = f / (2 + f), by the series up to s^23, arranged as in fdlibm: f - (f^2/2 - s (f^2/2 + ...)). */
static inline double PRIM(log_parts_f64)(double k, double f, double low) {
  double s = f / (2.0 + f), z = s * s, h = 0.5 * f * f;
  double p = 0.10526315789473684 + z * (0.09523809523809523 + z * 0.08695652173913043);
  p = 0.15384615384615385 + z * (0.13333333333333333 + z * (0.11764705882352941 + z * p));
  p = 0.2857142857142857 + z * (0.2222222222222222 + z * (0.18181818181818182 + z * p));
  p = z * (0.6666666666666666 + z * (0.4 + z * p));
  return k * 0.6931471803691238 - ((h - (s * (h + p) + (k * 1.9082149292705877e-10 + low))) - f);
}

/*@ log_f64: log_parts_f64 */
/* -infinity at 0, NaN below. */
static inline double PRIM(log_f64)(double x) {
  int tiny = x < 2.2250738585072014e-308;
  uint64_t i = PRIM(bits_f64)(tiny ? x * 18014398509481984.0 : x) - 0x3fe6a09e667f3bcdu; /* the bits of 1/sqrt 2 */
  double m = PRIM(of_bits_f64)((i & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
  double y = PRIM(log_parts_f64)((double)((int32_t)((int64_t)i >> 52) - (tiny ? 54 : 0)), m - 1.0, 0.0);
  y = x < PRIM(infinity_f64)() ? y : x;
  return x < 0.0 ? PRIM(nan_f64)() : x == 0.0 ? -PRIM(infinity_f64)() : y;
}

/*@ log1p_f64: log_parts_f64 */
/* log(u) with u = 1 + x rounded, and the rounding error of u as a correction; for u near 1, f = x itself. */
static inline double PRIM(log1p_f64)(double x) {
  double u = 1.0 + x, lost = x < 1.0 ? x - (u - 1.0) : 1.0 - (u - x);
  uint64_t i = PRIM(bits_f64)(u) - 0x3fe6a09e667f3bcdu;
  int32_t n = (int32_t)((int64_t)i >> 52);
  double f = n ? PRIM(of_bits_f64)((i & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu) - 1.0 : x;
  double y = PRIM(log_parts_f64)((double)n, f, n && n < 99 ? lost / u : 0.0);
  y = x < PRIM(infinity_f64)() ? y : x;
  y = PRIM(abs_f64)(x) < 5.551115123125783e-17 ? x : y;
  return x < -1.0 ? PRIM(nan_f64)() : x == -1.0 ? -PRIM(infinity_f64)() : y;
}

/*@ sqrt_f64: bits_f64 */
/* Correctly rounded, as sqrt is; the residual m - s s is exact. */
static inline double PRIM(sqrt_residual_f64)(double m, double s) {
  double h = PRIM(half_f64)(s), l = s - h;
  return ((m - h * h) - 2.0 * h * l) - l * l;
}
static inline double PRIM(sqrt_f64)(double x) {
  int tiny = x < 2.2250738585072014e-308;
  uint64_t i = PRIM(bits_f64)(tiny ? x * 18014398509481984.0 : x);
  int32_t e = (int32_t)((int64_t)(i - 0x3ff0000000000000u) >> 53);
  double m = PRIM(of_bits_f64)(i - ((uint64_t)(int64_t)e << 53)), half = 0.5 * m;
  double y = PRIM(of_bits_f64)(0x5fe6eb50c7b537a9u - (PRIM(bits_f64)(m) >> 1));
  for (int step = 0; step < 4; step++) y = y * (1.5 - half * y * y);
  double s = m * y;
  s = s + PRIM(sqrt_residual_f64)(m, s) * (0.5 * y);
  double d = PRIM(sqrt_residual_f64)(m, s), gap = s * 2.220446049250313e-16; /* s in [1, 2): one ulp is 2^-52 */
  s = PRIM(of_bits_f64)(PRIM(bits_f64)(s) + (uint64_t)(gap < d) - (uint64_t)(d <= -gap));
  s = s * PRIM(pow2_f64)(e - (tiny ? 27 : 0));
  s = x < PRIM(infinity_f64)() ? s : x;
  return x < 0.0 ? PRIM(nan_f64)() : x == 0.0 ? x : s;
}

/*@ rsqrt_f64: sqrt_f64 */
static inline double PRIM(rsqrt_f64)(double x) { return 1.0 / PRIM(sqrt_f64)(x); }

/*@ tanh_f64: expm1_f64 */
/* By e = exp(-2|x|) - 1 near 0, else by exp(2|x|) - 1: neither loses digits. */
static inline double PRIM(tanh_f64)(double x) {
  double a = PRIM(abs_f64)(x), e = PRIM(expm1_f64)(a < 1.0 ? -(a + a) : a + a);
  return PRIM(signed_f64)(PRIM(abs_f64)(a < 1.0 ? e / (e + 2.0) : 1.0 - 2.0 / (e + 2.0)), x);
}

/*@ sigmoid_f64: exp_f64 */
static inline double PRIM(sigmoid_f64)(double x) {
  double e = PRIM(exp_f64)(-PRIM(abs_f64)(x)), d = 1.0 + e, y = (x < 0.0 ? e : 1.0) / d;
  y = y - y * (e - (d - 1.0)); /* with the rounding error of d */
  return x == x ? y : x;
}

/*@ erf_f64: exp_f64 */
/* Below 1 the series up to x^39; else 1 - exp(q(|x| - 1)), q a polynomial for log(erfc) on [1, 6], fitted by least
 * squares with the weight erfc, so that it costs erf less than 4e-17; 1 from 5.93 on. */
static inline double PRIM(erf_f64)(double x) {
  double a = PRIM(abs_f64)(x), z = x * x, u = (a < 6.0 ? a : 6.0) - 1.0;
  double p = -9.063970842808673e-17 + z * (4.763348040515068e-18 + z * -2.37845988527743e-19);
  p = 1.6342614095367152e-15 + z * p;
  p = -6.7113668551641105e-12 + z * (4.4632242632864775e-13 + z * (-2.7835162072109215e-14 + z * p));
  p = 1.4807192815879218e-08 + z * (-1.2290555301717928e-09 + z * (9.422759064650411e-11 + z * p));
  p = -1.492565035840625e-05 + z * (1.6462114365889248e-06 + z * (-1.6365844691234924e-07 + z * p));
  p = 0.005223977625442188 + z * (-0.0008548327023450853 + z * (0.00012055332981789664 + z * p));
  p = -0.37612638903183754 + z * (0.11283791670955126 + z * (-0.026866170645131252 + z * p));
  double near = x + x * (0.1283791670955126 + z * p);
  double q = 3.111795251498792e-09 + u * (-3.526630544001113e-10 + u * 1.689635903442928e-11);
  q = 3.00778069622876e-07 + u * (6.333587612819758e-09 + u * (-1.3387189060560062e-08 + u * q));
  q = -2.7291927307357773e-05 + u * (9.800141301190635e-06 + u * (-2.2618741717055576e-06 + u * q));
  q = -0.0019778968635633092 + u * (0.00023729884094834199 + u * (2.6344569140522587e-05 + u * q));
  q = -0.8431072563625377 + u * (-0.04156109796008069 + u * (0.010033824487107112 + u * q));
  q = -1.8496055099332485 + u * (-2.638967514234718 + u * q);
  return x != x ? x : a < 1.0 ? near : PRIM(signed_f64)(1.0 - PRIM(exp_f64)(q), x);
}

/*@ trig_f64: abs_f64 */
/* As far: the 192 bits of 2/pi that matter for the exponent of x, times its 53-bit mantissa, modulo 4. */
static inline int32_t PRIM(far_f64)(double x, double *r) {
  static const uint32_t bits[] = {
    0,           0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
    0xdebbc561u, 0xb7246e3au, 0x424dd2e0u, 0x06492eeau, 0x09d1921cu, 0xfe1deb1cu, 0xb129a73eu, 0xe88235f5u,
    0x2ebb4484u, 0xe99c7026u, 0xb45f7e41u, 0x3991d639u, 0x835339f4u, 0x9c845f8bu, 0xbdf9283bu, 0x1ff897ffu,
    0xde05980fu, 0xef2f118bu, 0x5a0a6d1fu, 0x6d367ecfu, 0x27cb09b7u, 0x4f463f66u, 0x9e5fea2du, 0x7527bac7u,
    0xebe5f17bu, 0x3d0739f7u, 0x8a5292eau, 0x6bfb5fb1u, 0x1f8d5d08u, 0x56033046u, 0xfc7b6babu};
  uint64_t i = PRIM(bits_f64)(x), m = (i & 0x000fffffffffffffu) | 0x0010000000000000u, carry = 0;
  uint32_t at = ((uint32_t)(i >> 52) & 2047u) - 1045u, s = at & 31u, p[6], word = 0;
  const uint32_t *w = bits + (at >> 5) % 32u; /* first word that matters; in range for any x */
  for (int k = 5; k >= 0; k--) {
    uint64_t high = word * (m >> 32); /* of the word below */
    word = s ? w[k] << s | w[k + 1] >> (32u - s) : w[k];
    uint64_t low = word * (m & 0xffffffffu), t = (low & 0xffffffffu) + (high & 0xffffffffu) + carry;
    p[k] = (uint32_t)t;
    carry = (t >> 32) + (low >> 32) + (high >> 32);
  }
  uint32_t q = p[0] >> 30; /* the quadrant; 128 bits of the fraction follow */
  uint64_t f = (uint64_t)p[0] << 34 | (uint64_t)p[1] << 2 | p[2] >> 30;
  uint64_t g = (uint64_t)p[2] << 34 | (uint64_t)p[3] << 2 | p[4] >> 30;
  int up = (int)(f >> 63); /* to the nearest quadrant */
  if (up) g = 0u - g, f = ~f + (g == 0), q++;
  double y = (double)(int64_t)f * 5.421010862427522e-20 + (double)(int64_t)(g >> 1) * 5.877471754111438e-39;
  y = y * 1.5707963267948966 + y * 6.123233995736766e-17;
  if (up) y = -y;
  if (i >> 63) y = -y, q = 0u - q;
  *r = y;
  return (int32_t)(q & 3u);
}
/* n = round(x 2/pi) mod 4 and r = x - n pi/2; pi/2 is a sum of terms of 27 and 26 bits, so the products are exact. */
static inline int32_t PRIM(quadrant_f64)(double x, double *r) {
  if (!(PRIM(abs_f64)(x) < 33554432.0)) return PRIM(far_f64)(x, r);
  double t = x * 0.6366197723675814 + 6755399441055744.0, k = t - 6755399441055744.0;
  double w = x - k * 1.570796325802803, b = k * 9.920935739593517e-10, a = w - b;
  double c = k * 5.721188709663575e-18, d = a - c;
  *r = d + (((a - d) - c) + ((w - a) - b) - k * 1.6446256936324258e-26); /* with the rounding errors of a and d */
  return (int32_t)(PRIM(bits_f64)(t) & 3u);
}
/* sin(r + n pi/2) for |r| <= pi/4, by the series up to r^17 and r^16. */
static inline double PRIM(sine_f64)(double r, int32_t n) {
  double z = r * r, h = 0.5 * z, w = 1.0 - h;
  double s = 1.6059043836821613e-10 + z * (-7.647163731819816e-13 + z * 2.8114572543455206e-15);
  s = -0.0001984126984126984 + z * (2.7557319223985893e-06 + z * (-2.505210838544172e-08 + z * s));
  s = r + r * (z * (-0.16666666666666666 + z * (0.008333333333333333 + z * s)));
  double c = 2.08767569878681e-09 + z * (-1.1470745597729725e-11 + z * 4.779477332387385e-14);
  c = -0.001388888888888889 + z * (2.48015873015873e-05 + z * (-2.755731922398589e-07 + z * c));
  c = w + (((1.0 - w) - h) + z * z * (0.041666666666666664 + z * c));
  double y = n & 1 ? c : s;
  return n & 2 ? -y : y;
}

/*@ sin_f64: trig_f64 */
static inline double PRIM(sin_f64)(double x) {
  double r, a = PRIM(abs_f64)(x);
  int32_t n = PRIM(quadrant_f64)(x, &r);
  double y = a < 7.450580596923828e-09 ? x : PRIM(sine_f64)(r, n); /* 2^-27 */
  return a < PRIM(infinity_f64)() ? y : x - x;
}

/*@ cos_f64: trig_f64 */
static inline double PRIM(cos_f64)(double x) {
  double r;
  int32_t n = PRIM(quadrant_f64)(x, &r);
  double y = PRIM(sine_f64)(r, n + 1);
  return PRIM(abs_f64)(x) < PRIM(infinity_f64)() ? y : x - x;
}

/*@ log2_f64: abs_f64 */
/* log2(x) for a finite x > 0, as a sum of two doubles with 66 good bits: 2/ln 2 (s + s^3/3 + ...), s = (m - 1)/(m + 1),
 * of which s, s^3/3 and the factor are pairs of doubles; the rest, up to s^23, is small enough for one. */
static inline double PRIM(log2_f64)(double x, double *low) {
  int tiny = x < 2.2250738585072014e-308;
  uint64_t i = PRIM(bits_f64)(tiny ? x * 18014398509481984.0 : x) - 0x3fe6a09e667f3bcdu;
  double m = PRIM(of_bits_f64)((i & 0x000fffffffffffffu) + 0x3fe6a09e667f3bcdu);
  double k = (double)((int32_t)((int64_t)i >> 52) - (tiny ? 54 : 0));
  double f = m - 1.0, d = m + 1.0, dl = m - (d - 1.0), s = f / d, lost, e = PRIM(product_f64)(s, d, &lost);
  double sl = (((f - e) - lost) - s * dl) / d;
  double zl, z = PRIM(product_f64)(s, s, &zl);
  double p = 0.05263157894736842 + z * (0.047619047619047616 + z * 0.043478260869565216);
  p = 0.07692307692307693 + z * (0.06666666666666667 + z * (0.058823529411764705 + z * p));
  p = 0.2 + z * (0.14285714285714285 + z * (0.1111111111111111 + z * (0.09090909090909091 + z * p)));
  zl = zl + 2.0 * s * sl;
  double vl, v = PRIM(product_f64)(z, 0.3333333333333333, &vl);
  vl = vl + (z * 1.850371707708594e-17 + zl * 0.3333333333333333 + z * z * p);
  e = v + vl, vl = (v - e) + vl, v = e;
  double ul, u = PRIM(product_f64)(s, v, &ul), h = s + u;
  ul = ((s - h) + u) + (sl + (ul + s * vl + sl * v));
  double gl, g = PRIM(product_f64)(h, 2.8853900817779268, &gl), y = k + g;
  gl = ((k - y) + g) + (gl + h * 4.0710547481862066e-17 + ul * 2.8853900817779268);
  h = y + gl;
  *low = (y - h) + gl;
  return h;
}

/*@ pow_f64: log2_f64 */
/* 2^(b log2 |a|), the exponent a sum of two doubles; 2^f, |f| <= 1/2, by its series to f^13. Special cases as in C. */
static inline double PRIM(pow_f64)(double a, double b) {
  double x = PRIM(abs_f64)(a), inf = PRIM(infinity_f64)(), c = b < -1e20 ? -1e20 : b > 1e20 ? 1e20 : b;
  double ll, l = PRIM(log2_f64)(x, &ll), tl, t = PRIM(product_f64)(c, l, &tl);
  double e = (t < -1100.0 ? -1100.0 : t > 1100.0 ? 1100.0 : t) + 6755399441055744.0, n = e - 6755399441055744.0;
  tl = tl + c * ll;
  double f = (t - n) + tl, fl = ((t - n) - f) + tl;
  double p = 4.4455382718708116e-10 + f * (2.5678435993488206e-11 + f * 1.3691488853904128e-12);
  p = 1.321548679014431e-06 + f * (1.01780860092397e-07 + f * (7.054911620801123e-09 + f * p));
  p = 0.0013333558146428443 + f * (0.0001540353039338161 + f * (1.5252733804059841e-05 + f * p));
  p = 0.24022650695910072 + f * (0.05550410866482158 + f * (0.009618129107628477 + f * p));
  p = 1.0 + (f * (0.6931471805599453 + f * p) + fl * 0.6931471805599453);
  int32_t k = (int32_t)(uint32_t)(PRIM(bits_f64)(e) - 0x4338000000000000u), h = k >> 1;
  double y = p * PRIM(pow2_f64)(h) * PRIM(pow2_f64)(k - h);
  y = t >= 1025.0 ? inf : t <= -1090.0 ? 0.0 : y;
  if (x == 0.0 || x == inf) y = (0.0 < b) ^ (x == 0.0) ? inf : 0.0; /* the logarithm is infinite */
  double size = PRIM(abs_f64)(b);
  int integer = size >= 4503599627370496.0 || (size + 4503599627370496.0) - 4503599627370496.0 == size;
  int even = size >= 9007199254740992.0 || (0.5 * size + 4503599627370496.0) - 4503599627370496.0 == 0.5 * size;
  if (integer && !even) y = PRIM(signed_f64)(y, a);
  if (a < 0.0 && x < inf && !integer) y = PRIM(nan_f64)();
  if (a != a || b != b) y = a + b;
  if (x == 1.0 && size == inf) y = 1.0;
  return b == 0.0 || a == 1.0 ? 1.0 : y;
}

/*@ end_f64: */
#endif
