/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise rows of integers and bools. They compute in 64 bits, signed or unsigned as the type is, and keep the low
 * bits of the result, so that every result wraps. Division rounds down; by 0 it gives 0, as does the remainder. The
 * elementary functions have no integer form (their shape rule refuses). */
#include "interp_elem.h"

#define LOAD(v, i) ((T)val_int(v, i))
#define STORE(v, i, x) val_set_int(v, i, (int64_t)(x))

#define CALL(fn, a, ...) (a)
#define SCALAR(fn, a) (a)
#define ABS(a) ((a) > 0 ? (a) : -(a))
#define SIGN(a) ((a) > 0 ? 1 : (a) == 0 ? 0 : -1)
#define FLOOR(a) (a)
#define CEIL(a) (a)
#define ROUND(a) (a)
#define ROUNDS_UP(a, b) ((a) % (b) != 0 && ((a) > 0) != ((b) > 0)) /* C's quotient is one more than the floor */
#define IDIV(a, b) ((b) == 0 ? 0 : (a) / (b) - (T)ROUNDS_UP(a, b))
#define MOD(a, b) ((b) == 0 ? 0 : (a) % (b) + (ROUNDS_UP(a, b) ? (b) : 0))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define BITAND(a, b) ((a) & (b))
#define BITOR(a, b) ((a) | (b))
#define BITXOR(a, b) ((a) ^ (b))
#define BITNOT(a) (~(a))
#define SHL(a, b) ((uint64_t)(b) > 63 ? 0 : (T)((uint64_t)(a) << (b)))
#define SHR(a, b) ((a) >> ((uint64_t)(b) > 63 ? 63 : (b))) /* of a narrower type extended to 64 bits */

#define T int64_t
#define ROWS elem_rows_signed
#define BODY body_i64
#include "interp_rows.h"
#undef T
#undef ROWS
#undef BODY

#define T uint64_t
#define ROWS elem_rows_unsigned
#include "interp_rows.h"
