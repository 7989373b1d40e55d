/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a shared object from memory. */
#ifndef GRADC_MEMORY_DSO_H
#define GRADC_MEMORY_DSO_H
#include "codegen/jit/jit.h"

typedef struct MemoryDso MemoryDso;
MemoryDso *memory_dso_load(const void *p, size_t n, JitError *error); /* NULL: failed, the reason is in *error */
void *memory_dso_symbol(const MemoryDso *d, const char *name);        /* NULL: not found */
void memory_dso_free(MemoryDso *d);
#endif
