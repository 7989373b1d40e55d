/* SPDX-License-Identifier: Apache-2.0 */
/* Opens a device: its driver, a GPU, memory, the model's kernels. */
#include "product.h"
#include "rt.h"
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

/* Programs that run on the CPU need not be linked with libdl where it is not in the C library. */
#pragma weak dlopen
#pragma weak dlsym
#pragma weak dlclose
#pragma weak dlerror

enum { /* CUresult, CUdevice_attribute */
       OUT_OF_MEMORY = 2,
       NO_DEVICE = 100,
       INSUFFICIENT_DRIVER = 35,
       NO_BINARY = 209,
       UNSUPPORTED_PTX = 222,
       FIRST_FAULT = 700,
       LAST_FAULT = 719,
       CAPABILITY_MAJOR = 75,
       CAPABILITY_MINOR = 76,
       LEAST_CAPABILITY = 80
};

static const char *error_text(const Device *dev, int result) {
  const char *name = NULL, *text = NULL;
  if (dev->api.cuGetErrorName) dev->api.cuGetErrorName(result, &name);
  if (dev->api.cuGetErrorString) dev->api.cuGetErrorString(result, &text);
  return rt_printf("%s: %s", name ? name : "an error without a name", text ? text : "no text");
}

void device_check(Device *dev, int result, const char *what) {
  if (!result) return;
  const char *text = error_text(dev, result);
  if (result == OUT_OF_MEMORY)
    rt_die(E_GPU_MEMORY, "%s: %s\nanother program may have taken memory of the GPU since the run began", what, text);
  if (result >= FIRST_FAULT && result <= LAST_FAULT) {
    const char *kernel = dev->last_launched < 0 ? "none" : dev->m->device->kernel[dev->last_launched];
    rt_die(E_GPU_FAULT, "%s: %s\n%s %s; %s", what, text, dev->wait ? "the kernel is" : "the last kernel launched is",
           kernel,
           dev->wait ? "this is a defect of gradc or of the GPU" : "--check-launches names the one that failed");
  }
  rt_die(E_GPU_DRIVER, "%s: %s", what, text);
}

void device_wait(Device *dev) { DEVICE_CALL(dev, cuStreamSynchronize, dev->stream); }

/* ---- the driver ---- */

static void open_library(Device *dev) {
  const char *name = getenv("GRADC_CUDA_DRIVER");
  if (!name || !*name) name = "libcuda.so.1";
  if (dlopen) dev->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
  if (dev->library) return;
  const char *why = dlerror ? dlerror() : NULL;
  rt_die(E_GPU_NO_DRIVER,
         "%s needs an NVIDIA driver: %s\n"
         "install the driver of your GPU (nvidia-smi then lists it), or run on the CPU: build without --cuda",
         dev->m->name, why ? why : rt_printf("%s cannot be loaded", name));
}

static void *find_function(const Device *dev, const char *name) {
  return dev->library ? dlsym(dev->library, name) : dev->m->device->driver(name);
}

static void open_driver(Device *dev) {
  static const char *const name[] = {
#define DRIVER(name, parameters) #name,
#include "driver.def"
#undef DRIVER
  };
  if (!dev->m->device->driver) open_library(dev);
  void **to = (void **)(void *)&dev->api;
  for (int i = 0; i < COUNT(name); i++) {
    to[i] = find_function(dev, name[i]);
    if (!to[i])
      rt_die(E_GPU_OLD_DRIVER, "the CUDA driver lacks %s\ninstall a newer NVIDIA driver, for CUDA 12 or later",
             name[i]);
  }
}

/* ---- the GPU ---- */

static void open_gpu(Device *dev, int64_t number) {
  int n = 0, result = dev->api.cuInit(0);
  if (result == INSUFFICIENT_DRIVER)
    rt_die(E_GPU_OLD_DRIVER, "cuInit: %s\ninstall a newer NVIDIA driver", error_text(dev, result));
  if (result != NO_DEVICE) {
    device_check(dev, result, "cuInit");
    DEVICE_CALL(dev, cuDeviceGetCount, &n);
  }
  if (!n)
    rt_die(E_GPU_NONE,
           "there is no GPU\nnvidia-smi lists those that the driver can use; CUDA_VISIBLE_DEVICES hides them");
  if (number >= n)
    rt_die(E_GPU_NONE, "there is no GPU %lld: there %s %d, counted from 0", (long long)number, n == 1 ? "is" : "are",
           n);
  DEVICE_CALL(dev, cuDeviceGet, &dev->number, number < 0 ? 0 : (int)number);
  DEVICE_CALL(dev, cuDeviceGetName, dev->name, (int)sizeof dev->name, dev->number);
}

static int attribute(Device *dev, int which) {
  int v = 0;
  DEVICE_CALL(dev, cuDeviceGetAttribute, &v, which, dev->number);
  return v;
}

/* ---- kernels ---- */

/* Of the images that run on a GPU of this capability: that made for the latest one, code before PTX. The others that
 * were made for the same are parts of it. */
static const GcImage *best_image(const GcDevice *d, int capability) {
  const GcImage *best = NULL;
  for (const GcImage *x = d->image; x->p; x++) {
    if (x->arch > capability || (x->is_exact && x->arch != capability)) continue;
    if (!x->is_ptx && x->arch / 10 != capability / 10) continue;
    if (!best || best->is_ptx > x->is_ptx || (best->is_ptx == x->is_ptx && best->arch < x->arch)) best = x;
  }
  return best;
}

static char *architectures(const GcDevice *d) {
  char *s = rt_strdup("");
  for (const GcImage *x = d->image; x->p; x++)
    if (x == d->image || x->arch != x[-1].arch) s = rt_printf("%s%ssm_%d", s, *s ? ", " : "", x->arch);
  return s;
}

static _Noreturn void no_code(const Device *dev, int capability) {
  rt_die(E_GPU_NO_CODE, "%s has no code for %s, which is sm_%d: it was built for %s\nbuild it with --gpu=sm_%d",
         dev->m->name, dev->name, capability, architectures(dev->m->device), capability);
}

static const GcImage *choose_image(Device *dev, int *capability) {
  const GcDevice *d = dev->m->device;
  if (d->image->p && !d->image->arch) return d->image;
  *capability = 10 * attribute(dev, CAPABILITY_MAJOR) + attribute(dev, CAPABILITY_MINOR);
  if (*capability < LEAST_CAPABILITY)
    rt_die(E_GPU_OLD, "%s has compute capability %d.%d; 8.0 is needed", dev->name, *capability / 10, *capability % 10);
  const GcImage *x = best_image(d, *capability);
  if (!x) no_code(dev, *capability);
  return x;
}

static void load_kernels(Device *dev, const GcImage *best, int capability) {
  const GcDevice *d = dev->m->device;
  int n = 0;
  while (d->image[n].p) n++;
  dev->module = rt_array((size_t)n + 1, sizeof *dev->module);
  dev->function = rt_array((size_t)d->nkernels + 1, sizeof *dev->function);
  for (const GcImage *x = d->image; x->p; x++) {
    if (x->arch != best->arch || x->is_ptx != best->is_ptx) continue;
    int result = dev->api.cuModuleLoadData(&dev->module[dev->nmodule], x->p);
    if (result == NO_BINARY) no_code(dev, capability);
    if (result == UNSUPPORTED_PTX)
      rt_die(E_GPU_OLD_DRIVER, "%s\ninstall a newer NVIDIA driver, or build with --gpu=sm_%d", error_text(dev, result),
             capability);
    device_check(dev, result, "cuModuleLoadData");
    dev->nmodule++;
  }
}

/* ---- memory ---- */

static _Noreturn void too_little(const Device *dev, size_t need, size_t available) {
  const GcModel *m = dev->m;
  rt_die(E_GPU_MEMORY,
         "%s needs %zu bytes of %s, of which %zu are free\n"
         "weights and states are %zu bytes, the arena %zu, scratch %zu, inputs and results %zu\n"
         "build with --ram=BYTES, which recomputes instead of keeping, or with a smaller `batch`",
         m->name, need, dev->name, available, m->persistent_bytes, m->arena_bytes, m->device->bytes - m->bytes,
         2 * dev->io_bytes);
}

static int most_ports(const GcModel *m) {
  int n = m->init ? m->init->nin + m->init->nout : 0;
  for (int i = 0; i < m->ntrain; i++) {
    const GcTrain *t = &m->train[i];
    const GcGraph *g[] = {t->step, t->pass, t->update, t->eval};
    for (int k = 0; k < COUNT(g); k++)
      if (g[k] && g[k]->nin + g[k]->nout > n) n = g[k]->nin + g[k]->nout;
  }
  for (int i = 0; i < m->nexports; i++)
    if (m->exports[i].nin + m->exports[i].nout > n) n = m->exports[i].nin + m->exports[i].nout;
  return n;
}

static void open_slot(Device *dev, Slot *s) {
  const GcModel *m = dev->m;
  s->address = rt_array((size_t)most_ports(m) + 1, sizeof *s->address);
  if (dev->io_bytes) DEVICE_CALL(dev, cuMemHostAlloc, &s->staging, dev->io_bytes, 0);
  DEVICE_CALL(dev, cuMemHostAlloc, (void **)&s->head, m->head_bytes, 0);
  DEVICE_CALL(dev, cuEventCreate, &s->copied, 2); /* which takes no time stamp */
  DEVICE_CALL(dev, cuEventCreate, &s->done, 2);
}

static void open_memory(Device *dev) {
  const GcModel *m = dev->m;
  size_t available = 0, total = 0;
  dev->io_bytes = device_io_bytes(m);
  size_t need = m->device->bytes + 2 * dev->io_bytes;
  DEVICE_CALL(dev, cuMemGetInfo_v2, &available, &total);
  if (need > available) too_little(dev, need, available);
  int result = dev->api.cuMemAlloc_v2(&dev->mem, m->device->bytes);
  for (int i = 0; i < 2 && !result && dev->io_bytes; i++)
    result = dev->api.cuMemAlloc_v2(&dev->slot[i].io, dev->io_bytes);
  if (result == OUT_OF_MEMORY) too_little(dev, need, available);
  device_check(dev, result, "cuMemAlloc");
  for (int i = 0; i < 2; i++) open_slot(dev, &dev->slot[i]);
  DEVICE_CALL(dev, cuMemsetD8Async, dev->mem, 0, m->head_bytes + m->persistent_bytes, dev->stream);
  device_wait(dev);
}

void device_open(Session *sess) {
  Device *dev = sess->dev = rt_alloc(sizeof *dev);
  int capability = 0;
  *dev = (Device){.calls = device_calls, .m = sess->m, .wait = sess->o.check_launches, .last_launched = -1};
  open_driver(dev);
  open_gpu(dev, sess->o.device);
  const GcImage *image = choose_image(dev, &capability);
  DEVICE_CALL(dev, cuCtxGetCurrent, &dev->before);
  DEVICE_CALL(dev, cuDevicePrimaryCtxRetain, &dev->context, dev->number);
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  DEVICE_CALL(dev, cuStreamCreate, &dev->stream, 1); /* which does not wait for the default stream */
  DEVICE_CALL(dev, cuStreamCreate, &dev->copies, 1);
  recordings_make(dev);
  products_open(dev);
  open_memory(dev);
  load_kernels(dev, image, capability);
}

static void close_slot(Device *dev, Slot *s) {
  if (s->io) dev->api.cuMemFree_v2(s->io);
  if (s->staging) dev->api.cuMemFreeHost(s->staging);
  if (s->head) dev->api.cuMemFreeHost(s->head);
  if (s->copied) dev->api.cuEventDestroy_v2(s->copied);
  if (s->done) dev->api.cuEventDestroy_v2(s->done);
  rt_free(s->address);
}

static void close_context(Device *dev) {
  void *before = NULL;
  dev->api.cuCtxGetCurrent(&before);
  dev->api.cuCtxSetCurrent(dev->context);
  if (dev->stream) dev->api.cuStreamSynchronize(dev->stream);
  if (dev->mem) dev->api.cuMemFree_v2(dev->mem);
  for (int i = 0; i < 2; i++) close_slot(dev, &dev->slot[i]);
  recordings_free(dev);
  products_close(dev);
  for (int i = 0; i < dev->nmodule; i++) dev->api.cuModuleUnload(dev->module[i]);
  if (dev->stream) dev->api.cuStreamDestroy_v2(dev->stream);
  if (dev->copies) dev->api.cuStreamDestroy_v2(dev->copies);
  dev->api.cuCtxSetCurrent(before);
  dev->api.cuDevicePrimaryCtxRelease_v2(dev->number);
}

void device_close(Device *dev) {
  if (!dev) return;
  if (dev->context) close_context(dev);
  if (dev->library) dlclose(dev->library);
  rt_free(dev->module);
  rt_free(dev->function);
  rt_free(dev);
}
