// SPDX-License-Identifier: Apache-2.0
/* Element-wise operators. */
#include "import/import.h"
#include "import/small_float.h"
#include "import/template.h"
#include <math.h>
#include <string.h>

const char *op_num(Oper *o, double v) {
  const char *s = dtype_number_text(o->m->c, DT_F32, v);
  if (v == 0 && signbit(v)) s = "-0.0";
  return *s == '-' ? op_str(o, "(%s)", s) : s;
}

/* `text` with $0, $1 ... replaced by operands, and $name by the number of a float attribute, whose default follows:
 * ${alpha=0.01}. */
const char *op_template(Oper *o, const char *text) {
  Str b = {.c = o->m->c};
  for (const char *p = text; *p; p++) {
    if (*p != '$') {
      str_put(&b, p, 1);
    } else if (p[1] != '{') {
      str_puts(&b, op_operand(o, *++p - '0'));
    } else {
      size_t n = strcspn(p, "="), end = strcspn(p, "}");
      const char *name = ctx_intern(o->m->c, p + 2, n - 2), *value = ctx_intern(o->m->c, p + n + 1, end - n - 1);
      const OnnxAttr *a = op_attr(o, name);
      str_puts(&b, a ? op_num(o, (double)a->f) : value);
      p += end;
    }
  }
  return b.s;
}

static bool all_shapes(Oper *o, Shape *s) {
  *s = *op_shape(o, 0);
  for (int i = 1; i < o->nin; i++)
    if (!has_in(o, i) || !onnx_broadcast(o, s, op_shape(o, i))) return false;
  return !o->refused;
}

/* The same of operands of one type. */
static bool all_alike(Oper *o, Shape *s) {
  if (!all_shapes(o, s)) return false;
  for (int i = 1; i < o->nin; i++)
    if (o->in[i]->s.type != s->type) return op_refuse(o, E_ONNX_NODE, "operands of different types"), false;
  return true;
}

/* arg: the type of the result (`=` that of the first operand, `b` bool, `2` that of the second; `f` the first, which is
 * a float), then the template. */
void op_elem(Oper *o) {
  Shape s;
  char kind = o->arg[0];
  if (!(kind == '2' ? all_shapes : all_alike)(o, &s) || (kind == 'f' && !op_float_type(o, 0))) return;
  if (kind == 'b') s.type = ONNX_BOOL;
  if (kind == '2') s.type = op_shape(o, 1)->type;
  if (fold_elem(o, s)) return;
  op_give(o, 0, s, "%s", op_template(o, o->arg + 1));
}

static bool is_float(const Oper *o, int i) { return dtype_is_float(onnx_type(o->in[i]->s.type)->dtype); }
static bool is_signed(int type) { return dtype_info[onnx_type(type)->dtype].kind == 'i'; }

void op_div(Oper *o) {
  Shape s;
  if (!all_alike(o, &s) || fold_elem(o, s)) return;
  const char *how = is_float(o, 0) ? "$0 / $1" : is_signed(s.type) ? "onnx_div($0, $1)" : "$0 // $1";
  op_give(o, 0, s, "%s", op_template(o, how));
}

void op_mod(Oper *o) {
  Shape s;
  if (!all_alike(o, &s)) return;
  bool c = op_int(o, "fmod", 0) != 0;
  if (!c && fold_elem(o, s)) return;
  const char *how = !c || !(is_float(o, 0) || is_signed(s.type)) ? "mod($0, $1)"
                    : is_float(o, 0)                             ? "fmod($0, $1)"
                                                                 : "$0 - onnx_div($0, $1) * $1";
  op_give(o, 0, s, "%s", op_template(o, how));
}

/* Integer bases are computed in f64, which has them and their small powers exactly. */
void op_pow(Oper *o) {
  Shape s;
  if (!all_shapes(o, &s)) return;
  const char *type = type_name(s.type), *from = type_name(op_shape(o, 1)->type);
  bool same = is_float(o, 0) && !strcmp(type, from);
  if (same) op_give(o, 0, s, "%s", op_template(o, "$0 ** $1"));
  else if (is_float(o, 0)) op_give(o, 0, s, "%s ** %s(%s)", op_x(o, 0), type, op_x(o, 1));
  else op_give(o, 0, s, "%s(f64(%s) ** f64(%s))", type, op_x(o, 0), op_x(o, 1));
}

/* arg: what joins two of any number of operands; `/`: their mean. */
void op_variadic(Oper *o) {
  Shape s;
  if (!all_alike(o, &s) || (o->nin == 2 && o->arg[0] != '/' && fold_elem(o, s))) return;
  const char *x = op_x(o, 0);
  for (int i = 1; i < o->nin; i++) {
    if (strchr("+/", o->arg[0])) x = op_str(o, "%s + %s", x, op_x(o, i));
    else x = op_str(o, "%s(%s, %s)", o->arg, x, op_x(o, i));
  }
  if (o->arg[0] == '/') op_give(o, 0, s, "(%s) / %d", x, o->nin);
  else op_give(o, 0, s, "%s", x);
}

void op_relu(Oper *o) {
  Shape s = *op_shape(o, 0);
  if (o->refused || (shape_count(&s) == 1 && fold_elem(o, s))) return;
  op_give(o, 0, s, is_float(o, 0) ? "relu(%s)" : "max(%s, 0)", op_x(o, 0));
}

void op_alias(Oper *o, int out, int in) {
  op_shape(o, in);
  if (o->refused || !has_out(o, out)) return;
  *o->out[out] = *o->in[in];
}

void op_identity(Oper *o) { op_alias(o, 0, 0); }

/* ---- casts ---- */

/* Integers keep their low bits, where the language saturates; floats below 8 bits too, as in ONNX's reference. */
static void cast_wraps(Oper *o, Shape s, const char *x) {
  const Shape *from = op_shape(o, 0);
  int bits = onnx_type(s.type)->bits, dtype = onnx_type(s.type)->dtype, source = onnx_type(from->type)->dtype;
  const char *name = type_name(s.type);
  if (bits >= 32) return op_give(o, 0, s, "onnx_to_%s(%s)", name, source == DT_U32 ? x : op_str(o, "i32(%s)", x));
  const char *wide = source == DT_U32 ? op_str(o, "i32(bitwise_and(%s, %d))", x, (1 << bits) - 1)
                                      : op_str(o, "bitwise_and(i32(%s), %d)", x, (1 << bits) - 1);
  wide = op_let(o, "low", "%s", wide);
  if (dtype_info[dtype].kind == 'u') op_give(o, 0, s, "%s(%s)", name, wide);
  else op_give(o, 0, s, "%s(where(%s >= %d, %s - %d, %s))", name, wide, 1 << (bits - 1), wide, 1 << bits, wide);
}

static void cast_to(Oper *o, int type) {
  const Shape *from = op_shape(o, 0);
  Shape s = *from;
  const OnnxTypeInfo *t = onnx_type(type), *f = onnx_type(from->type);
  if (!t || t->dtype < 0) return op_refuse(o, E_ONNX_TYPE, "to %s", t ? t->name : "an unknown type");
  s.type = type;
  if (type == from->type) return op_alias(o, 0, 0);
  if (fold_cast(o, s)) return;
  const char *x = op_x(o, 0);
  bool real = dtype_is_float(f->dtype);
  if (is_small_float(from->type)) {
    x = op_let(o, "wide", "%s", small_float_decode(o, from->type, x));
    real = true;
  }
  if (is_small_float(type))
    return op_give(o, 0, s, "%s",
                   small_float_encode(o, type, real ? x : op_str(o, "f32(%s)", x), op_int(o, "saturate", 1) != 0,
                                      op_string(o, "round_mode", "up")));
  char kind = dtype_info[t->dtype].kind;
  bool ints = strchr("iu", kind) && !real && from->type != ONNX_BOOL;
  bool fits = dtype_info[f->dtype].kind == kind ? f->bits <= t->bits : kind == 'i' && f->bits < t->bits;
  if ((ints && !fits && f->dtype != t->dtype) || (ints && !fits && t->bits < 8) || (real && t->bits < 8))
    return cast_wraps(o, s, x);
  op_give(o, 0, s, "%s(%s)", type_name(type), x);
}

void op_cast(Oper *o) { cast_to(o, (int)op_int(o, "to", 0)); }

/* Mantissa and bias of a float of 16 or 32 bits; NULL: none. */
static const char *float_format(int type) {
  return type == ONNX_FLOAT ? "23, 127" : type == ONNX_FLOAT16 ? "10, 15" : type == ONNX_BFLOAT16 ? "7, 127" : NULL;
}

/* Bits of integers and floats below 8 bits; signed integers are carried with their sign. */
static const char *narrow_bits(Oper *o, int from, int to, const char *x) {
  int bits = onnx_type(from)->bits, half = 1 << (bits - 1);
  bool was_signed = is_signed(from), is = is_signed(to);
  if (was_signed == is) return x;
  if (was_signed) return op_str(o, "u8(where(%s < 0, i32(%s) + %d, i32(%s)))", x, x, 2 * half, x);
  return op_str(o, "i8(where(%s >= %d, i32(%s) - %d, i32(%s)))", x, half, x, 2 * half, x);
}

/* The same bits as another type of that size. */
void op_bitcast(Oper *o) {
  Shape s = *op_shape(o, 0);
  const OnnxTypeInfo *f = onnx_type(s.type), *t = onnx_type((int)op_int(o, "to", 0));
  if (!t || t->bits != f->bits || t->dtype < 0) return op_refuse(o, E_ONNX_NODE, "to a type of another size");
  const char *x = op_x(o, 0), *from = float_format(s.type), *to = float_format((int)op_int(o, "to", 0));
  int was = s.type;
  s.type = (int)op_int(o, "to", 0);
  if (was == s.type) return op_alias(o, 0, 0);
  if (t->bits < 8) return op_give(o, 0, s, "%s", narrow_bits(o, was, s.type, x));
  if (s.type == ONNX_BOOL) return op_give(o, 0, s, "%s != 0", x);
  if (t->bits > 32 || (was == ONNX_BOOL && dtype_is_float(t->dtype)))
    return op_refuse(o, E_ONNX_TYPE, "of %s to %s", f->name, t->name);
  if (f->dtype == t->dtype) return op_give(o, 0, s, "%s", x);
  if (from) x = op_let(o, "bits", "onnx_float_bits(%s, %s)", x, from);
  if (to) {
    x = f->dtype == DT_U32 ? op_str(o, "onnx_to_i32(%s)", x) : from ? x : op_str(o, "i32(%s)", x);
    return op_give(o, 0, s, "%s(onnx_bits_float(%s, %s))", type_name(s.type), x, to);
  }
  if (from && t->dtype == DT_I32) return op_give(o, 0, s, "%s", x);
  cast_wraps(o, s, x);
}

void op_castlike(Oper *o) { cast_to(o, op_shape(o, 1)->type); }

/* ---- with further operands or attributes ---- */

void op_clip(Oper *o) {
  Shape s = *op_shape(o, 0);
  const char *x = op_x(o, 0), *low = NULL, *high = NULL;
  if (o->refused) return;
  if (o->opset < 11) {
    if (op_attr(o, "min")) low = op_num(o, op_float(o, "min", 0));
    if (op_attr(o, "max")) high = op_num(o, op_float(o, "max", 0));
  } else {
    if (has_in(o, 1)) low = op_operand(o, 1);
    if (has_in(o, 2)) high = op_operand(o, 2);
  }
  if (low) x = op_str(o, "max(%s, %s)", x, low);
  if (high) x = op_str(o, "min(%s, %s)", x, high);
  if (!low && !high) op_alias(o, 0, 0);
  else op_give(o, 0, s, "%s", x);
}

/* Before version 7 a slope is one of each channel. */
void op_prelu(Oper *o) {
  Shape s = *op_shape(o, 0);
  const Shape *k = op_shape(o, 1);
  if (o->opset < 7 && k->rank == 1 && s.rank > 2 && k->dim[0] == s.dim[1]) {
    Str ones = {.c = o->m->c};
    for (int i = 2; i < s.rank; i++) str_puts(&ones, ", 1");
    const char *slope = op_let(o, "slope", "reshape(%s, [%lld%s])", op_x(o, 1), (long long)k->dim[0], ones.s);
    return op_give(o, 0, s, "where(%s < 0, %s * %s, %s)", op_x(o, 0), op_x(o, 0), slope, op_x(o, 0));
  }
  if (!all_shapes(o, &s)) return;
  op_give(o, 0, s, "%s", op_template(o, "where($0 < 0, $0 * $1, $0)"));
}

void op_gelu(Oper *o) {
  bool fast = !strcmp(op_string(o, "approximate", "none"), "tanh");
  if (op_float_type(o, 0)) op_give(o, 0, *op_shape(o, 0), "%s(%s)", fast ? "gelu_tanh" : "gelu", op_x(o, 0));
}

void op_isinf(Oper *o) {
  Shape s = *op_shape(o, 0);
  s.type = ONNX_BOOL;
  bool low = op_int(o, "detect_negative", 1), high = op_int(o, "detect_positive", 1);
  const char *x = op_x(o, 0);
  if (!low && !high) op_give(o, 0, s, "%s != %s and not isnan(%s)", x, x, x);
  else if (low && high) op_give(o, 0, s, "isinf(%s)", x);
  else op_give(o, 0, s, "%s == %s", x, high ? "inf" : "-inf");
}

void op_bitshift(Oper *o) {
  Shape s;
  if (!all_alike(o, &s)) return;
  const char *d = op_string(o, "direction", "");
  if (strcmp(d, "LEFT") && strcmp(d, "RIGHT")) return op_refuse(o, E_ONNX_NODE, "direction `%s`", d);
  op_give(o, 0, s, "bitwise_%s_shift(%s, %s)", d[0] == 'L' ? "left" : "right", op_x(o, 0), op_x(o, 1));
}
