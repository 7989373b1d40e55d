/* SPDX-License-Identifier: Apache-2.0 */
/* Passes over a module, and their manager. A pass is a function on the whole module in a file of its own, whose head
 * says what it needs (passes that must have run), keeps, and breaks (passes that must run again). Passes report
 * problems by diag_error and read Module.opt; nothing else. */
#ifndef GRADC_PASS_H
#define GRADC_PASS_H
#include "ir/ir.h"

typedef enum PassId {
#define PASS(name, ...) PASS_##name,
#include "passes.def"
#undef PASS
  PASS_COUNT
} PassId;
typedef enum PassKind { PASS_LOWERING, PASS_OPTIONAL, PASS_PLAN } PassKind;
typedef struct PassInfo {
  const char *name;
  PassKind kind;
  void (*run)(Module *m);
  const char *purpose;
} PassInfo;
extern const PassInfo pass_info[PASS_COUNT];

#define PASS(name, ...) void pass_##name(Module *m);
#include "passes.def"
#undef PASS

int pass_find(const char *name, size_t n); /* -1: none */
static inline bool pass_off(const Module *m, PassId p) { return m->opt.off >> p & 1; }

/* A run of passes. `dump` receives the printed module; `number` counts passes from 1 (0: the module before any). */
typedef void DumpFn(void *arg, int number, const char *pass, const char *text, size_t n);
typedef void WatchFn(void *arg, int number, PassId pass, double seconds, const Module *m);
typedef struct PassRun {
  const char *list;       /* comma-separated names to run instead of the pipeline; NULL: the pipeline */
  const char *dump_after; /* "all", "changed" or a pass's name; NULL: no dumps */
  const char *stop_after; /* a pass's name: the last one to run (its last occurrence); NULL: none */
  DumpFn *dump;
  void *dump_arg;
  WatchFn *watch; /* called after each pass with the time it took; NULL: none */
  void *watch_arg;
} PassRun;

/* Runs the passes after p in the pipeline, for trials, up to the first that reports an error. Optional passes that are
 * off do not run. */
void passes_after(Module *m, PassId p);

/* False: a pass reported an error, or a named pass does not exist (also reported). */
bool passes_run(Module *m, const PassRun *r);
#endif
