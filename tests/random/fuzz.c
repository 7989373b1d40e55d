/* SPDX-License-Identifier: Apache-2.0 */
/* Graphs and programs for a given time. A failure of a known kind is counted, and not reduced again. */
#include "nn/nn.h"
#include "random.h"
#include "try.h"
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Of 12 seeds; mutated programs and graphs by the interpreter take a tenth of the time. */
enum { WAYS = 12, KINDS = 40, SAME = 2, SHRINKING = 90 };

static bool known(char kind[][24], int *nkind, const Task *t) {
  int same = 0;
  for (int i = 0; i < *nkind; i++) same += !strcmp(kind[i], t->kind);
  if (same < SAME && *nkind < KINDS) strcpy(kind[(*nkind)++], t->kind);
  return same >= SAME;
}

/* save "-": only reports what fails. */
int fuzz(long seconds, uint64_t seed, const char *save) {
  char kind[KINDS][24];
  int nkind = 0, passed = 0, late = 0, failed = std_without_maker();
  long begin = time(NULL), end = begin + seconds;
  for (uint64_t n = seed; time(NULL) < end; n++) {
    static const int way[WAYS] = {PROGRAM, MUTATED, BY_INTERP, MUTATED, BY_INTERP, PROGRAM,
                                  BY_JIT,  MUTATED, BY_INTERP, MUTATED, PROGRAM,   BY_INTERP};
    Why why = {.text = ""};
    Task t = {.seed = n, .dialect = way[n % WAYS], .why = &why, .save = save};
    char *text = make_text(t.dialect, n), how[80];
    snprintf(how, sizeof how, "random %s %llu 1", dialect_word(t.dialect), (unsigned long long)n);
    if (in_child(check, text, &t)) {
      passed++;
    } else if (why.late) {
      late++;
      printf("skipped: seed %llu took too long beside other work: %s\n", (unsigned long long)n, how);
    } else {
      failed++;
      printf("after %ld s: ", time(NULL) - begin);
      name_kind(&t);
      t.until = time(NULL) + SHRINKING;
      if (strcmp(save, "-") && !known(kind, &nkind, &t)) report(text, &t, how);
      else printf("FAIL  seed %llu: %.200s\n--- again: %s\n", (unsigned long long)n, why.text, how);
      fflush(stdout);
    }
    free(text);
  }
  if (late) printf("%d skipped: not done when their time was over\n", late);
  printf("%d passed, %d failed\n", passed, failed);
  return failed != 0;
}
