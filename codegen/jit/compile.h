/* From a planned module to native code: the C, the compiler's flags, and the code itself. */
#ifndef GRADC_COMPILE_H
#define GRADC_COMPILE_H
#include "codegen/codegen.h"
#include "codegen/jit/jit.h"

typedef struct CompileOptions {
  EmitOptions emit;    /* `machine` and `contract` follow from the isa and the module's mode */
  const char *isa;     /* native, generic, another row of machine.c, or what -march takes; NULL: native */
  const char *cflags;  /* further flags, separated by blanks; NULL: none */
  const char *cc;      /* NULL: cc */
  bool foreign;        /* it may be for another machine than this one */
  const char *cache;   /* as in JitJob */
  bool only_cc;        /* as in JitJob */
  JitFault fault;      /* set by compile_jit when it fails */
} CompileOptions;

typedef struct Flags { const char **v; int n, cap; } Flags;

/* What the C compiler gets of a module. */
typedef struct NativeC {
  Str text;            /* its units are part[] of it ... */
  Str sums;            /* ... and the contractions, where this is not empty, with sums_flags, too; */
  JitObject object;    /* p not NULL: they are compiled already */
  Flags flags;         /* of all of them, no -O among them: element-wise code never contracts products */
  int machine, nmachine; /* so many flags from there on choose instructions that not every processor of the target has */
  Flags sums_flags;    /* of the contractions alone, which do in fast mode */
} NativeC;
extern const char *const native_part[NATIVE_PARTS]; /* -DGC_PART=0 ... */

/* False: reported. */
bool compile_text(Module *m, CompileOptions *o, NativeC *to);
/* The folder of this user's cache: $XDG_CACHE_HOME/gradc or ~/.cache/gradc; NULL: there is no home. */
const char *compile_cache(Ctx *c);
/* The module as code in this process, with gc_model in it. NULL: reported. */
Jit *compile_jit(Module *m, CompileOptions *o);
#endif
