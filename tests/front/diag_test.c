/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the printed form of diagnostics and of suggestions: each case builds one and compares the text. */
#include "suite.h"
#include <stdlib.h>
#include <string.h>

static int passed, failed;

static void check(const char *name, const char *got, const char *want) {
  if (!strcmp(got, want)) {
    passed++;
    return;
  }
  failed++;
  printf("FAIL %s\n---- got ----\n%s---- want ----\n%s\n", name, got, want);
}

static Loc find(Ctx *c, Loc start, const char *what) {
  size_t n;
  const char *s = source_text(c, start, &n);
  return start + (Loc)(strstr(s, what) - s);
}

static Loc add(Ctx *c, const char *name, const char *text) { return source_add(c, name, text, strlen(text)); }

/* The example of the language's description. */
static void test_example(Ctx *c) {
  Loc s = add(c, "digits.nn", "\n\n\n\n\n\n\n\n  h = x |> linear(128) |> relu\n\n\n\n\n  h @ w2\n");
  Diag *d = diag_error(c, 214, find(c, s, "@ w2"), 1, "matmul: inner dimensions differ (%d vs %d)", 128, 64);
  diag_label(c, d, find(c, s, "h = x"), 1, "`h` is f32[B, 128] because `linear` has out = 128 (line 9)");
  diag_label(c, d, find(c, s, "h @"), 1, "%s", "");
  diag_label(c, d, find(c, s, "w2"), 2, "`w2` is f32[64, 10] (line 6)");
  diag_help(c, d, "make `w2` f32[128, 10]");
  check("example", diag_text(c, d),
        "error[E0214]: matmul: inner dimensions differ (128 vs 64)\n"
        "  --> digits.nn:14:5\n"
        "   |\n"
        " 9 |   h = x |> linear(128) |> relu\n"
        "   |   - `h` is f32[B, 128] because `linear` has out = 128 (line 9)\n"
        "14 |   h @ w2\n"
        "   |   - ^ -- `w2` is f32[64, 10] (line 6)\n"
        "   = help: make `w2` f32[128, 10]\n");
}

static void test_texts(Ctx *c) {
  Loc s = add(c, "a.nn", "y = aa + bb\n"), t = add(c, "std/b.nn", "\n\tsum(\xE6\x97\xA5, x)");
  Diag *d = diag_error(c, 206, find(c, s, "+"), 1, "shapes do not broadcast");
  diag_primary(c, d, "here");
  diag_label(c, d, find(c, s, "aa"), 2, "f32[2]");
  diag_label(c, d, find(c, s, "bb"), 2, "f32[3]");
  diag_label(c, d, find(c, t, ", x") + 2, 1, "from here");
  diag_label(c, d, 0, 1, "nowhere");
  diag_note(c, d, "two\nlines \x1b[31m");
  check("texts of one line, two files, tabs, wide characters", diag_text(c, d),
        "error[E0206]: shapes do not broadcast\n"
        " --> a.nn:1:8\n"
        "  |\n"
        "1 | y = aa + bb\n"
        "  |     -- ^ -- f32[3]\n"
        "  |        here\n"
        "  |     f32[2]\n"
        " ::: std/b.nn:2:9\n"
        "2 |     sum(\xE6\x97\xA5, x)\n"
        "  |             - from here\n"
        "  = note: two\nlines \xEF\xBF\xBD[31m\n");
}

static void test_frames(Ctx *c) {
  Loc s = add(c, "gpt.nn", "block(h)\nattention(x)\n");
  diag_push_frame(c, "gpt", 0);
  diag_push_frame(c, "block", s);
  diag_push_frame(c, "attention", find(c, s, "attention"));
  Diag *d = diag_warn(c, 304, s + 20, 500, "w");
  diag_pop_frame(c);
  diag_pop_frame(c);
  diag_pop_frame(c);
  check("chain of instantiations", diag_text(c, d),
        "warning[E0304]: w\n"
        " --> gpt.nn:2:12\n"
        "  |\n"
        "2 | attention(x)\n"
        "  |            ^\n"
        "  = note: in `attention` called at gpt.nn:2:1\n"
        "  = note: in `block` called at gpt.nn:1:1\n"
        "  = note: in `gpt`\n");
  for (int i = 0; i < 100; i++) diag_push_frame(c, "deep", s);
  const char *text = diag_text(c, diag_error(c, 213, 0, 1, "deep"));
  for (int i = 0; i < 100; i++) diag_pop_frame(c);
  int notes = 0;
  for (const char *p = text; (p = strstr(p, "= note")); p++) notes++;
  check("long chain", notes == 8 && strstr(text, "and 93 calls between") ? "" : text, "");
}

static void test_limits(void) {
  Ctx *c = ctx_new();
  Loc s = add(c, "a.nn", "x");
  for (int i = 0; i < 25; i++) diag_error(c, 107, s, 1, "fault %d", i);
  for (int i = 0; i < 25; i++) diag_help(c, diag_error(c, 107, s, 1, "fault 3"), "again");
  check("errors are counted", diag_errors(c) == 50 ? "" : "another number\n", "");
  char *t = diags_text(c, false);
  int shown = 0;
  for (const char *p = t; (p = strstr(p, "error[")); p++) shown++;
  check("20 are shown", shown == 20 && strstr(t, "5 more errors are not shown") ? "" : t, "");
  free(t);
  t = diags_text(c, false);
  check("each is printed once", t, "");
  free(t);
  diag_error(c, 107, 0, 1, "no place");
  ctx_free(c);
  c = ctx_new();
  s = add(c, "a.nn", "x");
  diag_error(c, 107, s, 1, "fault");
  t = diags_text(c, true);
  check("colour", t,
        "\033[1;31merror[E0107]\033[0m\033[1m: fault\033[0m\n \033[1;34m--> \033[0ma.nn:1:1\n"
        "\033[1;34m  |\033[0m\n\033[1;34m1 |\033[0m x\n\033[1;34m  |\033[0m \033[1;31m^\033[0m\n\n");
  free(t);
  ctx_free(c);
}

static void test_codes(void) {
  int n;
  const DiagCode *v = diag_codes(&n);
  for (int i = 0; i < n; i++) {
    bool ok = (i == 0 || v[i].code > v[i - 1].code) && diag_code(v[i].code) == &v[i] && *v[i].title && *v[i].text;
    if (!ok) printf("row %d of errors.def\n", v[i].code);
    check("codes are sorted, distinct, explained", ok ? "" : "no\n", "");
  }
  check("no such code", diag_code(9999) ? "a row\n" : "", "");
}

static void test_suggest(Ctx *c) {
  static const char *const WORDS[] = {"epochs", "steps", "linear", "cross_entropy", "lr", "x"};
  static const char *const CASES[][2] = {
    {"epoch", "epochs"},
    {"Linear", "linear"},
    {"crossentropy", "cross_entropy"},
    {"corss_entropy", "cross_entropy"},
    {"setps", "steps"},
    {"banana", NULL},
    {"y", NULL},
    {"rl", "lr"},
    {"", NULL},
  };
  for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
    const char *got = diag_suggest(c, CASES[i][0], WORDS, sizeof WORDS / sizeof *WORDS);
    check(CASES[i][0], got ? got : "(none)", CASES[i][1] ? CASES[i][1] : "(none)");
  }
}

static void test_positions(Ctx *c) {
  Loc s = add(c, "p.nn", "a\r\n\xC3\xA9 b\n"), e = add(c, "empty.nn", "");
  SourcePos p = source_pos(c, s + 6);
  check("line and column", ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col), "p.nn:2:3");
  p = source_pos(c, s + 8);
  check("end of file", ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col), "p.nn:3:1");
  p = source_pos(c, e);
  check("empty file", ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col), "empty.nn:1:1");
  p = source_pos(c, 0);
  check("nowhere", ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col), ":0:0");
  p = source_pos(c, 4000000000u);
  check("beyond", ctx_strf(c, "%s:%d:%d", p.file, p.line, p.col), ":0:0");
  Loc none;
  check("a folder is no source", source_read(c, "/", &none) ? "read\n" : "", "");
  check("a missing file is no source", source_read(c, "/no/such/file.nn", &none) ? "read\n" : "", "");
}

int main(void) {
  Ctx *c = ctx_new();
  test_example(c);
  test_texts(c);
  test_frames(c);
  test_limits();
  test_codes();
  test_suggest(c);
  test_positions(c);
  ctx_free(c);
  printf("diag: %d passed, %d failed\n", passed, failed);
  return failed > 0;
}
