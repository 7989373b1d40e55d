/* Programs with small wounds: whatever is wrong with a text is an error of the language, never one of the compiler's own
 * graphs and plans, and never a signal. */
#include "frontend/elab.h"
#include "lib/embed.h"
#include "tests/bad/mutate.h"
#include "tests/random/nn/nn.h"

char *nn_spoil(uint64_t seed) {
  Mutant t = {.s = nn_generate(seed)};
  t.n = strlen(t.s);
  mutate(&t, seed);
  t.s = realloc(t.s, t.n + 1);
  for (size_t i = 0; i < t.n; i++)
    if (!t.s[i]) t.s[i] = '?';
  t.s[t.n] = 0;
  return t.s;
}

typedef struct Job { const char *text; Why *why; bool well; } Job;

static void compile(Ctx *c, void *arg) {
  Job *j = arg;
  DiagView v;
  const Diag *d;
  Module *m = elaborate(c, source_add(c, "random.nn", j->text, strlen(j->text)), "random.nn",
                        &(ElabOptions){.carried = embed_text});
  if (!diag_errors(c) && !ir_verify(m)) passes_run(m, &(PassRun){0});
  j->well = true;
  for (int i = 0; diag_view(c, i, &v, &d) && j->well; i++)
    if (!v.warn && v.code / 100 == 4) j->well = (nn_refused(c, "spoilt", j->why), false);
}

bool nn_spoilt(const char *text, Why *why) {
  Job j = {.text = text, .why = why};
  Ctx *c = ctx_new();
  if (!ctx_try(c, compile, &j)) j.well = true; /* more memory than there is */
  ctx_free(c);
  return j.well;
}
