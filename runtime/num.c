/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers of every element type: sizes and names, checked stores, text. */
#include "num.h"
#include "rt.h"
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../prim/prim_scalar.h"
#include "../prim/decimal.h"

/* X(type, name, C type, lowest, one more than the highest): of floats the bounds are not used. */
#define TYPES(X) \
  X(BOOL, "bool", uint8_t, 0, 2) \
  X(U8, "u8", uint8_t, 0, 256) \
  X(I8, "i8", int8_t, -128, 128) \
  X(U16, "u16", uint16_t, 0, 65536) \
  X(I16, "i16", int16_t, -32768, 32768) \
  X(U32, "u32", uint32_t, 0, 0x1p32) \
  X(I32, "i32", int32_t, -0x1p31, 0x1p31) \
  X(F32, "f32", float, 0, 0) \
  X(F64, "f64", double, 0, 0) \
  X(F16, "f16", uint16_t, 0, 0) \
  X(BF16, "bf16", uint16_t, 0, 0) \
  X(I64, "i64", int64_t, -0x1p63, 0x1p63)

#define X(type, name, c, lo, end) [GC_##type] = sizeof(c),
const unsigned char gc_dtype_size[] = {TYPES(X)};
#undef X
#define X(type, name, c, lo, end) [GC_##type] = name,
const char *const gc_dtype_name[] = {TYPES(X)};
#undef X
#define X(type, name, c, lo, end) [GC_##type] = {lo, end},
static const struct { double lo, end; } range[] = {TYPES(X)};
#undef X
_Static_assert(COUNT(range) == GC_DTYPES, "a row per GcDType");

bool num_store(GcDType t, void *dst, size_t i, double v) {
  if (t == GC_F32) {
    float f = (float)v;
    ((float *)dst)[i] = f;
    return f - f == 0 || v - v != 0; /* false: a finite value became infinite */
  }
  if (t == GC_F64) {
    ((double *)dst)[i] = v;
    return true;
  }
  if (gc_is_float(t)) {                                                          /* of 16 bits */
    float f = (float)decimal_round(t == GC_F16 ? decimal_f16 : decimal_bf16, v); /* the cast is exact, or overflows */
    ((uint16_t *)dst)[i] = (uint16_t)(t == GC_F16 ? prim_to_f16(f) : prim_to_bf16(f));
    double h = num_load(t, dst, i);
    return h - h == 0 || v - v != 0;
  }
  if (!(v >= range[t].lo && v < range[t].end)) return false;
  int64_t k = (int64_t)v;
  if ((double)k != v) return false;
  switch (t) {
#define X(type, name, c, lo, end) \
  case GC_##type: ((c *)dst)[i] = (c)k; break;
    TYPES(X)
#undef X
  }
  return true;
}

double num_load(GcDType t, const void *src, size_t i) {
  if (t == GC_F16) return prim_from_f16(((const uint16_t *)src)[i]);
  if (t == GC_BF16) return prim_from_bf16(((const uint16_t *)src)[i]);
  switch (t) {
#define X(type, name, c, lo, end) \
  case GC_##type: return (double)((const c *)src)[i];
    TYPES(X)
#undef X
  }
  return 0;
}

char *num_text(GcDType t, const void *src, size_t i, char to[NUM_TEXT]) {
  static const DecimalFormat *const format[] = {&decimal_f32, &decimal_f64, &decimal_f16, &decimal_bf16};
  double v = num_load(t, src, i);
  if (gc_is_float(t)) return decimal_element(*format[t - GC_F32], v, to);
  snprintf(to, NUM_TEXT, "%lld", t == GC_I64 ? (long long)((const int64_t *)src)[i] : (long long)v);
  return to;
}

char *num_show(double v, char to[NUM_TEXT]) { return decimal_element(decimal_f64, v, to); }

double num_plain(double v) { return v == v ? v : __builtin_nan(""); }

static bool blank(char c) { return c == ' ' || c == '\t'; }

static bool digit(char c) { return c >= '0' && c <= '9'; }

/* Scans a decimal number without its sign. If `exact`, its value is digits * 10 ** power. */
static bool scan(const char *s, size_t n, uint64_t *digits, int *power, bool *exact) {
  size_t i = 0, seen = 0;
  int e = 0;
  *digits = 0;
  *power = 0;
  *exact = true;
  for (bool point = false; i < n && (digit(s[i]) || (s[i] == '.' && !point)); i++) {
    if (s[i] == '.') {
      point = true;
      continue;
    }
    seen++;
    if (*digits < 100000000000000u) {
      *digits = *digits * 10 + (uint64_t)(s[i] - '0');
      *power -= point;
    } else {
      *exact &= s[i] == '0';
      *power += !point;
    }
  }
  if (!seen) return false;
  if (i < n && (s[i] == 'e' || s[i] == 'E')) {
    bool minus = i + 1 < n && s[i + 1] == '-';
    i += 1 + (i + 1 < n && (s[i + 1] == '+' || s[i + 1] == '-'));
    if (i == n || !digit(s[i])) return false;
    for (; i < n && digit(s[i]); i++) e = e < 100000 ? e * 10 + (s[i] - '0') : e;
    *power += minus ? -e : e;
  }
  return i == n;
}

static bool is_word(const char *s, size_t n, const char *word) { return n == strlen(word) && !strncasecmp(s, word, n); }

static double by_strtod(const char *s, size_t n) {
  char small[64], *text = n < sizeof small ? small : rt_alloc(n + 1);
  memcpy(text, s, n);
  text[n] = 0;
  double v = strtod(text, NULL);
  if (text != small) rt_free(text);
  return v;
}

/* The double nearest to a text. exact: at most 15 significant digits. */
static bool parse(const char *s, size_t n, double *v, bool *exact) {
  static const double ten[] = {1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                               1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  bool minus = n && *s == '-', sign = n && (minus || *s == '+');
  uint64_t digits;
  int power;
  s += sign;
  n -= sign;
  if (scan(s, n, &digits, &power, exact)) {
    /* both factors are exact, so that the result is rounded once (Clinger 1990) */
    double d = (double)digits;
    if (*exact && power >= -22 && power <= 22) *v = power < 0 ? d / ten[-power] : d * ten[power];
    else *v = by_strtod(s, n);
  } else if (is_word(s, n, "nan")) *v = __builtin_nan("");
  else if (is_word(s, n, "inf") || is_word(s, n, "infinity")) *v = __builtin_inf();
  else return false;
  if (minus && *v == *v) *v = -*v;
  return true;
}

/* Digits with a sign, and zeros after a point; false: another form, which `parse` reads if it has 15 digits. */
static bool read_integer(int64_t *v, const char *s, size_t n, bool *fits) {
  bool minus = n && *s == '-';
  size_t i = n && (minus || *s == '+'), first = i;
  uint64_t u = 0;
  *fits = true;
  for (; i < n && digit(s[i]); i++)
    *fits &= !__builtin_mul_overflow(u, 10, &u) && !__builtin_add_overflow(u, (uint64_t)(s[i] - '0'), &u);
  if (i == first) return false;
  if (i < n && s[i] == '.') i++;
  while (i < n && s[i] == '0') i++;
  *fits &= u <= (uint64_t)INT64_MAX + minus;
  *v = (int64_t)(minus ? 0 - u : u);
  return i == n;
}

NumRead num_read(GcDType t, void *dst, size_t i, const char *s, size_t n) {
  double v;
  bool exact = true;
  while (n && blank(*s)) {
    s++;
    n--;
  }
  while (n && blank(s[n - 1])) n--;
  bool fits;
  int64_t whole;
  if (t == GC_I64 && read_integer(&whole, s, n, &fits)) {
    if (fits) ((int64_t *)dst)[i] = whole;
    return fits ? NUM_OK : NUM_NOT_IN_TYPE;
  }
  if (!parse(s, n, &v, &exact)) return NUM_NO_NUMBER;
  bool overflow = v - v != 0 && n && digit(s[n - 1]); /* a finite number that no double represents */
  bool inexact = !gc_is_float(t) && !exact;           /* more digits than any 32-bit integer */
  return !overflow && !inexact && num_store(t, dst, i, v) ? NUM_OK : NUM_NOT_IN_TYPE;
}

char *num_shape(int rank, const int64_t *dim, GcDType t, const GcDim *dims) {
  char text[256];
  int n = snprintf(text, sizeof text, "%s", gc_dtype_name[t]);
  for (int i = 0; i < rank; i++) {
    n += snprintf(text + n, sizeof text - n, i ? ", " : "[");
    n += dim[i] < 0 ? snprintf(text + n, sizeof text - n, "%.20s", dims ? dims[-1 - dim[i]].text : "?")
                    : snprintf(text + n, sizeof text - n, "%lld", (long long)dim[i]);
  }
  snprintf(text + n, sizeof text - n, rank ? "]" : "");
  return rt_strdup(text);
}
