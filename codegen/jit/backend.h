/* SPDX-License-Identifier: Apache-2.0 */
/* Interface between jit.c and its backends. A backend compiles units into blobs, which the cache stores. Those of C
 * load blobs as code, too; those of CUDA leave that to the runtime. */
#ifndef GRADC_JIT_BACKEND_H
#define GRADC_JIT_BACKEND_H
#include "codegen/jit/jit.h"

typedef struct JitBlob {
  char *p;
  size_t n;
} JitBlob; /* p: malloced, or NULL for no blob */

/* Functions that return false or NULL fill *error. */
typedef struct JitBackend {
  const char *name;
  bool single_blob;                     /* one blob per job; else one per unit, compiled in parallel */
  char *(*identity)(const JitJob *job); /* cache key of compiler and processor, malloced; NULL: do not cache */
  bool (*compile)(const JitJob *job, int unit, JitBlob *out, JitError *error);
  void *(*load)(const JitJob *job, const JitBlob *blob, int n, JitError *error);
  const void *(*symbol)(void *code, const char *name);
  void (*free)(void *code);
} JitBackend;

/* Compiles the units of a job, several at a time in their order, or takes them from the cache. blob: one per unit, or
 * one in all; *unit is the first unit that failed. */
bool jit_compile(const JitJob *job, const JitBackend *backend, JitBlob *blob, int *unit, JitError *error);

struct CcResult;
JitError jit_error_of(struct CcResult r); /* of a compiler that is a program (cc_run.h) */

extern const JitBackend jit_backend_cc, jit_backend_nvrtc, jit_backend_nvcc;
const JitBackend *jit_backend_clang(void); /* NULL: built without the clang libraries, or they cannot be loaded */
#endif
