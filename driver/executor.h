/* SPDX-License-Identifier: Apache-2.0 */
/* Runs graphs on the file's initial weights: as JIT-compiled code, or in the reference interpreter (with --interpret,
 * or if that finishes before code would be compiled). In strict mode both give the same bits. */
#ifndef GRADC_EXECUTOR_H
#define GRADC_EXECUTOR_H
#include "driver/interpret.h"

typedef struct Executor {
  Args *a;
  Module *m;
  Interp *in;               /* allocates values, counts steps; runs the graphs if they are not compiled */
  const void *const *given; /* the weights of --weights; NULL: the initial ones */
  struct Jit *jit;          /* NULL: interpreted */
  struct JitExecutor *jit_executor;
} Executor;

/* Runs the passes and compiles the graphs, unless they are to be interpreted: with --interpret, or, without --cc and
 * --jit, if `calls` calls are less work than compiling. f64: widens all floats to f64 first. The module must not be
 * used for anything else afterwards. Not EXIT_OK: reported. executor_close must be called in any case. */
int executor_open(Executor *e, Args *a, Module *m, Graph *const *want, int n, double calls, bool f64);
bool executor_init(Executor *e); /* sets the initial values, or those of --weights; false: reported */
bool executor_run(Executor *e, const Graph *g, Val *const *ports, Val **results); /* as interpret_run */
Val *executor_var(Executor *e, int var);                                          /* a copy of its value */
void executor_set_var(Executor *e, int var, Val *v); /* may keep v; must be called again after each change of v */
void executor_close(Executor *e);
#endif
