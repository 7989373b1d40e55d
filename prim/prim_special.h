/* SPDX-License-Identifier: Apache-2.0 */
/* The functions of prim_inverse.h for double, and the error and gamma functions, whose forms for float are those for
 * double, rounded: vectors compute them lane by lane. prim_accuracy.c has the bound of each. */
#if PRIM_LANES == 1

/*@ tan_f64: trig_f64 */
static inline double PRIM(tan_f64)(double x) {
  double r, a = PRIM(abs_f64)(x);
  int32_t n = PRIM(quadrant_f64)(x, &r);
  double y = a < 7.450580596923828e-09 ? x : PRIM(sine_f64)(r, n) / PRIM(sine_f64)(r, n + 1); /* 2^-27 */
  return a < PRIM(infinity_f64)() ? y : x - x;
}

/*@ arctan_f64: abs_f64 */
/* As arctan. */
static inline double PRIM(arctan_f64)(double x) {
  int some = 0.4142135623730951 < x, far = 2.414213562373095 < x;
  double u = far ? -1.0 / x : some ? (x - 1.0) / (x + 1.0) : x, z = u * u;
  double p = -0.040369307512387514 + z * (0.02915774125849466 + z * -0.012503561204052023);
  p = 0.058816033147296366 + z * (-0.052551027204789595 + z * (0.047016984059982676 + z * p));
  p = -0.09090909032855049 + z * (0.07692305609796836 + z * (-0.06666618529880829 + z * p));
  p = 0.1999999999999997 + z * (-0.14285714285705914 + z * (0.11111111110145121 + z * p));
  p = -0.3333333333333333 + z * p;
  double high = far ? 1.5707963267948966 : some ? 0.7853981633974483 : 0.0;
  double low = far ? 6.123233995736766e-17 : some ? 3.061616997868383e-17 : 0.0;
  return high + (u + (u * (z * p) + low));
}

/*@ atan_f64: arctan_f64 */
static inline double PRIM(atan_f64)(double x) { return PRIM(signed_f64)(PRIM(arctan_f64)(PRIM(abs_f64)(x)), x); }

/*@ atan2_f64: arctan_f64 */
static inline double PRIM(atan2_f64)(double a, double b) {
  double y = PRIM(abs_f64)(a), x = PRIM(abs_f64)(b), inf = PRIM(infinity_f64)();
  double q = y == 0.0 && x == 0.0 ? 0.0 : y == inf && x == inf ? 1.0 : y / x, r = PRIM(arctan_f64)(q);
  if (PRIM(bits_f64)(b) >> 63) r = 3.141592653589793 - (r - 1.2246467991473532e-16);
  return q == q ? PRIM(signed_f64)(r, a) : a + b;
}

/*@ arcsin_f64: sqrt_f64 abs_f64 */
/* asin(x) - x for 0 <= x <= 1/2, z = x^2. */
static inline double PRIM(arcsin_rest_f64)(double x, double z) {
  double p = 0.01740087944269402 + z * (-0.014851887071247204 + z * 0.028757851367421566);
  p = 0.011479177415184906 + z * (0.01032281435018578 + z * (0.005457506718640358 + z * p));
  p = 0.02237217294214989 + z * (0.017352392720869973 + z * (0.013971212973552933 + z * p));
  p = 0.07499999999998433 + z * (0.04464285714635543 + z * (0.030381944138531247 + z * p));
  p = 0.16666666666666669 + z * p;
  return x * (z * p);
}

/*@ asin_f64: arcsin_f64 */
static inline double PRIM(asin_f64)(double x) {
  double a = PRIM(abs_f64)(x), z = 0.5 < a ? 0.5 * (1.0 - a) : a * a, s = 0.5 < a ? PRIM(sqrt_f64)(z) : a;
  double r = PRIM(arcsin_rest_f64)(s, z);
  double y = 0.5 < a ? 1.5707963267948966 - (2.0 * s + (2.0 * r - 6.123233995736766e-17)) : s + r;
  return y == y ? PRIM(signed_f64)(y, x) : y;
}

/*@ acos_f64: arcsin_f64 */
static inline double PRIM(acos_f64)(double x) {
  double a = PRIM(abs_f64)(x), z = 0.5 < a ? 0.5 * (1.0 - a) : a * a, s = 0.5 < a ? PRIM(sqrt_f64)(z) : a;
  double r = PRIM(arcsin_rest_f64)(s, z);
  if (!(0.5 < a)) return 1.5707963267948966 - ((x < 0.0 ? -s : s) + ((x < 0.0 ? -r : r) - 6.123233995736766e-17));
  return x < 0.0 ? 3.141592653589793 - (2.0 * s + (2.0 * r - 1.2246467991473532e-16)) : 2.0 * (s + r);
}

/*@ cosh_f64: exp_f64 */
/* Where exp(x) overflows, by exp(x/2). */
static inline double PRIM(cosh_f64)(double x) {
  double a = PRIM(abs_f64)(x), e = PRIM(exp_f64)(a < 700.0 ? a : 0.5 * a);
  return a < 700.0 ? 0.5 * e + 0.5 / e : (0.5 * e) * e;
}

/*@ sinh_f64: expm1_f64 */
static inline double PRIM(sinh_f64)(double x) {
  double a = PRIM(abs_f64)(x), e = PRIM(expm1_f64)(a < 700.0 ? a : 0.5 * a), f = e + 1.0;
  double y = a < 700.0 ? 0.5 * (e + e / f) : (0.5 * f) * f;
  return y == y ? PRIM(signed_f64)(y, x) : y;
}

/*@ asinh_f64: sqrt_f64 log1p_f64 */
static inline double PRIM(asinh_f64)(double x) {
  double a = PRIM(abs_f64)(x), c = a < 18014398509481984.0 ? a : 1.0; /* 2^54 */
  double u = c + c * c / (1.0 + PRIM(sqrt_f64)(c * c + 1.0)), y = PRIM(log1p_f64)(c == a ? u : a);
  return y == y ? PRIM(signed_f64)(c == a ? y : y + 0.6931471805599453, x) : y;
}

/*@ acosh_f64: sqrt_f64 log1p_f64 */
static inline double PRIM(acosh_f64)(double x) {
  double t = x < 18014398509481984.0 ? x - 1.0 : 1.0, u = t + PRIM(sqrt_f64)(2.0 * t + t * t);
  double y = x < 18014398509481984.0 ? PRIM(log1p_f64)(u) : PRIM(log1p_f64)(x) + 0.6931471805599453;
  return x < 1.0 ? PRIM(nan_f64)() : y;
}

/*@ atanh_f64: log1p_f64 */
static inline double PRIM(atanh_f64)(double x) {
  double a = PRIM(abs_f64)(x), y = 0.5 * PRIM(log1p_f64)((a + a) / (1.0 - a));
  return y == y ? PRIM(signed_f64)(y, x) : y;
}

/*@ erfc_f64: erf_f64 */
/* From 1/2 on exp(-x^2) q / (1 + 2 x), q minimax in (x - 4) / (x + 4); the square's upper half is exact. */
static inline double PRIM(erfc_f64)(double x) {
  if (x != x || x < 0.5) return 1.0 - PRIM(erf_f64)(x);
  double c = x < 27.5 ? x : 27.5, t = (c - 4.0) / (c + 4.0), h = PRIM(half_f64)(c);
  double p = 1.0597059762801646e-07 + t * (-1.2307439672359532e-08 + t * -1.0584315800092537e-08);
  p = 2.9930534208115295e-07 + t * (-8.228929299321569e-07 + t * (6.724741028727314e-08 + t * p));
  p = -2.4399065923152382e-05 + t * (-1.122457422226363e-05 + t * (5.708855199403216e-06 + t * p));
  p = -0.00075777343482625 + t * (-0.00019925669365832713 + t * (0.0001506224355538403 + t * p));
  p = 0.03716751553844642 + t * (-0.01619773404021866 + t * (0.005031969972671415 + t * p));
  p = -0.10103906603626016 + t * (0.09373283499827546 + t * (-0.0663303658134497 + t * p));
  p = -0.13962111684056253 + t * (0.015379652102619127 + t * (0.06809705425469505 + t * p));
  p = 1.2329951186255526 + t * p;
  return PRIM(exp_f64)(-h * h) * PRIM(exp_f64)((h - c) * (h + c)) * p / (1.0 + 2.0 * c);
}

/*@ erfc: erfc_f64 */
static inline PRIM_F PRIM(erfc)(PRIM_F x) { return (PRIM_F)PRIM(erfc_f64)((double)x); }

/*@ erfinv_f64: sqrt_f64 log_f64 erf_f64 */
/* By the rational functions of Wichura's algorithm AS 241 for the quantiles of the normal distribution; below 0.85 with
 * a Newton step. */
static inline double PRIM(erfinv_f64)(double x) {
  double a = PRIM(abs_f64)(x), q = 0.5 * x, r, p, d;
  if (!(a < 1.0)) return a == 1.0 ? PRIM(signed_f64)(PRIM(infinity_f64)(), x) : PRIM(nan_f64)();
  if (a <= 0.85) {
    r = 0.180625 - q * q;
    p = 45921.95393154987 + r * (67265.7709270087 + r * (33430.57558358813 + r * 2509.0809287301227));
    p = 133.14166789178438 + r * (1971.5909503065514 + r * (13731.69376550946 + r * p));
    d = 39307.89580009271 + r * (28729.085735721943 + r * 5226.495278852546);
    d = 687.1870074920579 + r * (5394.196021424751 + r * (21213.794301586597 + r * d));
    p = (3.3871328727963665 + r * p) / (1.0 + r * (42.31333070160091 + r * d));
    p = 0.7071067811865476 * (q * p);
    return p - (PRIM(erf_f64)(p) - x) * (0.8862269254527580 * PRIM(exp_f64)(p * p));
  }
  r = PRIM(sqrt_f64)(-PRIM(log_f64)(0.5 * (1.0 - a)));
  if (r <= 5.0) {
    r = r - 1.6;
    p = 0.2417807251774506 + r * (0.022723844989269184 + r * 0.0007745450142783414);
    p = 5.769497221460691 + r * (3.6478483247632045 + r * (1.2704582524523684 + r * p));
    d = 0.015198666563616457 + r * (0.0005475938084995345 + r * 1.0507500716444169e-09);
    d = 1.6763848301838038 + r * (0.6897673349851 + r * (0.14810397642748008 + r * d));
    p = (1.4234371107496835 + r * (4.630337846156546 + r * p)) / (1.0 + r * (2.053191626637759 + r * d));
  } else {
    r = r - 5.0;
    p = 0.0012426609473880784 + r * (2.7115555687434876e-05 + r * 2.0103343992922881e-07);
    p = 1.7848265399172913 + r * (0.29656057182850487 + r * (0.026532189526576124 + r * p));
    d = 1.8463183175100548e-05 + r * (1.421511758316446e-07 + r * 2.0442631033899397e-15);
    d = 0.1369298809227358 + r * (0.014875361290850615 + r * (0.0007868691311456133 + r * d));
    p = (6.657904643501103 + r * (5.463784911164114 + r * p)) / (1.0 + r * (0.599832206555888 + r * d));
  }
  return 0.7071067811865476 * PRIM(signed_f64)(p, x);
}

/*@ erfinv: erfinv_f64 */
static inline PRIM_F PRIM(erfinv)(PRIM_F x) { return (PRIM_F)PRIM(erfinv_f64)((double)x); }

/*@ lgamma_f64: log_f64 sin_f64 round_f64 */
/* log(gamma(2 + t)) for |t| <= 1/2: t times a minimax polynomial. */
static inline double PRIM(lgamma_near_f64)(double t) {
  double p = 9.242852225162277e-07 + t * (-5.811277768921246e-07 + t * 2.7475390051909663e-07);
  p = -9.45628851510172e-06 + t * (4.3828545383846665e-06 + t * (-1.9743106888421067e-06 + t * p));
  p = 9.945761692157133e-05 + t * (-4.4923727564247656e-05 + t * (2.050601970174762e-05 + t * p));
  p = -0.0011927539009983087 + t * (0.0005096695196526673 + t * (-0.00022315497746292723 + t * p));
  p = 0.02058080842778338 + t * (-0.007385551028935545 + t * (0.002890510330865901 + t * p));
  p = 0.42278433509846713 + t * (0.3224670334241132 + t * (-0.06735230105319563 + t * p));
  return t * p;
}
/* Of x > 0: Stirling's series from 8 on; below gamma(x + 1) = x gamma(x) leads to 2 + t. */
static inline double PRIM(lgamma_positive_f64)(double x) {
  double f = 1.0, z = 1.0 / (x * x), p;
  if (x < 0.5) return PRIM(lgamma_near_f64)(x) - PRIM(log_f64)(x * (1.0 + x));
  if (x < 1.5) return PRIM(lgamma_near_f64)(x - 1.0) - PRIM(log_f64)(x);
  if (x < 8.0) {
    while (2.5 <= x) x = x - 1.0, f = f * x;
    return PRIM(log_f64)(f) + PRIM(lgamma_near_f64)(x - 2.0);
  }
  p = -0.0019175269175269176 + z * (0.00641025641025641 + z * -0.029550653594771242);
  p = 0.0007936507936507937 + z * (-0.0005952380952380953 + z * (0.0008417508417508417 + z * p));
  p = (0.08333333333333333 + z * (-0.002777777777777778 + z * p)) / x;
  return (x - 0.5) * (PRIM(log_f64)(x) - 1.0) + (0.4189385332046727 + p);
}
/* log |gamma(x)|; below 0 by gamma(x) gamma(-x) = -pi / (x sin(pi x)). */
static inline double PRIM(lgamma_f64)(double x) {
  double a = PRIM(abs_f64)(x), inf = PRIM(infinity_f64)(), s;
  if (!(a < inf)) return a;
  if (a < 8.673617379884035e-19) return -PRIM(log_f64)(a); /* 2^-60 */
  if (0.0 < x) return PRIM(lgamma_positive_f64)(x);
  s = PRIM(abs_f64)(PRIM(sin_f64)(3.141592653589793 * (a - PRIM(round_f64)(a))));
  return s == 0.0 ? inf : PRIM(log_f64)(3.141592653589793 / (a * s)) - PRIM(lgamma_positive_f64)(a);
}

/*@ lgamma: lgamma_f64 */
static inline PRIM_F PRIM(lgamma)(PRIM_F x) { return (PRIM_F)PRIM(lgamma_f64)((double)x); }

/*@ digamma_f64: log_f64 tan_f64 round_f64 */
/* The derivative of lgamma: its asymptotic series from 10 on, where digamma(x + 1) = digamma(x) + 1/x leads, at
 * least once; below 0 by reflection. NaN at the negative integers, an infinity of the sign of -x at 0. */
static inline double PRIM(digamma_f64)(double x) {
  double a = PRIM(abs_f64)(x), first = -1.0 / x, y = 0.0, z, p, r;
  if (x != x || x == 0.0) return x == 0.0 ? first : x;
  if (x < 0.0) {
    r = a - PRIM(round_f64)(a);
    if (r == 0.0 || a == PRIM(infinity_f64)()) return PRIM(nan_f64)();
    first = 3.141592653589793 / PRIM(tan_f64)(3.141592653589793 * r);
  }
  for (a = a + 1.0; a < 10.0; a = a + 1.0) y = y - 1.0 / a;
  z = 1.0 / (a * a);
  p = 0.007575757575757576 + z * (-0.021092796092796094 + z * 0.08333333333333333);
  p = -0.008333333333333333 + z * (0.003968253968253968 + z * (-0.004166666666666667 + z * p));
  return first + (y + (PRIM(log_f64)(a) - 0.5 / a - z * (0.08333333333333333 + z * p)));
}

/*@ digamma: digamma_f64 */
static inline PRIM_F PRIM(digamma)(PRIM_F x) { return (PRIM_F)PRIM(digamma_f64)((double)x); }

/*@ end_special: */
#endif
