/* Machine code made from C in this process by the clang libraries, or by a C compiler and dlopen. Any number of jobs may
 * run at once, on threads of their own. Nothing is printed, and no memory comes from a Ctx: code outlives it. */
#ifndef GRADC_JIT_H
#define GRADC_JIT_H
#include <stdbool.h>
#include <stddef.h>

typedef struct Jit Jit;
typedef struct JitBytes { const void *p; size_t n; } JitBytes;

typedef struct JitJob {
  const char *text; size_t n;       /* one C file, which includes nothing but <stddef.h> and <stdint.h> */
  int parts;                        /* > 1: so many translation units, with -DGC_PART=0 ..., compiled side by side */
  const char *const *flags; int nflags; /* as for cc */
  const JitBytes *object; int nobject;  /* object files that the code is linked with, position-independent */
  const char *cc;                   /* the C compiler; NULL: cc */
  const char *cache;                /* folder of what was compiled, by content, made if need be; NULL: none */
  bool only_cc;                     /* leave the clang libraries alone */
} JitJob;

typedef enum JitFault { JIT_MEMORY, JIT_SYSTEM, JIT_NO_COMPILER, JIT_REFUSED } JitFault;
typedef struct JitError {
  JitFault fault;   /* memory ran out; files or the loader failed; no compiler could be run; it refused the text */
  char *text;       /* to be freed: why, with the compiler's own words, on several lines; NULL: memory ran out */
} JitError;

/* Compiles and loads. NULL: *error tells why. */
Jit *jit_load(const JitJob *job, JitError *error);
const void *jit_symbol(const Jit *j, const char *name); /* of default visibility; NULL: not there */
void jit_free(Jit *j);                                  /* what jit_symbol gave is gone */

bool jit_has_clang(void);       /* the clang libraries are here: loads them */
const char *jit_describe(void); /* "clang 14.0.6 (ORC)", or "cc and dlopen" */
#endif
