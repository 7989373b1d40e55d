/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of the rows of the two C targets. */
#ifndef GRADC_C_TARGETS_H
#define GRADC_C_TARGETS_H
#include "codegen/text/graph.h"
#include "codegen/text/nest.h"

void emit_portable(Module *m, const EmitOptions *o, Artifacts *a);
extern const HelperText native_helpers[];
void emit_native(Module *m, const EmitOptions *o, Artifacts *a);
bool native_step_costs(Module *m, const char *isa, StepCosts *costs);
void native_schedule_nest(const Kernel *k, const ScheduleOptions *o, NestSchedule *s);
void native_schedule_columns(const Kernel *k, const ScheduleOptions *o, NestSchedule *s);

/* native_threads.c */
extern const StepText native_steps;
extern const ParallelText native_parallel;
void native_barrier(GraphText *c);
const char *native_axis_begin(NestText *c, int axis); /* bounds of the loop over an axis, of this thread */
const char *native_axis_end(NestText *c, int axis);
#endif
