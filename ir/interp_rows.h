/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of ops.def as loops over elements of the C type T. Included by interp_elem_*.c after defining
 *   T           the type the bodies compute in
 *   ROWS        the name of the function
 *   V(a)        the number that T holds, for comparisons
 *   LOAD(v, i)  element i of a Val as T;  STORE(v, i, x)
 *   BODY        perhaps: the name of the function of one body on numbers
 * and the macros of the bodies that depend on the type (ABS, EXP …). Results of rows with OPF_BOOL_RESULT are stored
 * as bool. */
#define SEL(m, a, b) ((m) ? (a) : (b))
#define LT(a, b) (V(a) < V(b))
#define LE(a, b) (V(a) <= V(b))
#define EQ(a, b) ((a) == (b))
#define NE(a, b) ((a) != (b))
#define OVER(a, b) ((a) == (a) && !(V(b) <= V(a))) /* b is larger, or the first NaN */
#define UNDER(a, b) ((a) == (a) && !(V(a) <= V(b)))
#define NOT(a) (!(a))
#define AND(a, b) ((a) && (b))
#define OR(a, b) ((a) || (b))
#define CAST(a) (a)
#define VALUE(...) ((T[1]){__VA_ARGS__}[0]) /* 0 of a row without a body */

void ROWS(Op op, Walk *w, const Val *const *in, Val *out) {
  switch (op) {
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, flags, cost, precision_class, spelling, ...) \
  case OP_##name: \
    if (cls != CL_ELEM) break; \
    for (bool more = walk_begin(w); more; more = walk_next(w)) \
      for (int64_t i = 0; i < w->len; i++) { \
        const T a = LOAD(in[0], w->at[0] + i * w->step[0]); \
        const T b = LOAD(in[1], w->at[1] + i * w->step[1]); \
        const T c = LOAD(in[2], w->at[2] + i * w->step[2]); \
        const int64_t at = w->at[3] + i * w->step[3]; \
        (void)a, (void)b, (void)c; \
        if ((flags)&OPF_BOOL_RESULT) ((uint8_t *)out->data)[at] = (uint8_t)VALUE(__VA_ARGS__); \
        else STORE(out, at, VALUE(__VA_ARGS__)); \
      } \
    break;
#include "ops.def"
#undef OP
  default: break;
  }
}

#ifdef BODY
T BODY(Op op, T a, T b, T c) {
  (void)a, (void)b, (void)c;
  switch (op) {
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, flags, cost, precision_class, spelling, ...) \
  case OP_##name: \
    return VALUE(__VA_ARGS__);
#include "ops.def"
#undef OP
  default: return 0;
  }
}
#endif
#undef VALUE
