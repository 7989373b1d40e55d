/* SPDX-License-Identifier: Apache-2.0 */
/* The clang backend is a separate shared object, built from backend_clang.cpp and embedded here. It is loaded when the
 * first code is compiled, since loading the clang libraries takes 20 ms. */
#include "codegen/jit/memory_dso.h"
#include "codegen/jit/backend.h"

#ifdef GRADC_SHIM
#include <pthread.h>
#include <stdlib.h>

__asm__(".pushsection .rodata\n.balign 16\n.hidden gradc_shim\n.globl gradc_shim\ngradc_shim:\n"
        ".incbin \"" GRADC_SHIM "\"\n"
        ".hidden gradc_shim_end\n.globl gradc_shim_end\ngradc_shim_end:\n.popsection");
extern const char gradc_shim[], gradc_shim_end[];

/* Loaded once and never unloaded. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const JitBackend *clang_backend;

static void load(void) {
  JitError error;
  MemoryDso *i = memory_dso_load(gradc_shim, (size_t)(gradc_shim_end - gradc_shim), &error);
  if (i) clang_backend = memory_dso_symbol(i, "gradc_jit_backend");
  free(error.text);
}

const JitBackend *jit_backend_clang(void) {
  pthread_once(&once, load);
  return clang_backend;
}
#else
const JitBackend *jit_backend_clang(void) { return NULL; }
#endif
