// SPDX-License-Identifier: Apache-2.0
/* What is computed at import: shapes, and what follows from shapes and constants. Integers are computed as int64, so
 * narrowing begins at what the program keeps; floats as their type rounds them. */
#include "import/import.h"
#include <math.h>
#include <string.h>

/* Elements of a tensor that is folded, and of weights that are moved: they stay weights. */
enum { LARGEST = 1 << 16, LARGEST_WEIGHT = 1 << 26 };

static int bytes_of(int type) {
  int bits = onnx_type(type)->bits;
  return bits < 8 ? 1 : bits / 8;
}

static bool known_up_to(const Oper *o, int64_t most) {
  for (int i = 0; i < o->nin; i++)
    if (o->in[i] && (!o->in[i]->known || o->in[i]->known->count > most)) return false;
  return o->nin > 0;
}

static bool all_known(const Oper *o) { return known_up_to(o, LARGEST); }

static bool is_int(int type) {
  return type == ONNX_INT64 || type == ONNX_INT32 || type == ONNX_BOOL || type == ONNX_INT16 || type == ONNX_INT8 ||
         type == ONNX_UINT8 || type == ONNX_UINT16 || type == ONNX_UINT32;
}

static bool is_float(int type) { return type == ONNX_FLOAT || type == ONNX_DOUBLE; }

static void put_int(void *data, int type, int64_t i, int64_t v) {
  memcpy((char *)data + i * bytes_of(type), &v, (size_t)bytes_of(type)); /* little-endian */
}

static void put_float(void *data, int type, int64_t i, double v) {
  if (type == ONNX_FLOAT) ((float *)data)[i] = (float)v;
  else ((double *)data)[i] = v;
}

void row_strides(const int64_t *dim, int rank, int64_t *stride) {
  int64_t n = 1;
  for (int i = rank - 1; i >= 0; i--) {
    stride[i] = n;
    n *= dim[i];
  }
}

/* The element of t that the i-th of a tensor of shape s reads, with strides per axis of s. */
static int64_t place(const Shape *s, const int64_t *stride, int64_t i) {
  int64_t at = 0;
  for (int k = s->rank - 1; k >= 0; k--) {
    at += i % s->dim[k] * stride[k];
    i /= s->dim[k];
  }
  return at;
}

static void broadcast_strides(const Shape *to, const Shape *from, int64_t *stride) {
  int64_t row[MAX_RANK];
  row_strides(from->dim, from->rank, row);
  for (int k = 0; k < to->rank; k++) {
    int f = k - (to->rank - from->rank);
    stride[k] = f < 0 || from->dim[f] == 1 ? 0 : row[f];
  }
}

/* ---- element-wise ---- */

static bool fold_int(const char *op, int64_t a, int64_t b, int64_t c, int64_t *r) {
#define ROW(name, condition, expression) \
  if (!strcmp(op, name)) return (condition) && (*r = (expression), true);
  ROW("Add", !__builtin_add_overflow(a, b, r), a + b)
  ROW("Sub", !__builtin_sub_overflow(a, b, r), a - b)
  ROW("Mul", !__builtin_mul_overflow(a, b, r), a * b)
  ROW("Div", b != 0 && a != INT64_MIN, a / b)
  ROW("Mod", b != 0 && b != -1, a % b && (a % b < 0) != (b < 0) ? a % b + b : a % b)
  ROW("Neg", a != INT64_MIN, -a)
  ROW("Relu", true, a > 0 ? a : 0)
  ROW("Abs", a != INT64_MIN, a < 0 ? -a : a)
  ROW("Sign", true, (a > 0) - (a < 0))
  ROW("Min", true, a < b ? a : b)
  ROW("Max", true, a > b ? a : b)
  ROW("Equal", true, a == b)
  ROW("Less", true, a < b)
  ROW("LessOrEqual", true, a <= b)
  ROW("Greater", true, a > b)
  ROW("GreaterOrEqual", true, a >= b)
  ROW("And", true, a && b)
  ROW("Or", true, a || b)
  ROW("Xor", true, !a != !b)
  ROW("Not", true, !a)
  ROW("Where", true, a ? b : c)
  return false;
}

static bool fold_real(const char *op, double a, double b, double *r) {
  ROW("Add", true, a + b)
  ROW("Sub", true, a - b)
  ROW("Mul", true, a * b)
  ROW("Div", true, a / b)
  ROW("Neg", true, -a)
  ROW("Relu", true, a < 0 ? 0 : a)
  ROW("Sqrt", true, sqrt(a))
  ROW("Floor", true, floor(a))
  ROW("Ceil", true, ceil(a))
  return false;
}
#undef ROW

static bool fold_each_int(Oper *o, Shape s, int64_t (*stride)[MAX_RANK], void *to) {
  for (int64_t i = 0; i < shape_count(&s); i++) {
    int64_t v[3] = {0}, r;
    for (int k = 0; k < o->nin; k++) v[k] = tensor_integer(o->in[k]->known, place(&s, stride[k], i));
    if (!fold_int(o->n->op, v[0], v[1], v[2], &r)) return false;
    if (s.type != ONNX_INT64 && s.type != ONNX_BOOL && r != (int32_t)r) return false;
    put_int(to, s.type, i, r);
  }
  return true;
}

static bool fold_each_real(Oper *o, Shape s, int64_t (*stride)[MAX_RANK], void *to) {
  for (int64_t i = 0; i < shape_count(&s); i++) {
    double v[3] = {0}, r;
    for (int k = 0; k < o->nin; k++) v[k] = tensor_number(o->in[k]->known, place(&s, stride[k], i));
    if (!fold_real(o->n->op, v[0], v[1], &r)) return false;
    put_float(to, s.type, i, r);
  }
  return true;
}

bool fold_elem(Oper *o, Shape s) {
  int64_t stride[3][MAX_RANK];
  bool ints = true;
  if (!all_known(o) || o->nin > 3 || shape_count(&s) > LARGEST) return false;
  for (int k = 0; k < o->nin; k++) {
    if (!o->in[k]) return false;
    ints &= is_int(o->in[k]->s.type);
    broadcast_strides(&s, &o->in[k]->s, stride[k]);
  }
  if (ints ? s.type != ONNX_INT64 && s.type != ONNX_INT32 && s.type != ONNX_BOOL : !is_float(s.type)) return false;
  void *to = ctx_alloc(o->m->c, (size_t)shape_count(&s) * 8 + 8);
  if (!(ints ? fold_each_int : fold_each_real)(o, s, stride, to)) return false;
  op_give_known(o, 0, s, to);
  return true;
}

bool fold_cast(Oper *o, Shape s) {
  int from = o->in[0]->s.type;
  const Tensor *t = o->in[0]->known;
  if (!t || t->count > LARGEST) return false;
  if (!(is_int(from) || is_float(from) || from == ONNX_FLOAT16 || from == ONNX_BFLOAT16) ||
      !(is_float(s.type) || s.type == ONNX_INT64 || s.type == ONNX_INT32 || s.type == ONNX_BOOL))
    return false;
  void *to = ctx_alloc(o->m->c, (size_t)t->count * 8 + 8);
  for (int64_t i = 0; i < t->count; i++) {
    if (is_float(s.type)) {
      put_float(to, s.type, i, tensor_number(t, i));
      continue;
    }
    int64_t v = s.type == ONNX_BOOL ? tensor_number(t, i) != 0 : tensor_integer(t, i);
    if (s.type == ONNX_INT32 && v != (int32_t)v) return false;
    put_int(to, s.type, i, v);
  }
  op_give_known(o, 0, s, to);
  return true;
}

/* ---- moves ---- */

static bool is_weight(const Value *v) { return v && v->weight && v->known && v->s.type == ONNX_FLOAT; }

static int64_t largest(const Oper *o) {
  for (int i = 0; i < o->nin; i++)
    if (is_weight(o->in[i])) return LARGEST_WEIGHT;
  return LARGEST;
}

static void give_moved(Oper *o, int out, Shape s, const void *data) {
  bool weight = largest(o) == LARGEST_WEIGHT;
  op_give_known(o, out, s, data);
  if (!o->refused && has_out(o, out)) o->out[out]->weight = weight;
}

bool fold_view(Oper *o, int out, Shape s, const int64_t *stride, int64_t offset) {
  const Tensor *t = has_in(o, 0) ? o->in[0]->known : NULL;
  int64_t n = shape_count(&s);
  if (!t || n > largest(o)) return false;
  if (is_weight(o->in[0]) && o->in[0]->readers > 1 && n == t->count) return false; /* others read the same weight */
  int bytes = bytes_of(s.type);
  char *to = ctx_alloc(o->m->c, (size_t)(n * bytes) + 8);
  for (int64_t i = 0; i < n; i++)
    memcpy(to + i * bytes, (const char *)t->data + (offset + place(&s, stride, i)) * bytes, (size_t)bytes);
  give_moved(o, out, s, to);
  return true;
}

bool fold_same(Oper *o, int out, Shape s) {
  if (!has_in(o, 0) || !o->in[0]->known) return false;
  op_give_known(o, out, s, o->in[0]->known->data);
  if (!o->refused && has_out(o, out)) o->out[out]->weight = o->in[0]->weight;
  return true;
}

bool fold_concat(Oper *o, Shape s, int axis) {
  int64_t inner = bytes_of(s.type), outer = 1, n = shape_count(&s), at = 0;
  if (!known_up_to(o, largest(o)) || n > largest(o)) return false;
  for (int i = axis + 1; i < s.rank; i++) inner *= s.dim[i];
  for (int i = 0; i < axis; i++) outer *= s.dim[i];
  char *to = ctx_alloc(o->m->c, (size_t)(n * bytes_of(s.type)) + 8);
  for (int k = 0; k < o->nin; k++) {
    int64_t part = o->in[k]->s.dim[axis] * inner;
    for (int64_t i = 0; i < outer; i++)
      memcpy(to + i * s.dim[axis] * inner + at, (const char *)o->in[k]->known->data + i * part, (size_t)part);
    at += part;
  }
  give_moved(o, 0, s, to);
  return true;
}

bool fold_gather(Oper *o, Shape s, int axis) {
  if (!all_known(o) || shape_count(&s) > LARGEST) return false;
  const Tensor *t = o->in[0]->known, *index = o->in[1]->known;
  int64_t inner = bytes_of(s.type), outer = 1, extent = t->dim[axis];
  for (int i = axis + 1; i < t->rank; i++) inner *= t->dim[i];
  for (int i = 0; i < axis; i++) outer *= t->dim[i];
  char *to = ctx_alloc(o->m->c, (size_t)shape_count(&s) * 8 + 8), *p = to;
  for (int64_t i = 0; i < outer; i++)
    for (int64_t k = 0; k < index->count; k++, p += inner) {
      int64_t at = tensor_integer(index, k);
      at += at < 0 ? extent : 0;
      if (at < 0 || at >= extent) return false;
      memcpy(p, (const char *)t->data + (i * extent + at) * inner, (size_t)inner);
    }
  op_give_known(o, 0, s, to);
  return true;
}

void fold_ints(Oper *o, int out, const int64_t *v, int n) {
  int64_t *to = ctx_alloc(o->m->c, sizeof *to * (size_t)(n + 1));
  for (int i = 0; i < n; i++) to[i] = v[i];
  op_give_known(o, out, shape_of(ONNX_INT64, 1, (int64_t[]){n}), to);
}

/* ---- reductions of INT64: s has all axes, reduced ones of size 1 ---- */

bool fold_reduce(Oper *o, Shape s, const bool *reduced) {
  const Tensor *t = has_in(o, 0) ? o->in[0]->known : NULL;
  int64_t stride[MAX_RANK], n = shape_count(&s);
  const char *op = o->n->op + strlen("Reduce"), *step = !strcmp(op, "Prod") ? "Mul" : !strcmp(op, "Sum") ? "Add" : op;
  if (!t || t->type != ONNX_INT64 || t->count > LARGEST || t->count == 0) return false;
  row_strides(s.dim, s.rank, stride);
  Shape from = shape_of(t->type, t->rank, t->dim);
  for (int k = 0; k < s.rank; k++)
    if (reduced[k]) stride[k] = 0;
  int64_t *to = ctx_alloc(o->m->c, (size_t)n * 8 + 8);
  bool *seen = ctx_alloc(o->m->c, (size_t)n + 1);
  for (int64_t i = 0; i < t->count; i++) {
    int64_t at = place(&from, stride, i), v = tensor_integer(t, i);
    if (seen[at] && !fold_int(step, to[at], v, 0, &v)) return false;
    if (strcmp(step, "Add") && strcmp(step, "Mul") && strcmp(step, "Min") && strcmp(step, "Max")) return false;
    to[at] = v;
    seen[at] = true;
  }
  op_give_known(o, 0, s, to);
  return true;
}
