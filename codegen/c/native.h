/* SPDX-License-Identifier: Apache-2.0 */
/* The native target: its options (EmitOptions.native), and the unit of matrix products. */
#ifndef GRADC_C_NATIVE_H
#define GRADC_C_NATIVE_H
#include "codegen/c/gemm_tuning.h"
#include "codegen/c/machine.h"
#include "codegen/codegen.h"

enum { NATIVE_PARTS = 2 }; /* translation units of a program */

typedef struct NativeEmitOptions {
  const Machine *machine;   /* NULL: the generic row */
  const Rates *rates;       /* for profiles; NULL: those of the row */
  int serial_cycles;        /* kernels of fewer cycles are serial; 0: the default; 1: all are parallel that can be */
  bool contract;            /* multiply-adds may be contracted (--fp=fast) */
  const GemmTuning *tuning; /* NULL: none */
  bool separate_gemm;       /* matrix products become a separate translation unit: Artifacts.gemm_unit */
} NativeEmitOptions;

/* Prints the GEMM unit without a module. t: f32 or f64; half: with products of 16-bit floats; convs: and with
 * convolutions of bf16 by AMX. */
void emit_gemm_unit(Ctx *c, const EmitOptions *o, DType t, bool half, bool convs, Str *file);
#endif
