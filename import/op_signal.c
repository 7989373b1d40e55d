// SPDX-License-Identifier: Apache-2.0
/* Operators that make constants: windows of signals, of a size that is known. */
#include "import/import.h"
#include "import/small_float.h"
#include <math.h>
#include <string.h>

/* False: refused, since it has no numbers of 8 bits or more. */
static bool number_type(Oper *o, int type) {
  const OnnxTypeInfo *t = onnx_type(type);
  bool number = t && t->dtype >= 0 && t->bits >= 8 && type != ONNX_BOOL && !is_small_float(type);
  if (!number) op_refuse(o, E_ONNX_TYPE, "of %s", t ? t->name : "an unknown type");
  return number;
}

/* arg: n for Hann, m for Hamming, b for Blackman. */
void op_window(Oper *o) {
  const int64_t *v;
  int n, type = (int)op_int(o, "output_datatype", ONNX_FLOAT);
  static const double weight[3][3] = {{0.5, 0.5, 0}, {25.0 / 46, 21.0 / 46, 0}, {0.42, 0.5, 0.08}};
  const double *w = weight[o->arg[0] == 'n' ? 0 : o->arg[0] == 'm' ? 1 : 2];
  if (!op_known_ints(o, 0, &v, &n)) return;
  if (n != 1 || v[0] < 0 || v[0] > 1 << 20) return op_refuse(o, E_ONNX_NODE, "the size is out of range");
  if (!number_type(o, type)) return;
  void *to = ctx_alloc(o->m->c, (size_t)v[0] * 8 + 8);
  double period = op_int(o, "periodic", 1) ? (double)v[0] : (double)v[0] - 1;
  for (int64_t i = 0; i < v[0]; i++) {
    double at = 2 * 3.14159265358979323846 * (double)i / period;
    double v = w[0] - w[1] * cos(at) + w[2] * cos(2 * at);
    tensor_put(to, type, i, type == ONNX_DOUBLE ? v : (double)(float)v); /* 1 as an integer, too */
  }
  op_give_known(o, 0, shape_of(type, 1, v), to);
}

/* ---- Fourier transforms of [..., n, ..., 1 or 2], the last axis real and imaginary parts ---- */

/* Part i of the last axis, without it. */
static const char *part(Oper *o, const char *x, int i) { return op_str(o, "%s[..., %d]", x, i); }

/* x cut, or extended by zeros, to n along the axis. */
static const char *to_length(Oper *o, const char *x, int64_t size, int64_t n, int axis) {
  if (n < size) return op_str(o, "narrow(%s, %d, 0, %lld)", x, axis, (long long)n);
  if (n > size) return op_str(o, "pad_with(%s, [%d], [0], [%lld], 0)", x, axis, (long long)(n - size));
  return x;
}

static bool one_int(Oper *o, int i, int64_t *to) {
  const int64_t *v;
  int n;
  if (!has_in(o, i)) return true;
  if (!op_known_ints(o, i, &v, &n)) return false;
  if (n != 1) op_refuse(o, E_ONNX_NODE, "operand %d is no number", i + 1);
  if (n == 1) *to = v[0];
  return !o->refused;
}

/* The spectrum of x, [..., parts], whose axis has n elements; its first half with `onesided`. */
static void give_spectrum(Oper *o, Shape s, const char *x, int axis, bool onesided) {
  int64_t n = s.dim[axis];
  bool complex = s.dim[s.rank - 1] == 2;
  const char *y = op_let(o, "spectrum", complex ? "onnx_dft(%s, %d)" : "dft(%s[..., 0], %d)", x, axis);
  if (onesided) s.dim[axis] = n / 2 + 1;
  s.dim[s.rank - 1] = 2;
  y = op_str(o, "stack([%s[0], %s[1]], axis = -1)", y, y);
  op_give(o, 0, s, "%s", to_length(o, y, n, s.dim[axis], axis));
}

void op_dft(Oper *o) {
  Shape s = *op_shape(o, 0);
  int64_t at = o->opset < 20 ? op_int(o, "axis", 1) : -2, n, parts = s.rank ? s.dim[s.rank - 1] : 0;
  bool back = op_int(o, "inverse", 0) != 0, onesided = op_int(o, "onesided", 0) != 0;
  if (o->opset >= 20 && !one_int(o, 2, &at)) return;
  int axis = (int)(at < 0 ? at + s.rank : at);
  if (at < -s.rank || axis >= s.rank - 1 || (parts != 1 && parts != 2))
    return op_refuse(o, E_ONNX_NODE, "its axis or its last axis does not fit");
  n = back && onesided ? 2 * (s.dim[axis] - 1) : s.dim[axis];
  if (!one_int(o, 1, &n) || !op_float_type(o, 0)) return;
  if (n < 1 || n > 1 << 20) return op_refuse(o, E_ONNX_NODE, "a length that is out of range");
  const char *x = op_x(o, 0);
  if (back && onesided) { /* the other half of the spectrum is that of a real signal */
    int64_t half = n / 2 + 1;
    x = op_let(o, "x", "%s", to_length(o, x, s.dim[axis], half, axis));
    s.dim[axis] = n;
    s.dim[s.rank - 1] = 1;
    return op_give(o, 0, s, "unsqueeze(onnx_irfft(%s, %s, %d, %lld), -1)", part(o, x, 0),
                   parts == 2 ? part(o, x, 1) : op_str(o, "zeros_like(%s)", part(o, x, 0)), axis, (long long)n);
  }
  x = op_let(o, "x", "%s", to_length(o, x, s.dim[axis], n, axis));
  s.dim[axis] = n;
  if (!back) return give_spectrum(o, s, x, axis, onesided);
  const char *y = parts == 2 ? op_let(o, "signal", "idft(%s, %s, %d)", part(o, x, 0), part(o, x, 1), axis)
                             : op_let(o, "signal", "idft(%s, zeros_like(%s), %d)", part(o, x, 0), part(o, x, 0), axis);
  s.dim[s.rank - 1] = 2;
  op_give(o, 0, s, "stack([%s[0], %s[1]], axis = -1)", y, y);
}

/* Frames of the signal [B, n, parts], each times the window. */
void op_stft(Oper *o) {
  Shape s = *op_shape(o, 0), w;
  int64_t step = 0, length;
  if (s.rank == 2) s.dim[s.rank++] = 1;
  if (s.rank != 3 || (s.dim[2] != 1 && s.dim[2] != 2)) return op_refuse(o, E_ONNX_NODE, "not of signals");
  length = has_in(o, 2) ? op_shape(o, 2)->dim[0] : s.dim[1];
  if (!one_int(o, 1, &step) || !one_int(o, 3, &length) || !op_float_type(o, 0)) return;
  if (step < 1 || length < 1 || length > s.dim[1] || (has_in(o, 2) && op_shape(o, 2)->dim[0] != length))
    return op_refuse(o, E_ONNX_NODE, "step, length and window do not fit");
  const char *x = op_x(o, 0);
  if (op_shape(o, 0)->rank == 2) x = op_str(o, "unsqueeze(%s, -1)", x);
  x = op_str(o, "unfold(%s, [1], [%lld], stride = [%lld])", x, (long long)length, (long long)step);
  if (has_in(o, 2)) x = op_str(o, "%s * %s", x, op_x(o, 2));
  w = shape_of(s.type, 4, (int64_t[]){s.dim[0], (s.dim[1] - length) / step + 1, length, s.dim[2]});
  x = op_let(o, "frames", "permute(%s, 0, 1, 3, 2)", x);
  give_spectrum(o, w, x, 2, op_int(o, "onesided", 1) != 0);
}

/* Triangular filters of num_mel_bins bins over the spectrum of dft_length. */
void op_mel_weights(Oper *o) {
  const Tensor *t[5];
  int type = (int)op_int(o, "output_datatype", ONNX_FLOAT);
  for (int i = 0; i < 5; i++)
    if (!op_known(o, i, &t[i])) return;
  for (int i = 0; i < 5; i++)
    if (t[i]->count != 1) return op_refuse(o, E_ONNX_NODE, "operand %d is no number", i + 1);
  int64_t bins = tensor_integer(t[0], 0), length = tensor_integer(t[1], 0), rows = length / 2 + 1;
  double rate = tensor_number(t[2], 0), a = tensor_number(t[3], 0), b = tensor_number(t[4], 0);
  if (bins < 1 || bins > 1 << 12 || length < 1 || length > 1 << 20 || !(rate > 0) || !(b >= a) || !(a >= 0))
    return op_refuse(o, E_ONNX_NODE, "a size is out of range");
  if (!number_type(o, type)) return;
  double low = 2595 * log1p(a / 700) / log(10), high = 2595 * log1p(b / 700) / log(10);
  double step = (high - low) / (double)(bins + 2);
  int64_t *at = ctx_alloc(o->m->c, sizeof *at * (size_t)(bins + 2));
  char *to = ctx_alloc(o->m->c, (size_t)(rows * bins + 1) * 8);
  for (int64_t i = 0; i < bins + 2; i++) {
    double hertz = 700 * expm1(((double)i * step + low) / 2595 * log(10));
    at[i] = (int64_t)floor((double)(length + 1) * hertz / rate);
    if (at[i] >= rows) return op_refuse(o, E_ONNX_NODE, "a frequency beyond half the rate");
  }
  for (int64_t i = 0; i < bins; i++) {
    int64_t l = at[i], m = at[i + 1], h = at[i + 2];
    if (l == m) tensor_put(to, type, m * bins + i, 1);
    for (int64_t j = l; j <= m && l != m; j++) tensor_put(to, type, j * bins + i, (double)(j - l) / (double)(m - l));
    for (int64_t j = m; j < h; j++) tensor_put(to, type, j * bins + i, (double)(h - j) / (double)(h - m));
  }
  op_give_known(o, 0, shape_of(type, 2, (int64_t[]){rows, bins}), to);
}
