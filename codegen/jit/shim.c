/* The clang libraries, by way of the shim that is built from jit_clang.cpp: a shared object that this one carries. They
 * take 20 ms to load, so that only who compiles loads them. */
#include "codegen/jit/image.h"
#include "codegen/jit/way.h"

#ifdef GRADC_SHIM
#include <pthread.h>
#include <stdlib.h>

__asm__(".pushsection .rodata\n.balign 16\n.hidden gradc_shim\n.globl gradc_shim\ngradc_shim:\n"
        ".incbin \"" GRADC_SHIM "\"\n"
        ".hidden gradc_shim_end\n.globl gradc_shim_end\ngradc_shim_end:\n.popsection");
extern const char gradc_shim[], gradc_shim_end[];

/* Loaded once and for good, as all that the loader holds is the process's. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static const JitWay *clang_way;

static void load(void) {
  JitError error;
  Image *i = image_load(gradc_shim, (size_t)(gradc_shim_end - gradc_shim), &error);
  if (i) clang_way = image_symbol(i, "gradc_jit_way");
  free(error.text);
}

const JitWay *jit_way_clang(void) {
  pthread_once(&once, load);
  return clang_way;
}
#else
const JitWay *jit_way_clang(void) { return NULL; }
#endif
