/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of attend.inc, and its text. */
#ifndef GRADC_ATTEND_CALL_H
#define GRADC_ATTEND_CALL_H
#include "codegen/text/text.h"

bool attend_is_tiled(const Kernel *k, DType gemm_type); /* Target.takes_attention */
void attend_call(Emitter *p, const Kernel *k, Str *s);  /* Target.print_attention */
bool attend_products(Emitter *p, DType t);              /* Target.print_row_products */
void attend_prelude_print(Emitter *p, Str *out);        /* declarations, for kernels */
void attend_body_print(Emitter *p, Str *out);
#endif
