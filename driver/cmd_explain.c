/* gradc explain: the long text of an error code. */
#include "driver/driver.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

int cmd_explain(Args *a) {
  const char *word = a->operand[0], *p = word;
  if (*p == 'E' || *p == 'e') p++;
  int digits = 0;
  while (isdigit((unsigned char)p[digits])) digits++;
  const DiagCode *k = digits > 0 && digits < 6 && !p[digits] ? diag_code(atoi(p)) : NULL;
  if (k) {
    printf("E%04d: %s\n\n%s\n", k->code, k->title, k->text);
    return EXIT_WELL;
  }
  int n;
  const DiagCode *all = diag_codes(&n);
  const char **words = ctx_alloc(a->c, sizeof *words * (size_t)(n + 1));
  for (int i = 0; i < n; i++) words[i] = ctx_strf(a->c, "E%04d", all[i].code);
  Diag *d = diag_error(a->c, 500, 0, 1, "there is no error code `%s`", word);
  const char *near = diag_suggest(a->c, word, words, n);
  if (near) diag_help(a->c, d, "did you mean `%s`?", near);
  return EXIT_USAGE;
}
