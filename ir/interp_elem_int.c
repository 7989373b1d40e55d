/* SPDX-License-Identifier: Apache-2.0 */
/* Element-wise rows of integers and bools. They compute in 64 bits, unsigned, and keep the low bits of the result, so
 * that every result wraps; V is the operand's value, signed where its type is. Division rounds down; by 0 it gives 0,
 * as does the remainder. The elementary functions have no integer form (their shape rule refuses). */
#include "interp_elem.h"

#define T uint64_t
#define LOAD(v, i) ((T)val_int(v, i))
#define STORE(v, i, x) val_set_int(v, i, (int64_t)(x))

#define CALL(fn, a, ...) (a)
#define SCALAR(fn, a) (a)
#define ABS(a) (V(a) > 0 ? (a) : 0u - (a))
#define SIGN(a) (V(a) > 0 ? 1u : (a) == 0 ? 0u : (T)-1)
#define FLOOR(a) (a)
#define CEIL(a) (a)
#define ROUND(a) (a)
#define IDIV(a, b) ((b) == 0 ? 0u : IS_MINUS_ONE(b) ? 0u - (a) : (T)(V(a) / V(b)) - (T)ROUNDS_UP(a, b))
#define MOD(a, b) ((b) == 0 || IS_MINUS_ONE(b) ? 0u : (T)(V(a) % V(b)) + (ROUNDS_UP(a, b) ? (b) : 0u))
#define ROUNDS_UP(a, b) (V(a) % V(b) != 0 && (V(a) > 0) != (V(b) > 0)) /* C's quotient is one more than the floor */
#define MAX(a, b) (V(a) > V(b) ? (a) : (b))
#define MIN(a, b) (V(a) < V(b) ? (a) : (b))
#define BITAND(a, b) ((a) & (b))
#define BITOR(a, b) ((a) | (b))
#define BITXOR(a, b) ((a) ^ (b))
#define BITNOT(a) (~(a))
#define SHL(a, b) ((b) > 63 ? 0u : (a) << (b))
#define SHR(a, b) ((T)(V(a) >> ((b) > 63 ? 63 : (b)))) /* of a narrower type extended to 64 bits */

#define V(a) ((int64_t)(a))
static T bits_of_body(Op op, T a, T b, T c);
#define IS_MINUS_ONE(b) (V(b) == -1) /* no overflow of INT64_MIN / -1 */
#define ROWS elem_rows_signed
#define BODY bits_of_body
#include "interp_rows.h"
#undef V
#undef IS_MINUS_ONE
#undef ROWS
#undef BODY

int64_t body_i64(Op op, int64_t a, int64_t b, int64_t c) { return (int64_t)bits_of_body(op, (T)a, (T)b, (T)c); }

#define V(a) (a)
#define IS_MINUS_ONE(b) 0
#define ROWS elem_rows_unsigned
#include "interp_rows.h"
