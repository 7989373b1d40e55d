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
  const char *cache;   /* as in JitJob */
  bool only_cc;
  JitFault fault;      /* set by compile_jit when it fails */
} CompileOptions;

typedef struct Flags { const char **v; int n, cap; } Flags;

/* The native C of the module, and the flags that it is to be compiled with. False: reported. */
bool compile_text(Module *m, CompileOptions *o, Str *text, Flags *flags);
/* The module as code in this process, with gc_model in it. NULL: reported. */
Jit *compile_jit(Module *m, CompileOptions *o);
#endif
