/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the elaborator:
 *   elab_test [--update] [--quick] [--mutations=N] [--seed=N] [DIR]
 * DIR/elab/NAME.nn beside NAME.err (its diagnostics) or NAME.ir (its module as text) and NAME.info (its sections).
 * Every module that elaborates must pass the verifier, print the same text twice, and read back from it unchanged.
 * DIR/design is elaborated or refused, limits are reported within two seconds, and mutations of all of them end in a
 * module or in errors. --quick: without the three limits that take most of the time. --update rewrites the golden
 * files. */
#include "lib/embed.h"
#include "frontend/elab.h"
#include "suite.h"
#include "tests/files.h"
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __SANITIZE_ADDRESS__
enum { SLOWER = 8 };
#else
enum { SLOWER = 1 };
#endif
enum { MAX_FILES = 200, LIMIT_MS = 2000 * SLOWER };

typedef struct Test {
  bool update, quick;
  int passed, failed;
  char *file[MAX_FILES];
  int nfile;
} Test;

static void check(Test *t, bool ok, const char *what, const char *name) {
  if (ok) {
    t->passed++;
    return;
  }
  t->failed++;
  printf("FAIL %s: %s\n", name, what);
}

/* ---- one elaboration ---- */

typedef struct Run {
  Ctx *c;
  Module *m;
  char *diags; /* to be freed */
  int errors;
} Run;

static void run_body(Ctx *c, void *arg) {
  void **a = arg;
  const char *name = a[0], *text = a[1];
  ElabOptions o = {.builtin = embed_text};
  *(Module **)a[3] = elaborate(c, source_add(c, name, text, *(size_t *)a[2]), name, &o);
}

static Run run_text(const char *name, const char *text, size_t n) {
  Run r = {.c = ctx_new()};
  ctx_try(r.c, run_body, (void *[]){(void *)name, (void *)text, &n, &r.m});
  r.errors = diag_errors(r.c);
  r.diags = diags_text(r.c, false);
  return r;
}

static void run_free(Run *r) {
  free(r->diags);
  ctx_free(r->c);
}

static const char *module_text(Run *r) {
  Str s = {.c = r->c};
  ir_print(&s, r->m);
  return s.s;
}

/* The text of a module as it is after being read back. */
static bool comes_back(const char *text) {
  Ctx *c = ctx_new();
  Module *m = ir_parse(c, source_add(c, "printed.ir", text, strlen(text)));
  Str s = {.c = c};
  ir_print(&s, m);
  bool same = !diag_errors(c) && !strcmp(s.s, text);
  if (diag_errors(c)) diag_print(c, stdout, false);
  ctx_free(c);
  return same;
}

static void put_watch(Str *s, const char *name, const WatchInfo *w) {
  if (w->score)
    str_printf(s, " %s: %s of %d, patience %lld, delta %g", name, w->is_max ? "max" : "min", w->score,
               (long long)w->patience, w->min_delta);
}

/* The module's data apart from its graphs. */
static const char *info_text(Run *r) {
  Module *m = r->m;
  Str s = {.c = r->c};
  for (int i = 0; i < m->ndata; i++) {
    const DataInfo *d = &m->data[i];
    str_printf(&s, "data %s: %s", d->name, d->kind);
    for (int k = 0; k < d->npaths; k++) str_printf(&s, " \"%s\"", d->paths[k]);
    for (int k = 0; k < d->ncols; k++) str_printf(&s, " %g..%g", d->lo[k], d->hi[k]);
    if (d->window) str_printf(&s, " of %s", dtype_info[d->element].name);
    str_printf(&s, " window %lld count %lld header %d holdout %g shuffle %d bind %s\n", (long long)d->window,
               (long long)d->count, d->header, d->holdout, d->shuffle, d->bind ? d->bind->name : "-");
    for (int k = 0; k < d->nfield; k++) {
      const FieldInfo *f = &d->field[k];
      str_printf(&s, "  %s: %s from %d+%d as %s, range %lld\n", f->name, type_text(m, f->type), f->raw_first,
                 f->raw_count, type_text(m, f->raw_type), (long long)ranges_least(&f->range));
    }
  }
  for (int i = 0; i < m->ntrain; i++) {
    const TrainInfo *t = &m->train[i];
    const Graph *g[] = {t->step, t->pass, t->update, t->eval, t->eval_done};
    str_printf(&s,
               "train %s: data %d batch %lld accumulate %lld steps %lld epochs %lld seed %llu save %lld keep %lld "
               "validate %lld on %d",
               t->name[0] ? t->name : "-", t->data, (long long)t->batch, (long long)t->accumulate, (long long)t->steps,
               (long long)t->epochs, (unsigned long long)t->seed, (long long)t->save_every, (long long)t->keep,
               (long long)t->validate, t->validate_data);
    put_watch(&s, "best", &t->best);
    put_watch(&s, "stop", &t->stop);
    str_puts(&s, "\n ");
    for (int k = 0; k < 5; k++) str_printf(&s, " %s", g[k] ? g[k]->name : "-");
    str_printf(&s, ", %d averages, metrics", t->navg);
    for (int k = 0; k < t->nmetric; k++) str_printf(&s, " %s", t->metric[k]);
    str_puts(&s, "\n");
  }
  for (int i = 0; i < m->ntest; i++) str_printf(&s, "test %s: %s\n", m->test[i].graph->name, m->test[i].title);
  return s.s;
}

/* ---- golden files ---- */

static void golden(Test *t, const char *nn, const char *ext, const char *got) {
  char path[512];
  size_t n;
  snprintf(path, sizeof path, "%.*s.%s", (int)strlen(nn) - 3, nn, ext);
  if (t->update) {
    FILE *f = fopen(path, "wb");
    fputs(got, f);
    fclose(f);
  }
  char *want = read_file(path, &n);
  check(t, want && !strcmp(want, got), want ? "differs from its golden file" : "has no golden file", path);
  if (want && strcmp(want, got)) printf("---- got:\n%s", got);
  free(want);
}

static void test_file(Test *t, const char *path, bool has_golden) {
  size_t n;
  char *text = read_file(path, &n);
  Run r = run_text(path, text, n), again = run_text(path, text, n);
  check(t, !strcmp(r.diags, again.diags), "two runs differ in their diagnostics", path);
  if (!r.errors) {
    const char *ir = module_text(&r);
    check(t, ir_verify(r.m) == 0, "the verifier refuses it", path);
    check(t, !strcmp(ir, module_text(&again)), "two runs differ in their text", path);
    check(t, comes_back(ir), "print, parse, print is no fixpoint", path);
    if (has_golden) golden(t, path, "ir", ir);
    if (has_golden && info_text(&r)) golden(t, path, "info", info_text(&r));
  } else if (has_golden) {
    golden(t, path, "err", r.diags);
  }
  run_free(&r);
  run_free(&again);
  free(text);
}

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int list_files(Test *t, const char *dir, const char *sub) {
  char path[512];
  int first = t->nfile;
  snprintf(path, sizeof path, "%s/%s", dir, sub);
  DIR *d = opendir(path);
  for (struct dirent *f; d && (f = readdir(d));) {
    size_t n = strlen(f->d_name);
    if (n < 4 || strcmp(f->d_name + n - 3, ".nn") || t->nfile == MAX_FILES) continue;
    t->file[t->nfile] = malloc(strlen(path) + n + 2);
    sprintf(t->file[t->nfile++], "%s/%s", path, f->d_name);
  }
  if (d) closedir(d);
  qsort(t->file + first, (size_t)(t->nfile - first), sizeof *t->file, by_name);
  return t->nfile - first;
}

/* ---- limits ---- */

/* Of processor time, which does not depend on what else runs. */
static long now_ms(void) {
  struct timespec ts;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void limit(Test *t, const char *name, const char *code, const char *text) {
  long begin = now_ms();
  Run r = run_text(name, text, strlen(text));
  check(t, strstr(r.diags, code) != NULL, "another error was expected", name);
  check(t, r.errors == 1, "one error was expected", name);
  if (!strstr(r.diags, code)) printf("---- wanted %s, got:\n%.2000s", code, r.diags);
  check(t, now_ms() - begin < LIMIT_MS, "takes more than two seconds", name);
  run_free(&r);
}

/* They take as long as all the others together. */
static void test_slow_limits(Test *t) {
  limit(t, "nodes", "E0219",
        "def f(x: f32[B]) {\n for i in 0..1000 { for j in 0..1100 { x = x + 1.5 * (i * 1100 + j) } }\n x\n}\n"
        "test \"t\" { assert sum(f(ones(2))) == 0 }\n");
  limit(t, "calls", "E02",
        "def f(x: f32[B], n: int) { if n == 0 { x } else { f(x, n - 1) + f(x + n, n - 1) } }\n"
        "test \"t\" { assert sum(f(ones(2), 40)) == 0 }\n");
  limit(t, "joined lists", "E0219",
        "test \"t\" {\n y = 0..999_000\n for i in 0..1_000_000 { z = y[1:] }\n assert y == y\n}\n");
}

/* Files that are long have no work that is quadratic in their lines. */
static void test_long(Test *t) {
  enum { LINES = 50000, LINE = 32 };
  char *text = malloc(LINES * LINE + 512);
  int n = sprintf(text, "def net(x: f32[B, 1]) { x |> linear(1) }\nuse m = net()\n"
                        "data d { source = uniform(n = 8, lo = [0], hi = [1]); x: f32[1] = field(0) }\n");
  for (int i = 0; i < LINES; i++) n += sprintf(text + n, "const C%d = %d\n", i, i);
  long begin = now_ms();
  Run r = run_text("constants", text, (size_t)n);
  check(t, !r.errors && now_ms() - begin < LIMIT_MS, "has an error, or takes more than two seconds", "constants");
  run_free(&r);
  n =
    sprintf(text, "data d { source = uniform(n = 8, lo = [0], hi = [1]); x: f32[1] = field(0) }\ntrain {\n data = d\n");
  for (int i = 0; i < LINES; i++) n += sprintf(text + n, " u%d = %d\n", i, i);
  sprintf(text + n, " batch = 4\n steps = 4\n loss = mean(x)\n}\n");
  limit(t, "unread names of a section", "E0304", text);
  free(text);
}

static void test_limits(Test *t) {
  test_long(t);
  limit(t, "recursion", "E0213", "def f(x: f32[B]) { f(x + 1) }\ntest \"t\" { assert sum(f(ones(2))) == 0 }\n");
  limit(t, "iterations", "E0219",
        "test \"t\" {\n y = ones(2)\n for i in 0..2_000_000 { y = y + 1 }\n assert sum(y) == 0\n}\n");
  limit(t, "list", "E0219", "const a = 0..2_000_000_000\n");
  limit(t, "nodes of two statements", "E0219",
        "test \"t\" {\n x = ones(2)\n for i in 0..499_998 { x = x + i }\n"
        " y = 0.5 * x - 1.5 * x\n z = 2.5 * x + 3.5 * x\n assert x == 1\n}\n");
  limit(t, "bytes", "E0220",
        "def f(x: f32[B]) -> f32[B] {\n param w: f32[2_000_000_000, 2_000_000_000] = 0\n x\n}\nuse n = f()\n"
        "test \"t\" { assert sum(n(ones(2))) == 0 }\n");
  limit(t, "static iterations", "E0219",
        "test \"t\" {\n a = 0\n for i in 0..1_000_000 { for j in 0..1_000_000 { a = a + 1 } }\n assert a == 0\n}\n");
  limit(t, "product", "E02", "test \"t\" { assert sum(ones(1000000, 1000000, 1000000, 1000000)) == 0 }\n");
  limit(t, "depth of lists", "E0105", "test \"t\" {\n y = 1\n for i in 0..1_000_000 { y = [y] }\n assert y == y\n}\n");
  limit(t, "depth of functions", "E0105",
        "def f(x: f32[B], g: fn) { g(x) }\n"
        "test \"t\" {\n g = relu\n for i in 0..1_000_000 { g = f(g = g) }\n assert g == g\n}\n");
  limit(t, "shared lists", "E0219", "test \"t\" {\n y = 1\n for i in 0..60 { y = [y, y] }\n assert y == y\n}\n");
  limit(t, "long lists", "E0219", "test \"t\" {\n y = [relu]\n for i in 0..60 { y = y + y }\n assert y == y\n}\n");
  limit(t, "compared lists", "E0219",
        "test \"t\" {\n y = 0..999_000\n z = 0..999_000\n for i in 0..1_000_000 { t = y == z }\n assert y == y\n}\n");
  limit(t, "lists as tensors", "E0219",
        "test \"t\" {\n y = 0..999_000\n for i in 0..1_000_000 { t = abs(y) }\n assert y == y\n}\n");
  limit(t, "passed lists", "E0201",
        "def f(x: f32[B], l: list) { x }\n"
        "test \"t\" {\n y = 0..999_000\n for i in 0..10_000 { z = f(ones(1), y) }\n assert nothing == y\n}\n");
  limit(t, "text", "E0219", "test \"t\" {\n s = \"a\"\n for i in 0..60 { s = s + s }\n assert s == s\n}\n");
  limit(t, "texts", "E0219", "test \"t\" {\n s = \"a\"\n for i in 0..1_000_000 { t = s + \"b\" }\n assert s == s\n}\n");
  limit(t, "jacobian", "E0219", "test \"t\" {\n x = ones(100, 100)\n assert sum(jacobian(x * x, x)) == 0\n}\n");
}

/* ---- mutations ---- */

static uint64_t next_random(uint64_t *s) {
  *s += 0x9e3779b97f4a7c15u;
  uint64_t z = (*s ^ (*s >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

/* Tokens, because random bytes seldom get past the lexer. */
static const char *const words[] = {
  "0",         "1",        "-1",    "2",          "3",         "1e30",  "x",         "y",      "B",
  "D",         "f32",      "i32",   "[",          "]",         "(",     ")",         "{",      "}",
  ",",         "=",        ":=",    "|>",         "@",         "'",     "+",         "-",      "*",
  "/",         "//",       "**",    "==",         "<",         "..",    "...",       ":",      "if",
  "else",      "for",      "in",    "def",        "param",     "state", "use",       "sum[i]", "linear",
  "softmax",   "mean",     "grad",  "reshape",    "rearrange", "scan",  "conv2d",    "true",   "training",
  "@nodecay ", "\"same\"", "net",   "field(0)",   "window",    "step",  "1_000_000", "x[0]",   "x[i, j]",
  "[1, 2]",    "f",        "n = 3", "axes = [0]", "not ",      "and ",  ";",         "\n"};

static bool word_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
}

/* The word at or after a random position. */
static size_t find_word(const char *s, size_t n, uint64_t *seed, size_t *len) {
  size_t at = next_random(seed) % n;
  while (at < n && !word_char(s[at])) at++;
  while (at > 0 && at < n && word_char(s[at - 1])) at--;
  *len = 0;
  while (at + *len < n && word_char(s[at + *len])) ++*len;
  return at;
}

/* Replaces one word of the text by another one of it: the result mostly still parses. */
static size_t exchange_word(char *s, size_t n, size_t cap, uint64_t *seed) {
  size_t len, k, at = find_word(s, n, seed, &len), from = find_word(s, n, seed, &k);
  char word[64];
  if (!len || !k || k >= sizeof word || n - len + k >= cap) return n;
  memcpy(word, s + from, k);
  memmove(s + at + k, s + at + len, n - at - len);
  memcpy(s + at, word, k);
  n += k - len;
  s[n] = 0;
  return n;
}

static size_t mutate(char *s, size_t n, size_t cap, uint64_t *seed) {
  int changes = 1 + (int)(next_random(seed) % 4);
  for (int i = 0; i < changes && n > 2; i++) {
    size_t at = next_random(seed) % n, len = 1 + next_random(seed) % 12;
    if (at + len > n) len = n - at;
    const char *w = words[next_random(seed) % (sizeof words / sizeof *words)];
    size_t k = strlen(w);
    switch (next_random(seed) % 4) {
    case 0: /* drop */
      memmove(s + at, s + at + len, n - at - len);
      n -= len;
      break;
    case 1: /* put a word in */
      if (n + k >= cap) break;
      memmove(s + at + k, s + at, n - at);
      memcpy(s + at, w, k);
      n += k;
      break;
    case 2: { /* exchange a piece for another one of the text */
      size_t from = next_random(seed) % (n - len + 1);
      memmove(s + at, s + from, len);
      break;
    }
    default: /* replace by a word */
      if (n - len + k >= cap) break;
      memmove(s + at + k, s + at + len, n - at - len);
      memcpy(s + at, w, k);
      n += k - len;
    }
  }
  s[n] = 0;
  return n;
}

static void test_mutations(Test *t, int count, uint64_t seed) {
  char *s = malloc(1 << 20);
  int verified = 0;
  long slowest = 0;
  for (int i = 0; i < count; i++) {
    size_t n;
    char *text = read_file(t->file[next_random(&seed) % (uint64_t)t->nfile], &n);
    memcpy(s, text, n + 1);
    free(text);
    if (i % 2) n = exchange_word(s, n, 1 << 19, &seed);
    else n = mutate(s, n, 1 << 19, &seed);
    FILE *f = getenv("ELAB_KEEP") ? fopen(getenv("ELAB_KEEP"), "wb") : NULL; /* the text that crashed */
    if (f) {
      fwrite(s, 1, n, f);
      fclose(f);
    }
    long begin = now_ms();
    Run r = run_text("tests/front/elab/mutation.nn", s, n);
    if (now_ms() - begin > slowest) slowest = now_ms() - begin;
    if (!r.errors) {
      verified++;
      bool ok = ir_verify(r.m) == 0 && comes_back(module_text(&r));
      if (!ok) printf("---- mutation %d:\n%s\n", i, s);
      if (!ok) diag_print(r.c, stdout, false);
      check(t, ok, "a mutation gives a faulty module", "mutations");
    }
    check(t, !strstr(r.diags, "error[E04") && !strstr(r.diags, "error[E050"), "an internal error", "mutations");
    run_free(&r);
  }
  free(s);
  check(t, slowest < LIMIT_MS, "a mutation takes too long", "mutations");
  printf("mutations: %d, %d of them elaborate, the slowest took %ld ms\n", count, verified, slowest);
}

int main(int argc, char **argv) {
  Test t = {0};
  int mutations = 1500;
  uint64_t seed = 1;
  const char *dir = "tests/front";
  for (int i = 1; i < argc; i++) {
    if (!strcmp(argv[i], "--update")) t.update = true;
    else if (!strcmp(argv[i], "--quick")) t.quick = true;
    else if (!strncmp(argv[i], "--mutations=", 12)) mutations = atoi(argv[i] + 12);
    else if (!strncmp(argv[i], "--seed=", 7)) seed = strtoull(argv[i] + 7, NULL, 10);
    else dir = argv[i];
  }
  int n = list_files(&t, dir, "elab");
  for (int i = 0; i < n; i++) test_file(&t, t.file[i], true);
  list_files(&t, dir, "design");
  for (int i = n; i < t.nfile; i++) test_file(&t, t.file[i], false);
  check(&t, n > 0 && t.nfile > n, "no files", dir);
  test_limits(&t);
  if (!t.quick) test_slow_limits(&t);
  test_mutations(&t, mutations, seed);
  for (int i = 0; i < t.nfile; i++) free(t.file[i]);
  printf("elab: %d passed, %d failed\n", t.passed, t.failed);
  return t.failed != 0;
}
