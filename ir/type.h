/* SPDX-License-Identifier: Apache-2.0 */
/* Element types, dimensions and types. Types are interned in the module, so equality is equality of numbers. */
#ifndef GRADC_TYPE_H
#define GRADC_TYPE_H
#include "ctx.h"
#include "diag.h"

enum { MAX_RANK = 8 };

typedef struct Module Module;
typedef struct Graph Graph;
typedef uint32_t TypeId; /* interned type; 0: none */

/* ---- element types: name in the language, bytes, C type, kind (b bool, i signed, u unsigned, f float) and form of the
 * scalar bodies: the kind, but d for double and l for 64-bit integers. In the order of GcDType and gradc_dtype ---- */
#define DTYPES(X) \
  X(BOOL, "bool", 1, uint8_t, 'b', 'b') \
  X(U8, "u8", 1, uint8_t, 'u', 'u') \
  X(I8, "i8", 1, int8_t, 'i', 'i') \
  X(U16, "u16", 2, uint16_t, 'u', 'u') \
  X(I16, "i16", 2, int16_t, 'i', 'i') \
  X(U32, "u32", 4, uint32_t, 'u', 'u') \
  X(I32, "i32", 4, int32_t, 'i', 'i') \
  X(F32, "f32", 4, float, 'f', 'f') \
  X(F64, "f64", 8, double, 'f', 'd') \
  X(F16, "f16", 2, uint16_t, 'f', 'f') \
  X(BF16, "bf16", 2, uint16_t, 'f', 'f') \
  X(I64, "i64", 8, int64_t, 'i', 'l')
typedef enum DType {
#define X(e, name, bytes, c, kind, form) DT_##e,
  DTYPES(X)
#undef X
    DT_COUNT,
  DT_TUPLE = DT_COUNT
} DType;
typedef struct DTypeInfo {
  const char *name;
  int bytes;
  const char *c;
  char kind, form;
} DTypeInfo;
extern const DTypeInfo dtype_info[DT_COUNT];
int dtype_find(const char *name); /* -1: none */
static inline bool dtype_is_float(int t) { return t >= DT_F32 && t <= DT_BF16; }
/* Floats of 16 bits are a form of storage: whatever is computed from them is computed in f32, to which they widen
 * exactly, and a result of such a type is rounded to it once, to the nearest, ties to even. */
static inline bool dtype_is_half(int t) { return t == DT_F16 || t == DT_BF16; }
static inline DType dtype_computed(int t) { return dtype_is_half(t) ? DT_F32 : (DType)t; }
/* The result of `cast`: to bool, x != 0; to integers, truncated and saturated, NaN giving 0; to f32, rounded. Of i64
 * it is the nearest double. */
double dtype_cast(DType t, double x);
/* The same to integers and bool, exactly: of a number, and of an integer. */
int64_t dtype_to_int(DType t, double x);
int64_t dtype_saturate(DType t, int64_t x);
int64_t dtype_lowest(DType t); /* of an integer type or bool */
int64_t dtype_highest(DType t);
/* x rounded to a 16-bit float type, and the bits of that value where `bits` is not NULL. */
double dtype_round_half(DType t, double x, uint16_t *bits);
/* A value of the type as the shortest text that reads back as it: 0.1 for the nearest f32; true; nan, inf, -inf. */
const char *dtype_number_text(Ctx *c, int t, double v);
bool dtype_holds(DType t, double x); /* floats hold all numbers, rounded */

/* ---- dimensions: a number >= 0, or (negative) a polynomial in run-time sizes, interned and normalised ---- */
typedef int64_t Dim;
typedef struct Size {
  const char *name;
  int64_t bound;
  Loc loc;
  int64_t least; /* while a plan is checked: calls with fewer are refused (size_least) */
} Size;          /* a run-time size, 0 <= value <= bound */
static inline bool dim_is_const(Dim d) { return d >= 0; }
Dim dim_size(Module *m, const char *name, int64_t bound, Loc loc); /* the run-time size of that name, made if new */
Dim dim_add(Module *m, Dim a, Dim b);
Dim dim_sub(Module *m, Dim a, Dim b);
Dim dim_mul(Module *m, Dim a, Dim b);
bool dim_div(Module *m, Dim a, Dim b, Dim *q);      /* exact division; false where it leaves a remainder */
bool dim_floordiv(Module *m, Dim a, Dim b, Dim *q); /* false: not expressible */
int64_t dim_bound(Module *m, Dim d);                /* no value of the sizes gives more; saturates */
int64_t dim_lower_bound(Module *m, Dim d);          /* nor less */
/* a == b; in a module of open sizes, whether some values of the sizes make them equal. */
bool dim_equal(Module *m, Dim a, Dim b);
int64_t dim_value(Module *m, Dim d, const int64_t *sizes); /* sizes: one value per module size */
/* Terms of a polynomial: coefficient and exponents of each size. n = 1 and all exponents 0 for constants. */
typedef struct DimTerm {
  int64_t coef;
  uint8_t exp[8];
} DimTerm;
const DimTerm *dim_terms(Module *m, Dim d, int *n);
const char *dim_text(Module *m, Dim d); /* "64", "B", "2*B*T+1" */

/* ---- types ---- */
typedef struct Type {
  uint8_t dtype, rank; /* DT_TUPLE: rank is unused */
  uint32_t ntuple;
  const Dim *dim;     /* rank of them */
  const TypeId *elem; /* ntuple of them */
} Type;
TypeId type_make(Module *m, DType dtype, int rank, const Dim *dim);
TypeId type_tuple(Module *m, int n, const TypeId *elem);
const Type *type_get(const Module *m, TypeId t);
bool type_same_dims(const Type *a, const Type *b); /* element types may differ */
const char *type_text(Module *m, TypeId t);        /* "f32[64,784]", "f32", "(f32[2], i32)" */
Dim type_count(Module *m, TypeId t);               /* number of elements */
int64_t type_bytes(Module *m, TypeId t);           /* at the bounds; < 0: over 2^47 */
#endif
