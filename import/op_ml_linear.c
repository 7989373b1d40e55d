// SPDX-License-Identifier: Apache-2.0
/* Linear models of ai.onnx.ml, and what pipelines have in front of them. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* Operand i as f32. */
static const char *real(Oper *o, int i) {
  const char *x = op_x(o, i);
  return op_shape(o, i)->type == ONNX_FLOAT ? x : op_str(o, "f32(%s)", x);
}

/* x @ coefficients' + intercepts of operand 0, [N, n]; NULL: refused. */
static const char *scores(Oper *o, const char *intercepts, int64_t n) {
  const Shape *x = op_shape(o, 0);
  const OnnxAttr *w = op_attr(o, "coefficients"), *b = op_attr(o, intercepts);
  if (x->rank != 2 || !w || n < 1 || w->nf / n != x->dim[1] || w->nf % n || (b && b->nf && b->nf != n))
    return op_refuse(o, E_ONNX_NODE, "its attributes do not fit"), NULL;
  const char *y =
    op_str(o, "%s @ %s'", real(o, 0), op_table(o, "coefficients", ONNX_FLOAT, w->floats, 2, (int64_t[]){n, x->dim[1]}));
  return b && b->nf ? op_str(o, "%s + %s", y, op_table(o, "intercepts", ONNX_FLOAT, b->floats, 1, &n)) : y;
}

void op_linear_regressor(Oper *o) {
  int64_t n = op_int(o, "targets", 1);
  const char *y = scores(o, "intercepts", n), *how = op_string(o, "post_transform", "NONE");
  if (!y) return;
  if (strcmp(how, "NONE")) return op_refuse(o, E_ONNX_NODE, "post_transform `%s`", how);
  op_give(o, 0, shape_of(ONNX_FLOAT, 2, (int64_t[]){op_shape(o, 0)->dim[0], n}), "%s", y);
}

/* The label of the largest score; scores after the transformation. One score of two classes is that of the second. */
void op_linear_classifier(Oper *o) {
  const OnnxAttr *label = op_attr(o, "classlabels_ints"), *w = op_attr(o, "coefficients");
  const char *how = op_string(o, "post_transform", "NONE");
  int64_t c = op_shape(o, 0)->rank == 2 ? op_shape(o, 0)->dim[1] : 0, rows = c ? op_shape(o, 0)->dim[0] : 0;
  if (!label || !label->ni) return op_refuse(o, E_ONNX_TYPE, "of strings");
  int64_t n = w && c > 0 ? w->nf / c : 0, classes = label->ni;
  bool one = n == 1 && classes == 2;
  const char *y = scores(o, "intercepts", n), *to = NULL;
  if (!y) return;
  if (!one && n != classes) return op_refuse(o, E_ONNX_NODE, "its attributes do not fit");
  if (!strcmp(how, "NONE")) to = one ? "concat([1 - %s, %s], axis = 1)" : "%s";
  if (!strcmp(how, "LOGISTIC")) to = one ? "concat([sigmoid(-%s), sigmoid(%s)], axis = 1)" : "sigmoid(%s)";
  if (!strcmp(how, "SOFTMAX") && !one) to = "softmax(%s)";
  if (!to) return op_refuse(o, E_ONNX_NODE, "post_transform `%s`", how);
  y = op_let(o, "scores", "%s", y);
  const char *labels = op_table(o, "labels", ONNX_INT64, label->ints, 1, &classes);
  const char *best = one ? op_str(o, "i32(%s[:, 0] > 0)", y) : op_str(o, "argmax(%s, axis = 1)", y);
  op_give(o, 0, shape_of(ONNX_INT64, 1, &rows), "%s[%s]", labels, best);
  const char *percent = strstr(to, "%s"), *more = strstr(percent + 2, "%s");
  Str b = {.c = o->m->c};
  for (const char *p = to; *p; p += p == percent || p == more ? 2 : 1)
    if (p == percent || p == more) str_puts(&b, y);
    else str_put(&b, p, 1);
  op_give(o, 1, shape_of(ONNX_FLOAT, 2, (int64_t[]){rows, classes}), "%s", b.s);
}

/* Numbers for those that are missing, one for all or one for each of the last axis. */
void op_imputer(Oper *o) {
  Shape s = *op_shape(o, 0);
  bool whole = s.type == ONNX_INT64;
  const OnnxAttr *to = op_attr(o, whole ? "imputed_value_int64s" : "imputed_value_floats");
  int64_t n = !to ? 0 : whole ? to->ni : to->nf;
  const char *x = op_x(o, 0);
  if (s.rank < 1 || (s.type != ONNX_FLOAT && !whole) || n < 1 || (n != 1 && n != s.dim[s.rank - 1]))
    return op_refuse(o, E_ONNX_NODE, "its attributes do not fit");
  const void *data = whole ? (const void *)to->ints : (const void *)to->floats;
  const char *fill = op_table(o, "imputed", s.type, data, 1, &n);
  double gone = whole ? (double)op_int(o, "replaced_value_int64", 0) : op_float(o, "replaced_value_float", 0);
  if (gone != gone) op_give(o, 0, s, "where(isnan(%s), %s, %s)", x, fill, x);
  else op_give(o, 0, s, "where(%s == %s, %s, %s)", x, op_num(o, gone), fill, x);
}

void op_feature_vectorizer(Oper *o) {
  Str b = {.c = o->m->c};
  Shape s = {.type = ONNX_FLOAT, .rank = 2};
  for (int i = 0; i < o->nin && !o->refused; i++) {
    const Shape *x = op_shape(o, i);
    if (x->rank < 1 || x->rank > 2 || (i && x->dim[0] != s.dim[0]))
      return op_refuse(o, E_ONNX_NODE, "its operands differ in their rows");
    s.dim[0] = x->dim[0];
    s.dim[1] += x->rank == 2 ? x->dim[1] : 1;
    str_printf(&b, x->rank == 2 ? "%s%s" : "%sunsqueeze(%s, 1)", i ? ", " : "", real(o, i));
  }
  op_give(o, 0, s, "concat([%s], axis = 1)", b.s);
}

/* 1 where the element is the category, along a new last axis; others than the categories are refused by the model, or
 * have zeros, which is all that a program can do. */
void op_ml_onehot(Oper *o) {
  Shape s = *op_shape(o, 0);
  int n;
  const int64_t *v = op_ints(o, "cats_int64s", &n);
  if (!v || n < 1) return op_refuse(o, E_ONNX_TYPE, "of strings");
  if (s.rank >= MAX_RANK) return op_refuse(o, E_ONNX_NODE, "more than %d axes", MAX_RANK);
  const char *cats = op_table(o, "categories", ONNX_INT64, v, 1, (int64_t[]){n});
  const char *x = s.type == ONNX_INT64 || s.type == ONNX_INT32 ? op_x(o, 0) : op_str(o, "i32(%s)", op_x(o, 0));
  s.dim[s.rank++] = n;
  s.type = ONNX_FLOAT;
  op_give(o, 0, s, "f32(unsqueeze(%s, -1) == %s)", x, cats);
}
