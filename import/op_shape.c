// SPDX-License-Identifier: Apache-2.0
/* Operators that give values another shape, and those that make shapes. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

static void give_reshape(Oper *o, Shape s) {
  if (shape_count(&s) != shape_count(op_shape(o, 0)))
    return op_refuse(o, E_ONNX_NODE, "the new shape has another number of elements");
  if (fold_same(o, 0, s)) return;
  op_give(o, 0, s, "reshape(%s, %s)", op_x(o, 0), shape_list(o->m->c, s.dim, s.rank));
}

void op_reshape(Oper *o) {
  const Shape *x = op_shape(o, 0);
  const int64_t *v;
  int n, open = -1;
  int64_t count = 1;
  if (!op_known_ints(o, 1, &v, &n)) return;
  if (n > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "a shape of more than %d axes", MAX_RANK);
  Shape s = {.type = x->type, .rank = n};
  for (int i = 0; i < n; i++) {
    s.dim[i] = v[i];
    if (v[i] == 0 && !op_int(o, "allowzero", 0)) s.dim[i] = i < x->rank ? x->dim[i] : 0;
    if (v[i] == -1) open = i;
    else if (s.dim[i] < 0 || __builtin_mul_overflow(count, s.dim[i], &count))
      return op_refuse(o, E_ONNX_NODE, "the new shape is not valid");
  }
  if (open >= 0) s.dim[open] = count ? shape_count(x) / count : 0;
  give_reshape(o, s);
}

void op_flatten(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int64_t a = op_int(o, "axis", 1), rows = 1;
  if (a < -x->rank || a > x->rank) return op_refuse(o, E_ONNX_NODE, "axis %lld is out of range", (long long)a);
  a += a < 0 ? x->rank : 0;
  for (int i = 0; i < a; i++) rows *= x->dim[i];
  int64_t columns = 1;
  for (int i = (int)a; i < x->rank; i++) columns *= x->dim[i];
  give_reshape(o, shape_of(x->type, 2, (int64_t[]){rows, columns}));
}

void op_squeeze(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int64_t axis[MAX_RANK];
  bool drop[MAX_RANK] = {false};
  int n;
  if (!op_axes(o, "axes", o->opset >= 13 ? 1 : -1, x->rank, axis, &n)) return;
  for (int i = 0; i < x->rank && n < 0; i++) drop[i] = x->dim[i] == 1;
  for (int i = 0; i < n; i++) drop[axis[i]] = true;
  Shape s = {.type = x->type};
  for (int i = 0; i < x->rank; i++)
    if (!drop[i]) s.dim[s.rank++] = x->dim[i];
    else if (x->dim[i] != 1) op_refuse(o, E_ONNX_NODE, "axis %d is not of size 1", i);
  if (!o->refused) give_reshape(o, s);
}

void op_unsqueeze(Oper *o) {
  const Shape *x = op_shape(o, 0);
  const int64_t *v = op_ints(o, "axes", &(int){0});
  int n;
  op_ints(o, "axes", &n);
  if (o->opset >= 13 && !op_known_ints(o, 1, &v, &n)) return;
  int rank = x->rank + n, from = 0;
  if (rank > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "more than %d axes", MAX_RANK);
  bool new[MAX_RANK] = {false};
  for (int i = 0; i < n; i++) {
    int64_t a = v[i] < 0 ? v[i] + rank : v[i];
    if (a < 0 || a >= rank || new[a]) return op_refuse(o, E_ONNX_NODE, "axis %lld is out of range", (long long)v[i]);
    new[a] = true;
  }
  Shape s = {.type = x->type, .rank = rank};
  for (int i = 0; i < rank; i++) s.dim[i] = new[i] ? 1 : x->dim[from++];
  give_reshape(o, s);
}

void op_transpose(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int n;
  int64_t row[MAX_RANK], stride[MAX_RANK], swap[MAX_RANK];
  const int64_t *perm = op_ints(o, "perm", &n);
  for (int i = 0; i < x->rank; i++) swap[i] = x->rank - 1 - i;
  if (!perm) perm = swap;
  else if (n != x->rank) return op_refuse(o, E_ONNX_NODE, "perm has another number of axes");
  Shape s = {.type = x->type, .rank = x->rank};
  Str b = {.c = o->m->c};
  row_strides(x->dim, x->rank, row);
  for (int i = 0; i < x->rank; i++) {
    int64_t p = perm[i] < 0 ? perm[i] + x->rank : perm[i];
    if (p < 0 || p >= x->rank) return op_refuse(o, E_ONNX_NODE, "perm is not a permutation");
    s.dim[i] = x->dim[p];
    stride[i] = row[p];
    str_printf(&b, ", %lld", (long long)p);
  }
  if (fold_view(o, 0, s, stride, 0)) o->out[0]->weight = o->in[0]->weight;
  else if (x->rank < 2) op_alias(o, 0, 0);
  else op_give(o, 0, s, "permute(%s%s)", op_x(o, 0), b.s);
}

void op_expand(Oper *o) {
  const Shape *x = op_shape(o, 0);
  const int64_t *v;
  int n;
  int64_t row[MAX_RANK], stride[MAX_RANK];
  if (!op_known_ints(o, 1, &v, &n)) return;
  if (n > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "a shape of more than %d axes", MAX_RANK);
  Shape s = *x, to = shape_of(x->type, n, v);
  if (!onnx_broadcast(o, &s, &to)) return;
  row_strides(x->dim, x->rank, row);
  for (int i = 0; i < s.rank; i++) {
    int f = i - (s.rank - x->rank);
    stride[i] = f < 0 || x->dim[f] == 1 ? 0 : row[f];
  }
  if (fold_view(o, 0, s, stride, 0)) return;
  op_give(o, 0, s, "broadcast_to(%s, %s)", op_x(o, 0), shape_list(o->m->c, s.dim, s.rank));
}

void op_concat(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis = op_axis(o, "axis", 0, s.rank);
  Str b = {.c = o->m->c};
  if (axis < 0) return;
  for (int i = 0; i < o->nin; i++) {
    const Shape *x = op_shape(o, i);
    if (x->rank != s.rank || x->type != s.type) op_refuse(o, E_ONNX_NODE, "operands differ in their axes or types");
    if (o->refused) return;
    if (i) s.dim[axis] += x->dim[axis];
  }
  if (fold_concat(o, s, axis)) return;
  for (int i = 0; i < o->nin; i++) str_printf(&b, "%s%s", i ? ", " : "", op_x(o, i));
  op_give(o, 0, s, "concat([%s], axis = %d)", b.s, axis);
}

/* x[:, :, from:to:step] on one axis. */
static const char *along(Oper *o, int axis, const char *index) {
  Str b = {.c = o->m->c};
  str_puts(&b, "[");
  for (int i = 0; i < axis; i++) str_puts(&b, ":, ");
  str_printf(&b, "%s]", index);
  return b.s;
}

void op_split(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int axis = op_axis(o, "axis", 0, x->rank), n;
  int64_t stride[MAX_RANK], at = 0;
  const int64_t *size = op_ints(o, "split", &n);
  if (axis < 0) return;
  if (has_in(o, 1) && !op_known_ints(o, 1, &size, &n)) return;
  if (size && n != o->nout) return op_refuse(o, E_ONNX_NODE, "another number of sizes than of results");
  row_strides(x->dim, x->rank, stride);
  int64_t each = (x->dim[axis] + o->nout - 1) / o->nout;
  for (int i = 0; i < o->nout; i++) {
    Shape s = *x;
    int64_t left = x->dim[axis] - at;
    s.dim[axis] = size ? size[i] : each < left ? each : left;
    if (s.dim[axis] < 0 || s.dim[axis] > left) return op_refuse(o, E_ONNX_NODE, "sizes do not add to that of the axis");
    if (!fold_view(o, i, s, stride, at * stride[axis]))
      op_give(o, i, s, "%s%s", op_x(o, 0),
              along(o, axis, op_str(o, "%lld:%lld", (long long)at, (long long)(at + s.dim[axis]))));
    at += s.dim[axis];
  }
}

/* ---- slice ---- */

typedef struct Cut {
  int64_t start, step, n; /* elements start, start + step ... */
} Cut;

static Cut cut_of(int64_t start, int64_t end, int64_t step, int64_t size) {
  if (start < 0) start = start < -size ? 0 : start + size;
  if (end < 0) end = end < -size ? -1 : end + size;
  if (step > 0) {
    start = start > size ? size : start;
    end = end < 0 ? 0 : end > size ? size : end;
    return (Cut){start, step, end > start ? (end - start + step - 1) / step : 0};
  }
  start = start > size - 1 ? size - 1 : start;
  end = end > size - 1 ? size - 1 : end;
  return (Cut){start, step, start > end ? (start - end - step - 1) / -step : 0};
}

static bool slice_operands(Oper *o, const int64_t **v, int *n) {
  static const char *const attr[] = {"", "starts", "ends", "axes", "steps"};
  for (int i = 1; i < 5; i++) {
    v[i] = NULL;
    n[i] = 0;
    if (o->opset < 10) v[i] = op_ints(o, attr[i], &n[i]);
    else if (has_in(o, i) && !op_known_ints(o, i, &v[i], &n[i])) return false;
    if (v[i] && n[i] != n[1]) op_refuse(o, E_ONNX_NODE, "starts, ends, axes and steps differ in number");
  }
  if (!v[1] || !v[2] || n[1] > MAX_RANK) op_refuse(o, E_ONNX_NODE, "starts or ends are missing");
  return !o->refused;
}

static void give_slice(Oper *o, Shape s, const Cut *cut, int rank) {
  Str index = {.c = o->m->c}, back = {.c = o->m->c};
  const Shape *x = op_shape(o, 0);
  for (int i = 0; i < rank; i++) {
    Cut k = cut[i];
    if (k.step < 0) {
      str_printf(&back, "%s%d", back.n ? ", " : "", i);
      k.start = x->dim[i] - 1 - k.start;
      k.step = -k.step;
    }
    str_puts(&index, i ? ", " : "");
    int64_t end = k.n ? k.start + (k.n - 1) * k.step + 1 : 0;
    if (k.n == x->dim[i]) str_puts(&index, ":");
    else str_printf(&index, "%lld:%lld", k.n ? (long long)k.start : 0ll, (long long)end);
    if (k.step > 1 && k.n > 1) str_printf(&index, ":%lld", (long long)k.step);
  }
  const char *from = op_x(o, 0);
  if (back.n) from = op_str(o, "reverse(%s, [%s])", from, back.s);
  op_give(o, 0, s, "%s[%s]", from, index.s);
}

void op_slice(Oper *o) {
  const Shape *x = op_shape(o, 0);
  const int64_t *v[5];
  int n[5];
  Cut cut[MAX_RANK];
  int64_t row[MAX_RANK], stride[MAX_RANK], offset = 0;
  if (!slice_operands(o, v, n)) return;
  for (int i = 0; i < x->rank; i++) cut[i] = (Cut){0, 1, x->dim[i]};
  for (int i = 0; i < n[1]; i++) {
    int64_t a = v[3] ? v[3][i] : i, step = v[4] ? v[4][i] : 1;
    a += a < 0 ? x->rank : 0;
    if (a < 0 || a >= x->rank || step == 0) return op_refuse(o, E_ONNX_NODE, "an axis or a step is out of range");
    if (step < -((int64_t)1 << 47)) step = -((int64_t)1 << 47);
    if (step > (int64_t)1 << 47) step = (int64_t)1 << 47;
    cut[a] = cut_of(v[1][i], v[2][i], step, x->dim[a]);
  }
  Shape s = *x;
  row_strides(x->dim, x->rank, row);
  for (int i = 0; i < x->rank; i++) {
    s.dim[i] = cut[i].n;
    stride[i] = row[i] * cut[i].step;
    offset += cut[i].n ? cut[i].start * row[i] : 0;
  }
  if (!fold_view(o, 0, s, stride, offset)) give_slice(o, s, cut, x->rank);
}

/* ---- what makes shapes and constants ---- */

void op_shape_of(Oper *o) {
  const Shape *x = op_shape(o, 0);
  int64_t start = op_int(o, "start", 0), end = op_int(o, "end", x->rank);
  start = start < 0 ? (start + x->rank < 0 ? 0 : start + x->rank) : start;
  end = end < 0 ? end + x->rank : end > x->rank ? x->rank : end;
  o->inputs = 0;
  fold_ints(o, 0, x->dim + (start < x->rank ? start : 0), end > start ? (int)(end - start) : 0);
}

void op_size(Oper *o) {
  int64_t *n = ctx_alloc(o->m->c, sizeof *n);
  *n = shape_count(op_shape(o, 0));
  o->inputs = 0;
  op_give_known(o, 0, (Shape){.type = ONNX_INT64}, n);
}

void op_constant(Oper *o) {
  const OnnxAttr *a = o->n->nattr ? &o->n->attr[0] : NULL;
  Tensor t;
  const char *why;
  if (!a) return op_refuse(o, E_ONNX_NODE, "it has no value");
  if (a->t) {
    if (!onnx_tensor_values(o->m->c, a->t, o->m->folder, &t, &why)) return op_refuse(o, E_ONNX_TYPE, "%s", why);
    return op_give_known(o, 0, shape_of(t.type, t.rank, t.dim), t.data);
  }
  if (!strcmp(a->name, "value_int")) return op_give_known(o, 0, (Shape){.type = ONNX_INT64}, &a->i);
  if (!strcmp(a->name, "value_float")) return op_give_known(o, 0, (Shape){.type = ONNX_FLOAT}, &a->f);
  if (!strcmp(a->name, "value_ints")) return op_give_known(o, 0, shape_of(ONNX_INT64, 1, (int64_t[]){a->ni}), a->ints);
  if (!strcmp(a->name, "value_floats"))
    return op_give_known(o, 0, shape_of(ONNX_FLOAT, 1, (int64_t[]){a->nf}), a->floats);
  op_refuse(o, E_ONNX_TYPE, "a constant by `%s`", a->name);
}

void op_constant_of_shape(Oper *o) {
  const OnnxAttr *a = op_attr(o, "value");
  const int64_t *v;
  static const float zero[1];
  const int64_t none[MAX_RANK] = {0};
  int n;
  Tensor t = {.type = ONNX_FLOAT, .count = 1, .data = zero};
  const char *why;
  if (!op_known_ints(o, 0, &v, &n)) return;
  if (a && a->t && !onnx_tensor_values(o->m->c, a->t, o->m->folder, &t, &why))
    return op_refuse(o, E_ONNX_TYPE, "%s", why);
  if (n > MAX_RANK || t.count != 1) return op_refuse(o, E_ONNX_NODE, "a shape of more than %d axes", MAX_RANK);
  for (int i = 0; i < n; i++)
    if (v[i] < 0) return op_refuse(o, E_ONNX_NODE, "a negative size");
  Value *one = onnx_value(o->m, (Shape){.type = t.type});
  one->known = &t;
  o->in[0] = one;
  Shape s = shape_of(t.type, n, v);
  if (fold_view(o, 0, s, none, 0)) return;
  op_give(o, 0, s, "broadcast_to(%s, %s)", onnx_text(o->m, one), shape_list(o->m->c, s.dim, n));
}

/* The number of elements is ceil((limit - start) / delta). */
void op_range(Oper *o) {
  const Tensor *t[3];
  for (int i = 0; i < 3; i++)
    if (!op_known(o, i, &t[i])) return;
  double start = tensor_number(t[0], 0), limit = tensor_number(t[1], 0), delta = tensor_number(t[2], 0);
  double n = delta == 0 ? -1 : __builtin_ceil((limit - start) / delta);
  if (n > 1 << 24 || delta == 0) return op_refuse(o, E_ONNX_NODE, "a step of 0, or too many elements");
  int64_t count = n > 0 ? (int64_t)n : 0;
  Shape s = shape_of(t[0]->type, 1, &count);
  bool real = dtype_is_float(onnx_type(s.type)->dtype);
  if (!real && s.type != ONNX_INT64 && s.type != ONNX_INT32 && s.type != ONNX_INT16)
    return op_refuse(o, E_ONNX_TYPE, "of %s", onnx_type(s.type)->name);
  char *to = ctx_alloc(o->m->c, (size_t)count * 8 + 8);
  for (int64_t i = 0; i < count; i++) {
    int64_t k = tensor_integer(t[0], 0) + i * tensor_integer(t[2], 0);
    if (real) tensor_put(to, s.type, i, start + (double)i * delta);
    else memcpy(to + i * onnx_type(s.type)->bits / 8, &k, (size_t)onnx_type(s.type)->bits / 8);
  }
  op_give_known(o, 0, s, to);
}

void op_eyelike(Oper *o) {
  Shape s = *op_shape(o, 0);
  s.type = (int)op_int(o, "dtype", s.type);
  const OnnxTypeInfo *t = onnx_type(s.type);
  if (s.rank != 2 || !t || t->dtype < 0) return op_refuse(o, E_ONNX_NODE, "not of a matrix of a type of the language");
  op_give(o, 0, s, "%s(onnx_eye(%lld, %lld, %lld))", type_name(s.type), (long long)s.dim[0], (long long)s.dim[1],
          (long long)op_int(o, "k", 0));
}

void op_tile(Oper *o) {
  Shape s = *op_shape(o, 0);
  const int64_t *v;
  int n;
  if (!op_known_ints(o, 1, &v, &n)) return;
  if (n != s.rank) return op_refuse(o, E_ONNX_NODE, "another number of repeats than of axes");
  bool none = false;
  for (int i = 0; i < n; i++) {
    none |= v[i] <= 0;
    if (v[i] < 0 || __builtin_mul_overflow(s.dim[i], v[i], &s.dim[i])) return op_refuse(o, E_ONNX_NODE, "repeats");
  }
  if (none)
    return op_give(o, 0, s, "%s(zeros(%.*s))", type_name(s.type), (int)strlen(shape_list(o->m->c, s.dim, n)) - 2,
                   shape_list(o->m->c, s.dim, n) + 1);
  if (!n) return op_alias(o, 0, 0);
  op_give(o, 0, s, "repeat(%s, %s)", op_x(o, 0), shape_list(o->m->c, v, n));
}

void op_trilu(Oper *o) {
  Shape s = *op_shape(o, 0);
  const int64_t *k = (int64_t[]){0};
  int n;
  if (has_in(o, 1) && !op_known_ints(o, 1, &k, &n)) return;
  if (s.rank < 2) return op_refuse(o, E_ONNX_NODE, "not of a matrix");
  op_give(o, 0, s, "onnx_%s(%s, %lld)", op_int(o, "upper", 1) ? "triu" : "tril", op_x(o, 0), (long long)k[0]);
}

/* arg: which of both. DCR: the block is outside of the depth, CRD: inside. */
void op_depth_space(Oper *o) {
  Shape s = *op_shape(o, 0);
  int64_t b = op_int(o, "blocksize", 0);
  bool up = o->arg[0] == 'u', inner = !strcmp(op_string(o, "mode", "DCR"), "CRD");
  if (s.rank != 4 || b < 1 || (up ? s.dim[1] % (b * b) : s.dim[2] % b + s.dim[3] % b))
    return op_refuse(o, E_ONNX_NODE, "the block does not divide the shape");
  s.dim[1] = up ? s.dim[1] / (b * b) : s.dim[1] * b * b;
  s.dim[2] = up ? s.dim[2] * b : s.dim[2] / b;
  s.dim[3] = up ? s.dim[3] * b : s.dim[3] / b;
  const char *deep = inner ? "b (c i j) h w" : "b (i j c) h w", *wide = "b c (h i) (w j)";
  const char *how = op_str(o, "%s -> %s", up ? deep : wide, up ? wide : deep);
  op_give(o, 0, s, "rearrange(%s, \"%s\", i = %lld, j = %lld)", op_x(o, 0), how, (long long)b, (long long)b);
}
