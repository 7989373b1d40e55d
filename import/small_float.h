/* SPDX-License-Identifier: Apache-2.0 */
/* Floats of 8 and 4 bits: programs carry their codes as u8. They are moved, and converted from and to other floats. */
#ifndef GRADC_SMALL_FLOAT_H
#define GRADC_SMALL_FLOAT_H
#include "import/import.h"

bool is_small_float(int type);
double small_float_number(int type, unsigned code);
/* Operand x, codes of the type, as f32; x, floats, as codes. round: of FLOAT8E8M0, "up", "down" or "nearest". */
const char *small_float_decode(Oper *o, int type, const char *x);
const char *small_float_encode(Oper *o, int type, const char *x, bool saturate, const char *round);
#endif
