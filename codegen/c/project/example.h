/* SPDX-License-Identifier: Apache-2.0 */
/* Made-up values for the inputs of a model, and its numbers as text, the same on every machine: without libc, and of
 * floats the nearest nine digits, from which the same bits can be read back. */
#ifndef EXAMPLE_H
#define EXAMPLE_H
#include "board.h"
#include <stddef.h>

#define MADE_UP static inline __attribute__((unused))

/* ---- values: floats between 0 and 1, integers from 0 to range - 1 ---- */

MADE_UP uint32_t made_bits(uint32_t input, size_t i) {
  uint32_t x = (uint32_t)i * 0x9e3779b9u + input * 0x85ebca6bu + 1;
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}
#define MADE_FLOAT(name, type, value) \
  MADE_UP void made_##name(type *x, size_t n, uint32_t input) { \
    for (size_t i = 0; i < n; i++) { \
      uint32_t bits = made_bits(input, i); \
      x[i] = (type)(value); \
    } \
  }
#define MADE_INTEGER(name, type) \
  MADE_UP void made_##name(type *x, size_t n, uint32_t input, uint32_t range) { \
    for (size_t i = 0; i < n; i++) x[i] = (type)(made_bits(input, i) % range); \
  }
MADE_FLOAT(f32, float, (float)(bits % 255 + 1) / 256)
MADE_FLOAT(f64, double, (double)(bits % 255 + 1) / 256)
MADE_FLOAT(f16, uint16_t, 0x3800u + bits % 1024)
MADE_FLOAT(bf16, uint16_t, 0x3f00u + bits % 128)
MADE_INTEGER(bool, uint8_t)
MADE_INTEGER(u8, uint8_t)
MADE_INTEGER(i8, int8_t)
MADE_INTEGER(u16, uint16_t)
MADE_INTEGER(i16, int16_t)
MADE_INTEGER(u32, uint32_t)
MADE_INTEGER(i32, int32_t)
MADE_INTEGER(i64, int64_t)

/* ---- text ---- */

MADE_UP void show_unsigned(uint32_t x) {
  char s[11], *p = s + 10;
  *p = 0;
  do *--p = (char)('0' + x % 10), x /= 10;
  while (x);
  board_write(p);
}

MADE_UP void show_signed(int32_t x) {
  if (x < 0) board_write("-");
  show_unsigned(x < 0 ? 0u - (uint32_t)x : (uint32_t)x);
}

MADE_UP void show_long(int64_t x) {
  char s[20], *p = s + 19; /* 19 digits */
  uint64_t size = x < 0 ? 0u - (uint64_t)x : (uint64_t)x;
  *p = 0;
  do *--p = (char)('0' + size % 10), size /= 10;
  while (size);
  if (x < 0) board_write("-");
  board_write(p);
}

/* A number of any length: limbs of four decimal digits, the lowest first. */
enum { LIMBS = 40, DIGITS = 9 };
MADE_UP int limbs_times(uint16_t *limb, int n, uint32_t factor) {
  uint32_t carry = 0;
  for (int i = 0; i < n; i++) {
    uint32_t x = limb[i] * factor + carry;
    limb[i] = (uint16_t)(x % 10000);
    carry = x / 10000;
  }
  if (carry) limb[n++] = (uint16_t)carry;
  return n;
}

/* The digits of fraction * 2^power. Returns their number; the value is 0.d1d2d3... * 10^*point. */
MADE_UP int float_digits(uint32_t fraction, int power, char *digit, int *point) {
  uint16_t limb[LIMBS];
  int n = 0, count = 0, first = 0;
  for (; fraction; fraction /= 10000) limb[n++] = (uint16_t)(fraction % 10000);
  *point = power < 0 ? power : 0;
  for (int i = power < 0 ? -power : power; i > 0; i--) n = limbs_times(limb, n, power < 0 ? 5 : 2);
  for (int i = n - 1; i >= 0; i--)
    for (uint32_t unit = 1000; unit; unit /= 10) digit[count++] = (char)('0' + limb[i] / unit % 10);
  while (first < count - 1 && digit[first] == '0') first++;
  for (int i = first; i < count; i++) digit[i - first] = digit[i];
  *point += count - first;
  return count - first;
}

/* Rounds to the nearest, of ties to the even one, and removes zeros at the end. Returns the number of digits. */
MADE_UP int round_digits(char *digit, int n, int *point) {
  if (n > DIGITS) {
    int tail = 0;
    for (int i = DIGITS + 1; i < n; i++) tail |= digit[i] != '0';
    int up = digit[DIGITS] > '5' || (digit[DIGITS] == '5' && (tail || digit[DIGITS - 1] % 2));
    n = DIGITS;
    while (up && n && digit[n - 1] == '9') n--;
    if (up && n) digit[n - 1]++;
    if (up && !n) digit[0] = '1', n = 1, ++*point;
  }
  while (n > 1 && digit[n - 1] == '0') n--;
  return n;
}

MADE_UP void show_digits(const char *digit, int n, int point) {
  char s[2 * DIGITS + 8], *p = s;
  int shown = point > -4 && point <= DIGITS ? point : 1; /* digits before the decimal point */
  for (int i = shown < 1 ? shown - 1 : 0; i < n || i < shown; i++) {
    if (i == shown) *p++ = '.';
    *p++ = i >= 0 && i < n ? digit[i] : '0';
  }
  *p = 0;
  board_write(s);
  if (shown == point) return;
  board_write(point <= 0 ? "e-" : "e+");
  if (point > -9 && point <= 10) board_write("0");
  show_unsigned((uint32_t)(point <= 0 ? 1 - point : point - 1));
}

MADE_UP void show_float(float x) {
  union {
    float x;
    uint32_t bits;
  } u;
  char digit[4 * LIMBS];
  u.x = x;
  int power = (int)(u.bits >> 23 & 255), point;
  uint32_t fraction = u.bits & 0x7fffff;
  if (power == 255 && fraction) {
    board_write("nan");
    return;
  }
  if (u.bits >> 31) board_write("-");
  if (power == 255) {
    board_write("inf");
  } else if (!power && !fraction) {
    board_write("0");
  } else {
    int n = float_digits(power ? fraction | 0x800000 : fraction, (power ? power : 1) - 150, digit, &point);
    n = round_digits(digit, n, &point);
    show_digits(digit, n, point);
  }
}

/* A result: its first values, and of a long one a hash of all its bits. */
enum { SHOWN = 12 };
#define SHOW(name, type, show) \
  MADE_UP void show_##name(const char *what, const type *x, size_t n) { \
    const unsigned char *b = (const unsigned char *)x; \
    uint32_t hash = 0x811c9dc5u; \
    board_write(what); \
    for (size_t i = 0; i < n && i < SHOWN; i++) board_write(" "), show(x[i]); \
    for (size_t i = 0; i < n * sizeof *x && n > SHOWN; i++) hash = (hash ^ b[i]) * 0x01000193u; \
    if (n > SHOWN) board_write(" ... hash "), show_unsigned(hash); \
    board_write("\n"); \
  }
MADE_UP void show_double(double x) { show_float((float)x); }
SHOW(f32, float, show_float)
SHOW(f64, double, show_double)
SHOW(f16, uint16_t, show_unsigned)
SHOW(bf16, uint16_t, show_unsigned)
SHOW(bool, uint8_t, show_unsigned)
SHOW(u8, uint8_t, show_unsigned)
SHOW(i8, int8_t, show_signed)
SHOW(u16, uint16_t, show_unsigned)
SHOW(i16, int16_t, show_signed)
SHOW(u32, uint32_t, show_unsigned)
SHOW(i32, int32_t, show_signed)
SHOW(i64, int64_t, show_long)

MADE_UP void show_step(const char *section, uint32_t step, float loss) {
  board_write("step ");
  show_unsigned(step);
  board_write(" ");
  board_write(section);
  board_write("loss ");
  show_float(loss);
  board_write("\n");
}

/* With -DCOUNT prints the upper and lower half of a number of ticks. Returns 0, to count again from there. */
MADE_UP uint64_t show_ticks(uint64_t ticks) {
#ifdef COUNT
  board_write("ticks ");
  show_unsigned((uint32_t)(ticks >> 32));
  board_write(" ");
  show_unsigned((uint32_t)ticks);
  board_write("\n");
#endif
  (void)ticks;
  return 0;
}
#endif
