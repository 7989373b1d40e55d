/* SPDX-License-Identifier: Apache-2.0 */
/* The CUDA target's row. */
#include "codegen/cuda/cuda.h"
#include "codegen/cuda/gpu.h"

const Target target_cuda = {
  .name = "cuda",
  .checks = true,
  .knows_machine = gpu_known,
  .machine_list = gpu_list,
  .machine_sm = gpu_sm,
  .launch_seconds = gpu_seconds,
  .emit = emit_cuda,
  .schedule_nest = cuda_schedule_nest,
  .kernel_qualifiers = "GC_KERNEL(256, 1)",
  .rolled_loop = "GC_ROLLED ",
  .table_qualifiers = "GC_TABLE",
  .index_type = "gc_i64",
  .steps = &cuda_steps,
  .parallel = &cuda_parallel,
  .helpers = cuda_helpers,
};
