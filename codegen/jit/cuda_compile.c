/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/jit/cuda_compile.h"
#include "codegen/build/cc_run.h"
#include "codegen/build/fd.h"
#include "codegen/jit/nvrtc.h"
#include "ir/diag.h"
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The number of "sm_90a" or "compute_90", which is 90; 0: not one. */
static int arch_number(const char *arch) {
  size_t prefix = !strncmp(arch, "compute_", 8) ? 8 : !strncmp(arch, "sm_", 3) ? 3 : 0;
  if (!prefix || !isdigit((unsigned char)arch[prefix])) return 0;
  char *end;
  long n = strtol(arch + prefix, &end, 10);
  if (*end == 'a' || *end == 'f') end++;
  return *end || n > 9999 ? 0 : (int)n;
}

/* The value of -arch: that of the GPU, or else PTX of the newest architecture before it that NVRTC knows. NULL: there
 * is none. */
static const char *nvrtc_arch(Ctx *c, const Nvrtc *n, const char *arch) {
  int want = arch_number(arch), best = 0;
  for (int i = 0; i < n->narch; i++)
    if (n->arch[i] <= want && n->arch[i] > best) best = n->arch[i];
  if (best == want) return arch;
  return best ? ctx_strf(c, "compute_%d", best) : NULL;
}

/* NULL: reported. */
static const char *arch_flag(Ctx *c, const CudaCompileOptions *o) {
  if (arch_number(o->arch) < 80) {
    Diag *d = diag_error(c, E_USAGE, 0, 1, "`%s` is not an architecture that CUDA code can be made for", o->arch);
    diag_help(c, d, "sm_80, sm_90a, and others from sm_80 on");
    return NULL;
  }
  if (o->nvcc) return o->arch;
  const char *why;
  const Nvrtc *n = nvrtc_find(&why);
  if (!n) {
    Diag *d = diag_error(c, E_CUDA_NO_COMPILER, 0, 1, "NVRTC, which compiles CUDA, cannot be loaded: %s", why);
    diag_help(c, d,
              "install it (the PyPI package nvidia-cuda-nvrtc, or a CUDA toolkit), or name its file in $GRADC_NVRTC");
    return NULL;
  }
  const char *arch = nvrtc_arch(c, n, o->arch);
  if (!arch) diag_error(c, E_CUDA_FAILED, 0, 1, "NVRTC %d.%d does not know `%s`", n->major, n->minor, o->arch);
  return arch;
}

/* Keeps the text that a compiler refused. */
static const char *keep(Ctx *c, const Str *text) {
  const char *base = getenv("TMPDIR");
  char *path = ctx_strf(c, "%s/gradc-XXXXXX.cu", base && *base ? base : "/tmp");
  int fd = mkostemps(path, 3, O_CLOEXEC);
  bool ok = fd >= 0 && fd_write_all(fd, text->s, text->n);
  if (fd >= 0) close(fd);
  return ok ? ctx_strf(c, "its text is in %s", path) : "its text cannot be written to a file";
}

static void report(Ctx *c, const CudaModule *m, const JitError *e) {
  if (!e->text) ctx_abort(c);
  if (e->fault == JIT_REFUSED) {
    Diag *d = diag_error(c, E_CUDA_FAILED, 0, 1, "the CUDA compiler refused the generated program: %s", e->text);
    diag_help(c, d, "%s", keep(c, &m->text));
  } else if (e->fault == JIT_NO_COMPILER) {
    diag_error(c, E_CUDA_NO_COMPILER, 0, 1, "the CUDA compiler cannot be run: %s", e->text);
  } else {
    diag_error(c, E_FILE_WRITE, 0, 1, "%s", e->text);
  }
}

bool cuda_compile(Ctx *c, const Artifacts *a, const CudaCompileOptions *o, JitBlob *image) {
  const char *arch = arch_flag(c, o);
  if (!arch) return false;
  const char *flag[] = {ctx_strf(c, "-arch=%s", arch), "--std=c++17", o->strict ? "--fmad=false" : "--fmad=true"};
  JitUnit *unit = ctx_array(c, a->nmodule, sizeof *unit);
  for (int i = 0; i < a->nmodule; i++) unit[i] = (JitUnit){.text = a->module[i].text.s, .n = a->module[i].text.n};
  JitJob job = {.unit = unit, .nunit = a->nmodule, .flags = flag, .nflags = 3, .cc = o->nvcc, .cache = o->cache};
  JitError error;
  int failed = 0;
  if (jit_compile(&job, o->nvcc ? &jit_backend_nvcc : &jit_backend_nvrtc, image, &failed, &error)) return true;
  report(c, &a->module[failed], &error);
  free(error.text);
  return false;
}
