/* SPDX-License-Identifier: Apache-2.0 */
/* Mutated programs: a wrong text gives an error of the language, never an internal one of graphs and plans, and never a
 * signal. */
#include "frontend/elab.h"
#include "lib/embed.h"
#include "tests/bad/mutate.h"
#include "tests/random/nn/nn.h"

char *nn_mutate(uint64_t seed) {
  Mutant t = {.s = nn_generate(seed)};
  t.n = strlen(t.s);
  mutate(&t, seed);
  t.s = realloc(t.s, t.n + 1);
  for (size_t i = 0; i < t.n; i++)
    if (!t.s[i]) t.s[i] = '?';
  t.s[t.n] = 0;
  return t.s;
}

typedef struct Job {
  const char *text;
  Why *why;
  bool ok;
} Job;

static void compile(Ctx *c, void *arg) {
  Job *j = arg;
  DiagView v;
  const Diag *d;
  Module *m = elaborate(c, source_add(c, "random.nn", j->text, strlen(j->text)), "random.nn",
                        &(ElabOptions){.builtin = embed_text});
  if (!diag_errors(c) && !ir_verify(m)) passes_run(m, &(PassRun){0});
  j->ok = true;
  for (int i = 0; diag_view(c, i, &v, &d) && j->ok; i++)
    if (!v.warn && v.code / 100 == 4) j->ok = (nn_refused(c, "mutated", j->why), false);
}

bool nn_mutated(const char *text, Why *why) {
  Job j = {.text = text, .why = why};
  Ctx *c = ctx_new();
  if (!ctx_try(c, compile, &j)) j.ok = true; /* more memory than there is */
  ctx_free(c);
  return j.ok;
}
