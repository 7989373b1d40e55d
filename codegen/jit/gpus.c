/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "codegen/jit/gpus.h"
#include <dlfcn.h>
#include <stdlib.h>

/* Of the driver's interface: each function returns 0 for success. */
typedef struct Driver {
  int (*cuInit)(unsigned);
  int (*cuDriverGetVersion)(int *);
  int (*cuDeviceGetCount)(int *);
  int (*cuDeviceGet)(int *, int);
  int (*cuDeviceGetName)(char *, int, int);
  int (*cuDeviceGetAttribute)(int *, int, int);
  int (*cuDeviceTotalMem_v2)(size_t *, int);
} Driver;
enum { CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76 }; /* of CUdevice_attribute */

static bool resolve(void *library, Driver *d) {
#define RESOLVE(name) (*(void **)&d->name = dlsym(library, #name))
  return RESOLVE(cuInit) && RESOLVE(cuDriverGetVersion) && RESOLVE(cuDeviceGetCount) && RESOLVE(cuDeviceGet) &&
         RESOLVE(cuDeviceGetName) && RESOLVE(cuDeviceGetAttribute) && RESOLVE(cuDeviceTotalMem_v2);
#undef RESOLVE
}

static const char *gpu_text(Ctx *c, const Driver *d, int i, const char **arch) {
  char name[128] = "";
  *arch = "sm_80";
  int device, major, minor;
  size_t bytes;
  if (d->cuDeviceGet(&device, i) || d->cuDeviceGetName(name, sizeof name, device) ||
      d->cuDeviceGetAttribute(&major, CAPABILITY_MAJOR, device) ||
      d->cuDeviceGetAttribute(&minor, CAPABILITY_MINOR, device) || d->cuDeviceTotalMem_v2(&bytes, device))
    return ctx_strf(c, "GPU %d: the driver does not describe it", i);
  *arch = ctx_strf(c, "sm_%d%d%s", major, minor, major == 9 ? "a" : "");
  return ctx_strf(c, "%s, sm_%d%d, %.1f GiB", name, major, minor, (double)bytes / (1 << 30));
}

Gpus gpus_find(Ctx *c) {
  Gpus g = {0};
  Driver d;
  Dl_info info;
  const char *name = getenv("GRADC_CUDA_DRIVER"); /* as the runtime */
  void *library = dlopen(name && *name ? name : "libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
  if (!library) return g.why = ctx_strf(c, "%s", dlerror()), g;
  if (!resolve(library, &d)) return g.why = "libcuda.so.1 lacks functions", g;
  g.path = dladdr(*(void **)&d.cuInit, &info) ? ctx_strf(c, "%s", info.dli_fname) : "libcuda.so.1";
  d.cuDriverGetVersion(&g.version);
  int error = d.cuInit(0);
  if (error) return g.why = ctx_strf(c, "it does not start: error %d of CUDA", error), g;
  if (d.cuDeviceGetCount(&g.ngpu)) g.ngpu = 0;
  const char **gpu = ctx_array(c, g.ngpu, sizeof *gpu), **arch = ctx_array(c, g.ngpu, sizeof *arch);
  for (int i = 0; i < g.ngpu; i++) gpu[i] = gpu_text(c, &d, i, &arch[i]);
  g.gpu = gpu;
  g.arch = arch;
  return g;
}
