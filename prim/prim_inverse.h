/* SPDX-License-Identifier: Apache-2.0 */
/* tan, the inverse trigonometric and the hyperbolic functions of prim.h, which includes this file. Polynomials are
 * minimax in x^2. */

/*@ tan: trig */
/* tan(r) for |r| <= pi/4, or -1 / tan(r) in every other quadrant. */
static inline PRIM_F PRIM(tan)(PRIM_F x) {
  PRIM_F r;
  PRIM_I n = PRIM(quadrant)(x, &r);
  PRIM_F z = r * r, p = 0.0099632135f + z * (0.0011836188f + z * 0.00384415f);
  p = 0.33333334f + z * (0.13333231f + z * (0.053994503f + z * (0.021620823f + z * p)));
  PRIM_F t = r + r * (z * p), y = P_SEL(P_EQ(n & 1, 1), -1.0f / t, t);
  y = P_SEL(P_LT(P_ABS(x), 0.000244140625f), x, y); /* 2^-12 */
  return P_SEL(P_LT(P_ABS(x), P_INF), y, x - x);
}

/*@ arctan: vocabulary */
/* atan(x) of x >= 0. Above tan(pi/8) by pi/4 + atan((x - 1) / (x + 1)), above tan(3 pi/8) by pi/2 - atan(1/x). */
static inline PRIM_F PRIM(arctan)(PRIM_F x) {
  PRIM_I some = P_LT(0.41421357f, x), far = P_LT(2.41421366f, x);
  PRIM_F u = P_SEL(some, P_SEL(far, P_K(-1.0f), x - 1.0f) / P_SEL(far, x, x + 1.0f), x), z = u * u;
  PRIM_F p = -0.3333333f + z * (0.1999954f + z * (-0.14263912f + z * (0.10743263f + z * -0.064503774f)));
  PRIM_F high = P_SEL(some, P_SEL(far, P_K(1.57079637f), P_K(0.785398185f)), P_K(0.0f));
  PRIM_F low = P_SEL(some, P_SEL(far, P_K(-4.37113883e-8f), P_K(-2.18556941e-8f)), P_K(0.0f));
  return high + (u + (u * (z * p) + low));
}

/*@ atan: arctan */
static inline PRIM_F PRIM(atan)(PRIM_F x) { return P_FLT(P_BITS(PRIM(arctan)(P_ABS(x))) | (P_BITS(x) & P_SIGN)); }

/*@ atan2: arctan */
/* The angle of (b, a), signs of zeros included; of infinities as if they were equal. */
static inline PRIM_F PRIM(atan2)(PRIM_F a, PRIM_F b) {
  PRIM_F y = P_ABS(a), x = P_ABS(b), q = y / x;
  q = P_SEL(P_EQ(y, 0.0f) & P_EQ(x, 0.0f), P_K(0.0f), P_SEL(P_EQ(y, P_INF) & P_EQ(x, P_INF), P_K(1.0f), q));
  PRIM_F r = PRIM(arctan)(q);
  r = P_SEL(P_LT(P_BITS(b), 0), 3.14159274f - (r + 8.74227766e-8f), r);
  return P_SEL(P_EQ(q, q), P_FLT(P_BITS(r) | (P_BITS(a) & P_SIGN)), a + b);
}

/*@ arcsin: sqrt */
/* asin(x) - x for 0 <= x <= 1/2. */
static inline PRIM_F PRIM(arcsin_rest)(PRIM_F x, PRIM_F z) {
  PRIM_F p = 0.031100662f + z * (0.017149238f + z * 0.033690847f);
  return x * (z * (0.16666666f + z * (0.07500094f + z * (0.044599403f + z * p))));
}

/*@ asin: arcsin */
/* Above 1/2 by pi/2 - 2 asin(sqrt((1 - x) / 2)). */
static inline PRIM_F PRIM(asin)(PRIM_F x) {
  PRIM_F a = P_ABS(x);
  PRIM_I far = P_LT(0.5f, a);
  PRIM_F z = P_SEL(far, 0.5f * (1.0f - a), a * a), s = P_SEL(far, PRIM(sqrt)(z), a), r = PRIM(arcsin_rest)(s, z);
  PRIM_F y = P_SEL(far, 1.57079637f - (2.0f * s + (2.0f * r + 4.37113883e-8f)), s + r);
  y = P_SEL(P_LT(a, 0.000244140625f), a, y); /* 2^-12 */
  return P_FLT(P_BITS(y) | (P_BITS(x) & P_SIGN));
}

/*@ acos: arcsin */
static inline PRIM_F PRIM(acos)(PRIM_F x) {
  PRIM_F a = P_ABS(x);
  PRIM_I far = P_LT(0.5f, a), below = P_LT(x, 0.0f);
  PRIM_F z = P_SEL(far, 0.5f * (1.0f - a), a * a), s = P_SEL(far, PRIM(sqrt)(z), a), r = PRIM(arcsin_rest)(s, z);
  PRIM_F near = 1.57079637f - (P_SEL(below, -s, s) + (P_SEL(below, -r, r) + 4.37113883e-8f));
  PRIM_F h = 2.0f * (s + r);
  return P_SEL(far, P_SEL(below, 3.14159274f - (2.0f * s + (2.0f * r + 8.74227766e-8f)), h), near);
}

/*@ exp_half: exp */
/* exp(x) / 2 where exp(x) may overflow: exp(x/2) exp(x/2) / 2. */
static inline PRIM_F PRIM(exp_half)(PRIM_F x) {
  PRIM_F h = PRIM(exp)(0.5f * x);
  return P_SEL(P_LT(x, 88.0f), 0.5f * PRIM(exp)(x), (0.5f * h) * h);
}

/*@ cosh: exp_half */
static inline PRIM_F PRIM(cosh)(PRIM_F x) {
  PRIM_F h = PRIM(exp_half)(P_ABS(x));
  return h + 0.25f / h;
}

/*@ sinh: expm1 */
/* With e = exp(|x|) - 1: (e + e / (e + 1)) / 2, and by halves where that overflows. */
static inline PRIM_F PRIM(sinh)(PRIM_F x) {
  PRIM_F a = P_ABS(x);
  PRIM_I big = P_LT(80.0f, a);
  PRIM_F e = PRIM(expm1)(P_SEL(big, 0.5f * a, a)), f = e + 1.0f;
  PRIM_F y = P_SEL(big, (0.5f * f) * f, 0.5f * (e + e / f));
  y = P_SEL(P_LT(a, 0.000244140625f), a, y); /* 2^-12 */
  return P_FLT(P_BITS(y) | (P_BITS(x) & P_SIGN));
}

/*@ asinh: sqrt log1p */
/* log(1 + x + x^2 / (1 + sqrt(x^2 + 1))); log(2 x) from 2^30 on. */
static inline PRIM_F PRIM(asinh)(PRIM_F x) {
  PRIM_F a = P_ABS(x);
  PRIM_I big = P_LT(1073741824.0f, a);
  PRIM_F c = P_SEL(big, P_K(1.0f), a), u = c + c * c / (1.0f + PRIM(sqrt)(c * c + 1.0f));
  PRIM_F y = PRIM(log1p)(P_SEL(big, a, u)) + P_SEL(big, P_K(0.693147182f), P_K(0.0f));
  y = P_SEL(P_LT(a, 0.000244140625f), a, y); /* 2^-12 */
  return P_FLT(P_BITS(y) | (P_BITS(x) & P_SIGN));
}

/*@ acosh: sqrt log1p */
/* log(1 + t + sqrt(2 t + t^2)), t = x - 1; log(2 x) from 2^30 on. */
static inline PRIM_F PRIM(acosh)(PRIM_F x) {
  PRIM_I big = P_LT(1073741824.0f, x);
  PRIM_F t = P_SEL(big, P_K(1.0f), x - 1.0f), u = t + PRIM(sqrt)(2.0f * t + t * t);
  PRIM_F y = PRIM(log1p)(P_SEL(big, x, u)) + P_SEL(big, P_K(0.693147182f), P_K(0.0f));
  return P_SEL(P_LT(x, 1.0f), P_NAN, y);
}

/*@ atanh: log1p */
static inline PRIM_F PRIM(atanh)(PRIM_F x) {
  PRIM_F a = P_ABS(x), y = 0.5f * PRIM(log1p)((a + a) / (1.0f - a));
  y = P_SEL(P_LT(a, 0.000244140625f), a, y); /* 2^-12 */
  return P_FLT(P_BITS(y) | (P_BITS(x) & P_SIGN));
}
