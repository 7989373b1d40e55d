/* Passes over a module, and their manager. A pass is a function on the whole module in a file of its own, which says
 * what it needs, keeps and breaks. Passes report problems through diag_error and read Module.opt; nothing else. */
#ifndef GRADC_PASS_H
#define GRADC_PASS_H
#include "ir/ir.h"

typedef enum PassId {
#define PASS(letter, name, ...) PASS_##name,
#include "passes.def"
#undef PASS
  PASS_COUNT
} PassId;
typedef enum PassKind { PASS_LOWERING, PASS_OPTIONAL, PASS_PLAN } PassKind;
typedef struct PassInfo {
  char letter;
  const char *name;
  PassKind kind;
  void (*run)(Module *m);
  const char *purpose;
} PassInfo;
extern const PassInfo pass_info[PASS_COUNT];

#define PASS(letter, name, ...) void pass_##name(Module *m);
#include "passes.def"
#undef PASS

int pass_find(const char *name, size_t n); /* -1: none */
static inline bool pass_off(const Module *m, PassId p) { return m->opt.off >> p & 1; }

/* dce.c: leaves the marked graphs and the bodies that they run in the module. */
void module_keep(Module *m, const bool *roots);
/* prune.c: leaves what inference needs: exports and the initial values of weights and states. Training, evaluation,
 * data, tests and the optimizer's state go. */
void module_infer_only(Module *m);
/* prune.c: leaves out the test graphs. */
void module_drop_tests(Module *m);
/* prune.c: module_infer_only for a module that is to run these graphs alone, which have no inputs: they are its exports from here
 * on, and no budget holds. */
void module_only(Module *m, Graph *const *want, int n);
/* double.c: every float of weights, states and graphs becomes an f64; needs: no pass has run. */
void module_double(Module *m);
/* prune.c: `init` no longer makes the variables that are given. */
void module_given(Module *m);

/* One run of passes. `dump` receives the printed module: `number` counts passes from 1 (0: the module as it came). */
typedef void DumpFn(void *arg, int number, const char *pass, const char *text, size_t n);
typedef struct PassRun {
  const char *list;        /* comma-separated names to run instead of the pipeline; NULL: the pipeline */
  const char *dump_after;  /* "all", "changed" or a pass's name; NULL: no dumps */
  const char *stop_after;  /* a pass's name: the last one to run (its last turn when it runs twice); NULL: none */
  DumpFn *dump;
  void *dump_arg;
} PassRun;

/* For trials: runs the passes that stand behind p in the pipeline, but for optional ones that are off. */
void passes_behind(Module *m, PassId p);

/* False when a pass reported an error, or when the run names a pass that does not exist (also reported). */
bool passes_run(Module *m, const PassRun *r);
#endif
