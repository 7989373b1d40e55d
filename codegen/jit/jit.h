/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles C to code in this process, by the clang libraries or by a C compiler and dlopen. Several threads may run
 * jobs at the same time. Nothing is printed, and no memory comes from a Ctx: the code outlives it. */
#ifndef GRADC_JIT_H
#define GRADC_JIT_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Jit Jit;

/* A C file. It may include <stddef.h> and <stdint.h>, nothing else. */
typedef struct JitUnit {
  const char *text;
  size_t n;
  const char *const *flags;
  int nflags; /* of this unit only, as for cc */
} JitUnit;

/* A position-independent object file that the code is linked with. */
typedef struct JitObject {
  const void *p;
  size_t n;
} JitObject;

typedef struct JitJob {
  const JitUnit *unit;
  int nunit; /* compiled in parallel */
  const JitObject *object;
  int nobject;
  const char *const *flags;
  int nflags;        /* of all units, as for cc; a -O among them replaces the backend's default */
  const char *cc;    /* the C compiler; NULL: cc. That of the nvcc backend is nvcc */
  const char *cache; /* cache folder, created if missing; NULL: no cache */
  bool only_cc;      /* do not use the clang libraries */
} JitJob;

typedef enum JitFault {
  JIT_MEMORY,      /* out of memory */
  JIT_SYSTEM,      /* a file operation or the loader failed */
  JIT_NO_COMPILER, /* the C compiler could not be started */
  JIT_REFUSED      /* the compiler reported an error in the C */
} JitFault;
typedef struct JitError {
  JitFault fault;
  char *text; /* message and the compiler's output, several lines; the caller frees it. NULL: out of memory */
} JitError;

/* Compiles and loads. NULL: failed, the reason is in *error. */
Jit *jit_load(const JitJob *job, JitError *error);
const void *jit_symbol(const Jit *j, const char *name); /* a symbol of default visibility; NULL: not found */
const char *jit_backend_name(const Jit *j);             /* of the backend that compiled j, as jit_describe */
void jit_free(Jit *j);                                  /* invalidates what jit_symbol returned */

void jit_prepare(void);         /* starts loading the clang libraries on another thread */
bool jit_has_clang(void);       /* loads them; false: not available */
const char *jit_describe(void); /* the default backend: "clang 14.0.6 (ORC LLJIT)" or "cc and dlopen" */
#endif
