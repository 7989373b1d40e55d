// SPDX-License-Identifier: Apache-2.0
/* Element-wise ops, by templates: `Operator(argument,...)`, `a`, `b`, `c` for operands, numbers. Beside operators of
 * ONNX there are Fmod (Mod as in C), ShiftLeft (BitShift), Signed and Unsigned (Cast to 64 bits). */
#include "export/export.h"
#include <stdlib.h>
#include <string.h>

typedef struct Template {
  Export *x;
  const char *s;
  const char *operand[3];
  int type; /* of numbers */
} Template;

static const char *expression(Template *t);

static int arguments(Template *t, const char **arg, int most) {
  int n = 0;
  if (*t->s != '(') return 0;
  do {
    t->s++;
    arg[n++] = expression(t);
  } while (*t->s == ',' && n < most);
  t->s++;
  return n;
}

static const char *call(Template *t, const char *op, int n, const char *const *arg) {
  Export *x = t->x;
  if (!strcmp(op, "Signed")) return export_cast(x, arg[0], ONNX_UINT64, ONNX_INT64);
  if (!strcmp(op, "Unsigned")) return export_cast(x, arg[0], ONNX_INT64, ONNX_UINT64);
  if (!strcmp(op, "Fmod")) {
    export_int(x, "fmod", 1);
    return export_node(x, "Mod", n, arg);
  }
  if (!strcmp(op, "ShiftLeft")) {
    export_text(x, "direction", "LEFT");
    return export_node(x, "BitShift", n, arg);
  }
  return export_node(x, op, n, arg);
}

static const char *expression(Template *t) {
  const char *start = t->s, *arg[3];
  if (*start >= 'a' && *start <= 'c') return t->operand[*t->s++ - 'a'];
  if ((*start >= '0' && *start <= '9') || *start == '-') {
    char *end;
    double v = strtod(start, &end);
    t->s = end;
    return export_number(t->x, t->type, v);
  }
  t->s += strcspn(t->s, "(");
  const char *op = ctx_intern(t->x->c, start, (size_t)(t->s - start));
  int n = arguments(t, arg, 3);
  return call(t, op, n, arg);
}

/* Shifts need 64 bits. */
static int computed(const char *form, int dtype) { return strstr(form, "Shift") ? ONNX_INT64 : export_computed(dtype); }

void write_elem(Export *x, Id n) {
  const OpInfo *info = node_info(x->at->g, n);
  const WriteRow *row = &write_row[node_get(x->at->g, n)->op];
  int last = (int)node_get(x->at->g, n)->nin - 1, dtype = export_in_type(x, last)->dtype;
  const char *form = dtype_is_float(dtype) ? row->floats : row->ints;
  Template t = {.x = x, .s = form, .type = computed(form, dtype)};
  bool logic = dtype == DT_BOOL && (!strcmp(form, "Not(a)") || !strcmp(form, "And(a,b)") || !strcmp(form, "Or(a,b)"));
  if (!*form) {
    export_refuse(x, ctx_strf(x->c, "`%s`", info->name), "ONNX has no such function");
    return;
  }
  if (!strcmp(form, "a")) {
    x->at->value[n] = export_in(x, 0);
    return;
  }
  for (int i = 0; i <= last; i++)
    t.operand[i] = logic || (info->flags & OPF_SELECT && !i) ? export_in(x, i) : export_in_as(x, i, t.type);
  const char *v = expression(&t);
  export_give(x, v, info->flags & OPF_BOOL_RESULT ? ONNX_BOOL : t.type);
}

/* To integers: saturated, NaN gives 0. f64 holds the bounds of all of them. */
static const char *saturated(Export *x, const char *v, int from, int to) {
  double lo = dtype_cast((DType)to, -1e300), hi = dtype_cast((DType)to, 1e300);
  if (dtype_is_float(from)) {
    v = export_cast(x, v, export_type(from), ONNX_DOUBLE);
    const char *nan = NODE(x, "IsNaN", v);
    v = NODE(x, "Where", nan, export_number(x, ONNX_DOUBLE, 0), v);
    bool wide = hi >= 0x1p63; /* the largest integer is no double: that below it is clipped to, itself chosen */
    const char *over = wide ? NODE(x, "GreaterOrEqual", v, export_number(x, ONNX_DOUBLE, hi)) : NULL;
    v = NODE(x, "Clip", v, export_number(x, ONNX_DOUBLE, lo), export_number(x, ONNX_DOUBLE, wide ? hi - 1024 : hi));
    v = export_cast(x, v, ONNX_DOUBLE, export_type(to));
    return over ? NODE(x, "Where", over, export_const_table(x, &(int64_t){INT64_MAX}, NULL, 0), v) : v;
  }
  double low = dtype_cast((DType)from, -1e300), high = dtype_cast((DType)from, 1e300);
  if (from == DT_BOOL || (low >= lo && high <= hi)) return export_cast(x, v, export_type(from), export_type(to));
  lo = lo > low ? lo : low, hi = hi < high ? hi : high;
  v = export_cast(x, v, export_type(from), ONNX_INT64);
  v = NODE(x, "Clip", v, export_number(x, ONNX_INT64, lo), export_number(x, ONNX_INT64, hi));
  return export_cast(x, v, ONNX_INT64, export_type(to));
}

void write_cast(Export *x, Id n) {
  int from = export_in_type(x, 0)->dtype, to = export_out_type(x)->dtype;
  const char *v = export_in(x, 0);
  if (to == DT_BOOL && dtype_is_half(from)) {
    v = export_cast(x, v, export_type(from), ONNX_FLOAT);
    from = DT_F32;
  }
  bool integer = to != DT_BOOL && !dtype_is_float(to);
  x->at->value[n] = integer ? saturated(x, v, from, to) : export_cast(x, v, export_type(from), export_type(to));
}
