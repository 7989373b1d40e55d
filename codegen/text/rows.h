/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions that compute a row, whose text is that of a file of prim/. */
#ifndef GRADC_TEXT_ROWS_H
#define GRADC_TEXT_ROWS_H
#include "codegen/text/nest.h"

/* The section of the file for elements of type t, with texts in place of its vocabulary; printed once. */
void rows_section(Emitter *p, const char *file, const char *name, DType t);
/* The address of the row of this point: that of the access where the function's own axes are at 0. */
const char *rows_address(NestText *c, int buf, const Affine *at, const KRowOperand *x);
const char *rows_step(NestText *c, const Affine *at, int axis); /* the stride of one of the function's axes */
#endif
