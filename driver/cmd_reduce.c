/* SPDX-License-Identifier: Apache-2.0 */
/* gradc reduce: the fewest lines of a file for which a command still succeeds (delta debugging: A. Zeller, R.
 * Hildebrandt, Simplifying and Isolating Failure-Inducing Input, IEEE TSE 28(2), 2002, complements alone). */
#include "driver/toolchain.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Shrink {
  Ctx *c;
  const char *command, *path; /* the file that the command finds in $FILE */
  const char **line;
  size_t *size;
  bool *out; /* per line: left out */
  int n, tests;
} Shrink;

static void split(Shrink *s, const char *text, size_t n) {
  int cap = 0, m = 0, k = 0;
  for (size_t at = 0; at < n; k++) {
    const char *nl = memchr(text + at, '\n', n - at);
    size_t len = nl ? (size_t)(nl - text) - at + 1 : n - at;
    *VEC_PUSH(s->c, s->line, s->n, cap) = text + at;
    *VEC_PUSH(s->c, s->size, k, m) = len, k--;
    at += len;
  }
  s->out = ctx_array(s->c, s->n, sizeof *s->out);
}

static Str remaining(const Shrink *s) {
  Str text = {.c = s->c};
  for (int i = 0; i < s->n; i++)
    if (!s->out[i]) str_put(&text, s->line[i], s->size[i]);
  return text;
}

/* The command's status for what is left is 0. */
static bool holds(Shrink *s) {
  Str text = remaining(s);
  s->tests++;
  if (!text.n || !save_file(s->c, s->path, text.s, text.n, 0)) return false;
  return system(s->command) == 0;
}

/* Leaves out `size` lines at a time. */
static bool pass_over(Shrink *s, int size) {
  bool any = false;
  for (int from = 0; from < s->n; from += size) {
    int to = from + size < s->n ? from + size : s->n, taken = 0;
    bool *old = ctx_array(s->c, size, sizeof *old);
    for (int i = from; i < to; i++) {
      old[i - from] = s->out[i];
      taken += !s->out[i];
      s->out[i] = true;
    }
    if (!taken) continue;
    if (holds(s)) any = true;
    else
      for (int i = from; i < to; i++) s->out[i] = old[i - from];
  }
  return any;
}

static int reduce(Args *a, Shrink *s) {
  if (!holds(s)) {
    Diag *d = diag_error(a->c, E_USAGE, 0, 1, "`--test` does not succeed for the file as it is");
    diag_help(a->c, d,
              "its command finds the file in $FILE and succeeds where the failure shows: "
              "--test 'gradc ir \"$FILE\" 2>&1 | grep -q E0412'");
    return EXIT_USAGE;
  }
  for (int size = (s->n + 1) / 2; size; size /= 2)
    while (pass_over(s, size) && size == 1) {}
  Str text = remaining(s);
  int left = 0;
  for (int i = 0; i < s->n; i++) left += !s->out[i];
  fprintf(stderr, "%d of %d lines, after %d tests\n", left, s->n, s->tests);
  if (args_has(a, OPT_output))
    return save_file(a->c, a->value[OPT_output], text.s, text.n, 0) ? EXIT_OK : EXIT_RESOURCES;
  fwrite(text.s, 1, text.n, stdout);
  return EXIT_OK;
}

int cmd_reduce(Args *a) {
  WorkFolder f;
  Loc start;
  size_t n;
  if (!args_has(a, OPT_test)) {
    diag_error(a->c, E_USAGE, 0, 1, "`gradc reduce` needs `--test COMMAND`, which succeeds where the failure shows");
    return EXIT_USAGE;
  }
  if (!load_source(a->c, a->operand[0], &start)) return EXIT_MODEL;
  const char *text = source_text(a->c, start, &n), *dot = strrchr(a->operand[0], '.');
  if (!temp_make(a->c, &f)) return EXIT_RESOURCES;
  Shrink s = {.c = a->c, .command = a->value[OPT_test]};
  s.path = work_folder_path(&f, ctx_strf(a->c, "case%s", dot && !strchr(dot, '/') ? dot : ".nn"));
  setenv("FILE", s.path, 1);
  split(&s, text, n);
  int status = reduce(a, &s);
  temp_remove(&f);
  return status;
}
