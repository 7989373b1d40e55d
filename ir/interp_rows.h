/* The element-wise rows of ops.def as loops over elements of the C type T. Included by interp_elem_*.c after defining
 *   T           the type the bodies compute in
 *   ROWS        the name of the function
 *   LOAD(v, i)  element i of a Val as T;  STORE(v, i, x)
 *   BODY        perhaps: the name of the function of one body on numbers
 * and the macros of the bodies (ABS, EXP, SEL …). Results of BOOLEAN rows are stored as bool. */
#define ROW_CL_LEAF(...)
#define ROW_CL_VIEW(...)
#define ROW_CL_REDUCE(...)
#define ROW_CL_CUM(...)
#define ROW_CL_CONTRACT(...)
#define ROW_CL_CONV(...)
#define ROW_CL_WINDOW(...)
#define ROW_CL_INDEX(...)
#define ROW_CL_SCAN(...)
#define ROW_CL_TUPLE(...)
#define ROW_CL_META(...)
#define ROW_CL_ELEM(name, flags, ...)                                        \
  case OP_##name:                                                            \
    for (bool more = walk_begin(w); more; more = walk_next(w))               \
      for (int64_t i = 0; i < w->len; i++) {                                 \
        const T a = LOAD(in[0], w->at[0] + i * w->step[0]);                  \
        const T b = LOAD(in[1], w->at[1] + i * w->step[1]);                  \
        const T c = LOAD(in[2], w->at[2] + i * w->step[2]);                  \
        const int64_t at = w->at[3] + i * w->step[3];                        \
        (void)a, (void)b, (void)c;                                           \
        if ((flags) & BOOLEAN)                                               \
          ((uint8_t *)out->data)[at] = (uint8_t)(__VA_ARGS__);               \
        else                                                                 \
          STORE(out, at, (__VA_ARGS__));                                     \
      }                                                                      \
    break;

void ROWS(Op op, Walk *w, const Val *const *in, Val *out) {
  switch (op) {
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, flags, cost, prec, token, ...) \
  ROW_##cls(name, flags, __VA_ARGS__)
#include "ops.def"
#undef OP
  default: break;
  }
}
#undef ROW_CL_LEAF
#undef ROW_CL_VIEW
#undef ROW_CL_REDUCE
#undef ROW_CL_CUM
#undef ROW_CL_CONTRACT
#undef ROW_CL_CONV
#undef ROW_CL_WINDOW
#undef ROW_CL_INDEX
#undef ROW_CL_SCAN
#undef ROW_CL_TUPLE
#undef ROW_CL_META
#undef ROW_CL_ELEM

#ifdef BODY
T BODY(Op op, T a, T b, T c) {
  (void)a, (void)b, (void)c;
  switch (op) {
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, flags, cost, prec, token, ...) \
  case OP_##name: return (T[1]){__VA_ARGS__}[0];
#include "ops.def"
#undef OP
  default: return 0;
  }
}
#endif
