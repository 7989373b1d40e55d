// SPDX-License-Identifier: Apache-2.0
/* Quantised operators, on integers of 32 bits where ONNX accumulates in those. */
#include "import/import.h"
#include "import/small_float.h"
#include "import/template.h"
#include "import/window.h"
#include <string.h>

/* Operand i, a scalar or a vector along an axis of a tensor of that rank. */
static const char *scale_along(Oper *o, int i, int axis, int rank) {
  const Shape *s = op_shape(o, i);
  int64_t d[MAX_RANK];
  if (s->rank != 1 || rank == 0) return op_x(o, i);
  for (int k = 0; k < rank; k++) d[k] = k == axis ? s->dim[0] : 1;
  if (s->dim[0] == 1) return op_str(o, "reshape(%s, [])", op_x(o, i));
  return op_str(o, "reshape(%s, %s)", op_x(o, i), shape_list(o->m->c, d, rank));
}

/* Scales and zero points are scalars, vectors along an axis or, with block_size, of blocks along it. */
static bool scales_fit(Oper *o, const Shape *x, int *axis) {
  const Shape *s = op_shape(o, 1);
  int64_t block = op_int(o, "block_size", 0);
  *axis = 0;
  if (s->rank && (block || (s->rank == 1 && s->dim[0] != 1))) *axis = op_axis(o, "axis", 1, x->rank);
  if (*axis < 0) return false;
  bool fits = s->rank == 0 || (s->rank == 1 && (s->dim[0] == 1 || s->dim[0] == x->dim[*axis]));
  if (block > 0 && s->rank == x->rank && s->rank) {
    fits = true;
    for (int i = 0; i < s->rank; i++) fits &= s->dim[i] == (i == *axis ? (x->dim[i] + block - 1) / block : x->dim[i]);
  }
  if (!fits) op_refuse(o, E_ONNX_NODE, "another number of scales than of elements");
  return fits;
}

/* Operand i, a scale or a zero point of x. */
static const char *scale_of(Oper *o, int i, int axis, const Shape *x) {
  int64_t block = op_int(o, "block_size", 0), n = x->rank ? x->dim[axis] : 0;
  if (block < 1 || op_shape(o, i)->rank != x->rank || !x->rank) return scale_along(o, i, axis, x->rank);
  const char *y = op_str(o, "repeat_interleave(%s, %lld, axis = %d)", op_x(o, i), (long long)block, axis);
  return n % block ? op_str(o, "narrow(%s, %d, 0, %lld)", y, axis, (long long)n) : y;
}

static bool quantised_type(Oper *o, int type) {
  const OnnxTypeInfo *t = onnx_type(type);
  if (t && t->dtype >= 0 && t->bits <= 32 && type != ONNX_BOOL && type != ONNX_FLOAT8E8M0 && !dtype_is_float(t->dtype))
    return true;
  op_refuse(o, E_ONNX_TYPE, "of %s", t ? t->name : "an unknown type");
  return false;
}

static bool float_type(Oper *o, int type) {
  const OnnxTypeInfo *t = onnx_type(type);
  if (t && t->dtype >= 0 && dtype_is_float(t->dtype)) return true;
  op_refuse(o, E_ONNX_TYPE, "of %s", t ? t->name : "an unknown type");
  return false;
}

/* Text x as the type: nothing where it has it. */
static const char *as(Oper *o, int type, int from, const char *x) {
  return type == from ? x : op_str(o, "%s(%s)", type_name(type), x);
}

/* round(x / scale) + zero point, saturated: conversions of the language saturate. */
void op_quantize(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis, type = has_in(o, 2) ? op_shape(o, 2)->type : (int)op_int(o, "output_dtype", 0);
  int scale = op_shape(o, 1)->type, exact = (int)op_int(o, "precision", 0);
  if (type == 0) type = ONNX_UINT8;
  if (exact == 0) exact = s.type == scale ? scale : ONNX_FLOAT;
  if (!scales_fit(o, &s, &axis) || !quantised_type(o, type) || !float_type(o, scale) || !float_type(o, exact)) return;
  const char *y = op_str(o, "%s / %s", as(o, exact, s.type, op_x(o, 0)), as(o, exact, scale, scale_of(o, 1, axis, &s)));
  Shape to = s;
  to.type = type;
  if (is_small_float(type)) /* their zero point is 0 */
    return op_give(o, 0, to, "%s", small_float_encode(o, type, y, op_int(o, "saturate", 1) != 0, "up"));
  y = op_str(o, "%s", as(o, ONNX_FLOAT, exact, op_str(o, "round(%s)", y)));
  if (has_in(o, 2)) y = op_str(o, "%s + f32(%s)", y, scale_of(o, 2, axis, &s));
  int bits = onnx_type(type)->bits, low = type == ONNX_INT4 || type == ONNX_INT2 ? -(1 << (bits - 1)) : 0;
  if (bits < 8) y = op_str(o, "clamp(%s, %d, %d)", y, low, low + (1 << bits) - 1);
  op_give(o, 0, to, "%s(%s)", type_name(type), y);
}

void op_dequantize(Oper *o) {
  Shape s = *op_shape(o, 0), to = s;
  int axis, scale = op_shape(o, 1)->type;
  if (!scales_fit(o, &s, &axis) || !quantised_type(o, s.type) || !float_type(o, scale)) return;
  to.type = (int)op_int(o, "output_dtype", 0);
  if (to.type == 0) to.type = scale;
  int exact = scale == ONNX_DOUBLE ? scale : ONNX_FLOAT;
  if (!float_type(o, to.type)) return;
  const char *x = is_small_float(s.type) ? small_float_decode(o, s.type, op_x(o, 0)) : op_str(o, "i32(%s)", op_x(o, 0));
  if (has_in(o, 2) && !is_small_float(s.type)) x = op_str(o, "(%s - i32(%s))", x, scale_of(o, 2, axis, &s));
  if (!is_small_float(s.type)) x = op_str(o, "%s(%s)", type_name(exact), x);
  x = op_str(o, "%s * %s", x, as(o, exact, scale, scale_of(o, 1, axis, &s)));
  op_give(o, 0, to, "%s", as(o, to.type, exact, x));
}

void op_dynamic_quantize(Oper *o) {
  Shape s = *op_shape(o, 0), one = {.type = ONNX_FLOAT};
  if (s.type != ONNX_FLOAT) return op_refuse(o, E_ONNX_TYPE, "of %s", onnx_type(s.type)->name);
  const char *x = op_x(o, 0), *low = op_let(o, "low", "min(min(%s), 0)", x);
  const char *scale = op_let(o, "scale", "(max(max(%s), 0) - %s) / 255", x, low);
  const char *zero = op_let(o, "zero", "clamp(round(-%s / %s), 0, 255)", low, scale);
  s.type = ONNX_UINT8;
  op_give(o, 0, s, "u8(round(%s / %s) + %s)", x, scale, zero);
  op_give(o, 1, one, "%s", scale);
  one.type = ONNX_UINT8;
  op_give(o, 2, one, "u8(%s)", zero);
}

/* Operand i less its zero point, i32. A vector is of rows (axis -2) or columns. */
static const char *centred(Oper *o, int i, int zero, int axis) {
  const char *x = op_str(o, "i32(%s)", op_x(o, i));
  if (!has_in(o, zero)) return x;
  return op_str(o, "(%s - i32(%s))", x, scale_along(o, zero, axis, op_shape(o, i)->rank));
}

bool matmul_shape(Oper *o, Shape *s);

void op_matmul_integer(Oper *o) {
  Shape s;
  const Shape *a = op_shape(o, 0), *b = op_shape(o, 1);
  if (!matmul_shape(o, &s)) return;
  s.type = ONNX_INT32;
  op_give(o, 0, s, "onnx_int_matmul(%s, %s)", centred(o, 0, 2, a->rank - 2), centred(o, 1, 3, b->rank - 1));
}

static bool unit_scales(Oper *o, const int *operand, int n) {
  for (int i = 0; i < n; i++)
    if (shape_count(op_shape(o, operand[i])) != 1)
      return op_refuse(o, E_ONNX_NODE, "scales or zero points that are no scalars"), false;
  return true;
}

static const char *number(Oper *o, int i) {
  return op_shape(o, i)->rank ? op_str(o, "reshape(%s, [])", op_x(o, i)) : op_x(o, i);
}

/* Operands: a, its scale and zero point, b, its scale and zero point, those of the result. Those of a may be of its
 * rows, those of b of its columns. */
void op_qlinear_matmul(Oper *o) {
  Shape s;
  static const int scalar[] = {6, 7}, scales[] = {1, 4, 6};
  Value *in[2] = {has_in(o, 0) ? o->in[0] : NULL, has_in(o, 3) ? o->in[3] : NULL};
  if (o->nin != 8 || !in[0] || !in[1]) return op_refuse(o, E_ONNX_NODE, "it takes eight operands");
  Oper shapes = *o;
  shapes.in = in;
  shapes.nin = 2;
  if (!matmul_shape(&shapes, &s) || !unit_scales(o, scalar, 2)) {
    o->refused = true;
    return;
  }
  for (int i = 0; i < 3; i++)
    if (!float_type(o, op_shape(o, scales[i])->type)) return;
  int type = op_shape(o, 1)->type, a = in[0]->s.rank, b = in[1]->s.rank,
      exact = type == ONNX_DOUBLE ? type : ONNX_FLOAT;
  const char *x = op_str(o, "i32(%s) - i32(%s)", op_x(o, 0), scale_along(o, 2, a - 2, a));
  const char *y =
    op_let(o, "sums", "onnx_int_matmul(%s, i32(%s) - i32(%s))", x, op_x(o, 3), scale_along(o, 5, b - 1, b));
  const char *factor = op_str(o, "%s * %s / %s", as(o, exact, type, scale_along(o, 1, a - 2, a)),
                              as(o, exact, op_shape(o, 4)->type, scale_along(o, 4, b - 1, b)),
                              as(o, exact, op_shape(o, 6)->type, number(o, 6)));
  const char *wide = type_name(exact);
  s.type = op_shape(o, 7)->type;
  op_give(o, 0, s, "%s(round(%s(%s) * (%s)) + %s(%s))", type_name(s.type), wide, y, factor, wide, number(o, 7));
}

/* ---- convolutions: in f64, which has all sums of products of bytes exactly ---- */

/* Operand i less its zero point `zero`, f64; a vector is of axis 0. */
static const char *wide(Oper *o, int i, int zero) {
  const char *x = op_str(o, "f64(%s)", op_x(o, i));
  if (!has_in(o, zero)) return x;
  return op_str(o, "%s - f64(%s)", x, scale_along(o, zero, 0, op_shape(o, i)->rank));
}

static const char *sums(Oper *o, const Windows *w, int zero, int weight, int weight_zero) {
  if (has_in(o, zero) && shape_count(op_shape(o, zero)) != 1)
    return op_refuse(o, E_ONNX_NODE, "a zero point of the operand that is no scalar"), "";
  const char *x = op_let(o, "x", "%s", wide(o, 0, zero)), *k = op_let(o, "w", "%s", wide(o, weight, weight_zero));
  return op_str(o, "i32(%s)", conv_text(o, w, x, k));
}

void op_conv_integer(Oper *o) {
  Windows w;
  Shape s;
  if (!conv_read(o, 1, &w, &s)) return;
  s.type = ONNX_INT32;
  op_give(o, 0, s, "%s", sums(o, &w, 2, 1, 3));
}

/* Operands: x, its scale and zero point, w, its scale (of each channel) and zero point, those of the result, a bias. */
void op_qlinear_conv(Oper *o) {
  Windows w;
  Shape s;
  if (o->nin < 8 || !conv_read(o, 3, &w, &s)) return op_refuse(o, E_ONNX_NODE, "it takes eight operands that fit");
  static const int scalar[] = {1, 2, 6, 7};
  if (!unit_scales(o, scalar, 4)) return;
  const char *y = sums(o, &w, 2, 3, 5);
  int64_t d[4] = {s.dim[1], 1, 1, 1};
  if (has_in(o, 8)) y = op_str(o, "(%s + reshape(%s, %s))", y, op_x(o, 8), shape_list(o->m->c, d, w.n + 1));
  y = op_let(o, "sums", "%s", y);
  s.type = op_shape(o, 7)->type;
  op_give(o, 0, s, "%s(round(f32(%s) * (%s * %s / %s)) + f32(%s))", type_name(s.type), y, number(o, 1),
          scale_along(o, 4, 1, s.rank), number(o, 6), number(o, 7));
}
