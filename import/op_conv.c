// SPDX-License-Identifier: Apache-2.0
/* Convolutions. */
#include "import/import.h"
#include "import/template.h"
#include "import/window.h"
#include <string.h>

static const char *pad_text(Oper *o, const Windows *w) {
  int64_t pad[6];
  bool even = true, all = true;
  for (int i = 0; i < w->n; i++) {
    pad[2 * i] = w->before[i];
    pad[2 * i + 1] = w->after[i];
    even &= w->before[i] == w->after[i];
    all &= w->before[i] == w->before[0];
  }
  if (even && all) return w->before[0] ? op_str(o, ", pad = %lld", (long long)w->before[0]) : "";
  return op_str(o, ", pad = %s", shape_list(o->m->c, pad, 2 * w->n));
}

static const char *option(Oper *o, const char *name, const int64_t *v, int n) {
  bool same = true;
  for (int i = 0; i < n; i++) same &= v[i] == v[0];
  if (same && v[0] == 1) return "";
  if (same) return op_str(o, ", %s = %lld", name, (long long)v[0]);
  return op_str(o, ", %s = %s", name, shape_list(o->m->c, v, n));
}

/* The bias, to be added along axis 1. */
const char *conv_bias(Oper *o, int i, int n) {
  if (!has_in(o, i)) return "";
  return op_str(o, " + %s", op_channels(o, i, n + 2));
}

bool conv_read(Oper *o, int weight, Windows *w, Shape *s) {
  const Shape *x = op_shape(o, 0), *k = op_shape(o, weight);
  int64_t group = op_int(o, "group", 1);
  if (o->refused || !windows_read(o, k->dim + 2, w)) return false;
  if (k->rank != x->rank || group < 1 || k->dim[1] * group != x->dim[1] || k->dim[0] % group)
    return op_refuse(o, E_ONNX_NODE, "the kernel does not fit the channels"), false;
  *s = *x;
  s->dim[1] = k->dim[0];
  for (int i = 0; i < w->n; i++) s->dim[2 + i] = w->out[i];
  return true;
}

const char *conv_text(Oper *o, const Windows *w, const char *x, const char *k) {
  int64_t group = op_int(o, "group", 1);
  return op_str(o, "conv(%s, %s%s%s%s%s)", x, k, option(o, "stride", w->stride, w->n), pad_text(o, w),
                option(o, "dilation", w->dilation, w->n), option(o, "groups", &group, 1));
}

void op_conv(Oper *o) {
  Windows w;
  Shape s;
  if (!conv_read(o, 1, &w, &s) || !op_float_type(o, 0)) return;
  op_give(o, 0, s, "%s%s", conv_text(o, &w, op_x(o, 0), op_x(o, 1)), conv_bias(o, 2, w.n));
}

/* ---- transposed: the full result, cut to the paddings ---- */

static void transposed_sizes(Oper *o, const Shape *x, Windows *w, int64_t *add) {
  int given;
  const int64_t *shape = op_ints(o, "output_shape", &given);
  const char *how = op_string(o, "auto_pad", "NOTSET");
  for (int i = 0; i < w->n; i++) {
    int64_t full = (x->dim[2 + i] - 1) * w->stride[i] + add[i] + (w->k[i] - 1) * w->dilation[i] + 1, all;
    bool same = !strncmp(how, "SAME", 4);
    if (shape && given >= w->n) w->out[i] = shape[given - w->n + i];
    else if (same) w->out[i] = x->dim[2 + i] * w->stride[i];
    else w->out[i] = full - w->before[i] - w->after[i];
    if (!shape && !same) continue;
    all = full - w->out[i];
    w->before[i] = !strcmp(how, "SAME_UPPER") ? all / 2 : all - all / 2;
    if (all < 0) w->before[i] = 0;
  }
}

static bool transposed_read(Oper *o, const Shape *x, const int64_t *k, Windows *w, int64_t *add) {
  static const char *const name[] = {"strides", "dilations", "output_padding", "pads"};
  w->n = x->rank - 2;
  for (int i = 0; i < w->n; i++) {
    w->k[i] = k[i];
    w->stride[i] = w->dilation[i] = 1;
    add[i] = w->before[i] = w->after[i] = 0;
  }
  int64_t *to[] = {w->stride, w->dilation, add, w->before};
  for (int a = 0; a < 4; a++) {
    int n, want = a == 3 ? 2 * w->n : w->n;
    const int64_t *v = op_ints(o, name[a], &n);
    if (!v) continue;
    if (n != want) return op_refuse(o, E_ONNX_NODE, "`%s` has %d numbers, not %d", name[a], n, want), false;
    for (int i = 0; i < n; i++) {
      if (v[i] < (a < 2) || v[i] > 1 << 20) return op_refuse(o, E_ONNX_NODE, "`%s` is out of range", name[a]), false;
      *(i < w->n ? &to[a][i] : &w->after[i - w->n]) = v[i];
    }
  }
  transposed_sizes(o, x, w, add);
  return true;
}

void op_conv_transpose(Oper *o) {
  const Shape *x = op_shape(o, 0), *k = op_shape(o, 1);
  int64_t group = op_int(o, "group", 1), add[3];
  Windows w = {.n = x->rank - 2};
  Str index = {.c = o->m->c};
  if (w.n < 1 || w.n > 3 || k->rank != x->rank || k->dim[0] != x->dim[1] || group < 1 || x->dim[1] % group)
    return op_refuse(o, E_ONNX_NODE, "the kernel does not fit");
  if (!transposed_read(o, x, k->dim + 2, &w, add) || !op_float_type(o, 0)) return;
  Shape s = *x;
  s.dim[1] = k->dim[1] * group;
  bool cut = false;
  int64_t none[3] = {0}, more[3] = {0};
  for (int i = 0; i < w.n; i++) {
    int64_t full = (x->dim[2 + i] - 1) * w.stride[i] + (w.k[i] - 1) * w.dilation[i] + 1, end = w.before[i] + w.out[i];
    if (w.out[i] < 1) return op_refuse(o, E_ONNX_NODE, "a result without elements");
    s.dim[2 + i] = w.out[i];
    more[i] = end > full ? end - full : 0;
    cut |= w.before[i] || end != full;
    str_printf(&index, ", %lld:%lld", (long long)w.before[i], (long long)end);
  }
  const char *y = op_str(o, "conv_transpose(%s, %s%s%s%s)", op_x(o, 0), op_x(o, 1), option(o, "stride", w.stride, w.n),
                         option(o, "dilation", w.dilation, w.n), option(o, "groups", &group, 1));
  if (more[0] || more[1] || more[2])
    y = op_str(o, "pad_with(%s, %s, %s, %s, 0)", y,
               w.n == 1   ? "[2]"
               : w.n == 2 ? "[2, 3]"
                          : "[2, 3, 4]",
               shape_list(o->m->c, none, w.n), shape_list(o->m->c, more, w.n));
  if (cut) y = op_str(o, "%s[:, :%s]", y, index.s);
  op_give(o, 0, s, "%s%s", y, conv_bias(o, 2, w.n));
}

/* Columns [N, C * block, places] summed into images, whose paddings are then cut. */
void op_col2im(Oper *o) {
  Shape x = *op_shape(o, 0);
  const int64_t *image, *block, *v[3];
  static const char *const name[] = {"strides", "dilations", "pads"};
  int64_t all[3], columns[MAX_RANK], places = 1, size = 1, stride[3], dilation[3];
  int n, nb, na;
  Str index = {.c = o->m->c}, perm = {.c = o->m->c};
  if (!op_known_ints(o, 1, &image, &n) || !op_known_ints(o, 2, &block, &nb)) return;
  if (n < 1 || n > 3 || nb != n || x.rank != 3) return op_refuse(o, E_ONNX_NODE, "the image and the block do not fit");
  for (int i = 0; i < 3; i++)
    if ((v[i] = op_ints(o, name[i], &na)) && na != (i < 2 ? n : 2 * n))
      return op_refuse(o, E_ONNX_NODE, "`%s` has %d numbers", name[i], na);
  Shape s = {.type = x.type, .rank = n + 2, .dim = {x.dim[0]}};
  for (int i = 0; i < n; i++) {
    stride[i] = v[0] ? v[0][i] : 1;
    dilation[i] = v[1] ? v[1][i] : 1;
    int64_t before = v[2] ? v[2][i] : 0, reach = (block[i] - 1) * dilation[i] + 1;
    all[i] = image[i] + before + (v[2] ? v[2][n + i] : 0);
    if (image[i] < 1 || block[i] < 1 || stride[i] < 1 || dilation[i] < 1 || before < 0 || all[i] < reach ||
        all[i] < before + image[i])
      return op_refuse(o, E_ONNX_NODE, "a size is out of range");
    columns[2 + i] = block[i];
    columns[2 + n + i] = (all[i] - reach) / stride[i] + 1;
    size *= block[i];
    places *= columns[2 + n + i];
    s.dim[2 + i] = image[i];
    str_printf(&index, ", %lld:%lld", (long long)before, (long long)(before + image[i]));
  }
  if (x.dim[1] % size || x.dim[2] != places) return op_refuse(o, E_ONNX_NODE, "the columns do not fit");
  columns[0] = x.dim[0];
  columns[1] = s.dim[1] = x.dim[1] / size;
  for (int i = 0; i < 2 * n; i++) str_printf(&perm, ", %d", 2 + (i + n) % (2 * n));
  Ctx *c = o->m->c;
  op_give(o, 0, s, "fold(permute(reshape(%s, %s), 0, 1%s), %s, %s, stride = %s, dilation = %s)[:, :%s]", op_x(o, 0),
          shape_list(c, columns, 2 + 2 * n), perm.s,
          n == 1   ? "[2]"
          : n == 2 ? "[2, 3]"
                   : "[2, 3, 4]",
          shape_list(c, all, n), shape_list(c, stride, n), shape_list(c, dilation, n), index.s);
}
