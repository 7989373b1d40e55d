/* SPDX-License-Identifier: Apache-2.0 */
/* Modules, functions, launches, and the report by kernel. */
#include "codegen/cuda/host/driver_state.h"
#include <stdlib.h>
#include <string.h>

typedef struct Module {
  Context *context;
  int n;
  Function *function;
} Module;

/* What was measured of a kernel, by its name; it outlives its module. */
typedef struct Profile {
  char *name, *source, *label; /* label: both */
  uint64_t launches, ns;
  GcTraffic traffic;
  struct Profile *next;
} Profile;
static Profile *profiles;

const char *kernel_name(const Function *f) { return f->profile->name; }

static char *own(const char *s) { return s ? strcpy(malloc(strlen(s) + 1), s) : NULL; }
static Profile *profile_of(const GcHostKernel *k) {
  Profile **at = &profiles;
  for (; *at; at = &(*at)->next)
    if (!strcmp((*at)->name, k->name)) return *at;
  *at = calloc(1, sizeof **at);
  Profile *p = *at;
  p->name = own(k->name), p->source = own(k->source), p->label = p->name;
  if (!p->source) return p;
  size_t n = strlen(p->name) + strlen(p->source) + 4;
  snprintf(p->label = malloc(n), n, "%s (%s)", p->name, p->source);
  return p;
}

void function_init(Function *f, Context *context, const GcHostKernel *kernel) {
  *f = (Function){.context = context, .kernel = kernel, .dynamic_shared = DYNAMIC_SHARED};
  while (kernel->param[f->nparam]) f->nparam++;
  f->handle = handle_new(H_FUNCTION, f);
  f->profile = profile_of(kernel);
}

static CUresult module_load(CUmodule *module, const void *image) {
  const GcHostModule *table = image;
  if (!image || memcmp(table->magic, GC_HOST_MODULE_MAGIC, sizeof table->magic))
    return call_refuse(CUDA_ERROR_INVALID_IMAGE, "not a table of kernels of the host form");
  for (int i = 0; i < table->n; i++)
    if (!table->kernel[i].param || !table->kernel[i].run)
      return call_refuse(CUDA_ERROR_INVALID_IMAGE, "%s has no table of parameters, or no code", table->kernel[i].name);
  Module *m = calloc(1, sizeof *m);
  *m = (Module){context_current(), table->n, calloc((size_t)table->n + 1, sizeof(Function))};
  for (int i = 0; i < m->n; i++) function_init(&m->function[i], m->context, &table->kernel[i]);
  *module = handle_new(H_MODULE, m);
  call_note(" %d kernels", m->n);
  return CUDA_SUCCESS;
}
CUresult cuModuleLoadData(CUmodule *module, const void *image) { return CALL(module_load(module, image)); }
static CUresult module_load_data_ex(CUmodule *module, const void *image, unsigned n, CUjit_option *option,
                                    void **value) {
  (void)n, (void)option, (void)value;
  return module_load(module, image);
}
CUresult cuModuleLoadDataEx(CUmodule *module, const void *image, unsigned n, CUjit_option *option, void **value) {
  return CALL(module_load_data_ex(module, image, n, option, value));
}

static Module *module_get(CUmodule handle) {
  Module *m = handle_get(H_MODULE, handle);
  if (!m || m->context == context_current()) return m;
  call_refuse(CUDA_ERROR_INVALID_HANDLE, "a module of another context");
  return NULL;
}
static CUresult module_unload(CUmodule handle) {
  Module *m = module_get(handle);
  if (!m) return CUDA_ERROR_INVALID_HANDLE;
  CUresult e = work_wait_all(m->context);
  for (int i = 0; i < m->n; i++) handle_drop(m->function[i].handle);
  handle_drop(handle);
  free(m); /* its functions stay: the checks may name them */
  return e;
}
CUresult cuModuleUnload(CUmodule handle) { return CALL(module_unload(handle)); }
static CUresult module_get_function(CUfunction *function, CUmodule handle, const char *name) {
  const Module *m = module_get(handle);
  call_note(" %s", name);
  if (!m) return CUDA_ERROR_INVALID_HANDLE;
  for (int i = 0; i < m->n; i++) {
    if (strcmp(m->function[i].kernel->name, name) != 0) continue;
    *function = m->function[i].handle;
    return CUDA_SUCCESS;
  }
  return call_refuse(CUDA_ERROR_NOT_FOUND, "the module has no kernel %s", name);
}
CUresult cuModuleGetFunction(CUfunction *function, CUmodule handle, const char *name) {
  return CALL(module_get_function(function, handle, name));
}

static CUresult func_set_attribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  Function *f = handle_get(H_FUNCTION, handle);
  if (!f) return CUDA_ERROR_INVALID_HANDLE;
  if (attribute == CU_FUNC_ATTRIBUTE_PREFERRED_SHARED_MEMORY_CARVEOUT) return CUDA_SUCCESS;
  if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "attribute %d cannot be set", (int)attribute);
  if (value < 0 || value > SHARED_OPTIN)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%d bytes of shared memory, at most %d", value, SHARED_OPTIN);
  f->dynamic_shared = value;
  return CUDA_SUCCESS;
}
CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute attribute, int value) {
  return CALL(func_set_attribute(handle, attribute, value));
}
static CUresult func_get_attribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
  const Function *f = handle_get(H_FUNCTION, handle);
  if (!f) return CUDA_ERROR_INVALID_HANDLE;
  switch (attribute) {
  case CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK: *value = 1024; break;
  case CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES:
  case CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES:
  case CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES:
  case CU_FUNC_ATTRIBUTE_NUM_REGS: *value = 0; break;
  case CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES: *value = f->dynamic_shared; break;
  default: return call_refuse(CUDA_ERROR_INVALID_VALUE, "attribute %d is not known here", (int)attribute);
  }
  return CUDA_SUCCESS;
}
CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
  return CALL(func_get_attribute(value, attribute, handle));
}

/* ---- launches ---- */

static CUresult check_shape(const Function *f, const LaunchShape *s) {
  const char *name = f->kernel->name;
  const unsigned *g = s->grid, *b = s->block;
  if (!g[0] || !g[1] || !g[2] || g[0] > 0x7fffffff || g[1] > 65535 || g[2] > 65535)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s: a grid of %u x %u x %u blocks", name, g[0], g[1], g[2]);
  if (!b[0] || !b[1] || !b[2] || b[0] > 1024)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s: blocks of %u x %u x %u threads", name, b[0], b[1], b[2]);
  if (b[1] > 1 || b[2] > 1) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "%s: blocks have one axis here", name);
  if (s->shared_bytes > (unsigned)f->dynamic_shared)
    return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s: %u bytes of shared memory; the kernel may have %d", name,
                       s->shared_bytes, f->dynamic_shared);
  return CUDA_SUCCESS;
}

/* Arguments in one block: pointers, then bytes, each aligned as tensor maps are. */
static void **copy_params(const Function *f, void *const *params, size_t *bytes) {
  enum { ALIGN = 64 };
  size_t at = ((size_t)f->nparam * sizeof(void *) + ALIGN - 1) / ALIGN * ALIGN, total = at;
  for (int i = 0; i < f->nparam; i++) total += ((size_t)f->kernel->param[i] + ALIGN - 1) / ALIGN * ALIGN;
  void **copy = aligned_alloc(ALIGN, total + ALIGN);
  *bytes = total + ALIGN;
  for (int i = 0; i < f->nparam; i++) {
    copy[i] = memcpy((char *)copy + at, params[i], f->kernel->param[i]);
    at += ((size_t)f->kernel->param[i] + ALIGN - 1) / ALIGN * ALIGN;
  }
  return copy;
}
Work work_copy(const Work *work) {
  Work w = *work;
  if (w.kind == WORK_LAUNCH) w.param = copy_params(w.function, w.param, &w.param_bytes);
  return w;
}

CUresult launch_make(Work *work, CUfunction handle, const LaunchShape *shape, void **params, void **extra) {
  Function *f = handle_get(H_FUNCTION, handle);
  if (!f) return CUDA_ERROR_INVALID_HANDLE;
  const unsigned *g = shape->grid;
  call_note(" %s, %u x %u x %u blocks of %u threads", f->kernel->name, g[0], g[1], g[2], shape->block[0]);
  if (f->context != context_current()) return call_refuse(CUDA_ERROR_INVALID_HANDLE, "a function of another context");
  if (extra) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "arguments by `extra` are not known here");
  for (int i = 0; i < f->nparam; i++)
    if (!params || !params[i]) return call_refuse(CUDA_ERROR_INVALID_VALUE, "%s: no argument %d", f->kernel->name, i);
  TRY(check_shape(f, shape));
  GcLaunchDims dims = {{(int)g[0], (int)g[1], (int)g[2]}, (int)shape->block[0], (int)shape->shared_bytes};
  *work = (Work){.kind = WORK_LAUNCH, .function = f, .dims = dims};
  work->param = copy_params(f, params, &work->param_bytes);
  return CUDA_SUCCESS;
}

static CUresult launch(CUfunction handle, const LaunchShape *shape, CUstream on, void **params, void **extra) {
  Work w;
  Stream *stream = stream_get(on);
  if (!stream) return CUDA_ERROR_INVALID_HANDLE;
  TRY(launch_make(&w, handle, shape, params, extra));
  work_on(stream, &w);
  return CUDA_SUCCESS;
}
static CUresult launch_kernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                              unsigned bz, unsigned shared_bytes, CUstream stream, void **params, void **extra) {
  return launch(function, &(LaunchShape){{gx, gy, gz}, {bx, by, bz}, shared_bytes}, stream, params, extra);
}
CUresult cuLaunchKernel(CUfunction function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by,
                        unsigned bz, unsigned shared_bytes, CUstream stream, void **params, void **extra) {
  return CALL(launch_kernel(function, gx, gy, gz, bx, by, bz, shared_bytes, stream, params, extra));
}
static CUresult launch_kernel_ex(const CUlaunchConfig *c, CUfunction function, void **params, void **extra) {
  LaunchShape shape = {
    {c->gridDimX, c->gridDimY, c->gridDimZ}, {c->blockDimX, c->blockDimY, c->blockDimZ}, c->sharedMemBytes};
  if (c->numAttrs) return call_refuse(CUDA_ERROR_NOT_SUPPORTED, "attributes of launches are not known here");
  return launch(function, &shape, c->hStream, params, extra);
}
CUresult cuLaunchKernelEx(const CUlaunchConfig *c, CUfunction function, void **params, void **extra) {
  return CALL(launch_kernel_ex(c, function, params, extra));
}

CUresult launch_run(const Work *w) {
  Profile *p = w->function->profile;
  GcTraffic *t = &p->traffic, before = gc_host.traffic;
  uint64_t start = now_ns();
  gc_host.arg_bytes = w->param_bytes;
  gc_host.direct = !w->function->kernel->waits;
  bool ok = gc_host_launch(p->label, w->function->kernel->run, w->param, w->dims);
  p->ns += now_ns() - start, p->launches++;
  t->sectors += gc_host.traffic.sectors - before.sectors;
  t->sectors_min += gc_host.traffic.sectors_min - before.sectors_min;
  t->wavefronts += gc_host.traffic.wavefronts - before.wavefronts;
  t->wavefronts_min += gc_host.traffic.wavefronts_min - before.wavefronts_min;
  t->mma += gc_host.traffic.mma - before.mma;
  return ok ? CUDA_SUCCESS : CUDA_ERROR_LAUNCH_FAILED;
}

void gc_host_driver_report(FILE *out) {
  fprintf(out, "%-24s %9s %10s %12s %12s %12s %12s  %s\n", "kernel", "launches", "ms", "sectors", "least", "wavefronts",
          "least", "source");
  for (const Profile *p = profiles; p; p = p->next)
    if (p->launches)
      fprintf(out, "%-24s %9llu %10.3f %12llu %12llu %12llu %12llu  %s\n", p->name, (unsigned long long)p->launches,
              (double)p->ns / 1e6, p->traffic.sectors, p->traffic.sectors_min, p->traffic.wavefronts,
              p->traffic.wavefronts_min, p->source ? p->source : "");
}
