// SPDX-License-Identifier: Apache-2.0
/* Operators over axes: reductions, softmax and its relatives, argmax, cumulative sums, top k. */
#include "import/import.h"
#include "import/template.h"
#include <string.h>

static Shape without(const Shape *x, const bool *reduced, bool keep) {
  Shape s = {.type = x->type};
  for (int i = 0; i < x->rank; i++)
    if (!reduced[i]) s.dim[s.rank++] = x->dim[i];
    else if (keep) s.dim[s.rank++] = 1;
  return s;
}

/* The least or the largest number of an integer type, false or true. */
static const char *bound_of(Oper *o, int type, bool largest) {
  int bits = onnx_type(type)->bits, is_signed = dtype_info[onnx_type(type)->dtype].kind == 'i';
  if (type == ONNX_BOOL) return largest ? "1" : "0";
  long long half = 1LL << (bits - 1), least = is_signed ? -half : 0;
  return op_str(o, "%lld", largest ? least + 2 * half - 1 : least);
}

/* Of no elements: 0, 1, or the identity of max and min. */
static void give_empty(Oper *o, Shape s) {
  const char *op = o->n->op + strlen("Reduce"), *v = "0", *list = shape_list(o->m->c, s.dim, s.rank);
  if (!strcmp(op, "Prod")) v = "1";
  if (!strcmp(op, "Max") || !strcmp(op, "LogSum") || !strcmp(op, "LogSumExp")) v = "-inf";
  if (!strcmp(op, "Min")) v = "inf";
  if (!strcmp(op, "Mean")) v = "nan";
  bool real = dtype_is_float(onnx_type(s.type)->dtype), most = !strcmp(op, "Max") || !strcmp(op, "Min");
  if (!real && most && onnx_type(s.type)->bits <= 32) v = bound_of(o, s.type, !strcmp(op, "Min"));
  else if (!real && strlen(v) > 1) return op_refuse(o, E_ONNX_NODE, "of an axis without elements");
  op_give(o, 0, s, "broadcast_to(%s(%s), %s)", type_name(s.type), v, list);
}

static bool reduce_axes(Oper *o, const Shape *x, bool *reduced, int *n) {
  int64_t axis[MAX_RANK];
  bool input = o->opset >= 18 || (o->opset >= 13 && !strcmp(o->n->op, "ReduceSum"));
  if (!op_axes(o, "axes", input ? 1 : -1, x->rank, axis, n)) return false;
  if (*n == 0) *n = -1;
  for (int i = 0; i < x->rank; i++) reduced[i] = *n < 0;
  for (int i = 0; i < *n; i++) reduced[axis[i]] = true;
  return true;
}

static const char *axes_text(Oper *o, const bool *reduced, int rank) {
  Str b = {.c = o->m->c};
  for (int i = 0; i < rank; i++)
    if (reduced[i]) str_printf(&b, "%s%d", b.n ? ", " : "", i);
  return op_str(o, "[%s]", b.s ? b.s : "");
}

/* The template with x for $0. */
static const char *with_operand(Oper *o, const char *text, const char *x) {
  Str b = {.c = o->m->c};
  for (const char *p = text; *p;) {
    const char *place = strstr(p, "$0");
    size_t n = place ? (size_t)(place - p) : strlen(p);
    str_put(&b, p, n);
    if (place) str_puts(&b, x);
    p += n + (place ? 2 : 0);
  }
  return b.s;
}

/* arg: the template, in which # stands for the axes. Sums of squares and the like of integers as those. */
void op_reduce(Oper *o) {
  const Shape *x = op_shape(o, 0);
  bool reduced[MAX_RANK] = {false}, keep = op_int(o, "keepdims", 1) != 0, empty = false;
  int n;
  if (o->refused || !reduce_axes(o, x, reduced, &n)) return;
  if (n < 0 && op_int(o, "noop_with_empty_axes", 0)) memset(reduced, 0, sizeof reduced);
  Shape s = without(x, reduced, keep), kept = without(x, reduced, true);
  for (int i = 0; i < x->rank; i++) empty |= reduced[i] && x->dim[i] == 0;
  if (empty) return give_empty(o, s);
  if (fold_reduce(o, kept, reduced)) {
    o->out[0]->s = s;
    o->out[0]->known->rank = s.rank;
    memcpy(o->out[0]->known->dim, s.dim, sizeof s.dim);
    return;
  }
  const char *text = o->arg, *type = type_name(s.type);
  bool real = dtype_is_float(onnx_type(s.type)->dtype), logical = s.type == ONNX_BOOL;
  if (logical) text = !strcmp(o->n->op, "ReduceMax") ? "any($0#)" : !strcmp(o->n->op, "ReduceMin") ? "all($0#)" : "";
  if (!*text) return op_refuse(o, E_ONNX_TYPE, "of BOOL");
  bool narrow = !real && !logical && strcmp(o->n->op, "ReduceMax") && strcmp(o->n->op, "ReduceMin");
  bool by_floats = narrow && (strstr(text, "sqrt") || strstr(text, "log") ||
                              strstr(text, "mean")); /* and rounded towards 0 at the end */
  const char *y = with_operand(o, text, by_floats ? op_let(o, "floats", "f64(%s)", op_x(o, 0)) : op_x(o, 0));
  if (by_floats) y = op_str(o, "%s(%s)", type, y);
  const char *hash = strchr(y, '#');
  y = op_str(o, "%.*s, axes = %s, keep = %s%s", (int)(hash - y), y, axes_text(o, reduced, x->rank),
             keep ? "true" : "false", hash + 1);
  op_give(o, 0, s, "%s", y);
}

/* ---- along one axis ---- */

/* arg: the function. Before version 13 all axes from `axis` on are one. */
void op_softmax(Oper *o) {
  Shape s = *op_shape(o, 0);
  int axis = op_axis(o, "axis", o->opset < 13 ? 1 : -1, s.rank);
  int64_t rows = 1, columns = 1;
  if (axis < 0 || !op_float_type(o, 0)) return;
  if (o->opset >= 13 || axis == s.rank - 1) return op_give(o, 0, s, "%s(%s, axis = %d)", o->arg, op_x(o, 0), axis);
  for (int i = 0; i < s.rank; i++) *(i < axis ? &rows : &columns) *= s.dim[i];
  op_give(o, 0, s, "reshape(%s(reshape(%s, [%lld, %lld]), axis = 1), %s)", o->arg, op_x(o, 0), (long long)rows,
          (long long)columns, shape_list(o->m->c, s.dim, s.rank));
}

void op_argmax(Oper *o) {
  Shape s = *op_shape(o, 0);
  bool reduced[MAX_RANK] = {false}, keep = op_int(o, "keepdims", 1) != 0;
  int axis = op_axis(o, "axis", 0, s.rank);
  if (axis < 0) return;
  reduced[axis] = true;
  int64_t n = s.dim[axis];
  Shape r = without(&s, reduced, keep);
  r.type = ONNX_INT64;
  const char *k = keep ? "true" : "false", *x = op_x(o, 0);
  if (op_int(o, "select_last_index", 0))
    op_give(o, 0, r, "%lld - %s(reverse(%s, [%d]), axis = %d, keep = %s)", (long long)n - 1, o->arg, x, axis, axis, k);
  else op_give(o, 0, r, "%s(%s, axis = %d, keep = %s)", o->arg, x, axis, k);
}

void op_cumulative(Oper *o) {
  Shape s = *op_shape(o, 0);
  const int64_t *a = NULL;
  int n;
  if (!op_known_ints(o, 1, &a, &n)) return;
  int64_t axis = n == 1 ? (a[0] < 0 ? a[0] + s.rank : a[0]) : -1;
  if (axis < 0 || axis >= s.rank) return op_refuse(o, E_ONNX_NODE, "the axis is out of range");
  bool back = op_int(o, "reverse", 0) != 0;
  const char *y = op_str(o, "%s(%s, %d%s)", o->arg, op_x(o, 0), (int)axis, back ? ", reverse = true" : "");
  if (!op_int(o, "exclusive", 0)) return op_give(o, 0, s, "%s", y);
  const char *all = op_let(o, "inclusive", "%s", y);
  op_give(o, 0, s, "onnx_shift(%s, %d, %s, %d)", all, (int)axis, back ? "true" : "false", !strcmp(o->arg, "cumprod"));
}

void op_topk(Oper *o) {
  Shape s = *op_shape(o, 0);
  const int64_t *k = (int64_t[]){op_int(o, "k", 0)};
  int n, axis = op_axis(o, "axis", -1, s.rank);
  if (axis < 0 || (o->opset >= 10 && !op_known_ints(o, 1, &k, &n))) return;
  if (k[0] < 0 || k[0] > s.dim[axis]) return op_refuse(o, E_ONNX_NODE, "k is larger than the axis");
  s.dim[axis] = k[0];
  const char *t = op_let(o, "top", "topk(%s, %lld, axis = %d, largest = %s)", op_x(o, 0), (long long)k[0], axis,
                         op_int(o, "largest", 1) ? "true" : "false");
  op_give(o, 0, s, "%s[0]", t);
  s.type = ONNX_INT64;
  op_give(o, 1, s, "%s[1]", t);
}

void op_onehot(Oper *o) {
  const Shape *x = op_shape(o, 0);
  const int64_t *depth;
  int n, rank = x->rank + 1, axis = op_axis(o, "axis", -1, rank);
  if (axis < 0 || !op_known_ints(o, 1, &depth, &n)) return;
  if (rank > MAX_RANK || n != 1 || depth[0] < 1) return op_refuse(o, E_ONNX_NODE, "the depth is no positive number");
  Shape s = {.type = op_shape(o, 2)->type, .rank = rank};
  for (int i = 0, k = 0; i < rank; i++) s.dim[i] = i == axis ? depth[0] : x->dim[k++];
  op_give(o, 0, s, "onnx_onehot(%s, %lld, %s, %d)", op_x(o, 0), (long long)depth[0], op_x(o, 2), axis);
}
