/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of gemm.inc and gemm_half.inc, and their text. */
#ifndef GRADC_GEMM_CALL_H
#define GRADC_GEMM_CALL_H
#include "codegen/text/text.h"

void gemm_call(Emitter *p, const Kernel *k, const KernelSchedule *schedule, Str *s); /* Target.print_gemm */
void gemm_use(Emitter *p, DType t, bool half); /* notes products in type t, f32 or f64; half: of 16-bit floats */
void gemm_prelude_print(Emitter *p, Str *out); /* their declarations, for kernels */
void gemm_body_print(Emitter *p, Str *out);    /* microkernels and their callers */
#endif
