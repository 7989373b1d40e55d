/* SPDX-License-Identifier: Apache-2.0 */
/* gradc explain: the long text of an error code, of the compiler's table (ir/errors.def) or the runtime's. */
#include "driver/driver.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

static const DiagCode RUNTIME[] = {
#define E(code, name, title, text) {code, title, text},
#include "runtime/errors_rt.def"
#undef E
};
enum { NRUNTIME = sizeof RUNTIME / sizeof *RUNTIME };

static const DiagCode *find(int code) {
  for (int i = 0; i < NRUNTIME; i++)
    if (RUNTIME[i].code == code) return &RUNTIME[i];
  return diag_code(code);
}

static const char *suggestion(Ctx *c, const char *word) {
  int n;
  const DiagCode *codes = diag_codes(&n);
  const char **words = ctx_alloc(c, sizeof *words * (size_t)(n + NRUNTIME));
  for (int i = 0; i < n; i++) words[i] = ctx_strf(c, "E%04d", codes[i].code);
  for (int i = 0; i < NRUNTIME; i++) words[n + i] = ctx_strf(c, "E%04d", RUNTIME[i].code);
  return diag_suggest(c, word, words, n + NRUNTIME);
}

static int by_code(const void *a, const void *b) {
  const DiagCode *const *x = a, *const *y = b;
  return (*x)->code < (*y)->code ? -1 : (*x)->code > (*y)->code;
}

/* All codes with their titles. A code may be in both tables. */
static void list_codes(Ctx *c) {
  int n, last = -1;
  const DiagCode *codes = diag_codes(&n), **all = ctx_alloc(c, sizeof *all * (size_t)(n + NRUNTIME));
  for (int i = 0; i < n; i++) all[i] = &codes[i];
  for (int i = 0; i < NRUNTIME; i++) all[n + i] = &RUNTIME[i];
  qsort(all, (size_t)(n + NRUNTIME), sizeof *all, by_code);
  for (int i = 0; i < n + NRUNTIME; i++) {
    if (all[i]->code != last) printf("E%04d  %s\n", all[i]->code, all[i]->title);
    last = all[i]->code;
  }
}

int cmd_explain(Args *a) {
  if (!a->noperand) {
    list_codes(a->c);
    return EXIT_OK;
  }
  const char *word = a->operand[0], *p = word;
  if (*p == 'E' || *p == 'e') p++;
  int digits = 0;
  while (isdigit((unsigned char)p[digits])) digits++;
  const DiagCode *k = digits > 0 && digits < 6 && !p[digits] ? find(atoi(p)) : NULL;
  if (k) {
    printf("E%04d: %s\n\n%s\n", k->code, k->title, k->text);
    return EXIT_OK;
  }
  Diag *d = diag_error(a->c, E_USAGE, 0, 1, "there is no error code `%s`", word);
  const char *near = suggestion(a->c, word);
  if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  else diag_help(a->c, d, "`gradc explain` lists all");
  return EXIT_USAGE;
}
