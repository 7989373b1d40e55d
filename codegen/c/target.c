/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of the two C targets. */
#include "codegen/c/attend_call.h"
#include "codegen/c/gemm_call.h"
#include "codegen/c/machine.h"
#include "codegen/c/microkernel.h"
#include "codegen/c/targets.h"
#include "codegen/c/vector.h"

const Target target_portable = {.name = "portable",
                                .emit = emit_portable,
                                .kernel_qualifiers = "static",
                                .rolled_loop = "",
                                .table_qualifiers = "static const",
                                .index_type = "ptrdiff_t"};

const Target target_native = {
  .name = "native",
  .threads = true,
  .checks = true,
  .panel = PANEL_WIDTH,
  .wide_rows = true,
  .row_chunks = true,
  .emit = emit_native,
  .knows_machine = machine_known,
  .machine_list = machine_list,
  .step_costs = native_step_costs,
  .machine_text = machine_text,
  .schedule_nest = native_schedule_nest,
  .schedule_columns = native_schedule_columns,
  .kernel_qualifiers = "GC_KERNEL",
  .rolled_loop = "",
  .sorts_on_stack = true,
  .gemm_qualifiers = "GC_CALLS GC_KERNEL",
  .table_qualifiers = "static const",
  .index_type = "ptrdiff_t",
  .steps = &native_steps,
  .helpers = native_helpers,
  .lanes = &vector_lanes,
  .parallel = &native_parallel,
  .print_gemm = gemm_call,
  .gemm_tile = microkernel_tile,
  .print_row_products = attend_products,
  .takes_attention = attend_is_tiled,
  .print_attention = attend_call,
};
