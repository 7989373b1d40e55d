/* SPDX-License-Identifier: Apache-2.0 */
/* One cause, one error: takes valid programs, makes one mistake in each, and counts the errors.
 *   mistakes [--every=N] [--from=K] [--show] FILE.nn...
 * A mistake: a name misspelt, a number changed, an argument left out, an element type exchanged, a bracket, an operator
 * or a quote missing, a line left out. Every N-th of all possible ones is tried, from the K-th on. More than one error
 * is a failure, except for several_causes; so are internal errors (E04xx, E05xx except E0508) and signals. */
#include "frontend/elab.h"
#include "lib/embed.h"
#include "passes/pass.h"
#include "tests/files.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

typedef struct Token {
  size_t at, n;
  char kind;
} Token; /* a name, 0 number, " string, else the character */
typedef struct Text {
  const char *s;
  size_t n;
  Token *t;
  int nt;
} Text;

static bool in_word(int c) { return isalnum(c) || c == '_'; }

static void tokenize(Text *x) {
  x->t = malloc(sizeof *x->t * (x->n + 1));
  x->nt = 0;
  for (size_t i = 0; i < x->n;) {
    char c = x->s[i];
    Token t = {i, 1, c};
    if (c == '#') {
      while (i < x->n && x->s[i] != '\n') i++;
      continue;
    }
    if (isspace((unsigned char)c)) {
      i++;
      continue;
    }
    if (c == '"') {
      while (i + t.n < x->n && x->s[i + t.n] != '"' && x->s[i + t.n] != '\n') t.n++;
      t.n++;
    } else if (isalpha((unsigned char)c) || c == '_') {
      while (i + t.n < x->n && in_word((unsigned char)x->s[i + t.n])) t.n++;
      t.kind = 'a';
    } else if (isdigit((unsigned char)c)) {
      while (i + t.n < x->n && (in_word((unsigned char)x->s[i + t.n]) ||
                                (x->s[i + t.n] == '.' && isdigit((unsigned char)x->s[i + t.n + 1])) ||
                                (x->s[i + t.n] == '-' && x->s[i + t.n - 1] == 'e')))
        t.n++;
      t.kind = '0';
    }
    x->t[x->nt++] = t;
    i += t.n;
  }
}

static bool is_word(const Text *x, const Token *t, const char *list) {
  char word[40];
  if (t->n + 3 > sizeof word) return false;
  snprintf(word, sizeof word, " %.*s ", (int)t->n, x->s + t->at);
  return strstr(list, word) != NULL;
}

static const char keywords[] = " def use const dim import data train target test export param state if else for in "
                               "assert and or not true false ";

/* Replaces n bytes at `at` by the text w. */
static char *with(const Text *x, size_t at, size_t n, const char *w, size_t *len) {
  size_t k = strlen(w);
  char *s = malloc(x->n - n + k + 1);
  memcpy(s, x->s, at);
  memcpy(s + at, w, k);
  memcpy(s + at + k, x->s + at + n, x->n - at - n);
  *len = x->n - n + k;
  s[*len] = 0;
  return s;
}

/* The end of the argument that begins with token k, at its comma or closing bracket; -1: none. */
static int argument_end(const Text *x, int k) {
  int depth = 0;
  for (; k < x->nt; k++) {
    char c = x->t[k].kind;
    if (strchr("([{", c) && c) depth++;
    if (strchr(")]}", c) && c && depth-- == 0) return k;
    if (c == ',' && depth == 0) return k;
  }
  return -1;
}

enum { MISSPELT, NUMBER, DTYPE, BRACKET, OPERATOR, QUOTE, ARGUMENT, LINE, KINDS };
static const char *const kind_name[KINDS] = {"name misspelt",    "number changed",   "element type",
                                             "bracket missing",  "operator missing", "quote missing",
                                             "argument missing", "line missing"};

/* The text with mistake `kind` at token k; NULL: there is none of the kind. */
static char *mistake(const Text *x, int kind, int k, size_t *n) {
  const Token *t = &x->t[k];
  char c = t->kind, word[64];
  bool word_well = t->n < 40;
  switch (kind) {
  case MISSPELT:
    if (c != 'a' || !word_well || is_word(x, t, keywords)) return NULL;
    snprintf(word, sizeof word, "%.*sq", (int)t->n, x->s + t->at);
    return with(x, t->at, t->n, word, n);
  case NUMBER:
    if (c != '0' || !word_well || memchr(x->s + t->at, '.', t->n) || memchr(x->s + t->at, 'e', t->n)) return NULL;
    snprintf(word, sizeof word, "%ld", strtol(x->s + t->at, NULL, 10) + 1);
    return with(x, t->at, t->n, word, n);
  case DTYPE:
    if (c != 'a') return NULL;
    return is_word(x, t, " f32 ")   ? with(x, t->at, t->n, "i32", n)
           : is_word(x, t, " i32 ") ? with(x, t->at, t->n, "f32", n)
                                    : NULL;
  case BRACKET: return c && strchr("()[]{}", c) ? with(x, t->at, 1, "", n) : NULL;
  case OPERATOR: return c && strchr("+*/,=:@", c) ? with(x, t->at, 1, " ", n) : NULL;
  case QUOTE: return c == '"' ? with(x, t->at + t->n - 1, 1, "", n) : NULL;
  case ARGUMENT: {
    bool open = c == '(' && k > 0 && x->t[k - 1].kind == 'a' && x->t[k - 1].at + x->t[k - 1].n == t->at;
    if (!(open || c == ',') || k + 1 >= x->nt) return NULL;
    int end = argument_end(x, k + 1);
    if (end < 0 || end == k + 1) return NULL;
    size_t from = open ? x->t[k + 1].at : t->at, to = x->t[end].at;
    if (open && x->t[end].kind == ',') to++;
    return with(x, from, to - from, "", n);
  }
  default: { /* the line on which the token is the first */
    size_t from = t->at, to = t->at;
    while (from > 0 && x->s[from - 1] != '\n') from--;
    for (size_t i = from; i < t->at; i++)
      if (!isspace((unsigned char)x->s[i])) return NULL;
    while (to < x->n && x->s[to] != '\n') to++;
    for (size_t i = from; i < to; i++) /* not a line whose block or bracket continues */
      if (strchr("(){}[]", x->s[i])) {
        int d = 0;
        for (size_t j = from; j < to; j++) d += strchr("({[", x->s[j]) ? 1 : strchr(")}]", x->s[j]) ? -1 : 0;
        if (d) return NULL;
        break;
      }
    return with(x, from, to - from, "", n);
  }
  }
}

/* ---- one program ---- */

typedef struct Run {
  const char *name, *text;
  size_t n;
} Run;

static void compile(Ctx *c, void *arg) {
  const Run *r = arg;
  ElabOptions o = {.builtin = embed_text};
  Module *m = elaborate(c, source_add(c, r->name, r->text, r->n), r->name, &o);
  if (!diag_errors(c) && !ir_verify(m)) passes_run(m, &(PassRun){0});
}

static char *diagnostics(Ctx *c) {
  char *s = NULL;
  size_t n = 0;
  FILE *f = open_memstream(&s, &n);
  diag_print(c, f, false);
  fclose(f);
  return s;
}

static int count(const char *s, const char *what) {
  int n = 0;
  for (const char *p = s; (p = strstr(p, what)); p++) n += p == s || p[-1] == '\n';
  return n;
}

/* Mistakes that cause several errors: a line that is left out may have bound several names; a wrong number of heads
 * divides neither the width nor its root; a weight that lost an axis is read directly in one place and gathered in
 * another. Tests use one value or def in many independent ways, which another shape or type contradicts. */
static bool several_causes(const char *path, int kind, const char *s, int errors) {
  if ((kind == NUMBER || kind == DTYPE || kind == ARGUMENT) && !strncmp(path, "tests/", 6))
    return !count(s, "error[E01");
  if (kind == LINE) return count(s, "error[E0201]") == errors;
  if (kind == NUMBER) return errors == 2 && strstr(s, "error[E0229]") && strstr(s, "error[E0208]");
  return kind == ARGUMENT && errors == 2 && strstr(s, "error[E0206]") && strstr(s, "error[E0209]");
}

typedef struct Tally {
  int tried, wrong, many, internal;
} Tally;

static void try_one(const char *path, int kind, size_t at, Run *r, Tally *t, bool show) {
  Ctx *c = ctx_new();
  FILE *keep = getenv("MISTAKES_KEEP") ? fopen(getenv("MISTAKES_KEEP"), "wb") : NULL; /* the text that crashed */
  if (keep) {
    fwrite(r->text, 1, r->n, keep);
    fclose(keep);
  }
  ctx_try(c, compile, r);
  char *s = diagnostics(c);
  int errors = count(s, "error["), more = count(s, "error: ");
  bool internal = count(s, "error[E04") || (count(s, "error[E05") > count(s, "error[E0508"));
  t->tried++;
  t->wrong += errors > 0;
  bool many = errors + more > 1 && !several_causes(path, kind, s, errors);
  t->many += many;
  t->internal += internal;
  if (many || internal || (show && errors)) {
    int line = 1;
    for (size_t i = 0; i < at && i < r->n; i++) line += r->text[i] == '\n';
    printf("---- %s:%d: %s, %d errors\n", path, line, kind_name[kind], errors + more);
    for (const char *p = s; p && (p = strstr(p, "error")); p++) {
      if (p != s && p[-1] != '\n') continue;
      const char *end = strchr(p, '\n'), *place = end ? strstr(end, "--> ") : NULL;
      printf("  %.*s  %.*s\n", (int)(end ? end - p : 80), p, place ? (int)strcspn(place, "\n") : 0, place ? place : "");
    }
  }
  free(s);
  ctx_free(c);
}

int main(int argc, char **argv) {
  int every = 1, from = 0, number = 0;
  bool show = false;
  Tally t[KINDS] = {{0}}, all = {0};
  for (int i = 1; i < argc; i++) {
    if (!strncmp(argv[i], "--every=", 8)) every = atoi(argv[i] + 8);
    if (!strncmp(argv[i], "--from=", 7)) from = atoi(argv[i] + 7);
    if (!strcmp(argv[i], "--show")) show = true;
    if (argv[i][0] == '-') continue;
    Text x = {.n = 0};
    x.s = read_file(argv[i], &x.n);
    if (!x.s) return printf("no file %s\n", argv[i]), 1;
    tokenize(&x);
    for (int kind = 0; kind < KINDS; kind++)
      for (int k = 0; k < x.nt; k++) {
        size_t n;
        char *s = mistake(&x, kind, k, &n);
        if (!s) continue;
        if (number++ % every == from % every) try_one(argv[i], kind, x.t[k].at, &(Run){argv[i], s, n}, &t[kind], show);
        free(s);
      }
    free(x.t);
    free((char *)x.s);
  }
  for (int k = 0; k < KINDS; k++) {
    printf("%-18s %6d tried, %6d wrong, %d with several errors, %d with internal errors\n", kind_name[k], t[k].tried,
           t[k].wrong, t[k].many, t[k].internal);
    all.tried += t[k].tried, all.many += t[k].many, all.internal += t[k].internal;
  }
  printf("%d passed, %d failed\n", all.tried - all.many - all.internal, all.many + all.internal);
  return all.many + all.internal > 0;
}
