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
#define X(e, name, bytes, c, kind, form) {name, bytes, #c, kind, form},
  DTYPES(X)
#undef X
};

int dtype_find(const char *name) {
  for (int i = 0; i < DT_COUNT; i++)
    if (!strcmp(dtype_info[i].name, name)) return i;
  return -1;
}

int64_t dtype_highest(DType t) {
  return t == DT_BOOL ? 1 : INT64_MAX >> (64 - 8 * dtype_info[t].bytes + (dtype_info[t].kind == 'u' ? -1 : 0));
}

int64_t dtype_lowest(DType t) { return dtype_info[t].kind == 'i' ? -dtype_highest(t) - 1 : 0; }

int64_t dtype_saturate(DType t, int64_t x) {
  if (t == DT_BOOL) return x != 0;
  int64_t lo = dtype_lowest(t), hi = dtype_highest(t);
  return x < lo ? lo : x > hi ? hi : x;
}

int64_t dtype_to_int(DType t, double x) {
  if (t == DT_BOOL) return x != 0;
  int64_t whole = x != x ? 0 : x >= 0x1p63 ? INT64_MAX : x < -0x1p63 ? INT64_MIN : (int64_t)x;
  return dtype_saturate(t, whole);
}

double dtype_cast(DType t, double x) {
  if (t == DT_F64) return x;
  return dtype_is_float(t) ? (float)x : (double)dtype_to_int(t, x); /* a 16-bit one is rounded when it is stored */
}

bool dtype_holds(DType t, double x) { return dtype_is_float(t) || (x < 0x1p63 && (double)dtype_to_int(t, x) == x); }

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
