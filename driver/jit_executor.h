/* SPDX-License-Identifier: Apache-2.0 */
/* Runs the graphs of a JIT-compiled model through the runtime. A separate file, because runtime/ and the compiler use
 * the same names for different things. Running out of memory ends the process. */
#ifndef GRADC_JIT_EXECUTOR_H
#define GRADC_JIT_EXECUTOR_H
#include "runtime/model.h"

typedef struct JitExecutor JitExecutor;
JitExecutor *jit_executor_new(const GcModel *m);
/* Clears all variables and runs the `init` graph with this run header. Returns a GcFn status. */
int jit_executor_init(JitExecutor *n, const GcRun *header);
/* Copies a weight or state from or to dense row-major order. */
void jit_executor_set(JitExecutor *n, int var, const void *dense);
void jit_executor_get(const JitExecutor *n, int var, void *dense);
/* Zeroes the call counter at offset `calls` of the memory (< 0: none), which the random numbers of exports depend on.
 * */
void jit_executor_restart(JitExecutor *n, int64_t calls);
/* Runs an export with every run-time size at its bound. in[i]: input i; out[i]: receives output i. */
int jit_executor_run(JitExecutor *n, const char *export, const void *const *in, void *const *out);
void jit_executor_free(JitExecutor *n);
#endif
