// SPDX-License-Identifier: Apache-2.0
#include "import/window.h"
#include <string.h>

static bool spatial(Oper *o, const char *name, int n, int64_t otherwise, int64_t *to) {
  int given;
  const int64_t *v = op_ints(o, name, &given);
  for (int i = 0; i < n; i++) to[i] = v && i < given ? v[i] : otherwise;
  if (v && given != n) op_refuse(o, E_ONNX_NODE, "`%s` has %d numbers, not %d", name, given, n);
  for (int i = 0; i < n; i++)
    if (to[i] < (otherwise > 0) || to[i] > 1 << 20) op_refuse(o, E_ONNX_NODE, "`%s` is out of range", name);
  return !o->refused;
}

static bool paddings(Oper *o, Windows *w, const int64_t *x) {
  const char *how = op_string(o, "auto_pad", "NOTSET");
  int64_t pad[6];
  bool same = !strcmp(how, "SAME_UPPER") || !strcmp(how, "SAME_LOWER");
  if (!strcmp(how, "NOTSET") || !*how) {
    if (!spatial(o, "pads", 2 * w->n, 0, pad)) return false;
  } else if (same || !strcmp(how, "VALID")) {
    memset(pad, 0, sizeof pad);
  } else {
    return op_refuse(o, E_ONNX_NODE, "auto_pad is `%s`", how), false;
  }
  for (int i = 0; i < w->n; i++) {
    int64_t reach = (w->k[i] - 1) * w->dilation[i] + 1, out = (x[i] + w->stride[i] - 1) / w->stride[i];
    int64_t all = (out - 1) * w->stride[i] + reach - x[i];
    if (all < 0) all = 0;
    w->before[i] = !same ? pad[i] : !strcmp(how, "SAME_UPPER") ? all / 2 : all - all / 2;
    w->after[i] = !same ? pad[w->n + i] : all - w->before[i];
  }
  return true;
}

/* The last window of ceil_mode must begin before the padding at the end. */
static bool sizes(Oper *o, Windows *w, const int64_t *x) {
  bool up = op_int(o, "ceil_mode", 0) != 0;
  for (int i = 0; i < w->n; i++) {
    int64_t reach = (w->k[i] - 1) * w->dilation[i] + 1, room = x[i] + w->before[i] + w->after[i] - reach;
    if (room < 0) return op_refuse(o, E_ONNX_NODE, "the window is larger than its operand"), false;
    w->out[i] = room / w->stride[i] + 1;
    w->more[i] = 0;
    if (!up || room % w->stride[i] == 0 || w->out[i] * w->stride[i] >= x[i] + w->before[i]) continue;
    w->more[i] = w->stride[i] - room % w->stride[i];
    w->out[i]++;
  }
  return true;
}

bool windows_read(Oper *o, const int64_t *k, Windows *w) {
  const Shape *x = op_shape(o, 0);
  if (o->refused) return false;
  *w = (Windows){.n = x->rank - 2};
  if (w->n < 1 || w->n > 3) return op_refuse(o, E_ONNX_NODE, "of %d spatial axes, not 1 to 3", w->n), false;
  if (k) memcpy(w->k, k, (size_t)w->n * sizeof *k);
  else if (!op_attr(o, "kernel_shape")) return op_refuse(o, E_ONNX_NODE, "without `kernel_shape`"), false;
  else if (!spatial(o, "kernel_shape", w->n, 1, w->k)) return false;
  return spatial(o, "strides", w->n, 1, w->stride) && spatial(o, "dilations", w->n, 1, w->dilation) &&
         paddings(o, w, x->dim + 2) && sizes(o, w, x->dim + 2);
}

static const char *axes_from_2(int n) { return n == 1 ? "[2]" : n == 2 ? "[2, 3]" : "[2, 3, 4]"; }

const char *windows_padded(Oper *o, const Windows *w, const char *x, const char *value) {
  int64_t after[3];
  bool any = false;
  for (int i = 0; i < w->n; i++) {
    after[i] = w->after[i] + w->more[i];
    any |= after[i] || w->before[i];
  }
  if (!any) return x;
  return op_str(o, "pad_with(%s, %s, %s, %s, %s)", x, axes_from_2(w->n), shape_list(o->m->c, w->before, w->n),
                shape_list(o->m->c, after, w->n), value);
}

const char *windows_of(Oper *o, const Windows *w, const char *x) {
  bool dilated = false;
  for (int i = 0; i < w->n; i++) dilated |= w->dilation[i] != 1;
  return op_str(o, "unfold(%s, %s, %s, stride = %s%s%s)", x, axes_from_2(w->n), shape_list(o->m->c, w->k, w->n),
                shape_list(o->m->c, w->stride, w->n), dilated ? ", dilation = " : "",
                dilated ? shape_list(o->m->c, w->dilation, w->n) : "");
}

const char *windows_axes(Oper *o, const Windows *w) {
  (void)o;
  return w->n == 1 ? "[-1]" : w->n == 2 ? "[-2, -1]" : "[-3, -2, -1]";
}

/* A number for all axes, or a list. */
static const char *each_axis(Oper *o, const int64_t *v, int n) {
  bool same = true;
  for (int i = 1; i < n; i++) same &= v[i] == v[0];
  return same ? op_str(o, "%lld", (long long)v[0]) : shape_list(o->m->c, v, n);
}

const char *windows_pool(Oper *o, const Windows *w, const char *name) {
  static const int64_t none[3], one[3] = {1, 1, 1};
  Str b = {.c = o->m->c};
  size_t n = (size_t)w->n * sizeof *w->k;
  for (int i = 0; i < w->n; i++)
    if (w->before[i] != w->after[i] || w->more[i] || 2 * w->before[i] > w->k[i]) return NULL;
  if (op_shape(o, 0)->type != ONNX_FLOAT) return NULL;
  str_printf(&b, "%s_pool%dd(%s, %s", name, w->n, op_x(o, 0), each_axis(o, w->k, w->n));
  if (memcmp(w->stride, w->k, n)) str_printf(&b, ", stride = %s", each_axis(o, w->stride, w->n));
  if (memcmp(w->before, none, n)) str_printf(&b, ", pad = %s", each_axis(o, w->before, w->n));
  if (memcmp(w->dilation, one, n)) str_printf(&b, ", dilation = %s", each_axis(o, w->dilation, w->n));
  str_puts(&b, ")");
  return b.s;
}
