/* SPDX-License-Identifier: Apache-2.0 */
/* Models on a device: the option, and memory and streams of the device. */
#include "lib/device.h"
#include "codegen/jit/gpus.h"
#include "codegen/target.h"
#include "lib/embed.h"
#include "runtime/device.h"
#include <stdlib.h>
#include <string.h>

/* ---- compiling ---- */

/* Of gradc_options.gemm; false: reported. */
static bool choose_gemm(Ctx *c, const gradc_options *o, DeviceChoice *to) {
  const char *s = o->gemm ? o->gemm : "auto";
  to->library_gemm = !strcmp(s, "cublaslt");
  if (!to->library_gemm && strcmp(s, "auto") && strcmp(s, "generated"))
    diag_help(c, diag_error(c, E_USAGE, 0, 1, "there is no `gemm` %s", s), "it is auto, generated or cublaslt");
  else if (to->library_gemm && o->strict)
    diag_error(c, E_USAGE, 0, 1, "`gemm` cublaslt needs `strict` 0: in strict mode all products are generated");
  else return true;
  return false;
}

bool device_choose(Ctx *c, const gradc_options *o, DeviceChoice *to) {
  const char *s = o->device ? o->device : "";
  size_t n = strlen(s), digits = n > 5 ? strspn(s + 5, "0123456789") : 0;
  *to = (DeviceChoice){.number = -1, .given = *s != 0};
  if (!choose_gemm(c, o, to)) return false;
  if (!*s || !strcmp(s, "cpu")) return true;
  to->host_form = !strcmp(s, "cuda-host");
  to->on = to->host_form || !strcmp(s, "cuda") || (!strncmp(s, "cuda:", 5) && digits && digits < 5 && !s[5 + digits]);
  if (to->on && digits && !to->host_form) to->number = atoll(s + 5);
  if (to->on) return true;
  Diag *d = diag_error(c, E_USAGE, 0, 1, "there is no device `%s`", s);
  diag_help(c, d, "known are cpu, cuda, cuda:N, a GPU by its number, and cuda-host");
  return false;
}

bool device_plan(Module *m, DeviceChoice *k) {
  if (!k->given) k->on = m->opt.file_device;
  m->opt.device = m->opt.slots = k->on;
  m->opt.library_gemm = k->library_gemm;
  if (k->on) target_set_options(&target_cuda, &m->opt);
  if (k->on || !k->library_gemm) return true;
  diag_error(m->c, E_USAGE, 0, 1, "`gemm` cublaslt needs a device: this model is for the CPU");
  return false;
}

/* If there is no such GPU, kernels are compiled for none: the model, when it starts, says so. */
static const char *architecture(Ctx *c, const DeviceChoice *k) {
  Gpus g = gpus_find(c);
  int64_t number = k->number < 0 ? 0 : k->number;
  return number < g.ngpu ? g.arch[number] : "";
}

void device_compile(Module *m, const DeviceChoice *k, const char *cache, NativeOptions *o) {
  if (!k->on) return;
  DeviceProgram *p = ctx_alloc(m->c, sizeof *p);
  CudaImages *x = ctx_alloc(m->c, sizeof *x);
  *p = (DeviceProgram){.host_form = k->host_form};
  *x = (CudaImages){.compile = {.strict = m->opt.strict, .cache = cache}};
  if (!k->host_form) x->gpus = architecture(m->c, k);
  o->emit.device = p;
  o->images = cuda_images;
  o->images_arg = x;
}

/* ---- the caller's context ---- */

void *device_enter(const gradc_model *m) {
  void *before = NULL;
  if (m->sess.dev && m->sess.dev->context) m->sess.dev->api.cuCtxGetCurrent(&before);
  return before;
}

void device_leave(const gradc_model *m, void *before) {
  if (m->sess.dev && m->sess.dev->context) m->sess.dev->api.cuCtxSetCurrent(before);
}

/* ---- memory and streams ---- */

typedef struct DeviceCall {
  gradc_model *m;
  size_t bytes;
  void *to, *stream;
  const void *from;
} DeviceCall;

static Device *device_of(const DeviceCall *k) {
  Device *dev = k->m->sess.dev;
  if (!dev) rt_die(E_BAD_CALL, "%s runs on the CPU, not on a device", k->m->sess.m->name);
  DEVICE_CALL(dev, cuCtxSetCurrent, dev->context);
  return dev;
}

static void alloc(void *arg) {
  DeviceCall *k = arg;
  Device *dev = device_of(k);
  uint64_t p = 0;
  DEVICE_CALL(dev, cuMemAlloc_v2, &p, k->bytes ? k->bytes : 1);
  k->to = (void *)(uintptr_t)p;
}

gradc_status gradc_device_alloc(gradc_model *m, size_t bytes, void **data, gradc_error **error) {
  DeviceCall k = {.m = m, .bytes = bytes};
  if (!data) return error_null(error);
  *data = NULL;
  gradc_status s = model_call(m, alloc, &k, error);
  if (!s) *data = k.to;
  return s;
}

static void release(void *arg) {
  DeviceCall *k = arg;
  device_of(k)->api.cuMemFree_v2((uint64_t)(uintptr_t)k->to);
}

void gradc_device_free(gradc_model *m, void *data) {
  if (m && data && m->sess.dev) model_call(m, release, &(DeviceCall){.m = m, .to = data}, NULL);
}

static void copy(void *arg) {
  DeviceCall *k = arg;
  if (k->bytes && (!k->to || !k->from)) rt_die(E_BAD_CALL, "an address is NULL");
  device_copy(device_of(k), k->to, k->from, k->bytes);
}

gradc_status gradc_device_copy(gradc_model *m, void *to, const void *from, size_t bytes, gradc_error **error) {
  return model_call(m, copy, &(DeviceCall){.m = m, .to = to, .from = from, .bytes = bytes}, error);
}

void *gradc_device_stream(const gradc_model *m) { return m && m->sess.dev ? m->sess.dev->stream : NULL; }

/* Also copies of inputs, which have a stream of their own. */
static void wait_for(void *arg) {
  DeviceCall *k = arg;
  Device *dev = device_of(k);
  void *event = dev->slot[0].copied; /* nobody waits for it between calls */
  DEVICE_CALL(dev, cuEventRecord, event, k->stream);
  DEVICE_CALL(dev, cuStreamWaitEvent, dev->stream, event, 0);
  DEVICE_CALL(dev, cuStreamWaitEvent, dev->copies, event, 0);
}

gradc_status gradc_device_wait(gradc_model *m, void *stream, gradc_error **error) {
  return model_call(m, wait_for, &(DeviceCall){.m = m, .stream = stream}, error);
}
