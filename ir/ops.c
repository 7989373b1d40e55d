/* SPDX-License-Identifier: Apache-2.0 */
#include "ir.h"
#include "prim/prim_scalar.h"
#include <math.h>
#include <string.h>

/* The families' rules, declared from the rows themselves. Several rows may share a rule. */
#define OP(name, arity, cls, shape, vjp, jvp, eval, ...) \
  extern ShapeFn shape_##shape; \
  extern VjpFn vjp_##vjp; \
  extern JvpFn jvp_##jvp; \
  extern EvalFn eval_##eval;
#include "ops.def"
#undef OP

/* `none` in a row: no gradient flows, the tangent is zero, the interpreter never evaluates it. */
void vjp_none(Grad *s, Id n, Id dy) { (void)s, (void)n, (void)dy; }
Id jvp_none(Grad *s, Id n, const Id *tangent) {
  (void)s, (void)n, (void)tangent;
  return 0;
}
void eval_none(struct Eval *e, Id n) { (void)e, (void)n; }

#define F(name, kind) {#name, AK_##kind},
#define NFIELDS(...) ((int)(sizeof((AttrField[]){__VA_ARGS__{0, 0}}) / sizeof(AttrField)) - 1)
const OpInfo op_info[OP_COUNT] = {
  [OP_NONE] = {.name = "none"},
#define OP(name, arity, cls, shape, vjp, jvp, eval, schema, flags, cost, precision_class, spelling, ...) \
  [OP_##name] = {#name, \
                 arity, \
                 cls, \
                 shape_##shape, \
                 vjp_##vjp, \
                 jvp_##jvp, \
                 eval_##eval, \
                 NFIELDS(schema), \
                 (const AttrField[]){schema{0, 0}}, \
                 flags, \
                 cost, \
                 precision_class, \
                 #__VA_ARGS__, \
                 spelling},
#include "ops.def"
#undef OP
};

const DTypeInfo dtype_info[DT_COUNT] = {
#define X(e, name, bytes, c, kind) {name, bytes, c, kind},
  DTYPES(X)
#undef X
};

int dtype_find(const char *name) {
  for (int i = 0; i < DT_COUNT; i++)
    if (!strcmp(dtype_info[i].name, name)) return i;
  return -1;
}

double dtype_cast(DType t, double x) {
  if (t == DT_F64) return x;
  if (t == DT_F32 || dtype_is_half(t)) return (float)x; /* a 16-bit one is rounded when it is stored */
  if (t == DT_BOOL) return x != 0;
  bool negative = dtype_info[t].kind == 'i';
  double span = (double)((uint64_t)1 << (8 * dtype_info[t].bytes - negative)), lo = negative ? -span : 0, hi = span - 1;
  return x != x ? 0 : x < lo ? lo : x > hi ? hi : trunc(x);
}

double dtype_round_half(DType t, double x, uint16_t *bits) {
  uint32_t h = t == DT_F16 ? prim_to_f16((float)x) : prim_to_bf16((float)x);
  if (bits) *bits = (uint16_t)h;
  return t == DT_F16 ? prim_from_f16(h) : prim_from_bf16(h);
}

int op_find(const char *name) {
  for (int i = 1; i < OP_COUNT; i++)
    if (!strcmp(op_info[i].name, name)) return i;
  return -1;
}

int op_find_spelling(const char *spelling, int nargs) {
  for (int i = 1; i < OP_COUNT; i++)
    if (op_info[i].spelling[0] && op_info[i].arity == nargs && !strcmp(op_info[i].spelling, spelling)) return i;
  return -1;
}

bool op_accepts_integers(Op op) { return op_info[op].shape != shape_elem_f; }
