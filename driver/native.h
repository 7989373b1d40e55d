/* A loaded model's graphs, called through the runtime, whose names clash with the compiler's: hence this. Out of memory
 * ends the process. */
#ifndef GRADC_DRIVER_NATIVE_H
#define GRADC_DRIVER_NATIVE_H
#include "runtime/model.h"

typedef struct Native Native;
Native *native_new(const GcModel *m);
int native_init(Native *n, const GcRun *head);          /* zeros, then what `init` writes; a status as of GcFn */
/* The values of a weight or state, as files have them. */
void native_set(Native *n, int var, const void *dense);
void native_get(const Native *n, int var, void *dense);
void native_restart(Native *n, int64_t calls); /* zero at head_calls: the random numbers of exports start again */
/* Runs an export at the bounds of its run-time sizes; in[i], out[i]: its input, room for its result of number i. */
int native_run(Native *n, const char *export, const void *const *in, void *const *out);
void native_free(Native *n);
#endif
