/* SPDX-License-Identifier: Apache-2.0 */
/* The element-wise rows for each class of storage: in[0..2] and out are operands 0..3 of the walk. */
#ifndef GRADC_INTERP_ELEM_H
#define GRADC_INTERP_ELEM_H
#include "interp.h"

typedef void ElemRows(Op op, Walk *w, const Val *const *in, Val *out);
ElemRows elem_rows_f32, elem_rows_f64, elem_rows_signed, elem_rows_unsigned;
#endif
