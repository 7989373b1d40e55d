/* SPDX-License-Identifier: Apache-2.0 */
/* The NVIDIA driver and its GPUs. */
#ifndef GRADC_GPUS_H
#define GRADC_GPUS_H
#include "ir/ctx.h"

typedef struct Gpus {
  const char *path;        /* of the driver's library; NULL: it is not there */
  int version;             /* the newest CUDA that the driver supports, as 13000 */
  const char *why;         /* there is no driver, or it refuses to start */
  const char *const *gpu;  /* "NVIDIA H200, sm_90, 139.8 GiB" */
  const char *const *arch; /* "sm_90a": the code that runs on it best */
  int ngpu;
} Gpus;
Gpus gpus_find(Ctx *c);
#endif
