// SPDX-License-Identifier: Apache-2.0
/* Products of matrices. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

/* The shape of a @ b as NumPy has it. */
bool matmul_shape(Oper *o, Shape *s) {
  Shape a = *op_shape(o, 0), b = *op_shape(o, 1);
  if (o->refused) return false;
  if (!a.rank || !b.rank) return op_refuse(o, E_ONNX_NODE, "an operand is a scalar"), false;
  int64_t m = a.rank > 1 ? a.dim[a.rank - 2] : -1, n = b.rank > 1 ? b.dim[b.rank - 1] : -1;
  if (a.dim[a.rank - 1] != b.dim[b.rank > 1 ? b.rank - 2 : 0])
    return op_refuse(o, E_ONNX_NODE, "the inner sizes differ"), false;
  a.rank = a.rank > 2 ? a.rank - 2 : 0;
  b.rank = b.rank > 2 ? b.rank - 2 : 0;
  if (!onnx_broadcast(o, &a, &b)) return false;
  if (m >= 0) a.dim[a.rank++] = m;
  if (n >= 0) a.dim[a.rank++] = n;
  *s = a;
  return true;
}

void op_matmul(Oper *o) {
  Shape s;
  if (!matmul_shape(o, &s)) return;
  if (dtype_is_float(onnx_type(s.type)->dtype)) op_give(o, 0, s, "%s @ %s", op_x(o, 0), op_x(o, 1));
  else op_give(o, 0, s, "onnx_int_matmul(%s, %s)", op_x(o, 0), op_x(o, 1));
}

void op_gemm(Oper *o) {
  const Shape *a = op_shape(o, 0), *b = op_shape(o, 1);
  bool ta = op_int(o, "transA", 0) != 0, tb = op_int(o, "transB", 0) != 0;
  double alpha = op_float(o, "alpha", 1), beta = op_float(o, "beta", 1);
  if (a->rank != 2 || b->rank != 2 || a->dim[!ta] != b->dim[tb])
    return op_refuse(o, E_ONNX_NODE, "no matrices that fit");
  Shape s = shape_of(a->type, 2, (int64_t[]){a->dim[ta], b->dim[!tb]});
  bool real = dtype_is_float(onnx_type(s.type)->dtype);
  if (!real && (alpha != 1 || beta != 1)) return op_refuse(o, E_ONNX_TYPE, "of integers, with alpha or beta");
  const char *l = op_str(o, "%s%s", op_x(o, 0), ta ? "'" : ""), *r = op_str(o, "%s%s", op_x(o, 1), tb ? "'" : "");
  const char *y = op_str(o, real ? "%s @ %s" : "onnx_int_matmul(%s, %s)", l, r);
  if (alpha != 1) y = op_str(o, "%s * (%s)", op_num(o, alpha), y);
  if (has_in(o, 2) && beta == 1) y = op_str(o, "%s + %s", y, op_x(o, 2));
  else if (has_in(o, 2)) y = op_str(o, "%s + %s * %s", y, op_num(o, beta), op_x(o, 2));
  op_give(o, 0, s, "%s", y);
}

/* ---- einsum: the shape of the result from the labels ---- */

typedef struct Labels {
  int64_t size[128], extra[MAX_RANK]; /* extra: the axes of `...` */
  int nextra;
} Labels;

static bool term_labels(Oper *o, Labels *l, const char *term, size_t n, const Shape *x) {
  int letters = 0, axis = 0;
  for (size_t i = 0; i < n; i++) letters += term[i] != '.' && term[i] != ' ';
  int dots = x->rank - letters;
  bool seen = false;
  if (dots < 0) return false;
  for (size_t i = 0; i < n; i++) {
    unsigned char ch = (unsigned char)term[i];
    if (ch == ' ') continue;
    if (ch == '.') {
      Shape all = shape_of(x->type, l->nextra, l->extra), own = shape_of(x->type, dots, x->dim + axis);
      if (seen || !onnx_broadcast(o, &all, &own)) return false;
      l->nextra = all.rank;
      memcpy(l->extra, all.dim, sizeof all.dim);
      seen = true;
      axis += dots;
      i += 2;
      continue;
    }
    if (axis >= x->rank || ch > 127) return false;
    if (l->size[ch] <= 1) l->size[ch] = x->dim[axis];
    axis++;
  }
  return axis == x->rank;
}

static bool result_labels(const char *spec, char *out, size_t n) {
  const char *arrow = strstr(spec, "->");
  size_t k = 0;
  if (arrow) {
    for (const char *p = arrow + 2; *p && k + 1 < n; p++) {
      if ((unsigned char)*p > 127) return false;
      if (*p != ' ') out[k++] = *p;
    }
  } else { /* those that occur once, in order of the alphabet, after the dots */
    int count[128] = {0};
    for (const char *p = spec; *p; p++)
      if (*p > 0) count[(int)*p]++;
    if (count['.']) k = (size_t)(stpcpy(out, "...") - out);
    for (int ch = 'A'; ch <= 'z'; ch++)
      if (count[ch] == 1 && k + 1 < n) out[k++] = (char)ch;
  }
  out[k] = 0;
  return k + 1 < n;
}

void op_einsum(Oper *o) {
  const char *spec = op_string(o, "equation", ""), *p = spec;
  Labels l = {.nextra = 0};
  char out[64];
  Str b = {.c = o->m->c};
  for (int i = 0; i < o->nin; i++) {
    size_t n = strcspn(p, ",-");
    if (!term_labels(o, &l, p, n, op_shape(o, i)))
      return op_refuse(o, E_ONNX_NODE, "the equation `%s` does not fit", spec);
    p += n + (p[n] == ',');
    str_printf(&b, ", %s", op_x(o, i));
  }
  if (!result_labels(spec, out, sizeof out))
    return op_refuse(o, E_ONNX_NODE, "the result of the equation `%s` does not fit", spec);
  Shape s = {.type = op_shape(o, 0)->type};
  for (const char *q = out; *q && s.rank < MAX_RANK; q++) {
    if (*q != '.') s.dim[s.rank++] = l.size[(int)*q];
    else if (q == out || q[-1] != '.')
      for (int i = 0; i < l.nextra && s.rank < MAX_RANK; i++) s.dim[s.rank++] = l.extra[i];
  }
  bool real = dtype_is_float(onnx_type(s.type)->dtype);
  if (!real) b.n = 0; /* f64 has sums of products below 2^53 exactly */
  for (int i = 0; i < o->nin && !real; i++) str_printf(&b, ", f64(%s)", op_x(o, i));
  if (!real) op_give(o, 0, s, "%s(einsum(\"%s\"%s))", type_name(s.type), spec, b.s);
  else op_give(o, 0, s, "einsum(\"%s\"%s)", spec, b.s);
}

void op_det(Oper *o) {
  Shape s = *op_shape(o, 0);
  if (s.rank < 2 || s.dim[s.rank - 1] != s.dim[s.rank - 2]) return op_refuse(o, E_ONNX_NODE, "not of square matrices");
  s.rank -= 2;
  if (op_float_type(o, 0)) op_give(o, 0, s, "det(%s)", op_x(o, 0));
}
