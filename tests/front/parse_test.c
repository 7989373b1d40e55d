/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of lexer, parser, diagnostics and fmt:
 *   parse_test [--update] [--quick] [--mutations=N] DIR
 * DIR/parse/NAME.nn beside NAME.err (the diagnostics), NAME.fmt (the formatted text) or NAME.ast (the tree); all of
 * DIR/design and DIR/parse is formatted, which must keep the tree and be a fixpoint; deep and long inputs; and
 * mutations of the design files, which must end in a tree or in errors. --quick: every eighth of the long inputs in its
 * length, the others in a tenth of it. --update rewrites the golden files. */
#include "frontend/parse.h"
#include "suite.h"
#include "tests/files.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_FILES = 200 };

typedef struct Test {
  const char *dir;
  bool update, quick;
  int passed, failed;
  char *file[MAX_FILES]; /* the .nn files, sorted */
  int nfile, ndesign;
} Test;

static void check(Test *t, bool ok, const char *what, const char *name) {
  if (ok) t->passed++;
  else {
    t->failed++;
    printf("FAIL %s: %s\n", name, what);
  }
}

static const char *base_name(const char *path) {
  const char *s = strrchr(path, '/');
  return s ? s + 1 : path;
}

static void golden(Test *t, const char *nn, const char *ext, const char *got) {
  char path[512];
  size_t n;
  snprintf(path, sizeof path, "%.*s.%s", (int)strlen(nn) - 3, nn, ext);
  char *want = read_file(path, &n);
  if (!want) return;
  if (t->update) {
    FILE *f = fopen(path, "wb");
    fputs(got ? got : "", f);
    fclose(f);
  } else {
    check(t, got && !strcmp(want, got), "differs from its golden file", base_name(path));
    if (!got || strcmp(want, got)) printf("---- got ----\n%s-------------\n", got ? got : "(nothing)\n");
  }
  free(want);
}

/* Formatting keeps the tree and changes nothing the second time. */
static void check_fmt(Test *t, Ctx *c, Loc at, const char *text, const char *name) {
  check(t, text != NULL, "fmt refuses what parses", name);
  if (!text) return;
  Loc again = source_add(c, "formatted", text, strlen(text));
  const char *twice = fmt_source(c, again);
  check(t, twice != NULL, "fmt's output does not parse", name);
  if (!twice) return;
  check(t, !strcmp(text, twice), "fmt of fmt differs", name);
  check(t, ast_equal(parse_source(c, at), parse_source(c, again)), "fmt changes the tree", name);
}

static void run_file(Test *t, const char *path) {
  size_t n;
  char *text = read_file(path, &n);
  Ctx *c = ctx_new();
  Loc at = source_add(c, base_name(path), text, n);
  Ast *a = parse_source(c, at);
  bool good = diag_errors(c) == 0;
  char *err = diags_text(c, false);
  golden(t, path, "err", err);
  free(err);
  if (good) {
    Str dump = {.c = c};
    ast_dump(&dump, a);
    golden(t, path, "ast", dump.s);
    const char *fmt = fmt_source(c, at);
    golden(t, path, "fmt", fmt);
    check_fmt(t, c, at, fmt, base_name(path));
  }
  check(t, good || !strstr(path, "/design/"), "a design file has errors", base_name(path));
  ctx_free(c);
  free(text);
}

/* ---- long and deep inputs: `repeat` times `unit` between `head` and `tail` ---- */

static const struct {
  const char *name, *head, *unit, *tail;
  int code;
} DEEP[] = {
  {"parentheses", "def f(x: f32) { x = ", "(", "", 105},
  {"lists", "def f(x: f32) { x = ", "[", "", 105},
  {"blocks", "def f(x: f32) { ", "if x { ", "", 105},
  {"calls", "def f(x: f32) { x = f", "(f", "", 105},
  {"sum", "def f(x: f32) { x = 1", " + 1", " }", 105},
  {"power", "def f(x: f32) { x = 1", " ** 1", " }", 105},
  {"pipe", "def f(x: f32) { x", " |> f", " }", 105},
  {"minus", "def f(x: f32) { x = ", "- ", "1 }", 105},
  {"not", "def f(x: f32) { x = ", "not ", "1 }", 105},
  {"transpose", "def f(x: f32) { x", "'", " }", 105},
  {"index", "def f(x: f32) { x", "[0]", " }", 105},
  {"call of call", "def f(x: f32) { x", "()", " }", 105},
  {"else if", "def f(x: f32) { if x {}", " else if x {}", " }", 105},
  {"hints", "", "@freeze ", "use x = f()", 105},
  {"dotted", "def f(x: f32) { x", ".x", " }", 107},
  {"statements", "def f(x: f32) { x\n", "x = x + 1\n", " }", 0},
  {"items", "", "use a = f()\n", "", 0},
  {"arguments", "use a = f(", "1, ", "1)", 0},
  {"list items", "const a = [", "1, ", "1]", 0},
  {"targets", "def f(x: f32) { a", ", a", " = x }", 108},
  {"named arguments", "use a = f(", "k = 1, ", "k = 1)", 111},
  {"newlines", "", "\n", "", 0},
  {"semicolons", "", ";", "", 0},
  {"comments", "", "#\n", "", 0},
  {"comments in a call", "use a = f(", "#\n", ")", 0},
  {"closers", "", "}", "", 103},
  {"mismatched", "", "{(}", "", 103},
  {"bad bytes", "", "\x80 ", "", 101},
  {"faulty items", "", "x\n", "", 107},
  {"quotes", "", "\"\n", "", 102},
  {"digits", "const a = 0", "0", "", 0},
  {"large number", "const a = 1", "0", "", 106},
  {"one name", "const a", "a", " = 1", 0},
  {"one comment", "#", "x", "", 0},
};

/* The processor seconds that it takes. */
static double run_deep(Test *t, int k, int repeat) {
  Ctx *c = ctx_new();
  Str b = {.c = c};
  str_puts(&b, DEEP[k].head);
  for (int i = 0; i < repeat; i++) str_puts(&b, DEEP[k].unit);
  str_puts(&b, DEEP[k].tail);
  clock_t from = clock();
  Loc at = source_add(c, "deep.nn", b.s, b.n);
  parse_source(c, at);
  const char *fmt = diag_errors(c) ? NULL : fmt_source(c, at);
  double seconds = (double)(clock() - from) / CLOCKS_PER_SEC;
  char *err = diags_text(c, false), code[16];
  snprintf(code, sizeof code, "[E%04d]", DEEP[k].code);
  check(t, DEEP[k].code ? strstr(err, code) != NULL : !*err && fmt, "not the expected outcome", DEEP[k].name);
  free(err);
  ctx_free(c);
  return seconds;
}

/* Time is linear in the length: quadratic would be 16 times as much for 4 times the length. */
static void test_deep(Test *t, int k) {
  int length = t->quick && k % 8 ? 1500 : 15000;
  bool linear = false;
  for (int i = 0; !linear && i < 3; i++) { /* other processes may slow down one of the two */
    double some = run_deep(t, k, length), all = run_deep(t, k, 4 * length);
    linear = all < 0.5 || all < 10 * some;
  }
  check(t, linear, "time grows faster than the length", DEEP[k].name);
}

/* Exactly at the limits. */
static void run_limits(Test *t) {
  for (int extra = 0; extra < 2; extra++) {
    Ctx *c = ctx_new();
    Str b = {.c = c};
    str_puts(&b, "const a = ");
    for (int i = 0; i < 256 + extra; i++) str_puts(&b, "(");
    str_puts(&b, "1");
    for (int i = 0; i < 256 + extra; i++) str_puts(&b, ")");
    parse_source(c, source_add(c, "limit.nn", b.s, b.n));
    check(t, (diag_errors(c) > 0) == extra, "256 brackets are the limit", "limits");
    b.n = 0;
    str_puts(&b, "const a = 1"); /* CONST, 254 sums, one leaf: 256 */
    for (int i = 0; i < 254 + extra; i++) str_puts(&b, "+1");
    int before = diag_errors(c);
    parse_source(c, source_add(c, "limit.nn", b.s, b.n));
    check(t, (diag_errors(c) > before) == extra, "a depth of 256 is the limit", "limits");
    ctx_free(c);
  }
}

/* ---- mutations ---- */

static uint64_t lcg(uint64_t *s) {
  *s = *s * 6364136223846793005u + 1442695040888963407u;
  return *s >> 33;
}

static const char *const PIECES[] = {
  "(",      ")",    "[",      "]",      "{",       "}",        "\n",           ";",    ",",      ":",
  "=",      ":=",   "|>",     "@",      "@x(",     "'",        "\"",           "#",    "..",     "...",
  ".",      "->",   "-",      "**",     "//",      "==",       "<=",           "if ",  " else ", "for i in ",
  "def f(", "use ", "param ", "state ", "train {", "data d {", "test \"a\" {", "not ", " and ",  "1e5",
  "12K",    "1_0",  "0..3",   "x[",     "sum[i](", "\xC3\xA9", "\x80",         "\t"};

static size_t mutate(char *s, size_t n, size_t cap, const char *other, size_t other_n, uint64_t *seed) {
  for (int edits = 1 + (int)(lcg(seed) % 4); edits > 0 && n > 2; edits--) {
    size_t at = lcg(seed) % n, len = 1 + lcg(seed) % 20, from = lcg(seed) % other_n;
    const char *piece = PIECES[lcg(seed) % (sizeof PIECES / sizeof *PIECES)], *src = piece;
    size_t add = strlen(piece), cut = 0;
    switch (lcg(seed) % 6) {
    case 0: s[at] = (char)lcg(seed); continue;
    case 1:
      add = 0;
      cut = len;
      break;
    case 2: cut = len / 8; break;
    case 3:
      src = other + from;
      add = len > other_n - from ? other_n - from : len;
      break;
    case 4:
      if (lcg(seed) % 8 == 0) n = at + 1;
      continue;
    default: break;
    }
    if (cut > n - at) cut = n - at;
    if (n - cut + add >= cap) continue;
    memmove(s + at + add, s + at + cut, n - at - cut);
    memcpy(s + at, src, add);
    n += add - cut;
  }
  return n;
}

static void run_mutations(Test *t, int count) {
  uint64_t seed = 1;
  enum { CAP = 1 << 16 };
  char *buf = malloc(CAP);
  int good = 0;
  for (int i = 0; i < count; i++) {
    size_t n, on;
    char *text = read_file(t->file[i % t->ndesign], &n);
    char *other = read_file(t->file[lcg(&seed) % (uint64_t)t->ndesign], &on);
    memcpy(buf, text, n);
    size_t m = mutate(buf, n, CAP, other, on, &seed);
    Ctx *c = ctx_new();
    Loc at = source_add(c, "mutant.nn", buf, m);
    Ast *a = parse_source(c, at);
    int failed = t->failed;
    if (!diag_errors(c)) {
      good++;
      check_fmt(t, c, at, fmt_source(c, at), "mutant");
    }
    char *err = diags_text(c, false);
    check(t, a && a->kind == AST_FILE && (diag_errors(c) == 0) == (*err == 0), "neither a tree nor errors", "mutant");
    if (t->failed > failed) printf("---- mutant %d ----\n%.*s\n", i, (int)m, buf);
    free(err);
    ctx_free(c);
    free(text);
    free(other);
  }
  free(buf);
  check(t, count < 100 || (good > count / 50 && good < count), "mutations are too harmless or too harsh", "mutants");
}

/* ---- */

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void list_files(Test *t, const char *sub) {
  char path[512];
  snprintf(path, sizeof path, "%s/%s", t->dir, sub);
  DIR *d = opendir(path);
  int from = t->nfile;
  for (struct dirent *e; d && (e = readdir(d)) && t->nfile < MAX_FILES;) {
    size_t n = strlen(e->d_name);
    if (n < 4 || strcmp(e->d_name + n - 3, ".nn")) continue;
    char *s = malloc(strlen(path) + n + 2);
    sprintf(s, "%s/%s", path, e->d_name);
    t->file[t->nfile++] = s;
  }
  if (d) closedir(d);
  qsort(t->file + from, (size_t)(t->nfile - from), sizeof *t->file, by_name);
}

int main(int argc, char **argv) {
  Test t = {.dir = "tests/front"};
  int mutations = 3000;
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--update")) t.update = true;
    else if (!strcmp(argv[i], "--quick")) t.quick = true;
    else if (!strncmp(argv[i], "--mutations=", 12)) mutations = atoi(argv[i] + 12);
    else t.dir = argv[i];
  }
  list_files(&t, "design");
  t.ndesign = t.nfile;
  list_files(&t, "parse");
  if (!t.ndesign || t.ndesign == t.nfile) {
    printf("no tests below %s\n", t.dir);
    return 2;
  }
  for (int i = 0; i < t.nfile; i++) run_file(&t, t.file[i]);
  for (int k = 0; k < (int)(sizeof DEEP / sizeof *DEEP); k++) test_deep(&t, k);
  run_limits(&t);
  run_mutations(&t, mutations);
  for (int i = 0; i < t.nfile; i++) free(t.file[i]);
  printf("parse: %d passed, %d failed\n", t.passed, t.failed);
  return t.failed > 0;
}
