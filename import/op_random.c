// SPDX-License-Identifier: Apache-2.0
/* Operators that draw random numbers: by the generator of the program, whatever `seed` says. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* Gives a result that is drawn. */
static void give_drawn(Oper *o, Shape s, const char *text) {
  o->inputs |= INPUT_RANDOM;
  op_give(o, 0, s, "%s", text);
}

/* The element type by `dtype`, or the other. 0: refused. */
static int drawn_type(Oper *o, int otherwise) {
  int type = (int)op_int(o, "dtype", otherwise);
  const OnnxTypeInfo *t = onnx_type(type);
  if (t && t->dtype >= 0 && t->bits >= 8) return type;
  op_refuse(o, E_ONNX_TYPE, "of %s", t ? t->name : "an unknown type");
  return 0;
}

static const char *as_type(Oper *o, int type, const char *x) {
  return type == ONNX_FLOAT ? x : op_str(o, "%s(%s)", type_name(type), x);
}

/* arg: normal or uniform; then `like` for the shape of the operand. */
void op_random(Oper *o) {
  Shape s = {.type = ONNX_FLOAT};
  int n = 0;
  bool like = strstr(o->arg, "like") != NULL;
  const int64_t *dim = op_ints(o, "shape", &n);
  if (like) s = *op_shape(o, 0);
  if (!like && (!dim || n > MAX_RANK)) return op_refuse(o, E_ONNX_NODE, "without `shape`");
  for (int i = 0; i < n; i++)
    if (dim[i] < 0) return op_refuse(o, E_ONNX_NODE, "a negative size");
  if (!like) s = shape_of(s.type, n, dim);
  s.type = drawn_type(o, s.type);
  if (o->refused) return;
  const char *list = shape_list(o->m->c, s.dim, s.rank), *text;
  if (o->arg[0] == 'n') {
    text = op_str(o, "normal(%s, %s, %s)", list, op_num(o, op_float(o, "scale", 1)), op_num(o, op_float(o, "mean", 0)));
  } else {
    double low = op_float(o, "low", 0), high = op_float(o, "high", 1);
    text = op_str(o, "random(%s) * %s + %s", list, op_num(o, high - low), op_num(o, low));
  }
  give_drawn(o, s, as_type(o, s.type, text));
}

/* 1 with the probability that the operand has. */
void op_bernoulli(Oper *o) {
  Shape s = *op_shape(o, 0);
  const char *list = shape_list(o->m->c, s.dim, s.rank), *x = op_x(o, 0);
  if (s.type != ONNX_FLOAT) x = op_str(o, "f32(%s)", x);
  s.type = drawn_type(o, s.type);
  if (o->refused) return;
  give_drawn(o, s, op_str(o, "%s(random(%s) < %s)", type_name(s.type), list, x));
}

/* sample_size classes for each row of logarithms of probabilities. */
void op_multinomial(Oper *o) {
  Shape s = *op_shape(o, 0);
  int64_t n = op_int(o, "sample_size", 1);
  const char *x = op_x(o, 0);
  if (s.rank != 2 || n < 1 || s.dim[1] < 1) return op_refuse(o, E_ONNX_NODE, "its operand is no matrix of classes");
  if (s.type != ONNX_FLOAT) x = op_str(o, "f32(%s)", x);
  s.type = drawn_type(o, ONNX_INT32);
  s.dim[1] = n;
  if (o->refused) return;
  const char *text = op_str(o, "onnx_multinomial(%s, %lld)", x, (long long)n);
  give_drawn(o, s, type_name(s.type)[0] == 'i' && onnx_type(s.type)->dtype == DT_I32 ? text : as_type(o, s.type, text));
}

/* Version 12 on trains if operand 3 says so; before, it changes nothing. */
void op_dropout(Oper *o) {
  Shape s = *op_shape(o, 0), m = s;
  const Tensor *t;
  double ratio = o->opset < 12 ? 0 : 0.5;
  bool training = has_in(o, 2) && op_known(o, 2, &t) && t->count && tensor_integer(t, 0);
  if (training && has_in(o, 1) && op_known(o, 1, &t)) ratio = tensor_number(t, 0);
  if (o->refused) return;
  m.type = o->opset < 10 ? s.type : ONNX_BOOL;
  const char *list = shape_list(o->m->c, s.dim, s.rank);
  if (!training || ratio == 0) {
    op_alias(o, 0, 0);
    return op_give(o, 1, m, "broadcast_to(%s(1), %s)", type_name(m.type), list);
  }
  if (!op_float_type(o, 0)) return;
  o->inputs |= INPUT_RANDOM;
  const char *kept = op_let(o, "kept", "random(%s) >= %s", list, op_num(o, ratio));
  if (ratio >= 1) op_give(o, 0, s, "where(%s, %s, 0)", kept, op_x(o, 0));
  else op_give(o, 0, s, "where(%s, %s * %s, 0)", kept, op_x(o, 0), op_num(o, 1 / (1 - ratio)));
  op_give(o, 1, m, "%s", kept);
}
