// SPDX-License-Identifier: Apache-2.0
/* The formats are those of the OCP's 8-bit and microscaling specifications and of ONNX's page on float8. */
#include "import/small_float.h"
#include <math.h>
#include <string.h>

typedef struct Format {
  int type, mantissa, bias, most; /* most: the code of the largest finite number */
  int nan, sign;                  /* nan: its code, 0 where there is none; sign: its bit, 0: positive numbers only */
  bool negative_zero;
} Format;

static const Format formats[] = {
  {ONNX_FLOAT8E4M3FN, 3, 7, 0x7e, 0x7f, 0x80, true},
  {ONNX_FLOAT8E4M3FNUZ, 3, 8, 0x7f, 0x80, 0x80, false},
  {ONNX_FLOAT8E5M2, 2, 15, 0x7b, 0x7f, 0x80, true},
  {ONNX_FLOAT8E5M2FNUZ, 2, 16, 0x7f, 0x80, 0x80, false},
  {ONNX_FLOAT4E2M1, 1, 1, 7, 0, 8, true},
  {ONNX_FLOAT8E8M0, 0, 127, 0xfe, 0xff, 0, false},
};

static const Format *format_of(int type) {
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
    if (formats[i].type == type) return &formats[i];
  return NULL;
}

bool is_small_float(int type) { return format_of(type) != NULL; }

/* The number of a code without sign; beyond `most`: where the format would go on. */
static double magnitude(const Format *f, int code) {
  int e = code >> f->mantissa, m = code & ((1 << f->mantissa) - 1);
  if (!f->sign) return ldexp(1, code - f->bias);
  return ldexp(e ? m + (1 << f->mantissa) : m, (e ? e : 1) - f->bias - f->mantissa);
}

double small_float_number(int type, unsigned code) {
  const Format *f = format_of(type);
  int k = (int)code & (f->sign ? f->sign - 1 : 0xff);
  bool negative = f->sign && (int)code & f->sign;
  if (k > f->most || (f->nan == f->sign && f->nan && (int)code == f->nan))
    return type == ONNX_FLOAT8E5M2 && k == 0x7c ? (negative ? -INFINITY : INFINITY) : (double)NAN;
  return negative ? -magnitude(f, k) : magnitude(f, k);
}

static const char *floats(Oper *o, const char *name, const float *v, int64_t n) {
  Value *t = onnx_value(o->m, shape_of(ONNX_FLOAT, 1, &n));
  t->onnx = name;
  t->known = ctx_alloc(o->m->c, sizeof *t->known);
  *t->known = (Tensor){.type = ONNX_FLOAT, .rank = 1, .dim = {n}, .count = n, .data = v};
  return onnx_text(o->m, t);
}

const char *small_float_decode(Oper *o, int type, const char *x) {
  int n = type == ONNX_FLOAT4E2M1 ? 16 : 256;
  float *v = ctx_alloc(o->m->c, (size_t)n * sizeof *v);
  for (int i = 0; i < n; i++) v[i] = (float)small_float_number(type, (unsigned)i);
  return op_str(o, "%s[i32(%s)]", floats(o, "float8_numbers", v, n), x);
}

/* What a number must exceed to get a code above i, as f32: half of the way to the next one, or, if that itself gets the
 * next one, just below. */
static float edge(const Format *f, int i, const char *round) {
  double low = magnitude(f, i), high = magnitude(f, i + 1), half = (low + high) / 2;
  if (f->sign) return i % 2 ? nextafterf((float)half, 0) : (float)half;
  if (!strcmp(round, "down")) return nextafterf((float)high, 0);
  if (!strcmp(round, "nearest")) return i ? nextafterf((float)half, 0) : (float)low;
  return i ? (float)low : 0;
}

const char *small_float_encode(Oper *o, int type, const char *x, bool saturate, const char *round) {
  const Format *f = format_of(type);
  int n = f->most + (!saturate && f->nan);
  float *v = ctx_alloc(o->m->c, (size_t)(n + 1) * sizeof *v);
  for (int i = 0; i < n; i++) v[i] = edge(f, i, round);
  return op_str(o, "onnx_encode(%s, %s, %d, %d, %s)", x, floats(o, "float8_edges", v, n), f->nan, f->sign,
                f->negative_zero ? "true" : "false");
}
