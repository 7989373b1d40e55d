/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, of every element type, over random bit patterns. The expected values are read by libc, and rounded
 * to 16 bits by a search of all values; of the runtime it uses only the functions under test.
 *   numbers N                        num_text and num_read of N patterns of the wide types and of all of the others
 *   numbers give TYPE SEED N         one record per line, 8 numbers each, as exact decimals, as in a csv file
 *   numbers list TYPE SEED N         finite numbers in one line, as an expression of the language
 *   numbers check TYPE SEED N FORM   reads a text of those numbers, in the form csv, list or json */
#include "../../runtime/num.h"
#include "../../runtime/rt.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static long passed, failed;

static void check(bool ok, const char *what, int line) {
  if (ok) passed++;
  else if (++failed < 20) printf("FAIL numbers.c:%d: %s\n", line, what);
}
#define CHECK(c) check((c), #c, __LINE__)

/* ---- values by their bits ---- */

static const int bytes_of[] = {1, 1, 1, 2, 2, 4, 4, 4, 8, 2, 2, 8};
static bool is_half(int t) { return t == GC_F16 || t == GC_BF16; }
static bool is_real(int t) { return t >= GC_F32 && t <= GC_BF16; }

static double half_value(int t, unsigned bits) {
  int width = t == GC_F16 ? 10 : 7, bias = t == GC_F16 ? 15 : 127, top = t == GC_F16 ? 31 : 255;
  int exponent = (int)(bits >> width) & top, fraction = (int)bits & ((1 << width) - 1);
  double v = exponent == top ? fraction ? NAN : INFINITY
                             : ldexp(fraction + (exponent ? 1 << width : 0), (exponent ? exponent : 1) - bias - width);
  return bits >> 15 ? -v : v;
}

static double value_of(int t, uint64_t bits) {
  float f;
  double d;
  uint32_t w = (uint32_t)bits;
  switch (t) {
  case GC_I8: return (int8_t)bits;
  case GC_I16: return (int16_t)bits;
  case GC_I32: return (int32_t)bits;
  case GC_I64: return (double)(int64_t)bits;
  case GC_F32: memcpy(&f, &w, 4); return f;
  case GC_F64: memcpy(&d, &bits, 8); return d;
  case GC_F16:
  case GC_BF16: return half_value(t, (unsigned)bits);
  default: return (double)bits;
  }
}

/* The nearest of all values of the type, of two the one with even bits. */
static unsigned nearest_half(int t, long double v) {
  unsigned top = t == GC_F16 ? 0x7c00 : 0x7f80, low = 0, high = top;
  long double x = fabsl(v), largest = half_value(t, top - 1), step = largest - half_value(t, top - 2);
  if (x >= largest + step / 2) low = top;
  else {
    for (high = top - 1; high - low > 1;) *(half_value(t, (low + high) / 2) <= x ? &low : &high) = (low + high) / 2;
    long double down = x - half_value(t, low), up = half_value(t, high) - x;
    if (up < down || (up == down && low & 1)) low = high;
  }
  return low | (signbit(v) ? 0x8000 : 0);
}

/* The bits of the number in a text; NaN has those of +nan. false: not a number of the type. */
static bool bits_of(int t, const char *s, uint64_t *bits) {
  char *end;
  *bits = 0;
  if (!strcmp(s, "nan") && is_real(t)) {
    *bits = t == GC_F32 ? 0x7fc00000 : t == GC_F64 ? 0x7ff8000000000000 : t == GC_F16 ? 0x7e00 : 0x7fc0;
    return true;
  }
  if (is_half(t)) *bits = nearest_half(t, strtold(s, &end));
  else if (t == GC_F32) {
    float f = strtof(s, &end);
    memcpy(bits, &f, 4);
  } else if (t == GC_F64) {
    double d = strtod(s, &end);
    memcpy(bits, &d, 8);
  } else *bits = (uint64_t)strtoll(s, &end, 10) & (bytes_of[t] == 8 ? ~0ull : (1ull << 8 * bytes_of[t]) - 1);
  return end != s && !*end;
}

static uint64_t plain(int t, uint64_t bits) { /* NaN as +nan */
  double v = value_of(t, bits);
  if (v == v) return bits;
  bits_of(t, "nan", &bits);
  return bits;
}

static uint64_t state;
static uint64_t draw(void) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

/* Any bits; every other time integers, numbers around powers of ten, and special values. */
static uint64_t pattern(int t, uint64_t i) {
  uint64_t r = draw(), mask = bytes_of[t] == 8 ? ~0ull : (1ull << 8 * bytes_of[t]) - 1, bits;
  if (t == GC_BOOL) return r >> 20 & 1;
  if (!is_real(t) && i & 2) return mask >> (r >> 10 & 31) % (8u * (unsigned)bytes_of[t]);
  if (!is_real(t) || i & 1) return r >> 8 & mask;
  static const char *const special[] = {
    "0",        "-0",         "1",     "-1",           "nan",    "inf",
    "-inf",     "0.1",        "1e-45", "3.4028235e38", "65504",  "4294967296",
    "16777217", "2147483648", "1e22",  "1e23",         "5e-324", "1.7976931348623157e308",
    "6e-8"};
  char text[64];
  if (i & 2) snprintf(text, sizeof text, "%lld", (long long)(r >> (r & 63)));
  else if (i & 4) snprintf(text, sizeof text, "%ue%d", (unsigned)(r >> 40) % 1000, (int)(r >> 8 & 63) - 32);
  else strcpy(text, special[(r >> 8) % (unsigned)COUNT(special)]);
  bits_of(t, text, &bits);
  return bits;
}

/* ---- the runtime's own functions ---- */

static bool fewest(int t, const char *text, uint64_t bits) { /* no shorter decimal gives the same bits */
  double v = value_of(t, bits);
  int digits = 0;
  for (const char *s = text; *s && *s != 'e'; s++) digits += isdigit((unsigned char)*s) && (digits || *s != '0');
  if (v - v != 0 || v == 0 || digits < 2 || (fabs(v) <= 0x1p53 && v == floor(v))) return true;
  char shorter[400];
  uint64_t back;
  snprintf(shorter, sizeof shorter, "%.*g", digits - 1, v);
  return !bits_of(t, shorter, &back) || back != bits;
}

static void one(int t, uint64_t bits) {
  char text[NUM_TEXT];
  uint64_t back = 0, again = 0, want = plain(t, bits);
  num_text((GcDType)t, &bits, 0, text);
  bool right = bits_of(t, text, &back) && back == want && fewest(t, text, bits);
  NumRead read = num_read((GcDType)t, &again, 0, text, strlen(text));
  bool same = read == NUM_OK && plain(t, again) == want;
  if (!right || !same) printf("%s %llx: %s\n", gc_dtype_name[t], (unsigned long long)bits, text);
  CHECK(right);
  CHECK(same);
}

static void test_text(uint64_t n) {
  for (int t = GC_BOOL; t <= GC_I64; t++) {
    uint64_t all = t == GC_BOOL ? 2 : bytes_of[t] < 4 ? 1ull << 8 * bytes_of[t] : 0;
    for (uint64_t i = 0; i < (all ? all : n); i++) one(t, all ? i : pattern(t, i));
  }
}

static bool reads(const char *s, double want) {
  double v;
  return num_read(GC_F64, &v, 0, s, strlen(s)) == NUM_OK && (v == want || (v != v && want != want));
}

static NumRead read_as(GcDType t, const char *s) {
  double room;
  return num_read(t, &room, 0, s, strlen(s));
}

static void test_reading(uint64_t n) {
  CHECK(reads("0", 0) && reads(" -1.5\t", -1.5) && reads("+3e2", 300) && reads(".5", 0.5) && reads("5.", 5));
  CHECK(reads("0.1", 0.1) && reads("123456789012345678", 123456789012345678.0) && reads("1e-300", 1e-300));
  CHECK(reads("0.1000000000000000055511151231257827", 0.1) && reads("9007199254740993", 9007199254740992.0));
  CHECK(reads("NaN", NAN) && reads("-nan", NAN) && reads("inf", INFINITY) && reads("-Infinity", -INFINITY));
  static const char *const none[] = {"",  " ",    "x",   "1x",  "0x10", "nanx", "in",   "1e",  "1e+",   "-",
                                     ".", "1..2", "1 2", "--1", "e5",   "1,5",  "-.e1", "+-1", "nan(1)"};
  for (int i = 0; i < COUNT(none); i++) CHECK(read_as(GC_F64, none[i]) == NUM_NO_NUMBER);
  static const struct {
    GcDType t;
    const char *s;
  } misfit[] = {
    {GC_F64, "1e400"},
    {GC_F32, "1e39"},
    {GC_F16, "65520"},
    {GC_BF16, "3.4e38"},
    {GC_I32, "0.5"},
    {GC_I32, "2147483648"},
    {GC_U32, "4294967296"},
    {GC_U32, "-1"},
    {GC_I32, "1.00000000000000000001"},
    {GC_I32, "0.99999999999999999999"},
    {GC_I32, "2147483647.0000000000000001"},
    {GC_I32, "nan"},
    {GC_U8, "inf"},
    {GC_BOOL, "2"},
    {GC_I8, "128"},
    {GC_I64, "9223372036854775808"},
    {GC_I64, "-9223372036854775809"},
    {GC_I64, "9223372036854775807.5"},
    {GC_I64, "9.3e18"},
    {GC_I64, "99999999999999999999999999"},
    {GC_I64, "inf"},
  };
  for (int i = 0; i < COUNT(misfit); i++) CHECK(read_as(misfit[i].t, misfit[i].s) == NUM_NOT_IN_TYPE);
  CHECK(read_as(GC_I32, "2147483647.00000000000000000") == NUM_OK && read_as(GC_U32, "4.294967295e9") == NUM_OK);
  CHECK(read_as(GC_I32, "-0") == NUM_OK && read_as(GC_U8, "0000000000000000000000255") == NUM_OK);
  int64_t whole;
  CHECK(num_read(GC_I64, &whole, 0, " -9223372036854775808 ", 22) == NUM_OK && whole == INT64_MIN);
  CHECK(num_read(GC_I64, &whole, 0, "+9007199254740993.00", 20) == NUM_OK && whole == 9007199254740993);
  CHECK(num_read(GC_I64, &whole, 0, "4e18", 4) == NUM_OK && whole == 4000000000000000000);
  CHECK(read_as(GC_I64, "1x") == NUM_NO_NUMBER && read_as(GC_I64, "-") == NUM_NO_NUMBER);
  for (uint64_t i = 0; i < n; i++) { /* halves are rounded from the double, not from its float */
    char s[64];
    uint64_t r = draw(), bits = 0;
    int t = i & 1 ? GC_F16 : GC_BF16;
    double tie = (half_value(t, (unsigned)(r >> 20) % 0x7000) + half_value(t, (unsigned)(r >> 20) % 0x7000 + 1)) / 2;
    snprintf(s, sizeof s, "%.17g", tie * (1 + (double)((int)(r % 3) - 1) * 1e-12));
    if (num_read((GcDType)t, &bits, 0, s, strlen(s)) == NUM_OK) CHECK(bits == nearest_half(t, strtod(s, NULL)));
    double v = ((double)(r >> 32) - 2147483648.0) * (i & 2 ? 1e-7 : 1);
    snprintf(s, sizeof s, i & 1 ? "%.*g" : "%.*f", (int)(r % 19), v);
    CHECK(reads(s, strtod(s, NULL)));
  }
}

static void test_stores(void) {
  float f;
  int32_t k;
  uint8_t u;
  CHECK(num_store(GC_F32, &f, 0, 1e30) && !num_store(GC_F32, &f, 0, 1e39) && num_store(GC_I32, &k, 0, -5) && k == -5);
  CHECK(!num_store(GC_I32, &k, 0, 2147483648.0) && !num_store(GC_I32, &k, 0, 0.5) && !num_store(GC_U8, &u, 0, 256));
  int64_t w;
  CHECK(num_store(GC_I64, &w, 0, -0x1p63) && w == INT64_MIN && !num_store(GC_I64, &w, 0, 0x1p63));
  CHECK(num_store(GC_U8, &u, 0, 255) && u == 255 && !num_store(GC_BOOL, &u, 0, 2) && !num_store(GC_I32, &k, 0, NAN));
}

/* ---- texts of programs ---- */

static uint64_t drawn(int t, uint64_t i, bool finite) {
  uint64_t bits = pattern(t, i);
  double v = value_of(t, bits);
  return finite && v - v != 0 ? 0 : bits;
}

static void give(int t, uint64_t n, bool list) {
  for (uint64_t i = 0; i < n; i++) {
    uint64_t bits = drawn(t, i, list);
    double v = value_of(t, bits);
    const char *end = list ? i + 1 < n ? ", " : "\n" : i % 8 < 7 && i + 1 < n ? "," : "\n";
    if (v - v != 0) printf("%s%s", v != v ? "nan" : v < 0 ? "-inf" : "inf", end);
    else if (t == GC_I64) printf("%lld%s", (long long)bits, end);
    else printf("%.17g%s%s", v, list && v == 0 && signbit(v) ? ".0" : "", end);
  }
}

static int compare(int t, uint64_t n, const char *form) {
  static char word[64];
  bool json = !strcmp(form, "json"), list = strcmp(form, "csv") != 0;
  for (uint64_t i = 0; i < n; i++) {
    uint64_t want = plain(t, drawn(t, i, list)), got;
    if (scanf("%*[][, \n]") < 0 || scanf("%63[^][, \n}]", word) != 1) return printf("%ld numbers\n", (long)i), 1;
    const char *s = strcmp(word, "true") ? strcmp(word, "false") ? word : "0" : "1";
    bool number = t == GC_BOOL || isdigit((unsigned char)s[*s == '-']);
    if (!bits_of(t, s, &got) || got != want || (json && !number))
      return printf("%s: %s is not %.17g\n", gc_dtype_name[t], word, value_of(t, want)), 1;
  }
  if (scanf("%*[][, \n}]%63s", word) == 1) return printf("more: %s\n", word), 1;
  return 0;
}

int main(int argc, char **argv) {
  rt_host = &rt_program;
  int t = 0;
  while (argc > 2 && t < GC_I64 && strcmp(gc_dtype_name[t], argv[2])) t++;
  state = argc > 3 ? strtoull(argv[3], NULL, 10) * 2 + 1 : 88172645463325252u;
  for (int i = 0; i < 8; i++) draw();
  uint64_t n = strtoull(argv[argc > 4 ? 4 : 1], NULL, 10);
  if (argc == 5) return give(t, n, !strcmp(argv[1], "list")), 0;
  if (argc == 6) return compare(t, n, argv[5]);
  test_text(n);
  test_reading(n);
  test_stores();
  printf("numbers: %ld passed, %ld failed\n", passed, failed);
  return failed != 0;
}
