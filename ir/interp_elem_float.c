/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise rows of floats and doubles, with the bodies of prim.h: the strict bits. */
#include "interp_elem.h"
#include "prim/prim_scalar.h"

#define LOAD(v, i) (((const T *)(v)->data)[i])
#define STORE(v, i, x) (((T *)(v)->data)[i] = (x))

#define V(a) (a)
#define CALL(fn, ...) PRIM(fn)(__VA_ARGS__)
#define SCALAR(fn, a) PRIM(fn)(a)
#define ABS(a) PRIM(abs)(a)
#define SIGN(a) PRIM(sign)(a)
#define FLOOR(a) PRIM(floor)(a)
#define CEIL(a) PRIM(ceil)(a)
#define ROUND(a) PRIM(round)(a)
#define IDIV(a, b) PRIM(idiv)(a, b)
#define MOD(a, b) PRIM(mod)(a, b)
#define MAX(a, b) PRIM(max)(a, b)
#define MIN(a, b) PRIM(min)(a, b)
/* Of floats there are none: their shape rule refuses. */
#define BITAND(a, b) (a)
#define BITOR(a, b) (a)
#define BITXOR(a, b) (a)
#define BITNOT(a) (a)
#define SHL(a, b) (a)
#define SHR(a, b) (a)

#define T float
#define PRIM(name) prim_##name
#define ROWS elem_rows_f32
#include "interp_rows.h"
#undef T
#undef PRIM
#undef ROWS

#define T double
#define PRIM(name) prim_##name##_f64
#define ROWS elem_rows_f64
#define BODY body_f64
#include "interp_rows.h"
