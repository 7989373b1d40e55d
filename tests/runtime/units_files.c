/* SPDX-License-Identifier: Apache-2.0 */
/* Unit tests of the readers and writers of files: JSON, weights, arrays, csv. */
#include "../../runtime/data.h"
#include "../../runtime/json.h"
#include "../../runtime/safetensors.h"
#include "../../runtime/vars.h"
#include "units.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void test_json(void) {
  char err[ERR_TEXT];
  static const struct {
    const char *s;
    bool ok;
  } t[] = {
    {"{}", true},
    {" [1, 2.5e3, {\"a\": null}] ", true},
    {"\"\\u00e9\\ud83d\\ude00\"", true},
    {"[", false},
    {"[1,]", false},
    {"{\"a\"}", false},
    {"{a:1}", false},
    {"\"\\x\"", false},
    {"\"\\ud83d\"", false},
    {"\"\\u0000\"", false},
    {"\"\n\"", false},
    {"\"", false},
    {"\"\\\"", false},
    {"", false},
    {"[1] x", false},
    {"{\"a\":1,}", false},
    {"\"\\u12\"", false},
  };
  for (int i = 0; i < COUNT(t); i++) {
    Json j = {t[i].s, t[i].s + strlen(t[i].s), err};
    bool ok = json_skip(&j, 0) && json_end(&j);
    if (ok != t[i].ok) printf("json: %s\n", t[i].s);
    CHECK(ok == t[i].ok);
  }
  char deep[1000];
  memset(deep, '[', sizeof deep);
  Json j = {deep, deep + sizeof deep, err};
  CHECK(!json_skip(&j, 0));
  const char *text = "\"a\\u00e9\\n\\\"\"";
  j = (Json){text, text + strlen(text), err};
  char *s = json_string(&j), *q = json_quote(s);
  CHECK(!strcmp(s, "a\xC3\xA9\n\"") && !strcmp(q, "\"a\xC3\xA9\\u000a\\\"\""));
  uint64_t v;
  j = (Json){"18446744073709551615", NULL, err};
  j.end = j.p + 20;
  CHECK(json_u64(&j, &v) && v == UINT64_MAX);
  static const char *const bad[] = {"18446744073709551616", "-1", "1.0", "01", "1e3", ""};
  for (int i = 0; i < COUNT(bad); i++) {
    j = (Json){bad[i], bad[i] + strlen(bad[i]), err};
    CHECK(!json_u64(&j, &v));
  }
}

static void test_vars(void) {
  static const GcVar vars[] = {
    {.rank = 2, .dim = {5, 7}, .stored = {0, 1}},
    {.rank = 2, .dim = {5, 7}, .stored = {1, 0}},
    {.rank = 2, .dim = {5, 7}, .stored = {0, 1}, .panel = 4, .panel_axis = 1},
    {.rank = 2, .dim = {5, 7}, .stored = {0, 1}, .panel = 16, .panel_axis = 1},
    {.rank = 4, .dim = {6, 3, 2, 2}, .stored = {2, 3, 1, 0}, .panel = 4, .panel_axis = 0},
    {.rank = 3, .dim = {2, 3, 4}, .stored = {2, 0, 1}},
    {.rank = 0},
    {.rank = 1, .dim = {9}, .stored = {0}},
  };
  float a[128], stored[128], back[128];
  for (int i = 0; i < COUNT(vars); i++) {
    GcVar v = vars[i];
    v.dtype = GC_F32;
    size_t n = var_count(&v);
    for (size_t k = 0; k < n; k++) a[k] = (float)k;
    memset(stored, 255, sizeof stored);
    var_from_logical(&v, stored, a);
    var_to_logical(&v, stored, back);
    CHECK(!memcmp(a, back, n * sizeof *a));
    GcVar plain = v;
    plain.panel = 0;
    for (int k = 0; k < v.rank; k++) plain.stored[k] = (uint8_t)k;
    CHECK(var_hash(&v, stored) == var_hash(&plain, a));
  }
  GcVar v = vars[2]; /* panels of 4 columns, then one of 3: w[1][5] is row 1, column 1 of the second */
  v.dtype = GC_F32;
  for (int k = 0; k < 35; k++) a[k] = (float)k;
  var_from_logical(&v, stored, a);
  CHECK(stored[5 * 4 + 1 * 3 + 1] == a[1 * 7 + 5] && stored[2 * 4 + 3] == a[2 * 7 + 3]);
  v = vars[4]; /* rows are (h, w, in), columns the outputs: w[5][2][1][0] is row 8, column 1 of the second panel */
  v.dtype = GC_F32;
  for (int k = 0; k < 72; k++) a[k] = (float)k;
  var_from_logical(&v, stored, a);
  CHECK(stored[4 * 12 + 8 * 2 + 1] == a[((5 * 3 + 2) * 2 + 1) * 2]);
}

static Bytes bytes_of(const char *header, size_t data) {
  uint64_t n = strlen(header);
  Bytes b = {rt_alloc(8 + n + data + 1), 8 + n + data};
  memcpy(b.p, &n, 8);
  memcpy(b.p + 8, header, n);
  return b;
}

static void test_safetensors(void) {
#define T(dtype, shape, a, b) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" a "," b "]}"
  static const struct {
    const char *header;
    size_t data;
    const char *want;
  } t[] = {
    {"{}", 0, NULL},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 8, NULL},
    {"{\"a\":" T("F32", "[]", "0", "4") ",\"b\":" T("F32", "[0,3]", "4", "4") "}  ", 4, NULL},
    {"{\"__metadata__\":{\"k\":\"v\"},\"b\":" T("I64", "[1]", "4", "12") ",\"a\":" T("F32", "[1]", "0", "4") "}", 12,
     NULL},
    {"[]", 0, "does not begin"},
    {"{", 0, "not a safetensors"},
    {"{\"a\"}", 0, "`:`"},
    {"{} x", 0, "after the end"},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 7, "truncated"},
    {"{\"a\":" T("F32", "[2]", "0", "8") "}", 9, "at the end"},
    {"{\"a\":" T("F32", "[3]", "0", "8") "}", 8, "disagrees"},
    {"{\"a\":" T("F33", "[2]", "0", "8") "}", 8, "unknown element type"},
    {"{\"a\":" T("F32", "[2]", "8", "0") "}", 8, "before it begins"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"a\":" T("F32", "[2]", "8", "16") "}", 16, "two tensors"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "4", "12") "}", 12, "overlaps"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "0", "8") "}", 8, "overlaps"},
    {"{\"a\":" T("F32", "[2]", "0", "8") ",\"b\":" T("F32", "[2]", "12", "20") "}", 20, "no tensor"},
    {"{\"a\":" T("F32", "[2]", "4", "12") "}", 12, "no tensor"},
    {"{\"a\":" T("F32", "[4294967296,4294967296]", "0", "8") "}", 8, "overflows"},
    {"{\"a\":" T("F32", "[4611686018427387904,2]", "0", "8") "}", 8, "disagrees"},
    {"{\"a\":" T("F32", "[4611686018427387904]", "0", "0") "}", 0, "disagrees"},
    {"{\"a\":" T("F32", "[18446744073709551616]", "0", "8") "}", 8, "too large"},
    {"{\"a\":" T("F32", "[-2]", "0", "8") "}", 8, "non-negative"},
    {"{\"a\":" T("F32", "[2.0]", "0", "8") "}", 8, "non-negative"},
    {"{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,2]", "0", "8") "}", 8, "axes"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "lacks"},
    {"{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "second or unknown"},
    {"{\"a\":{\"kind\":1,\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "second or unknown"},
    {"{\"a\":1}", 0, "`{`"},
    {"{\"__metadata__\":{\"k\":1}}", 0, "string"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "two __metadata__"},
    {"{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}", 0, "two entries"},
    {"{\"__metadata__\":{\"hash.a\":\"0000000000000000\"},\"a\":" T("F32", "[2]", "0", "8") "}", 8,
     "not those that were written"},
  };
  for (int i = 0; i < COUNT(t); i++) {
    char err[ERR_TEXT] = "";
    StFile f;
    bool ok = st_parse(bytes_of(t[i].header, t[i].data), &f, err);
    bool good = t[i].want ? !ok && strstr(err, t[i].want) : ok;
    if (!good) printf("safetensors %s: got `%s`, wanted `%s`\n", t[i].header, err, t[i].want ? t[i].want : "success");
    CHECK(good);
  }
  static const uint64_t lengths[] = {UINT64_MAX, (uint64_t)1 << 63, 100000001, 3, 1};
  for (int i = 0; i < COUNT(lengths); i++) {
    Bytes b = bytes_of("{}", 0);
    memcpy(b.p, &lengths[i], 8);
    char err[ERR_TEXT];
    StFile f;
    CHECK(!st_parse(b, &f, err));
  }
  Bytes full = bytes_of(t[3].header, 12); /* every prefix is refused */
  bool none = true;
  for (size_t n = 0; n < full.n; n++) {
    Bytes b = {rt_alloc(n + 1), n};
    memcpy(b.p, full.p, n);
    char err[ERR_TEXT];
    StFile f;
    none = none && !st_parse(b, &f, err);
  }
  CHECK(none);
}

static void test_npy(void) {
  static const struct {
    const char *header;
    size_t data;
    const char *want;
  } t[] = {
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 24, NULL},
    {"{'descr': '|u1', 'fortran_order': False, 'shape': (5,), }", 5, NULL},
    {"{'descr': '>i8', 'fortran_order': False, 'shape': (0, 3), }", 0, NULL},
    {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24, NULL},
    {"{'descr': '<f2', 'fortran_order': False, 'shape': (2, 3), }", 12, NULL},
    {"{'descr': '<f3', 'fortran_order': False, 'shape': (2, 3), }", 18, "element type"},
    {"{'descr': '<U4', 'fortran_order': False, 'shape': (2, 3), }", 12, "element type"},
    {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", 8, "element type"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 20, "truncated"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "follow"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, "scalar"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 4, "malformed"},
    {"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 4, "overflows"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (4294967295, 4294967295), }", 4, "overflows"},
    {"{'descr': '<f8', 'fortran_order': False, 'shape': (0, 4294967295, 4294967295, 4294967295), }", 0, "overflows"},
    {"{'descr': '<f4', 'shape': (2, 3), }", 24, "order"},
    {"{'fortran_order': False, 'shape': (2, 3), }", 24, "element type"},
    {"{'descr': '<f4', 'fortran_order': False, }", 24, "shape"},
  };
  for (int i = 0; i < COUNT(t); i++)
    for (int version = 1; version <= 3; version++) {
      size_t n = strlen(t[i].header), first = version == 1 ? 10 : 12;
      ArrayFile a = {.file = {rt_alloc(first + n + t[i].data + 1), first + n + t[i].data}};
      memcpy(a.file.p, "\x93NUMPY", 6);
      a.file.p[6] = (unsigned char)version;
      a.file.p[8] = (unsigned char)n;
      memcpy(a.file.p + first, t[i].header, n);
      char err[ERR_TEXT] = "";
      bool ok = array_file_npy(&a, err), good = t[i].want ? !ok && strstr(err, t[i].want) : ok;
      if (!good) printf("npy %s: got `%s`\n", t[i].header, err);
      CHECK(good);
    }
}

/* Fortran order: element (i, j, k) of 2 x 3 x 4 is stored at i + 2 j + 6 k. */
static void test_npy_columns(void) {
  static const char header[] = "{'descr': '<i2', 'fortran_order': True, 'shape': (2, 3, 4), }";
  enum { FIRST = 10, N = 24, HEADER = sizeof header - 1 };
  ArrayFile a = {.file = {rt_alloc(FIRST + HEADER + 2 * N), FIRST + HEADER + 2 * N}};
  char err[ERR_TEXT];
  memcpy(a.file.p, "\x93NUMPY\x01", 7);
  a.file.p[8] = HEADER;
  memcpy(a.file.p + FIRST, header, HEADER);
  for (int i = 0; i < 2; i++)
    for (int j = 0; j < 3; j++)
      for (int k = 0; k < 4; k++)
        a.file.p[FIRST + HEADER + 2 * (i + 2 * j + 6 * k)] = (unsigned char)(100 * i + 10 * j + k);
  CHECK(array_file_npy(&a, err) && a.n == 2 && a.per_record == 12);
  for (int i = 0; i < N; i++) CHECK(array_file_get(&a, (uint64_t)i) == 100 * (i / 12) + 10 * (i / 4 % 3) + i % 4);
}

static void test_csv(void) {
  char text[] = "\xEF\xBB\xBF"
                "a, \"b,\"\"c\"\"\" ,d\r\n\r\n  \n1,2,3\n\"x\ny\",,\nlast";
  Bytes b = {(unsigned char *)text, sizeof text - 1};
  Csv c;
  csv_begin(&c, &b, 0, 0);
  CHECK(csv_next(&c) == 3 && c.f[1].n == 5 && !memcmp(c.f[1].s, "b,\"c\"", 5) && c.line == 1);
  CHECK(csv_next(&c) == 3 && c.line == 4 && *c.f[2].s == '3');
  CHECK(csv_next(&c) == 3 && c.line == 5 && c.f[0].n == 3 && c.f[1].n == 0 && c.f[2].n == 0);
  CHECK(csv_next(&c) == 1 && c.line == 7 && c.f[0].n == 4);
  CHECK(csv_next(&c) == 0);
  char open[] = "1,\"2\n3";
  b = (Bytes){(unsigned char *)open, sizeof open - 1};
  csv_begin(&c, &b, 0, 0);
  CHECK(csv_next(&c) == -1);
}

static void test_writer(void) {
  static const size_t piece[] = {8, 40000, 32768, 20, 32769, 65536, 1, 65537, 200000, 30000, 30000, 30000, 33000, 7};
  static unsigned char a[600000];
  for (size_t i = 0; i < sizeof a; i++) a[i] = (unsigned char)(i * 2654435761u >> 13);
  char err[ERR_TEXT];
  IoFile f;
  Bytes b = {NULL, 0};
  size_t n = 0;
  io_create(&f, "pieces");
  for (int i = 0; i < COUNT(piece); n += piece[i++]) io_write(&f, a + n, piece[i]);
  CHECK(n < sizeof a && io_commit(&f, err) && io_read_all("pieces", &b, err) && b.n == n && !memcmp(a, b.p, n));
  CHECK(io_remove("pieces"));
}

void test_files(void) {
  test_json();
  test_vars();
  test_safetensors();
  test_npy();
  test_npy_columns();
  test_csv();
  test_writer();
}
