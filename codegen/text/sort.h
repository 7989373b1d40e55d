/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of argsort. */
#ifndef GRADC_TEXT_SORT_H
#define GRADC_TEXT_SORT_H
#include "codegen/text/text.h"

/* Statements that make `key` of an element x: an unsigned `word`, of 64 bits for types of 8 bytes and else of 32. Keys
 * are in order as the elements are: NaN is last, the two zeros are equal. */
const char *sort_key_text(Ctx *c, DType t, const char *word);
#endif
