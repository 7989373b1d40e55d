/* Element-wise rows in f32, with the bodies of prim.h: the strict bits. */
#include "interp_elem.h"
#include "interp_prim.h"

#define T float
#define ROWS elem_rows_f32
#define LOAD(v, i) (((const float *)(v)->data)[i])
#define STORE(v, i, x) (((float *)(v)->data)[i] = (x))

#define SEL(m, a, b) ((m) != 0 ? (a) : (b))
#define LT(a, b) ((a) < (b))
#define LE(a, b) ((a) <= (b))
#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define NOT(a) ((a) == 0)
#define AND(a, b) ((a) != 0 && (b) != 0)
#define OR(a, b) ((a) != 0 || (b) != 0)
#define CAST(a) (a)
#define ABS(a) prim_abs(a)
#define SIGN(a) prim_sign(a)
#define FLOOR(a) prim_floor(a)
#define CEIL(a) prim_ceil(a)
#define ROUND(a) prim_round(a)
#define EXP(a) prim_exp(a)
#define EXPM1(a) prim_expm1(a)
#define LOG(a) prim_log(a)
#define LOG1P(a) prim_log1p(a)
#define SQRT(a) prim_sqrt(a)
#define RSQRT(a) prim_rsqrt(a)
#define SIN(a) prim_sin(a)
#define COS(a) prim_cos(a)
#define TANH(a) prim_tanh(a)
#define SIGMOID(a) prim_sigmoid(a)
#define ERF(a) prim_erf(a)
#define IDIV(a, b) prim_idiv(a, b)
#define MOD(a, b) prim_mod(a, b)
#define POW(a, b) prim_pow(a, b)
#define MAX(a, b) prim_max(a, b)
#define MIN(a, b) prim_min(a, b)
#include "interp_rows.h"
