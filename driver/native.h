/* A loaded model's graphs, called through the runtime, whose names clash with the compiler's: hence this. Out of memory
 * ends the process. */
#ifndef GRADC_DRIVER_NATIVE_H
#define GRADC_DRIVER_NATIVE_H
#include "runtime/model.h"

typedef struct Native Native;
Native *native_new(const GcModel *m, uint64_t seed);
int native_init(Native *n);                             /* zeros, then what `init` writes; a status as of GcFn */
void native_set(Native *n, int var, const void *dense); /* the values of a weight or state, as files have them */
/* Runs an export that has no inputs; out[i] is room for its result of number i. */
int native_run(Native *n, const char *export, void *const *out);
void native_free(Native *n);
#endif
