/* SPDX-License-Identifier: Apache-2.0 */
/* NVRTC: NVIDIA's compiler from CUDA to code of a GPU, a library that is found and loaded when it is first needed. It
 * needs neither a GPU nor a driver. */
#ifndef GRADC_NVRTC_H
#define GRADC_NVRTC_H
#include "codegen/jit/backend.h"

typedef struct Nvrtc {
  const char *path; /* of the library */
  int major, minor; /* its version */
  int *arch, narch; /* compute capabilities that it compiles for, rising: 80 is 8.0 */
} Nvrtc;

/* Loaded by the first call and never unloaded; $GRADC_NVRTC is its path if it is set. NULL: there is none, and *why,
 * which stays valid, is the reason. */
const Nvrtc *nvrtc_find(const char **why);

/* Compiles a text that includes nothing, with options of NVRTC: to code of a GPU by -arch=sm_…, to PTX by
 * -arch=compute_…. *log receives the compiler's messages, malloced; NULL: out of memory. */
bool nvrtc_compile(const char *text, const char *const *option, int n, JitBlob *out, char **log);
#endif
