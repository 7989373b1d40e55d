// SPDX-License-Identifier: Apache-2.0
/* Leaves: weights, constants, ramps, sizes; and what ONNX cannot express. */
#include "export/export.h"
#include <string.h>

void write_nothing(Export *x, Id n) { (void)x, (void)n; }

void write_var(Export *x, Id n) { x->at->value[n] = export_var(x, node_var(x->at->g, n)); }

void write_const(Export *x, Id n) {
  const Type *t = export_out_type(x);
  const AttrVal *a = node_attr(x->at->g, n, ATTR(const, value));
  if (a->n == 1) {
    const char *v = export_number(x, export_type(t->dtype), a->fv[0]);
    x->at->value[n] = t->rank ? export_expand(x, v, t->dim, t->rank) : v;
    return;
  }
  char *bytes = ctx_alloc(x->c, (size_t)a->n * 8 + 8);
  for (int i = 0; i < a->n; i++) {
    float f = (float)a->fv[i];
    int64_t k = (int64_t)a->fv[i];
    uint16_t half = 0;
    if (dtype_is_half(t->dtype)) dtype_round_half((DType)t->dtype, a->fv[i], &half);
    const void *p = t->dtype == DT_F32        ? (void *)&f
                    : t->dtype == DT_F64      ? (void *)&a->fv[i]
                    : dtype_is_half(t->dtype) ? (void *)&half
                                              : (void *)&k;
    memcpy(bytes + i * dtype_info[t->dtype].bytes, p, (size_t)dtype_info[t->dtype].bytes);
  }
  const char *name = export_unique(x, "constant");
  size_t open = pb_open(&x->init, 5);
  export_tensor(&x->init, name, t, t->dim, bytes);
  pb_close(&x->init, open);
  x->at->value[n] = name;
}

void write_iota(Export *x, Id n) {
  const Type *t = export_out_type(x);
  int axis = (int)node_attr(x->at->g, n, ATTR(iota, axis))->i;
  const char *v = export_range(x, t->dim[axis], export_type(t->dtype));
  Dim dim[MAX_RANK];
  for (int i = 0; i < t->rank; i++) dim[i] = i == axis ? t->dim[i] : 1;
  if (t->rank > 1) v = export_expand(x, export_reshape(x, v, dim, t->rank), t->dim, t->rank);
  x->at->value[n] = v;
}

void write_size(Export *x, Id n) {
  const char *v = export_dim(x, node_attr(x->at->g, n, ATTR(size, dim))->i);
  v = NODE(x, "Reshape", v, export_const_ints(x, NULL, 0));
  x->at->value[n] = export_cast(x, v, ONNX_INT64, export_type(export_out_type(x)->dtype));
}

void write_run(Export *x, Id n) {
  export_refuse(x, ctx_strf(x->c, "`%s`", node_name(x->at->g, n)),
                "a model of ONNX has no training step: give the value as an argument of the export");
}

void write_random(Export *x, Id n) {
  (void)n;
  export_refuse(x, "random numbers",
                "ONNX's random operators give other numbers than gradc: give them as an argument of the export");
}

void write_gradient(Export *x, Id n) {
  export_refuse(x, ctx_strf(x->c, "`%s`", node_info(x->at->g, n)->name),
                "the gradient of attention has no operator: write the attention as contractions and softmax");
}
