/* Machine code made from C in this process by the clang libraries, or by a C compiler and dlopen. Any number of jobs
 * may run at once, on threads of their own. Nothing is printed, and no memory comes from a Ctx: code outlives it. */
#ifndef GRADC_JIT_H
#define GRADC_JIT_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Jit Jit;

/* A C file, which includes nothing but <stddef.h> and <stdint.h>. */
typedef struct JitUnit {
  const char *text; size_t n;
  const char *const *flags; int nflags; /* of this unit alone; as for cc */
} JitUnit;

/* An object file that the code is linked with, position-independent. */
typedef struct JitObject { const void *p; size_t n; } JitObject;

typedef struct JitJob {
  const JitUnit *unit; int nunit;       /* compiled side by side */
  const JitObject *object; int nobject;
  const char *const *flags; int nflags; /* of all units, as for cc; a -O among them replaces the way's own */
  const char *cc;                       /* the C compiler; NULL: cc */
  const char *cache;                    /* folder of what was compiled, by content, made if need be; NULL: none */
  bool only_cc;                         /* leave the clang libraries alone */
} JitJob;

typedef enum JitFault { JIT_MEMORY, JIT_SYSTEM, JIT_NO_COMPILER, JIT_REFUSED } JitFault;
typedef struct JitError {
  JitFault fault;   /* memory ran out; files or the loader failed; no compiler could be run; it refused the text */
  char *text;       /* to be freed: why, with the compiler's own words, on several lines; NULL: memory ran out */
} JitError;

/* Compiles and loads. NULL: *error tells why. */
Jit *jit_load(const JitJob *job, JitError *error);
const void *jit_symbol(const Jit *j, const char *name); /* of default visibility; NULL: not there */
const char *jit_maker(const Jit *j);                    /* as jit_describe, of what made this code */
void jit_free(Jit *j);                                  /* what jit_symbol gave is gone */

void jit_prepare(void);         /* begins to load the clang libraries, beside whatever the caller does until jit_load */
bool jit_has_clang(void);       /* they are here: loads them */
const char *jit_describe(void); /* "clang 14.0.6 (ORC LLJIT)", or "cc and dlopen" */
#endif
