/* Element-wise rows in f64, with libm: the values that f32 results are judged by. */
#include "interp_elem.h"
#include <math.h>

#define T double
#define ROWS elem_rows_f64
#define BODY body_f64
#define LOAD(v, i) (((const double *)(v)->data)[i])
#define STORE(v, i, x) (((double *)(v)->data)[i] = (x))

static double sign(double a) { return a > 0 ? 1 : a < 0 ? -1 : a; }
static double sigmoid(double a) { return a < 0 ? exp(a) / (1 + exp(a)) : 1 / (1 + exp(-a)); }
static double maximum(double a, double b) { return a != a || a > b ? a : b; }
static double minimum(double a, double b) { return a != a || a < b ? a : b; }
/* The remainder with the divisor's sign, and the quotient that belongs to it. */
static double mod(double a, double b) {
  double r = fmod(a, b);
  return r != 0 && (r < 0) != (b < 0) ? r + b : r;
}
static double idiv(double a, double b) { return b == 0 ? floor(a / b) : rint((a - mod(a, b)) / b); }

#define SEL(m, a, b) ((m) != 0 ? (a) : (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define NOT(a) ((a) == 0)
#define AND(a, b) ((a) != 0 && (b) != 0)
#define OR(a, b) ((a) != 0 || (b) != 0)
#define CAST(a) (a)
#define ABS(a) fabs(a)
#define SIGN(a) sign(a)
#define FLOOR(a) floor(a)
#define CEIL(a) ceil(a)
#define ROUND(a) rint(a)
#define EXP(a) exp(a)
#define EXPM1(a) expm1(a)
#define LOG(a) log(a)
#define LOG1P(a) log1p(a)
#define SQRT(a) sqrt(a)
#define RSQRT(a) (1 / sqrt(a))
#define SIN(a) sin(a)
#define COS(a) cos(a)
#define TANH(a) tanh(a)
#define SIGMOID(a) sigmoid(a)
#define ERF(a) erf(a)
#define IDIV(a, b) idiv(a, b)
#define MOD(a, b) mod(a, b)
#define POW(a, b) pow(a, b)
#define MAX(a, b) maximum(a, b)
#define MIN(a, b) minimum(a, b)
#include "interp_rows.h"
