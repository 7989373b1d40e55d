/* SPDX-License-Identifier: Apache-2.0 */
/* State of the native target while it prints a module: Emitter.native. */
#ifndef GRADC_C_NATIVE_TEXT_H
#define GRADC_C_NATIVE_TEXT_H
#include "codegen/c/native.h"
#include "codegen/text/text.h"

typedef struct NativeText {
  NativeEmitOptions o;          /* `machine` is never NULL */
  bool vectors, doubles;        /* vectors are used; vectors of f64 are used */
  uint32_t halves;              /* 16-bit types of vectors in memory: bit i = DType i */
  const char *attend;           /* the text of attend.inc if it is used, else NULL */
  bool attend_pairs;            /* its rows are of bf16 somewhere */
  const char *gemm, *gemm_half; /* the texts of gemm.inc and gemm_half.inc if they are used, else NULL */
  bool bf16_convs;              /* conv_pairs.inc or weights_pairs.inc is used */
  DType gemm_type;              /* of their accumulators: f32 or f64 */
} NativeText;

NativeText *native_text_new(Ctx *c, const EmitOptions *o);
#endif
