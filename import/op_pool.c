// SPDX-License-Identifier: Apache-2.0
/* Pools: a reduction over windows. */
#include "import/import.h"
#include "import/template.h"
#include "import/window.h"
#include <string.h>

static Shape pooled(const Shape *x, const Windows *w) {
  Shape s = *x;
  for (int i = 0; i < w->n; i++) s.dim[2 + i] = w->out[i];
  return s;
}

static const char *lowest(int type) {
  int t = onnx_type(type)->dtype;
  return dtype_is_float(t) ? "-inf" : t == DT_I8 ? "-128" : t == DT_U8 ? "0" : "-2147483648";
}

/* The place of each maximum within its window, then in the tensor: windows of the numbers of the elements. */
static void give_places(Oper *o, const Windows *w, Shape s, const char *all) {
  const Shape *x = op_shape(o, 0);
  int64_t n = 1, d[MAX_RANK], window = 1, perm[MAX_RANK];
  for (int i = 0; i < w->n; i++) window *= w->k[i];
  for (int i = 0; i < x->rank; i++) {
    n *= x->dim[i];
    perm[i] = i < 2 ? i : x->rank + 1 - i;
    d[i] = x->dim[perm[i]];
  }
  const char *number = op_str(o, "reshape(iota(%lld), %s)", (long long)n, shape_list(o->m->c, d, x->rank));
  if (op_int(o, "storage_order", 0)) {
    const char *list = shape_list(o->m->c, perm, x->rank);
    number = op_str(o, "permute(%s, %.*s)", number, (int)strlen(list) - 2, list + 1);
  } else {
    number = op_str(o, "reshape(iota(%lld), %s)", (long long)n, shape_list(o->m->c, x->dim, x->rank));
  }
  Shape flat = s;
  flat.dim[flat.rank++] = window;
  const char *to = shape_list(o->m->c, flat.dim, flat.rank);
  const char *at = op_let(o, "places", "reshape(%s, %s)", windows_of(o, w, windows_padded(o, w, number, "0")), to);
  const char *k = op_let(o, "place", "argmax(reshape(%s, %s), axis = -1, keep = true)", all, to);
  s.type = ONNX_INT64;
  op_give(o, 1, s, "squeeze(take_along(%s, %s, -1), [-1])", at, k);
}

void op_maxpool(Oper *o) {
  Windows w;
  if (!windows_read(o, NULL, &w)) return;
  const Shape *x = op_shape(o, 0);
  Shape s = pooled(x, &w);
  if (s.rank + w.n > MAX_RANK) return op_refuse(o, E_ONNX_NODE, "too many axes");
  const char *pool = has_out(o, 1) ? NULL : windows_pool(o, &w, "max");
  if (pool) return op_give(o, 0, s, "%s", pool);
  const char *all = windows_of(o, &w, windows_padded(o, &w, op_x(o, 0), lowest(x->type)));
  if (has_out(o, 1)) all = op_let(o, "windows", "%s", all);
  op_give(o, 0, s, "max(%s, axes = %s)", all, windows_axes(o, &w));
  if (has_out(o, 1)) give_places(o, &w, s, all);
}

/* How many elements a window has, counted on a tensor of ones; what ceil_mode adds does not count. */
void op_averagepool(Oper *o) {
  Windows w, in;
  if (!windows_read(o, NULL, &w) || !op_float_type(o, 0)) return;
  Shape s = pooled(op_shape(o, 0), &w);
  const Shape *x = op_shape(o, 0);
  bool pads = op_int(o, "count_include_pad", 0) != 0, partial = false;
  int64_t one[MAX_RANK] = {1, 1}, window = 1;
  in = w;
  for (int i = 0; i < w.n; i++) {
    window *= w.k[i];
    one[2 + i] = x->dim[2 + i] + (pads ? w.before[i] + w.after[i] : 0);
    if (pads) in.before[i] = in.after[i] = 0;
    partial |= w.more[i] || (!pads && (w.before[i] || w.after[i]));
  }
  const char *pool = partial ? NULL : windows_pool(o, &w, "avg");
  if (pool && !memcmp(w.dilation, (int64_t[]){1, 1, 1}, (size_t)w.n * sizeof *w.dilation))
    return op_give(o, 0, s, "%s", pool);
  const char *all = windows_of(o, &w, windows_padded(o, &w, op_x(o, 0), "0")), *axes = windows_axes(o, &w);
  if (!partial) return op_give(o, 0, s, "sum(%s, axes = %s) / %lld", all, axes, (long long)window);
  const char *ones = shape_list(o->m->c, one, x->rank), *type = type_name(s.type);
  const char *count = op_str(o, "%s(ones(%.*s))", type, (int)strlen(ones) - 2, ones + 1);
  op_give(o, 0, s, "sum(%s, axes = %s) / sum(%s, axes = %s)", all, axes,
          windows_of(o, &in, windows_padded(o, &in, count, "0")), axes);
}

void op_lppool(Oper *o) {
  Windows w;
  if (!windows_read(o, NULL, &w) || !op_float_type(o, 0)) return;
  long long p = (long long)op_int(o, "p", 2);
  const char *all = windows_of(o, &w, windows_padded(o, &w, op_x(o, 0), "0"));
  op_give(o, 0, pooled(op_shape(o, 0), &w), "sum(abs(%s) ** %lld, axes = %s) ** (1.0 / %lld)", all, p,
          windows_axes(o, &w), p);
}

/* arg: the reduction of all that follows the channels. */
void op_globalpool(Oper *o) {
  Shape s = *op_shape(o, 0);
  Str axes = {.c = o->m->c};
  if (s.rank < 3) return op_refuse(o, E_ONNX_NODE, "without spatial axes");
  for (int i = 2; i < s.rank; i++) {
    s.dim[i] = 1;
    str_printf(&axes, "%s%d", i > 2 ? ", " : "", i);
  }
  if (o->arg[0] != 'l') return op_give(o, 0, s, "%s(%s, axes = [%s], keep = true)", o->arg, op_x(o, 0), axes.s);
  long long p = (long long)op_int(o, "p", 2);
  op_give(o, 0, s, "sum(abs(%s) ** %lld, axes = [%s], keep = true) ** (1.0 / %lld)", op_x(o, 0), p, axes.s, p);
}

/* Each element at its place; the size is that of the pool's operand by default. */
void op_maxunpool(Oper *o) {
  const Shape *x = op_shape(o, 0);
  Windows w;
  const int64_t *v = NULL;
  int n = 0;
  if (o->refused || !windows_read(o, NULL, &w)) return;
  if (has_in(o, 2) && !op_known_ints(o, 2, &v, &n)) return;
  Shape s = *x;
  int64_t whole[MAX_RANK] = {x->dim[0], x->dim[1]};
  for (int i = 0; i < w.n; i++) whole[2 + i] = (x->dim[2 + i] - 1) * w.stride[i] + w.k[i] - w.before[i] - w.after[i];
  for (int i = 0; i < x->rank; i++) s.dim[i] = v && n == x->rank ? v[i] : whole[i];
  int64_t count = 1;
  for (int i = 0; i < x->rank; i++) count *= whole[i];
  for (int i = 0; i < x->rank; i++)
    if (s.dim[i] < whole[i] || x->type != ONNX_FLOAT) return op_refuse(o, E_ONNX_NODE, "a smaller shape, or no FLOAT");
  int64_t flat = shape_count(x), more[MAX_RANK], none[MAX_RANK] = {0}, axes[MAX_RANK];
  bool grown = false;
  for (int i = 0; i < x->rank; i++) {
    axes[i] = i;
    more[i] = s.dim[i] - whole[i];
    grown |= more[i] > 0;
  }
  Ctx *c = o->m->c;
  const char *y = op_str(o, "reshape(add_at(reshape(%s, [%lld]), reshape(%s, [%lld]), %lld), %s)", op_x(o, 1),
                         (long long)flat, op_x(o, 0), (long long)flat, (long long)count, shape_list(c, whole, x->rank));
  if (grown) /* a larger shape is filled at the end */
    y = op_str(o, "pad_with(%s, %s, %s, %s, 0)", y, shape_list(c, axes, x->rank), shape_list(c, none, x->rank),
               shape_list(c, more, x->rank));
  op_give(o, 0, s, "%s", y);
}
