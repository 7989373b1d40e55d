/* SPDX-License-Identifier: Apache-2.0 */
/* Texts with operands and attributes in them. */
#ifndef GRADC_IMPORT_TEMPLATE_H
#define GRADC_IMPORT_TEMPLATE_H
#include "import/import.h"

const char *op_num(Oper *o, double v); /* of an attribute, in parentheses if negative */
const char *op_template(Oper *o, const char *text);
void op_alias(Oper *o, int out, int in);           /* result `out` is operand `in` */
const char *op_channels(Oper *o, int i, int rank); /* operand i, a vector, along axis 1 of that rank */
#endif
