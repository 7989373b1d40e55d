/* SPDX-License-Identifier: Apache-2.0 */
/* Models on a device: which one gradc_options.device names, and how to compile for it. */
#ifndef GRADC_LIB_DEVICE_H
#define GRADC_LIB_DEVICE_H
#include "codegen/jit/cuda_images.h"
#include "codegen/jit/jit_module.h"
#include "lib/lib.h"

typedef struct DeviceChoice {
  bool given, on, host_form; /* given: by the options, not by the file; on: a device, not the CPU */
  bool library_gemm;         /* products by cuBLASLt */
  int64_t number;            /* of the GPU; -1: the first */
} DeviceChoice;

bool device_choose(Ctx *c, const gradc_options *o, DeviceChoice *to); /* false: reported */
bool device_plan(Module *m, DeviceChoice *k); /* before the passes; completes the choice. false: reported */
void device_compile(Module *m, const DeviceChoice *k, const char *cache, NativeOptions *o);
#endif
