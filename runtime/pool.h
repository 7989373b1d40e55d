/* SPDX-License-Identifier: Apache-2.0 */
/* The thread pool, and the limits of the processor. */
#ifndef GRADC_POOL_H
#define GRADC_POOL_H
#include "model.h"
#include <stdbool.h>

typedef struct Pool Pool;
/* adapts: runs fewer threads while other processes occupy the cores. NULL if threads == 1. */
Pool *pool_new(int threads, bool adapts);
void pool_free(Pool *p); /* ends its threads; its memory is freed with the host */
/* Calls fn on each of nthreads threads. Returns the status of the first thread whose status is not 0, else 0. */
int pool_run(Pool *p, GcFn *fn, const GcCall *call, int nthreads);
int pool_default_threads(void); /* cores.c: physical cores that this process may use, CPU quotas included */
int pool_max_threads(void);     /* cores.c: the largest number of threads that --threads accepts */

char *cpu_missing(const char *needs); /* cpu.c: the instructions of GcModel.needs that the processor lacks, by commas;
                                         NULL: none */
#endif
