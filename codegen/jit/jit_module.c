/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/jit/jit_module.h"
#include <stdlib.h>

const char *jit_cache_folder(Ctx *c) {
  const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  if (xdg && *xdg == '/') return ctx_strf(c, "%s/gradc", xdg);
  return home && *home == '/' ? ctx_strf(c, "%s/.cache/gradc", home) : NULL;
}

static void report(Ctx *c, const JitError *e) {
  static const CcFault fault[] = {
    [JIT_SYSTEM] = CC_SYSTEM,
    [JIT_NO_COMPILER] = CC_NOT_STARTED,
    [JIT_REFUSED] = CC_REFUSED,
  };
  if (!e->text) ctx_abort(c);
  native_report(c, (CcResult){fault[e->fault], e->text});
}

Jit *jit_module(Module *m, const NativeOptions *o, const JitOptions *jit, JitFault *fault) {
  NativeC n;
  JitError error;
  JitUnit unit[NATIVE_PARTS + 3];
  JitObject object[2];
  int nunit = 0, nobject = 0;
  if (!native_c(m, o, &n)) return NULL;
  if (n.gemm_unit.n && !n.gemm_object)
    unit[nunit++] = (JitUnit){n.gemm_unit.s, n.gemm_unit.n, n.gemm_unit_flags.v, n.gemm_unit_flags.n};
  for (int i = 0; i < NATIVE_PARTS; i++) unit[nunit++] = (JitUnit){n.text.s, n.text.n, &native_part[i], 1};
  if (n.device.n) unit[nunit++] = (JitUnit){n.device.s, n.device.n, n.device_flags.v, n.device_flags.n};
  if (n.host_form) unit[nunit++] = (JitUnit){n.kernels.s, n.kernels.n, n.kernel_flags.v, n.kernel_flags.n};
  if (n.gemm_object) object[nobject++] = (JitObject){n.gemm_object, n.gemm_object_bytes};
  if (n.host_form) object[nobject++] = (JitObject){n.host_form, n.host_form_bytes};
  JitJob job = {.unit = unit,
                .nunit = nunit,
                .object = object,
                .nobject = nobject,
                .flags = n.flags.v,
                .nflags = n.flags.n,
                .cc = o->cc,
                .cache = jit->cache,
                .only_cc = jit->only_cc || n.host_form};
  Jit *j = jit_load(&job, &error);
  if (j) return j;
  report(m->c, &error);
  if (fault) *fault = error.fault;
  free(error.text);
  return NULL;
}
