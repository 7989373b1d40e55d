/* SPDX-License-Identifier: Apache-2.0 */
/* Compiles a planned module to code in this process. */
#ifndef GRADC_JIT_MODULE_H
#define GRADC_JIT_MODULE_H
#include "codegen/build/native_build.h"
#include "codegen/jit/jit.h"

typedef struct JitOptions {
  const char *cache; /* as in JitJob */
  bool only_cc;      /* as in JitJob */
} JitOptions;

/* The cache folder of this user: $XDG_CACHE_HOME/gradc or ~/.cache/gradc; NULL: there is no home folder. */
const char *jit_cache_folder(Ctx *c);
/* Code that defines gc_model. NULL: reported; *fault is set, if it is not NULL. */
Jit *jit_module(Module *m, const NativeOptions *o, const JitOptions *jit, JitFault *fault);
#endif
