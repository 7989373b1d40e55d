/* SPDX-License-Identifier: Apache-2.0 */
/* The NVRTC backend. */
#include "codegen/jit/nvrtc.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool compile(const JitJob *job, int unit, JitBlob *out, JitError *error) {
  char *log;
  *error = (JitError){0};
  bool ok = nvrtc_compile(job->unit[unit].text, job->flags, job->nflags, out, &log);
  if (ok) free(log);
  else *error = (JitError){JIT_REFUSED, log};
  return ok;
}

/* Version, size and modification time of the library. */
static char *identity(const JitJob *job) {
  const char *why;
  const Nvrtc *n = nvrtc_find(&why);
  struct stat st;
  char text[128];
  (void)job;
  if (!n || stat(n->path, &st)) return NULL;
  snprintf(text, sizeof text, "NVRTC %d.%d %lld %lld", n->major, n->minor, (long long)st.st_size,
           (long long)st.st_mtim.tv_sec);
  return strdup(text);
}

const JitBackend jit_backend_nvrtc = {.name = "NVRTC", .identity = identity, .compile = compile};
