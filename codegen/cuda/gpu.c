/* SPDX-License-Identifier: Apache-2.0 */
#include "codegen/cuda/gpu.h"
#include <ctype.h>
#include <string.h>

/* From NVIDIA's documents: "H100 Tensor Core GPU Architecture" (SXM5), "H200 Tensor Core GPU" datasheet (SXM), "A100
 * 80GB" datasheet (SXM), "Ada GPU Architecture" (appendix A, RTX 4090). Their rates with sparsity are halved. */
static const Gpu GPU[] = {
  {"h100", 90, {66.9e12, 494.7e12, 989.4e12}, 3.35e12, 132, 50e6},
  {"h200", 90, {66.9e12, 494.7e12, 989.4e12}, 4.8e12, 132, 50e6},
  {"a100", 0, {19.5e12, 156e12, 312e12}, 2.039e12, 108, 40e6},
  {"4090", 0, {82.6e12, 82.6e12, 165.2e12}, 1.008e12, 128, 72e6},
};
static const double LAUNCH_SECONDS = 2e-6; /* between the ends of two launches that do nothing, in a graph */

const Gpu *gpu_find(const char *name) {
  for (size_t i = 0; i < sizeof GPU / sizeof *GPU; i++)
    if (!strcmp(GPU[i].name, name)) return &GPU[i];
  return NULL;
}

bool gpu_known(const char *name) { return gpu_find(name) != NULL; }

int gpu_sm(const char *name) { return gpu_find(name)->sm; }

const char *gpu_list(Ctx *c) {
  Str s = {.c = c};
  for (size_t i = 0; i < sizeof GPU / sizeof *GPU; i++) str_printf(&s, "%s%s", i ? ", " : "", GPU[i].name);
  return s.s;
}

void gpu_rows(Str *o) {
  for (size_t i = 0; i < sizeof GPU / sizeof *GPU; i++) {
    str_puts(o, "  {\"");
    for (const char *s = GPU[i].name; *s; s++) str_printf(o, "%c", toupper((unsigned char)*s));
    str_printf(o, "\", {%.6g, %.6g, %.6g}, %.6g},\n", GPU[i].flops[UNIT_F32], GPU[i].flops[UNIT_TF32],
               GPU[i].flops[UNIT_16], GPU[i].bytes);
  }
}

double gpu_seconds(const char *name, const LaunchCost *l, bool *compute) {
  const Gpu *gpu = gpu_find(name);
  double flops = l->flops / gpu->flops[l->unit], bytes = l->bytes / gpu->bytes;
  *compute = flops > bytes;
  return (*compute ? flops : bytes) + LAUNCH_SECONDS;
}
