// SPDX-License-Identifier: Apache-2.0
/* Operators of ai.onnx.ml on tensors [N, C]. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* A number, or a vector for the last axis, from an attribute; NULL: it is absent, or refused. */
static const char *features(Oper *o, const char *name) {
  const OnnxAttr *a = op_attr(o, name);
  const Shape *x = op_shape(o, 0);
  if (!a || !a->nf) return NULL;
  if (a->nf == 1) return op_num(o, (double)a->floats[0]);
  if (!x->rank || x->dim[x->rank - 1] != a->nf) {
    op_refuse(o, E_ONNX_NODE, "`%s` has %d numbers", name, a->nf);
    return NULL;
  }
  return op_table(o, name, ONNX_FLOAT, a->floats, 1, (int64_t[]){a->nf});
}

/* The operand as f32. */
static const char *as_float(Oper *o, Shape *s) {
  *s = *op_shape(o, 0);
  bool same = s->type == ONNX_FLOAT;
  s->type = ONNX_FLOAT;
  return same ? op_x(o, 0) : op_str(o, "f32(%s)", op_x(o, 0));
}

void op_scaler(Oper *o) {
  Shape s;
  const char *x = as_float(o, &s), *offset = features(o, "offset"), *scale = features(o, "scale");
  if (offset) x = op_str(o, "(%s - %s)", x, offset);
  op_give(o, 0, s, "%s * %s", x, scale ? scale : "1");
}

void op_binarizer(Oper *o) {
  Shape s = *op_shape(o, 0);
  op_give(o, 0, s, "%s(%s > %s)", type_name(s.type), op_x(o, 0), op_num(o, op_float(o, "threshold", 0)));
}

void op_normalizer(Oper *o) {
  Shape s;
  const char *x = as_float(o, &s), *norm = op_string(o, "norm", "MAX");
  const char *how = !strcmp(norm, "L1")   ? "sum(abs(%s), axes = [-1], keep = true)"
                    : !strcmp(norm, "L2") ? "sqrt(sum(%s ** 2, axes = [-1], keep = true))"
                                          : "max(%s, axes = [-1], keep = true)";
  const char *percent = strchr(how, '%');
  const char *by = op_str(o, "%.*s%s%s", (int)(percent - how), how, x, percent + 2);
  const char *d = op_let(o, "norm", "%s", by);
  op_give(o, 0, s, "%s / where(%s == 0, 1, %s)", x, d, d); /* a row of zeros stays one */
}

/* The elements at these places of the last axis; of a vector, as a row. */
void op_feature_extractor(Oper *o) {
  const Shape *x = op_shape(o, 0), *index = op_shape(o, 1);
  Shape s = *x;
  Str b = {.c = o->m->c};
  int64_t n = shape_count(index);
  if (!x->rank) return op_refuse(o, E_ONNX_NODE, "it needs an axis");
  for (int i = 0; i + 1 < x->rank; i++) str_puts(&b, ":, ");
  s.dim[s.rank - 1] = n;
  const char *at = op_str(o, "reshape(%s, [%lld])", op_x(o, 1), (long long)n);
  const char *v = op_str(o, "%s[%s%s]", op_x(o, 0), b.s ? b.s : "", at);
  if (x->rank > 1) return op_give(o, 0, s, "%s", v);
  op_give(o, 0, shape_of(x->type, 2, (int64_t[]){1, n}), "unsqueeze(%s, 0)", v);
}

/* ---- labels ---- */

/* The keys or the values, from a list or, since version 4, a tensor; of strings: refused. */
static bool label_list(Oper *o, const char *what, Tensor *t) {
  const OnnxAttr *s = op_attr(o, op_str(o, "%s_strings", what)), *i = op_attr(o, op_str(o, "%s_int64s", what));
  const OnnxAttr *f = op_attr(o, op_str(o, "%s_floats", what)), *all = op_attr(o, op_str(o, "%s_tensor", what));
  const char *why;
  if ((s && s->nstrings) || (all && all->t && all->t->type == ONNX_STRING))
    return op_refuse(o, E_ONNX_TYPE, "of strings"), false;
  if (i) *t = (Tensor){.type = ONNX_INT64, .rank = 1, .dim = {i->ni}, .count = i->ni, .data = i->ints};
  else if (f) *t = (Tensor){.type = ONNX_FLOAT, .rank = 1, .dim = {f->nf}, .count = f->nf, .data = f->floats};
  else if (!all || !all->t) return op_refuse(o, E_ONNX_NODE, "without `%s`", what), false;
  else if (!onnx_tensor_values(o->m->c, all->t, o->m->folder, t, &why))
    return op_refuse(o, E_ONNX_TYPE, "%s", why), false;
  return true;
}

/* What a label becomes that is no key. */
static double label_default(Oper *o, int type) {
  const OnnxAttr *a = op_attr(o, "default_tensor");
  Tensor t;
  const char *why;
  if (a && a->t && onnx_tensor_values(o->m->c, a->t, o->m->folder, &t, &why) && t.count == 1)
    return tensor_number(&t, 0);
  if (dtype_is_float(onnx_type(type)->dtype)) return op_float(o, "default_float", -0.0);
  return (double)op_int(o, "default_int64", -1);
}

void op_label_encoder(Oper *o) {
  Tensor key, value;
  Shape s = *op_shape(o, 0);
  if (o->opset < 2) return op_refuse(o, E_ONNX_TYPE, "of strings");
  if (!label_list(o, "keys", &key) || !label_list(o, "values", &value)) return;
  if (key.count < 1 || key.count != value.count || key.type != s.type || onnx_type(value.type)->dtype < 0)
    return op_refuse(o, E_ONNX_NODE, "its attributes do not fit");
  const char *keys = op_table(o, "keys", key.type, key.data, 1, &key.count);
  const char *values = op_table(o, "values", value.type, value.data, 1, &value.count);
  const char *other = op_num(o, label_default(o, value.type));
  const char *how = dtype_is_float(onnx_type(s.type)->dtype) ? "true" : "false";
  s.type = value.type;
  op_give(o, 0, s, "onnx_label(%s, %s, %s, %s, %s)", op_x(o, 0), keys, values, other, how);
}
