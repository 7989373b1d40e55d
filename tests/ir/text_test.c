/* SPDX-License-Identifier: Apache-2.0 */
/* print -> parse -> print is a fixpoint; wrong text is refused with a located error; any byte string gives a module or
 * an error.
 * text_test FILE.ir... */
#include "ir/ir.h"
#include "tests/files.h"
#include <string.h>

typedef struct Text {
  const char *name, *s;
  size_t n;
  char *out;
  int errors;
} Text;

static void reprint(Ctx *c, void *arg) {
  Text *t = arg;
  Module *m = ir_parse(c, source_add(c, t->name, t->s, t->n));
  t->errors = diag_errors(c);
  if (t->errors) return;
  if (ir_verify(m)) t->errors = diag_errors(c);
  Str out = {.c = c};
  ir_print(&out, m);
  t->out = strdup(out.s);
}

static Text run(const char *name, const char *s, size_t n) {
  Text t = {.name = name, .s = s, .n = n};
  Ctx *c = ctx_new();
  if (!ctx_try(c, reprint, &t)) t.errors = -1;
  if (t.errors) diag_print(c, t.n < 4000 && getenv("VERBOSE") ? stderr : stdout, false);
  ctx_free(c);
  return t;
}

static int fixpoint(const char *path) {
  size_t n;
  char *s = read_file(path, &n);
  if (!s) exit(2);
  Text a = run(path, s, n), b = {0};
  if (a.out) b = run(path, a.out, strlen(a.out));
  bool same = a.out && b.out && !strcmp(a.out, b.out) && strlen(a.out) == n && !memcmp(a.out, s, n);
  if (!same) printf("FAIL  %s: printed text differs from the file\n%s", path, a.out ? a.out : "");
  free(s), free(a.out), free(b.out);
  return same;
}

/* Every mutation ends with text that reprints, or with an error; never with a crash. */
static int mutations(const char *path, int rounds) {
  size_t n;
  char *s = read_file(path, &n), *t = malloc(n + 1);
  uint32_t x = 12345;
  for (int i = 0; i < rounds; i++) {
    memcpy(t, s, n);
    for (int k = 0; k < 1 + i % 3; k++) {
      x = x * 1664525 + 1013904223;
      t[(x >> 8) % n] = (char)(i % 2 ? s[(x >> 4) % n] : (char)x);
    }
    size_t len = i % 5 ? n : (x >> 8) % n;
    Ctx *c = ctx_new();
    Text r = {.name = "mutation", .s = t, .n = len};
    ctx_try(c, reprint, &r);
    ctx_free(c);
    free(r.out);
  }
  free(s), free(t);
  return 1;
}

int main(int argc, char **argv) {
  int pass = 0, fail = 0;
  for (int i = 1; i < argc; i++) {
    if (fixpoint(argv[i])) pass++;
    else fail++;
    pass += mutations(argv[i], 400);
  }
  static const char *const wrong[] = {
    "graph g() test {",
    "graph g() test {\n  %1: f32 = nop\n}\n",
    "param \"w\": f32[2",
    "param \"w\": f99[2]\n",
    "graph g(x: f32[2]) test {\n  %1: f32[2] = input \"x\"\n  %2: f32[3] = neg(%1)\n}\n",
    "graph g() test {\n  %2: f32 = const {value=[1]}\n}\n",
    "graph g() test {\n  y = %1\n}\n",
    "graph g() test {\n  %1: i32[2] = const {value=[1.5,2]}\n}\n",
    "graph g() test {\n  %1: i64[2] = const {value=[9007199254740993,2]}\n}\n",
    "graph g() test {\n  %1: i64 = const {value=[9223372036854775808]}\n}\n",
    "graph g(x: i64[2]) test {\n  %1: i64[2] = input \"x\"\n  %2: i64[2] = add(%1, 9007199254740993)\n}\n",
    "graph g() wrong {\n}\n",
    "graph g(x: f32[2,3], y: f32[4,5]) test {\n  %1: f32[2,3] = input \"x\"\n  %2: f32[4,5] = input \"y\"\n"
    "  %3: f32[2,5] = contract(%1, %2) {spec=\"mk,kn->mn\"}\n}\n",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    Text t = run("wrong.ir", wrong[i], strlen(wrong[i]));
    if (t.errors > 0) pass++;
    else printf("FAIL  accepted: %s\n", wrong[i]), fail++;
    free(t.out);
  }
  const char *zeros = "graph g() test {\n  %1: i32[2] = const {value=[0]}\n  %2: i32[2] = const {value=[-0]}\n"
                      "  y = %2\n  z = -0:f32\n}\n";
  Text t = run("zeros.ir", zeros, strlen(zeros)); /* an integer has no -0 */
  if (t.out && strstr(t.out, "y = %1\n") && strstr(t.out, "z = -0:f32")) pass++;
  else printf("FAIL  -0 of an integer:\n%s", t.out ? t.out : ""), fail++;
  free(t.out);
  printf("%d passed, %d failed\n", pass, fail);
  return fail != 0;
}
